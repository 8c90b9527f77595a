//! Which automations there are, and how each stands: lists, which tell neither of steps nor of parameters.

use std::time::SystemTime;

use aws_sdk_ssm::operation::describe_automation_executions::builders::DescribeAutomationExecutionsFluentBuilder;
use aws_sdk_ssm::primitives::DateTime;
use aws_sdk_ssm::types::{
    AutomationExecutionFilter, AutomationExecutionFilterKey, AutomationExecutionMetadata,
};

use crate::aws::Aws;
use crate::aws::error::{About as _, ErrorKind, Failure};

/// An automation as a list tells of it: without what it was started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Its runbook.
    pub document: String,
    /// `InProgress`, `Success`, ...
    pub status: String,
    /// When it began, by AWS's clock.
    pub started: SystemTime,
    /// When it ended, if it has.
    pub ended: Option<SystemTime>,
    /// The step under way.
    pub current_step: String,
}

impl Listed {
    /// It was asked to end, and has not yet.
    pub fn is_ending(&self) -> bool {
        self.status == "Cancelling"
    }
}

/// The states of one that has not ended, as ours come to have them.
const UNDER_WAY: [&str; 4] = ["Pending", "InProgress", "Waiting", "Cancelling"];

/// Every automation that has not ended, of all runbooks whose names begin so: AWS leaves out those that have, which it
/// keeps for a month.
pub async fn list_under_way(aws: &Aws, prefix: &str) -> Result<Vec<Listed>, Failure> {
    list(aws, prefix, Some(&UNDER_WAY)).await
}

/// The automations of a runbook that came to their end by themselves, the newest first. AWS promises no order, so all are asked
/// for; it keeps them for a month.
pub async fn list_done(aws: &Aws, document: &str) -> Result<Vec<Listed>, Failure> {
    let mut all = list_of(aws, document, Some(&["Success"])).await?;
    all.sort_by_key(|one| std::cmp::Reverse(one.started));
    Ok(all)
}

/// Those of this runbook: AWS finds by the beginning of a name, and another one's may begin with it.
pub(super) async fn list_of(
    aws: &Aws,
    document: &str,
    statuses: Option<&[&str]>,
) -> Result<Vec<Listed>, Failure> {
    let mut all = list(aws, document, statuses).await?;
    all.retain(|one| one.document == document);
    Ok(all)
}

async fn list(aws: &Aws, prefix: &str, statuses: Option<&[&str]>) -> Result<Vec<Listed>, Failure> {
    let mut pages = describe(aws, prefix, statuses)?.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.about("DescribeAutomationExecutions", prefix)?;
        let all = page.automation_execution_metadata_list.unwrap_or_default();
        found.extend(all.into_iter().map(read));
    }
    Ok(found)
}

fn describe(
    aws: &Aws,
    prefix: &str,
    statuses: Option<&[&str]>,
) -> Result<DescribeAutomationExecutionsFluentBuilder, Failure> {
    let filter = |key: AutomationExecutionFilterKey, values: &[&str]| {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        AutomationExecutionFilter::builder()
            .key(key)
            .set_values(Some(values))
            .build()
            .map_err(|error| Failure {
                kind: ErrorKind::Other,
                operation: "DescribeAutomationExecutions".into(),
                resource: prefix.to_owned(),
                code: String::new(),
                message: error.to_string(),
                request_id: None,
            })
    };
    let by_name = filter(AutomationExecutionFilterKey::DocumentNamePrefix, &[prefix])?;
    let request = aws.ssm.describe_automation_executions().filters(by_name);
    Ok(match statuses {
        Some(statuses) => {
            let by_status = filter(AutomationExecutionFilterKey::ExecutionStatus, statuses)?;
            request.filters(by_status)
        }
        None => request,
    })
}

fn read(execution: AutomationExecutionMetadata) -> Listed {
    let moment = |time: Option<DateTime>| time.and_then(|time| SystemTime::try_from(time).ok());
    let status = execution.automation_execution_status;
    Listed {
        id: execution.automation_execution_id.unwrap_or_default(),
        document: execution.document_name.unwrap_or_default(),
        status: status.map_or_else(String::new, |status| status.as_str().to_owned()),
        started: moment(execution.execution_start_time).unwrap_or(SystemTime::UNIX_EPOCH),
        ended: moment(execution.execution_end_time),
        current_step: execution.current_step_name.unwrap_or_default(),
    }
}
