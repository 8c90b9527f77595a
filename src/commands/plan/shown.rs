//! A plan as it is shown: what is decided, what that changes of live, how long it will take, what it calls and what a failure
//! undoes. Of the plan itself nothing is shown that has secrets: no variables, no boot data, no headers of smoke tests.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::commands::outlook::{Met, text};
use crate::lease::Done;
use crate::names::{Colour, Release, roughly};
use crate::plan::{Change, Choice, Phase, Plan, Source};
use crate::run::event::Zone;
use crate::run::step_id::StepId;
use crate::steps;

/// A plan that would be carried out.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Shown {
    result: &'static str,
    app: String,
    environment: String,
    account: String,
    region: String,
    release: Release,
    previous: Option<Release>,
    live: Colour,
    idle: Colour,
    decisions: Vec<Decided>,
    changes: Vec<Change>,
    phases: Vec<Minutes>,
    /// How long the last release took that is remembered, and that came to its end.
    last_took_seconds: Option<u64>,
    smoke_tests: Vec<Test>,
    steps: Vec<Step>,
    /// What it would meet now.
    gate: Vec<Met>,
}

#[derive(Clone, Debug, Serialize)]
struct Decided {
    what: &'static str,
    value: String,
    why: String,
}

#[derive(Clone, Debug, Serialize)]
struct Minutes {
    what: &'static str,
    seconds: u64,
    source: String,
}

#[derive(Clone, Debug, Serialize)]
struct Test {
    name: String,
    method: String,
    path: String,
    status: u16,
}

#[derive(Clone, Debug, Serialize)]
struct Step {
    step: &'static str,
    zone: Zone,
    /// What it may call that changes something.
    calls: &'static [&'static str],
    /// Why it has nothing to do, as far as the plan knows.
    spared: Option<&'static str>,
    /// What undoes it.
    undo: Option<&'static str>,
}

impl Shown {
    pub(super) fn of(plan: &Plan, changes: Vec<Change>, past: &[Done], gate: Vec<Met>) -> Self {
        let decided = |Choice { what, value, why }| Decided { what, value, why };
        let minutes = |Phase { what, time, source }| Minutes {
            what,
            seconds: time.as_secs(),
            source,
        };
        let tests = plan.smoke.iter().map(|test| Test {
            name: test.name.clone(),
            method: test.method.clone(),
            path: test.path.clone(),
            status: test.status,
        });
        let last = past
            .iter()
            .find(|run| run.command == "deploy" && run.result == "deployed");
        Self {
            result: "would-release",
            app: plan.app.clone(),
            environment: plan.environment.clone(),
            account: plan.account.clone(),
            region: plan.region.clone(),
            release: plan.release.clone(),
            previous: plan.previous.release.clone(),
            live: plan.live,
            idle: plan.idle,
            decisions: plan.choices().into_iter().map(decided).collect(),
            changes,
            phases: plan.phases().into_iter().map(minutes).collect(),
            last_took_seconds: last.and_then(|run| run.took_seconds),
            smoke_tests: tests.collect(),
            steps: steps_of(plan),
            gate,
        }
    }

    /// How long all of it will take.
    fn whole(&self) -> Duration {
        Duration::from_secs(self.phases.iter().map(|phase| phase.seconds).sum())
    }
}

fn steps_of(plan: &Plan) -> Vec<Step> {
    let step = |about: &crate::run::step::About| {
        let spared = spared(plan, about.id);
        let acts = spared.is_none() && !about.calls.is_empty();
        Step {
            step: about.name,
            zone: about.zone,
            calls: if acts { about.calls } else { &[] },
            spared,
            undo: Some(about.undo).filter(|undo| acts && !undo.is_empty()),
        }
    };
    steps::TABLE.iter().map(step).collect()
}

/// Why a step has nothing to do, as far as the plan knows.
fn spared(plan: &Plan, step: StepId) -> Option<&'static str> {
    let is_baked = matches!(&plan.source, Source::Artifact(bake) if bake.existing.is_some());
    let is_first = plan.previous.release.is_none();
    match step {
        StepId::BakeImage if is_baked => Some("the image stands"),
        StepId::ClearIdle if plan.idle_before.capacity.desired == 0 => Some("it is empty"),
        StepId::ArmGuard | StepId::DisarmGuard | StepId::DrainPrevious | StepId::RetainPrevious
            if is_first =>
        {
            Some("nothing is live yet")
        }
        _ => None,
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} in {}: {} would be released. Nothing was changed.\n{}\nDecisions",
            self.app,
            self.environment,
            self.release,
            text(&self.gate)
        )?;
        for Decided { what, value, why } in &self.decisions {
            writeln!(f, "  {what:<16} {value}  ({why})")?;
        }
        if let Some(previous) = &self.previous {
            writeln!(f, "\nOtherwise than live ({previous} on {})", self.live)?;
            for change in &self.changes {
                let (live, candidate) = (&change.live, &change.candidate);
                writeln!(f, "  {:<16} {live} -> {candidate}", change.what)?;
            }
        }
        write!(f, "\nTime: {} or so", roughly(self.whole()))?;
        if let Some(took) = self.last_took_seconds {
            let took = roughly(Duration::from_secs(took));
            write!(f, "; the last deploy that is remembered took {took}")?;
        }
        writeln!(f)?;
        for Minutes {
            what,
            seconds,
            source,
        } in &self.phases
        {
            let time = roughly(Duration::from_secs(*seconds));
            writeln!(f, "  {what:<24} {time:<5} ({source})")?;
        }
        writeln!(f, "\nSmoke tests, through the preview route")?;
        for test in &self.smoke_tests {
            let Test {
                name,
                method,
                path,
                status,
            } = test;
            writeln!(f, "  {name:<24} {method} {path}, wants {status}")?;
        }
        self.fmt_steps(f)
    }
}

impl Shown {
    /// What is called, and what a failure undoes.
    fn fmt_steps(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nSteps, and the AWS calls that change something, at most"
        )?;
        for Step {
            step,
            calls,
            spared,
            ..
        } in &self.steps
        {
            let calls = match (spared, calls) {
                (Some(why), _) => format!("changes nothing: {why}"),
                (None, []) => "changes nothing".to_owned(),
                (None, calls) => calls.join(", "),
            };
            writeln!(f, "  {step:<24} {calls}")?;
        }
        writeln!(
            f,
            "\nA failure undoes what was done, the last first; from the drain on there is no way but forward"
        )?;
        for Step { step, undo, .. } in self.steps.iter().rev() {
            if let Some(undo) = undo {
                writeln!(f, "  {step:<24} {undo}")?;
            }
        }
        Ok(())
    }
}
