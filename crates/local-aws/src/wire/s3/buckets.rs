//! The operations on buckets.

use super::xml::{Element, Writer};
use super::{Answer, Request};
use crate::account::s3::{self, Versioning};
use crate::account::{Account, ApiError};
use crate::wire::node::iso8601;

/// How many a page has at most (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html>).
const MOST_BUCKETS: usize = 10_000;

pub(super) fn list(account: &mut Account, request: &mut Request) -> Result<Answer, ApiError> {
    let prefix = request.query("prefix").unwrap_or_default();
    let region = request.query("bucket-region");
    let most = request.query("max-buckets");
    let most = most.map_or(Some(MOST_BUCKETS), |text| text.parse().ok());
    let most = most.filter(|most| (1..=MOST_BUCKETS).contains(most));
    let most = most.ok_or_else(|| {
        ApiError::refused(
            "InvalidArgument",
            "Argument max-buckets must be an integer between 1 and 10000",
        )
    })?;
    let after = request.query("continuation-token").unwrap_or_default();
    let mut found: Vec<_> = account
        .s3
        .buckets
        .iter()
        .filter(|(_, bucket)| bucket.owner == account.id)
        .filter(|(name, _)| name.starts_with(&prefix) && **name > after)
        .filter(|(_, bucket)| {
            region
                .as_ref()
                .is_none_or(|wanted| *wanted == bucket.region)
        })
        .collect();
    let is_cut = found.len() > most;
    found.truncate(most);
    let mut out = Writer::new("ListAllMyBucketsResult");
    out.open("Owner").text("ID", &account.id).close();
    out.open("Buckets");
    for (name, bucket) in &found {
        out.open("Bucket")
            .text("Name", name)
            .text("CreationDate", iso8601(account.utc_at(bucket.created_at)))
            .text("BucketRegion", &bucket.region)
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
    let bucket = s3::bucket(&account.s3, &request.bucket)?;
    Ok(Answer::empty()
        .header("x-amz-bucket-region", &bucket.region)
        .header("x-amz-access-point-alias", "false"))
}

pub(super) fn delete(account: &mut Account, request: &Request) -> Result<Answer, ApiError> {
    s3::delete_bucket(&mut account.s3, &request.bucket)?;
    Ok(Answer::no_content())
}

pub(super) fn location(account: &Account, request: &Request) -> Result<Answer, ApiError> {
    let bucket = s3::bucket(&account.s3, &request.bucket)?;
    let region = match bucket.region.as_str() {
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

pub(super) fn set_versioning(
    account: &mut Account,
    request: &mut Request,
) -> Result<Answer, ApiError> {
    super::check_hashed(request)?;
    let document = Element::read(&request.body, "VersioningConfiguration")?;
    let versioning = match document.child("Status") {
        Some("Enabled") => Versioning::Enabled,
        Some("Suspended") => Versioning::Suspended,
        _ => return Err(super::malformed()),
    };
    s3::bucket_mut(&mut account.s3, &request.bucket)?.versioning = versioning;
    Ok(Answer::empty())
}
