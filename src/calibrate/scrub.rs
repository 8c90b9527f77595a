//! Takes out of what is written down what nobody else may see: keys and their secrets, what instances are told and say, signed links,
//! who the person is, and the account's number.

use serde_json::Value;

/// What stands where something was taken out.
const GONE: &str = "(taken out)";
/// What stands for the account.
const SOME_ACCOUNT: &str = "000000000000";

/// Members whose whole value goes, in small letters.
const SECRET: [&str; 10] = [
    "accesskeyid",
    "secretaccesskey",
    "sessiontoken",
    "userdata",
    "output",
    "standardoutputcontent",
    "standarderrorcontent",
    "userid",
    "owner",
    "webidentitytoken",
];

/// What is taken out.
#[derive(Clone, Debug, Default)]
pub(super) struct Scrub {
    /// The account's number.
    pub(super) account: String,
    /// How the person is called, and whatever else has to go wherever it stands.
    pub(super) words: Vec<String>,
}

impl Scrub {
    /// The same tree without it.
    pub(super) fn clean(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.text(&text).into(),
            Value::Array(items) => items.into_iter().map(|item| self.clean(item)).collect(),
            Value::Object(members) => members
                .into_iter()
                .map(|(name, value)| {
                    // A form's names have their path in them.
                    let last = name.split('.').rfind(|part| part.parse::<u32>().is_err());
                    let last = last.unwrap_or_default().to_ascii_lowercase();
                    let value = match SECRET.contains(&last.as_str()) {
                        true => GONE.into(),
                        false => self.clean(value),
                    };
                    (name, value)
                })
                .collect(),
            other => other,
        }
    }

    /// The same text without it.
    pub(super) fn text(&self, text: &str) -> String {
        let mut text = unsigned(text);
        for word in self.words.iter().filter(|word| !word.is_empty()) {
            text = text.replace(word.as_str(), GONE);
        }
        match self.account.as_str() {
            "" => text,
            account => text.replace(account, SOME_ACCOUNT),
        }
    }
}

/// Links without what makes them signed: whoever has one gets what it leads to.
fn unsigned(text: &str) -> String {
    let mut left = text;
    let mut clean = String::new();
    while let Some(found) = left.find("X-Amz-") {
        // The whole of the query: from its question mark, to where the link ends.
        let begin = left[..found].rfind('?').map_or(found, |mark| mark + 1);
        let is_end = |letter: char| letter.is_whitespace() || "\"'<>\\".contains(letter);
        let end = left[found..]
            .find(is_end)
            .map_or(left.len(), |end| found + end);
        clean.push_str(&left[..begin]);
        clean.push_str(GONE);
        left = &left[end..];
    }
    clean + left
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_links_names_and_the_account_are_taken_out_wherever_they_stand() {
        let scrub = Scrub {
            account: "111122223333".to_owned(),
            words: vec!["ada".to_owned()],
        };
        let seen = json!({
            "Credentials": {"AccessKeyId": "ASIA1", "SecretAccessKey": "s", "SessionToken": ["t"]},
            "LaunchTemplateData.UserData": "c2VjcmV0",
            "Parameters": {"link": ["https://b.s3.example/k?X-Amz-Signature=1&X-Amz-Credential=2\" > x?a=1"]},
            "arn": "arn:aws:sts::111122223333:assumed-role/admin/ada",
            "left": [7, true, "i-1"],
        });
        assert_eq!(
            scrub.clean(seen),
            json!({
                "Credentials": {"AccessKeyId": GONE, "SecretAccessKey": GONE, "SessionToken": GONE},
                "LaunchTemplateData.UserData": GONE,
                "Parameters": {"link": [format!("https://b.s3.example/k?{GONE}\" > x?a=1")]},
                "arn": format!("arn:aws:sts::{SOME_ACCOUNT}:assumed-role/admin/{GONE}"),
                "left": [7, true, "i-1"],
            })
        );
    }
}
