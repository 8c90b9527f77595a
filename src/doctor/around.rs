//! What stands around a release: the account, the hour, the credentials, and what could not be looked at.

use std::time::SystemTime;

use super::case::{fails, left_over};
use super::finding::Finding;
use super::look::Seen;
use crate::aws::credentials::Life;
use crate::cause::FailedCall;
use crate::command_line::{Next, aws};
use crate::config::Config;
use crate::names::Colour;
use crate::plan::durations::Needed;
use crate::stack::Names;
use crate::standing::Standing;

/// These credentials are for another account: nothing else that was seen says anything.
pub(super) fn other_account(config: &Config, seen: &Seen) -> Option<Finding> {
    let wanted = config.account.as_ref()?;
    let caller = &seen.caller;
    let told = format!(
        "these credentials are for account {} ({}), and environment {} belongs to account {wanted}",
        caller.account, caller.arn, config.environment
    );
    let remedy = aws(
        None,
        "sts get-caller-identity",
        " # with credentials of that account",
    );
    (*wanted != caller.account).then(|| fails("other-account", told, remedy))
}

/// What stands there is another app's: nothing of it is judged.
pub(super) fn other_app(config: &Config, standing: &Standing) -> Option<Finding> {
    let names = Names::new(&config.app, &config.environment);
    let seen = standing.inventory.as_ref().ok()?.owner_but(&names)?;
    let options = format!(
        "--auto-scaling-group-names {} {}",
        names.group(Colour::Blue),
        names.group(Colour::Green)
    );
    let region = config.region.as_deref();
    let remedy = aws(region, "autoscaling describe-auto-scaling-groups", &options);
    Some(fails("other-app", seen, remedy))
}

/// There is nothing to find anything in.
pub(super) fn nothing(config: &Config) -> Finding {
    let stack = Names::new(&config.app, &config.environment).stack();
    let seen = format!("nothing of {stack} stands");
    fails("not-provisioned", seen, config.next(Next::Provision))
}

/// The hour, and how long the credentials live.
pub(super) fn findings(config: &Config, seen: &Seen, now: SystemTime) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(closed) = config.windows.closed(now) {
        let remedy = config.next(Next::DeployAtAnyTime);
        found.push(fails("window-closed", closed.to_string(), remedy));
    }
    if let Life::Until(end) = seen.life {
        let left = end.duration_since(now).unwrap_or_default();
        let needed = Needed::of_a_release(config);
        if let Some(why) = needed.too_short(left, std::time::Duration::ZERO) {
            let remedy = "--role-arn, or a role with a longer session".to_owned();
            found.push(fails("credentials-end", why, remedy));
        }
    }
    found
}

/// What could not be looked at, and says nothing for that reason.
pub(super) fn unseen(config: &Config, seen: &Seen) -> Vec<Finding> {
    let mut found = Vec::new();
    let again = || config.next(Next::Doctor);
    let told = |what: &str, why: &anyhow::Error| {
        let seen = format!("{what} could not be looked at: {why:#}");
        let call = why
            .chain()
            .find_map(|cause| cause.downcast_ref::<FailedCall>());
        let remedy = call
            .and_then(FailedCall::refusal)
            .map(|refusal| refusal.remedy.to_string());
        (seen, remedy.unwrap_or_else(again))
    };
    if let Err(why) = &seen.standing.inventory {
        let (seen, remedy) = told("the stack", why);
        found.push(fails("not-seen", seen, remedy));
    }
    for (name, runbook) in &seen.runbooks {
        if let Err(why) = runbook {
            let (seen, remedy) = told(&format!("the runbook {name}"), why);
            found.push(fails("not-seen", seen, remedy));
        }
    }
    // No release needs these.
    let others = [
        ("builders", seen.builders.as_ref().err()),
        ("images past their time", seen.surplus.as_ref().err()),
        ("snapshots past their time", seen.snapshots.as_ref().err()),
        (
            "the requests to the idle colour",
            seen.idle_requests.as_ref().err(),
        ),
    ];
    for (what, why) in others {
        if let Some(why) = why {
            let (seen, remedy) = told(what, why);
            found.push(left_over("not-seen", seen, remedy));
        }
    }
    found
}
