//! What the bucket is like: closed to the public, by TLS alone, with versions that go after a while, tagged, encrypted.
//!
//! Guarantees: each setting is read first. What is right is not written again, and of what others set beside ours nothing is lost:
//! S3 replaces tags, rules and statements as a whole.

use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketLocationConstraint,
    BucketVersioningStatus, CreateBucketConfiguration, ExpirationStatus, LifecycleExpiration,
    LifecycleRule, LifecycleRuleFilter, NoncurrentVersionExpiration,
    PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag, Tagging,
    VersioningConfiguration,
};

use super::{Bucket, policy};
use crate::aws::error::{About as _, ErrorKind, Failure};
use crate::aws::{Aws, Tags, bear, partition_of};

/// What is in parts is done within a day, or never.
const GIVEN_UP_DAYS: i32 = 1;

/// How the bucket has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its tags, beside those of others.
    pub tags: Tags,
    /// What goes by itself.
    pub expiries: Vec<Expiry>,
    /// The KMS key, by ARN, that encrypts what is written; `None`: whatever does, S3's own as a rule.
    pub key: Option<String>,
}

/// What goes by itself, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// The rule is known by it.
    pub id: &'static str,
    /// Of what begins so.
    pub prefix: &'static str,
    /// Days after it was written; `None`: never.
    pub days: Option<i32>,
    /// Days after it was overwritten or deleted.
    pub earlier_days: i32,
}

impl Expiry {
    /// The days count for the marks that deletions leave, too, where there are any
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-expire-general-considerations.html>).
    fn rule(&self) -> Result<LifecycleRule, BuildError> {
        let expiration = |days: i32| LifecycleExpiration::builder().days(days).build();
        LifecycleRule::builder()
            .id(self.id)
            .filter(LifecycleRuleFilter::builder().prefix(self.prefix).build())
            .status(ExpirationStatus::Enabled)
            .set_expiration(self.days.map(expiration))
            .noncurrent_version_expiration(
                NoncurrentVersionExpiration::builder()
                    .noncurrent_days(self.earlier_days)
                    .build(),
            )
            .abort_incomplete_multipart_upload(
                AbortIncompleteMultipartUpload::builder()
                    .days_after_initiation(GIVEN_UP_DAYS)
                    .build(),
            )
            .build()
    }
}

/// Makes the bucket, if it is not there, and gives it what it has not. Whether it is there was asked before. Answers with the KMS
/// key that encrypts it though no key was said: who chose it is not overruled.
pub async fn ensure_bucket(
    aws: &Aws,
    bucket: &Bucket,
    is_there: bool,
    settings: &Settings,
) -> Result<Option<String>, Failure> {
    if !is_there {
        create(aws, bucket).await?;
    }
    let settled = async {
        close_to_the_public(aws, bucket).await?;
        take_tls_only(aws, bucket).await?;
        keep_versions(aws, bucket).await?;
        expire(aws, bucket, &settings.expiries).await?;
        tag(aws, bucket, &settings.tags).await?;
        encrypt(aws, bucket, settings.key.as_deref()).await
    };
    Box::pin(settled)
        .await
        .map_err(|error| bucket.refused(error))
}

async fn create(aws: &Aws, bucket: &Bucket) -> Result<(), Failure> {
    // us-east-1 is the one region that must not be named.
    let place = (aws.region != "us-east-1").then(|| {
        CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(aws.region.as_str()))
            .build()
    });
    let made = aws
        .s3
        .create_bucket()
        .bucket(&bucket.name)
        .set_create_bucket_configuration(place)
        .send()
        .await
        .about("CreateBucket", &bucket.name);
    match made {
        Err(error) if error.code != "BucketAlreadyOwnedByYou" => Err(error),
        _ => Ok(()),
    }
}

/// `None` where AWS says by this code that there is none.
fn if_any<T>(answer: Result<T, Failure>, code: &str) -> Result<Option<T>, Failure> {
    match answer {
        Err(error) if error.code == code => Ok(None),
        other => other.map(Some),
    }
}

async fn close_to_the_public(aws: &Aws, bucket: &Bucket) -> Result<(), Failure> {
    let closed = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .block_public_policy(true)
        .ignore_public_acls(true)
        .restrict_public_buckets(true)
        .build();
    let held = aws
        .s3
        .get_public_access_block()
        .bucket(&bucket.name)
        .expected_bucket_owner(&bucket.account)
        .send()
        .await
        .about("GetPublicAccessBlock", &bucket.name);
    let held = if_any(held, "NoSuchPublicAccessBlockConfiguration")?;
    if held.and_then(|held| held.public_access_block_configuration) == Some(closed.clone()) {
        return Ok(());
    }
    aws.s3
        .put_public_access_block()
        .bucket(&bucket.name)
        .expected_bucket_owner(&bucket.account)
        .public_access_block_configuration(closed)
        .send()
        .await
        .about("PutPublicAccessBlock", &bucket.name)?;
    Ok(())
}

async fn take_tls_only(aws: &Aws, bucket: &Bucket) -> Result<(), Failure> {
    let held = aws
        .s3
        .get_bucket_policy()
        .bucket(&bucket.name)
        .expected_bucket_owner(&bucket.account)
        .send()
        .await
        .about("GetBucketPolicy", &bucket.name);
    let held = if_any(held, "NoSuchBucketPolicy")?.and_then(|held| held.policy);
    let partition = partition_of(&aws.region);
    let wanted = policy::with_tls_only(held.as_deref(), partition, &bucket.name)
        .map_err(|why| unfit("GetBucketPolicy", bucket, &why))?;
    let Some(wanted) = wanted else {
        return Ok(());
    };
    aws.s3
        .put_bucket_policy()
        .bucket(&bucket.name)
        .expected_bucket_owner(&bucket.account)
        .policy(wanted)
        .send()
        .await
        .about("PutBucketPolicy", &bucket.name)?;
    Ok(())
}

async fn keep_versions(aws: &Aws, bucket: &Bucket) -> Result<(), Failure> {
    let held = aws
        .s3
        .get_bucket_versioning()
        .bucket(&bucket.name)
        .expected_bucket_owner(&bucket.account)
        .send()
        .await
        .about("GetBucketVersioning", &bucket.name)?;
    if held.status == Some(BucketVersioningStatus::Enabled) {
        return Ok(());
    }
    let kept = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled);
    aws.s3
        .put_bucket_versioning()
        .bucket(&bucket.name)
        .expected_bucket_owner(&bucket.account)
        .versioning_configuration(kept.build())
        .send()
        .await
        .about("PutBucketVersioning", &bucket.name)?;
    Ok(())
}

async fn expire(aws: &Aws, bucket: &Bucket, expiries: &[Expiry]) -> Result<(), Failure> {
    const OPERATION: &str = "PutBucketLifecycleConfiguration";
    let unbuildable = |error: BuildError| unfit(OPERATION, bucket, &error.to_string());
    let held = aws
        .s3
        .get_bucket_lifecycle_configuration()
        .bucket(&bucket.name)
        .expected_bucket_owner(&bucket.account)
        .send()
        .await
        .about("GetBucketLifecycleConfiguration", &bucket.name);
    let held = if_any(held, "NoSuchLifecycleConfiguration")?;
    // Beside the rules, and replaced with them.
    let minimum = held
        .as_ref()
        .and_then(|held| held.transition_default_minimum_object_size.clone());
    let held = held.and_then(|held| held.rules).unwrap_or_default();
    let ours: Result<Vec<_>, _> = expiries.iter().map(Expiry::rule).collect();
    let Some(rules) = with_rules(held, ours.map_err(unbuildable)?) else {
        return Ok(());
    };
    let rules = BucketLifecycleConfiguration::builder().set_rules(Some(rules));
    aws.s3
        .put_bucket_lifecycle_configuration()
        .bucket(&bucket.name)
        .expected_bucket_owner(&bucket.account)
        .set_transition_default_minimum_object_size(minimum)
        .lifecycle_configuration(rules.build().map_err(unbuildable)?)
        .send()
        .await
        .about(OPERATION, &bucket.name)?;
    Ok(())
}

/// The rules that stand, with ours as they have to be; `None` where they are so already.
fn with_rules(
    mut held: Vec<LifecycleRule>,
    ours: Vec<LifecycleRule>,
) -> Option<Vec<LifecycleRule>> {
    let mut differs = false;
    for rule in ours {
        match held.iter_mut().find(|standing| standing.id == rule.id) {
            Some(standing) if *standing == rule => continue,
            Some(standing) => *standing = rule,
            None => held.push(rule),
        }
        differs = true;
    }
    differs.then_some(held)
}

/// The tags that a bucket has.
pub(super) async fn held_tags(aws: &Aws, bucket: &Bucket) -> Result<Tags, Failure> {
    let held = aws
        .s3
        .get_bucket_tagging()
        .bucket(&bucket.name)
        .expected_bucket_owner(&bucket.account)
        .send()
        .await
        .about("GetBucketTagging", &bucket.name);
    let held = if_any(held, "NoSuchTagSet")?.map(|held| held.tag_set);
    let held = held.unwrap_or_default().into_iter();
    Ok(held.map(|tag| (tag.key, tag.value)).collect())
}

async fn tag(aws: &Aws, bucket: &Bucket, wanted: &Tags) -> Result<(), Failure> {
    const OPERATION: &str = "PutBucketTagging";
    let unbuildable = |error: BuildError| unfit(OPERATION, bucket, &error.to_string());
    let mut tags = held_tags(aws, bucket).await?;
    if bear(&tags, wanted) {
        return Ok(());
    }
    tags.extend(wanted.clone());
    let tags: Result<Vec<_>, _> = tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect();
    let tags = Tagging::builder().set_tag_set(Some(tags.map_err(unbuildable)?));
    aws.s3
        .put_bucket_tagging()
        .bucket(&bucket.name)
        .expected_bucket_owner(&bucket.account)
        .tagging(tags.build().map_err(unbuildable)?)
        .send()
        .await
        .about(OPERATION, &bucket.name)?;
    Ok(())
}

/// S3 encrypts whatever it is sent, by its own key where no other is said.
async fn encrypt(aws: &Aws, bucket: &Bucket, key: Option<&str>) -> Result<Option<String>, Failure> {
    const OPERATION: &str = "PutBucketEncryption";
    let unbuildable = |error: BuildError| unfit(OPERATION, bucket, &error.to_string());
    let held = aws
        .s3
        .get_bucket_encryption()
        .bucket(&bucket.name)
        .expected_bucket_owner(&bucket.account)
        .send()
        .await
        .about("GetBucketEncryption", &bucket.name);
    let held = if_any(held, "ServerSideEncryptionConfigurationNotFoundError")?;
    let held = held.and_then(|held| held.server_side_encryption_configuration);
    let mut rules = held.map(|held| held.rules).unwrap_or_default().into_iter();
    let now = rules.find_map(|rule| rule.apply_server_side_encryption_by_default);
    let by_kms = now.filter(|now| now.sse_algorithm != ServerSideEncryption::Aes256);
    let now = by_kms.map(|now| now.kms_master_key_id.unwrap_or_else(|| "aws/s3".to_owned()));
    let Some(key) = key.filter(|key| now.as_deref() != Some(*key)) else {
        return Ok(now.filter(|_| key.is_none()));
    };
    let by_default = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(ServerSideEncryption::AwsKms)
        .kms_master_key_id(key)
        .build()
        .map_err(unbuildable)?;
    // One use of the key for many objects.
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(by_default)
        .bucket_key_enabled(true);
    let wanted = ServerSideEncryptionConfiguration::builder().rules(rule.build());
    aws.s3
        .put_bucket_encryption()
        .bucket(&bucket.name)
        .expected_bucket_owner(&bucket.account)
        .server_side_encryption_configuration(wanted.build().map_err(unbuildable)?)
        .send()
        .await
        .about(OPERATION, &bucket.name)?;
    Ok(None)
}

/// What was never sent, or can't be read.
fn unfit(operation: &'static str, bucket: &Bucket, message: &str) -> Failure {
    Failure {
        kind: ErrorKind::Other,
        operation: operation.into(),
        resource: bucket.name.clone(),
        code: String::new(),
        message: message.to_owned(),
        request_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: &'static str, days: i32) -> LifecycleRule {
        let expiry = Expiry {
            id,
            prefix: "any/",
            days: Some(days),
            earlier_days: 1,
        };
        expiry.rule().expect("a rule")
    }

    #[test]
    fn rules_of_others_stay_and_ours_are_put_right() {
        let (theirs, ours) = (rule("theirs", 3), rule("ours", 30));
        let both = vec![theirs.clone(), ours.clone()];
        assert_eq!(
            with_rules(vec![theirs.clone()], vec![ours.clone()]),
            Some(both.clone())
        );
        let other = vec![theirs, rule("ours", 7)];
        assert_eq!(with_rules(other, vec![ours.clone()]), Some(both.clone()));
        assert_eq!(with_rules(both, vec![ours]), None);
    }
}
