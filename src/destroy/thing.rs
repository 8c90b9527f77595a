//! Something that stands: what it is called, how it is removed, and whether it is there still.

use anyhow::Result;

use crate::aws::autoscaling::{self, find_groups};
use crate::aws::error::Failure;
use crate::aws::iam::removal as iam;
use crate::aws::images::{self, Image};
use crate::aws::ssm::{self, removal as documents};
use crate::aws::{Aws, ec2, elbv2, launch_templates, security_groups};
use crate::run::context::Context;

/// It.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thing {
    /// For people: `load balancer bgd-hello-prod`.
    pub what: String,
    /// What it is, and how AWS calls it.
    pub kind: Kind,
    /// Why it can not go, where that is known before.
    pub stays: Option<String>,
}

impl Thing {
    pub(super) fn new(what: impl Into<String>, kind: Kind) -> Self {
        Self {
            what: what.into(),
            kind,
            stays: None,
        }
    }
}

/// What it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An automation under way, by its id.
    Automation(String),
    /// A rule, by its ARN.
    Rule(String),
    /// A listener with its rules, by its ARN.
    Listener(String),
    /// An Auto Scaling group with its instances, by its name.
    Group(String),
    /// An instance of no group, by its id.
    Instance(String),
    /// A target group, by its ARN, and the Auto Scaling group whose it is.
    TargetGroup(String, String),
    /// The load balancer, by its ARN and its name.
    LoadBalancer(String, String),
    /// The launch template, by its id.
    Template(String),
    /// An image with its snapshots.
    Image(Image),
    /// A snapshot without an image, by its id.
    Snapshot(String),
    /// A runbook, by its name.
    Document(String),
    /// An instance profile, by its name, with its role.
    Profile(String, iam::Profile),
    /// A role, by its name, with the policies that are ours.
    Role(String, iam::Standing),
    /// The security group of instances, by its id.
    OfInstances(String),
    /// The security group of the load balancer, by its id.
    OfBalancer(String),
    /// Another security group, by its id.
    SecurityGroup(String),
}

impl Kind {
    /// Asks AWS to remove it. What is gone already was removed.
    pub(super) async fn remove(&self, cx: &Context) -> Result<()> {
        let aws = &cx.aws;
        match self {
            Self::Automation(id) => ssm::cancel_automation(aws, id).await?,
            Self::Rule(arn) => elbv2::delete_rule(aws, arn).await?,
            Self::Listener(arn) => elbv2::delete_listener(aws, arn).await?,
            Self::Group(name) => remove_group(cx, name).await?,
            Self::Instance(id) => ec2::terminate_instance(aws, id).await?,
            Self::TargetGroup(arn, _) => elbv2::delete_target_group(aws, arn).await?,
            Self::LoadBalancer(arn, _) => elbv2::delete_load_balancer(aws, arn).await?,
            Self::Template(id) => launch_templates::delete_template(aws, id).await?,
            Self::Image(image) => images::remove_image(aws, image).await?,
            Self::Snapshot(id) => images::delete_snapshot(aws, id).await?,
            Self::Document(name) => documents::delete_document(aws, name).await?,
            Self::Profile(name, of) => iam::delete_profile(aws, name, of).await?,
            Self::Role(name, of) => iam::delete_role(aws, name, of).await?,
            Self::OfInstances(id) | Self::OfBalancer(id) | Self::SecurityGroup(id) => {
                security_groups::delete(aws, id).await?;
            }
        }
        Ok(())
    }

    /// Whether AWS says that it was removed before all of it is gone.
    pub(super) fn goes_slowly(&self) -> bool {
        matches!(
            self,
            Self::Automation(_) | Self::Group(_) | Self::Instance(_) | Self::LoadBalancer(..)
        )
    }

    /// Whether it is there still.
    pub(super) async fn stands(&self, aws: &Aws) -> Result<bool, Failure> {
        Ok(match self {
            Self::Automation(id) => !ssm::describe_automation(aws, id).await?.has_ended(),
            Self::Group(name) => {
                let found = find_groups(aws, std::slice::from_ref(name)).await?;
                !found.is_empty()
            }
            Self::Instance(id) => ec2::find_instance(aws, id).await?.is_some(),
            Self::LoadBalancer(_, name) => elbv2::find_load_balancer(aws, name).await?.is_some(),
            Self::Rule(arn) | Self::Listener(arn) | Self::TargetGroup(arn, _) => {
                let described = elbv2::describe_tags(aws, std::slice::from_ref(arn)).await;
                is_there(described)?
            }
            Self::Template(id) => is_there(launch_templates::describe_versions(aws, id).await)?,
            Self::Image(image) => images::is_any_left(aws, image).await?,
            Self::Snapshot(id) => images::has_snapshot(aws, id).await?,
            Self::Document(name) => documents::find_tags(aws, name).await?.is_some(),
            Self::Profile(name, _) => iam::find_profile(aws, name).await?.is_some(),
            Self::Role(name, _) => iam::find_role(aws, name).await?.is_some(),
            Self::OfInstances(id) | Self::OfBalancer(id) | Self::SecurityGroup(id) => {
                !security_groups::find_by_id(aws, id).await?.is_empty()
            }
        })
    }
}

/// Has a group deleted that nobody is led to, unless that is under way.
async fn remove_group(cx: &Context, name: &str) -> Result<()> {
    if autoscaling::describe_group(&cx.aws, name).await?.deleting {
        return Ok(());
    }
    let idle = autoscaling::see_no_way(&cx.aws, name).await?;
    let held = match &cx.lease {
        Some(_) => Some(cx.held().await?),
        None => None,
    };
    autoscaling::delete_group(&cx.aws, held, idle).await
}

fn is_there<T>(found: Result<T, Failure>) -> Result<bool, Failure> {
    match found {
        Ok(_) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}
