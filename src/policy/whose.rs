//! Whose steps a role is for, and what of them it may touch: a release either colour, a check what is for verifications alone.

use super::scope::Scope;
use super::statement::Statement;
use crate::run::event::Zone;
use crate::run::step::About;
use crate::run::step_id::StepId;
use crate::steps;

/// Whose steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Of a release, a rollback, and what brings either to its end.
    Release,
    /// Of a check that moves no traffic.
    Check,
}

impl Whose {
    /// The runbooks that it compares with its own before: those that it starts, and a check what a release would, too.
    pub(super) fn runbooks(self, scope: &Scope) -> Vec<String> {
        let names = &scope.names;
        let mut all = vec![names.runbook()];
        all.extend(match self {
            Self::Release => vec![names.scale_in_runbook(), names.guard_runbook()],
            Self::Check => vec![names.verify_runbook()],
        });
        if scope.keeps_failed {
            all.push(names.kept_runbook());
        }
        all
    }

    /// The groups that it sizes.
    pub(super) fn groups(self, scope: &Scope) -> Vec<String> {
        match self {
            Self::Release => scope.groups_of_colours().to_vec(),
            Self::Check => vec![scope.verify_group()],
        }
    }

    /// Limits what is there already to what it may change: a check what is for verifications alone.
    pub(super) fn own(self, statement: Statement, scope: &Scope) -> Statement {
        match self {
            Self::Release => statement.ours(scope),
            Self::Check => statement.for_verification(scope),
        }
    }

    /// Limits instances to the builders that it may end: a release, which sweeps after everybody, any.
    pub(super) fn builder(self, statement: Statement, scope: &Scope) -> Statement {
        match self {
            Self::Release => statement.builder(scope),
            Self::Check => statement.builder_to_verify(scope),
        }
    }

    /// The same of what is made.
    pub(super) fn made_own(self, statement: Statement, scope: &Scope) -> Statement {
        match self {
            Self::Release => statement.made_ours(scope),
            Self::Check => statement.made_for_verification(scope),
        }
    }

    /// The steps.
    pub(super) fn steps(self) -> Vec<About> {
        let of_rollback = steps::ROLLBACK.map(|step| step.about);
        let mut all: Vec<_> = steps::TABLE.into_iter().chain(of_rollback).collect();
        all.sort_by_key(|step| step.id);
        all.dedup_by_key(|step| step.id);
        // What a check does not come to: it holds nobody's group, asks live nothing, and is over before anything is armed.
        let of_a_shift = [
            StepId::HoldPrevious,
            StepId::StartProbe,
            StepId::WatchLive,
            StepId::ArmGuard,
        ];
        if self == Self::Check {
            all.retain(|step| step.zone == Zone::Prepare && !of_a_shift.contains(&step.id));
        }
        all
    }
}
