//! What would stop `provision` halfway, looked at before its first change: where the stack is to stand, who has its names, what its
//! instances are to be, and whether the account has room for it.
//!
//! Guarantees: it changes nothing; all that is wrong is said at once; what AWS does not let be looked at is passed over.

use anyhow::Result;

use super::place;
use crate::aws::elbv2::limits::{self, Room};
use crate::aws::error::ErrorKind;
use crate::aws::sts::Caller;
use crate::aws::{Aws, autoscaling, ec2, elbv2, error, iam, s3};
use crate::command_line::aws as by_hand;
use crate::config::Config;
use crate::inventory;
use crate::preflight::{self, Concern, Starts, clock, disks, fits, look, quota};
use crate::stack::Names;

/// How many target groups a stack has.
const TARGET_GROUPS: usize = 3;

/// Why nothing is provisioned, if one of them stops it: all of them, as a table.
pub fn refusal(concerns: &[Concern]) -> Option<String> {
    preflight::table(
        concerns,
        "would stop this halfway (nothing was changed, traffic is as it was)",
    )
}

/// Everything that is in the way, what stops it first.
pub async fn concerns(aws: &Aws, config: &Config, caller: &Caller) -> Result<Vec<Concern>> {
    let names = Names::new(&config.app, &config.environment);
    let mut all = Vec::new();
    let place = Box::pin(place::find(aws, config)).await?;
    let zones = place.as_ref().map(place::Place::zones).unwrap_or_default();
    all.extend(place.err());
    all.extend(Box::pin(bucket(aws, &names, caller)).await?);
    let (is_there, owner) = Box::pin(stands(aws, &names)).await?;
    all.extend(owner);
    let (of, builder) = (&config.fleet.instance_type, &config.bake.instance_type);
    let asked = [of.clone(), builder.clone()];
    let (running, types) = Box::pin(look::types(aws, &asked)).await?;
    let offered = look::seen(Box::pin(ec2::find_zones_with(aws, of))).await?;
    if let Some(offered) = offered.filter(|_| !zones.is_empty()) {
        all.extend(fits::offered(of, &zones, &offered));
    }
    let on = [
        ("bake.instance-type", builder.as_str()),
        ("fleet.instance-type", of.as_str()),
    ];
    all.extend(Box::pin(base_image(aws, config, &on, &types)).await?);
    all.extend(Box::pin(roles_of_services(aws)).await?);
    if !is_there {
        let starts = Starts {
            fleet: (of, i32::try_from(config.fleet.min).unwrap_or(i32::MAX)),
            builder: Some(builder),
            ending: &[],
        };
        let limits = look::limits(aws, &asked).await;
        let running = running.as_deref().map(|running| (running, &types[..]));
        let judged = running.map(|seen| quota::judge(&aws.region, starts, seen, &limits));
        let key = config.encryption.volume_key.as_deref();
        let disks = Box::pin(disks::concerns(aws, key, caller, None)).await?;
        // Of an empty stack nothing starts yet, and a release is not made now.
        let of_a_release = judged.into_iter().flatten().chain(disks);
        all.extend(of_a_release.map(|concern| Concern {
            slows: true,
            ..concern
        }));
        let room = look::seen(Box::pin(limits::find_room(aws))).await?;
        all.extend(room.into_iter().flat_map(|room| full(aws, room)));
    }
    all.extend(aws.seconds_ahead().and_then(clock::judge));
    all.sort_by_key(|concern| concern.slows);
    Ok(all)
}

/// Whether somebody else has the bucket's name.
async fn bucket(aws: &Aws, names: &Names, caller: &Caller) -> Result<Option<Concern>> {
    let bucket = names.bucket_of(&caller.account, &aws.region);
    match s3::has_bucket(aws, &bucket).await {
        Ok(_) => Ok(None),
        Err(error) if error.kind == ErrorKind::Denied => Ok(Some(Concern {
            about: "bucket",
            seen: format!("{}: {}", bucket.name, error.message),
            remedy: "choose another app name; or allow s3:ListBucket, if it is yours".to_owned(),
            slows: false,
        })),
        Err(error) => Err(error.into()),
    }
}

/// Whether the load balancer stands already, and whose all is that stands under the stack's name. The load balancer is made before
/// the groups.
pub(super) async fn stands(aws: &Aws, names: &Names) -> Result<(bool, Option<Concern>)> {
    let groups = autoscaling::find_groups(aws, &names.groups()).await?;
    let mut tags: Vec<_> = groups.into_iter().map(|group| group.tags).collect();
    let balancer = elbv2::find_load_balancer(aws, &names.stack()).await?;
    let is_there = balancer.is_some();
    if let Some(balancer) = balancer {
        let described = elbv2::describe_tags(aws, &[balancer.arn]).await?;
        tags.extend(described.into_iter().map(|(_, tags)| tags));
    }
    let other = tags.iter().find_map(|tags| names.owner_but_us(tags));
    let concern = other.map(|seen| Concern {
        about: "name",
        seen,
        remedy: "choose another name: app, or the environment's".to_owned(),
        slows: false,
    });
    Ok((is_there, concern))
}

/// Whether the image to start from is there, and runs on what it is to run on.
async fn base_image(
    aws: &Aws,
    config: &Config,
    on: &[(&str, &str)],
    types: &[ec2::Offered],
) -> Result<Vec<Concern>> {
    let named = &config.bake.base_image;
    let image = match inventory::resolve_base_image(aws, named).await {
        Ok(image) => image,
        Err(error) if error::kind(&error) == Some(ErrorKind::NotFound) => {
            return Ok(fits::image(named, None, on, types));
        }
        Err(error) => return Err(error),
    };
    let found = look::seen(Box::pin(look::architecture(aws, Some(&image)))).await?;
    Ok(found.flatten().map_or_else(Vec::new, |architecture| {
        fits::image(&image, architecture.as_deref(), on, types)
    }))
}

/// Which roles AWS has yet to make for itself: it does so with the first load balancer and the first group of an account, as far as
/// whoever makes those may have it.
async fn roles_of_services(aws: &Aws) -> Result<Vec<Concern>> {
    let mut all = Vec::new();
    for (service, role) in iam::SERVICE_ROLES {
        let path = iam::path_of_service(service);
        let found = look::seen(Box::pin(iam::has_role(aws, role, &path))).await?;
        if found != Some(false) {
            continue;
        }
        let make = by_hand(
            None,
            "iam create-service-linked-role",
            &format!("--aws-service-name {service}"),
        );
        all.push(Concern {
            about: "AWS's own role",
            seen: format!(
                "this account has no {role} yet; AWS makes it now, if you may iam:CreateServiceLinkedRole"
            ),
            remedy: format!("if you may not, have it made before by somebody who may: {make}"),
            slows: true,
        });
    }
    Ok(all)
}

/// What there is no room for in the region.
fn full(aws: &Aws, room: Room) -> Vec<Concern> {
    let wanted = [
        ("load balancers", room.load_balancers, 1, "L-53DA6B97"),
        (
            "target groups",
            room.target_groups,
            TARGET_GROUPS,
            "L-B22855CB",
        ),
    ];
    let mut all = Vec::new();
    for (about, (has, most), more, code) in wanted {
        if has + more <= most {
            continue;
        }
        let ask = by_hand(
            Some(&aws.region),
            "service-quotas request-service-quota-increase",
            &format!(
                "--service-code elasticloadbalancing --quota-code {code} --desired-value {}",
                has + more
            ),
        );
        all.push(Concern {
            about,
            seen: format!("{has} are there, {more} more to be made, and the quota is {most}"),
            remedy: format!("delete some, or ask AWS for more: {ask}"),
            slows: false,
        });
    }
    all
}
