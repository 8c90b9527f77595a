//! `aws:runInstances`, `aws:changeInstanceState`, `aws:createTags`.

use serde_json::{Map, Value, json};

use super::{Calls, Failure, Inputs, Look, done, flag, is_not_found, nothing_to_show, text, texts};

/// Those that RunInstances takes under another name or in another form; all others it takes as they are.
const TRANSLATED: [&str; 5] = [
    "IamInstanceProfileArn",
    "IamInstanceProfileName",
    "MaxInstanceCount",
    "MinInstanceCount",
    "Monitoring",
];

/// Launches, then waits until the instances run.
pub(super) fn run(
    inputs: &Inputs,
    notes: &mut Value,
    calls: &mut Calls<'_>,
) -> Result<Look, Failure> {
    if notes.is_null() {
        let answer = calls.must("ec2", "RunInstances", run_params(inputs))?;
        let ids: Vec<Value> = answer["Instances"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|instance| instance["InstanceId"].clone())
            .collect();
        *notes = json!({"InstanceIds": ids});
        return Ok(calls.wait("launching the instance"));
    }
    let ids = texts(notes.as_object().unwrap_or(&Map::new()), "InstanceIds");
    let Some(states) = states(&ids, calls)? else {
        return Ok(calls.wait("waiting for the instance to be known"));
    };
    if let Some(ended) = states.iter().find(|state| is_ending(&state.name)) {
        return Err(Failure::poll(&format!(
            "Instance {} entered the state {} instead of running: {}",
            ended.id, ended.name, ended.reason
        )));
    }
    if states.iter().any(|state| state.name != "running") {
        return Ok(calls.wait("waiting for the instance to be running"));
    }
    done(json!({"InstanceIds": ids, "InstanceStates": names(&states)}))
}

fn run_params(inputs: &Inputs) -> Value {
    let as_they_are = inputs
        .iter()
        .filter(|(name, _)| !TRANSLATED.contains(&name.as_str()));
    let mut params: Map<_, _> = as_they_are
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let least = text(inputs, "MinInstanceCount").and_then(|count| count.parse::<u32>().ok());
    let most = text(inputs, "MaxInstanceCount").and_then(|count| count.parse::<u32>().ok());
    let least = least.unwrap_or(1);
    params.insert("MinCount".to_owned(), least.into());
    params.insert("MaxCount".to_owned(), most.unwrap_or(least).into());
    if let Some(name) = text(inputs, "IamInstanceProfileName") {
        params.insert("IamInstanceProfile".to_owned(), json!({"Name": name}));
    }
    if let Some(arn) = text(inputs, "IamInstanceProfileArn") {
        params.insert("IamInstanceProfile".to_owned(), json!({"Arn": arn}));
    }
    if inputs.contains_key("Monitoring") {
        params.insert(
            "Monitoring".to_owned(),
            json!({"Enabled": flag(inputs, "Monitoring")}),
        );
    }
    Value::Object(params)
}

/// Starts, stops or terminates, then waits for the state; with `CheckStateOnly` it only waits.
pub(super) fn change_state(
    inputs: &Inputs,
    notes: &mut Value,
    calls: &mut Calls<'_>,
) -> Result<Look, Failure> {
    let ids = texts(inputs, "InstanceIds");
    let desired = text(inputs, "DesiredState").unwrap_or_default();
    let operation = match desired.as_str() {
        "running" => "StartInstances",
        "stopped" => "StopInstances",
        "terminated" => "TerminateInstances",
        other => {
            return Err(Failure::input(&format!(
                "DesiredState {other} is none of running, stopped and terminated"
            )));
        }
    };
    if notes.is_null() && !flag(inputs, "CheckStateOnly") {
        let mut params = json!({"InstanceIds": ids});
        if desired == "stopped" && flag(inputs, "Force") {
            params["Force"] = true.into();
        }
        calls.must("ec2", operation, params)?;
    }
    *notes = json!({});
    let Some(states) = states(&ids, calls)? else {
        return Ok(calls.wait("waiting for the instance to be known"));
    };
    let wrong = |name: &str| is_ending(name) && desired != "terminated";
    if let Some(state) = states.iter().find(|state| wrong(&state.name)) {
        return Err(Failure::poll(&format!(
            "Instance {} is {} and will not be {desired}",
            state.id, state.name
        )));
    }
    if states.iter().any(|state| state.name != desired) {
        return Ok(calls.wait(format!("waiting for the instance to be {desired}")));
    }
    done(json!({"InstanceIds": ids, "InstanceStates": names(&states)}))
}

pub(super) fn create_tags(inputs: &Inputs, calls: &mut Calls<'_>) -> Result<Look, Failure> {
    match text(inputs, "ResourceType").as_deref() {
        None | Some("EC2") => {
            let resources = texts(inputs, "ResourceIds");
            let params = json!({"Resources": resources, "Tags": inputs.get("Tags")});
            calls.must("ec2", "CreateTags", params)?;
        }
        Some(other) => {
            for id in texts(inputs, "ResourceIds") {
                let params =
                    json!({"ResourceType": other, "ResourceId": id, "Tags": inputs.get("Tags")});
                calls.must("ssm", "AddTagsToResource", params)?;
            }
        }
    }
    nothing_to_show()
}

struct InstanceState {
    id: String,
    name: String,
    reason: String,
}

/// The state of each instance, or nothing while one of them is not known yet.
fn states(ids: &[String], calls: &mut Calls<'_>) -> Result<Option<Vec<InstanceState>>, Failure> {
    let answer = match calls.ask("ec2", "DescribeInstances", json!({"InstanceIds": ids})) {
        Ok(answer) => answer,
        Err(error) if is_not_found(&error) => return Ok(None),
        Err(error) => return Err(Failure::call("DescribeInstances", &error)),
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let states: Vec<_> = answer["Reservations"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|reservation| reservation["Instances"].as_array().into_iter().flatten())
        .map(|instance| InstanceState {
            id: text(&instance["InstanceId"]),
            name: text(&instance["State"]["Name"]),
            reason: text(&instance["StateReason"]["Message"]),
        })
        .collect();
    Ok((states.len() == ids.len()).then_some(states))
}

fn names(states: &[InstanceState]) -> Vec<&str> {
    states.iter().map(|state| state.name.as_str()).collect()
}

fn is_ending(state: &str) -> bool {
    matches!(state, "shutting-down" | "terminated")
}
