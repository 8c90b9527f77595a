//! The checksums of S3: computed where this program can, so that a wrong one is refused as AWS refuses it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::account::ApiError;

/// The header of the checksum that S3 keeps of every object.
pub(super) const DEFAULT: &str = "x-amz-checksum-crc64nvme";

/// Reflected polynomials.
const CRC32: u64 = 0xedb8_8320;
const CRC32C: u64 = 0x82f6_3b78;
const CRC64NVME: u64 = 0x9a6c_9329_ac4b_c9b5;

/// The checksum for a header, in base64; `None` for SHA-1, which nothing here can compute.
pub(super) fn compute(header: &str, body: &[u8]) -> Option<String> {
    let bytes = match header {
        "x-amz-checksum-crc32" => crc(CRC32, 32, body).to_be_bytes()[4..].to_vec(),
        "x-amz-checksum-crc32c" => crc(CRC32C, 32, body).to_be_bytes()[4..].to_vec(),
        "x-amz-checksum-crc64nvme" => crc(CRC64NVME, 64, body).to_be_bytes().to_vec(),
        "x-amz-checksum-sha256" => Sha256::digest(body).to_vec(),
        _ => return None,
    };
    Some(STANDARD.encode(bytes))
}

/// Refuses a body that is not what the caller's checksums say.
pub(super) fn verify(checksums: &BTreeMap<String, String>, body: &[u8]) -> Result<(), ApiError> {
    for (header, wanted) in checksums {
        if compute(header, body).is_some_and(|held| held != *wanted) {
            return Err(ApiError::refused(
                "BadDigest",
                &format!(
                    "The {} you specified did not match the calculated checksum.",
                    algorithm(header)
                ),
            ));
        }
    }
    Ok(())
}

/// "CRC32" for `x-amz-checksum-crc32`.
pub(super) fn algorithm(header: &str) -> String {
    header
        .trim_start_matches("x-amz-checksum-")
        .to_ascii_uppercase()
}

/// "ChecksumCRC32", the element for `x-amz-checksum-crc32`.
pub(super) fn element(header: &str) -> String {
    format!("Checksum{}", algorithm(header))
}

/// The checksum of an object in parts of which each has its own: the checksum of the checksums.
pub(super) fn composite(header: &str, parts: &[&String]) -> Option<String> {
    let mut all = Vec::new();
    for part in parts {
        all.extend(STANDARD.decode(part).ok()?);
    }
    Some(format!("{}-{}", compute(header, &all)?, parts.len()))
}

fn crc(polynomial: u64, bits: u32, body: &[u8]) -> u64 {
    let ones = u64::MAX >> (64 - bits);
    let mut table = [0u64; 256];
    for (byte, slot) in (0u64..).zip(&mut table) {
        *slot = (0..8).fold(byte, |value, _| {
            if value & 1 == 1 {
                (value >> 1) ^ polynomial
            } else {
                value >> 1
            }
        });
    }
    let value = body.iter().fold(ones, |value, byte| {
        let [low, ..] = value.to_le_bytes();
        (value >> 8) ^ table[usize::from(low ^ byte)]
    });
    value ^ ones
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_values_of_the_catalogue_come_out() {
        let digits = b"123456789";
        assert_eq!(crc(CRC32, 32, digits), 0xcbf4_3926);
        assert_eq!(crc(CRC32C, 32, digits), 0xe306_9283);
        assert_eq!(crc(CRC64NVME, 64, digits), 0xae8b_1486_0a79_9888);
    }

    #[test]
    fn a_wrong_checksum_is_refused() {
        let wrong = BTreeMap::from([("x-amz-checksum-crc32".to_owned(), "AAAAAA==".to_owned())]);
        assert_eq!(
            verify(&wrong, b"hello").expect_err("wrong").code,
            "BadDigest"
        );
    }
}
