//! IAM.

use serde_json::Value;

use super::{Keys, key, read_tags, request, request_keys, resource_keys, tag_keys, text};
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
        "CreateRole" | "TagRole" | "UntagRole" => {
            let path = text(params, "Path");
            tagged(
                of_role(account, &action, &role, &path),
                &tags,
                "iam:TagRole",
            )
        }
        "CreateInstanceProfile" | "TagInstanceProfile" | "UntagInstanceProfile" => {
            let needed = of_profile(account, &action, &profile);
            tagged(needed, &tags, "iam:TagInstanceProfile")
        }
        "AddRoleToInstanceProfile" => {
            // Who can give a profile another role can have whoever has the profile act in it.
            let passed = of_role(account, "iam:PassRole", &role, "");
            vec![of_profile(account, &action, &profile), passed]
        }
        "AttachRolePolicy" | "DetachRolePolicy" => {
            let mut needed = of_role(account, &action, &role, "");
            needed
                .keys
                .extend(key("iam:PolicyARN", text(params, "PolicyArn")));
            vec![needed]
        }
        _ if !profile.is_empty() => vec![of_profile(account, &action, &profile)],
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
    match account.iam.roles.get(name) {
        Some(held) => request(
            action,
            &*held.arn,
            resource_keys("iam:ResourceTag", &held.tags),
        ),
        None => {
            let path = path.trim_matches('/');
            let path = match path.is_empty() {
                true => String::new(),
                false => format!("{path}/"),
            };
            let arn = format!("arn:aws:iam::{}:role/{path}{name}", account.id);
            request(action, arn, Keys::new())
        }
    }
}

fn of_profile(account: &Account, action: &str, name: &str) -> Request {
    match account.iam.profiles.get(name) {
        // A profile's tags have no name of IAM's own.
        Some(held) => request(action, &*held.arn, tag_keys("aws:ResourceTag", &held.tags)),
        None => {
            let arn = format!("arn:aws:iam::{}:instance-profile/{name}", account.id);
            request(action, arn, Keys::new())
        }
    }
}
