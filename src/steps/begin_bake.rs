//! How a bake is begun: its automation, and another one where EC2 did not see yet what the builder is launched with, or that its role
//! may launch it.

use std::time::Duration;

use anyhow::Result;

use crate::aws::ssm::{self, Automation, Start};
use crate::aws::{Tags, lag};
use crate::bake::runbook::{DESCRIBE_BASE, LAUNCH};
use crate::plan::Bake;
use crate::run::context::Context;
use crate::run::event::Event;

/// Before the next one: each takes some seconds itself.
const BETWEEN: Duration = Duration::from_secs(3);

/// Starts the automation of a deployment's bake, for the `nth` time; answers with its id. Systems Manager may not see its role yet.
pub(super) async fn begin(
    cx: &Context,
    step: &str,
    tags: &Tags,
    bake: &Bake,
    (deployment, nth): (&str, u32),
) -> Result<String> {
    let (document, version) = &bake.runbook;
    // The same deployment never starts two bakes, but where the one before has launched nothing.
    let token = match nth {
        0 => deployment.to_owned(),
        _ => format!("{deployment}/{nth}"),
    };
    let start = Start {
        document: document.clone(),
        version: version.clone(),
        parameters: bake.parameters.clone(),
        client_token: ssm::client_token(&token),
        tags: tags.clone(),
    };
    let call = || async { Ok(ssm::start_automation(&cx.aws, start.clone()).await?) };
    let automation = cx.once_seen(step, call).await?;
    cx.events.note(format!(
        "bake: automation {automation} of runbook {document} version {version}"
    ));
    Ok(automation)
}

/// Why a bake that has ended launched nothing, if it is that EC2 may only not see yet what the builder was to have, or what its role may.
fn launched_nothing(ended: &Automation) -> Option<&str> {
    let failed = ended.failed_step();
    let failed = failed.filter(|it| [DESCRIBE_BASE, LAUNCH].contains(&it.name.as_str()))?;
    lag::may_launch_later(&failed.failure).then_some(&failed.failure)
}

/// Whether it is worth another automation: EC2 may see it by now. Waits a little, if so.
pub(super) async fn is_worth_another(
    cx: &Context,
    step: &str,
    ended: &Automation,
    since: Duration,
) -> Result<bool> {
    let Some(why) = launched_nothing(ended) else {
        return Ok(false);
    };
    if cx.clock.elapsed().saturating_sub(since) >= lag::LONGEST {
        return Ok(false);
    }
    cx.events.emit(Event::Waiting {
        step: step.to_owned(),
        reason: why.to_owned(),
    });
    cx.pause(BETWEEN).await?;
    cx.held().await?;
    Ok(true)
}
