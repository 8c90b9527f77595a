//! Tags of EC2's resources on the wire.

use std::collections::BTreeMap;

use super::filters::Filters;
use super::{done, page};
use crate::account::ec2::tags;
use crate::account::lag::Eye;
use crate::account::{Account, ApiError, Tags};
use crate::wire::node::Node;
use crate::wire::params::Params;

fn resources(params: &mut Params) -> Result<Vec<String>, ApiError> {
    let ids = params.texts(&["Resources", "ResourceId"]);
    if ids.is_empty() {
        return Err(ApiError::missing(
            "The request must contain the parameter resourceIdSet",
        ));
    }
    Ok(ids)
}

pub(super) fn create(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let ids = resources(&mut params)?;
    let new = params.tags(&["Tags", "Tag"])?;
    params.finish()?;
    if new.is_empty() {
        return Err(ApiError::missing(
            "The request must contain the parameter tagSet",
        ));
    }
    tags::create(account, &ids, &new)?;
    Ok(done())
}

pub(super) fn delete(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let ids = resources(&mut params)?;
    let gone = params
        .structures(&["Tags", "Tag"])
        .into_iter()
        .map(|mut tag| {
            let pair = (tag.required("Key")?, tag.text("Value"));
            tag.finish()?;
            Ok(pair)
        })
        .collect::<Result<Vec<_>, ApiError>>()?;
    params.finish()?;
    tags::delete(account, &ids, &gone)?;
    Ok(done())
}

/// Every resource that can have tags and can be seen: its type, id and tags.
fn tagged(account: &Account) -> Vec<(&'static str, &str, &Tags)> {
    let now = account.now();
    let ec2 = &account.ec2;
    let mut all: Vec<(&'static str, &str, &Tags)> = Vec::new();
    for instance in ec2.instances.values().filter(|one| one.visible_at <= now) {
        all.push(("instance", &instance.id, &instance.tags));
        all.push(("volume", &instance.volume.id, &instance.volume.tags));
    }
    let images = ec2.images.values().filter(|one| one.visible_at <= now);
    all.extend(images.map(|one| ("image", one.id.as_str(), &one.tags)));
    let snapshots = ec2.snapshots.values().filter(|one| one.visible_at <= now);
    all.extend(snapshots.map(|one| ("snapshot", one.id.as_str(), &one.tags)));
    let seen = |id: &String| account.sees(Eye::Describe, id);
    let templates = ec2.launch_templates.values().filter(|one| seen(&one.id));
    all.extend(templates.map(|one| ("launch-template", one.id.as_str(), &one.tags)));
    let groups = ec2.security_groups.values().filter(|one| seen(&one.id));
    all.extend(groups.map(|one| ("security-group", one.id.as_str(), &one.tags)));
    all.extend(
        ec2.subnets
            .values()
            .map(|one| ("subnet", one.id.as_str(), &one.tags)),
    );
    all.extend(
        ec2.vpcs
            .values()
            .map(|one| ("vpc", one.id.as_str(), &one.tags)),
    );
    all
}

pub(super) fn describe(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let filters = Filters::read(
        &mut params,
        &["key", "resource-id", "resource-type", "value"],
    )?;
    let page = page(&mut params)?;
    params.finish()?;
    let mut found = Vec::new();
    for (kind, id, tags) in tagged(account) {
        for (key, value) in tags {
            let one: Tags = BTreeMap::from([(key.clone(), value.clone())]);
            let passes = filters.admit(&one, |name| {
                vec![match name {
                    "key" => key.clone(),
                    "resource-id" => id.to_owned(),
                    "resource-type" => kind.to_owned(),
                    _ => value.clone(),
                }]
            });
            if passes {
                found.push(
                    Node::map()
                        .put("Key", key)
                        .put("ResourceId", id)
                        .put("ResourceType", kind)
                        .put("Value", value),
                );
            }
        }
    }
    let (found, token) = page.cut(found);
    Ok(Node::map()
        .put_as("Tags", "tagSet", Node::List(found))
        .put_some("NextToken", token))
}
