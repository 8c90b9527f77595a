//! The end of roles and instance profiles: what each bears, and what is ours of it.

use crate::aws::error::{About as _, Failure, if_found};
use crate::aws::{Aws, Tags};

/// A role as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its tags.
    pub tags: Tags,
    /// The names of the policies of its own.
    pub inline: Vec<String>,
    /// The managed policies that it has, by ARN.
    pub managed: Vec<String>,
}

/// An instance profile as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Its tags.
    pub tags: Tags,
    /// The roles in it: one at most.
    pub roles: Vec<String>,
}

fn read_tags(tags: Option<Vec<aws_sdk_iam::types::Tag>>) -> Tags {
    let tags = tags.unwrap_or_default().into_iter();
    tags.map(|tag| (tag.key, tag.value)).collect()
}

/// The role of this name, with what it bears.
pub async fn find_role(aws: &Aws, name: &str) -> Result<Option<Standing>, Failure> {
    let found = aws.iam.get_role().role_name(name).send().await;
    let Some(found) = if_found(found.about("GetRole", name))? else {
        return Ok(None);
    };
    let inline = aws.iam.list_role_policies().role_name(name).send().await;
    let managed = aws.iam.list_attached_role_policies().role_name(name);
    let inline = if_found(inline.about("ListRolePolicies", name))?;
    let managed = if_found(managed.send().await.about("ListAttachedRolePolicies", name))?;
    let managed = managed.and_then(|it| it.attached_policies).into_iter();
    Ok(Some(Standing {
        tags: read_tags(found.role.and_then(|role| role.tags)),
        inline: inline.map(|it| it.policy_names).unwrap_or_default(),
        managed: managed.flatten().filter_map(|it| it.policy_arn).collect(),
    }))
}

/// The instance profile of this name.
pub async fn find_profile(aws: &Aws, name: &str) -> Result<Option<Profile>, Failure> {
    let found = aws.iam.get_instance_profile().instance_profile_name(name);
    let found = if_found(found.send().await.about("GetInstanceProfile", name))?;
    Ok(found.and_then(|it| it.instance_profile).map(|it| Profile {
        tags: read_tags(it.tags),
        roles: it.roles.into_iter().map(|role| role.role_name).collect(),
    }))
}

/// Deletes an instance profile, out of which its roles are taken first; either may have been done already.
pub async fn delete_profile(aws: &Aws, name: &str, of: &Profile) -> Result<(), Failure> {
    for role in &of.roles {
        let taken = aws.iam.remove_role_from_instance_profile();
        let taken = taken.instance_profile_name(name).role_name(role);
        if_found(
            taken
                .send()
                .await
                .about("RemoveRoleFromInstanceProfile", name),
        )?;
    }
    let deleted = aws.iam.delete_instance_profile();
    let deleted = deleted.instance_profile_name(name).send().await;
    if_found(deleted.about("DeleteInstanceProfile", name)).map(drop)
}

/// Deletes a role, and these policies of its own and managed ones first.
pub async fn delete_role(aws: &Aws, name: &str, of: &Standing) -> Result<(), Failure> {
    for policy in &of.inline {
        let deleted = aws.iam.delete_role_policy();
        let deleted = deleted.role_name(name).policy_name(policy).send().await;
        if_found(deleted.about("DeleteRolePolicy", format!("{policy} of {name}")))?;
    }
    for policy in &of.managed {
        let detached = aws.iam.detach_role_policy();
        let detached = detached.role_name(name).policy_arn(policy).send().await;
        if_found(detached.about("DetachRolePolicy", format!("{policy} from {name}")))?;
    }
    let deleted = aws.iam.delete_role().role_name(name).send().await;
    if_found(deleted.about("DeleteRole", name)).map(drop)
}
