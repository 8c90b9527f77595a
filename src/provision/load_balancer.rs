//! Where traffic comes in and is divided: load balancer, target groups, listener, traffic rule, preview rule.

use std::time::Duration;

use anyhow::{Result, bail};

use super::{Place, Provisioned, STEP, tags};
use crate::aws::elbv2::{
    self, Condition, HealthCheck, LoadBalancer, Routes, Rule, Target, TargetGroups,
};
use crate::aws::error::{ErrorKind, kind};
use crate::aws::witness::Contradiction;
use crate::aws::{Tags, autoscaling};
use crate::config::Config;
use crate::names::{Colour, PREVIEW_CLOSED, PREVIEW_HEADER, Weights};
use crate::plan::health_check;
use crate::random::random_token;
use crate::run::context::Context;
use crate::run::wait::{Limits, Look};
use crate::stack::{
    Names, PREVIEW_PRIORITY, PURPOSE_PREVIEW, PURPOSE_TRAFFIC, PURPOSE_VERIFY, TRAFFIC_PRIORITY,
    VERIFY_PRIORITY,
};

/// A new load balancer takes some two minutes.
const ACTIVE: Limits = Limits::new(Duration::from_secs(600), Duration::from_secs(5));

/// Requests in flight may go on this long once their target is deregistered, and no request may take longer.
pub const DEREGISTRATION_DELAY: Duration = Duration::from_secs(60);

/// What was made or found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// Both target groups.
    pub target_groups: TargetGroups,
    /// The target group of verifications.
    pub verify_group: String,
    /// Where live traffic is answered.
    pub url: String,
}

/// Makes what does not exist, and waits until the load balancer is active.
pub async fn ensure(
    cx: &Context,
    config: &Config,
    names: &Names,
    place: &Place,
    security_group: &str,
    made: &mut Provisioned,
) -> Result<Traffic> {
    let name = names.stack();
    let balancer = match elbv2::find_load_balancer(&cx.aws, &name).await? {
        Some(balancer) => balancer,
        None => {
            made.create(cx, format!("load balancer {name}"));
            let subnets = place.subnet_ids();
            let public = config.network.public;
            let tags = names.tags();
            let made = || async {
                let (aws, name) = (&cx.aws, &name);
                Ok(
                    elbv2::create_load_balancer(aws, name, &subnets, security_group, public, &tags)
                        .await?,
                )
            };
            cx.once_seen(STEP, made).await?
        }
    };
    let standing = [(balancer.arn.clone(), names.tags())];
    tags::ensure_of_load_balancing(cx, &standing).await?;
    elbv2::set_load_balancer_attributes(&cx.aws, &balancer.arn).await?;
    let [blue, green] = Colour::BOTH.map(|colour| {
        let (name, tags) = (names.target_group(colour), names.tags_of(colour));
        (name, tags, names.group(colour))
    });
    let target_groups = TargetGroups {
        blue: target_group(cx, config, place, &blue, made).await?,
        green: target_group(cx, config, place, &green, made).await?,
    };
    let apart = (
        names.verify_target_group(),
        names.tags_for(PURPOSE_VERIFY),
        names.verify_fleet(),
    );
    let verify_group = target_group(cx, config, place, &apart, made).await?;
    let port = config.network.listener_port;
    let listener = match elbv2::find_listener(&cx.aws, &balancer.arn, port).await? {
        Some(listener) => {
            let standing = [(listener.clone(), names.tags())];
            tags::ensure_of_load_balancing(cx, &standing).await?;
            listener
        }
        None => {
            made.create(cx, format!("listener on port {port}"));
            elbv2::create_listener(&cx.aws, &balancer.arn, port, &names.tags()).await?
        }
    };
    let rules = ensure_rules(cx, names, &listener, &target_groups, made).await?;
    ensure_verify_rule(cx, names, (&listener, &rules), &verify_group, made).await?;
    let balancer = wait_until_active(cx, &name, &balancer).await?;
    Ok(Traffic {
        target_groups,
        verify_group,
        url: format!("http://{}:{port}", balancer.dns_name),
    })
}

async fn target_group(
    cx: &Context,
    config: &Config,
    place: &Place,
    (name, tags, group): &(String, Tags, String),
    made: &mut Provisioned,
) -> Result<String> {
    let check = health_check(config);
    let arn = match elbv2::find_target_group(&cx.aws, name).await? {
        Some(found) => {
            tags::ensure_of_load_balancing(cx, &[(found.arn.clone(), tags.clone())]).await?;
            if found.check != check {
                check_otherwise(cx, group, &found.arn, &check, made).await?;
            }
            found.arn
        }
        None => {
            made.create(cx, format!("target group {name}"));
            elbv2::create_target_group(&cx.aws, name, &place.vpc, &check, tags).await?
        }
    };
    elbv2::set_deregistration_delay(&cx.aws, &arn, DEREGISTRATION_DELAY.as_secs()).await?;
    Ok(arn)
}

/// Sets another health check on a colour that nobody is led to; a live one keeps its own, or its instances could all be
/// unhealthy within seconds. The next release brings its own along.
async fn check_otherwise(
    cx: &Context,
    group: &str,
    arn: &str,
    check: &HealthCheck,
    made: &mut Provisioned,
) -> Result<()> {
    match autoscaling::see_no_weight(&cx.aws, group).await {
        Ok(idle) => elbv2::set_health_check(&cx.aws, cx.held().await?, idle, arn, check).await,
        Err(error) if Contradiction::of(&error).is_some() || is_not_found(&error) => {
            made.left.push(format!(
                "the health check of {group} is left as it is, because {group} serves; the next release sets its own"
            ));
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn is_not_found(error: &anyhow::Error) -> bool {
    kind(error) == Some(ErrorKind::NotFound)
}

/// The weights of the rules that name both target groups already, on other ports: a rule that is made divides as they do.
fn divided_elsewhere(routes: &Routes, groups: &TargetGroups) -> Result<Option<Weights>> {
    let mut found: Option<(Weights, String)> = None;
    for route in routes.naming(groups) {
        let Some(weights) = route.rule.split(groups) else {
            continue;
        };
        match &found {
            Some((before, words)) if *before != weights => bail!(
                "{words} says {before}, and {} says {weights}: which colour is live? make them agree, then run this again",
                route.words()
            ),
            Some(_) => {}
            None => found = Some((weights, route.words())),
        }
    }
    Ok(found.map(|(weights, _)| weights))
}

/// Has a traffic rule that somebody cut down to one target group name both again. One that leads elsewhere is theirs.
async fn complete(
    cx: &Context,
    rule: &str,
    groups: &TargetGroups,
    made: &mut Provisioned,
) -> Result<()> {
    if elbv2::name_both(&cx.aws, cx.held().await?, rule, groups).await? {
        made.create(
            cx,
            "the target group that the traffic rule did not name, with weight 0".to_owned(),
        );
        return Ok(());
    }
    made.left.push(
        "the traffic rule is left as it is: it leads elsewhere than to the target groups of this stack".to_owned(),
    );
    Ok(())
}

/// Who gets the traffic of a rule that is made: green if nobody but green can answer it, else blue.
async fn whoever_is_up(cx: &Context, groups: &TargetGroups) -> Result<Colour> {
    for colour in Colour::BOTH {
        let targets = elbv2::describe_targets(&cx.aws, groups.of(colour)).await?;
        if targets.iter().any(Target::is_healthy) {
            return Ok(colour);
        }
    }
    Ok(Colour::Blue)
}

/// The two rules. Weights of a traffic rule that exists are left as they are.
async fn ensure_rules(
    cx: &Context,
    names: &Names,
    listener: &str,
    groups: &TargetGroups,
    made: &mut Provisioned,
) -> Result<Vec<Rule>> {
    let rules = elbv2::describe_rules(&cx.aws, listener).await?;
    tags::ensure_of_load_balancing(cx, &tagged_rules(names, &rules)).await?;
    let find = |priority: i32| {
        let mut all = rules.iter();
        all.find(|rule| rule.priority == priority.to_string())
    };
    let exists = |priority: i32| find(priority).is_some();
    let blue = Weights::split(Colour::Blue, 100);
    if let Some(traffic) = find(TRAFFIC_PRIORITY) {
        if traffic.split(groups).is_none() {
            complete(cx, &traffic.arn, groups, made).await?;
        }
    } else {
        let both = Colour::BOTH.map(|colour| groups.of(colour).to_owned());
        let routes = Routes::look(&cx.aws, &both).await?;
        let weights = match divided_elsewhere(&routes, groups)? {
            Some(weights) => weights,
            None => Weights::split(whoever_is_up(cx, groups).await?, 100),
        };
        made.create(cx, "traffic rule".to_owned());
        elbv2::create_rule(
            &cx.aws,
            listener,
            TRAFFIC_PRIORITY,
            &Condition::AnyPath,
            groups,
            weights,
            &names.tags_for(PURPOSE_TRAFFIC),
        )
        .await?;
    }
    if !exists(PREVIEW_PRIORITY) {
        made.create(cx, "preview rule".to_owned());
        let nobody_s = format!("{PREVIEW_CLOSED}{}", random_token()?);
        let closed = Condition::Header(PREVIEW_HEADER.to_owned(), nobody_s);
        elbv2::create_rule(
            &cx.aws,
            listener,
            PREVIEW_PRIORITY,
            &closed,
            groups,
            blue,
            &names.tags_for(PURPOSE_PREVIEW),
        )
        .await?;
    }
    Ok(rules)
}

/// The rule of verifications: its header's value is a secret that stands, and it leads nowhere else than to their fleet.
async fn ensure_verify_rule(
    cx: &Context,
    names: &Names,
    (listener, rules): (&str, &[Rule]),
    target_group: &str,
    made: &mut Provisioned,
) -> Result<()> {
    let mut all = rules.iter();
    if let Some(rule) = all.find(|rule| rule.priority == VERIFY_PRIORITY.to_string()) {
        if !rule.previews(target_group) {
            made.left.push(format!(
                "the rule of priority {VERIFY_PRIORITY} is left as it is: it is not bg-deploy's; verify needs that priority, so \
                 give it another one, and run this again"
            ));
        }
        return Ok(());
    }
    made.create(cx, "rule of verifications".to_owned());
    let secret = Condition::Header(PREVIEW_HEADER.to_owned(), random_token()?);
    let tags = names.tags_for(PURPOSE_VERIFY);
    elbv2::create_rule_to(
        &cx.aws,
        listener,
        VERIFY_PRIORITY,
        &secret,
        target_group,
        &tags,
    )
    .await?;
    Ok(())
}

/// The stack's own rules that are there, with the tags that each is to have.
fn tagged_rules(names: &Names, rules: &[Rule]) -> Vec<(String, Tags)> {
    let purposes = [
        (TRAFFIC_PRIORITY, PURPOSE_TRAFFIC),
        (PREVIEW_PRIORITY, PURPOSE_PREVIEW),
    ];
    let found = purposes.into_iter().filter_map(|(priority, purpose)| {
        let mut all = rules.iter();
        let rule = all.find(|rule| rule.priority == priority.to_string())?;
        Some((rule.arn.clone(), names.tags_for(purpose)))
    });
    found.collect()
}

async fn wait_until_active(
    cx: &Context,
    name: &str,
    balancer: &LoadBalancer,
) -> Result<LoadBalancer> {
    let what = format!("load balancer {name} becoming active");
    let found = cx
        .wait(STEP, &what, ACTIVE, || async {
            Ok(match elbv2::find_load_balancer(&cx.aws, name).await? {
                Some(balancer) if balancer.state == "active" => Look::Ready(balancer),
                Some(balancer) if balancer.state == "failed" => {
                    Look::Never("AWS says it failed".to_owned())
                }
                Some(balancer) => Look::NotYet(format!("it is {}", balancer.state)),
                None => Look::NotYet(format!("{} is not seen yet", balancer.arn)),
            })
        })
        .await?;
    Ok(found)
}
