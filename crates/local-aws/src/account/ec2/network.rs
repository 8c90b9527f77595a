//! The network of the account: its VPC, subnets and security groups.

use crate::account::lag::Eye;
use crate::account::{Account, ApiError, Tags};

/// A network.
#[derive(Clone, Debug)]
pub struct Vpc {
    /// `vpc-...`
    pub id: String,
    /// Its addresses.
    pub cidr: String,
    /// Whether it is the account's default VPC.
    pub is_default: bool,
    /// Its tags.
    pub tags: Tags,
}

/// A subnet.
#[derive(Clone, Debug)]
pub struct Subnet {
    /// `subnet-...`
    pub id: String,
    /// Its VPC.
    pub vpc: String,
    /// The first three numbers of its addresses ("172.31.0"); it is used as a /20.
    pub prefix: [u8; 3],
    /// The zone's letter; the region stands before it.
    pub zone: char,
    /// Whether it is its zone's default.
    pub is_default: bool,
    /// Whether instances get a public address that ask for none.
    pub gives_public_address: bool,
    /// Its tags.
    pub tags: Tags,
    /// How many addresses it gave out.
    next_host: u16,
}

/// One rule of a security group, for one peer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// "tcp", "-1", ...
    pub protocol: String,
    /// The first port, where the protocol has ports.
    pub from_port: Option<i64>,
    /// The last port.
    pub to_port: Option<i64>,
    /// Who.
    pub peer: Peer,
    /// In words.
    pub description: Option<String>,
}

/// The other side of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// Addresses.
    Ipv4(String),
    /// IPv6 addresses.
    Ipv6(String),
    /// The members of a security group.
    Group(String),
    /// A prefix list.
    PrefixList(String),
}

/// A security group.
#[derive(Clone, Debug)]
pub struct SecurityGroup {
    /// `sg-...`
    pub id: String,
    /// Unique in its VPC.
    pub name: String,
    /// In words.
    pub description: String,
    /// Its VPC.
    pub vpc: String,
    /// What may come in.
    pub ingress: Vec<Permission>,
    /// What may go out.
    pub egress: Vec<Permission>,
    /// Its tags.
    pub tags: Tags,
}

impl Permission {
    /// All protocols, to and from everywhere: what a new group lets out.
    pub(super) fn everything() -> Self {
        Self {
            protocol: "-1".to_owned(),
            from_port: None,
            to_port: None,
            peer: Peer::Ipv4("0.0.0.0/0".to_owned()),
            description: None,
        }
    }

    /// Whether two rules say the same, whatever their descriptions.
    pub fn is_same(&self, other: &Self) -> bool {
        self.protocol == other.protocol
            && self.from_port == other.from_port
            && self.to_port == other.to_port
            && self.peer == other.peer
    }

    /// The rule as EC2's errors put it.
    fn in_words(&self) -> String {
        let peer = match &self.peer {
            Peer::Ipv4(text) | Peer::Ipv6(text) | Peer::Group(text) | Peer::PrefixList(text) => {
                text
            }
        };
        let protocol = match self.protocol.as_str() {
            "-1" => "ALL".to_owned(),
            name => name.to_uppercase(),
        };
        match (self.from_port, self.to_port) {
            (Some(from), Some(to)) => {
                format!("peer: {peer}, {protocol}, from port: {from}, to port: {to}, ALLOW")
            }
            _ => format!("peer: {peer}, {protocol}, ALLOW"),
        }
    }
}

impl SecurityGroup {
    pub(super) fn new(id: &str, name: &str, vpc: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            description: String::new(),
            vpc: vpc.to_owned(),
            ingress: Vec::new(),
            egress: vec![Permission::everything()],
            tags: Tags::new(),
        }
    }
}

impl Subnet {
    /// A zone's default subnet.
    pub(super) fn default_of(zone: char, id: String, vpc: &str, prefix: [u8; 3]) -> Self {
        Self {
            id,
            vpc: vpc.to_owned(),
            prefix,
            zone,
            is_default: true,
            gives_public_address: true,
            tags: Tags::new(),
            next_host: 0,
        }
    }

    /// Its addresses.
    pub fn cidr(&self) -> String {
        let [a, b, c] = self.prefix;
        format!("{a}.{b}.{c}.0/20")
    }

    /// How many addresses are left, of the 4,091 that AWS leaves of a /20.
    pub fn free_addresses(&self) -> u16 {
        4091 - self.next_host.min(4091)
    }

    /// Takes all addresses but so many, as if others had them.
    pub fn leave_addresses(&mut self, left: u16) {
        self.next_host = 4091 - left.min(4091);
    }

    /// The next free address: AWS keeps the first four.
    pub(super) fn take_address(&mut self) -> String {
        let host = self.next_host + 4;
        self.next_host += 1;
        let [a, b, c] = self.prefix;
        format!("{a}.{b}.{}.{}", u16::from(c) + host / 256, host % 256)
    }
}

/// A zone's name.
pub fn zone_name(account: &Account, zone: char) -> String {
    format!("{}{zone}", account.region)
}

/// The zones of the region, by their letters.
pub const ZONES: [char; 3] = ['a', 'b', 'c'];

/// A VPC that must exist.
pub fn vpc<'a>(account: &'a Account, id: &str) -> Result<&'a Vpc, ApiError> {
    account.ec2.vpcs.get(id).ok_or_else(|| {
        ApiError::refused(
            "InvalidVpcID.NotFound",
            &format!("The vpc ID '{id}' does not exist"),
        )
    })
}

/// A subnet that must exist.
pub fn subnet<'a>(account: &'a Account, id: &str) -> Result<&'a Subnet, ApiError> {
    account.ec2.subnets.get(id).ok_or_else(|| {
        ApiError::refused(
            "InvalidSubnetID.NotFound",
            &format!("The subnet ID '{id}' does not exist"),
        )
    })
}

/// A security group that must exist, and be seen by whoever looks for it.
pub fn security_group<'a>(
    account: &'a mut Account,
    eye: Eye,
    id: &str,
) -> Result<&'a mut SecurityGroup, ApiError> {
    super::check_id(id, "sg", "InvalidGroupId.Malformed")?;
    if !account.sees(eye, id) {
        return Err(group_not_found(id));
    }
    account
        .ec2
        .security_groups
        .get_mut(id)
        .ok_or_else(|| group_not_found(id))
}

/// What EC2 says of a security group that it has not, or does not see, by id or name.
pub fn group_not_found(id: &str) -> ApiError {
    ApiError::refused(
        "InvalidGroup.NotFound",
        &format!("The security group '{id}' does not exist"),
    )
}

/// Makes a security group.
pub fn create_security_group(
    account: &mut Account,
    name: &str,
    description: &str,
    vpc_id: &str,
    tags: Tags,
) -> Result<String, ApiError> {
    vpc(account, vpc_id)?;
    if name == "default" || name.starts_with("sg-") {
        return Err(ApiError::refused(
            "InvalidParameterValue",
            &format!("Cannot use reserved security group name: {name}"),
        ));
    }
    let taken = account
        .ec2
        .security_groups
        .values()
        .any(|group| group.vpc == vpc_id && group.name == name);
    if taken {
        return Err(ApiError::refused(
            "InvalidGroup.Duplicate",
            &format!("The security group '{name}' already exists for VPC '{vpc_id}'"),
        ));
    }
    let id = account.resource_id("sg");
    let mut group = SecurityGroup::new(&id, name, vpc_id);
    group.description = description.to_owned();
    group.tags = tags;
    account.ec2.security_groups.insert(id.clone(), group);
    let eyes = [Eye::Describe, Eye::Change, Eye::Launch, Eye::LoadBalancing];
    account.hide(&id, &eyes, account.pace.ec2_visibility);
    Ok(id)
}

/// Which way a rule lets traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// In.
    Ingress,
    /// Out.
    Egress,
}

fn rules(group: &mut SecurityGroup, direction: Direction) -> &mut Vec<Permission> {
    match direction {
        Direction::Ingress => &mut group.ingress,
        Direction::Egress => &mut group.egress,
    }
}

/// Adds rules; all or none.
pub fn authorize(
    account: &mut Account,
    id: &str,
    direction: Direction,
    permissions: Vec<Permission>,
) -> Result<(), ApiError> {
    for permission in &permissions {
        if let Peer::Group(peer) = &permission.peer {
            security_group(account, Eye::Change, peer)?;
        }
    }
    let held = rules(security_group(account, Eye::Change, id)?, direction);
    for permission in &permissions {
        if held.iter().any(|rule| rule.is_same(permission)) {
            return Err(ApiError::refused(
                "InvalidPermission.Duplicate",
                &format!(
                    "the specified rule \"{}\" already exists",
                    permission.in_words()
                ),
            ));
        }
    }
    held.extend(permissions);
    Ok(())
}

/// Takes rules away; all or none.
pub fn revoke(
    account: &mut Account,
    id: &str,
    direction: Direction,
    permissions: &[Permission],
) -> Result<(), ApiError> {
    let held = rules(security_group(account, Eye::Change, id)?, direction);
    for permission in permissions {
        if !held.iter().any(|rule| rule.is_same(permission)) {
            return Err(ApiError::refused(
                "InvalidPermission.NotFound",
                "The specified rule does not exist in this security group.",
            ));
        }
    }
    held.retain(|rule| !permissions.iter().any(|gone| gone.is_same(rule)));
    Ok(())
}

/// Deletes a security group that nothing uses.
pub fn delete_security_group(account: &mut Account, id: &str) -> Result<(), ApiError> {
    let group = security_group(account, Eye::Change, id)?;
    if group.name == "default" {
        return Err(ApiError::refused(
            "CannotDelete",
            &format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user"),
        ));
    }
    let by_instance = account.ec2.instances.values().any(|instance| {
        instance.holds_network() && instance.security_groups.iter().any(|group| group == id)
    });
    let by_rule = account.ec2.security_groups.values().any(|group| {
        group.id != id
            && group
                .ingress
                .iter()
                .chain(&group.egress)
                .any(|rule| rule.peer == Peer::Group(id.to_owned()))
    });
    let mut load_balancers = account.elbv2.load_balancers.values();
    let by_load_balancer =
        load_balancers.any(|held| held.security_groups.iter().any(|group| group == id));
    let now = account.now();
    let leaving = &mut account.elbv2.leaving;
    leaving.retain(|(until, _)| *until > now);
    let by_interface = leaving
        .iter()
        .any(|(_, held)| held.iter().any(|it| it == id));
    if by_instance || by_rule || by_load_balancer || by_interface {
        return Err(ApiError::refused(
            "DependencyViolation",
            &format!("resource {id} has a dependent object"),
        ));
    }
    account.ec2.security_groups.remove(id);
    Ok(())
}
