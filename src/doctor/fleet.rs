//! The colours: are they up and healthy, what do they start, what keeps them from scaling.

use super::case::{Case, fails, left_over, lies};
use super::finding::{Finding, Fix};
use crate::aws::elbv2::{HealthCheck, Target};
use crate::command_line::Next;
use crate::inventory::{Stack, release};
use crate::names::{Colour, utc};
use crate::plan::past::releases;
use crate::plan::{FROZEN, health_check, is_frozen};

/// What an idle group cannot do without when it becomes the candidate.
const NEEDED: [&str; 2] = ["Launch", "AddToLoadBalancer"];

/// All of it.
pub(super) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(health(case));
    for (colour, stack) in &case.inventory.stacks {
        found.extend(deleting(case, stack));
        found.extend(suspended(case, stack));
        found.extend(template(case, *colour, stack));
        found.extend(check(case, *colour, stack));
    }
    if !case.is_under_way {
        found.extend(frozen(case));
        found.extend(floor(case));
        found.extend(no_scale_in(case));
        found.extend(scale_in_of_live(case));
    }
    found
}

/// Live answers, and all of it.
fn health(case: &Case<'_>) -> Option<Finding> {
    let (live, stack) = case.live()?;
    let wanted = stack.group.capacity.desired;
    let healthy = stack.healthy();
    if wanted == 0 {
        // Before a first release nobody is served, as it should be.
        let past = releases(case.inventory, &[]).into_iter().next()?;
        let (idle, other) = case.idle()?;
        let seen = match other.healthy() {
            0 => format!(
                "both colours are empty, and {} was released: nobody is answered",
                past.release
            ),
            up => format!(
                "{live} has all the traffic and no instance: nobody is answered; {idle} has {up} that are healthy"
            ),
        };
        return Some(fails("live-empty", seen, case.next(Next::Rollback)));
    }
    if i64::from(healthy) >= i64::from(wanted) {
        return None;
    }
    let sick: Vec<_> = stack
        .targets
        .iter()
        .filter(|target| !target.is_healthy())
        .map(told)
        .collect();
    let more = match sick.is_empty() {
        true => String::new(),
        false => format!(": {}", sick.join(", ")),
    };
    let seen = format!("{live} is live, and {healthy} of its {wanted} instances are healthy{more}");
    let remedy = case.aws(
        "autoscaling describe-scaling-activities",
        &format!(
            "--auto-scaling-group-name {} --max-items 5",
            stack.group.name
        ),
    );
    Some(fails("live-unhealthy", seen, remedy))
}

fn told(target: &Target) -> String {
    let why = match target.reason.as_str() {
        "" => target.state.clone(),
        reason => format!("{}, {reason}", target.state),
    };
    format!("{} ({why})", target.id)
}

fn deleting(case: &Case<'_>, stack: &Stack) -> Option<Finding> {
    let seen = format!(
        "the Auto Scaling group {} is being deleted; once it is gone, it can be made anew",
        stack.group.name
    );
    stack
        .group
        .deleting
        .then(|| fails("group-deleting", seen, case.next(Next::Provision)))
}

/// Without these no candidate comes up.
fn suspended(case: &Case<'_>, stack: &Stack) -> Option<Finding> {
    let group = &stack.group;
    let held = group
        .suspended
        .iter()
        .filter(|one| NEEDED.contains(&one.as_str()));
    let held: Vec<_> = held.map(String::as_str).collect();
    if held.is_empty() {
        return None;
    }
    let seen = format!(
        "{} has {} suspended: no instance of it comes up",
        group.name,
        held.join(" and ")
    );
    let remedy = resume(case, &group.name, &held);
    Some(fails("processes-suspended", seen, remedy))
}

fn resume(case: &Case<'_>, group: &str, processes: &[&str]) -> String {
    let processes = processes.join(" ");
    case.aws(
        "autoscaling resume-processes",
        &format!("--auto-scaling-group-name {group} --scaling-processes {processes}"),
    )
}

/// What an instance that starts tonight would be.
fn template(case: &Case<'_>, colour: Colour, stack: &Stack) -> Option<Finding> {
    let group = &stack.group;
    if !stack.is_up() || case.is_under_way {
        return None;
    }
    let template = case.inventory.template.as_deref().unwrap_or_default();
    // Most of its instances are what was proved.
    let mut numbers: Vec<_> = group
        .members
        .iter()
        .filter_map(|one| one.template_version)
        .collect();
    numbers.sort_unstable();
    let most = numbers
        .chunk_by(|a, b| a == b)
        .max_by_key(|same| same.len());
    let most = most.and_then(|same| same.first().copied());
    let pin = |number: i64| {
        let options = format!(
            "--auto-scaling-group-name {} --launch-template LaunchTemplateId={template},Version={number}",
            group.name
        );
        case.aws("autoscaling update-auto-scaling-group", &options)
    };
    let remedy = most.map_or_else(|| case.next(Next::Rollback), pin);
    let Some(number) = group.template_version else {
        let seen = format!(
            "{colour} starts instances of no numbered version of {template}, as $Latest or another template: a scale-out \
             would bring up what nobody has proved"
        );
        return Some(lies("template-drift", seen, remedy));
    };
    let version = case.inventory.version_of(colour);
    if version.and_then(release).is_none() {
        let seen = format!(
            "{colour} starts instances of version {number} of {template}, which no release has published"
        );
        return Some(lies("template-drift", seen, remedy));
    }
    let others = numbers.iter().filter(|of| **of != number).count();
    if others == 0 {
        return None;
    }
    let seen = format!(
        "{others} of {} instances of {colour} were not started from version {number}, which the group starts now",
        numbers.len()
    );
    Some(lies("template-drift", seen, remedy))
}

fn check(case: &Case<'_>, colour: Colour, stack: &Stack) -> Option<Finding> {
    let now = stack.check.as_ref()?;
    let wanted = health_check(case.config);
    if now.port != wanted.port {
        let seen = format!(
            "the target group of {colour} sends to port {}, and service.port is {}: AWS never changes a target group's port",
            now.port, wanted.port
        );
        let remedy = format!("service.port = {} in bg-deploy.toml", now.port);
        return Some(fails("port-differs", seen, remedy));
    }
    // The next release brings its own along to the idle colour, and the live one keeps what it was proved with.
    let is_live = case.live().is_some_and(|(live, _)| live == colour);
    if *now == wanted || is_live || case.is_under_way {
        return None;
    }
    let seen = format!(
        "the health check of {colour} is not the one of bg-deploy.toml ({})",
        differences(now, &wanted)
    );
    Some(left_over(
        "health-check-differs",
        seen,
        case.next(Next::Provision),
    ))
}

fn differences(now: &HealthCheck, wanted: &HealthCheck) -> String {
    let mut all = Vec::new();
    if now.path != wanted.path {
        all.push(format!("path {}, not {}", now.path, wanted.path));
    }
    let numbers = [
        ("interval", now.interval, wanted.interval),
        ("timeout", now.timeout, wanted.timeout),
        ("healthy threshold", now.healthy, wanted.healthy),
        ("unhealthy threshold", now.unhealthy, wanted.unhealthy),
    ];
    let differ = numbers.into_iter().filter(|(_, now, wanted)| now != wanted);
    all.extend(differ.map(|(what, now, wanted)| format!("{what} {now}, not {wanted}")));
    all.join("; ")
}

/// As only a run leaves a group.
fn frozen(case: &Case<'_>) -> Vec<Finding> {
    let live = case.live().map(|(live, _)| live);
    let stacks = case.inventory.stacks.iter();
    let frozen = stacks.filter(|(_, stack)| is_frozen(&stack.group));
    let told = frozen.map(|(colour, stack)| {
        let group = &stack.group;
        let what = FROZEN.join(", ");
        if live == Some(*colour) {
            let seen = format!(
                "{colour} is live and frozen ({what} suspended): it does not scale with its traffic"
            );
            let finding = left_over("processes-frozen", seen, case.fix());
            return finding.mended_by(Fix::Thaw(*colour));
        }
        let seen = format!("{colour} is frozen ({what} suspended), as only a run leaves it");
        let remedy = match case.is_unfinished {
            true => case.fix(),
            false => resume(case, &group.name, &FROZEN),
        };
        left_over("processes-frozen", seen, remedy)
    });
    told.collect()
}

/// A run pins the floor of what is live, to be able to go back to it.
fn floor(case: &Case<'_>) -> Option<Finding> {
    let (live, stack) = case.live()?;
    let capacity = stack.group.capacity;
    let floor = i64::from(case.config.fleet.min);
    let is_pinned = i64::from(capacity.min) > floor && capacity.min >= capacity.desired;
    let seen = format!(
        "{live} is live, and its minimum is {} where fleet.min is {floor}: it is never scaled in",
        capacity.min
    );
    let finding = || left_over("minimum-pinned", seen, case.fix()).mended_by(Fix::Floor(live));
    is_pinned.then(finding)
}

/// The previous release is paid for until somebody notices.
fn no_scale_in(case: &Case<'_>) -> Option<Finding> {
    let (idle, stack) = case.idle()?;
    if !stack.is_up() || stack.scale_in_at.is_some() {
        return None;
    }
    let seen = format!(
        "{idle} is up with {} instances and without traffic, and nothing scales it in",
        stack.group.capacity.desired
    );
    // A candidate that was left is not kept for a rollback: whoever finishes its run removes it.
    let remedy = match is_frozen(&stack.group) && !case.is_unfinished {
        true => case.aws(
            "autoscaling update-auto-scaling-group",
            &format!(
                "--auto-scaling-group-name {} --min-size 0 --max-size 0 --desired-capacity 0",
                stack.group.name
            ),
        ),
        false => case.fix(),
    };
    let finding = left_over("scale-in-missing", seen, remedy);
    Some(match is_frozen(&stack.group) {
        true => finding,
        false => finding.mended_by(Fix::ArmScaleIn(idle)),
    })
}

/// It looks at the weights before it acts; but they may be as it wants them again one day.
fn scale_in_of_live(case: &Case<'_>) -> Vec<Finding> {
    let Some(weights) = case.inventory.weights() else {
        return Vec::new();
    };
    let serving = case
        .inventory
        .stacks
        .iter()
        .filter(|(colour, _)| weights.of(**colour) > 0);
    let told = serving.filter_map(|(colour, stack)| {
        let at = utc(stack.scale_in_at?);
        let seen = format!("{colour} serves, and was to be scaled in at {at}; it is left alone for as long as it serves");
        let finding = left_over("scale-in-of-live", seen, case.fix());
        Some(finding.mended_by(Fix::TakeBackScaleIn(*colour)))
    });
    told.collect()
}
