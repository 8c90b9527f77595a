//! What a person says about whose turn it is: releases are held, or the lease is made free.

use std::fmt;
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, Result, bail};
use net_clock::Clock;
use serde_json::json;

use super::{Hold, Record};
use crate::aws::Aws;
use crate::aws::lease::{self as object, Place, Written};
use crate::names::utc;

/// How often a write is tried that raced with a beat.
const TRIES: u32 = 5;

/// Who says it, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Why.
    pub reason: String,
    /// Who, if that is known.
    pub by: Option<String>,
}

/// There is nothing to write it into: the stack is not provisioned.
#[derive(Debug)]
pub struct NoBucket(String);

impl fmt::Display for NoBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no bucket {} yet", self.0)
    }
}

impl std::error::Error for NoBucket {}

/// Stops releases of this app and environment, or lets them go on (`None`). Answers with what held before.
pub async fn hold(
    aws: &Aws,
    clock: &Clock,
    place: &Place,
    said: Option<&Said>,
) -> Result<Option<Hold>> {
    for _ in 0..TRIES {
        let Some((etag, mut record)) = super::read(aws, place).await? else {
            return Err(NoBucket(place.bucket.name.clone()).into());
        };
        let before = record.hold.take();
        record.hold = said.map(|said| Hold {
            reason: said.reason.clone(),
            by: said.by.clone(),
            since: utc(clock.utc()),
        });
        if record.hold.is_none() && before.is_none() {
            return Ok(None);
        }
        let written = object::write(aws, place, etag.as_deref(), record.written()).await?;
        if matches!(written, Written::Held(..)) {
            return Ok(before);
        }
    }
    bail!("{place} changes all the time; try again")
}

/// Makes the lease free, whoever has it and whatever it says. A run that has it changes nothing any more; what it left half
/// done stays written down, as far as that can be read. Answers with whose it was, for people.
pub async fn unlock(
    aws: &Aws,
    clock: &Clock,
    place: &Place,
    said: &Said,
) -> Result<Option<String>> {
    let read = object::read(aws, place).await?;
    let read = read.with_context(|| format!("nobody has ever held {place}"))?;
    let before = Record::read(&read.body).unwrap_or_else(|_| {
        let now = clock.utc().duration_since(UNIX_EPOCH).unwrap_or_default();
        Record {
            // More than any generation that was counted.
            generation: now.as_secs(),
            ..Record::first()
        }
    });
    let whose = before.holder.as_ref().map(super::Holder::words);
    let mut after = Record {
        generation: before.generation + 1,
        beat: 0,
        holder: None,
        ..before
    };
    let unlocked = json!({"reason": said.reason, "by": said.by, "since": utc(clock.utc())});
    after.rest.insert("unlocked".to_owned(), unlocked);
    let written = object::write(aws, place, Some(&read.etag), after.written()).await?;
    match written {
        Written::Held(..) => Ok(whose),
        Written::Raced => {
            bail!("{place} has just been written by a run that lives; it was left as it is")
        }
    }
}
