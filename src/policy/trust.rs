//! Who may take a role on.

use serde_json::{Value, json};

use super::scope::Scope;

/// GitHub's name as an identity provider.
const GITHUB: &str = "token.actions.githubusercontent.com";
/// The audience of a token that is meant for AWS.
const AUDIENCE: &str = "sts.amazonaws.com";

/// Who a role is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Jobs of the repository that name the environment, which GitHub can protect.
    Environment,
    /// Jobs that name an environment of their own, `ENVIRONMENT-provision`.
    Provisioner,
    /// Jobs in the environment, and jobs about pull requests.
    PullRequests,
    /// A service of AWS, for instances.
    Instances,
    /// A service of AWS, for automations of this account alone.
    Automations,
}

impl Who {
    /// Whether it is a job of the repository.
    pub fn is_a_job(self) -> bool {
        matches!(
            self,
            Self::Environment | Self::Provisioner | Self::PullRequests
        )
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Environment => "jobs in the environment",
            Self::Provisioner => "jobs in an environment of their own, ENVIRONMENT-provision",
            Self::PullRequests => "jobs in the environment or about a pull request",
            Self::Instances => "EC2 instances",
            Self::Automations => "automations of this account",
        }
    }
}

/// The trust policy for these, where they are jobs of this repository: `OWNER/NAME`, or `OWNER@ID/NAME@ID`, which is how GitHub
/// names those that were made, renamed or transferred after 15 July 2026 in its tokens; one may have both names
/// (<https://docs.github.com/en/actions/reference/security/oidc>).
pub(super) fn trust(who: Who, scope: &Scope, repository: &[&str]) -> Value {
    let jobs = |of: &[String]| {
        let named = repository.iter();
        let subjects = named.flat_map(|name| of.iter().map(move |of| format!("repo:{name}:{of}")));
        github(scope, subjects.collect())
    };
    let environment = format!("environment:{}", scope.names.environment);
    match who {
        Who::Environment => jobs(&[environment]),
        Who::Provisioner => jobs(&[format!("{environment}-provision")]),
        Who::PullRequests => jobs(&[environment, "pull_request".to_owned()]),
        Who::Instances => service("ec2.amazonaws.com", None),
        Who::Automations => service("ssm.amazonaws.com", Some(scope)),
    }
}

fn github(scope: &Scope, subjects: Vec<String>) -> Value {
    let provider = format!(
        "arn:{}:iam::{}:oidc-provider/{GITHUB}",
        scope.partition(),
        scope.account
    );
    // Without `sub` it would admit every repository of GitHub's.
    trusting(json!({
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {
            format!("{GITHUB}:aud"): AUDIENCE,
            format!("{GITHUB}:sub"): subjects,
        }},
    }))
}

/// A service; one that acts for a resource, only for those of the account: nobody else's automation may have the role act
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html>).
fn service(name: &str, of: Option<&Scope>) -> Value {
    let mut statement = json!({
        "Effect": "Allow",
        "Principal": {"Service": name},
        "Action": "sts:AssumeRole",
    });
    if let Some(scope) = of {
        let (partition, account) = (scope.partition(), &scope.account);
        let source = format!("arn:{partition}:ssm:*:{account}:automation-execution/*");
        statement["Condition"] = json!({
            "StringEquals": {"aws:SourceAccount": account},
            "ArnLike": {"aws:SourceArn": source},
        });
    }
    trusting(statement)
}

fn trusting(statement: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [statement]})
}
