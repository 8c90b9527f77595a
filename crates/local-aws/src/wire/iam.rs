//! IAM on the wire.

mod managed;
mod profiles;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::node::Node;
use super::operations::{self, Operations};
use super::paging::Page;
use super::params::Params;
use crate::account::iam::{self, NewRole, Role, service_linked};
use crate::account::{Account, ApiError, Tags};

/// What IAM leaves as it is in the documents it answers (RFC 3986).
const DOCUMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// What IAM is asked for.
pub(super) const OPERATIONS: &Operations = &[
    ("CreateRole", create_role),
    ("CreateServiceLinkedRole", create_service_linked_role),
    ("GetRole", get_role),
    ("ListRoles", list_roles),
    ("UpdateAssumeRolePolicy", update_trust),
    ("DeleteRole", delete_role),
    ("TagRole", tag_role),
    ("UntagRole", untag_role),
    ("ListRoleTags", list_role_tags),
    ("PutRolePolicy", put_policy),
    ("GetRolePolicy", get_policy),
    ("ListRolePolicies", list_policies),
    ("DeleteRolePolicy", delete_policy),
    ("AttachRolePolicy", managed::attach),
    ("DetachRolePolicy", managed::detach),
    ("PutRolePermissionsBoundary", managed::put_boundary),
    ("DeleteRolePermissionsBoundary", managed::remove_boundary),
    ("CreatePolicy", managed::create),
    ("GetPolicy", managed::get),
    ("DeletePolicy", managed::delete),
    ("ListAttachedRolePolicies", managed::list_attached),
    ("CreateInstanceProfile", profiles::create_profile),
    ("GetInstanceProfile", profiles::get_profile),
    ("ListInstanceProfiles", profiles::list_profiles),
    (
        "ListInstanceProfilesForRole",
        profiles::list_profiles_of_role,
    ),
    ("AddRoleToInstanceProfile", profiles::add_role),
    ("RemoveRoleFromInstanceProfile", profiles::remove_role),
    ("TagInstanceProfile", profiles::tag_profile),
    ("UntagInstanceProfile", profiles::untag_profile),
    ("ListInstanceProfileTags", profiles::list_profile_tags),
    ("DeleteInstanceProfile", profiles::delete_profile),
];

/// Makes one call.
pub(crate) fn call(
    account: &mut Account,
    operation: &str,
    params: Params,
) -> Result<Node, ApiError> {
    operations::call("iam", OPERATIONS, account, operation, params)
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
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic());
    if path.starts_with('/') && path.ends_with('/') && is_plain && path.len() <= 512 {
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

/// What limits it, and its tags: lists have neither.
fn show_role_with_tags(role: &Role) -> Node {
    let boundary = role.boundary.as_ref().map(|arn| {
        Node::map()
            .put("PermissionsBoundaryType", "PermissionsBoundaryPolicy")
            .put("PermissionsBoundaryArn", arn)
    });
    let node = show_role(role).put_some("PermissionsBoundary", boundary);
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
        boundary: params.text("PermissionsBoundary"),
        tags: params.tags(&["Tags"])?,
    };
    params.finish()?;
    let name = new.name.clone();
    iam::create_role(account, new)?;
    let role = iam::role(account, &name)?;
    Ok(Node::map().put("Role", show_role_with_tags(role)))
}

fn create_service_linked_role(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let service = required(&mut params, "AWSServiceName")?;
    let description = params.text("Description");
    params.finish()?;
    let role = service_linked::create(account, &service, description)?;
    Ok(Node::map().put("Role", show_role(&role)))
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
    let role = iam::visible_role(account, &name)?;
    let node = show_role_with_tags(role).put("RoleLastUsed", Node::map());
    Ok(Node::map().put("Role", node))
}

fn list_roles(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let prefix = params.text("PathPrefix").unwrap_or_default();
    let page = page(&mut params)?;
    params.finish()?;
    let (own, of_services) = (&account.iam.roles, &account.iam.service_linked);
    let roles = own
        .values()
        .chain(of_services.values())
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
    let tags = tag_list(&iam::visible_role(account, &name)?.tags);
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
    let names = iam::visible_role(account, &role)?
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
