//! Runs that are killed at a certain point, and finished as another process would.

use std::future::{Future as _, poll_fn};
use std::path::PathBuf;
use std::task::Poll;

use bg_deploy::config::Config;
use bg_deploy::deploy::deploy;
use bg_deploy::ending::Finished;
use bg_deploy::finish::{Ending, finish};
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::Plan;
use bg_deploy::run::beginning::Beginning;
use bg_deploy::run::context::Context;
use bg_deploy::run::progress::Phase;
use bg_deploy::run::state::State;
use bg_deploy::run::step_id::StepId;

use crate::support::standing::{Standing, assert_untouched};
use crate::support::{World, story};

/// A run that was killed, and what it left on disk.
pub(crate) struct Killed {
    pub(crate) plan: Plan,
    pub(crate) before: Standing,
    pub(crate) file: PathBuf,
    pub(crate) story: String,
}

impl Killed {
    pub(crate) fn state(&self) -> State {
        let state = State::read(&self.file).expect("a readable state");
        state.expect("a state")
    }
}

/// Releases until `when`, and is gone then: nothing more of it runs, not even what is undone on a failure.
pub(crate) async fn kill(
    world: &World,
    config: &Config,
    when: impl Fn(&Context) -> bool,
) -> Killed {
    kill_with(world, config, |_| {}, when).await
}

/// The same after `arrange`.
pub(crate) async fn kill_with(
    world: &World,
    config: &Config,
    arrange: impl FnOnce(&Context),
    when: impl Fn(&Context) -> bool,
) -> Killed {
    let (prepared, plan) = world.plan(config).await;
    let bundle = prepared.bundle.file.path();
    let run = async |cx: &Context, plan: &Plan| deploy(cx, plan, bundle, None).await;
    kill_run(world, ("deploy", plan), run, arrange, when).await
}

/// The same with a run of any kind.
pub(crate) async fn kill_run(
    world: &World,
    (command, plan): (&str, Plan),
    run: impl AsyncFn(&Context, &Plan) -> Finished,
    arrange: impl FnOnce(&Context),
    when: impl Fn(&Context) -> bool,
) -> Killed {
    let before = Standing::look(world, &plan).await;
    let file = world.folder.path().join("state.json");
    let cx = world.context().await;
    let state = State::new(Beginning::of(command, &plan), plan.clone());
    cx.journal.keep(&file, state).expect("a state file");
    arrange(&cx);
    {
        let mut run = Box::pin(run(&cx, &plan));
        poll_fn(|task| {
            if when(&cx) {
                return Poll::Ready(());
            }
            match run.as_mut().poll(task) {
                Poll::Ready(finished) => panic!("not killed: {finished:#?}\n{}", story(&cx)),
                Poll::Pending if when(&cx) => Poll::Ready(()),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
    }
    Killed {
        plan,
        before,
        file,
        story: story(&cx),
    }
}

/// Kills it as soon as a step's handle is known.
pub(crate) async fn kill_at(world: &World, config: &Config, step: StepId) -> Killed {
    kill(world, config, |cx| {
        let progress = cx.journal.progress();
        progress
            .of(step)
            .is_some_and(|entry| entry.phase != Phase::Began)
    })
    .await
}

/// Finishes it, as another process would.
pub(crate) async fn finished(world: &World, killed: &Killed) -> (Ending, Context) {
    let cx = world.context().await;
    let ending = finish(&cx, Some(&killed.file), killed.state()).await;
    let ending = ending.unwrap_or_else(|error| panic!("{error:#}\n{}", story(&cx)));
    (ending, cx)
}

/// Fails unless the run was undone by this, without a trace.
pub(crate) async fn assert_undone(world: &World, killed: &Killed, why: &str) {
    let (ending, cx) = finished(world, killed).await;
    let why = format!("{why}\n{}\nfinish:\n{}", killed.story, story(&cx));
    match &ending.finished.outcome {
        Outcome::Cancelled {
            serving, leftovers, ..
        } => {
            assert_eq!(serving, &killed.plan.previous.release, "{why}");
            assert_eq!(leftovers, &[], "{why}");
        }
        other => panic!("{other:#?}\n{why}"),
    }
    assert!(ending.is_complete, "{why}");
    assert_untouched(world, &killed.plan, &killed.before, &why).await;
}

/// A release in three stages.
pub(crate) fn canary(world: &World, version: &str) -> Config {
    let mut config = world.config(version, None);
    config.shift.weights = vec![20, 60, 100];
    config
}
