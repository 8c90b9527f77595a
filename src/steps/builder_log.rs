//! Why a bake failed: the step of the runbook, and where its script failed, the end of what that wrote.

use anyhow::{Context as _, Result, bail};

use crate::aws::ssm::Automation;
use crate::aws::{Aws, run_command};
use crate::bake::runbook::{DESCRIBE, PROVISION};
use crate::cause::Reason;
use crate::run::context::Context;
use crate::run::event::Event;

/// Lines of the builder's log that the reports get; each shows as much as it has room for.
const TAIL: usize = 200;
/// Lines of it that stand in the cause itself: what failed comes just before what it led to.
const LAST_WORDS: usize = 2;

/// Why the bake failed, with the end of the builder's log.
pub(super) async fn explain(cx: &Context, ended: &Automation) -> anyhow::Error {
    let Some(failed) = ended.failed_step() else {
        return anyhow::anyhow!(
            "the bake ended as {}, and no step of it failed",
            ended.status
        );
    };
    if failed.name != PROVISION {
        return anyhow::anyhow!("step {} of the runbook: {}", failed.name, failed.failure);
    }
    let log = match builder_log(&cx.aws, ended).await {
        Ok(log) => log,
        Err(error) => {
            cx.events
                .note(format!("the builder's log could not be read: {error:#}"));
            failed.failure.clone()
        }
    };
    let last = last_lines(&log, LAST_WORDS).replace('\n', "; ");
    cx.events.emit(Event::BuilderLog {
        tail: last_lines(&log, TAIL),
    });
    let words = format!("the builder's script failed: {last}");
    Reason::BuilderScript.because(words).into()
}

async fn builder_log(aws: &Aws, ended: &Automation) -> Result<String> {
    let command = ended
        .output(PROVISION, "CommandId")
        .context("the runbook put out no command id")?;
    let builder = ended
        .output(DESCRIBE, "InstanceId")
        .context("the runbook put out no instance id")?;
    let found = run_command::find_command(aws, command, builder).await?;
    let ran = found.context("the command is not to be found")?;
    if ran.stdout.is_empty() && ran.stderr.is_empty() {
        bail!("it is empty");
    }
    Ok(format!(
        "{}\n{}",
        ran.stdout.trim_end(),
        ran.stderr.trim_end()
    ))
}

fn last_lines(text: &str, most: usize) -> String {
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(most)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_a_log_is_its_last_lines_without_empty_ones() {
        assert_eq!(last_lines("a\n\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("", 2), "");
    }
}
