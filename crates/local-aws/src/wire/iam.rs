//! IAM on the wire.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::node::Node;
use super::paging::Page;
use super::params::Params;
use super::unknown_operation;
use crate::account::iam::{self, InstanceProfile, NewRole, Role};
use crate::account::{Account, ApiError, Tags};

/// What IAM leaves as it is in the documents it answers (RFC 3986).
const DOCUMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Makes one call.
pub(crate) fn call(
    account: &mut Account,
    operation: &str,
    params: Params,
) -> Result<Node, ApiError> {
    match operation {
        "CreateRole" => create_role(account, params),
        "GetRole" => get_role(account, params),
        "ListRoles" => list_roles(account, params),
        "UpdateAssumeRolePolicy" => update_trust(account, params),
        "DeleteRole" => delete_role(account, params),
        "TagRole" => tag_role(account, params),
        "UntagRole" => untag_role(account, params),
        "ListRoleTags" => list_role_tags(account, params),
        "PutRolePolicy" => put_policy(account, params),
        "GetRolePolicy" => get_policy(account, params),
        "ListRolePolicies" => list_policies(account, params),
        "DeleteRolePolicy" => delete_policy(account, params),
        "AttachRolePolicy" => attach(account, params),
        "DetachRolePolicy" => detach(account, params),
        "ListAttachedRolePolicies" => list_attached(account, params),
        "CreateInstanceProfile" => create_profile(account, params),
        "GetInstanceProfile" => get_profile(account, params),
        "ListInstanceProfiles" => list_profiles(account, params),
        "ListInstanceProfilesForRole" => list_profiles_of_role(account, params),
        "AddRoleToInstanceProfile" => add_role(account, params),
        "RemoveRoleFromInstanceProfile" => remove_role(account, params),
        "TagInstanceProfile" => tag_profile(account, params),
        "UntagInstanceProfile" => untag_profile(account, params),
        "ListInstanceProfileTags" => list_profile_tags(account, params),
        "DeleteInstanceProfile" => delete_profile(account, params),
        _ => Err(unknown_operation("iam", operation)),
    }
}

/// A parameter that must be there, in the words IAM has for one that is not.
fn required(params: &mut Params, name: &str) -> Result<String, ApiError> {
    params.required(name).map_err(|_| {
        let mut member = name.to_owned();
        if let Some(first) = member.get_mut(..1) {
            first.make_ascii_lowercase();
        }
        ApiError::validation(&format!(
            "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
        ))
    })
}

fn page(params: &mut Params) -> Result<Page, ApiError> {
    Page::read(params, "MaxItems", "Marker", "ValidationError")
}

/// A list under `name`, with what IAM says about its pages.
fn paged(name: &'static str, items: Vec<Node>, page: &Page) -> Node {
    let (items, token) = page.cut(items);
    Node::map()
        .put(name, Node::List(items))
        .put("IsTruncated", token.is_some())
        .put_some("Marker", token)
}

fn tag_list(tags: &Tags) -> Vec<Node> {
    tags.iter()
        .map(|(key, value)| Node::map().put("Key", key).put("Value", value))
        .collect()
}

fn document(text: &str) -> String {
    utf8_percent_encode(text, DOCUMENT).to_string()
}

fn path(params: &mut Params) -> Result<String, ApiError> {
    let path = params.text("Path").unwrap_or_else(|| "/".to_owned());
    if path.starts_with('/') && path.ends_with('/') {
        return Ok(path);
    }
    Err(ApiError::validation(
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.",
    ))
}

fn show_role(role: &Role) -> Node {
    Node::map()
        .put("Path", &role.path)
        .put("RoleName", &role.name)
        .put("RoleId", &role.id)
        .put("Arn", &role.arn)
        .put("CreateDate", role.created_at)
        .put("AssumeRolePolicyDocument", document(&role.trust))
        .put_some("Description", role.description.as_ref())
        .put("MaxSessionDuration", role.max_session)
}

fn show_role_with_tags(role: &Role) -> Node {
    let node = show_role(role);
    if role.tags.is_empty() {
        return node;
    }
    node.put("Tags", tag_list(&role.tags))
}

fn create_role(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let new = NewRole {
        name: required(&mut params, "RoleName")?,
        path: path(&mut params)?,
        trust: required(&mut params, "AssumeRolePolicyDocument")?,
        description: params.text("Description"),
        max_session: max_session(&mut params)?,
        tags: params.tags(&["Tags"])?,
    };
    params.finish()?;
    let name = new.name.clone();
    iam::create_role(account, new)?;
    let role = iam::role(account, &name)?;
    Ok(Node::map().put("Role", show_role_with_tags(role)))
}

/// An hour unless it is said; from one to twelve.
fn max_session(params: &mut Params) -> Result<i64, ApiError> {
    let seconds = params.number("MaxSessionDuration")?.unwrap_or(3600);
    let bound = match seconds {
        ..3600 => "greater than or equal to 3600",
        43_201.. => "less than or equal to 43200",
        _ => return Ok(seconds),
    };
    Err(ApiError::validation(&format!(
        "1 validation error detected: Value '{seconds}' at 'maxSessionDuration' failed to satisfy constraint: Member must have value {bound}"
    )))
}

fn get_role(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "RoleName")?;
    params.finish()?;
    let role = iam::role(account, &name)?;
    let node = show_role_with_tags(role).put("RoleLastUsed", Node::map());
    Ok(Node::map().put("Role", node))
}

fn list_roles(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let prefix = params.text("PathPrefix").unwrap_or_default();
    let page = page(&mut params)?;
    params.finish()?;
    let roles = account
        .iam
        .roles
        .values()
        .filter(|role| role.path.starts_with(&prefix))
        .map(show_role)
        .collect();
    Ok(paged("Roles", roles, &page))
}

fn update_trust(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "RoleName")?;
    let document = required(&mut params, "PolicyDocument")?;
    params.finish()?;
    iam::update_trust(account, &name, document)?;
    Ok(Node::map())
}

fn delete_role(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "RoleName")?;
    params.finish()?;
    iam::delete_role(account, &name)?;
    Ok(Node::map())
}

fn tag_role(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "RoleName")?;
    let tags = params.tags(&["Tags"])?;
    params.finish()?;
    iam::role(account, &name)?.tags.extend(tags);
    Ok(Node::map())
}

fn untag_role(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "RoleName")?;
    let keys = params.texts(&["TagKeys"]);
    params.finish()?;
    iam::role(account, &name)?
        .tags
        .retain(|key, _| !keys.contains(key));
    Ok(Node::map())
}

fn list_role_tags(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "RoleName")?;
    let page = page(&mut params)?;
    params.finish()?;
    let tags = tag_list(&iam::role(account, &name)?.tags);
    Ok(paged("Tags", tags, &page))
}

fn put_policy(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let role = required(&mut params, "RoleName")?;
    let policy = required(&mut params, "PolicyName")?;
    let document = required(&mut params, "PolicyDocument")?;
    params.finish()?;
    iam::put_policy(account, &role, &policy, document)?;
    Ok(Node::map())
}

fn get_policy(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let role = required(&mut params, "RoleName")?;
    let policy = required(&mut params, "PolicyName")?;
    params.finish()?;
    let text = iam::policy(account, &role, &policy)?;
    Ok(Node::map()
        .put("RoleName", role)
        .put("PolicyName", policy)
        .put("PolicyDocument", document(&text)))
}

fn list_policies(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let role = required(&mut params, "RoleName")?;
    let page = page(&mut params)?;
    params.finish()?;
    let names = iam::role(account, &role)?
        .inline
        .keys()
        .map(Node::from)
        .collect();
    Ok(paged("PolicyNames", names, &page))
}

fn delete_policy(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let role = required(&mut params, "RoleName")?;
    let policy = required(&mut params, "PolicyName")?;
    params.finish()?;
    iam::delete_policy(account, &role, &policy)?;
    Ok(Node::map())
}

fn attach(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let role = required(&mut params, "RoleName")?;
    let arn = required(&mut params, "PolicyArn")?;
    params.finish()?;
    iam::attach(account, &role, &arn)?;
    Ok(Node::map())
}

fn detach(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let role = required(&mut params, "RoleName")?;
    let arn = required(&mut params, "PolicyArn")?;
    params.finish()?;
    iam::detach(account, &role, &arn)?;
    Ok(Node::map())
}

fn list_attached(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let role = required(&mut params, "RoleName")?;
    params.text("PathPrefix");
    let page = page(&mut params)?;
    params.finish()?;
    let policies = iam::role(account, &role)?
        .attached
        .iter()
        .map(|arn| {
            let name = arn.rsplit('/').next().unwrap_or(arn);
            Node::map().put("PolicyName", name).put("PolicyArn", arn)
        })
        .collect();
    Ok(paged("AttachedPolicies", policies, &page))
}

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

fn create_profile(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "InstanceProfileName")?;
    let path = path(&mut params)?;
    let tags = params.tags(&["Tags"])?;
    params.finish()?;
    iam::create_profile(account, &name, &path, tags)?;
    let profile = &account.iam.profiles[&name];
    Ok(Node::map().put("InstanceProfile", show_profile(account, profile)))
}

fn get_profile(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "InstanceProfileName")?;
    params.finish()?;
    let profile = iam::profile(account, &name)?.clone();
    Ok(Node::map().put("InstanceProfile", show_profile(account, &profile)))
}

fn list_profiles(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
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

fn list_profiles_of_role(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let role = required(&mut params, "RoleName")?;
    let page = page(&mut params)?;
    params.finish()?;
    iam::role(account, &role)?;
    let profiles = account
        .iam
        .profiles
        .values()
        .filter(|profile| profile.role.as_ref() == Some(&role))
        .map(|profile| show_profile(account, profile))
        .collect();
    Ok(paged("InstanceProfiles", profiles, &page))
}

fn add_role(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let profile = required(&mut params, "InstanceProfileName")?;
    let role = required(&mut params, "RoleName")?;
    params.finish()?;
    iam::add_role(account, &profile, &role)?;
    Ok(Node::map())
}

fn remove_role(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let profile = required(&mut params, "InstanceProfileName")?;
    let role = required(&mut params, "RoleName")?;
    params.finish()?;
    iam::remove_role(account, &profile, &role)?;
    Ok(Node::map())
}

fn tag_profile(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "InstanceProfileName")?;
    let tags = params.tags(&["Tags"])?;
    params.finish()?;
    iam::profile(account, &name)?.tags.extend(tags);
    Ok(Node::map())
}

fn untag_profile(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "InstanceProfileName")?;
    let keys = params.texts(&["TagKeys"]);
    params.finish()?;
    iam::profile(account, &name)?
        .tags
        .retain(|key, _| !keys.contains(key));
    Ok(Node::map())
}

fn list_profile_tags(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "InstanceProfileName")?;
    let page = page(&mut params)?;
    params.finish()?;
    let tags = tag_list(&iam::profile(account, &name)?.tags);
    Ok(paged("Tags", tags, &page))
}

fn delete_profile(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "InstanceProfileName")?;
    params.finish()?;
    iam::delete_profile(account, &name)?;
    Ok(Node::map())
}
