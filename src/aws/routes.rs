//! Where a subnet leads: its route table, and the endpoints of AWS's services in its network.

use super::Aws;
use super::ec2::filter;
use super::error::{About as _, Failure};
use aws_sdk_ec2::types::{Filter, Route, RouteTable, State};

/// Everywhere.
const EVERYWHERE: &str = "0.0.0.0/0";

/// Where a subnet leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaysOut {
    /// Its route table.
    pub table: String,
    /// The gateway that everything leads to which is not in the network, if anything does.
    pub gateway: Option<String>,
    /// The services that have an endpoint in the network which the subnet can use: `ssm`, `s3`.
    pub endpoints: Vec<String>,
}

impl WaysOut {
    /// Whether everything leads to the internet gateway, which only instances with a public address can use.
    pub fn is_public(&self) -> bool {
        let gateway = self.gateway.as_deref();
        gateway.is_some_and(|gateway| gateway.starts_with("igw-"))
    }
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
    let mut routes = table.routes.unwrap_or_default().into_iter();
    let gateway = routes.find_map(|route| leads_everywhere(&route));
    let usable = endpoints
        .into_iter()
        .filter(|endpoint| endpoint.tables.is_empty() || endpoint.tables.contains(&id));
    Ok(Some(WaysOut {
        gateway,
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

/// The gateway of a route that stands for everything, unless it is one that leads nowhere any more.
fn leads_everywhere(route: &Route) -> Option<String> {
    let is_default = route.destination_cidr_block() == Some(EVERYWHERE);
    let is_active = route
        .state()
        .is_none_or(|state| state.as_str() != "blackhole");
    let gateway = route
        .gateway_id()
        .or(route.nat_gateway_id())
        .or(route.transit_gateway_id())
        .or(route.vpc_peering_connection_id())
        .or(route.network_interface_id())
        .or(route.instance_id());
    let gateway = gateway.unwrap_or("a gateway").to_owned();
    (is_default && is_active).then_some(gateway)
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
