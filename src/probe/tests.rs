//! The probe against servers that freeze, cut, flip and lie, in a memory network under a paused clock.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// What a server does with a request.
enum Act {
    /// Answers after a while.
    Answer(Duration, u16, String),
    /// Writes these bytes and closes.
    Raw(String),
    /// Never answers.
    Hang,
}

fn ok(body: &str) -> Act {
    Act::Answer(Duration::ZERO, 200, body.to_owned())
}

/// What most servers here do with the negative control: refuse it.
fn unless_control(path: &str, act: impl FnOnce() -> Act) -> Act {
    if path.contains("negative-control") {
        Act::Answer(Duration::ZERO, 404, "no such path".into())
    } else {
        act()
    }
}

struct World {
    network: Network,
    clock: Clock,
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl World {
    /// A server that closes a connection after it was idle for `keep`.
    async fn serving(
        keep: Duration,
        act: impl Fn(Duration, &str) -> Act + Send + Sync + 'static,
    ) -> Self {
        let network = Network::memory();
        let mut listener = network.listen(0).await.expect("a free port");
        let world = Self {
            port: listener.port(),
            network,
            clock: Clock::real(),
            connections: Arc::default(),
        };
        let (clock, connections) = (world.clock.clone(), Arc::clone(&world.connections));
        let act = Arc::new(act);
        tokio::spawn(async move {
            while let Ok(stream) = listener.accept().await {
                connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(converse(stream, clock.clone(), keep, Arc::clone(&act)));
            }
        });
        world
    }

    fn spec(&self) -> Spec {
        let base = Endpoint::parse(&format!("http://app:{}", self.port)).expect("a URL");
        Spec {
            rate_per_second: 100.0,
            timeout: Duration::from_secs(2),
            ..Spec::new(base, "/version")
        }
    }

    fn start(&self, spec: Spec) -> Running {
        Probe::start(&self.network, &self.clock, spec).expect("a good spec")
    }

    async fn run(&self, spec: Spec, seconds: u64) -> Evidence {
        let running = self.start(spec);
        self.clock.sleep_wall(Duration::from_secs(seconds)).await;
        running.stop().await.expect("no panic")
    }
}

async fn converse(
    mut stream: net_clock::Stream,
    clock: Clock,
    keep: Duration,
    act: Arc<impl Fn(Duration, &str) -> Act>,
) {
    let mut read = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let more = clock.within_wall(keep, stream.read(&mut chunk)).await;
        let Some(Ok(count @ 1..)) = more else { return };
        read.extend_from_slice(&chunk[..count]);
        if !read.ends_with(b"\r\n\r\n") {
            continue;
        }
        let head = String::from_utf8(std::mem::take(&mut read)).expect("text");
        let path = head.split(' ').nth(1).expect("a request line");
        match act(clock.wall(), path) {
            Act::Answer(after, status, body) => {
                clock.sleep_wall(after).await;
                let length = body.len();
                let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n");
                if stream.write_all((head + &body).as_bytes()).await.is_err() {
                    return;
                }
            }
            Act::Raw(bytes) => {
                let _ = stream.write_all(bytes.as_bytes()).await;
                return;
            }
            Act::Hang => std::future::pending().await,
        }
    }
}

const IDLE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_quiet_release_passes_and_every_scheduled_request_is_sent() {
    let world = World::serving(IDLE, |_, path| {
        unless_control(path, || ok(r#"{"version":"1"}"#))
    })
    .await;
    let evidence = world.run(world.spec(), 10).await;
    assert_eq!(judge(&evidence, Some("1")), Verdict::Passed);
    assert!(
        (2_000..=2_001).contains(&evidence.tally.sent),
        "{}",
        evidence.tally.sent
    );
    assert_eq!(evidence.tally.by_version["1"], evidence.tally.sent);
    assert_eq!(evidence.tally.by_status[&200], evidence.tally.sent);
    assert_eq!(evidence.tally.control_caught, evidence.tally.control_sent);
    assert!(evidence.lateness_p99 <= Duration::from_millis(1));
    let drawn = table(&evidence);
    assert!(
        drawn.contains("keep-alive") && drawn.contains("planted failures caught"),
        "{drawn}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_freezes_for_a_second_is_seen_to_by_every_request_that_was_due_in_it() {
    let (from, to) = (Duration::from_secs(5), Duration::from_secs(6));
    let world = World::serving(IDLE, move |now, path| {
        unless_control(path, || {
            let frozen = (from..to).contains(&now);
            let wait = if frozen { to - now } else { Duration::ZERO };
            Act::Answer(wait, 200, "1".into())
        })
    })
    .await;
    let evidence = world
        .run(
            Spec {
                rate_per_second: 500.0,
                ..world.spec()
            },
            10,
        )
        .await;
    assert_eq!(evidence.tally.failed, 0);
    assert!(
        (10_000..=10_001).contains(&evidence.tally.sent),
        "{}",
        evidence.tally.sent
    );
    // A tenth of the requests are due in the freeze, so the 99th percentile is 0.9 s into it and p95 0.5 s.
    let near =
        |latency: Duration, truth: u64| latency.as_millis().abs_diff(u128::from(truth)) <= 12;
    assert!(near(evidence.latency.p95, 500), "{:?}", evidence.latency);
    assert!(near(evidence.latency.p99, 900), "{:?}", evidence.latency);
    assert!(near(evidence.latency.max, 1_000), "{:?}", evidence.latency);
    assert!(
        near(evidence.longest_gap, 1_000),
        "{:?}",
        evidence.longest_gap
    );
    assert!(evidence.lanes[&Lane::KeepAlive].connections <= 100);
}

#[tokio::test(start_paused = true)]
async fn a_flip_shows_when_the_new_began_when_the_old_ended_and_what_answers_now() {
    let flip = Duration::from_secs(3);
    let world = World::serving(IDLE, move |now, path| {
        unless_control(path, || ok(if now < flip { "1" } else { "2" }))
    })
    .await;
    let running = world.start(world.spec());
    world.clock.sleep_wall(Duration::from_secs(6)).await;
    let since = running.tally_since(flip + Duration::from_millis(100));
    assert_eq!(since.by_version.keys().collect::<Vec<_>>(), ["2"]);
    assert!((570..=600).contains(&since.sent), "{}", since.sent);
    assert_eq!(running.tally().by_version.len(), 2);
    let evidence = running.stop().await.expect("no panic");
    let changeover = evidence.changeover("1", "2").expect("both answered");
    assert!(changeover.first_new >= flip && changeover.last_old < flip);
    assert_eq!(changeover.overlap, Duration::ZERO);
    assert_eq!(evidence.changeover("1", "3"), None);
    assert_eq!(judge(&evidence, Some("2")), Verdict::Passed);
    assert!(matches!(
        judge(&evidence, Some("1")),
        Verdict::Failed { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_failure_is_counted_with_its_class() {
    type Kind = (&'static str, fn() -> Act, ErrorClass);
    let kinds: [Kind; 8] = [
        ("cut", || Act::Raw(String::new()), ErrorClass::Closed),
        (
            "half",
            || Act::Raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n1".into()),
            ErrorClass::Closed,
        ),
        (
            "garbage",
            || Act::Raw("what?\r\n\r\n".into()),
            ErrorClass::Other,
        ),
        ("hang", || Act::Hang, ErrorClass::Timeout),
        (
            "502",
            || Act::Answer(Duration::ZERO, 502, "bad gateway".into()),
            ErrorClass::Status,
        ),
        (
            "302",
            || Act::Answer(Duration::ZERO, 302, "1".into()),
            ErrorClass::Status,
        ),
        ("empty", || ok("{}"), ErrorClass::Version),
        ("huge", || ok(&"1".repeat(100_000)), ErrorClass::Version),
    ];
    for (name, act, class) in kinds {
        let world = World::serving(IDLE, move |_, _| act()).await;
        let spec = Spec {
            rate_per_second: 10.0,
            ..world.spec()
        };
        let evidence = world.run(spec, 2).await;
        let tally = &evidence.tally;
        assert!(
            tally.sent >= 40 && tally.failed == tally.sent,
            "{name}: {tally:?}"
        );
        assert_eq!(
            tally.by_error.keys().collect::<Vec<_>>(),
            [&class],
            "{name}"
        );
        let first = tally.first_failure.as_ref().expect("a failure");
        assert_eq!(first.error, Some(class), "{name}");
        assert!(
            matches!(judge(&evidence, None), Verdict::Failed { .. }),
            "{name}"
        );
        assert_eq!(
            tally.control_caught, tally.control_sent,
            "{name}: it fails as well"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_that_nobody_listens_on_refuses() {
    let world = World::serving(IDLE, |_, _| ok("1")).await;
    let base = Endpoint::parse("http://app:1").expect("a URL");
    let evidence = world
        .run(
            Spec {
                base,
                ..world.spec()
            },
            1,
        )
        .await;
    assert_eq!(
        evidence.tally.by_error[&ErrorClass::Refused],
        evidence.tally.sent
    );
    assert_eq!(evidence.longest_gap, Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn slow_bytes_and_a_server_that_hangs_are_bounded_by_the_timeout() {
    let world = World::serving(IDLE, |_, _| Act::Hang).await;
    let before = world.clock.wall();
    let evidence = world.run(world.spec(), 10).await;
    let took = world.clock.wall() - before;
    assert!(
        took <= Duration::from_millis(12_010),
        "stopping took {took:?}"
    );
    assert!(
        (2_000..=2_001).contains(&evidence.tally.sent),
        "{}",
        evidence.tally.sent
    );
    assert_eq!(evidence.tally.failed, evidence.tally.sent);
    let longest = evidence.lanes[&Lane::Fresh].max;
    assert!(
        longest <= Duration::from_millis(4_100),
        "the queue is as short as the timeout: {longest:?}"
    );
    assert!(world.connections.load(Ordering::Relaxed) < 700);
}

#[tokio::test(start_paused = true)]
async fn a_control_that_fails_to_fail_leaves_the_verdict_unproven() {
    let world = World::serving(IDLE, |_, _| ok("1")).await;
    let evidence = world.run(world.spec(), 3).await;
    assert_eq!(evidence.tally.failed, 0);
    let Verdict::Unproven { reasons } = judge(&evidence, Some("1")) else {
        panic!("an app that answers every path alike proves nothing");
    };
    assert!(reasons[0].contains("had to fail did not"), "{reasons:?}");
    let off = world
        .run(
            Spec {
                control: false,
                ..world.spec()
            },
            3,
        )
        .await;
    assert!(matches!(judge(&off, None), Verdict::Unproven { .. }));
}

#[tokio::test(start_paused = true)]
async fn no_sample_is_no_pass() {
    let world = World::serving(IDLE, |_, path| unless_control(path, || ok("1"))).await;
    let spec = Spec {
        rate_per_second: 2.0,
        ..world.spec()
    };
    let evidence = world.run(spec, 1).await;
    assert_eq!(evidence.tally.failed, 0);
    assert!(matches!(
        judge(&evidence, Some("1")),
        Verdict::Unproven { .. }
    ));
    let running = world.start(world.spec());
    let evidence = running.stop().await.expect("no panic");
    assert!(matches!(judge(&evidence, None), Verdict::Unproven { .. }));
}

#[tokio::test(start_paused = true)]
async fn keep_alive_keeps_its_connections_and_fresh_does_not() {
    let world = World::serving(IDLE, |_, path| unless_control(path, || ok("1"))).await;
    let evidence = world.run(world.spec(), 5).await;
    let [fresh, kept] = [Lane::Fresh, Lane::KeepAlive].map(|lane| evidence.lanes[&lane].clone());
    assert_eq!(fresh.connections, fresh.sent);
    assert!(kept.sent >= 500 && kept.connections <= 40, "{kept:?}");
    let all = fresh.connections + kept.connections + evidence.tally.control_sent;
    assert_eq!(world.connections.load(Ordering::Relaxed) as u64, all);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_that_the_server_closed_is_replaced_silently() {
    let keep = Duration::from_millis(50);
    let world = World::serving(keep, |_, path| unless_control(path, || ok("1"))).await;
    let evidence = world
        .run(
            Spec {
                rate_per_second: 10.0,
                ..world.spec()
            },
            5,
        )
        .await;
    assert_eq!(judge(&evidence, Some("1")), Verdict::Passed);
    let kept = &evidence.lanes[&Lane::KeepAlive];
    assert_eq!(
        kept.connections, kept.sent,
        "each was closed before its second request"
    );
}

#[tokio::test(start_paused = true)]
async fn a_kept_connection_that_is_closed_with_a_request_on_it_is_a_failure() {
    let cut = Duration::from_secs(2);
    let world = World::serving(IDLE, move |now, path| {
        unless_control(path, || match now < cut {
            true => ok("1"),
            false => Act::Raw(String::new()),
        })
    })
    .await;
    let evidence = world.run(world.spec(), 3).await;
    let kept = &evidence.lanes[&Lane::KeepAlive];
    assert!((98..=101).contains(&kept.failed), "{kept:?}");
    assert_eq!(
        evidence.tally.by_error.keys().collect::<Vec<_>>(),
        [&ErrorClass::Closed]
    );
}

#[tokio::test(start_paused = true)]
async fn long_requests_run_beside_the_others_and_the_probes_end_does_not_fail_them() {
    let world = World::serving(IDLE, |_, path| {
        unless_control(path, || match path {
            "/slow" => Act::Answer(Duration::from_secs(4), 200, "x".repeat(100_000)),
            _ => ok("1"),
        })
    })
    .await;
    let long_path = Some("/slow".to_owned());
    let evidence = world
        .run(
            Spec {
                long_path,
                ..world.spec()
            },
            9,
        )
        .await;
    let long = &evidence.lanes[&Lane::Long];
    assert_eq!(
        (long.sent, long.failed, long.unfinished),
        (4, 0, 2),
        "{long:?}"
    );
    assert_eq!(judge(&evidence, Some("1")), Verdict::Passed);
}

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
