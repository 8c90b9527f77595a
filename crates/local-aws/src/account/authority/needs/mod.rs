//! What a call needs: each action, on each resource, with the keys that conditions may ask for. A file for each service that
//! has resources to name.
//!
//! As the service authorization reference has it
//! (<https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>).
//! Where that names several resources and says of none that it is optional, all are asked for.
//!
//! Guarantees: what has no resource to name is asked for on `*`; a call that it does not know by name as well.

mod autoscaling;
mod ec2;
mod elbv2;
mod iam;
mod launch;
mod s3;
mod ssm;
mod sts;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::account::iam::service_linked;
use crate::account::policy::Request;
use crate::account::{Account, Tags};

/// The keys of a request.
type Keys = BTreeMap<String, Vec<String>>;

/// What a call needs.
pub(super) fn of(
    account: &mut Account,
    service: &str,
    operation: &str,
    params: &Value,
) -> Vec<Request> {
    let found = match service {
        "ec2" => ec2::needs(account, operation, params),
        "elasticloadbalancing" | "elbv2" => elbv2::needs(account, operation, params),
        "autoscaling" => autoscaling::needs(account, operation, params),
        "ssm" => ssm::needs(account, operation, params),
        "iam" => iam::needs(account, operation, params),
        "s3" => return s3::needs(account, operation, params),
        "sts" => return sts::needs(account, operation, params),
        _ => None,
    };
    found.unwrap_or_else(|| {
        let action = format!("{}:{operation}", prefix(service));
        vec![request(&action, "*", Keys::new())]
    })
}

/// What a service is called in policies.
fn prefix(service: &str) -> &str {
    match service {
        "elbv2" => "elasticloadbalancing",
        "monitoring" => "cloudwatch",
        other => other,
    }
}

fn request(action: &str, resource: impl Into<String>, keys: Keys) -> Request {
    Request {
        action: action.to_owned(),
        resource: resource.into(),
        keys,
    }
}

/// What it takes to have a service act in the account for the first time: AWS makes the service's own role, in the name of whoever
/// calls (<https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html>). Nothing, where that role is there.
fn service_linked_role(account: &Account, service: &str) -> Option<Request> {
    (!service_linked::has(account, service)).then(|| to_link(account, service))
}

/// What it takes to have a service's own role made.
fn to_link(account: &Account, service: &str) -> Request {
    let arn = service_linked::arn(account, service);
    let keys = key("iam:AWSServiceName", service);
    request("iam:CreateServiceLinkedRole", arn, keys)
}

/// A key with one value.
fn key(name: &str, value: impl Into<String>) -> Keys {
    Keys::from([(name.to_owned(), vec![value.into()])])
}

/// A key for each tag.
fn tag_keys(name: &str, tags: &Tags) -> Keys {
    let key = |(tag, value): (&String, &String)| (format!("{name}/{tag}"), vec![value.clone()]);
    tags.iter().map(key).collect()
}

/// The tags that something bears, as keys: IAM's own, and those of this name that a service has beside them.
fn resource_keys(of_service: &str, tags: &Tags) -> Keys {
    let mut keys = tag_keys("aws:ResourceTag", tags);
    keys.extend(tag_keys(of_service, tags));
    keys
}

/// The tags that a call gives, as keys.
fn request_keys(tags: &Tags) -> Keys {
    let mut keys = tag_keys("aws:RequestTag", tags);
    if !tags.is_empty() {
        keys.insert("aws:TagKeys".to_owned(), tags.keys().cloned().collect());
    }
    keys
}

/// The first of these members that is there: its name in the API, and its name in a form where that is another.
fn member<'a>(params: &'a Value, names: &[&str]) -> &'a Value {
    let found = names.iter().map(|name| &params[*name]);
    found
        .into_iter()
        .find(|it| !it.is_null())
        .unwrap_or(&Value::Null)
}

/// A member's text; none, where it has none.
fn text(params: &Value, name: &str) -> String {
    params[name].as_str().unwrap_or_default().to_owned()
}

/// The texts of a member, be it a list or one.
fn texts(value: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match value {
        Value::Array(list) => list.iter().filter_map(text).collect(),
        one => text(one).into_iter().collect(),
    }
}

/// What a call says of its tags: `[{"Key": "...", "Value": "..."}]`.
fn read_tags(list: &Value) -> Tags {
    let list = list.as_array().into_iter().flatten();
    list.map(|tag| (text(tag, "Key"), text(tag, "Value")))
        .collect()
}
