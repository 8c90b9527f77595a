//! Whether the builder reaches AWS: its agent is sent what to do, and it fetches the bundle.
//!
//! Guarantees: pure; what was not seen is no concern.

use super::Concern;
use crate::aws::routes::WaysOut;

/// What has to have an endpoint where no route leads out: what the agent speaks to, and where the bundle lies
/// (<https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-create-vpc.html>).
const SERVICES: [&str; 3] = ["ssm", "ssmmessages", "s3"];
const ABOUT: &str = "builder's way out";

/// What keeps a builder in this subnet from AWS; `is_given_address`: whether instances get a public address there.
pub(super) fn judge(subnet: &str, is_given_address: bool, ways: &WaysOut) -> Option<Concern> {
    let missing: Vec<_> = SERVICES
        .into_iter()
        .filter(|service| !ways.endpoints.iter().any(|has| has == service))
        .collect();
    let leads_out = ways.gateway.is_some() && (!ways.is_public() || is_given_address);
    if leads_out || missing.is_empty() {
        return None;
    }
    let why = match &ways.gateway {
        Some(gateway) => format!(
            "{subnet} leads to {gateway}, which takes public addresses only, and instances get none there"
        ),
        None => format!("{} of {subnet} has no route that leads out", ways.table),
    };
    Some(Concern {
        about: ABOUT,
        seen: format!(
            "{why}, and its network has no endpoint for {}: the builder's agent would reach nobody",
            missing.join(", ")
        ),
        remedy: match ways.gateway {
            Some(_) => format!(
                "have {subnet} give public addresses, or name subnets first that lead to a NAT gateway: network.subnets, then provision"
            ),
            None => "add a route to a NAT gateway, or those endpoints, or name subnets first that lead out: network.subnets, then provision".to_owned(),
        },
        slows: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ways(gateway: Option<&str>, endpoints: &[&str]) -> WaysOut {
        WaysOut {
            table: "rtb-1".to_owned(),
            gateway: gateway.map(str::to_owned),
            endpoints: endpoints.iter().map(|&one| one.to_owned()).collect(),
        }
    }

    #[test]
    fn a_builder_needs_a_public_address_or_another_gateway_or_every_endpoint() {
        let of = |address, ways: &WaysOut| judge("subnet-1", address, ways).map(|it| it.seen);
        assert_eq!(of(true, &ways(Some("igw-1"), &[])), None);
        assert_eq!(of(false, &ways(Some("nat-1"), &[])), None);
        assert_eq!(of(false, &ways(None, &["ssm", "ssmmessages", "s3"])), None);
        assert_eq!(
            of(false, &ways(None, &["ssm", "s3"])).expect("a concern"),
            "rtb-1 of subnet-1 has no route that leads out, and its network has no endpoint for ssmmessages: the builder's agent \
             would reach nobody"
        );
        let none = of(false, &ways(Some("igw-1"), &["s3"])).expect("a concern");
        assert!(
            none.starts_with("subnet-1 leads to igw-1, which takes public addresses only"),
            "{none}"
        );
    }
}
