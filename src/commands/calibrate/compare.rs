//! `compare`: holds the local cloud against a recording.

use std::fmt::Write as _;
use std::thread;

use anyhow::{Context as _, Result, anyhow};

use super::stage::local_walk;
use crate::calibrate::compare::About;
use crate::calibrate::{Answer, Comparison, Recording, answers, compare};
use crate::cli;
use crate::commands::{EarlyExit, Terminal};
use crate::names::roughly;
use crate::outcome::{EXIT_DIFFERENT, EXIT_OK};

/// How often the local cloud is walked through: what chance does to one walk shows in the others.
const WALKS: u64 = 3;

pub(in crate::commands) async fn run(
    options: &cli::Options,
    command: &cli::Compare,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let recorded = Recording::read(&command.recording)
        .map_err(|error| EarlyExit::bad_input(format!("{error:#}")))?;
    let walking = tokio::task::spawn_blocking(local_walks);
    let local = walking.await.context("walking through the local cloud")??;
    let comparison = compare(&recorded, &local);
    let seen = answers(&recorded);
    if options.json {
        let answer = serde_json::json!({"comparison": comparison, "unverified": seen});
        terminal.say(&format!("{answer:#}"));
    } else {
        terminal.say(text(&recorded, &comparison, &seen).trim_end());
    }
    Ok(match comparison.differences.is_empty() {
        true => EXIT_OK,
        false => EXIT_DIFFERENT,
    })
}

/// Several walks, on a clock of their own.
fn local_walks() -> Result<Vec<Recording>> {
    let walks = (1..=WALKS).map(|seed| {
        // Each on a thread with as much room as a process's first one has.
        let walk = thread::Builder::new().stack_size(8 << 20).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(true)
                .build()?;
            runtime.block_on(local_walk(seed))
        })?;
        walk.join()
            .map_err(|_| anyhow!("the walk through the local cloud panicked"))?
    });
    walks.collect()
}

/// For people.
fn text(recorded: &Recording, comparison: &Comparison, seen: &[Answer]) -> String {
    let mut text = String::new();
    let head = &recorded.head;
    let took: f64 = recorded.parts.iter().map(|part| part.took).sum();
    let _ = writeln!(
        text,
        "recorded {} in {}{}, {}: {} requests in {} parts; compared with {} walks through the local cloud",
        head.at,
        head.region,
        if head.elsewhere { ", not of AWS" } else { "" },
        roughly(std::time::Duration::from_secs_f64(took)),
        recorded.asked(),
        recorded.parts.len(),
        comparison.walks,
    );
    for about in About::ALL {
        let of_it: Vec<_> = comparison
            .differences
            .iter()
            .filter(|difference| difference.about == about)
            .collect();
        if of_it.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{} ({})", about.words(), of_it.len());
        for difference in of_it {
            let _ = writeln!(text, "  {}", difference.of);
            let _ = writeln!(text, "    recorded     {}", difference.recorded);
            let _ = writeln!(text, "    local cloud  {}", difference.local);
        }
    }
    if comparison.differences.is_empty() {
        let _ = writeln!(
            text,
            "\nno difference, in {} operations",
            comparison.operations
        );
    }
    let _ = writeln!(text, "\nwhat rests on nobody's word yet (docs/sources.md)");
    for answer in seen {
        let said = answer.seen.as_deref().unwrap_or("a walk does not show it");
        let _ = writeln!(
            text,
            "  {}  {}\n     {said}",
            answer.number, answer.question
        );
    }
    text
}
