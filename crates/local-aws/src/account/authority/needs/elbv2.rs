//! Elastic Load Balancing.

use serde_json::Value;

use super::{
    member, read_tags, request, request_keys, resource_keys, service_linked_role, text, texts,
};
use crate::account::elbv2::{self, tags as elb_tags};
use crate::account::policy::Request;
use crate::account::{Account, Tags};

pub(super) fn needs(
    account: &mut Account,
    operation: &str,
    params: &Value,
) -> Option<Vec<Request>> {
    let on = |account: &mut Account, member: &str| {
        let arns = texts(&params[member]);
        let each = arns.iter().map(|arn| of(account, operation, arn));
        each.collect::<Vec<_>>()
    };
    let name = text(params, "Name");
    Some(match operation {
        "CreateLoadBalancer" => {
            let arn = account.arn(
                "elasticloadbalancing",
                &format!("loadbalancer/app/{name}/*"),
            );
            let mut needs = create(operation, &arn, params);
            needs.extend(service_linked_role(account, elbv2::SERVICE));
            needs
        }
        "CreateTargetGroup" => {
            let arn = account.arn("elasticloadbalancing", &format!("targetgroup/{name}/*"));
            create(operation, &arn, params)
        }
        "CreateListener" => {
            let mut needs = on(account, "LoadBalancerArn");
            needs.extend(tags_of_a_part(
                operation,
                params,
                "LoadBalancerArn",
                ("loadbalancer/", "listener/"),
            ));
            needs
        }
        "CreateRule" => {
            let mut needs = on(account, "ListenerArn");
            needs.extend(tags_of_a_part(
                operation,
                params,
                "ListenerArn",
                ("listener/", "listener-rule/"),
            ));
            needs
        }
        "ModifyRule" | "DeleteRule" => on(account, "RuleArn"),
        "ModifyListener" | "DeleteListener" => on(account, "ListenerArn"),
        "ModifyTargetGroup"
        | "ModifyTargetGroupAttributes"
        | "DeleteTargetGroup"
        | "RegisterTargets"
        | "DeregisterTargets" => on(account, "TargetGroupArn"),
        "ModifyLoadBalancerAttributes"
        | "DeleteLoadBalancer"
        | "SetSecurityGroups"
        | "SetSubnets" => on(account, "LoadBalancerArn"),
        "SetRulePriorities" => {
            let rules = params["RulePriorities"].as_array().into_iter().flatten();
            let arns: Vec<_> = rules.map(|rule| text(rule, "RuleArn")).collect();
            let each = arns.iter().map(|arn| of(account, operation, arn));
            each.collect()
        }
        "AddTags" | "RemoveTags" => {
            let tags = read_tags(&params["Tags"]);
            let arns = texts(member(params, &["ResourceArns"]));
            let each = arns.iter().map(|arn| {
                let mut needed = of(account, operation, arn);
                needed.keys.extend(request_keys(&tags));
                needed
            });
            each.collect()
        }
        _ => return None,
    })
}

fn of(account: &mut Account, operation: &str, arn: &str) -> Request {
    let tags = elb_tags::of(account, arn).cloned().unwrap_or_default();
    let keys = resource_keys("elasticloadbalancing:ResourceTag", &tags);
    request(&format!("elasticloadbalancing:{operation}"), arn, keys)
}

fn create(operation: &str, arn: &str, params: &Value) -> Vec<Request> {
    let tags = read_tags(&params["Tags"]);
    let action = format!("elasticloadbalancing:{operation}");
    let mut needs = vec![request(&action, arn, request_keys(&tags))];
    needs.extend(tag_on_create(arn, &tags, operation));
    needs
}

/// The tags of what is made below something that is there: `.../listener/app/NAME/ID/*` below `.../loadbalancer/app/NAME/ID`.
fn tags_of_a_part(
    operation: &str,
    params: &Value,
    whole: &str,
    (of_whole, of_part): (&str, &str),
) -> Option<Request> {
    let arn = format!("{}/*", text(params, whole).replace(of_whole, of_part));
    tag_on_create(&arn, &read_tags(&params["Tags"]), operation)
}

fn tag_on_create(arn: &str, tags: &Tags, operation: &str) -> Option<Request> {
    let mut keys = request_keys(tags);
    keys.insert(
        "elasticloadbalancing:CreateAction".to_owned(),
        vec![operation.to_owned()],
    );
    (!tags.is_empty()).then(|| request("elasticloadbalancing:AddTags", arn, keys))
}
