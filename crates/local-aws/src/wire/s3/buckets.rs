//! The operations on buckets.

use super::xml::{Element, Writer};
use super::{Answer, Request};
use crate::account::s3::{self, Versioning};
use crate::account::{Account, ApiError};
use crate::wire::node::iso8601;

/// A configuration document: the end of its operations' names, its sub-resource, the root of its XML (empty for
/// JSON), the error when there is none, and what a fresh bucket has.
struct Kind {
    name: &'static str,
    sub_resource: &'static str,
    root: &'static str,
    missing: (&'static str, &'static str),
    fresh: Option<&'static str>,
}

const KINDS: [Kind; 6] = [
    Kind {
        name: "PublicAccessBlock",
        sub_resource: "publicAccessBlock",
        root: "PublicAccessBlockConfiguration",
        missing: (
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
        ),
        // Since April 2023 every new bucket has all four.
        fresh: Some(
            "<PublicAccessBlockConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>",
        ),
    },
    Kind {
        name: "BucketEncryption",
        sub_resource: "encryption",
        root: "ServerSideEncryptionConfiguration",
        missing: (
            "ServerSideEncryptionConfigurationNotFoundError",
            "The server side encryption configuration was not found",
        ),
        // Since January 2023 every bucket encrypts.
        fresh: Some(
            "<ServerSideEncryptionConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>",
        ),
    },
    Kind {
        name: "BucketTagging",
        sub_resource: "tagging",
        root: "Tagging",
        missing: ("NoSuchTagSet", "The TagSet does not exist"),
        fresh: None,
    },
    Kind {
        name: "BucketLifecycle",
        sub_resource: "lifecycle",
        root: "LifecycleConfiguration",
        missing: (
            "NoSuchLifecycleConfiguration",
            "The lifecycle configuration does not exist",
        ),
        fresh: None,
    },
    Kind {
        name: "BucketPolicy",
        sub_resource: "policy",
        root: "",
        missing: ("NoSuchBucketPolicy", "The bucket policy does not exist"),
        fresh: None,
    },
    Kind {
        name: "BucketOwnershipControls",
        sub_resource: "ownershipControls",
        root: "OwnershipControls",
        missing: (
            "OwnershipControlsNotFoundError",
            "The bucket ownership controls were not found",
        ),
        fresh: Some(
            "<OwnershipControls xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>",
        ),
    },
];

pub(super) fn list(account: &mut Account, request: &mut Request) -> Result<Answer, ApiError> {
    let prefix = request.query("prefix").unwrap_or_default();
    let region = request.query("bucket-region");
    let most = request
        .query("max-buckets")
        .and_then(|text| text.parse().ok());
    let after = request.query("continuation-token").unwrap_or_default();
    let mut found: Vec<_> = account
        .s3
        .buckets
        .iter()
        .filter(|(name, _)| name.starts_with(&prefix) && **name > after)
        .filter(|_| {
            region
                .as_ref()
                .is_none_or(|wanted| *wanted == account.region)
        })
        .collect();
    let most = most.unwrap_or(10_000);
    let is_cut = found.len() > most;
    found.truncate(most);
    let mut out = Writer::new("ListAllMyBucketsResult");
    out.open("Owner").text("ID", &account.id).close();
    out.open("Buckets");
    for (name, bucket) in &found {
        out.open("Bucket")
            .text("Name", name)
            .text("CreationDate", iso8601(account.utc_at(bucket.created_at)))
            .text("BucketRegion", &account.region)
            .close();
    }
    out.close();
    let next = found.last().filter(|_| is_cut).map(|(name, _)| name);
    out.text_if("ContinuationToken", next);
    Ok(Answer::xml(out.finish()))
}

pub(super) fn create(account: &mut Account, request: &mut Request) -> Result<Answer, ApiError> {
    let document = match request.body.is_empty() {
        true => Element::default(),
        false => Element::read(&request.body, "CreateBucketConfiguration")?,
    };
    let location = document.child("LocationConstraint");
    request.header("x-amz-object-ownership");
    s3::create_bucket(account, &request.bucket, location)?;
    if let Some(tags) = document.each("Tags").next() {
        let mut out = Writer::new("Tagging");
        out.open("TagSet");
        for tag in tags.each("Tag") {
            out.open("Tag");
            out.text("Key", tag.child("Key").unwrap_or_default());
            out.text("Value", tag.child("Value").unwrap_or_default())
                .close();
        }
        let bucket = s3::bucket_mut(&mut account.s3, &request.bucket)?;
        bucket.configuration.insert("tagging", out.finish());
    }
    Ok(Answer::empty().header("location", format!("/{}", request.bucket)))
}

pub(super) fn head(account: &Account, request: &Request) -> Result<Answer, ApiError> {
    s3::bucket(&account.s3, &request.bucket)?;
    Ok(Answer::empty()
        .header("x-amz-bucket-region", &account.region)
        .header("x-amz-access-point-alias", "false"))
}

pub(super) fn delete(account: &mut Account, request: &Request) -> Result<Answer, ApiError> {
    s3::delete_bucket(&mut account.s3, &request.bucket)?;
    Ok(Answer::no_content())
}

pub(super) fn location(account: &Account, request: &Request) -> Result<Answer, ApiError> {
    s3::bucket(&account.s3, &request.bucket)?;
    let region = match account.region.as_str() {
        "us-east-1" => "",
        other => other,
    };
    // The root element carries the text itself.
    let document = Writer::new("LocationConstraint").finish();
    Ok(Answer::xml(
        document.replace("</Loc", &format!("{region}</Loc")),
    ))
}

pub(super) fn versioning(account: &Account, request: &Request) -> Result<Answer, ApiError> {
    let status = match s3::bucket(&account.s3, &request.bucket)?.versioning {
        Versioning::Off => None,
        Versioning::Enabled => Some("Enabled"),
        Versioning::Suspended => Some("Suspended"),
    };
    let mut out = Writer::new("VersioningConfiguration");
    out.text_if("Status", status);
    Ok(Answer::xml(out.finish()))
}

pub(super) fn set_versioning(account: &mut Account, request: &Request) -> Result<Answer, ApiError> {
    let document = Element::read(&request.body, "VersioningConfiguration")?;
    let versioning = match document.child("Status") {
        Some("Enabled") => Versioning::Enabled,
        Some("Suspended") => Versioning::Suspended,
        _ => return Err(super::malformed()),
    };
    s3::bucket_mut(&mut account.s3, &request.bucket)?.versioning = versioning;
    Ok(Answer::empty())
}

/// Get, Put and Delete of the configuration documents, which come back as they were put.
pub(super) fn configuration(
    account: &mut Account,
    operation: &str,
    request: &Request,
) -> Result<Answer, ApiError> {
    let kind = KINDS
        .iter()
        .find(|kind| operation.contains(kind.name))
        .ok_or_else(|| crate::wire::unknown_operation("s3", operation))?;
    let bucket = s3::bucket_mut(&mut account.s3, &request.bucket)?;
    if operation.starts_with("Put") {
        if !kind.root.is_empty() {
            Element::read(&request.body, kind.root)?;
        }
        let text = String::from_utf8_lossy(&request.body).into_owned();
        bucket.configuration.insert(kind.sub_resource, text);
        return Ok(Answer::empty());
    }
    if operation.starts_with("Delete") {
        // An empty text, so that what a fresh bucket has doesn't come back.
        bucket
            .configuration
            .insert(kind.sub_resource, String::new());
        return Ok(Answer::no_content());
    }
    let held = bucket
        .configuration
        .get(kind.sub_resource)
        .map(String::as_str);
    match held.or(kind.fresh).filter(|text| !text.is_empty()) {
        Some(text) => Ok(Answer::xml(text.to_owned())),
        None => Err(ApiError::new(kind.missing.0, 404, kind.missing.1)),
    }
}
