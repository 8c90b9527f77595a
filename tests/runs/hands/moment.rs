//! Moments of a run: a person acts as soon as one has come, before AWS has seen the run's next call.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::time::Duration;

use anyhow::Result;
use bg_deploy::plan::Plan;
use bg_deploy::run::event::{Event, Zone};

use super::act::{Act, Cost};
use crate::command::{self, Command, Seen, Told};
use crate::support::World;

/// When a person acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// This step begins.
    Begins(&'static str),
    /// This step has made its first change.
    Changes(&'static str),
    /// The first stage of the shift was seen on the data plane.
    Held,
}

/// A run in which a person had a hand.
pub(super) struct Ran {
    pub(super) plan: Plan,
    pub(super) told: Told,
    /// When the person acted, and what that costs; `None`: the moment never came.
    pub(super) acted: Option<(Duration, Cost)>,
}

/// Counts the calls of the deployer that change something.
fn changes(world: &World) -> usize {
    let account = world.cloud.account();
    let calls = account.calls.iter();
    // What a run writes down for itself changes nothing that serves.
    let own = calls.filter(|call| call.key == "AKIDTEST" && call.service != "s3");
    own.filter(|call| call.is_mutating()).count()
}

/// Looks for a moment.
struct Watching<'a> {
    world: &'a World,
    moment: Moment,
    /// Changes when the step began.
    begun: Option<usize>,
    read: usize,
    /// Nothing turns the run around any more.
    is_finishing: bool,
}

impl Watching<'_> {
    fn has_come(&mut self, events: &[Event]) -> bool {
        let new = &events[self.read..];
        self.read = events.len();
        for event in new {
            match (event, self.moment) {
                (
                    Event::StepBegan { step, zone },
                    Moment::Begins(wanted) | Moment::Changes(wanted),
                ) if step == wanted => {
                    self.begun = Some(changes(self.world));
                    self.is_finishing = *zone == Zone::Finish || step == "disarm guard";
                }
                (Event::WeightsSeen { .. }, Moment::Held) => return true,
                _ => {}
            }
        }
        match (self.moment, self.begun) {
            (Moment::Begins(_), Some(_)) => true,
            (Moment::Changes(_), Some(begun)) => changes(self.world) > begun,
            _ => false,
        }
    }
}

/// Carries out a command, and has a person act in it.
pub(super) async fn run(
    world: &World,
    command: Command<'_>,
    moment: Moment,
    act: Act,
) -> Result<Option<Ran>> {
    let (aws, seen) = (world.aws().await, Seen::default());
    let mut watching = Watching {
        world,
        moment,
        begun: None,
        read: 0,
        is_finishing: false,
    };
    let mut acted = None;
    let told = {
        let mut run = pin!(command::run(world, &aws, command, &seen));
        poll_fn(|task| {
            let polled = run.as_mut().poll(task);
            if acted.is_none()
                && let Some(plan) = &*seen.plan.borrow()
                && watching.has_come(&seen.events.borrow())
            {
                let is_shifting = moment == Moment::Changes("shift traffic");
                let cost = act.carry_out(world, plan, watching.is_finishing, is_shifting);
                acted = Some((world.clock.elapsed(), cost));
            }
            polled
        })
        .await?
    };
    let plan = seen.plan.into_inner();
    Ok(plan.map(|plan| Ran { plan, told, acted }))
}
