//! Where something is launched: the subnets that a stack may use, and the builder's among them.

use anyhow::Result;

use super::{Extent, wrap};
use crate::aws::Aws;
use crate::aws::ec2::{self, Subnet};
use crate::aws::error::if_allowed;
use crate::config::Config;
use crate::stack::Names;

/// Where something is launched.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// The security group and subnet of a builder.
    pub(super) builder: Option<(String, String)>,
    /// The instances' security group.
    pub(super) instance_security_group: Option<String>,
    /// The subnets that the file names, else all of the VPC.
    pub(super) subnets: Vec<Subnet>,
    /// The zones that have the builder's type, where that was asked.
    pub(super) builder_zones: Option<Vec<String>>,
}

/// The zones that have the builder's type: not all of a region's have each (`use1-az3` has none of the Nitro system). `None`
/// where no builder is launched, or AWS does not tell.
async fn builder_zones(
    aws: &Aws,
    config: &Config,
    extent: Extent<'_>,
) -> Result<Option<Vec<String>>> {
    if !matches!(extent, Extent::Baking(_)) {
        return Ok(None);
    }
    let zones = ec2::find_zones_with(aws, &config.bake.instance_type).await;
    Ok(if_allowed(zones)?)
}

pub(super) async fn find(
    aws: &Aws,
    config: &Config,
    names: &Names,
    extent: Extent<'_>,
) -> Result<Place> {
    if extent == Extent::Telling {
        return Ok(Place::default());
    }
    let vpc = match &config.network.vpc {
        Some(vpc) => vpc.clone(),
        None => match ec2::find_default_vpc(aws).await? {
            Some(vpc) => vpc,
            None => return Ok(Place::default()),
        },
    };
    let builder_group = names.builder_security_group();
    let instance_group = names.instance_security_group();
    let (subnets, builder, instance_security_group, zones) = tokio::try_join!(
        wrap(ec2::describe_subnets(aws, &vpc, &config.network.subnets)),
        wrap(ec2::find_security_group(aws, &vpc, &builder_group)),
        wrap(ec2::find_security_group(aws, &vpc, &instance_group)),
        Box::pin(builder_zones(aws, config, extent)),
    )?;
    let has_type = |subnet: &&Subnet| {
        zones
            .as_ref()
            .is_none_or(|zones| zones.contains(&subnet.zone))
    };
    // Where no zone has the type, the launch says so in AWS's words.
    let subnet = subnets.iter().find(has_type).or_else(|| subnets.first());
    let subnet = subnet.map(|subnet| subnet.id.clone());
    Ok(Place {
        builder: builder.zip(subnet),
        instance_security_group,
        subnets,
        builder_zones: zones,
    })
}
