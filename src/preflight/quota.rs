//! Whether what is to start fits into the account's quota of virtual CPUs, which a new account has five of.
//!
//! Guarantees: pure; what was not seen is no concern, and what would fit in the order of a run is not said to stop it.

use super::Concern;
use crate::aws::ec2::Offered;
use crate::aws::quotas::Running;
use crate::command_line::aws;

/// A quota of virtual CPUs: its code, its name after "Running On-Demand", and how the names of its families begin
/// (<https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html>).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) code: &'static str,
    name: &'static str,
    families: &'static [&'static str],
}

const fn kind(code: &'static str, name: &'static str, families: &'static [&'static str]) -> Kind {
    Kind {
        code,
        name,
        families,
    }
}

static KINDS: [Kind; 10] = [
    kind(
        "L-1216C47A",
        "Standard (A, C, D, H, I, M, R, T, Z)",
        &["a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"],
    ),
    kind("L-6E869C2A", "DL", &["dl"]),
    kind("L-74FC7D96", "F", &["f"]),
    kind("L-DB2E81BA", "G and VT", &["g", "gr", "vt"]),
    kind("L-F7808C92", "HPC", &["hpc"]),
    kind("L-43DA4232", "High Memory", &["u"]),
    kind("L-1945791B", "Inf", &["inf"]),
    kind("L-417A185B", "P", &["p"]),
    kind("L-2C3B7624", "Trn", &["trn"]),
    kind("L-7295265B", "X", &["x"]),
];

/// The quota that instances of this type count against; `None` for a family that is not known.
pub(crate) fn kind_of(instance_type: &str) -> Option<&'static Kind> {
    let end = instance_type.find(|letter: char| !letter.is_ascii_lowercase())?;
    let family = &instance_type[..end];
    KINDS.iter().find(|kind| kind.families.contains(&family))
}

/// What was seen of one quota.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    pub(crate) kind: &'static Kind,
    /// How many virtual CPUs may run.
    pub(crate) most: u32,
}

/// What is started, and what ends in between.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Starts<'a> {
    /// The type of the instances, and how many; their names in words.
    pub(crate) fleet: (&'a str, i32),
    /// The builder's type: it has ended before the fleet starts.
    pub(crate) builder: Option<&'a str>,
    /// What has ended by then as well: the instances of the group that is emptied first.
    pub(crate) ending: &'a [String],
}

/// How many virtual CPUs of one quota run and start.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    /// What stays.
    stays: u32,
    /// What ends before the fleet starts.
    ends: u32,
    builder: u32,
    fleet: u32,
}

/// What of these quotas is in the way.
pub(crate) fn judge(
    region: &str,
    starts: Starts<'_>,
    (running, types): (&[Running], &[Offered]),
    limits: &[Limit],
) -> Vec<Concern> {
    let vcpus = |of: &str| {
        types
            .iter()
            .find(|it| it.name == of)
            .map_or(0, |it| it.vcpus)
    };
    let mut all = Vec::new();
    for limit in limits {
        let counts = |of: &str| kind_of(of) == Some(limit.kind);
        let mut count = Count::default();
        for one in running.iter().filter(|one| counts(&one.instance_type)) {
            let cpus = vcpus(&one.instance_type);
            match starts.ending.contains(&one.id) {
                true => count.ends += cpus,
                false => count.stays += cpus,
            }
        }
        let (of, instances) = starts.fleet;
        if counts(of) {
            count.fleet = vcpus(of) * u32::try_from(instances).unwrap_or_default();
        }
        if let Some(of) = starts.builder.filter(|of| counts(of)) {
            count.builder = vcpus(of);
        }
        all.extend(concern(region, starts, limit, count));
    }
    all
}

fn concern(region: &str, starts: Starts<'_>, limit: &Limit, count: Count) -> Option<Concern> {
    let Count {
        stays,
        ends,
        builder,
        fleet,
    } = count;
    let Limit { kind, most } = limit;
    let while_baking = match builder {
        0 => 0,
        builder => stays + ends + builder,
    };
    let at_once = stays + builder + fleet;
    let stops = while_baking.max(stays + fleet) > *most;
    if !stops && at_once <= *most {
        return None;
    }
    let mut parts = Vec::new();
    if fleet > 0 {
        let (of, instances) = starts.fleet;
        parts.push(format!("{fleet} more for {instances} {of}"));
    }
    if builder > 0 {
        let of = starts.builder.unwrap_or_default();
        parts.push(format!("{builder} for the builder ({of})"));
    }
    let wanted = at_once.max(while_baking);
    let ask = aws(
        Some(region),
        "service-quotas request-service-quota-increase",
        &format!(
            "--service-code ec2 --quota-code {} --desired-value {wanted}",
            kind.code
        ),
    );
    let seen = format!(
        "{} vCPUs run, this takes {}, and the quota \"Running On-Demand {} instances\" is {most}",
        stays + ends,
        parts.join(" and "),
        kind.name
    );
    Some(match stops {
        true => Concern {
            about: "vCPU quota",
            seen,
            remedy: format!("end instances, or ask AWS for more: {ask}"),
            slows: false,
        },
        false => Concern {
            about: "vCPU quota",
            seen: format!("{seen}: there is room for one after the other"),
            remedy: format!(
                "where AWS counts the builder for longer than it runs, ask for more: {ask}"
            ),
            slows: true,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(all: &[(&str, &str)]) -> Vec<Running> {
        let one = |(id, of): &(&str, &str)| Running {
            id: (*id).to_owned(),
            instance_type: (*of).to_owned(),
        };
        all.iter().map(one).collect()
    }

    fn types() -> Vec<Offered> {
        let one = |(name, vcpus): (&str, u32)| Offered {
            name: name.to_owned(),
            architectures: Vec::new(),
            vcpus,
        };
        [("t3.micro", 2), ("t3.small", 2), ("g5.xlarge", 4)]
            .map(one)
            .into()
    }

    /// Two small ones that run and two to come, a builder before, and this many virtual CPUs.
    fn told(most: u32, ending: &[&str], running: &[Running]) -> Option<Concern> {
        let ending: Vec<_> = ending.iter().map(|&id| id.to_owned()).collect();
        let starts = Starts {
            fleet: ("t3.micro", 2),
            builder: Some("t3.small"),
            ending: &ending,
        };
        let kind = kind_of("t3.micro").expect("a kind");
        let mut all = judge(
            "eu-west-1",
            starts,
            (running, &types()),
            &[Limit { kind, most }],
        );
        all.pop()
    }

    #[test]
    fn what_runs_and_what_is_to_start_is_held_against_the_quota_with_its_numbers() {
        let two = running(&[
            ("i-1", "t3.micro"),
            ("i-2", "t3.micro"),
            ("i-3", "g5.xlarge"),
        ]);
        assert_eq!(told(10, &[], &two), None);
        let slows = told(9, &[], &two).expect("a concern");
        assert!(
            slows.slows && slows.seen.ends_with("one after the other"),
            "{slows}"
        );
        let stops = told(7, &[], &two).expect("a concern");
        assert!(!stops.slows);
        assert_eq!(
            stops.seen,
            "4 vCPUs run, this takes 4 more for 2 t3.micro and 2 for the builder (t3.small), and the quota \"Running On-Demand \
             Standard (A, C, D, H, I, M, R, T, Z) instances\" is 7"
        );
        assert_eq!(
            stops.remedy,
            "end instances, or ask AWS for more: aws service-quotas request-service-quota-increase --region eu-west-1 \
             --service-code ec2 --quota-code L-1216C47A --desired-value 10"
        );
    }

    #[test]
    fn what_is_emptied_before_takes_no_room_from_the_fleet_but_from_the_builder() {
        let four = running(&[
            ("i-1", "t3.micro"),
            ("i-2", "t3.micro"),
            ("i-3", "t3.micro"),
            ("i-4", "t3.micro"),
        ]);
        let emptied = ["i-3", "i-4"];
        assert_eq!(told(10, &emptied, &four), None);
        assert!(
            told(9, &emptied, &four).is_some_and(|it| !it.slows),
            "8 and a builder"
        );
        assert!(told(11, &[], &four).is_some_and(|it| !it.slows), "8 and 4");
    }

    #[test]
    fn a_type_counts_against_the_quota_of_its_family_and_one_of_no_known_family_against_none() {
        for (of, code) in [
            ("t4g.nano", "L-1216C47A"),
            ("im4gn.large", "L-1216C47A"),
            ("g4dn.xlarge", "L-DB2E81BA"),
            ("gr6.4xlarge", "L-DB2E81BA"),
            ("trn1.2xlarge", "L-2C3B7624"),
            ("u-6tb1.metal", "L-43DA4232"),
            ("u7i-12tb.224xlarge", "L-43DA4232"),
        ] {
            assert_eq!(kind_of(of).map(|kind| kind.code), Some(code), "{of}");
        }
        assert_eq!(kind_of("quantum1.large"), None);
    }
}
