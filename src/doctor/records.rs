//! What runs wrote down and started: the lease, the run that it tells of, guards, bakes, and the runbooks that they go by.

use super::case::{Case, fails, left_over, lies};
use super::finding::{Finding, Fix};
use super::look::{Seen, Turn};
use crate::aws::ssm::Document;
use crate::command_line::Next;
use crate::config::Config;
use crate::guard::FIRES_AFTER;
use crate::lease::Record;
use crate::names::{roughly, utc};
use crate::run::state::State;
use crate::stack::Names;
use crate::standing::Standing;

/// What the lease says of turns, holds and runs.
pub(super) fn of_lease(config: &Config, standing: &Standing, turn: &Turn) -> Vec<Finding> {
    let record = match &standing.lease {
        Ok(Some(record)) => record,
        Ok(None) => {
            let seen =
                "there is no bucket: nothing keeps two runs out of each other's way".to_owned();
            return vec![fails("not-provisioned", seen, config.next(Next::Provision))];
        }
        Err(why) => {
            let remedy = config.next(Next::Unlock);
            return vec![fails("lease-unreadable", format!("{why:#}"), remedy)];
        }
    };
    let mut found = Vec::new();
    if let Some(hold) = &record.hold {
        let seen = format!("releases are on hold: {}", hold.words());
        found.push(fails("on-hold", seen, config.next(Next::ReleaseHold)));
    }
    if let Turn::Gone(holder) = turn {
        let seen = format!(
            "the lease is held by a run that has not said anything for two minutes: {holder}"
        );
        let finding = left_over("holder-gone", seen, config.next(Next::Fix));
        found.push(finding.mended_by(Fix::TakeTurn));
    }
    if !matches!(turn, Turn::UnderWay(_)) {
        found.extend(unfinished(config, record));
    }
    found
}

/// A run that did not come to its end: the next one has to bring it there first.
fn unfinished(config: &Config, record: &Record) -> Option<Finding> {
    let run = record.run.clone()?;
    let finding = match State::of_value(run) {
        Ok(run) if !run.is_unfinished() => return None,
        Ok(run) => {
            let about = &run.beginning;
            let by = about
                .by
                .as_ref()
                .map_or_else(String::new, |by| format!(", by {by},"));
            let steps = run.progress.steps.iter();
            let last = steps
                .last()
                .map_or("nothing", |entry| crate::steps::about(entry.step).name);
            let seen = format!(
                "a {} of {}{by} did not come to its end; the last that it began: {last}; whoever has the next turn puts \
                 its traffic back and undoes it, or finishes what is released",
                about.command, about.release
            );
            fails("run-unfinished", seen, config.next(Next::Fix))
        }
        Err(why) => {
            let seen = format!("a run did not come to its end, and what it wrote down {why}");
            return Some(fails("run-unfinished", seen, config.next(Next::Status)));
        }
    };
    Some(finding.mended_by(Fix::TakeTurn))
}

/// Guards and bakes that no run stands behind.
pub(super) fn of_automations(case: &Case<'_>, standing: &Standing) -> Vec<Finding> {
    if case.is_under_way {
        return Vec::new();
    }
    let mut found = Vec::new();
    match &standing.fired {
        Ok(Some(fired)) => {
            let seen = format!(
                "the guard went off, and was done at {}: the run had vanished, and its traffic was put back unless somebody \
                 had moved it ({})",
                utc(fired.at),
                fired.id
            );
            found.push(lies("guard-fired", seen, case.fix()).mended_by(Fix::TakeTurn));
        }
        Ok(None) => {}
        Err(why) => found.push(fails(
            "not-seen",
            format!("guards could not be looked at: {why:#}"),
            case.next(Next::Doctor),
        )),
    }
    let stop = |id: &str| {
        let options = format!("--automation-execution-id {id} --type Cancel");
        case.aws("ssm stop-automation-execution", &options)
    };
    let automations = &case.inventory.automations;
    for guard in automations.guards.iter().filter(|guard| !guard.is_ending()) {
        let fires = utc(guard.started + FIRES_AFTER);
        let seen = format!(
            "a guard is armed and no run is under way: at {fires} it moves the traffic back, if the weights are then as its \
             run left them ({})",
            guard.id
        );
        found.push(match case.is_unfinished {
            true => fails("guard-armed", seen, case.fix()).mended_by(Fix::TakeTurn),
            false => fails("guard-armed", seen, stop(&guard.id)),
        });
    }
    for bake in &automations.bakes {
        let age = case.now.duration_since(bake.started).unwrap_or_default();
        // A younger one may be of another environment, where a run is under way.
        if age > case.config.bake.timeout {
            let seen = format!(
                "a bake is under way for {}, longer than bake.timeout ({})",
                roughly(age),
                bake.id
            );
            found.push(left_over("bake-forgotten", seen, stop(&bake.id)));
        }
    }
    found
}

/// A release begins with the runbooks of its own bg-deploy only.
pub(super) fn of_runbooks(config: &Config, seen: &Seen) -> Vec<Finding> {
    let provision = || config.next(Next::Provision);
    let to_verify = Names::new(&config.app, &config.environment).verify_runbook();
    let told = seen.runbooks.iter().filter_map(|(name, runbook)| match runbook {
        Ok(Document::Ours { .. }) => None,
        Ok(_) if *name == to_verify => {
            let seen = format!("the runbook {name} is missing, or not the one of this bg-deploy: nothing can be verified");
            Some(left_over("runbook-missing", seen, provision()))
        }
        Ok(Document::Absent) => Some(fails("runbook-missing", format!("there is no runbook {name}"), provision())),
        Ok(Document::Other) => {
            let seen = format!(
                "the runbook {name} is not the one of this bg-deploy: another version was provisioned, or somebody changed it"
            );
            Some(fails("runbook-drift", seen, provision()))
        }
        Err(_) => None,
    });
    told.collect()
}
