//! The releases that stand in AWS, for people and for programs, and what the runs that are remembered prove. Pure.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use crate::command_line::{CommandLine, Next};
use crate::lease::Done;
use crate::names::{Colour, Release, Weights, roughly, utc};
use crate::outcome::answered;
use crate::plan::past::{Fate, Past};

/// A line of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The release.
    pub release: Release,
    /// When its template version was made.
    pub published: String,
    /// The colour it ran on.
    pub colour: Option<Colour>,
    /// The template version.
    pub template_version: i64,
    /// Its image.
    pub image: String,
    /// The image can be started.
    pub image_stands: bool,
    /// What became of it.
    pub state: Fate,
}

/// A run that came to its end, for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunLine {
    deployment: String,
    command: String,
    release: String,
    result: String,
    verdict: Option<String>,
    began: Option<String>,
    ended: String,
    took_seconds: Option<u64>,
    by: Option<String>,
    url: Option<String>,
}

impl RunLine {
    /// Of what is remembered of it.
    pub fn of(run: &Done) -> Self {
        let run = run.clone();
        Self {
            result: answered(&run.command, &run.result).to_owned(),
            deployment: run.deployment,
            command: run.command,
            release: run.release,
            verdict: run.verdict,
            began: run.began,
            ended: run.ended,
            took_seconds: run.took_seconds,
            by: run.by,
            url: run.url,
        }
    }
}

/// The lines of what AWS knows of, the newest first.
pub fn lines(releases: Vec<Past>, limit: usize) -> Vec<Line> {
    let line = |past: Past| Line {
        release: past.release,
        published: utc(past.created),
        colour: past.colour,
        template_version: past.version,
        image: past.image,
        image_stands: past.image_stands,
        state: past.fate,
    };
    releases.into_iter().take(limit).map(line).collect()
}

/// The run that proved what is live now, of those that are remembered, the latest first; or why there is none, in words. Runs
/// are forgotten with time, and an older bg-deploy remembered fewer: that there is none says nothing against the release.
pub fn proof_of<'a>(runs: &'a [Done], release: &Release) -> Result<&'a Done, String> {
    let mut may_have_moved = runs.iter().filter(|run| !run.left_live_as_it_was());
    let Some(latest) = may_have_moved.next() else {
        return Err("no run is remembered that made it live".to_owned());
    };
    if latest.ended_live() && latest.release != release.0 {
        return Err(format!(
            "{} was live after the latest run ({}), and the traffic was led here since, by no run that is remembered",
            latest.release,
            latest.words()
        ));
    }
    let passed = |verdict: &Option<String>| verdict.as_deref().is_none_or(|it| it == "passed");
    match latest.result.as_str() {
        "deployed" | "nothing-to-do" if passed(&latest.verdict) => Ok(latest),
        _ => Err(format!("the latest run was {}", latest.words())),
    }
}

/// The runs for people, the latest first.
pub fn runs_text(runs: &[Done]) -> String {
    let mut text = String::new();
    for run in runs {
        let when = run.began.as_ref().unwrap_or(&run.ended);
        let _ = write!(
            text,
            "{when}  {} {}  {}",
            run.command,
            run.release,
            answered(&run.command, &run.result)
        );
        if let Some(verdict) = &run.verdict {
            let _ = write!(text, ", probe {verdict}");
        }
        if let Some(seconds) = run.took_seconds {
            let _ = write!(text, ", in {}", roughly(Duration::from_secs(seconds)));
        }
        if let Some(by) = &run.by {
            let _ = write!(text, ", by {by}");
        }
        if let Some(url) = &run.url {
            let _ = write!(text, ", {url}");
        }
        text.push('\n');
    }
    text.trim_end().to_owned()
}

/// The lines for people: `more` releases are not among them.
pub fn text(
    lines: &[Line],
    command_line: &CommandLine,
    weights: Option<Weights>,
    more: usize,
) -> String {
    let width = lines
        .iter()
        .map(|line| line.release.0.chars().count())
        .max()
        .unwrap_or_default();
    let mut text = String::new();
    for line in lines {
        let colour = line.colour.map_or_else(String::new, |it| it.to_string());
        let _ = writeln!(
            text,
            "{:<width$}  {}  {colour:<5}  {}  {}",
            line.release.0,
            line.published,
            line.image,
            words(line, command_line, weights)
        );
    }
    if more > 0 {
        let _ = writeln!(text, "and {more} more: --limit {}", lines.len() + more);
    }
    text.trim_end().to_owned()
}

fn words(line: &Line, command_line: &CommandLine, weights: Option<Weights>) -> String {
    // Where a run was stopped in its shift, two releases have visitors, and neither is the live one.
    let divided = weights.filter(|weights| weights.live().is_none());
    match line.state {
        Fate::Live if let (Some(weights), Some(colour)) = (divided, line.colour) => format!(
            "has {} % of the traffic: {}",
            weights.of(colour),
            command_line.of(Next::Finish)
        ),
        Fate::Live => "live".to_owned(),
        Fate::Retained => format!("still up: {}", command_line.of(Next::Rollback)),
        Fate::Unfinished => {
            format!(
                "left by a run that did not end: {}",
                command_line.of(Next::Finish)
            )
        }
        Fate::NeverLive => "was never live".to_owned(),
        Fate::Standing => command_line.of(Next::RollbackTo(&line.release.0)),
        Fate::Repeated => "the same release again, see above".to_owned(),
        Fate::ImageGone => "its image is gone".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(release: &str, state: Fate) -> Line {
        Line {
            release: Release(release.into()),
            published: "2026-11-21T14:05:00Z".into(),
            colour: Some(Colour::Blue),
            template_version: 3,
            image: "ami-1".into(),
            image_stands: true,
            state,
        }
    }

    fn run(command: &str, release: &str, result: &str, verdict: Option<&str>) -> Done {
        Done {
            command: command.into(),
            release: release.into(),
            result: result.into(),
            verdict: verdict.map(str::to_owned),
            ended: "2026-11-21T14:10:00Z".into(),
            ..Done::default()
        }
    }

    #[test]
    fn what_the_latest_run_that_may_have_moved_the_traffic_left_live_and_proved_is_proven() {
        let two = Release("2".to_owned());
        let deployed = run("deploy", "2", "deployed", Some("passed"));
        // What left live as it was takes nothing from the proof.
        let mut runs = vec![
            run("verify", "4", "verified", None),
            run("deploy", "3", "rolled-back", Some("failed")),
            run("finish", "3", "cancelled", None),
            deployed.clone(),
            run("deploy", "1", "deployed", Some("passed")),
        ];
        assert_eq!(proof_of(&runs, &two), Ok(&deployed));
        // It was proved later.
        let proved = run("deploy", "2", "nothing-to-do", Some("passed"));
        runs.insert(0, run("deploy", "2", "unproven", Some("failed")));
        runs.insert(0, proved.clone());
        assert_eq!(proof_of(&runs, &two), Ok(&proved));
    }

    #[test]
    fn what_no_run_is_known_to_have_proved_is_not_proven_and_it_is_said_why() {
        let two = Release("2".to_owned());
        let proved = || run("deploy", "2", "deployed", Some("passed"));
        for (latest, why) in [
            (
                run("deploy", "2", "unproven", Some("failed")),
                "deploy of 2, which ended unproven",
            ),
            (
                run("rollback", "2", "stuck", None),
                "rollback of 2, which ended stuck",
            ),
            (
                run("deploy", "3", "stopped", None),
                "deploy of 3, which ended stopped",
            ),
            (
                run("deploy", "3", "deployed", Some("passed")),
                "3 was live after the latest run",
            ),
            (
                run("deploy", "2", "of-a-newer-program", None),
                "of-a-newer-program at 2026",
            ),
        ] {
            let told = proof_of(&[latest, proved()], &two).expect_err(why);
            assert!(told.contains(why), "{told}");
        }
        let told = proof_of(&[run("verify", "2", "verified", None)], &two).expect_err("none");
        assert!(told.contains("no run is remembered"), "{told}");
    }

    #[test]
    fn a_run_is_told_with_how_it_ended_what_it_proved_how_long_it_took_who_asked_and_where() {
        let whole = Done {
            command: "deploy".into(),
            release: "1.4.2".into(),
            result: "deployed".into(),
            verdict: Some("passed".into()),
            began: Some("2026-11-21T14:05:00Z".into()),
            took_seconds: Some(300),
            by: Some("octocat".into()),
            url: Some("https://ci.example/7".into()),
            ..Done::default()
        };
        let bare = Done {
            command: "rollback".into(),
            release: "1.4.1".into(),
            result: "cancelled".into(),
            ended: "2026-11-21T13:00:00Z".into(),
            ..Done::default()
        };
        assert_eq!(
            runs_text(&[whole, bare]),
            "2026-11-21T14:05:00Z  deploy 1.4.2  deployed, probe passed, in 5m, by octocat, https://ci.example/7\n\
             2026-11-21T13:00:00Z  rollback 1.4.1  cancelled"
        );
    }

    #[test]
    fn every_release_is_told_with_what_it_is_now_and_what_to_type() {
        let lines = [
            line("1.10.0", Fate::Live),
            line("1.9.0", Fate::Retained),
            line("1.8.0", Fate::Standing),
            line("1.7.0", Fate::ImageGone),
        ];
        assert_eq!(
            text(&lines, &CommandLine::in_environment("prod"), None, 2),
            "1.10.0  2026-11-21T14:05:00Z  blue   ami-1  live\n\
             1.9.0   2026-11-21T14:05:00Z  blue   ami-1  still up: bg-deploy rollback --environment prod\n\
             1.8.0   2026-11-21T14:05:00Z  blue   ami-1  bg-deploy rollback --environment prod --to 1.8.0\n\
             1.7.0   2026-11-21T14:05:00Z  blue   ami-1  its image is gone\n\
             and 2 more: --limit 6"
        );
    }

    #[test]
    fn two_releases_with_visitors_are_told_with_their_shares_and_what_brings_them_to_one() {
        let both = [line("1.10.0", Fate::Live), line("1.9.0", Fate::Live)];
        let prod = CommandLine::in_environment("prod");
        let weights = Weights::split(Colour::Blue, 20);
        let told = text(&both[..1], &prod, Some(weights), 0);
        assert!(
            told.ends_with("has 20 % of the traffic: bg-deploy finish --environment prod"),
            "{told}"
        );
        let whole = Weights::split(Colour::Blue, 100);
        assert!(text(&both, &prod, Some(whole), 0).ends_with("live"));
    }
}
