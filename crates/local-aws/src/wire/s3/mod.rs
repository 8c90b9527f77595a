//! S3's API: REST and XML, path style and virtual-host style.
//!
//! Guarantees: a sub-resource, parameter or `x-amz-` header that the local cloud does not know is refused by name; a
//! body that does not fit its declared length, hash or checksum is refused as AWS refuses it.

mod address;
mod body;
mod buckets;
mod checksum;
mod listing;
mod multipart;
mod objects;
mod settings;
mod valid;
mod xml;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;

use self::address::Address;
use super::Reply;
use crate::account::{Account, ApiError};

/// What carries out an operation.
type Operation = fn(&mut Account, &mut Request) -> Result<Answer, ApiError>;

/// What S3 is asked for, beside the settings of a bucket.
const OPERATIONS: &[(&str, Operation)] = &[
    ("ListBuckets", buckets::list),
    ("CreateBucket", buckets::create),
    ("HeadBucket", |account, request| {
        buckets::head(account, request)
    }),
    ("DeleteBucket", |account, request| {
        buckets::delete(account, request)
    }),
    ("GetBucketLocation", |account, request| {
        buckets::location(account, request)
    }),
    ("GetBucketVersioning", |account, request| {
        buckets::versioning(account, request)
    }),
    ("PutBucketVersioning", buckets::set_versioning),
    ("ListObjectsV2", listing::objects_v2),
    ("ListObjects", listing::objects_v1),
    ("ListObjectVersions", listing::versions),
    ("DeleteObjects", objects::delete_several),
    ("PutObject", objects::put),
    ("GetObject", |account, request| {
        objects::get(account, request, true)
    }),
    ("HeadObject", |account, request| {
        objects::get(account, request, false)
    }),
    ("DeleteObject", objects::delete),
    ("CreateMultipartUpload", multipart::begin),
    ("UploadPart", multipart::put_part),
    ("CompleteMultipartUpload", multipart::complete),
    ("AbortMultipartUpload", multipart::abort),
    ("ListParts", multipart::list_parts),
    ("ListMultipartUploads", multipart::list),
];

/// All that S3 is asked for.
pub(super) fn operations() -> impl Iterator<Item = &'static str> {
    let settings = address::CONFIGURATIONS.iter();
    let settings = settings.flat_map(|(_, operations)| operations.iter().copied());
    OPERATIONS.iter().map(|(name, _)| *name).chain(settings)
}

/// The operation that a method, path and query stand for.
pub(crate) fn operation(parts: &Parts) -> &'static str {
    Address::of(parts).operation(&parts.method)
}

/// What a request is about, as far as policies care.
pub(crate) fn about(parts: &Parts) -> serde_json::Value {
    let address = Address::of(parts);
    serde_json::json!({
        "Bucket": address.bucket,
        "Key": address.key,
        "VersionId": address.version(),
        "IfMatch": parts.headers.contains_key(http::header::IF_MATCH),
    })
}

/// Makes one call.
pub(crate) fn call(
    account: &mut Account,
    operation: &str,
    parts: &Parts,
    body: &Bytes,
) -> Result<Reply, ApiError> {
    let address = Address::of(parts);
    if operation == "Unknown" {
        return Err(ApiError::new(
            "NotImplemented",
            501,
            &format!(
                "the local cloud does not know {} {} of s3",
                parts.method, parts.uri
            ),
        ));
    }
    let mut request = Request::read(address, parts, body)?;
    request.check_known(operation)?;
    request.check_owner(account)?;
    let found = OPERATIONS.iter().find(|(name, _)| *name == operation);
    let answer = match found {
        Some((_, carry_out)) => carry_out(account, &mut request),
        None => settings::call(account, operation, &mut request),
    }?;
    Ok(answer.build(account))
}

/// A request, decoded.
struct Request {
    bucket: String,
    key: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Bytes,
    /// Checksums that came as headers or trailers.
    checksums: BTreeMap<String, String>,
}

/// Headers that every request may have, and that change nothing here.
const COMMON_HEADERS: [&str; 10] = [
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-expected-bucket-owner",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-security-token",
    "x-amz-te",
    "x-amz-trailer",
    "x-amz-user-agent",
    "x-amz-bucket-region",
];

impl Request {
    fn read(address: Address, parts: &Parts, body: &Bytes) -> Result<Self, ApiError> {
        let headers: BTreeMap<String, String> = parts
            .headers
            .iter()
            .filter_map(|(name, value)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            })
            .collect();
        let decoded = body::decode(&headers, body)?;
        checksum::verify(&decoded.checksums, &decoded.body)?;
        let mut query: BTreeMap<_, _> = address.query.into_iter().collect();
        query.remove("x-id");
        Ok(Self {
            bucket: address.bucket.unwrap_or_default(),
            key: address.key.unwrap_or_default(),
            query,
            headers,
            body: decoded.body,
            checksums: decoded.checksums,
        })
    }

    /// Takes a parameter of the query.
    fn query(&mut self, name: &str) -> Option<String> {
        self.query.remove(name)
    }

    /// Takes a header.
    fn header(&mut self, name: &str) -> Option<String> {
        self.headers.remove(name)
    }

    /// Whoever says whose bucket it has to be is not let near another one's
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html>).
    fn check_owner(&self, account: &Account) -> Result<(), ApiError> {
        let Some(expected) = self.headers.get("x-amz-expected-bucket-owner") else {
            return Ok(());
        };
        valid::account(expected)?;
        match account.s3.buckets.get(&self.bucket) {
            Some(bucket) if bucket.owner != *expected => {
                Err(ApiError::new("AccessDenied", 403, "Access Denied"))
            }
            _ => Ok(()),
        }
    }

    /// Refuses, before anything changes, the `x-amz-` headers and parameters that the operation does not read.
    fn check_known(&self, operation: &str) -> Result<(), ApiError> {
        let (headers, parameters) = known(operation);
        let keeps_metadata = headers.contains(&"x-amz-meta-");
        let is_read = |name: &str| {
            COMMON_HEADERS.contains(&name)
                || headers.contains(&name)
                || self.checksums.contains_key(name)
                || (keeps_metadata && name.starts_with("x-amz-meta-"))
        };
        let header = self
            .headers
            .keys()
            .find(|name| name.starts_with("x-amz-") && !is_read(name));
        let parameter = self.query.keys().find(|name| {
            !address::SUB_RESOURCES.contains(&name.as_str()) && !parameters.contains(&name.as_str())
        });
        match header.or(parameter) {
            None => Ok(()),
            Some(name) => Err(ApiError::new(
                "NotImplemented",
                501,
                &format!(
                    "A header or parameter you provided implies functionality that the local cloud does not have: {name}"
                ),
            )),
        }
    }
}

/// The headers and parameters that an operation reads, beside those that every request may have.
fn known(operation: &str) -> (&'static [&'static str], &'static [&'static str]) {
    const WRITTEN: [&str; 5] = [
        "x-amz-checksum-algorithm",
        "x-amz-checksum-type",
        "x-amz-meta-",
        "x-amz-server-side-encryption",
        "x-amz-storage-class",
    ];
    match operation {
        "CreateBucket" => (&["x-amz-object-ownership"], &[]),
        "PutObject" => (&WRITTEN[2..], &[]),
        "CreateMultipartUpload" => (&WRITTEN, &[]),
        "CompleteMultipartUpload" => (&["x-amz-checksum-type", "x-amz-mp-object-size"], &[]),
        "GetObject" | "HeadObject" => (&["x-amz-checksum-mode"], &["versionId"]),
        "DeleteObject" => (&[], &["versionId"]),
        "PutBucketLifecycleConfiguration" => (&[settings::MINIMUM_SIZE], &[]),
        "ListBuckets" => (
            &[],
            &[
                "prefix",
                "bucket-region",
                "max-buckets",
                "continuation-token",
            ],
        ),
        "ListObjects" => (
            &[],
            &["prefix", "delimiter", "max-keys", "encoding-type", "marker"],
        ),
        "ListObjectsV2" => (
            &[],
            &[
                "prefix",
                "delimiter",
                "max-keys",
                "encoding-type",
                "continuation-token",
                "start-after",
                "fetch-owner",
            ],
        ),
        "ListObjectVersions" => (
            &[],
            &[
                "prefix",
                "delimiter",
                "max-keys",
                "encoding-type",
                "key-marker",
                "version-id-marker",
            ],
        ),
        "ListParts" => (&[], &["max-parts", "part-number-marker"]),
        "ListMultipartUploads" => (&[], &["prefix", "max-uploads", "encoding-type"]),
        _ => (&[], &[]),
    }
}

/// An answer before it is a response.
#[derive(Default)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Answer {
    /// 200 without a body.
    fn empty() -> Self {
        Self {
            status: 200,
            ..Self::default()
        }
    }

    /// 204.
    fn no_content() -> Self {
        Self {
            status: 204,
            ..Self::default()
        }
    }

    /// 200 with a document.
    fn xml(document: String) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type".to_owned(), "application/xml".to_owned())],
            body: Bytes::from(document),
        }
    }

    /// 200 with a document that is JSON.
    fn json(document: String) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: Bytes::from(document),
        }
    }

    /// By this key of KMS, or by S3's own.
    fn encrypted_by(self, key: Option<&str>) -> Self {
        const KIND: &str = "x-amz-server-side-encryption";
        const KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";
        match key {
            Some(key) => self.header(KIND, "aws:kms").header(KEY, key),
            None => self.header(KIND, "AES256"),
        }
    }

    fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    fn header_if(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.header(name, value),
            None => self,
        }
    }

    fn build(self, account: &mut Account) -> Reply {
        let mut reply = Response::new(Full::new(self.body));
        *reply.status_mut() = StatusCode::from_u16(self.status).unwrap_or_default();
        let id = (
            "x-amz-request-id".to_owned(),
            account.hex16().to_uppercase(),
        );
        for (name, value) in self.headers.into_iter().chain([id]) {
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name), HeaderValue::try_from(value))
            {
                reply.headers_mut().append(name, value);
            }
        }
        reply
    }
}

/// Whoever replaces a setting says what it is to hash to, so that no half of it is taken for the whole.
fn check_hashed(request: &Request) -> Result<(), ApiError> {
    if request.checksums.is_empty() && !request.headers.contains_key("content-md5") {
        return Err(ApiError::refused(
            "InvalidRequest",
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
        ));
    }
    Ok(())
}

fn malformed() -> ApiError {
    ApiError::refused(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
}
