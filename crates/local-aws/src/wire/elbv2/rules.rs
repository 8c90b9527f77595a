//! Rules on the wire.

use super::{Page, actions, conditions, narrow, read_tags};
use crate::account::elbv2::listeners;
use crate::account::elbv2::rules::{self, Rule};
use crate::account::{Account, ApiError};
use crate::wire::node::Node;
use crate::wire::params::Params;

pub(super) fn create(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let listener = params.required("ListenerArn")?;
    let conditions = conditions::read(params.structures(&["Conditions"]))?;
    let priority = params.number("Priority")?;
    let action = actions::read(params.structures(&["Actions"]))?;
    let tags = read_tags(&mut params)?;
    params.finish()?;
    let priority =
        priority.ok_or_else(|| ApiError::validation("A rule priority must be specified"))?;
    let action = action.ok_or_else(|| ApiError::validation("A rule action must be specified"))?;
    let arn = rules::create(
        account,
        &listener,
        narrow("Priority", priority)?,
        conditions.unwrap_or_default(),
        action,
        tags,
    )?;
    answer(account, &[arn])
}

fn answer(account: &Account, arns: &[String]) -> Result<Node, ApiError> {
    let shown: Result<Vec<_>, _> = arns
        .iter()
        .map(|arn| rules::find(account, arn).map(|(_, rule)| show(rule)))
        .collect();
    Ok(Node::map().put("Rules", Node::List(shown?)))
}

fn show(rule: &Rule) -> Node {
    let priority = rule
        .priority
        .map_or_else(|| "default".to_owned(), |number| number.to_string());
    Node::map()
        .put("RuleArn", &rule.arn)
        .put("Priority", priority)
        .put("Conditions", conditions::show(&rule.conditions))
        .put("Actions", actions::show(&rule.action))
        .put("IsDefault", rule.priority.is_none())
}

pub(super) fn describe(account: &Account, mut params: Params) -> Result<Node, ApiError> {
    let listener = params.text("ListenerArn");
    let arns = params.texts(&["RuleArns"]);
    let page = Page::read(&mut params)?;
    params.finish()?;
    let shown = match listener {
        Some(listener) => {
            let table = listeners::find(account, &listener)?.rules.latest();
            table.iter().map(|rule| show(rule)).collect()
        }
        None if arns.is_empty() => {
            return Err(ApiError::validation(
                "You must specify either listener rule ARNs or a listener ARN",
            ));
        }
        None => {
            let found: Result<Vec<_>, ApiError> = arns
                .iter()
                .map(|arn| rules::find(account, arn).map(|(_, rule)| show(rule)))
                .collect();
            found?
        }
    };
    Ok(page.of("Rules", shown))
}

pub(super) fn modify(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let arn = params.required("RuleArn")?;
    let conditions = conditions::read(params.structures(&["Conditions"]))?;
    let action = actions::read(params.structures(&["Actions"]))?;
    params.finish()?;
    rules::modify(account, &arn, conditions, action)?;
    answer(account, &[arn])
}

pub(super) fn delete(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let arn = params.required("RuleArn")?;
    params.finish()?;
    rules::delete(account, &arn)?;
    Ok(Node::map())
}

pub(super) fn set_priorities(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let mut wanted = Vec::new();
    for mut pair in params.structures(&["RulePriorities"]) {
        let arn = pair.required("RuleArn")?;
        let priority = pair.number("Priority")?.unwrap_or_default();
        pair.finish()?;
        wanted.push((arn, narrow("Priority", priority)?));
    }
    params.finish()?;
    rules::set_priorities(account, &wanted)?;
    let arns: Vec<_> = wanted.into_iter().map(|(arn, _)| arn).collect();
    answer(account, &arns)
}
