//! Auto Scaling.

use std::collections::BTreeSet;

use serde_json::Value;

use super::launch::{self, Launch};
use super::{Keys, read_tags, request, request_keys, resource_keys, service_linked_role, text};
use crate::account::ec2::launch_templates;
use crate::account::lag::Eye;
use crate::account::policy::Request;
use crate::account::{Account, Tags, autoscaling};

pub(super) fn needs(
    account: &mut Account,
    operation: &str,
    params: &Value,
) -> Option<Vec<Request>> {
    if operation.starts_with("Describe") {
        return None;
    }
    let name = text(params, "AutoScalingGroupName");
    Some(match operation {
        "CreateAutoScalingGroup" => create(account, &name, params),
        "UpdateAutoScalingGroup" => {
            let mut needed = of(account, operation, &name);
            needed.keys.extend(version_specified(params));
            let mut needs = vec![needed];
            needs.extend(launch(account, params));
            needs
        }
        "CreateOrUpdateTags" | "DeleteTags" => {
            // Each group with all the tags of the call.
            let given = read_tags(&params["Tags"]);
            let tags = params["Tags"].as_array().into_iter().flatten();
            let groups: BTreeSet<_> = tags.map(|tag| text(tag, "ResourceId")).collect();
            let each = groups.iter().map(|name| {
                let mut needed = of(account, operation, name);
                needed.keys.extend(request_keys(&given));
                needed
            });
            each.collect()
        }
        "SetInstanceHealth" | "TerminateInstanceInAutoScalingGroup" => {
            let id = text(params, "InstanceId");
            let mut groups = account.autoscaling.groups.values();
            let group = groups.find(|group| group.members.contains_key(&id));
            let name = group.map(|group| group.name.clone()).unwrap_or_default();
            vec![of(account, operation, &name)]
        }
        _ => vec![of(account, operation, &name)],
    })
}

fn any_of(account: &Account, name: &str) -> String {
    let of = format!("autoScalingGroup:*:autoScalingGroupName/{name}");
    account.arn("autoscaling", &of)
}

fn of(account: &mut Account, operation: &str, name: &str) -> Request {
    let action = format!("autoscaling:{operation}");
    let Ok(group) = autoscaling::group(account, name) else {
        return request(&action, any_of(account, name), Keys::new());
    };
    let tags = group.tags.iter();
    let tags: Tags = tags
        .map(|(key, tag)| (key.clone(), tag.value.clone()))
        .collect();
    let keys = resource_keys("autoscaling:ResourceTag", &tags);
    request(&action, group.arn.clone(), keys)
}

fn create(account: &mut Account, name: &str, params: &Value) -> Vec<Request> {
    let (arn, tags) = (any_of(account, name), read_tags(&params["Tags"]));
    let keys = request_keys(&tags);
    let mut needs = vec![request(
        "autoscaling:CreateAutoScalingGroup",
        arn.clone(),
        keys.clone(),
    )];
    if !tags.is_empty() {
        needs.push(request("autoscaling:CreateOrUpdateTags", arn, keys));
    }
    needs.extend(launch(account, params));
    needs.extend(service_linked_role(account, autoscaling::SERVICE));
    needs
}

/// Whether a version is named by its number; nothing, where no template is named.
fn version_specified(params: &Value) -> Option<(String, Vec<String>)> {
    let template = &params["LaunchTemplate"];
    let version = template["Version"].as_str().unwrap_or("$Default");
    let is_number = version.bytes().all(|b| b.is_ascii_digit());
    let key = "autoscaling:LaunchTemplateVersionSpecified".to_owned();
    (!template.is_null()).then(|| (key, vec![is_number.to_string()]))
}

/// What the launch template that the call names takes; nothing, where it names none that is there.
fn launch(account: &mut Account, params: &Value) -> Vec<Request> {
    let template = &params["LaunchTemplate"];
    let named = |name: &str| template[name].as_str();
    let id = launch_templates::find(
        account,
        Eye::Launch,
        named("LaunchTemplateId"),
        named("LaunchTemplateName"),
    );
    let found = id.and_then(|id| {
        let version = named("Version").unwrap_or("$Default");
        let number = launch_templates::version_number(account, Eye::Launch, &id, version)?;
        let version = launch_templates::version(account, Eye::Launch, &id, number)?;
        Ok(Launch::of_template(&id, &version.data))
    });
    match (template.is_null(), found) {
        (false, Ok(launch)) => launch::needs(account, &launch),
        _ => Vec::new(),
    }
}
