//! What must exist for a run, or every reason why there is none; and the plan that all runs make of it.

use crate::aws::autoscaling::{Capacity, Group};
use crate::aws::elbv2::{PreviewRule, TargetGroups, TrafficRules};
use crate::command_line::{Next, region_of};
use crate::config::Config;
use crate::inventory::{self, Inventory, Stack};
use crate::names::{Colour, Release, Weights};
use crate::stack::Names;

use super::by_hand::{cut_down, divided};
use super::candidate::version_data;
use super::settings::{health_check, smoke_tests};
use super::{
    Draw, FROZEN, Health, IdleBefore, Plan, PreviewToken, Previous, Shift, Source, Visitor,
    is_frozen,
};

/// What must exist for every run.
pub(super) struct Preconditions<'a> {
    pub(super) region: String,
    pub(super) target_groups: TargetGroups,
    pub(super) weights: Weights,
    pub(super) live: Colour,
    pub(super) live_stack: &'a Stack,
    pub(super) idle_stack: &'a Stack,
    pub(super) traffic_rules: TrafficRules,
    pub(super) preview_rule: PreviewRule,
    pub(super) template: String,
    pub(super) instance_security_group: String,
    pub(super) url: String,
}

/// Why there is no plan without this.
pub(super) fn missing(what: &str, config: &Config, names: &Names) -> String {
    format!(
        "{what} of {} in environment {} ({}) do not exist; run: {}",
        config.app,
        config.environment,
        names.stack(),
        config.next(Next::Provision)
    )
}

/// What each kind of run decides for itself; all else follows from the file and from what AWS holds.
pub(super) struct Chosen {
    /// What is to be live at the end.
    pub(super) release: Release,
    /// The commit that it was made from, if that is known.
    pub(super) commit: Option<String>,
    /// Where it comes from.
    pub(super) source: Source,
    /// The least that carries everything.
    pub(super) desired: i32,
    /// How the traffic moves.
    pub(super) shift: Shift,
}

impl<'a> Preconditions<'a> {
    /// Finds all, or every reason why not; `also` is what else this run needs, and whether that is absent.
    pub(super) fn find(
        config: &Config,
        inventory: &'a Inventory,
        names: &Names,
        also: &[(&'static str, bool)],
    ) -> Result<Self, Vec<String>> {
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
        if let Some(why) = inventory.owner_but(names) {
            return Err(vec![why]);
        }
        let mut reasons = not_there(config, inventory, names, also);
        reasons.extend(not_fit(config, inventory, names));
        if !reasons.is_empty() {
            return Err(reasons);
        }
        let weights = inventory
            .weights()
            .ok_or_else(|| vec![cut_down(config, inventory, names)])?;
        let live = weights
            .live()
            .ok_or_else(|| vec![divided(config, inventory, names, weights)])?;
        Self::gather(config, inventory, weights, live)
            .ok_or_else(|| vec![missing("the parts", config, names)])
    }

    fn gather(
        config: &Config,
        inventory: &'a Inventory,
        weights: Weights,
        live: Colour,
    ) -> Option<Self> {
        let balancer = inventory.load_balancer.as_ref()?;
        Some(Self {
            // arn:aws:elasticloadbalancing:REGION:...
            region: region_of(&balancer.arn)?.to_owned(),
            weights,
            live,
            live_stack: inventory.stacks.get(&live)?,
            idle_stack: inventory.stacks.get(&live.other())?,
            target_groups: inventory.target_groups.clone()?,
            traffic_rules: inventory.traffic_rules()?,
            preview_rule: PreviewRule::new(&inventory.preview_rule.as_ref()?.arn),
            template: inventory.template.clone()?,
            instance_security_group: inventory.instance_security_group.clone()?,
            url: url(config, inventory)?,
        })
    }

    /// The same as it was before the live colour was the live one.
    pub(super) fn the_other_way_round(self, inventory: &'a Inventory) -> Option<Self> {
        let live = self.live.other();
        Some(Self {
            live,
            live_stack: inventory.stacks.get(&live)?,
            idle_stack: inventory.stacks.get(&live.other())?,
            ..self
        })
    }

    /// Every decision of a run.
    pub(super) fn plan(
        self,
        config: &Config,
        inventory: &Inventory,
        draw: &Draw,
        chosen: Chosen,
    ) -> Plan {
        let names = Names::new(&config.app, &config.environment);
        let idle = self.live.other();
        Plan {
            deployment: draw.deployment.clone(),
            app: config.app.clone(),
            environment: config.environment.clone(),
            account: inventory.caller.account.clone(),
            live: self.live,
            idle,
            previous: self.previous(inventory),
            idle_before: IdleBefore {
                scale_in_at: self.idle_stack.scale_in_at.map(since_1970),
                scale_in: self.idle_stack.scale_in.clone(),
                ..IdleBefore::of(&self.idle_stack.group)
            },
            capacity: capacity(config, chosen.desired),
            version: version_data(
                config,
                &names,
                &self.instance_security_group,
                idle,
                (&chosen.release, chosen.commit.as_deref()),
                draw,
            ),
            release: chosen.release,
            source: chosen.source,
            region: self.region,
            role_path: config.roles.path.clone(),
            template: self.template,
            target_groups: self.target_groups,
            traffic_rules: self.traffic_rules,
            preview_rule: self.preview_rule,
            url: self.url,
            visitor: Visitor::of(config),
            health: Health::of(config),
            health_check: health_check(config),
            smoke: smoke_tests(config),
            shift: chosen.shift,
            floor: floor(config),
            retain: config.retain,
            verify_fleet: None,
            command_line: config.command_line.clone(),
            preview_token: PreviewToken::new(&draw.preview_token),
        }
    }

    /// Live as it is now.
    fn previous(&self, inventory: &Inventory) -> Previous {
        let live = self.live_stack;
        let declared = inventory.version_of(self.live).and_then(inventory::release);
        let wants_some = live.group.capacity.desired > 0;
        Previous {
            was_down: wants_some && live.group.members.is_empty() && declared.is_some(),
            release: inventory.release_of(self.live),
            weights: self.weights,
            capacity: live.group.capacity,
            healthy: live.healthy(),
            frozen: is_frozen(&live.group),
        }
    }
}

/// Where live traffic is answered.
pub(crate) fn url(config: &Config, inventory: &Inventory) -> Option<String> {
    let balancer = inventory.load_balancer.as_ref()?;
    let own = || {
        let port = config.network.listener_port;
        format!("http://{}:{port}", balancer.dns_name)
    };
    Some(config.probe.url.clone().unwrap_or_else(own))
}

fn not_there(
    config: &Config,
    inventory: &Inventory,
    names: &Names,
    also: &[(&'static str, bool)],
) -> Vec<String> {
    let group = (
        "instances' security group",
        inventory.instance_security_group.is_none(),
    );
    let beside = [group].into_iter().chain(also.iter().copied());
    let mut absent = inventory.absent();
    absent.extend(beside.filter(|(_, absent)| *absent).map(|(what, _)| what));
    if absent.is_empty() {
        return Vec::new();
    }
    vec![missing(
        &format!("the {}", absent.join(", ")),
        config,
        names,
    )]
}

/// What is there, but not as a run needs it.
fn not_fit(config: &Config, inventory: &Inventory, names: &Names) -> Vec<String> {
    let mut reasons = Vec::new();
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
                "the Auto Scaling group {} ({colour}) is being deleted; wait until it is gone, then run: {}",
                stack.group.name,
                config.next(Next::Provision)
            ));
        }
    }
    reasons.extend(other_routes(inventory));
    let rule = inventory.traffic_rule.as_ref();
    if rule.is_some_and(|rule| rule.sticky) {
        reasons.push(
            "the traffic rule has stickiness on: clients would stay on a colour whatever its weight; \
             turn target group stickiness off, then run this again"
                .to_owned(),
        );
    }
    if rule.is_some_and(|rule| rule.does_more || rule.weights.len() > 2) {
        reasons.push(
            "the traffic rule does more than to divide between both colours, and a release would write it without that; \
             put the rest into a rule that comes before it, then run this again"
                .to_owned(),
        );
    }
    reasons
}

/// The routes to the same target groups that a shift would not move: what they lead to would be emptied under their visitors.
fn other_routes(inventory: &Inventory) -> Vec<String> {
    let told = inventory.beside.iter().filter_map(|beside| {
        let stays = beside.stays.as_ref()?;
        let route = beside.route.words();
        Some(format!("{route} {}:\n{}", stays.why, stays.remedy))
    });
    told.collect()
}

fn since_1970(at: std::time::SystemTime) -> u64 {
    at.duration_since(std::time::SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

impl IdleBefore {
    /// The group as it is now, without what is to scale it in.
    pub(super) fn of(group: &Group) -> Self {
        Self {
            capacity: group.capacity,
            template_version: group.template_version,
            suspended: suspended_by_others(&group.suspended, is_frozen(group)),
            scale_in_at: None,
            scale_in: None,
        }
    }
}

/// What carries everything: at least `desired`, and what the file says.
fn capacity(config: &Config, desired: i32) -> Capacity {
    let ceiling = i32::try_from(config.fleet.max).unwrap_or(i32::MAX);
    let desired = desired.max(floor(config));
    Capacity {
        min: desired,
        max: ceiling.max(desired),
        desired,
    }
}

/// The least that a live group may be scaled in to.
pub(super) fn floor(config: &Config) -> i32 {
    i32::try_from(config.fleet.min).unwrap_or(i32::MAX)
}

/// The suspended processes without ours: all of [`FROZEN`] together are what a run left that was interrupted.
fn suspended_by_others(suspended: &[String], frozen: bool) -> Vec<String> {
    suspended
        .iter()
        .filter(|process| !(frozen && FROZEN.contains(&process.as_str())))
        .cloned()
        .collect()
}
