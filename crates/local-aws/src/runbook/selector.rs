//! The part of JSONPath that runbooks use: `$.Images[0].State`, `$.Reservations[*].Instances[*].InstanceId`.

use serde_json::Value;

/// A parsed path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selector(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Name(String),
    Index(usize),
    All,
}

impl Selector {
    /// Reads a path; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is no selector that the local cloud knows ($.Name[0].Name[*])");
        let mut rest = text.strip_prefix('$').ok_or_else(wrong)?;
        let mut parts = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let (name, tail) = after.split_at(end);
                if name.is_empty() || name.contains(['*', '?', '(', ' ']) {
                    return Err(wrong());
                }
                parts.push(Part::Name(name.to_owned()));
                rest = tail;
            } else {
                let inner = rest.strip_prefix('[').ok_or_else(wrong)?;
                let (index, tail) = inner.split_once(']').ok_or_else(wrong)?;
                parts.push(match index {
                    "*" => Part::All,
                    digits => Part::Index(digits.parse().map_err(|_| wrong())?),
                });
                rest = tail;
            }
        }
        Ok(Self(parts))
    }

    /// What stands at the path: nothing, a value, or with `[*]` a list of all that match.
    pub(crate) fn select(&self, root: &Value) -> Option<Value> {
        let mut found = vec![root];
        for part in &self.0 {
            found = found
                .into_iter()
                .flat_map(|value| -> Vec<&Value> {
                    match part {
                        Part::Name(name) => value.get(name).into_iter().collect(),
                        Part::Index(index) => value.get(index).into_iter().collect(),
                        Part::All => value.as_array().into_iter().flatten().collect(),
                    }
                })
                .collect();
        }
        if self.0.contains(&Part::All) {
            return Some(found.into_iter().cloned().collect());
        }
        found.first().map(|value| (*value).clone())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_indices_and_stars_select() {
        let answer =
            json!({"Images": [{"ImageId": "ami-1", "State": "available"}, {"ImageId": "ami-2"}]});
        let select = |path| Selector::parse(path).expect("a path").select(&answer);
        assert_eq!(select("$.Images[0].State"), Some(json!("available")));
        assert_eq!(
            select("$.Images[*].ImageId"),
            Some(json!(["ami-1", "ami-2"]))
        );
        assert_eq!(select("$.Images[1].State"), None);
        assert_eq!(select("$.Images[7]"), None);
        assert_eq!(select("$"), Some(answer.clone()));
    }

    #[test]
    fn a_path_beyond_the_subset_is_refused() {
        for path in [
            "Images",
            "$..ImageId",
            "$.Images[?(@.a)]",
            "$.Images[",
            "$.a.*",
        ] {
            assert!(Selector::parse(path).is_err(), "{path}");
        }
    }
}
