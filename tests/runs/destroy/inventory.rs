//! Everything that stands in the local cloud's account, whoever made it: not as the program lists it, but as the account has it.

use std::collections::BTreeSet;

use bg_deploy::stack::{TAG_APP, TAG_ENVIRONMENT};
use local_aws::account::ec2::instances::Lifecycle;
use local_aws::account::{Account, Tags};

use crate::support::World;

/// Whose it says that it is.
fn owner(tags: &Tags) -> String {
    let of = |key: &str| tags.get(key).cloned().unwrap_or_default();
    format!("{}/{}", of(TAG_APP), of(TAG_ENVIRONMENT))
}

/// The same of what is another environment's, or another app's.
pub(super) fn of_others(world: &World) -> BTreeSet<String> {
    let mut all = inventory(world);
    all.retain(|line| line.contains("stage") || line.contains("other"));
    all
}

/// A line for each thing.
pub(super) fn inventory(world: &World) -> BTreeSet<String> {
    let account = world.cloud.account();
    let mut all = of_ec2(&account);
    let mut add = |kind: &str, ids: Vec<String>| {
        all.extend(ids.into_iter().map(|id| format!("{kind} {id}")));
    };
    let elbv2 = &account.elbv2;
    add("balancer", elbv2.load_balancers.keys().cloned().collect());
    let listeners = elbv2.listeners.iter();
    let rules = listeners.map(|(arn, it)| format!("{arn} {:?}", it.rules.latest()));
    add("listener", rules.collect());
    let groups = elbv2.target_groups.keys();
    add("target group", groups.map(ToString::to_string).collect());
    let groups = account.autoscaling.groups.keys();
    add("group", groups.cloned().collect());
    let ssm = &account.ssm;
    add("document", ssm.documents.keys().cloned().collect());
    add("parameter", ssm.parameters.keys().cloned().collect());
    let automations = ssm.automations.values();
    let under_way = automations.filter(|it| !it.status.is_final());
    add("automation", under_way.map(|it| it.id.clone()).collect());
    let iam = &account.iam;
    add("role", iam.roles.keys().cloned().collect());
    add("profile", iam.profiles.keys().cloned().collect());
    add("policy", iam.policies.keys().cloned().collect());
    add("bucket", account.s3.buckets.keys().cloned().collect());
    for (name, bucket) in &account.s3.buckets {
        let versions = bucket.objects.iter();
        let versions = versions.map(|(key, all)| format!("{name} {key}: {}", all.len()));
        add("object", versions.collect());
    }
    add("upload", account.s3.uploads.keys().cloned().collect());
    all
}

fn of_ec2(account: &Account) -> BTreeSet<String> {
    let ec2 = &account.ec2;
    let instances = ec2.instances.values();
    let instances = instances.filter(|one| one.state != Lifecycle::Terminated);
    let instances = instances.map(|it| ("instance", &it.id, &it.tags));
    let images = ec2.images.values();
    let images = images.map(|it| ("image", &it.id, &it.tags));
    let snapshots = ec2.snapshots.values();
    let snapshots = snapshots.map(|it| ("snapshot", &it.id, &it.tags));
    let templates = ec2.launch_templates.values();
    let templates = templates.map(|it| ("template", &it.id, &it.tags));
    let tagged = instances.chain(images).chain(snapshots).chain(templates);
    let mut all: BTreeSet<_> = tagged
        .map(|(kind, id, tags)| format!("{kind} {id} {}", owner(tags)))
        .collect();
    // With their rules: one that is left in somebody else's is a trace as well.
    let groups = ec2.security_groups.values();
    all.extend(groups.map(|it| {
        let (id, of) = (&it.id, owner(&it.tags));
        format!("security group {id} {of} {:?} {:?}", it.ingress, it.egress)
    }));
    let network = ec2.vpcs.keys().chain(ec2.subnets.keys());
    let network = network.chain(ec2.route_tables.keys());
    all.extend(network.chain(ec2.endpoints.keys()).cloned());
    all
}
