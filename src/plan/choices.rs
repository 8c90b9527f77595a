//! What a plan chose, for people: what, and why.

use crate::names::human;

use super::{Bake, Plan, Source};

/// One thing that was decided, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What about ("instances").
    pub what: &'static str,
    /// What was chosen ("2").
    pub value: String,
    /// Why ("as many as live has now").
    pub why: String,
}

fn decided(what: &'static str, value: impl Into<String>, why: impl Into<String>) -> Choice {
    Choice {
        what,
        value: value.into(),
        why: why.into(),
    }
}

impl Plan {
    /// What was chosen, for people.
    pub fn choices(&self) -> Vec<Choice> {
        let mut choices = vec![
            decided(
                "account",
                format!("{} in {}", self.account, self.region),
                "the caller's",
            ),
            decided(
                "live colour",
                match &self.previous.release {
                    Some(release) => format!("{} with {release}", self.live),
                    None => format!("{}, empty", self.live),
                },
                "the traffic rule's weights",
            ),
        ];
        choices.extend(match &self.source {
            Source::Artifact(bake) => self.of_a_release(bake),
            _ => self.of_a_way_back(),
        });
        if self.verify_fleet.is_some() {
            // It ends before all that.
            choices.retain(|choice| !["shift", "soak"].contains(&choice.what));
            return choices;
        }
        choices.push(decided(
            "previous colour",
            match self.previous.release {
                Some(_) if self.retain.previous_for.is_zero() => "scaled in at once".to_owned(),
                Some(_) => format!("kept for {}", human(self.retain.previous_for)),
                None => "none".to_owned(),
            },
            "retain.for",
        ));
        choices
    }

    fn of_a_release(&self, bake: &Bake) -> Vec<Choice> {
        let image = match &bake.existing {
            Some(id) => decided(
                "image",
                id,
                "an image of the same recipe stands already: nothing is baked",
            ),
            None => decided(
                "image",
                &bake.image_name,
                "no image of this recipe stands: it is baked",
            ),
        };
        let capacity_why = match self.previous.release {
            Some(_) => "as many as live has now, and not below fleet.min",
            None => "a first release starts with fleet.min",
        };
        let shift = &self.shift;
        let stages: Vec<_> = shift.percents.iter().map(|w| format!("{w} %")).collect();
        let is_empty = self.previous.capacity.desired == 0 && self.previous.healthy == 0;
        vec![
            match &self.verify_fleet {
                Some(fleet) => decided(
                    "candidate",
                    format!("{} on {}", self.release, fleet.group),
                    "a fleet of its own, which no visitor is led to",
                ),
                None => decided(
                    "candidate",
                    format!("{} on {}", self.release, self.idle),
                    "the idle colour",
                ),
            },
            image,
            decided("instances", self.capacity.desired.to_string(), capacity_why),
            match shift.percents.len() {
                _ if is_empty => decided(
                    "shift",
                    "100 % at once",
                    "live has no instance to share with",
                ),
                0..=1 => decided("shift", "100 % at once", "shift.weights"),
                _ => decided(
                    "shift",
                    format!(
                        "{}, each but the last held {}",
                        stages.join(", "),
                        human(shift.hold)
                    ),
                    "shift.weights and shift.hold",
                ),
            },
            decided("soak", human(shift.soak), "shift.soak"),
        ]
    }

    /// How it goes back, and why so.
    pub fn way_back(&self) -> (String, String) {
        match &self.source {
            Source::Retained { version } if self.is_at_hand() => (
                "nothing is launched".to_owned(),
                format!("its instances are up, of template version {version}"),
            ),
            Source::Retained { .. } => (
                format!(
                    "{} more are launched first",
                    self.capacity.desired - self.idle_before.capacity.desired
                ),
                "live has more than it: one colour must be able to carry everything".to_owned(),
            ),
            Source::ScaledIn { version, image } => (
                format!("template version {version} is launched again, as it ran"),
                format!("its instances are gone, its image {image} stands"),
            ),
            Source::Earlier { image, version } => (
                format!("{image} gets a template version with today's settings"),
                format!("it ran with template version {version}, which is not this colour's last"),
            ),
            Source::Artifact(bake) => (bake.image_name.clone(), String::new()),
        }
    }

    fn of_a_way_back(&self) -> Vec<Choice> {
        let (how, why) = self.way_back();
        vec![
            decided(
                "going back to",
                format!("{} on {}", self.release, self.idle),
                "the idle colour",
            ),
            decided("how", how, why),
            decided(
                "instances",
                self.capacity.desired.to_string(),
                "as many as live or the previous colour has, and not below fleet.min",
            ),
            decided(
                "shift",
                "100 % at once, neither held nor soaked",
                "what is live is presumed bad: its failures do not turn the way back around",
            ),
        ]
    }
}
