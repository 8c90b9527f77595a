//! What those roles reach: nothing of another app, another environment, or another purpose; with any condition less they would.

use bg_deploy::kept::TAG_KEPT_UNTIL;
use bg_deploy::stack::{TAG_APP, TAG_ENVIRONMENT};
use local_aws::account::authority;
use serde_json::{Value, json};

use super::{names, read, write};
use crate::support::World;

/// Something that a role may not do, or may.
struct Case {
    role: String,
    call: (&'static str, &'static str),
    params: Value,
    may: bool,
}

const OURS: &str = "i-0000000000000aaaa";
const KEPT: &str = "i-0000000000000bbbb";
const THEIRS: &str = "i-0000000000000cccc";
const OF_STAGE: &str = "i-0000000000000dddd";

/// Instances of the app, of the app and kept, of another app, of another environment and kept.
fn add_instances(world: &World) {
    let mut account = world.cloud.account();
    let any = account.ec2.instances.values().next().expect("one").clone();
    for (id, app, environment, is_kept) in [
        (OURS, "hello", "test", false),
        (KEPT, "hello", "test", true),
        (THEIRS, "other", "test", true),
        (OF_STAGE, "hello", "stage", true),
    ] {
        let mut instance = any.clone();
        instance.id = id.to_owned();
        instance.tags.insert(TAG_APP.to_owned(), app.to_owned());
        instance
            .tags
            .insert(TAG_ENVIRONMENT.to_owned(), environment.to_owned());
        if is_kept {
            let until = "2030-01-01T00:00:00Z".to_owned();
            instance.tags.insert(TAG_KEPT_UNTIL.to_owned(), until);
        }
        account.ec2.instances.insert(id.to_owned(), instance);
    }
}

/// What a launch of a builder says, for this app, with this profile.
fn launch(app: Option<&str>, profile: &str) -> Value {
    let tags = app.map(|app| json!([{"Key": TAG_APP, "Value": app}]));
    let tagged =
        |kind: &str| json!({"ResourceType": kind, "Tags": tags.clone().unwrap_or(json!([]))});
    json!({
        "ImageId": "ami-0a1b2c3d4e5f60001",
        "SubnetId": "subnet-0a1b2c3d4e5f6000a",
        "SecurityGroupIds": ["sg-0a1b2c3d4e5f60000"],
        "IamInstanceProfile": {"Name": profile},
        "TagSpecifications": [tagged("instance"), tagged("volume")],
    })
}

/// The same for an image of this instance.
fn image(instance: &str, app: &str) -> Value {
    let tags = json!([{"Key": TAG_APP, "Value": app}]);
    json!({
        "InstanceId": instance,
        "TagSpecifications": [
            {"ResourceType": "image", "Tags": tags},
            {"ResourceType": "snapshot", "Tags": tags},
        ],
    })
}

fn of_bakes() -> Vec<Case> {
    let (builder, instance) = (names().builder_role(), names().instance_role());
    let on = |id: &str| json!({"InstanceIds": [id]});
    let command = |document: &str, id: &str| json!({"DocumentName": document, "InstanceIds": [id]});
    let tag = json!({"Resources": [THEIRS], "Tags": [{"Key": TAG_APP, "Value": "hello"}]});
    [
        (("ec2", "TerminateInstances"), on(OURS), true),
        (("ec2", "TerminateInstances"), on(THEIRS), false),
        (("ec2", "StopInstances"), on(THEIRS), false),
        (
            ("ec2", "RunInstances"),
            launch(Some("hello"), &builder),
            true,
        ),
        (
            ("ec2", "RunInstances"),
            launch(Some("other"), &builder),
            false,
        ),
        (("ec2", "RunInstances"), launch(None, &builder), false),
        (
            ("ec2", "RunInstances"),
            launch(Some("hello"), &instance),
            false,
        ),
        (("ec2", "CreateImage"), image(OURS, "hello"), true),
        (("ec2", "CreateImage"), image(THEIRS, "hello"), false),
        (("ec2", "CreateImage"), image(OURS, "other"), false),
        // What would make another app's instance one of ours.
        (("ec2", "CreateTags"), tag, false),
        (
            ("ssm", "SendCommand"),
            command("AWS-RunShellScript", OURS),
            true,
        ),
        (
            ("ssm", "SendCommand"),
            command("AWS-RunShellScript", THEIRS),
            false,
        ),
        (
            ("ssm", "SendCommand"),
            command("AWS-RunPatchBaseline", OURS),
            false,
        ),
        (("iam", "CreateRole"), json!({}), false),
    ]
    .map(|(call, params, may)| Case {
        role: names().bake_role(),
        call,
        params,
        may,
    })
    .into()
}

/// A rule, a listener and a group.
type Stands = (String, String, String);

/// The stack's own, and the same as they would be of another app, and of another environment.
fn ours_and_theirs(world: &World, own: String, group: &str) -> (Stands, Vec<Stands>) {
    let mut account = world.cloud.account();
    let listener = account
        .elbv2
        .listeners
        .values_mut()
        .find(|held| held.rule_tags.contains_key(&own));
    let listener = listener.expect("the listener");
    let tags = listener.rule_tags[&own].clone();
    listener.tags.clone_from(&tags);
    let our_listener = listener.clone();
    let our_group = account.autoscaling.groups[group].clone();
    let mut foreign = Vec::new();
    for (nth, key) in [TAG_APP, TAG_ENVIRONMENT].into_iter().enumerate() {
        let named = |ours: &str| format!("{}{nth}", &ours[..ours.len() - 1]);
        let mut tags = tags.clone();
        tags.insert(key.to_owned(), "another".to_owned());
        let mut listener = our_listener.clone();
        (listener.arn, listener.tags) = (named(&our_listener.arn), tags.clone());
        let mut theirs = our_group.clone();
        (theirs.name, theirs.arn) = (named(group), named(&our_group.arn));
        theirs.tags.get_mut(key).expect("a tag").value = "another".to_owned();
        foreign.push((named(&own), listener.arn.clone(), theirs.name.clone()));
        let held = account.elbv2.listeners.get_mut(&our_listener.arn);
        let held = held.expect("the listener");
        held.rule_tags.insert(named(&own), tags);
        account
            .elbv2
            .listeners
            .insert(listener.arn.clone(), listener);
        account
            .autoscaling
            .groups
            .insert(theirs.name.clone(), theirs);
    }
    ((own, our_listener.arn, group.to_owned()), foreign)
}

/// The stack's own rule, listener and group, and the same as others would have them.
async fn of_timers(world: &World) -> Vec<Case> {
    let plan = world.plan(&world.config("0.0.2", None)).await.1;
    let own = plan.traffic_rules.own().to_owned();
    let (ours, foreign) = ours_and_theirs(world, own, &plan.names().group(plan.live));
    let of_each = foreign.iter().map(|it| (it, false));
    let of_each = of_each.chain([(&ours, true)]);
    let mut cases = Vec::new();
    for ((rule, listener, group), may) in of_each {
        cases.extend([
            (("elbv2", "ModifyRule"), json!({"RuleArn": rule}), may),
            (
                ("elbv2", "ModifyListener"),
                json!({"ListenerArn": listener}),
                may,
            ),
            (
                ("autoscaling", "UpdateAutoScalingGroup"),
                json!({"AutoScalingGroupName": group}),
                may,
            ),
        ]);
    }
    let on = |id: &str| json!({"InstanceIds": [id]});
    cases.extend([
        (("ec2", "TerminateInstances"), on(KEPT), true),
        // A live one is no timer's to end.
        (("ec2", "TerminateInstances"), on(OURS), false),
        (("ec2", "TerminateInstances"), on(THEIRS), false),
        (("ec2", "TerminateInstances"), on(OF_STAGE), false),
    ]);
    let cases = cases.into_iter().map(|(call, params, may)| Case {
        role: names().guard_role(),
        call,
        params,
        may,
    });
    cases.collect()
}

/// The cases that go otherwise than they should.
fn wrong(world: &World, cases: &[Case]) -> Vec<String> {
    let mut account = world.cloud.account();
    let mut wrong = Vec::new();
    for case in cases {
        let arn = account.iam.roles[&case.role].arn.clone();
        let checked = authority::check(&mut account, &arn, case.call, &case.params);
        if checked.is_ok() != case.may {
            wrong.push(format!("{:?} {} {checked:?}", case.call, case.params));
        }
    }
    wrong
}

#[tokio::test(start_paused = true)]
async fn no_role_reaches_what_is_another_s_and_each_condition_and_each_resource_sees_to_it() {
    let world = World::with_a_release().await;
    add_instances(&world);
    let mut cases = of_bakes();
    cases.extend(of_timers(&world).await);
    assert_eq!(wrong(&world, &cases), [""; 0]);
    let mut let_in = 0;
    for role in [names().bake_role(), names().guard_role()] {
        let policy = read(&world, &role);
        let statements = policy["Statement"].as_array().expect("statements");
        for (nth, statement) in statements.iter().enumerate() {
            if let Some(conditions) = statement["Condition"].as_object() {
                for (operator, keys) in conditions {
                    let keys = keys.as_object().expect("keys").keys();
                    // No call of the local cloud hands a role to another service than EC2.
                    for key in keys.filter(|key| *key != "iam:PassedToService") {
                        let mut less = policy.clone();
                        let keys = &mut less["Statement"][nth]["Condition"][operator];
                        keys.as_object_mut().expect("keys").remove(key);
                        write(&world, &role, &less);
                        let wrong = wrong(&world, &cases);
                        assert!(!wrong.is_empty(), "{role} without {key}: {statement}");
                        let_in += 1;
                    }
                }
            }
        }
        write(&world, &role, &policy);
    }
    // So many keys of conditions.
    assert_eq!(let_in, 13);
}
