//! The operations on objects.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::json;

use super::xml::{Element, Writer};
use super::{Answer, Request, checksum};
use crate::account::authority::check_caller;
use crate::account::s3::{self, Condition, Object};
use crate::account::{Account, ApiError};
use crate::http_date::http_date;

/// The headers that come back as they were sent.
const KEPT_HEADERS: [&str; 6] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
];
/// The most keys of one DeleteObjects.
const MOST_DELETED: usize = 1000;

pub(super) fn put(account: &mut Account, request: &mut Request) -> Result<Answer, ApiError> {
    let condition = condition(request);
    let headers = kept_headers(request)?;
    let mut checksums = std::mem::take(&mut request.checksums);
    if checksums.is_empty()
        && let Some(computed) = checksum::compute(checksum::DEFAULT, &request.body)
    {
        checksums.insert(checksum::DEFAULT.to_owned(), computed);
    }
    let object = Object {
        etag: s3::etag(&request.body),
        body: request.body.clone(),
        headers,
        checksums: checksums.clone(),
        checksum_type: "FULL_OBJECT",
        key: None,
    };
    let mut answer = Answer::empty()
        .header("etag", format!("\"{}\"", object.etag))
        .encrypted_by(s3::bucket(&account.s3, &request.bucket)?.key())
        .header("x-amz-checksum-type", "FULL_OBJECT");
    for (name, value) in checksums {
        answer = answer.header(&name, value);
    }
    let version = s3::put(account, &request.bucket, &request.key, object, &condition)?;
    Ok(answer.header_if("x-amz-version-id", version))
}

/// GetObject, and without the body HeadObject.
pub(super) fn get(
    account: &mut Account,
    request: &mut Request,
    with_body: bool,
) -> Result<Answer, ApiError> {
    let condition = condition(request);
    let version_id = request.query("versionId");
    let range = request.header("range");
    let wants_checksums = request.header("x-amz-checksum-mode").is_some();
    request.headers.remove("x-amz-checksum-mode");
    refuse_dates(request)?;
    let bucket = s3::bucket(&account.s3, &request.bucket)?;
    let keeps_versions = bucket.versioning != s3::Versioning::Off;
    let (version, object) = bucket.version(&request.key, version_id.as_deref())?;
    let base = Answer::empty()
        .header("etag", format!("\"{}\"", object.etag))
        .header(
            "last-modified",
            http_date(account.utc_at(version.written_at)),
        )
        .header_if("x-amz-version-id", keeps_versions.then_some(&version.id));
    if !condition.allows_read(object)? {
        return Ok(Answer {
            status: 304,
            ..base
        });
    }
    let mut answer = base
        .header("accept-ranges", "bytes")
        .encrypted_by(object.key.as_deref());
    for (name, value) in &object.headers {
        answer = answer.header(name, value);
    }
    if !object.headers.contains_key("content-type") {
        answer = answer.header("content-type", "binary/octet-stream");
    }
    let length = object.body.len();
    let part = match range.as_deref().map(|text| read_range(text, length)) {
        None | Some(Asked::All) => None,
        Some(Asked::Part(part)) => Some(part),
        Some(Asked::Nothing) => {
            return Err(ApiError::new(
                "InvalidRange",
                416,
                "The requested range is not satisfiable",
            ));
        }
    };
    // A checksum is one of the whole object: it would not fit a part.
    if wants_checksums && part.is_none() {
        answer = answer.header("x-amz-checksum-type", object.checksum_type);
        for (name, value) in &object.checksums {
            answer = answer.header(name, value);
        }
    }
    let body = match part {
        None => object.body.clone(),
        Some(part) => {
            answer.status = 206;
            let last = part.end - 1;
            answer = answer.header(
                "content-range",
                format!("bytes {}-{last}/{length}", part.start),
            );
            object.body.slice(part)
        }
    };
    answer = answer.header("content-length", body.len().to_string());
    if with_body {
        answer.body = body;
    }
    Ok(answer)
}

pub(super) fn delete(account: &mut Account, request: &mut Request) -> Result<Answer, ApiError> {
    let version_id = request.query("versionId");
    let condition = condition(request);
    if condition.if_match.is_some() {
        let bucket = s3::bucket(&account.s3, &request.bucket)?;
        let held = bucket
            .version(&request.key, None)
            .ok()
            .map(|(_, object)| object);
        condition.allows_write(held)?;
    }
    let (version, is_marker) = s3::delete(
        account,
        &request.bucket,
        &request.key,
        version_id.as_deref(),
    )?;
    Ok(Answer::no_content()
        .header_if("x-amz-delete-marker", is_marker.then_some("true"))
        .header_if("x-amz-version-id", version))
}

pub(super) fn delete_several(
    account: &mut Account,
    request: &mut Request,
) -> Result<Answer, ApiError> {
    super::check_hashed(request)?;
    let document = Element::read(&request.body, "Delete")?;
    let is_quiet = document.child("Quiet") == Some("true");
    let wanted: Vec<_> = document.each("Object").collect();
    if wanted.is_empty() || wanted.len() > MOST_DELETED {
        return Err(super::malformed());
    }
    s3::bucket(&account.s3, &request.bucket)?;
    let mut out = Writer::new("DeleteResult");
    for object in wanted {
        let key = object.child("Key").ok_or_else(super::malformed)?;
        let asked = object.child("VersionId");
        let about = json!({"Bucket": request.bucket, "Key": key, "VersionId": asked});
        if let Err(refused) = check_caller(account, ("s3", "DeleteObject"), &about) {
            out.open("Error")
                .text("Key", key)
                .text_if("VersionId", asked)
                .text("Code", &refused.code)
                .text("Message", &refused.message)
                .close();
            continue;
        }
        let (version, is_marker) = s3::delete(account, &request.bucket, key, asked)?;
        if is_quiet {
            continue;
        }
        out.open("Deleted")
            .text("Key", key)
            .text_if("VersionId", asked);
        if is_marker {
            out.text("DeleteMarker", "true");
            out.text_if("DeleteMarkerVersionId", version);
        }
        out.close();
    }
    Ok(Answer::xml(out.finish()))
}

pub(super) fn condition(request: &mut Request) -> Condition {
    Condition {
        if_match: request.header("if-match"),
        if_none_match: request.header("if-none-match"),
    }
}

/// Takes the headers that an object keeps.
pub(super) fn kept_headers(request: &mut Request) -> Result<BTreeMap<String, String>, ApiError> {
    let mut kept = BTreeMap::new();
    for (name, value) in &request.headers {
        if KEPT_HEADERS.contains(&name.as_str()) || name.starts_with("x-amz-meta-") {
            kept.insert(name.clone(), value.clone());
        }
    }
    request
        .headers
        .retain(|name, _| !name.starts_with("x-amz-meta-"));
    // `aws-chunked` is how the body came, not what it is.
    if let Some(encodings) = kept.remove("content-encoding") {
        let rest: Vec<_> = encodings
            .split(',')
            .map(str::trim)
            .filter(|encoding| *encoding != "aws-chunked" && !encoding.is_empty())
            .collect();
        if !rest.is_empty() {
            kept.insert("content-encoding".to_owned(), rest.join(","));
        }
    }
    match request.header("x-amz-server-side-encryption").as_deref() {
        None | Some("AES256") => {}
        Some(other) => {
            return Err(ApiError::new(
                "NotImplemented",
                501,
                &format!("the local cloud encrypts with AES256, not {other}"),
            ));
        }
    }
    match request.header("x-amz-storage-class").as_deref() {
        None | Some("STANDARD") => Ok(kept),
        Some(other) => Err(ApiError::refused(
            "InvalidStorageClass",
            &format!("the local cloud has the storage class STANDARD, not {other}"),
        )),
    }
}

fn refuse_dates(request: &mut Request) -> Result<(), ApiError> {
    for name in ["if-modified-since", "if-unmodified-since"] {
        if request.header(name).is_some() {
            return Err(ApiError::new(
                "NotImplemented",
                501,
                &format!("the local cloud does not know the header {name}"),
            ));
        }
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    All,
    Part(Range<usize>),
    Nothing,
}

/// Reads `bytes=1-4`, `bytes=1-`, `bytes=-4`; anything else is the whole object, as HTTP has it.
fn read_range(text: &str, length: usize) -> Asked {
    let Some((from, to)) = text
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
    else {
        return Asked::All;
    };
    let range = match (from.parse::<usize>(), to.parse::<usize>()) {
        (Ok(from), Ok(to)) if from <= to => from..to.saturating_add(1).min(length),
        (Ok(from), Err(_)) if to.is_empty() => from..length,
        (Err(_), Ok(last)) if from.is_empty() => length.saturating_sub(last)..length,
        _ => return Asked::All,
    };
    if range.is_empty() {
        return Asked::Nothing;
    }
    Asked::Part(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_has_them() {
        assert_eq!(read_range("bytes=1-4", 10), Asked::Part(1..5));
        assert_eq!(read_range("bytes=8-99", 10), Asked::Part(8..10));
        assert_eq!(read_range("bytes=8-", 10), Asked::Part(8..10));
        assert_eq!(read_range("bytes=-3", 10), Asked::Part(7..10));
        assert_eq!(read_range("bytes=10-", 10), Asked::Nothing);
        assert_eq!(read_range("lines=1-2", 10), Asked::All);
    }
}
