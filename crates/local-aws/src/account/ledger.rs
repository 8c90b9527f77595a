//! What happened in an account, in order: the calls that reached it, and the moments at which something became true.

use std::time::Duration;

/// One call: who asked for what, and how it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// When, on the account's clock.
    pub at: Duration,
    /// "ec2", "elasticloadbalancing", ...
    pub service: String,
    /// "RunInstances", ...
    pub operation: String,
    /// The id of the access key that it was signed with.
    pub key: String,
    /// The error's code when it was refused.
    pub error: Option<String>,
}

impl Call {
    /// Whether a call of this name changes anything.
    pub fn is_mutating(&self) -> bool {
        is_mutating(&self.operation)
    }
}

/// Whether an operation of this name changes anything.
pub fn is_mutating(operation: &str) -> bool {
    // Whoever assumes a role changes nothing in the account.
    const READS: [&str; 7] = [
        "Describe", "Get", "List", "Head", "Search", "Lookup", "Assume",
    ];
    !READS.iter().any(|read| operation.starts_with(read))
}

/// A moment at which something in the account became true, whoever looked or did not look at the time: what a
/// caller's waits are measured against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Milestone {
    /// When, on the account's clock; a load balancer's last node may learn of a change only later.
    pub at: Duration,
    /// What became true ("running", "agent online", ...).
    pub what: &'static str,
    /// Of which resource.
    pub of: String,
}

/// What happened up to a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Every call that reached the account, in order.
    pub calls: Vec<Call>,
    /// Every milestone, in the order in which each was known.
    pub milestones: Vec<Milestone>,
}

impl Ledger {
    /// The calls that changed something: mutating ones that were not refused.
    pub fn changes(&self) -> impl Iterator<Item = &Call> {
        let calls = self.calls.iter();
        calls.filter(|call| call.is_mutating() && call.error.is_none())
    }
}
