//! AWS Systems Manager, Run Command: scripts that an instance's agent carries out, and what came of them.

use std::time::Duration;

use aws_sdk_ssm::types::InstanceInformationStringFilter;

use super::Aws;
use super::error::{About as _, ErrorKind, Failure};

/// The shortest time, in seconds, that a command can be given to reach its instance.
const SHORTEST_DELIVERY_S: i32 = 30;

/// The most that are asked for in one call: a page of the answer.
const PAGE: usize = 50;

/// Those of these instances, the first fifty of them, whose agent is there.
pub async fn find_agents(aws: &Aws, instances: &[String]) -> Result<Vec<String>, Failure> {
    let asked = instances[..instances.len().min(PAGE)].to_vec();
    let resource = asked.join(", ");
    let by = |key: &str, values: Vec<String>| {
        let filter = InstanceInformationStringFilter::builder();
        filter.key(key).set_values(Some(values)).build()
    };
    let request = aws.ssm.describe_instance_information();
    let request = match (
        by("InstanceIds", asked),
        by("PingStatus", vec!["Online".to_owned()]),
    ) {
        (Ok(named), Ok(online)) => request.filters(named).filters(online),
        // Without a key or values, which they have.
        _ => return Ok(Vec::new()),
    };
    let answer = request.send().await;
    let answer = answer.about("DescribeInstanceInformation", resource)?;
    let found = answer.instance_information_list.unwrap_or_default();
    let ids = found.into_iter().filter_map(|one| one.instance_id);
    Ok(ids.collect())
}

/// Has a script run on an instance by its agent, as root; answers with the command's id.
pub async fn send_script(
    aws: &Aws,
    instance: &str,
    lines: &[String],
    within: Duration,
) -> Result<String, Failure> {
    let limit = within.as_secs().max(1).to_string();
    let answer = aws
        .ssm
        .send_command()
        .document_name("AWS-RunShellScript")
        .instance_ids(instance)
        .parameters("commands", lines.to_vec())
        .parameters("executionTimeout", vec![limit])
        .timeout_seconds(SHORTEST_DELIVERY_S)
        .send()
        .await
        .about("SendCommand", instance)?;
    let command = answer.command.and_then(|command| command.command_id);
    Ok(command.unwrap_or_default())
}

/// A command on an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// `Pending`, `InProgress`, `Success`, `Failed`, ...
    pub status: String,
    /// Its standard output: the first 24,000 characters.
    pub stdout: String,
    /// Its standard error: the first 8,000.
    pub stderr: String,
}

impl Command {
    /// Whether it goes no further.
    pub fn has_ended(&self) -> bool {
        !matches!(
            self.status.as_str(),
            "Pending" | "InProgress" | "Delayed" | "Cancelling"
        )
    }
}

/// A command on an instance; a moment after it was sent it is not to be found.
pub async fn find_command(
    aws: &Aws,
    command: &str,
    instance: &str,
) -> Result<Option<Command>, Failure> {
    let answer = aws
        .ssm
        .get_command_invocation()
        .command_id(command)
        .instance_id(instance)
        .send()
        .await
        .about("GetCommandInvocation", format!("{command} on {instance}"));
    let answer = match answer {
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let status = answer.status.map(|status| status.as_str().to_owned());
    Ok(Some(Command {
        status: status.unwrap_or_default(),
        stdout: answer.standard_output_content.unwrap_or_default(),
        stderr: answer.standard_error_content.unwrap_or_default(),
    }))
}
