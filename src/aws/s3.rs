//! Amazon S3: the artifact bucket.

mod upload;

use std::path::Path;

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketLocationConstraint,
    CreateBucketConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter, PublicAccessBlockConfiguration, Tag, Tagging,
};

use super::error::{About as _, ErrorKind, Failure};
use super::{Aws, Tags};

/// Whether a bucket of ours exists.
pub async fn has_bucket(aws: &Aws, bucket: &str) -> Result<bool, Failure> {
    match aws
        .s3
        .head_bucket()
        .bucket(bucket)
        .send()
        .await
        .about("HeadBucket", bucket)
    {
        Ok(_) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes a private bucket whose objects go after `keep_days`.
pub async fn ensure_bucket(
    aws: &Aws,
    bucket: &str,
    tags: &Tags,
    keep_days: i32,
) -> Result<(), Failure> {
    // us-east-1 is the one region that must not be named.
    let place = (aws.region != "us-east-1").then(|| {
        CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(aws.region.as_str()))
            .build()
    });
    let made = aws
        .s3
        .create_bucket()
        .bucket(bucket)
        .set_create_bucket_configuration(place)
        .send()
        .await
        .about("CreateBucket", bucket);
    match made {
        Err(error) if error.code != "BucketAlreadyOwnedByYou" => return Err(error),
        _ => {}
    }
    close_to_the_public(aws, bucket).await?;
    put_tags(aws, bucket, tags).await?;
    put_expiration(aws, bucket, keep_days).await
}

async fn close_to_the_public(aws: &Aws, bucket: &str) -> Result<(), Failure> {
    aws.s3
        .put_public_access_block()
        .bucket(bucket)
        .public_access_block_configuration(
            PublicAccessBlockConfiguration::builder()
                .block_public_acls(true)
                .block_public_policy(true)
                .ignore_public_acls(true)
                .restrict_public_buckets(true)
                .build(),
        )
        .send()
        .await
        .about("PutPublicAccessBlock", bucket)?;
    Ok(())
}

async fn put_tags(aws: &Aws, bucket: &str, tags: &Tags) -> Result<(), Failure> {
    let tags: Vec<_> = tags
        .iter()
        .filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok())
        .collect();
    aws.s3
        .put_bucket_tagging()
        .bucket(bucket)
        .tagging(
            Tagging::builder()
                .set_tag_set(Some(tags))
                .build()
                .map_err(|error| unbuildable("PutBucketTagging", bucket, &error.to_string()))?,
        )
        .send()
        .await
        .about("PutBucketTagging", bucket)?;
    Ok(())
}

/// Has bundles go after this many days.
async fn put_expiration(aws: &Aws, bucket: &str, keep_days: i32) -> Result<(), Failure> {
    const OPERATION: &str = "PutBucketLifecycleConfiguration";
    let unbuildable =
        |error: aws_sdk_s3::error::BuildError| unbuildable(OPERATION, bucket, &error.to_string());
    let rule = LifecycleRule::builder()
        .id("bg-deploy: bundles of old bakes")
        .filter(LifecycleRuleFilter::builder().prefix("bundles/").build())
        .status(ExpirationStatus::Enabled)
        .expiration(LifecycleExpiration::builder().days(keep_days).build())
        .abort_incomplete_multipart_upload(
            AbortIncompleteMultipartUpload::builder()
                .days_after_initiation(1)
                .build(),
        )
        .build()
        .map_err(unbuildable)?;
    let rules = BucketLifecycleConfiguration::builder()
        .rules(rule)
        .build()
        .map_err(unbuildable)?;
    aws.s3
        .put_bucket_lifecycle_configuration()
        .bucket(bucket)
        .lifecycle_configuration(rules)
        .send()
        .await
        .about(OPERATION, bucket)?;
    Ok(())
}

fn unbuildable(operation: &'static str, resource: &str, message: &str) -> Failure {
    Failure {
        kind: ErrorKind::Other,
        operation: operation.into(),
        resource: resource.to_owned(),
        code: String::new(),
        message: message.to_owned(),
        request_id: None,
    }
}

/// Uploads a file, unless an object of this key is there: keys are content hashes, so it is the same one. `tell` is told of a
/// long one how many bytes of how many are there.
pub async fn upload_once(
    aws: &Aws,
    (bucket, key): (&str, &str),
    file: &Path,
    tell: impl Fn(u64, u64),
) -> anyhow::Result<bool> {
    let about = format!("s3://{bucket}/{key}");
    let found = aws
        .s3
        .head_object()
        .bucket(bucket)
        .key(key)
        .send()
        .await
        .about("HeadObject", &about);
    match found {
        Ok(_) => return Ok(false),
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error.into()),
    }
    upload::upload(aws, (bucket, key), file, tell).await?;
    Ok(true)
}
