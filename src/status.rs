//! Who serves what now, what a rollback would do, and signs of a run that did not end. Pure: from what AWS holds.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::config::Config;
use crate::inventory::{Inventory, Stack, release};
use crate::lease::{Hold, Holder, Record};
use crate::names::{Colour, Release, Weights, roughly, utc};
use crate::plan::{Decision, Draw, Plan, is_frozen, preconditions};

/// How things stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Status {
    /// The app.
    pub app: String,
    /// The environment.
    pub environment: String,
    /// Where live traffic is answered.
    pub url: Option<String>,
    /// Both colours, or those that exist.
    pub colours: Vec<OfColour>,
    /// Whose turn it is, if a run holds the lease.
    pub held_by: Option<String>,
    /// Why releases are on hold, if they are.
    pub hold: Option<String>,
    /// Signs of a run that did not end, and what to type.
    pub unfinished: Vec<String>,
    /// What `rollback` would do now.
    pub rollback: Rollback,
}

/// How a colour stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
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
    /// The same, with what the lease says; what can't be read of it is a sign.
    pub fn with_lease(mut self, lease: Result<Option<Record>, String>) -> Self {
        match lease {
            Ok(Some(record)) => {
                self.held_by = record.holder.as_ref().map(Holder::words);
                self.hold = record.hold.as_ref().map(Hold::words);
                if record.holder.is_none() && record.run.is_some() {
                    self.unfinished.push(
                        "a run did not come to its end; the next one brings it there".to_owned(),
                    );
                }
            }
            Ok(None) => {}
            Err(why) => self.unfinished.push(why),
        }
        self
    }

    /// How things stand; `None` when nothing is provisioned. `bakes` are automations of the app that are under way.
    pub fn of(
        config: &Config,
        inventory: &Inventory,
        bakes: &[String],
        now: SystemTime,
        draw: &Draw,
    ) -> Option<Self> {
        if inventory.load_balancer.is_none() && inventory.stacks.is_empty() {
            return None;
        }
        Some(Self {
            app: config.app.clone(),
            environment: config.environment.clone(),
            url: preconditions::url(config, inventory),
            colours: colours(inventory, now),
            held_by: None,
            hold: None,
            unfinished: unfinished(config, inventory, bakes),
            rollback: match Plan::go_back(config, inventory, None, draw) {
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
        let mut text = format!("{} in {}", self.app, self.environment);
        if let Some(url) = &self.url {
            let _ = write!(text, ", at {url}");
        }
        text.push('\n');
        for colour in &self.colours {
            let _ = writeln!(text, "{}", colour.line());
        }
        if let Some(holder) = &self.held_by {
            let _ = writeln!(text, "\nunder way: {holder}");
        }
        if let Some(hold) = &self.hold {
            let _ = writeln!(
                text,
                "\nreleases are on hold: {hold}; bg-deploy release-hold --environment {} lets them go on",
                self.environment
            );
        }
        match &self.rollback {
            Rollback::Possible { to, how } => {
                let _ = writeln!(
                    text,
                    "\nbg-deploy rollback --environment {} would go back to {to}: {how}",
                    self.environment
                );
            }
            Rollback::Refused { reason } => {
                let reason = reason.replace('\n', "\n  ");
                let _ = writeln!(text, "\nno rollback now: {reason}");
            }
        }
        for sign in &self.unfinished {
            let _ = write!(text, "\nunfinished: {sign}");
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

/// Signs of a run that was interrupted, or is under way.
fn unfinished(config: &Config, inventory: &Inventory, bakes: &[String]) -> Vec<String> {
    let finish = format!(
        "if no run is under way: bg-deploy finish --environment {}",
        config.environment
    );
    let mut signs = Vec::new();
    if let Some(weights) = inventory.weights()
        && weights.live().is_none()
    {
        signs.push(format!(
            "the traffic is divided ({weights}), as in the middle of a shift; {finish}"
        ));
    }
    for (colour, stack) in &inventory.stacks {
        if stack.is_up() && is_frozen(&stack.group) {
            signs.push(format!(
                "{colour} has its scaling frozen, as only a run leaves it; {finish}"
            ));
        }
        signs.extend(
            inventory
                .weights()
                .and_then(|weights| scale_in(*colour, stack, weights)),
        );
    }
    for bake in bakes {
        signs.push(format!(
            "a bake of {} is under way, in this or another environment: {bake}; {finish}",
            config.app
        ));
    }
    signs
}

/// A colour that nothing scales in, though nobody is led to it; or one that is to be scaled in, and serves.
fn scale_in(colour: Colour, stack: &Stack, weights: Weights) -> Option<String> {
    match (weights.of(colour), stack.scale_in_at) {
        (0, None) if stack.is_up() => Some(format!(
            "{colour} is up without traffic, and nothing scales it in; the next deploy replaces it"
        )),
        (1.., Some(at)) => Some(format!(
            "{colour} was to be scaled in at {}, and serves again: it is left alone for as long as it serves; the next \
             deploy takes the scale-in back",
            utc(at)
        )),
        _ => None,
    }
}

/// How a rollback would go, in the plan's own words.
fn how(plan: &Plan) -> String {
    let (how, why) = plan.way_back();
    format!("{how}; {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(colour: Colour, role: &'static str, wanted: i32) -> OfColour {
        OfColour {
            colour,
            role,
            release: Some(Release("1.4.2".into())),
            weight: Some(if role == "live" { 100 } else { 0 }),
            healthy: 2,
            wanted,
            retained_until: None,
            retained_for: None,
        }
    }

    #[test]
    fn a_status_says_who_serves_what_is_kept_and_what_a_rollback_would_do() {
        let mut idle = colour(Colour::Green, "idle", 2);
        idle.release = Some(Release("1.4.1".into()));
        idle.retained_for = Some("2026-11-21T14:05:00Z (in 43m)".into());
        let mut status = Status {
            app: "hello".into(),
            environment: "prod".into(),
            url: Some("http://hello.example".into()),
            colours: vec![colour(Colour::Blue, "live", 2), idle],
            held_by: None,
            hold: None,
            unfinished: Vec::new(),
            rollback: Rollback::Possible {
                to: Release("1.4.1".into()),
                how: "nothing is launched; its instances are up".into(),
            },
        };
        assert_eq!(
            status.text(),
            "hello in prod, at http://hello.example\n  \
             blue  live    1.4.2  2 of 2 instances healthy, 100 % of the traffic\n  \
             green idle    1.4.1  2 of 2 instances healthy, 0 % of the traffic, kept until 2026-11-21T14:05:00Z (in 43m)\n\n\
             bg-deploy rollback --environment prod would go back to 1.4.1: nothing is launched; its instances are up"
        );
        status.colours[1] = colour(Colour::Green, "idle", 0);
        status.rollback = Rollback::Refused {
            reason: "nothing\nto type".into(),
        };
        status.unfinished = vec!["green has its scaling frozen".into()];
        assert_eq!(
            status.text(),
            "hello in prod, at http://hello.example\n  \
             blue  live    1.4.2  2 of 2 instances healthy, 100 % of the traffic\n  \
             green idle    no instances  (the last was 1.4.2), 0 % of the traffic\n\n\
             no rollback now: nothing\n  to type\n\n\
             unfinished: green has its scaling frozen"
        );
    }

    #[test]
    fn what_is_due_is_said_to_be() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(600);
        assert_eq!(
            until(at, SystemTime::UNIX_EPOCH),
            "1970-01-01T00:10:00Z (in 10m)"
        );
        assert_eq!(
            until(at, at + Duration::from_secs(1)),
            "1970-01-01T00:10:00Z (due)"
        );
    }

    #[test]
    fn whose_turn_it_is_and_a_hold_are_told_and_so_is_a_lease_that_says_nothing() {
        let status = Status {
            app: "hello".into(),
            environment: "prod".into(),
            url: None,
            colours: Vec::new(),
            held_by: None,
            hold: None,
            unfinished: Vec::new(),
            rollback: Rollback::Refused {
                reason: "nothing to go back to".into(),
            },
        };
        let mut record = Record::first().taken_by(Holder {
            command: "deploy".into(),
            release: "1.4.2".into(),
            since: "2026-11-22T10:00:00Z".into(),
            ..Holder::default()
        });
        record.hold = Some(Hold {
            reason: "upgrade".into(),
            by: None,
            since: "2026-11-22T09:00:00Z".into(),
        });
        let text = status.clone().with_lease(Ok(Some(record))).text();
        assert!(text.contains("under way: deploy of 1.4.2, since"), "{text}");
        assert!(text.contains("on hold: \"upgrade\", by somebody"), "{text}");
        let text = status.with_lease(Err("it is empty".into())).text();
        assert!(text.contains("unfinished: it is empty"), "{text}");
    }
}
