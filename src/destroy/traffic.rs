//! What leads visitors to the stack, who serves them now, and whose each part is.

use anyhow::Result;

use super::thing::{Kind, Thing};
use super::{Left, not_ours};
use crate::aws::ec2::Instance;
use crate::aws::elbv2::{self, Routes, Rule, Target};
use crate::aws::error::Failure;
use crate::aws::{Aws, Tags};
use crate::names::Colour;
use crate::stack::{Names, TAG_RELEASE};

/// A colour that visitors are led to, and that has instances to answer them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serving {
    /// The colour.
    pub colour: Colour,
    /// Its release, if its instances say one.
    pub release: Option<String>,
    /// How many of its instances are healthy.
    pub healthy: usize,
    /// How many there are.
    pub instances: usize,
    /// The rules and default actions that lead there.
    pub routes: Vec<String>,
}

impl Serving {
    /// What it is told by: its release, or its colour where no instance says one.
    pub fn name(&self) -> String {
        match &self.release {
            Some(release) => release.clone(),
            None => self.colour.to_string(),
        }
    }

    /// For people.
    pub fn words(&self) -> String {
        let release = self
            .release
            .as_deref()
            .unwrap_or("a release without a name");
        format!(
            "{release} on {}, from {} of {} instances that are healthy, by {}",
            self.colour,
            self.healthy,
            self.instances,
            self.routes.join(" and ")
        )
    }
}

/// The load balancer of our own, with all that stands on it, and the target groups.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) things: Vec<Thing>,
    pub(super) target_groups: Vec<Thing>,
    pub(super) balancer: Option<Thing>,
    pub(super) url: Option<String>,
    pub(super) strangers: Vec<Left>,
    /// The load balancer's ARN, if somebody protected it.
    pub(super) protected: Option<String>,
}

pub(super) async fn look(aws: &Aws, names: &Names) -> Result<Traffic, Failure> {
    let mut traffic = Traffic::default();
    let mut groups = Vec::new();
    let of_colours = Colour::BOTH.map(|colour| (names.target_group(colour), names.group(colour)));
    let of_verifications = (names.verify_target_group(), names.verify_fleet());
    for (name, group) in of_colours.into_iter().chain([of_verifications]) {
        let Some(found) = elbv2::find_target_group(aws, &name).await? else {
            continue;
        };
        let what = format!("target group {name}");
        if !is_made(aws, names, &found.arn).await? {
            traffic.strangers.push(not_ours(what));
            continue;
        }
        groups.push(found.arn.clone());
        let kind = Kind::TargetGroup(found.arn, group);
        traffic.target_groups.push(Thing::new(what, kind));
    }
    let name = names.stack();
    let Some(found) = elbv2::find_load_balancer(aws, &name).await? else {
        return Ok(traffic);
    };
    let what = format!("load balancer {name}");
    if !is_made(aws, names, &found.arn).await? {
        traffic.strangers.push(not_ours(what));
        return Ok(traffic);
    }
    if elbv2::is_protected(aws, &found.arn).await? {
        traffic.protected = Some(found.arn.clone());
    }
    let mut balancer = Thing::new(what, Kind::LoadBalancer(found.arn.clone(), name));
    for (listener, port) in elbv2::describe_listeners(aws, &found.arn).await? {
        let listener = (listener.as_str(), port);
        if !look_at_listener(aws, names, listener, &groups, &mut traffic).await? {
            balancer.stays = Some(format!("what somebody else made is on it: see port {port}"));
        }
        traffic.url = Some(format!("http://{}:{port}", found.dns_name));
    }
    traffic.balancer = Some(balancer);
    Ok(traffic)
}

async fn is_made(aws: &Aws, names: &Names, arn: &str) -> Result<bool, Failure> {
    let described = elbv2::describe_tags(aws, &[arn.to_owned()]).await?;
    let mut tags = described.into_iter().map(|(_, tags)| tags);
    Ok(tags.next().is_some_and(|tags| names.made(&tags)))
}

/// Whether nothing of somebody else's is on the listener.
async fn look_at_listener(
    aws: &Aws,
    names: &Names,
    (listener, port): (&str, i32),
    groups: &[String],
    traffic: &mut Traffic,
) -> Result<bool, Failure> {
    let rules = elbv2::describe_rules(aws, listener).await?;
    let mut arns: Vec<_> = rules.iter().map(|rule| rule.arn.clone()).collect();
    arns.push(listener.to_owned());
    arns.dedup();
    let tags = elbv2::describe_tags(aws, &arns).await?;
    let is_ours = |arn: &str| {
        let of = |(one, tags): &(String, Tags)| one == arn && names.made(tags);
        tags.iter().any(of)
    };
    let (mut ours, mut is_alone) = (Vec::new(), is_ours(listener));
    for rule in rules.iter().filter(|rule| !rule.is_default_action()) {
        let what = format!("the rule of priority {} on port {port}", rule.priority);
        match is_ours(&rule.arn) {
            true => ours.push(Thing::new(what, Kind::Rule(rule.arn.clone()))),
            false => {
                is_alone = false;
                traffic.strangers.push(not_ours(what));
            }
        }
    }
    let what = format!("the listener on port {port}");
    let mut default = rules.iter().filter(|rule| rule.is_default_action());
    if !is_ours(listener) {
        traffic.strangers.push(not_ours(what));
    } else if default.any(|rule| leads_elsewhere(rule, groups)) {
        is_alone = false;
        let why = "its default action leads to what is not bg-deploy's".to_owned();
        traffic.strangers.push(Left { what, why });
    } else if is_alone {
        // Its rules go with it.
        let what = match ours.len() {
            0 => what,
            1 => format!("{what} with its rule"),
            many => format!("{what} with its {many} rules"),
        };
        ours = vec![Thing::new(what, Kind::Listener(listener.to_owned()))];
    }
    traffic.things.append(&mut ours);
    Ok(is_alone)
}

fn leads_elsewhere(rule: &Rule, groups: &[String]) -> bool {
    let mut led = rule.weights.iter();
    rule.does_more || led.any(|(group, _)| !groups.contains(group))
}

/// Who serves visitors now, whoever's rules lead them there.
pub(super) async fn who_serves(
    aws: &Aws,
    names: &Names,
    target_groups: &[Thing],
    instances: &[Instance],
) -> Result<Vec<Serving>, Failure> {
    let mut serving = Vec::new();
    for thing in target_groups {
        let Kind::TargetGroup(arn, of) = &thing.kind else {
            continue;
        };
        let one = [arn.clone()];
        let routes = Routes::look(aws, &one).await?;
        let routes: Vec<_> = routes.to(&one).into_iter().map(|it| it.words()).collect();
        if routes.is_empty() {
            continue;
        }
        let mut targets = elbv2::describe_targets(aws, arn).await?;
        // While none is healthy, those that are not yet, or not any more, are sent requests all the same.
        targets.retain(|it| !["draining", "unused"].contains(&it.state.as_str()));
        if targets.is_empty() {
            continue;
        }
        let of_instance = |target: &Target| {
            let mut all = instances.iter();
            all.find(|one| one.id == target.id)?.tags.get(TAG_RELEASE)
        };
        let colour = Colour::BOTH.into_iter().find(|it| names.group(*it) == *of);
        serving.push(Serving {
            colour: colour.unwrap_or(Colour::Blue),
            release: targets.iter().find_map(of_instance).cloned(),
            healthy: targets.iter().filter(|it| it.is_healthy()).count(),
            instances: targets.len(),
            routes,
        });
    }
    Ok(serving)
}
