//! What there has to be room for: an address in the subnet, and the account's quota.

use super::types::vcpus;
use super::{network, quotas};
use crate::account::{Account, ApiError};

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
    let most = account.limits.vcpus();
    let used = quotas::used(account, quotas::of(instance_type));
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
