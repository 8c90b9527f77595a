//! IAM.

use serde_json::Value;

use super::{Keys, key, read_tags, request, request_keys, resource_keys, tag_keys, text, to_link};
use crate::account::iam::visible_role;
use crate::account::policy::Request;
use crate::account::{Account, Tags};

pub(super) fn needs(account: &Account, operation: &str, params: &Value) -> Option<Vec<Request>> {
    let action = format!("iam:{operation}");
    let (role, profile) = (
        text(params, "RoleName"),
        text(params, "InstanceProfileName"),
    );
    let tags = read_tags(&params["Tags"]);
    Some(match operation {
        "ListRoles" | "ListInstanceProfiles" => return None,
        "CreateServiceLinkedRole" => vec![to_link(account, &text(params, "AWSServiceName"))],
        "CreatePolicy" | "GetPolicy" | "DeletePolicy" => vec![of_policy(account, &action, params)],
        "CreateRole" | "TagRole" | "UntagRole" => {
            let path = text(params, "Path");
            let needed = of_role(account, &action, &role, &path);
            let mut all = tagged(needed, &tags, "iam:TagRole");
            // Of the role alone, not of its tags.
            all[0].keys.extend(boundary(text(params, BOUNDARY)));
            all
        }
        "PutRolePermissionsBoundary" => {
            let mut needed = of_role(account, &action, &role, "");
            needed.keys.extend(boundary(text(params, BOUNDARY)));
            vec![needed]
        }
        // What a role that stands is limited to.
        "DeleteRolePermissionsBoundary" | "PutRolePolicy" | "DeleteRolePolicy" => {
            let mut needed = of_role(account, &action, &role, "");
            needed.keys.extend(boundary(boundary_of(account, &role)));
            vec![needed]
        }
        "CreateInstanceProfile" | "TagInstanceProfile" | "UntagInstanceProfile" => {
            let needed = of_profile(account, &action, &profile, &text(params, "Path"));
            tagged(needed, &tags, "iam:TagInstanceProfile")
        }
        "AddRoleToInstanceProfile" => {
            // Who can give a profile another role can have whoever has the profile act in it.
            let passed = of_role(account, "iam:PassRole", &role, "");
            vec![of_profile(account, &action, &profile, ""), passed]
        }
        "AttachRolePolicy" | "DetachRolePolicy" => {
            let mut needed = of_role(account, &action, &role, "");
            needed
                .keys
                .extend(key("iam:PolicyARN", text(params, "PolicyArn")));
            needed.keys.extend(boundary(boundary_of(account, &role)));
            vec![needed]
        }
        _ if !profile.is_empty() => vec![of_profile(account, &action, &profile, "")],
        _ => vec![of_role(account, &action, &role, "")],
    })
}

/// The same, and what giving tags takes.
fn tagged(mut needed: Request, tags: &Tags, action: &str) -> Vec<Request> {
    needed.keys.extend(request_keys(tags));
    let tagging = (!tags.is_empty() && needed.action != action).then(|| Request {
        action: action.to_owned(),
        ..needed.clone()
    });
    [Some(needed), tagging].into_iter().flatten().collect()
}

fn of_role(account: &Account, action: &str, name: &str, path: &str) -> Request {
    match visible_role(account, name) {
        Ok(held) => request(
            action,
            &*held.arn,
            resource_keys("iam:ResourceTag", &held.tags),
        ),
        // Without a path, where a call names none: AWS knows no role to read it from.
        Err(_) => request(action, arn(account, "role", path, name), Keys::new()),
    }
}

fn of_profile(account: &Account, action: &str, name: &str, path: &str) -> Request {
    match account.iam.profiles.get(name) {
        // A profile's tags have no name of IAM's own.
        Some(held) => request(action, &*held.arn, tag_keys("aws:ResourceTag", &held.tags)),
        None => {
            let arn = arn(account, "instance-profile", path, name);
            request(action, arn, Keys::new())
        }
    }
}

fn of_policy(account: &Account, action: &str, params: &Value) -> Request {
    let arn = match text(params, "PolicyArn") {
        arn if !arn.is_empty() => arn,
        _ => {
            let (name, path) = (text(params, "PolicyName"), text(params, "Path"));
            arn(account, "policy", &path, &name)
        }
    };
    request(action, arn, Keys::new())
}

/// Of what is not there yet.
fn arn(account: &Account, kind: &str, path: &str, name: &str) -> String {
    let path = path.trim_matches('/');
    let path = match path.is_empty() {
        true => String::new(),
        false => format!("{path}/"),
    };
    format!("arn:aws:iam::{}:{kind}/{path}{name}", account.id)
}

/// The parameter, and the end of the key's name.
const BOUNDARY: &str = "PermissionsBoundary";

fn boundary(arn: String) -> Keys {
    match arn.is_empty() {
        true => Keys::new(),
        false => key("iam:PermissionsBoundary", arn),
    }
}

/// What limits a role that stands.
fn boundary_of(account: &Account, role: &str) -> String {
    let held = account.iam.roles.get(role);
    held.and_then(|role| role.boundary.clone())
        .unwrap_or_default()
}
