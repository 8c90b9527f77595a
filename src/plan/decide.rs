//! From what AWS holds to the plan of a release, or every reason why there is none.

use crate::config::Config;
use crate::inventory::{Bakery, Inventory, Stack, VerifyParts};
use crate::names::Release;
use crate::stack::Names;

use super::by_hand::by_hand;
use super::candidate::{BakePreconditions, plan_bake};
use super::preconditions::{Chosen, Preconditions, missing};
use super::{Decision, Draw, Plan, Shift, Source, already_live};

impl Plan {
    /// Decides a release, or why there is none.
    pub fn decide(
        config: &Config,
        inventory: &Inventory,
        release: &Release,
        draw: &Draw,
    ) -> Decision {
        Self::of_artifact(config, inventory, release, draw)
            .unwrap_or_else(|reasons| Decision::Refused(reasons.join("\n")))
    }

    /// Decides a release of which only what comes before the shift is carried out, on the fleet of verifications, and undone again.
    ///
    /// What is live already would prove nothing.
    pub fn decide_verification(
        config: &Config,
        inventory: &Inventory,
        fleet: &Result<VerifyParts, String>,
        release: &Release,
        draw: &Draw,
    ) -> Decision {
        match (Self::decide(config, inventory, release, draw), fleet) {
            (Decision::NothingToDo(release), _) => Decision::Refused(format!(
                "{release} is live already in {}: there is nothing to verify, and a green check would say nothing about \
                 a change; verify a release that is not out yet, with a name of its own (--release)",
                config.environment
            )),
            (Decision::Release(_), Err(why)) => Decision::Refused(why.clone()),
            (Decision::Release(plan), Ok(fleet)) => {
                Decision::Release(Box::new(plan.on_verify_fleet(fleet)))
            }
            (refused, _) => refused,
        }
    }

    /// What stands, as the plan of a run that left it so: the colour that has all the traffic by now is its candidate.
    pub fn as_it_stands(config: &Config, inventory: &Inventory, draw: &Draw) -> Option<Self> {
        let names = Names::new(&config.app, &config.environment);
        let met = Preconditions::find(config, inventory, &names, &[]).ok()?;
        let chosen = Chosen {
            release: inventory.release_of(met.live)?,
            commit: None,
            source: Source::Retained {
                version: inventory.version_of(met.live)?.number,
            },
            desired: met.live_stack.group.capacity.desired,
            shift: Shift::at_once(),
        };
        let met = met.the_other_way_round(inventory)?;
        Some(met.plan(config, inventory, draw, chosen))
    }

    fn of_artifact(
        config: &Config,
        inventory: &Inventory,
        release: &Release,
        draw: &Draw,
    ) -> Result<Decision, Vec<String>> {
        let names = Names::new(&config.app, &config.environment);
        let bakery = inventory.bakery.as_ref();
        let met = Preconditions::find(config, inventory, &names, &absent(bakery))?;
        if inventory.release_of(met.live).as_ref() == Some(release) {
            return already_live::decide(config, inventory, met.live, release);
        }
        if let Some(reason) = by_hand(inventory) {
            return Err(vec![reason]);
        }
        let Some((bakery, for_bake)) =
            bakery.and_then(|bakery| Some((bakery, BakePreconditions::of(bakery)?)))
        else {
            return Err(vec![missing("the parts", config, &names)]);
        };
        let bake = plan_bake(config, inventory, &names, bakery, &for_bake, draw);
        let chosen = Chosen {
            release: release.clone(),
            commit: config.commit.clone(),
            source: Source::Artifact(Box::new(bake)),
            desired: met.live_stack.group.capacity.desired,
            shift: match shares_with_nobody(met.live_stack) {
                true => Shift::unshared(config),
                false => Shift::of(config),
            },
        };
        let plan = met.plan(config, inventory, draw, chosen);
        Ok(Decision::Release(Box::new(plan)))
    }
}

/// Whether whoever were led to live would get nothing: before a first release, or where somebody emptied it.
fn shares_with_nobody(live: &Stack) -> bool {
    !live.is_up() && live.healthy() == 0
}

/// What only a bake needs, and whether it is absent.
fn absent(bakery: Option<&Bakery>) -> [(&'static str, bool); 4] {
    let lacks = |has: fn(&Bakery) -> bool| !bakery.is_some_and(has);
    [
        (
            "bake runbook in its current version",
            lacks(|bakery| bakery.runbook_version.is_some()),
        ),
        ("artifact bucket", lacks(|bakery| bakery.bucket.is_some())),
        ("bake role", lacks(|bakery| bakery.has_role)),
        (
            "builder's security group and subnet",
            lacks(|bakery| bakery.builder.is_some()),
        ),
    ]
}
