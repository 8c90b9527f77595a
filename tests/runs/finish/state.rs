//! A run's state file: written and read, refused, and the handles that come back from it.

use bg_deploy::deploy::deploy;
use bg_deploy::ending::Finished;
use bg_deploy::finish::finish;
use bg_deploy::plan::Plan;
use bg_deploy::rollback::rollback;
use bg_deploy::run::beginning::Beginning;
use bg_deploy::run::context::Context;
use bg_deploy::run::progress::{Entry, Phase, Progress};
use bg_deploy::run::state::State;
use bg_deploy::run::step::{Step, handle_of};
use bg_deploy::run::step_id::StepId;
use bg_deploy::steps;
use bg_deploy::steps::TABLE;
use bg_deploy::steps::arm_guard::ArmGuard;
use bg_deploy::steps::bake_image::BakeImage;
use bg_deploy::steps::clear_idle::ClearIdle;
use bg_deploy::steps::hold_previous::HoldPrevious;
use bg_deploy::steps::open_preview::OpenPreview;
use bg_deploy::steps::publish_template::PublishTemplate;
use bg_deploy::steps::scale_up_idle::ScaleUpIdle;
use bg_deploy::steps::shift_traffic::ShiftTraffic;

use super::killed::{assert_undone, canary, kill_at};
use crate::support::standing::Standing;
use crate::support::{World, assert_deployed};

#[tokio::test(start_paused = true)]
async fn a_state_is_read_as_it_was_written_and_holds_no_secret() {
    let world = World::with_a_release().await;
    let killed = kill_at(&world, &canary(&world, "0.0.9"), StepId::OpenPreview).await;
    let state = killed.state();
    assert_eq!(
        serde_json::to_value(&state.plan).expect("JSON"),
        serde_json::to_value(&killed.plan).expect("JSON")
    );
    let text = std::fs::read_to_string(&killed.file).expect("a file");
    assert!(!text.contains(killed.plan.preview_token.reveal()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&killed.file)
            .expect("a file")
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }
    // Nothing else is left of writing it so often.
    let folder = std::fs::read_dir(world.folder.path()).expect("a folder");
    let strays = folder.filter(|it| {
        let name = it.as_ref().expect("an entry").file_name();
        name.to_string_lossy().starts_with(".bg-deploy-state")
    });
    assert_eq!(strays.count(), 0);
    let absent = State::read(&world.folder.path().join("absent.json"));
    assert!(absent.expect("no error").is_none());
}

/// A state file as it was written before steps had ids.
const FORMAT_1: &str = r#"{
  "beginning": { "command": "deploy", "app": "hello", "environment": "prod", "release": "0.0.2", "previous": "0.0.1", "url": null },
  "memory": { "deployment": null, "deployment_is_the_jobs": false, "deployment_unsure": false },
  "plan": { "deployment": "d-0123456789ab", "app": "hello", "environment": "prod" },
  "progress": {
    "steps": [
      { "step": "bake image", "zone": "prepare", "stage": "started", "handle": { "baking": { "automation": "a-1" } }, "undone": null }
    ],
    "stopped": null
  },
  "outcome": null, "is_published": false, "config": { "app": "hello" }, "format": 1, "version": "0.1.0"
}"#;

#[test]
fn a_state_that_can_t_be_read_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("state.json");
    let newer = FORMAT_1.replace("\"format\": 1", "\"format\": 99");
    let no_step = FORMAT_1.replace("\"format\": 1", "\"format\": 2");
    for (text, words) in [
        (
            FORMAT_1,
            "was written by bg-deploy 0.1.0 in format 1, and this one reads format 2: \
             let the one that wrote it run its `finish`",
        ),
        (&newer, "in format 99"),
        (&no_step, "is not the state of a run ("),
        ("{}", "names no format"),
        (
            &FORMAT_1[..FORMAT_1.len() / 2],
            "is not the state of a run (",
        ),
        ("\u{1b}[2J not JSON at all", "is not the state of a run ("),
        ("", "is not the state of a run ("),
    ] {
        std::fs::write(&file, text).expect("written");
        let error = State::read(&file).expect_err("it is refused");
        assert!(error.0.contains(words), "{}", error.0);
        assert!(
            error.0.contains("`status` says what is live"),
            "{}",
            error.0
        );
    }
}

/// Fails unless the handle of `S` comes back as it was written.
fn assert_handle<S: Step>(entry: &Entry) {
    let handle = handle_of::<S>(entry).unwrap_or_else(|error| panic!("{error:#}"));
    let handle = handle.unwrap_or_else(|| panic!("{:?} has no handle", entry.step));
    let again = serde_json::to_value(&handle).expect("JSON");
    assert_eq!(again, entry.handle, "{:?}", entry.step);
}

/// The same for a step of any type; answers whether it has a handle.
fn assert_handle_of(entry: &Entry) -> bool {
    match entry.step {
        StepId::BakeImage => assert_handle::<BakeImage>(entry),
        StepId::PublishTemplate => assert_handle::<PublishTemplate>(entry),
        StepId::ClearIdle => assert_handle::<ClearIdle>(entry),
        StepId::ScaleUpIdle => assert_handle::<ScaleUpIdle>(entry),
        StepId::HoldPrevious => assert_handle::<HoldPrevious>(entry),
        StepId::OpenPreview => assert_handle::<OpenPreview>(entry),
        StepId::ArmGuard => assert_handle::<ArmGuard>(entry),
        StepId::ShiftTraffic => assert_handle::<ShiftTraffic>(entry),
        StepId::AwaitHealthy
        | StepId::SmokeTest
        | StepId::ProbeVersion
        | StepId::StartProbe
        | StepId::WatchLive
        | StepId::Soak
        | StepId::DisarmGuard
        | StepId::DrainPrevious
        | StepId::RetainPrevious
        | StepId::PruneImages => {
            assert_eq!(entry.handle, serde_json::Value::Null, "{:?}", entry.step);
            return false;
        }
    }
    true
}

#[tokio::test(start_paused = true)]
async fn what_each_step_had_begun_comes_back_from_the_file_by_its_type() {
    let world = World::with_a_release().await;
    let (prepared, plan) = world.plan(&world.config("0.0.2", None)).await;
    let bundle = prepared.bundle.file.path();
    let run = async |cx: &Context| deploy(cx, &plan, bundle, None).await;
    let released = kept(&world, &plan, run).await;
    assert_eq!(released.steps.len(), TABLE.len());
    let back = world.plan_rollback(None).await;
    let run = async |cx: &Context| rollback(cx, &back, None).await;
    let gone_back = kept(&world, &back, run).await;
    let mut met = std::collections::BTreeSet::new();
    for entry in released.steps.iter().chain(&gone_back.steps) {
        assert_eq!(entry.phase, Phase::Done, "{:?}", entry.step);
        let is_undone = !steps::about(entry.step).undo.is_empty();
        assert_eq!(assert_handle_of(entry), is_undone, "{:?}", entry.step);
        met.insert(entry.step);
    }
    assert_eq!(met.len(), 18, "every step of both tables: {met:?}");
    let publish = released.of(StepId::PublishTemplate).expect("it began");
    assert!(handle_of::<ClearIdle>(publish).is_err());
}

/// What stands in the state file of a run that came to its end.
async fn kept(world: &World, plan: &Plan, run: impl AsyncFn(&Context) -> Finished) -> Progress {
    let file = world.folder.path().join("kept.json");
    let cx = world.context().await;
    let state = State::new(Beginning::of("any", plan), plan.clone());
    cx.journal.keep(&file, state).expect("a state file");
    assert_deployed(&run(&cx).await, &cx);
    let state = State::read(&file).expect("a readable state");
    state.expect("a state").progress
}

#[tokio::test(start_paused = true)]
async fn a_state_whose_handle_makes_no_sense_changes_nothing() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.9", None);
    let killed = kill_at(&world, &config, StepId::OpenPreview).await;
    let mut state = killed.state();
    for entry in &mut state.progress.steps {
        if entry.step == StepId::ScaleUpIdle {
            entry.handle = serde_json::json!({ "activities_until": "soon" });
        }
    }
    let before = Standing::look(&world, &killed.plan).await;
    let cx = world.context().await;
    let ended = finish(&cx, Some(&killed.file), state).await;
    let words = format!("{:#}", ended.expect_err("it is refused"));
    assert!(
        words.contains("what \"scale up idle group\" had begun"),
        "{words}"
    );
    assert_eq!(Standing::look(&world, &killed.plan).await, before);
    assert_undone(&world, &killed, "with the file as it was").await;
}
