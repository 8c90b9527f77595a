//! Security groups as they stand, and their end.

use super::ec2::{filter, read_tags};
use super::error::{About as _, ErrorKind, Failure};
use super::{Aws, Tags};

/// One.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityGroup {
    /// `sg-...`
    pub id: String,
    /// Its name, which another VPC may have as well.
    pub name: String,
    /// Its VPC.
    pub vpc: String,
    /// Its tags.
    pub tags: Tags,
}

/// Those of this tag, in every VPC.
pub async fn find_by_tag(aws: &Aws, key: &str, value: &str) -> Result<Vec<SecurityGroup>, Failure> {
    find(aws, &format!("tag:{key}"), value).await
}

/// Those of this name, in every VPC.
pub async fn find_by_name(aws: &Aws, name: &str) -> Result<Vec<SecurityGroup>, Failure> {
    find(aws, "group-name", name).await
}

/// The one of this id.
pub async fn find_by_id(aws: &Aws, id: &str) -> Result<Vec<SecurityGroup>, Failure> {
    find(aws, "group-id", id).await
}

/// Those whose rules name this one.
pub async fn find_naming(aws: &Aws, group: &str) -> Result<Vec<SecurityGroup>, Failure> {
    find(aws, "ip-permission.group-id", group).await
}

async fn find(aws: &Aws, name: &str, value: &str) -> Result<Vec<SecurityGroup>, Failure> {
    let mut found = Vec::new();
    let mut pages = aws
        .ec2
        .describe_security_groups()
        .filters(filter(name, value))
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.about("DescribeSecurityGroups", value)?;
        let groups = page.security_groups.unwrap_or_default().into_iter();
        found.extend(groups.map(|group| SecurityGroup {
            id: group.group_id.unwrap_or_default(),
            name: group.group_name.unwrap_or_default(),
            vpc: group.vpc_id.unwrap_or_default(),
            tags: read_tags(group.tags),
        }));
    }
    Ok(found)
}

/// Deletes a security group that nothing uses; it may be gone already.
pub async fn delete(aws: &Aws, group: &str) -> Result<(), Failure> {
    let answer = aws
        .ec2
        .delete_security_group()
        .group_id(group)
        .send()
        .await
        .about("DeleteSecurityGroup", group);
    match answer {
        Err(error) if error.kind != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
