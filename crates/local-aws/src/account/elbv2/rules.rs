//! Rules: what a listener does with which requests, in the order of their priorities.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::actions::{self, Action};
use super::conditions::{Condition, Facts, is_block};
use super::{listeners, not_found, within};
use crate::account::{Account, ApiError, Tags};

/// AWS's most values over all conditions of a rule.
const MOST_VALUES: usize = 5;

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its ARN.
    pub arn: String,
    /// The lowest comes first; the default rule, which comes last, has none.
    pub priority: Option<u32>,
    /// All of them must match.
    pub conditions: Vec<Condition>,
    /// What happens then.
    pub action: Action,
}

/// The rules of a listener.
#[derive(Clone, Debug)]
pub struct RuleTable {
    /// By priority.
    pub rules: Vec<Arc<Rule>>,
    /// When none of them matches.
    pub default: Arc<Rule>,
}

impl RuleTable {
    /// The rule for a request.
    pub fn rule_for(&self, facts: &Facts<'_>) -> &Arc<Rule> {
        let matching = self.rules.iter().find(|rule| {
            let mut conditions = rule.conditions.iter();
            conditions.all(|condition| condition.matches(facts))
        });
        matching.unwrap_or(&self.default)
    }

    /// Every rule, the default one last.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.rules.iter().chain([&self.default])
    }
}

/// A fresh ARN for a rule of a listener.
pub(super) fn arn_in(account: &mut Account, listener: &str) -> String {
    let stem = listener.replacen(":listener/", ":listener-rule/", 1);
    format!("{stem}/{}", account.hex16())
}

/// The ARN of the listener that a rule's ARN names; `None` for what is no rule's.
pub fn listener_of(rule: &str) -> Option<String> {
    let (stem, _) = rule.rsplit_once('/')?;
    let (before, resource) = stem.split_once(":listener-rule/")?;
    Some(format!("{before}:listener/{resource}"))
}

/// A rule that must exist, and its listener's ARN.
pub fn find<'a>(account: &'a Account, arn: &str) -> Result<(String, &'a Arc<Rule>), ApiError> {
    let missing = || not_found("RuleNotFound", "rules");
    let listener = listener_of(arn).ok_or_else(missing)?;
    let held = account.elbv2.listeners.get(&listener).ok_or_else(missing)?;
    let rule = held.rules.latest().iter().find(|rule| rule.arn == arn);
    Ok((listener, rule.ok_or_else(missing)?))
}

/// Makes a rule; answers its ARN.
pub fn create(
    account: &mut Account,
    listener: &str,
    priority: u32,
    conditions: Vec<Condition>,
    action: Action,
    tags: Tags,
) -> Result<String, ApiError> {
    let held = listeners::find(account, listener)?;
    let load_balancer = held.load_balancer.clone();
    if held.rules.latest().rules.len() >= 100 {
        return Err(ApiError::refused(
            "TooManyRules",
            "The maximum number of rules on the load balancer has been reached",
        ));
    }
    within("Priority", priority.into(), 1, 50_000)?;
    let mut rules = held.rules.latest().rules.iter();
    if rules.any(|rule| rule.priority == Some(priority)) {
        return Err(in_use(priority));
    }
    check_conditions(&conditions)?;
    actions::check(account, &load_balancer, &action)?;
    super::tags::check(&tags)?;
    let arn = arn_in(account, listener);
    let rule = Arc::new(Rule {
        arn: arn.clone(),
        priority: Some(priority),
        conditions,
        action,
    });
    listeners::change_rules(account, listener, |table| table.rules.push(rule))?;
    let held = listeners::find_mut(account, listener)?;
    held.rule_tags.insert(arn.clone(), tags);
    Ok(arn)
}

fn in_use(priority: u32) -> ApiError {
    ApiError::refused(
        "PriorityInUse",
        &format!("Priority '{priority}' is currently in use"),
    )
}

/// Replaces what was given of a rule, as a whole; the rest stays.
pub fn modify(
    account: &mut Account,
    arn: &str,
    conditions: Option<Vec<Condition>>,
    action: Option<Action>,
) -> Result<(), ApiError> {
    let (listener, rule) = find(account, arn)?;
    let mut changed = Rule::clone(rule);
    if changed.priority.is_none() {
        return Err(ApiError::refused(
            "OperationNotPermitted",
            &format!("Default rule '{arn}' cannot be modified"),
        ));
    }
    if let Some(conditions) = conditions {
        check_conditions(&conditions)?;
        changed.conditions = conditions;
    }
    if let Some(action) = action {
        let load_balancer = &listeners::find(account, &listener)?.load_balancer;
        actions::check(account, load_balancer, &action)?;
        changed.action = action;
    }
    listeners::change_rules(account, &listener, |table| {
        for rule in &mut table.rules {
            if rule.arn == changed.arn {
                *rule = Arc::new(changed.clone());
            }
        }
    })
}

/// Deletes a rule.
pub fn delete(account: &mut Account, arn: &str) -> Result<(), ApiError> {
    let (listener, rule) = find(account, arn)?;
    if rule.priority.is_none() {
        return Err(ApiError::refused(
            "OperationNotPermitted",
            &format!("Default rule '{arn}' cannot be deleted"),
        ));
    }
    listeners::find_mut(account, &listener)?
        .rule_tags
        .remove(arn);
    listeners::change_rules(account, &listener, |table| {
        table.rules.retain(|rule| rule.arn != arn);
    })
}

/// Gives rules of one listener new priorities, all at once.
pub fn set_priorities(account: &mut Account, wanted: &[(String, u32)]) -> Result<(), ApiError> {
    let mut by_listener: BTreeMap<String, BTreeMap<&str, u32>> = BTreeMap::new();
    for (arn, priority) in wanted {
        let (listener, rule) = find(account, arn)?;
        if rule.priority.is_none() {
            return Err(ApiError::refused(
                "OperationNotPermitted",
                "The priority of a default rule cannot be changed",
            ));
        }
        within("Priority", (*priority).into(), 1, 50_000)?;
        by_listener
            .entry(listener)
            .or_default()
            .insert(arn, *priority);
    }
    if by_listener.len() > 1 {
        return Err(ApiError::validation(
            "All rules must belong to one listener",
        ));
    }
    for (listener, wanted) in by_listener {
        let table = listeners::find(account, &listener)?.rules.latest();
        let mut seen = std::collections::BTreeSet::new();
        for rule in &table.rules {
            let priority = wanted.get(rule.arn.as_str()).copied().or(rule.priority);
            if let Some(priority) = priority.filter(|priority| !seen.insert(*priority)) {
                return Err(in_use(priority));
            }
        }
        listeners::change_rules(account, &listener, |table| {
            for rule in &mut table.rules {
                if let Some(priority) = wanted.get(rule.arn.as_str()) {
                    *rule = Arc::new(Rule {
                        priority: Some(*priority),
                        ..Rule::clone(rule)
                    });
                }
            }
        })?;
    }
    Ok(())
}

fn check_conditions(conditions: &[Condition]) -> Result<(), ApiError> {
    if conditions.is_empty() {
        return Err(ApiError::validation("A condition must be specified"));
    }
    for field in [
        "host-header",
        "path-pattern",
        "http-request-method",
        "source-ip",
    ] {
        if conditions
            .iter()
            .filter(|held| held.field() == field)
            .count()
            > 1
        {
            return Err(ApiError::validation(&format!(
                "A rule can only have one '{field}' condition"
            )));
        }
    }
    if conditions.iter().any(|condition| condition.values() == 0) {
        return Err(ApiError::validation("A condition value must be specified"));
    }
    if conditions.iter().map(Condition::values).sum::<usize>() > MOST_VALUES {
        return Err(ApiError::validation(&format!(
            "A rule can only have '{MOST_VALUES}' condition values"
        )));
    }
    for condition in conditions {
        if let Condition::SourceIp(blocks) = condition
            && let Some(wrong) = blocks.iter().find(|block| !is_block(block))
        {
            return Err(ApiError::validation(&format!(
                "'{wrong}' is not a valid CIDR block of the local cloud, which has IPv4 only"
            )));
        }
    }
    Ok(())
}
