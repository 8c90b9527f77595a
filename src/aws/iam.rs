//! AWS Identity and Access Management: the roles of instances and of the bake.

use aws_sdk_iam::types::Tag;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::error::{About as _, ErrorKind, Failure};
use super::{Aws, Tags};

/// A role as it is to be.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name, and that of its instance profile.
    pub name: String,
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
        .policy_name("bg-deploy")
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
            let Some(found) = answer.role else {
                return Ok((String::new(), false));
            };
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
        .assume_role_policy_document(trust.to_string())
        .set_tags(Some(tags(with_tags)))
        .send()
        .await
        .about("CreateRole", &role.name)?;
    Ok((answer.role.map(|role| role.arn).unwrap_or_default(), true))
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
