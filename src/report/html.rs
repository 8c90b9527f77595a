//! The run as one page: no script, no request to anywhere, light and dark, on a phone and on a desk.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::Chart;
use super::failure::FailureReport;
use super::proof::Proof;
use super::story::Story;
use super::svg;
use super::timeline::{self, State};
use super::verdict::Tone;
use super::words::{LEDGER, MOST_OF_A_NAME, Part, Phrase, count, latency, plural, took};
use crate::text;

const STYLE: &str = include_str!("page.css");

/// Writes the page.
pub(super) fn write(story: &Story) -> String {
    let tone = match story.tone {
        Tone::Good => "good",
        Tone::Neutral => "neutral",
        Tone::Warning => "warning",
        Tone::Bad => "bad",
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (story.title) " · " (story.place.plain()) " · bg-deploy" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (verdict(story, tone))
                    (colours(story))
                    @if let Some(failure) = &story.failure { (what_failed(story, failure)) }
                    @else { (notices(story)) }
                    (steps(story))
                    @if let Some(proof) = &story.proof { (probe(proof)) }
                    (folded(story))
                }
            }
        }
    };
    let mut page = page.into_string();
    page.push('\n');
    page
}

fn verdict(story: &Story, tone: &str) -> Markup {
    html! {
        header class=(format!("verdict {tone}")) {
            h1 { (story.title) }
            @if !story.place.0.is_empty() { p.place { (phrase(&story.place)) } }
            p.sentence { (phrase(&story.sentence)) }
            @let beside = [&story.at, &story.account, &story.rehearsal, &story.url, &story.live_url];
            @if beside.iter().any(|one| one.is_some()) {
                p.beside {
                    @if let Some(at) = &story.at { span { (at) } " " }
                    @if let Some(account) = &story.account { span { "Account " (account) } " " }
                    @if let Some(note) = &story.rehearsal { span { (note) } " " }
                    @if let Some(url) = &story.url { span { (linked("Open the run", url)) } " " }
                    @if let Some(url) = &story.live_url { span { (linked("Live traffic", url)) } }
                }
            }
        }
    }
}

/// A link of our own words; an address that is none stands there as it is.
fn linked(words: &str, url: &str) -> Markup {
    html! {
        @match text::link(url) {
            Some(link) => { a href=(link) rel="noreferrer noopener" { (words) } }
            None => { (words) ": " code { bdi { (url) } } }
        }
    }
}

fn what_failed(story: &Story, failure: &FailureReport) -> Markup {
    html! {
        section.failure aria-label="What went wrong" {
            h2 { "Is live traffic affected?" }
            p.answer { (phrase(&failure.affected)) }
            @match (failure.step.is_empty(), failure.causes.is_empty()) {
                (true, _) => { h2 { "What is wrong" } }
                (false, true) => { h2 { "It was cancelled at" } p { (failure.step) } }
                (false, false) => { h2 { "What failed: " (failure.step) } }
            }
            @if !failure.causes.is_empty() { pre.cause { (failure.causes.join("\n")) } }
            @if let Some(why) = &failure.why { p.why { strong { "Why: " } (why) } }
            @if !story.last_words.is_empty() {
                h2 { "What the candidate said last" }
                ul {
                    @for said in &story.last_words {
                        li { code { (said.instance) } ": " (said.state) ": " code { (said.last) } }
                    }
                }
            }
            @if !failure.undone.is_empty() {
                h2 { "What was undone" }
                ul { @for undone in &failure.undone { li { (undone) } } }
            }
            (left(story))
            @if !failure.commands.is_empty() {
                h2 { (failure.next.trim_end_matches(':')) }
                pre.command { @for command in &failure.commands { (command) "\n" } }
            }
        }
    }
}

fn notices(story: &Story) -> Markup {
    html! {
        @if !story.warnings.is_empty() || !story.left.is_empty() {
            section.failure aria-label="Worth knowing" {
                @if !story.warnings.is_empty() {
                    h2 { "Worth knowing" }
                    ul { @for warning in &story.warnings { li { (warning) } } }
                }
                (left(story))
            }
        }
    }
}

fn left(story: &Story) -> Markup {
    html! {
        @if !story.left.is_empty() {
            h2 { "What is left, and how to remove it" }
            ul {
                @for left in &story.left { li { (left.what) pre.command { (left.remedy) "\n" } } }
            }
        }
    }
}

fn colours(story: &Story) -> Markup {
    html! {
        @if !story.colours.is_empty() {
            section aria-label="Blue against green" {
                div.pair {
                    @for row in &story.colours {
                        div class=(format!("colour c-{}", row.colour)) {
                            h2 {
                                (row.colour)
                                @if let Some(role) = row.role() { " " span.role { (role) } }
                            }
                            p.version { (row.version.as_deref().unwrap_or("–")) }
                            dl {
                                dt { "Instances healthy" } dd { (row.instances()) }
                                dt { "Weight" } dd { (row.weights()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn probe(proof: &Proof) -> Markup {
    html! {
        section aria-label="Probe" {
            h2 { "Probe: " (proof.verdict) }
            p.figure { strong { (count(proof.failed)) } " of " (count(proof.sent)) " requests failed" }
            @if !proof.reasons.is_empty() { ul { @for reason in &proof.reasons { li { (reason) } } } }
            @if let Some(chart) = &proof.chart { (figure(chart)) }
            ul.facts { @for fact in &proof.facts { li { (phrase(fact)) } } }
            div.tables {
            (table(&["Connection", "Sent", "Failed", "p50", "p99", "max"], "lrrrrr", proof.lanes.iter().map(|row| {
                let tally = &row.tally;
                let mut cells = vec![row.lane.to_owned(), count(tally.sent), count(tally.failed)];
                cells.extend([tally.p50, tally.p99, tally.max].map(latency));
                cells
            })))
            (table(&["Version", "Good answers", "First at", "Last at"], "lrrr", proof.versions.iter().map(|row| {
                let moment = |at: Option<std::time::Duration>| at.map_or("–".to_owned(), took);
                vec![row.version.clone(), count(row.answers), moment(row.first), moment(row.last)]
            })))
            (table(&["Answer", "Count"], "lr", proof.answers.iter().map(|(what, n)| {
                vec![what.clone(), count(*n)]
            })))
            (table(&["Counted by the load balancer", "Requests", "By status"], "lrl", proof.balancer.iter().map(|row| {
                vec![row.colour.to_string(), count(row.total), row.by_status.clone()]
            })))
            }
        }
    }
}

fn figure(chart: &Chart) -> Markup {
    html! {
        figure {
            div.scroll tabindex="0" { (svg::draw(chart)) }
            figcaption {
                @for (hue, name) in chart.legend() {
                    span.key { span class=(format!("swatch b-{hue}")) aria-hidden="true" {} " " bdi { (name) } " " }
                }
                span.key { span.line aria-hidden="true" {} " weights changed" }
            }
        }
    }
}

fn steps(story: &Story) -> Markup {
    let longest = story
        .steps
        .iter()
        .map(|row| row.took.as_secs_f64())
        .fold(0.001, f64::max);
    html! {
        @if !story.steps.is_empty() {
            section aria-label="Timeline" {
                h2 { "Timeline: " (story.duration) }
                div.scroll tabindex="0" {
                    table.steps {
                        thead { tr {
                            th scope="col" { "Step" } th.r scope="col" { "Took" }
                            th scope="col" { "What came of it" } th scope="col" { "Waited longest for" }
                        } }
                        tbody { @for (at, row) in story.steps.iter().enumerate() {
                            @if at == 0 || story.steps[at - 1].phase != row.phase {
                                tr.stage {
                                    th scope="rowgroup" { (row.phase.heading()) }
                                    th.r { (took(timeline::phase(&story.steps, row.phase))) }
                                    th colspan="2" {}
                                }
                            }
                            (step(row, longest))
                        } }
                    }
                }
            }
        }
    }
}

fn step(row: &timeline::Row, longest: f64) -> Markup {
    let (mark, word) = row.state.mark();
    let class = match row.state {
        State::Done => "done",
        State::Failed => "failed",
        State::Skipped | State::Unfinished => "faint",
    };
    let share = row.took.as_secs_f64() / longest * 100.0;
    html! {
        tr class=(class) {
            td.step { span.state title=(word) { (mark) } " " (row.step) }
            td.r.took { (took(row.took)) span.bar style=(format!("width:{share:.0}%")) aria-hidden="true" {} }
            td { bdi { (row.summary) } }
            td.faint.waited {
                @if let Some((reason, waited)) = &row.longest_wait { bdi { (reason) } ": " (took(*waited)) }
            }
        }
    }
}

fn smoke(story: &Story) -> Markup {
    html! {
        @if !story.smoke.is_empty() {
            @let failed = story.smoke.iter().filter(|row| !row.problems.is_empty()).count();
            details open[failed > 0] {
                summary {
                    "Smoke tests: "
                    @if failed == 0 { (story.smoke.len()) " passed" }
                    @else { (failed) " of " (story.smoke.len()) " failed" }
                }
                (table(&["Test", "Request", "Took", "What was wrong"], "llrl", story.smoke.iter().map(|row| {
                    let mark = if row.problems.is_empty() { "✓" } else { "✗" };
                    let name = format!("{mark} {}", row.name);
                    vec![name, row.request.clone(), row.took.clone(), row.problems.join("; ")]
                })))
            }
        }
    }
}

fn folded(story: &Story) -> Markup {
    html! {
        (smoke(story))
        @if let Some((lines, left_out)) = &story.builder_log {
            details {
                summary {
                    "The end of the builder's log"
                    @if *left_out > 0 { ", without " (left_out) " earlier lines" }
                }
                pre { (lines.join("\n")) }
            }
        }
        @for said in &story.last_words {
            details {
                summary {
                    "The end of the " (said.source) " of an instance that failed"
                    @if said.left_out > 0 { ", without " (said.left_out) " earlier lines" }
                }
                p { code { (said.instance) } ": " (said.state) }
                pre { (said.lines.join("\n")) }
            }
        }
        @if let Some(proof) = story.proof.as_ref().filter(|proof| !proof.log.is_empty()) {
            details {
                summary { "Probe log: failures, and the ends of each release" }
                (table(&["At", "", "Version", "How"], "rlll", proof.log.iter().map(|row| {
                    vec![took(row.at), row.what.to_owned(), row.version.clone(), row.how.clone()]
                })))
                @if let Some(ledger) = &proof.ledger { p { "The whole of it is the ledger, " code { (ledger) } "." } }
            }
        }
        @if !story.calls.is_empty() {
            @let failed = story.calls.iter().filter(|row| row.is_failed).count();
            details {
                summary {
                    "AWS request ids: " (plural(story.calls.len() as u64, "call"))
                    " that changed something or failed; " (failed) " failed"
                }
                (table(&["At (UTC)", "Operation", "Result", "Request id"], "llll", story.calls.iter().map(|row| {
                    vec![row.at.clone(), row.operation.clone(), row.result.clone(), row.request_id.clone()]
                })))
            }
        }
        @if !story.decisions.is_empty() {
            details {
                summary { "Decisions of the plan" }
                (table(&["Decision", "", "Why"], "lll", story.decisions.iter().map(|row| {
                    vec![row.what.clone(), row.value.clone(), row.why.clone()]
                })))
            }
        }
        @if !story.notes.is_empty() {
            details {
                summary { "Other events" }
                (table(&["At", "What happened"], "rl", story.notes.iter().map(|(at, note)| {
                    vec![at.clone(), note.clone()]
                })))
            }
        }
    }
}

/// A table of plain cells, numbers to the right; nothing without rows.
fn table(head: &[&str], align: &str, rows: impl Iterator<Item = Vec<String>>) -> Markup {
    let rows: Vec<Vec<String>> = rows.collect();
    let side = |column: usize| {
        if align.as_bytes().get(column) == Some(&b'r') {
            "r"
        } else {
            "l"
        }
    };
    html! {
        @if !rows.is_empty() {
            div.scroll tabindex="0" {
                table {
                    thead { tr { @for (column, name) in head.iter().enumerate() {
                        th class=(side(column)) scope="col" { (name) }
                    } } }
                    tbody { @for row in &rows { tr { @for (column, cell) in row.iter().enumerate() {
                        td class=(side(column)) { bdi { (cell) } }
                    } } } }
                }
            }
        }
    }
}

fn phrase(phrase: &Phrase) -> Markup {
    html! {
        @for part in &phrase.0 {
            @match part {
                Part::Words(words) => { (words) }
                Part::Name(name) => { b.name { bdi { (name) } } }
                // By its own name: a page may be looked at where it was downloaded to.
                Part::Ledger(path) if path.ends_with(LEDGER) => {
                    a href=(LEDGER) { bdi { (text::cut(path, MOST_OF_A_NAME)) } }
                }
                Part::Ledger(path) => { b.name { bdi { (text::cut(path, MOST_OF_A_NAME)) } } }
            }
        }
    }
}
