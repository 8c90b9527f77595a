//! Where a stack stands: the VPC and its subnets, given or the account's default ones.

use anyhow::Result;

use crate::aws::Aws;
use crate::aws::ec2::{self, Subnet};
use crate::aws::error::ErrorKind;
use crate::config::Config;
use crate::preflight::Concern;

/// It.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The VPC.
    pub vpc: String,
    /// One subnet in each zone, at least two.
    pub subnets: Vec<Subnet>,
}

impl Place {
    /// The subnets' ids.
    pub fn subnet_ids(&self) -> Vec<String> {
        let ids = self.subnets.iter().map(|subnet| subnet.id.clone());
        ids.collect()
    }

    /// The zones they are in.
    pub(super) fn zones(&self) -> Vec<String> {
        let zones = self.subnets.iter().map(|subnet| subnet.zone.clone());
        zones.collect()
    }
}

/// Finds it, or why a stack can not stand there.
pub(super) async fn find(aws: &Aws, config: &Config) -> Result<Result<Place, Concern>> {
    let vpc = match &config.network.vpc {
        Some(vpc) => vpc.clone(),
        None => match ec2::find_default_vpc(aws).await? {
            Some(vpc) => vpc,
            None => {
                return Ok(no_place(
                    format!("{} has no default VPC", aws.region),
                    "set network.vpc and network.subnets",
                ));
            }
        },
    };
    let mut subnets = match ec2::describe_subnets(aws, &vpc, &config.network.subnets).await {
        Err(error) if error.kind == ErrorKind::NotFound => {
            return Ok(no_place(error.message, "correct network.subnets"));
        }
        answer => answer?,
    };
    if let Some(stray) = subnets.iter().find(|subnet| subnet.vpc != vpc) {
        return Ok(no_place(
            format!("subnet {} is in {}, not in {vpc}", stray.id, stray.vpc),
            "correct network.vpc or network.subnets",
        ));
    }
    // A load balancer takes one subnet in each zone.
    subnets.dedup_by(|a, b| a.zone == b.zone);
    if subnets.len() < 2 {
        return Ok(no_place(
            format!("{vpc} has subnets in {} zone", subnets.len()),
            "a load balancer needs two zones: add a subnet, or name two in network.subnets",
        ));
    }
    Ok(Ok(Place { vpc, subnets }))
}

fn no_place(seen: String, remedy: &str) -> Result<Place, Concern> {
    Err(Concern {
        about: "network",
        seen,
        remedy: remedy.to_owned(),
        slows: false,
    })
}
