//! The end of a stack: removes what bears the tags of the app and the environment, all that `provision`, releases and bakes made.
//!
//! Guarantees:
//! - What does not bear both tags is left, and named if it bears the stack's names or stands in the way.
//! - Capacity goes only when nothing leads visitors to it any more: rules go before groups, and a group is looked at right before.
//! - Each part is looked for by tag and name, and what is gone already was removed: after a crash at any point the next run goes on.
//! - The lease is held to the end. It lies in the bucket, which goes last, and stays while anything of ours is left.
//!
//! Assumes: whoever calls has asked whether visitors who are served now may be left without an answer ([`Look::serving`]), and has
//! been stopped by a hold.

mod bucket;
mod look;
mod removal;
mod thing;
mod traffic;

use std::time::Duration;

use anyhow::{Result, bail};
use serde::Serialize;

use self::removal::Removal;
use self::thing::Kind;
use crate::aws::ec2;
use crate::aws::s3::has_bucket;
use crate::aws::sts::Caller;
use crate::command_line::{aws, region_of};
use crate::config::Config;
use crate::run::context::Context;
use crate::run::wait::{self, Limits};
use crate::stack::{Names, TAG_APP};

pub use look::Look;
pub use thing::Thing;
pub use traffic::Serving;

/// What waits are told as.
const STEP: &str = "destroy";

/// Instances that are ending end within this.
const ENDING: Limits = Limits::new(Duration::from_secs(600), Duration::from_secs(2))
    .growing_to(Duration::from_secs(15));

/// What stays behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// What it is.
    pub what: String,
    /// Why it stays.
    pub why: String,
}

impl Left {
    /// For people.
    pub fn words(&self) -> String {
        format!("{}: {}", self.what, self.why)
    }
}

/// What came of it, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Destroyed {
    /// What is gone, in the order in which it went.
    pub removed: Vec<String>,
    /// What another environment of the app needs, and which goes with that.
    pub kept: Vec<Left>,
    /// What is left, and why: the same command goes on where that is out of the way.
    pub left: Vec<Left>,
}

/// Something of the stack's names that does not bear its tags.
fn not_ours(what: String) -> Left {
    Left {
        what,
        why: "it does not bear the tags of this app and environment: somebody else made it, or took them off"
            .to_owned(),
    }
}

/// What stands now, for whoever asks before.
pub async fn look(cx: &Context, config: &Config, caller: &Caller) -> Result<Look> {
    if let Some(why) = caller.is_elsewhere(config.account.as_deref(), &config.environment) {
        bail!(why);
    }
    let names = Names::new(&config.app, &config.environment);
    let bucket = names.bucket_of(&caller.account, &cx.aws.region);
    Box::pin(Look::at(&cx.aws, &names, &bucket, cx.clock.utc())).await
}

/// Removes it. The lease of `cx` is kept meanwhile, and is gone with the bucket's last object; without a bucket there is none.
/// Each thing is told as a note as it goes.
pub async fn destroy(cx: &Context, config: &Config, caller: &Caller) -> Result<Destroyed> {
    let names = Names::new(&config.app, &config.environment);
    let place = names.lease(&caller.account, &cx.aws.region);
    let mut removal = Removal::new(cx);
    let all = remove_all(cx, config, caller, &mut removal);
    let has_bucket = cx.keep_lease(all).await?;
    // Whoever comes next has to have its turn while anything is left.
    if has_bucket && removal.is_complete() {
        bucket::remove_lease(cx, &place).await?;
        bucket::remove(&mut removal, cx, &place).await?;
    }
    Ok(removal.end())
}

/// Everything but the lease and its bucket; answers with whether those are left to remove.
async fn remove_all(
    cx: &Context,
    config: &Config,
    caller: &Caller,
    removal: &mut Removal<'_>,
) -> Result<bool> {
    let names = Names::new(&config.app, &config.environment);
    let place = names.lease(&caller.account, &cx.aws.region);
    let seen = look(cx, config, caller).await?;
    if let Some(balancer) = &seen.protected {
        bail!("{}", protected(balancer));
    }
    if let Some(lease) = &cx.lease {
        // A run that did not come to its end has nothing left to finish.
        lease.forget_run().await;
    }
    // A bake that ends leaves what it had made; a guard that wakes writes weights.
    for thing in seen.things {
        if matches!(thing.kind, Kind::Automation(_)) {
            removal.remove(thing).await?;
        }
    }
    let seen = look(cx, config, caller).await?;
    let (first, rest): (Vec<_>, Vec<_>) = seen.things.into_iter().partition(|thing| {
        matches!(
            thing.kind,
            Kind::Rule(_) | Kind::Listener(_) | Kind::Group(_) | Kind::Instance(_)
        )
    });
    for thing in first {
        removal.remove(thing).await?;
    }
    instances_end(cx, &names).await?;
    for thing in rest {
        if !matches!(thing.kind, Kind::Automation(_)) {
            removal.remove(thing).await?;
        }
    }
    for kept in seen.kept {
        removal.kept(kept);
    }
    let is_ours = seen.bucket.is_some();
    for stranger in seen.strangers {
        removal.left(stranger);
    }
    if !is_ours || !has_bucket(&cx.aws, &place.bucket).await? {
        return Ok(false);
    }
    if removal.is_complete() {
        bucket::empty(cx, &names, &place).await?;
        return Ok(true);
    }
    removal.left(Left {
        what: format!("bucket {}", place.bucket.name),
        why: "it keeps the lease until the rest is gone".to_owned(),
    });
    Ok(false)
}

/// Instances outlive their groups, and what they use can't go before them. Those that do not end in time are named by what can't.
async fn instances_end(cx: &Context, names: &Names) -> Result<()> {
    let look = || async {
        let mut all = ec2::find_instances(&cx.aws, TAG_APP, &names.app).await?;
        all.retain(|one| names.made(&one.tags) && one.state == "shutting-down");
        Ok(match all.as_slice() {
            [] => wait::Look::Ready(()),
            [one] => wait::Look::NotYet(format!("{} is shutting down", one.id)),
            many => wait::Look::NotYet(format!("{} instances are shutting down", many.len())),
        })
    };
    let ended = cx
        .wait(STEP, "the end of the instances", ENDING, look)
        .await;
    match ended {
        Err(wait::WaitError::TimedOut { last, .. }) => {
            cx.events.note(format!("not waited for any longer: {last}"));
            Ok(())
        }
        other => Ok(other?),
    }
}

/// Why nothing is removed while somebody has protected the load balancer, and how that is taken back.
pub fn protected(balancer: &str) -> String {
    let options = format!(
        "--load-balancer-arn {balancer} --attributes Key=deletion_protection.enabled,Value=false"
    );
    let command = aws(
        region_of(balancer),
        "elbv2 modify-load-balancer-attributes",
        &options,
    );
    format!(
        "the load balancer is protected from its removal: somebody wanted it to stay, so nothing was removed\n\
         if it is to go all the same: {command}"
    )
}
