//! What AWS takes as a bucket's name: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>.

use crate::account::ApiError;

/// Refuses any other.
pub(super) fn check(name: &str) -> Result<(), ApiError> {
    let is_letter = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || ".-".contains(letter)
    };
    let is_edge =
        |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    let is_address =
        name.split('.').count() == 4 && name.split('.').all(|part| part.parse::<u8>().is_ok());
    if (3..=63).contains(&name.len())
        && name.chars().all(is_letter)
        && is_edge(name.chars().next())
        && is_edge(name.chars().last())
        && !name.contains("..")
        && !is_address
        && !name.starts_with("xn--")
        && !name.ends_with("-s3alias")
    {
        return Ok(());
    }
    Err(ApiError::refused(
        "InvalidBucketName",
        "The specified bucket is not valid.",
    ))
}
