//! How fast the traffic followed the weights: from the first write of the last change to the moment at which the data
//! plane was seen to obey it.
//!
//! Guarantees: pure; nothing is said of weights that were never seen to be obeyed.

use std::time::Duration;

use crate::names::Weights;
use crate::run::event::{Event, Stamped};

/// Reads it out of the events; `None` when the weights that were written last were not seen to be obeyed.
pub(super) fn of(events: &[Stamped]) -> Option<Duration> {
    let mut following = Following::default();
    events.iter().for_each(|stamped| following.read(stamped));
    following.took
}

/// The same as the events come: one figure for it, whoever tells it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Following {
    written: Option<(Weights, Duration)>,
    /// What the last change took, once it was seen.
    pub(super) took: Option<Duration>,
}

impl Following {
    /// Takes the next event in.
    pub(super) fn read(&mut self, stamped: &Stamped) {
        match stamped.event {
            // A repeated write, after a lost reply, does not begin the change anew.
            Event::WeightsWritten { weights }
                if self.written.is_none_or(|(now, _)| now != weights) =>
            {
                self.written = Some((weights, stamped.at));
                self.took = None;
            }
            Event::WeightsSeen { weights } => {
                let begun = self.written.filter(|(now, _)| *now == weights);
                self.took = begun.map(|(_, at)| stamped.at.saturating_sub(at));
            }
            _ => {}
        }
    }

    /// The words for it behind the weights; `None` where they were not written in this run.
    pub(super) fn after(&self) -> Option<String> {
        let took = self.took.map(super::words::latency)?;
        Some(format!("after {took}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Colour;

    fn at(millis: u64, event: Event) -> Stamped {
        Stamped {
            at: Duration::from_millis(millis),
            event,
        }
    }

    fn written(percent: u8) -> Event {
        let weights = Weights::split(Colour::Green, percent);
        Event::WeightsWritten { weights }
    }

    fn seen(percent: u8) -> Event {
        Event::WeightsSeen {
            weights: Weights::split(Colour::Green, percent),
        }
    }

    #[test]
    fn it_counts_from_the_first_write_of_the_last_stage() {
        let mut events = vec![at(0, written(10)), at(900, seen(10))];
        events.extend([
            at(2_000, written(100)),
            at(2_500, written(100)),
            at(4_300, seen(100)),
        ]);
        assert_eq!(of(&events), Some(Duration::from_millis(2_300)));
    }

    #[test]
    fn nothing_is_said_of_weights_that_nobody_saw_obeyed() {
        assert_eq!(of(&[]), None);
        assert_eq!(
            of(&[at(0, written(10)), at(1, seen(10)), at(2, written(100))]),
            None
        );
        assert_eq!(of(&[at(0, seen(100))]), None);
    }
}
