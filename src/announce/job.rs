//! The job that this run is a part of, as far as GitHub is told of it.
//!
//! Guarantees: whatever becomes part of an address is a name or a number of the expected form, else there is no job.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use crate::inputs::Ci;

/// The largest event that is read, in bytes.
const EVENT_MOST: u64 = 16 << 20;

/// A job of GitHub Actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    /// The API's address.
    pub(super) api_url: String,
    /// `owner/name`
    pub(super) repository: String,
    /// What was checked out: for a pull request, its merge with the branch.
    pub(super) commit: String,
    /// The pull request of the event, and the commit at its head.
    pub(super) pull: Option<(u64, Option<String>)>,
    /// It runs in a merge queue, whose commits belong to no pull request.
    pub(super) is_merge_queue: bool,
    /// The workflow's run: the later, the higher.
    pub(super) run: u64,
    /// How often that run was started.
    pub(super) attempt: u64,
    /// The run's page.
    pub(super) run_url: Option<String>,
}

impl Job {
    /// The job, if this runs in one.
    pub(super) fn of(ci: &Ci) -> Option<Self> {
        if !ci.is_github {
            return None;
        }
        let actions = &ci.actions;
        let number = |text: &Option<String>| text.as_deref()?.parse().ok();
        let event = actions.event_path.as_deref().and_then(read);
        Some(Self {
            api_url: actions
                .api_url
                .clone()
                .unwrap_or_else(|| "https://api.github.com".to_owned()),
            repository: ci.repository.clone().filter(|name| is_repository(name))?,
            commit: ci.commit.clone().filter(|commit| is_commit(commit))?,
            pull: event.as_ref().and_then(pull),
            is_merge_queue: actions.event_name.as_deref() == Some("merge_group"),
            run: number(&actions.run_id)?,
            attempt: number(&actions.run_attempt).unwrap_or(1),
            run_url: ci.run_url.clone(),
        })
    }

    /// What is released, where GitHub shows it: a pull request's own commit, not its merge, which nobody knows.
    pub(super) fn head(&self) -> &str {
        let head = self.pull.as_ref().and_then(|(_, head)| head.as_deref());
        head.unwrap_or(&self.commit)
    }
}

/// Whether this is the full name of a commit.
pub(super) fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_repository(text: &str) -> bool {
    let is_name = |name: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        !name.is_empty() && name != "." && name != ".." && name.bytes().all(plain)
    };
    text.split_once('/')
        .is_some_and(|(owner, name)| is_name(owner) && is_name(name))
}

/// The event's pull request, whatever kind of event it is.
fn pull(event: &Value) -> Option<(u64, Option<String>)> {
    let pull = &event["pull_request"];
    let head = pull["head"]["sha"].as_str();
    let head = head.filter(|head| is_commit(head)).map(str::to_owned);
    Some((pull["number"].as_u64()?, head))
}

fn read(path: &Path) -> Option<Value> {
    let file = File::open(path).ok()?;
    serde_json::from_reader(std::io::BufReader::new(file.take(EVENT_MOST))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_change_an_address_is_no_repository_and_no_commit() {
        for text in ["octo/hello", "o/h.e-l_l0"] {
            assert!(is_repository(text), "{text}");
        }
        for text in [
            "",
            "octo",
            "octo/",
            "/hello",
            "octo/hello/x",
            "octo/..",
            "octo/he llo",
            "octo/a?b",
            "octo/a#b",
            "octo/%2e",
        ] {
            assert!(!is_repository(text), "{text}");
        }
        assert!(is_commit(&"0a".repeat(20)) && is_commit(&"0a".repeat(32)));
        for text in ["main", "0a0a", "../../../../../../../../../../../../..x/"] {
            assert!(!is_commit(text), "{text}");
        }
    }

    #[test]
    fn a_pull_request_is_found_in_any_event_that_has_one() {
        let head = "ab".repeat(20);
        let event = serde_json::json!({ "pull_request": { "number": 7, "head": { "sha": head } } });
        assert_eq!(pull(&event), Some((7, Some(head))));
        let odd = serde_json::json!({ "pull_request": { "number": 7, "head": { "sha": "../x" } } });
        assert_eq!(pull(&odd), Some((7, None)));
        assert_eq!(pull(&serde_json::json!({ "number": 7 })), None);
    }
}
