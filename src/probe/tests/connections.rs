//! Which connections the probe opens, keeps and replaces, and its long requests.

use super::*;

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
