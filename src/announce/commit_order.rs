//! Which of two commits is the older one, as GitHub knows it.
//!
//! Guarantees: what GitHub does not say for sure is unknown, with the reason; only names of commits become part of an address.

use crate::github::GitHub;
use crate::text::quoted;

/// The permission that this needs.
const PERMISSION: &str = "contents: read";

/// How a commit stands to the one that is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// It has all of it, or is the same.
    Newer,
    /// What is live has all of it, and more.
    Older,
    /// Each has something that the other has not.
    Diverged,
    /// For this reason.
    Unknown(String),
}

/// How the commit `ours` stands to `live`.
pub(super) async fn order(github: &GitHub, live: &str, ours: &str) -> Order {
    match github.compare(live, ours).await {
        Ok(comparison) => match comparison.status.as_str() {
            "ahead" | "identical" => Order::Newer,
            "behind" => Order::Older,
            "diverged" => Order::Diverged,
            other => Order::Unknown(format!("GitHub says {} of them", quoted(other))),
        },
        Err(trouble) => Order::Unknown(trouble.words(PERMISSION)),
    }
}
