//! What would stop a release minutes after its beginning, looked at before it: whether what it launches has addresses, a type
//! that is offered, an image that fits it, a load balancer in its zones, and a way for traffic to come in.
//!
//! Guarantees: it changes nothing; all that is wrong is said at once, each with what to do; what AWS does not let be looked at is
//! passed over, and the run finds out.

pub(crate) mod clock;
pub(crate) mod disks;
pub(crate) mod fits;
mod judge;
pub(crate) mod look;
pub(crate) mod quota;
mod way_out;

use std::fmt;

use anyhow::Result;

use self::judge::{Facts, Needs, judge};
use self::look::{architecture, ingress, seen};
pub(crate) use self::quota::Starts;
use crate::aws::autoscaling::Group;
use crate::aws::error::Failure;
use crate::aws::{Aws, ec2, routes};
use crate::config::{Config, default};
use crate::inventory::Inventory;
use crate::plan::Plan;

/// Something that is in the way of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concern {
    /// What it is about, in a word or two.
    pub about: &'static str,
    /// What was seen.
    pub seen: String,
    /// What to do.
    pub remedy: String,
    /// It makes a release slower, or less sure of its capacity, and does not stop it.
    pub slows: bool,
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.about, self.seen, self.remedy)
    }
}

/// Why there is no release, if one of them stops it: all of them, as a table.
pub fn refusal(concerns: &[Concern]) -> Option<String> {
    table(concerns, "would end this release minutes from now")
}

/// The same, if one of them stops whatever "would" something.
pub(crate) fn table(concerns: &[Concern], would: &str) -> Option<String> {
    let stops = concerns.iter().filter(|concern| !concern.slows).count();
    if stops == 0 {
        return None;
    }
    let head = match stops {
        1 => format!("one thing {would}:"),
        _ => format!("{stops} things {would}:"),
    };
    let mut lines = vec![head];
    let width = concerns.iter().map(|it| it.about.len()).max();
    let width = width.unwrap_or_default();
    for (nth, concern) in concerns.iter().enumerate() {
        if nth == stops {
            lines.push("and would only make it slower, or leave it fewer places:".to_owned());
        }
        lines.push(format!("  {:<width$}  {}", concern.about, concern.seen));
        lines.push(format!("  {:<width$}  -> {}", "", concern.remedy));
    }
    Some(lines.join("\n"))
}

/// The instances that have ended before the candidate's start: a verification empties neither colour.
fn ending(plan: &Plan, idle: &Group) -> Vec<String> {
    match plan.candidate_colour() {
        Some(_) => idle
            .members
            .iter()
            .map(|member| member.id.clone())
            .collect(),
        None => Vec::new(),
    }
}

/// Everything that is in the way of this plan, what stops it first.
pub async fn concerns(
    aws: &Aws,
    config: &Config,
    inventory: &Inventory,
    plan: &Plan,
) -> Result<Vec<Concern>> {
    let Some(group) = inventory.stacks.get(&plan.idle).map(|stack| &stack.group) else {
        return Ok(Vec::new());
    };
    let bakery = inventory.bakery.as_ref();
    // An image of the recipe may stand already.
    let bakes = bakery.filter(|bakery| bakery.image.is_none());
    let builder = bakes.and_then(|bakery| bakery.builder.clone());
    let needs = Needs {
        region: aws.region.clone(),
        ending: ending(plan, group),
        fleet: (
            config.fleet.instance_type.clone(),
            plan.capacity.desired,
            group.zones.clone(),
        ),
        builder: builder.map(|(_, subnet)| (config.bake.instance_type.clone(), subnet)),
        port: config.service.port,
        listener_port: config.network.listener_port,
        base_image: bakes.map(|bakery| bakery.base_image.clone()),
    };
    let mut named = group.subnets.clone();
    named.extend(needs.builder.iter().map(|(_, subnet)| subnet.clone()));
    named.sort();
    named.dedup();
    let mut asked = vec![needs.fleet.0.clone()];
    asked.extend(needs.builder.iter().map(|(of, _)| of.clone()));
    asked.dedup();
    let security_group = inventory.instance_security_group.clone();
    let of_balancer = inventory.load_balancer.as_ref();
    let of_balancer = of_balancer.map_or(&[][..], |balancer| &balancer.security_groups);
    let (subnets, zones, (running, types), limits, base_image, inside, outside) = tokio::try_join!(
        seen(Box::pin(subnets(aws, inventory, &named))),
        seen(Box::pin(zones(aws, config, inventory))),
        Box::pin(look::types(aws, &asked)),
        Box::pin(async { Ok(look::limits(aws, &asked).await) }),
        seen(Box::pin(architecture(aws, needs.base_image.as_deref()))),
        seen(Box::pin(ingress(aws, security_group.as_slice()))),
        seen(Box::pin(ingress(aws, of_balancer))),
    )?;
    let way_out = match &needs.builder {
        Some((_, subnet)) => {
            // Of a network that another account shares, not everything is shown.
            let mut all = subnets.iter().flatten();
            let subnet = all.find(|it| it.id == *subnet && it.owner == inventory.caller.account);
            let has_own_image = config.bake.base_image != default::BASE_IMAGE;
            builders_way(aws, subnet, has_own_image).await?
        }
        None => None,
    };
    let facts = Facts {
        subnets: subnets.unwrap_or_default(),
        of_group: group.subnets.clone(),
        zones,
        types,
        running,
        limits,
        base_image: base_image.flatten(),
        ingress: inside.flatten(),
        outside: outside.flatten(),
        balancer: inventory.load_balancer.clone(),
    };
    let mut all = judge(&needs, &facts);
    if bakes.is_some() {
        all.extend(Box::pin(keys(aws, config, inventory, plan)).await?);
    }
    all.extend(way_out);
    all.extend(aws.seconds_ahead().and_then(clock::judge));
    all.sort_by_key(|concern| concern.slows);
    Ok(all)
}

/// What is in the way of images that are encrypted as the file says.
async fn keys(
    aws: &Aws,
    config: &Config,
    inventory: &Inventory,
    plan: &Plan,
) -> Result<Vec<Concern>> {
    let named = config.encryption.volume_key.as_deref();
    let tags = plan.names().tags();
    disks::concerns(aws, named, &inventory.caller, Some(&tags)).await
}

/// These subnets: as the inventory has them, if it has all.
async fn subnets(
    aws: &Aws,
    inventory: &Inventory,
    named: &[String],
) -> Result<Vec<ec2::Subnet>, Failure> {
    let held = inventory.subnets.iter();
    let held: Vec<_> = held.filter(|it| named.contains(&it.id)).collect();
    match held.len() == named.len() {
        true => Ok(held.into_iter().cloned().collect()),
        false => ec2::describe_subnets(aws, "", named).await,
    }
}

/// The zones that offer the fleet's type: as the inventory has them, if the builder is of the same.
async fn zones(aws: &Aws, config: &Config, inventory: &Inventory) -> Result<Vec<String>, Failure> {
    let of = &config.fleet.instance_type;
    match &inventory.builder_zones {
        Some(zones) if *of == config.bake.instance_type => Ok(zones.clone()),
        _ => ec2::find_zones_with(aws, of).await,
    }
}

/// What keeps the builder from AWS in its subnet, if that may be looked at.
async fn builders_way(
    aws: &Aws,
    subnet: Option<&ec2::Subnet>,
    has_own_image: bool,
) -> Result<Option<Concern>> {
    let Some(subnet) = subnet else {
        return Ok(None);
    };
    let looking = routes::describe_ways_out(aws, &subnet.vpc, &subnet.id);
    let ways = seen(Box::pin(looking)).await?.flatten();
    let is_given_address = subnet.gives_public_address;
    Ok(ways.and_then(|ways| way_out::judge(&subnet.id, is_given_address, has_own_image, &ways)))
}
