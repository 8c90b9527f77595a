//! Uploads in parts.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::{Account, ApiError, Object, State, bucket, etag};

/// The least that every part but the last must have.
const LEAST_PART: usize = 5 * 1024 * 1024;

/// An upload that is under way.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// When it began.
    pub began_at: Duration,
    /// The headers that the object will have.
    pub headers: BTreeMap<String, String>,
    /// "CRC32" and the like, when the caller chose one.
    pub algorithm: Option<String>,
    /// "FULL_OBJECT" or "COMPOSITE".
    pub checksum_type: &'static str,
    /// By part number.
    pub parts: BTreeMap<u32, Part>,
}

/// A part.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its bytes.
    pub body: Bytes,
    /// Its entity tag, without quotes.
    pub etag: String,
    /// When it was written.
    pub written_at: Duration,
    /// Checksums, by header name.
    pub checksums: BTreeMap<String, String>,
}

/// Begins an upload; answers with its id.
pub fn begin(account: &mut Account, upload: Upload) -> Result<String, ApiError> {
    bucket(&account.s3, &upload.bucket)?;
    let id = account.hex16() + &account.hex16();
    account.s3.uploads.insert(id.clone(), upload);
    Ok(id)
}

/// Finds the upload of this id to this key.
pub fn find<'a>(
    state: &'a mut State,
    bucket: &str,
    key: &str,
    id: &str,
) -> Result<&'a mut Upload, ApiError> {
    state
        .uploads
        .get_mut(id)
        .filter(|upload| upload.bucket == bucket && upload.key == key)
        .ok_or_else(|| {
            ApiError::new(
                "NoSuchUpload",
                404,
                "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
            )
        })
}

/// Puts the named parts together: number and entity tag of each, in order.
pub fn assemble(upload: &Upload, wanted: &[(u32, String)]) -> Result<Object, ApiError> {
    let invalid = |code: &str, message: &str| ApiError::refused(code, message);
    if wanted.is_empty() {
        return Err(invalid(
            "MalformedXML",
            "You must specify at least one part",
        ));
    }
    if !wanted.is_sorted_by(|one, other| one.0 < other.0) {
        return Err(invalid(
            "InvalidPartOrder",
            "The list of parts was not in ascending order. Parts must be ordered by part number.",
        ));
    }
    let mut body = BytesMut::new();
    for (index, (number, tag)) in wanted.iter().enumerate() {
        let part = upload
            .parts
            .get(number)
            .filter(|part| part.etag == tag.trim_matches('"'))
            .ok_or_else(|| {
                invalid(
                    "InvalidPart",
                    "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
                )
            })?;
        if index + 1 < wanted.len() && part.body.len() < LEAST_PART {
            return Err(invalid(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
            ));
        }
        body.extend_from_slice(&part.body);
    }
    let body = body.freeze();
    Ok(Object {
        etag: format!("{}-{}", etag(&body), wanted.len()),
        body,
        headers: upload.headers.clone(),
        checksums: BTreeMap::new(),
        key: None,
        checksum_type: upload.checksum_type,
    })
}
