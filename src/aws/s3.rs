//! Amazon S3: the artifact bucket.
//!
//! Guarantees: every call says whose the bucket has to be. Buckets' names are everybody's, and whoever guesses ours first could
//! be sent what it is to hold, or have us believe what it holds
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html>).

mod policy;
pub mod removal;
mod settings;
mod upload;

use std::path::Path;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;

use super::Aws;
use super::error::{About as _, ErrorKind, Failure};

pub use settings::{Expiry, Settings, ensure_bucket};

/// A bucket, and the account that it has to belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its name, which is nobody else's anywhere.
    pub name: String,
    /// Twelve digits.
    pub account: String,
}

impl Bucket {
    /// AWS answers alike whether a bucket is another account's, or this role may not do that: both are said.
    pub(super) fn refused(&self, mut failure: Failure) -> Failure {
        if failure.code == "AccessDenied" {
            failure.message += &format!(
                " (or bucket {} belongs to another account than {}: then nothing is read from it or written to it)",
                self.name, self.account
            );
        }
        failure
    }
}

/// Whether a bucket of ours exists. That it exists and is another account's is an error that names it.
pub async fn has_bucket(aws: &Aws, bucket: &Bucket) -> Result<bool, Failure> {
    let answer = aws
        .s3
        .head_bucket()
        .bucket(&bucket.name)
        .expected_bucket_owner(&bucket.account)
        .send()
        .await;
    is_there(bucket, answer, ("HeadBucket", &bucket.name))
}

/// What HEAD says. Its answers have no body, so that a refusal has neither code nor words but the status.
fn is_there<T, E>(
    bucket: &Bucket,
    answer: Result<T, SdkError<E, HttpResponse>>,
    (operation, resource): (&'static str, &str),
) -> Result<bool, Failure>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    SdkError<E, HttpResponse>: RequestId,
{
    let of_error = answer.as_ref().err().and_then(SdkError::raw_response);
    let is_refused = of_error.is_some_and(|answer| answer.status().as_u16() == 403);
    match answer.about(operation, resource) {
        Ok(_) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) if is_refused => Err(bucket.refused(Failure {
            kind: ErrorKind::Denied,
            code: "AccessDenied".to_owned(),
            message: "Access Denied".to_owned(),
            ..error
        })),
        Err(error) => Err(error),
    }
}

/// Uploads a file, unless an object of this key is there: keys are content hashes, so it is the same one. `tell` is told of a
/// long one how many bytes of how many are there.
pub async fn upload_once(
    aws: &Aws,
    (bucket, key): (&Bucket, &str),
    file: &Path,
    tell: impl Fn(u64, u64),
) -> anyhow::Result<bool> {
    let about = format!("s3://{}/{key}", bucket.name);
    let found = aws
        .s3
        .head_object()
        .bucket(&bucket.name)
        .key(key)
        .expected_bucket_owner(&bucket.account)
        .send()
        .await;
    if is_there(bucket, found, ("HeadObject", &about))? {
        return Ok(false);
    }
    upload::upload(aws, (bucket, key), file, tell).await?;
    Ok(true)
}
