//! From what AWS holds to a plan, or every reason why there is none.

use crate::aws::autoscaling::Capacity;
use crate::aws::elbv2::TargetGroups;
use crate::config::Config;
use crate::inventory::Inventory;
use crate::names::{Colour, Release, Weights};
use crate::stack::Names;

use super::candidate::{plan_bake, version_data};
use super::{Decision, Draw, FROZEN, IdleBefore, Plan, Previous};

impl Plan {
    /// Decides a release, or why there is none.
    pub fn decide(
        config: &Config,
        inventory: &Inventory,
        release: &Release,
        draw: &Draw,
    ) -> Decision {
        match Self::build(config, inventory, release, draw) {
            Ok(decision) => decision,
            Err(reasons) => Decision::Refused(reasons.join("\n")),
        }
    }

    fn build(
        config: &Config,
        inventory: &Inventory,
        release: &Release,
        draw: &Draw,
    ) -> Result<Decision, Vec<String>> {
        let names = Names::new(&config.app, &config.environment);
        let parts = Parts::find(config, inventory, &names)?;
        let live = live_colour(&parts, &names)?;
        let idle = live.other();
        let running = inventory.release_of(live);
        if running.as_ref() == Some(release) {
            return already_live(inventory, live, release);
        }
        let (Some(live_stack), Some(idle_stack)) =
            (inventory.stacks.get(&live), inventory.stacks.get(&idle))
        else {
            return Err(vec![missing("the Auto Scaling groups", config, &names)]);
        };
        let floor = i32::try_from(config.fleet.min).unwrap_or(i32::MAX);
        let ceiling = i32::try_from(config.fleet.max).unwrap_or(i32::MAX);
        let desired = live_stack.group.capacity.desired.max(floor);
        let capacity = Capacity {
            min: desired,
            max: ceiling.max(desired),
            desired,
        };
        Ok(Decision::Release(Box::new(Self {
            deployment: draw.deployment.clone(),
            app: config.app.clone(),
            environment: config.environment.clone(),
            account: inventory.caller.account.clone(),
            region: parts.region.clone(),
            release: release.clone(),
            live,
            idle,
            previous: Previous {
                release: running,
                weights: parts.weights,
                capacity: live_stack.group.capacity,
                healthy: live_stack.healthy(),
            },
            idle_before: IdleBefore {
                capacity: idle_stack.group.capacity,
                template_version: idle_stack.group.template_version,
                suspended: suspended_by_others(&idle_stack.group.suspended),
            },
            capacity,
            bake: plan_bake(config, inventory, &names, &parts, draw),
            version: version_data(config, &names, &parts, idle, release, draw),
            template: parts.template,
            target_groups: parts.target_groups,
            traffic_rule: parts.traffic_rule,
            preview_rule: parts.preview_rule,
            url: parts.url,
            config: config.clone(),
            preview_token: draw.preview_token.clone(),
        })))
    }
}

/// What must exist for a release.
pub(super) struct Parts {
    pub(super) region: String,
    pub(super) target_groups: TargetGroups,
    pub(super) weights: Weights,
    pub(super) traffic_rule: String,
    pub(super) preview_rule: String,
    pub(super) template: String,
    pub(super) runbook_version: String,
    pub(super) bucket: String,
    pub(super) builder: (String, String),
    pub(super) instance_security_group: String,
    pub(super) url: String,
}

fn missing(what: &str, config: &Config, names: &Names) -> String {
    format!(
        "{what} of {} in environment {} ({}) do not exist; run: bg-deploy provision --environment {}",
        config.app,
        config.environment,
        names.stack(),
        config.environment
    )
}

impl Parts {
    /// Finds all, or every reason why not.
    fn find(config: &Config, inventory: &Inventory, names: &Names) -> Result<Self, Vec<String>> {
        let mut reasons = Vec::new();
        if let Some(account) = &config.account
            && *account != inventory.caller.account
        {
            return Err(vec![format!(
                "these credentials are for account {} ({}), and environment {} belongs to account {account}; \
                 use credentials of account {account}, or correct environments.{}.account",
                inventory.caller.account,
                inventory.caller.arn,
                config.environment,
                config.environment
            )]);
        }
        let absent: Vec<_> = [
            ("load balancer", inventory.load_balancer.is_none()),
            ("target groups", inventory.target_groups.is_none()),
            ("traffic rule", inventory.traffic_rule.is_none()),
            ("preview rule", inventory.preview_rule.is_none()),
            ("Auto Scaling groups", inventory.stacks.len() < 2),
            ("launch template", inventory.template.is_none()),
            (
                "bake runbook in its current version",
                inventory.runbook_version.is_none(),
            ),
            ("artifact bucket", inventory.bucket.is_none()),
            ("bake role", !inventory.has_bake_role),
            (
                "builder's security group and subnet",
                inventory.builder.is_none(),
            ),
            (
                "instances' security group",
                inventory.instance_security_group.is_none(),
            ),
        ]
        .into_iter()
        .filter(|(_, absent)| *absent)
        .map(|(what, _)| what)
        .collect();
        if !absent.is_empty() {
            reasons.push(missing(
                &format!("the {}", absent.join(", ")),
                config,
                names,
            ));
        }
        if let Some(balancer) = &inventory.load_balancer
            && balancer.state != "active"
        {
            reasons.push(format!(
                "the load balancer {} is {}, not active; wait until it is, then run this again",
                names.stack(),
                balancer.state
            ));
        }
        for (colour, stack) in &inventory.stacks {
            if stack.group.deleting {
                reasons.push(format!(
                    "the Auto Scaling group {} ({colour}) is being deleted; wait until it is gone, then run: bg-deploy provision",
                    stack.group.name
                ));
            }
        }
        if inventory
            .traffic_rule
            .as_ref()
            .is_some_and(|rule| rule.sticky)
        {
            reasons.push(
                "the traffic rule has stickiness on: clients would stay on a colour whatever its weight; \
                 turn target group stickiness off, then run this again"
                    .to_owned(),
            );
        }
        if !reasons.is_empty() {
            return Err(reasons);
        }
        Self::gather(config, inventory).ok_or_else(|| {
            vec![format!(
                "the traffic rule of {} does not name both target groups; run: bg-deploy provision",
                names.stack()
            )]
        })
    }

    fn gather(config: &Config, inventory: &Inventory) -> Option<Self> {
        let balancer = inventory.load_balancer.as_ref()?;
        let port = config.network.listener_port;
        Some(Self {
            // arn:aws:elasticloadbalancing:REGION:...
            region: balancer.arn.split(':').nth(3)?.to_owned(),
            weights: inventory.weights()?,
            target_groups: inventory.target_groups.clone()?,
            traffic_rule: inventory.traffic_rule.as_ref()?.arn.clone(),
            preview_rule: inventory.preview_rule.as_ref()?.arn.clone(),
            template: inventory.template.clone()?,
            runbook_version: inventory.runbook_version.clone()?,
            bucket: inventory.bucket.clone()?,
            builder: inventory.builder.clone()?,
            instance_security_group: inventory.instance_security_group.clone()?,
            url: config
                .probe
                .url
                .clone()
                .unwrap_or_else(|| format!("http://{}:{port}", balancer.dns_name)),
        })
    }
}

fn live_colour(parts: &Parts, names: &Names) -> Result<Colour, Vec<String>> {
    parts.weights.live().ok_or_else(|| {
        let groups = &parts.target_groups;
        let put = |blue: u16, green: u16| {
            format!(
                "aws elbv2 modify-rule --rule-arn {} --actions '[{{\"Type\":\"forward\",\"ForwardConfig\":{{\"TargetGroups\":[{{\"TargetGroupArn\":\"{}\",\"Weight\":{blue}}},{{\"TargetGroupArn\":\"{}\",\"Weight\":{green}}}]}}}}]'",
                parts.traffic_rule, groups.blue, groups.green
            )
        };
        vec![format!(
            "neither colour of {} is live alone (weights: {}); put all traffic on the one that is right, then run this again:\n  blue:  {}\n  green: {}",
            names.stack(),
            parts.weights,
            put(100, 0),
            put(0, 100)
        )]
    })
}

/// The release's name is live: with this very image, or another one that nobody could tell from it?
fn already_live(
    inventory: &Inventory,
    live: Colour,
    release: &Release,
) -> Result<Decision, Vec<String>> {
    let running = inventory
        .version_of(live)
        .map(|version| version.image.as_str());
    let ours = inventory.image.as_ref().map(|image| image.id.as_str());
    if ours.is_some() && running == ours {
        return Ok(Decision::NothingToDo(release.clone()));
    }
    Err(vec![format!(
        "release {release} is live already, but from another artifact, base image or command: \
         /version could not tell them apart; give this one a release name of its own"
    )])
}

/// The suspended processes without ours: all of [`FROZEN`] together are what a run left that was killed.
fn suspended_by_others(suspended: &[String]) -> Vec<String> {
    let is_ours = |process: &String| FROZEN.contains(&process.as_str());
    let frozen = suspended.iter().filter(|process| is_ours(process)).count();
    let all_of_ours = frozen == FROZEN.len();
    suspended
        .iter()
        .filter(|process| !(all_of_ours && is_ours(process)))
        .cloned()
        .collect()
}
