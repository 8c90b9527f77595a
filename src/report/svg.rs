//! The chart as inline SVG: stacked bars by version, failures in red on top, weight changes as labelled lines.

use maud::{Markup, html};

use super::chart::{Chart, Mark};
use super::words::took;

/// Bars that have room.
const BARS: usize = 120;
/// The drawing's own units.
const WIDTH: f64 = 960.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 944.0;
const BOTTOM: f64 = 260.0;
const BAR_HEIGHT: f64 = 200.0;
/// Labels of weight changes stand above the bars, in this many rows.
const LABEL_ROWS: usize = 3;
/// How wide a label's character is, about.
const CHARACTER: f64 = 7.4;

/// Draws it.
pub(super) fn draw(chart: &Chart) -> Markup {
    let chart = chart.with_bars(BARS);
    let scale = Scale::of(&chart);
    html! {
        svg.chart viewBox=(format!("0 0 {WIDTH} 304")) role="img" aria-labelledby="chart-title chart-desc" {
            title #chart-title { "Requests answered over time, by version" }
            desc #chart-desc { (describe(&chart)) }
            (grid(&scale))
            @for bar in 0..chart.bars() { (stack(&chart, &scale, bar)) }
            line.axis x1=(n(LEFT)) x2=(n(RIGHT)) y1=(n(BOTTOM)) y2=(n(BOTTOM)) {}
            @for (mark, row) in labelled(&chart.marks, &scale) { (flag(mark, row, &scale)) }
            (seconds(&scale))
        }
    }
}

/// From time and requests to the drawing's units.
struct Scale {
    from: f64,
    span: f64,
    peak: f64,
    bar: f64,
}

impl Scale {
    fn of(chart: &Chart) -> Self {
        let from = chart.from.as_secs_f64();
        Self {
            from,
            span: (chart.end().as_secs_f64() - from).max(0.001),
            peak: chart.peak().max(0.001),
            bar: (RIGHT - LEFT) / chart.bars().max(1) as f64,
        }
    }

    fn x(&self, seconds: f64) -> f64 {
        LEFT + (seconds - self.from) / self.span * (RIGHT - LEFT)
    }

    fn height(&self, rate: f64) -> f64 {
        rate / self.peak * BAR_HEIGHT
    }
}

fn stack(chart: &Chart, scale: &Scale, bar: usize) -> Markup {
    let x = LEFT + bar as f64 * scale.bar;
    let whole = (scale.bar - 1.0).max(scale.bar * 0.75);
    let width = whole * (chart.seconds[bar] / chart.width.as_secs_f64()).min(1.0);
    let versions = chart.versions.iter().map(|s| (s.hue.word(), s.counts[bar]));
    let mut top = BOTTOM;
    let pieces: Vec<(&str, f64, f64)> = versions
        .chain([("red", chart.failed[bar])])
        .filter(|(_, count)| *count > 0)
        .map(|(hue, count)| {
            // A single failure among thousands has to be seen.
            let least = if hue == "red" { 4.0 } else { 0.5 };
            let height = scale.height(chart.rate(count, bar)).max(least);
            top -= height;
            (hue, top, height)
        })
        .collect();
    html! {
        @for (hue, y, height) in pieces {
            rect class=(format!("f-{hue}")) x=(n(x)) y=(n(y)) width=(n(width)) height=(n(height)) {}
        }
    }
}

fn grid(scale: &Scale) -> Markup {
    let step = round_step(scale.peak / 3.0);
    let lines = (1..=5).map(|k| f64::from(k) * step);
    let lines: Vec<f64> = lines
        .take_while(|rate| *rate <= scale.peak * 1.001)
        .collect();
    let digits = usize::from(step < 1.0);
    html! {
        @for rate in lines {
            @let y = BOTTOM - scale.height(rate);
            line.grid x1=(n(LEFT)) x2=(n(RIGHT)) y1=(n(y)) y2=(n(y)) {}
            text.tick x=(n(LEFT - 8.0)) y=(n(y + 4.0)) text-anchor="end" { (format!("{rate:.digits$}")) }
        }
        text.tick x=(n(LEFT - 8.0)) y=(n(BOTTOM + 4.0)) text-anchor="end" { "0" }
    }
}

fn seconds(scale: &Scale) -> Markup {
    let step = round_step(scale.span / 8.0);
    let first = (scale.from / step).ceil();
    let ticks = (0..20).map(|k| (first + f64::from(k)) * step);
    let ticks: Vec<f64> = ticks
        .take_while(|at| *at <= scale.from + scale.span)
        .collect();
    let digits = usize::from(step < 1.0);
    html! {
        @for at in ticks {
            @let x = scale.x(at);
            line.axis x1=(n(x)) x2=(n(x)) y1=(n(BOTTOM)) y2=(n(BOTTOM + 5.0)) {}
            text.tick x=(n(x)) y=(n(BOTTOM + 20.0)) text-anchor="middle" { (format!("{at:.digits$}")) }
        }
        text.tick x=(n(RIGHT)) y=(n(BOTTOM + 40.0)) text-anchor="end" { "seconds since the run began" }
        text.tick x=(n(LEFT)) y=(n(BOTTOM + 40.0)) { "height: requests a second" }
    }
}

fn flag(mark: &Mark, row: usize, scale: &Scale) -> Markup {
    let x = scale.x(mark.at.as_secs_f64());
    let y = 14.0 + row as f64 * 16.0;
    let is_right = x + label_width(mark) > RIGHT;
    let (anchor, shift) = if is_right {
        ("end", -5.0)
    } else {
        ("start", 5.0)
    };
    html! {
        line.mark x1=(n(x)) x2=(n(x)) y1=(n(y - 8.0)) y2=(n(BOTTOM)) {}
        text.label x=(n(x + shift)) y=(n(y)) text-anchor=(anchor) { (mark.label) }
    }
}

/// Each change with the row of its label, the first in which no earlier one is in its way.
fn labelled<'a>(marks: &'a [Mark], scale: &Scale) -> Vec<(&'a Mark, usize)> {
    let mut ends = [f64::MIN; LABEL_ROWS];
    let place = |mark: &'a Mark| {
        let x = scale.x(mark.at.as_secs_f64());
        let width = label_width(mark);
        let begin = if x + width > RIGHT { x - width } else { x };
        let free = ends.iter().position(|end| *end < begin);
        let row = free.unwrap_or(LABEL_ROWS - 1);
        ends[row] = begin + width;
        (mark, row)
    };
    marks.iter().map(place).collect()
}

fn label_width(mark: &Mark) -> f64 {
    mark.label.chars().count() as f64 * CHARACTER + 12.0
}

fn describe(chart: &Chart) -> String {
    let versions = chart.versions.iter().map(|series| {
        let sum: u64 = series.counts.iter().sum();
        format!(
            "{} answered {sum} times ({})",
            series.name,
            series.hue.word()
        )
    });
    let marks = chart
        .marks
        .iter()
        .map(|mark| format!("{} at {}", mark.label, took(mark.at)));
    let failed: u64 = chart.failed.iter().sum();
    let failed = format!("{failed} failed");
    let all: Vec<String> = versions.chain([failed]).chain(marks).collect();
    format!("{}.", all.join("; "))
}

/// 1, 2 or 5 times a power of ten, at least `rough`.
fn round_step(rough: f64) -> f64 {
    let power = 10f64.powf(rough.max(0.001).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough)
        .unwrap_or(10.0 * power)
}

/// A number with one decimal: enough, and the same on every machine.
fn n(value: f64) -> String {
    format!("{value:.1}")
}
