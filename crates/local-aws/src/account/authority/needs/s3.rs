//! S3, whose actions are not called like its operations
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>).

use serde_json::Value;

use super::{Keys, key, request, text};
use crate::account::policy::Request;
use crate::account::{Account, s3};

pub(super) fn needs(account: &Account, operation: &str, params: &Value) -> Vec<Request> {
    let mut all = of_bucket(account, operation, params);
    all.extend(of_key(account, operation, params));
    all
}

/// What S3 does with a key of KMS in the name of whoever reads or writes what it encrypts
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#require-sse-kms>).
fn of_key(account: &Account, operation: &str, params: &Value) -> Vec<Request> {
    let Some(bucket) = account.s3.buckets.get(&text(params, "Bucket")) else {
        return Vec::new();
    };
    let (actions, arn): (&[&str], _) = match operation {
        "GetObject" | "HeadObject" => {
            let versions = bucket.objects.get(&text(params, "Key"));
            let newest = versions.and_then(|all| all.last()?.object.as_ref());
            (&["kms:Decrypt"], newest.and_then(|it| it.key.as_deref()))
        }
        "PutObject" => (&["kms:GenerateDataKey"], bucket.key()),
        "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => {
            (&["kms:Decrypt", "kms:GenerateDataKey"], bucket.key())
        }
        _ => return Vec::new(),
    };
    let via = || {
        key(
            "kms:ViaService",
            format!("s3.{}.amazonaws.com", account.region),
        )
    };
    let actions = arn
        .iter()
        .flat_map(|arn| actions.iter().map(move |action| (action, *arn)));
    actions
        .map(|(action, arn)| request(action, arn, via()))
        .collect()
}

fn of_bucket(account: &Account, operation: &str, params: &Value) -> Vec<Request> {
    let (bucket, name) = (text(params, "Bucket"), text(params, "Key"));
    let of_bucket = format!("arn:aws:s3:::{bucket}");
    let of_object = format!("{of_bucket}/{name}");
    let on_bucket = |action: &str| request(action, &*of_bucket, Keys::new());
    let on_object = |action: &str| request(action, &*of_object, Keys::new());
    let is_there = s3::object(&account.s3, &bucket, &name).is_some();
    let is_a_version = !params["VersionId"].is_null();
    match operation {
        "ListBuckets" => vec![request("s3:ListAllMyBuckets", "*", Keys::new())],
        // Who may not list a bucket is not told that something is not in it.
        "GetObject" | "HeadObject" if is_a_version => vec![on_object("s3:GetObjectVersion")],
        "GetObject" | "HeadObject" if !is_there => {
            vec![on_object("s3:GetObject"), on_bucket("s3:ListBucket")]
        }
        "GetObject" | "HeadObject" => vec![on_object("s3:GetObject")],
        // What is overwritten only if it is what it was has to be readable.
        "PutObject" if params["IfMatch"] == true => {
            vec![on_object("s3:PutObject"), on_object("s3:GetObject")]
        }
        "PutObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => {
            vec![on_object("s3:PutObject")]
        }
        "AbortMultipartUpload" => vec![on_object("s3:AbortMultipartUpload")],
        "ListParts" => vec![on_object("s3:ListMultipartUploadParts")],
        "DeleteObject" if is_a_version => vec![on_object("s3:DeleteObjectVersion")],
        "DeleteObject" => vec![on_object("s3:DeleteObject")],
        // Each object by itself: AWS answers well, and names inside what it may not delete.
        "DeleteObjects" => Vec::new(),
        "HeadBucket" | "ListObjects" | "ListObjectsV2" => vec![on_bucket("s3:ListBucket")],
        "ListObjectVersions" => vec![on_bucket("s3:ListBucketVersions")],
        "ListMultipartUploads" => vec![on_bucket("s3:ListBucketMultipartUploads")],
        other => vec![on_bucket(&of_configuration(other))],
    }
}

/// The action for a bucket's configuration; taking one away is allowed to whoever may put it.
fn of_configuration(operation: &str) -> String {
    let is_asked = operation.starts_with("Get");
    let what = operation.trim_start_matches("Get");
    let what = what.trim_start_matches("Put").trim_start_matches("Delete");
    let named = match what {
        "PublicAccessBlock" => "BucketPublicAccessBlock",
        "BucketEncryption" => "EncryptionConfiguration",
        "BucketLifecycle" | "BucketLifecycleConfiguration" => "LifecycleConfiguration",
        _ if operation == "CreateBucket" || operation.starts_with("DeleteBucketPolicy") => {
            return format!("s3:{operation}");
        }
        "Bucket" => return "s3:DeleteBucket".to_owned(),
        other => other,
    };
    match is_asked {
        true => format!("s3:Get{named}"),
        false => format!("s3:Put{named}"),
    }
}
