//! Answers in pages: which part of a list a caller asked for, and the token with which it asks for the next.

use super::params::Params;
use crate::account::ApiError;

/// The part of a list that a caller wants.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    from: usize,
    size: Option<usize>,
}

impl Page {
    /// Reads `size_name` ("MaxResults", "MaxRecords", "MaxItems") and `token_name` ("NextToken", "Marker").
    pub(crate) fn read(
        params: &mut Params,
        size_name: &str,
        token_name: &str,
        bad_token: &str,
    ) -> Result<Self, ApiError> {
        let size = params.number(size_name)?;
        let size = size
            .map(|size| {
                usize::try_from(size)
                    .ok()
                    .filter(|size| *size > 0)
                    .ok_or_else(|| {
                        ApiError::validation(&format!("{size_name} must be at least 1: {size}"))
                    })
            })
            .transpose()?;
        let from = match params.text(token_name).filter(|token| !token.is_empty()) {
            Some(token) => token
                .strip_prefix("from-")
                .and_then(|from| from.parse().ok())
                .ok_or_else(|| {
                    ApiError::refused(bad_token, &format!("Invalid {token_name} \"{token}\""))
                })?,
            None => 0,
        };
        Ok(Self { from, size })
    }

    /// Cuts the part out of `items`; the token is there when more follows.
    pub(crate) fn cut<T>(&self, items: Vec<T>) -> (Vec<T>, Option<String>) {
        let end = self
            .size
            .map_or(items.len(), |size| self.from.saturating_add(size));
        let token = (end < items.len()).then(|| format!("from-{end}"));
        let part = items.into_iter().take(end).skip(self.from).collect();
        (part, token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Page, ApiError> {
        let mut params = Params::from_form(form_urlencoded::parse(query.as_bytes()).into_owned());
        Page::read(&mut params, "MaxResults", "NextToken", "InvalidNextToken")
    }

    #[test]
    fn pages_follow_each_other_until_the_list_ends() {
        let (first, token) = read("MaxResults=2").expect("valid").cut(vec![1, 2, 3]);
        assert_eq!(first, [1, 2]);
        let next = format!(
            "MaxResults=2&NextToken={}",
            token.expect("one item is left")
        );
        let (second, token) = read(&next).expect("valid").cut(vec![1, 2, 3]);
        assert_eq!((second, token), (vec![3], None));
    }

    #[test]
    fn a_token_that_was_never_given_out_is_refused() {
        assert_eq!(
            read("NextToken=x").expect_err("not ours").code,
            "InvalidNextToken"
        );
    }
}
