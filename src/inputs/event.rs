//! The event that a job of GitHub Actions was started by, as far as anything is read of it.
//!
//! Guarantees: it is read once, and no more of it than [`MOST`].

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use serde_json::Value;

/// The largest event that is read, in bytes: GitHub's own limit for what it sends is 25 MB, and most are some KB.
const MOST: u64 = 25 << 20;

/// A pull request, as its event has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number.
    pub number: Option<u64>,
    /// The commit that it proposes, as text.
    pub head: Option<String>,
}

/// The event's pull request; `None` when it has none, or cannot be read.
pub(super) fn read(path: &Path) -> Option<PullRequest> {
    let file = File::open(path).ok()?;
    let event: Value = serde_json::from_reader(BufReader::new(file.take(MOST))).ok()?;
    let pull = event.get("pull_request")?;
    Some(PullRequest {
        number: pull["number"].as_u64(),
        head: pull["head"]["sha"].as_str().map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_back(event: &str) -> Option<PullRequest> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("event.json");
        std::fs::write(&path, event).unwrap();
        read(&path)
    }

    #[test]
    fn a_pull_request_is_found_in_any_event_that_has_one() {
        let event = r#"{"pull_request": {"number": 7, "head": {"sha": "abc"}}}"#;
        let found = PullRequest {
            number: Some(7),
            head: Some("abc".to_owned()),
        };
        assert_eq!(read_back(event), Some(found));
        let odd = read_back(r#"{"pull_request": {"number": "7", "head": 1}}"#);
        assert_eq!(odd, Some(PullRequest::default()));
        for none in [r#"{"number": 7}"#, "[]", "not JSON", ""] {
            assert_eq!(read_back(none), None, "{none}");
        }
    }

    #[test]
    fn an_event_that_is_larger_than_any_is_not_read_to_its_end() {
        let padding = " ".repeat(usize::try_from(MOST).unwrap());
        let event = format!(r#"{{"pull_request":{padding} {{"number": 7}}}}"#);
        assert_eq!(read_back(&event), None);
    }
}
