//! `aws:runCommand`.

use serde_json::{Map, Value, json};

use super::{Calls, Failure, Inputs, Look, copy, is_not_found, outputs, texts};

/// Sends a command, then waits until it has ended everywhere.
pub(super) fn run(
    inputs: &Inputs,
    notes: &mut Value,
    calls: &mut Calls<'_>,
) -> Result<Look, Failure> {
    if notes.is_null() {
        let mut params = Map::new();
        copy(
            inputs,
            &["DocumentName", "Comment", "Targets", "TimeoutSeconds"],
            &mut params,
        );
        if inputs.contains_key("InstanceIds") {
            params.insert(
                "InstanceIds".to_owned(),
                texts(inputs, "InstanceIds").into(),
            );
        }
        if let Some(Value::Object(given)) = inputs.get("Parameters") {
            let lists: Map<_, _> = given
                .keys()
                .map(|name| (name.clone(), Value::from(texts(given, name))))
                .collect();
            params.insert("Parameters".to_owned(), Value::Object(lists));
        }
        let answer = calls.must("ssm", "SendCommand", Value::Object(params))?;
        *notes = json!({"CommandId": answer["Command"]["CommandId"]});
        return Ok(calls.wait("waiting for the command to end"));
    }
    let id = notes["CommandId"].clone();
    let listed = match calls.ask(
        "ssm",
        "ListCommandInvocations",
        json!({"CommandId": id, "Details": true}),
    ) {
        Ok(answer) => answer,
        Err(error) if is_not_found(&error) => {
            return Ok(calls.wait("waiting for the command to be known"));
        }
        Err(error) => return Err(Failure::call("ListCommandInvocations", &error)),
    };
    let invocations = listed["CommandInvocations"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let status = |value: &Value| value["Status"].as_str().unwrap_or_default().to_owned();
    let is_under_way = |value: &Value| {
        matches!(
            status(value).as_str(),
            "Pending" | "InProgress" | "Delayed" | "Cancelling"
        )
    };
    if invocations.iter().any(is_under_way) || (invocations.is_empty() && notes["Sent"].is_null()) {
        notes["Sent"] = true.into();
        return Ok(calls.wait("waiting for the command to end"));
    }
    let shown = show(&id, &invocations);
    match invocations.iter().find(|held| status(held) != "Success") {
        None => Ok(Look::Done(outputs(shown))),
        Some(held) => Err(Failure {
            message: format!(
                "Step fails when it is Poll action status for completion. Command {} on {} returns unexpected invocation result: {{Status=[{}], ResponseCode=[{}], Output=[{}], CommandId=[{}]}}. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.",
                id.as_str().unwrap_or_default(),
                held["InstanceId"].as_str().unwrap_or_default(),
                status(held),
                shown["ResponseCode"],
                shown["Output"].as_str().unwrap_or_default(),
                id.as_str().unwrap_or_default(),
            ),
            outputs: outputs(shown),
        }),
    }
}

/// The step's outputs; output and code only when there was one instance.
fn show(id: &Value, invocations: &[Value]) -> Value {
    let mut shown = json!({"CommandId": id, "Status": "Success"});
    if let Some(bad) = invocations.iter().find(|held| held["Status"] != "Success") {
        shown["Status"] = bad["Status"].clone();
    }
    if let [only] = invocations {
        let plugin = &only["CommandPlugins"][0];
        shown["ResponseCode"] = plugin["ResponseCode"].clone();
        shown["Output"] = plugin["Output"].clone();
    }
    shown
}

/// Ends the command where it still runs; one that has just ended is no failure.
pub(super) fn cancel(notes: &Value, calls: &mut Calls<'_>) {
    if let Some(id) = notes["CommandId"].as_str() {
        let _ = calls.ask("ssm", "CancelCommand", json!({"CommandId": id}));
    }
}
