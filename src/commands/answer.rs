//! What a command answers a program (`--json`): one JSON value on standard output, of one style.
//!
//! Guarantees: keys are snake_case and words are kebab-case; each kind of answer has a schema in `schema/answers/`, which
//! `bg-deploy schema NAME` prints; a command that cannot answer says so in the same way ([`of_failure`]).

use serde_json::{Value, json};

use super::EarlyExit;
use crate::outcome::{EXIT_BAD_INPUT, EXIT_REFUSED, Outcome, answered};
use crate::preflight::Concern;

/// How a run ended.
pub(super) fn of_outcome(command: &str, outcome: &Outcome) -> Value {
    let mut answer = json!(outcome);
    answer["command"] = json!(command);
    answer["result"] = json!(answered(command, &outcome.word()));
    answer["exit_code"] = json!(outcome.exit_code());
    if let Some(answer) = answer.as_object_mut() {
        // A refusal has its words there; a cause the kind that it is of, with what is known of it.
        if answer.contains_key("cause") {
            let kind = answer.remove("reason").map(word_of);
            answer.insert("cause_kind".to_owned(), kind.unwrap_or_default());
        }
        if answer.contains_key("undo_failure") {
            let kind = answer.remove("undo_reason").map(word_of);
            answer.insert("undo_failure_kind".to_owned(), kind.unwrap_or_default());
        }
    }
    answer
}

/// The same, with what was seen before it began.
pub(super) fn of_run(command: &str, outcome: &Outcome, concerns: &[Concern]) -> Value {
    let mut answer = of_outcome(command, outcome);
    add_concerns(&mut answer, concerns);
    answer
}

/// How a rehearsal of this command ended.
pub(super) fn of_rehearsal(rehearsed: &str, outcome: &Outcome) -> Value {
    let mut answer = of_outcome(rehearsed, outcome);
    answer["command"] = json!("rehearse");
    answer
}

/// The word of a kind that has more to say than that.
fn word_of(kind: Value) -> Value {
    match kind {
        Value::Object(of) => of
            .into_iter()
            .next()
            .map_or(Value::Null, |(word, _)| word.into()),
        word => word,
    }
}

/// How a command ended that could not answer, in the words of the output `result`.
pub(super) fn result_of(exit_code: u8) -> &'static str {
    match exit_code {
        EXIT_BAD_INPUT => "bad-inputs",
        EXIT_REFUSED => "refused",
        _ => "failed",
    }
}

/// The same, and why.
pub(super) fn of_failure(failure: &EarlyExit) -> Value {
    let mut answer = json!({
        "result": result_of(failure.exit_code),
        "exit_code": failure.exit_code,
        "reason": failure.text,
    });
    add_concerns(&mut answer, &failure.concerns);
    answer
}

fn add_concerns(answer: &mut Value, concerns: &[Concern]) {
    if concerns.is_empty() {
        return;
    }
    let told = concerns.iter().map(|concern| {
        json!({
            "about": concern.about,
            "seen": concern.seen,
            "remedy": concern.remedy,
            "stops": !concern.slows,
        })
    });
    answer["concerns"] = told.collect();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::{Cause, Exit, Reason};
    use crate::names::{Colour, Release};

    #[test]
    fn a_rollback_is_not_called_a_deployment_nor_a_cause_a_refusal() {
        let deployed = Outcome::Deployed {
            release: Release("1".to_owned()),
            previous: None,
            live: Colour::Blue,
            warnings: Vec::new(),
            leftovers: Vec::new(),
        };
        assert_eq!(of_outcome("deploy", &deployed)["result"], "deployed");
        assert_eq!(of_outcome("rollback", &deployed)["result"], "reverted");
        let failed = Outcome::RolledBack {
            step: "await healthy".to_owned(),
            cause: Cause {
                words: "it ends".to_owned(),
                reason: Some(Reason::ServiceEnds(Exit::Status(1))),
            },
            traffic_moved: false,
            serving: None,
            undone: Vec::new(),
            leftovers: Vec::new(),
        };
        let answer = of_outcome("deploy", &failed);
        assert_eq!(answer["cause_kind"], "service-ends");
        assert_eq!(answer["reason"], Value::Null);
        assert_eq!(of_outcome("rollback", &failed)["result"], "not-reverted");
    }
}
