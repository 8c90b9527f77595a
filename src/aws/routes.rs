//! Where a subnet leads: its route table, and the endpoints of AWS's services in its network.

use super::Aws;
use super::ec2::filter;
use super::error::{About as _, Failure};
use aws_sdk_ec2::types::{Filter, Route, RouteTable, State};

/// Where a subnet leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaysOut {
    /// Its route table.
    pub table: String,
    /// The internet gateway that a route for IPv4 leads to, if one does: only instances with a public address can use it.
    pub internet_gateway: Option<String>,
    /// Whether anything leads elsewhere: a NAT gateway, another network, addresses of IPv6. What is there is not known.
    pub leads_elsewhere: bool,
    /// The services that have an endpoint in the network which the subnet can use: `ssm`, `s3`.
    pub endpoints: Vec<String>,
}

/// Where a subnet of this network leads; `None` where no route table is said to be its own.
pub async fn describe_ways_out(
    aws: &Aws,
    vpc: &str,
    subnet: &str,
) -> Result<Option<WaysOut>, Failure> {
    let own = find_table(aws, vec![filter("association.subnet-id", subnet)], subnet);
    let main = vec![filter("vpc-id", vpc), filter("association.main", "true")];
    let main = find_table(aws, main, vpc);
    let (own, main, endpoints) = tokio::try_join!(own, main, describe_endpoints(aws, vpc))?;
    let Some(table) = own.or(main) else {
        return Ok(None);
    };
    let id = table.route_table_id.unwrap_or_default();
    let routes = table.routes.unwrap_or_default();
    let leads: Vec<_> = routes.iter().filter_map(leads_to).collect();
    let usable = endpoints
        .into_iter()
        .filter(|endpoint| endpoint.tables.is_empty() || endpoint.tables.contains(&id));
    Ok(Some(WaysOut {
        internet_gateway: leads.iter().find_map(|lead| match lead {
            Lead::Internet(gateway) => Some(gateway.clone()),
            Lead::Elsewhere => None,
        }),
        leads_elsewhere: leads.contains(&Lead::Elsewhere),
        endpoints: usable.map(|endpoint| endpoint.service).collect(),
        table: id,
    }))
}

async fn find_table(
    aws: &Aws,
    filters: Vec<Filter>,
    about: &str,
) -> Result<Option<RouteTable>, Failure> {
    let request = aws.ec2.describe_route_tables().set_filters(Some(filters));
    let answer = request.send().await.about("DescribeRouteTables", about)?;
    Ok(answer.route_tables.unwrap_or_default().into_iter().next())
}

/// Out of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Lead {
    Internet(String),
    Elsewhere,
}

/// Where a route leads, if that is out of the network: not what is local, what leads nowhere any more, and a gateway endpoint, which
/// is one service.
fn leads_to(route: &Route) -> Option<Lead> {
    let is_gone = route
        .state()
        .is_some_and(|state| state.as_str() == "blackhole");
    let gateway = route.gateway_id().unwrap_or_default();
    let is_service = gateway.starts_with("vpce-") && route.destination_prefix_list_id().is_some();
    if is_gone || gateway == "local" || is_service {
        return None;
    }
    let is_internet = gateway.starts_with("igw-") && route.destination_cidr_block().is_some();
    Some(match is_internet {
        true => Lead::Internet(gateway.to_owned()),
        false => Lead::Elsewhere,
    })
}

struct Endpoint {
    service: String,
    /// Of a gateway: the route tables that lead to it.
    tables: Vec<String>,
}

async fn describe_endpoints(aws: &Aws, vpc: &str) -> Result<Vec<Endpoint>, Failure> {
    let mut found = Vec::new();
    let mut pages = aws
        .ec2
        .describe_vpc_endpoints()
        .filters(filter("vpc-id", vpc))
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.about("DescribeVpcEndpoints", vpc)?;
        for endpoint in page.vpc_endpoints.unwrap_or_default() {
            let name = endpoint.service_name.unwrap_or_default();
            // `com.amazonaws.eu-central-1.ssm`
            // The model spells its states with capitals, and AWS answers without.
            let state = endpoint.state.as_ref().map_or("", State::as_str);
            if state.eq_ignore_ascii_case("available") {
                found.push(Endpoint {
                    service: name.rsplit('.').next().unwrap_or_default().to_owned(),
                    tables: endpoint.route_table_ids.unwrap_or_default(),
                });
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_leads_out_of_the_network_may_lead_to_aws() {
        let to = |cidr: &str| Route::builder().destination_cidr_block(cidr);
        let six = |cidr: &str| Route::builder().destination_ipv6_cidr_block(cidr);
        let igw = Some(Lead::Internet("igw-1".to_owned()));
        for (route, lead) in [
            (to("10.0.0.0/16").gateway_id("local"), None),
            (to("0.0.0.0/0").gateway_id("igw-1"), igw.clone()),
            (to("0.0.0.0/1").gateway_id("igw-1"), igw),
            (
                to("0.0.0.0/0").nat_gateway_id("nat-1"),
                Some(Lead::Elsewhere),
            ),
            (
                to("10.0.0.0/8").transit_gateway_id("tgw-1"),
                Some(Lead::Elsewhere),
            ),
            (six("::/0").gateway_id("igw-1"), Some(Lead::Elsewhere)),
            (
                six("::/0").egress_only_internet_gateway_id("eigw-1"),
                Some(Lead::Elsewhere),
            ),
            (
                Route::builder()
                    .destination_prefix_list_id("pl-1")
                    .gateway_id("vpce-1"),
                None,
            ),
            (
                Route::builder()
                    .destination_prefix_list_id("pl-1")
                    .transit_gateway_id("tgw-1"),
                Some(Lead::Elsewhere),
            ),
            (
                to("0.0.0.0/0")
                    .nat_gateway_id("nat-1")
                    .state(aws_sdk_ec2::types::RouteState::Blackhole),
                None,
            ),
        ] {
            let route = route.build();
            assert_eq!(leads_to(&route), lead, "{route:?}");
        }
    }
}
