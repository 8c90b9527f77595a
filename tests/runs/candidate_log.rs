//! Why a candidate failed, told before it is gone: by itself, by its console, or not at all, and never at the traffic's cost.

use std::time::Duration;

use bg_deploy::config::Config;
use bg_deploy::deploy::{Finished, deploy};
use bg_deploy::outcome::Outcome;
use bg_deploy::report::{self, Run};
use bg_deploy::run::context::Context;
use bg_deploy::run::event::{Event, LogSource};
use bg_deploy::steps::candidate_log::TOGETHER;
use local_aws::sample_app::AppFault;
use local_aws::{Answer, Fault};

use crate::support::{World, story};

/// What the sample app writes when it cannot start.
const LAST_LINE: &str = "0.0.2 cannot start: nothing is at DATABASE_URL";

/// An instance's last words: service, source, tail.
type Said = (String, LogSource, String);

fn said(cx: &Context) -> Vec<Said> {
    let events = cx.events.all().into_iter();
    let said = events.filter_map(|stamped| match stamped.event {
        Event::CandidateLog {
            service,
            source,
            tail,
            ..
        } => Some((service, source, tail)),
        _ => None,
    });
    said.collect()
}

fn notes(cx: &Context) -> Vec<String> {
    let events = cx.events.all().into_iter();
    let notes = events.filter_map(|stamped| match stamped.event {
        Event::Note { text } => Some(text),
        _ => None,
    });
    notes.collect()
}

/// How long after the failure it was given up to ask, which was said once.
fn held_up(cx: &Context) -> Duration {
    let events = cx.events.all();
    let failed = |event: &Event| matches!(event, Event::StepFailed { .. });
    let given_up = |event: &Event| matches!(event, Event::Note { text } if text.contains("why the candidate failed could not be asked"));
    let given_up: Vec<_> = events.iter().filter(|it| given_up(&it.event)).collect();
    assert_eq!(given_up.len(), 1, "{}", story(cx));
    let failed = events
        .iter()
        .find(|it| failed(&it.event))
        .expect("it failed");
    given_up[0].at - failed.at
}

/// When the deployer made each call of this name from then on, on the account's clock.
fn calls(world: &World, operation: &str, since: Duration) -> Vec<Duration> {
    let calls = world.cloud.ledger().calls.into_iter();
    let ours = calls.filter(|call| call.at >= since && call.key == "AKIDTEST");
    let named = ours.filter(|call| call.operation == operation);
    named.map(|call| call.at).collect()
}

fn assert_rolled_back_from(finished: &Finished, at: &str, cx: &Context) {
    match &finished.outcome {
        Outcome::RolledBack {
            step, leftovers, ..
        } => {
            assert_eq!(
                (step.as_str(), leftovers.as_slice()),
                (at, &[][..]),
                "{}",
                story(cx)
            );
        }
        other => panic!("{other:#?}\n{}", story(cx)),
    }
}

/// What is told of the run, each form by itself.
fn told(finished: &Finished, cx: &Context) -> [String; 4] {
    let (events, calls) = (cx.events.all(), cx.aws.calls());
    let run = Run {
        events: &events,
        outcome: &finished.outcome,
        evidence: finished.evidence.as_ref(),
        verdict: finished.verdict.as_ref(),
        before: Duration::ZERO,
        speed: 1.0,
        lb_counts: None,
        url: None,
        live_url: None,
        calls: &calls,
    };
    [
        report::markdown(&run),
        report::comment(&run, "<!-- marker -->"),
        report::html(&run),
        report::failure_text(&run),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_release_that_crashes_when_it_is_started_is_told_with_its_last_line_and_exit_status() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", Some(AppFault::CrashOnStart));
    let (finished, cx) = world.deploy(&config).await;
    assert_rolled_back_from(&finished, "await healthy", &cx);
    let said = said(&cx);
    assert_eq!(said.len(), 2, "{}", story(&cx));
    // The other's agent may not be there yet: its console is shown.
    let journals: Vec<_> = said
        .into_iter()
        .filter(|(_, source, _)| *source == LogSource::Journal)
        .collect();
    assert!(!journals.is_empty(), "{}", story(&cx));
    for (service, _, tail) in journals {
        assert!(service.contains("exit status 1, restarted "), "{service}");
        assert!(tail.contains(LAST_LINE), "{tail}");
        assert!(tail.contains("systemd[1]: hello.service: Main process exited, code=exited"));
        assert!(tail.lines().count() <= 50, "{tail}");
    }
    for text in told(&finished, &cx) {
        assert!(
            text.contains(LAST_LINE) && text.contains("exit status 1"),
            "{text}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn of_an_instance_without_an_agent_the_console_is_shown() {
    let world = World::with_a_release().await;
    // From now on instances boot with a role that lets no agent register.
    let role = "bgd-hello-test-instance";
    {
        let mut account = world.cloud.account();
        let role = account
            .iam
            .roles
            .get_mut(role)
            .expect("the instances' role");
        role.attached.clear();
        role.inline.clear();
    }
    let config = world.config("0.0.2", Some(AppFault::Unhealthy));
    let (finished, cx) = world.deploy(&config).await;
    assert_rolled_back_from(&finished, "await healthy", &cx);
    let said = said(&cx);
    assert_eq!(said.len(), 2, "{}", story(&cx));
    for (service, source, tail) in said {
        assert_eq!((service.as_str(), source), ("", LogSource::Console));
        assert!(tail.contains("Started hello.service"), "{tail}");
    }
    let notes = notes(&cx);
    let why = notes
        .iter()
        .any(|note| note.contains("its console is shown instead"));
    assert!(why, "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_asked_is_one_note_and_holds_undoing_up_no_longer_than_its_bound() {
    let world = World::with_a_release().await;
    for hangs in [
        ["SendCommand", "GetConsoleOutput"],
        ["GetCommandInvocation", "GetConsoleOutput"],
    ] {
        let config = world.config("0.0.2", Some(AppFault::Unhealthy));
        let (prepared, plan) = world.plan(&config).await;
        let cx = world.context().await;
        let cloud = world.cloud.clone();
        cx.events.listen(move |stamped| {
            if matches!(stamped.event, Event::StepFailed { .. }) {
                for (service, operation) in ["ssm", "ec2"].into_iter().zip(hangs) {
                    let answer = Answer::Delay(Duration::from_secs(3600));
                    cloud.inject(Fault::on(service, operation, answer).for_ever());
                }
            }
        });
        let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
        world.cloud.lift_faults();
        assert_rolled_back_from(&finished, "await healthy", &cx);
        assert_eq!(said(&cx), []);
        let held_up = held_up(&cx);
        assert!(held_up <= TOGETHER + Duration::from_secs(2), "{held_up:?}");
        assert!(held_up >= TOGETHER - Duration::from_secs(2), "{held_up:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_traffic_is_restored_and_seen_to_be_before_anything_is_asked() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", Some(AppFault::ErrorsAfterShift));
    let begun = world.cloud.account().now();
    let (finished, cx) = world.deploy(&config).await;
    let Outcome::RolledBack {
        traffic_moved: true,
        ..
    } = &finished.outcome
    else {
        panic!("{:#?}", finished.outcome);
    };
    let events: Vec<_> = cx
        .events
        .all()
        .into_iter()
        .map(|stamped| stamped.event)
        .collect();
    let at = |wanted: &dyn Fn(&Event) -> bool| events.iter().position(wanted).expect("it happened");
    let restored =
        at(&|event| matches!(event, Event::Undone { step, .. } if step == "shift traffic"));
    let told = at(&|event| matches!(event, Event::CandidateLog { .. }));
    let emptied =
        at(&|event| matches!(event, Event::Undone { step, .. } if step == "scale up idle group"));
    assert!(restored < told && told < emptied, "{}", story(&cx));
    // In AWS itself: first the weights, then the questions, then the end of those who are asked.
    let asked = calls(&world, "SendCommand", begun);
    let weights = calls(&world, "ModifyRule", begun);
    assert_eq!(asked.len(), 2);
    assert!(
        weights.iter().all(|at| *at < asked[0]),
        "{weights:?} {asked:?}"
    );
    let sizes = calls(&world, "UpdateAutoScalingGroup", begun);
    assert!(sizes.last() > asked.last(), "{sizes:?} {asked:?}");
    assert!(said(&cx)[0].2.contains(": 500"), "{:?}", said(&cx));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cancelled_asks_nobody() {
    let world = World::with_a_release().await;
    let begun = world.cloud.account().now();
    for step in ["await healthy", "smoke test", "soak"] {
        let config = world.config("0.0.2", None);
        let (finished, cx) = run(&world, &config, |cx| {
            let cancel = cx.cancel.clone();
            cx.events.listen(move |stamped| {
                if matches!(&stamped.event, Event::StepBegan { step: began, .. } if began == step) {
                    cancel.cancel();
                }
            });
        })
        .await;
        assert!(
            matches!(finished.outcome, Outcome::Cancelled { .. }),
            "{}",
            story(&cx)
        );
    }
    for asking in ["SendCommand", "GetConsoleOutput"] {
        let asked = calls(&world, asking, begun);
        assert!(asked.is_empty(), "{asking}: {asked:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_ends_the_asking_at_once_and_the_run_has_failed_all_the_same() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", Some(AppFault::Unhealthy));
    let (finished, cx) = run(&world, &config, |cx| {
        let (cancel, clock) = (cx.cancel.clone(), cx.clock.clone());
        let cloud = world.cloud.clone();
        cx.events.listen(move |stamped| {
            if matches!(stamped.event, Event::StepFailed { .. }) {
                let hang = Answer::Delay(Duration::from_secs(3600));
                cloud.inject(Fault::on("ssm", "SendCommand", hang).for_ever());
                let (cancel, clock) = (cancel.clone(), clock.clone());
                tokio::spawn(async move {
                    clock.sleep(Duration::from_secs(5)).await;
                    cancel.cancel();
                });
            }
        });
    })
    .await;
    assert_rolled_back_from(&finished, "await healthy", &cx);
    let held_up = held_up(&cx);
    assert!(held_up < Duration::from_secs(7), "{held_up:?}");
}

/// Carries out a release; `set` is told the context before anything begins.
async fn run(world: &World, config: &Config, set: impl Fn(&Context)) -> (Finished, Context) {
    let (prepared, plan) = world.plan(config).await;
    let cx = world.context().await;
    set(&cx);
    let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
    (finished, cx)
}
