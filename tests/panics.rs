//! Our own mistakes: a panic anywhere in a run is an error of the run, and the run unwinds.
//!
//! The same under the settings of the released binary: `cargo test --release --test panics` (minutes: it builds the SDK anew).

mod support;

use anyhow::Result;
use bg_deploy::aws::elbv2;
use bg_deploy::aws::witness::Able;
use bg_deploy::cause::Reason;
use bg_deploy::names::{Colour, Weights};
use bg_deploy::plan::Plan;
use bg_deploy::run::context::{Context, Undoing};
use bg_deploy::run::event::{Event, Zone};
use bg_deploy::run::runner::Runner;
use bg_deploy::run::step::{About, Settled, Step};
use bg_deploy::run::step_id::StepId;
use support::standing::{Standing, assert_untouched};
use support::{World, assert_deployed};

/// Moves a tenth of the traffic to where nobody is.
struct Moves {
    plan: Plan,
    /// It can't be undone, by a mistake.
    undo_panics: bool,
}

impl Moves {
    async fn write(&self, cx: &Context, weights: Weights) -> Result<()> {
        let (rule, groups) = (&self.plan.traffic_rules, &self.plan.target_groups);
        let now = elbv2::describe_traffic(&cx.aws, rule).await?.split(groups);
        let now = now.expect("both target groups");
        let seen = elbv2::see_weights(&cx.aws, rule, groups, now).await?;
        let able = Colour::BOTH.map(|colour| Able::as_before_a_first_release(groups.of(colour)));
        elbv2::write_weights(&cx.aws, cx.held().await?, seen, able.into(), weights).await
    }
}

impl Step for Moves {
    type Handle = ();
    type Output = ();

    const ABOUT: About = About {
        id: StepId::ShiftTraffic,
        name: "shift traffic",
        zone: Zone::Commit,
        does: "",
        undo: "",
        calls: &[],
        undo_calls: &[],
    };

    async fn start(&self, cx: &Context) -> Result<()> {
        self.write(cx, Weights::split(self.plan.idle, 10)).await
    }

    async fn settle(&self, _: &Context, (): &()) -> Result<Settled<()>> {
        Ok(Settled::done((), ""))
    }

    async fn undo(&self, cx: Undoing<'_>, _: Option<&()>) -> Result<Option<String>> {
        assert!(!self.undo_panics, "planted in undo");
        self.write(cx.context(), self.plan.previous.weights).await?;
        Ok(Some("restored the weights".to_owned()))
    }
}

/// Panics where it is told to.
struct Panics {
    in_start: bool,
}

impl Step for Panics {
    type Handle = ();
    type Output = ();

    const ABOUT: About = About {
        id: StepId::Soak,
        name: "soak",
        zone: Zone::Commit,
        does: "",
        undo: "",
        calls: &[],
        undo_calls: &[],
    };

    async fn start(&self, cx: &Context) -> Result<()> {
        cx.clock.sleep(std::time::Duration::from_secs(1)).await;
        assert!(!self.in_start, "planted in start");
        Ok(())
    }

    async fn settle(&self, cx: &Context, (): &()) -> Result<Settled<()>> {
        cx.clock.sleep(std::time::Duration::from_secs(1)).await;
        panic!("planted in settle")
    }

    async fn undo(&self, _: Undoing<'_>, _: Option<&()>) -> Result<Option<String>> {
        Ok(None)
    }
}

async fn a_run(world: &World, in_start: bool, undo_panics: bool) -> (Plan, Context) {
    let (_, plan) = world.plan(&world.config("0.0.2", None)).await;
    let cx = world.context().await;
    let run = Runner::new(&cx);
    let moves = Moves {
        plan: plan.clone(),
        undo_panics,
    };
    assert!(run.step(moves).await.is_ok());
    let stop = run.step(Panics { in_start }).await.expect_err("it panics");
    let place = if in_start { "start" } else { "settle" };
    assert_eq!(stop.cause.reason, Some(Reason::Bug), "{stop:?}");
    assert!(stop.cause.words.contains(&format!("planted in {place}")));
    assert_eq!((stop.zone, stop.cancelled), (Zone::Commit, false));
    let unwound = run.unwind().await;
    let stuck = unwound.stuck.map(|cause| cause.reason);
    assert_eq!(stuck, undo_panics.then_some(Some(Reason::Bug)));
    (plan, cx)
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_step_restores_the_traffic() {
    let world = World::with_a_release().await;
    let (_, plan) = world.plan(&world.config("0.0.2", None)).await;
    let before = Standing::look(&world, &plan).await;
    for in_start in [true, false] {
        let (plan, _) = a_run(&world, in_start, false).await;
        assert_untouched(&world, &plan, &before, "a panic").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_the_traffic_is_restored_leaves_the_run_stuck_and_not_gone() {
    let world = World::with_a_release().await;
    let (_, cx) = a_run(&world, false, true).await;
    let failed = cx.events.all().into_iter().any(|stamped| {
        matches!(stamped.event, Event::UndoFailed { error, .. } if error.contains("planted in undo"))
    });
    assert!(failed, "{}", support::story(&cx));
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_who_listens_ends_no_run() {
    let world = World::with_a_release().await;
    let (prepared, plan) = world.plan(&world.config("0.0.2", None)).await;
    let cx = world.context().await;
    cx.events.listen(|stamped| {
        assert!(
            !matches!(stamped.event, Event::WeightsWritten { .. }),
            "planted in a report"
        );
    });
    let bundle = prepared.bundle.file.path();
    let finished = bg_deploy::deploy::deploy(&cx, &plan, bundle, None).await;
    assert_deployed(&finished, &cx);
    let told = support::story(&cx);
    assert!(told.contains("planted in a report"), "{told}");
}

#[test]
fn the_released_binary_unwinds_as_the_tests_do() {
    let manifest = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest = std::fs::read_to_string(manifest).expect("Cargo.toml");
    let manifest: toml::Table = manifest.parse().expect("TOML");
    let profiles = manifest["profile"].as_table().expect("profiles");
    for (name, profile) in profiles {
        let panic = profile.get("panic").and_then(toml::Value::as_str);
        assert!(panic.is_none_or(|it| it == "unwind"), "{name}: {panic:?}");
    }
    assert!(profiles.contains_key("release"));
}
