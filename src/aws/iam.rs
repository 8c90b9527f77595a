//! AWS Identity and Access Management: the roles of instances and of the bake.

pub mod removal;

use aws_sdk_iam::types::Tag;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::error::{About as _, ErrorKind, Failure};
use super::{Aws, Tags};

/// Services, and the role that each has of its own in an account:
/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/autoscaling-service-linked-role.html>,
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-service-linked-roles.html>
pub const SERVICE_ROLES: [(&str, &str); 2] = [
    ("autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling"),
    (
        "elasticloadbalancing.amazonaws.com",
        "AWSServiceRoleForElasticLoadBalancing",
    ),
];

/// What a role's own policy is called.
pub const POLICY: &str = "bg-deploy";

/// A role as it is to be.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name, and that of its instance profile.
    pub name: String,
    /// Their path.
    pub path: String,
    /// The managed policy, by ARN, that limits what it can be allowed; `None`: whatever limits it already.
    pub boundary: Option<String>,
    /// Who may take it on.
    pub trust: Value,
    /// A managed policy that it has no more.
    pub not_managed: Option<&'static str>,
    /// Its own policy.
    pub inline: Value,
    /// Instances take it on.
    pub instance_profile: bool,
}

fn tags(tags: &Tags) -> Vec<Tag> {
    tags.iter()
        .filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok())
        .collect()
}

/// Makes or updates a role, its policies and its instance profile. Answers with the role's ARN, and whether it is new.
pub async fn ensure_role(
    aws: &Aws,
    role: &Role,
    with_tags: &Tags,
) -> Result<(String, bool), Failure> {
    let (arn, new) = ensure_bare_role(aws, role, with_tags).await?;
    aws.iam
        .put_role_policy()
        .role_name(&role.name)
        .policy_name(POLICY)
        .policy_document(role.inline.to_string())
        .send()
        .await
        .about("PutRolePolicy", &role.name)?;
    if let Some(policy) = role.not_managed.filter(|_| !new) {
        let detached = aws
            .iam
            .detach_role_policy()
            .role_name(&role.name)
            .policy_arn(policy)
            .send()
            .await
            .about("DetachRolePolicy", format!("{policy} from {}", role.name));
        match detached {
            Err(error) if error.kind != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    if role.instance_profile {
        ensure_instance_profile(aws, role, with_tags).await?;
    }
    Ok((arn, new))
}

async fn ensure_bare_role(
    aws: &Aws,
    role: &Role,
    with_tags: &Tags,
) -> Result<(String, bool), Failure> {
    let found = aws
        .iam
        .get_role()
        .role_name(&role.name)
        .send()
        .await
        .about("GetRole", &role.name);
    match found {
        Ok(answer) => {
            let Some(found) = answer.role else {
                return Ok((String::new(), false));
            };
            if found.path != role.path {
                return Err(elsewhere(role, &found.path));
            }
            let limit = found.permissions_boundary.as_ref();
            let limit = limit.and_then(|limit| limit.permissions_boundary_arn());
            limit_as_said(aws, role, limit).await?;
            trust_as_said(aws, role, found.assume_role_policy_document()).await?;
            return Ok((found.arn, false));
        }
        Err(error) if error.kind == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let trust = &role.trust;
    let answer = aws
        .iam
        .create_role()
        .role_name(&role.name)
        .path(&role.path)
        .set_permissions_boundary(role.boundary.clone())
        .assume_role_policy_document(trust.to_string())
        .set_tags(Some(tags(with_tags)))
        .send()
        .await
        .about("CreateRole", &role.name)?;
    Ok((answer.role.map(|role| role.arn).unwrap_or_default(), true))
}

/// AWS moves no role to another path.
fn elsewhere(role: &Role, found: &str) -> Failure {
    Failure {
        kind: ErrorKind::Conflict,
        operation: "GetRole".into(),
        resource: role.name.clone(),
        code: String::new(),
        message: format!(
            "it stands with the path {found}, the file says {}, and a path can't be changed: write `path = \"{found}\"` in \
             [roles], or delete the role when nothing uses it, and provision again",
            role.path
        ),
        request_id: None,
    }
}

/// Has a role that stands be limited as it is to be, before it is given anything. What limits it is never taken away.
async fn limit_as_said(aws: &Aws, role: &Role, now: Option<&str>) -> Result<(), Failure> {
    let Some(boundary) = role.boundary.as_deref().filter(|said| now != Some(*said)) else {
        return Ok(());
    };
    aws.iam
        .put_role_permissions_boundary()
        .role_name(&role.name)
        .permissions_boundary(boundary)
        .send()
        .await
        .about(
            "PutRolePermissionsBoundary",
            format!("{boundary} of {}", role.name),
        )?;
    Ok(())
}

/// Has a role that stands trust whom it is to; what it says now is read first.
async fn trust_as_said(aws: &Aws, role: &Role, now: Option<&str>) -> Result<(), Failure> {
    let now = percent_decode_str(now.unwrap_or_default()).decode_utf8_lossy();
    let trust = &role.trust;
    if serde_json::from_str::<Value>(&now).is_ok_and(|now| now == *trust) {
        return Ok(());
    }
    aws.iam
        .update_assume_role_policy()
        .role_name(&role.name)
        .policy_document(trust.to_string())
        .send()
        .await
        .about("UpdateAssumeRolePolicy", &role.name)?;
    Ok(())
}

async fn ensure_instance_profile(aws: &Aws, role: &Role, with_tags: &Tags) -> Result<(), Failure> {
    let name = &role.name;
    let made = aws
        .iam
        .create_instance_profile()
        .instance_profile_name(name)
        .path(&role.path)
        .set_tags(Some(tags(with_tags)))
        .send()
        .await
        .about("CreateInstanceProfile", name);
    match made {
        Err(error) if error.kind != ErrorKind::Conflict => return Err(error),
        _ => {}
    }
    let added = aws
        .iam
        .add_role_to_instance_profile()
        .instance_profile_name(name)
        .role_name(name)
        .send()
        .await
        .about("AddRoleToInstanceProfile", name);
    match added {
        // A profile holds one role: over the limit means ours is in it already.
        Err(error) if error.code != "LimitExceeded" && error.kind != ErrorKind::Conflict => {
            Err(error)
        }
        _ => Ok(()),
    }
}

/// The path of the role that a service has of its own.
pub fn path_of_service(service: &str) -> String {
    format!("/aws-service-role/{service}/")
}

/// Whether a role of this name and path exists.
pub async fn has_role(aws: &Aws, name: &str, path: &str) -> Result<bool, Failure> {
    let found = aws
        .iam
        .get_role()
        .role_name(name)
        .send()
        .await
        .about("GetRole", name);
    match found {
        Ok(answer) => Ok(answer.role.is_some_and(|role| role.path == path)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
