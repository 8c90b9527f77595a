//! Whole runbooks in a whole local cloud, in memory and under a paused clock.

mod branches;

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::account::s3;
use crate::account::{ApiError, ec2};
use crate::cloud::{LocalAws, Options};
use crate::pace::Pace;
use crate::sample_app;
use crate::wire;
use crate::wire::params::Params;
use net_clock::Clock;
use net_clock::Network;

const UNIT: &str = "[Service]\nExecStart=/opt/hello/sample-app\nWorkingDirectory=/opt/hello\nEnvironment=PORT=8080\nEnvironmentFile=-/etc/hello/environment\nRestart=always\n[Install]\nWantedBy=multi-user.target\n";

async fn cloud() -> LocalAws {
    let options = Options {
        network: Network::memory(),
        clock: Clock::real(),
        port: 0,
        seed: 7,
        pace: Pace::aws(),
        region: "eu-central-1".to_owned(),
    };
    let cloud = LocalAws::start(options).await.expect("a local cloud");
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole",
    }]});
    for (operation, params) in [
        (
            "CreateRole",
            json!({"RoleName": "builder", "AssumeRolePolicyDocument": trust.to_string()}),
        ),
        (
            "AttachRolePolicy",
            json!({"RoleName": "builder", "PolicyArn": "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"}),
        ),
        (
            "PutRolePolicy",
            json!({"RoleName": "builder", "PolicyName": "bundle", "PolicyDocument": json!({"Statement":
                {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}).to_string()}),
        ),
        (
            "CreateInstanceProfile",
            json!({"InstanceProfileName": "builder"}),
        ),
        (
            "AddRoleToInstanceProfile",
            json!({"InstanceProfileName": "builder", "RoleName": "builder"}),
        ),
    ] {
        api(&cloud, "iam", operation, params).expect(operation);
    }
    let mut account = cloud.account();
    s3::create_bucket(&mut account, "artifacts", Some("eu-central-1")).expect("a free name");
    let program = format!("#!/bin/sh\n# {}\n", sample_app::MARK);
    for (key, text) in [
        ("sample-app", program.as_str()),
        ("release.json", "{\"version\":\"1.0\"}"),
        ("unit", UNIT),
    ] {
        let object = s3::Object {
            body: Bytes::copy_from_slice(text.as_bytes()),
            etag: s3::etag(text.as_bytes()),
            ..s3::Object::default()
        };
        s3::put(
            &mut account,
            "artifacts",
            key,
            object,
            &s3::Condition::default(),
        )
        .expect("a bucket");
    }
    drop(account);
    // EC2 does not see the profile at once.
    cloud.skip(Duration::from_secs(60));
    cloud
}

fn api(cloud: &LocalAws, service: &str, operation: &str, params: Value) -> Result<Value, ApiError> {
    let answer = wire::dispatch(
        &mut cloud.account(),
        service,
        operation,
        Params::from_json(params),
    );
    cloud.shared().settle();
    answer.map(|node| node.to_json())
}

/// The bake as a user would write it, with this script run on the builder.
fn runbook(script: &[&str]) -> Value {
    let ends = |mut step: Value| {
        step["onFailure"] = "step:end".into();
        step["onCancel"] = "step:end".into();
        step
    };
    let state = |name: &str, desired: &str| {
        json!({"name": name, "action": "aws:changeInstanceState", "inputs": {
            "InstanceIds": ["{{ launch.InstanceIds }}"], "DesiredState": desired,
        }})
    };
    json!({
        "schemaVersion": "0.3",
        "assumeRole": "{{ Role }}",
        "parameters": {
            "Role": {"type": "String", "default": ""},
            "ImageName": {"type": "String", "allowedPattern": "^[a-z0-9-]{3,128}$"},
        },
        "mainSteps": [
            ends(json!({"name": "launch", "action": "aws:runInstances", "inputs": {
                "ImageId": "ami-0a1b2c3d4e5f60001",
                "InstanceType": "t3.micro",
                "IamInstanceProfileName": "builder",
                "InstanceInitiatedShutdownBehavior": "terminate",
                // shutdown -h +90
                "UserData": "IyEvYmluL3NoCnNodXRkb3duIC1oICs5MAo=",
            }})),
            ends(json!({"name": "online", "action": "aws:waitForAwsResourceProperty", "timeoutSeconds": 600, "inputs": {
                "Service": "ssm",
                "Api": "DescribeInstanceInformation",
                "Filters": [{"Key": "InstanceIds", "Values": ["{{ launch.InstanceIds }}"]}],
                "PropertySelector": "$.InstanceInformationList[0].PingStatus",
                "DesiredValues": ["Online"],
            }})),
            ends(json!({"name": "provision", "action": "aws:runCommand", "inputs": {
                "DocumentName": "AWS-RunShellScript",
                "InstanceIds": ["{{ launch.InstanceIds }}"],
                "Parameters": {"commands": script, "executionTimeout": "600"},
            }})),
            ends(state("stop", "stopped")),
            ends(json!({"name": "image", "action": "aws:createImage", "inputs": {
                "InstanceId": "{{ launch.InstanceIds }}", "ImageName": "{{ ImageName }}", "NoReboot": true,
            }})),
            json!({"name": "end", "action": "aws:changeInstanceState", "isEnd": true, "inputs": {
                "InstanceIds": ["{{ launch.InstanceIds }}"], "DesiredState": "terminated",
            }}),
        ],
        "outputs": ["image.ImageId", "provision.Output"],
    })
}

const GOOD: [&str; 6] = [
    "set -eu; mkdir -p \"$DESTDIR/opt/hello\"",
    "aws s3 cp s3://artifacts/sample-app \"$DESTDIR/opt/hello/\"",
    "aws s3 cp s3://artifacts/release.json \"$DESTDIR/opt/hello/release.json\"",
    "aws s3 cp s3://artifacts/unit \"$DESTDIR/etc/systemd/system/hello.service\"",
    "systemctl daemon-reload; systemctl enable hello.service",
    "echo baked",
];

fn start(cloud: &LocalAws, script: &[&str]) -> String {
    let content = runbook(script).to_string();
    let document = json!({"Name": "bake", "DocumentType": "Automation", "DocumentFormat": "JSON", "Content": content});
    api(cloud, "ssm", "CreateDocument", document).expect("a good runbook");
    let params = json!({"DocumentName": "bake", "Parameters": {"ImageName": ["hello-1"]}});
    let started = api(cloud, "ssm", "StartAutomationExecution", params).expect("started");
    started["AutomationExecutionId"]
        .as_str()
        .expect("an id")
        .to_owned()
}

fn look(cloud: &LocalAws, id: &str) -> Value {
    let params = json!({"AutomationExecutionId": id});
    api(cloud, "ssm", "GetAutomationExecution", params).expect("it was started")
        ["AutomationExecution"]
        .clone()
}

/// Waits until `wanted` holds of the execution, for an hour of the account's at most.
async fn until(cloud: &LocalAws, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..3600 {
        let run = look(cloud, id);
        if wanted(&run) {
            return run;
        }
        cloud.shared().clock.sleep(Duration::from_secs(1)).await;
    }
    panic!("it is never so: {:#}", look(cloud, id));
}

fn has_ended(run: &Value) -> bool {
    !run["ExecutionEndTime"].is_null()
}

fn step<'a>(run: &'a Value, name: &str) -> &'a Value {
    run["StepExecutions"]
        .as_array()
        .expect("steps")
        .iter()
        .find(|step| step["StepName"] == name)
        .expect("the step")
}

fn instance_states(cloud: &LocalAws) -> Vec<String> {
    let answer = api(cloud, "ec2", "DescribeInstances", json!({})).expect("instances");
    answer["Reservations"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| {
            one["Instances"][0]["State"]["Name"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_bake_makes_an_image_whose_instances_serve_the_app() {
    let cloud = cloud().await;
    let id = start(&cloud, &GOOD);
    let run = until(&cloud, &id, has_ended).await;
    assert_eq!(run["AutomationExecutionStatus"], "Success", "{run:#}");
    assert!(
        step(&run, "provision")["Outputs"]["Output"][0]
            .as_str()
            .expect("its output")
            .contains("baked")
    );
    assert_eq!(instance_states(&cloud), ["terminated"]);
    let image = run["Outputs"]["image.ImageId"][0]
        .as_str()
        .expect("an image");

    let user_data = "I2Nsb3VkLWNvbmZpZwp7IndyaXRlX2ZpbGVzIjpbeyJwYXRoIjoiL2V0Yy9oZWxsby9lbnZpcm9ubWVudCIsImNvbnRlbnQiOiJSRUxFQVNFPTEuMFxuIn1dfQo=";
    let launch = json!({"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "UserData": user_data});
    let launched = api(&cloud, "ec2", "RunInstances", launch).expect("an image");
    let instance = launched["Instances"][0]["InstanceId"]
        .as_str()
        .expect("an id")
        .to_owned();
    let mut port = None;
    for _ in 0..300 {
        cloud.shared().clock.sleep(Duration::from_secs(1)).await;
        port = ec2::app_port(&cloud.account(), &instance);
        if port.is_some() {
            break;
        }
    }
    let port = port.expect("the app listens");
    let network = &cloud.shared().network;
    network
        .connect("127.0.0.1", port)
        .await
        .expect("it accepts");
    let disk = cloud.machines().disk(&instance).expect("a machine");
    let environment = std::fs::read_to_string(disk.join("etc/hello/environment"));
    assert_eq!(environment.expect("written by cloud-init"), "RELEASE=1.0\n");
    cloud.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_failing_script_ends_the_builder_and_fails_the_whole() {
    let cloud = cloud().await;
    let id = start(
        &cloud,
        &[
            "set -eu",
            "echo out; echo broken >&2",
            "dnf install -y nginx",
            "echo never",
        ],
    );
    let run = until(&cloud, &id, has_ended).await;
    assert_eq!(run["AutomationExecutionStatus"], "Failed");
    let provision = step(&run, "provision");
    assert_eq!(provision["StepStatus"], "Failed");
    let output = provision["Outputs"]["Output"][0]
        .as_str()
        .expect("its output");
    assert!(
        output.contains("broken") && output.contains("cannot install packages"),
        "{output}"
    );
    assert!(!output.contains("never"), "{output}");
    assert_eq!(step(&run, "image")["StepStatus"], "Pending");
    assert_eq!(step(&run, "end")["StepStatus"], "Success");
    assert_eq!(instance_states(&cloud), ["terminated"]);
    assert!(
        run["FailureMessage"]
            .as_str()
            .expect("why")
            .starts_with("Step fails when it is")
    );
    cloud.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_missing_object_fails_the_script_as_the_aws_cli_does() {
    let cloud = cloud().await;
    let id = start(&cloud, &["set -e", "aws s3 cp s3://artifacts/none there"]);
    let run = until(&cloud, &id, has_ended).await;
    let output = step(&run, "provision")["Outputs"]["Output"][0]
        .as_str()
        .expect("its output");
    assert!(
        output.contains("(404) when calling the HeadObject operation"),
        "{output}"
    );
    cloud.stop().await;
}

#[tokio::test(start_paused = true)]
async fn cancelling_runs_the_steps_of_on_cancel_and_ends_cancelled() {
    let cloud = cloud().await;
    let id = start(&cloud, &GOOD);
    until(&cloud, &id, |run| run["CurrentStepName"] == "online").await;
    let stop = json!({"AutomationExecutionId": id, "Type": "Cancel"});
    api(&cloud, "ssm", "StopAutomationExecution", stop.clone()).expect("it runs");
    let run = until(&cloud, &id, has_ended).await;
    assert_eq!(run["AutomationExecutionStatus"], "Cancelled", "{run:#}");
    assert_eq!(step(&run, "online")["StepStatus"], "Cancelled");
    assert_eq!(step(&run, "end")["StepStatus"], "Success");
    assert_eq!(instance_states(&cloud), ["terminated"]);
    let again = api(&cloud, "ssm", "StopAutomationExecution", stop).expect_err("it has ended");
    assert_eq!(again.code, "InvalidAutomationStatusUpdateException");
    cloud.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_builder_that_nobody_ends_shuts_itself_down() {
    let cloud = cloud().await;
    let launch = json!({
        "ImageId": "ami-0a1b2c3d4e5f60001", "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1,
        "InstanceInitiatedShutdownBehavior": "terminate",
        "UserData": "IyEvYmluL3NoCnNodXRkb3duIC1oICs5MAo=",
    });
    api(&cloud, "ec2", "RunInstances", launch).expect("an image");
    cloud
        .shared()
        .clock
        .sleep(Duration::from_secs(89 * 60))
        .await;
    assert_eq!(instance_states(&cloud), ["running"]);
    cloud
        .shared()
        .clock
        .sleep(Duration::from_secs(8 * 60))
        .await;
    assert_eq!(instance_states(&cloud), ["terminated"]);
    cloud.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_start_is_given_is_checked_and_a_token_makes_it_once() {
    let cloud = cloud().await;
    let id = start(&cloud, &GOOD);
    let refused = |params: Value| {
        api(&cloud, "ssm", "StartAutomationExecution", params)
            .expect_err("refused")
            .code
    };
    let invalid = "InvalidAutomationExecutionParametersException";
    assert_eq!(refused(json!({"DocumentName": "bake"})), invalid);
    assert_eq!(
        refused(json!({"DocumentName": "bake", "Parameters": {"ImageName": ["No!"]}})),
        invalid
    );
    assert_eq!(
        refused(
            json!({"DocumentName": "bake", "Parameters": {"ImageName": ["hello"], "Colour": ["x"]}})
        ),
        invalid
    );
    assert_eq!(
        refused(
            json!({"DocumentName": "bake", "Parameters": {"ImageName": ["hello"], "Role": ["arn:aws:iam::123456789012:role/none"]}})
        ),
        invalid
    );
    assert_eq!(
        refused(json!({"DocumentName": "none"})),
        "AutomationDefinitionNotFoundException"
    );
    let token = "0A1B2C3D-0000-4000-8000-000000000001";
    let with_token = |token: &str| {
        let params = json!({"DocumentName": "bake", "Parameters": {"ImageName": ["hello-2"]}, "ClientToken": token});
        api(&cloud, "ssm", "StartAutomationExecution", params).expect("started")
    };
    let first = with_token(token);
    assert_eq!(first, with_token(&token.to_lowercase()));
    assert_ne!(first["AutomationExecutionId"], id);
    cloud.stop().await;
}
