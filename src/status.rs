//! Who serves what now, what a rollback would do, and what is left over. Pure: from what AWS holds.

mod condition;

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use serde::Serialize;

use crate::aws::ssm::Listed;
use crate::command_line::{CommandLine, Next};
use crate::config::Config;
use crate::doctor::{Finding, Turn, of_standing};
use crate::guard::FIRES_AFTER;
use crate::inventory::{Inventory, release};
use crate::lease::{Done, Hold, Holder, Record};
use crate::names::{Colour, Release, roughly, utc};
use crate::plan::{Decision, Draw, Plan, preconditions};
use crate::runbook::{TRY_ROLE, WAIT};
use crate::stack::Names;
use crate::standing::Standing;

pub use condition::Condition;

/// How things stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// All of it in a word.
    pub condition: Condition,
    /// The app.
    pub app: String,
    /// The environment.
    pub environment: String,
    /// How a command is typed that means the same.
    #[serde(skip)]
    pub command_line: CommandLine,
    /// Where live traffic is answered.
    pub url: Option<String>,
    /// Both colours, or those that exist.
    pub colours: Vec<OfColour>,
    /// Whose turn it is, if a run holds the lease.
    pub held_by: Option<String>,
    /// Why releases are on hold, if they are.
    pub hold: Option<String>,
    /// What brings the traffic back if the run vanishes, or has.
    pub guard: Option<Guard>,
    /// What is left over, what has drifted, and what to type: `doctor` looks at more.
    pub findings: Vec<Finding>,
    /// What `rollback` would do now.
    pub rollback: Rollback,
}

/// How a colour stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfColour {
    /// The colour.
    pub colour: Colour,
    /// `live`, `idle`, or `divided` when both have traffic.
    pub role: &'static str,
    /// The release that its instances are, or would be.
    pub release: Option<Release>,
    /// Its share of the traffic, in percent.
    pub weight: Option<u16>,
    /// Instances that are healthy.
    pub healthy: u32,
    /// Instances that are wanted.
    pub wanted: i32,
    /// When AWS is to scale it in, while it has no traffic.
    pub retained_until: Option<String>,
    /// The same, for people.
    #[serde(skip)]
    pub retained_for: Option<String>,
}

/// The guard of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Guard {
    /// It sleeps.
    Armed {
        /// Since when; a run renews it again and again.
        since: String,
        /// When it acts, unless it is renewed.
        fires: String,
        /// The same, for people.
        #[serde(skip)]
        fires_in: String,
    },
    /// Its time has come, and it looks whether to act.
    Acting,
    /// Its time came, and its run had vanished.
    Fired {
        /// When it was done.
        at: String,
    },
}

impl Guard {
    /// The one that was armed last, if any is.
    fn of(guards: &[Listed], now: SystemTime) -> Option<Self> {
        let standing = guards.iter().filter(|guard| !guard.is_ending());
        let last = standing.max_by_key(|guard| guard.started)?;
        let is_waiting = ["", WAIT, TRY_ROLE].contains(&last.current_step.as_str());
        if !is_waiting {
            return Some(Self::Acting);
        }
        let fires = last.started + FIRES_AFTER;
        Some(Self::Armed {
            since: utc(last.started),
            fires: utc(fires),
            fires_in: until(fires, now),
        })
    }

    /// For people.
    pub fn words(&self) -> String {
        match self {
            Self::Armed {
                since, fires_in, ..
            } => format!(
                "armed since {since}; unless its run renews it, it brings the traffic back at {fires_in}"
            ),
            Self::Acting => "its time has come: it is about to bring the traffic back".to_owned(),
            Self::Fired { at } => format!(
                "went off, and was done at {at}: its run had vanished; it brings the traffic back only if the weights are as \
                 that run left them and the previous colour is healthy"
            ),
        }
    }
}

/// What `rollback` would do now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rollback {
    /// Go back.
    Possible {
        /// To this release.
        to: Release,
        /// How.
        how: String,
    },
    /// Refuse.
    Refused {
        /// Why, and what to type.
        reason: String,
    },
}

impl Status {
    /// How things stand; `None` when nothing is provisioned, an error when AWS did not say what it holds.
    pub fn of(
        config: &Config,
        standing: Standing,
        now: SystemTime,
        draw: &Draw,
    ) -> Result<Option<Self>> {
        let record = standing.lease.as_ref().ok().and_then(Option::as_ref);
        let holder = record.and_then(|record| record.holder.as_ref());
        let went_off = standing.fired.as_ref().ok().and_then(Option::as_ref);
        // Nobody renewed its guard for a quarter of an hour: that run is gone, whatever the lease says.
        let is_gone = holder
            .zip(went_off)
            .is_some_and(|(holder, fired)| holder.since < utc(fired.at));
        let held_by = holder.filter(|_| !is_gone).map(Holder::words);
        let hold = record.and_then(|record| record.hold.as_ref().map(Hold::words));
        // Whether it lives is not waited for otherwise: `doctor` does.
        let turn = match (holder, &held_by) {
            (_, Some(holder)) => Turn::UnderWay(holder.clone()),
            (Some(gone), None) => Turn::Gone(gone.words()),
            (None, None) => Turn::Free,
        };
        let runs = record.map(Record::past_runs).unwrap_or_default();
        let findings = of_standing(config, &standing, &turn, now);
        let fired = standing.fired.ok().flatten();
        let went_off = fired.map(|fired| Guard::Fired { at: utc(fired.at) });
        let status = Self::of_inventory(config, &standing.inventory?, &runs, now, draw);
        Ok(status.map(|status| {
            Self {
                held_by,
                hold,
                guard: status.guard.or(went_off),
                findings,
                ..status
            }
            .judged()
        }))
    }

    /// All of it in a line: who serves, or that nobody does.
    pub fn headline(&self) -> String {
        self.condition.words(self)
    }

    fn judged(self) -> Self {
        Self {
            condition: Condition::of(&self),
            ..self
        }
    }

    fn of_inventory(
        config: &Config,
        inventory: &Inventory,
        runs: &[Done],
        now: SystemTime,
        draw: &Draw,
    ) -> Option<Self> {
        let names = Names::new(&config.app, &config.environment);
        let is_absent = inventory.load_balancer.is_none() && inventory.stacks.is_empty();
        if is_absent || inventory.owner_but(&names).is_some() {
            return None;
        }
        Some(Self {
            condition: Condition::Fine,
            app: config.app.clone(),
            environment: config.environment.clone(),
            command_line: config.command_line.clone(),
            url: preconditions::url(config, inventory),
            colours: colours(inventory, now),
            held_by: None,
            hold: None,
            guard: Guard::of(&inventory.automations.guards, now),
            findings: Vec::new(),
            rollback: match Plan::go_back(config, inventory, runs, None, draw) {
                Decision::Release(plan) => Rollback::Possible {
                    to: plan.release.clone(),
                    how: how(&plan),
                },
                Decision::NothingToDo(release) => Rollback::Refused {
                    reason: format!("{release} is live already"),
                },
                Decision::Refused(reason) => Rollback::Refused { reason },
            },
        })
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{} in {}: {}\n",
            self.app,
            self.environment,
            self.condition.words(self)
        );
        if let Some(url) = &self.url {
            let _ = writeln!(text, "  at {url}");
        }
        for colour in &self.colours {
            let _ = writeln!(text, "{}", colour.line());
        }
        if let Some(holder) = &self.held_by {
            let _ = writeln!(
                text,
                "\nunder way: {holder}\n  whether it lives: {}",
                self.command_line.of(Next::Doctor)
            );
        }
        if let Some(guard) = &self.guard {
            let _ = writeln!(text, "\nguard: {}", guard.words());
        }
        if let Some(hold) = &self.hold {
            let _ = writeln!(
                text,
                "\nreleases are on hold: {hold}; to let them go on: {}",
                self.command_line.of(Next::ReleaseHold)
            );
        }
        match &self.rollback {
            Rollback::Possible { to, how } => {
                let _ = writeln!(
                    text,
                    "\na rollback would go back to {to}: {how}\n  {}",
                    self.command_line.of(Next::Rollback)
                );
            }
            Rollback::Refused { reason } => {
                let reason = reason.replace('\n', "\n  ");
                let _ = writeln!(text, "\nno rollback now: {reason}");
            }
        }
        for finding in &self.findings {
            let _ = write!(
                text,
                "\n{}: {}\n  > {}",
                finding.severity.words(),
                finding.seen.replace('\n', "\n  "),
                finding.remedy
            );
        }
        text.trim_end().to_owned()
    }
}

impl OfColour {
    fn line(&self) -> String {
        let release = match &self.release {
            Some(release) => release.0.as_str(),
            None => "no release",
        };
        let mut line = format!("  {:<6}{:<8}", self.colour.to_string(), self.role);
        let _ = match self.wanted {
            0 => write!(line, "no instances  (the last was {release})"),
            wanted => write!(
                line,
                "{release}  {} of {wanted} instances healthy",
                self.healthy
            ),
        };
        if self.wanted == 0 && self.release.is_none() {
            line = format!("  {:<6}{:<8}empty", self.colour.to_string(), self.role);
        }
        if let Some(weight) = self.weight {
            let _ = write!(line, ", {weight} % of the traffic");
        }
        if let Some(until) = &self.retained_for {
            let _ = write!(line, ", kept until {until}");
        }
        line
    }
}

fn colours(inventory: &Inventory, now: SystemTime) -> Vec<OfColour> {
    let weights = inventory.weights();
    let of = |colour: Colour| {
        let stack = inventory.stacks.get(&colour)?;
        let idle = weights.is_some_and(|weights| weights.of(colour) == 0);
        let until_at = stack.scale_in_at.filter(|_| idle);
        Some(OfColour {
            colour,
            role: match weights.and_then(|weights| weights.live()) {
                Some(live) if live == colour => "live",
                Some(_) => "idle",
                None => "divided",
            },
            release: inventory.version_of(colour).and_then(release),
            weight: weights.map(|weights| weights.of(colour)),
            healthy: stack.healthy(),
            wanted: stack.group.capacity.desired,
            retained_until: until_at.map(utc),
            retained_for: until_at.map(|at| until(at, now)),
        })
    };
    Colour::BOTH.into_iter().filter_map(of).collect()
}

fn until(at: SystemTime, now: SystemTime) -> String {
    match at.duration_since(now) {
        Ok(left) if left > Duration::ZERO => format!("{} (in {})", utc(at), roughly(left)),
        _ => format!("{} (due)", utc(at)),
    }
}

/// How a rollback would go, in the plan's own words.
fn how(plan: &Plan) -> String {
    let (how, why) = plan.way_back();
    format!("{how}; {why}")
}

#[cfg(test)]
mod tests;
