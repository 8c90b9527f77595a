//! How much fits: through the line to AWS, into a builder's memory, and into the account's quotas.

/// It. Nothing by itself: each has AWS's own value, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many bytes of a request's body arrive in a second; `None`: all at once.
    pub upload: Option<u64>,
    /// How many bytes `/tmp` holds on an instance: Amazon Linux 2023 has it in memory, half of it.
    pub tmp: u64,
    /// How many virtual CPUs of on-demand instances may run at a time; `None`: any number. A new account has 5
    /// (<https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html>).
    pub vcpus: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            upload: None,
            // Of the 1 GiB of a t3.micro.
            tmp: 512 * 1024 * 1024,
            vcpus: None,
        }
    }
}
