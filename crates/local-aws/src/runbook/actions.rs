//! The actions that a runbook may name: what each takes, and what it gives.

use serde_json::Value;

use super::Step;

const RUN_INPUTS: &[&str] = &[
    "AdditionalInfo",
    "BlockDeviceMappings",
    "ClientToken",
    "DisableApiTermination",
    "EbsOptimized",
    "IamInstanceProfileArn",
    "IamInstanceProfileName",
    "InstanceInitiatedShutdownBehavior",
    "InstanceType",
    "KeyName",
    "MaxInstanceCount",
    "MetadataOptions",
    "MinInstanceCount",
    "Monitoring",
    "NetworkInterfaces",
    "Placement",
    "PrivateIpAddress",
    "SecurityGroupIds",
    "SecurityGroups",
    "SubnetId",
    "TagSpecifications",
    "UserData",
];
const COMMAND_INPUTS: &[&str] = &[
    "Comment",
    "InstanceIds",
    "Parameters",
    "Targets",
    "TimeoutSeconds",
];
/// The inputs of the actions about a property that are not parameters of the API they call.
pub(crate) const PROPERTY_INPUTS: &[&str] =
    &["Service", "Api", "PropertySelector", "DesiredValues"];

/// What a runbook's author has to know of an action.
struct Action {
    name: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
    outputs: &'static [&'static str],
    /// Whether every other input is a parameter of the API that it calls.
    is_open: bool,
}

const ACTIONS: [Action; 11] = [
    Action {
        name: "aws:runInstances",
        required: &["ImageId"],
        optional: RUN_INPUTS,
        outputs: &["InstanceIds", "InstanceStates"],
        is_open: false,
    },
    Action {
        name: "aws:changeInstanceState",
        required: &["InstanceIds", "DesiredState"],
        optional: &["CheckStateOnly", "Force", "AdditionalInfo"],
        outputs: &["InstanceIds", "InstanceStates"],
        is_open: false,
    },
    Action {
        name: "aws:createTags",
        required: &["ResourceIds", "Tags"],
        optional: &["ResourceType"],
        outputs: &[],
        is_open: false,
    },
    Action {
        name: "aws:createImage",
        required: &["InstanceId", "ImageName"],
        optional: &["ImageDescription", "NoReboot", "BlockDeviceMappings"],
        outputs: &["ImageId", "ImageState"],
        is_open: false,
    },
    Action {
        name: "aws:deleteImage",
        required: &["ImageId"],
        optional: &[],
        outputs: &[],
        is_open: false,
    },
    Action {
        name: "aws:runCommand",
        required: &["DocumentName"],
        optional: COMMAND_INPUTS,
        outputs: &["CommandId", "Status", "ResponseCode", "Output"],
        is_open: false,
    },
    Action {
        name: "aws:executeAwsApi",
        required: &["Service", "Api"],
        optional: &[],
        outputs: &["OutputPayload"],
        is_open: true,
    },
    Action {
        name: "aws:waitForAwsResourceProperty",
        required: PROPERTY_INPUTS,
        optional: &[],
        outputs: &[],
        is_open: true,
    },
    Action {
        name: "aws:assertAwsResourceProperty",
        required: PROPERTY_INPUTS,
        optional: &[],
        outputs: &[],
        is_open: true,
    },
    Action {
        name: "aws:sleep",
        required: &[],
        optional: &["Duration", "Timestamp"],
        outputs: &[],
        is_open: false,
    },
    Action {
        name: "aws:branch",
        required: &["Choices"],
        optional: &["Default"],
        outputs: &[],
        is_open: false,
    },
];

fn find(name: &str) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.name == name)
}

/// Whether the local cloud has this action.
pub(crate) fn is_known(name: &str) -> bool {
    find(name).is_some()
}

/// The outputs an action has without declaring them.
pub(crate) fn built_in_outputs(name: &str) -> &'static [&'static str] {
    find(name).map_or(&[], |action| action.outputs)
}

/// Checks a step's inputs by name, when the runbook is written.
pub(crate) fn check(step: &Step) -> Result<(), String> {
    let action = find(&step.action).ok_or_else(|| format!("unknown action {}", step.action))?;
    if let Some(missing) = action
        .required
        .iter()
        .find(|name| !step.inputs.contains_key(**name))
    {
        return Err(format!("{} needs the input {missing}", step.action));
    }
    let is_known = |name: &&String| {
        action.required.contains(&name.as_str()) || action.optional.contains(&name.as_str())
    };
    if !action.is_open
        && let Some(unknown) = step.inputs.keys().find(|name| !is_known(name))
    {
        return Err(format!("{} does not know the input {unknown}", step.action));
    }
    if !step.outputs.is_empty() && step.action != "aws:executeAwsApi" {
        return Err(format!("{} has fixed outputs", step.action));
    }
    if step.action == "aws:sleep"
        && step.inputs.contains_key("Duration") == step.inputs.contains_key("Timestamp")
    {
        return Err("aws:sleep needs either Duration or Timestamp".to_owned());
    }
    Ok(())
}

/// The steps that a branch may lead to.
pub(crate) fn branch_targets(step: &Step) -> Vec<String> {
    if step.action != "aws:branch" {
        return Vec::new();
    }
    let choices = step.inputs.get("Choices").and_then(Value::as_array);
    choices
        .into_iter()
        .flatten()
        .filter_map(|choice| choice["NextStep"].as_str())
        .chain(step.inputs.get("Default").and_then(Value::as_str))
        .map(str::to_owned)
        .collect()
}
