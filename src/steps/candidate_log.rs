//! Why a candidate failed: what its instances say, asked before they are ended.
//!
//! It looks only, and changes nothing that matters: a script is run on up to two instances, the unhealthy ones first, that
//! shows the state and the last log lines of the service. Where no agent runs it in time, the serial console says more
//! than nothing.
//!
//! Guarantees: it is over in [`TOGETHER`], and at once when the run is cancelled; whatever goes wrong is one note, and
//! changes no outcome; nothing is asked unless the run failed in a step that the candidate can be to blame for. Undoing
//! restores the traffic first, because the last step is undone first.

use std::time::Duration;

use anyhow::{Result, bail};

use super::unit_state::{self, UnitState};
use crate::aws::autoscaling::{self, Group};
use crate::aws::elbv2::{self, Target};
use crate::aws::{Aws, ec2, run_command};
use crate::plan::{Plan, PreviewToken};
use crate::run::bug::unpanicked;
use crate::run::context::Undoing;
use crate::run::event::{Event, LogSource};
use crate::run::step_id::StepId;
use crate::run::wait::{Limits, Look};

/// How long all of it may take: so long nothing is undone.
pub const TOGETHER: Duration = Duration::from_secs(45);
/// How long an instance has to answer before its console is read instead.
const ANSWERS_WITHIN: Duration = Duration::from_secs(20);
/// How long AWS has to say whose agent is there.
const AGENTS_WITHIN: Duration = Duration::from_secs(3);
/// How many instances are asked: one may have been unlucky.
const MOST_INSTANCES: usize = 2;
/// The lines that are asked for.
const LINES: usize = 50;
/// And their bytes: GetCommandInvocation gives the first 24,000 characters, and the last ones are wanted.
const MOST_BYTES: usize = 16_000;

/// The candidate's instances, and what is known of how to ask them.
#[derive(Debug)]
pub(super) struct Candidate {
    group: String,
    target_group: String,
    unit: String,
    /// Apps log headers: the preview route's has to stay secret.
    hidden: PreviewToken,
}

impl Candidate {
    pub(super) fn of(plan: &Plan) -> Self {
        Self {
            group: plan.idle_group(),
            target_group: plan.idle_target_group().to_owned(),
            unit: format!("{}.service", plan.app),
            hidden: plan.preview_token.clone(),
        }
    }

    /// Tells what the instances say, if they can be to blame.
    pub(super) async fn tell(&self, cx: Undoing<'_>) {
        if !cx.failed_in().is_some_and(can_be_to_blame) {
            return;
        }
        let run = cx.context();
        // Boxed, here and below: the SDK's futures are large, and these would hold many of them on one stack.
        let asking = run.reading(unpanicked(Box::pin(self.ask_all(cx))));
        let problem = match run.clock.within(TOGETHER, asking).await {
            Some(Ok(problems)) if problems.is_empty() => return,
            Some(Ok(problems)) => problems.join("; "),
            Some(Err(error)) => format!("{error:#}"),
            None => format!("no answer in {} s", TOGETHER.as_secs()),
        };
        run.events.note(format!(
            "why the candidate failed could not be asked: {problem}"
        ));
    }

    /// Asks the instances at the same time; answers with what went wrong.
    async fn ask_all(&self, cx: Undoing<'_>) -> Result<Vec<String>> {
        let group = autoscaling::describe_group(cx.aws(), &self.group).await?;
        let targets = elbv2::describe_targets(cx.aws(), &self.target_group).await?;
        let members: Vec<_> = group.members.iter().map(|one| one.id.clone()).collect();
        let agents = Box::pin(run_command::find_agents(cx.aws(), &members));
        let agents = cx.context().clock.within(AGENTS_WITHIN, agents).await;
        // Who does not tell who can be asked does not keep anybody from being asked.
        let agents = agents.and_then(Result::ok).unwrap_or_default();
        let chosen = choose(&group, &targets, &agents);
        let mut chosen = chosen.iter();
        let (one, other) = tokio::join!(
            Box::pin(self.ask(cx, chosen.next())),
            Box::pin(self.ask(cx, chosen.next()))
        );
        let problems = [one, other].into_iter().filter_map(Result::err);
        Ok(problems.map(|error| format!("{error:#}")).collect())
    }

    /// Asks an instance, and tells what it says.
    async fn ask(&self, cx: Undoing<'_>, asked: Option<&(String, String)>) -> Result<()> {
        let Some((instance, health)) = asked else {
            return Ok(());
        };
        let clock = &cx.context().clock;
        let answer = clock
            .within(ANSWERS_WITHIN, Box::pin(self.run_script(cx, instance)))
            .await;
        let answer = answer.unwrap_or_else(|| bail!("no answer in {} s", ANSWERS_WITHIN.as_secs()));
        let (service, source, tail) = match answer {
            Ok(stdout) => {
                let (state, log) = stdout.split_once("\n\n").unwrap_or((&stdout, ""));
                (
                    UnitState::read(state).words(),
                    LogSource::Journal,
                    whole_lines(log).to_owned(),
                )
            }
            Err(error) => {
                let tail = Box::pin(console(cx.aws(), instance, &error)).await?;
                cx.context().events.note(format!(
                    "{instance} could not be asked, and its console is shown instead: {error:#}"
                ));
                (String::new(), LogSource::Console, tail)
            }
        };
        cx.context().events.emit(Event::CandidateLog {
            instance: instance.clone(),
            health: health.clone(),
            service,
            source,
            tail: without(&tail, self.hidden.reveal()),
        });
        Ok(())
    }

    /// What the script puts out on an instance.
    async fn run_script(&self, cx: Undoing<'_>, instance: &str) -> Result<String> {
        let aws = cx.aws();
        let lines = script(&self.unit);
        let command = run_command::send_script(aws, instance, &lines, ANSWERS_WITHIN).await?;
        let limits = Limits::new(ANSWERS_WITHIN, Duration::from_secs(1));
        let what = format!("what {instance} says");
        let ended = cx.wait(&what, limits, || async {
            Ok(
                match run_command::find_command(aws, &command, instance).await? {
                    Some(ended) if ended.has_ended() => Look::Ready(ended),
                    _ => Look::NotYet("the script is on its way".to_owned()),
                },
            )
        });
        let ended = ended.await?;
        if ended.status != "Success" {
            bail!(
                "the script ended as {}: {}",
                ended.status,
                ended.stderr.trim()
            );
        }
        Ok(ended.stdout)
    }
}

/// Whether the candidate itself can be the reason that this step failed.
pub(super) const fn can_be_to_blame(step: StepId) -> bool {
    matches!(
        step,
        StepId::AwaitHealthy
            | StepId::SmokeTest
            | StepId::ProbeVersion
            | StepId::ShiftTraffic
            | StepId::Soak
    )
}

/// The instances to ask, with what the load balancer says of them: those that are not healthy first, and of these those
/// with an agent.
pub(super) fn choose(
    group: &Group,
    targets: &[Target],
    agents: &[String],
) -> Vec<(String, String)> {
    let stays = |lifecycle: &str| !lifecycle.starts_with("Terminat");
    let members = group
        .members
        .iter()
        .filter(|member| stays(&member.lifecycle));
    let mut all: Vec<_> = members
        .map(|member| {
            let target = targets.iter().find(|target| target.id == member.id);
            let health = match target {
                None => "not registered".to_owned(),
                Some(target) if target.description.is_empty() => target.state.clone(),
                Some(target) => format!("{}: {}", target.state, target.description),
            };
            let order = (health == "healthy", !agents.contains(&member.id));
            (order, member.id.clone(), health)
        })
        .collect();
    all.sort();
    let chosen = all.into_iter().take(MOST_INSTANCES);
    chosen.map(|(_, id, health)| (id, health)).collect()
}

/// Shows how the service is, and after an empty line what it logged last.
fn script(unit: &str) -> [String; 3] {
    let shown = unit_state::show(unit);
    let unit = crate::text::shell_word(unit);
    [
        shown,
        "echo".to_owned(),
        format!(
            "journalctl -u {unit} -n {LINES} --no-pager -o short-iso --no-hostname | tail -c {MOST_BYTES}"
        ),
    ]
}

/// Without the line that `tail` cut in the middle.
fn whole_lines(log: &str) -> &str {
    match log.split_once('\n') {
        Some((_, rest)) if log.len() >= MOST_BYTES => rest,
        _ => log,
    }
}

fn without(text: &str, secret: &str) -> String {
    match secret {
        "" => text.to_owned(),
        secret => text.replace(secret, "***"),
    }
}

/// The end of an instance's serial console, because it could not be asked itself, and why.
async fn console(aws: &Aws, instance: &str, why: &anyhow::Error) -> Result<String> {
    let output = match ec2::console_output(aws, instance).await {
        Ok(output) if !output.trim().is_empty() => output,
        Ok(_) => bail!("{instance}: {why:#}, and its console is empty"),
        Err(error) => bail!("{instance}: {why:#}; its console: {error:#}"),
    };
    let mut from = output.len().saturating_sub(MOST_BYTES);
    while !output.is_char_boundary(from) {
        from += 1;
    }
    let tail = &output[from..];
    let lines: Vec<_> = whole_lines(tail).lines().collect();
    Ok(lines[lines.len().saturating_sub(LINES)..].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::autoscaling::{Capacity, Member};

    #[test]
    fn those_that_are_not_healthy_and_can_answer_are_asked_first_and_no_more_than_two() {
        let member = |id: &str, lifecycle: &str| Member {
            id: id.to_owned(),
            lifecycle: lifecycle.to_owned(),
            template_version: Some(1),
        };
        let target = |id: &str, state: &str, description: &str| Target {
            id: id.to_owned(),
            state: state.to_owned(),
            reason: String::new(),
            description: description.to_owned(),
        };
        let group = Group {
            name: "g".to_owned(),
            arn: String::new(),
            tags: Default::default(),
            capacity: Capacity::NONE,
            template_version: Some(1),
            members: vec![
                member("a", "InService"),
                member("b", "Terminating:Wait"),
                member("c", "InService"),
                member("d", "InService"),
            ],
            suspended: Vec::new(),
            target_groups: Vec::new(),
            zones: Vec::new(),
            subnets: Vec::new(),
            deleting: false,
        };
        let targets = [
            target("a", "healthy", ""),
            target("b", "unhealthy", "gone"),
            target("d", "unhealthy", "codes: [502]"),
        ];
        let chosen = choose(&group, &targets, &[]);
        let expected = [("c", "not registered"), ("d", "unhealthy: codes: [502]")];
        assert_eq!(
            chosen,
            expected.map(|(id, health)| (id.into(), health.into()))
        );
        assert_eq!(choose(&group, &[], &[])[0].0, "a");
        let agents = ["a".to_owned(), "d".to_owned()];
        assert_eq!(choose(&group, &targets, &agents)[0].0, "d");
    }

    #[test]
    fn neither_a_secret_nor_a_half_line_is_told() {
        assert_eq!(
            without("x-preview: 0123456789abcdef\n", "0123456789abcdef"),
            "x-preview: ***\n"
        );
        assert_eq!(without("all", ""), "all");
        let log = format!("{}\nlast", "x".repeat(MOST_BYTES));
        assert_eq!(whole_lines(&log), "last");
        assert_eq!(whole_lines("first\nlast"), "first\nlast");
    }
}
