//! The roles of instances, builders, bakes and timers, as [`crate::policy`] has them.

use anyhow::Result;

use super::Provisioned;
use crate::aws::iam::{self, Role};
use crate::aws::sts::Caller;
use crate::config::Config;
use crate::policy::{self, Scope};
use crate::run::context::Context;
use crate::stack::Names;

/// AWS's own policy for the SSM agent, which roles of earlier versions have: it lets every instance read every parameter of the
/// account by its name, secret ones, too.
pub(crate) const MANAGED_INSTANCE: &str = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore";

/// Makes or updates the roles. IAM is eventually consistent: it shows a new one long before the services see it that take it on, and a
/// policy before calls are judged by it. Who needs one asks again: no look tells when it counts.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>
pub async fn ensure(
    cx: &Context,
    config: &Config,
    names: &Names,
    caller: &Caller,
    made: &mut Provisioned,
) -> Result<()> {
    let tags = names.tags();
    let scope = Scope::of(config, &caller.account, &cx.aws.region);
    // No job takes these on: there is no repository to name.
    let mut roles = policy::roles(&scope, &[]);
    roles.retain(|role| !role.who.is_a_job());
    for role in roles {
        let (inline, instance_profile) = (role.policy(), role.has_profile());
        let role = Role {
            name: role.name,
            path: config.roles.path.clone(),
            boundary: config.roles.boundary.clone(),
            trust: role.trust,
            not_managed: instance_profile.then_some(MANAGED_INSTANCE),
            inline,
            instance_profile,
        };
        let (_, new) = iam::ensure_role(&cx.aws, &role, &tags).await?;
        if new {
            made.create(cx, format!("role {}", role.name));
        }
    }
    Ok(())
}
