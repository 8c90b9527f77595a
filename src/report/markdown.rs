//! The run as GitHub's Markdown: for the job summary and the pull request's comment.
//!
//! Guarantees: all text goes through [`text::markdown`], [`text::code`] or a fence; never longer than [`MOST`]
//! characters, for what is folded is left out when there is no room for it.

use std::fmt::Write as _;

use super::chart::Chart;
use super::failure::Failure;
use super::proof::Proof;
use super::story::{Story, Tone};
use super::words::{Phrase, count, latency, took};
use super::{text, timeline};

/// A comment may have 65,536 characters; its author adds a few.
const MOST: usize = 60_000;

/// Writes the report.
pub(super) fn write(story: &Story) -> String {
    let mut out = String::new();
    verdict(story, &mut out);
    if let Some(failure) = &story.failure {
        what_failed(story, failure, &mut out);
    } else {
        notices(story, &mut out);
    }
    colours(story, &mut out);
    steps(story, &mut out);
    if let Some(proof) = &story.proof {
        probe(proof, &mut out);
    }
    let mut room = MOST.saturating_sub(out.chars().count());
    for (summary, body) in folded(story) {
        let fold = format!(
            "<details><summary>{summary}</summary>\n\n{}\n\n</details>\n\n",
            body.trim_end()
        );
        let length = fold.chars().count();
        if length <= room {
            room -= length;
            out.push_str(&fold);
        }
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    text::cut(&out, MOST)
}

fn verdict(story: &Story, out: &mut String) {
    let sign = match story.tone {
        Tone::Good => "✅",
        Tone::Neutral => "➖",
        Tone::Warning => "⚠️",
        Tone::Bad => "🛑",
    };
    put(
        out,
        format!(
            "### {sign} {}\n\n{}\n\n",
            story.title,
            story.sentence.markdown()
        ),
    );
    let mut beside: Vec<String> = story
        .rehearsal
        .iter()
        .map(|note| text::markdown(note))
        .collect();
    if let Some(url) = &story.url {
        beside.push(match text::link(url) {
            Some(link) => format!("[Open the run]({link})"),
            None => text::code(url),
        });
    }
    if !beside.is_empty() {
        put(out, format!("{}\n\n", beside.join(" · ")));
    }
}

fn what_failed(story: &Story, failure: &Failure, out: &mut String) {
    put(
        out,
        format!(
            "**Is live traffic affected?** {}\n\n",
            failure.affected.markdown()
        ),
    );
    let step = text::markdown(&failure.step);
    match (failure.step.is_empty(), failure.causes.is_empty()) {
        (true, _) => put(out, "**What is wrong:**\n\n".to_owned()),
        (false, true) => put(out, format!("**It was cancelled at:** {step}\n\n")),
        (false, false) => put(out, format!("**What failed:** {step}\n\n")),
    }
    if !failure.causes.is_empty() {
        put(out, format!("{}\n", text::fenced(&failure.causes)));
    }
    if let Some(why) = &failure.why {
        put(out, format!("**Why:** {}\n\n", text::markdown(why)));
    }
    if !failure.undone.is_empty() {
        put(
            out,
            format!("**What was undone:**\n\n{}\n", bullets(&failure.undone)),
        );
    }
    left(story, out);
    if !failure.commands.is_empty() {
        put(
            out,
            format!(
                "**{}**\n\n{}\n",
                failure.next,
                text::fenced(&failure.commands)
            ),
        );
    }
}

fn notices(story: &Story, out: &mut String) {
    if !story.warnings.is_empty() {
        put(
            out,
            format!("**Worth knowing:**\n\n{}\n", bullets(&story.warnings)),
        );
    }
    left(story, out);
}

fn left(story: &Story, out: &mut String) {
    if story.left.is_empty() {
        return;
    }
    put(
        out,
        "**What is left, and how to remove it:**\n\n".to_owned(),
    );
    let lines: Vec<String> = story
        .left
        .iter()
        .flat_map(|left| [format!("# {}", left.what), left.remedy.clone()])
        .collect();
    put(out, format!("{}\n", text::fenced(&lines)));
}

fn colours(story: &Story, out: &mut String) {
    if story.colours.is_empty() {
        return;
    }
    let rows = story.colours.iter().map(|row| {
        let sign = match row.colour {
            crate::names::Colour::Blue => "🟦",
            crate::names::Colour::Green => "🟩",
        };
        let role = row
            .role()
            .map(|role| format!(", {role}"))
            .unwrap_or_default();
        vec![
            format!("{sign} {}{role}", row.colour),
            row.instances(),
            row.version.as_deref().map_or("–".to_owned(), text::code),
            row.weights(),
        ]
    });
    let head = [
        "Colour",
        "Instances healthy",
        "Version seen",
        "Weight before → after",
    ];
    table(&head, "lrll", rows, out);
}

fn steps(story: &Story, out: &mut String) {
    if story.steps.is_empty() {
        return;
    }
    put(out, format!("#### Timeline: {}\n\n", story.duration));
    let mut stage = None;
    let rows = story.steps.iter().flat_map(|row| {
        let heading = (stage != Some(row.stage)).then(|| {
            stage = Some(row.stage);
            let heading = format!("**{}**", row.stage.heading());
            vec![heading, String::new(), String::new(), String::new()]
        });
        heading.into_iter().chain([step(row)])
    });
    let head = ["Step", "Took", "What came of it", "Waited longest for"];
    table(&head, "lrll", rows, out);
}

fn step(row: &timeline::Row) -> Vec<String> {
    let (mark, _) = row.state.mark();
    let waited = row
        .longest_wait
        .as_ref()
        .map(|(reason, waited)| format!("{}: {}", text::markdown(reason), took(*waited)));
    vec![
        format!("{mark} {}", text::markdown(&row.step)),
        took(row.took),
        text::markdown(&row.summary),
        waited.unwrap_or_default(),
    ]
}

fn probe(proof: &Proof, out: &mut String) {
    put(
        out,
        format!("#### Probe: {}, {}\n\n", proof.verdict, proof.failed_of()),
    );
    if !proof.reasons.is_empty() {
        put(out, format!("{}\n", bullets(&proof.reasons)));
    }
    let lanes = proof.lanes.iter().map(|row| {
        let tally = &row.tally;
        let mut cells = vec![row.lane.to_owned(), count(tally.sent), count(tally.failed)];
        cells.extend([tally.p50, tally.p99, tally.max].map(latency));
        cells
    });
    table(
        &["Connection", "Sent", "Failed", "p50", "p99", "max"],
        "lrrrrr",
        lanes,
        out,
    );
    let moment = |at: Option<std::time::Duration>| at.map_or("–".to_owned(), took);
    let versions = proof.versions.iter().map(|row| {
        vec![
            text::code(&row.version),
            count(row.answers),
            moment(row.first),
            moment(row.last),
        ]
    });
    table(
        &["Version", "Good answers", "First at", "Last at"],
        "lrrr",
        versions,
        out,
    );
    let answers = proof
        .answers
        .iter()
        .map(|(what, n)| vec![text::markdown(what), count(*n)]);
    table(&["Answer", "Count"], "lr", answers, out);
    let balancer = proof.balancer.iter().map(|row| {
        vec![
            row.colour.to_string(),
            count(row.total),
            text::markdown(&row.by_status),
        ]
    });
    table(
        &["Counted by the load balancer", "Requests", "By status"],
        "lrl",
        balancer,
        out,
    );
    let facts: Vec<String> = proof
        .facts
        .iter()
        .map(|fact| format!("- {}\n", fact.markdown()))
        .collect();
    put(out, format!("{}\n", facts.concat()));
    if let Some(chart) = &proof.chart {
        drawing(chart, out);
    }
}

fn drawing(chart: &Chart, out: &mut String) {
    put(out, format!("```mermaid\n{}```\n\n", chart.mermaid()));
    let legend = chart.legend().into_iter();
    let lines: Vec<String> = legend
        .map(|(hue, name)| match hue {
            "red" => format!("{hue}: {}", text::markdown(name)),
            _ => format!("{hue}: {}", text::code(name)),
        })
        .collect();
    let marks: Vec<String> = chart
        .marks
        .iter()
        .map(|mark| format!("{} at {}", mark.label, took(mark.at)))
        .collect();
    let weights = if marks.is_empty() {
        String::new()
    } else {
        format!(" Weights: {}.", marks.join("; "))
    };
    put(out, format!("Lines: {}.{weights}\n\n", lines.join(", ")));
    let drawn = text::fenced(&chart.text());
    put(
        out,
        format!("<details><summary>The same as text</summary>\n\n{drawn}\n</details>\n\n"),
    );
}

/// What is folded: its summary, in our own words, and its body.
fn folded(story: &Story) -> Vec<(String, String)> {
    let mut folds = Vec::new();
    if !story.smoke.is_empty() {
        let failed = story
            .smoke
            .iter()
            .filter(|row| !row.problems.is_empty())
            .count();
        let rows = story.smoke.iter().map(|row| {
            let mark = if row.problems.is_empty() {
                "✓"
            } else {
                "✗"
            };
            let problems = row.problems.join("; ");
            vec![
                format!("{mark} {}", text::markdown(&row.name)),
                text::code(&row.request),
                row.took.clone(),
                text::markdown(&problems),
            ]
        });
        let mut body = String::new();
        table(
            &["Test", "Request", "Took", "What was wrong"],
            "llrl",
            rows,
            &mut body,
        );
        folds.push((
            format!("Smoke tests: {failed} of {} failed", story.smoke.len()),
            body,
        ));
    }
    if let Some((lines, left_out)) = &story.builder_log {
        let summary = match left_out {
            0 => "The builder's log".to_owned(),
            _ => format!("The end of the builder's log, without {left_out} earlier lines"),
        };
        folds.push((summary, text::fenced(lines)));
    }
    if !story.decisions.is_empty() {
        let cells = |cell: &String| text::markdown(cell);
        let rows = story.decisions.iter();
        let rows = rows.map(|row| [&row.what, &row.value, &row.why].map(cells).to_vec());
        let mut body = String::new();
        table(&["Decision", "", "Why"], "lll", rows, &mut body);
        folds.push(("Decisions of the plan".to_owned(), body));
    }
    if !story.notes.is_empty() {
        let rows = story
            .notes
            .iter()
            .map(|(at, note)| vec![at.clone(), text::markdown(note)]);
        let mut body = String::new();
        table(&["At", "What happened"], "rl", rows, &mut body);
        folds.push(("Other events".to_owned(), body));
    }
    folds
}

/// A table of cells that are Markdown already; nothing without rows.
fn table(head: &[&str], align: &str, rows: impl Iterator<Item = Vec<String>>, out: &mut String) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    put(out, format!("| {} |\n", head.join(" | ")));
    let rule = align
        .chars()
        .map(|side| if side == 'r' { "--:" } else { ":--" });
    put(
        out,
        format!("| {} |\n", rule.collect::<Vec<_>>().join(" | ")),
    );
    for row in rows {
        put(out, format!("| {} |\n", row.join(" | ")));
    }
    out.push('\n');
}

fn bullets(items: &[String]) -> String {
    items
        .iter()
        .map(|item| format!("- {}\n", text::markdown(item)))
        .collect()
}

fn put(out: &mut String, text: String) {
    // Writing into a string cannot fail.
    let _ = out.write_str(&text);
}

impl Phrase {
    /// As inline Markdown: names are code, words are escaped.
    pub(super) fn markdown(&self) -> String {
        self.joined(text::markdown, text::code)
    }
}
