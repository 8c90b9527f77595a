//! The one function that waits for AWS.
//!
//! Guarantees: every wait has a deadline, an interval and a cancel token; the last reason it was not ready is in
//! the error and in the progress events.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use crate::aws::error::{ErrorKind, kind};
use crate::aws::lag;
use net_clock::Clock;
use tokio_util::sync::CancellationToken;

/// What one look at the world says about a wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look<T> {
    /// It is so, and this is the value.
    Ready(T),
    /// Not yet; in the user's words, what it is waiting for.
    NotYet(String),
    /// It will never be so: waiting longer is no use.
    Never(String),
}

/// A growing wait looks again after this share of the time it has waited: no wait is found to be over more than so
/// much too late, and a long one costs few looks.
const SHARE: u32 = 25;

/// The bounds of a wait, in the clock's time.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Gives up after this long.
    pub deadline: Duration,
    /// Before the first look: most of the time it is known to take at least.
    pub first: Duration,
    /// Between looks, and between the looks of a streak.
    pub interval: Duration,
    /// What the time between looks that are not ready grows to.
    pub longest: Duration,
    /// How many looks in a row must be ready.
    pub streak: u32,
}

impl Limits {
    /// Looks at once and then every `interval`, for at most `deadline`.
    pub const fn new(deadline: Duration, interval: Duration) -> Self {
        Self {
            deadline,
            first: Duration::ZERO,
            interval,
            longest: interval,
            streak: 1,
        }
    }

    /// Looks less often the longer it has waited, and every `longest` at least.
    pub const fn growing_to(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    /// Sleeps this long before the first look.
    pub const fn first_after(mut self, first: Duration) -> Self {
        self.first = first;
        self
    }

    /// How long to wait for the next look, after this long without the thing.
    fn pause(&self, waited: Duration) -> Duration {
        let longest = self.longest.max(self.interval);
        (waited / SHARE).clamp(self.interval, longest)
    }

    /// Wants this many ready looks in a row.
    pub const fn in_a_row(mut self, streak: u32) -> Self {
        self.streak = streak;
        self
    }
}

/// Why a wait ended without its value.
#[derive(Debug)]
pub enum WaitError {
    /// The deadline passed.
    TimedOut {
        /// What was waited for.
        what: String,
        /// For how long.
        after: Duration,
        /// The last reason it was not ready.
        last: String,
        /// The error of the last look, if it saw nothing: AWS had no time for it, or did not answer.
        unseen: Option<anyhow::Error>,
    },
    /// It can never be ready.
    Never {
        /// What was waited for.
        what: String,
        /// Why not.
        reason: String,
    },
    /// The run was cancelled.
    Cancelled,
    /// The look itself failed.
    Look {
        /// What was waited for.
        what: String,
        /// Why it failed: the source of this error.
        error: anyhow::Error,
    },
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut {
                what,
                after,
                last,
                unseen,
            } => {
                write!(f, "{what}: not after {} s", after.as_secs())?;
                // What the source says is not said twice.
                match unseen {
                    Some(_) => Ok(()),
                    None => write!(f, ": {last}"),
                }
            }
            Self::Never { what, reason } => write!(f, "{what}: {reason}"),
            Self::Cancelled => write!(f, "cancelled"),
            Self::Look { what, .. } => write!(f, "{what}"),
        }
    }
}

impl std::error::Error for WaitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Look { error, .. } => Some(error.as_ref()),
            Self::TimedOut { unseen, .. } => unseen.as_ref().map(AsRef::as_ref),
            Self::Never { .. } | Self::Cancelled => None,
        }
    }
}

/// Whether a look that failed like this has only seen nothing: AWS had no time for it, or did not answer.
fn has_seen_nothing(error: &anyhow::Error) -> bool {
    matches!(kind(error), Some(ErrorKind::Throttled | ErrorKind::Unknown))
}

/// Looks until it is ready, in as many looks in a row as `limits` wants; tells `progress` each new reason why not.
///
/// Cancelling ends it at once, a look under way is dropped: a look must change nothing, unless nobody can cancel it.
/// A look that fails ends the wait, unless AWS had no time for it or did not answer: then it goes on to its deadline.
pub async fn wait_until<T, F, Fut>(
    clock: &Clock,
    cancel: &CancellationToken,
    what: &str,
    limits: Limits,
    progress: impl Fn(&str),
    mut look: F,
) -> Result<T, WaitError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = anyhow::Result<Look<T>>>,
{
    let begun = clock.elapsed();
    let mut last = String::from("not looked at yet");
    let mut in_a_row = 0;
    let mut pause = limits.first;
    loop {
        if !pause.is_zero() {
            tokio::select! {
                () = cancel.cancelled() => return Err(WaitError::Cancelled),
                () = clock.sleep(pause) => {}
            }
        }
        let looked = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(WaitError::Cancelled),
            looked = look() => looked,
        };
        let unseen;
        let looked = match looked {
            Err(error) if has_seen_nothing(&error) => {
                let reason = format!("{error:#}");
                unseen = Some(error);
                Look::NotYet(reason)
            }
            Err(error) => {
                return Err(WaitError::Look {
                    what: what.to_owned(),
                    error,
                });
            }
            Ok(looked) => {
                unseen = None;
                looked
            }
        };
        match looked {
            Look::Ready(value) => {
                in_a_row += 1;
                if in_a_row >= limits.streak.max(1) {
                    return Ok(value);
                }
                pause = limits.interval;
                last = format!("ready {in_a_row} of {} looks in a row", limits.streak);
            }
            Look::NotYet(reason) => {
                in_a_row = 0;
                pause = limits.pause(clock.elapsed().saturating_sub(begun));
                if reason != last {
                    progress(&reason);
                }
                last = reason;
            }
            Look::Never(reason) => {
                return Err(WaitError::Never {
                    what: what.to_owned(),
                    reason,
                });
            }
        }
        let waited = clock.elapsed().saturating_sub(begun);
        if waited >= limits.deadline {
            return Err(WaitError::TimedOut {
                what: what.to_owned(),
                after: waited,
                last,
                unseen,
            });
        }
    }
}

/// Between two calls that may not see what they name: a little at first, as most is seen within a second, and no more than so much.
const BETWEEN: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(5)];

/// Makes a call again while AWS may only not see yet what it names ([`lag`]): for as long as that lasts at most, with the last refusal
/// as the error then.
///
/// A call is never dropped, so it may change something; cancelling ends the pause between two.
pub async fn once_seen<T, F, Fut>(
    clock: &Clock,
    cancel: &CancellationToken,
    progress: impl Fn(&str),
    mut call: F,
) -> anyhow::Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = anyhow::Result<T>>,
{
    let begun = clock.elapsed();
    let mut last = String::new();
    loop {
        let answer = call().await;
        let (refused, said) = match answer {
            Err(error) => match lag::behind(&error) {
                Some(said) => (error, said),
                None => return Err(error),
            },
            Ok(done) => return Ok(done),
        };
        let waited = clock.elapsed().saturating_sub(begun);
        if waited >= lag::LONGEST {
            let words = format!("AWS has said so for {} s", waited.as_secs());
            return Err(refused.context(words));
        }
        if said != last {
            progress(&said);
            last = said;
        }
        let pause = (waited / 4).clamp(BETWEEN[0], BETWEEN[1]);
        tokio::select! {
            () = cancel.cancelled() => return Err(WaitError::Cancelled.into()),
            () = clock.sleep(pause) => {}
        }
    }
}

#[cfg(test)]
mod tests;
