//! What a rule does with a request: forward by weights, answer itself, or redirect.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::conditions::Facts;
use crate::account::{Account, ApiError};

/// AWS's most target groups of one action.
const MOST_GROUPS: usize = 5;
/// AWS's greatest weight.
const GREATEST_WEIGHT: u32 = 999;

/// The action of a rule: AWS allows exactly one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Its place among a rule's actions, as it was sent.
    pub order: Option<u32>,
    /// What it does.
    pub kind: ActionKind,
}

/// What an action does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// To one of several target groups, by weights.
    Forward(Forward),
    /// An answer from the load balancer itself.
    FixedResponse(FixedResponse),
    /// To somewhere else.
    Redirect(Redirect),
}

/// Forwarding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The target groups with their weights, in the order they were sent.
    pub groups: Vec<(Arc<str>, u32)>,
    /// Whether a client stays with the target group it got first.
    pub is_sticky: bool,
    /// For how long, in seconds, as it was sent.
    pub sticky_seconds: Option<u32>,
}

/// An answer from the load balancer itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedResponse {
    /// 2XX, 4XX or 5XX.
    pub status: u16,
    /// Its type.
    pub content_type: Option<String>,
    /// Its body.
    pub body: Option<String>,
}

/// A redirect; every part may contain `#{protocol}`, `#{host}`, `#{port}`, `#{path}` and `#{query}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// `HTTP`, `HTTPS` or `#{protocol}`.
    pub protocol: String,
    /// The host.
    pub host: String,
    /// The port.
    pub port: String,
    /// The path.
    pub path: String,
    /// The query without its question mark.
    pub query: String,
    /// 301 or 302.
    pub status: u16,
}

impl Redirect {
    /// Where it sends a request that came to a listener's port.
    pub fn location(&self, facts: &Facts<'_>, port: u16) -> String {
        let port = port.to_string();
        let fill = |template: &str| {
            template
                .replace("#{protocol}", "HTTP")
                .replace("#{host}", facts.host())
                .replace("#{port}", &port)
                .replace("#{path}", facts.uri.path().trim_start_matches('/'))
                .replace("#{query}", facts.uri.query().unwrap_or_default())
        };
        let protocol = fill(&self.protocol).to_ascii_lowercase();
        let query = fill(&self.query);
        let mark = if query.is_empty() { "" } else { "?" };
        format!(
            "{protocol}://{}:{}{}{mark}{query}",
            fill(&self.host),
            fill(&self.port),
            fill(&self.path)
        )
    }
}

impl Action {
    /// The target groups it names.
    pub fn groups(&self) -> impl Iterator<Item = &Arc<str>> {
        let groups = match &self.kind {
            ActionKind::Forward(forward) => forward.groups.as_slice(),
            _ => &[],
        };
        groups.iter().map(|(group, _)| group)
    }
}

/// Refuses an action that a load balancer of this ARN cannot have.
pub fn check(account: &Account, load_balancer: &str, action: &Action) -> Result<(), ApiError> {
    match &action.kind {
        ActionKind::Forward(forward) => check_forward(account, load_balancer, forward),
        ActionKind::FixedResponse(fixed) => match fixed.status / 100 {
            2 | 4 | 5 => Ok(()),
            _ => Err(ApiError::validation(
                "The fixed-response status code must be 2XX, 4XX or 5XX",
            )),
        },
        ActionKind::Redirect(redirect) => {
            let keeps_everything = redirect.protocol == "#{protocol}"
                && redirect.host == "#{host}"
                && redirect.port == "#{port}"
                && redirect.path == "/#{path}"
                && redirect.query == "#{query}";
            if keeps_everything {
                return Err(invalid("Redirect would create a loop"));
            }
            Ok(())
        }
    }
}

fn invalid(message: &str) -> ApiError {
    ApiError::refused("InvalidLoadBalancerAction", message)
}

fn check_forward(
    account: &Account,
    load_balancer: &str,
    forward: &Forward,
) -> Result<(), ApiError> {
    if forward.groups.is_empty() {
        return Err(ApiError::validation(
            "A target group ARN must be specified for a forward action",
        ));
    }
    if forward.groups.len() > MOST_GROUPS {
        return Err(invalid(&format!(
            "A forward action can have at most {MOST_GROUPS} target groups"
        )));
    }
    let distinct: BTreeSet<_> = forward.groups.iter().map(|(arn, _)| arn).collect();
    if distinct.len() < forward.groups.len() {
        return Err(invalid("A forward action names a target group twice"));
    }
    let mut needs_stickiness = false;
    for (arn, weight) in &forward.groups {
        let group = super::target_groups::find(account, arn)?;
        if *weight > GREATEST_WEIGHT {
            return Err(ApiError::validation(&format!(
                "Target group weight '{weight}' must be between '0' and '{GREATEST_WEIGHT}' inclusive"
            )));
        }
        if group
            .load_balancers
            .iter()
            .any(|other| other != load_balancer)
        {
            return Err(ApiError::refused(
                "TargetGroupAssociationLimit",
                &format!(
                    "The following target groups cannot be associated with more than one load balancer: {arn}"
                ),
            ));
        }
        needs_stickiness |= group.attributes.flag("stickiness.enabled");
    }
    if needs_stickiness && forward.groups.len() > 1 && !forward.is_sticky {
        return Err(ApiError::refused(
            "InvalidConfigurationRequest",
            "You must enable group stickiness on a rule if you enabled target stickiness on one of its target groups",
        ));
    }
    match (forward.is_sticky, forward.sticky_seconds) {
        (true, None) => Err(ApiError::validation(
            "Target group stickiness duration must be specified when stickiness is enabled",
        )),
        (_, Some(seconds)) => super::within(
            "Target group stickiness duration",
            seconds.into(),
            1,
            604_800,
        )
        .map(|_| ()),
        (false, None) => Ok(()),
    }
}
