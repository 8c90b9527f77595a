//! Under whose role each part of a walk is made: roles with exactly what `policy` prints, which the person who calibrates makes, takes
//! on one after the other, and removes.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::json;

use crate::aws::credentials::Signer;
use crate::aws::error::ErrorKind;
use crate::aws::iam::{self, Role};
use crate::aws::sts::{self, Caller};
use crate::aws::{Access, Aws, bear, lag, partition_of};
use crate::config::Config;
use crate::policy::{self, Scope};
use crate::run::context::Context;
use crate::run::wait::{Limits, Look};
use crate::stack::Names;
use net_clock::Network;

/// The roles that are taken on.
pub const KINDS: [&str; 3] = ["provision", "deploy", "destroy"];

/// What waits are told as.
const STEP: &str = "calibrate";
/// A policy is in force everywhere some seconds after it was written, and nothing shows when
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>).
const IN_FORCE: Duration = Duration::from_secs(20);

/// Makes the roles, with all that the walk needs of them.
pub(super) async fn make_roles(cx: &Context, config: &Config, caller: &Caller) -> Result<()> {
    if caller.arn.ends_with(":root") {
        bail!(
            "the root user of an account can take on no role: sign in as an administrator, or with a role of one"
        );
    }
    let scope = Scope::of(config, &caller.account, &cx.aws.region);
    let names = Names::new(&config.app, &config.environment);
    let partition = partition_of(&cx.aws.region);
    let account = format!("arn:{partition}:iam::{}:root", caller.account);
    for kind in KINDS {
        let Some(printed) = policy::role(&scope, kind) else {
            bail!("there is no role {kind}");
        };
        let role = Role {
            name: printed.name.clone(),
            path: printed.path.clone(),
            boundary: None,
            trust: json!({"Version": "2012-10-17", "Statement": [{
                "Effect": "Allow",
                "Principal": {"AWS": account},
                "Action": "sts:AssumeRole",
            }]}),
            not_managed: None,
            inline: printed.policy(),
            instance_profile: false,
        };
        iam::ensure_role(&cx.aws, &role, &names.tags()).await?;
    }
    cx.clock.sleep(IN_FORCE).await;
    Ok(())
}

/// Removes them again; what is not the walk's is left.
pub(super) async fn remove_roles(cx: &Context, config: &Config) -> Result<()> {
    let names = Names::new(&config.app, &config.environment);
    for name in KINDS.map(|kind| names.role(kind)) {
        if let Some(found) = iam::removal::find_role(&cx.aws, &name).await?
            && bear(&found.tags, &names.tags())
        {
            iam::removal::delete_role(&cx.aws, &name, &found).await?;
        }
    }
    Ok(())
}

/// Clients of somebody who has taken on this role; a new one is not seen by STS at once.
pub(super) async fn take_on(
    cx: &Context,
    (access, network): (&Access, &Network),
    (config, account): (&Config, &str),
    kind: &str,
) -> Result<Aws> {
    let names = Names::new(&config.app, &config.environment);
    let partition = partition_of(&cx.aws.region);
    let role = format!("arn:{partition}:iam::{account}:role/{}", names.role(kind));
    let look = || async {
        match sts::assume_role(&cx.aws, &role, "bg-deploy-calibrate").await {
            Ok(keys) => Ok(Look::Ready(keys)),
            Err(error) if error.kind == ErrorKind::Denied => Ok(Look::NotYet(error.to_string())),
            Err(error) => Err(error.into()),
        }
    };
    let limits = Limits::new(lag::LONGEST, Duration::from_secs(2));
    let keys = cx
        .wait(STEP, &format!("taking on {role}"), limits, look)
        .await?;
    let connected = Aws::connect_as(access, network, Signer::Given(keys)).await;
    connected.map_err(|none| anyhow::anyhow!("no clients for {role}: {none:?}"))
}
