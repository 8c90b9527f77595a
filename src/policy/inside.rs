//! What acts inside AWS: instances, builders, the automation that bakes, the timers. `provision` makes their roles.

use super::scope::{BUILDERS, Scope};
use super::statement::Statement;
use crate::stack::TAG_PURPOSE;

/// What the SSM agent needs for commands and sessions, none of which has a resource to name:
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-setting-up-messageAPIs.html>.
const AGENT: [&str; 14] = [
    "ssm:DescribeAssociation",
    "ssm:ListAssociations",
    "ssm:ListInstanceAssociations",
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
    "ec2messages:AcknowledgeMessage",
    "ec2messages:DeleteMessage",
    "ec2messages:FailMessage",
    "ec2messages:GetEndpoint",
    "ec2messages:GetMessages",
    "ec2messages:SendReply",
];

/// Of an instance: its agent, and nothing that a service of yours could use.
pub(super) fn instance(scope: &Scope) -> Vec<Statement> {
    let about = ("Agent", "be reached by Run Command and sessions");
    let associations = scope.arn("ssm", "association/*");
    vec![
        Statement::new(about, AGENT),
        Statement::new(about, ["ssm:UpdateInstanceAssociationStatus"])
            .on([associations, scope.any_of_ec2("instance")]),
    ]
}

/// Of a builder: its agent, and the bundle that it unpacks.
pub(super) fn builder(scope: &Scope) -> Vec<Statement> {
    let mut all = instance(scope);
    // Its command can't say whose the bucket has to be, as every call of ours does.
    all.push(
        Statement::new(("Bundle", "read what it installs"), ["s3:GetObject"])
            .on([scope.bundles()])
            .when("aws:ResourceAccount", [&*scope.account]),
    );
    all.extend(scope.by_bucket_key(["kms:Decrypt"]));
    all
}

/// Of the timers: look who is healthy and how the traffic is divided, and divide it anew; give a group its floor back, or empty
/// it; end what is kept to be looked at, and says so.
pub(super) fn guard(scope: &Scope) -> Vec<Statement> {
    vec![
        Statement::new(
            ("Look", "see who is healthy, and how the traffic is divided"),
            [
                "elasticloadbalancing:DescribeRules",
                "elasticloadbalancing:DescribeListeners",
                "elasticloadbalancing:DescribeTargetHealth",
            ],
        ),
        Statement::new(
            ("Weights", "bring the traffic back to the previous release"),
            [
                "elasticloadbalancing:ModifyRule",
                "elasticloadbalancing:ModifyListener",
            ],
        )
        .on([
            scope.of_load_balancer("listener-rule"),
            scope.of_load_balancer("listener"),
        ]),
        Statement::new(
            (
                "Groups",
                "give a group its floor back, and empty what is idle",
            ),
            ["autoscaling:UpdateAutoScalingGroup"],
        )
        .on(scope.groups_of_colours()),
        Statement::new(
            ("Kept", "end an instance that was kept to be looked at"),
            ["ec2:TerminateInstances"],
        )
        .on([scope.any_of_ec2("instance")])
        .kept(scope),
    ]
}

/// Of the automation that bakes: start a builder that bears the stack's tags, run the script on it, image it, end it.
pub(super) fn bake(scope: &Scope) -> Vec<Statement> {
    let any = |kinds: &[&str]| {
        let kinds = kinds.iter();
        kinds.map(|kind| scope.any_of_ec2(kind)).collect::<Vec<_>>()
    };
    let launch = ("Launch", "start a builder");
    let image = ("Image", "make an image of the builder");
    let script = ("Script", "have the builder install the bundle");
    let mut all = vec![
        Statement::new(
            ("Look", "see how far the builder and its image are"),
            [
                "ec2:DescribeInstances",
                "ec2:DescribeInstanceStatus",
                "ec2:DescribeImages",
                "ssm:DescribeInstanceInformation",
                "ssm:ListCommands",
                "ssm:ListCommandInvocations",
                // What a cancelled bake has under way.
                "ssm:CancelCommand",
            ],
        ),
        Statement::new(launch, ["ec2:RunInstances"]).on(any(&[
            "subnet",
            "network-interface",
            "security-group",
            "image",
            "snapshot",
        ])),
        Statement::new(launch, ["ec2:RunInstances"])
            .on(any(&["instance"]))
            .made_ours(scope)
            .when("ec2:MetadataHttpTokens", ["required"]),
        Statement::new(launch, ["ec2:RunInstances"])
            .on(any(&["volume"]))
            .made_ours(scope)
            .met("Bool", "ec2:Encrypted", ["true"]),
        Statement::new(launch, ["iam:PassRole"])
            .on([scope.role(&scope.names.builder_role())])
            .when("iam:PassedToService", ["ec2.amazonaws.com"]),
        Statement::new(
            ("End", "stop the builder for its image, and end it"),
            ["ec2:StopInstances", "ec2:TerminateInstances"],
        )
        .on(any(&["instance"]))
        .builder(scope),
        Statement::new(image, ["ec2:CreateImage"])
            .on(any(&["instance"]))
            .builder(scope),
        Statement::new(image, ["ec2:CreateImage"])
            .on(any(&["image", "snapshot"]))
            .made_ours(scope),
        // Tagging at any other time would defeat the conditions above.
        Statement::new(
            ("Tag", "tag what it makes, as it makes it"),
            ["ec2:CreateTags"],
        )
        .on(any(&["instance", "volume", "image", "snapshot"]))
        .when("ec2:CreateAction", ["RunInstances", "CreateImage"]),
        Statement::new(script, ["ssm:SendCommand"]).on([run_shell_script(scope)]),
        Statement::new(script, ["ssm:SendCommand"])
            .on(any(&["instance"]))
            .tagged("ssm:resourceTag", scope)
            .when(format!("ssm:resourceTag/{TAG_PURPOSE}"), BUILDERS),
    ];
    if let Some(key) = &scope.encryption.volume_key {
        all.extend(by_volume_key(scope, key));
    }
    all
}

/// What EBS does with a key in the name of whoever launches
/// (<https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html>).
fn by_volume_key(scope: &Scope, key: &str) -> [Statement; 2] {
    let about = ("VolumeKey", "have the builder's disk encrypted by your key");
    let of = |statement: Statement| statement.on([key.to_owned()]).through("ec2", scope);
    [
        of(Statement::new(
            about,
            [
                "kms:Decrypt",
                "kms:DescribeKey",
                "kms:GenerateDataKeyWithoutPlaintext",
            ],
        )),
        of(Statement::new(about, ["kms:CreateGrant"])).met(
            "Bool",
            "kms:GrantIsForAWSResource",
            ["true"],
        ),
    ]
}

/// The document with which commands are run, which is AWS's.
pub(super) fn run_shell_script(scope: &Scope) -> String {
    scope.unowned("ssm", "document/AWS-RunShellScript")
}
