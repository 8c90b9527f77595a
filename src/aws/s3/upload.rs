//! An upload, in one piece or in parts: each has the time that its length takes on a slow line, and is tried again by itself.
//!
//! Guarantees: of an upload in parts that fails nothing stays behind, as far as S3 lets it be given up.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{Builder, StalledStreamProtectionConfig};
use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

use super::Bucket;
use crate::aws::Aws;
use crate::aws::error::{About as _, Failure};

/// So long a piece is at most: what is lost with one try. S3 takes parts from 5 MiB on, and 10,000 of them:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>.
const PART: u64 = 16 * 1024 * 1024;
/// S3's most parts.
const MOST_PARTS: u64 = 10_000;
/// The slowest line that an upload may take, in bytes a second.
const SLOWEST: u64 = 64 * 1024;
/// What an answer may take beside the body.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
/// Tries of a piece.
const TRIES: u32 = 3;

/// Puts this file there; `tell` is told of each part how many bytes of how many are there.
pub(super) async fn upload(
    aws: &Aws,
    (bucket, key): (&Bucket, &str),
    file: &Path,
    tell: impl Fn(u64, u64),
) -> anyhow::Result<()> {
    let about = || format!("reading {}", file.display());
    let length = tokio::fs::metadata(file).await.with_context(about)?.len();
    if length <= PART {
        let body = ByteStream::from_path(file).await.with_context(about)?;
        return Ok(put(aws, bucket, key, (body, length)).await?);
    }
    let resource = format!("s3://{}/{key}", bucket.name);
    let begun = aws
        .s3
        .create_multipart_upload()
        .bucket(&bucket.name)
        .key(key)
        .expected_bucket_owner(&bucket.account)
        .send()
        .await
        .about("CreateMultipartUpload", &resource)
        .map_err(|error| bucket.refused(error))?;
    let id = begun.upload_id.unwrap_or_default();
    let to = To { aws, bucket, key };
    let done = Box::pin(to.parts(&id, file, length, tell)).await;
    if done.is_err() {
        // What it is about is told already; the bucket's own rule removes what this leaves.
        let abort = aws.s3.abort_multipart_upload().bucket(&bucket.name);
        let abort = abort.key(key).expected_bucket_owner(&bucket.account);
        let _ = abort.upload_id(id).send().await;
    }
    done
}

/// The time that a body of this length may take, in one try and in all.
fn time_for(length: u64) -> TimeoutConfig {
    let once = ANSWERED_WITHIN + Duration::from_secs(length / SLOWEST);
    TimeoutConfig::builder()
        .operation_attempt_timeout(once)
        .operation_timeout(once * TRIES)
        .build()
}

/// What is said of one call that has a body of this length.
fn patience(length: u64) -> Builder {
    Builder::default()
        .timeout_config(time_for(length))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}

async fn put(
    aws: &Aws,
    bucket: &Bucket,
    key: &str,
    (body, length): (ByteStream, u64),
) -> Result<(), Failure> {
    aws.s3
        .put_object()
        .bucket(&bucket.name)
        .key(key)
        .expected_bucket_owner(&bucket.account)
        .body(body)
        .customize()
        .config_override(patience(length))
        .send()
        .await
        .about("PutObject", format!("s3://{}/{key}", bucket.name))
        .map_err(|error| bucket.refused(error))?;
    Ok(())
}

/// Where parts go.
struct To<'a> {
    aws: &'a Aws,
    bucket: &'a Bucket,
    key: &'a str,
}

impl To<'_> {
    async fn parts(
        &self,
        id: &str,
        file: &Path,
        length: u64,
        tell: impl Fn(u64, u64),
    ) -> anyhow::Result<()> {
        let mut parts = Vec::new();
        for (number, (from, size)) in (1..).zip(pieces(length)) {
            tell(from, length);
            let body = ByteStream::read_from()
                .path(file)
                .offset(from)
                .length(Length::Exact(size))
                .build()
                .await
                .with_context(|| format!("reading {}", file.display()))?;
            parts.push(self.part(id, number, (body, size)).await?);
        }
        let whole = CompletedMultipartUpload::builder()
            .set_parts(Some(parts))
            .build();
        let (aws, bucket, key) = (self.aws, self.bucket, self.key);
        let done = aws.s3.complete_multipart_upload().bucket(&bucket.name);
        done.key(key)
            .expected_bucket_owner(&bucket.account)
            .upload_id(id)
            .multipart_upload(whole)
            .send()
            .await
            .about(
                "CompleteMultipartUpload",
                format!("s3://{}/{key}", bucket.name),
            )?;
        Ok(())
    }

    async fn part(
        &self,
        id: &str,
        number: i32,
        (body, length): (ByteStream, u64),
    ) -> Result<CompletedPart, Failure> {
        let (aws, bucket, key) = (self.aws, self.bucket, self.key);
        let part = aws.s3.upload_part().bucket(&bucket.name).key(key);
        let answer = part
            .expected_bucket_owner(&bucket.account)
            .upload_id(id)
            .part_number(number)
            .body(body)
            .customize()
            .config_override(patience(length))
            .send()
            .await
            .about(
                "UploadPart",
                format!("part {number} of s3://{}/{key}", bucket.name),
            )?;
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(answer.e_tag)
            .set_checksum_crc32(answer.checksum_crc32)
            .build())
    }
}

/// Where each part begins, and how long it is.
fn pieces(length: u64) -> impl Iterator<Item = (u64, u64)> {
    let size = PART.max(length.div_ceil(MOST_PARTS));
    let begins = (0..length.div_ceil(size)).map(move |number| number * size);
    begins.map(move |from| (from, size.min(length - from)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_file_are_all_of_it_and_no_more_than_s3_takes() {
        for length in [PART + 1, 3 * PART, 5 * PART - 7, MOST_PARTS * PART + 12_345] {
            let all: Vec<_> = pieces(length).collect();
            assert!(all.len() as u64 <= MOST_PARTS, "{length}");
            let mut at = 0;
            for (from, size) in &all {
                assert_eq!((*from, *size > 0), (at, true), "{length}");
                at += size;
            }
            assert_eq!(at, length);
        }
    }

    #[test]
    fn a_body_has_the_time_that_it_takes_on_a_slow_line() {
        let once = |length| time_for(length).operation_attempt_timeout();
        assert_eq!(once(0), Some(ANSWERED_WITHIN));
        assert_eq!(once(PART), Some(Duration::from_secs(30 + 256)));
    }
}
