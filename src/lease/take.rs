//! Taking the lease: at once when it is free, after its holder's time when that is gone, or from a holder that lives, when a
//! person's rollback may do that.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use net_clock::Clock;
use serde_json::Value;

use super::{Holder, Lease, POLL, Record, TTL};
use crate::aws::Aws;
use crate::aws::error::{ErrorKind, kind};
use crate::aws::lease::{self as object, Place, Written};
use crate::names::roughly;

/// How long the object may not be readable.
const UNREADABLE: Duration = Duration::from_secs(60);
/// Clocks run alike to within this.
const MARGIN: Duration = Duration::from_secs(10);

/// How often one who waits says so.
const TELL_AGAIN: Duration = Duration::from_secs(300);

/// How to wait for a holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// So long at most.
    Waits(Duration),
    /// Until there is a sign of life: it is taken from a holder that is gone, and left to one that lives.
    UntilASign,
    /// Not at all: it is taken from whoever has it.
    Overtakes,
}

impl Patience {
    /// How long it waits.
    fn most(self) -> Duration {
        match self {
            Self::Waits(most) => most,
            // By then its holder is gone, or has given more signs than one that was on its way.
            Self::UntilASign => TTL.saturating_add(MARGIN).saturating_mul(2),
            Self::Overtakes => Duration::ZERO,
        }
    }
}

/// Somebody has it, and was waited for long enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Busy {
    /// Who.
    pub holder: Holder,
    /// How long it was waited for.
    pub waited: Duration,
}

/// What came of it.
#[derive(Debug)]
pub enum Taken {
    /// It is this run's.
    Lease {
        /// It.
        lease: Box<Lease>,
        /// The state of a run that did not come to its end.
        left: Option<Value>,
        /// Whose it was a moment ago, when that one may still live.
        overtaken: Option<Holder>,
    },
    /// It is another's.
    Busy(Busy),
    /// Nothing to put it into: the stack is not provisioned.
    NoBucket,
}

/// What is written there is no lease that this program knows.
#[derive(Debug)]
pub struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}

/// What the object says now; `None` when there is none.
pub async fn read(aws: &Aws, place: &Place) -> Result<Option<(Option<String>, Record)>> {
    match object::read(aws, place).await {
        Ok(None) => Ok(Some((None, Record::first()))),
        Ok(Some(read)) => {
            let record = Record::read(&read.body)
                .map_err(|why| Unreadable(format!("the lease {place} {why}")))?;
            Ok(Some((Some(read.etag), record)))
        }
        Err(error) if error.code == "NoSuchBucket" => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What several looks at the lease tell of its holder.
#[derive(Debug, Default)]
struct Watch {
    /// The state that was seen last, and since when.
    seen: Option<(String, Duration)>,
    /// Whose it was at the first look.
    first: Option<String>,
    /// How often it was seen to change.
    changes: u32,
    /// It has another holder than at first.
    has_moved: bool,
}

impl Watch {
    fn look(&mut self, etag: Option<&str>, record: &Record, now: Duration) {
        let holder = record.holder.as_ref().map(|holder| &holder.id);
        match &self.seen {
            Some((before, _)) if etag == Some(before) => return,
            Some(_) => self.changes += 1,
            None => self.first = holder.cloned(),
        }
        self.has_moved |= holder != self.first.as_ref();
        self.seen = etag.map(|etag| (etag.to_owned(), now));
    }

    /// Whether it has said nothing for a holder's whole time.
    fn is_gone(&self, now: Duration) -> bool {
        let seen = self.seen.as_ref();
        seen.is_some_and(|(_, since)| now.saturating_sub(*since) >= TTL + MARGIN)
    }

    /// Whether it lives beyond doubt: a last write of a process that was killed may come after the first look, and no second
    /// one.
    fn lives(&self) -> bool {
        self.has_moved || self.changes > 1
    }
}

/// Whether whoever holds the lease says nothing for a holder's whole time. Changes nothing; one that lives is seen to with
/// its next beats. A look that fails tells nothing: who can't be seen may live.
pub async fn is_silent(aws: &Aws, clock: &Clock, place: &Place) -> bool {
    let mut watch = Watch::default();
    loop {
        let Ok(Some((Some(etag), record))) = read(aws, place).await else {
            return false;
        };
        let now = clock.elapsed();
        watch.look(Some(&etag), &record, now);
        if watch.lives() || record.holder.is_none() {
            return false;
        }
        if watch.is_gone(now) {
            return true;
        }
        clock.sleep(POLL).await;
    }
}

/// Takes the lease for `holder`, or says who has it. `tell` is told that it is waited for, and for whom: at once, when that is
/// somebody else, and every few minutes.
pub async fn take(
    aws: &Aws,
    clock: &Clock,
    place: &Place,
    holder: &Holder,
    patience: Patience,
    tell: impl Fn(&str),
) -> Result<Taken> {
    let begun = clock.elapsed();
    let mut watch = Watch::default();
    let mut told: Option<(String, Duration)> = None;
    loop {
        let read = match read(aws, place).await {
            Err(error) if is_passing(&error) && clock.elapsed() < begun + UNREADABLE => {
                clock.sleep(POLL).await;
                continue;
            }
            other => other?,
        };
        let Some((etag, record)) = read else {
            return Ok(Taken::NoBucket);
        };
        let now = clock.elapsed();
        watch.look(etag.as_deref(), &record, now);
        let is_gone = watch.is_gone(now);
        let theirs = record.holder.clone();
        let may_take = theirs.is_none() || is_gone || patience == Patience::Overtakes;
        if may_take {
            let next = record.taken_by(holder.clone());
            let written = object::write(aws, place, etag.as_deref(), next.written()).await;
            if let Ok(Written::Held(etag, held)) = written {
                return Ok(Taken::Lease {
                    left: record.run,
                    overtaken: theirs.filter(|_| !is_gone),
                    lease: Box::new(Lease::new(aws, clock, place, etag, next, held)),
                });
            }
            if let Err(error) = written
                && error.code == "NoSuchBucket"
            {
                return Ok(Taken::NoBucket);
            }
            // Somebody was faster, or there was no answer: what stands now says which.
            if let Some(lease) = is_taken(aws, clock, place, holder).await? {
                return Ok(lease);
            }
        } else if let Some(theirs) = theirs {
            let waited = now.saturating_sub(begun);
            let most = patience.most();
            let is_seen_to_live = patience == Patience::UntilASign && watch.lives();
            if waited >= most || is_seen_to_live {
                return Ok(Taken::Busy(Busy {
                    holder: theirs,
                    waited,
                }));
            }
            let is_told =
                |(id, at): &(String, Duration)| *id == theirs.id && now < *at + TELL_AGAIN;
            if !told.as_ref().is_some_and(is_told) {
                tell(&waiting(&theirs, patience, waited));
                told = Some((theirs.id, now));
            }
            let left = most.saturating_sub(waited);
            clock.sleep(POLL.min(left)).await;
            continue;
        }
        clock.sleep(POLL).await;
    }
}

/// For people: whose turn it is, and how long that is waited for.
fn waiting(theirs: &Holder, patience: Patience, waited: Duration) -> String {
    let (left, theirs) = (
        roughly(patience.most().saturating_sub(waited)),
        theirs.words(),
    );
    match patience {
        Patience::UntilASign => {
            format!(
                "it is another run's turn: {theirs}; whether that lives is seen in {left} at most"
            )
        }
        _ => format!("waiting for its turn, {left} at most; this is another run's: {theirs}"),
    }
}

/// Whether the next look may see more.
fn is_passing(error: &anyhow::Error) -> bool {
    matches!(
        kind(error),
        Some(ErrorKind::Throttled | ErrorKind::Unknown | ErrorKind::NotReady)
    )
}

/// The lease, if a write of ours without an answer has taken it after all.
async fn is_taken(
    aws: &Aws,
    clock: &Clock,
    place: &Place,
    holder: &Holder,
) -> Result<Option<Taken>> {
    let Some((Some(etag), record)) = read(aws, place).await? else {
        return Ok(None);
    };
    if record.holder.as_ref().is_none_or(|now| now.id != holder.id) {
        return Ok(None);
    }
    let left = record.run.clone();
    let next = Record {
        beat: record.beat + 1,
        ..record
    };
    let written = object::write(aws, place, Some(&etag), next.written()).await;
    let Ok(Written::Held(etag, held)) = written else {
        return Ok(None);
    };
    Ok(Some(Taken::Lease {
        lease: Box::new(Lease::new(aws, clock, place, etag, next, held)),
        left,
        overtaken: None,
    }))
}
