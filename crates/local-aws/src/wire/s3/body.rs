//! Bodies as SDKs send them: plain, or `aws-chunked` with signed or unsigned chunks and trailers.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256};

use crate::account::ApiError;

/// A body as it was meant.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) body: Bytes,
    /// `x-amz-checksum-*`, from headers and trailers.
    pub(super) checksums: BTreeMap<String, String>,
}

/// Decodes a body by its headers, and checks its length and hash.
pub(super) fn decode(
    headers: &BTreeMap<String, String>,
    body: &Bytes,
) -> Result<Decoded, ApiError> {
    let mut checksums: BTreeMap<_, _> = headers
        .iter()
        .filter(|(name, _)| is_checksum(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let hash = headers.get("x-amz-content-sha256").map(String::as_str);
    let is_chunked = hash.is_some_and(|hash| hash.starts_with("STREAMING-"))
        || headers.get("content-encoding").is_some_and(|encodings| {
            encodings
                .split(',')
                .any(|encoding| encoding.trim() == "aws-chunked")
        });
    if !is_chunked {
        check_hash(hash, body)?;
        return Ok(Decoded {
            body: body.clone(),
            checksums,
        });
    }
    let (decoded, trailers) = unchunk(body).ok_or_else(incomplete)?;
    let declared = headers.get("x-amz-decoded-content-length");
    if declared.is_some_and(|length| *length != decoded.len().to_string()) {
        return Err(incomplete());
    }
    checksums.extend(trailers.into_iter().filter(|(name, _)| is_checksum(name)));
    Ok(Decoded {
        body: decoded,
        checksums,
    })
}

fn is_checksum(name: &str) -> bool {
    name.starts_with("x-amz-checksum-")
        && !matches!(
            name,
            "x-amz-checksum-algorithm" | "x-amz-checksum-mode" | "x-amz-checksum-type"
        )
}

fn check_hash(hash: Option<&str>, body: &[u8]) -> Result<(), ApiError> {
    let Some(hash) = hash.filter(|hash| hash.len() == 64) else {
        return Ok(());
    };
    let held: String = Sha256::digest(body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if held == hash {
        return Ok(());
    }
    Err(ApiError::refused(
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    ))
}

/// Takes `SIZE[;chunk-signature=...]\r\nDATA\r\n` apart; after the chunk of size 0 come trailers, then an empty line.
fn unchunk(body: &Bytes) -> Option<(Bytes, BTreeMap<String, String>)> {
    let mut decoded = BytesMut::with_capacity(body.len());
    let mut rest = &body[..];
    loop {
        let (line, after) = split_line(rest)?;
        let size = line.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        rest = after;
        if size == 0 {
            break;
        }
        decoded.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
    let mut trailers = BTreeMap::new();
    while let Some((line, after)) = split_line(rest) {
        rest = after;
        if let Some((name, value)) = line.split_once(':') {
            trailers.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    Some((decoded.freeze(), trailers))
}

fn split_line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let line = std::str::from_utf8(&bytes[..end]).ok()?;
    Some((line, &bytes[end + 2..]))
}

fn incomplete() -> ApiError {
    ApiError::refused(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn chunks_are_put_together_whether_signed_or_not_and_trailers_are_checksums() {
        let unsigned = "5\r\nhello\r\n1\r\n!\r\n0\r\nx-amz-checksum-crc32:nU4u2w==\r\n\r\n";
        let signed = "5;chunk-signature=ab\r\nhello\r\n1;chunk-signature=cd\r\n!\r\n0;chunk-signature=ef\r\nx-amz-checksum-crc32:nU4u2w==\r\nx-amz-trailer-signature:01\r\n\r\n";
        for (kind, body) in [
            ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", unsigned),
            ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", signed),
        ] {
            let headers = headers(&[
                ("x-amz-content-sha256", kind),
                ("x-amz-decoded-content-length", "6"),
            ]);
            let decoded = decode(&headers, &Bytes::from_static(body.as_bytes())).expect("a body");
            assert_eq!(&decoded.body[..], b"hello!");
            assert_eq!(decoded.checksums["x-amz-checksum-crc32"], "nU4u2w==");
            assert_eq!(decoded.checksums.len(), 1);
        }
    }

    #[test]
    fn a_body_that_is_cut_or_changed_is_refused() {
        let chunked = headers(&[("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")]);
        let cut = decode(&chunked, &Bytes::from_static(b"9\r\nhello"));
        assert_eq!(cut.expect_err("cut").code, "IncompleteBody");
        let hashed = headers(&[("x-amz-content-sha256", &"0".repeat(64))]);
        let changed = decode(&hashed, &Bytes::from_static(b"hello"));
        assert_eq!(
            changed.expect_err("changed").code,
            "XAmzContentSHA256Mismatch"
        );
    }
}
