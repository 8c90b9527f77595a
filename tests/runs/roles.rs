//! What the roles reach that `provision` makes for what acts inside AWS, the bake and the timers: nothing of another app, another
//! environment, or another purpose.

use bg_deploy::kept::TAG_KEPT_UNTIL;
use bg_deploy::stack::{Names, PURPOSE_BUILDER, TAG_APP, TAG_ENVIRONMENT, TAG_PURPOSE};
use local_aws::account::authority;
use local_aws::account::elbv2::rules;
use serde_json::{Value, json};

use crate::support::World;

fn names() -> Names {
    Names::new("hello", "test")
}

/// Something that a role may not do, or may.
struct Case {
    role: String,
    call: (&'static str, &'static str),
    params: Value,
    may: bool,
}

const OURS: &str = "i-0000000000000aaaa";
/// Serves: nobody's to enter or to end, but the same app's.
const LIVE: &str = "i-0000000000000eeee";
const KEPT: &str = "i-0000000000000bbbb";
const THEIRS: &str = "i-0000000000000cccc";
const OF_STAGE: &str = "i-0000000000000dddd";

/// Instances of the app, of the app and kept, of another app, of another environment and kept.
fn add_instances(world: &World) {
    let mut account = world.cloud.account();
    let any = account.ec2.instances.values().next().expect("one").clone();
    for (id, app, environment, is_kept) in [
        (OURS, "hello", "test", false),
        (LIVE, "hello", "test", false),
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
        instance.tags.remove(TAG_PURPOSE);
        if id != LIVE {
            let builder = PURPOSE_BUILDER.to_owned();
            instance.tags.insert(TAG_PURPOSE.to_owned(), builder);
        }
        if is_kept {
            let until = "2030-01-01T00:00:00Z".to_owned();
            instance.tags.insert(TAG_KEPT_UNTIL.to_owned(), until);
        }
        account.ec2.instances.insert(id.to_owned(), instance);
    }
}

/// An app in an environment.
type Whose = (&'static str, &'static str);
const HELLO: Whose = ("hello", "test");

fn tags((app, environment): Whose) -> Value {
    json!([{"Key": TAG_APP, "Value": app}, {"Key": TAG_ENVIRONMENT, "Value": environment}])
}

/// What a launch of a builder says, for these, with this profile.
fn launch(whose: Option<Whose>, profile: &str) -> Value {
    let tags = whose.map_or(json!([]), tags);
    let tagged = |kind: &str| json!({"ResourceType": kind, "Tags": tags});
    json!({
        "ImageId": "ami-0a1b2c3d4e5f60001",
        "SubnetId": "subnet-0a1b2c3d4e5f6000a",
        "SecurityGroupIds": ["sg-0a1b2c3d4e5f60000"],
        "IamInstanceProfile": {"Name": profile},
        "TagSpecifications": [tagged("instance"), tagged("volume")],
        "MetadataOptions": {"HttpTokens": "required"},
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": true}}],
    })
}

/// The same without this.
fn launch_without(member: &str, profile: &str) -> Value {
    let mut launch = launch(Some(HELLO), profile);
    let members = launch.as_object_mut().expect("members");
    members.remove(member).expect("it was said");
    launch
}

/// The same for an image of this instance.
fn image(instance: &str, whose: Whose) -> Value {
    let tags = tags(whose);
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
    let tag = json!({"Resources": [THEIRS], "Tags": [{"Key": TAG_APP, "Value": "hello"}]});
    [
        (("ec2", "TerminateInstances"), on(OURS), true),
        (("ec2", "TerminateInstances"), on(THEIRS), false),
        (("ec2", "StopInstances"), on(THEIRS), false),
        (("ec2", "RunInstances"), launch(Some(HELLO), &builder), true),
        (
            ("ec2", "RunInstances"),
            launch(Some(("other", "test")), &builder),
            false,
        ),
        (
            ("ec2", "RunInstances"),
            launch(Some(("hello", "stage")), &builder),
            false,
        ),
        (("ec2", "TerminateInstances"), on(OF_STAGE), false),
        (("ec2", "TerminateInstances"), on(LIVE), false),
        (("ec2", "CreateImage"), image(LIVE, HELLO), false),
        (("ec2", "CreateImage"), image(OF_STAGE, HELLO), false),
        (
            ("ec2", "CreateImage"),
            image(OURS, ("hello", "stage")),
            false,
        ),
        (("ec2", "RunInstances"), launch(None, &builder), false),
        (
            ("ec2", "RunInstances"),
            launch_without("MetadataOptions", &builder),
            false,
        ),
        (
            ("ec2", "RunInstances"),
            launch_without("BlockDeviceMappings", &builder),
            false,
        ),
        (
            ("ec2", "RunInstances"),
            launch(Some(HELLO), &instance),
            false,
        ),
        (("ec2", "CreateImage"), image(OURS, HELLO), true),
        (("ec2", "CreateImage"), image(THEIRS, HELLO), false),
        (
            ("ec2", "CreateImage"),
            image(OURS, ("other", "test")),
            false,
        ),
        // What would make another app's instance one of ours.
        (("ec2", "CreateTags"), tag, false),
        (("iam", "CreateRole"), json!({}), false),
    ]
    .map(|(call, params, may)| Case {
        role: names().bake_role(),
        call,
        params,
        may,
    })
    .into_iter()
    .chain(of_commands())
    .collect()
}

/// Commands on a builder of its own, and on no other instance.
fn of_commands() -> impl Iterator<Item = Case> {
    [
        ("AWS-RunShellScript", LIVE, false),
        ("AWS-RunShellScript", OURS, true),
        ("AWS-RunShellScript", THEIRS, false),
        ("AWS-RunShellScript", OF_STAGE, false),
        ("AWS-RunPatchBaseline", OURS, false),
    ]
    .into_iter()
    .map(|(document, id, may)| Case {
        role: names().bake_role(),
        call: ("ssm", "SendCommand"),
        params: json!({"DocumentName": document, "InstanceIds": [id]}),
        may,
    })
}

/// A rule, a listener and a group.
type Stands = (String, String, String);

/// The same as they would be of another app, and of another environment: by their names, whatever tags are left on them.
fn of_others(own: &Stands) -> Vec<Stands> {
    let named = |name: &str| {
        let rename = |ours: &str| ours.replace("bgd-hello-test", name);
        (rename(&own.0), rename(&own.1), rename(&own.2))
    };
    vec![named("bgd-other-test"), named("bgd-hello-stage")]
}

/// The stack's own rule, listener and group, and the same as others would have them.
async fn of_timers(world: &World) -> Vec<Case> {
    let plan = world.plan(&world.config("0.0.2", None)).await.1;
    let own = plan.traffic_rules.own().to_owned();
    let listener = rules::listener_of(&own).expect("a rule of a listener");
    let ours = (own, listener, plan.names().group(plan.live));
    let foreign = of_others(&ours);
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
        (("ec2", "TerminateInstances"), on(LIVE), false),
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
async fn no_role_inside_aws_reaches_what_is_another_s() {
    let world = World::with_a_release().await;
    add_instances(&world);
    let mut cases = of_bakes();
    cases.extend(of_timers(&world).await);
    assert_eq!(wrong(&world, &cases), [""; 0]);
}
