//! The SSM Automation runbook that bakes an image, and the parameters it takes.
//!
//! Every step leads to `terminateBuilder` when it fails or is cancelled: AWS's own runbooks leave the instance
//! behind (<https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-tutorial-update-patch-linux-ami.html>).
//! Should the automation itself vanish, the builder shuts itself down, and terminates by doing so.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The tag that says what the builder, and what the image of a verification is for.
const TAG_PURPOSE: &str = "bg-deploy:purpose";

/// What a bake is for, as the tags of what it makes say.
#[derive(Clone, Copy)]
struct For {
    builder: &'static str,
    image: Option<&'static str>,
}
const RELEASE: For = For {
    builder: "builder",
    image: None,
};
const VERIFICATION: For = For {
    builder: "verify-builder",
    image: Some("verify"),
};

/// The step that runs the builder's script.
pub const PROVISION: &str = "provision";
/// The step before the builder is started: it looks at the image to start from.
pub const DESCRIBE_BASE: &str = "describeBase";
/// The step that starts the builder.
pub const LAUNCH: &str = "launchBuilder";
/// The step that puts out the builder's id.
pub const DESCRIBE: &str = "describeBuilder";
/// The step that makes the image.
pub const CREATE_IMAGE: &str = "createImage";

/// The step that ends when the image is done, or has failed.
const AWAIT_IMAGE: &str = "awaitImage";
/// The step that ends well when the image can be used.
pub const SEE_IMAGE: &str = "seeImage";

/// Runs on the builder. Parameters are constrained by patterns: Automation pastes them into the script as they are.
const BUILDER_SCRIPT: &str = include_str!("builder.sh");

/// The dead-man switch: a transient timer, so that it is not baked into the image.
const BUILDER_USER_DATA: &str = "#!/bin/sh\nshutdown -h +120\n";

/// The runbook, whose builder's disk is encrypted by this key, and with it the image and whatever is launched from that; `None`: by
/// the account's default one.
pub fn runbook(key: Option<&str>) -> Value {
    runbook_for(key, RELEASE)
}

/// The one of verifications. Who starts it does not choose what its image is for: no release takes that.
pub fn verify_runbook(key: Option<&str>) -> Value {
    runbook_for(key, VERIFICATION)
}

fn runbook_for(key: Option<&str>, purpose: For) -> Value {
    json!({
        "schemaVersion": "0.3",
        "description": "bg-deploy: bakes an image from a bundle on a builder instance, which ends on every path.",
        "assumeRole": "{{ AutomationAssumeRole }}",
        "parameters": parameters(),
        "mainSteps": [
            describe_base(), launch(key, purpose), describe(), await_agent(), provision(), stop(), create_image(purpose), settle(), await_image(),
            see_image(), terminate(),
        ],
        "outputs": ["createImage.ImageId", "provision.Output"],
    })
}

/// The SHA-256 of the runbook: part of an image's recipe.
pub fn runbook_sha256(key: Option<&str>) -> String {
    hex::encode(Sha256::digest(runbook(key).to_string().as_bytes()))
}

fn parameters() -> Value {
    let text = |about: &str, pattern: &str| json!({"type": "String", "description": about, "allowedPattern": pattern});
    json!({
        "AutomationAssumeRole": text("The role that bakes.", "^arn:[a-z-]+:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$"),
        "App": text("The app's name.", "^[a-z][a-z0-9-]{0,19}$"),
        "Environment": text("The environment's name.", "^[a-z][a-z0-9-]{0,19}$"),
        "Deployment": text("The deployment that bakes; the tag that cleaning up goes by.", "^[a-z0-9-]{1,64}$"),
        "BaseImage": text("The image to start from.", "^ami-[0-9a-f]{8,17}$"),
        "InstanceType": text("The builder's.", "^[a-z0-9.-]{2,32}$"),
        "SubnetId": text("The builder's.", "^subnet-[0-9a-f]{8,17}$"),
        "SecurityGroupId": text("The builder's.", "^sg-[0-9a-f]{8,17}$"),
        "InstanceProfile": text("The builder's.", "^[A-Za-z0-9+=,.@_-]{1,128}$"),
        "BundleUri": text("What to install.", "^s3://[a-z0-9.-]{3,63}/[A-Za-z0-9./_-]{1,256}$"),
        "BundleSha256": text("What its bytes must hash to.", "^[0-9a-f]{64}$"),
        "ImageName": text("The name of the image.", "^[A-Za-z0-9-]{3,128}$"),
    })
}

/// The tags of the builder and its disk: what bakes may enter, stop and end it alone.
fn tags_of_builder(purpose: For) -> Value {
    tags("bg-deploy builder of {{ App }}", Some(purpose.builder))
}

fn tags(name: &str, purpose: Option<&str>) -> Value {
    let mut all = vec![
        json!({"Key": "Name", "Value": name}),
        json!({"Key": "bg-deploy:app", "Value": "{{ App }}"}),
        json!({"Key": "bg-deploy:environment", "Value": "{{ Environment }}"}),
        json!({"Key": "bg-deploy:deployment", "Value": "{{ Deployment }}"}),
    ];
    all.extend(purpose.map(|purpose| json!({"Key": TAG_PURPOSE, "Value": purpose})));
    Value::from(all)
}

/// What the base image calls its root disk: a mapping of another name would be one more disk.
fn describe_base() -> Value {
    json!({
        "name": DESCRIBE_BASE,
        "action": "aws:executeAwsApi",
        "timeoutSeconds": 120,
        "maxAttempts": 3,
        "onFailure": "step:terminateBuilder",
        "onCancel": "step:terminateBuilder",
        "inputs": {"Service": "ec2", "Api": "DescribeImages", "ImageIds": ["{{ BaseImage }}"]},
        "outputs": [{"Name": "RootDevice", "Selector": "$.Images[0].RootDeviceName", "Type": "String"}],
    })
}

fn launch(key: Option<&str>, purpose: For) -> Value {
    let mut disk = json!({"Encrypted": true});
    if let Some(key) = key {
        disk["KmsKeyId"] = key.into();
    }
    json!({
        "name": LAUNCH,
        "action": "aws:runInstances",
        "timeoutSeconds": 600,
        "onFailure": "step:terminateBuilder",
        "onCancel": "step:terminateBuilder",
        "inputs": {
            "ImageId": "{{ BaseImage }}",
            "InstanceType": "{{ InstanceType }}",
            "MinInstanceCount": 1,
            "MaxInstanceCount": 1,
            "SubnetId": "{{ SubnetId }}",
            "SecurityGroupIds": ["{{ SecurityGroupId }}"],
            "IamInstanceProfileName": "{{ InstanceProfile }}",
            // Acts on a shutdown from inside only, so stopping it for the image is safe.
            "InstanceInitiatedShutdownBehavior": "terminate",
            "UserData": STANDARD.encode(BUILDER_USER_DATA),
            // Nothing but the builder itself, and no container on it, is told its role's keys.
            "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
            "BlockDeviceMappings": [{"DeviceName": "{{ describeBase.RootDevice }}", "Ebs": disk}],
            "TagSpecifications": [
                {"ResourceType": "instance", "Tags": tags_of_builder(purpose)},
                {"ResourceType": "volume", "Tags": tags_of_builder(purpose)},
            ],
        },
    })
}

/// The builder's id as a string: aws:runInstances puts out a list, and only aws:executeAwsApi can select from one.
fn describe() -> Value {
    json!({
        "name": DESCRIBE,
        "action": "aws:executeAwsApi",
        "timeoutSeconds": 120,
        "maxAttempts": 3,
        "onFailure": "step:terminateBuilder",
        "onCancel": "step:terminateBuilder",
        "inputs": {
            "Service": "ec2",
            "Api": "DescribeInstances",
            "InstanceIds": ["{{ launchBuilder.InstanceIds }}"],
        },
        "outputs": [{
            "Name": "InstanceId",
            "Selector": "$.Reservations[0].Instances[0].InstanceId",
            "Type": "String",
        }],
    })
}

fn await_agent() -> Value {
    json!({
        "name": "awaitAgent",
        "action": "aws:waitForAwsResourceProperty",
        "timeoutSeconds": 600,
        "onFailure": "step:terminateBuilder",
        "onCancel": "step:terminateBuilder",
        "inputs": {
            "Service": "ssm",
            "Api": "DescribeInstanceInformation",
            "Filters": [{"Key": "InstanceIds", "Values": ["{{ launchBuilder.InstanceIds }}"]}],
            "PropertySelector": "$.InstanceInformationList[0].PingStatus",
            "DesiredValues": ["Online"],
        },
    })
}

fn provision() -> Value {
    json!({
        "name": PROVISION,
        "action": "aws:runCommand",
        "timeoutSeconds": 3600,
        "onFailure": "step:terminateBuilder",
        "onCancel": "step:terminateBuilder",
        "inputs": {
            "DocumentName": "AWS-RunShellScript",
            "InstanceIds": ["{{ launchBuilder.InstanceIds }}"],
            "Parameters": {
                "commands": BUILDER_SCRIPT.lines().collect::<Vec<_>>(),
                "executionTimeout": "3600",
            },
        },
    })
}

fn stop() -> Value {
    json!({
        "name": "stopBuilder",
        "action": "aws:changeInstanceState",
        "timeoutSeconds": 900,
        "onFailure": "step:terminateBuilder",
        "onCancel": "step:terminateBuilder",
        "inputs": {"InstanceIds": ["{{ launchBuilder.InstanceIds }}"], "DesiredState": "stopped"},
    })
}

fn create_image(purpose: For) -> Value {
    let tags = tags("{{ ImageName }}", purpose.image);
    json!({
        "name": CREATE_IMAGE,
        // Not aws:createImage, which can't tag what it makes in the same call.
        "action": "aws:executeAwsApi",
        "timeoutSeconds": 120,
        "onFailure": "step:terminateBuilder",
        "onCancel": "step:terminateBuilder",
        "inputs": {
            "Service": "ec2",
            "Api": "CreateImage",
            "InstanceId": "{{ describeBuilder.InstanceId }}",
            "Name": "{{ ImageName }}",
            "NoReboot": true,
            "TagSpecifications": [
                {"ResourceType": "image", "Tags": tags},
                {"ResourceType": "snapshot", "Tags": tags},
            ],
        },
        "outputs": [{"Name": "ImageId", "Selector": "$.ImageId", "Type": "String"}],
    })
}

/// EC2 shows what was just made seconds later, and a wait for a property forgives no answer that it is not there. No image is
/// done as soon as this.
fn settle() -> Value {
    json!({
        "name": "settleImage",
        "action": "aws:sleep",
        "onFailure": "step:terminateBuilder",
        "onCancel": "step:terminateBuilder",
        "inputs": {"Duration": "PT15S"},
    })
}

/// Ends when the image is done, or has failed: one that has would be waited for, for an hour.
fn await_image() -> Value {
    let ends = ["available", "failed", "error", "invalid", "deregistered"];
    image_state((AWAIT_IMAGE, "aws:waitForAwsResourceProperty"), 3600, &ends)
}

/// Ends well if it is done.
fn see_image() -> Value {
    let action = "aws:assertAwsResourceProperty";
    image_state((SEE_IMAGE, action), 120, &["available"])
}

fn image_state((name, action): (&str, &str), seconds: u32, desired: &[&str]) -> Value {
    json!({
        "name": name,
        "action": action,
        "timeoutSeconds": seconds,
        "maxAttempts": 3,
        "onFailure": "step:terminateBuilder",
        "onCancel": "step:terminateBuilder",
        "inputs": {
            "Service": "ec2",
            "Api": "DescribeImages",
            "ImageIds": ["{{ createImage.ImageId }}"],
            "PropertySelector": "$.Images[0].State",
            "DesiredValues": desired,
        },
    })
}

fn terminate() -> Value {
    json!({
        "name": "terminateBuilder",
        "action": "aws:changeInstanceState",
        "timeoutSeconds": 900,
        "isEnd": true,
        "inputs": {"InstanceIds": ["{{ launchBuilder.InstanceIds }}"], "DesiredState": "terminated"},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_leads_to_the_builder_s_end() {
        let runbook = runbook(None);
        let steps = runbook["mainSteps"].as_array().expect("steps");
        let (last, others) = steps.split_last().expect("a last step");
        assert_eq!(last["name"], "terminateBuilder");
        assert_eq!(last["isEnd"], true);
        for step in others {
            for path in ["onFailure", "onCancel"] {
                assert_eq!(
                    step[path], "step:terminateBuilder",
                    "{path} of {}",
                    step["name"]
                );
            }
        }
    }

    #[test]
    fn every_parameter_that_reaches_the_script_has_a_pattern_without_quotes() {
        let runbook = runbook(None);
        for (name, parameter) in runbook["parameters"].as_object().expect("parameters") {
            let pattern = parameter["allowedPattern"].as_str().expect("a pattern");
            assert!(
                pattern.starts_with('^') && pattern.ends_with('$'),
                "{name}: {pattern}"
            );
            assert!(
                !pattern.contains(['\'', '"', '`', ';', ' ']),
                "{name}: {pattern}"
            );
        }
    }

    #[test]
    fn the_script_uses_only_parameters_that_the_runbook_has() {
        let runbook = runbook(None);
        for used in BUILDER_SCRIPT.split("{{ ").skip(1) {
            let name = used.split(" }}").next().expect("a name");
            assert!(runbook["parameters"].get(name).is_some(), "{name}");
        }
    }
}
