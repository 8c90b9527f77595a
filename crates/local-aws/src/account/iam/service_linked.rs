//! The role that a service has of its own in an account. Nobody but AWS changes it, and it is not there before it is first needed
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html>).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::Role;
use crate::account::{Account, ApiError};

/// Services that are known to have one here, and what it is called.
const ROLES: [(&str, &str); 3] = [
    ("autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling"),
    (
        "elasticloadbalancing.amazonaws.com",
        "AWSServiceRoleForElasticLoadBalancing",
    ),
    ("spot.amazonaws.com", "AWSServiceRoleForEC2Spot"),
];

fn name_of(service: &str) -> Option<&'static str> {
    let mut roles = ROLES.iter();
    let (_, name) = roles.find(|(of, _)| *of == service)?;
    Some(name)
}

/// Its ARN, whether or not it is there.
pub fn arn(account: &Account, service: &str) -> String {
    let name = name_of(service).unwrap_or_default();
    format!(
        "arn:aws:iam::{}:role/aws-service-role/{service}/{name}",
        account.id
    )
}

/// Whether it is there.
pub fn has(account: &Account, service: &str) -> bool {
    name_of(service).is_some_and(|name| account.iam.service_linked.contains_key(name))
}

/// Has it be there: the service is used, by somebody who may have it made.
pub fn ensure(account: &mut Account, service: &str) {
    if let Some(name) = name_of(service).filter(|_| !has(account, service)) {
        make(account, service, name, None);
    }
}

/// Makes it, because somebody asks for it.
pub fn create(
    account: &mut Account,
    service: &str,
    description: Option<String>,
) -> Result<Role, ApiError> {
    let Some(name) = name_of(service) else {
        return Err(ApiError::refused(
            "InvalidInput",
            &format!("no role of {service} is known here"),
        ));
    };
    if has(account, service) {
        return Err(ApiError::refused(
            "InvalidInput",
            &format!(
                "Service role name {name} has been taken in this account, please try a different suffix."
            ),
        ));
    }
    Ok(make(account, service, name, description))
}

fn make(account: &mut Account, service: &str, name: &str, description: Option<String>) -> Role {
    let of = name.trim_start_matches("AWSServiceRoleFor");
    let role = Role {
        name: name.to_owned(),
        // None that is drawn: what comes after has the same ids whether or not this was there.
        id: format!("AROA{:A<17.17}", of.to_uppercase()),
        arn: arn(account, service),
        path: format!("/aws-service-role/{service}/"),
        created_at: account.utc(),
        trust: json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"Service": [service]},
                "Action": ["sts:AssumeRole"],
            }],
        })
        .to_string(),
        description,
        max_session: 3600,
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
        boundary: None,
        earlier: Vec::new(),
        tags: BTreeMap::new(),
    };
    let held = &mut account.iam.service_linked;
    held.insert(role.name.clone(), role.clone());
    role
}
