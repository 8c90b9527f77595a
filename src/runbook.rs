//! What the runbooks of ours that wait share: an SSM Automation that sleeps, and when it wakes acts only if the weights of the
//! traffic rules are exactly those that it was started with.
//!
//! There are as many looks as rules may be, each passed over where there is no such rule: a runbook has no loop that AWS
//! documents for calls whose answers are compared. The stack's own rule comes last, as what follows is done for all of them.
//!
//! Only what AWS documents of a runbook is used: no step leads back, choices are flat, and a weight is compared as a
//! string, because DescribeRules names the groups in an order of its own.

mod place;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::names::LISTENER;

pub use place::{MOST_RULES, Place};

/// The step before the sleep.
pub const TRY_ROLE: &str = "tryRole";
/// The step that sleeps.
pub const WAIT: &str = "wait";
/// The longest sleep, in seconds: <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-sleep.html>
pub const LONGEST_WAIT: u64 = 604_799;

/// The parameter that says whose it is.
pub const DEPLOYMENT: &str = "Deployment";
/// The parameter that says how long it sleeps.
pub const LENGTH: &str = "Wait";
/// What is said where there is no such rule.
const NONE: &str = "none";

/// The parameters that name both target groups, and the weights that each must have.
const BLUE: &str = "Blue";
const GREEN: &str = "Green";
const BLUE_LEFT: &str = "BlueLeft";
const GREEN_LEFT: &str = "GreenLeft";
/// The parameter with the role that it acts in.
pub const ROLE: &str = "AutomationAssumeRole";

/// What a runbook that waits is started with: what it looks at, and what it must find.
#[derive(Clone, Copy, Debug)]
pub struct Looks<'a> {
    /// The role that it acts in.
    pub role: &'a str,
    /// The stack's own traffic rule.
    pub rule: &'a str,
    /// Those beside it, by their ARNs; a listener's stands for its default action.
    pub also: &'a [String],
    /// Blue's target group.
    pub blue: &'a str,
    /// Green's target group.
    pub green: &'a str,
    /// Whose it is.
    pub deployment: &'a str,
}

impl Looks<'_> {
    /// Its parameters, but for the weights and the length.
    pub fn parameters(&self) -> BTreeMap<String, String> {
        let all = [
            (ROLE, self.role),
            (DEPLOYMENT, self.deployment),
            (BLUE, self.blue),
            (GREEN, self.green),
        ];
        let all = all.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut all = BTreeMap::from(all);
        all.insert(Place::OWN.parameter(), self.rule.to_owned());
        all.extend(places_beside(self.also));
        all
    }
}

/// The parameters that name what is beside the stack's own rule.
pub fn places_beside(also: &[String]) -> impl Iterator<Item = (String, String)> {
    Place::beside().enumerate().map(|(at, place)| {
        let rule = also.get(at).map_or(NONE, String::as_str);
        (place.parameter(), rule.to_owned())
    })
}

/// The parameters that say how long it sleeps, and which weights it must find then.
pub fn left(seconds: u64, blue: u16, green: u16) -> [(String, String); 3] {
    [
        (LENGTH, format!("PT{seconds}S")),
        (BLUE_LEFT, blue.to_string()),
        (GREEN_LEFT, green.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}

/// What is done with the rules beside the stack's own that are as they were left.
#[derive(Clone, Copy, Debug)]
pub enum Beside {
    /// Nothing: it ends if one of them is not.
    MustBeAsLeft,
    /// Each is written by itself, by this step, whatever the others say.
    Written(fn(Place) -> Value),
}

/// The runbook with these steps after the sleep, and these parameters beside those that it needs for its looks.
pub fn runbook(
    about: &str,
    parameters: Value,
    before: Vec<Value>,
    beside: Beside,
    act: Vec<Value>,
) -> Value {
    let mut all = own_parameters();
    if let (Some(all), Value::Object(more)) = (all.as_object_mut(), parameters) {
        all.extend(more);
    }
    let mut steps = vec![try_role(), wait()];
    steps.extend(before);
    for place in Place::beside() {
        steps.extend(look_beside(place, beside));
    }
    let first = act.first().map_or(Value::Null, |step| step["name"].clone());
    steps.push(read_weights(Place::OWN));
    steps.push(ends_here(are_as_left(Place::OWN, &first)));
    steps.extend(act);
    let last = steps.pop().map(ends_here);
    steps.extend(last);
    json!({
        "schemaVersion": "0.3",
        "description": about,
        "assumeRole": format!("{{{{ {ROLE} }}}}"),
        "parameters": all,
        "mainSteps": steps,
    })
}

/// The steps about what there may be beside the stack's own rule: a rule, or the default action of a listener.
fn look_beside(place: Place, beside: Beside) -> Vec<Value> {
    let next = Value::from(place.next().begins());
    let variable = place.arn();
    let default_action = place.default_action();
    let mut steps = vec![json!({
        "name": place.begins(),
        "action": "aws:branch",
        "inputs": {
            "Choices": [
                {"Variable": variable, "StringEquals": NONE, "NextStep": next},
                {"Variable": variable, "Contains": LISTENER, "NextStep": default_action.read()},
            ],
            "Default": place.read(),
        },
    })];
    for place in [place, default_action] {
        let mut read = read_weights(place);
        match beside {
            Beside::MustBeAsLeft => steps.extend([read, ends_here(are_as_left(place, &next))]),
            Beside::Written(write) => {
                // One that is gone by now is no reason to leave the others as they are.
                let on_failure = Value::from(format!("step:{}", place.next().begins()));
                let mut write = write(place);
                read["onFailure"] = on_failure.clone();
                write["onFailure"] = on_failure;
                write["nextStep"] = next.clone();
                let mut choose = are_as_left(place, &write["name"]);
                choose["inputs"]["Default"] = next.clone();
                steps.extend([read, choose, write]);
            }
        }
    }
    steps
}

fn ends_here(mut step: Value) -> Value {
    step["isEnd"] = true.into();
    step
}

/// A step that makes one call which changes something.
pub fn act(name: &str, (service, api): (&str, &str), parameters: Value) -> Value {
    let mut inputs = json!({"Service": service, "Api": api});
    if let (Some(inputs), Value::Object(parameters)) = (inputs.as_object_mut(), parameters) {
        inputs.extend(parameters);
    }
    json!({
        "name": name,
        "action": "aws:executeAwsApi",
        "timeoutSeconds": 120,
        "maxAttempts": 3,
        "inputs": inputs,
    })
}

/// A parameter of text, which has to match.
pub fn text(about: &str, pattern: &str) -> Value {
    json!({"type": "String", "description": about, "allowedPattern": pattern})
}

/// A parameter that is a number.
pub fn number(about: &str) -> Value {
    json!({"type": "Integer", "description": about})
}

/// A parameter with the ARN of a target group.
pub fn target_group(about: &str) -> Value {
    text(
        about,
        "^arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:targetgroup/[A-Za-z0-9-]+/[0-9a-f]+$",
    )
}

/// A parameter with the name of an Auto Scaling group.
pub fn group(about: &str) -> Value {
    text(about, "^[A-Za-z0-9-]{1,255}$")
}

/// The parameter [`ROLE`].
pub fn role() -> Value {
    text(
        "The role that acts.",
        "^arn:[a-z-]+:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$",
    )
}

/// The parameter [`DEPLOYMENT`].
pub fn deployment() -> Value {
    text("The deployment that it belongs to.", "^[a-z0-9-]{1,64}$")
}

/// The parameter [`LENGTH`].
pub fn length() -> Value {
    text("How long it sleeps.", "^PT[0-9]{1,6}S$")
}

fn own_parameters() -> Value {
    let weight = |about: &str| text(about, "^[0-9]{1,3}$");
    let arn = |kind| {
        format!("arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:[0-9]{{12}}:{kind}/[A-Za-z0-9/-]+")
    };
    let (rule, either) = (arn("listener-rule"), arn("listener(-rule)?"));
    let mut all = json!({
        ROLE: role(),
        DEPLOYMENT: deployment(),
        LENGTH: length(),
        BLUE: target_group("Blue's target group."),
        GREEN: target_group("Green's target group."),
        BLUE_LEFT: weight("Blue's weight as the run left it."),
        GREEN_LEFT: weight("Green's weight as the run left it."),
    });
    all[Place::OWN.parameter()] = text("The traffic rule.", &format!("^{rule}$"));
    for place in Place::beside() {
        let about = "A rule that moves with it, or a listener whose default action does, or none.";
        all[place.parameter()] = text(about, &format!("^({NONE}|{either})$"));
    }
    all
}

/// Proves that the role can be taken on and may look, while the run can still be refused.
fn try_role() -> Value {
    json!({
        "name": TRY_ROLE,
        "action": "aws:executeAwsApi",
        "timeoutSeconds": 60,
        "inputs": Place::OWN.describe().0,
    })
}

/// The step that sleeps.
pub fn wait() -> Value {
    json!({
        "name": WAIT,
        "action": "aws:sleep",
        // Longer than any wait: what ends it is its time, or a run.
        "timeoutSeconds": LONGEST_WAIT + 1,
        "inputs": {"Duration": format!("{{{{ {LENGTH} }}}}")},
    })
}

fn read_weights(place: Place) -> Value {
    let (call, actions) = place.describe();
    let output = |name: &str, group: u8, field: &str| {
        json!({
            "Name": name,
            "Selector": format!("$.{actions}[0].ForwardConfig.TargetGroups[{group}].{field}"),
            "Type": "String",
        })
    };
    json!({
        "name": place.read(),
        "action": "aws:executeAwsApi",
        "timeoutSeconds": 60,
        "maxAttempts": 3,
        "inputs": call,
        "outputs": [
            output("FirstGroup", 0, "TargetGroupArn"),
            output("FirstWeight", 0, "Weight"),
            output("SecondGroup", 1, "TargetGroupArn"),
            output("SecondWeight", 1, "Weight"),
        ],
    })
}

/// Leads to the step `next` only if the weights are those that the run left.
fn are_as_left(place: Place, next: &Value) -> Value {
    let read = place.read();
    let equals = |variable: &str, parameter: &str| {
        json!({
            "Variable": format!("{{{{ {read}.{variable} }}}}"),
            "StringEquals": format!("{{{{ {parameter} }}}}"),
        })
    };
    let choice = |first: (&str, &str), second: (&str, &str)| {
        json!({
            "And": [
                equals("FirstGroup", first.0),
                equals("FirstWeight", first.1),
                equals("SecondGroup", second.0),
                equals("SecondWeight", second.1),
            ],
            "NextStep": next,
        })
    };
    let (blue, green) = ((BLUE, BLUE_LEFT), (GREEN, GREEN_LEFT));
    json!({
        "name": place.name("areAsLeft"),
        "action": "aws:branch",
        "inputs": {"Choices": [choice(blue, green), choice(green, blue)]},
    })
}

#[cfg(test)]
mod tests;
