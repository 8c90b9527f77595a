//! The binary twice at once, the second started at any offset over the release of the first, while visitors are served: none
//! of them notices, and whoever speaks last knows who serves.
//!
//! Some offsets by default; all of them, which takes a quarter of an hour, with `BGD_ALL_OFFSETS=1`.

use crate::site::{Ran, Running, Site};

/// Offsets at which the second run begins.
const OFFSETS: usize = 40;
/// What runs beside a release.
const OTHERS: [&str; 4] = ["deploy", "rollback", "provision", "finish"];

/// Every offset, or some.
fn offsets() -> impl Iterator<Item = usize> {
    let step = match std::env::var_os("BGD_ALL_OFFSETS") {
        Some(_) => 1,
        None => 11,
    };
    (0..OFFSETS).step_by(step)
}

/// Waits for the end of both; what they said, in the order of their ends.
fn end(mut runs: Vec<Running>, mut meanwhile: impl FnMut()) -> Vec<(String, Ran)> {
    let mut told = Vec::new();
    while !runs.is_empty() {
        meanwhile();
        let (under_way, ended): (Vec<_>, Vec<_>) = runs
            .into_iter()
            .map(|mut run| (run.is_alive(), run))
            .partition(|(is_alive, _)| *is_alive);
        let ended = ended
            .into_iter()
            .map(|(_, run)| (run.words.clone(), run.end()));
        told.extend(ended);
        runs = under_way.into_iter().map(|(_, run)| run).collect();
    }
    told
}

#[test]
fn whatever_begins_at_any_offset_of_a_release_costs_no_visitor_a_request() {
    let site = Site::with("1.0.0");
    let mut visitor = site.visitor();
    let release = site.answers_in_a_release("1.0.1", &mut visitor);
    for (number, offset) in offsets().enumerate() {
        let first = site.deploy(&format!("1.{number}.1"));
        visitor.has(offset * release / OFFSETS);
        let second = match OTHERS[number % OTHERS.len()] {
            "deploy" => site.deploy(&format!("1.{number}.2")),
            other => site.start(&[other]),
        };
        let beside = format!("{} at offset {offset}", second.words);
        let told = end(vec![first, second], || visitor.has(1));
        let said: Vec<_> = told
            .iter()
            .map(|(words, ran)| format!("== {words}: {:?}\n{}", ran.code, ran.text))
            .collect();
        let said = said.join("\n");
        assert_eq!(visitor.lost(), [""; 0], "{beside}\n{said}");
        for (words, ran) in &told {
            // 1 is a mistake of ours, 6 is for a person.
            let is_fine = ran.code.is_some_and(|code| ![1, 2, 6].contains(&code));
            assert!(is_fine, "{beside}: {words}\n{said}");
        }
        let last = told.iter().rev().find_map(|(_, ran)| ran.serving());
        assert_eq!(last, Some(visitor.next()), "{beside}\n{said}");
    }
}
