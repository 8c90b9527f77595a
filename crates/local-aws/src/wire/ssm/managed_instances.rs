//! DescribeInstanceInformation: the instances whose agents have registered.

use super::{Page, filters, moment, unknown_filter};
use crate::account::ssm::agents::Agent;
use crate::account::{Account, ApiError};
use crate::wire::node::Node;
use crate::wire::params::Params;

/// What its filters go by.
const KEYS: [&str; 4] = ["InstanceIds", "PingStatus", "PlatformTypes", "ResourceType"];

pub(super) fn describe_instances(
    account: &mut Account,
    mut params: Params,
) -> Result<Node, ApiError> {
    let mut wanted = filters(&mut params, "Filters", &KEYS)?;
    wanted.extend(filters(
        &mut params,
        "InstanceInformationFilterList",
        &KEYS,
    )?);
    let page = Page::read(&mut params, 1..=50)?;
    params.finish()?;
    let mut found = Vec::new();
    for (id, agent) in &account.ssm.agents {
        let Some(registered_at) = agent.registered_at else {
            continue;
        };
        let mut matches = true;
        for (key, values) in &wanted {
            let field = match key.as_str() {
                "InstanceIds" => id.as_str(),
                "PingStatus" => ping(agent),
                "PlatformTypes" => "Linux",
                "ResourceType" => "EC2Instance",
                other => return Err(unknown_filter(other)),
            };
            matches &= values.iter().any(|value| value == field);
        }
        if matches {
            found.push(
                Node::map()
                    .put("InstanceId", id)
                    .put("PingStatus", ping(agent))
                    .put("LastPingDateTime", Node::Time(account.utc()))
                    .put("AgentVersion", "3.3.2299.0")
                    .put("IsLatestVersion", true)
                    .put("PlatformType", "Linux")
                    .put("PlatformName", "Amazon Linux")
                    .put("PlatformVersion", "2023")
                    .put("ResourceType", "EC2Instance")
                    .put("RegistrationDate", moment(account, registered_at))
                    .put("SourceId", id)
                    .put("SourceType", "AWS::EC2::Instance"),
            );
        }
    }
    let (found, next) = page.of(found);
    Ok(Node::map()
        .put("InstanceInformationList", found)
        .put_some("NextToken", next))
}

fn ping(agent: &Agent) -> &'static str {
    if agent.is_online {
        "Online"
    } else {
        "ConnectionLost"
    }
}
