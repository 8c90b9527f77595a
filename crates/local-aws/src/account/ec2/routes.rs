//! Where a subnet leads: route tables, the internet gateway, and endpoints of AWS's services inside a network.
//!
//! Assumptions: whatever a default route leads to other than an internet gateway (a NAT gateway, a transit gateway) leads out.

use std::collections::BTreeSet;

use super::State;
use super::default_network::DEFAULT_VPC;
use crate::account::{Account, Tags};

/// The id of the default VPC's route table.
pub const DEFAULT_TABLE: &str = "rtb-0a1b2c3d4e5f60000";
/// The id of its internet gateway.
pub const DEFAULT_GATEWAY: &str = "igw-0a1b2c3d4e5f60000";
/// Everywhere.
pub const EVERYWHERE: &str = "0.0.0.0/0";
/// What an agent has to reach to be sent commands
/// (<https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-create-vpc.html>).
const OF_THE_AGENT: [&str; 2] = ["ssm", "ssmmessages"];

/// A route table.
#[derive(Clone, Debug)]
pub struct RouteTable {
    /// `rtb-...`
    pub id: String,
    /// Its VPC.
    pub vpc: String,
    /// Whether it is that of every subnet which has none of its own.
    pub is_main: bool,
    /// The subnets that it is said to be of.
    pub subnets: BTreeSet<String>,
    /// Where it leads beside its VPC: addresses, and the gateway by its id.
    pub routes: Vec<(String, String)>,
    /// Its tags.
    pub tags: Tags,
}

/// An endpoint of one of AWS's services inside a network.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// `vpce-...`
    pub id: String,
    /// Its VPC.
    pub vpc: String,
    /// The service, without the region before it: `ssm`.
    pub service: String,
    /// Of a gateway: the route tables that lead to it. Of an interface: none.
    pub route_tables: BTreeSet<String>,
    /// Its tags.
    pub tags: Tags,
}

impl Endpoint {
    /// `Gateway` or `Interface`.
    pub fn kind(&self) -> &'static str {
        match self.route_tables.is_empty() {
            true => "Interface",
            false => "Gateway",
        }
    }
}

/// The default VPC's table: everything leads to the internet gateway.
pub(super) fn add_default(state: &mut State, id: &dyn Fn(&str) -> String) {
    state.route_tables.insert(
        id(DEFAULT_TABLE),
        RouteTable {
            id: id(DEFAULT_TABLE),
            vpc: id(DEFAULT_VPC),
            is_main: true,
            subnets: BTreeSet::new(),
            routes: vec![(EVERYWHERE.to_owned(), id(DEFAULT_GATEWAY))],
            tags: Tags::new(),
        },
    );
}

/// The table that a subnet goes by.
fn table_of<'a>(state: &'a State, subnet: &str) -> Option<&'a RouteTable> {
    let vpc = &state.subnets.get(subnet)?.vpc;
    let own = state.route_tables.values();
    let own = own.into_iter().find(|table| table.subnets.contains(subnet));
    let mut all = state.route_tables.values();
    own.or_else(|| all.find(|table| table.is_main && table.vpc == *vpc))
}

/// Whether the agent of this instance reaches Systems Manager.
pub fn agent_reaches(account: &Account, instance: &str) -> bool {
    let state = &account.ec2;
    let Some(instance) = state.instances.get(instance) else {
        return false;
    };
    let leads_out = table_of(state, &instance.subnet).is_some_and(|table| {
        let mut routes = table.routes.iter();
        routes.any(|(to, by)| {
            let is_gateway = by.starts_with("igw-");
            let has_public = || {
                let subnet = state.subnets.get(&instance.subnet);
                subnet.is_some_and(|subnet| subnet.gives_public_address)
            };
            to == EVERYWHERE && (!is_gateway || has_public())
        })
    });
    let vpc = state.subnets.get(&instance.subnet).map(|it| &it.vpc);
    let has_endpoint = |service: &&str| {
        let mut all = state.endpoints.values();
        all.any(|endpoint| Some(&endpoint.vpc) == vpc && endpoint.service == **service)
    };
    leads_out || OF_THE_AGENT.iter().all(has_endpoint)
}
