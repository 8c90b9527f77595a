//! What every command looks at, and what whoever changes something needs beside its steps.

use super::inside::run_shell_script;

use super::scope::Scope;
use super::statement::Statement;
use super::whose::Whose;

/// Who serves, by what, and what may lead there beside it: what every command asks, none of which has a resource to name.
const STANDS: [&str; 11] = [
    "autoscaling:DescribeAutoScalingGroups",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTags",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
];

/// What is decided from it, and what was left by runs before.
const DECIDES: [&str; 12] = [
    "ec2:DescribeImages",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInstances",
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSnapshots",
    "ec2:DescribeVpcEndpoints",
    "ec2:GetEbsDefaultKmsKeyId",
    "servicequotas:GetAWSDefaultServiceQuota",
    "servicequotas:ListServiceQuotas",
    "ssm:DescribeAutomationExecutions",
];

/// What every command looks at.
pub(super) fn stands(scope: &Scope, runbooks: &[String]) -> Vec<Statement> {
    let own = (
        "LookAtOwn",
        "compare the runbooks with its own, and see whose turn it is",
    );
    vec![
        Statement::new(("Look", "see what stands, and who serves"), STANDS),
        Statement::new(own, ["ssm:GetDocument"]).on(runbooks.iter().map(|it| scope.document(it))),
        Statement::new(own, ["s3:ListBucket"]).on([scope.bucket()]),
        Statement::new(own, ["s3:GetObject"]).on([scope.state()]),
    ]
}

/// What `status`, `history`, `plan` and `doctor` look at beside that, and every run before each act that could harm.
pub(super) fn looks(scope: &Scope, runbooks: &[String]) -> Vec<Statement> {
    let own = (
        "LookAtRuns",
        "see the automations of runs, and whether the role is there that bakes",
    );
    let mut all = stands(scope, runbooks);
    all.extend([
        Statement::new(
            (
                "Decide",
                "see what a release would be made of, and what was left by others",
            ),
            DECIDES,
        ),
        Statement::new(own, ["ssm:GetAutomationExecution"])
            .on([scope.executions()])
            .ours(scope),
        Statement::new(own, ["iam:GetRole"]).on(scope.role_by_name(&scope.names.bake_role())),
    ]);
    all.extend(base_image(scope));
    all
}

/// Whether a colour that is to be emptied gets requests; a check empties none.
pub(super) fn requests() -> Statement {
    let about = ("Requests", "see whether anybody uses the idle colour");
    Statement::new(about, ["cloudwatch:GetMetricData"])
}

/// What `provision` looks at before its first change.
pub(super) fn beforehand() -> Statement {
    let about = (
        "Beforehand",
        "say at once what would stop it halfway: types, the base image, quotas",
    );
    Statement::new(
        about,
        [
            "ec2:DescribeImages",
            "ec2:DescribeInstanceTypeOfferings",
            "ec2:DescribeInstanceTypes",
            "ec2:DescribeInstances",
            "ec2:GetEbsDefaultKmsKeyId",
            "elasticloadbalancing:DescribeAccountLimits",
            "servicequotas:GetAWSDefaultServiceQuota",
            "servicequotas:ListServiceQuotas",
        ],
    )
}

/// The parameter that names the image to start from.
pub(super) fn base_image(scope: &Scope) -> Option<Statement> {
    let path = scope.base_parameter.as_ref()?.trim_start_matches('/');
    let resource = format!("parameter/{path}");
    let arn = match path.starts_with("aws/") {
        true => scope.unowned("ssm", &resource),
        false => scope.arn("ssm", &resource),
    };
    let about = ("BaseImage", "know which image is the newest to start from");
    Some(Statement::new(about, ["ssm:GetParameter"]).on([arn]))
}

/// The runbooks that `provision` makes.
pub(super) fn runbooks(scope: &Scope) -> [String; 5] {
    scope.names.runbooks()
}

/// Whoever changes something has a turn.
pub(super) fn turn(scope: &Scope) -> Statement {
    turn_at(scope.state())
}

/// A verification has turns of its own, and says nothing about releases.
pub(super) fn turn_to_verify(scope: &Scope) -> Statement {
    turn_at(scope.verify_state())
}

fn turn_at(state: String) -> Statement {
    Statement::new(
        ("Turn", "take its turn, and say what is under way"),
        ["s3:PutObject"],
    )
    .on([state])
}

/// What its group and the console of its instances say of a candidate that fails, asked before they are gone.
pub(super) fn why_it_failed(scope: &Scope, whose: Whose) -> Vec<Statement> {
    let ask = (
        "AskCandidate",
        "know why a candidate fails, from its group and its own instances",
    );
    vec![
        Statement::new(ask, ["autoscaling:DescribeScalingActivities"]),
        whose.own(
            Statement::new(ask, ["ec2:GetConsoleOutput"]).on([scope.any_of_ec2("instance")]),
            scope,
        ),
    ]
}

/// The same by a command on them, which is as good as being root there, on live ones, too.
pub(super) fn why_it_failed_by_command(scope: &Scope) -> Vec<Statement> {
    let ask = (
        "AskByCommand",
        "know why a candidate fails, and that it ends by itself, from the instances themselves",
    );
    vec![
        Statement::new(
            ask,
            [
                "ssm:DescribeInstanceInformation",
                "ssm:GetCommandInvocation",
            ],
        ),
        Statement::new(ask, ["ssm:SendCommand"]).on([run_shell_script(scope)]),
        Statement::new(ask, ["ssm:SendCommand"])
            .on([scope.any_of_ec2("instance")])
            .tagged("ssm:resourceTag", scope),
    ]
}
