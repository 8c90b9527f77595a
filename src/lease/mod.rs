//! The lease: of all runs for an app in an environment, at most one changes anything.
//!
//! It is one object in the stack's own bucket, written only over the state that was read (compare and swap), and it holds
//! the journal of the run as well: what is written down there was written by the one that held it. No clocks are compared.
//!
//! | who | does | how often |
//! |---|---|---|
//! | its holder | writes the next beat over its last one; a write that AWS takes proves that the lease was held then | each [`BEAT`] at least, and before each act |
//! | its holder, when a beat is refused | has lost it: changes nothing any more, and says who has it | |
//! | its holder, when no beat is answered for half a [`TTL`] | the same: somebody else may take it soon | |
//! | whoever waits for it | takes it when it is free, or when it has not changed for a whole [`TTL`] on the waiter's own clock | looks each [`POLL`] |
//!
//! AWS's other services can't check who holds it, so a call under way when it is lost may still happen; whoever takes it
//! over from a run that lives waits for that ([`crate::run::runner::STRAGGLERS`]).

pub mod by_hand;
pub mod record;
mod take;

use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use net_clock::Clock;
use serde_json::Value;
use tokio::sync::Mutex;

pub use self::record::{Done, Hold, Holder, Record};
pub use self::take::{Busy, Patience, Taken, Unreadable, is_silent, read, take};
use crate::aws::Aws;
use crate::aws::error::Failure;
use crate::aws::lease::{self as object, Place, Written};
use crate::aws::witness::Held;

/// Whoever has not beaten for this long is gone.
pub const TTL: Duration = Duration::from_secs(120);
/// The longest time between two beats.
pub const BEAT: Duration = Duration::from_secs(20);
/// How often one who waits looks.
pub const POLL: Duration = Duration::from_secs(5);
/// A beat that is younger than this is as good as a new one.
const RECENT: Duration = Duration::from_secs(5);
/// How soon what was noted is written, at the latest; so often is the object written at most, but for what is about to
/// be done.
const SOON: Duration = Duration::from_secs(2);
/// How often a write is tried that raced with another one.
const TRIES: u32 = 5;
/// Between the first two of them; doubled after each.
const PAUSE: Duration = Duration::from_secs(1);

/// Why the lease is not this run's any more, or not known to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Somebody else has it.
    Overtaken(String),
    /// AWS does not answer, and soon somebody else may have it.
    Unreachable(String),
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overtaken(by) => write!(f, "this run was overtaken: {by}"),
            Self::Unreachable(why) => write!(
                f,
                "the lease could not be renewed, and another run may take it: {why}"
            ),
        }
    }
}

impl std::error::Error for Lost {}

/// What this run knows of the object.
#[derive(Debug)]
struct Mine {
    etag: String,
    record: Record,
    /// When it was last written, on this run's clock.
    confirmed: Duration,
    held: Held,
    /// Not all of the record is known to be written.
    owes: bool,
}

impl Mine {
    /// What is written next.
    fn next(&self) -> Record {
        Record {
            beat: self.record.beat + 1,
            ..self.record.clone()
        }
    }
}

/// A lease that this run holds, or held.
#[derive(Debug)]
pub struct Lease {
    aws: Aws,
    clock: Clock,
    place: Place,
    mine: Mutex<Mine>,
    /// What is to be written down of the run.
    noted: RefCell<Option<Value>>,
    lost: RefCell<Option<Lost>>,
}

impl Lease {
    fn new(
        aws: &Aws,
        clock: &Clock,
        place: &Place,
        etag: String,
        record: Record,
        held: Held,
    ) -> Self {
        let mine = Mine {
            etag,
            record,
            confirmed: clock.elapsed(),
            held,
            owes: false,
        };
        Self {
            aws: aws.clone(),
            clock: clock.clone(),
            place: place.clone(),
            mine: Mutex::new(mine),
            noted: RefCell::default(),
            lost: RefCell::default(),
        }
    }

    /// That it is held, now.
    pub async fn held(&self) -> Result<Held, Lost> {
        let mut mine = self.mine.lock().await;
        self.check()?;
        if self.age(&mine) < RECENT && !mine.owes {
            return Ok(mine.held.clone());
        }
        match self.beat(&mut mine).await {
            // Nobody else takes it before a whole TTL has passed: what is half done can be brought to an end.
            Err(Lost::Unreachable(_)) if self.lost().is_none() => Ok(mine.held.clone()),
            other => other,
        }
    }

    /// Why releases are on hold, if they are.
    pub async fn hold(&self) -> Option<Hold> {
        self.mine.lock().await.record.hold.clone()
    }

    /// The runs that came to their end, as far as they are remembered, the latest first.
    pub async fn past_runs(&self) -> Vec<Done> {
        self.mine.lock().await.record.past_runs()
    }

    /// Has this written down with the next beat.
    pub fn note(&self, run: Value) {
        *self.noted.borrow_mut() = Some(run);
    }

    /// Writes down now what was noted, if it is not written yet.
    pub async fn write_down(&self) -> Result<Held, Lost> {
        let mut mine = self.mine.lock().await;
        self.check()?;
        let is_written = self.noted.borrow().is_none() && !mine.owes;
        if is_written && self.age(&mine) < RECENT {
            return Ok(mine.held.clone());
        }
        self.beat(&mut mine).await
    }

    /// Why it is lost, if it is.
    pub fn lost(&self) -> Option<Lost> {
        self.lost.borrow().clone()
    }

    /// Beats until it is lost, or until it soon will be: then there is still time to put things back. `noted` is asked for
    /// what is to be written down.
    pub async fn keep(&self, noted: impl Fn() -> Option<Value>) -> Lost {
        loop {
            self.clock.sleep(SOON).await;
            let mut mine = self.mine.lock().await;
            if let Some(lost) = self.lost() {
                return lost;
            }
            if let Some(run) = noted() {
                self.note(run);
            }
            let is_due = self.age(&mine) >= BEAT || self.noted.borrow().is_some();
            if !is_due {
                continue;
            }
            if let Err(lost) = self.beat(&mut mine).await
                && (self.lost().is_some() || self.age(&mine) > TTL / 3)
            {
                return lost;
            }
        }
    }

    /// Has this run remembered, with the next beat.
    pub async fn remember(&self, done: &Done) {
        let mut mine = self.mine.lock().await;
        mine.record.remember(done);
        mine.owes = true;
    }

    /// Nothing of an earlier run is left to do.
    pub async fn forget_run(&self) {
        self.noted.borrow_mut().take();
        let mut mine = self.mine.lock().await;
        mine.record.run = None;
        mine.owes = true;
    }

    /// Gives it back. What is noted stays, for the next holder, if the run did not come to its end.
    pub async fn release(&self, has_ended: bool) -> Result<(), Lost> {
        let mut mine = self.mine.lock().await;
        self.check()?;
        mine.record.holder = None;
        if has_ended {
            self.noted.borrow_mut().take();
            mine.record.run = None;
        }
        let released = self.write(&mut mine).await.map(drop);
        // Whatever came of that: nothing is changed under it any more.
        *self.lost.borrow_mut() = Some(Lost::Overtaken("it gave the lease back".to_owned()));
        released
    }

    /// Its object is about to be removed with everything that it was for: nothing is changed under it any more.
    pub fn dissolve(&self) {
        *self.lost.borrow_mut() = Some(Lost::Overtaken("what it was for is gone".to_owned()));
    }

    fn check(&self) -> Result<(), Lost> {
        match self.lost() {
            Some(lost) => Err(lost),
            None => Ok(()),
        }
    }

    fn age(&self, mine: &Mine) -> Duration {
        self.clock.elapsed().saturating_sub(mine.confirmed)
    }

    /// Writes the next beat; what can't be written any more in time is lost for good.
    async fn beat(&self, mine: &mut Mine) -> Result<Held, Lost> {
        let beaten = self.write(mine).await;
        if let Err(lost) = &beaten {
            let is_over = matches!(lost, Lost::Overtaken(_)) || self.age(mine) > TTL / 2;
            if is_over {
                *self.lost.borrow_mut() = Some(lost.clone());
            }
        }
        beaten
    }

    async fn write(&self, mine: &mut Mine) -> Result<Held, Lost> {
        let noted = self.noted.borrow_mut().take();
        if let Some(run) = noted {
            mine.record.run = Some(run);
            mine.owes = true;
        }
        let begun = self.clock.elapsed();
        let (etag, held) = self.swap(mine).await?;
        mine.etag = etag;
        mine.record = mine.next();
        // Of when it was first sent: the time until the answer is not counted for us.
        mine.confirmed = begun;
        mine.held = held.clone();
        mine.owes = false;
        Ok(held)
    }

    /// Writes the next state over this run's own last one, and is not content with an answer that says nothing.
    async fn swap(&self, mine: &mut Mine) -> Result<(String, Held), Lost> {
        let mut pause = PAUSE;
        let mut tried = Vec::new();
        for _ in 0..TRIES {
            let over = Some(mine.etag.as_str());
            let body = mine.next().written();
            tried.push(body.clone());
            let written = object::write(&self.aws, &self.place, over, body).await;
            match written {
                Ok(Written::Held(etag, held)) => return Ok((etag, held)),
                Err(error) if !is_unsure(&error) => {
                    return Err(Lost::Unreachable(error.to_string()));
                }
                // It may have been carried out, or still be.
                Ok(Written::Raced) | Err(_) => {}
            }
            match self.look_after(mine, &tried).await {
                Ok(Some(confirmed)) => return Ok(confirmed),
                Err(lost @ Lost::Overtaken(_)) => return Err(lost),
                // Nothing was seen, or nothing has changed yet.
                Ok(None) | Err(Lost::Unreachable(_)) => {}
            }
            self.clock.sleep(pause).await;
            pause *= 2;
        }
        match self.look_after(mine, &tried).await? {
            Some(confirmed) => Ok(confirmed),
            None => Err(Lost::Unreachable(format!(
                "{TRIES} writes of {} raced with others, or got no answer",
                self.place
            ))),
        }
    }

    /// Finds out what stands after writes that may or may not have been carried out. What a person wrote beside them is kept.
    async fn look_after(
        &self,
        mine: &mut Mine,
        tried: &[Vec<u8>],
    ) -> Result<Option<(String, Held)>, Lost> {
        let read = object::read(&self.aws, &self.place).await;
        let read = read.map_err(|error| Lost::Unreachable(error.to_string()))?;
        let Some(read) = read else {
            return Err(Lost::Overtaken(format!("{} is gone", self.place)));
        };
        let confirmed = tried
            .iter()
            .rev()
            .find_map(|body| object::confirm(&read, body));
        if let Some(held) = confirmed {
            return Ok(Some((read.etag, held)));
        }
        let record = Record::read(&read.body)
            .map_err(|why| Lost::Overtaken(format!("{} {why}", self.place)))?;
        let theirs = match &record.holder {
            Some(holder) => holder.words(),
            None => "nobody holds the lease any more".to_owned(),
        };
        let own = mine.record.holder.as_ref().map(|holder| &holder.id);
        let is_ours = record.generation == mine.record.generation
            && (mine.record.holder.is_none() || record.holder.as_ref().map(|it| &it.id) == own);
        if !is_ours {
            return Err(Lost::Overtaken(theirs));
        }
        // One more may be a write of ours that was given up, and was carried out after all.
        if record.beat > mine.record.beat + 1 {
            return Err(Lost::Overtaken(
                "another process beats under this run's own name: was the machine cloned?"
                    .to_owned(),
            ));
        }
        mine.etag = read.etag;
        mine.record.hold = record.hold;
        mine.record.rest = record.rest;
        Ok(None)
    }
}

/// No answer, or one that says nothing about whether it was carried out.
fn is_unsure(error: &Failure) -> bool {
    use crate::aws::error::ErrorKind;
    matches!(
        error.kind,
        ErrorKind::Unknown | ErrorKind::Throttled | ErrorKind::Other
    )
}
/// Gives the lease back; whoever comes next would wait for it else.
pub async fn give_back(lease: Option<&Lease>, has_ended: bool) {
    if let Some(lease) = lease {
        // It is lost, or AWS does not answer: then its time passes by itself.
        let _ = lease.release(has_ended).await;
    }
}
