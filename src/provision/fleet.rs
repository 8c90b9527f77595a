//! What runs the instances: the launch templates and the Auto Scaling groups of both colours and of verifications, empty at first.

use anyhow::{Result, bail};

use super::load_balancer::Traffic;
use super::{Place, Provisioned, STEP, shown, tags};
use crate::aws::Tags;
use crate::aws::autoscaling::{self, NewGroup};
use crate::aws::launch_templates::{self, VersionData};
use crate::config::Config;
use crate::names::Colour;
use crate::run::context::Context;
use crate::stack::{Names, PURPOSE_VERIFY};

/// Makes what does not exist.
#[expect(
    clippy::too_many_arguments,
    reason = "each is one of the things a fleet is made from"
)]
pub async fn ensure(
    cx: &Context,
    config: &Config,
    names: &Names,
    place: &Place,
    security_group: &str,
    traffic: &Traffic,
    base_image: &str,
    made: &mut Provisioned,
) -> Result<()> {
    let first = |tags: &Tags| VersionData {
        image: base_image.to_owned(),
        instance_type: config.fleet.instance_type.clone(),
        instance_profile: names.instance_role(),
        security_groups: vec![security_group.to_owned()],
        user_data: String::new(),
        tags: tags.clone(),
    };
    let tags = names.tags();
    let template = ensure_template(cx, names, &names.stack(), &first(&tags), made).await?;
    let (aside, tags) = (names.verify_fleet(), names.tags_for(PURPOSE_VERIFY));
    let of_verifications = ensure_template(cx, names, &aside, &first(&tags), made).await?;
    let existing = autoscaling::find_groups(&cx.aws, &names.groups()).await?;
    let of_colour = |colour| {
        let (name, tags) = (names.group(colour), names.tags_of(colour));
        (name, tags, &template, traffic.target_groups.of(colour))
    };
    let [blue, green] = Colour::BOTH.map(of_colour);
    let apart = (aside, tags, &of_verifications, &*traffic.verify_group);
    for (name, tags, template, target_group) in [blue, green, apart] {
        if let Some(group) = existing.iter().find(|group| group.name == name) {
            tags::ensure_of_group(cx, group, &tags).await?;
            continue;
        }
        let group = NewGroup {
            name: name.clone(),
            template: template.clone(),
            template_version: 1,
            subnets: place.subnet_ids(),
            target_group: target_group.to_owned(),
            tags,
        };
        let call = || async { Ok(autoscaling::create_group(&cx.aws, &group).await?) };
        cx.once_seen(STEP, call).await?;
        made.create(cx, format!("Auto Scaling group {name}"));
    }
    Ok(())
}

/// A launch template, with this version as its first if it is new.
async fn ensure_template(
    cx: &Context,
    names: &Names,
    name: &str,
    first: &VersionData,
    made: &mut Provisioned,
) -> Result<String> {
    let find = || launch_templates::find_template(&cx.aws, name);
    let (template, is_new) = cx
        .once_seen(STEP, || async {
            if let Some((template, tags)) =
                launch_templates::find_tagged_template(&cx.aws, name).await?
            {
                if let Some(why) = names.owner_but_us(&tags) {
                    bail!(why);
                }
                return Ok((template, false));
            }
            let made = launch_templates::create_template(&cx.aws, name, first, &first.tags);
            Ok((made.await?, true))
        })
        .await?;
    if is_new {
        made.create(cx, format!("launch template {name}"));
        shown(cx, &format!("launch template {name}"), find).await?;
    }
    Ok(template)
}
