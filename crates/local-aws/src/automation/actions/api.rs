//! `aws:executeAwsApi`, `aws:waitForAwsResourceProperty`, `aws:assertAwsResourceProperty`.

use serde_json::Value;

use super::{Calls, Failure, Inputs, Look, Outputs, nothing_to_show, text, texts};
use crate::account::ApiError;
use crate::runbook::actions::PROPERTY_INPUTS;
use crate::runbook::selector::Selector;
use crate::runbook::template::text_of;
use crate::runbook::{Output, Step};

pub(super) fn execute(
    step: &Step,
    inputs: &Inputs,
    calls: &mut Calls<'_>,
) -> Result<Look, Failure> {
    let answer = call(inputs, calls).map_err(|error| failure(inputs, &error))?;
    let mut outputs = Outputs::new();
    for output in &step.outputs {
        outputs.insert(output.name.clone(), take(output, &answer)?);
    }
    outputs.insert("OutputPayload".to_owned(), answer);
    Ok(Look::Done(outputs))
}

/// Waits as long as the property has another value, or is not in the answer; a call that is refused ends the step, also where
/// its resource is only not known yet.
pub(super) fn wait_for_property(inputs: &Inputs, calls: &mut Calls<'_>) -> Result<Look, Failure> {
    let selector = text(inputs, "PropertySelector").unwrap_or_default();
    match call(inputs, calls) {
        Ok(answer) => {
            let (is_met, found) = is_met(inputs, &answer)?;
            if is_met {
                nothing_to_show()
            } else {
                Ok(calls.wait(format!("waiting for {selector}, which is {found}")))
            }
        }
        Err(error) => Err(failure(inputs, &error)),
    }
}

pub(super) fn assert_property(inputs: &Inputs, calls: &mut Calls<'_>) -> Result<Look, Failure> {
    let answer = call(inputs, calls).map_err(|error| failure(inputs, &error))?;
    let (is_met, found) = is_met(inputs, &answer)?;
    if is_met {
        return nothing_to_show();
    }
    Err(Failure::of(format!(
        "Step fails when it is verifying property value {}: expected one of [{}], but found {found}. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.",
        text(inputs, "PropertySelector").unwrap_or_default(),
        texts(inputs, "DesiredValues").join(", "),
    )))
}

/// Makes the call that the inputs describe: what isn't the action's own is the API's.
fn call(inputs: &Inputs, calls: &mut Calls<'_>) -> Result<Value, ApiError> {
    let service = text(inputs, "Service").unwrap_or_default();
    let operation = text(inputs, "Api").unwrap_or_default();
    let params = inputs
        .iter()
        .filter(|(name, _)| !PROPERTY_INPUTS.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    calls.ask(&service, &operation, Value::Object(params))
}

fn failure(inputs: &Inputs, error: &ApiError) -> Failure {
    Failure::call(&text(inputs, "Api").unwrap_or_default(), error)
}

/// Whether every value at the selector is desired, and what stands there.
fn is_met(inputs: &Inputs, answer: &Value) -> Result<(bool, String), Failure> {
    let path = text(inputs, "PropertySelector").unwrap_or_default();
    let selector = Selector::parse(&path).map_err(|problem| Failure::input(&problem))?;
    let desired = texts(inputs, "DesiredValues");
    let is_desired = |value: &Value| {
        let held = text_of(value);
        desired.iter().any(|wanted| {
            *wanted == held || (value.is_boolean() && wanted.eq_ignore_ascii_case(&held))
        })
    };
    Ok(match selector.select(answer) {
        None => (false, "not there".to_owned()),
        Some(Value::Array(values)) => (
            !values.is_empty() && values.iter().all(is_desired),
            Value::from(values).to_string(),
        ),
        Some(value) => (is_desired(&value), text_of(&value)),
    })
}

/// An output's value, if it has the type that the runbook says.
fn take(output: &Output, answer: &Value) -> Result<Value, Failure> {
    let wrong = |what: &str| {
        Failure::of(format!(
            "Step fails when it is evaluating outputs. Output {} with the selector {} {what}. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.",
            output.name, output.selector
        ))
    };
    let selector = Selector::parse(&output.selector).map_err(|problem| wrong(&problem))?;
    let value = selector
        .select(answer)
        .ok_or_else(|| wrong("is not in the response"))?;
    let fits = match output.kind.as_str() {
        "StringList" | "MapList" => value.is_array(),
        "StringMap" => value.is_object(),
        "Boolean" => value.is_boolean(),
        "Integer" => value.is_number(),
        _ => !value.is_array() && !value.is_object(),
    };
    if !fits {
        return Err(wrong(&format!("is no {}", output.kind)));
    }
    Ok(match output.kind.as_str() {
        "String" => Value::String(text_of(&value)),
        _ => value,
    })
}
