//! Managed policies: of roles, as what they allow or as what limits it.

use super::{page, paged, path, required};
use crate::account::iam::{self, Policy};
use crate::account::{Account, ApiError};
use crate::wire::node::Node;
use crate::wire::params::Params;

pub(super) fn attach(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let role = required(&mut params, "RoleName")?;
    let arn = required(&mut params, "PolicyArn")?;
    params.finish()?;
    iam::attach(account, &role, &arn)?;
    Ok(Node::map())
}

pub(super) fn detach(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let role = required(&mut params, "RoleName")?;
    let arn = required(&mut params, "PolicyArn")?;
    params.finish()?;
    iam::detach(account, &role, &arn)?;
    Ok(Node::map())
}

pub(super) fn list_attached(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let role = required(&mut params, "RoleName")?;
    params.text("PathPrefix");
    let page = page(&mut params)?;
    params.finish()?;
    let policies = iam::visible_role(account, &role)?
        .attached
        .iter()
        .map(|arn| {
            let name = arn.rsplit('/').next().unwrap_or(arn);
            Node::map().put("PolicyName", name).put("PolicyArn", arn)
        })
        .collect();
    Ok(paged("AttachedPolicies", policies, &page))
}

pub(super) fn put_boundary(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let role = required(&mut params, "RoleName")?;
    let arn = required(&mut params, "PermissionsBoundary")?;
    params.finish()?;
    iam::put_boundary(account, &role, arn)?;
    Ok(Node::map())
}

pub(super) fn remove_boundary(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let role = required(&mut params, "RoleName")?;
    params.finish()?;
    iam::remove_boundary(account, &role)?;
    Ok(Node::map())
}

fn show(account: &Account, policy: &Policy) -> Node {
    let (attached, limited) = iam::uses(account, &policy.arn);
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let policy = Node::map()
        .put("PolicyName", &policy.name)
        .put("PolicyId", &policy.id)
        .put("Arn", &policy.arn)
        .put("Path", &policy.path)
        .put("DefaultVersionId", "v1")
        .put("AttachmentCount", count(attached))
        .put("PermissionsBoundaryUsageCount", count(limited))
        .put("IsAttachable", true)
        .put("CreateDate", policy.created_at)
        .put("UpdateDate", policy.created_at);
    Node::map().put("Policy", policy)
}

pub(super) fn create(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = required(&mut params, "PolicyName")?;
    let path = path(&mut params)?;
    let document = required(&mut params, "PolicyDocument")?;
    params.finish()?;
    let arn = iam::create_policy(account, &name, &path, document)?;
    Ok(show(account, iam::managed(account, &arn)?))
}

pub(super) fn get(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let arn = required(&mut params, "PolicyArn")?;
    params.finish()?;
    Ok(show(account, iam::managed(account, &arn)?))
}

pub(super) fn delete(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let arn = required(&mut params, "PolicyArn")?;
    params.finish()?;
    iam::delete_managed(account, &arn)?;
    Ok(Node::map())
}
