//! EC2.

use serde_json::Value;

use super::launch::{self, Launch};
use super::{Keys, member, read_tags, request, request_keys, resource_keys, text, texts};
use crate::account::ec2::launch_data::Profile;
use crate::account::ec2::tags as ec2_tags;
use crate::account::policy::Request;
use crate::account::{Account, Tags};

pub(super) fn needs(
    account: &mut Account,
    operation: &str,
    params: &Value,
) -> Option<Vec<Request>> {
    let on = |account: &mut Account, kind: &str, names: &[&str]| {
        let ids = texts(member(params, names));
        let each = ids.iter().map(|id| of(account, operation, kind, id));
        each.collect::<Vec<_>>()
    };
    Some(match operation {
        "RunInstances" => launch::needs(account, &read_launch(params)),
        "CreateImage" => create_image(account, params),
        "CreateTags" | "DeleteTags" => tag(account, operation, params),
        "StartInstances" | "StopInstances" | "TerminateInstances" | "RebootInstances" => {
            on(account, "instance", &["InstanceIds", "InstanceId"])
        }
        "GetConsoleOutput" => on(account, "instance", &["InstanceId"]),
        "DeregisterImage" => on(account, "image", &["ImageId"]),
        "DeleteSnapshot" => on(account, "snapshot", &["SnapshotId"]),
        "AuthorizeSecurityGroupIngress"
        | "AuthorizeSecurityGroupEgress"
        | "RevokeSecurityGroupIngress"
        | "RevokeSecurityGroupEgress"
        | "DeleteSecurityGroup" => on(account, "security-group", &["GroupId"]),
        "CreateSecurityGroup" => {
            let mut needs = on(account, "vpc", &["VpcId"]);
            needs.extend(create(account, operation, "security-group", params));
            needs
        }
        "CreateLaunchTemplate" => create(account, operation, "launch-template", params),
        "CreateLaunchTemplateVersion"
        | "DeleteLaunchTemplateVersions"
        | "DeleteLaunchTemplate"
        | "ModifyLaunchTemplate" => template(account, operation, params),
        _ => return None,
    })
}

/// The keys of something of EC2's; none, where it is not there.
pub(super) fn keys_of(account: &mut Account, id: &str) -> Keys {
    resource_keys("ec2:ResourceTag", &tags_of(account, id))
}

pub(super) fn tags_of(account: &mut Account, id: &str) -> Tags {
    ec2_tags::tags_of(account, id).cloned().unwrap_or_default()
}

/// Images and snapshots are named without an account.
pub(super) fn arn(account: &Account, kind: &str, id: &str) -> String {
    match kind {
        "image" | "snapshot" => format!("arn:aws:ec2:{}::{kind}/{id}", account.region),
        _ => account.arn("ec2", &format!("{kind}/{id}")),
    }
}

fn of(account: &mut Account, operation: &str, kind: &str, id: &str) -> Request {
    let keys = keys_of(account, id);
    request(&format!("ec2:{operation}"), arn(account, kind, id), keys)
}

/// The tags of a call's TagSpecifications for this kind of resource.
fn given(params: &Value, kind: &str) -> Tags {
    let specifications = member(params, &["TagSpecifications", "TagSpecification"]);
    let specifications = specifications.as_array().into_iter().flatten();
    let of_kind = specifications.filter(|one| one["ResourceType"] == kind);
    of_kind
        .flat_map(|one| read_tags(member(one, &["Tags", "Tag"])))
        .collect()
}

/// What is tagged as it is made needs the right to tag as well, for this very call.
pub(super) fn tag_on_create(arn: String, tags: &Tags, operation: &str) -> Option<Request> {
    let mut keys = request_keys(tags);
    keys.insert("ec2:CreateAction".to_owned(), vec![operation.to_owned()]);
    (!tags.is_empty()).then(|| request("ec2:CreateTags", arn, keys))
}

/// What is made anew, with the tags that the call gives it.
fn create(account: &Account, operation: &str, kind: &str, params: &Value) -> Vec<Request> {
    let (arn, tags) = (arn(account, kind, "*"), given(params, kind));
    let mut needs = vec![request(
        &format!("ec2:{operation}"),
        arn.clone(),
        request_keys(&tags),
    )];
    needs.extend(tag_on_create(arn, &tags, operation));
    needs
}

fn create_image(account: &mut Account, params: &Value) -> Vec<Request> {
    const OPERATION: &str = "CreateImage";
    let mut needs = Vec::new();
    for id in texts(&params["InstanceId"]) {
        needs.push(of(account, OPERATION, "instance", &id));
    }
    for kind in ["image", "snapshot"] {
        needs.extend(create(account, OPERATION, kind, params));
    }
    needs
}

fn tag(account: &mut Account, operation: &str, params: &Value) -> Vec<Request> {
    let tags = read_tags(member(params, &["Tags", "Tag"]));
    let mut needs = Vec::new();
    for id in texts(member(params, &["Resources", "ResourceId"])) {
        let kind = match id.split('-').next() {
            Some("ami") => "image",
            Some("snap") => "snapshot",
            Some("vol") => "volume",
            Some("lt") => "launch-template",
            Some("sg") => "security-group",
            Some("vpc") => "vpc",
            Some("subnet") => "subnet",
            _ => "instance",
        };
        let mut needed = of(account, operation, kind, &id);
        needed.keys.extend(request_keys(&tags));
        needs.push(needed);
    }
    needs
}

fn template(account: &mut Account, operation: &str, params: &Value) -> Vec<Request> {
    let (id, name) = (
        text(params, "LaunchTemplateId"),
        text(params, "LaunchTemplateName"),
    );
    let mut templates = account.ec2.launch_templates.values();
    let id = match id.is_empty() {
        true => templates.find(|it| it.name == name).map(|it| it.id.clone()),
        false => Some(id),
    };
    let id = id.unwrap_or_else(|| "*".to_owned());
    vec![of(account, operation, "launch-template", &id)]
}

fn read_launch(params: &Value) -> Launch {
    let interfaces = member(params, &["NetworkInterfaces", "NetworkInterface"]);
    let interface = interfaces[0].clone();
    let mut groups = texts(member(params, &["SecurityGroupIds", "SecurityGroupId"]));
    groups.extend(texts(member(&interface, &["Groups", "SecurityGroupId"])));
    let profile = &params["IamInstanceProfile"];
    let disks = member(params, &["BlockDeviceMappings", "BlockDeviceMapping"]);
    let disks = disks.as_array().map_or(&[][..], Vec::as_slice);
    // A form says everything in texts.
    let is_encrypted = |disk: &Value| {
        let said = &disk["Ebs"]["Encrypted"];
        *said == true || *said == "true"
    };
    let named = |name: &str| texts(&profile[name]).pop();
    Launch {
        image: texts(&params["ImageId"]).pop(),
        security_groups: groups,
        subnet: texts(&params["SubnetId"])
            .pop()
            .or_else(|| texts(&interface["SubnetId"]).pop()),
        profile: named("Name")
            .map(Profile::Name)
            .or_else(|| named("Arn").map(Profile::Arn)),
        instance_tags: given(params, "instance"),
        volume_tags: given(params, "volume"),
        tokens: texts(&params["MetadataOptions"]["HttpTokens"]).pop(),
        encrypted: disks.iter().any(is_encrypted),
        key: disks
            .iter()
            .find_map(|disk| texts(&disk["Ebs"]["KmsKeyId"]).pop()),
        template: None,
    }
}
