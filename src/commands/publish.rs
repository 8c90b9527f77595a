//! Publishes how a run ended: files, the outputs and the summary of a job, and whoever else is told.
//!
//! Guarantees: nothing that cannot be published changes the outcome.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Terminal;
use super::reports::{Reports, ledger_in};
use crate::announce::Announcer;
use crate::inputs::Inputs;
use crate::names::Release;
use crate::outcome::{Now, Outcome};
use crate::plan::Decision;
use crate::random::random_token;
use crate::report::{self, Files, Run};
use crate::run::beginning::{Beginning, Memory};
use crate::run::event::{Event, Stamped};

/// Where a run is published.
#[derive(Clone, Copy, Debug)]
pub(super) struct Publisher<'a> {
    /// For the job's files.
    pub(super) inputs: &'a Inputs,
    /// Where people read.
    pub(super) terminal: &'a Terminal,
    /// Where the reports go.
    pub(super) reports: &'a Reports,
    /// Who else is told; a rehearsal tells nobody.
    pub(super) announcer: Option<&'a Announcer>,
}

impl Publisher<'_> {
    /// The run's own folder, without which it does not begin.
    pub(super) fn folder(&self, release: &Release) -> anyhow::Result<&Path> {
        let folder = self.reports.folder(release);
        folder.with_context(|| format!("making a folder in {}", self.reports.root().display()))
    }

    /// Tells others that a run begins.
    pub(super) async fn begin(&self, beginning: &Beginning) -> Memory {
        let Some(announcer) = self.announcer else {
            return Memory::default();
        };
        let (memory, notices) = announcer.begin(beginning).await;
        self.notices(&notices);
        memory
    }

    /// Publishes how it ended.
    pub(super) async fn end(&self, beginning: &Beginning, memory: &Memory, run: &Run<'_>) {
        let files = self.files(&beginning.release, run);
        self.outputs(&report::outputs(run, &files));
        self.summary(&report::markdown(run));
        let failure = report::failure_text(run);
        if !failure.is_empty() {
            self.terminal.complain(&failure);
        }
        if let Some(announcer) = self.announcer {
            let notices = announcer.end(beginning, memory, run).await;
            self.notices(&notices);
        }
    }

    /// Publishes a decision that leads to no step: refused, or nothing to do.
    pub(super) async fn undecided(
        &self,
        beginning: &Beginning,
        decision: Decision,
        now: Option<Now>,
    ) -> (Outcome, u8) {
        let outcome = match decision {
            Decision::NothingToDo(release) => Outcome::NothingToDo { release },
            Decision::Refused(reason) => Outcome::Refused { reason, now },
            Decision::Release(_) => unreachable!("a plan leads to steps"),
        };
        let code = self.without_a_step(beginning, &outcome).await;
        (outcome, code)
    }

    async fn without_a_step(&self, beginning: &Beginning, outcome: &Outcome) -> u8 {
        let events = [Stamped {
            at: std::time::Duration::ZERO,
            event: Event::Began(beginning.clone()),
        }];
        let run = Run {
            url: self.inputs.ci.run_url.clone(),
            live_url: beginning.url.clone(),
            ..Run::of(&events, outcome)
        };
        self.terminal.console().finish(&run);
        self.end(beginning, &Memory::default(), &run).await;
        outcome.exit_code()
    }

    fn files(&self, release: &Release, run: &Run<'_>) -> Files {
        let mut files = Files::default();
        let folder = match self.reports.folder(release) {
            Ok(folder) => folder,
            Err(error) => {
                self.not_written(self.reports.root(), &error);
                return files;
            }
        };
        if let Some(why) = self.reports.not_led() {
            self.terminal.notice(why);
        }
        files.markdown = self.file(folder.join("report.md"), &report::markdown(run));
        files.html = self.file(folder.join("report.html"), &report::html(run));
        let ledger = ledger_in(folder);
        files.ledger = run.evidence.and_then(|_| ledger.exists().then_some(ledger));
        files
    }

    fn file(&self, path: PathBuf, text: &str) -> Option<PathBuf> {
        match std::fs::write(&path, text) {
            Ok(()) => {
                self.terminal.tell(&format!("report: {}", path.display()));
                Some(path)
            }
            Err(error) => {
                self.not_written(&path, &error);
                None
            }
        }
    }

    /// Writes the step's outputs, if a job wants them.
    pub(super) fn outputs(&self, outputs: &[(&'static str, String)]) {
        let Some(path) = &self.inputs.ci.actions.output else {
            return;
        };
        let delimiter = random_token().unwrap_or_default();
        self.append(path, &report::output_file(outputs, &delimiter));
    }

    fn summary(&self, markdown: &str) {
        if let Some(path) = &self.inputs.ci.actions.step_summary {
            self.append(path, markdown);
        }
    }

    fn append(&self, path: &Path, text: &str) {
        let opened = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path);
        if let Err(error) = opened.and_then(|mut file| file.write_all(text.as_bytes())) {
            self.not_written(path, &error);
        }
    }

    fn not_written(&self, path: &Path, error: &std::io::Error) {
        self.terminal
            .notice(&format!("{} could not be written: {error}", path.display()));
    }

    fn notices(&self, notices: &[String]) {
        for notice in notices {
            self.terminal.notice(notice);
        }
    }
}
