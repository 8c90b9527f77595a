//! What a group was told to leave: suspending and resuming its processes.

use super::activity::moment;
use super::group::{PROCESSES, living};
use crate::account::{Account, ApiError};

/// The processes that a caller named; all when none is.
fn named_processes(named: &[String]) -> Result<Vec<&'static str>, ApiError> {
    if named.is_empty() {
        return Ok(PROCESSES.to_vec());
    }
    named
        .iter()
        .map(|name| {
            PROCESSES
                .into_iter()
                .find(|process| process.eq_ignore_ascii_case(name))
                .ok_or_else(|| {
                    ApiError::validation(&format!("Invalid scaling process type: {name}"))
                })
        })
        .collect()
}

/// Suspends processes.
pub fn suspend(account: &mut Account, name: &str, named: &[String]) -> Result<(), ApiError> {
    let processes = named_processes(named)?;
    let reason = format!("User suspended at {}", moment(account));
    let held = living(account, name)?;
    for process in processes {
        held.suspended
            .entry(process.to_owned())
            .or_insert_with(|| reason.clone());
    }
    Ok(())
}

/// Resumes processes.
pub fn resume(account: &mut Account, name: &str, named: &[String]) -> Result<(), ApiError> {
    let processes = named_processes(named)?;
    let held = living(account, name)?;
    held.suspended
        .retain(|process, _| !processes.contains(&process.as_str()));
    Ok(())
}
