//! How many virtual CPUs of on-demand instances may run in a region: a quota for each kind of families
//! (<https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html>).
//!
//! Guarantees: what is told of a quota is what launches are held against.

use super::instances::Lifecycle;
use super::types::vcpus;
use crate::account::Account;

/// A quota: its code and name in Service Quotas, and how the names of its families begin.
#[derive(Debug, PartialEq, Eq)]
pub struct Quota {
    /// `L-1216C47A`
    pub code: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// The letters before a family's generation.
    families: &'static [&'static str],
}

const fn quota(code: &'static str, name: &'static str, families: &'static [&'static str]) -> Quota {
    Quota {
        code,
        name,
        families,
    }
}

/// All of them; the first is that of whatever no other one names.
pub static QUOTAS: [Quota; 10] = [
    quota(
        "L-1216C47A",
        "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
        &["a", "c", "d", "h", "i", "m", "r", "t", "z"],
    ),
    quota("L-6E869C2A", "Running On-Demand DL instances", &["dl"]),
    quota("L-74FC7D96", "Running On-Demand F instances", &["f"]),
    quota(
        "L-DB2E81BA",
        "Running On-Demand G and VT instances",
        &["g", "gr", "vt"],
    ),
    quota("L-F7808C92", "Running On-Demand HPC instances", &["hpc"]),
    quota(
        "L-43DA4232",
        "Running On-Demand High Memory instances",
        &["u"],
    ),
    quota("L-1945791B", "Running On-Demand Inf instances", &["inf"]),
    quota("L-417A185B", "Running On-Demand P instances", &["p"]),
    quota("L-2C3B7624", "Running On-Demand Trn instances", &["trn"]),
    quota("L-7295265B", "Running On-Demand X instances", &["x"]),
];

/// The quota that this type counts against.
pub fn of(instance_type: &str) -> &'static Quota {
    let is_letter = |letter: char| letter.is_ascii_lowercase();
    let rest = instance_type.trim_start_matches(is_letter);
    let family = &instance_type[..instance_type.len() - rest.len()];
    let named = QUOTAS.iter().find(|quota| quota.families.contains(&family));
    named.unwrap_or(&QUOTAS[0])
}

/// What runs now of what counts against it.
pub(super) fn used(account: &Account, quota: &Quota) -> u32 {
    let all = account.ec2.instances.values();
    let runs = |state: Lifecycle| matches!(state, Lifecycle::Pending | Lifecycle::Running);
    let counted = all.filter(|it| runs(it.state) && of(&it.instance_type) == quota);
    counted.map(|it| vcpus(&it.instance_type)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_counts_against_the_quota_of_its_kind() {
        for (name, code) in [
            ("t3.micro", "L-1216C47A"),
            ("im4gn.large", "L-1216C47A"),
            ("c7gn.large", "L-1216C47A"),
            ("g5.xlarge", "L-DB2E81BA"),
            ("p5.48xlarge", "L-417A185B"),
            ("inf2.xlarge", "L-1945791B"),
            ("u-6tb1.metal", "L-43DA4232"),
            ("x2gd.large", "L-7295265B"),
        ] {
            assert_eq!(of(name).code, code, "{name}");
        }
        assert_eq!([vcpus("t3.xlarge"), vcpus("m7i.24xlarge")], [4, 96]);
    }
}
