//! What would stop a release minutes after its beginning, looked at before it: whether what it launches has addresses, a type
//! that is offered, an image that fits it, a load balancer in its zones, and a way for traffic to come in.
//!
//! Guarantees: it changes nothing; all that is wrong is said at once, each with what to do; what AWS does not let be looked at is
//! passed over, and the run finds out.

mod judge;
mod way_out;

use std::fmt;

use anyhow::Result;

use crate::aws::Aws;
use crate::aws::ec2::{self, Ingress};
use crate::aws::error::{ErrorKind, Failure};
use crate::aws::{images, routes};
use crate::config::{Config, default};
use crate::inventory::Inventory;
use crate::plan::Plan;
use judge::{Facts, Needs, judge};

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
    let stops = concerns.iter().filter(|concern| !concern.slows).count();
    if stops == 0 {
        return None;
    }
    let head = match stops {
        1 => "one thing would end this release minutes from now:".to_owned(),
        _ => format!("{stops} things would end this release minutes from now:"),
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
    let (subnets, zones, types, base_image, inside, outside) = tokio::try_join!(
        seen(Box::pin(ec2::describe_subnets(aws, "", &named))),
        seen(Box::pin(ec2::find_zones_with(aws, &needs.fleet.0))),
        seen(Box::pin(ec2::describe_types(aws, &asked))),
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
        types: types.unwrap_or_default(),
        base_image: base_image.flatten(),
        ingress: inside.flatten(),
        outside: outside.flatten(),
        balancer: inventory.load_balancer.clone(),
    };
    let mut all = judge(&needs, &facts);
    all.extend(way_out);
    all.sort_by_key(|concern| concern.slows);
    Ok(all)
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

/// What was answered; nothing, where that may not be asked.
async fn seen<T>(asking: impl Future<Output = Result<T, Failure>>) -> Result<Option<T>> {
    match asking.await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind == ErrorKind::Denied => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What security groups let in, where there are any.
async fn ingress(aws: &Aws, groups: &[String]) -> Result<Option<Vec<Ingress>>, Failure> {
    match groups {
        [] => Ok(None),
        groups => Ok(Some(ec2::describe_ingress(aws, groups).await?)),
    }
}

/// The architecture of an image, where one is asked for; `None` within, where there is none.
async fn architecture(aws: &Aws, image: Option<&str>) -> Result<Option<Option<String>>, Failure> {
    let Some(image) = image else {
        return Ok(None);
    };
    let found = images::find_image(aws, image).await?;
    Ok(Some(found.map(|image| image.architecture)))
}
