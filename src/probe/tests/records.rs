//! What the probe writes down and gives away: ledger, evidence, verdict.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_ledger_has_a_line_for_every_request_and_hostile_text_cannot_break_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.jsonl");
    let hostile = "1\u{1b}[2J\n{\"lane\":\u{202e}";
    let world = World::serving(IDLE, move |_, path| unless_control(path, || ok(hostile))).await;
    let spec = Spec {
        ledger: Some(path.clone()),
        ..world.spec()
    };
    let evidence = world.run(spec, 3).await;
    assert_eq!(evidence.ledger_error, None);
    let text = std::fs::read_to_string(&path).expect("the ledger");
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    let tally = &evidence.tally;
    assert_eq!(lines.len() as u64, tally.sent + tally.control_sent);
    let version = lines.iter().find_map(|line| line["version"].as_str());
    assert_eq!(version, Some("1\u{fffd}[2J\u{fffd}{\"lane\":\u{fffd}"));
    assert!(!table(&evidence).contains('\u{1b}'));
}

#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn a_full_disk_does_not_stop_the_probe() {
    let world = World::serving(IDLE, |_, path| unless_control(path, || ok("1"))).await;
    let spec = Spec {
        ledger: Some("/dev/full".into()),
        ..world.spec()
    };
    let evidence = world.run(spec, 3).await;
    assert!(evidence.ledger_error.is_some());
    assert_eq!(judge(&evidence, Some("1")), Verdict::Passed);
}

#[tokio::test(start_paused = true)]
async fn evidence_and_verdict_serialise_with_units_in_the_keys() {
    let world = World::serving(IDLE, |_, path| unless_control(path, || ok("1"))).await;
    let evidence = world.run(world.spec(), 1).await;
    let json = serde_json::to_value(&evidence).expect("JSON");
    assert!(json["tally"]["by_status"]["200"].is_number());
    assert!(json["lanes"]["keep-alive"]["p99_ms"].is_number());
    assert!(json["first_seen_ms"]["1"].is_number());
    let verdict = serde_json::to_value(judge(&evidence, Some("2"))).expect("JSON");
    assert!(verdict["failed"]["reasons"].is_array(), "{verdict}");
}
