//! Where bundles lie, and the runbooks: the bake's, the guard's, the scale-in's, that of what is kept.

use anyhow::Result;

use super::Provisioned;
use crate::aws::s3;
use crate::aws::ssm::{self, Document};
use crate::aws::sts::Caller;
use crate::run::context::Context;
use crate::stack::Names;
use crate::{bake, guard, kept, scale_in};

/// A bundle is needed while its image is baked; kept a while for whoever wants to look.
const KEEP_BUNDLES_DAYS: i32 = 30;

/// The bucket for bundles.
pub async fn ensure_bucket(
    cx: &Context,
    names: &Names,
    caller: &Caller,
    made: &mut Provisioned,
) -> Result<String> {
    let bucket = names.bucket(&caller.account, &cx.aws.region);
    if !s3::has_bucket(&cx.aws, &bucket).await? {
        made.create(cx, format!("bucket {bucket}"));
    }
    s3::ensure_bucket(&cx.aws, &bucket, &names.tags(), KEEP_BUNDLES_DAYS).await?;
    Ok(bucket)
}

/// The runbooks, in the versions that this program has.
pub async fn ensure_runbooks(cx: &Context, names: &Names, made: &mut Provisioned) -> Result<()> {
    let bakes = bake::runbook::runbook();
    ensure_runbook(cx, names, names.runbook(), &bakes, made).await?;
    let guards = guard::runbook::runbook();
    ensure_runbook(cx, names, names.guard_runbook(), &guards, made).await?;
    let scales_in = scale_in::runbook();
    ensure_runbook(cx, names, names.scale_in_runbook(), &scales_in, made).await?;
    ensure_runbook(cx, names, names.kept_runbook(), &kept::runbook(), made).await
}

async fn ensure_runbook(
    cx: &Context,
    names: &Names,
    name: String,
    ours: &serde_json::Value,
    made: &mut Provisioned,
) -> Result<()> {
    match ssm::compare_document(&cx.aws, &name, ours).await? {
        Document::Ours { .. } => {}
        Document::Absent => {
            ssm::create_runbook(&cx.aws, &name, &ours.to_string(), &names.tags()).await?;
            made.create(cx, format!("runbook {name}"));
        }
        Document::Other => {
            let version = ssm::update_runbook(&cx.aws, &name, &ours.to_string()).await?;
            made.create(cx, format!("runbook {name} version {version}"));
        }
    }
    Ok(())
}
