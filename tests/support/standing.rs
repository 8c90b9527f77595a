//! What stands in the account: compared before and after a run that must leave no trace.

use std::time::{Duration, SystemTime};

use bg_deploy::aws::autoscaling::{self, Capacity, Group};
use bg_deploy::aws::elbv2;
use bg_deploy::names::Weights;
use bg_deploy::plan::Plan;
use bg_deploy::scale_in::{self, Due};
use bg_deploy::stack::TAG_DEPLOYMENT;

use super::World;

/// Visitors asked, on fresh connections: enough to meet every node of the load balancer.
const VISITORS: usize = 30;
/// What is on its way out of the account is gone after this.
const SETTLED: Duration = Duration::from_secs(300);

/// What a run must leave as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    weights: Option<Weights>,
    live: Shape,
    idle: Shape,
    verify: Shape,
}

/// A group without its instances.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shape {
    capacity: Capacity,
    suspended: Vec<String>,
    template_version: Option<i64>,
    members: Vec<String>,
    scale_in: Option<About>,
}

/// When a group is to be scaled in, to the minute: one that is armed again counts from when AWS began with it.
#[derive(Clone, Copy, Debug, Eq)]
struct About(u64);

impl PartialEq for About {
    fn eq(&self, other: &Self) -> bool {
        self.0.abs_diff(other.0) < 60
    }
}

impl Shape {
    fn of(group: Group, scale_in: Option<&Due>) -> Self {
        let mut members: Vec<_> = group.members.into_iter().map(|member| member.id).collect();
        members.sort();
        Self {
            capacity: group.capacity,
            suspended: group.suspended,
            template_version: group.template_version,
            members,
            scale_in: scale_in.map(|due| About(seconds_since_1970(due.at))),
        }
    }
}

fn seconds_since_1970(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    since.expect("after 1970").as_secs()
}

impl Standing {
    /// What stands now, seen from `plan`.
    pub(crate) async fn look(world: &World, plan: &Plan) -> Self {
        let aws = world.aws().await;
        let rule = elbv2::describe_traffic(&aws, &plan.traffic_rules)
            .await
            .expect("the traffic rule");
        let runbook = plan.names().scale_in_runbook();
        let due = scale_in::find(&aws, &runbook).await.expect("an answer");
        let shape = async |name: String| {
            let group = autoscaling::describe_group(&aws, &name).await;
            let due = due.iter().find(|due| due.group == name && !due.is_ending);
            Shape::of(group.expect("a group"), due)
        };
        Self {
            weights: rule.split(&plan.target_groups),
            live: shape(plan.names().group(plan.live)).await,
            idle: shape(plan.names().group(plan.live.other())).await,
            verify: shape(plan.names().verify_fleet()).await,
        }
    }

    /// Whether something is retained on the idle colour, with a time at which it is scaled in.
    pub(crate) fn retains(&self) -> bool {
        !self.idle.members.is_empty() && self.idle.scale_in.is_some()
    }

    /// Whether the traffic is divided as `before`, and the live group is as it was.
    pub(crate) fn has_live_of(&self, before: &Self) -> bool {
        (self.weights, &self.live) == (before.weights, &before.live)
    }

    /// The same with nothing suspended on the idle colour.
    pub(crate) fn with_idle_thawed(mut self) -> Self {
        self.idle.suspended.clear();
        self
    }

    /// The same with nothing on the idle colour: what an earlier release retained there is not brought back.
    fn with_idle_empty(mut self) -> Self {
        self.idle.capacity = Capacity::NONE;
        self.idle.members.clear();
        self.idle.scale_in = None;
        self
    }
}

/// Fails unless the account is as it was `before`, live answers as it did, and nothing of the run is left.
pub(crate) async fn assert_untouched(world: &World, plan: &Plan, before: &Standing, why: &str) {
    world.clock.sleep(SETTLED).await;
    let after = Standing::look(world, plan).await;
    if plan.verify_fleet.is_some() {
        assert_eq!(after, *before, "{why}");
    } else if after != *before {
        assert_eq!(after, before.clone().with_idle_empty(), "{why}");
    }
    assert_answers(world, plan, why).await;
    let traces = traces(world, &plan.deployment);
    assert!(traces.is_empty(), "{why}: left behind: {traces:#?}");
}

/// Fails unless the previous release answers everybody, the bearer of the preview route's secret as well; but that of verifications
/// leads to nobody.
async fn assert_answers(world: &World, plan: &Plan, why: &str) {
    let wanted = match &plan.previous.release {
        Some(release) => release.0.clone(),
        None => "status 503".to_owned(),
    };
    let previews = match plan.verify_fleet {
        Some(_) => "status 503",
        None => &wanted,
    };
    for _ in 0..VISITORS {
        assert_eq!(world.visit(&plan.url, None).await, wanted, "{why}: live");
        let token = plan.preview_token.reveal();
        let previewed = world.visit(&plan.url, Some(token)).await;
        assert_eq!(previewed, previews, "{why}: the preview route is open");
    }
}

/// Everything in the account that bears this deployment's tag or name.
pub(crate) fn traces(world: &World, deployment: &str) -> Vec<String> {
    let account = world.cloud.account();
    let bears = |tags: &std::collections::BTreeMap<String, String>| {
        tags.get(TAG_DEPLOYMENT)
            .is_some_and(|value| value == deployment)
    };
    let ec2 = &account.ec2;
    let mut traces = Vec::new();
    for instance in ec2.instances.values() {
        if bears(&instance.tags) && instance.state.name() != "terminated" {
            traces.push(format!("instance {}", instance.id));
        }
    }
    let images = ec2.images.values().filter(|image| bears(&image.tags));
    traces.extend(images.map(|image| format!("image {}", image.id)));
    let snapshots = ec2.snapshots.values().filter(|one| bears(&one.tags));
    traces.extend(snapshots.map(|snapshot| format!("snapshot {}", snapshot.id)));
    let versions = ec2.launch_templates.values().flat_map(|template| {
        let versions = template.versions.values();
        versions.map(|version| (version.number, version.description.clone()))
    });
    for (number, description) in versions {
        if description.is_some_and(|text| text.contains(deployment)) {
            traces.push(format!("launch template version {number}"));
        }
    }
    for execution in account.ssm.automations.values() {
        // A scale-in is compared with what stood before.
        let is_scale_in = execution.document.ends_with("-scale-in");
        if bears(&execution.tags) && !execution.status.is_final() && !is_scale_in {
            traces.push(format!("automation {}", execution.id));
        }
    }
    traces
}
