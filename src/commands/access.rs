//! The way to AWS, and in plain words why there is none.

use crate::aws::{Access, Aws, NoAccess};
use crate::cause::FailedCall;
use crate::config::Config;
use crate::inputs::Inputs;
use net_clock::Network;

use super::EarlyExit;

/// Clients for the config's region.
pub(super) async fn connect(
    config: &Config,
    inputs: &Inputs,
    network: &Network,
) -> Result<Aws, EarlyExit> {
    connect_in(config.region.clone(), inputs, network).await
}

/// Clients for a region; for the environment's own, if none is given.
pub(super) async fn connect_in(
    region: Option<String>,
    inputs: &Inputs,
    network: &Network,
) -> Result<Aws, EarlyExit> {
    let access = Access {
        region,
        endpoint_url: inputs
            .endpoint_url
            .as_ref()
            .map(|given| given.value.clone()),
        keys: None,
    };
    Aws::connect(&access, network).await.map_err(|none| match none {
        NoAccess::Region => EarlyExit::bad_input(
            "no region: set `region` in bg-deploy.toml under the environment, pass --region, or set AWS_REGION",
        ),
        NoAccess::Credentials(words) => EarlyExit::bad_input(format!(
            "no AWS credentials: {words}\n\
             in GitHub Actions, let aws-actions/configure-aws-credentials run first (with `permissions: id-token: write`); \
             elsewhere, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        )),
    })
}

/// Why AWS refused us, if that is what the error is: nothing was changed, and it is for the user to mend.
pub(super) fn explain_denied(error: &anyhow::Error) -> Option<String> {
    let failure = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<FailedCall>())?;
    let remedy = failure.refusal()?.remedy;
    Some(format!("{error:#}\n{remedy}"))
}
