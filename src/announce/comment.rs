//! One comment for each app and environment on the pull request, found by its marker and author.
//!
//! Guarantees: only a comment of the token's own user is ever changed, and none that tells of a newer run; of one run
//! there is one comment, whatever answers are lost; nothing foreign can end the marker's comment, or be taken for one.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::job::Job;
use crate::config::CommentPolicy;
use crate::github::{Account, Comment, GitHub, PAGE, Trouble};
use crate::inputs::Telling;
use crate::outcome::{EXIT_OK, Outcome};
use crate::report::{self, Run};
use crate::run::beginning::Beginning;

/// The line of `permissions:` that this takes.
pub(super) const PERMISSION: &str = "pull-requests: write";
/// How many pull requests of a commit are told.
const MOST_PULLS: usize = 5;
/// How many pages of comments are searched: GitHub allows 2,500 comments.
const MOST_PAGES: usize = 25;
/// GitHub's limit for a comment, in characters.
const BODY_MOST: usize = 65_536;
/// Under what had to be cut off.
const CUT: &str = "\n\n*The rest is in the summary of the job.*\n";

/// What was asked for. A name that is none was refused when the inputs were checked.
pub(super) fn policy(telling: &Telling) -> CommentPolicy {
    let given = telling.comment.as_ref();
    given
        .and_then(|given| CommentPolicy::named(&given.value))
        .unwrap_or_default()
}

/// Whether this outcome is worth a comment where there is none.
fn begins_one(policy: CommentPolicy, outcome: &Outcome) -> bool {
    match policy {
        CommentPolicy::Auto => !matches!(outcome, Outcome::NothingToDo { .. }),
        CommentPolicy::Always => true,
        CommentPolicy::OnFailure => outcome.exit_code() != EXIT_OK,
        CommentPolicy::Never => false,
    }
}

/// Writes the comment on each pull request, or writes it anew.
pub(super) async fn end(
    github: &GitHub,
    job: &Job,
    policy: CommentPolicy,
    beginning: &Beginning,
    run: &Run<'_>,
) -> Result<(), Trouble> {
    if policy == CommentPolicy::Never || job.is_merge_queue {
        return Ok(());
    }
    let pulls = pulls(github, job).await?;
    if pulls.is_empty() {
        return Ok(());
    }
    let author = github.login().await?;
    let marker = Marker {
        app: beginning.app.clone(),
        environment: beginning.environment.clone(),
        run: job.run,
        attempt: job.attempt,
    };
    let body = fitted(report::comment(run, &marker.to_string()));
    for pull in pulls {
        let sticky = Sticky {
            github,
            pull,
            marker: &marker,
            author: author.as_deref(),
        };
        sticky.tell(&body, begins_one(policy, run.outcome)).await?;
    }
    Ok(())
}

/// The pull requests that want to know: the event's, or those that brought the commit.
async fn pulls(github: &GitHub, job: &Job) -> Result<Vec<u64>, Trouble> {
    if let Some((number, _)) = &job.pull {
        return Ok(vec![*number]);
    }
    let pulls = github.pulls_of(&job.commit).await?;
    let wanted = pulls
        .iter()
        .filter(|pull| pull.state == "open" || pull.merged_at.is_some());
    Ok(wanted.map(|pull| pull.number).take(MOST_PULLS).collect())
}

/// The one comment of an app and environment on a pull request.
struct Sticky<'a> {
    github: &'a GitHub,
    pull: u64,
    marker: &'a Marker,
    /// Whose it has to be; `None`: an app's, which GitHub does not tell the app.
    author: Option<&'a str>,
}

impl Sticky<'_> {
    async fn tell(&self, body: &str, begins_one: bool) -> Result<(), Trouble> {
        match self.find().await? {
            Some((_, told)) if told.order() > self.marker.order() => Ok(()),
            Some((comment, _)) => match self.github.edit(comment.id, body).await {
                // Somebody deleted it meanwhile.
                Err(trouble) if trouble.is_not_found() => self.write(body).await,
                edited => edited.map(drop),
            },
            None if begins_one => self.write(body).await,
            None => Ok(()),
        }
    }

    async fn write(&self, body: &str) -> Result<(), Trouble> {
        let find = async || {
            let found = self.find().await?;
            Ok(found
                .filter(|(_, told)| told.order() >= self.marker.order())
                .map(|(comment, _)| comment))
        };
        self.github.comment(self.pull, body, find).await.map(drop)
    }

    /// The comment that tells of the newest run.
    async fn find(&self) -> Result<Option<(Comment, Marker)>, Trouble> {
        let mut found: Option<(Comment, Marker)> = None;
        for page in 1..=MOST_PAGES {
            let comments = self.github.comments(self.pull, page).await?;
            let is_last = comments.len() < PAGE;
            for comment in comments {
                let Some(told) = comment.body.as_deref().and_then(Marker::of) else {
                    continue;
                };
                let is_newest = found
                    .as_ref()
                    .is_none_or(|(_, newest)| told.order() >= newest.order());
                if self.is_ours(comment.user.as_ref(), &told) && is_newest {
                    found = Some((comment, told));
                }
            }
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    fn is_ours(&self, user: Option<&Account>, told: &Marker) -> bool {
        let by_us = user.is_some_and(|user| match self.author {
            Some(login) => user.login == login,
            None => user.kind == "Bot",
        });
        by_us && told.app == self.marker.app && told.environment == self.marker.environment
    }
}

/// A comment's first line, which people do not see.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Marker {
    app: String,
    environment: String,
    run: u64,
    attempt: u64,
}

/// What stands for itself in a marker.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

impl Marker {
    /// What a comment's first line says, if it is a marker.
    fn of(body: &str) -> Option<Self> {
        let line = body.lines().next()?;
        let fields = line.strip_prefix("<!-- bg-deploy ")?.strip_suffix(" -->")?;
        let mut fields = fields.split(' ');
        let mut field = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix('=');
        let text = |value: &str| Some(percent_decode_str(value).decode_utf8().ok()?.into_owned());
        let marker = Self {
            app: text(field("app")?)?,
            environment: text(field("environment")?)?,
            run: field("run")?.parse().ok()?,
            attempt: field("attempt")?.parse().ok()?,
        };
        fields.next().is_none().then_some(marker)
    }

    /// Newer runs come later.
    fn order(&self) -> (u64, u64) {
        (self.run, self.attempt)
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Two hyphens could be the end of the comment.
        let value = |text: &str| {
            let plain = utf8_percent_encode(text, PLAIN).to_string();
            plain.replace("--", "-%2D")
        };
        write!(
            f,
            "<!-- bg-deploy app={} environment={} run={} attempt={} -->",
            value(&self.app),
            value(&self.environment),
            self.run,
            self.attempt
        )
    }
}

/// No longer than GitHub takes: whole lines only, because half a line could be markup that the other half had closed.
fn fitted(body: String) -> String {
    if body.chars().count() <= BODY_MOST {
        return body;
    }
    let mut left = BODY_MOST - CUT.chars().count();
    let mut kept = String::new();
    for line in body.split_inclusive('\n') {
        match left.checked_sub(line.chars().count()) {
            Some(rest) => left = rest,
            None => break,
        }
        kept.push_str(line);
    }
    kept + CUT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(app: &str, environment: &str) -> Marker {
        Marker {
            app: app.to_owned(),
            environment: environment.to_owned(),
            run: 7,
            attempt: 2,
        }
    }

    #[test]
    fn a_marker_is_read_back_whatever_the_names_are_and_ends_only_at_its_end() {
        for name in [
            "hello",
            "a--b",
            "--->",
            "--!>",
            "a b",
            "x -->\n<!-- bg-deploy",
            "app=x run=99",
            "ä%2D",
            "",
            "-",
            "---",
        ] {
            let marker = marker(name, "prod");
            let line = marker.to_string();
            assert_eq!(line.lines().count(), 1, "{line}");
            let inside = &line[4..line.len() - 3];
            assert!(!inside.contains("--") && !inside.contains('>'), "{line}");
            assert_eq!(Marker::of(&format!("{line}\ntext")), Some(marker));
        }
    }

    #[test]
    fn only_a_whole_marker_on_the_first_line_is_one() {
        let line = marker("hello", "prod").to_string();
        for body in [
            format!("see\n{line}"),
            format!(" {line}"),
            format!("{line} and more"),
            line.replace("run=7", "run=x"),
            line.replace(" attempt=2", ""),
            line.replace(" -->", " more=1 -->"),
            String::new(),
        ] {
            assert_eq!(Marker::of(&body), None, "{body}");
        }
    }

    #[test]
    fn what_is_too_long_is_cut_between_lines_and_says_so() {
        let line = format!("{}\n", "ä".repeat(99));
        let body = fitted(line.repeat(1_000));
        let length = body.chars().count();
        assert!(length <= BODY_MOST && length > BODY_MOST - 200, "{length}");
        assert!(
            body.strip_suffix(CUT)
                .is_some_and(|kept| kept.ends_with("ä\n"))
        );
        assert_eq!(fitted(line.clone()), line);
        assert_eq!(fitted("x".repeat(BODY_MOST + 1)), CUT);
    }
}
