//! What `provision` needs: whatever it makes bears the stack's names or tags.

use super::looks::runbooks;
use super::release::launch;
use super::scope::Scope;
use super::statement::Statement;
use super::whose::Whose;
use crate::aws::iam::SERVICE_ROLES;

/// Beside what every command looks at.
pub(super) fn provision(scope: &Scope) -> Vec<Statement> {
    let mut all = network(scope);
    all.extend(load_balancer(scope));
    all.extend(fleet(scope));
    all.extend(roles(scope));
    all.extend(roles_of_services(scope));
    all.extend(artifacts(scope));
    all
}

/// AWS's own roles, which the first load balancer and the first group of an account make in the name of whoever makes them.
fn roles_of_services(scope: &Scope) -> [Statement; 2] {
    let about = (
        "ServiceRoles",
        "let AWS make its own roles for load balancers and groups, where the account has none yet",
    );
    let make = Statement::new(about, ["iam:CreateServiceLinkedRole"])
        .on(SERVICE_ROLES.map(|(service, role)| scope.service_linked_role(service, role)))
        .when(
            "iam:AWSServiceName",
            SERVICE_ROLES.map(|(service, _)| service),
        );
    let by_name = SERVICE_ROLES.map(|(_, role)| scope.service_linked_by_name(role));
    let look = Statement::new(about, ["iam:GetRole"]).on(by_name);
    [make, look]
}

fn network(scope: &Scope) -> Vec<Statement> {
    let about = ("Network", "make security groups, and let traffic in");
    let groups = scope.any_of_ec2("security-group");
    vec![
        Statement::new(about, ["ec2:CreateSecurityGroup"]).on([scope.any_of_ec2("vpc")]),
        Statement::new(about, ["ec2:CreateSecurityGroup"])
            .on([groups.clone()])
            .made_ours(scope),
        Statement::new(about, ["ec2:CreateTags"])
            .on([groups.clone(), scope.any_of_ec2("launch-template")])
            .made_ours(scope)
            .when(
                "ec2:CreateAction",
                ["CreateLaunchTemplate", "CreateSecurityGroup"],
            ),
        Statement::new(about, ["ec2:AuthorizeSecurityGroupIngress"])
            .on([groups])
            .ours(scope),
    ]
}

fn load_balancer(scope: &Scope) -> Vec<Statement> {
    let about = (
        "LoadBalancer",
        "make the load balancer, its listener, rules and target groups",
    );
    let [balancer, listener, rules] =
        ["loadbalancer", "listener", "listener-rule"].map(|kind| scope.of_load_balancer(kind));
    let groups = scope.target_groups().to_vec();
    let own = vec![balancer.clone(), listener.clone(), rules.clone()];
    let all = [groups.clone(), own].concat();
    vec![
        Statement::new(
            about,
            [
                "elasticloadbalancing:AddTags",
                "elasticloadbalancing:CreateLoadBalancer",
                "elasticloadbalancing:CreateTargetGroup",
            ],
        )
        .on(all)
        .made_ours(scope),
        Statement::new(
            about,
            [
                "elasticloadbalancing:CreateListener",
                "elasticloadbalancing:ModifyLoadBalancerAttributes",
            ],
        )
        .on([balancer]),
        Statement::new(about, ["elasticloadbalancing:CreateRule"]).on([listener]),
        // The target group that a rule does not name is added to it.
        Statement::new(about, ["elasticloadbalancing:ModifyRule"]).on([rules]),
        Statement::new(
            about,
            [
                "elasticloadbalancing:ModifyTargetGroup",
                "elasticloadbalancing:ModifyTargetGroupAttributes",
            ],
        )
        .on(groups),
    ]
}

fn fleet(scope: &Scope) -> Vec<Statement> {
    let about = ("Groups", "make the launch templates and the groups");
    let mut all = vec![
        Statement::new(about, ["ec2:CreateLaunchTemplate"])
            .on([scope.any_of_ec2("launch-template")])
            .made_ours(scope),
        Statement::new(
            about,
            [
                "autoscaling:CreateAutoScalingGroup",
                "autoscaling:CreateOrUpdateTags",
            ],
        )
        .on(scope.groups())
        .made_ours(scope),
    ];
    let named = (
        "Launch",
        "give the groups a version of the template, which AWS asks the right to launch for",
    );
    all.extend(launch(scope, Whose::Release, named));
    all
}

fn roles(scope: &Scope) -> Vec<Statement> {
    let about = (
        "Roles",
        "make the roles of instances, builders, bakes and timers",
    );
    let names = &scope.names;
    let acting = [names.instance_role(), names.builder_role()];
    let all = [acting.to_vec(), vec![names.bake_role(), names.guard_role()]].concat();
    let roles = || all.iter().map(|name| scope.role(name));
    let profiles = acting.iter().map(|name| scope.profile(name));
    let granting = match &scope.boundary {
        None => Statement::new(about, ["iam:CreateRole", "iam:PutRolePolicy"]).on(roles()),
        // Nothing is given to a role that is not limited so.
        Some(boundary) => Statement::new(
            about,
            [
                "iam:CreateRole",
                "iam:PutRolePermissionsBoundary",
                "iam:PutRolePolicy",
            ],
        )
        .on(roles())
        .when("iam:PermissionsBoundary", [&**boundary]),
    };
    let by_name = all.iter().flat_map(|name| scope.role_by_name(name));
    vec![
        granting,
        Statement::new(about, ["iam:TagRole", "iam:UpdateAssumeRolePolicy"]).on(roles()),
        Statement::new(about, ["iam:GetRole"]).on(by_name),
        // AWS's own policy for the agent, which earlier versions attached: it reads every parameter.
        Statement::new(about, ["iam:DetachRolePolicy"]).on(acting.iter().map(|it| scope.role(it))),
        Statement::new(
            about,
            [
                "iam:AddRoleToInstanceProfile",
                "iam:CreateInstanceProfile",
                "iam:TagInstanceProfile",
            ],
        )
        .on(profiles),
        // Asked for by AddRoleToInstanceProfile, which hands the role to no service yet.
        Statement::new(about, ["iam:PassRole"]).on(acting.iter().map(|name| scope.role(name))),
    ]
}

fn artifacts(scope: &Scope) -> Vec<Statement> {
    let about = (
        "Bucket",
        "make the bucket of bundles and of turns, closed to the public, and add to what stands",
    );
    let mut all = vec![
        Statement::new(
            about,
            [
                "s3:CreateBucket",
                "s3:GetBucketPolicy",
                "s3:GetBucketPublicAccessBlock",
                "s3:GetBucketTagging",
                "s3:GetBucketVersioning",
                "s3:GetEncryptionConfiguration",
                "s3:GetLifecycleConfiguration",
                "s3:PutBucketPolicy",
                "s3:PutBucketPublicAccessBlock",
                "s3:PutBucketTagging",
                "s3:PutBucketVersioning",
                "s3:PutLifecycleConfiguration",
            ],
        )
        .on([scope.bucket()]),
        Statement::new(
            ("Runbooks", "make the runbooks, and bring them up to date"),
            [
                "ssm:AddTagsToResource",
                "ssm:CreateDocument",
                "ssm:DescribeDocument",
                "ssm:UpdateDocument",
                "ssm:UpdateDocumentDefaultVersion",
            ],
        )
        .on(runbooks(scope).map(|name| scope.document(&name))),
    ];
    if scope.encryption.bucket_key.is_some() {
        let encrypt = Statement::new(about, ["s3:PutEncryptionConfiguration"]);
        all.push(encrypt.on([scope.bucket()]));
    }
    all
}
