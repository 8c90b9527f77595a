//! How durations are written for other programs: the unit is in the key, the value is a plain number.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize as _, Serializer};

pub(super) fn micros<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(whole_micros(*duration))
}

pub(super) fn optional_micros<S: Serializer>(
    duration: &Option<Duration>,
    to: S,
) -> Result<S::Ok, S::Error> {
    duration.map(whole_micros).serialize(to)
}

pub(super) fn millis<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(in_millis(*duration))
}

pub(super) fn millis_by_key<S: Serializer>(
    durations: &BTreeMap<String, Duration>,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_map(
        durations
            .iter()
            .map(|(key, value)| (key, in_millis(*value))),
    )
}

/// Whole microseconds, at most `u64::MAX`.
pub(super) fn whole_micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Milliseconds to three decimals.
pub(super) fn in_millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
