//! What AWS holds now for an app in an environment: read, never changed.

use std::collections::BTreeMap;
use std::time::SystemTime;

use anyhow::{Context as _, Result};

use crate::aws::autoscaling::{self, Group, Member};
use crate::aws::elbv2::{self, LoadBalancer, Routes, Rule, Target, TargetGroups};
use crate::aws::images::{self, Image};
use crate::aws::launch_templates::{self, Version};
use crate::aws::sts::Caller;
use crate::aws::{Aws, ec2, iam, s3, ssm};
use crate::bake::recipe::Recipe;
use crate::config::Config;
use crate::names::{Colour, Release, Weights};
use crate::scale_in::{self, Due};
use crate::stack::{Names, PREVIEW_PRIORITY, TAG_APP, TAG_RELEASE, TRAFFIC_PRIORITY};

/// One colour as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// Its group.
    pub group: Group,
    /// Its targets.
    pub targets: Vec<Target>,
    /// When AWS is to scale it in, if nobody is led to it by then: it is retained until then.
    pub scale_in_at: Option<SystemTime>,
}

impl Stack {
    /// How many of its targets are healthy.
    pub fn healthy(&self) -> u32 {
        let healthy = self
            .targets
            .iter()
            .filter(|target| target.state == "healthy");
        u32::try_from(healthy.count()).unwrap_or(u32::MAX)
    }

    /// Whether it is to have instances.
    pub fn is_up(&self) -> bool {
        self.group.capacity.desired > 0
    }

    /// Whether it has instances, and every one was started from this template version.
    pub fn runs_only(&self, version: i64) -> bool {
        let members = &self.group.members;
        let is_of_it = |member: &Member| member.template_version == Some(version);
        !members.is_empty() && members.iter().all(is_of_it)
    }
}

/// What a stack consists of; `None` for what does not exist.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// Who asks.
    pub caller: Caller,
    /// The load balancer.
    pub load_balancer: Option<LoadBalancer>,
    /// The target groups, if both exist.
    pub target_groups: Option<TargetGroups>,
    /// The rule that divides the traffic.
    pub traffic_rule: Option<Rule>,
    /// The rule of the preview route.
    pub preview_rule: Option<Rule>,
    /// Every route of the load balancer, those that others made among them.
    pub routes: Routes,
    /// The colours whose group exists.
    pub stacks: BTreeMap<Colour, Stack>,
    /// The launch template.
    pub template: Option<String>,
    /// Its versions, the newest first.
    pub versions: Vec<Version>,
    /// The app's images in this account, of all its environments, the newest first.
    pub images: Vec<Image>,
    /// The security group of instances.
    pub instance_security_group: Option<String>,
    /// What a bake needs; not looked at for what bakes nothing.
    pub bakery: Option<Bakery>,
}

/// What a bake needs; `None` for what does not exist.
#[derive(Clone, Debug)]
pub struct Bakery {
    /// The runbook's current version, if it says what ours says.
    pub runbook_version: Option<String>,
    /// The bucket, if it exists.
    pub bucket: Option<String>,
    /// The role that bakes exists.
    pub has_role: bool,
    /// The image to start from.
    pub base_image: String,
    /// The security group and subnet of the builder.
    pub builder: Option<(String, String)>,
    /// The image of this recipe, if it was baked already.
    pub image: Option<Image>,
    /// The recipe.
    pub recipe: Recipe,
}

impl Inventory {
    /// The weights as the traffic rule has them.
    pub fn weights(&self) -> Option<Weights> {
        self.traffic_rule
            .as_ref()?
            .split(self.target_groups.as_ref()?)
    }

    /// The template version that a colour's group starts instances from.
    pub fn version_of(&self, colour: Colour) -> Option<&Version> {
        let number = self.stacks.get(&colour)?.group.template_version?;
        self.versions
            .iter()
            .find(|version| version.number == number)
    }

    /// The release that a colour's instances are to answer with; `None` when it has none.
    pub fn release_of(&self, colour: Colour) -> Option<Release> {
        let stack = self.stacks.get(&colour)?;
        if stack.group.members.is_empty() {
            return None;
        }
        release(self.version_of(colour)?)
    }

    /// Whether instances can be started from this image.
    pub fn stands(&self, image: &str) -> bool {
        self.images
            .iter()
            .any(|standing| standing.id == image && standing.state == "available")
    }
}

/// The release that a template version is of; `None` for the one that was made without a release.
pub fn release(version: &Version) -> Option<Release> {
    version.tags.get(TAG_RELEASE).cloned().map(Release)
}

/// The id of the image to start from.
pub async fn resolve_base_image(aws: &Aws, base_image: &str) -> Result<String> {
    match base_image.strip_prefix("ssm:") {
        Some(parameter) => ssm::describe_parameter(aws, parameter)
            .await
            .with_context(|| format!("the base image {base_image}")),
        None => Ok(base_image.to_owned()),
    }
}

/// Reads everything a plan needs. With `bundle_sha256`, what the recipe is made of beside the base image, also what a
/// bake needs.
pub async fn take(
    aws: &Aws,
    caller: Caller,
    config: &Config,
    bundle_sha256: Option<&str>,
) -> Result<Inventory> {
    let names = Names::new(&config.app, &config.environment);
    let stack = names.stack();
    // Independent reads side by side: the longest of them, not their sum.
    let (load_balancer, blue, green, groups, template, images, place, scale_ins, bakery) = tokio::try_join!(
        wrap(elbv2::find_load_balancer(aws, &stack)),
        wrap(find_target_group(aws, names.target_group(Colour::Blue))),
        wrap(find_target_group(aws, names.target_group(Colour::Green))),
        wrap(find_groups(
            aws,
            Colour::BOTH.map(|colour| names.group(colour))
        )),
        wrap(launch_templates::find_template(aws, &stack)),
        wrap(images::find_images_by_tag(aws, TAG_APP, &config.app)),
        Box::pin(place(aws, config, &names)),
        wrap(find_scale_ins(aws, names.scale_in_runbook())),
        Box::pin(bakery(aws, &caller, config, &names, bundle_sha256)),
    )?;
    let target_groups = blue.zip(green).map(|(blue, green)| TargetGroups {
        blue: blue.arn,
        green: green.arn,
    });
    let (routes, versions, stacks) = tokio::try_join!(
        Box::pin(routes(aws, load_balancer.as_ref())),
        Box::pin(versions(aws, template.as_deref())),
        Box::pin(stacks(
            aws,
            &names,
            groups,
            target_groups.as_ref(),
            &scale_ins
        )),
    )?;
    let with_priority = |priority: i32| {
        let port = i32::from(config.network.listener_port);
        let mut ours = routes.0.iter().filter(|route| route.port == port);
        let found = ours.find(|route| route.rule.priority == priority.to_string());
        found.map(|route| route.rule.clone())
    };
    let (builder, instance_security_group) = place;
    Ok(Inventory {
        traffic_rule: with_priority(TRAFFIC_PRIORITY),
        preview_rule: with_priority(PREVIEW_PRIORITY),
        routes,
        bakery: bakery.map(|bakery| Bakery { builder, ..bakery }),
        caller,
        load_balancer,
        target_groups,
        stacks,
        template,
        versions,
        images,
        instance_security_group,
    })
}

/// What a bake of this bundle needs, but for the builder's place.
async fn bakery(
    aws: &Aws,
    caller: &Caller,
    config: &Config,
    names: &Names,
    bundle_sha256: Option<&str>,
) -> Result<Option<Bakery>> {
    let Some(bundle_sha256) = bundle_sha256 else {
        return Ok(None);
    };
    let bucket = names.bucket(&caller.account, &aws.region);
    let (runbook_version, has_bucket, has_role, base_image) = tokio::try_join!(
        wrap(find_runbook(aws, names.runbook())),
        wrap(s3::has_bucket(aws, &bucket)),
        wrap(has_role(aws, names.bake_role())),
        Box::pin(resolve_base_image(aws, &config.bake.base_image)),
    )?;
    let recipe = Recipe {
        base_image: base_image.clone(),
        bundle_sha256: bundle_sha256.to_owned(),
        runbook_sha256: crate::bake::runbook::runbook_sha256(),
    };
    let image = images::find_image_by_name(aws, &recipe.image_name(&config.app)).await?;
    Ok(Some(Bakery {
        runbook_version,
        bucket: has_bucket.then_some(bucket),
        has_role,
        base_image,
        builder: None,
        image,
        recipe,
    }))
}

/// Boxed: the SDK's futures are large, and many of them run side by side here.
async fn wrap<T>(call: impl Future<Output = Answer<T>>) -> Result<T> {
    Ok(Box::pin(call).await?)
}

type Answer<T> = Result<T, crate::aws::error::Failure>;

async fn find_target_group(aws: &Aws, name: String) -> Answer<Option<elbv2::TargetGroup>> {
    elbv2::find_target_group(aws, &name).await
}

async fn find_groups(aws: &Aws, names: [String; 2]) -> Answer<Vec<Group>> {
    autoscaling::find_groups(aws, &names).await
}

async fn find_scale_ins(aws: &Aws, runbook: String) -> Answer<Vec<Due>> {
    scale_in::find(aws, &runbook).await
}

async fn has_role(aws: &Aws, name: String) -> Answer<bool> {
    iam::has_role(aws, &name).await
}

/// The runbook's version, if it stands and says what ours says.
async fn find_runbook(aws: &Aws, name: String) -> Answer<Option<String>> {
    let found = ssm::find_document(aws, &name).await?;
    Ok(found
        .filter(|(content, _)| {
            serde_json::from_str::<serde_json::Value>(content)
                .is_ok_and(|content| content == crate::bake::runbook::runbook())
        })
        .map(|(_, version)| version))
}

async fn routes(aws: &Aws, load_balancer: Option<&LoadBalancer>) -> Result<Routes> {
    match load_balancer {
        Some(balancer) => Ok(Routes::of_load_balancer(aws, &balancer.arn).await?),
        None => Ok(Routes::default()),
    }
}

async fn versions(aws: &Aws, template: Option<&str>) -> Result<Vec<Version>> {
    match template {
        Some(template) => Ok(launch_templates::describe_versions(aws, template).await?),
        None => Ok(Vec::new()),
    }
}

/// Where a builder can stand (security group and subnet), and the instances' security group.
async fn place(
    aws: &Aws,
    config: &Config,
    names: &Names,
) -> Result<(Option<(String, String)>, Option<String>)> {
    let vpc = match &config.network.vpc {
        Some(vpc) => vpc.clone(),
        None => match ec2::find_default_vpc(aws).await? {
            Some(vpc) => vpc,
            None => return Ok((None, None)),
        },
    };
    let builder_group = names.builder_security_group();
    let instance_group = names.instance_security_group();
    let (subnets, builder, instance) = tokio::try_join!(
        wrap(ec2::describe_subnets(aws, &vpc, &config.network.subnets)),
        wrap(ec2::find_security_group(aws, &vpc, &builder_group)),
        wrap(ec2::find_security_group(aws, &vpc, &instance_group)),
    )?;
    let subnet = subnets.into_iter().next().map(|subnet| subnet.id);
    Ok((builder.zip(subnet), instance))
}

async fn stacks(
    aws: &Aws,
    names: &Names,
    groups: Vec<Group>,
    target_groups: Option<&TargetGroups>,
    scale_ins: &[Due],
) -> Result<BTreeMap<Colour, Stack>> {
    let mut stacks = BTreeMap::new();
    for group in groups {
        let Some(colour) = Colour::BOTH
            .into_iter()
            .find(|colour| names.group(*colour) == group.name)
        else {
            continue;
        };
        let target_group = target_groups.map(|groups| groups.of(colour));
        let targets = Box::pin(targets(aws, target_group)).await?;
        let due = scale_ins
            .iter()
            .find(|due| due.group == group.name && !due.is_ending);
        let stack = Stack {
            group,
            targets,
            scale_in_at: due.map(|due| due.at),
        };
        stacks.insert(colour, stack);
    }
    Ok(stacks)
}

async fn targets(aws: &Aws, target_group: Option<&str>) -> Answer<Vec<Target>> {
    match target_group {
        Some(target_group) => elbv2::describe_targets(aws, target_group).await,
        None => Ok(Vec::new()),
    }
}
