//! Which version answered when, as a drawing: the numbers of it, a text form and Mermaid's.
//!
//! Guarantees: no foreign text in the diagram's language; never more bars than a form has room for, and merging
//! them loses no count.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Run;
use super::subject::{self, colour_of};
use super::words;
use crate::names::{Colour, Weights};
use crate::probe::{Bucket, Evidence};
use crate::run::event::Event;
use crate::text;

/// The versions that get a colour of their own; further ones are counted together.
const MOST_VERSIONS: usize = 5;
/// The weight changes that are drawn.
const MOST_MARKS: usize = 12;
/// Bars of the text form.
const TEXT_BARS: usize = 60;
/// Points of Mermaid's.
const MERMAID_BARS: usize = 60;

/// The colour a version is drawn in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hue {
    Blue,
    Green,
    Violet,
    Orange,
    Grey,
}

impl Hue {
    /// Its name, also the one of its class in the style sheet.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Green => "green",
            Self::Violet => "violet",
            Self::Orange => "orange",
            Self::Grey => "grey",
        }
    }

    /// Readable on white and on black.
    const fn hex(self) -> &'static str {
        match self {
            Self::Blue => "#3b82f6",
            Self::Green => "#22a06b",
            Self::Violet => "#8250df",
            Self::Orange => "#d97706",
            Self::Grey => "#8c959f",
        }
    }
}

/// How often one version answered, bar by bar.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) hue: Hue,
    pub(super) counts: Vec<u64>,
}

/// A moment at which the weights were changed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mark {
    pub(super) at: Duration,
    pub(super) label: String,
}

/// What answered when.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chart {
    pub(super) from: Duration,
    /// Of one bar.
    pub(super) width: Duration,
    /// How many seconds of each bar the probe ran: the last one may not be whole.
    pub(super) seconds: Vec<f64>,
    pub(super) versions: Vec<Series>,
    pub(super) failed: Vec<u64>,
    pub(super) marks: Vec<Mark>,
}

impl Chart {
    /// The drawing of a run's evidence; nothing when there was no answer to draw.
    pub(super) fn of(run: &Run<'_>, evidence: &Evidence) -> Option<Self> {
        let first = evidence.series.first()?;
        let mut counts: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        let bars = evidence.series.len();
        for (at, bucket) in evidence.series.iter().enumerate() {
            for (version, count) in &bucket.by_version {
                counts.entry(version).or_insert_with(|| vec![0; bars])[at] += count;
            }
        }
        let failed: Vec<u64> = evidence.series.iter().map(|bucket| bucket.failed).collect();
        let mut chart = Self {
            from: first.from,
            width: first.width,
            seconds: seconds(evidence),
            versions: ranked(run, counts),
            failed,
            marks: Vec::new(),
        };
        let end = chart.end();
        chart.marks = marks(run, chart.from, end);
        (chart.peak() > 0.0).then_some(chart)
    }

    pub(super) fn bars(&self) -> usize {
        self.failed.len()
    }

    pub(super) fn end(&self) -> Duration {
        self.from + self.width * u32::try_from(self.bars()).unwrap_or(u32::MAX)
    }

    /// The most requests a second in one bar.
    pub(super) fn peak(&self) -> f64 {
        let rates = (0..self.bars()).map(|bar| {
            let answered: u64 = self.versions.iter().map(|series| series.counts[bar]).sum();
            self.rate(answered + self.failed[bar], bar)
        });
        rates.fold(0.0, f64::max)
    }

    /// So many requests in one bar, as requests a second.
    pub(super) fn rate(&self, count: u64, bar: usize) -> f64 {
        count as f64 / self.seconds[bar]
    }

    pub(super) fn has_failures(&self) -> bool {
        self.failed.iter().any(|count| *count > 0)
    }

    /// The same with at most `most` bars.
    pub(super) fn with_bars(&self, most: usize) -> Self {
        let each = self.bars().div_ceil(most).max(1);
        let merge = |counts: &[u64]| counts.chunks(each).map(|part| part.iter().sum()).collect();
        Self {
            from: self.from,
            width: self.width * u32::try_from(each).unwrap_or(u32::MAX),
            seconds: self
                .seconds
                .chunks(each)
                .map(|part| part.iter().sum())
                .collect(),
            versions: self
                .versions
                .iter()
                .map(|series| Series {
                    name: series.name.clone(),
                    hue: series.hue,
                    counts: merge(&series.counts),
                })
                .collect(),
            failed: merge(&self.failed),
            marks: self.marks.clone(),
        }
    }

    /// One row a version, one character a bar.
    pub(super) fn text(&self) -> Vec<String> {
        let chart = self.with_bars(TEXT_BARS);
        let peak = chart.peak();
        let names = chart.versions.iter().map(|s| text::columns(&s.name)).max();
        let margin = names.unwrap_or(0).clamp(7, 20) + 2;
        let row = |name: &str, line: String| {
            let name = text::fit(&text::for_log(name), margin - 2);
            let gap = " ".repeat(margin - text::columns(&name));
            format!("{name}{gap}{line}").trim_end().to_owned()
        };
        let mut lines: Vec<String> = chart
            .versions
            .iter()
            .map(|series| row(&series.name, chart.spark(&series.counts, peak)))
            .collect();
        if chart.has_failures() {
            let flags = chart.failed.iter().map(|n| if *n > 0 { '!' } else { ' ' });
            lines.push(row("failed", flags.collect()));
        }
        for mark in &chart.marks {
            let at = (mark.at.saturating_sub(chart.from)).as_secs_f64() / chart.width.as_secs_f64();
            let indent = " ".repeat((at as usize).min(chart.bars().saturating_sub(1)));
            let label = format!("^ {} at {}", mark.label, words::took(mark.at));
            lines.push(row("weights", format!("{indent}{label}")));
        }
        let (from, end) = (words::took(chart.from), words::took(chart.end()));
        let gap = chart
            .bars()
            .saturating_sub(text::columns(&from) + text::columns(&end))
            .max(1);
        lines.push(row("time", format!("{from}{}{end}", " ".repeat(gap))));
        lines
    }

    /// An `xychart-beta`; it has no legend, see [`Chart::legend`].
    pub(super) fn mermaid(&self) -> String {
        let chart = self.with_bars(MERMAID_BARS);
        let mut hues: Vec<&str> = chart
            .versions
            .iter()
            .map(|series| series.hue.hex())
            .collect();
        let mut lines: Vec<&[u64]> = chart.versions.iter().map(|s| s.counts.as_slice()).collect();
        if chart.has_failures() {
            hues.push("#e5484d");
            lines.push(&chart.failed);
        }
        let mut out = format!(
            "%%{{init: {{\"themeVariables\": {{\"xyChart\": {{\"plotColorPalette\": \"{}\"}}}}}}}}%%\nxychart-beta\n",
            hues.join(", ")
        );
        out.push_str("  title \"Requests a second\"\n");
        out.push_str(&format!(
            "  x-axis \"seconds since the run began\" {:.1} --> {:.1}\n",
            chart.from.as_secs_f64(),
            chart.end().as_secs_f64()
        ));
        let top = chart.peak().ceil().max(1.0);
        out.push_str(&format!("  y-axis \"requests a second\" 0 --> {top}\n"));
        for counts in lines {
            let rates = counts.iter().enumerate();
            let rates = rates.map(|(bar, count)| format!("{:.1}", chart.rate(*count, bar)));
            let rates: Vec<String> = rates.collect();
            out.push_str(&format!("  line [{}]\n", rates.join(", ")));
        }
        out
    }

    fn spark(&self, counts: &[u64], peak: f64) -> String {
        const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let bars = counts.iter().enumerate();
        bars.map(|(bar, count)| match count {
            0 => ' ',
            _ => {
                let level = (self.rate(*count, bar) / peak * 8.0).round() as usize;
                LEVELS[level.clamp(1, 8) - 1]
            }
        })
        .collect()
    }

    /// What is drawn in which colour: a word, and the version; the failures last.
    pub(super) fn legend(&self) -> Vec<(&'static str, &str)> {
        let versions = self.versions.iter();
        let mut legend: Vec<_> = versions.map(|s| (s.hue.word(), s.name.as_str())).collect();
        if self.has_failures() {
            legend.push(("red", "failed"));
        }
        legend
    }
}

/// How long the probe ran in each bucket; never nothing, so that a rate can be had.
fn seconds(evidence: &Evidence) -> Vec<f64> {
    let covered = |bucket: &Bucket| {
        let end = (bucket.from + bucket.width).min(evidence.ended.max(bucket.from));
        let covered = end.saturating_sub(bucket.from);
        covered.max(bucket.width / 2).as_secs_f64().max(1e-6)
    };
    evidence.series.iter().map(covered).collect()
}

/// The versions in the order they came, the most frequent ones by themselves.
fn ranked(run: &Run<'_>, counts: BTreeMap<&str, Vec<u64>>) -> Vec<Series> {
    let mut all: Vec<(&str, Vec<u64>)> = counts.into_iter().collect();
    all.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.iter().sum::<u64>()));
    let rest = all.split_off(all.len().min(MOST_VERSIONS));
    all.sort_by_key(|(_, counts)| counts.iter().position(|count| *count > 0));
    let mut taken = Vec::new();
    let mut series: Vec<Series> = all
        .into_iter()
        .map(|(version, counts)| Series {
            name: text::cut(&text::one_line(version), 60),
            hue: hue_of(run, version, &mut taken),
            counts,
        })
        .collect();
    if let Some((_, first)) = rest.first() {
        let mut sum = vec![0; first.len()];
        for (_, counts) in &rest {
            sum.iter_mut()
                .zip(counts)
                .for_each(|(all, one)| *all += one);
        }
        series.push(Series {
            name: "others".to_owned(),
            hue: Hue::Grey,
            counts: sum,
        });
    }
    series
}

/// The colour its version stood on; else the one that is left for what was live, and for what was wanted.
fn hue_of(run: &Run<'_>, version: &str, taken: &mut Vec<Hue>) -> Hue {
    let subject = subject::of(run.events);
    let wish = match colour_of(run, version) {
        Some(Colour::Blue) => Hue::Blue,
        Some(Colour::Green) => Hue::Green,
        None if version == subject.release.0 => Hue::Green,
        None if subject.previous.as_ref().is_some_and(|it| it.0 == version) => Hue::Blue,
        None => Hue::Violet,
    };
    let order = [wish, Hue::Violet, Hue::Orange, Hue::Green, Hue::Blue];
    let hue = order
        .into_iter()
        .find(|hue| !taken.contains(hue))
        .unwrap_or(Hue::Grey);
    taken.push(hue);
    hue
}

fn marks(run: &Run<'_>, from: Duration, end: Duration) -> Vec<Mark> {
    let written = run.events.iter().filter_map(|stamped| match stamped.event {
        Event::WeightsWritten { weights } if (from..=end).contains(&stamped.at) => Some(Mark {
            at: stamped.at,
            label: label(weights),
        }),
        _ => None,
    });
    written.take(MOST_MARKS).collect()
}

fn label(weights: Weights) -> String {
    match weights.live() {
        Some(colour) => format!("all to {colour}"),
        None => weights.to_string(),
    }
}
