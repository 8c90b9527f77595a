//! The rules of listeners: who gets which share of the requests.

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, ForwardActionConfig, HttpHeaderConditionConfig,
    PathPatternConditionConfig, RuleCondition, TargetGroupStickinessConfig, TargetGroupTuple,
};

use serde::{Deserialize, Serialize};

use super::target_groups::TargetGroups;
use super::{empty, tags};
use crate::aws::error::{About as _, Failure};
use crate::aws::witness::Held;
use crate::aws::{Aws, Tags};
use crate::names::{Colour, PREVIEW_CLOSED, PREVIEW_HEADER, Weights};
use crate::secret::Secret;

/// The rule of the preview route, by its ARN: what is written there reaches nobody who has not its header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PreviewRule(String);

impl PreviewRule {
    /// The rule with this ARN.
    pub fn new(arn: &str) -> Self {
        Self(arn.to_owned())
    }
}

/// The priority of what a listener does where no rule matches.
const DEFAULT: &str = "default";

/// A listener rule, as far as we make them, or a listener's default action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its ARN; of a default action that of its listener, by which it is read, written and tagged.
    pub arn: String,
    /// Its priority; `default` for a default action.
    pub priority: String,
    /// Weights by target group ARN.
    pub weights: Vec<(String, i32)>,
    /// Whether clients stick to a target group.
    pub sticky: bool,
    /// Whether it does more than to forward: authenticate, for example.
    pub does_more: bool,
    /// Whether it matches the header of the preview route: nobody takes it who has not the run's secret.
    pub is_preview: bool,
    /// Nobody has that secret: no run has the preview route open.
    pub is_closed: bool,
    /// That header's value.
    pub secret: Option<Secret>,
}

impl Rule {
    /// The default action of this listener.
    pub(super) fn default_action(listener: String, actions: Vec<Action>) -> Self {
        Self {
            arn: listener,
            priority: DEFAULT.to_owned(),
            ..Self::of(actions)
        }
    }

    /// One that does this.
    fn of(mut actions: Vec<Action>) -> Self {
        let does_more = actions.len() > 1;
        // The short form of an action names one target group, which gets everything.
        let alone = actions
            .iter_mut()
            .find_map(|action| action.target_group_arn.take());
        let forward = actions.into_iter().find_map(|action| action.forward_config);
        let sticky = forward
            .as_ref()
            .and_then(|forward| forward.target_group_stickiness_config.as_ref())
            .and_then(|config| config.enabled)
            .unwrap_or_default();
        Self {
            arn: String::new(),
            priority: String::new(),
            weights: match forward.and_then(|forward| forward.target_groups) {
                Some(groups) => groups
                    .into_iter()
                    .filter_map(|group| Some((group.target_group_arn?, group.weight.unwrap_or(1))))
                    .collect(),
                None => alone.into_iter().map(|group| (group, 1)).collect(),
            },
            sticky,
            does_more,
            is_preview: false,
            is_closed: false,
            secret: None,
        }
    }

    /// Whether it is what its listener does where no rule matches.
    pub fn is_default_action(&self) -> bool {
        self.priority == DEFAULT
    }

    /// The weights of the two groups; `None` when the rule does not name both.
    pub fn split(&self, groups: &TargetGroups) -> Option<Weights> {
        let of = |arn: &str| {
            self.weights
                .iter()
                .find(|(group, _)| group == arn)
                .and_then(|(_, weight)| u16::try_from(*weight).ok())
        };
        Some(Weights {
            blue: of(&groups.blue)?,
            green: of(&groups.green)?,
        })
    }

    /// Whether it is a preview route to this target group, and to no other.
    pub fn previews(&self, target_group: &str) -> bool {
        self.is_preview && matches!(self.weights.as_slice(), [(only, 1..)] if only == target_group)
    }

    /// The colour that gets everything, where the rule names its target group alone.
    pub fn only(&self, groups: &TargetGroups) -> Option<Colour> {
        match self.weights.as_slice() {
            [(only, 1..)] => Colour::BOTH
                .into_iter()
                .find(|colour| groups.of(*colour) == only),
            _ => None,
        }
    }
}

#[cfg(test)]
impl Rule {
    /// One that forwards by these weights, and does nothing else.
    pub(crate) fn example(priority: &str, weights: &[(&str, i32)]) -> Self {
        let owned = |(group, weight): &(&str, i32)| ((*group).to_owned(), *weight);
        Self {
            arn: String::new(),
            priority: priority.to_owned(),
            weights: weights.iter().map(owned).collect(),
            sticky: false,
            does_more: false,
            is_preview: false,
            is_closed: false,
            secret: None,
        }
    }
}

/// A listener's rules, its default action among them.
pub async fn describe_rules(aws: &Aws, listener: &str) -> Result<Vec<Rule>, Failure> {
    let mut found = Vec::new();
    let mut pages = aws
        .elbv2
        .describe_rules()
        .listener_arn(listener)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let rules = page.about("DescribeRules", listener)?.rules;
        let rules = rules.unwrap_or_default().into_iter().map(read_rule);
        found.extend(rules.map(|rule| match rule.is_default_action() {
            true => Rule {
                arn: listener.to_owned(),
                ..rule
            },
            false => rule,
        }));
    }
    Ok(found)
}

/// These rules as they are, in this order; all must exist.
pub(super) async fn describe_these(aws: &Aws, arns: &[String]) -> Result<Vec<Rule>, Failure> {
    let named = || arns.join(", ");
    let answer = aws
        .elbv2
        .describe_rules()
        .set_rule_arns(Some(arns.to_vec()))
        .send()
        .await
        .about("DescribeRules", named())?;
    let mut found: Vec<_> = answer.rules.unwrap_or_default();
    let in_order = arns.iter().map(|arn| {
        let at = found
            .iter()
            .position(|rule| rule.rule_arn.as_ref() == Some(arn));
        at.map(|at| read_rule(found.swap_remove(at)))
    });
    let rules: Option<Vec<_>> = in_order.collect();
    rules.ok_or_else(|| empty("DescribeRules", &named()))
}

fn read_rule(rule: aws_sdk_elasticloadbalancingv2::types::Rule) -> Rule {
    let conditions = rule.conditions.iter().flatten();
    let headers = conditions.filter_map(|condition| condition.http_header_config.as_ref());
    let mut previews = headers.filter(|header| {
        let name = header.http_header_name.as_deref();
        name.is_some_and(|name| name.eq_ignore_ascii_case(PREVIEW_HEADER))
    });
    let preview = previews.next();
    let is_closed = preview.is_some_and(|header| {
        let mut values = header.values.iter().flatten();
        values.all(|value| value.starts_with(PREVIEW_CLOSED))
    });
    let is_preview = preview.is_some();
    let values = preview.and_then(|header| header.values.as_ref());
    let secret = values.and_then(|values| values.first()).map(Secret::new);
    Rule {
        arn: rule.rule_arn.unwrap_or_default(),
        priority: rule.priority.unwrap_or_default(),
        is_preview,
        is_closed,
        secret,
        ..Rule::of(rule.actions.unwrap_or_default())
    }
}

/// A forward action with both target groups and explicit weights, always: a group that is not named is never
/// health-checked, a weight that is not named becomes 1.
pub(super) fn forward(groups: &TargetGroups, weights: Weights) -> Action {
    let both = Colour::BOTH.map(|colour| (groups.of(colour), weights.of(colour).into()));
    forward_to(&both)
}

/// A forward action with these target groups and their weights.
fn forward_to(shares: &[(&str, i32)]) -> Action {
    let tuple = |(group, weight): &(&str, i32)| {
        TargetGroupTuple::builder()
            .target_group_arn(*group)
            .weight(*weight)
            .build()
    };
    Action::builder()
        .r#type(ActionTypeEnum::Forward)
        .forward_config(
            ForwardActionConfig::builder()
                .set_target_groups(Some(shares.iter().map(tuple).collect()))
                .target_group_stickiness_config(
                    TargetGroupStickinessConfig::builder()
                        .enabled(false)
                        .build(),
                )
                .build(),
        )
        .build()
}

/// What a request must have for a rule to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Any path.
    AnyPath,
    /// A header with this value.
    Header(String, String),
}

impl Condition {
    fn request(&self) -> RuleCondition {
        match self {
            Self::AnyPath => RuleCondition::builder()
                .field("path-pattern")
                .path_pattern_config(PathPatternConditionConfig::builder().values("*").build())
                .build(),
            Self::Header(name, value) => RuleCondition::builder()
                .field("http-header")
                .http_header_config(
                    HttpHeaderConditionConfig::builder()
                        .http_header_name(name)
                        .values(value)
                        .build(),
                )
                .build(),
        }
    }
}

/// Makes a rule that divides the requests it matches by weights.
pub async fn create_rule(
    aws: &Aws,
    listener: &str,
    priority: i32,
    condition: &Condition,
    groups: &TargetGroups,
    weights: Weights,
    with_tags: &Tags,
) -> Result<String, Failure> {
    let action = forward(groups, weights);
    make_rule(aws, listener, priority, condition, action, with_tags).await
}

/// Makes a rule that leads the requests it matches to one target group.
pub async fn create_rule_to(
    aws: &Aws,
    listener: &str,
    priority: i32,
    condition: &Condition,
    target_group: &str,
    with_tags: &Tags,
) -> Result<String, Failure> {
    let action = forward_to(&[(target_group, 100)]);
    make_rule(aws, listener, priority, condition, action, with_tags).await
}

async fn make_rule(
    aws: &Aws,
    listener: &str,
    priority: i32,
    condition: &Condition,
    action: Action,
    with_tags: &Tags,
) -> Result<String, Failure> {
    let answer = aws
        .elbv2
        .create_rule()
        .listener_arn(listener)
        .priority(priority)
        .conditions(condition.request())
        .actions(action)
        .set_tags(Some(tags(with_tags)))
        .send()
        .await
        .about("CreateRule", format!("priority {priority}"))?;
    let made = answer.rules.unwrap_or_default().into_iter().next();
    made.and_then(|rule| rule.rule_arn)
        .ok_or_else(|| empty("CreateRule", listener))
}

/// Routes what has this header, and nothing else, to a colour.
pub async fn write_preview(
    aws: &Aws,
    held: Held,
    rule: &PreviewRule,
    header: (&str, &str),
    groups: &TargetGroups,
    colour: Colour,
) -> anyhow::Result<()> {
    held.spend()?;
    let condition = Condition::Header(header.0.to_owned(), header.1.to_owned());
    let action = forward(groups, Weights::split(colour, 100));
    modify_rule(aws, &rule.0, Some(&condition), action).await?;
    Ok(())
}

pub(super) async fn modify_rule(
    aws: &Aws,
    rule: &str,
    condition: Option<&Condition>,
    action: Action,
) -> Result<(), Failure> {
    aws.elbv2
        .modify_rule()
        .rule_arn(rule)
        .set_conditions(condition.map(|condition| vec![condition.request()]))
        .actions(action)
        .send()
        .await
        .about("ModifyRule", rule)?;
    Ok(())
}
