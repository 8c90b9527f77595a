//! What AWS holds now for an app in an environment: read, never changed.

mod automations;
mod baked;
mod beside;
mod place;
mod stack;
mod verify_fleet;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use crate::aws::autoscaling::{self, Group};
use crate::aws::ec2::Subnet;
use crate::aws::elbv2::{
    self, LoadBalancer, Routes, Rule, TargetGroup, TargetGroups, TrafficRules,
};
use crate::aws::images::{self, Image};
use crate::aws::launch_templates::{self, Template, Version};
use crate::aws::ssm::{self, Document};
use crate::aws::sts::Caller;
use crate::aws::{Aws, iam, s3};
use crate::bake::recipe::Recipe;
use crate::config::Config;
use crate::names::{Colour, Release, Weights};
use crate::stack::{Names, PREVIEW_PRIORITY, TAG_APP, TAG_RELEASE, TRAFFIC_PRIORITY};

pub use automations::Automations;
pub use beside::Beside;
use place::Place;
pub use stack::Stack;
pub use verify_fleet::VerifyParts;

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
    /// Those that name the target groups beside the traffic rule.
    pub beside: Vec<Beside>,
    /// The colours whose group exists.
    pub stacks: BTreeMap<Colour, Stack>,
    /// The launch template.
    pub template: Option<String>,
    /// Its versions, the newest first.
    pub versions: Vec<Version>,
    /// The app's images in this account, of all its environments, the newest first.
    pub images: Vec<Image>,
    /// What has not ended of bakes, guards and scale-ins.
    pub automations: Automations,
    /// The security group of instances; where nothing is to be launched, the one that the newest template version names.
    pub instance_security_group: Option<String>,
    /// The subnets that the file names, else all of the VPC; where nothing is to be launched, none.
    pub subnets: Vec<Subnet>,
    /// The zones that have the builder's type, where one may be launched and AWS tells.
    pub builder_zones: Option<Vec<String>>,
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
    /// What every stack has, and this one has not, in words.
    pub fn absent(&self) -> Vec<&'static str> {
        let parts = [
            ("load balancer", self.load_balancer.is_none()),
            ("target groups", self.target_groups.is_none()),
            ("traffic rule", self.traffic_rule.is_none()),
            ("preview rule", self.preview_rule.is_none()),
            ("Auto Scaling groups", self.stacks.len() < 2),
            ("launch template", self.template.is_none()),
        ];
        let absent = parts.iter().filter(|(_, is_absent)| *is_absent);
        absent.map(|(what, _)| *what).collect()
    }

    /// Whose the groups are, where they are those of another stack of the same name.
    pub fn owner_but(&self, names: &Names) -> Option<String> {
        let mut groups = self.stacks.values().map(|stack| &stack.group);
        groups.find_map(|group| names.owner_but_us(&group.tags))
    }

    /// The weights as the traffic rule has them.
    pub fn weights(&self) -> Option<Weights> {
        self.traffic_rule
            .as_ref()?
            .split(self.target_groups.as_ref()?)
    }

    /// The rules that a release moves: the stack's own, and those beside it that say the same.
    pub fn traffic_rules(&self) -> Option<TrafficRules> {
        let moving = self.beside.iter().filter(|beside| beside.stays.is_none());
        let moving = moving.map(|beside| beside.route.rule.arn.clone());
        let own = &self.traffic_rule.as_ref()?.arn;
        Some(TrafficRules::only(own).and(moving.collect()))
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

    /// The same, for people.
    pub fn release_in_words(&self, colour: Colour) -> String {
        let release = self.release_of(colour);
        release.map_or_else(|| "no release".to_owned(), |release| release.to_string())
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

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent<'a> {
    /// What it takes to tell how things stand: nothing is launched.
    Telling,
    /// What a run needs that bakes nothing.
    Launching,
    /// What a bake needs, too, of this bundle by its SHA-256: what the recipe is made of beside the base image.
    Baking(&'a str),
}

/// Reads as much as is asked for.
pub async fn take(
    aws: &Aws,
    caller: Caller,
    config: &Config,
    extent: Extent<'_>,
) -> Result<Inventory> {
    let names = Names::new(&config.app, &config.environment);
    let stack = names.stack();
    // Independent reads side by side: the longest of them, not their sum.
    let (
        (load_balancer, routes),
        target_groups,
        groups,
        template,
        images,
        place,
        automations,
        bakery,
    ) = tokio::try_join!(
        Box::pin(find_load_balancer(aws, &stack)),
        wrap(find_target_groups(aws, &names)),
        wrap(find_groups(
            aws,
            Colour::BOTH.map(|colour| names.group(colour))
        )),
        wrap(launch_templates::find_with_versions(aws, &stack)),
        wrap(images::find_images_by_tag(aws, TAG_APP, &config.app)),
        Box::pin(place::find(aws, config, &names, extent)),
        Box::pin(automations::find(aws, &names)),
        Box::pin(bakery(aws, &caller, config, &names, extent)),
    )?;
    let stacks = stack::find(aws, &names, groups, &target_groups, &automations);
    let stacks = Box::pin(stacks).await?;
    let with_priority = |priority: i32| {
        let port = i32::from(config.network.listener_port);
        let mut ours = routes.0.iter().filter(|route| route.port == port);
        let found = ours.find(|route| route.rule.priority == priority.to_string());
        found.map(|route| route.rule.clone())
    };
    let Place {
        builder,
        mut instance_security_group,
        subnets,
        builder_zones,
    } = place;
    let template = template.map(|Template { id, versions }| (Some(id), versions));
    let (template, versions) = template.unwrap_or_default();
    if extent == Extent::Telling {
        let named = versions.first().map(|version| &version.security_groups);
        instance_security_group = named.and_then(|groups| groups.first().cloned());
    }
    let target_groups = target_groups.map(|both| both.map(|group| group.arn));
    let target_groups = target_groups.map(|[blue, green]| TargetGroups { blue, green });
    let traffic_rule = with_priority(TRAFFIC_PRIORITY);
    let own = traffic_rule.as_ref().zip(target_groups.as_ref());
    let beside = Box::pin(beside::find(aws, &names, &routes, own)).await?;
    Ok(Inventory {
        traffic_rule,
        beside,
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
        automations,
        instance_security_group,
        subnets,
        builder_zones,
    })
}

/// What a bake of this bundle needs, but for the builder's place.
async fn bakery(
    aws: &Aws,
    caller: &Caller,
    config: &Config,
    names: &Names,
    extent: Extent<'_>,
) -> Result<Option<Bakery>> {
    let Extent::Baking(bundle_sha256) = extent else {
        return Ok(None);
    };
    let bucket = names.bucket_of(&caller.account, &aws.region);
    let (runbook_version, has_bucket, has_role, base_image) = tokio::try_join!(
        wrap(find_runbook(aws, config, names.runbook())),
        wrap(s3::has_bucket(aws, &bucket)),
        wrap(has_role(aws, names.bake_role(), &config.roles.path)),
        Box::pin(resolve_base_image(aws, &config.bake.base_image)),
    )?;
    let recipe = Recipe {
        base_image: base_image.clone(),
        bundle_sha256: bundle_sha256.to_owned(),
        runbook_sha256: crate::bake::runbook::runbook_sha256(
            config.encryption.volume_key.as_deref(),
        ),
    };
    let image = baked::find(aws, config, &recipe).await?;
    Ok(Some(Bakery {
        runbook_version,
        bucket: has_bucket.then_some(bucket.name),
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

/// Both, blue first, if both exist.
async fn find_target_groups(aws: &Aws, names: &Names) -> Answer<Option<[TargetGroup; 2]>> {
    let named = Colour::BOTH.map(|colour| names.target_group(colour));
    let found = elbv2::find_target_groups(aws, &named).await?;
    let of = |name: &String| found.iter().find(|group| group.name == *name).cloned();
    let [blue, green] = named.each_ref().map(of);
    Ok(blue.zip(green).map(|(blue, green)| [blue, green]))
}

async fn find_groups(aws: &Aws, names: [String; 2]) -> Answer<Vec<Group>> {
    autoscaling::find_groups(aws, &names).await
}

async fn has_role(aws: &Aws, name: String, path: &str) -> Answer<bool> {
    iam::has_role(aws, &name, path).await
}

/// The runbook's version, if it stands and says what ours says.
async fn find_runbook(aws: &Aws, config: &Config, name: String) -> Answer<Option<String>> {
    let ours = crate::bake::runbook::runbook(config.encryption.volume_key.as_deref());
    Ok(match ssm::compare_document(aws, &name, &ours).await? {
        Document::Ours { version } => Some(version),
        Document::Other | Document::Absent => None,
    })
}

/// The load balancer of this name, if there is one, with its routes.
async fn find_load_balancer(aws: &Aws, name: &str) -> Result<(Option<LoadBalancer>, Routes)> {
    let Some(balancer) = elbv2::find_load_balancer(aws, name).await? else {
        return Ok((None, Routes::default()));
    };
    let routes = Routes::of_load_balancer(aws, &balancer.arn).await?;
    Ok((Some(balancer), routes))
}
