//! The filters of EC2's describes: name and values, with `*` and `?` in them, and `tag:KEY` and `tag-key` everywhere.

use crate::account::{ApiError, Tags};
use crate::wire::params::Params;

/// The filters of one call. A resource has to pass all of them, each by any of its values.
#[derive(Clone, Debug)]
pub(crate) struct Filters(Vec<(String, Vec<String>)>);

impl Filters {
    /// Reads them; a name that is neither in `known` nor about tags is refused, as EC2 does.
    pub(crate) fn read(params: &mut Params, known: &[&str]) -> Result<Self, ApiError> {
        let filters = params.filters()?;
        for (name, _) in &filters {
            let about_tags = name.starts_with("tag:") || name == "tag-key" || name == "tag-value";
            if !about_tags && !known.contains(&name.as_str()) {
                return Err(ApiError::refused(
                    "InvalidParameterValue",
                    &format!("The filter '{name}' is invalid"),
                ));
            }
        }
        Ok(Self(filters))
    }

    /// Whether a resource with these tags passes; `facts` answers what a filter of this name looks at.
    pub(crate) fn admit(&self, tags: &Tags, facts: impl Fn(&str) -> Vec<String>) -> bool {
        self.0.iter().all(|(name, wanted)| {
            let found = match name.as_str() {
                "tag-key" => tags.keys().cloned().collect(),
                "tag-value" => tags.values().cloned().collect(),
                name => match name.strip_prefix("tag:") {
                    Some(key) => tags.get(key).cloned().into_iter().collect(),
                    None => facts(name),
                },
            };
            found
                .iter()
                .any(|text| wanted.iter().any(|pattern| matches(pattern, text)))
        })
    }
}

/// Whether `text` is what `pattern` says: `*` is any text, `?` any letter.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            (0..=text.len())
                .filter(|at| text.is_char_boundary(*at))
                .any(|at| matches(rest, &text[at..]))
        }
        Some(letter) => {
            let mut letters = text.chars();
            letters
                .next()
                .is_some_and(|first| letter == '?' || letter == first)
                && matches(&pattern[letter.len_utf8()..], letters.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_any_text_and_any_letter() {
        assert!(matches(
            "al2023-ami-*-x86_64",
            "al2023-ami-2023.9-kernel-x86_64"
        ));
        assert!(matches("h?llo", "hello"));
        assert!(!matches("h?llo", "hllo"));
        assert!(!matches("*-arm64", "al2023-x86_64"));
    }

    #[test]
    fn a_filter_that_ec2_does_not_have_is_refused() {
        let form = "Filter.1.Name=colour&Filter.1.Value.1=blue";
        let mut params = Params::from_form(form_urlencoded::parse(form.as_bytes()).into_owned());
        let error = Filters::read(&mut params, &["name"]).expect_err("not known");
        assert_eq!(error.code, "InvalidParameterValue");
    }
}
