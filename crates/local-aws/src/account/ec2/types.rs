//! The instance types that the local cloud knows: what DescribeInstanceTypes tells is what a quota counts.

/// Name, virtual CPUs, memory in MiB.
pub const TYPES: [(&str, u32, u32); 16] = [
    ("c7g.large", 2, 4096),
    ("c7i.large", 2, 4096),
    ("m7g.large", 2, 8192),
    ("m7i.large", 2, 8192),
    ("t3.large", 2, 8192),
    ("t3.medium", 2, 4096),
    ("t3.micro", 2, 1024),
    ("t3.nano", 2, 512),
    ("t3.small", 2, 2048),
    ("t3.xlarge", 4, 16384),
    ("t3a.micro", 2, 1024),
    ("t3a.small", 2, 2048),
    ("t4g.large", 2, 8192),
    ("t4g.medium", 2, 4096),
    ("t4g.micro", 2, 1024),
    ("t4g.small", 2, 2048),
];

/// How many virtual CPUs an instance of this type has; of one that is not listed, what most of its size have.
pub(super) fn vcpus(instance_type: &str) -> u32 {
    let mut known = TYPES.iter();
    if let Some((_, vcpus, _)) = known.find(|(name, ..)| *name == instance_type) {
        return *vcpus;
    }
    let size = instance_type.split('.').nth(1).unwrap_or_default();
    match size.strip_suffix("xlarge").map(str::parse::<u32>) {
        Some(Ok(times)) => times.saturating_mul(4),
        Some(Err(_)) => 4,
        None => 2,
    }
}
