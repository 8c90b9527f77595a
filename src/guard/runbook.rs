//! The SSM Automation runbook of the guard, and what it is started with.
//!
//! It sleeps; then, if the previous colour is healthy, it writes each traffic rule whose weights are still exactly those that
//! it was armed for ([`crate::runbook`]) as it was before the run; with the stack's own, it gives the previous group its floor
//! back. In every other case it ends without having changed anything.

use serde_json::{Value, json};

use crate::runbook::{self, Beside, Place, group, number, target_group};

/// The step that writes the weights as they were; `restore2` and further do it for the rules beside the stack's own.
pub const RESTORE: &str = "restore";

/// How long the previous colour may take to be healthy, once it is time to act.
const HEALTHY_WITHIN: u32 = 600;

/// The runbook.
pub fn runbook() -> Value {
    runbook::runbook(
        "bg-deploy: restores the weights of a release whose runner vanished, if they are as it left them.",
        json!({
            "Previous": target_group("The target group of the colour that was live."),
            "PreviousGroup": group("Its Auto Scaling group."),
            "FloorBefore": number("That group's floor before the run."),
            "BlueBefore": number("Blue's weight before the run."),
            "GreenBefore": number("Green's weight before the run."),
        }),
        vec![await_previous()],
        Beside::Written(restore),
        vec![restore(Place::OWN), release_floor()],
    )
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

fn restore(place: Place) -> Value {
    // Both groups, and both weights: one that is not named becomes 1, and a group that is not named is unhealthy.
    let forward = json!({
        "Type": "forward",
        "ForwardConfig": {
            "TargetGroups": [
                {"TargetGroupArn": "{{ Blue }}", "Weight": "{{ BlueBefore }}"},
                {"TargetGroupArn": "{{ Green }}", "Weight": "{{ GreenBefore }}"},
            ],
            "TargetGroupStickinessConfig": {"Enabled": false},
        },
    });
    let (call, parameters) = place.modify(json!([forward]));
    runbook::act(&place.name(RESTORE), call, parameters)
}

/// The run had pinned it, so that it could take everything back.
fn release_floor() -> Value {
    runbook::act(
        "releaseFloor",
        ("autoscaling", "UpdateAutoScalingGroup"),
        json!({
            "AutoScalingGroupName": "{{ PreviousGroup }}",
            "MinSize": "{{ FloorBefore }}",
        }),
    )
}
