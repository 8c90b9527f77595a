//! Whose fault a request is that fails: the runner's own network, what is live already, or the release.

use std::time::Duration;

use bg_deploy::config::Config;
use bg_deploy::deploy::{Finished, deploy};
use bg_deploy::outcome::Outcome;
use bg_deploy::probe::Verdict;
use bg_deploy::run::context::Context;
use bg_deploy::run::event::Event;
use bg_deploy::run::step_id::StepId;
use local_aws::sample_app::Settings;
use net_clock::Link;

use crate::support::{World, assert_deployed, story};
use crate::visitor::Visitor;

/// A release that fails so often, if it fails.
fn release(world: &World, version: &str, fails_one_in: u64) -> Config {
    let mut config = world.config_with(Settings {
        version: version.to_owned(),
        fails_one_in,
        ..Settings::default()
    });
    config.probe.rate = 20.0;
    config
}

/// Waits until this step has begun.
async fn begun(cx: &Context, step: StepId) {
    let name = bg_deploy::steps::about(step).name;
    let has_begun = || {
        let all = cx.events.all();
        all.iter()
            .any(|told| matches!(&told.event, Event::StepBegan { step, .. } if step == name))
    };
    while !has_begun() {
        cx.clock.sleep_wall(Duration::from_millis(20)).await;
    }
}

/// Deploys, and has this happen meanwhile.
async fn deploy_while(
    world: &World,
    config: &Config,
    cx: &Context,
    happening: impl Future<Output = ()>,
) -> (Finished, Vec<String>) {
    let (prepared, plan) = world.plan(config).await;
    let visitor = Visitor::of(world, &plan.url);
    let deploying = async {
        let deploying = deploy(cx, &plan, prepared.bundle.file.path(), None);
        tokio::join!(deploying, happening).0
    };
    let finished = tokio::select! {
        biased;
        () = visitor.visit() => unreachable!("it asks for ever"),
        finished = deploying => finished,
    };
    (finished, visitor.lost())
}

#[tokio::test(start_paused = true)]
async fn a_blip_of_the_runner_s_own_network_is_told_and_rolls_nothing_back() {
    for step in [StepId::AwaitHealthy, StepId::Soak] {
        let world = World::with_a_release().await;
        let link = Link::default();
        let mut cx = world.context().await;
        cx.network = world.network.behind(&link);
        let blip = async {
            begun(&cx, step).await;
            cx.clock.sleep_wall(Duration::from_secs(4)).await;
            link.cut();
            cx.clock.sleep_wall(Duration::from_secs(2)).await;
            link.mend();
        };
        let config = release(&world, "0.0.2", 0);
        let (finished, lost) = deploy_while(&world, &config, &cx, blip).await;
        assert_deployed(&finished, &cx);
        assert_eq!(lost, [""; 0]);
        assert_eq!(finished.verdict, Some(Verdict::Passed), "{step:?}");
        let tally = finished.evidence.expect("a probe").tally;
        assert!(tally.failed > 20, "{step:?}: {} lost", tally.failed);
        assert_eq!(tally.lost_by_runner, tally.failed, "{step:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_network_that_stays_away_proves_nothing_and_what_cannot_be_reached_ever_excuses_nothing()
{
    let world = World::with_a_release().await;
    let link = Link::default();
    let mut cx = world.context().await;
    cx.network = world.network.behind(&link);
    let away = async {
        begun(&cx, StepId::Soak).await;
        link.cut();
        cx.clock.sleep_wall(Duration::from_secs(300)).await;
        link.mend();
    };
    let config = release(&world, "0.0.2", 0);
    let (finished, lost) = deploy_while(&world, &config, &cx, away).await;
    assert!(
        !matches!(finished.outcome, Outcome::Deployed { .. }),
        "{}",
        story(&cx)
    );
    assert_eq!(lost, [""; 0]);

    let world = World::with_a_release().await;
    let mut config = release(&world, "0.0.2", 10);
    let (_, plan) = world.plan(&config).await;
    // Nobody is there, and the service itself.
    for reference in ["http://127.0.0.1:1", &plan.url] {
        config.probe.reference = Some(reference.to_owned());
        let cx = world.context().await;
        let (finished, _) = deploy_while(&world, &config, &cx, async {}).await;
        assert!(
            matches!(finished.outcome, Outcome::RolledBack { .. }),
            "{}",
            story(&cx)
        );
        let evidence = finished.evidence.expect("a probe");
        assert_eq!(evidence.tally.lost_by_runner, 0);
        assert_eq!(evidence.reference.is_some(), reference != plan.url);
        world.free().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_as_often_as_before_is_released_and_what_fails_oftener_is_not() {
    for (fails_one_in, is_released) in [(200, true), (0, true), (12, false)] {
        // A first release has nothing to be held against: by this seed none of its own failures falls into its soak.
        let world = World::seeded(3).await;
        let mut first = release(&world, "0.0.1", 200);
        first.probe.rate = 2.0;
        world.provision(&first).await;
        let (finished, cx) = world.deploy(&first).await;
        assert_deployed(&finished, &cx);
        let cx = world.context().await;
        let config = release(&world, "0.0.2", fails_one_in);
        let (finished, _) = deploy_while(&world, &config, &cx, async {}).await;
        let judged = finished.evidence.as_ref().expect("a probe").judged.clone();
        let judged = judged.expect("a part is judged");
        let before = judged.baseline.expect("a baseline");
        assert!(before.failed >= 5, "{before:?}");
        if is_released {
            assert_deployed(&finished, &cx);
            assert_eq!(finished.verdict, Some(Verdict::Passed));
            assert!(fails_one_in == 0 || judged.tally.failed >= 5, "{judged:?}");
        } else {
            let Outcome::RolledBack { cause, .. } = &finished.outcome else {
                panic!("{:?}\n{}", finished.outcome, story(&cx));
            };
            assert!(cause.words.contains("(before it "), "{}", cause.words);
        }
    }
}
