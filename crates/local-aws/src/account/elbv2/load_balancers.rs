//! Load balancers: made `provisioning`, `active` after a while, gone when deleted.

use std::collections::BTreeSet;
use std::time::SystemTime;

use super::attributes::Attributes;
use super::{Timed, check_arn, check_name, listeners, not_found, too_many};
use crate::account::elbv2::order::LoadBalancerOrder;
use crate::account::iam::service_linked;
use crate::account::{Account, ApiError, Tags};

/// A load balancer.
#[derive(Clone, Debug)]
pub struct LoadBalancer {
    /// Its ARN.
    pub arn: String,
    /// Unique in the account and region.
    pub name: String,
    /// What its visitors dial: a name, or an address where names are nothing that a visitor could resolve.
    pub dns_name: String,
    /// What it was asked to be.
    pub settings: Settings,
    /// Its subnets, each with its zone.
    pub zones: Vec<Zone>,
    /// Its network.
    pub vpc: String,
    /// Its security groups now.
    pub security_groups: Vec<String>,
    /// Since when it exists.
    pub created: SystemTime,
    /// Whether it is provisioned.
    pub is_active: bool,
    /// Its attributes.
    pub attributes: Attributes,
    /// Its tags.
    pub tags: Tags,
}

/// A subnet of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// The zone's name.
    pub name: String,
    /// The subnet in it.
    pub subnet: String,
}

/// What a load balancer is asked to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `internet-facing` or `internal`.
    pub scheme: String,
    /// `ipv4`: the local cloud has no other addresses.
    pub ip_address_type: String,
    /// Its subnets.
    pub subnets: BTreeSet<String>,
    /// Its security groups.
    pub security_groups: BTreeSet<String>,
}

/// The address of every listener's port.
const LOOPBACK: &str = "127.0.0.1";

/// A load balancer that must exist.
pub fn find<'a>(account: &'a Account, arn: &str) -> Result<&'a LoadBalancer, ApiError> {
    check_arn("load balancer", arn)?;
    let found = account.elbv2.load_balancers.get(arn);
    found.ok_or_else(|| not_found("LoadBalancerNotFound", "load balancers"))
}

fn find_mut<'a>(account: &'a mut Account, arn: &str) -> Result<&'a mut LoadBalancer, ApiError> {
    let found = account.elbv2.load_balancers.get_mut(arn);
    found.ok_or_else(|| not_found("LoadBalancerNotFound", "load balancers"))
}

/// Makes a load balancer; one of the same name and settings is answered again. Answers its ARN.
pub fn create(
    account: &mut Account,
    name: &str,
    settings: Settings,
    tags: Tags,
) -> Result<String, ApiError> {
    check_name("Load balancer", name)?;
    if name.starts_with("internal-") {
        return Err(ApiError::validation(
            "Load balancer name cannot begin with 'internal-'",
        ));
    }
    let mut existing = account.elbv2.load_balancers.values();
    if let Some(existing) = existing.find(|existing| existing.name == name) {
        if existing.settings == settings && existing.tags == tags {
            return Ok(existing.arn.clone());
        }
        return Err(ApiError::refused(
            "DuplicateLoadBalancerName",
            &format!(
                "A load balancer with the same name '{name}' exists, but with different settings"
            ),
        ));
    }
    super::tags::check(&tags)?;
    if account.elbv2.load_balancers.len() >= account.limits.load_balancers {
        return Err(too_many("TooManyLoadBalancers", "load balancers"));
    }
    let (vpc, zones) = zones(account, &settings.subnets)?;
    let security_groups = check_security_groups(account, &vpc, &settings.security_groups)?;
    let number = account.hex16();
    let arn = format!("loadbalancer/app/{name}/{number}");
    let arn = account.arn("elasticloadbalancing", &arn);
    let dns_name = match account.elbv2.has_names {
        true => format!("{name}-{number}.{}.elb.amazonaws.com", account.region),
        false => LOOPBACK.to_owned(),
    };
    service_linked::ensure(account, super::SERVICE);
    account.elbv2.load_balancers.insert(
        arn.clone(),
        LoadBalancer {
            arn: arn.clone(),
            name: name.to_owned(),
            dns_name,
            zones,
            vpc,
            security_groups,
            settings,
            created: account.utc(),
            is_active: false,
            attributes: Attributes::of_load_balancer(),
            tags,
        },
    );
    let delay = account.draw(account.pace.load_balancer_provision);
    let load_balancer = arn.clone();
    account.after(
        delay,
        crate::account::Timed::Elbv2(Timed::Active { load_balancer }),
    );
    Ok(arn)
}

/// The network of subnets, and their zones: two at least, all of one network.
fn zones(account: &Account, subnets: &BTreeSet<String>) -> Result<(String, Vec<Zone>), ApiError> {
    let mut zones = Vec::new();
    let mut vpcs = BTreeSet::new();
    for subnet in subnets {
        let (vpc, name) = super::network::subnet(account, subnet)?;
        vpcs.insert(vpc);
        zones.push(Zone {
            name,
            subnet: subnet.clone(),
        });
    }
    let names: BTreeSet<_> = zones.iter().map(|zone| &zone.name).collect();
    if names.len() < 2 {
        return Err(ApiError::validation(
            "At least two subnets in two different Availability Zones must be specified",
        ));
    }
    if names.len() < zones.len() {
        return Err(ApiError::refused(
            "InvalidConfigurationRequest",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        ));
    }
    match vpcs.pop_first() {
        Some(vpc) if vpcs.is_empty() => Ok((vpc, zones)),
        _ => Err(ApiError::refused(
            "InvalidConfigurationRequest",
            "All subnets must belong to the same VPC",
        )),
    }
}

/// The security groups as they will be held; the network's default one when none is named.
fn check_security_groups(
    account: &Account,
    vpc: &str,
    groups: &BTreeSet<String>,
) -> Result<Vec<String>, ApiError> {
    if let Some(unknown) = groups
        .iter()
        .find(|id| !super::network::has_security_group(account, id))
    {
        return Err(ApiError::refused(
            "InvalidSecurityGroup",
            &format!("The security group '{unknown}' does not exist"),
        ));
    }
    if groups.is_empty() {
        let default = super::network::default_security_group(account, vpc);
        return Ok(default.into_iter().collect());
    }
    Ok(groups.iter().cloned().collect())
}

/// A load balancer is provisioned: its listeners open.
pub(super) fn become_active(account: &mut Account, arn: &str) {
    let Ok(load_balancer) = find_mut(account, arn) else {
        return;
    };
    load_balancer.is_active = true;
    for listener in listeners::of(account, arn) {
        let port = account.elbv2.listeners[&listener].port;
        account.order(LoadBalancerOrder::Open { listener, port });
    }
}

/// Changes attributes; answers all of them.
pub fn modify_attributes(
    account: &mut Account,
    arn: &str,
    changes: &[(String, String)],
) -> Result<Attributes, ApiError> {
    let load_balancer = find_mut(account, arn)?;
    load_balancer.attributes = load_balancer.attributes.with(changes)?;
    Ok(load_balancer.attributes.clone())
}

/// Replaces the security groups.
pub fn set_security_groups(
    account: &mut Account,
    arn: &str,
    groups: BTreeSet<String>,
) -> Result<Vec<String>, ApiError> {
    let vpc = &find(account, arn)?.vpc;
    let held = check_security_groups(account, vpc, &groups)?;
    let load_balancer = find_mut(account, arn)?;
    load_balancer.settings.security_groups = groups;
    load_balancer.security_groups.clone_from(&held);
    Ok(held)
}

/// Replaces the subnets.
pub fn set_subnets(
    account: &mut Account,
    arn: &str,
    subnets: BTreeSet<String>,
) -> Result<Vec<Zone>, ApiError> {
    find(account, arn)?;
    let (vpc, zones) = zones(account, &subnets)?;
    let load_balancer = find_mut(account, arn)?;
    if vpc != load_balancer.vpc {
        return Err(ApiError::refused(
            "InvalidConfigurationRequest",
            "The subnets are not in the VPC of the load balancer",
        ));
    }
    load_balancer.settings.subnets = subnets;
    load_balancer.zones.clone_from(&zones);
    super::health::zones_changed(account, arn);
    Ok(zones)
}

/// Deletes a load balancer with its listeners; one that is not there is deleted already.
pub fn delete(account: &mut Account, arn: &str) -> Result<(), ApiError> {
    check_arn("load balancer", arn)?;
    let Ok(load_balancer) = find(account, arn) else {
        return Ok(());
    };
    if load_balancer.attributes.flag("deletion_protection.enabled") {
        return Err(ApiError::refused(
            "OperationNotPermitted",
            &format!(
                "Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
            ),
        ));
    }
    for listener in listeners::of(account, arn) {
        listeners::remove(account, &listener);
    }
    let gone = account.elbv2.load_balancers.remove(arn);
    let until = account.now() + account.draw(account.pace.interface_release);
    let groups = gone.map(|gone| gone.security_groups).unwrap_or_default();
    account.elbv2.leaving.push((until, groups));
    super::target_groups::refresh_use(account);
    Ok(())
}

/// Why a load balancer's listeners do not listen, when one does not.
pub fn failure(account: &Account, arn: &str) -> Option<String> {
    listeners::of(account, arn)
        .iter()
        .find_map(|listener| account.elbv2.listeners[listener].failure.clone())
}
