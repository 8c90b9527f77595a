//! Who may reach whom: the world the load balancer, the load balancer the instances, nobody the builder.

use anyhow::Result;

use super::{Place, Provisioned, STEP, shown};
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
    let_in(cx, &balancer, config.network.listener_port, &world).await?;
    let from_balancer = From::Group(balancer.clone());
    let_in(cx, &instance, config.service.port, &from_balancer).await?;
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
    let find = || ec2::find_security_group(&cx.aws, &place.vpc, name);
    let (id, is_new) = cx
        .once_seen(STEP, || async {
            if let Some(id) = find().await? {
                return Ok((id, false));
            }
            let tags = names.tags();
            let made = ec2::create_security_group(&cx.aws, &place.vpc, name, about, &tags);
            Ok((made.await?, true))
        })
        .await?;
    if is_new {
        made.create(cx, format!("security group {name}"));
        shown(cx, &format!("security group {name}"), find).await?;
    }
    Ok(id)
}

async fn let_in(cx: &Context, group: &str, port: u16, from: &From) -> Result<()> {
    let call = || async { Ok(ec2::ensure_ingress(&cx.aws, group, port, from).await?) };
    cx.once_seen(STEP, call).await
}
