//! What the lease's object says: who holds it, in which generation, how far its run came; and whether releases are held.
//!
//! Guarantees: the generation only grows; what a newer bg-deploy adds to this format, an older one keeps as it is; another
//! format is refused with words, never guessed at.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::outcome::answered;

/// The format that this program reads and writes; a change that an older reader would take wrongly makes it another.
pub const FORMAT: u64 = 1;

/// Who holds the lease, and for what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Holder {
    /// Drawn by each process: tells two holders apart that say the same of themselves.
    pub id: String,
    /// `deploy`, `rollback`, `provision`, ...
    pub command: String,
    /// What is to be live at the end, if that is known.
    pub release: String,
    /// Who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Where the run can be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Since when, for people: clocks of runners are not compared.
    pub since: String,
}

impl Holder {
    /// For people: `deploy of 1.4.2 by octocat, since 2026-11-22T09:00:00Z, https://...`.
    pub fn words(&self) -> String {
        let mut words = self.command.clone();
        if !self.release.is_empty() {
            words += &format!(" of {}", self.release);
        }
        if let Some(by) = &self.by {
            words += &format!(" by {by}");
        }
        words += &format!(", since {}", self.since);
        if let Some(url) = &self.url {
            words += &format!(", {url}");
        }
        words
    }
}

/// Releases are stopped by a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Hold {
    /// Why.
    pub reason: String,
    /// Who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Since when.
    pub since: String,
}

impl Hold {
    /// For people.
    pub fn words(&self) -> String {
        let by = self.by.as_deref().unwrap_or("somebody");
        format!("{:?}, by {by}, since {}", self.reason, self.since)
    }
}

/// How many runs are remembered; the whole object stays some 20 KB.
pub const MOST_PAST: usize = 50;

/// A run that came to its end, for `history`. What a program does not know of it is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Done {
    /// The run's id.
    pub deployment: String,
    /// `deploy`, `rollback`, `verify`, ...
    pub command: String,
    /// What was to be live at the end.
    pub release: String,
    /// How it ended: `deployed`, `rolled-back`, ...
    pub result: String,
    /// What the probe proved, if it was asked: `passed`, `failed` or `unproven`.
    pub verdict: Option<String>,
    /// When it began, if that is known.
    pub began: Option<String>,
    /// When it ended.
    pub ended: String,
    /// How long it took, if that is known.
    pub took_seconds: Option<u64>,
    /// Who asked for it.
    pub by: Option<String>,
    /// Where the run can be looked at.
    pub url: Option<String>,
}

impl Done {
    /// It ended with its release live.
    pub fn ended_live(&self) -> bool {
        ["deployed", "nothing-to-do", "unproven"].contains(&self.result.as_str())
    }

    /// It ended with what was live before live as it was.
    pub fn left_live_as_it_was(&self) -> bool {
        ["rolled-back", "cancelled", "verified", "refused"].contains(&self.result.as_str())
    }

    /// In a few words: `deploy of 1.4.2, which ended deployed at 2026-11-22T09:00:00Z, https://...`.
    pub fn words(&self) -> String {
        let mut words = format!(
            "{} of {}, which ended {}",
            self.command,
            self.release,
            answered(&self.command, &self.result)
        );
        if !self.ended.is_empty() {
            words += &format!(" at {}", self.ended);
        }
        if let Some(url) = &self.url {
            words += &format!(", {url}");
        }
        words
    }
}

/// The lease.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Record {
    /// [`FORMAT`].
    pub format: u64,
    /// Grows by one with each holder.
    pub generation: u64,
    /// Grows with each write of a holder.
    pub beat: u64,
    /// Nobody, when it is free.
    pub holder: Option<Holder>,
    /// The state of the holder's run, or of the last one that did not come to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Value>,
    /// Releases are stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// Runs that came to their end, the latest first, each a [`Done`] as its own program wrote it; no more than
    /// [`MOST_PAST`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past: Vec<Value>,
    /// What a newer program keeps here.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Record {
    /// Of an environment that nobody has held yet.
    pub fn first() -> Self {
        Self {
            format: FORMAT,
            generation: 0,
            beat: 0,
            holder: None,
            run: None,
            hold: None,
            past: Vec::new(),
            rest: Map::new(),
        }
    }

    /// What it says, or why it says nothing that can be gone by.
    pub fn read(body: &[u8]) -> Result<Self, String> {
        if body.is_empty() {
            return Err("is empty".to_owned());
        }
        let value: Value =
            serde_json::from_slice(body).map_err(|error| format!("is not JSON ({error})"))?;
        match value.get("format").and_then(Value::as_u64) {
            Some(FORMAT) => {}
            Some(other) => {
                return Err(format!(
                    "is of format {other}, and this bg-deploy reads format {FORMAT}: use the version that wrote it"
                ));
            }
            None => return Err("is not a lease of bg-deploy (it names no format)".to_owned()),
        }
        serde_json::from_value(value)
            .map_err(|error| format!("is not a lease of bg-deploy ({error})"))
    }

    /// As it is written.
    pub fn written(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// Remembers a run that came to its end, and forgets the oldest beyond [`MOST_PAST`].
    pub fn remember(&mut self, done: &Done) {
        let Ok(done) = serde_json::to_value(done) else {
            return;
        };
        self.past.insert(0, done);
        self.past.truncate(MOST_PAST);
    }

    /// The runs that are remembered, as far as this program can read them, the latest first.
    pub fn past_runs(&self) -> Vec<Done> {
        let read = |run: &Value| serde_json::from_value(run.clone()).ok();
        self.past.iter().filter_map(read).collect()
    }

    /// The next holder's.
    pub fn taken_by(&self, holder: Holder) -> Self {
        Self {
            generation: self.generation + 1,
            beat: 0,
            holder: Some(holder),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_newer_program_adds_is_kept_and_what_an_older_one_left_out_is_read() {
        let newer = br#"{"format":1,"generation":7,"beat":2,"holder":null,"colour-of-sky":"blue"}"#;
        let record = Record::read(newer).expect("a record");
        let again = Record::read(&record.written()).expect("the same");
        assert_eq!(again.rest["colour-of-sky"], "blue");
        assert_eq!((again.generation, again.run, again.hold), (7, None, None));
        let next = record.taken_by(Holder::default());
        assert_eq!((next.generation, next.beat), (8, 0));
    }

    #[test]
    fn the_latest_runs_are_remembered_and_one_that_nobody_here_can_read_is_kept_for_who_can() {
        let newer = br#"{"format":1,"generation":7,"beat":2,"holder":null,"past":[{"command":"deploy","moon":"full"},7]}"#;
        let mut record = Record::read(newer).expect("a record");
        assert_eq!(record.past_runs().len(), 1);
        let again = Record::read(&record.written()).expect("the same");
        assert_eq!(again.past, record.past);
        for number in 0..MOST_PAST {
            record.remember(&Done {
                release: number.to_string(),
                ..Done::default()
            });
        }
        let runs = record.past_runs();
        assert_eq!((runs.len(), runs[0].release.as_str()), (MOST_PAST, "49"));
    }

    #[test]
    fn what_is_no_lease_is_refused_in_words() {
        for (body, words) in [
            ("", "is empty"),
            ("{\"format\":1,\"gen", "is not JSON"),
            ("[]", "names no format"),
            ("{\"hello\":1}", "names no format"),
            ("{\"format\":2}", "use the version that wrote it"),
            ("{\"format\":1}", "is not a lease of bg-deploy"),
        ] {
            let why = Record::read(body.as_bytes()).expect_err(body);
            assert!(why.contains(words), "{body}: {why}");
        }
    }
}
