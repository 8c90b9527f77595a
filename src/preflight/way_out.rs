//! Whether the builder reaches AWS: its agent is sent what to do, and it fetches the bundle.
//!
//! Guarantees: pure; what was not seen is no concern, and what may lead to AWS by a way that is not known is none.

use super::Concern;
use crate::aws::routes::WaysOut;

/// What has to have an endpoint where no route leads out: where the agent registers, where the bundle lies, and one of those that it is
/// sent commands by (<https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-create-vpc.html>).
const SERVICES: [&[&str]; 3] = [&["ssm"], &["ssmmessages", "ec2messages"], &["s3"]];

/// What keeps a builder in this subnet from AWS; `is_given_address`: whether instances get a public address there. A base image of one's
/// own may have a way of its own, such as a proxy.
pub(super) fn judge(
    subnet: &str,
    is_given_address: bool,
    has_own_image: bool,
    ways: &WaysOut,
) -> Option<Concern> {
    let has = |service: &&str| ways.endpoints.iter().any(|has| has == service);
    let missing = SERVICES.into_iter().filter(|any| !any.iter().any(has));
    let missing: Vec<_> = missing.map(|any| any[0]).collect();
    let is_public = ways.internet_gateway.is_some() && is_given_address;
    if ways.leads_elsewhere || is_public || missing.is_empty() {
        return None;
    }
    let why = match &ways.internet_gateway {
        Some(gateway) => format!(
            "{subnet} leads to {gateway}, which takes public addresses only, and instances get none there"
        ),
        None => format!("{} of {subnet} has no route that leads out", ways.table),
    };
    let way = match ways.internet_gateway {
        Some(_) => format!("have {subnet} give public addresses"),
        None => "add a route to a NAT gateway, or those endpoints".to_owned(),
    };
    Some(Concern {
        about: "builder's way out",
        seen: format!(
            "{why}, and its network has no endpoint for {}: the builder's agent would reach nobody",
            missing.join(", ")
        ),
        remedy: format!("{way}, or leave {subnet} out of network.subnets, then provision"),
        slows: has_own_image,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ways(gateway: Option<&str>, endpoints: &[&str]) -> WaysOut {
        WaysOut {
            table: "rtb-1".to_owned(),
            internet_gateway: gateway.map(str::to_owned),
            leads_elsewhere: false,
            endpoints: endpoints.iter().map(|&one| one.to_owned()).collect(),
        }
    }

    #[test]
    fn a_builder_needs_a_public_address_or_another_way_or_every_endpoint() {
        let of = |address, ways: &WaysOut| judge("subnet-1", address, false, ways);
        let seen = |address, ways: &WaysOut| of(address, ways).expect("a concern").seen;
        assert_eq!(of(true, &ways(Some("igw-1"), &[])), None);
        let elsewhere = WaysOut {
            leads_elsewhere: true,
            ..ways(None, &[])
        };
        assert_eq!(of(false, &elsewhere), None);
        for by in ["ssmmessages", "ec2messages"] {
            assert_eq!(of(false, &ways(None, &["ssm", by, "s3"])), None);
        }
        assert_eq!(
            seen(false, &ways(None, &["ssm", "s3"])),
            "rtb-1 of subnet-1 has no route that leads out, and its network has no endpoint for ssmmessages: the builder's agent \
             would reach nobody"
        );
        let none = seen(false, &ways(Some("igw-1"), &["s3"]));
        assert!(
            none.starts_with("subnet-1 leads to igw-1, which takes public addresses only"),
            "{none}"
        );
        let own = judge("subnet-1", false, true, &ways(None, &[]));
        assert!(own.is_some_and(|concern| concern.slows), "only told");
    }
}
