//! What instances, builders, bakes and guards may do.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::Provisioned;
use crate::aws::iam::{self, Role, Source};
use crate::aws::sts::Caller;
use crate::kept::TAG_KEPT_UNTIL;
use crate::run::context::Context;
use crate::stack::{Names, TAG_APP, TAG_ENVIRONMENT};

/// IAM is eventually consistent: a role that was just made is not yet seen by the services that take it on.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>
const NEW_ROLE_SETTLES: Duration = Duration::from_secs(15);

/// AWS's own policy for the SSM agent, which roles of earlier versions have: it lets every instance read every parameter of the
/// account by its name, secret ones, too.
const MANAGED_INSTANCE: &str = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore";

/// What the SSM agent needs for commands and sessions, none of which has a resource to name:
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-setting-up-messageAPIs.html>.
const AGENT: [&str; 15] = [
    "ssm:DescribeAssociation",
    "ssm:ListAssociations",
    "ssm:ListInstanceAssociations",
    "ssm:UpdateInstanceAssociationStatus",
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

/// Makes or updates the roles.
pub async fn ensure(
    cx: &Context,
    names: &Names,
    caller: &Caller,
    bucket: &str,
    made: &mut Provisioned,
) -> Result<()> {
    let tags = names.tags();
    let mut any_new = false;
    for role in roles(names, caller, bucket) {
        let (_, new) = iam::ensure_role(&cx.aws, &role, &tags).await?;
        if new {
            made.create(cx, format!("role {}", role.name));
            any_new = true;
        }
    }
    if any_new {
        cx.pause(NEW_ROLE_SETTLES).await?;
    }
    Ok(())
}

fn roles(names: &Names, caller: &Caller, bucket: &str) -> [Role; 4] {
    let bundles = format!("arn:aws:s3:::{bucket}/bundles/*");
    // Nobody else's automation may have them act.
    let source = Source {
        account: caller.account.clone(),
        arn: format!("arn:aws:ssm:*:{}:automation-execution/*", caller.account),
    };
    [
        Role {
            name: names.instance_role(),
            principal: "ec2.amazonaws.com",
            not_managed: vec![MANAGED_INSTANCE],
            inline: policy(vec![agent()]),
            source: None,
            instance_profile: true,
        },
        Role {
            name: names.builder_role(),
            principal: "ec2.amazonaws.com",
            not_managed: vec![MANAGED_INSTANCE],
            inline: policy(vec![
                agent(),
                json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": bundles}),
            ]),
            source: None,
            instance_profile: true,
        },
        Role {
            name: names.bake_role(),
            principal: "ssm.amazonaws.com",
            not_managed: Vec::new(),
            inline: bake_policy(names, caller),
            source: Some(source.clone()),
            instance_profile: false,
        },
        Role {
            name: names.guard_role(),
            principal: "ssm.amazonaws.com",
            not_managed: Vec::new(),
            inline: guard_policy(names),
            source: Some(source),
            instance_profile: false,
        },
    ]
}

/// A policy of these statements.
fn policy(statements: Vec<serde_json::Value>) -> serde_json::Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn agent() -> serde_json::Value {
    json!({"Effect": "Allow", "Action": AGENT, "Resource": "*"})
}

/// What the guard needs: look who is healthy and how the traffic is divided, and divide it anew; then
/// to give the group its floor back. The scale-in needs no more: to look, and to empty the group. What is
/// kept to be looked at, and says so, it ends.
fn guard_policy(names: &Names) -> serde_json::Value {
    let ours = json!({"StringEquals": {
        format!("aws:ResourceTag/{TAG_APP}"): names.app,
        format!("aws:ResourceTag/{TAG_ENVIRONMENT}"): names.environment,
    }});
    let mut kept = ours.clone();
    kept["StringLike"] = json!({format!("aws:ResourceTag/{TAG_KEPT_UNTIL}"): "*"});
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeListeners",
                           "elasticloadbalancing:DescribeTargetHealth"],
                "Resource": "*",
            },
            {
                "Effect": "Allow",
                "Action": ["elasticloadbalancing:ModifyRule", "elasticloadbalancing:ModifyListener"],
                "Resource": ["arn:aws:elasticloadbalancing:*:*:listener-rule/app/*",
                             "arn:aws:elasticloadbalancing:*:*:listener/app/*"],
                "Condition": ours,
            },
            {
                "Effect": "Allow",
                "Action": "autoscaling:UpdateAutoScalingGroup",
                "Resource": "arn:aws:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/*",
                "Condition": ours,
            },
            {
                "Effect": "Allow",
                "Action": "ec2:TerminateInstances",
                "Resource": "arn:aws:ec2:*:*:instance/*",
                "Condition": kept,
            },
        ],
    })
}

/// What the automation needs: start a builder that bears the app's tag, run the script on it, image it, end it.
fn bake_policy(names: &Names, caller: &Caller) -> serde_json::Value {
    let ours = json!({"StringEquals": {format!("aws:ResourceTag/{TAG_APP}"): names.app}});
    let to_be_ours = json!({"StringEquals": {format!("aws:RequestTag/{TAG_APP}"): names.app}});
    let builder_role = format!(
        "arn:aws:iam::{}:role/{}",
        caller.account,
        names.builder_role()
    );
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["ec2:DescribeInstances", "ec2:DescribeInstanceStatus", "ec2:DescribeImages",
                           "ssm:DescribeInstanceInformation", "ssm:ListCommands", "ssm:ListCommandInvocations",
                           // What a cancelled bake has under way.
                           "ssm:CancelCommand"],
                "Resource": "*",
            },
            {
                "Effect": "Allow",
                "Action": "ec2:RunInstances",
                "Resource": ["arn:aws:ec2:*:*:subnet/*", "arn:aws:ec2:*:*:network-interface/*",
                             "arn:aws:ec2:*:*:security-group/*", "arn:aws:ec2:*::image/*", "arn:aws:ec2:*::snapshot/*"],
            },
            {
                "Effect": "Allow",
                "Action": "ec2:RunInstances",
                "Resource": ["arn:aws:ec2:*:*:instance/*", "arn:aws:ec2:*:*:volume/*"],
                "Condition": to_be_ours,
            },
            {
                "Effect": "Allow",
                "Action": ["ec2:StopInstances", "ec2:TerminateInstances"],
                "Resource": "arn:aws:ec2:*:*:instance/*",
                "Condition": ours,
            },
            {
                "Effect": "Allow",
                "Action": "ec2:CreateImage",
                "Resource": "arn:aws:ec2:*:*:instance/*",
                "Condition": ours,
            },
            {
                "Effect": "Allow",
                "Action": "ec2:CreateImage",
                "Resource": ["arn:aws:ec2:*::image/*", "arn:aws:ec2:*::snapshot/*"],
                "Condition": to_be_ours,
            },
            {
                "Effect": "Allow",
                "Action": "ec2:CreateTags",
                "Resource": ["arn:aws:ec2:*:*:instance/*", "arn:aws:ec2:*:*:volume/*",
                             "arn:aws:ec2:*::image/*", "arn:aws:ec2:*::snapshot/*"],
                // Tagging at any other time would defeat the conditions above.
                "Condition": {"StringEquals": {"ec2:CreateAction": ["RunInstances", "CreateImage"]}},
            },
            {
                "Effect": "Allow",
                "Action": ["ssm:SendCommand"],
                "Resource": "arn:aws:ssm:*:*:document/AWS-RunShellScript",
            },
            {
                "Effect": "Allow",
                "Action": ["ssm:SendCommand"],
                "Resource": "arn:aws:ec2:*:*:instance/*",
                "Condition": {"StringEquals": {format!("ssm:resourceTag/{TAG_APP}"): names.app}},
            },
            {
                "Effect": "Allow",
                "Action": "iam:PassRole",
                "Resource": builder_role,
                "Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
            },
        ],
    })
}
