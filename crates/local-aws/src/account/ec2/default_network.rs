//! The network that every account has in every region without asking for it.

use super::State;
use super::network::{Peer, Permission, SecurityGroup, Subnet, Vpc};
use crate::account::{Account, Tags};

/// The id of the default VPC, in the region that the account began in.
pub const DEFAULT_VPC: &str = "vpc-0a1b2c3d4e5f60000";
/// The id of its default security group.
pub const DEFAULT_GROUP: &str = "sg-0a1b2c3d4e5f60000";

/// The default VPC of the region, if it still has one.
pub fn default_vpc(account: &Account) -> Option<&str> {
    let mut all = account.ec2.vpcs.values();
    all.find(|vpc| vpc.is_default).map(|vpc| vpc.id.as_str())
}

/// Adds the network that every account has.
pub(super) fn add_default(state: &mut State, id: &dyn Fn(&str) -> String) {
    let (vpc, group) = (id(DEFAULT_VPC), id(DEFAULT_GROUP));
    state.vpcs.insert(
        vpc.clone(),
        Vpc {
            id: vpc.clone(),
            cidr: "172.31.0.0/16".to_owned(),
            is_default: true,
            tags: Tags::new(),
        },
    );
    for (zone, known, third) in [
        ('a', "subnet-0a1b2c3d4e5f6000a", 0),
        ('b', "subnet-0a1b2c3d4e5f6000b", 16),
    ] {
        let subnet = Subnet::default_of(zone, id(known), &vpc, [172, 31, third]);
        state.subnets.insert(subnet.id.clone(), subnet);
    }
    let mut group = SecurityGroup::new(&group, "default", &vpc);
    group.description = "default VPC security group".to_owned();
    group.ingress.push(Permission {
        peer: Peer::Group(group.id.clone()),
        ..Permission::everything()
    });
    state.security_groups.insert(group.id.clone(), group);
}
