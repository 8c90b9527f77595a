//! Creates or updates what a release needs: roles, security groups, bucket, runbook, load balancer, fleets.
//!
//! Every piece looks by its deterministic name first, so a second run changes nothing, and a run after a crash goes
//! on. Nothing here deletes, and nothing touches instances or weights that exist.
//!
//! What is made is not seen everywhere at once. It is waited for here as far as it can be looked for: until AWS shows it by its name,
//! and takes it in the calls of `provision` itself. Whether a role can be taken on is found out only by whoever takes it on; so there
//! the release is patient ([`crate::run::wait::once_seen`]), whoever made the role, and however long ago.

pub mod artifacts;
pub mod beforehand;
pub mod fleet;
pub mod load_balancer;
mod place;
pub mod roles;
pub mod security_groups;
mod tags;

use std::time::Duration;

use anyhow::{Result, anyhow, bail};

use crate::aws::error::Failure;
use crate::aws::lag;
use crate::aws::sts::Caller;
use crate::config::Config;
use crate::inventory;
use crate::run::context::Context;
use crate::run::wait::{Limits, Look};
use crate::stack::Names;

pub use place::Place;

/// What waits are told as.
const STEP: &str = "provision";

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
    if let Some(why) = caller.is_elsewhere(config.account.as_deref(), &config.environment) {
        bail!(why);
    }
    let names = Names::new(&config.app, &config.environment);
    if let (_, Some(why)) = Box::pin(beforehand::stands(&cx.aws, &names)).await? {
        bail!("{}", why.seen);
    }
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
        &traffic,
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

/// The place, or why there is none.
async fn find_place(cx: &Context, config: &Config) -> Result<Place> {
    let found = place::find(&cx.aws, config).await?;
    found.map_err(|why| anyhow!("{}; {}", why.seen, why.remedy))
}
