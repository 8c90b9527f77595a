//! What is a difference, and what is chance.

use serde_json::{Value, json};

use super::super::recording::{Call, Part, Step};
use super::*;

fn call(operation: &str, at: f64, answered: Value) -> Call {
    Call {
        part: "p".to_owned(),
        service: "S".to_owned(),
        operation: operation.to_owned(),
        at,
        took: 0.1,
        status: Some(200),
        answered,
        ..Call::default()
    }
}

fn refused(operation: &str, code: &str) -> Call {
    Call {
        status: Some(400),
        code: Some(code.to_owned()),
        ..call(operation, 9.0, Value::Null)
    }
}

fn walk(calls: Vec<Call>, took: f64) -> Recording {
    Recording {
        calls,
        parts: vec![Part {
            part: "p".to_owned(),
            ended: "deployed".to_owned(),
            took,
            ..Part::default()
        }],
        steps: vec![Step {
            part: "p".to_owned(),
            step: "bake".to_owned(),
            took,
        }],
        ..Recording::default()
    }
}

fn told(recorded: Vec<Call>, local: Vec<Vec<Call>>) -> Vec<String> {
    let local: Vec<_> = local.into_iter().map(|calls| walk(calls, 100.0)).collect();
    let comparison = compare(&walk(recorded, 100.0), &local);
    let told = comparison.differences.iter();
    told.map(|it| format!("{} | {} | {}", it.of, it.recorded, it.local))
        .collect()
}

#[test]
fn what_is_the_same_or_differs_among_the_local_walks_is_no_difference() {
    let plain = || call("A", 1.0, json!({"id": "x"}));
    let rich = || call("A", 1.0, json!({"id": "y", "more": "7"}));
    assert_eq!(
        told(vec![plain()], vec![vec![plain()], vec![plain()]]),
        [""; 0]
    );
    assert_eq!(
        told(vec![plain()], vec![vec![rich()], vec![plain()]]),
        [""; 0]
    );
    assert_eq!(
        told(vec![rich()], vec![vec![rich()], vec![plain()]]),
        [""; 0]
    );
    let lagged = || refused("A", "NotFound");
    let some = vec![vec![plain(), lagged()], vec![plain()]];
    assert_eq!(told(vec![plain()], some.clone()), [""; 0]);
    assert_eq!(told(vec![plain(), lagged()], some), [""; 0]);
    let throttled = vec![plain(), refused("A", "Throttling")];
    assert_eq!(told(throttled, vec![vec![plain()]]), [""; 0]);
}

#[test]
fn members_codes_operations_and_orders_that_differ_are_told() {
    let plain = || call("A", 1.0, json!({"id": "x"}));
    for (recorded, local, wanted) in [
        (
            vec![call("A", 1.0, json!({"id": "x", "b": "true"}))],
            vec![plain()],
            "S A b | true or false | not there",
        ),
        (
            vec![call("A", 1.0, json!({"other": ""}))],
            vec![plain()],
            "S A id | not there | text",
        ),
        (
            vec![call("A", 1.0, json!({"id": "7"}))],
            vec![plain()],
            "S A id | a number | text",
        ),
        (
            vec![plain(), refused("A", "Odd")],
            vec![plain()],
            "S A | Odd | never",
        ),
        (
            vec![plain()],
            vec![plain(), refused("A", "Odd")],
            "S A | never | Odd",
        ),
        (
            vec![refused("A", "Unknown")],
            vec![plain()],
            "S A | never done: Unknown | done",
        ),
        (
            vec![plain(), call("B", 9.0, json!(""))],
            vec![plain()],
            "S B | asked for, and done | never asked for",
        ),
        (
            vec![plain()],
            vec![plain(), call("B", 9.0, json!(""))],
            "S B | never asked for | asked for",
        ),
        (
            vec![plain(), call("B", 5.0, json!(""))],
            vec![
                call("B", 1.0, json!("")),
                call("A", 5.0, json!({"id": "x"})),
            ],
            "p | A, then B | B, then A",
        ),
    ] {
        assert_eq!(told(recorded, vec![local.clone(), local]), [wanted]);
    }
}

#[test]
fn a_duration_is_told_when_it_is_out_of_reach_and_an_end_when_no_walk_had_it() {
    let local = [walk(Vec::new(), 60.0), walk(Vec::new(), 100.0)];
    for (took, is_told) in [(16.0, false), (14.0, true), (215.0, false), (216.0, true)] {
        let comparison = compare(&walk(Vec::new(), took), &local);
        // The part, and its step.
        let differences = comparison.differences.len();
        assert_eq!(differences, if is_told { 2 } else { 0 }, "{took}");
    }
    let mut fast = walk(Vec::new(), 300.0);
    fast.head.speed = 60.0;
    assert_eq!(compare(&fast, &local).differences, []);
    let mut other = walk(Vec::new(), 60.0);
    other.parts[0].ended = "rolled back".to_owned();
    let comparison = compare(&other, &local);
    let about: Vec<_> = comparison.differences.iter().map(|it| it.about).collect();
    assert_eq!(about, [About::End]);
}
