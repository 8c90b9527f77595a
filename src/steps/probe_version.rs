//! Asks the candidate for its version, often enough that every instance of it answers.
//!
//! A caller outside the VPC can't choose the instance, the load balancer does; so the number of questions is such that
//! an instance is left out with a chance below one in ten thousand, and every answer has to be right. That each
//! instance was started from this very template version and image is known from Auto Scaling.
//!
//! Changes: nothing.

use std::cell::RefCell;

use anyhow::Result;

use super::data_plane::{ROUND, Round, TARGETS, look};
use super::group::tell_healthy;
use super::open_preview::Preview;
use crate::cause::Reason;
use crate::names::{Colour, Release};
use crate::plan::{Plan, Visitor};
use crate::run::context::Context;
use crate::run::event::Zone;
use crate::run::step::{About, Check, Settled};
use crate::run::step_id::StepId;
use crate::run::wait::Look;

/// The chance that an instance is left out, at most.
const MISSED: f64 = 1e-4;

/// The step.
#[derive(Debug)]
pub struct ProbeVersion {
    colour: Option<Colour>,
    instances: usize,
    url: String,
    visitor: Visitor,
    wanted: Release,
    preview: Preview,
}

impl ProbeVersion {
    /// Asks through `preview`.
    pub fn of(plan: &Plan, preview: &Preview) -> Self {
        Self {
            colour: plan.candidate_colour(),
            instances: usize::try_from(plan.capacity.desired).unwrap_or(1),
            url: plan.url.clone(),
            visitor: plan.visitor.clone(),
            wanted: plan.release.clone(),
            preview: preview.clone(),
        }
    }
}

impl Check for ProbeVersion {
    type Output = ();

    const ABOUT: About = About {
        id: StepId::ProbeVersion,
        name: "probe version",
        zone: Zone::Prepare,
        does: "asks the candidate for its version through the preview route until every instance has answered \
               with the wanted release",
        undo: "",
        calls: &[],
        undo_calls: &[],
    };

    async fn check(&self, cx: &Context) -> Result<Settled<()>> {
        let questions = questions(self.instances);
        let wanted = self.wanted.0.as_str();
        let all = RefCell::new(Round::default());
        // A node that knows of no target has not asked the candidate: it is asked again.
        cx.wait(
            Self::ABOUT.name,
            "answers of the candidate",
            TARGETS,
            || async {
                all.take();
                while all.borrow().len() < questions {
                    let next = ROUND.min(questions - all.borrow().len());
                    let headers = self.preview.headers();
                    let round = look(cx, &self.url, &self.visitor, &headers, next).await?;
                    let without = round.without_target();
                    all.borrow_mut().add(round);
                    if without > 0 {
                        return Ok(Look::NotYet(all.borrow().summary()));
                    }
                }
                Ok(Look::Ready(()))
            },
        )
        .await?;
        self.judge(&all.take())?;
        let count = u32::try_from(self.instances).unwrap_or(u32::MAX);
        tell_healthy(cx, self.colour, (count, count), Some(wanted.to_owned()));
        let summary = format!("{questions} of {questions} answers are {wanted}");
        Ok(Settled::done((), summary))
    }
}

impl ProbeVersion {
    fn judge(&self, all: &Round) -> Result<()> {
        let wanted = self.wanted.0.as_str();
        if all.is_all(wanted) {
            return Ok(());
        }
        let reason = match all.has_bad() {
            true => Reason::NoVersion,
            false => Reason::WrongRelease,
        };
        let words = format!(
            "{} of {} answers of {} are {wanted}; the answers: {}",
            all.of(wanted),
            all.len(),
            self.visitor.version_path,
            all.summary()
        );
        Err(reason.because(words).into())
    }
}

/// How many questions it takes until each of `instances` has answered one, but for a chance of [`MISSED`]: an instance
/// is left out by n questions with (1 - 1/instances)^n.
fn questions(instances: usize) -> usize {
    if instances <= 1 {
        return ROUND;
    }
    #[expect(clippy::cast_precision_loss, reason = "a group has few instances")]
    let instances = instances as f64;
    let needed = (MISSED / instances).ln() / (1.0 - 1.0 / instances).ln();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small and positive"
    )]
    let needed = needed.ceil() as usize;
    needed.max(ROUND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_instances_need_more_questions() {
        assert_eq!(questions(1), ROUND);
        assert_eq!(questions(2), ROUND);
        assert_eq!(questions(10), 110);
        let missed = 100.0 * (1.0_f64 - 0.01).powi(i32::try_from(questions(100)).expect("small"));
        assert!(missed <= MISSED, "{missed}");
    }
}
