//! What the runbooks of ours that wait share: an SSM Automation that sleeps, and when it wakes acts only if the traffic
//! rule's weights are exactly those that it was started with.
//!
//! Only what AWS documents of a runbook is used: no step leads back, choices are flat, and a weight is compared as a
//! string, because DescribeRules names the groups in an order of its own.

use serde_json::{Value, json};

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
/// The parameters that name the traffic rule and both target groups, and the weights that it must have.
pub const RULE: &str = "Rule";
const BLUE: &str = "Blue";
const GREEN: &str = "Green";
const BLUE_LEFT: &str = "BlueLeft";
const GREEN_LEFT: &str = "GreenLeft";
/// The parameter with the role that it acts in.
const ROLE: &str = "AutomationAssumeRole";

/// What a runbook that waits is started with: what it looks at, and what it must find.
#[derive(Clone, Copy, Debug)]
pub struct Looks<'a> {
    /// The role that it acts in.
    pub role: &'a str,
    /// The traffic rule.
    pub rule: &'a str,
    /// Blue's target group.
    pub blue: &'a str,
    /// Green's target group.
    pub green: &'a str,
    /// Whose it is.
    pub deployment: &'a str,
}

impl Looks<'_> {
    /// Its parameters, but for the weights and the length.
    pub fn parameters(&self) -> [(String, String); 5] {
        [
            (ROLE, self.role),
            (DEPLOYMENT, self.deployment),
            (RULE, self.rule),
            (BLUE, self.blue),
            (GREEN, self.green),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    }
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

/// The runbook with these steps after the sleep, and these parameters beside those that it needs for its looks.
pub fn runbook(about: &str, parameters: Value, before: Vec<Value>, act: Vec<Value>) -> Value {
    let first = act.first().map_or(Value::Null, |step| step["name"].clone());
    let mut all = own_parameters();
    if let (Some(all), Value::Object(more)) = (all.as_object_mut(), parameters) {
        all.extend(more);
    }
    let mut steps = vec![try_role(), wait()];
    steps.extend(before);
    steps.extend([read_weights(), are_as_left(&first)]);
    steps.extend(act);
    if let Some(last) = steps.last_mut() {
        last["isEnd"] = true.into();
    }
    json!({
        "schemaVersion": "0.3",
        "description": about,
        "assumeRole": format!("{{{{ {ROLE} }}}}"),
        "parameters": all,
        "mainSteps": steps,
    })
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

fn own_parameters() -> Value {
    let weight = |about: &str| text(about, "^[0-9]{1,3}$");
    json!({
        ROLE: text("The role that acts.", "^arn:[a-z-]+:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$"),
        DEPLOYMENT: text("The deployment that it belongs to.", "^[a-z0-9-]{1,64}$"),
        LENGTH: text("How long it sleeps.", "^PT[0-9]{1,6}S$"),
        RULE: text("The traffic rule.", "^arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:listener-rule/[A-Za-z0-9/-]+$"),
        BLUE: target_group("Blue's target group."),
        GREEN: target_group("Green's target group."),
        BLUE_LEFT: weight("Blue's weight as the run left it."),
        GREEN_LEFT: weight("Green's weight as the run left it."),
    })
}

/// Proves that the role can be taken on and may look, while the run can still be refused.
fn try_role() -> Value {
    json!({
        "name": TRY_ROLE,
        "action": "aws:executeAwsApi",
        "timeoutSeconds": 60,
        "inputs": {"Service": "elbv2", "Api": "DescribeRules", "RuleArns": [format!("{{{{ {RULE} }}}}")]},
    })
}

fn wait() -> Value {
    json!({
        "name": WAIT,
        "action": "aws:sleep",
        // Longer than any wait: what ends it is its time, or a run.
        "timeoutSeconds": LONGEST_WAIT + 1,
        "inputs": {"Duration": format!("{{{{ {LENGTH} }}}}")},
    })
}

fn read_weights() -> Value {
    let output = |name: &str, group: u8, field: &str| {
        json!({
            "Name": name,
            "Selector": format!("$.Rules[0].Actions[0].ForwardConfig.TargetGroups[{group}].{field}"),
            "Type": "String",
        })
    };
    json!({
        "name": "readWeights",
        "action": "aws:executeAwsApi",
        "timeoutSeconds": 60,
        "maxAttempts": 3,
        "inputs": {"Service": "elbv2", "Api": "DescribeRules", "RuleArns": [format!("{{{{ {RULE} }}}}")]},
        "outputs": [
            output("FirstGroup", 0, "TargetGroupArn"),
            output("FirstWeight", 0, "Weight"),
            output("SecondGroup", 1, "TargetGroupArn"),
            output("SecondWeight", 1, "Weight"),
        ],
    })
}

/// Ends here unless the weights are those that the run left.
fn are_as_left(next: &Value) -> Value {
    let equals = |variable: &str, parameter: &str| json!({"Variable": format!("{{{{ readWeights.{variable} }}}}"), "StringEquals": format!("{{{{ {parameter} }}}}")});
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
        "name": "areAsLeft",
        "action": "aws:branch",
        "isEnd": true,
        "inputs": {"Choices": [choice(blue, green), choice(green, blue)]},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Value {
        let look = json!({"name": "look", "action": "aws:sleep"});
        let act = json!({"name": "act", "action": "aws:sleep"});
        let more = json!({"Group": group("A group.")});
        runbook("An example.", more, vec![look], vec![act])
    }

    #[test]
    fn every_text_that_it_is_started_with_has_a_pattern() {
        for (name, parameter) in example()["parameters"].as_object().expect("parameters") {
            let pattern = parameter["allowedPattern"].as_str().expect("a pattern");
            assert!(
                pattern.starts_with('^') && pattern.ends_with('$'),
                "{name}: {pattern}"
            );
        }
    }

    #[test]
    fn it_acts_only_by_a_choice_that_names_both_groups_and_both_weights() {
        let runbook = example();
        let steps = runbook["mainSteps"].as_array().expect("steps");
        let leads = steps
            .iter()
            .position(|step| step["name"] == "areAsLeft")
            .expect("the choice");
        assert_eq!(steps[leads]["isEnd"], true);
        assert_eq!(steps[leads + 1]["name"], "act");
        for choice in steps[leads]["inputs"]["Choices"]
            .as_array()
            .expect("choices")
        {
            assert_eq!(choice["NextStep"], "act");
            assert_eq!(choice["And"].as_array().expect("conditions").len(), 4);
        }
        for step in &steps[..leads] {
            assert!(step["onFailure"].is_null(), "a failure ends it: {step}");
        }
    }
}
