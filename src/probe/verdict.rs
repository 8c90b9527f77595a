//! What the evidence proves: passed, failed, or nothing.
//!
//! Guarantees: no sample, no pass; a probe whose planted failure was not caught proves nothing.

use serde::Serialize;

use super::evidence::Evidence;
use super::sample::Lane;
use super::tally::Tally;

/// Fewer good answers than this prove nothing.
const ENOUGH: u64 = 20;
/// One in so many that fail is too many for a proof, even if as many failed before.
const TOO_MANY: u64 = 100;
/// One in so many that the runner's own network loses is too many for a proof.
const TOO_MANY_LOST: u64 = 20;
/// How many failure classes a reason names.
const NAMED: usize = 3;

/// What the evidence proves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every request was answered, by the wanted version at the end, and the planted failure was caught. Those that the runner's
    /// own network lost are not among them, nor are failures that were there before, as many and few.
    Passed,
    /// Something failed.
    Failed {
        /// What, one sentence each.
        reasons: Vec<String>,
    },
    /// Nothing failed, but the evidence is not good enough to say that all is well.
    Unproven {
        /// Why not, one sentence each.
        reasons: Vec<String>,
    },
}

impl Verdict {
    /// In one word, for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed { .. } => "failed",
            Self::Unproven { .. } => "unproven",
        }
    }
}

/// Judges what a probe observed; with `wanted`, the last answers all have to be of that version.
pub fn judge(evidence: &Evidence, wanted: Option<&str>) -> Verdict {
    let mut failed = Vec::new();
    let mut unproven = Vec::new();
    judge_failures(evidence, &mut failed, &mut unproven);
    if let Some(wanted) = wanted {
        judge_version(evidence, wanted, &mut failed);
    }
    judge_samples(evidence, &mut unproven);
    judge_control(evidence, &mut unproven);
    if !failed.is_empty() {
        Verdict::Failed { reasons: failed }
    } else if !unproven.is_empty() {
        Verdict::Unproven { reasons: unproven }
    } else {
        Verdict::Passed
    }
}

fn judge_failures(evidence: &Evidence, failed: &mut Vec<String>, unproven: &mut Vec<String>) {
    let tally = evidence.judged_tally();
    let lost = tally.lost_by_runner;
    if lost * TOO_MANY_LOST > tally.sent {
        unproven.push(format!(
            "the runner's own network lost {lost} of {} requests: what visitors were answered meanwhile is not known",
            tally.sent
        ));
    }
    let counts = tally.counts();
    if counts.failed == 0 {
        return;
    }
    let before = evidence.baseline().unwrap_or_default();
    if !counts.is_worse_than(before) {
        if counts.failed * TOO_MANY > counts.sent {
            unproven.push(format!(
                "{} of {} requests failed: no more than before it, when {} of {} did, but too many to say that visitors are served",
                counts.failed, counts.sent, before.failed, before.sent
            ));
        }
        return;
    }
    let before = match before.failed {
        0 => String::new(),
        failed => format!(" (before it {failed} of {} did)", before.sent),
    };
    let count = format!(
        "{} of {} requests failed{before}",
        counts.failed, counts.sent
    );
    let of_runner = |class| tally.lost_by_error.get(class).copied().unwrap_or_default();
    let counting = tally.by_error.iter();
    let counting = counting.map(|(class, count)| (class, count.saturating_sub(of_runner(class))));
    let mut classes: Vec<_> = counting.filter(|(_, count)| *count > 0).collect();
    classes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let named = classes.iter().take(NAMED);
    let named: Vec<_> = named
        .map(|(class, count)| format!("{count} {class}"))
        .collect();
    let mut reason = format!("{count}: {}", named.join(", "));
    if classes.len() > NAMED {
        reason.push_str(", and others");
    }
    if let Some(first) = &tally.first_failure {
        reason.push_str(&format!("; the first: {first}"));
    }
    failed.push(reason);
}

fn judge_version(evidence: &Evidence, wanted: &str, failed: &mut Vec<String>) {
    let tally = evidence.judged_tally();
    let answered = tally.by_version.get(wanted).copied().unwrap_or_default();
    if let Some((of, others, other)) = strangers(&tally.last_versions, answered, wanted) {
        failed.push(format!(
            "of the last {of} answers {others} were not of version {wanted}, but for example of {other}"
        ));
    }
}

/// Of how many last answers how many were not of `wanted`, which has answered so often in all, and an example of them.
fn strangers<'a>(
    last: &'a [String],
    answered: u64,
    wanted: &str,
) -> Option<(usize, usize, &'a String)> {
    // Where little was answered, as under a fast clock, the last answers would reach back to before the shift.
    let window = usize::try_from(answered / 2).unwrap_or(usize::MAX).max(1);
    let last = &last[last.len().saturating_sub(window)..];
    let others: Vec<_> = last.iter().filter(|version| *version != wanted).collect();
    let other = others.last().copied()?;
    Some((last.len(), others.len(), other))
}

/// Whether so much was asked that something is proved, one way or the other: of all, and of what is judged.
pub(super) const fn is_enough(all: &Tally, judged: &Tally, control: bool) -> bool {
    good_answers(judged) >= ENOUGH && (!control || all.control_sent > 0)
}

const fn good_answers(tally: &Tally) -> u64 {
    tally.sent.saturating_sub(tally.failed)
}

fn judge_samples(evidence: &Evidence, unproven: &mut Vec<String>) {
    let good = good_answers(evidence.judged_tally());
    if good < ENOUGH {
        unproven.push(format!(
            "{good} good answers are too few: {ENOUGH} are enough"
        ));
    }
    for lane in [Lane::Fresh, Lane::KeepAlive] {
        if evidence.lanes.get(&lane).is_none_or(|lane| lane.sent == 0) {
            unproven.push(format!("no request was finished on the {lane} lane"));
        }
    }
}

fn judge_control(evidence: &Evidence, unproven: &mut Vec<String>) {
    let tally = &evidence.tally;
    let missed = tally.control_sent - tally.control_caught;
    if !evidence.control {
        unproven.push("there was no negative control".to_owned());
    } else if tally.control_sent == 0 {
        unproven.push("no request of the negative control was finished".to_owned());
    } else if missed > 0 {
        unproven.push(format!(
            "{missed} of {} requests that had to fail did not: a path that nobody has was answered as the version is, by the \
             service (to what it does not have it should say 404) or by something in front of it",
            tally.control_sent
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answers_are_of_the_release_and_a_short_run_is_not_judged_by_those_before_its_shift()
    {
        let answers = |old: usize, new: usize| {
            let old = std::iter::repeat_n("1".to_owned(), old);
            let new = std::iter::repeat_n("2".to_owned(), new);
            old.chain(new).collect::<Vec<_>>()
        };
        assert_eq!(strangers(&answers(12, 52), 52, "2"), None);
        assert_eq!(strangers(&answers(0, 64), 3_000, "2"), None);
        let mixed = answers(1, 63);
        let (of, others, other) = strangers(&mixed, 3_000, "2").expect("one of 64");
        assert_eq!((of, others, other.as_str()), (64, 1, "1"));
        let late: Vec<_> = answers(0, 40).into_iter().chain(answers(1, 9)).collect();
        assert!(strangers(&late, 49, "2").is_some(), "it came back");
        assert!(strangers(&answers(64, 0), 0, "2").is_some());
    }
}
