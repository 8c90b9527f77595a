//! How many load balancers and target groups the account may have in the region, and how many it has.

use crate::aws::Aws;
use crate::aws::error::{About as _, Failure};

/// How many there are, and how many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Of application load balancers.
    pub load_balancers: (usize, usize),
    /// Of target groups.
    pub target_groups: (usize, usize),
}

/// Looks; what has no limit that AWS tells has room for everything.
pub async fn find_room(aws: &Aws) -> Result<Room, Failure> {
    let told = aws.elbv2.describe_account_limits().page_size(400);
    let told = told.send().await.about("DescribeAccountLimits", "")?;
    let told = told.limits.unwrap_or_default();
    let most = |name: &str| {
        let limit = told.iter().find(|limit| limit.name() == Some(name));
        let most = limit.and_then(|limit| limit.max()?.parse().ok());
        most.unwrap_or(usize::MAX)
    };
    let (mut balancers, mut groups) = (0, 0);
    let mut pages = aws.elbv2.describe_load_balancers().into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.about("DescribeLoadBalancers", "")?;
        let all = page.load_balancers.unwrap_or_default().into_iter();
        let ours = aws_sdk_elasticloadbalancingv2::types::LoadBalancerTypeEnum::Application;
        balancers += all.filter(|it| it.r#type.as_ref() == Some(&ours)).count();
    }
    let mut pages = aws.elbv2.describe_target_groups().into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.about("DescribeTargetGroups", "")?;
        groups += page.target_groups.unwrap_or_default().len();
    }
    Ok(Room {
        load_balancers: (balancers, most("application-load-balancers")),
        target_groups: (groups, most("target-groups")),
    })
}
