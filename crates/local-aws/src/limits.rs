//! How much fits: through the line to AWS, into a builder's memory, and into the account's quotas.

/// It. Nothing by itself: each has AWS's own value, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many bytes of a request's body arrive in a second; `None`: all at once.
    pub upload: Option<u64>,
    /// How many bytes `/tmp` holds on an instance: Amazon Linux 2023 has it in memory, half of it.
    pub tmp: u64,
    /// How many virtual CPUs of on-demand instances may run at a time, of each kind of families; `None`: 1,152. A new
    /// account has 5 (<https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html>).
    pub vcpus: Option<u32>,
    /// How many load balancers a region may have
    /// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>).
    pub load_balancers: usize,
    /// How many target groups.
    pub target_groups: usize,
}

/// What nobody has set otherwise: what many accounts have that are not new.
pub(crate) const DEFAULT_VCPUS: u32 = 1152;

impl Limits {
    /// How many virtual CPUs may run.
    pub(crate) fn vcpus(&self) -> u32 {
        self.vcpus.unwrap_or(DEFAULT_VCPUS)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            upload: None,
            // Of the 1 GiB of a t3.micro.
            tmp: 512 * 1024 * 1024,
            vcpus: None,
            load_balancers: 50,
            target_groups: 3000,
        }
    }
}
