//! Uploads in parts.

use std::collections::BTreeMap;

use super::objects::{condition, kept_headers};
use super::xml::{Element, Writer};
use super::{Answer, Request, checksum};
use crate::account::s3::uploads::{self, Part, Upload};
use crate::account::s3::{self, Object};
use crate::account::{Account, ApiError};
use crate::wire::node::iso8601;

pub(super) fn begin(account: &mut Account, request: &mut Request) -> Result<Answer, ApiError> {
    let headers = kept_headers(request)?;
    let algorithm = request.header("x-amz-checksum-algorithm");
    let asked = request.header("x-amz-checksum-type");
    let checksum_type = match (asked.as_deref(), algorithm.as_deref()) {
        (Some("FULL_OBJECT"), _) | (None, None | Some("CRC64NVME")) => "FULL_OBJECT",
        _ => "COMPOSITE",
    };
    let upload = Upload {
        bucket: request.bucket.clone(),
        key: request.key.clone(),
        began_at: account.now(),
        headers,
        algorithm: algorithm.clone(),
        checksum_type,
        parts: BTreeMap::new(),
    };
    let id = uploads::begin(account, upload)?;
    let mut out = Writer::new("InitiateMultipartUploadResult");
    out.text("Bucket", &request.bucket)
        .text("Key", &request.key)
        .text("UploadId", id);
    let type_header = algorithm.as_ref().map(|_| checksum_type);
    Ok(Answer::xml(out.finish())
        .header_if("x-amz-checksum-algorithm", algorithm)
        .header_if("x-amz-checksum-type", type_header))
}

pub(super) fn put_part(account: &mut Account, request: &mut Request) -> Result<Answer, ApiError> {
    let id = request.query("uploadId").unwrap_or_default();
    let number = request
        .query("partNumber")
        .and_then(|text| text.parse().ok())
        .filter(|number| (1..=10_000).contains(number))
        .ok_or_else(|| {
            ApiError::refused(
                "InvalidArgument",
                "Part number must be an integer between 1 and 10000, inclusive",
            )
        })?;
    let now = account.now();
    let key = s3::bucket(&account.s3, &request.bucket)?.key();
    let key = key.map(str::to_owned);
    let upload = uploads::find(&mut account.s3, &request.bucket, &request.key, &id)?;
    let part = Part {
        etag: s3::etag(&request.body),
        body: request.body.clone(),
        written_at: now,
        checksums: std::mem::take(&mut request.checksums),
    };
    let mut answer = Answer::empty()
        .header("etag", format!("\"{}\"", part.etag))
        .encrypted_by(key.as_deref());
    for (name, value) in &part.checksums {
        answer = answer.header(name, value);
    }
    upload.parts.insert(number, part);
    Ok(answer)
}

pub(super) fn complete(account: &mut Account, request: &mut Request) -> Result<Answer, ApiError> {
    let id = request.query("uploadId").unwrap_or_default();
    let condition = condition(request);
    request.header("x-amz-checksum-type");
    request.header("x-amz-mp-object-size");
    let wanted_sums = std::mem::take(&mut request.checksums);
    let upload = uploads::find(&mut account.s3, &request.bucket, &request.key, &id)?.clone();
    let document = Element::read(&request.body, "CompleteMultipartUpload")?;
    let mut wanted = Vec::new();
    for part in document.each("Part") {
        let number = part.child("PartNumber").and_then(|text| text.parse().ok());
        let etag = part.child("ETag").map(str::to_owned);
        wanted.push(number.zip(etag).ok_or_else(super::malformed)?);
    }
    let mut object = uploads::assemble(&upload, &wanted)?;
    object.checksums = checksums(&upload, &object, &wanted);
    for (name, value) in &wanted_sums {
        if object.checksums.get(name).is_some_and(|held| held != value) {
            return Err(ApiError::refused(
                "BadDigest",
                &format!(
                    "The {} you specified did not match the calculated checksum.",
                    checksum::algorithm(name)
                ),
            ));
        }
    }
    let etag = object.etag.clone();
    let sums = object.checksums.clone();
    let checksum_type = object.checksum_type;
    let version = s3::put(account, &request.bucket, &request.key, object, &condition)?;
    account.s3.uploads.remove(&id);
    let mut out = Writer::new("CompleteMultipartUploadResult");
    out.text("Location", format!("/{}/{}", request.bucket, request.key))
        .text("Bucket", &request.bucket)
        .text("Key", &request.key)
        .text("ETag", format!("\"{etag}\""));
    for (name, value) in sums {
        out.text(&checksum::element(&name), value);
    }
    out.text("ChecksumType", checksum_type);
    Ok(Answer::xml(out.finish()).header_if("x-amz-version-id", version))
}

/// The object's checksum by the upload's algorithm: of the whole, or of its parts' checksums.
fn checksums(
    upload: &Upload,
    object: &Object,
    wanted: &[(u32, String)],
) -> BTreeMap<String, String> {
    let header = upload.algorithm.as_ref().map_or_else(
        || checksum::DEFAULT.to_owned(),
        |name| format!("x-amz-checksum-{}", name.to_ascii_lowercase()),
    );
    let computed = match upload.checksum_type {
        "COMPOSITE" => wanted
            .iter()
            .map(|(number, _)| upload.parts.get(number)?.checksums.get(&header))
            .collect::<Option<Vec<_>>>()
            .and_then(|parts| checksum::composite(&header, &parts)),
        _ => checksum::compute(&header, &object.body),
    };
    computed.map(|value| (header, value)).into_iter().collect()
}

pub(super) fn abort(account: &mut Account, request: &mut Request) -> Result<Answer, ApiError> {
    let id = request.query("uploadId").unwrap_or_default();
    uploads::find(&mut account.s3, &request.bucket, &request.key, &id)?;
    account.s3.uploads.remove(&id);
    Ok(Answer::no_content())
}

pub(super) fn list_parts(account: &mut Account, request: &mut Request) -> Result<Answer, ApiError> {
    let id = request.query("uploadId").unwrap_or_default();
    let after = request
        .query("part-number-marker")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let most = page_size(request, "max-parts");
    let upload = uploads::find(&mut account.s3, &request.bucket, &request.key, &id)?.clone();
    let left: Vec<_> = upload.parts.range(after + 1..).collect();
    let is_cut = left.len() > most;
    let mut out = Writer::new("ListPartsResult");
    out.text("Bucket", &request.bucket)
        .text("Key", &request.key)
        .text("UploadId", &id)
        .text("MaxParts", most.to_string())
        .text("PartNumberMarker", after.to_string())
        .text("IsTruncated", is_cut.to_string());
    for (number, part) in left.into_iter().take(most) {
        if is_cut {
            out.text("NextPartNumberMarker", number.to_string());
        }
        out.open("Part")
            .text("PartNumber", number.to_string())
            .text("LastModified", iso8601(account.utc_at(part.written_at)))
            .text("ETag", format!("\"{}\"", part.etag))
            .text("Size", part.body.len().to_string());
        for (name, value) in &part.checksums {
            out.text(&checksum::element(name), value);
        }
        out.close();
    }
    Ok(Answer::xml(out.finish()))
}

pub(super) fn list(account: &mut Account, request: &mut Request) -> Result<Answer, ApiError> {
    let prefix = request.query("prefix").unwrap_or_default();
    let most = page_size(request, "max-uploads");
    s3::bucket(&account.s3, &request.bucket)?;
    let mut found: Vec<_> = account
        .s3
        .uploads
        .iter()
        .filter(|(_, upload)| upload.bucket == request.bucket && upload.key.starts_with(&prefix))
        .collect();
    found.sort_by_key(|(_, upload)| (&upload.key, upload.began_at));
    let mut out = Writer::new("ListMultipartUploadsResult");
    out.text("Bucket", &request.bucket)
        .text("Prefix", &prefix)
        .text("MaxUploads", most.to_string())
        .text("IsTruncated", "false");
    for (id, upload) in found {
        out.open("Upload")
            .text("Key", &upload.key)
            .text("UploadId", id)
            .text("Initiated", iso8601(account.utc_at(upload.began_at)))
            .text("StorageClass", "STANDARD")
            .close();
    }
    Ok(Answer::xml(out.finish()))
}

fn page_size(request: &mut Request, name: &str) -> usize {
    request
        .query(name)
        .and_then(|text| text.parse().ok())
        .unwrap_or(1000)
        .min(1000)
}
