//! Tags of parameters, documents and automations.

use super::tag_list;
use crate::account::ssm::tags_mut;
use crate::account::{Account, ApiError};
use crate::wire::node::Node;
use crate::wire::params::Params;

/// The most tags that a resource may have.
const MOST_TAGS: usize = 50;

pub(super) fn add(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let kind = params.required("ResourceType")?;
    let id = params.required("ResourceId")?;
    let tags = params.tags(&["Tags"])?;
    params.finish()?;
    let held = tags_mut(&mut account.ssm, &kind, &id)?;
    let fresh = tags.keys().filter(|key| !held.contains_key(*key)).count();
    if held.len() + fresh > MOST_TAGS {
        return Err(ApiError::refused(
            "TooManyTagsError",
            "The Targets parameter includes too many tags. Remove one or more tags and try the command again.",
        ));
    }
    held.extend(tags);
    Ok(Node::map())
}

pub(super) fn remove(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let kind = params.required("ResourceType")?;
    let id = params.required("ResourceId")?;
    let keys = params.texts(&["TagKeys"]);
    params.finish()?;
    tags_mut(&mut account.ssm, &kind, &id)?.retain(|key, _| !keys.contains(key));
    Ok(Node::map())
}

pub(super) fn list(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let kind = params.required("ResourceType")?;
    let id = params.required("ResourceId")?;
    params.finish()?;
    let tags = tags_mut(&mut account.ssm, &kind, &id)?;
    Ok(Node::map().put("TagList", tag_list(tags)))
}
