//! Instance profiles.

use super::{page, paged, path, required, show_role, tag_list};
use crate::account::iam::{self, InstanceProfile};
use crate::account::{Account, ApiError};
use crate::wire::node::Node;
use crate::wire::params::Params;

fn show_profile(account: &Account, profile: &InstanceProfile) -> Node {
    let roles = profile
        .role
        .iter()
        .filter_map(|name| account.iam.roles.get(name))
        .map(show_role);
    Node::map()
        .put("Path", &profile.path)
        .put("InstanceProfileName", &profile.name)
        .put("InstanceProfileId", &profile.id)
        .put("Arn", &profile.arn)
        .put("CreateDate", profile.created_at)
        .put("Roles", Node::list(roles))
        .put("Tags", tag_list(&profile.tags))
}

pub(super) fn create_profile(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "InstanceProfileName")?;
    let path = path(&mut params)?;
    let tags = params.tags(&["Tags"])?;
    params.finish()?;
    iam::create_profile(account, &name, &path, tags)?;
    let profile = &account.iam.profiles[&name];
    Ok(Node::map().put("InstanceProfile", show_profile(account, profile)))
}

pub(super) fn get_profile(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "InstanceProfileName")?;
    params.finish()?;
    let profile = iam::profile(account, &name)?.clone();
    Ok(Node::map().put("InstanceProfile", show_profile(account, &profile)))
}

pub(super) fn list_profiles(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let prefix = params.text("PathPrefix").unwrap_or_default();
    let page = page(&mut params)?;
    params.finish()?;
    let profiles = account
        .iam
        .profiles
        .values()
        .filter(|profile| profile.path.starts_with(&prefix))
        .map(|profile| show_profile(account, profile))
        .collect();
    Ok(paged("InstanceProfiles", profiles, &page))
}

pub(super) fn list_profiles_of_role(
    account: &mut Account,
    mut params: Params,
) -> Result<Node, ApiError> {
    let role = required(&mut params, "RoleName")?;
    let page = page(&mut params)?;
    params.finish()?;
    iam::visible_role(account, &role)?;
    let profiles = account
        .iam
        .profiles
        .values()
        .filter(|profile| profile.role.as_ref() == Some(&role))
        .map(|profile| show_profile(account, profile))
        .collect();
    Ok(paged("InstanceProfiles", profiles, &page))
}

pub(super) fn add_role(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let profile = required(&mut params, "InstanceProfileName")?;
    let role = required(&mut params, "RoleName")?;
    params.finish()?;
    iam::add_role(account, &profile, &role)?;
    Ok(Node::map())
}

pub(super) fn remove_role(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let profile = required(&mut params, "InstanceProfileName")?;
    let role = required(&mut params, "RoleName")?;
    params.finish()?;
    iam::remove_role(account, &profile, &role)?;
    Ok(Node::map())
}

pub(super) fn tag_profile(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "InstanceProfileName")?;
    let tags = params.tags(&["Tags"])?;
    params.finish()?;
    iam::profile(account, &name)?.tags.extend(tags);
    Ok(Node::map())
}

pub(super) fn untag_profile(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "InstanceProfileName")?;
    let keys = params.texts(&["TagKeys"]);
    params.finish()?;
    iam::profile(account, &name)?
        .tags
        .retain(|key, _| !keys.contains(key));
    Ok(Node::map())
}

pub(super) fn list_profile_tags(
    account: &mut Account,
    mut params: Params,
) -> Result<Node, ApiError> {
    let name = required(&mut params, "InstanceProfileName")?;
    let page = page(&mut params)?;
    params.finish()?;
    let tags = tag_list(&iam::profile(account, &name)?.tags);
    Ok(paged("Tags", tags, &page))
}

pub(super) fn delete_profile(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "InstanceProfileName")?;
    params.finish()?;
    iam::delete_profile(account, &name)?;
    Ok(Node::map())
}
