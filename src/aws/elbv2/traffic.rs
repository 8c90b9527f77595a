//! The rules that divide the live traffic: what they say, and how they are written.
//!
//! Mostly there is one. A person may have added more, for a listener or a path of their own, or the default action of a
//! listener, that lead to the same target groups: they move together, or the visitors of one would be left behind. One of
//! these that is gone leads nobody, and is left out.

use std::fmt;

use aws_sdk_elasticloadbalancingv2::types::Action;
use serde::{Deserialize, Serialize};

use super::listeners::{describe_default_actions, is_listener, modify_default_action};
use super::rules::{Rule, describe_these, forward, modify_rule};
use super::target_groups::TargetGroups;
use crate::aws::Aws;
use crate::aws::error::{ErrorKind, Failure};
use crate::aws::witness::{Able, Contradiction, Held, WeightsSeen};
use crate::names::{Colour, Weights};

/// The rules that divide the live traffic, by their ARNs: that of the stack first, then those of others, where a listener's ARN
/// stands for its default action. They say the same, but for the moment in which they are written one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct TrafficRules {
    own: String,
    also: Vec<String>,
}

/// As it is written down: mostly there is one.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    One(String),
    Several(String, Vec<String>),
}

impl From<TrafficRules> for Written {
    fn from(rules: TrafficRules) -> Self {
        match rules.also.is_empty() {
            true => Self::One(rules.own),
            false => Self::Several(rules.own, rules.also),
        }
    }
}

impl From<Written> for TrafficRules {
    fn from(written: Written) -> Self {
        let (own, also) = match written {
            Written::One(own) => (own, Vec::new()),
            Written::Several(own, also) => (own, also),
        };
        Self { own, also }
    }
}

impl TrafficRules {
    /// The rule with this ARN alone.
    pub fn only(own: &str) -> Self {
        Self {
            own: own.to_owned(),
            also: Vec::new(),
        }
    }

    /// The same, with these beside it.
    pub fn and(self, also: Vec<String>) -> Self {
        Self { also, ..self }
    }

    /// The ARN of the stack's own.
    pub fn own(&self) -> &str {
        &self.own
    }

    /// The ARNs of those beside it.
    pub fn also(&self) -> &[String] {
        &self.also
    }

    fn all(&self) -> Vec<String> {
        let mut all = vec![self.own.clone()];
        all.extend_from_slice(&self.also);
        all
    }
}

impl fmt::Display for TrafficRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.all().join(" "))
    }
}

/// The rules that divide the live traffic, as they are now: that of the stack, and those beside it that are not gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traffic(Vec<Rule>);

impl Traffic {
    /// Which they are.
    pub fn rules(&self) -> Option<TrafficRules> {
        let mut all = self.0.iter().map(|rule| rule.arn.clone());
        let own = all.next()?;
        Some(TrafficRules::only(&own).and(all.collect()))
    }

    /// The weights of the two groups; `None` when a rule does not name both, or says another thing than the others.
    pub fn split(&self, groups: &TargetGroups) -> Option<Weights> {
        let each = self.each(groups)?;
        let (first, others) = each.split_first()?;
        others.iter().all(|other| other == first).then_some(*first)
    }

    /// The weights of the two groups in each rule; `None` when one does not name both.
    pub fn each(&self, groups: &TargetGroups) -> Option<Vec<Weights>> {
        self.0.iter().map(|rule| rule.split(groups)).collect()
    }

    /// The colour that gets everything, where each rule names its target group alone.
    pub fn only(&self, groups: &TargetGroups) -> Option<Colour> {
        let mut all = self.0.iter().map(|rule| rule.only(groups));
        let first = all.next()??;
        all.all(|other| other == Some(first)).then_some(first)
    }

    /// For people: what they say.
    pub fn words(&self, groups: &TargetGroups) -> String {
        match (self.split(groups), self.each(groups)) {
            (Some(weights), _) => format!("the weights are {weights}"),
            (None, Some(each)) => {
                let each: Vec<_> = each.iter().map(Weights::to_string).collect();
                format!("the traffic rules say {}", each.join(" and "))
            }
            (None, None) => "the traffic rule does not name both target groups".to_owned(),
        }
    }
}

/// The traffic rules as they are: the stack's own must exist.
pub async fn describe_traffic(aws: &Aws, rules: &TrafficRules) -> Result<Traffic, Failure> {
    let found = match describe_all(aws, &rules.all()).await {
        // One that is gone fails the look at all.
        Err(error) if error.kind == ErrorKind::NotFound && !rules.also.is_empty() => {
            describe_those_that_are(aws, rules).await?
        }
        other => other?,
    };
    Ok(Traffic(found))
}

async fn describe_all(aws: &Aws, arns: &[String]) -> Result<Vec<Rule>, Failure> {
    let (listeners, rules): (Vec<_>, Vec<_>) =
        arns.iter().cloned().partition(|arn| is_listener(arn));
    let mut found = Vec::new();
    if !rules.is_empty() {
        found.extend(describe_these(aws, &rules).await?);
    }
    if !listeners.is_empty() {
        found.extend(describe_default_actions(aws, &listeners).await?);
    }
    Ok(found)
}

async fn describe_those_that_are(aws: &Aws, rules: &TrafficRules) -> Result<Vec<Rule>, Failure> {
    let mut found = describe_all(aws, std::slice::from_ref(&rules.own)).await?;
    for one in &rules.also {
        match describe_all(aws, std::slice::from_ref(one)).await {
            Err(error) if error.kind == ErrorKind::NotFound => {}
            other => found.extend(other?),
        }
    }
    Ok(found)
}

/// The weights of the traffic rules now, which have to be those that the run left there.
pub async fn see_weights(
    aws: &Aws,
    rules: &TrafficRules,
    groups: &TargetGroups,
    left: Weights,
) -> anyhow::Result<WeightsSeen> {
    see_weights_among(aws, rules, groups, &[], left).await
}

/// The weights of the traffic rules now, which have to be those that the run left there `last`, or any of its `earlier` ones:
/// whoever writes one rule after the other may be stopped in between.
pub async fn see_weights_among(
    aws: &Aws,
    rules: &TrafficRules,
    groups: &TargetGroups,
    earlier: &[Weights],
    last: Weights,
) -> anyhow::Result<WeightsSeen> {
    let moved = |found| Contradiction::Moved {
        found,
        expected: last,
    };
    let traffic = describe_traffic(aws, rules).await?;
    let found = traffic.each(groups).ok_or_else(|| moved(None))?;
    let is_left = |weights: &Weights| *weights == last || earlier.contains(weights);
    if let Some(other) = found.iter().find(|found| !is_left(found)) {
        return Err(moved(Some(*other)).into());
    }
    let rules = traffic.0.into_iter().map(|rule| rule.arn);
    let found = rules.zip(found).collect();
    Ok(WeightsSeen::seen(found, [&groups.blue, &groups.green]))
}

/// Writes the weights of the live traffic, in full, into one rule after the other: only over the weights that were just
/// seen, and only to colours that were just seen to be able to carry what they get.
pub async fn write_weights(
    aws: &Aws,
    held: Held,
    seen: WeightsSeen,
    able: Vec<Able>,
    weights: Weights,
) -> anyhow::Result<()> {
    let (rules, [blue, green]) = seen.spend(able, weights)?;
    held.spend()?;
    let groups = TargetGroups { blue, green };
    for (at, rule) in rules.iter().enumerate() {
        match modify(aws, rule, forward(&groups, weights)).await {
            // The stack's own comes first. One beside it that was deleted since the look leads nobody.
            Err(error) if at > 0 && error.kind == ErrorKind::NotFound => {}
            other => other?,
        }
    }
    Ok(())
}

async fn modify(aws: &Aws, rule: &str, action: Action) -> Result<(), Failure> {
    match is_listener(rule) {
        true => modify_default_action(aws, rule, action).await,
        false => modify_rule(aws, rule, None, action).await,
    }
}

/// Has a rule that leads everything to one of the two target groups name the other one as well, with weight 0: nobody
/// gets there who did not before. Answers whether it names both now.
pub async fn name_both(
    aws: &Aws,
    held: Held,
    rule: &str,
    groups: &TargetGroups,
) -> anyhow::Result<bool> {
    let found = describe_traffic(aws, &TrafficRules::only(rule)).await?;
    if found.split(groups).is_some() {
        return Ok(true);
    }
    let Some(only) = found.only(groups) else {
        return Ok(false);
    };
    held.spend()?;
    let all = forward(groups, Weights::split(only, 100));
    modify_rule(aws, rule, None, all).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups() -> TargetGroups {
        TargetGroups {
            blue: "b".to_owned(),
            green: "g".to_owned(),
        }
    }

    fn rule(weights: &[(&str, i32)]) -> Rule {
        Rule::example("1", weights)
    }

    #[test]
    fn one_rule_is_written_down_as_its_arn_and_several_are_read_again() {
        let one = TrafficRules::only("arn:1");
        let text = serde_json::to_string(&one).expect("JSON");
        assert_eq!(text, "\"arn:1\"");
        for rules in [one.clone(), one.and(vec!["arn:2".to_owned()])] {
            let text = serde_json::to_string(&rules).expect("JSON");
            assert_eq!(
                serde_json::from_str::<TrafficRules>(&text).expect("rules"),
                rules
            );
        }
    }

    #[test]
    fn rules_that_disagree_have_no_weights_and_are_told_apart() {
        let (blue, green) = (rule(&[("b", 100), ("g", 0)]), rule(&[("g", 100), ("b", 0)]));
        let agree = Traffic(vec![blue.clone(), blue.clone()]);
        assert_eq!(
            agree.split(&groups()),
            Some(Weights::split(Colour::Blue, 100))
        );
        let disagree = Traffic(vec![blue.clone(), green]);
        assert_eq!(disagree.split(&groups()), None);
        let words = disagree.words(&groups());
        assert!(words.starts_with("the traffic rules say "), "{words}");
        let cut_down = Traffic(vec![blue, rule(&[("b", 1)])]);
        assert_eq!(cut_down.each(&groups()), None);
        assert_eq!(
            cut_down.words(&groups()),
            "the traffic rule does not name both target groups"
        );
    }
}
