//! Tags of groups on the wire.

use super::{page, paged};
use crate::account::autoscaling::group::{Group, GroupTag, living};
use crate::account::{Account, ApiError};
use crate::wire::node::Node;
use crate::wire::params::Params;

/// Reads `Tags`: the group (absent when a group is created), the key, and the tag.
pub(super) fn read(
    params: &mut Params,
) -> Result<Vec<(Option<String>, String, GroupTag)>, ApiError> {
    params
        .structures(&["Tags"])
        .into_iter()
        .map(|mut given| {
            let key = super::required(&mut given, "Key")?;
            let tag = GroupTag {
                value: given.text("Value").unwrap_or_default(),
                propagates: given.boolean("PropagateAtLaunch")?.unwrap_or(false),
            };
            let group = given.text("ResourceId");
            given.text("ResourceType");
            given.finish()?;
            if key.starts_with("aws:") {
                return Err(ApiError::validation(
                    "Tag keys starting with 'aws:' are reserved for internal use",
                ));
            }
            Ok((group, key, tag))
        })
        .collect()
}

fn show(group: &str, key: &str, tag: &GroupTag) -> Node {
    Node::map()
        .put("ResourceId", group)
        .put("ResourceType", "auto-scaling-group")
        .put("Key", key)
        .put("Value", &tag.value)
        .put("PropagateAtLaunch", tag.propagates)
}

/// A group's tags.
pub(super) fn list(group: &Group) -> Node {
    Node::list(
        group
            .tags
            .iter()
            .map(|(key, tag)| show(&group.name, key, tag)),
    )
}

/// The group that a tag is for.
fn named(group: Option<String>) -> Result<String, ApiError> {
    group.ok_or_else(|| super::absent("ResourceId"))
}

pub(super) fn create(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let tags = read(&mut params)?;
    params.finish()?;
    for (group, key, tag) in tags {
        living(account, &named(group)?)?.tags.insert(key, tag);
    }
    Ok(Node::map())
}

pub(super) fn delete(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let tags = read(&mut params)?;
    params.finish()?;
    for (group, key, _) in tags {
        living(account, &named(group)?)?.tags.remove(&key);
    }
    Ok(Node::map())
}

pub(super) fn describe(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let filters = params.filters()?;
    let page = page(&mut params)?;
    params.finish()?;
    let known = ["auto-scaling-group", "key", "value", "propagate-at-launch"];
    if let Some((other, _)) = filters
        .iter()
        .find(|(name, _)| !known.contains(&name.as_str()))
    {
        return Err(ApiError::validation(&format!(
            "Filter type {other} is not correct. Allowed Filter types are: auto-scaling-group key value propagate-at-launch"
        )));
    }
    let mut found = Vec::new();
    for group in account.autoscaling.groups.values() {
        for (key, tag) in &group.tags {
            let propagates = tag.propagates.to_string();
            let passes = filters.iter().all(|(name, values)| {
                let fact = match name.as_str() {
                    "auto-scaling-group" => &group.name,
                    "key" => key,
                    "value" => &tag.value,
                    _ => &propagates,
                };
                values.contains(fact)
            });
            if passes {
                found.push(show(&group.name, key, tag));
            }
        }
    }
    Ok(paged("Tags", found, &page))
}
