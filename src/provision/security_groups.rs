//! Who may reach whom: the world the load balancer, the load balancer the instances, nobody the builder.

use anyhow::Result;

use super::{Place, Provisioned};
use crate::aws::ec2::{self, From};
use crate::config::Config;
use crate::run::context::Context;
use crate::stack::Names;

/// The stack's security groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityGroups {
    /// Of the load balancer.
    pub balancer: String,
    /// Of the instances.
    pub instance: String,
}

/// Makes what does not exist.
pub async fn ensure(
    cx: &Context,
    config: &Config,
    names: &Names,
    place: &Place,
    made: &mut Provisioned,
) -> Result<SecurityGroups> {
    let balancer = group(
        cx,
        names,
        place,
        &names.balancer_security_group(),
        "traffic from the world to the load balancer",
        made,
    )
    .await?;
    let instance = group(
        cx,
        names,
        place,
        &names.instance_security_group(),
        "traffic from the load balancer to the instances",
        made,
    )
    .await?;
    group(
        cx,
        names,
        place,
        &names.builder_security_group(),
        "nothing comes in to the builder",
        made,
    )
    .await?;
    let world = From::Range("0.0.0.0/0".to_owned());
    ec2::ensure_ingress(&cx.aws, &balancer, config.network.listener_port, &world).await?;
    let from_balancer = From::Group(balancer.clone());
    ec2::ensure_ingress(&cx.aws, &instance, config.service.port, &from_balancer).await?;
    Ok(SecurityGroups { balancer, instance })
}

async fn group(
    cx: &Context,
    names: &Names,
    place: &Place,
    name: &str,
    about: &str,
    made: &mut Provisioned,
) -> Result<String> {
    if let Some(id) = ec2::find_security_group(&cx.aws, &place.vpc, name).await? {
        return Ok(id);
    }
    let id = ec2::create_security_group(&cx.aws, &place.vpc, name, about, &names.tags()).await?;
    made.create(cx, format!("security group {name}"));
    Ok(id)
}
