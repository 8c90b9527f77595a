//! The least that each role needs: of the jobs that release, check, look and provision, and of what acts inside AWS.
//!
//! Guarantees: what a release may is what its steps say that they call (`release.rs`); what acts inside AWS gets from `provision`
//! what is printed here. Every test of a run against the local cloud, and every rehearsal, is made with these policies.

mod destroy;
mod inside;
mod looks;
mod provision;
mod release;
mod scope;
mod shown;
mod statement;
mod trust;
mod whose;

use serde_json::Value;

use self::release::PURPOSES;
use self::whose::Whose;

pub use scope::Scope;
pub use shown::{json, table, terraform};
pub use statement::{Statement, document};
pub use trust::Who;

/// Stands for the repository where nobody said which it is.
pub const ANY_REPOSITORY: &str = "OWNER/REPOSITORY";

/// A role: who it is for, and what it may do.
#[derive(Clone, Debug)]
pub struct RolePolicy {
    /// `deploy`, `verify`, ...
    pub kind: &'static str,
    /// What it is called: by `provision`, or as a proposal.
    pub name: String,
    /// Its path.
    pub path: String,
    /// The managed policy that limits it.
    pub boundary: Option<String>,
    /// Whose it is, in words.
    pub of: &'static str,
    /// Who may take it on.
    pub who: Who,
    /// The trust policy.
    pub trust: Value,
    /// What it may do.
    pub statements: Vec<Statement>,
}

impl RolePolicy {
    /// The policy.
    pub fn policy(&self) -> Value {
        document(&self.statements)
    }

    /// Whether it is an instance's: there is a profile of its name.
    pub fn has_profile(&self) -> bool {
        self.who == Who::Instances
    }
}

/// All of them. The repository, by all of its names, is needed for who may take them on.
pub fn roles(scope: &Scope, repository: &[&str]) -> Vec<RolePolicy> {
    let looking = match scope.pull_requests {
        true => Who::PullRequests,
        false => Who::Environment,
    };
    let mut all = Vec::new();
    for (kind, of, who, statements) in [
        (
            "deploy",
            "deploy, rollback, finish, doctor --fix, hold, release-hold, unlock",
            Who::Environment,
            caller(scope, Whose::Release),
        ),
        ("verify", "verify", looking, caller(scope, Whose::Check)),
        (
            "read",
            "status, history, plan, doctor",
            looking,
            reader(scope),
        ),
        (
            "provision",
            "provision; it writes policies, and is as good as an administrator",
            Who::Provisioner,
            provisioner(scope),
        ),
        (
            "destroy",
            "destroy: it removes what provision, releases and bakes made",
            Who::Provisioner,
            destroy::destroy(scope),
        ),
        (
            "instance",
            "instances of both colours",
            Who::Instances,
            inside::instance(scope),
        ),
        (
            "builder",
            "builders",
            Who::Instances,
            inside::builder(scope),
        ),
        (
            "bake",
            "the automation that bakes",
            Who::Automations,
            inside::bake(scope),
        ),
        (
            "guard",
            "guard, scale-in, the end of what is kept",
            Who::Automations,
            inside::guard(scope),
        ),
    ] {
        all.push(RolePolicy {
            kind,
            name: scope.names.role(kind),
            path: scope.role_path.clone(),
            boundary: scope.boundary.clone(),
            of,
            who,
            trust: trust::trust(who, scope, repository),
            statements: statement::merged(statements),
        });
    }
    all
}

/// The role of this kind, of jobs of whatever repository.
pub fn role(scope: &Scope, kind: &str) -> Option<RolePolicy> {
    let mut all = roles(scope, &[ANY_REPOSITORY]).into_iter();
    all.find(|role| role.kind == kind)
}

fn caller(scope: &Scope, whose: Whose) -> Vec<Statement> {
    let mut all = looks::looks(scope, &whose.runbooks(scope));
    all.push(match whose {
        Whose::Release => looks::turn(scope),
        Whose::Check => looks::turn_to_verify(scope),
    });
    all.extend(scope.by_bucket_key(["kms:Decrypt", "kms:GenerateDataKey"]));
    for purpose in &PURPOSES {
        all.extend(purpose.of(scope, whose));
    }
    all.extend(looks::why_it_failed(scope, whose));
    // A job about a pull request runs what that says.
    if whose == Whose::Release {
        all.extend(looks::why_it_failed_by_command(scope));
        all.push(looks::requests());
    }
    if scope.keeps_failed {
        all.extend(release::keep_failed(scope, whose));
    }
    all
}

fn reader(scope: &Scope) -> Vec<Statement> {
    let mut all = looks::looks(scope, &looks::runbooks(scope));
    all.push(looks::requests());
    all.extend(scope.by_bucket_key(["kms:Decrypt"]));
    all
}

fn provisioner(scope: &Scope) -> Vec<Statement> {
    let mut all = looks::stands(scope, &looks::runbooks(scope));
    all.extend(looks::base_image(scope));
    all.push(looks::beforehand());
    all.push(looks::turn(scope));
    all.extend(scope.by_bucket_key(["kms:Decrypt", "kms:GenerateDataKey"]));
    all.extend(provision::provision(scope));
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::stack::{Names, ROLES};

    fn scope(app: &str, environment: &str) -> Scope {
        Scope {
            names: Names::new(app, environment),
            account: "123456789012".to_owned(),
            region: "ap-southeast-4".to_owned(),
            base_parameter: Some("/aws/service/an/image".to_owned()),
            keeps_failed: true,
            pull_requests: false,
            role_path: "/".to_owned(),
            boundary: None,
            encryption: Default::default(),
        }
    }

    /// IAM counts everything but white space
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
    #[test]
    fn every_policy_fits_into_a_role_however_long_its_names_are() {
        const MOST: usize = 10_240;
        let scope = scope("a-service-of-20-char", "an-environment-of-20");
        let roles = roles(&scope, &[ANY_REPOSITORY]);
        let kinds: Vec<_> = roles.iter().map(|role| role.kind).collect();
        assert_eq!(kinds, ROLES);
        for role in roles {
            let length = role.policy().to_string().len();
            assert!(length < MOST, "{}: {length}", role.kind);
        }
    }

    #[test]
    fn what_is_not_used_is_not_printed() {
        let mut scope = scope("hello", "prod");
        let actions = |scope: &Scope| {
            let role = role(scope, "deploy").expect("a role");
            let all = role.statements.into_iter();
            let all: Vec<_> = all.flat_map(|statement| statement.actions).collect();
            ["ssm:GetParameter", "autoscaling:DetachInstances"].map(|it| all.contains(&it))
        };
        assert_eq!(actions(&scope), [true, true]);
        scope.base_parameter = None;
        scope.keeps_failed = false;
        assert_eq!(actions(&scope), [false, false]);
    }

    #[test]
    fn a_job_is_trusted_by_both_names_of_its_repository_and_one_about_a_pull_request_where_it_is_said()
     {
        let trust = |kind: &str, names: &[&str]| {
            let mut all = roles(&scope("hello", "prod"), names).into_iter();
            let role = all.find(|role| role.kind == kind).expect("a role");
            let of = &role.trust["Statement"][0]["Condition"]["StringEquals"];
            of["token.actions.githubusercontent.com:sub"].clone()
        };
        assert_eq!(
            trust("deploy", &["octo/hello", "octo@1/hello@2"]),
            json!([
                "repo:octo/hello:environment:prod",
                "repo:octo@1/hello@2:environment:prod"
            ])
        );
        assert_eq!(
            trust("verify", &["octo/hello"]),
            json!(["repo:octo/hello:environment:prod"])
        );
        assert_eq!(
            trust("provision", &["octo/hello"]),
            json!(["repo:octo/hello:environment:prod-provision"])
        );
        let mut scope = scope("hello", "prod");
        scope.pull_requests = true;
        for kind in ["verify", "read"] {
            let role = role(&scope, kind).expect("a role");
            let trust = role.trust.to_string();
            assert!(trust.contains("REPOSITORY:pull_request"), "{kind}: {trust}");
        }
    }

    #[test]
    fn with_a_path_and_a_boundary_every_role_is_named_with_its_path_and_given_nothing_without_the_boundary()
     {
        let mut scope = scope("hello", "prod");
        scope.role_path = "/bg-deploy/".to_owned();
        scope.boundary = Some("arn:aws:iam::123456789012:policy/b".to_owned());
        let all = roles(&scope, &[ANY_REPOSITORY]);
        for role in &all {
            for statement in &role.statements {
                let strays = statement.resources.iter();
                let mut strays =
                    strays.filter(|arn| arn.contains(":iam:") && !arn.contains("/bg-deploy/"));
                // IAM knows no path of what is looked for by its name, and AWS's own roles have theirs.
                let stray = strays.next();
                let other = [
                    "iam:GetRole",
                    "iam:GetInstanceProfile",
                    "iam:CreateServiceLinkedRole",
                ];
                assert!(
                    stray.is_none() || other.contains(&statement.actions[0]),
                    "{stray:?} {:?}",
                    statement.actions
                );
            }
        }
        let provision = all
            .iter()
            .find(|role| role.kind == "provision")
            .expect("a role");
        for statement in &provision.statements {
            let gives = |action: &&str| ["iam:CreateRole", "iam:PutRolePolicy"].contains(action);
            let is_limited = statement
                .conditions
                .iter()
                .any(|(_, key, _)| key == "iam:PermissionsBoundary");
            assert_eq!(
                statement.actions.iter().any(gives),
                is_limited,
                "{:?}",
                statement.actions
            );
        }
        let written = terraform(&all);
        assert_eq!(
            written
                .matches("permissions_boundary = \"arn:aws:iam::123456789012:policy/b\"")
                .count(),
            all.len()
        );
        assert_eq!(
            written
                .matches("path                 = \"/bg-deploy/\"")
                .count(),
            all.len()
        );
    }

    #[test]
    fn in_china_and_for_governments_arns_begin_otherwise() {
        for (region, partition) in [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")] {
            let mut scope = scope("hello", "prod");
            scope.region = region.to_owned();
            for role in roles(&scope, &[ANY_REPOSITORY]) {
                let text = format!("{}{}", role.policy(), role.trust);
                let others = text.matches("arn:").count();
                assert_eq!(text.matches(&format!("arn:{partition}:")).count(), others);
            }
        }
    }
}
