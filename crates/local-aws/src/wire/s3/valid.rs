//! What AWS takes as a bucket's owner, tags, lifecycle, encryption and policy.

use std::collections::BTreeSet;

use serde_json::Value;

use super::malformed;
use super::xml::Element;
use crate::account::s3::Bucket;
use crate::account::{Account, ApiError};

/// What is to be set: the document, and its elements where it is XML.
pub(super) struct Given<'a> {
    pub(super) bucket: &'a str,
    pub(super) text: &'a str,
    pub(super) document: Element,
}

/// The most tags of a bucket: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/CostAllocTagging.html>.
const MOST_TAGS: usize = 50;
/// The most rules of a lifecycle: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>.
const MOST_RULES: usize = 1_000;
/// The longest policy, in bytes: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html>.
const LONGEST_POLICY: usize = 20 * 1024;

/// Tags that AWS gives itself begin so.
const OF_AWS: &str = "aws:";

/// The account that a bucket has to belong to.
pub(super) fn account(id: &str) -> Result<(), ApiError> {
    match id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(()),
        false => Err(ApiError::refused(
            "InvalidBucketOwnerAWSAccountID",
            "The value of the expected bucket owner parameter must be an AWS account ID",
        )),
    }
}

pub(super) fn tags(bucket: &Bucket, given: &Given<'_>) -> Result<(), ApiError> {
    let invalid = |message: &str| ApiError::refused("InvalidTag", message);
    let tags = read_tags(&given.document)?;
    if tags.len() > MOST_TAGS {
        return Err(ApiError::refused(
            "BadRequest",
            "Bucket tag count cannot be greater than 50",
        ));
    }
    let mut keys = BTreeSet::new();
    for (key, value) in &tags {
        if key.is_empty() || key.chars().count() > 128 {
            return Err(invalid("The TagKey you have provided is invalid"));
        }
        if value.chars().count() > 256 {
            return Err(invalid("The TagValue you have provided is invalid"));
        }
        if !keys.insert(key) {
            return Err(invalid("Cannot provide multiple Tags with the same key"));
        }
    }
    let held = bucket.configured("tagging").map(str::as_bytes);
    let held = held.and_then(|text| Element::read(text, "Tagging").ok());
    let held = held.map_or(Ok(Vec::new()), |held| read_tags(&held))?;
    let of_aws = |tags: &[(String, String)]| {
        let tags = tags.iter().filter(|(key, _)| key.starts_with(OF_AWS));
        tags.cloned().collect::<BTreeSet<_>>()
    };
    let (held, given) = (of_aws(&held), of_aws(&tags));
    if !given.is_subset(&held) {
        return Err(invalid("System tags cannot be added/updated by requester"));
    }
    if given != held {
        return Err(invalid("System tags cannot be removed by requester"));
    }
    Ok(())
}

fn read_tags(document: &Element) -> Result<Vec<(String, String)>, ApiError> {
    let set = document.each("TagSet").next().ok_or_else(malformed)?;
    let tag = |tag: &Element| {
        let text = |name: &str| tag.child(name).map(str::to_owned).ok_or_else(malformed);
        Ok((text("Key")?, text("Value")?))
    };
    set.each("Tag").map(tag).collect()
}

pub(super) fn encryption(given: &Given<'_>) -> Result<(), ApiError> {
    let rules: Vec<_> = given.document.each("Rule").collect();
    let [rule] = rules[..] else {
        return Err(malformed());
    };
    let Some(by_default) = rule.each("ApplyServerSideEncryptionByDefault").next() else {
        return Ok(());
    };
    let key = by_default.child("KMSMasterKeyID");
    match by_default.child("SSEAlgorithm") {
        Some("aws:kms" | "aws:kms:dsse") => Ok(()),
        Some("AES256") if key.is_none() => Ok(()),
        Some("AES256") => Err(ApiError::refused(
            "InvalidArgument",
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
        )),
        _ => Err(malformed()),
    }
}

/// What a rule can do, and the number in it that says when.
const ACTIONS: [(&str, &str); 5] = [
    ("Expiration", "Days"),
    ("NoncurrentVersionExpiration", "NoncurrentDays"),
    ("AbortIncompleteMultipartUpload", "DaysAfterInitiation"),
    ("Transition", "Days"),
    ("NoncurrentVersionTransition", "NoncurrentDays"),
];

pub(super) fn lifecycle(given: &Given<'_>) -> Result<(), ApiError> {
    let rules: Vec<_> = given.document.each("Rule").collect();
    if rules.is_empty() || rules.len() > MOST_RULES {
        return Err(malformed());
    }
    let mut ids = BTreeSet::new();
    for rule in rules {
        if let Some(id) = rule.child("ID").filter(|id| !id.is_empty()) {
            let invalid = |message: &str| Err(ApiError::refused("InvalidArgument", message));
            if id.chars().count() > 255 {
                return invalid("ID length should not exceed allowed limit of 255");
            }
            if !ids.insert(id.to_owned()) {
                return invalid("Rule ID must be unique. Found same ID for more than one rule");
            }
        }
        lifecycle_rule(rule)?;
    }
    Ok(())
}

fn lifecycle_rule(rule: &Element) -> Result<(), ApiError> {
    if !matches!(rule.child("Status"), Some("Enabled" | "Disabled")) {
        return Err(malformed());
    }
    // Which objects: by a filter, or as it was said before there were filters.
    if rule.child("Filter").is_some() == rule.child("Prefix").is_some() {
        return Err(malformed());
    }
    let mut acts = false;
    for (action, number) in ACTIONS {
        for done in rule.each(action) {
            acts = true;
            let Some(days) = done.child(number) else {
                continue;
            };
            let days: i64 = days.parse().map_err(|_| malformed())?;
            // What moves may do so at once.
            if days < i64::from(!action.ends_with("Transition")) {
                return Err(ApiError::refused(
                    "InvalidArgument",
                    &format!("'{number}' for {action} action must be a positive integer"),
                ));
            }
            if done.child("ExpiredObjectDeleteMarker").is_some() {
                return Err(malformed());
            }
        }
    }
    match acts {
        true => Ok(()),
        false => Err(ApiError::refused(
            "InvalidRequest",
            "At least one action needs to be specified in a rule",
        )),
    }
}

pub(super) fn policy(_: &Account, bucket: &Bucket, given: &Given<'_>) -> Result<(), ApiError> {
    let wrong = |message: &str| Err(ApiError::refused("MalformedPolicy", message));
    if given.text.len() > LONGEST_POLICY {
        return wrong(
            "Normalized policy document exceeds the maximum allowed size of 20480 bytes.",
        );
    }
    let Ok(Value::Object(document)) = serde_json::from_str::<Value>(given.text) else {
        return wrong("Policies must be valid JSON and the first byte must be '{'");
    };
    let statements = match document.get("Statement") {
        None => return wrong("Missing required field Statement"),
        Some(Value::Array(all)) => all.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    let mut sids = BTreeSet::new();
    for statement in statements {
        if let Some(sid) = statement["Sid"].as_str()
            && !sids.insert(sid)
        {
            return wrong("Two statements cannot share the same SID");
        }
        if let Err(message) = statement_of(given.bucket, statement) {
            return wrong(message);
        }
    }
    let is_public = |statement: &Value| {
        let names = [&statement["Principal"], &statement["Principal"]["AWS"]];
        let anybody = names.iter().any(|it| **it == "*");
        statement["Effect"] == "Allow" && anybody && statement["Condition"].is_null()
    };
    // A fresh bucket blocks it.
    let blocks = match bucket.configuration.get("publicAccessBlock") {
        None => true,
        Some(text) => text.contains("<BlockPublicPolicy>true"),
    };
    if blocks && statements.iter().any(is_public) {
        return Err(ApiError::new(
            "AccessDenied",
            403,
            "Access Denied because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.",
        ));
    }
    Ok(())
}

/// Why AWS does not take a statement, if it does not.
fn statement_of(bucket: &str, statement: &Value) -> Result<(), &'static str> {
    let has = |name: &str| !statement[name].is_null();
    if !matches!(statement["Effect"].as_str(), Some("Allow" | "Deny")) {
        return Err("Invalid effect");
    }
    if !has("Principal") && !has("NotPrincipal") {
        return Err("Missing required field Principal");
    }
    if !has("Action") && !has("NotAction") {
        return Err("Missing required field Action");
    }
    if !has("Resource") && !has("NotResource") {
        return Err("Missing required field Resource");
    }
    let texts = |name: &str| match &statement[name] {
        Value::Array(all) => all.clone(),
        one => vec![one.clone()],
    };
    let of_s3 = |action: &Value| {
        let action = action.as_str().unwrap_or_default();
        action == "*" || action.starts_with("s3:")
    };
    if has("Action") && !texts("Action").iter().all(of_s3) {
        return Err("Policy has invalid action");
    }
    let arn = format!("arn:aws:s3:::{bucket}");
    let is_its_own = |resource: &Value| {
        let rest = resource.as_str().and_then(|text| text.strip_prefix(&arn));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '*']))
    };
    match has("Resource") && !texts("Resource").iter().all(is_its_own) {
        true => Err("Policy has invalid resource"),
        false => Ok(()),
    }
}
