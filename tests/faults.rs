//! Releases that are broken, each in its own way: the outcome is right, the cause names the reason, and what is found
//! before the shift costs no visitor a request.

mod support;

use std::time::Duration;

use bg_deploy::config::Config;
use bg_deploy::deploy::Finished;
use bg_deploy::outcome::Outcome;
use bg_deploy::run::context::Context;
use local_aws::Fault;
use local_aws::sample_app::{AppFault, Settings, write_artifact};
use support::standing::{Standing, assert_untouched};
use support::{World, assert_deployed, story};

/// Releases `config` after 0.0.1; it has to be rolled back at `step`, with all these `words` in the cause.
async fn assert_rolled_back(
    world: &World,
    config: &Config,
    step: &str,
    words: &[&str],
) -> (Finished, Context) {
    let (_, plan) = world.plan(config).await;
    let before = Standing::look(world, &plan).await;
    let (finished, cx) = world.deploy(config).await;
    world.cloud.lift_faults();
    let Outcome::RolledBack {
        step: failed,
        cause,
        leftovers,
        ..
    } = &finished.outcome
    else {
        panic!("{:#?}\n{}", finished.outcome, story(&cx));
    };
    assert_eq!(failed, step, "{cause}");
    for word in words {
        assert!(cause.contains(word), "no {word} in: {cause}");
    }
    assert_eq!(leftovers, &[]);
    assert_untouched(world, &plan, &before, step).await;
    (finished, cx)
}

/// A fault of the app that is found before anything moves.
async fn found_before_the_shift(fault: AppFault, step: &str, words: &[&str]) {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", Some(fault));
    let visitors = Visitors::come(&world).await;
    let (finished, _) = assert_rolled_back(&world, &config, step, words).await;
    if let Some(evidence) = finished.evidence {
        assert_eq!(evidence.tally.failed, 0);
    }
    visitors.assert_nobody_noticed().await;
}

/// A visitor a second, from before a run until after it.
struct Visitors {
    stop: tokio_util::sync::CancellationToken,
    asking: tokio::task::JoinHandle<Vec<String>>,
}

impl Visitors {
    async fn come(world: &World) -> Self {
        use bg_deploy::probe::Endpoint;
        use bg_deploy::probe::ask::{Question, ask};
        let (_, plan) = world.plan(&world.config("any", None)).await;
        let endpoint = Endpoint::parse(&plan.url).expect("a URL");
        let (network, clock) = (world.network.clone(), world.clock.clone());
        let stop = tokio_util::sync::CancellationToken::new();
        let stopped = stop.clone();
        let asking = tokio::spawn(async move {
            let mut answers = Vec::new();
            let question = Question::get("/version");
            let timeout = Duration::from_secs(5);
            while !stopped.is_cancelled() {
                let answer = ask(&network, &clock, &endpoint, &question, timeout).await;
                answers.push(match answer.and_then(|reply| reply.version(None)) {
                    Ok(version) => version,
                    Err(error) => format!("{error:#}"),
                });
                clock.sleep(Duration::from_secs(1)).await;
            }
            answers
        });
        Self { stop, asking }
    }

    async fn assert_nobody_noticed(self) {
        self.stop.cancel();
        let answers = self.asking.await.expect("answers");
        assert!(answers.len() > 60, "{} answers", answers.len());
        assert!(
            answers.iter().all(|answer| answer == "0.0.1"),
            "{answers:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_unhealthy_release_gets_no_traffic() {
    let words = ["healthy", "500"];
    found_before_the_shift(AppFault::Unhealthy, "await healthy", &words).await;
}

#[tokio::test(start_paused = true)]
async fn a_release_that_answers_another_version_gets_no_traffic() {
    found_before_the_shift(
        AppFault::WrongVersion,
        "probe version",
        &["are 0.0.2", "/version"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_release_that_crashes_when_it_is_started_gets_no_traffic() {
    let words = ["the candidate becoming healthy", "unhealthy"];
    found_before_the_shift(AppFault::CrashOnStart, "await healthy", &words).await;
}

#[tokio::test(start_paused = true)]
async fn errors_under_traffic_bring_the_previous_release_back() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", Some(AppFault::ErrorsAfterShift));
    let (_, plan) = world.plan(&config).await;
    let before = Standing::look(&world, &plan).await;
    let (finished, cx) = world.deploy(&config).await;
    let Outcome::RolledBack {
        step,
        cause,
        traffic_moved: true,
        leftovers,
        ..
    } = &finished.outcome
    else {
        panic!("{:#?}\n{}", finished.outcome, story(&cx));
    };
    assert!(["shift traffic", "soak"].contains(&step.as_str()), "{step}");
    assert!(cause.contains("requests to live traffic failed"), "{cause}");
    assert!(cause.contains("500"), "{cause}");
    assert_eq!(leftovers, &[]);
    assert_untouched(&world, &plan, &before, "errors").await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_start_is_waited_for() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", None);
    let settings = Settings {
        version: "0.0.2".to_owned(),
        fault: Some(AppFault::SlowStart),
        start_after_ms: 60_000,
        ..Settings::default()
    };
    let program = std::path::Path::new("/bin/false");
    write_artifact(&config.service.artifact, program, &settings).expect("an artifact");
    let (finished, cx) = world.deploy(&config).await;
    assert_deployed(&finished, &cx);
    assert_eq!(finished.evidence.expect("the probe ran").tally.failed, 0);
}

#[tokio::test(start_paused = true)]
async fn no_capacity_is_told_in_aws_s_words() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", None);
    let visitors = Visitors::come(&world).await;
    world.cloud.inject(Fault::no_capacity());
    assert_rolled_back(
        &world,
        &config,
        "scale up idle group",
        &["capacity", "t3.micro"],
    )
    .await;
    visitors.assert_nobody_noticed().await;
}

#[tokio::test(start_paused = true)]
async fn a_failing_bake_script_is_told_with_the_end_of_its_log() {
    let world = World::with_a_release().await;
    let mut config = world.config("0.0.2", None);
    let script = world.folder.path().join("bake.sh");
    let text = "#!/bin/sh\necho 'error: libfoo 2.3 is not to be had' >&2\nexit 3\n";
    std::fs::write(&script, text).expect("a script");
    config.bake.script = Some(script);
    let visitors = Visitors::come(&world).await;
    let words = ["the builder's script failed", "libfoo 2.3 is not to be had"];
    assert_rolled_back(&world, &config, "bake image", &words).await;
    visitors.assert_nobody_noticed().await;
}
