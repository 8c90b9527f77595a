//! Routes that name the target groups of a stack beside its own traffic rule: which of them a release moves with it, and why
//! it can not move the others, with what to type.
//!
//! A rule of the same tags, or the default action of a listener of the same tags, that divides between both colours, and does
//! nothing else, moves along. Any other one would be left behind by a shift, and what it leads to would be emptied under its
//! visitors.

use crate::aws::elbv2::{
    self, Route, Routes, Rule, TargetGroups, TrafficRules, describe_by_hand, modify_rules_by_hand,
};
use crate::aws::error::Failure;
use crate::aws::{Aws, Tags};
use crate::command_line::{aws, region_of};
use crate::names::Weights;
use crate::runbook::MOST_RULES;
use crate::stack::Names;

/// Such a route.
#[derive(Clone, Debug)]
pub struct Beside {
    /// It.
    pub route: Route,
    /// Why a release can not move it, if it can not.
    pub stays: Option<Stays>,
}

/// Why a route can not be moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stays {
    /// For people, after "the rule of priority 10 on port 80".
    pub why: String,
    /// What to type.
    pub remedy: String,
}

/// The routes beside the stack's own rule. Mostly there is none, and nothing is asked.
pub(super) async fn find(
    aws: &Aws,
    names: &Names,
    routes: &Routes,
    own: Option<(&Rule, &TargetGroups)>,
) -> Result<Vec<Beside>, Failure> {
    let Some((own, groups)) = own else {
        return Ok(Vec::new());
    };
    let naming = || {
        routes
            .naming(groups)
            .filter(|route| route.rule.arn != own.arn)
    };
    let both = naming().filter(|route| route.rule.split(groups).is_some());
    let both: Vec<_> = both.map(|route| route.rule.arn.clone()).collect();
    let tags = names.tags();
    let has_tags = elbv2::find_tagged(aws, &both, &tags).await?;
    Ok(all(naming(), own, groups, (&tags, &has_tags)))
}

/// What each of these routes is to a stack whose own rule is `own`; `has_tags` says which rules bear the stack's `tags`.
fn all<'a>(
    routes: impl Iterator<Item = &'a Route>,
    own: &Rule,
    groups: &TargetGroups,
    (tags, has_tags): (&Tags, &[String]),
) -> Vec<Beside> {
    let judge = Judge {
        weights: own.split(groups),
        groups,
        tags,
        has_tags,
    };
    let mut moving = 1;
    let judged = routes.map(|route| {
        let mut stays = judge.why_it_stays(route);
        if stays.is_none() {
            moving += 1;
            stays = (moving > MOST_RULES).then(|| too_many(&route.rule));
        }
        Beside {
            route: route.clone(),
            stays,
        }
    });
    judged.collect()
}

struct Judge<'a> {
    /// Those of the stack's own rule.
    weights: Option<Weights>,
    groups: &'a TargetGroups,
    tags: &'a Tags,
    has_tags: &'a [String],
}

impl Judge<'_> {
    fn why_it_stays(&self, route: &Route) -> Option<Stays> {
        let rule = &route.rule;
        if rule.does_more || rule.weights.len() > 2 {
            return Some(stays(
                "does more than to divide between the two: a release would write it without that",
                describe_by_hand(&rule.arn),
            ));
        }
        let Some(weights) = rule.split(self.groups) else {
            return Some(self.names_one(rule));
        };
        if !self.has_tags.contains(&rule.arn) {
            return Some(stays(
                "is not tagged as this stack's, so a release leaves it alone: its visitors would be left behind; with the tags it \
                 moves with the traffic rule",
                self.add_tags(rule),
            ));
        }
        if rule.sticky {
            return Some(stays(
                "has stickiness on: clients would stay on a colour whatever its weight",
                self.write(rule, weights),
            ));
        }
        let own = self.weights.filter(|own| *own != weights)?;
        Some(stays(
            &format!(
                "says {weights}, and the stack's own rule {own}: they move together, so they have to say the same"
            ),
            self.write(rule, own),
        ))
    }

    fn names_one(&self, rule: &Rule) -> Stays {
        let live = self.weights.and_then(Weights::live);
        let only = rule.only(self.groups);
        let why = "names one target group of this stack alone, and a release moves only what names both: its visitors would be \
                   left behind";
        match (only, self.weights) {
            // Nobody is led elsewhere by that.
            (Some(_), Some(own)) if only == live => stays(
                why,
                format!("{} && {}", self.write(rule, own), self.add_tags(rule)),
            ),
            _ => stays(why, describe_by_hand(&rule.arn)),
        }
    }

    fn write(&self, rule: &Rule, weights: Weights) -> String {
        modify_rules_by_hand(&TrafficRules::only(&rule.arn), self.groups, weights)
    }

    fn add_tags(&self, rule: &Rule) -> String {
        let options = format!("--resource-arns {} --tags {}", rule.arn, self.tags());
        aws(region_of(&rule.arn), "elbv2 add-tags", &options)
    }

    fn tags(&self) -> String {
        let tags = self.tags.iter();
        let tags: Vec<_> = tags
            .map(|(key, value)| format!("Key={key},Value={value}"))
            .collect();
        tags.join(" ")
    }
}

fn too_many(rule: &Rule) -> Stays {
    stays(
        &format!(
            "is one too many: {MOST_RULES} rules at most move together, the stack's own among them; lead several hosts or paths \
             by one rule"
        ),
        describe_by_hand(&rule.arn),
    )
}

fn stays(why: &str, remedy: String) -> Stays {
    Stays {
        why: why.to_owned(),
        remedy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:listener-rule/app/x/1/2/3";

    fn rule(weights: &[(&str, i32)]) -> Rule {
        Rule {
            arn: ARN.to_owned(),
            ..Rule::example("7", weights)
        }
    }

    fn judge(rule: &Rule, has_tags: bool) -> Option<Stays> {
        let groups = TargetGroups {
            blue: "b".to_owned(),
            green: "g".to_owned(),
        };
        let route = Route {
            port: 80,
            rule: rule.clone(),
        };
        let own = self::rule(&[("b", 100), ("g", 0)]);
        let tags = Tags::from([("app".to_owned(), "hello".to_owned())]);
        let tagged = [ARN.to_owned()];
        let has_tags = if has_tags { &tagged[..] } else { &[] };
        let mut all = all([&route].into_iter(), &own, &groups, (&tags, has_tags));
        all.remove(0).stays
    }

    #[test]
    fn a_rule_of_the_stack_s_tags_that_says_the_same_moves_along() {
        assert_eq!(judge(&rule(&[("g", 0), ("b", 100)]), true), None);
    }

    #[test]
    fn each_that_a_release_can_not_move_is_told_with_what_to_type() {
        let both = rule(&[("b", 100), ("g", 0)]);
        let changed = |change: fn(&mut Rule)| {
            let mut rule = both.clone();
            change(&mut rule);
            rule
        };
        let cases = [
            (
                judge(&both, false),
                "not tagged",
                "aws elbv2 add-tags --region eu-west-1",
            ),
            (
                judge(&changed(|rule| rule.does_more = true), true),
                "does more",
                "describe-rules",
            ),
            (
                judge(&changed(|rule| rule.sticky = true), true),
                "stickiness",
                "modify-rule",
            ),
            (
                judge(&rule(&[("b", 0), ("g", 100)]), true),
                "have to say the same",
                "\"Weight\":100",
            ),
            (judge(&rule(&[("b", 1)]), true), "alone", "add-tags"),
            (judge(&rule(&[("g", 1)]), true), "alone", "describe-rules"),
            (
                judge(&rule(&[("b", 100), ("g", 0), ("x", 0)]), true),
                "does more",
                "describe-rules",
            ),
        ];
        for (stays, why, remedy) in cases {
            let stays = stays.expect(why);
            assert!(stays.why.contains(why), "{}", stays.why);
            assert!(stays.remedy.contains(remedy), "{}", stays.remedy);
        }
    }

    #[test]
    fn no_more_move_than_the_guard_can_bring_back() {
        let groups = TargetGroups {
            blue: "b".to_owned(),
            green: "g".to_owned(),
        };
        let both = rule(&[("b", 100), ("g", 0)]);
        let route = Route {
            port: 80,
            rule: both.clone(),
        };
        let routes = vec![route; MOST_RULES];
        let tagged = [ARN.to_owned()];
        let all = all(routes.iter(), &both, &groups, (&Tags::new(), &tagged));
        let moving = all.iter().filter(|beside| beside.stays.is_none());
        assert_eq!(moving.count(), MOST_RULES - 1);
    }
}
