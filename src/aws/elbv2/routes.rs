//! Every way in which traffic can come to a target group: all rules and default actions of all listeners of its load
//! balancer. What one rule says is not the whole of it: people add listeners and rules of their own.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures_util::future::try_join_all;

use super::rules::{Rule, describe_rules};
use crate::aws::Aws;
use crate::aws::error::{About as _, Failure};
use crate::names::Colour;

use super::TargetGroups;

/// A rule, and the listener that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The listener's port.
    pub port: i32,
    /// The rule.
    pub rule: Rule,
}

impl Route {
    /// For people: `the rule of priority 10 on port 80`, `the default action of port 443`.
    pub fn words(&self) -> String {
        match self.rule.is_default_action() {
            true => format!("the default action of port {}", self.port),
            false => format!(
                "the rule of priority {} on port {}",
                self.rule.priority, self.port
            ),
        }
    }
}

/// All routes of a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes(pub Vec<Route>);

/// Listeners by their ARNs, with their ports.
type Listeners = Vec<(String, i32)>;

/// Which listeners load balancers had when they were looked at last: the next look asks for the rules of those at once, and
/// for others only if there are others by then.
#[derive(Debug, Default)]
pub(in crate::aws) struct Known(Mutex<BTreeMap<String, Listeners>>);

impl Known {
    fn of(&self, balancer: &str) -> Listeners {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(balancer).cloned().unwrap_or_default()
    }

    fn learn(&self, balancer: &str, listeners: &Listeners) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(balancer.to_owned(), listeners.clone());
    }
}

impl Routes {
    /// Looks at the load balancers of these target groups. One that no listener names has none.
    pub async fn look(aws: &Aws, target_groups: &[String]) -> Result<Self, Failure> {
        let mut routes = Vec::new();
        for balancer in load_balancers(aws, target_groups).await? {
            routes.extend(Self::of_load_balancer(aws, &balancer).await?.0);
        }
        Ok(Self(routes))
    }

    /// All routes of this load balancer.
    pub async fn of_load_balancer(aws: &Aws, balancer: &str) -> Result<Self, Failure> {
        let known = aws.known_listeners.of(balancer);
        // Side by side: what was there last time is mostly still there.
        let (listeners, guessed) = tokio::join!(
            Box::pin(listeners(aws, balancer)),
            Box::pin(rules_of(aws, &known))
        );
        let listeners = listeners?;
        aws.known_listeners.learn(balancer, &listeners);
        if listeners == known {
            return guessed.map(Self);
        }
        rules_of(aws, &listeners).await.map(Self)
    }

    /// The routes that carry visitors to one of these target groups: those with a weight above 0, but for the preview
    /// route, which nobody can take who has not its secret.
    pub fn to(&self, target_groups: &[String]) -> Vec<&Route> {
        let carries = |rule: &Rule| {
            rule.weights
                .iter()
                .any(|(group, weight)| *weight > 0 && target_groups.contains(group))
        };
        self.0
            .iter()
            .filter(|route| !route.rule.is_preview && carries(&route.rule))
            .collect()
    }

    /// The routes that name any of the two target groups, but for the preview route.
    pub fn naming<'a>(&'a self, groups: &'a TargetGroups) -> impl Iterator<Item = &'a Route> {
        let ours = Colour::BOTH.map(|colour| groups.of(colour));
        let names = move |rule: &Rule| {
            rule.weights
                .iter()
                .any(|(group, _)| ours.contains(&group.as_str()))
        };
        self.0
            .iter()
            .filter(move |route| !route.rule.is_preview && names(&route.rule))
    }
}

/// The load balancers that send to any of these target groups.
pub(in crate::aws) async fn load_balancers(
    aws: &Aws,
    target_groups: &[String],
) -> Result<Vec<String>, Failure> {
    if target_groups.is_empty() {
        return Ok(Vec::new());
    }
    let answer = aws
        .elbv2
        .describe_target_groups()
        .set_target_group_arns(Some(target_groups.to_vec()))
        .send()
        .await
        .about("DescribeTargetGroups", target_groups.join(", "))?;
    let groups = answer.target_groups.unwrap_or_default().into_iter();
    let mut balancers: Vec<_> = groups
        .flat_map(|group| group.load_balancer_arns.unwrap_or_default())
        .collect();
    balancers.sort();
    balancers.dedup();
    Ok(balancers)
}

/// All rules of these listeners.
async fn rules_of(aws: &Aws, listeners: &Listeners) -> Result<Vec<Route>, Failure> {
    let each = listeners.iter().map(async |(listener, port)| {
        let rules = Box::pin(describe_rules(aws, listener)).await?.into_iter();
        let routes = rules.map(|rule| Route { port: *port, rule });
        Ok::<Vec<_>, Failure>(routes.collect())
    });
    Ok(try_join_all(each).await?.concat())
}

pub(super) async fn listeners(aws: &Aws, balancer: &str) -> Result<Listeners, Failure> {
    let mut found = Vec::new();
    let mut pages = aws
        .elbv2
        .describe_listeners()
        .load_balancer_arn(balancer)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let listeners = page.about("DescribeListeners", balancer)?.listeners;
        found.extend(listeners.unwrap_or_default().into_iter().filter_map(|one| {
            let port = one.port.unwrap_or_default();
            Some((one.listener_arn?, port))
        }));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(priority: &str, weights: &[(&str, i32)], is_preview: bool) -> Route {
        Route {
            port: 80,
            rule: Rule {
                is_preview,
                ..Rule::example(priority, weights)
            },
        }
    }

    #[test]
    fn any_rule_or_default_action_carries_visitors_and_the_preview_route_does_not() {
        let routes = Routes(vec![
            route("1000", &[("blue", 100), ("green", 0)], false),
            route("10", &[("green", 100)], true),
        ]);
        let green = ["green".to_owned()];
        assert!(routes.to(&green).is_empty());
        assert_eq!(routes.to(&["blue".to_owned()]).len(), 1);

        let mut more = routes;
        more.0.push(route("default", &[("green", 1)], false));
        let found = more.to(&green);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].words(), "the default action of port 80");
    }
}
