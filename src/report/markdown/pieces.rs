//! What a reader sees at once: the verdict, what failed, the colours, the timeline, the probe.

use std::time::Duration;

use super::budget::Block;
use super::table::{bullets, table};
use crate::names::Colour;
use crate::report::chart::Chart;
use crate::report::proof::Proof;
use crate::report::story::Story;
use crate::report::timeline;
use crate::report::verdict::Tone;
use crate::report::words::{count, latency, took};
use crate::text;

/// The pieces of a story.
pub(super) struct Pieces<'a>(pub(super) &'a Story);

impl Pieces<'_> {
    /// Title, sentence, and the way to the run.
    pub(super) fn verdict(&self, link: &str) -> Block {
        let story = self.0;
        let sign = match story.tone {
            Tone::Good => "✅",
            Tone::Neutral => "➖",
            Tone::Warning => "⚠️",
            Tone::Bad => "🛑",
        };
        let place = story.place.markdown();
        let place = if place.is_empty() {
            place
        } else {
            format!(" · {place}")
        };
        let mut out = format!(
            "### {sign} {}{place}\n\n{}\n\n",
            story.title,
            story.sentence.markdown()
        );
        let at = story.at.iter().map(|at| text::markdown(at));
        let note = story.rehearsal.iter().map(|note| text::markdown(note));
        let run = story.url.iter().map(|url| linked(link, url));
        let live = story.live_url.iter().map(|url| linked("Live traffic", url));
        let beside: Vec<String> = at.chain(note).chain(run).chain(live).collect();
        if !beside.is_empty() {
            out.push_str(&format!("{}\n\n", beside.join(" · ")));
        }
        Block::needed(0, "", out)
    }

    /// Is live traffic affected, the failing step, its cause, what was undone.
    pub(super) fn what_failed(&self) -> Block {
        let mut out = String::new();
        if let Some(failure) = &self.0.failure {
            let affected = failure.affected.markdown();
            out.push_str(&format!("**Is live traffic affected?** {affected}\n\n"));
            let step = text::markdown(&failure.step);
            out.push_str(
                &match (failure.step.is_empty(), failure.causes.is_empty()) {
                    (true, _) => "**What is wrong:**\n\n".to_owned(),
                    (false, true) => format!("**It was cancelled at:** {step}\n\n"),
                    (false, false) => format!("**What failed:** {step}\n\n"),
                },
            );
            if !failure.causes.is_empty() {
                out.push_str(&format!("{}\n", text::fenced(&failure.causes)));
            }
            if let Some(why) = &failure.why {
                out.push_str(&format!("**Why:** {}\n\n", text::markdown(why)));
            }
            out.push_str(&self.last_words());
            if !failure.undone.is_empty() {
                let undone = bullets(&failure.undone);
                out.push_str(&format!("**What was undone:**\n\n{undone}\n"));
            }
        } else if !self.0.warnings.is_empty() {
            let warnings = bullets(&self.0.warnings);
            out.push_str(&format!("**Worth knowing:**\n\n{warnings}\n"));
        }
        Block::needed(2, "what failed", out)
    }

    /// What the instances of a failed candidate said last, a line each; the rest of it is folded.
    fn last_words(&self) -> String {
        let said = self.0.last_words.iter().map(|said| {
            format!(
                "- {}: {}: {}\n",
                text::code(&said.instance),
                text::markdown(&said.state),
                text::code(&said.last)
            )
        });
        let said = said.collect::<String>();
        match said.as_str() {
            "" => said,
            said => format!("**What the candidate said last:**\n\n{said}\n"),
        }
    }

    /// What stays behind, with the commands that remove it.
    pub(super) fn left(&self) -> Block {
        let lines = self.0.left.iter();
        let lines = lines.flat_map(|left| [format!("# {}", left.what), left.remedy.clone()]);
        let lines: Vec<String> = lines.collect();
        let out = if lines.is_empty() {
            String::new()
        } else {
            let lines = text::fenced(&lines);
            format!("**What is left, and how to remove it:**\n\n{lines}\n")
        };
        Block::needed(3, "what is left", out)
    }

    /// What to type next.
    pub(super) fn next(&self) -> Block {
        let failure = self.0.failure.as_ref();
        let failure = failure.filter(|failure| !failure.commands.is_empty());
        let out = failure.map(|failure| {
            let commands = text::fenced(&failure.commands);
            format!("**{}**\n\n{commands}\n", failure.next)
        });
        Block::needed(1, "what to type next", out.unwrap_or_default())
    }

    /// Blue against green.
    pub(super) fn colours(&self) -> Block {
        let rows = self.0.colours.iter().map(|row| {
            let sign = match row.colour {
                Colour::Blue => "🟦",
                Colour::Green => "🟩",
            };
            let role = row.role().map(|role| format!(", {role}"));
            vec![
                format!("{sign} {}{}", row.colour, role.unwrap_or_default()),
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
        Block::needed(4, "blue against green", table(&head, "lrll", rows))
    }

    /// Each step, by phase, with what it waited for.
    pub(super) fn timeline(&self) -> Block {
        let story = self.0;
        if story.steps.is_empty() {
            return Block::needed(6, "", String::new());
        }
        let mut phase = None;
        let rows = story.steps.iter().flat_map(|row| {
            let heading = (phase != Some(row.phase)).then(|| {
                phase = Some(row.phase);
                let seconds = took(timeline::phase(&story.steps, row.phase));
                let heading = format!("**{}**", row.phase.heading());
                vec![
                    heading,
                    format!("**{seconds}**"),
                    String::new(),
                    String::new(),
                ]
            });
            heading.into_iter().chain([step(row)])
        });
        let head = ["Step", "Took", "What came of it", "Waited longest for"];
        let table = table(&head, "lrll", rows);
        Block::needed(6, "the timeline", table)
    }

    /// The probe in a line.
    pub(super) fn probe_line(&self) -> Block {
        let line = self.0.proof.as_ref().map(|proof| {
            let sentence = proof.line().markdown();
            let verdict = proof.verdict;
            format!("**Probe: {verdict}.** {sentence}\n\n")
        });
        Block::needed(5, "the probe", line.unwrap_or_default())
    }

    /// The probe's numbers.
    pub(super) fn probe(&self) -> Block {
        let out = self.0.proof.as_ref().map(probe).unwrap_or_default();
        Block::needed(7, "the probe's numbers", out)
    }

    /// Which release answered when.
    pub(super) fn chart(&self) -> Block {
        let chart = self.0.proof.as_ref().and_then(|proof| proof.chart.as_ref());
        let out = chart.map(drawing).unwrap_or_default();
        Block::needed(8, "the chart", out)
    }
}

/// A link of our own words; an address that is none stands there as it is.
fn linked(words: &str, url: &str) -> String {
    match text::link(url) {
        Some(url) => format!("[{words}]({url})"),
        None => format!("{words}: {}", text::code(url)),
    }
}

fn step(row: &timeline::Row) -> Vec<String> {
    let (mark, _) = row.state.mark();
    let waited = row.longest_wait.as_ref();
    let waited =
        waited.map(|(reason, waited)| format!("{}: {}", text::markdown(reason), took(*waited)));
    vec![
        format!("{mark} {}", text::markdown(&row.step)),
        took(row.took),
        text::markdown(&row.summary),
        waited.unwrap_or_default(),
    ]
}

fn probe(proof: &Proof) -> String {
    let mut out = String::new();
    if !proof.reasons.is_empty() {
        out.push_str(&format!("{}\n", bullets(&proof.reasons)));
    }
    let moment = |at: Option<Duration>| at.map_or("–".to_owned(), took);
    let versions = proof.versions.iter().map(|row| {
        vec![
            text::code(&row.version),
            count(row.answers),
            moment(row.first),
            moment(row.last),
        ]
    });
    let head = ["Version", "Good answers", "First at", "Last at"];
    out.push_str(&table(&head, "lrrr", versions));
    let answers = proof.answers.iter();
    let answers = answers.map(|(what, n)| vec![text::markdown(what), count(*n)]);
    out.push_str(&table(&["Answer", "Count"], "lr", answers));
    let lanes = proof.lanes.iter().map(|row| {
        let tally = &row.tally;
        let mut cells = vec![row.lane.to_owned(), count(tally.sent), count(tally.failed)];
        cells.extend([tally.p50, tally.p99, tally.max].map(latency));
        cells
    });
    let head = ["Connection", "Sent", "Failed", "p50", "p99", "max"];
    out.push_str(&table(&head, "lrrrrr", lanes));
    let balancer = proof.balancer.iter().map(|row| {
        vec![
            row.colour.to_string(),
            count(row.total),
            text::markdown(&row.by_status),
        ]
    });
    let head = ["Counted by the load balancer", "Requests", "By status"];
    out.push_str(&table(&head, "lrl", balancer));
    let facts = proof.facts.iter();
    let facts: Vec<String> = facts
        .map(|fact| format!("- {}\n", fact.markdown()))
        .collect();
    out + &facts.concat() + "\n"
}

fn drawing(chart: &Chart) -> String {
    let legend = chart.legend().into_iter();
    let lines: Vec<String> = legend
        .map(|(hue, name)| match hue {
            "red" => format!("{hue}: {}", text::markdown(name)),
            _ => format!("{hue}: {}", text::code(name)),
        })
        .collect();
    let marks = chart.marks.iter();
    let marks: Vec<String> = marks
        .map(|mark| format!("{} at {}", mark.label, took(mark.at)))
        .collect();
    let weights = if marks.is_empty() {
        String::new()
    } else {
        format!(" Weights: {}.", marks.join("; "))
    };
    format!(
        "```mermaid\n{}```\n\nLines: {}.{weights}\n\n",
        chart.mermaid(),
        lines.join(", ")
    )
}
