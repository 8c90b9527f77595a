//! The job that this run is a part of, as far as GitHub is told of it.
//!
//! Guarantees: whatever becomes part of an address is a name or a number of the expected form, else there is no job.

use crate::inputs::{Ci, PullRequest, is_commit};

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
        Some(Self {
            api_url: actions
                .api_url
                .clone()
                .unwrap_or_else(|| "https://api.github.com".to_owned()),
            repository: ci.repository.clone().filter(|name| is_repository(name))?,
            commit: ci.commit.clone().filter(|commit| is_commit(commit))?,
            pull: actions.pull_request.as_ref().and_then(pull),
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

fn is_repository(text: &str) -> bool {
    let is_name = |name: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        !name.is_empty() && name != "." && name != ".." && name.bytes().all(plain)
    };
    text.split_once('/')
        .is_some_and(|(owner, name)| is_name(owner) && is_name(name))
}

/// The pull request's number, and the commit at its head if it is one.
fn pull(event: &PullRequest) -> Option<(u64, Option<String>)> {
    let head = event.head.clone().filter(|head| is_commit(head));
    Some((event.number?, head))
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
    fn a_pull_request_without_a_commit_is_one_and_without_a_number_is_none() {
        let of = |number, head: &str| {
            let head = Some(head.to_owned());
            pull(&PullRequest { number, head })
        };
        let head = "ab".repeat(20);
        assert_eq!(of(Some(7), &head), Some((7, Some(head.clone()))));
        assert_eq!(of(Some(7), "../x"), Some((7, None)));
        assert_eq!(of(None, &head), None);
    }
}
