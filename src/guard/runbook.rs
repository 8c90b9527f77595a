//! The SSM Automation runbook of the guard, and what it is started with.
//!
//! It sleeps; then, if the previous colour is healthy and the weights are still exactly those that it was armed for, it
//! writes them as they were before the run, and gives the previous group its floor back. In every other case it ends
//! without having changed anything.
//!
//! Only what AWS documents of a runbook is used: no step leads back, choices are flat, and a weight is compared as a
//! string, because DescribeRules names the groups in an order of its own.

use serde_json::{Value, json};

/// The step that sleeps until the guard acts.
pub const WAIT: &str = "wait";
/// The step that writes the weights as they were.
pub const RESTORE: &str = "restore";

/// The parameter that says whose guard it is.
pub const DEPLOYMENT: &str = "Deployment";

/// How long the previous colour may take to be healthy, once it is time to act.
const HEALTHY_WITHIN: u32 = 600;

/// The runbook.
pub fn runbook() -> Value {
    json!({
        "schemaVersion": "0.3",
        "description": "bg-deploy: restores the weights of a release whose runner vanished, if they are as it left them.",
        "assumeRole": "{{ AutomationAssumeRole }}",
        "parameters": parameters(),
        "mainSteps": [
            try_role(), wait(), await_previous(), read_weights(), are_as_left(), restore(), release_floor(),
        ],
    })
}

fn parameters() -> Value {
    let text = |about: &str, pattern: &str| json!({"type": "String", "description": about, "allowedPattern": pattern});
    let weight = |about: &str| text(about, "^[0-9]{1,3}$");
    let number = |about: &str| json!({"type": "Integer", "description": about});
    let target_group = "^arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:targetgroup/[A-Za-z0-9-]+/[0-9a-f]+$";
    json!({
        "AutomationAssumeRole": text("The role that restores.", "^arn:[a-z-]+:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$"),
        DEPLOYMENT: text("The deployment that is guarded.", "^[a-z0-9-]{1,64}$"),
        "Wait": text("How long the run has until it must have renewed the guard.", "^PT[0-9]{1,6}S$"),
        "Rule": text("The traffic rule.", "^arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:listener-rule/[A-Za-z0-9/-]+$"),
        "Blue": text("Blue's target group.", target_group),
        "Green": text("Green's target group.", target_group),
        "Previous": text("The target group of the colour that was live.", target_group),
        "PreviousGroup": text("Its Auto Scaling group.", "^[A-Za-z0-9-]{1,255}$"),
        "FloorBefore": number("That group's floor before the run."),
        "BlueLeft": weight("Blue's weight as the run left it."),
        "GreenLeft": weight("Green's weight as the run left it."),
        "BlueBefore": number("Blue's weight before the run."),
        "GreenBefore": number("Green's weight before the run."),
    })
}

/// Proves that the role can be taken on and may look, while the run can still be refused.
fn try_role() -> Value {
    json!({
        "name": "tryRole",
        "action": "aws:executeAwsApi",
        "timeoutSeconds": 60,
        "inputs": {"Service": "elbv2", "Api": "DescribeRules", "RuleArns": ["{{ Rule }}"]},
    })
}

fn wait() -> Value {
    json!({
        "name": WAIT,
        "action": "aws:sleep",
        // Longer than any wait: what ends it is its time, or the run.
        "timeoutSeconds": 604_800,
        "inputs": {"Duration": "{{ Wait }}"},
    })
}

fn await_previous() -> Value {
    json!({
        "name": "awaitPrevious",
        "action": "aws:waitForAwsResourceProperty",
        "timeoutSeconds": HEALTHY_WITHIN,
        "inputs": {
            "Service": "elbv2",
            "Api": "DescribeTargetHealth",
            "TargetGroupArn": "{{ Previous }}",
            "PropertySelector": "$.TargetHealthDescriptions[0].TargetHealth.State",
            "DesiredValues": ["healthy"],
        },
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
        "inputs": {"Service": "elbv2", "Api": "DescribeRules", "RuleArns": ["{{ Rule }}"]},
        "outputs": [
            output("FirstGroup", 0, "TargetGroupArn"),
            output("FirstWeight", 0, "Weight"),
            output("SecondGroup", 1, "TargetGroupArn"),
            output("SecondWeight", 1, "Weight"),
        ],
    })
}

/// Ends here unless the weights are those that the run left.
fn are_as_left() -> Value {
    let equals = |variable: &str, parameter: &str| json!({"Variable": format!("{{{{ readWeights.{variable} }}}}"), "StringEquals": format!("{{{{ {parameter} }}}}")});
    let choice = |first: &str, second: &str| {
        json!({
            "And": [
                equals("FirstGroup", first),
                equals("FirstWeight", &format!("{first}Left")),
                equals("SecondGroup", second),
                equals("SecondWeight", &format!("{second}Left")),
            ],
            "NextStep": RESTORE,
        })
    };
    json!({
        "name": "areAsLeft",
        "action": "aws:branch",
        "isEnd": true,
        "inputs": {"Choices": [choice("Blue", "Green"), choice("Green", "Blue")]},
    })
}

fn restore() -> Value {
    json!({
        "name": RESTORE,
        "action": "aws:executeAwsApi",
        "timeoutSeconds": 120,
        "maxAttempts": 3,
        "inputs": {
            "Service": "elbv2",
            "Api": "ModifyRule",
            "RuleArn": "{{ Rule }}",
            // Both groups, and both weights: one that is not named becomes 1, and a group that is not named is unhealthy.
            "Actions": [{
                "Type": "forward",
                "ForwardConfig": {
                    "TargetGroups": [
                        {"TargetGroupArn": "{{ Blue }}", "Weight": "{{ BlueBefore }}"},
                        {"TargetGroupArn": "{{ Green }}", "Weight": "{{ GreenBefore }}"},
                    ],
                    "TargetGroupStickinessConfig": {"Enabled": false},
                },
            }],
        },
    })
}

/// The run had pinned it, so that it could take everything back.
fn release_floor() -> Value {
    json!({
        "name": "releaseFloor",
        "action": "aws:executeAwsApi",
        "timeoutSeconds": 120,
        "maxAttempts": 3,
        "isEnd": true,
        "inputs": {
            "Service": "autoscaling",
            "Api": "UpdateAutoScalingGroup",
            "AutoScalingGroupName": "{{ PreviousGroup }}",
            "MinSize": "{{ FloorBefore }}",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_that_the_guard_is_given_has_a_pattern() {
        let runbook = runbook();
        for (name, parameter) in runbook["parameters"].as_object().expect("parameters") {
            if parameter["type"] == "Integer" {
                continue;
            }
            let pattern = parameter["allowedPattern"].as_str().expect("a pattern");
            assert!(
                pattern.starts_with('^') && pattern.ends_with('$'),
                "{name}: {pattern}"
            );
        }
    }

    #[test]
    fn the_weights_are_restored_only_by_a_choice_that_names_all_four() {
        let runbook = runbook();
        let steps = runbook["mainSteps"].as_array().expect("steps");
        let leads = steps
            .iter()
            .position(|step| step["name"] == "areAsLeft")
            .expect("the choice");
        assert_eq!(steps[leads]["isEnd"], true);
        assert_eq!(steps[leads + 1]["name"], RESTORE);
        for choice in steps[leads]["inputs"]["Choices"]
            .as_array()
            .expect("choices")
        {
            assert_eq!(choice["And"].as_array().expect("conditions").len(), 4);
        }
        for step in &steps[..leads] {
            assert!(step["onFailure"].is_null(), "a failure ends it: {step}");
        }
    }
}
