//! What a call needs: each action, on each resource, with the keys that conditions may ask for.
//!
//! As the service authorization reference has it
//! (<https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>),
//! for the operations that runbooks make. Of any other it is said that it is about no resource.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::account::ec2::tags as ec2_tags;
use crate::account::elbv2::tags as elb_tags;
use crate::account::policy::Request;
use crate::account::{Account, Tags, autoscaling, iam};

/// The keys of a request.
type Keys = BTreeMap<String, Vec<String>>;

/// What a call needs.
pub(super) fn of(
    account: &mut Account,
    service: &str,
    operation: &str,
    params: &Value,
) -> Vec<Request> {
    match (service, operation) {
        ("ec2", "RunInstances") => run_instances(account, params),
        ("ec2", "CreateImage") => create_image(account, params),
        ("ec2", "CreateTags") => create_tags(account, params),
        ("ec2", "StartInstances" | "StopInstances" | "TerminateInstances") => {
            let ids = texts(&params["InstanceIds"]);
            let each = ids.iter().map(|id| instance(account, operation, id));
            each.collect()
        }
        ("ssm", "SendCommand") => send_command(account, params),
        ("elasticloadbalancing" | "elbv2", "ModifyRule") => {
            elb(account, operation, &params["RuleArn"])
        }
        ("elasticloadbalancing" | "elbv2", "ModifyListener") => {
            elb(account, operation, &params["ListenerArn"])
        }
        ("autoscaling", "UpdateAutoScalingGroup" | "SetDesiredCapacity") => {
            group(account, operation, &params["AutoScalingGroupName"])
        }
        _ => vec![Request {
            action: format!("{}:{operation}", prefix(service)),
            resource: "*".to_owned(),
            keys: Keys::new(),
        }],
    }
}

/// What a service is called in policies.
fn prefix(service: &str) -> &str {
    match service {
        "elbv2" => "elasticloadbalancing",
        other => other,
    }
}

fn request(action: &str, resource: String, keys: Keys) -> Request {
    Request {
        action: action.to_owned(),
        resource,
        keys,
    }
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

/// The keys of something of EC2's; none, where it is not there.
fn ec2_keys(account: &mut Account, id: &str) -> Keys {
    resource_keys("ec2:ResourceTag", &tags_of(account, id))
}

fn tags_of(account: &mut Account, id: &str) -> Tags {
    ec2_tags::tags_of(account, id).cloned().unwrap_or_default()
}

/// The tags that a call gives, as keys.
fn request_keys(tags: &Tags) -> Keys {
    let mut keys = tag_keys("aws:RequestTag", tags);
    if !tags.is_empty() {
        keys.insert("aws:TagKeys".to_owned(), tags.keys().cloned().collect());
    }
    keys
}

/// `[{"Key": "...", "Value": "..."}]`
fn read_tags(list: &Value) -> Tags {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = list.as_array().into_iter().flatten();
    list.map(|tag| (text(&tag["Key"]), text(&tag["Value"])))
        .collect()
}

/// The tags of a call's TagSpecifications for this kind of resource.
fn given(params: &Value, kind: &str) -> Tags {
    let specifications = params["TagSpecifications"].as_array().into_iter().flatten();
    let of_kind = specifications.filter(|one| one["ResourceType"] == kind);
    of_kind.flat_map(|one| read_tags(&one["Tags"])).collect()
}

fn texts(value: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match value {
        Value::Array(list) => list.iter().filter_map(text).collect(),
        one => text(one).into_iter().collect(),
    }
}

fn ec2_arn(account: &Account, resource: &str) -> String {
    account.arn("ec2", resource)
}

/// Images and snapshots are named without an account.
fn unowned_arn(account: &Account, resource: &str) -> String {
    format!("arn:aws:ec2:{}::{resource}", account.region)
}

fn instance(account: &mut Account, operation: &str, id: &str) -> Request {
    let arn = ec2_arn(account, &format!("instance/{id}"));
    request(&format!("ec2:{operation}"), arn, ec2_keys(account, id))
}

/// What is tagged as it is made needs the right to tag as well, for this very call.
fn tag_on_create(arn: String, tags: &Tags, operation: &str) -> Option<Request> {
    let mut keys = request_keys(tags);
    keys.insert("ec2:CreateAction".to_owned(), vec![operation.to_owned()]);
    (!tags.is_empty()).then(|| request("ec2:CreateTags", arn, keys))
}

fn run_instances(account: &mut Account, params: &Value) -> Vec<Request> {
    const ACTION: &str = "ec2:RunInstances";
    let interface = params["NetworkInterfaces"][0].clone();
    let mut of_network = texts(&params["SecurityGroupIds"]);
    of_network.extend(texts(&interface["Groups"]));
    let mut ids: Vec<(&str, String)> = of_network
        .into_iter()
        .map(|id| ("security-group", id))
        .collect();
    let subnet = texts(&params["SubnetId"]).pop();
    let subnet = subnet.or_else(|| texts(&interface["SubnetId"]).pop());
    ids.push(("subnet", subnet.unwrap_or_else(|| "*".to_owned())));
    let mut needs = Vec::new();
    for (kind, id) in ids {
        let arn = ec2_arn(account, &format!("{kind}/{id}"));
        needs.push(request(ACTION, arn, ec2_keys(account, &id)));
    }
    let arn = ec2_arn(account, "network-interface/*");
    needs.push(request(ACTION, arn, Keys::new()));
    for image in texts(&params["ImageId"]) {
        let arn = unowned_arn(account, &format!("image/{image}"));
        needs.push(request(ACTION, arn, ec2_keys(account, &image)));
    }
    for kind in ["instance", "volume"] {
        let (arn, tags) = (ec2_arn(account, &format!("{kind}/*")), given(params, kind));
        needs.push(request(ACTION, arn.clone(), request_keys(&tags)));
        needs.extend(tag_on_create(arn, &tags, "RunInstances"));
    }
    needs.extend(pass_role(account, &params["IamInstanceProfile"]));
    needs
}

/// The right to hand a role to EC2.
fn pass_role(account: &Account, profile: &Value) -> Option<Request> {
    let named = texts(&profile["Name"]).pop();
    let named = named.or_else(|| texts(&profile["Arn"]).pop())?;
    let held = iam::instance_profile(&account.iam, &named)?;
    let role = account.iam.roles.get(held.role.as_ref()?)?;
    let to = (
        "iam:PassedToService".to_owned(),
        vec!["ec2.amazonaws.com".to_owned()],
    );
    Some(request("iam:PassRole", role.arn.clone(), Keys::from([to])))
}

fn create_image(account: &mut Account, params: &Value) -> Vec<Request> {
    const OPERATION: &str = "CreateImage";
    let mut needs = Vec::new();
    for id in texts(&params["InstanceId"]) {
        needs.push(instance(account, OPERATION, &id));
    }
    for kind in ["image", "snapshot"] {
        let (arn, tags) = (
            unowned_arn(account, &format!("{kind}/*")),
            given(params, kind),
        );
        needs.push(request("ec2:CreateImage", arn.clone(), request_keys(&tags)));
        needs.extend(tag_on_create(arn, &tags, OPERATION));
    }
    needs
}

fn create_tags(account: &mut Account, params: &Value) -> Vec<Request> {
    let tags = read_tags(&params["Tags"]);
    let mut needs = Vec::new();
    for id in texts(&params["Resources"]) {
        let mut keys = ec2_keys(account, &id);
        keys.extend(request_keys(&tags));
        let arn = match id.split('-').next() {
            Some("ami") => unowned_arn(account, &format!("image/{id}")),
            Some("snap") => unowned_arn(account, &format!("snapshot/{id}")),
            Some("vol") => ec2_arn(account, &format!("volume/{id}")),
            _ => ec2_arn(account, &format!("instance/{id}")),
        };
        needs.push(request("ec2:CreateTags", arn, keys));
    }
    needs
}

/// The document, and each instance, whose tags have another name here.
fn send_command(account: &mut Account, params: &Value) -> Vec<Request> {
    const ACTION: &str = "ssm:SendCommand";
    let name = texts(&params["DocumentName"]).pop().unwrap_or_default();
    // Those of AWS are named without an account.
    let document = match name.starts_with("AWS-") {
        true => format!("arn:aws:ssm:{}::document/{name}", account.region),
        false => account.arn("ssm", &format!("document/{name}")),
    };
    let mut needs = vec![request(ACTION, document, Keys::new())];
    for id in texts(&params["InstanceIds"]) {
        let keys = resource_keys("ssm:resourceTag", &tags_of(account, &id));
        let arn = ec2_arn(account, &format!("instance/{id}"));
        needs.push(request(ACTION, arn, keys));
    }
    needs
}

fn elb(account: &mut Account, operation: &str, arn: &Value) -> Vec<Request> {
    let arn = arn.as_str().unwrap_or_default();
    let tags = elb_tags::of(account, arn).cloned().unwrap_or_default();
    let keys = resource_keys("elasticloadbalancing:ResourceTag", &tags);
    let action = format!("elasticloadbalancing:{operation}");
    vec![request(&action, arn.to_owned(), keys)]
}

fn group(account: &mut Account, operation: &str, name: &Value) -> Vec<Request> {
    let name = name.as_str().unwrap_or_default();
    let Ok(group) = autoscaling::group(account, name) else {
        let arn = account.arn("autoscaling", "autoScalingGroup:*");
        return vec![request(
            &format!("autoscaling:{operation}"),
            arn,
            Keys::new(),
        )];
    };
    let tags: Tags = group
        .tags
        .iter()
        .map(|(key, tag)| (key.clone(), tag.value.clone()))
        .collect();
    let keys = resource_keys("autoscaling:ResourceTag", &tags);
    vec![request(
        &format!("autoscaling:{operation}"),
        group.arn.clone(),
        keys,
    )]
}
