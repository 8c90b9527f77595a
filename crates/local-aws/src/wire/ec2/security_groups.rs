//! Security groups on the wire.

use super::filters::Filters;
use super::{done, page, tag_list, tags_for};
use crate::account::ec2::default_network;
use crate::account::ec2::network::{self, Direction, Peer, Permission, SecurityGroup};
use crate::account::lag::Eye;
use crate::account::{Account, ApiError};
use crate::wire::node::Node;
use crate::wire::params::Params;

fn show_permission(account: &Account, permission: &Permission) -> Node {
    let mut node = Node::map()
        .put("IpProtocol", &permission.protocol)
        .put_some("FromPort", permission.from_port)
        .put_some("ToPort", permission.to_port);
    let with_description =
        |peer: Node| Node::list([peer.put_some("Description", permission.description.as_ref())]);
    let mut lists = [const { Node::List(Vec::new()) }; 4];
    match &permission.peer {
        Peer::Group(id) => {
            lists[0] = with_description(Node::map().put("UserId", &account.id).put("GroupId", id));
        }
        Peer::Ipv4(cidr) => lists[1] = with_description(Node::map().put("CidrIp", cidr)),
        Peer::Ipv6(cidr) => lists[2] = with_description(Node::map().put("CidrIpv6", cidr)),
        Peer::PrefixList(id) => lists[3] = with_description(Node::map().put("PrefixListId", id)),
    }
    let [groups, ipv4, ipv6, prefixes] = lists;
    node = node.put_as("UserIdGroupPairs", "groups", groups);
    node.put("IpRanges", ipv4)
        .put("Ipv6Ranges", ipv6)
        .put("PrefixListIds", prefixes)
}

/// The groups that are seen.
fn seen(account: &Account, eye: Eye) -> impl Iterator<Item = &SecurityGroup> {
    let all = account.ec2.security_groups.values();
    all.filter(move |group| account.sees(eye, &group.id))
}

fn group_arn(account: &Account, id: &str) -> String {
    account.arn("ec2", &format!("security-group/{id}"))
}

fn show_group(account: &Account, group: &SecurityGroup) -> Node {
    let permissions =
        |rules: &[Permission]| Node::list(rules.iter().map(|rule| show_permission(account, rule)));
    Node::map()
        .put("GroupId", &group.id)
        .put("GroupName", &group.name)
        .put_as("Description", "groupDescription", &group.description)
        .put("VpcId", &group.vpc)
        .put("OwnerId", &account.id)
        .put("SecurityGroupArn", group_arn(account, &group.id))
        .put("IpPermissions", permissions(&group.ingress))
        .put("IpPermissionsEgress", permissions(&group.egress))
        .put_as("Tags", "tagSet", tag_list(&group.tags))
}

pub(super) fn describe_groups(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let ids = params.texts(&["GroupIds", "GroupId"]);
    let names = params.texts(&["GroupNames", "GroupName"]);
    let filters = Filters::read(
        &mut params,
        &[
            "description",
            "group-id",
            "group-name",
            "ip-permission.group-id",
            "owner-id",
            "vpc-id",
        ],
    )?;
    let page = page(&mut params)?;
    params.finish()?;
    for id in &ids {
        network::security_group(account, Eye::Describe, id)?;
    }
    let groups: Vec<_> = seen(account, Eye::Describe).collect();
    if let Some(missing) = names
        .iter()
        .find(|name| !groups.iter().any(|group| group.name == **name))
    {
        return Err(network::group_not_found(missing));
    }
    let found = groups
        .into_iter()
        .filter(|group| ids.is_empty() || ids.contains(&group.id))
        .filter(|group| names.is_empty() || names.contains(&group.name))
        .filter(|group| {
            filters.admit(&group.tags, |name| match name {
                "description" => vec![group.description.clone()],
                "group-id" => vec![group.id.clone()],
                "group-name" => vec![group.name.clone()],
                "owner-id" => vec![account.id.clone()],
                "ip-permission.group-id" => group
                    .ingress
                    .iter()
                    .filter_map(|rule| match &rule.peer {
                        Peer::Group(id) => Some(id.clone()),
                        _ => None,
                    })
                    .collect(),
                _ => vec![group.vpc.clone()],
            })
        })
        .map(|group| show_group(account, group))
        .collect();
    let (found, token) = page.cut(found);
    Ok(Node::map()
        .put_as("SecurityGroups", "securityGroupInfo", Node::List(found))
        .put_some("NextToken", token))
}

pub(super) fn create_group(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = params.required("GroupName")?;
    // The API's Description travels as GroupDescription.
    let description = params
        .text("Description")
        .or_else(|| params.text("GroupDescription"))
        .ok_or_else(|| {
            ApiError::missing("The request must contain the parameter GroupDescription")
        })?;
    let vpc = params.text("VpcId").unwrap_or_else(|| {
        let default = default_network::default_vpc(account);
        default.unwrap_or_default().to_owned()
    });
    let tags = tags_for(&mut params, "security-group")?;
    params.finish()?;
    let id = network::create_security_group(account, &name, &description, &vpc, tags.clone())?;
    let arn = group_arn(account, &id);
    Ok(Node::map()
        .put("GroupId", id)
        .put("SecurityGroupArn", arn)
        .put_as("Tags", "tagSet", tag_list(&tags)))
}

/// Reads `IpPermissions`, and the short form for one rule, as one rule a peer.
fn read_permissions(params: &mut Params) -> Result<Vec<Permission>, ApiError> {
    let mut rules = Vec::new();
    for mut given in params.structures(&["IpPermissions"]) {
        rules.extend(read_permission(&mut given)?);
        given.finish()?;
    }
    if let Some(cidr) = params.text("CidrIp") {
        rules.push(Permission {
            protocol: params.required("IpProtocol")?,
            from_port: params.number("FromPort")?,
            to_port: params.number("ToPort")?,
            peer: Peer::Ipv4(cidr),
            description: None,
        });
    }
    if rules.is_empty() {
        return Err(ApiError::missing(
            "The request must contain the parameter ipPermissions",
        ));
    }
    Ok(rules)
}

/// The names of a list of peers, the member that names one, and the peer it makes.
type PeerKind = (&'static [&'static str], &'static str, fn(String) -> Peer);

fn read_permission(given: &mut Params) -> Result<Vec<Permission>, ApiError> {
    let protocol = given.required("IpProtocol")?;
    let from_port = given.number("FromPort")?;
    let to_port = given.number("ToPort")?;
    let mut peers = Vec::new();
    let kinds: [PeerKind; 4] = [
        (&["IpRanges"], "CidrIp", Peer::Ipv4),
        (&["Ipv6Ranges"], "CidrIpv6", Peer::Ipv6),
        (&["UserIdGroupPairs", "Groups"], "GroupId", Peer::Group),
        (&["PrefixListIds"], "PrefixListId", Peer::PrefixList),
    ];
    for (names, member, peer) in kinds {
        for mut one in given.structures(names) {
            peers.push((peer(one.required(member)?), one.text("Description")));
            one.text("UserId");
            one.finish()?;
        }
    }
    Ok(peers
        .into_iter()
        .map(|(peer, description)| Permission {
            protocol: protocol.clone(),
            from_port: from_port.filter(|_| protocol != "-1"),
            to_port: to_port.filter(|_| protocol != "-1"),
            peer,
            description,
        })
        .collect())
}

/// The group and rules of a call that changes rules.
fn read_change(
    account: &Account,
    params: &mut Params,
) -> Result<(String, Vec<Permission>), ApiError> {
    let rules = read_permissions(params)?;
    let by_name = params.text("GroupName");
    let id = match (params.text("GroupId"), by_name) {
        (Some(id), _) => id,
        (None, Some(name)) => seen(account, Eye::Change)
            .find(|group| group.name == name)
            .map(|group| group.id.clone())
            .ok_or_else(|| network::group_not_found(&name))?,
        (None, None) => {
            return Err(ApiError::missing(
                "The request must contain the parameter groupName or groupId",
            ));
        }
    };
    Ok((id, rules))
}

fn authorize(
    account: &mut Account,
    mut params: Params,
    direction: Direction,
) -> Result<Node, ApiError> {
    let (id, rules) = read_change(account, &mut params)?;
    params.finish()?;
    network::authorize(account, &id, direction, rules.clone())?;
    let shown: Vec<_> = rules
        .iter()
        .map(|rule| {
            let rule_id = account.resource_id("sgr");
            show_rule(account, &id, rule_id, rule, direction)
        })
        .collect();
    Ok(done().put_as(
        "SecurityGroupRules",
        "securityGroupRuleSet",
        Node::List(shown),
    ))
}

fn show_rule(
    account: &Account,
    group: &str,
    rule_id: String,
    rule: &Permission,
    direction: Direction,
) -> Node {
    let node = Node::map()
        .put("SecurityGroupRuleId", rule_id)
        .put("GroupId", group)
        .put("GroupOwnerId", &account.id)
        .put("IsEgress", direction == Direction::Egress)
        .put("IpProtocol", &rule.protocol)
        .put("FromPort", rule.from_port.unwrap_or(-1))
        .put("ToPort", rule.to_port.unwrap_or(-1))
        .put_some("Description", rule.description.as_ref());
    match &rule.peer {
        Peer::Ipv4(cidr) => node.put("CidrIpv4", cidr),
        Peer::Ipv6(cidr) => node.put("CidrIpv6", cidr),
        Peer::PrefixList(id) => node.put("PrefixListId", id),
        Peer::Group(id) => node.put(
            "ReferencedGroupInfo",
            Node::map().put("GroupId", id).put("UserId", &account.id),
        ),
    }
}

fn revoke(
    account: &mut Account,
    mut params: Params,
    direction: Direction,
) -> Result<Node, ApiError> {
    let (id, rules) = read_change(account, &mut params)?;
    params.finish()?;
    network::revoke(account, &id, direction, &rules)?;
    Ok(done())
}

pub(super) fn authorize_ingress(account: &mut Account, params: Params) -> Result<Node, ApiError> {
    authorize(account, params, Direction::Ingress)
}

pub(super) fn authorize_egress(account: &mut Account, params: Params) -> Result<Node, ApiError> {
    authorize(account, params, Direction::Egress)
}

pub(super) fn revoke_ingress(account: &mut Account, params: Params) -> Result<Node, ApiError> {
    revoke(account, params, Direction::Ingress)
}

pub(super) fn revoke_egress(account: &mut Account, params: Params) -> Result<Node, ApiError> {
    revoke(account, params, Direction::Egress)
}

pub(super) fn delete_group(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let id = params.text("GroupId");
    let name = params.text("GroupName");
    params.finish()?;
    let default = default_network::default_vpc(account);
    let id = match (id, name) {
        (Some(id), _) => id,
        (None, Some(name)) => seen(account, Eye::Change)
            .find(|group| group.name == name && Some(group.vpc.as_str()) == default)
            .map(|group| group.id.clone())
            .unwrap_or(name),
        (None, None) => {
            return Err(ApiError::missing(
                "The request must contain the parameter groupName or groupId",
            ));
        }
    };
    network::delete_security_group(account, &id)?;
    Ok(done().put("GroupId", id))
}
