//! What load balancers ask of EC2: the zone of a subnet, whether a security group exists, where an instance answers.

use crate::account::ec2::instances::Lifecycle;
use crate::account::ec2::network;
use crate::account::lag::Eye;
use crate::account::{Account, ApiError, ec2};

/// How a target is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// Its app listens at this local port.
    Port(u16),
    /// The machine is up and nothing listens: a connection is refused.
    Refuses,
    /// The machine is gone: packets to it get no answer at all.
    Silent,
}

/// Where an instance is reached now.
pub fn address(account: &Account, instance: &str) -> Address {
    #[cfg(test)]
    if let Some(fake) = account.elbv2.fakes.get(instance) {
        return *fake;
    }
    let found = account.ec2.instances.get(instance);
    match found.map(|found| (found.state, found.app_port)) {
        Some((Lifecycle::Stopped | Lifecycle::Terminated | Lifecycle::Pending, _)) | None => {
            Address::Silent
        }
        Some((_, Some(port))) => Address::Port(port),
        Some((_, None)) => Address::Refuses,
    }
}

/// Whether an instance is `running`: only such a one can be registered.
pub(super) fn is_running(account: &Account, instance: &str) -> bool {
    #[cfg(test)]
    if let Some(fake) = account.elbv2.fakes.get(instance) {
        return *fake != Address::Silent;
    }
    ec2::is_running(account, instance)
}

/// AWS's word for the state of an instance that does not run.
pub(super) fn state_in_words(account: &Account, instance: &str) -> &'static str {
    let found = account.ec2.instances.get(instance);
    match found.map(|found| found.state) {
        Some(Lifecycle::Stopping | Lifecycle::Stopped) => "stopped",
        _ => "terminated",
    }
}

/// The zone of an instance, if there is such an instance.
pub(super) fn zone_of(account: &Account, instance: &str) -> Option<String> {
    let instance = account.ec2.instances.get(instance)?;
    let subnet = network::subnet(account, &instance.subnet).ok()?;
    Some(network::zone_name(account, subnet.zone))
}

/// The network and the zone of a subnet.
pub(super) fn subnet(account: &Account, id: &str) -> Result<(String, String), ApiError> {
    let found = network::subnet(account, id).map_err(|error| ApiError {
        code: "SubnetNotFound".to_owned(),
        ..error
    })?;
    Ok((found.vpc.clone(), network::zone_name(account, found.zone)))
}

/// Refuses a network that does not exist.
pub(super) fn check_vpc(account: &Account, id: &str) -> Result<(), ApiError> {
    network::vpc(account, id)
        .map(|_| ())
        .map_err(|error| ApiError::validation(&error.message))
}

/// Whether a security group exists, and is seen here.
pub(super) fn has_security_group(account: &Account, id: &str) -> bool {
    account.ec2.security_groups.contains_key(id) && account.sees(Eye::LoadBalancing, id)
}

/// The default security group of a network.
pub(super) fn default_security_group(account: &Account, vpc: &str) -> Option<String> {
    let mut groups = account.ec2.security_groups.values();
    groups
        .find(|group| group.vpc == vpc && group.name == "default")
        .map(|group| group.id.clone())
}
