//! From what AWS holds to the plan of a release, or every reason why there is none.

use crate::command_line::Next;
use crate::config::Config;
use crate::inventory::{Bakery, Inventory, Stack};
use crate::names::Release;
use crate::stack::Names;

use super::by_hand::by_hand;
use super::candidate::{BakePreconditions, plan_bake};
use super::preconditions::{Chosen, Preconditions, missing};
use super::{Decision, Draw, Plan, Shift, Source, already_live, is_frozen};

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

    /// Decides a release of which only what comes before the shift is carried out, and undone again.
    ///
    /// What is live already would prove nothing, and what is retained for a rollback is not given up unasked.
    pub fn decide_verification(
        config: &Config,
        inventory: &Inventory,
        release: &Release,
        draw: &Draw,
        discard_previous: bool,
    ) -> Decision {
        match Self::decide(config, inventory, release, draw) {
            Decision::NothingToDo(release) => Decision::Refused(format!(
                "{release} is live already in {}: there is nothing to verify, and a green check would say nothing about \
                 a change; verify a release that is not out yet, with a name of its own (--release)",
                config.environment
            )),
            Decision::Release(plan) if !discard_previous => {
                match in_the_way(config, inventory, &plan) {
                    Some(reason) => Decision::Refused(reason),
                    None => Decision::Release(plan),
                }
            }
            other => other,
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

/// What stands on the idle colour, if a verification would take it away.
fn in_the_way(config: &Config, inventory: &Inventory, plan: &Plan) -> Option<String> {
    let stack = inventory.stacks.get(&plan.idle)?;
    if !stack.is_up() {
        return None;
    }
    let what = match inventory.release_of(plan.idle) {
        Some(release) => release.to_string(),
        None => "something".to_owned(),
    };
    let (idle, environment) = (plan.idle, &config.environment);
    if is_frozen(&stack.group) {
        return Some(format!(
            "{what} is up on {idle}, the idle colour: a run was interrupted, or is still under way; \
             if none is under way, run: {}",
            config.next(Next::Finish)
        ));
    }
    Some(format!(
        "{what} is still up on {idle}, the idle colour, for a rollback in seconds, and verifying {} would take it away\n\
         to give it up, this time: {}\n\
         to never keep one in the environment that pull requests are verified in, in bg-deploy.toml:\n  \
         [environments.{environment}.retain]\n  for = \"0s\"",
        plan.release,
        config.next(Next::VerifyInPlace)
    ))
}
