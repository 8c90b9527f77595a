//! The roles that `provision` makes for what acts inside AWS, the bake and the timers, may do what they have to and nothing
//! besides: with any action taken away something fails.

mod reach;

use std::time::Duration;

use bg_deploy::deploy::deploy;
use bg_deploy::guard::FIRES_AFTER;
use bg_deploy::run::event::Event;
use bg_deploy::stack::Names;
use local_aws::account::ssm::automations::Status;
use local_aws::sample_app::AppFault;
use serde_json::Value;

use crate::finish::killed::canary;
use crate::support::World;
use crate::support::standing::Standing;

fn names() -> Names {
    Names::new("hello", "test")
}

/// The only policy of a role.
fn read(world: &World, role: &str) -> Value {
    let account = world.cloud.account();
    let role = &account.iam.roles[role];
    assert!(role.attached.is_empty(), "{:?}", role.attached);
    let [text] = role.inline.values().collect::<Vec<_>>()[..] else {
        panic!("{:?}", role.inline);
    };
    serde_json::from_str(text).expect("a policy")
}

fn write(world: &World, role: &str, policy: &Value) {
    let mut account = world.cloud.account();
    let role = account.iam.roles.get_mut(role).expect("the role");
    for text in role.inline.values_mut() {
        *text = policy.to_string();
    }
}

fn actions(statement: &Value) -> Vec<String> {
    match &statement["Action"] {
        Value::Array(all) => all
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        one => one.as_str().map(str::to_owned).into_iter().collect(),
    }
}

/// The policy with one action less, for each that it names, and what that was.
fn one_action_less(policy: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    let statements = policy["Statement"].as_array().expect("statements");
    for (nth, statement) in statements.iter().enumerate() {
        for action in actions(statement) {
            let mut less = policy.clone();
            let mut left = actions(statement);
            left.retain(|it| *it != action);
            less["Statement"][nth]["Action"] = left.into();
            all.push((format!("{action} of statement {nth}"), less));
        }
    }
    all
}

/// What AWS's interpreter of runbooks needs beside what the local one calls, or only a bake that is cancelled.
const OF_BAKES_BESIDE: [&str; 3] = [
    "ec2:DescribeInstanceStatus",
    "ssm:ListCommands ",
    "ssm:CancelCommand",
];

/// Whether a bake comes to its end, its builder's included.
async fn bakes(world: &World) -> bool {
    world.deploy(&world.config("0.0.2", None)).await;
    world.clock.sleep(Duration::from_secs(900)).await;
    let account = world.cloud.account();
    let all = account.ssm.automations.values();
    let of_bakes = all.filter(|run| run.document.ends_with("-bake"));
    let last = of_bakes.max_by_key(|run| run.started_at);
    last.expect("a bake").status == Status::Success
}

/// Carries out one check in a thread and a cloud of its own.
fn in_a_world<T: Send>(check: impl AsyncFn(World) -> T + Send + Sync) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async { check(World::with_a_release().await).await })
}

#[test]
fn a_bake_needs_every_action_of_its_role() {
    let role = names().bake_role();
    let policy = in_a_world(async |world| {
        assert!(bakes(&world).await, "with all of it");
        read(&world, &names().bake_role())
    });
    let all = one_action_less(&policy);
    let tried: Vec<_> = all
        .iter()
        .filter(|(what, _)| !OF_BAKES_BESIDE.iter().any(|known| what.starts_with(known)))
        .collect();
    let (role, halves) = (&role, tried.chunks(tried.len().div_ceil(2)));
    std::thread::scope(|scope| {
        for half in halves {
            scope.spawn(move || {
                for (what, less) in half {
                    let ended = in_a_world(async |world| {
                        write(&world, role, less);
                        bakes(&world).await
                    });
                    assert!(!ended, "it bakes without {what}");
                }
            });
        }
    });
    assert_eq!((tried.len(), all.len()), (14, 17));
}

/// Whether the guard brings back what a vanished run left. A run that can't arm it moves nobody, and has none.
async fn guards(world: &World) -> bool {
    let (prepared, plan) = world.plan(&canary(world, "0.0.9")).await;
    let before = Standing::look(world, &plan).await;
    let cx = world.context().await;
    {
        let run = deploy(&cx, &plan, prepared.bundle.file.path(), None);
        let is_written = |event: &Event| matches!(event, Event::WeightsWritten { .. });
        let written = async {
            while !cx.events.all().iter().any(|it| is_written(&it.event)) {
                cx.clock.sleep(Duration::from_millis(50)).await;
            }
        };
        // Killed, where it came so far.
        tokio::select! {
            _ = run => return false,
            () = written => {}
        }
    }
    world
        .clock
        .sleep(FIRES_AFTER + Duration::from_secs(700))
        .await;
    Standing::look(world, &plan).await.has_live_of(&before)
}

/// Whether what is kept for a rollback is scaled in at its time.
async fn scales_in(world: &World) -> bool {
    let mut config = world.config("0.0.2", None);
    config.retain.previous_for = Duration::from_secs(120);
    world.deploy(&config).await;
    world.clock.sleep(Duration::from_secs(1_200)).await;
    let account = world.cloud.account();
    let idle = &account.autoscaling.groups["bgd-hello-test-green"];
    idle.members.is_empty()
}

/// Whether what is kept to be looked at is ended at its time.
async fn ends_kept(world: &World) -> bool {
    let mut config = world.config("0.0.2", Some(AppFault::Unhealthy));
    config.retain.failed_for = Duration::from_secs(600);
    world.deploy(&config).await;
    world.clock.sleep(Duration::from_secs(1_800)).await;
    let account = world.cloud.account();
    let mut ends = account.ssm.automations.values();
    ends.any(|run| run.document.ends_with("-kept") && run.status == Status::Success)
}

#[test]
fn the_timers_need_every_action_of_their_role() {
    /// What moves the default action of a listener, where one moves along: tests of their own move those.
    const OF_LISTENERS: [&str; 2] = [
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:ModifyListener",
    ];
    let role = &names().guard_role();
    let policy = in_a_world(async |world| read(&world, &names().guard_role()));
    let all = one_action_less(&policy);
    let mut tried = 0;
    for (what, less) in &all {
        if OF_LISTENERS.iter().any(|known| what.starts_with(known)) {
            continue;
        }
        tried += 1;
        let is_of = |words: &str| what.contains(words);
        let ended = in_a_world(async |world| {
            write(&world, role, less);
            match () {
                () if is_of("UpdateAutoScalingGroup") => scales_in(&world).await,
                () if is_of("TerminateInstances") => ends_kept(&world).await,
                () => guards(&world).await,
            }
        });
        assert!(!ended, "it is done without {what}");
    }
    for (what, ended) in [
        ("guard", in_a_world(async |world| guards(&world).await)),
        (
            "scale-in",
            in_a_world(async |world| scales_in(&world).await),
        ),
        ("kept", in_a_world(async |world| ends_kept(&world).await)),
    ] {
        assert!(ended, "{what}, with all of it");
    }
    assert_eq!((tried, all.len()), (5, 7));
}
