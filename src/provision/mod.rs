//! Creates or updates what a release needs: roles, security groups, bucket, runbook, load balancer, fleets.
//!
//! Every piece looks by its deterministic name first, so a second run changes nothing, and a run after a crash goes
//! on. Nothing here deletes, and nothing touches instances or weights that exist.
//!
//! What is made is not seen everywhere at once. It is waited for here as far as it can be looked for: until AWS shows it by its name,
//! and takes it in the calls of `provision` itself. Whether a role can be taken on is found out only by whoever takes it on; so there
//! the release is patient ([`crate::run::wait::once_seen`]), whoever made the role, and however long ago.

pub mod artifacts;
pub mod fleet;
pub mod load_balancer;
pub mod roles;
pub mod security_groups;
mod tags;

use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::aws::ec2::{self, Subnet};
use crate::aws::error::Failure;
use crate::aws::lag;
use crate::aws::sts::Caller;
use crate::aws::{autoscaling, elbv2};
use crate::config::Config;
use crate::inventory;
use crate::names::Colour;
use crate::run::context::Context;
use crate::run::wait::{Limits, Look};
use crate::stack::Names;

/// What waits are told as.
const STEP: &str = "provision";

/// Where a stack stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The VPC.
    pub vpc: String,
    /// One subnet in each zone, at least two.
    pub subnets: Vec<Subnet>,
}

/// What was made or found, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provisioned {
    /// What did not exist before.
    pub created: Vec<String>,
    /// What was left as it is because it serves.
    pub left: Vec<String>,
    /// Where live traffic will be answered.
    pub url: String,
}

impl Provisioned {
    /// Notes what did not exist before, and tells it at once: whatever comes after may fail.
    fn create(&mut self, cx: &Context, what: String) {
        cx.events.note(format!("created {what}"));
        self.created.push(what);
    }
}

/// Makes whatever does not exist yet; `made` is what was made before this.
pub async fn provision(
    cx: &Context,
    config: &Config,
    caller: &Caller,
    mut made: Provisioned,
) -> Result<Provisioned> {
    if let Some(account) = &config.account
        && *account != caller.account
    {
        bail!(
            "these credentials are for account {}, and environment {} belongs to account {account}",
            caller.account,
            config.environment
        );
    }
    let names = Names::new(&config.app, &config.environment);
    Box::pin(check_owner(cx, &names)).await?;
    let place = Box::pin(find_place(cx, config)).await?;
    let groups = Box::pin(security_groups::ensure(
        cx, config, &names, &place, &mut made,
    ))
    .await?;
    Box::pin(artifacts::ensure_bucket(
        cx, config, &names, caller, &mut made,
    ))
    .await?;
    Box::pin(roles::ensure(cx, config, &names, caller, &mut made)).await?;
    Box::pin(artifacts::ensure_runbooks(cx, config, &names, &mut made)).await?;
    let traffic = Box::pin(load_balancer::ensure(
        cx,
        config,
        &names,
        &place,
        &groups.balancer,
        &mut made,
    ))
    .await?;
    let base_image = inventory::resolve_base_image(&cx.aws, &config.bake.base_image).await?;
    Box::pin(fleet::ensure(
        cx,
        config,
        &names,
        &place,
        &groups.instance,
        &traffic.target_groups,
        &base_image,
        &mut made,
    ))
    .await?;
    made.url = traffic.url;
    Ok(made)
}

/// Waits until AWS shows what was just made to whoever looks for it by name, as the release does that may follow at once.
async fn shown<F, Fut>(cx: &Context, what: &str, find: F) -> Result<()>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<Option<String>, Failure>>,
{
    let limits = Limits::new(lag::LONGEST, Duration::from_secs(1));
    let what = format!("{what} being shown");
    let look = || async {
        Ok(match find().await? {
            Some(_) => Look::Ready(()),
            None => Look::NotYet("AWS does not show it yet".to_owned()),
        })
    };
    Ok(cx.wait(STEP, &what, limits, look).await?)
}

/// What stands under this stack's name has to be this stack's. The load balancer is made before the groups.
async fn check_owner(cx: &Context, names: &Names) -> Result<()> {
    let groups = Colour::BOTH.map(|colour| names.group(colour));
    let groups = autoscaling::find_groups(&cx.aws, &groups).await?;
    let mut tags: Vec<_> = groups.into_iter().map(|group| group.tags).collect();
    if let Some(balancer) = elbv2::find_load_balancer(&cx.aws, &names.stack()).await? {
        let described = elbv2::describe_tags(&cx.aws, &[balancer.arn]).await?;
        tags.extend(described.into_iter().map(|(_, tags)| tags));
    }
    match tags.iter().find_map(|tags| names.owner_but_us(tags)) {
        Some(why) => bail!("{why}"),
        None => Ok(()),
    }
}

/// The VPC and its subnets: given, or the account's default ones.
async fn find_place(cx: &Context, config: &Config) -> Result<Place> {
    let vpc = match &config.network.vpc {
        Some(vpc) => vpc.clone(),
        None => ec2::find_default_vpc(&cx.aws).await?.with_context(|| {
            format!(
                "{} has no default VPC; set network.vpc and network.subnets",
                cx.aws.region
            )
        })?,
    };
    let mut subnets = ec2::describe_subnets(&cx.aws, &vpc, &config.network.subnets).await?;
    if let Some(stray) = subnets.iter().find(|subnet| subnet.vpc != vpc) {
        bail!(
            "subnet {} is in {}, not in {vpc}; correct network.vpc or network.subnets",
            stray.id,
            stray.vpc
        );
    }
    // A load balancer takes one subnet in each zone.
    subnets.dedup_by(|a, b| a.zone == b.zone);
    if subnets.len() < 2 {
        bail!(
            "{vpc} has subnets in {} zone; a load balancer needs two zones: add a subnet, or name two in network.subnets",
            subnets.len()
        );
    }
    Ok(Place { vpc, subnets })
}

impl Place {
    /// The subnets' ids.
    pub fn subnet_ids(&self) -> Vec<String> {
        self.subnets
            .iter()
            .map(|subnet| subnet.id.clone())
            .collect()
    }
}
