//! A colour that no rule leads to, and that is used all the same: its target group's own count of requests tells, and nobody's
//! instances are taken away.

use std::time::Duration;

use bg_deploy::aws::elbv2::{self, PreviewRule};
use bg_deploy::cause::Reason;
use bg_deploy::names::{PREVIEW_HEADER, Release};
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::Plan;
use bg_deploy::run::context::Context;
use bg_deploy::run::event::Event;
use local_aws::{Answer, Fault};

use crate::doctor::{consult, preview_rule};
use crate::other_hands::{began, capacity, deploy_while};
use crate::support::{World, assert_deployed, story};
use crate::visitor::Visitor;

const SECRET: &str = "known";
const STEP: &str = "clear idle group";

/// Has the preview rule lead to the retained colour, for everybody who sends this secret: a look at the rules takes it for a
/// route that nobody knows.
async fn lead_by_the_preview_route(world: &World, plan: &Plan) {
    let cx = world.context().await;
    let rule = PreviewRule::new(&preview_rule(world).await);
    let held = cx.held().await.expect("a lease");
    let (header, groups) = ((PREVIEW_HEADER, SECRET), &plan.target_groups);
    elbv2::write_preview(&cx.aws, held, &rule, header, groups, plan.idle)
        .await
        .expect("a route");
    drop(cx);
    world.free().await;
    // The last node has learnt of it.
    world.clock.sleep(Duration::from_secs(60)).await;
}

/// Why the step waited.
fn waits(cx: &Context) -> Vec<String> {
    let waits = cx
        .events
        .all()
        .into_iter()
        .filter_map(|one| match one.event {
            Event::Waiting { step, reason } if step == STEP => Some(reason),
            _ => None,
        });
    waits.collect()
}

fn notes(cx: &Context) -> Vec<String> {
    let notes = cx
        .events
        .all()
        .into_iter()
        .filter_map(|one| match one.event {
            Event::Note { text } => Some(text),
            _ => None,
        });
    notes.filter(|text| text.contains("requests")).collect()
}

/// How often AWS was asked how many requests there are.
fn asked(world: &World) -> usize {
    let account = world.cloud.account();
    let calls = account.calls.iter();
    calls
        .filter(|call| call.operation == "GetMetricData")
        .count()
}

/// What `doctor` says of the idle colour's requests.
async fn found_of_idle(world: &World) -> Vec<String> {
    let found = consult(world, &world.config("0.0.3", None)).await;
    let of_idle = found.into_iter().filter(|one| one.what == "idle-answers");
    of_idle.map(|one| one.seen).collect()
}

#[tokio::test(start_paused = true)]
async fn a_colour_that_answers_by_a_route_in_no_rule_is_found_and_one_that_had_visitors_until_its_release_is_not()
 {
    let world = World::with_a_previous().await;
    let (_, plan) = world.plan(&world.config("0.0.3", None)).await;
    for _ in 0..4 {
        assert_eq!(found_of_idle(&world).await, [""; 0]);
        world.clock.sleep(Duration::from_secs(60)).await;
    }
    lead_by_the_preview_route(&world, &plan).await;
    let hidden = Visitor::of(&world, &plan.url).knowing(SECRET);
    tokio::select! {
        () = hidden.visit() => unreachable!("it asks for ever"),
        () = world.clock.sleep(Duration::from_secs(300)) => {}
    }
    let found = found_of_idle(&world).await;
    assert_eq!(found.len(), 1, "{found:?}");
    let group = plan.idle_group();
    assert!(
        found[0].starts_with(&format!("{group} has no weight in any rule, and answered ")),
        "{found:?}"
    );
    world.clock.sleep(Duration::from_secs(300)).await;
    assert_eq!(found_of_idle(&world).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_colour_that_answers_by_a_route_in_no_rule_is_not_emptied_and_nobody_there_loses_a_request()
 {
    let world = World::with_a_previous().await;
    let config = world.config("0.0.3", None);
    let (_, plan) = world.plan(&config).await;
    lead_by_the_preview_route(&world, &plan).await;
    let hidden = Visitor::of(&world, &plan.url).knowing(SECRET);
    let live = Visitor::of(&world, &plan.url);
    let run = world.deploy(&config);
    let (finished, cx) = tokio::select! {
        () = hidden.visit() => unreachable!("it asks for ever"),
        () = live.visit() => unreachable!("it asks for ever"),
        finished = run => finished,
    };
    let Outcome::RolledBack {
        step,
        cause,
        traffic_moved,
        serving,
        leftovers,
        ..
    } = &finished.outcome
    else {
        panic!("{:#?}\n{}", finished.outcome, story(&cx));
    };
    assert_eq!((step.as_str(), *traffic_moved), (STEP, false));
    assert_eq!(cause.reason, Some(Reason::Answering));
    for words in [
        "requests in the minute from 20",
        "Live traffic is not affected",
        "another load balancer",
    ] {
        assert!(cause.words.contains(words), "{}", cause.words);
    }
    assert_eq!(*serving, Some(Release("0.0.2".to_owned())));
    assert_eq!(*leftovers, []);
    assert!(waits(&cx).len() > 1, "{:#?}", waits(&cx));
    assert_eq!(hidden.lost(), [""; 0], "{}", story(&cx));
    assert_eq!(live.lost(), [""; 0], "{}", story(&cx));
    assert_eq!(hidden.last(), "0.0.1");
    assert!(capacity(&world, &plan.idle_group()).await.desired > 0);
    assert!(
        world
            .plan(&config)
            .await
            .1
            .idle_before
            .scale_in_at
            .is_some()
    );
}

#[tokio::test(start_paused = true)]
async fn requests_that_stop_are_waited_for_until_a_minute_without_any_is_over() {
    let world = World::with_a_previous().await;
    let config = world.config("0.0.3", None);
    let (_, plan) = world.plan(&config).await;
    lead_by_the_preview_route(&world, &plan).await;
    let hidden = Visitor::of(&world, &plan.url).knowing(SECRET);
    let (finished, _, cx) = deploy_while(&world, &config, began("bake image"), async |cx, _| {
        let until_it_begins = async {
            while !cx.events.all().iter().any(|one| began(STEP)(&one.event)) {
                cx.clock.sleep(Duration::from_millis(500)).await;
            }
        };
        tokio::select! {
            () = hidden.visit() => {}
            () = until_it_begins => {}
        }
    })
    .await;
    assert_deployed(&finished, &cx);
    assert_eq!(hidden.lost(), [""; 0], "{}", story(&cx));
    let waits = waits(&cx);
    let told = |reason: &String| reason.contains("requests in the minute from");
    assert!(waits.iter().any(told), "{waits:#?}");
    assert_eq!(notes(&cx), [""; 0]);
    assert!(asked(&world) > 10, "{waits:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_colour_costs_one_question_and_no_wait_and_an_empty_one_not_even_that() {
    let world = World::with_a_release().await;
    let (finished, cx) = world.deploy(&world.config("0.0.2", None)).await;
    assert_deployed(&finished, &cx);
    assert_eq!(asked(&world), 0, "the idle colour was empty");
    // What 0.0.1 answered before the shift is long past.
    world.clock.sleep(Duration::from_secs(300)).await;

    let (finished, cx) = world.deploy(&world.config("0.0.3", None)).await;
    assert_deployed(&finished, &cx);
    assert_eq!(asked(&world), 1);
    let reasons = waits(&cx);
    assert!(
        !reasons.iter().any(|reason| reason.contains("request")),
        "{reasons:#?}"
    );
    let account = world.cloud.account();
    let mut calls = account.calls.iter();
    let asked = calls
        .find(|call| call.operation == "GetMetricData")
        .expect("the question")
        .at;
    let emptied = calls.find(|call| call.operation == "UpdateAutoScalingGroup");
    let between = emptied.expect("the answer was enough").at - asked;
    assert!(between < Duration::from_secs(15), "{between:?}");
}

#[tokio::test(start_paused = true)]
async fn where_aws_does_not_tell_how_many_requests_there_are_the_rules_are_enough_and_a_note_says_so()
 {
    let denied = "User is not authorized to perform: cloudwatch:GetMetricData";
    for (answer, says, times) in [
        (
            Answer::Refuse("AccessDenied".to_owned(), 403, denied.to_owned()),
            "allow cloudwatch:GetMetricData",
            1,
        ),
        (Answer::LoseReply, "is not known", u32::MAX),
    ] {
        let world = World::with_a_previous().await;
        let fault = Fault::on("monitoring", "GetMetricData", answer);
        world.cloud.inject(fault.times(times));
        let (finished, cx) = world.deploy(&world.config("0.0.3", None)).await;
        assert_deployed(&finished, &cx);
        let notes = notes(&cx);
        assert_eq!(notes.len(), 1, "{notes:#?}");
        assert!(notes[0].contains(says), "{notes:#?}");
    }
}
