//! What is folded until somebody opens it: for those who look for a cause, or for AWS's support.

use super::budget::Block;
use super::table::table;
use crate::report::details::LastWords;
use crate::report::story::Story;
use crate::report::words::{plural, took};
use crate::text;

/// All of it; of a log at most so many lines, the last ones.
pub(super) fn all(story: &Story, log_lines: usize) -> Vec<Block> {
    let mut all = vec![builder_log(story, log_lines)];
    all.extend(
        story
            .last_words
            .iter()
            .map(|one| last_words(one, log_lines)),
    );
    all.extend([
        smoke(story),
        probe_log(story),
        chart_as_text(story),
        calls(story),
        decisions(story),
        notes(story),
    ]);
    all
}

fn chart_as_text(story: &Story) -> Block {
    let chart = story.proof.as_ref().and_then(|proof| proof.chart.as_ref());
    let drawn = chart.map(|chart| text::fenced(&chart.text()));
    Block::fold(
        12,
        "the chart as text",
        "The chart as text",
        &drawn.unwrap_or_default(),
    )
}

fn smoke(story: &Story) -> Block {
    let failed = story.smoke.iter().filter(|row| !row.problems.is_empty());
    let summary = match failed.count() {
        0 => format!("Smoke tests: {} passed", story.smoke.len()),
        failed => format!("Smoke tests: {failed} of {} failed", story.smoke.len()),
    };
    let rows = story.smoke.iter().map(|row| {
        let mark = if row.problems.is_empty() {
            "✓"
        } else {
            "✗"
        };
        vec![
            format!("{mark} {}", text::markdown(&row.name)),
            text::code(&row.request),
            row.took.clone(),
            text::markdown(&row.problems.join("; ")),
        ]
    });
    let body = table(&["Test", "Request", "Took", "What was wrong"], "llrl", rows);
    Block::fold(9, "the smoke tests", &summary, &body)
}

fn builder_log(story: &Story, most: usize) -> Block {
    let Some((lines, before)) = &story.builder_log else {
        return Block::needed(10, "", String::new());
    };
    let shown = &lines[lines.len().saturating_sub(most)..];
    let summary = match before + lines.len() - shown.len() {
        0 => "The builder's log".to_owned(),
        left_out => format!("The end of the builder's log, without {left_out} earlier lines"),
    };
    Block::fold(10, "the builder's log", &summary, &text::fenced(shown))
}

/// What an instance of the failed candidate said last. Which one it is stands inside: a summary has our own words only.
fn last_words(said: &LastWords, most: usize) -> Block {
    let shown = &said.lines[said.lines.len().saturating_sub(most)..];
    let of_whom = format!("The end of the {} of an instance that failed", said.source);
    let summary = match said.left_out + said.lines.len() - shown.len() {
        0 => of_whom,
        left_out => format!("{of_whom}, without {left_out} earlier lines"),
    };
    let whose = format!(
        "{}: {}",
        text::code(&said.instance),
        text::markdown(&said.state)
    );
    let body = format!("{whose}\n\n{}", text::fenced(shown));
    Block::fold(8, "what the candidate said last", &summary, &body)
}

fn probe_log(story: &Story) -> Block {
    let Some(proof) = &story.proof else {
        return Block::needed(11, "", String::new());
    };
    let rows = proof.log.iter().map(|row| {
        let version = if row.version.is_empty() {
            String::new()
        } else {
            text::code(&row.version)
        };
        vec![
            took(row.at),
            row.what.to_owned(),
            version,
            text::markdown(&row.how),
        ]
    });
    let mut body = table(&["At", "", "Version", "How"], "rlll", rows);
    if let (false, Some(ledger)) = (body.is_empty(), &proof.ledger) {
        body.push_str(&format!(
            "The whole of it is the ledger, {}.\n",
            text::code(ledger)
        ));
    }
    let summary = "Probe log: failures, and the ends of each release";
    Block::fold(11, "the probe's log", summary, &body)
}

fn calls(story: &Story) -> Block {
    let rows = story.calls.iter().map(|row| {
        vec![
            row.at.clone(),
            text::markdown(&row.operation),
            row.result.clone(),
            text::code(&row.request_id),
        ]
    });
    let failed = story.calls.iter().filter(|row| row.is_failed).count();
    let summary = format!(
        "AWS request ids: {} that changed something or failed; {failed} failed",
        plural(story.calls.len() as u64, "call")
    );
    let body = table(
        &["At (UTC)", "Operation", "Result", "Request id"],
        "llll",
        rows,
    );
    Block::fold(13, "the AWS request ids", &summary, &body)
}

fn decisions(story: &Story) -> Block {
    let cells = |cell: &String| text::markdown(cell);
    let rows = story.decisions.iter();
    let rows = rows.map(|row| [&row.what, &row.value, &row.why].map(cells).to_vec());
    let body = table(&["Decision", "", "Why"], "lll", rows);
    Block::fold(14, "the decisions", "Decisions of the plan", &body)
}

fn notes(story: &Story) -> Block {
    let rows = story.notes.iter();
    let rows = rows.map(|(at, note)| vec![at.clone(), text::markdown(note)]);
    let body = table(&["At", "What happened"], "rl", rows);
    Block::fold(15, "other events", "Other events", &body)
}
