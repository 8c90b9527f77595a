//! A bucket's configuration documents: put whole, answered as they were put, and refused as AWS refuses them.

use super::valid::{self, Given};
use super::xml::Element;
use super::{Answer, Request};
use crate::account::s3::{self, Bucket};
use crate::account::{Account, ApiError};

/// Which objects are too small to move to another class, beside a lifecycle.
pub(super) const MINIMUM_SIZE: &str = "x-amz-transition-default-minimum-object-size";

/// A configuration document: the end of its operations' names, its sub-resource, the root of its XML (empty for
/// JSON), the error when there is none, and what a fresh bucket has.
struct Kind {
    name: &'static str,
    sub_resource: &'static str,
    root: &'static str,
    missing: (&'static str, &'static str),
    fresh: Option<&'static str>,
    /// Whether a document is one that AWS takes.
    check: fn(&Account, &Bucket, &Given<'_>) -> Result<(), ApiError>,
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
        check: |_, _, _| Ok(()),
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
        check: |_, _, given| valid::encryption(given),
    },
    Kind {
        name: "BucketTagging",
        sub_resource: "tagging",
        root: "Tagging",
        missing: ("NoSuchTagSet", "The TagSet does not exist"),
        fresh: None,
        check: |_, bucket, given| valid::tags(bucket, given),
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
        check: |_, _, given| valid::lifecycle(given),
    },
    Kind {
        name: "BucketPolicy",
        sub_resource: "policy",
        root: "",
        missing: ("NoSuchBucketPolicy", "The bucket policy does not exist"),
        fresh: None,
        check: valid::policy,
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
        check: |_, _, _| Ok(()),
    },
];

/// Get, Put and Delete of them.
pub(super) fn call(
    account: &mut Account,
    operation: &str,
    request: &mut Request,
) -> Result<Answer, ApiError> {
    let kind = KINDS
        .iter()
        .find(|kind| operation.contains(kind.name))
        .ok_or_else(|| crate::wire::unknown_operation("s3", operation))?;
    if operation.starts_with("Put") {
        return put(account, kind, request);
    }
    let bucket = s3::bucket_mut(&mut account.s3, &request.bucket)?;
    if operation.starts_with("Delete") {
        // An empty text, so that what a fresh bucket has doesn't come back; but none goes without encryption.
        let nothing = kind.sub_resource != "encryption";
        bucket.configuration.remove(kind.sub_resource);
        if nothing {
            let empty = String::new();
            bucket.configuration.insert(kind.sub_resource, empty);
        }
        return Ok(Answer::no_content());
    }
    let held = bucket.configuration.get(kind.sub_resource);
    let held = held.map(String::as_str).or(kind.fresh);
    let Some(text) = held.filter(|text| !text.is_empty()) else {
        return Err(ApiError::new(kind.missing.0, 404, kind.missing.1));
    };
    let answer = match kind.root {
        "" => Answer::json(text.to_owned()),
        _ => Answer::xml(text.to_owned()),
    };
    let minimum = (kind.sub_resource == "lifecycle").then(|| minimum_size(bucket));
    Ok(answer.header_if(MINIMUM_SIZE, minimum))
}

fn put(account: &mut Account, kind: &Kind, request: &mut Request) -> Result<Answer, ApiError> {
    let minimum = request.header(MINIMUM_SIZE);
    super::check_hashed(request)?;
    let text = String::from_utf8_lossy(&request.body).into_owned();
    let document = match kind.root {
        "" => Element::default(),
        root => Element::read(&request.body, root)?,
    };
    let given = Given {
        bucket: &request.bucket,
        text: &text,
        document,
    };
    let held = s3::bucket(&account.s3, &request.bucket)?;
    (kind.check)(account, held, &given)?;
    let text = match kind.sub_resource {
        "lifecycle" => with_ids(account, &given),
        _ => text,
    };
    let bucket = s3::bucket_mut(&mut account.s3, &request.bucket)?;
    bucket.configuration.insert(kind.sub_resource, text);
    if kind.sub_resource != "lifecycle" {
        return Ok(match kind.root {
            "" => Answer::no_content(),
            _ => Answer::empty(),
        });
    }
    let minimum = minimum.unwrap_or_else(|| DEFAULT_MINIMUM_SIZE.to_owned());
    bucket.configuration.insert(MINIMUM_SIZE, minimum);
    Ok(Answer::empty().header(MINIMUM_SIZE, minimum_size(bucket)))
}

const DEFAULT_MINIMUM_SIZE: &str = "all_storage_classes_128K";

fn minimum_size(bucket: &Bucket) -> String {
    let held = bucket.configured(MINIMUM_SIZE);
    held.unwrap_or(DEFAULT_MINIMUM_SIZE).to_owned()
}

/// A lifecycle's rule that has no id is given one.
fn with_ids(account: &mut Account, given: &Given<'_>) -> String {
    let mut pieces = given.text.split("<Rule>");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for (rule, piece) in given.document.each("Rule").zip(pieces) {
        text += "<Rule>";
        if rule.child("ID").is_none_or(str::is_empty) {
            text += &format!("<ID>{}</ID>", account.hex16());
        }
        text += piece;
    }
    text
}
