//! What runs the instances: the launch template and both Auto Scaling groups, empty at first.

use anyhow::Result;

use super::{Place, Provisioned, STEP, shown, tags};
use crate::aws::autoscaling::{self, NewGroup};
use crate::aws::elbv2::TargetGroups;
use crate::aws::launch_templates::{self, VersionData};
use crate::config::Config;
use crate::names::Colour;
use crate::run::context::Context;
use crate::stack::Names;

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
    target_groups: &TargetGroups,
    base_image: &str,
    made: &mut Provisioned,
) -> Result<()> {
    let template = ensure_template(cx, config, names, security_group, base_image, made).await?;
    let wanted = Colour::BOTH.map(|colour| names.group(colour));
    let existing = autoscaling::find_groups(&cx.aws, &wanted).await?;
    for colour in Colour::BOTH {
        let name = names.group(colour);
        let tags = names.tags_of(colour);
        if let Some(group) = existing.iter().find(|group| group.name == name) {
            tags::ensure_of_group(cx, group, &tags).await?;
            continue;
        }
        let group = NewGroup {
            name: name.clone(),
            template: template.clone(),
            template_version: 1,
            subnets: place.subnet_ids(),
            target_group: target_groups.of(colour).to_owned(),
            tags,
        };
        let call = || async { Ok(autoscaling::create_group(&cx.aws, &group).await?) };
        cx.once_seen(STEP, call).await?;
        made.create(cx, format!("Auto Scaling group {name}"));
    }
    Ok(())
}

/// The launch template, in its first version if it is new.
async fn ensure_template(
    cx: &Context,
    config: &Config,
    names: &Names,
    security_group: &str,
    base_image: &str,
    made: &mut Provisioned,
) -> Result<String> {
    let (name, tags) = (names.stack(), names.tags());
    let first = VersionData {
        image: base_image.to_owned(),
        instance_type: config.fleet.instance_type.clone(),
        instance_profile: names.instance_role(),
        security_groups: vec![security_group.to_owned()],
        user_data: String::new(),
        tags: tags.clone(),
    };
    let find = || launch_templates::find_template(&cx.aws, &name);
    let (template, is_new) = cx
        .once_seen(STEP, || async {
            if let Some(template) = find().await? {
                return Ok((template, false));
            }
            let made = launch_templates::create_template(&cx.aws, &name, &first, &tags);
            Ok((made.await?, true))
        })
        .await?;
    if is_new {
        made.create(cx, format!("launch template {name}"));
        shown(cx, &format!("launch template {name}"), find).await?;
    }
    Ok(template)
}
