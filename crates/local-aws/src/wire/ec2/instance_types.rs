//! The instance types on the wire: what each has, and where it is offered.

use super::filters::Filters;
use super::network::zone_id;
use super::page;
use crate::account::ec2::launch::architecture;
use crate::account::ec2::network::{ZONES, zone_name};
use crate::account::ec2::types::TYPES;
use crate::account::{Account, ApiError};
use crate::wire::node::Node;
use crate::wire::params::Params;

pub(super) fn describe_types(mut params: Params) -> Result<Node, ApiError> {
    let wanted = params.texts(&["InstanceTypes", "InstanceType"]);
    let filters = Filters::read(
        &mut params,
        &[
            "instance-type",
            "processor-info.supported-architecture",
            "current-generation",
        ],
    )?;
    let page = page(&mut params)?;
    params.finish()?;
    if let Some(unknown) = wanted
        .iter()
        .find(|name| !TYPES.iter().any(|(known, ..)| known == name))
    {
        return Err(ApiError::refused(
            "InvalidInstanceType",
            &format!("The following supplied instance types do not exist: [{unknown}]"),
        ));
    }
    let found = TYPES
        .iter()
        .filter(|(name, ..)| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name))
        .filter(|(name, ..)| {
            filters.admit(&Default::default(), |filter| match filter {
                "instance-type" => vec![(*name).to_owned()],
                "current-generation" => vec!["true".to_owned()],
                _ => vec![architecture(name).to_owned()],
            })
        })
        .map(|(name, cores, memory)| {
            Node::map()
                .put("InstanceType", *name)
                .put("CurrentGeneration", true)
                .put("BurstablePerformanceSupported", name.starts_with('t'))
                .put("Hypervisor", "nitro")
                .put(
                    "ProcessorInfo",
                    Node::map().put("SupportedArchitectures", Node::list([architecture(name)])),
                )
                .put_as(
                    "VCpuInfo",
                    "vCpuInfo",
                    Node::map().put_as("DefaultVCpus", "defaultVCpus", *cores),
                )
                .put(
                    "MemoryInfo",
                    Node::map().put_as("SizeInMiB", "sizeInMiB", *memory),
                )
        })
        .collect();
    let (found, token) = page.cut(found);
    Ok(Node::map()
        .put_as("InstanceTypes", "instanceTypeSet", Node::List(found))
        .put_some("NextToken", token))
}

/// Where there are instances of which type: in the region, or by zone.
pub(super) fn describe_offerings(
    account: &mut Account,
    mut params: Params,
) -> Result<Node, ApiError> {
    let by = params
        .text("LocationType")
        .unwrap_or_else(|| "region".to_owned());
    let filters = Filters::read(&mut params, &["instance-type", "location"])?;
    let page = page(&mut params)?;
    params.finish()?;
    let places: Vec<_> = match by.as_str() {
        "region" => vec![account.region.clone()],
        "availability-zone" | "availability-zone-id" => ZONES
            .into_iter()
            .filter(|zone| account.faults.has_types(*zone))
            .map(|zone| match by.as_str() {
                "availability-zone" => zone_name(account, zone),
                _ => zone_id(account, zone),
            })
            .collect(),
        other => {
            return Err(ApiError::refused(
                "InvalidParameterValue",
                &format!(
                    "Value ({other}) for parameter locationType is invalid. Unknown location type"
                ),
            ));
        }
    };
    let all = places
        .iter()
        .flat_map(|place| TYPES.iter().map(move |(name, ..)| (place, *name)));
    let found = all
        .filter(|(place, name)| {
            filters.admit(&Default::default(), |filter| match filter {
                "instance-type" => vec![(*name).to_owned()],
                _ => vec![(*place).clone()],
            })
        })
        .map(|(place, name)| {
            Node::map()
                .put("InstanceType", name)
                .put("LocationType", by.as_str())
                .put("Location", place.as_str())
        })
        .collect();
    let (found, token) = page.cut(found);
    Ok(Node::map()
        .put_as(
            "InstanceTypeOfferings",
            "instanceTypeOfferingSet",
            Node::List(found),
        )
        .put_some("NextToken", token))
}
