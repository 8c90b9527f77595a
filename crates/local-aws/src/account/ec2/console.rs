//! What instances write to their serial consoles.
//!
//! Guarantees: the last 64 KiB are kept, for as long as the instance is shown; without `Latest` an answer has what was
//! posted after the last boot, stop or termination, and no more.

use std::time::{Duration, SystemTime};

use super::Timed;
use crate::account::{self, Account, ApiError};

/// How much is kept:
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleOutput.html>.
const KEPT_BYTES: usize = 64 * 1024;
/// How long after a boot its output is posted: "shortly", says AWS, and no number.
const POSTED_AFTER: Duration = Duration::from_secs(60);

/// The families that are not of the Nitro system, and show only what was posted:
/// <https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-nitro-instances.html>.
const NOT_NITRO: [&str; 24] = [
    "t1", "t2", "m1", "m2", "m3", "m4", "c1", "c3", "c4", "r3", "r4", "x1", "x1e", "i2", "i3",
    "d2", "h1", "f1", "g2", "g3", "g3s", "p2", "p3", "hs1",
];

/// A serial console.
#[derive(Clone, Debug, Default)]
pub struct Console {
    text: String,
    posted: Option<(SystemTime, String)>,
}

/// The machine behind an instance wrote a line to its console.
pub(super) fn wrote(account: &mut Account, instance: &str, line: &str) {
    if let Some(instance) = account.ec2.instances.get_mut(instance) {
        let text = &mut instance.console.text;
        text.push_str(line);
        text.push_str("\r\n");
        let mut from = text.len().saturating_sub(KEPT_BYTES);
        while !text.is_char_boundary(from) {
            from += 1;
        }
        text.drain(..from);
    }
}

/// Has what a boot writes posted a while after it.
pub(super) fn post_later(account: &mut Account, instance: &str) {
    let event = Timed::ConsolePosted {
        instance: instance.to_owned(),
    };
    account.after(POSTED_AFTER, account::Timed::Ec2(event));
}

/// What is on the console now is what is shown from now on.
pub(super) fn post(account: &mut Account, instance: &str) {
    let now = account.utc();
    if let Some(instance) = account.ec2.instances.get_mut(instance) {
        let text = instance.console.text.clone();
        instance.console.posted = Some((now, text));
    }
}

/// What is shown of the console of an instance that can be seen, and of when it is: as it is now, or as it was posted.
pub fn output(account: &Account, id: &str, latest: bool) -> Result<(SystemTime, String), ApiError> {
    let instance = &account.ec2.instances[id];
    let family = instance.instance_type.split('.').next().unwrap_or_default();
    if latest && NOT_NITRO.contains(&family) {
        return Err(ApiError::refused(
            "UnsupportedOperation",
            "This instance type does not support retrieving the latest console logs. Please remove the --latest parameter and try again.",
        ));
    }
    let console = &instance.console;
    Ok(match (latest, &console.posted) {
        (true, _) => (account.utc(), console.text.clone()),
        (false, Some(posted)) => posted.clone(),
        (false, None) => (instance.launched_at, String::new()),
    })
}
