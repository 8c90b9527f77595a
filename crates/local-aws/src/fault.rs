//! What goes wrong on purpose in the local cloud: rules about calls, and about capacity.

use std::time::Duration;

/// What happens to a call that a rule matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The answer comes later.
    Delay(Duration),
    /// Refused before anything changes: code, status, message.
    Refuse(String, u16, String),
    /// Throttled, with the code that service uses.
    Throttle,
    /// It happens, and the connection closes before the answer.
    LoseReply,
    /// It happens this much later, and the connection closes before the answer.
    ApplyLate(Duration),
}

/// A rule about calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The service's signing name; empty for any.
    pub service: String,
    /// The operation; empty for any. A leading `!` means any mutating operation.
    pub operation: String,
    /// How many matching calls pass before the rule begins to act.
    pub skip: u32,
    /// On how many matching calls it acts.
    pub times: u32,
    /// What it does.
    pub answer: Answer,
}

/// All that goes wrong.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Rules about calls, the first match wins.
    pub rules: Vec<Rule>,
    /// Groups get no instances: the words that the scaling activity then carries.
    pub no_capacity: bool,
    /// Every call is answered with ExpiredToken.
    pub expired_credentials: bool,
}

impl Faults {
    /// What happens to this call, if a rule says so.
    pub fn meet(&mut self, service: &str, operation: &str, mutating: bool) -> Option<Answer> {
        let rule = self.rules.iter_mut().find(|rule| {
            rule.times > 0
                && (rule.service.is_empty() || rule.service == service)
                && match rule.operation.as_str() {
                    "" => true,
                    "!" => mutating,
                    name => name == operation,
                }
        })?;
        if rule.skip > 0 {
            rule.skip -= 1;
            return None;
        }
        rule.times -= 1;
        Some(rule.answer.clone())
    }
}
