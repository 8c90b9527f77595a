//! `allowedPattern`: a value must match as a whole, the stricter of the two ways a pattern can be read.

/// Whether the whole of `value` matches.
pub(crate) fn matches(pattern: &str, value: &str) -> Result<bool, String> {
    regex_lite::Regex::new(&format!("^(?:{pattern})$"))
        .map(|regex| regex.is_match(value))
        .map_err(|error| format!("has an allowedPattern that cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_must_match_as_a_whole() {
        assert_eq!(matches("s3://[a-z]+", "s3://bucket"), Ok(true));
        assert_eq!(matches("s3://[a-z]+", "s3://bucket; rm -rf /"), Ok(false));
        assert!(matches("[", "x").is_err());
    }
}
