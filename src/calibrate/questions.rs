//! What rests on nobody's word yet, by the numbers of docs/sources.md, and what a recording says of it.

use serde::Serialize;
use serde_json::Value;

use super::recording::{Call, Recording};
use crate::aws::calls::is_look;

/// What a recording says of a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// In docs/sources.md.
    pub number: usize,
    /// What is asked.
    pub question: &'static str,
    /// What was seen; `None`: a walk does not show it.
    pub seen: Option<String>,
}

/// A question, and where a recording has its answer.
type Question = (&'static str, fn(&Recording) -> Option<String>);

/// In the order of docs/sources.md.
const QUESTIONS: [Question; 11] = [
    ("How long a node takes to learn of a weight.", weights),
    ("Policies.", policies),
    (
        "Calls that AWS's interpreter of runbooks makes by itself.",
        |_| None,
    ),
    (
        "Whether `maxAttempts` of a step waits between attempts.",
        |_| None,
    ),
    ("Words.", words),
    (
        "How often Auto Scaling refuses a change because it is about something else",
        contention,
    ),
    ("Which YAML runbooks are read as.", |_| None),
    ("Whether S3 takes CRC32 of parts", parts),
    (
        "What AWS's endpoint answers to a request without a signature.",
        |_| None,
    ),
    ("New targets of a group without healthy ones.", |_| None),
    (
        "How long a load balancer's interfaces stay after it is deleted.",
        interfaces,
    ),
];

/// All of them.
pub fn answers(recording: &Recording) -> Vec<Answer> {
    (1..)
        .zip(QUESTIONS)
        .map(|(number, (question, seen))| Answer {
            number,
            question,
            seen: seen(recording),
        })
        .collect()
}

/// Of each stage of a shift.
fn weights(recording: &Recording) -> Option<String> {
    let shifts = recording
        .steps
        .iter()
        .filter(|step| step.step == "shift traffic");
    let shifts: Vec<_> = shifts
        .map(|step| format!("{} {:.0} s", step.part, step.took))
        .collect();
    let all = shifts.join(", ");
    (!shifts.is_empty()).then(|| format!("\"shift traffic\", all stages and holds of it: {all}"))
}

/// Whether the printed policies were enough.
fn policies(recording: &Recording) -> Option<String> {
    let by_roles = || recording.calls.iter().filter(|call| call.by != "person");
    by_roles().next()?;
    let is_denied = |call: &&Call| {
        let code = call.code.as_deref().unwrap_or_default();
        code.contains("AccessDenied") || code.contains("Unauthorized")
    };
    let denied: Vec<_> = by_roles()
        .filter(is_denied)
        .map(|call| format!("{} by {}", call.operation, call.by))
        .collect();
    Some(match denied.as_slice() {
        [] => "no call of any role was refused for want of a permission".to_owned(),
        denied => format!("refused: {}", denied.join(", ")),
    })
}

/// How AWS says that something is not seen yet.
fn words(recording: &Recording) -> Option<String> {
    let is_unseen = |call: &&Call| {
        let code = call.code.as_deref().unwrap_or_default();
        let is_change = !is_look(&call.operation);
        is_change
            && (code.contains("NotFound")
                || code == "ValidationError"
                || code.starts_with("InvalidParameter"))
    };
    let mut said: Vec<_> = recording
        .calls
        .iter()
        .filter(is_unseen)
        .map(|call| {
            let code = call.code.as_deref().unwrap_or_default();
            format!("{} {code}: {}", call.operation, message(&call.answered))
        })
        .collect();
    said.sort();
    said.dedup();
    (!said.is_empty()).then(|| said.join("; "))
}

/// Refusals of Auto Scaling, because it is about something else.
fn contention(recording: &Recording) -> Option<String> {
    let changes =
        |call: &&Call| call.service == "Auto Scaling" && !call.operation.starts_with("Describe");
    let all = recording.calls.iter().filter(changes);
    let is_busy = |call: &&Call| {
        let code = call.code.as_deref().unwrap_or_default();
        code.starts_with("ScalingActivityInProgress") || code.starts_with("ResourceContention")
    };
    let (asked, refused) = (all.clone().count(), all.filter(is_busy).count());
    (asked > 0).then(|| format!("{refused} of {asked} changes were refused for that"))
}

fn message(answered: &Value) -> &str {
    const PLACES: [&str; 5] = [
        "/ErrorResponse/Error/Message",
        "/Response/Errors/Error/Message",
        "/Error/Message",
        "/message",
        "/Message",
    ];
    let mut found = PLACES
        .iter()
        .filter_map(|place| answered.pointer(place)?.as_str());
    found.next().unwrap_or_default()
}

/// A bundle that was uploaded in parts.
fn parts(recording: &Recording) -> Option<String> {
    let mut ends = recording.calls.iter();
    let end = ends.find(|call| call.operation == "CompleteMultipartUpload")?;
    Some(match &end.code {
        None => "it took them".to_owned(),
        Some(code) => format!("{code}: {}", message(&end.answered)),
    })
}

/// From a load balancer's deletion to that of its security group.
fn interfaces(recording: &Recording) -> Option<String> {
    let last = |operation: &str| {
        let mut latest = recording.calls.iter().rev();
        latest.find(|call| call.is_done() && call.operation == operation)
    };
    let (balancer, group) = (last("DeleteLoadBalancer")?, last("DeleteSecurityGroup")?);
    Some(format!(
        "{:.0} s from DeleteLoadBalancer to the last DeleteSecurityGroup that was done",
        group.at - balancer.at
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_questions_are_those_of_the_docs_in_their_order() {
        let docs = include_str!("../../docs/sources.md");
        for (number, (question, _)) in (1..).zip(QUESTIONS) {
            let item = format!("\n{number}. **{question}");
            assert!(docs.contains(&item), "{item}");
        }
        let next = format!("\n{}. **", QUESTIONS.len() + 1);
        assert!(!docs.contains(&next), "a question that is not asked");
    }

    #[test]
    fn a_recording_says_what_it_shows_and_nothing_of_what_it_does_not() {
        let call = |operation: &str, at: f64, code: Option<&str>| Call {
            by: "deploy".to_owned(),
            operation: operation.to_owned(),
            at,
            status: Some(if code.is_some() { 400 } else { 200 }),
            code: code.map(str::to_owned),
            answered: serde_json::json!({"Error": {"Message": "not there"}}),
            ..Call::default()
        };
        let recording = Recording {
            calls: vec![
                call("DeleteLoadBalancer", 10.0, None),
                call("DeleteSecurityGroup", 12.0, Some("DependencyViolation")),
                call("DeleteSecurityGroup", 40.0, None),
                call("RunInstances", 1.0, Some("InvalidGroup.NotFound")),
                call("RunInstances", 1.0, Some("UnauthorizedOperation")),
            ],
            ..Recording::default()
        };
        let seen: Vec<_> = answers(&recording)
            .into_iter()
            .filter_map(|answer| Some((answer.number, answer.seen?)))
            .collect();
        assert_eq!(
            seen,
            [
                (2, "refused: RunInstances by deploy".to_owned()),
                (
                    5,
                    "RunInstances InvalidGroup.NotFound: not there".to_owned()
                ),
                (
                    11,
                    "30 s from DeleteLoadBalancer to the last DeleteSecurityGroup that was done"
                        .to_owned()
                ),
            ]
        );
        assert!(
            answers(&Recording::default())
                .iter()
                .all(|answer| answer.seen.is_none())
        );
    }
}
