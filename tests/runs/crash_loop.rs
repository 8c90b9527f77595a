//! A service that ends by itself is known long before the time for becoming healthy is up; one that is only slow is waited
//! for; and no instance of a good release is asked anything.

use std::time::Duration;

use bg_deploy::cause::{Cause, Exit, Reason};
use bg_deploy::config::Config;
use bg_deploy::deploy::{Finished, deploy};
use bg_deploy::outcome::Outcome;
use bg_deploy::run::context::Context;
use bg_deploy::run::event::Event;
use local_aws::sample_app::{AppFault, Settings};
use local_aws::{Answer, Fault};

use crate::support::{World, assert_deployed, story};

/// The config that releases a sample app with these settings as 0.0.2.
fn config_of(world: &World, settings: Settings) -> Config {
    world.config_with(Settings {
        version: "0.0.2".to_owned(),
        ..settings
    })
}

/// When a step began or failed, since the run began.
fn at(cx: &Context, is_it: impl Fn(&Event) -> bool) -> Duration {
    let events = cx.events.all();
    let found = events.iter().find(|stamped| is_it(&stamped.event));
    found.map_or_else(|| panic!("{}", story(cx)), |stamped| stamped.at)
}

/// How long `await healthy` waited before it failed.
fn waited(cx: &Context) -> Duration {
    let is_ours = |step: &str| step == "await healthy";
    let began = at(
        cx,
        |event| matches!(event, Event::StepBegan { step, .. } if is_ours(step)),
    );
    let failed = at(
        cx,
        |event| matches!(event, Event::StepFailed { step, .. } if is_ours(step)),
    );
    failed - began
}

fn cause(finished: &Finished, cx: &Context) -> Cause {
    match &finished.outcome {
        Outcome::RolledBack { step, cause, .. } if step == "await healthy" => cause.clone(),
        other => panic!("{other:#?}\n{}", story(cx)),
    }
}

/// The last lines in the report, of each instance.
fn tails(cx: &Context) -> Vec<String> {
    let events = cx.events.all().into_iter();
    let tails = events.filter_map(|stamped| match stamped.event {
        Event::CandidateLog { tail, .. } => Some(tail),
        _ => None,
    });
    tails.collect()
}

/// When the deployer made each call of this name from then on.
fn calls(world: &World, operation: &str, since: Duration) -> Vec<Duration> {
    let calls = world.cloud.ledger().calls.into_iter();
    let ours = calls.filter(|call| call.at >= since && call.key == "AKIDTEST");
    let named = ours.filter(|call| call.operation == operation);
    named.map(|call| call.at).collect()
}

/// When it sent each command to an instance from then on.
fn commands(world: &World, since: Duration) -> Vec<Duration> {
    calls(world, "SendCommand", since)
}

/// When the last of these became so.
fn milestone(world: &World, what: &str) -> Duration {
    let milestones = world.cloud.ledger().milestones.into_iter();
    let those = milestones.filter(|milestone| milestone.what == what);
    those.map(|milestone| milestone.at).max().expect(what)
}

#[tokio::test(start_paused = true)]
async fn a_service_that_ends_at_once_is_known_within_90_s_of_its_instance_being_in_service() {
    let world = World::with_a_release().await;
    let begun = world.cloud.account().now();
    let config = world.config("0.0.2", Some(AppFault::CrashOnStart));
    let (finished, cx) = world.deploy(&config).await;
    let cause = cause(&finished, &cx);
    assert_eq!(cause.reason, Some(Reason::ServiceEnds(Exit::Status(1))));
    let in_service = milestone(&world, "in service") - begun;
    let failed = at(&cx, |event| matches!(event, Event::StepFailed { .. }));
    let known = failed.saturating_sub(in_service);
    // 45 to 72 s, as its agent comes sooner or later.
    assert!(known < Duration::from_secs(90), "{known:?}\n{}", story(&cx));
    let tails = tails(&cx);
    let tells = |tail: &String| {
        let words = [
            "0.0.2 cannot start: nothing is at",
            "code=exited, status=1/FAILURE",
        ];
        words.iter().all(|word| tail.contains(word))
    };
    assert!(tails.iter().any(tells), "{tails:?}");
    // Two questions, and the last words of both.
    assert_eq!(commands(&world, begun).len(), 4, "{}", story(&cx));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_ends_after_half_a_minute_is_known_though_it_runs_when_it_is_asked() {
    let world = World::with_a_release().await;
    let begun = world.cloud.account().now();
    let config = config_of(
        &world,
        Settings {
            give_up_after_ms: 30_000,
            ..Settings::default()
        },
    );
    let (finished, cx) = world.deploy(&config).await;
    let cause = cause(&finished, &cx);
    assert_eq!(cause.reason, Some(Reason::ServiceEnds(Exit::Status(1))));
    assert!(cause.words.contains("exit status 1, restarted "), "{cause}");
    assert!(waited(&cx) < Duration::from_secs(175), "{}", story(&cx));
    let asked = commands(&world, begun);
    assert!((5..=7).contains(&asked.len()), "{asked:?}");
    assert!(tails(&cx)[0].contains("gives up"), "{:?}", tails(&cx));
}

#[tokio::test(start_paused = true)]
async fn a_start_of_a_minute_is_asked_about_and_not_taken_for_a_crash() {
    let world = World::with_a_release().await;
    let begun = world.cloud.account().now();
    let config = config_of(
        &world,
        Settings {
            fault: Some(AppFault::SlowStart),
            start_after_ms: 60_000,
            ..Settings::default()
        },
    );
    let (finished, cx) = world.deploy(&config).await;
    assert_deployed(&finished, &cx);
    let asked = commands(&world, begun);
    assert!((1..=3).contains(&asked.len()), "{asked:?}\n{}", story(&cx));
}

#[tokio::test(start_paused = true)]
async fn no_instance_of_a_good_release_is_sent_a_command() {
    for seed in 1..=3 {
        let world = World::seeded_with_a_release(seed).await;
        let begun = world.cloud.account().now();
        let (finished, cx) = world.deploy(&world.config("0.0.2", None)).await;
        assert_deployed(&finished, &cx);
        let looked = calls(&world, "DescribeInstanceInformation", begun);
        let asked = commands(&world, begun);
        // A start of more than half a minute costs a look for an agent.
        assert!(looked.len() <= 2, "{seed}: {looked:?}\n{}", story(&cx));
        assert!(asked.is_empty(), "{seed}: {asked:?}\n{}", story(&cx));
    }
}

#[tokio::test(start_paused = true)]
async fn who_may_not_ask_or_gets_no_answer_waits_as_long_as_ever() {
    let denied = || {
        let words = "not authorized to perform it".to_owned();
        Answer::Refuse("AccessDeniedException".to_owned(), 400, words)
    };
    let hangs = || Answer::Delay(Duration::from_secs(3600));
    for (operation, answer, most) in [
        ("SendCommand", denied(), 3),
        ("DescribeInstanceInformation", denied(), 2),
        ("SendCommand", hangs(), 10),
        ("GetCommandInvocation", hangs(), 10),
    ] {
        let world = World::with_a_release().await;
        let begun = world.cloud.account().now();
        let what = format!("{operation} {answer:?}");
        let config = world.config("0.0.2", Some(AppFault::CrashOnStart));
        let (prepared, plan) = world.plan(&config).await;
        let cx = world.context().await;
        let cloud = world.cloud.clone();
        cx.events.listen(move |stamped| match &stamped.event {
            Event::StepBegan { step, .. } if step == "await healthy" => {
                cloud.inject(Fault::on("ssm", operation, answer.clone()).for_ever());
            }
            _ => {}
        });
        let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
        world.cloud.lift_faults();
        let cause = cause(&finished, &cx);
        assert_eq!(cause.reason, Some(Reason::HealthRefused), "{what}: {cause}");
        let waited = waited(&cx);
        let bounds = Duration::from_secs(180)..Duration::from_secs(190);
        assert!(bounds.contains(&waited), "{what}: {waited:?}");
        let asked = commands(&world, begun);
        assert!(asked.len() <= most, "{what}: {asked:?}");
    }
}
