//! What there has to be room for: an address in the subnet, and the account's quota.

use super::instances::Lifecycle;
use super::network;
use crate::account::{Account, ApiError};

/// How many virtual CPUs an instance of this type has.
fn vcpus(instance_type: &str) -> u32 {
    match instance_type.split('.').nth(1) {
        Some("xlarge") => 4,
        _ => 2,
    }
}

/// Refuses a launch for which there is no address in its subnet, or no room in the account's quota.
pub(super) fn check(
    account: &mut Account,
    subnet: &str,
    instance_type: &str,
    count: usize,
) -> Result<(), ApiError> {
    let free = network::subnet(account, subnet)?.free_addresses();
    if usize::from(free) < count {
        return Err(ApiError::refused(
            "InsufficientFreeAddressesInSubnet",
            &format!(
                "There are not enough free addresses in subnet '{subnet}' to satisfy the requested number of instances."
            ),
        ));
    }
    let Some(most) = account.limits.vcpus else {
        return Ok(());
    };
    let all = account.ec2.instances.values();
    let runs = |state: Lifecycle| matches!(state, Lifecycle::Pending | Lifecycle::Running);
    let running = all.filter(|instance| runs(instance.state));
    let used: u32 = running.map(|it| vcpus(&it.instance_type)).sum();
    let wanted = vcpus(instance_type) * u32::try_from(count).unwrap_or(u32::MAX);
    if used.saturating_add(wanted) <= most {
        return Ok(());
    }
    Err(ApiError::refused(
        "VcpuLimitExceeded",
        &format!(
            "You have requested more vCPU capacity than your current vCPU limit of {most} allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit."
        ),
    ))
}
