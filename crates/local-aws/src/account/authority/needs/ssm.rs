//! Systems Manager.

use serde_json::Value;

use super::{Keys, key, read_tags, request, request_keys, resource_keys, text, texts};
use crate::account::policy::Request;
use crate::account::{Account, Tags};

pub(super) fn needs(
    account: &mut Account,
    operation: &str,
    params: &Value,
) -> Option<Vec<Request>> {
    let action = format!("ssm:{operation}");
    let one = |name: &str| text(params, name);
    Some(match operation {
        "SendCommand" => send_command(account, params),
        "StartAutomationExecution" => start(account, params),
        "GetAutomationExecution"
        | "StopAutomationExecution"
        | "DescribeAutomationStepExecutions" => {
            vec![execution(account, &action, &one("AutomationExecutionId"))]
        }
        "GetDocument"
        | "DescribeDocument"
        | "ListDocumentVersions"
        | "UpdateDocument"
        | "UpdateDocumentDefaultVersion"
        | "DeleteDocument" => vec![document(account, &action, &one("Name"))],
        "CreateDocument" => {
            let tags = read_tags(&params["Tags"]);
            let mut needed = document(account, &action, &one("Name"));
            needed.keys.extend(request_keys(&tags));
            let tagged = (!tags.is_empty()).then(|| Request {
                action: "ssm:AddTagsToResource".to_owned(),
                ..needed.clone()
            });
            [Some(needed), tagged].into_iter().flatten().collect()
        }
        "GetParameter"
        | "GetParameters"
        | "GetParametersByPath"
        | "PutParameter"
        | "DeleteParameter"
        | "DeleteParameters" => {
            let named = ["Name", "Names", "Path"].map(|name| texts(&params[name]));
            let named = named.into_iter().flatten();
            let each = named.map(|name| request(&action, parameter(account, &name), Keys::new()));
            each.collect()
        }
        "AddTagsToResource" | "RemoveTagsFromResource" | "ListTagsForResource" => {
            let id = one("ResourceId");
            let mut needed = match one("ResourceType").as_str() {
                "Document" => document(account, &action, &id),
                "Automation" => execution(account, &action, &id),
                "Parameter" => request(&action, parameter(account, &id), Keys::new()),
                _ => return None,
            };
            needed
                .keys
                .extend(request_keys(&read_tags(&params["Tags"])));
            vec![needed]
        }
        _ => return None,
    })
}

/// What AWS has for everybody is named without an account.
fn arn(account: &Account, is_of_aws: bool, resource: &str) -> String {
    match is_of_aws {
        true => format!("arn:aws:ssm:{}::{resource}", account.region),
        false => account.arn("ssm", resource),
    }
}

fn parameter(account: &Account, name: &str) -> String {
    let path = name.trim_start_matches('/');
    arn(
        account,
        path.starts_with("aws/"),
        &format!("parameter/{path}"),
    )
}

fn document(account: &Account, action: &str, name: &str) -> Request {
    let arn = arn(
        account,
        name.starts_with("AWS-"),
        &format!("document/{name}"),
    );
    let tags = account.ssm.documents.get(name);
    let tags = tags.map(|held| held.tags.clone()).unwrap_or_default();
    request(action, arn, resource_keys("ssm:resourceTag", &tags))
}

fn execution(account: &Account, action: &str, id: &str) -> Request {
    let held = account.ssm.automations.get(id);
    let tags = held.map(|held| held.tags.clone()).unwrap_or_default();
    let arn = account.arn("ssm", &format!("automation-execution/{id}"));
    request(action, arn, resource_keys("ssm:resourceTag", &tags))
}

/// The runbook by both of its names, the execution that begins, the tags that it is given, and the role that it acts in.
fn start(account: &Account, params: &Value) -> Vec<Request> {
    const ACTION: &str = "ssm:StartAutomationExecution";
    let name = text(params, "DocumentName");
    let version = match text(params, "DocumentVersion") {
        none if none.is_empty() => "$DEFAULT".to_owned(),
        version => version,
    };
    let tags: Tags = read_tags(&params["Tags"]);
    let keys = request_keys(&tags);
    let execution = account.arn("ssm", "automation-execution/*");
    let definition = account.arn("ssm", &format!("automation-definition/{name}:{version}"));
    let mut needs = vec![
        document(account, ACTION, &name),
        request(ACTION, definition, Keys::new()),
        request(ACTION, execution.clone(), keys.clone()),
    ];
    for needed in &mut needs {
        needed.keys.extend(keys.clone());
    }
    if !tags.is_empty() {
        needs.push(request("ssm:AddTagsToResource", execution, keys));
    }
    for role in texts(&params["Parameters"]["AutomationAssumeRole"]) {
        let to = key("iam:PassedToService", "ssm.amazonaws.com");
        needs.push(request("iam:PassRole", role, to));
    }
    needs
}

/// The document, and each instance, whose tags have another name here.
fn send_command(account: &mut Account, params: &Value) -> Vec<Request> {
    const ACTION: &str = "ssm:SendCommand";
    let mut needs = vec![document(account, ACTION, &text(params, "DocumentName"))];
    for id in texts(&params["InstanceIds"]) {
        let tags = super::ec2::tags_of(account, &id);
        let keys = resource_keys("ssm:resourceTag", &tags);
        let arn = account.arn("ec2", &format!("instance/{id}"));
        needs.push(request(ACTION, arn, keys));
    }
    needs
}
