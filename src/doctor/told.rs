//! A diagnosis, for people and for programs.

use std::fmt::Write as _;

use serde::Serialize;

use super::finding::{Finding, Severity};
use super::mend::Mended;
use crate::command_line::Next;
use crate::config::Config;
use crate::outcome::{EXIT_OK, EXIT_REFUSED};

/// What was found, and what was done about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// The app.
    pub app: String,
    /// The environment.
    pub environment: String,
    /// Nothing would make the next release fail or lie.
    pub is_clear: bool,
    /// The run under way, if one is.
    pub under_way: Option<String>,
    /// What was mended, and what could not be.
    pub mended: Vec<Mended>,
    /// What is found, the worst first; after `--fix` what is left.
    pub findings: Vec<Finding>,
    /// What mends what is safe to mend.
    #[serde(skip)]
    fix: String,
}

impl Diagnosis {
    /// Of these findings.
    pub fn new(
        config: &Config,
        under_way: Option<String>,
        mended: Vec<Mended>,
        findings: Vec<Finding>,
    ) -> Self {
        Self {
            app: config.app.clone(),
            environment: config.environment.clone(),
            is_clear: !findings.iter().any(Finding::is_in_the_way),
            under_way,
            mended,
            findings,
            fix: config.next(Next::Fix),
        }
    }

    /// 0 when the next release would neither fail nor lie, else as for a refusal.
    pub fn exit_code(&self) -> u8 {
        match self.is_clear {
            true => EXIT_OK,
            false => EXIT_REFUSED,
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for mended in &self.mended {
            let _ = writeln!(text, "{}", mended.words());
        }
        if !self.mended.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(
            text,
            "{} in {}: {}",
            self.app,
            self.environment,
            self.summary()
        );
        if let Some(run) = &self.under_way {
            let _ = writeln!(
                text,
                "under way, so what it changes now is not judged: {run}"
            );
        }
        for finding in &self.findings {
            let _ = write!(
                text,
                "\n{:<9}  {}\n           {}\n           > {}\n",
                finding.severity.words(),
                finding.what,
                finding.seen.replace('\n', "\n           "),
                finding.remedy.replace('\n', "\n             "),
            );
        }
        let fixable = self.findings.iter().filter(|it| it.fix.is_some());
        let mut fixable: Vec<_> = fixable.map(|finding| finding.what).collect();
        fixable.dedup();
        if !fixable.is_empty() && self.mended.is_empty() {
            let _ = write!(
                text,
                "\n--fix does what is safe about {}: {}",
                fixable.join(", "),
                self.fix
            );
        }
        text.trim_end().to_owned()
    }

    fn summary(&self) -> String {
        let count = |severity| {
            self.findings
                .iter()
                .filter(|finding| finding.severity == severity)
                .count()
        };
        let would = |count: usize, what: &str| {
            (count > 0).then(|| format!("{count} would make the next release {what}"))
        };
        let left = match count(Severity::LeftOver) {
            0 => None,
            count => Some(format!("{count} left over")),
        };
        let parts = [
            would(count(Severity::Fails), "fail"),
            would(count(Severity::Lies), "lie"),
            left,
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        match (parts.is_empty(), self.is_clear) {
            (true, _) => {
                "nothing stands in the way of the next release, and nothing is left over".to_owned()
            }
            (false, true) => format!(
                "nothing stands in the way of the next release; {}",
                parts.join(", ")
            ),
            (false, false) => parts.join(", "),
        }
    }
}
