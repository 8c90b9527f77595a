//! AWS Identity and Access Management: the roles of instances and of the bake.

use aws_sdk_iam::types::Tag;

use super::error::{About as _, ErrorKind, Failure};
use super::{Aws, Tags};

/// A role that is to exist.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Who may assume it (a service principal such as `ec2.amazonaws.com`).
    pub principal: &'static str,
    /// AWS's own policies it has.
    pub managed: Vec<&'static str>,
    /// Its own policy, as JSON.
    pub inline: Option<serde_json::Value>,
    /// Whether instances can have it.
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
    for policy in &role.managed {
        aws.iam
            .attach_role_policy()
            .role_name(&role.name)
            .policy_arn(*policy)
            .send()
            .await
            .about("AttachRolePolicy", format!("{policy} to {}", role.name))?;
    }
    if let Some(policy) = &role.inline {
        aws.iam
            .put_role_policy()
            .role_name(&role.name)
            .policy_name("bg-deploy")
            .policy_document(policy.to_string())
            .send()
            .await
            .about("PutRolePolicy", &role.name)?;
    }
    if role.instance_profile {
        ensure_instance_profile(aws, &role.name, with_tags).await?;
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
            let arn = answer.role.map(|role| role.arn).unwrap_or_default();
            return Ok((arn, false));
        }
        Err(error) if error.kind == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let trust = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": role.principal},
            "Action": "sts:AssumeRole",
        }],
    });
    let answer = aws
        .iam
        .create_role()
        .role_name(&role.name)
        .assume_role_policy_document(trust.to_string())
        .set_tags(Some(tags(with_tags)))
        .send()
        .await
        .about("CreateRole", &role.name)?;
    Ok((answer.role.map(|role| role.arn).unwrap_or_default(), true))
}

async fn ensure_instance_profile(aws: &Aws, name: &str, with_tags: &Tags) -> Result<(), Failure> {
    let made = aws
        .iam
        .create_instance_profile()
        .instance_profile_name(name)
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

/// Whether a role and, if wanted, its instance profile exist.
pub async fn has_role(aws: &Aws, name: &str) -> Result<bool, Failure> {
    let found = aws
        .iam
        .get_role()
        .role_name(name)
        .send()
        .await
        .about("GetRole", name);
    match found {
        Ok(_) => Ok(true),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
