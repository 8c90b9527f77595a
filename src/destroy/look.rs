//! What stands of an app in an environment: all that bears its tags, in the order in which it can go, and what bears its names alone.
//!
//! Changes nothing.

use std::time::SystemTime;

use anyhow::Result;

use super::thing::{Kind, Thing};
use super::traffic::{self, Serving};
use super::{Left, bucket, not_ours};
use crate::aws::ec2::{self, Instance};
use crate::aws::iam::POLICY;
use crate::aws::iam::removal::{self as iam, Standing as Role};
use crate::aws::s3::Bucket;
use crate::aws::security_groups::{self, SecurityGroup};
use crate::aws::ssm::{self, removal as documents};
use crate::aws::{Aws, autoscaling, images, launch_templates};
use crate::kept::TAG_KEPT_UNTIL;
use crate::provision::roles::MANAGED_INSTANCE;
use crate::stack::{Names, TAG_APP};
use crate::steps::{images_in_use, left_by_bakes};

/// What stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Who serves visitors now.
    pub serving: Vec<Serving>,
    /// Where they are answered.
    pub url: Option<String>,
    /// What is this environment's, in the order in which it goes.
    pub things: Vec<Thing>,
    /// What bears its names, or is on what is its own, and is not its own.
    pub strangers: Vec<Left>,
    /// What is its own, and another environment needs.
    pub kept: Vec<Left>,
    /// The load balancer, by its ARN, if somebody protected it from its removal.
    pub protected: Option<String>,
    /// What the bucket holds of the environment, for people.
    pub bucket: Option<String>,
}

impl Look {
    /// Looks.
    pub async fn at(aws: &Aws, names: &Names, bucket: &Bucket, now: SystemTime) -> Result<Self> {
        let mut seen = Self::default();
        let mut instances = ec2::find_instances(aws, TAG_APP, &names.app).await?;
        instances.retain(|one| names.made(&one.tags));
        automations(aws, names, &mut seen).await?;
        let mut traffic = Box::pin(traffic::look(aws, names)).await?;
        seen.strangers.append(&mut traffic.strangers);
        seen.protected = traffic.protected.take();
        seen.serving = Box::pin(traffic::who_serves(
            aws,
            names,
            &traffic.target_groups,
            &instances,
        ))
        .await?;
        seen.url = traffic.url.take();
        seen.things.append(&mut traffic.things);
        fleet(aws, names, instances, &mut seen).await?;
        seen.things.append(&mut traffic.target_groups);
        seen.things.extend(traffic.balancer);
        let own = templates(aws, names, &mut seen).await?;
        Box::pin(all_images(aws, names, &own, now, &mut seen)).await?;
        runbooks(aws, names, &mut seen).await?;
        roles(aws, names, &mut seen).await?;
        groups(aws, names, &mut seen).await?;
        seen.bucket = bucket::look(aws, names, bucket, &mut seen.strangers).await?;
        Ok(seen)
    }

    /// Whether there is nothing to remove.
    pub fn is_empty(&self) -> bool {
        self.things.is_empty() && self.bucket.is_none()
    }
}

/// The automations that have not ended. Of one AWS's list tells no tags; who may not stop it is told so.
async fn automations(aws: &Aws, names: &Names, seen: &mut Look) -> Result<()> {
    for runbook in names.runbooks() {
        let listed = ssm::list_under_way(aws, &runbook).await?.into_iter();
        for one in listed.filter(|one| one.document == runbook) {
            let what = format!("the automation {} of {runbook}, under way", one.id);
            seen.things.push(Thing::new(what, Kind::Automation(one.id)));
        }
    }
    Ok(())
}

/// The groups, and the instances of none.
async fn fleet(aws: &Aws, names: &Names, instances: Vec<Instance>, seen: &mut Look) -> Result<()> {
    let mut members = Vec::new();
    for group in autoscaling::find_groups(aws, &names.groups()).await? {
        let what = format!("Auto Scaling group {}", group.name);
        if !names.made(&group.tags) {
            seen.strangers.push(not_ours(what));
            continue;
        }
        let what = match group.members.len() {
            0 => what,
            1 => format!("{what} with its instance"),
            many => format!("{what} with its {many} instances"),
        };
        seen.things.push(Thing::new(what, Kind::Group(group.name)));
        members.extend(group.members.into_iter().map(|member| member.id));
    }
    for one in instances {
        if members.contains(&one.id) || one.state == "shutting-down" {
            continue;
        }
        let what = if one.is_builder() {
            format!("the builder {}", one.id)
        } else if one.tags.contains_key(TAG_KEPT_UNTIL) {
            format!("instance {}, which was kept to be looked at", one.id)
        } else {
            format!("instance {}", one.id)
        };
        seen.things.push(Thing::new(what, Kind::Instance(one.id)));
    }
    Ok(())
}

/// The launch templates; answers with their ids.
async fn templates(aws: &Aws, names: &Names, seen: &mut Look) -> Result<Vec<String>> {
    let mut own = Vec::new();
    for name in [names.stack(), names.verify_fleet()] {
        let Some((id, tags)) = launch_templates::find_tagged_template(aws, &name).await? else {
            continue;
        };
        let what = format!("launch template {name}");
        if !names.made(&tags) {
            seen.strangers.push(not_ours(what));
            continue;
        }
        let kind = Kind::Template(id.clone());
        seen.things.push(Thing::new(what, kind));
        own.push(id);
    }
    Ok(own)
}

async fn all_images(
    aws: &Aws,
    names: &Names,
    own: &[String],
    now: SystemTime,
    seen: &mut Look,
) -> Result<()> {
    let orphans = left_by_bakes::find_orphans(aws, names).await?;
    let mut all = images::find_images_by_tag(aws, TAG_APP, &names.app).await?;
    all.retain(|image| names.made(&image.tags));
    if !all.is_empty() {
        let taken = images_in_use::in_use_by_others(aws, &names.app, own, now).await?;
        for image in all {
            let what = format!("image {} ({})", image.id, image.name);
            if taken.contains(&image.id) {
                let why = format!("another environment of {} takes it", names.app);
                seen.kept.push(Left { what, why });
                continue;
            }
            seen.things.push(Thing::new(what, Kind::Image(image)));
        }
    }
    let orphans = orphans.into_iter();
    seen.things
        .extend(orphans.map(|id| Thing::new(format!("snapshot {id}"), Kind::Snapshot(id))));
    Ok(())
}

async fn runbooks(aws: &Aws, names: &Names, seen: &mut Look) -> Result<()> {
    for name in names.runbooks() {
        let what = format!("runbook {name}");
        match documents::find_tags(aws, &name).await? {
            None => {}
            Some(tags) if names.made(&tags) => {
                seen.things.push(Thing::new(what, Kind::Document(name)));
            }
            Some(_) => seen.strangers.push(not_ours(what)),
        }
    }
    Ok(())
}

/// The roles that `provision` makes, and their instance profiles, which go first.
async fn roles(aws: &Aws, names: &Names, seen: &mut Look) -> Result<()> {
    let acting = [names.instance_role(), names.builder_role()];
    for name in &acting {
        let Some(found) = iam::find_profile(aws, name).await? else {
            continue;
        };
        let what = format!("instance profile {name}");
        if !names.made(&found.tags) {
            seen.strangers.push(not_ours(what));
            continue;
        }
        let mut others = found.roles.iter().filter(|role| *role != name);
        let stays = others
            .next()
            .map(|role| format!("the role {role} is in it, which is not bg-deploy's"));
        let mut thing = Thing::new(what, Kind::Profile(name.clone(), found));
        thing.stays = stays;
        seen.things.push(thing);
    }
    for name in acting
        .into_iter()
        .chain([names.bake_role(), names.guard_role()])
    {
        let Some(found) = iam::find_role(aws, &name).await? else {
            continue;
        };
        let what = format!("role {name}");
        if !names.made(&found.tags) {
            seen.strangers.push(not_ours(what));
            continue;
        }
        let stays = foreign_policy(&found)
            .map(|policy| format!("it has the policy {policy}, which is not bg-deploy's"));
        let mut thing = Thing::new(what, Kind::Role(name, found));
        thing.stays = stays;
        seen.things.push(thing);
    }
    Ok(())
}

/// A policy that neither this version gave the role, nor an earlier one.
fn foreign_policy(role: &Role) -> Option<&str> {
    let inline = role.inline.iter().find(|policy| *policy != POLICY);
    let managed = || role.managed.iter().find(|arn| **arn != MANAGED_INSTANCE);
    inline.or_else(managed).map(String::as_str)
}

/// The security groups: the instances' names the load balancer's, so it goes first.
async fn groups(aws: &Aws, names: &Names, seen: &mut Look) -> Result<()> {
    let mut ours = security_groups::find_by_tag(aws, TAG_APP, &names.app).await?;
    ours.retain(|group| names.made(&group.tags));
    let order = [
        names.instance_security_group(),
        names.balancer_security_group(),
        names.builder_security_group(),
    ];
    let place = |group: &SecurityGroup| order.iter().position(|name| *name == group.name);
    ours.sort_by_key(|group| place(group).unwrap_or(order.len()));
    for group in &ours {
        let what = format!("security group {} ({})", group.name, group.id);
        let id = group.id.clone();
        let kind = match place(group) {
            Some(0) => Kind::OfInstances(id),
            Some(1) => Kind::OfBalancer(id),
            _ => Kind::SecurityGroup(id),
        };
        seen.things.push(Thing::new(what, kind));
    }
    for name in &order {
        let named = security_groups::find_by_name(aws, name).await?;
        for group in named.iter().filter(|group| !names.made(&group.tags)) {
            let (id, vpc) = (&group.id, &group.vpc);
            let what = format!("security group {name} ({id} in {vpc})");
            seen.strangers.push(not_ours(what));
        }
    }
    Ok(())
}
