//! How live traffic is, for a run that was refused: asked of AWS then, and not taken from what was decided by.

use crate::aws::sts;
use crate::config::Config;
use crate::outcome::{EXIT_STUCK, Now};
use crate::prepare::draw;
use crate::run::context::Context;
use crate::standing;
use crate::status::Status;

/// How it is; `None` where that cannot be seen.
pub(super) async fn now(cx: &Context, config: &Config) -> Option<Now> {
    let caller = sts::known_caller(&cx.aws).await.ok()?;
    let standing = Box::pin(standing::look(&cx.aws, caller, config)).await;
    let status = Status::of(config, standing, cx.clock.utc(), &draw().ok()?);
    Some(match status.ok()? {
        Some(status) => Now {
            is_well: status.condition.exit_code() != EXIT_STUCK,
            words: status.headline(),
        },
        None => Now {
            is_well: true,
            words: format!(
                "nothing is provisioned for {} in {}",
                config.app, config.environment
            ),
        },
    })
}
