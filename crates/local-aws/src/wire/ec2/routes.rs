//! Route tables and endpoints of services on the wire.

use super::filters::Filters;
use super::{page, tag_list};
use crate::account::ec2::routes::{Endpoint, RouteTable};
use crate::account::{Account, ApiError};
use crate::wire::node::Node;
use crate::wire::params::Params;

pub(super) fn describe_tables(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let ids = params.texts(&["RouteTableIds", "RouteTableId"]);
    let filters = Filters::read(
        &mut params,
        &[
            "association.main",
            "association.route-table-id",
            "association.subnet-id",
            "owner-id",
            "route-table-id",
            "route.destination-cidr-block",
            "vpc-id",
        ],
    )?;
    let page = page(&mut params)?;
    params.finish()?;
    let tables = &account.ec2.route_tables;
    if let Some(unknown) = ids.iter().find(|id| !tables.contains_key(*id)) {
        return Err(ApiError::refused(
            "InvalidRouteTableID.NotFound",
            &format!("The routeTable ID '{unknown}' does not exist"),
        ));
    }
    let found = tables
        .values()
        .filter(|table| ids.is_empty() || ids.contains(&table.id))
        .filter(|table| {
            filters.admit(&table.tags, |name| match name {
                "association.main" => vec![table.is_main.to_string()],
                "association.subnet-id" => table.subnets.iter().cloned().collect(),
                "owner-id" => vec![account.id.clone()],
                "route.destination-cidr-block" => {
                    table.routes.iter().map(|(to, _)| to.clone()).collect()
                }
                "vpc-id" => vec![table.vpc.clone()],
                _ => vec![table.id.clone()],
            })
        })
        .map(|table| show_table(account, table))
        .collect();
    let (found, token) = page.cut(found);
    Ok(Node::map()
        .put_as("RouteTables", "routeTableSet", Node::List(found))
        .put_some("NextToken", token))
}

fn show_table(account: &Account, table: &RouteTable) -> Node {
    let cidr = account.ec2.vpcs.get(&table.vpc).map(|vpc| vpc.cidr.clone());
    let route = |to: &str, by: &str, origin: &str| {
        // Each kind of gateway has a name of its own; `local` and internet gateways share one.
        let name = match by.split('-').next() {
            Some("nat") => "NatGatewayId",
            Some("tgw") => "TransitGatewayId",
            Some("eni") => "NetworkInterfaceId",
            Some("pcx") => "VpcPeeringConnectionId",
            _ => "GatewayId",
        };
        Node::map()
            .put("DestinationCidrBlock", to)
            .put(name, by)
            .put("State", "active")
            .put("Origin", origin)
    };
    let local = cidr.map(|cidr| route(&cidr, "local", "CreateRouteTable"));
    let routes = table.routes.iter();
    let routes = routes.map(|(to, by)| route(to, by, "CreateRoute"));
    let association = |subnet: Option<&String>| {
        let of = subnet.map_or(table.id.as_str(), |id| id.as_str());
        let number = of.rsplit('-').next().unwrap_or_default();
        Node::map()
            .put("RouteTableAssociationId", format!("rtbassoc-{number}"))
            .put("RouteTableId", &table.id)
            .put("Main", subnet.is_none())
            .put_some("SubnetId", subnet)
            .put("AssociationState", Node::map().put("State", "associated"))
    };
    let main = table.is_main.then(|| association(None));
    let others = table.subnets.iter().map(|subnet| association(Some(subnet)));
    Node::map()
        .put("RouteTableId", &table.id)
        .put("VpcId", &table.vpc)
        .put("OwnerId", &account.id)
        .put_as(
            "Routes",
            "routeSet",
            Node::list(local.into_iter().chain(routes)),
        )
        .put_as(
            "Associations",
            "associationSet",
            Node::list(main.into_iter().chain(others)),
        )
        .put_as(
            "PropagatingVgws",
            "propagatingVgwSet",
            Node::List(Vec::new()),
        )
        .put_as("Tags", "tagSet", tag_list(&table.tags))
}

pub(super) fn describe_endpoints(
    account: &mut Account,
    mut params: Params,
) -> Result<Node, ApiError> {
    let ids = params.texts(&["VpcEndpointIds", "VpcEndpointId"]);
    let filters = Filters::read(
        &mut params,
        &[
            "service-name",
            "vpc-endpoint-id",
            "vpc-endpoint-state",
            "vpc-endpoint-type",
            "vpc-id",
        ],
    )?;
    let page = page(&mut params)?;
    params.finish()?;
    let endpoints = &account.ec2.endpoints;
    if let Some(unknown) = ids.iter().find(|id| !endpoints.contains_key(*id)) {
        return Err(ApiError::refused(
            "InvalidVpcEndpointId.NotFound",
            &format!("The Vpc Endpoint Id '{unknown}' does not exist"),
        ));
    }
    let found = endpoints
        .values()
        .filter(|endpoint| ids.is_empty() || ids.contains(&endpoint.id))
        .filter(|endpoint| {
            filters.admit(&endpoint.tags, |name| {
                vec![match name {
                    "service-name" => service_name(account, endpoint),
                    "vpc-endpoint-state" => "available".to_owned(),
                    "vpc-endpoint-type" => endpoint.kind().to_owned(),
                    "vpc-id" => endpoint.vpc.clone(),
                    _ => endpoint.id.clone(),
                }]
            })
        })
        .map(|endpoint| show_endpoint(account, endpoint))
        .collect();
    let (found, token) = page.cut(found);
    Ok(Node::map()
        .put_as("VpcEndpoints", "vpcEndpointSet", Node::List(found))
        .put_some("NextToken", token))
}

fn service_name(account: &Account, endpoint: &Endpoint) -> String {
    format!("com.amazonaws.{}.{}", account.region, endpoint.service)
}

fn show_endpoint(account: &Account, endpoint: &Endpoint) -> Node {
    let subnets = account.ec2.subnets.values();
    let subnets = subnets.filter(|subnet| subnet.vpc == endpoint.vpc);
    let is_gateway = endpoint.kind() == "Gateway";
    let subnets = subnets.filter(|_| !is_gateway).map(|it| it.id.clone());
    let mut groups = account.ec2.security_groups.values();
    let default_group = groups.find(|group| group.vpc == endpoint.vpc && group.name == "default");
    let default_group = default_group.map_or("", |group| group.id.as_str());
    Node::map()
        .put("VpcEndpointId", &endpoint.id)
        .put("VpcEndpointType", endpoint.kind())
        .put("VpcId", &endpoint.vpc)
        .put("OwnerId", &account.id)
        .put("ServiceName", service_name(account, endpoint))
        .put("State", "available")
        .put("PrivateDnsEnabled", !is_gateway)
        .put("RequesterManaged", false)
        .put_as(
            "RouteTableIds",
            "routeTableIdSet",
            Node::list(&endpoint.route_tables),
        )
        .put_as("SubnetIds", "subnetIdSet", Node::list(subnets))
        .put_as(
            "Groups",
            "groupSet",
            Node::list([Node::map()
                .put("GroupId", default_group)
                .put("GroupName", "default")]),
        )
        .put_as("Tags", "tagSet", tag_list(&endpoint.tags))
}
