//! Where bundles lie, and the runbooks: the bake's, the guard's, the scale-in's, that of what is kept.

use anyhow::Result;

use super::Provisioned;
use crate::aws::Tags;
use crate::aws::s3::{self, Expiry, Settings};
use crate::aws::ssm::{self, Document};
use crate::aws::sts::Caller;
use crate::config::Config;
use crate::run::context::Context;
use crate::stack::{Names, TAG_APP};
use crate::{bake, guard, kept, scale_in};

/// What goes by itself. A bundle is needed while its image is baked, and kept a while for whoever wants to look. What runs say of
/// themselves stays; they say it anew every few seconds, and what they said before is of use only to who looks into a failure.
const EXPIRIES: [Expiry; 2] = [
    Expiry {
        id: "bg-deploy: bundles of old bakes",
        prefix: "bundles/",
        days: Some(30),
        earlier_days: 7,
    },
    Expiry {
        id: "bg-deploy: what runs said before",
        prefix: "state/",
        days: None,
        earlier_days: 7,
    },
];

/// The bucket for bundles, and for turns. It is the app's, for all environments of the account and region.
pub async fn ensure_bucket(
    cx: &Context,
    config: &Config,
    names: &Names,
    caller: &Caller,
    made: &mut Provisioned,
) -> Result<String> {
    let bucket = names.bucket_of(&caller.account, &cx.aws.region);
    let settings = Settings {
        tags: Tags::from([(TAG_APP.to_owned(), names.app.clone())]),
        expiries: EXPIRIES.to_vec(),
        key: config.encryption.bucket_key.clone(),
    };
    let is_there = s3::has_bucket(&cx.aws, &bucket).await?;
    if !is_there {
        made.create(cx, format!("bucket {}", bucket.name));
    }
    let other = s3::ensure_bucket(&cx.aws, &bucket, is_there, &settings).await?;
    if let Some(key) = other {
        let name = &bucket.name;
        let left = format!(
            "bucket {name} is encrypted by {key}, which the file does not name: write it as bucket-key in [encryption], so that the \
             printed policies allow its use"
        );
        if !made.left.contains(&left) {
            made.left.push(left);
        }
    }
    Ok(bucket.name)
}

/// The runbooks, in the versions that this program has.
pub async fn ensure_runbooks(
    cx: &Context,
    config: &Config,
    names: &Names,
    made: &mut Provisioned,
) -> Result<()> {
    let bakes = bake::runbook::runbook(config.encryption.volume_key.as_deref());
    ensure_runbook(cx, names, names.runbook(), &bakes, made).await?;
    let bakes = bake::runbook::verify_runbook(config.encryption.volume_key.as_deref());
    ensure_runbook(cx, names, names.verify_runbook(), &bakes, made).await?;
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
