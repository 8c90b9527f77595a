//! Whether a type is offered where it is to start, and whether an image runs on it.
//!
//! Guarantees: pure.

use super::Concern;
use crate::aws::ec2::Offered;

/// That AWS does not offer this type in some of these zones, where it offers it in others.
pub(crate) fn offered(of: &str, zones: &[String], offered: &[String]) -> Option<Concern> {
    let without: Vec<_> = zones
        .iter()
        .filter(|zone| !offered.contains(zone))
        .map(String::as_str)
        .collect();
    if without.is_empty() {
        return None;
    }
    let stops = without.len() == zones.len();
    Some(Concern {
        about: "instance type",
        seen: format!("AWS does not offer {of} in {}", without.join(", ")),
        remedy: match (stops, offered.is_empty()) {
            (true, true) => "choose another one: fleet.instance-type".to_owned(),
            (true, false) => format!(
                "choose another one (fleet.instance-type), or subnets in {} (network.subnets, then provision)",
                offered.join(", ")
            ),
            (false, _) => "all instances start in the other zones".to_owned(),
        },
        slows: !stops,
    })
}

/// The image to start from by its architecture, `None` where there is no such image; and whether it runs on what it is baked on and
/// what it is to run on: types, each with the key of the file that names it.
pub(crate) fn image(
    base: &str,
    architecture: Option<&str>,
    on: &[(&str, &str)],
    types: &[Offered],
) -> Vec<Concern> {
    let Some(architecture) = architecture else {
        return vec![Concern {
            about: "base image",
            seen: format!("there is no image {base} that this account can use"),
            remedy: "name another one: bake.base-image".to_owned(),
            slows: false,
        }];
    };
    let mut all = Vec::new();
    for (key, of) in on {
        let Some(offered) = types.iter().find(|offered| offered.name == *of) else {
            continue;
        };
        if !offered.architectures.iter().any(|it| it == architecture) {
            all.push(Concern {
                about: "architecture",
                seen: format!(
                    "{base} is for {architecture}, and {of} runs {}",
                    offered.architectures.join(", ")
                ),
                remedy: format!(
                    "choose a type for {architecture} ({key}), or another bake.base-image"
                ),
                slows: false,
            });
        }
    }
    all
}
