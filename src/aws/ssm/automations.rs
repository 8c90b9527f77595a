//! Automations: started, looked at, found again, cancelled.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use aws_sdk_ssm::types::{StopType, Tag};

use super::automation_lists::list_of;
use crate::aws::error::{About as _, ErrorKind, Failure};
use crate::aws::witness::{Held, NoWeight};
use crate::aws::{Aws, Tags};

/// A client token of this and nothing else, in the UUID form that StartAutomationExecution wants.
pub fn client_token(of: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let hex = hex::encode(Sha256::digest(of.as_bytes()));
    format!(
        "{}-{}-4{}-8{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..15],
        &hex[15..18],
        &hex[18..30]
    )
}

/// What an automation is started with.
#[derive(Clone, Debug)]
pub struct Start {
    /// The document.
    pub document: String,
    /// Its version.
    pub version: String,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// The same token starts it once.
    pub client_token: String,
    /// Its tags.
    pub tags: Tags,
}

/// Starts an automation.
pub async fn start_automation(aws: &Aws, start: Start) -> Result<String, Failure> {
    let parameters: HashMap<_, _> = start
        .parameters
        .into_iter()
        .map(|(name, value)| (name, vec![value]))
        .collect();
    let tags = start
        .tags
        .iter()
        .filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok())
        .collect();
    let answer = aws
        .ssm
        .start_automation_execution()
        .document_name(&start.document)
        .document_version(start.version)
        .set_parameters(Some(parameters))
        .client_token(start.client_token)
        .set_tags(Some(tags))
        .send()
        .await
        .about("StartAutomationExecution", start.document)?;
    Ok(answer.automation_execution_id.unwrap_or_default())
}

/// Starts one that is to change a group later, to which nobody is led now.
pub async fn start_on_idle(
    aws: &Aws,
    held: Held,
    idle: NoWeight,
    start: Start,
) -> anyhow::Result<String> {
    idle.spend()?;
    held.spend()?;
    Ok(start_automation(aws, start).await?)
}

/// How an automation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Automation {
    /// `InProgress`, `Success`, `Failed`, ...
    pub status: String,
    /// The step under way.
    pub current_step: String,
    /// Steps in order.
    pub steps: Vec<AutomationStep>,
}

/// A step of an automation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutomationStep {
    /// Its name in the runbook.
    pub name: String,
    /// `Pending`, `InProgress`, `Success`, `Failed`, ...
    pub status: String,
    /// AWS's words about its failure.
    pub failure: String,
    /// What it put out.
    pub outputs: BTreeMap<String, Vec<String>>,
}

impl Automation {
    /// Whether it goes no further.
    pub fn has_ended(&self) -> bool {
        has_ended(&self.status)
    }

    /// An output of a step, its first value.
    pub fn output(&self, step: &str, name: &str) -> Option<&str> {
        self.steps
            .iter()
            .find(|candidate| candidate.name == step)?
            .outputs
            .get(name)?
            .first()
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Whether this step is done, and well.
    pub fn has_done(&self, step: &str) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|candidate| candidate.name == step && candidate.status == "Success")
    }

    /// The first step that failed.
    pub fn failed_step(&self) -> Option<&AutomationStep> {
        self.steps
            .iter()
            .find(|step| matches!(step.status.as_str(), "Failed" | "TimedOut"))
    }
}

fn has_ended(status: &str) -> bool {
    !matches!(
        status,
        "Pending" | "InProgress" | "Waiting" | "Cancelling" | "Scheduled" | "RunbookInProgress"
    )
}

/// An automation as it stands.
pub async fn describe_automation(aws: &Aws, id: &str) -> Result<Automation, Failure> {
    let answer = aws
        .ssm
        .get_automation_execution()
        .automation_execution_id(id)
        .send()
        .await
        .about("GetAutomationExecution", id)?;
    let execution = answer.automation_execution.ok_or_else(|| Failure {
        kind: ErrorKind::NotFound,
        operation: "GetAutomationExecution".into(),
        resource: id.to_owned(),
        code: String::new(),
        message: "AWS's answer names nothing".to_owned(),
        request_id: None,
    })?;
    Ok(Automation {
        status: execution
            .automation_execution_status
            .map(|status| status.as_str().to_owned())
            .unwrap_or_default(),
        current_step: execution.current_step_name.unwrap_or_default(),
        steps: execution
            .step_executions
            .unwrap_or_default()
            .into_iter()
            .map(|step| AutomationStep {
                name: step.step_name.unwrap_or_default(),
                status: step
                    .step_status
                    .map(|status| status.as_str().to_owned())
                    .unwrap_or_default(),
                failure: step.failure_message.unwrap_or_default(),
                outputs: step.outputs.unwrap_or_default().into_iter().collect(),
            })
            .collect(),
    })
}

/// An automation that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnderWay {
    /// Its id.
    pub id: String,
    /// It was asked to end, or has ended since it was listed.
    pub is_ending: bool,
    /// When it began, by AWS's clock.
    pub started: SystemTime,
    /// What it was started with.
    pub parameters: BTreeMap<String, String>,
}

/// Every automation of a runbook that has not ended, with what it was started with.
pub async fn describe_automations_under_way(
    aws: &Aws,
    document: &str,
) -> Result<Vec<UnderWay>, Failure> {
    let mut all = Vec::new();
    for id in find_automations_under_way(aws, document).await? {
        all.push(describe_under_way(aws, id).await?);
    }
    Ok(all)
}

/// The same, those whose `parameter` is `value`.
pub async fn find_running_automations(
    aws: &Aws,
    document: &str,
    parameter: &str,
    value: &str,
) -> Result<Vec<String>, Failure> {
    let all = describe_automations_under_way(aws, document).await?;
    let is_one = |one: &UnderWay| one.parameters.get(parameter).is_some_and(|is| is == value);
    Ok(all.into_iter().filter(is_one).map(|one| one.id).collect())
}

/// Every automation of a runbook that has not ended.
pub async fn find_automations_under_way(aws: &Aws, document: &str) -> Result<Vec<String>, Failure> {
    let all = list_of(aws, document, None).await?;
    let under_way = all.into_iter().filter(|one| !has_ended(&one.status));
    Ok(under_way.map(|one| one.id).collect())
}

/// One that has not ended, with what it was started with.
pub async fn describe_under_way(aws: &Aws, id: String) -> Result<UnderWay, Failure> {
    let answer = aws
        .ssm
        .get_automation_execution()
        .automation_execution_id(&id)
        .send()
        .await
        .about("GetAutomationExecution", &id)?;
    let execution = answer.automation_execution;
    let started = execution
        .as_ref()
        .and_then(|execution| SystemTime::try_from(execution.execution_start_time?).ok());
    let is_ending = execution
        .as_ref()
        .and_then(|execution| execution.automation_execution_status.as_ref())
        .is_some_and(|status| !matches!(status.as_str(), "Pending" | "InProgress" | "Waiting"));
    let parameters = execution.and_then(|execution| execution.parameters);
    let first = |(name, values): (String, Vec<String>)| Some((name, values.into_iter().next()?));
    Ok(UnderWay {
        id,
        is_ending,
        started: started.unwrap_or(SystemTime::UNIX_EPOCH),
        parameters: parameters
            .unwrap_or_default()
            .into_iter()
            .filter_map(first)
            .collect(),
    })
}

/// Cancels an automation, so that its `onCancel` steps clean up; it may have ended already.
pub async fn cancel_automation(aws: &Aws, id: &str) -> Result<(), Failure> {
    let answer = aws
        .ssm
        .stop_automation_execution()
        .automation_execution_id(id)
        .r#type(StopType::Cancel)
        .send()
        .await
        .about("StopAutomationExecution", id);
    match answer {
        Err(error)
            if error.kind == ErrorKind::NotFound
                || error.code == "InvalidAutomationStatusUpdateException" =>
        {
            Ok(())
        }
        other => other.map(|_| ()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_token_is_a_uuid_and_one_deployment_s_alone() {
        let token = client_token("20261121-1");
        let lengths: Vec<_> = token.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(token, client_token("20261121-1"));
        assert_ne!(token, client_token("20261121-2"));
    }
}
