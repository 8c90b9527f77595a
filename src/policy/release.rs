//! What the steps of a release need, by their own lists of calls ([`About::calls`](crate::run::step::About)): a role has what the
//! steps of its commands name, and a step that names another call fails a test here.

use super::scope::Scope;
use super::statement::Statement;
use super::whose::Whose;
use crate::kept::TAG_KEPT_UNTIL;
use crate::run::step_id::StepId;
use crate::stack::TAG_APP;

/// What some calls of some steps need.
pub(super) struct Purpose {
    /// Its `Sid`, and what it is for.
    about: (&'static str, &'static str),
    /// Calls, as steps name them, and of which steps; of none: of all.
    pub(super) covers: &'static [(&'static str, &'static [StepId])],
    statements: fn(&Scope, Whose, (&'static str, &'static str)) -> Vec<Statement>,
}

impl Purpose {
    /// Whether it is what this call of this step needs.
    pub(super) fn covers(&self, step: StepId, call: &str) -> bool {
        let mut all = self.covers.iter();
        all.any(|(name, of)| *name == call && (of.is_empty() || of.contains(&step)))
    }

    /// What these steps need of it.
    pub(super) fn of(&self, scope: &Scope, whose: Whose) -> Vec<Statement> {
        let mut steps = whose.steps();
        steps.retain(|step| {
            let mut calls = step.calls.iter().chain(step.undo_calls);
            calls.any(|call| self.covers(step.id, call))
        });
        let names: Vec<_> = steps.iter().map(|step| step.name).collect();
        if names.is_empty() {
            return Vec::new();
        }
        let mut all = (self.statements)(scope, whose, self.about);
        for statement in &mut all {
            statement.steps.clone_from(&names);
        }
        all
    }
}

/// Everything that steps need.
pub(super) const PURPOSES: [Purpose; 10] = [
    Purpose {
        about: (
            "Upload",
            "bring the bundle to where the builder takes it from",
        ),
        covers: &[("PutObject", &[])],
        statements: |scope, whose, about| {
            let bundles = match whose {
                Whose::Release => scope.bundles(),
                Whose::Check => scope.verify_bundles(),
            };
            let actions = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"];
            vec![Statement::new(about, actions).on([bundles])]
        },
    },
    Purpose {
        about: ("Bake", "start the automation that bakes"),
        covers: &[("StartAutomationExecution", &[StepId::BakeImage])],
        statements: |scope, whose, about| {
            let runbook = match whose {
                Whose::Release => scope.names.runbook(),
                Whose::Check => scope.names.verify_runbook(),
            };
            begin(scope, whose, about, &[runbook], &scope.names.bake_role())
        },
    },
    Purpose {
        about: (
            "Timers",
            "start the automations that act when nobody else does",
        ),
        covers: &[(
            "StartAutomationExecution",
            &[
                StepId::ArmGuard,
                StepId::ClearIdle,
                StepId::HoldPrevious,
                StepId::RetainPrevious,
            ],
        )],
        // A check is over before anything is armed, and keeps nothing up.
        statements: |scope, whose, about| match whose {
            Whose::Check => Vec::new(),
            Whose::Release => {
                let runbooks = [scope.names.scale_in_runbook(), scope.names.guard_runbook()];
                begin(scope, whose, about, &runbooks, &scope.names.guard_role())
            }
        },
    },
    Purpose {
        about: ("Stop", "stop a bake, a guard, a scale-in"),
        covers: &[("StopAutomationExecution", &[])],
        statements: |scope, whose, about| {
            let stop =
                Statement::new(about, ["ssm:StopAutomationExecution"]).on([scope.executions()]);
            vec![whose.own(stop, scope)]
        },
    },
    Purpose {
        about: (
            "Publish",
            "add a version to the launch template, and take it back",
        ),
        covers: &[
            ("CreateLaunchTemplateVersion", &[]),
            ("DeleteLaunchTemplateVersions", &[]),
        ],
        statements: |scope, whose, about| {
            let publish = Statement::new(
                about,
                [
                    "ec2:CreateLaunchTemplateVersion",
                    "ec2:DeleteLaunchTemplateVersions",
                ],
            )
            .on([scope.any_of_ec2("launch-template")]);
            vec![whose.own(publish, scope)]
        },
    },
    Purpose {
        about: ("Fleet", "size a group, and freeze and thaw its scaling"),
        covers: &[
            ("UpdateAutoScalingGroup", &[]),
            ("SuspendProcesses", &[]),
            ("ResumeProcesses", &[]),
        ],
        statements: |scope, whose, about| {
            let groups = whose.groups(scope);
            let processes = [
                "autoscaling:ResumeProcesses",
                "autoscaling:SuspendProcesses",
            ];
            vec![
                Statement::new(about, processes).on(groups.clone()),
                Statement::new(about, ["autoscaling:UpdateAutoScalingGroup"])
                    .on(groups)
                    .numbered_version(),
            ]
        },
    },
    Purpose {
        about: (
            "Launch",
            "have a group start what the template says: AWS asks whoever gives it a version",
        ),
        covers: &[("UpdateAutoScalingGroup", &[StepId::ScaleUpIdle])],
        statements: |scope, whose, about| {
            let mut all = launch(scope, whose, about);
            all.push(
                Statement::new(about, ["iam:PassRole"])
                    .on([scope.role(&scope.names.instance_role())])
                    .when("iam:PassedToService", ["ec2.amazonaws.com"]),
            );
            all
        },
    },
    Purpose {
        about: (
            "HealthCheck",
            "give the idle target group the file's health check",
        ),
        covers: &[("ModifyTargetGroup", &[])],
        statements: |scope, whose, about| {
            let groups = match whose {
                Whose::Release => scope.target_groups_of_colours().to_vec(),
                Whose::Check => vec![scope.verify_target_group()],
            };
            vec![Statement::new(about, ["elasticloadbalancing:ModifyTargetGroup"]).on(groups)]
        },
    },
    Purpose {
        about: (
            "Weights",
            "divide the traffic, and open and close the preview route",
        ),
        covers: &[("ModifyRule", &[])],
        statements: |scope, whose, about| weights(scope, whose, about),
    },
    Purpose {
        about: (
            "CleanUp",
            "end what a bake left, and remove images that are old or its own",
        ),
        covers: &[
            ("TerminateInstances", &[]),
            ("DeregisterImage", &[]),
            ("DeleteSnapshot", &[]),
        ],
        statements: |scope, whose, about| {
            let images = ["image", "snapshot"].map(|kind| scope.any_of_ec2(kind));
            let remove = Statement::new(about, ["ec2:DeleteSnapshot", "ec2:DeregisterImage"]);
            let end = Statement::new(about, ["ec2:TerminateInstances"])
                .on([scope.any_of_ec2("instance")]);
            vec![
                whose.own(remove.on(images), scope),
                whose.builder(end, scope),
            ]
        },
    },
];

/// An automation of one of these runbooks, in this role.
fn begin(
    scope: &Scope,
    whose: Whose,
    about: (&'static str, &'static str),
    runbooks: &[String],
    role: &str,
) -> Vec<Statement> {
    vec![
        whose.made_own(
            Statement::new(about, ["ssm:StartAutomationExecution"]).on(scope.beginnings(runbooks)),
            scope,
        ),
        // As it begins, and nothing that is another's already.
        whose.made_own(
            Statement::new(about, ["ssm:AddTagsToResource"])
                .on([scope.executions()])
                .nobody_else_s(scope),
            scope,
        ),
        Statement::new(about, ["iam:PassRole"])
            .on([scope.role(role)])
            .when("iam:PassedToService", ["ssm.amazonaws.com"]),
    ]
}

/// What AWS asks of whoever gives a group a version of a launch template, beside the right to hand its role on
/// (<https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-launch-template-permissions.html>).
pub(super) fn launch(
    scope: &Scope,
    whose: Whose,
    about: (&'static str, &'static str),
) -> Vec<Statement> {
    let any = |kind: &str| scope.any_of_ec2(kind);
    let made = || [any("instance"), any("volume")];
    vec![
        Statement::new(about, ["ec2:RunInstances"]).on(["network-interface", "subnet"].map(any)),
        Statement::new(about, ["ec2:RunInstances"])
            .on([any("security-group")])
            .ours(scope),
        whose.own(
            Statement::new(about, ["ec2:RunInstances"]).on([any("launch-template")]),
            scope,
        ),
        // The base image, which bears no tags of ours, and whatever was made of it for the app.
        Statement::new(about, ["ec2:RunInstances"])
            .on([any("image")])
            .met(
                "StringEqualsIfExists",
                format!("aws:ResourceTag/{TAG_APP}"),
                [&scope.names.app],
            ),
        whose.made_own(
            Statement::new(about, ["ec2:RunInstances"]).on(made()),
            scope,
        ),
        whose.made_own(
            Statement::new(about, ["ec2:CreateTags"])
                .on(made())
                .when("ec2:CreateAction", ["RunInstances"]),
            scope,
        ),
    ]
}

/// A check has a route of its own, which stands: it changes no rule.
fn weights(scope: &Scope, whose: Whose, about: (&'static str, &'static str)) -> Vec<Statement> {
    if whose == Whose::Check {
        return Vec::new();
    }
    let resources = ["listener-rule", "listener"].map(|kind| scope.of_load_balancer(kind));
    let actions = [
        "elasticloadbalancing:ModifyListener",
        "elasticloadbalancing:ModifyRule",
    ];
    vec![Statement::new(about, actions).on(resources)]
}

/// An instance of what failed that is kept to be looked at.
pub(super) fn keep_failed(scope: &Scope, whose: Whose) -> Vec<Statement> {
    let about = ("Keep", "keep an instance of what failed, to be looked at");
    let mut all = vec![
        Statement::new(about, ["autoscaling:DetachInstances"]).on(whose.groups(scope)),
        // No other tag: whoever could change those could make anything ours.
        whose.own(
            Statement::new(about, ["ec2:CreateTags"])
                .on([scope.any_of_ec2("instance")])
                .met("ForAllValues:StringEquals", "aws:TagKeys", [TAG_KEPT_UNTIL]),
            scope,
        ),
    ];
    if whose == Whose::Release {
        // `doctor --fix`, where AWS did not.
        all.push(
            Statement::new(about, ["ec2:TerminateInstances"])
                .on([scope.any_of_ec2("instance")])
                .kept(scope),
        );
    }
    all.extend(begin(
        scope,
        whose,
        about,
        &[scope.names.kept_runbook()],
        &scope.names.guard_role(),
    ));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::step::About;

    #[test]
    fn every_call_that_a_step_names_has_a_purpose_and_every_purpose_a_step() {
        let steps = Whose::Release.steps();
        for step in &steps {
            for call in step.calls.iter().chain(step.undo_calls) {
                let covered = PURPOSES.iter().any(|it| it.covers(step.id, call));
                assert!(covered, "{}: {call}", step.name);
            }
        }
        for purpose in &PURPOSES {
            for (call, of) in purpose.covers {
                let named = |step: &&About| {
                    let mut calls = step.calls.iter().chain(step.undo_calls);
                    calls.any(|it| it == call)
                };
                let by: Vec<_> = steps.iter().filter(named).map(|step| step.id).collect();
                assert!(!by.is_empty(), "no step calls {call}");
                let strays = of.iter().filter(|step| !by.contains(step));
                assert_eq!(strays.collect::<Vec<_>>(), Vec::<&StepId>::new(), "{call}");
            }
        }
    }
}
