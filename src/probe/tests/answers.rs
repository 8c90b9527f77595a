//! What the probe makes of good answers, wrong ones, late ones and none.

use super::*;

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
async fn a_service_that_takes_seconds_to_answer_is_measured_and_no_request_waits_for_a_connection()
{
    let world = World::serving(IDLE, |_, path| {
        unless_control(path, || {
            Act::Answer(Duration::from_secs(4), 200, "1".into())
        })
    })
    .await;
    let spec = Spec {
        rate_per_second: 10.0,
        timeout: Duration::from_secs(5),
        slow_beyond: Some(Duration::from_secs(2)),
        ..world.spec()
    };
    let evidence = world.run(spec, 20).await;
    assert_eq!(evidence.tally.failed, 0, "{:?}", evidence.tally);
    assert_eq!(evidence.tally.slow_by_version, evidence.tally.by_version);
    let longest = evidence.latency.max;
    assert!(longest < Duration::from_millis(4_050), "{longest:?}");
    // As many as it takes: ten a second, for four seconds each.
    let connections = evidence.lanes[&Lane::KeepAlive].connections;
    assert!((40..=44).contains(&connections), "{connections}");
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
    // A hundred for each lane of visitors, anew when their time is over.
    assert!(world.connections.load(Ordering::Relaxed) < 1_300);
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
