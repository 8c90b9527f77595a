//! What `destroy` needs: it removes what bears the stack's tags, and nothing else. Of what has a name, that of the stack as well.

use super::looks::{self, runbooks};
use super::scope::Scope;
use super::statement::Statement;

/// What stands, who serves by it, and what leads there; none of it has a resource to name.
const LOOKS: [&str; 15] = [
    "autoscaling:DescribeAutoScalingGroups",
    "ec2:DescribeImages",
    "ec2:DescribeInstances",
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSnapshots",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeLoadBalancerAttributes",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTags",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
    "ssm:DescribeAutomationExecutions",
];

/// All of it.
pub(super) fn destroy(scope: &Scope) -> Vec<Statement> {
    let mut all = look(scope);
    all.push(looks::turn(scope));
    all.extend(scope.by_bucket_key(["kms:Decrypt", "kms:GenerateDataKey"]));
    all.extend(traffic(scope));
    all.extend(fleet(scope));
    all.extend(roles(scope));
    all.extend(bucket(scope));
    all
}

/// The roles that `provision` makes; the first two have an instance profile.
fn own_roles(scope: &Scope) -> [String; 4] {
    let names = &scope.names;
    [
        names.instance_role(),
        names.builder_role(),
        names.bake_role(),
        names.guard_role(),
    ]
}

fn look(scope: &Scope) -> Vec<Statement> {
    let own = (
        "LookAtOwn",
        "see whose its runbooks, roles and bucket are, what else they have, and whose turn it is",
    );
    let roles = own_roles(scope);
    let by_name = roles.iter().flat_map(|name| scope.role_by_name(name));
    let acting = roles[..2].iter();
    let profiles = acting.flat_map(|name| scope.profile_by_name(name));
    vec![
        Statement::new(("Look", "see what stands, and who serves"), LOOKS),
        Statement::new(own, ["ssm:ListTagsForResource"])
            .on(runbooks(scope).map(|name| scope.document(&name))),
        Statement::new(own, ["ssm:GetAutomationExecution"])
            .on([scope.executions()])
            .ours(scope),
        Statement::new(
            own,
            [
                "iam:GetRole",
                "iam:ListAttachedRolePolicies",
                "iam:ListRolePolicies",
            ],
        )
        .on(by_name),
        Statement::new(own, ["iam:GetInstanceProfile"]).on(profiles),
        Statement::new(
            own,
            [
                "s3:GetBucketTagging",
                "s3:ListBucket",
                "s3:ListBucketVersions",
            ],
        )
        .on([scope.bucket()]),
        Statement::new(own, ["s3:GetObject"]).on([scope.state()]),
    ]
}

fn traffic(scope: &Scope) -> Vec<Statement> {
    let about = (
        "Traffic",
        "remove the load balancer, its listener, rules and target groups",
    );
    let of = |action: &'static str, resources: Vec<String>| {
        Statement::new(about, [action]).on(resources).ours(scope)
    };
    let one = |kind: &str| vec![scope.of_load_balancer(kind)];
    vec![
        of("elasticloadbalancing:DeleteRule", one("listener-rule")),
        of("elasticloadbalancing:DeleteListener", one("listener")),
        of(
            "elasticloadbalancing:DeleteLoadBalancer",
            one("loadbalancer"),
        ),
        of(
            "elasticloadbalancing:DeleteTargetGroup",
            scope.target_groups().to_vec(),
        ),
    ]
}

fn fleet(scope: &Scope) -> Vec<Statement> {
    let about = (
        "Fleet",
        "remove groups, instances, the launch template, images, security groups and runbooks, and end what is under way",
    );
    let of = |action: &'static str, resources: Vec<String>| {
        Statement::new(about, [action]).on(resources).ours(scope)
    };
    let any = |kind: &str| vec![scope.any_of_ec2(kind)];
    let documents = runbooks(scope).map(|name| scope.document(&name));
    vec![
        of(
            "autoscaling:DeleteAutoScalingGroup",
            scope.groups().to_vec(),
        ),
        of("ec2:TerminateInstances", any("instance")),
        of("ec2:DeleteLaunchTemplate", any("launch-template")),
        of("ec2:DeregisterImage", any("image")),
        of("ec2:DeleteSnapshot", any("snapshot")),
        of("ec2:DeleteSecurityGroup", any("security-group")),
        of("ssm:StopAutomationExecution", vec![scope.executions()]),
        of("ssm:DeleteDocument", documents.to_vec()),
    ]
}

fn roles(scope: &Scope) -> Vec<Statement> {
    let about = (
        "Roles",
        "remove the roles of instances, builders, bakes and timers",
    );
    let all = own_roles(scope);
    let roles = |names: &[String]| names.iter().map(|it| scope.role(it)).collect::<Vec<_>>();
    let acting = || all[..2].iter();
    vec![
        Statement::new(about, ["iam:DeleteRole", "iam:DeleteRolePolicy"])
            .on(roles(&all))
            .ours(scope),
        // AWS's own policy for the agent, which earlier versions attached.
        Statement::new(about, ["iam:DetachRolePolicy"])
            .on(roles(&all[..2]))
            .ours(scope),
        Statement::new(
            about,
            [
                "iam:DeleteInstanceProfile",
                "iam:RemoveRoleFromInstanceProfile",
            ],
        )
        .on(acting().map(|name| scope.profile(name)))
        .ours(scope),
    ]
}

fn bucket(scope: &Scope) -> Vec<Statement> {
    let about = (
        "Bucket",
        "remove what the bucket holds of the environment, and the bucket when it is empty",
    );
    vec![
        Statement::new(about, ["s3:DeleteObjectVersion"]).on([scope.state(), scope.bundles()]),
        Statement::new(about, ["s3:DeleteBucket"]).on([scope.bucket()]),
    ]
}
