//! The lease's object in S3: read, and written only over what was read (compare and swap). A write that AWS took is what
//! makes a [`Held`].
//!
//! S3's conditional writes: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>. A write over
//! another state is answered 412; two at the same time, 409.

use std::time::Duration;

use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::primitives::ByteStream;

use super::Aws;
use super::error::{About as _, Failure};
use super::s3::Bucket;
use super::witness::Held;

/// A write that takes longer than this is looked after: the time that it has is the lease's.
const ATTEMPT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(15);

/// Where a lease's object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The stack's own bucket.
    pub bucket: Bucket,
    /// One for each app and environment.
    pub key: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket.name, self.key)
    }
}

/// What the object was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Names this state of it.
    pub etag: String,
    /// What it says.
    pub body: Vec<u8>,
}

/// What came of a write.
#[derive(Debug)]
pub enum Written {
    /// It stands: its state's name, and the witness.
    Held(String, Held),
    /// The object is not as it was read, or somebody else writes now.
    Raced,
}

/// The object as it is; `None` when there is none yet. A bucket that is not there is an error ("not found").
pub async fn read(aws: &Aws, place: &Place) -> Result<Option<Read>, Failure> {
    let about = place.to_string();
    let answer = aws
        .s3
        .get_object()
        .bucket(&place.bucket.name)
        .key(&place.key)
        .expected_bucket_owner(&place.bucket.account)
        .customize()
        .config_override(limits())
        .send()
        .await
        .about("GetObject", &about);
    let answer = match answer {
        Err(error) if error.code == "NoSuchKey" => return Ok(None),
        other => other.map_err(|error| place.bucket.refused(error))?,
    };
    let etag = answer.e_tag.unwrap_or_default();
    let body = answer.body.collect().await.map_err(|error| Failure {
        kind: super::error::ErrorKind::Unknown,
        operation: "GetObject".into(),
        resource: about,
        code: String::new(),
        message: error.to_string(),
        request_id: None,
    })?;
    Ok(Some(Read {
        etag,
        body: body.to_vec(),
    }))
}

/// The witness for a write without an answer, if what stands now is, byte for byte, what it would have written.
pub fn confirm(read: &Read, body: &[u8]) -> Option<Held> {
    (read.body == body).then(Held::seen)
}

/// Writes it over the state of this name; `None`: only if there is none.
pub async fn write(
    aws: &Aws,
    place: &Place,
    over: Option<&str>,
    body: Vec<u8>,
) -> Result<Written, Failure> {
    let nothing = over.is_none().then(|| "*".to_owned());
    let answer = aws
        .s3
        .put_object()
        .bucket(&place.bucket.name)
        .key(&place.key)
        .expected_bucket_owner(&place.bucket.account)
        .set_if_match(over.map(str::to_owned))
        .set_if_none_match(nothing)
        .content_type("application/json")
        .body(ByteStream::from(body))
        .customize()
        .config_override(limits())
        .send()
        .await
        .about("PutObject", place.to_string());
    match answer {
        Ok(answer) => {
            let etag = answer.e_tag.unwrap_or_default();
            Ok(Written::Held(etag, Held::seen()))
        }
        Err(error)
            if matches!(
                error.code.as_str(),
                "PreconditionFailed" | "ConditionalRequestConflict"
            ) =>
        {
            Ok(Written::Raced)
        }
        Err(error) => Err(place.bucket.refused(error)),
    }
}

fn limits() -> aws_sdk_s3::config::Builder {
    aws_sdk_s3::config::Builder::new().timeout_config(
        TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(WHOLE)
            .build(),
    )
}
