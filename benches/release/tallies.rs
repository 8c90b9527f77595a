//! How many calls a release makes, of which kind, and how many in its busiest second.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use local_aws::account::Call;

use crate::Measured;
use crate::critical_path::Recording;

/// Steps that look again and again; what they read after their change is waiting.
const WAITING: [&str; 6] = [
    "bake image",
    "clear idle group",
    "scale up idle group",
    "await healthy",
    "shift traffic",
    "retain previous",
];

/// How many calls only waited.
pub(crate) fn wait_calls(recording: &Recording) -> usize {
    let waits_of = |step: &&str| {
        let calls = recording.calls_of(step);
        let changed = calls.iter().position(Call::is_mutating).unwrap_or_default();
        let after = calls[changed..].iter();
        after.filter(|call| !call.is_mutating()).count()
    };
    WAITING.iter().map(waits_of).sum()
}

/// Prints the calls of every run: the totals by seed, then each operation.
pub(crate) fn print(out: &mut impl Write, all: &[Measured]) -> Result<()> {
    writeln!(
        out,
        "\n{:>5}{:>12}{:>12}{:>12}{:>12}{:>12}",
        "seed", "AWS calls", "mutating", "that wait", "others", "errors"
    )?;
    for run in all {
        let mutating = run.calls.iter().filter(|call| call.is_mutating()).count();
        let errors = run.calls.iter().filter(|call| call.error.is_some()).count();
        writeln!(
            out,
            "{:>5}{:>12}{mutating:>12}{:>12}{:>12}{errors:>12}",
            run.seed,
            run.calls.len(),
            run.waits,
            run.calls.len() - run.waits,
        )?;
    }
    writeln!(
        out,
        "\n{:<50}{:>12}{:>8}{:>20}{:>10}",
        "operation", "mean calls", "most", "in busiest second", "errors"
    )?;
    let mut by_operation: BTreeMap<String, (Vec<Vec<Duration>>, usize)> = BTreeMap::new();
    for (index, run) in all.iter().enumerate() {
        for call in &run.calls {
            let name = format!("{} {}", call.service, call.operation);
            let (runs, errors) = by_operation
                .entry(name)
                .or_insert_with(|| (vec![Vec::new(); all.len()], 0));
            runs[index].push(call.at);
            *errors += usize::from(call.error.is_some());
        }
    }
    for (name, (runs, errors)) in &by_operation {
        let total: usize = runs.iter().map(Vec::len).sum();
        writeln!(
            out,
            "{name:<50}{:>12.1}{:>8}{:>20}{errors:>10}",
            total as f64 / runs.len() as f64,
            runs.iter().map(Vec::len).max().unwrap_or_default(),
            runs.iter().map(|at| busiest(at)).max().unwrap_or_default(),
        )?;
    }
    Ok(())
}

/// The most of these moments, in order, that lie within a second.
fn busiest(moments: &[Duration]) -> usize {
    let within = |(index, first): (usize, &Duration)| {
        let end = *first + Duration::from_secs(1);
        moments[index..].partition_point(|at| *at < end)
    };
    moments.iter().enumerate().map(within).max().unwrap_or(0)
}
