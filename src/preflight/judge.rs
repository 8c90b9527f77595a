//! What is in the way, from what was seen.
//!
//! Guarantees: pure; what was not seen is no concern.

use super::quota::{self, Limit, Starts};
use super::{Concern, fits};
use crate::aws::ec2::{Ingress, Offered, Subnet};
use crate::aws::elbv2::LoadBalancer;
use crate::aws::quotas::Running;

/// What a release needs of where it runs.
#[derive(Clone, Debug)]
pub(super) struct Needs {
    pub(super) region: String,
    /// The type of the instances, how many, and in which zones their group has subnets.
    pub(super) fleet: (String, i32, Vec<String>),
    /// The builder's type and subnet; none, where nothing is baked.
    pub(super) builder: Option<(String, String)>,
    /// The instances that are ended before the fleet starts.
    pub(super) ending: Vec<String>,
    pub(super) port: u16,
    pub(super) listener_port: u16,
    pub(super) base_image: Option<String>,
}

/// What was seen; what could not be is not there.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) subnets: Vec<Subnet>,
    /// The subnets of the group.
    pub(super) of_group: Vec<String>,
    /// The zones that offer the fleet's type.
    pub(super) zones: Option<Vec<String>>,
    pub(super) types: Vec<Offered>,
    /// Every instance that runs in the region.
    pub(super) running: Option<Vec<Running>>,
    /// How many virtual CPUs may.
    pub(super) limits: Vec<Limit>,
    /// The base image's architecture; `None` within: there is no such image.
    pub(super) base_image: Option<Option<String>>,
    /// What the instances' security group lets in.
    pub(super) ingress: Option<Vec<Ingress>>,
    /// What the load balancer's do.
    pub(super) outside: Option<Vec<Ingress>>,
    pub(super) balancer: Option<LoadBalancer>,
}

/// All of it, what stops a release first.
pub(super) fn judge(needs: &Needs, facts: &Facts) -> Vec<Concern> {
    let mut all = Vec::new();
    addresses(needs, facts, &mut all);
    zones(needs, facts, &mut all);
    if let (Some(base), Some(found)) = (&needs.base_image, &facts.base_image) {
        let builder = needs.builder.iter();
        let builder = builder.map(|(of, _)| ("bake.instance-type", of.as_str()));
        let fleet = ("fleet.instance-type", needs.fleet.0.as_str());
        let on: Vec<_> = builder.chain([fleet]).collect();
        all.extend(fits::image(base, found.as_deref(), &on, &facts.types));
    }
    all.extend(quota(needs, facts));
    way_in(needs, facts, &mut all);
    way_to_the_balancer(needs, facts, &mut all);
    all.sort_by_key(|concern| concern.slows);
    all
}

/// Whether all of it may run.
fn quota(needs: &Needs, facts: &Facts) -> Vec<Concern> {
    let starts = Starts {
        fleet: (&needs.fleet.0, needs.fleet.1),
        builder: needs.builder.as_ref().map(|(of, _)| of.as_str()),
        ending: &needs.ending,
    };
    let Some(running) = &facts.running else {
        return Vec::new();
    };
    quota::judge(
        &needs.region,
        starts,
        (running, &facts.types),
        &facts.limits,
    )
}

/// Each instance takes an address of its subnet.
fn addresses(needs: &Needs, facts: &Facts, all: &mut Vec<Concern>) {
    let free = |subnet: &Subnet| subnet.free;
    let of_group: Vec<_> = facts
        .subnets
        .iter()
        .filter(|subnet| facts.of_group.contains(&subnet.id))
        .collect();
    let (wanted, sum) = (
        needs.fleet.1,
        of_group.iter().map(|it| free(it)).sum::<i32>(),
    );
    if !of_group.is_empty() && sum < wanted {
        all.push(Concern {
            about: "addresses",
            seen: format!(
                "{} left in {}, and {wanted} instances are to start there",
                match sum {
                    1 => "1 address is".to_owned(),
                    _ => format!("{sum} addresses are"),
                },
                names(&of_group)
            ),
            remedy: "end what uses them, or add a subnet: network.subnets, then provision"
                .to_owned(),
            slows: false,
        });
    }
    let of_builder = needs.builder.as_ref().and_then(|(_, id)| {
        let mut subnets = facts.subnets.iter();
        subnets.find(|subnet| subnet.id == *id && free(subnet) < 1)
    });
    if let Some(subnet) = of_builder {
        all.push(Concern {
            about: "builder's address",
            seen: format!(
                "no address is left in {}, where the builder is to start",
                subnet.id
            ),
            remedy: "end what uses them, or add a subnet: network.subnets, then provision"
                .to_owned(),
            slows: false,
        });
    }
    let empty: Vec<_> = of_group.into_iter().filter(|it| free(it) < 1).collect();
    if !empty.is_empty() && sum >= wanted {
        all.push(Concern {
            about: "addresses",
            seen: format!("no address is left in {}", names(&empty)),
            remedy: "all instances start in the other zones".to_owned(),
            slows: true,
        });
    }
}

/// Where the type is offered, and where the load balancer stands.
fn zones(needs: &Needs, facts: &Facts, all: &mut Vec<Concern>) {
    let (of, _, zones) = &needs.fleet;
    let offered = facts.zones.as_ref();
    all.extend(offered.and_then(|offered| fits::offered(of, zones, offered)));
    let Some(balancer) = &facts.balancer else {
        return;
    };
    let unserved: Vec<_> = zones
        .iter()
        .filter(|zone| !balancer.zones.contains(zone))
        .map(String::as_str)
        .collect();
    if !unserved.is_empty() {
        all.push(Concern {
            about: "load balancer's zones",
            seen: format!(
                "instances can start in {}, where the load balancer has no subnet: they would get no request, and never be healthy",
                unserved.join(", ")
            ),
            remedy: "give it a subnet there, or take those subnets from the group".to_owned(),
            slows: unserved.len() < zones.len(),
        });
    }
}

/// Whether the load balancer reaches the service's port.
fn way_in(needs: &Needs, facts: &Facts, all: &mut Vec<Concern>) {
    let (Some(ingress), Some(balancer)) = (&facts.ingress, &facts.balancer) else {
        return;
    };
    let is_open = ingress.iter().any(|rule| {
        let by_group = balancer
            .security_groups
            .iter()
            .any(|it| rule.groups.contains(it));
        rule.covers(needs.port) && (by_group || !rule.ranges.is_empty())
    });
    if !is_open {
        all.push(Concern {
            about: "security group",
            seen: format!(
                "nothing lets the load balancer reach port {} of the instances, which would never be healthy",
                needs.port
            ),
            remedy: "provision adds the rule".to_owned(),
            slows: false,
        });
    }
}

/// Whether anybody reaches the load balancer.
fn way_to_the_balancer(needs: &Needs, facts: &Facts, all: &mut Vec<Concern>) {
    let Some(outside) = &facts.outside else {
        return;
    };
    if outside.iter().any(|rule| rule.covers(needs.listener_port)) {
        return;
    }
    all.push(Concern {
        about: "load balancer's group",
        seen: format!(
            "nothing lets anybody reach port {} of the load balancer, this run's own probe among them",
            needs.listener_port
        ),
        remedy: "provision adds the rule".to_owned(),
        slows: false,
    });
}

fn names(subnets: &[&Subnet]) -> String {
    let names: Vec<_> = subnets.iter().map(|subnet| subnet.id.as_str()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(id: &str, zone: &str, free: i32) -> Subnet {
        Subnet {
            id: id.to_owned(),
            zone: zone.to_owned(),
            vpc: "vpc-1".to_owned(),
            free,
            gives_public_address: true,
            owner: String::new(),
        }
    }

    fn offered(name: &str, architecture: &str) -> Offered {
        Offered {
            name: name.to_owned(),
            architectures: vec![architecture.to_owned()],
            vcpus: 2,
        }
    }

    /// Two instances in two zones, baked in the first, and nothing in the way.
    fn well() -> (Needs, Facts) {
        let zones = vec!["a".to_owned(), "b".to_owned()];
        let needs = Needs {
            region: "eu-west-1".to_owned(),
            ending: Vec::new(),
            fleet: ("t3.micro".to_owned(), 2, zones.clone()),
            builder: Some(("t3.small".to_owned(), "subnet-a".to_owned())),
            port: 8080,
            listener_port: 80,
            base_image: Some("ami-1".to_owned()),
        };
        let facts = Facts {
            subnets: vec![subnet("subnet-a", "a", 9), subnet("subnet-b", "b", 9)],
            of_group: vec!["subnet-a".to_owned(), "subnet-b".to_owned()],
            zones: Some(zones.clone()),
            types: vec![offered("t3.micro", "x86_64"), offered("t3.small", "x86_64")],
            running: Some(Vec::new()),
            limits: vec![Limit {
                kind: quota::kind_of("t3.micro").expect("a kind"),
                most: 22,
            }],
            base_image: Some(Some("x86_64".to_owned())),
            ingress: Some(vec![Ingress {
                ports: Some((8080, 8080)),
                groups: vec!["sg-balancer".to_owned()],
                ranges: Vec::new(),
            }]),
            outside: Some(vec![Ingress {
                ports: Some((80, 80)),
                groups: Vec::new(),
                ranges: vec!["0.0.0.0/0".to_owned()],
            }]),
            balancer: Some(LoadBalancer {
                arn: String::new(),
                dns_name: String::new(),
                state: "active".to_owned(),
                zones,
                security_groups: vec!["sg-balancer".to_owned()],
            }),
        };
        (needs, facts)
    }

    /// What is said of it: what it is about, with a tilde where it only slows.
    fn told(change: impl Fn(&mut Needs, &mut Facts)) -> Vec<String> {
        let (mut needs, mut facts) = well();
        change(&mut needs, &mut facts);
        let all = judge(&needs, &facts);
        for concern in &all {
            assert!(!concern.remedy.is_empty() && !concern.seen.is_empty());
        }
        let about = |it: &Concern| format!("{}{}", if it.slows { "~" } else { "" }, it.about);
        all.iter().map(about).collect()
    }

    #[test]
    fn each_is_found_by_itself_and_whether_it_stops_a_release() {
        assert_eq!(told(|_, _| {}), [""; 0]);
        assert_eq!(told(|_, facts| facts.subnets[1].free = 0), ["~addresses"]);
        assert_eq!(
            told(|needs, facts| {
                needs.fleet.1 = 10;
                facts.subnets[1].free = 0;
            }),
            ["addresses"]
        );
        assert_eq!(
            told(|_, facts| facts.subnets[0].free = 0),
            ["builder's address", "~addresses"]
        );
        assert_eq!(
            told(|_, facts| facts.zones = Some(vec!["b".to_owned()])),
            ["~instance type"]
        );
        assert_eq!(
            told(|_, facts| facts.zones = Some(Vec::new())),
            ["instance type"]
        );
        let of = |facts: &mut Facts, zones: &[&str]| {
            let balancer = facts.balancer.as_mut().expect("one");
            balancer.zones = zones.iter().map(|it| (*it).to_owned()).collect();
        };
        assert_eq!(
            told(|_, facts| of(facts, &["a"])),
            ["~load balancer's zones"]
        );
        assert_eq!(
            told(|_, facts| of(facts, &["c"])),
            ["load balancer's zones"]
        );
        assert_eq!(
            told(|_, facts| facts.base_image = Some(None)),
            ["base image"]
        );
        assert_eq!(
            told(|_, facts| facts.base_image = Some(Some("arm64".to_owned()))),
            ["architecture", "architecture"]
        );
        assert_eq!(told(|_, facts| facts.limits[0].most = 5), ["~vCPU quota"]);
        assert_eq!(told(|_, facts| facts.limits[0].most = 3), ["vCPU quota"]);
        assert_eq!(told(|needs, _| needs.port = 9090), ["security group"]);
        assert_eq!(
            told(|needs, _| needs.listener_port = 443),
            ["load balancer's group"]
        );
    }

    #[test]
    fn what_may_not_be_looked_at_is_no_concern() {
        let told = told(|_, facts| {
            *facts = Facts {
                of_group: facts.of_group.clone(),
                ..Facts::default()
            };
        });
        assert_eq!(told, [""; 0]);
    }

    #[test]
    fn all_of_it_is_said_at_once_what_stops_a_release_first() {
        let told = told(|needs, facts| {
            needs.port = 9090;
            needs.fleet.1 = 10;
            facts.limits[0].most = 19;
            facts.subnets[0].free = 0;
            facts.zones = Some(vec!["b".to_owned()]);
            facts.base_image = Some(Some("arm64".to_owned()));
            facts.balancer.as_mut().expect("one").zones = vec!["a".to_owned()];
        });
        assert_eq!(
            told,
            [
                "addresses",
                "builder's address",
                "architecture",
                "architecture",
                "vCPU quota",
                "security group",
                "~instance type",
                "~load balancer's zones",
            ]
        );
    }
}
