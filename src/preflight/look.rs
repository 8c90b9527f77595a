//! What a preflight asks AWS. Whoever may not ask does without.

use std::collections::BTreeSet;

use anyhow::Result;

use super::quota::{Limit, kind_of};
use crate::aws::Aws;
use crate::aws::ec2::{self, Ingress, Offered};
use crate::aws::error::{Failure, if_allowed};
use crate::aws::images;
use crate::aws::quotas::{self, Running};

/// The service that the quotas of instances are of.
const EC2: &str = "ec2";

/// What was answered; nothing, where that may not be asked.
pub(crate) async fn seen<T>(asking: impl Future<Output = Result<T, Failure>>) -> Result<Option<T>> {
    Ok(if_allowed(asking.await)?)
}

/// What security groups let in, where there are any.
pub(super) async fn ingress(aws: &Aws, groups: &[String]) -> Result<Option<Vec<Ingress>>, Failure> {
    match groups {
        [] => Ok(None),
        groups => Ok(Some(ec2::describe_ingress(aws, groups).await?)),
    }
}

/// The architecture of an image, where one is asked for; `None` within, where there is none.
pub(crate) async fn architecture(
    aws: &Aws,
    image: Option<&str>,
) -> Result<Option<Option<String>>, Failure> {
    let Some(image) = image else {
        return Ok(None);
    };
    let found = images::find_image(aws, image).await?;
    Ok(Some(found.map(|image| image.architecture)))
}

/// What runs in the region, and of which types these and those that are to start are.
pub(crate) async fn types(
    aws: &Aws,
    asked: &[String],
) -> Result<(Option<Vec<Running>>, Vec<Offered>)> {
    let running = seen(Box::pin(quotas::find_running(aws))).await?;
    let of_running = running.iter().flatten().map(|one| &one.instance_type);
    let names: BTreeSet<_> = asked.iter().chain(of_running).cloned().collect();
    let names: Vec<_> = names.into_iter().collect();
    let mut found = Vec::new();
    // AWS takes two hundred values of a filter.
    for names in names.chunks(200) {
        let types = seen(Box::pin(ec2::describe_types(aws, names))).await?;
        found.extend(types.unwrap_or_default());
    }
    Ok((running, found))
}

/// How many virtual CPUs may run of what these types are. Of a release nothing depends on that being told: where Service Quotas
/// can't be reached, as in a network without a way to it, AWS says the same to whoever launches.
pub(crate) async fn limits(aws: &Aws, types: &[String]) -> Vec<Limit> {
    let mut kinds: Vec<_> = types.iter().filter_map(|of| kind_of(of)).collect();
    kinds.dedup();
    let mut limits = Vec::new();
    for kind in kinds {
        let found = Box::pin(quotas::find_quota(aws, EC2, kind.code)).await;
        if let Ok(Some(most)) = found {
            limits.push(Limit {
                kind,
                most: whole(most),
            });
        }
    }
    limits
}

/// A number of virtual CPUs.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what does not fit is as good as the most or the least that does"
)]
fn whole(value: f64) -> u32 {
    value as u32
}
