//! Systems Manager documents: runbooks and command documents, with their versions.
//!
//! Guarantees: a runbook is checked when it is written; a version's text never changes; an identical text makes no
//! new version.

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::State;
use super::format::Content;
use crate::account::{Account, ApiError, Tags};
use crate::runbook::Runbook;

/// The command document that runs a shell script.
pub const RUN_SHELL_SCRIPT: &str = "AWS-RunShellScript";
/// How many versions a document may have.
const MOST_VERSIONS: usize = 1000;
/// The largest text.
const MOST_BYTES: usize = 64 * 1024;

/// One document.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its name.
    pub name: String,
    /// "Automation" or "Command".
    pub kind: String,
    /// "Amazon" or the account.
    pub owner: String,
    /// Oldest first; the version's number is its place, from 1.
    pub versions: Vec<Version>,
    /// The version used when none is named.
    pub default_version: usize,
    /// Its tags.
    pub tags: Tags,
}

/// One version of a document.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its number, from 1.
    pub number: usize,
    /// The name that the author gave it.
    pub name: Option<String>,
    /// Its text.
    pub content: Content,
    /// When it was written.
    pub written_at: Duration,
    /// What the text means, if it is a runbook.
    pub runbook: Option<Runbook>,
}

impl Version {
    /// SHA-256 of the text, in hex.
    pub fn hash(&self) -> String {
        sha256_hex(self.content.text.as_bytes())
    }
}

impl Document {
    /// The newest version.
    pub fn latest(&self) -> &Version {
        self.versions.last().expect("a document has a version")
    }

    /// The version a caller names: a number, `$LATEST`, `$DEFAULT` or nothing.
    pub fn version(&self, wanted: Option<&str>) -> Result<&Version, ApiError> {
        let number = match wanted {
            None | Some("" | "$DEFAULT") => self.default_version,
            Some("$LATEST") => self.versions.len(),
            Some(digits) => digits.parse().unwrap_or(0),
        };
        self.versions
            .iter()
            .find(|version| version.number == number)
            .ok_or_else(|| {
                ApiError::refused(
                    "InvalidDocumentVersion",
                    "The document version is not valid or does not exist.",
                )
            })
    }
}

/// AWS's own documents.
pub fn public() -> BTreeMap<String, Document> {
    let content = serde_json::json!({
        "schemaVersion": "1.2",
        "description": "Run a shell script or specify the commands to run.",
        "parameters": {
            "commands": {"type": "StringList", "description": "(Required) Specify a shell script or a command to run."},
            "workingDirectory": {"type": "String", "default": ""},
            "executionTimeout": {"type": "String", "default": "3600"},
        },
        "runtimeConfig": {"aws:runShellScript": {"properties": []}},
    });
    let document = Document {
        name: RUN_SHELL_SCRIPT.to_owned(),
        kind: "Command".to_owned(),
        owner: "Amazon".to_owned(),
        versions: vec![Version {
            number: 1,
            name: None,
            content: Content::json(content.to_string()),
            written_at: Duration::ZERO,
            runbook: None,
        }],
        default_version: 1,
        tags: Tags::new(),
    };
    BTreeMap::from([(document.name.clone(), document)])
}

/// Finds a document by its name or ARN.
pub fn find<'a>(state: &'a State, name: &str) -> Result<&'a Document, ApiError> {
    let plain = name.rsplit('/').next().unwrap_or(name);
    state.documents.get(plain).ok_or_else(not_found)
}

/// Creates a document with its first version.
pub fn create(
    account: &mut Account,
    name: &str,
    kind: &str,
    content: Content,
    version_name: Option<String>,
    tags: Tags,
) -> Result<(), ApiError> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    let reserved = ["aws", "amazon", "amzn"];
    let lower = name.to_ascii_lowercase();
    if !(3..=128).contains(&name.len())
        || !name.chars().all(is_letter)
        || reserved.iter().any(|prefix| lower.starts_with(prefix))
    {
        return Err(ApiError::refused(
            "ValidationException",
            &format!(
                "{name} cannot be a document's name: 3 to 128 letters, digits, _ - and ., and none of AWS's prefixes"
            ),
        ));
    }
    if account.ssm.documents.contains_key(name) {
        return Err(ApiError::refused(
            "DocumentAlreadyExists",
            "The specified document already exists.",
        ));
    }
    let runbook = check_content(kind, &content)?;
    let version = Version {
        number: 1,
        name: version_name,
        content,
        written_at: account.now(),
        runbook,
    };
    let document = Document {
        name: name.to_owned(),
        kind: kind.to_owned(),
        owner: account.id.clone(),
        versions: vec![version],
        default_version: 1,
        tags,
    };
    account.ssm.documents.insert(name.to_owned(), document);
    Ok(())
}

/// Writes the next version.
pub fn update(
    account: &mut Account,
    name: &str,
    base: Option<&str>,
    content: Content,
    version_name: Option<String>,
) -> Result<usize, ApiError> {
    let now = account.now();
    let document = own_document(account, name)?;
    let based_on = document.version(base.or(Some("$LATEST")))?.number;
    if based_on != document.latest().number {
        return Err(ApiError::refused(
            "InvalidDocumentVersion",
            "Only the latest version of a document can be updated.",
        ));
    }
    if document.latest().content == content {
        return Err(ApiError::refused(
            "DuplicateDocumentContent",
            "The content of the association document matches another document. Change the content of the document and try again.",
        ));
    }
    if version_name.is_some()
        && document
            .versions
            .iter()
            .any(|held| held.name == version_name)
    {
        return Err(ApiError::refused(
            "DuplicateDocumentVersionName",
            "The version name has already been used in this document. Specify a different version name, and then try again.",
        ));
    }
    if document.versions.len() >= MOST_VERSIONS {
        return Err(ApiError::refused(
            "DocumentVersionLimitExceeded",
            "The document has too many versions. Delete one or more document versions and try again.",
        ));
    }
    let runbook = check_content(&document.kind, &content)?;
    let number = document.latest().number + 1;
    document.versions.push(Version {
        number,
        name: version_name,
        content,
        written_at: now,
        runbook,
    });
    Ok(number)
}

/// Names the version that is used when none is named.
pub fn set_default(account: &mut Account, name: &str, version: &str) -> Result<(), ApiError> {
    let document = own_document(account, name)?;
    document.default_version = document.version(Some(version))?.number;
    Ok(())
}

/// Removes a document, or one version that isn't its default.
pub fn delete(account: &mut Account, name: &str, version: Option<&str>) -> Result<(), ApiError> {
    let document = own_document(account, name)?;
    let Some(version) = version else {
        account.ssm.documents.remove(name);
        return Ok(());
    };
    let number = document.version(Some(version))?.number;
    if number == document.default_version {
        return Err(ApiError::refused(
            "InvalidDocumentOperation",
            "Default version of the document can't be deleted.",
        ));
    }
    document.versions.retain(|held| held.number != number);
    Ok(())
}

fn own_document<'a>(account: &'a mut Account, name: &str) -> Result<&'a mut Document, ApiError> {
    account
        .ssm
        .documents
        .get_mut(name)
        .filter(|document| document.owner != "Amazon")
        .ok_or_else(not_found)
}

fn check_content(kind: &str, content: &Content) -> Result<Option<Runbook>, ApiError> {
    if content.text.len() > MOST_BYTES {
        return Err(ApiError::refused(
            "MaxDocumentSizeExceeded",
            "The size limit of a document is 64 KB.",
        ));
    }
    let wrong = |problem: String| ApiError::refused("InvalidDocumentContent", &problem);
    let document = content.read().map_err(wrong)?;
    match kind {
        "Automation" => Runbook::read(document).map(Some).map_err(wrong),
        "Command" => match document["schemaVersion"].as_str() {
            Some("1.2" | "2.0" | "2.2") => Ok(None),
            _ => Err(ApiError::refused(
                "InvalidDocumentSchemaVersion",
                "The version of the document schema is not supported.",
            )),
        },
        other => Err(ApiError::refused(
            "ValidationException",
            &format!("the local cloud has Automation and Command documents, not {other}"),
        )),
    }
}

fn not_found() -> ApiError {
    ApiError::refused("InvalidDocument", "The specified document does not exist.")
}

fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::pace::Pace;

    fn runbook(seconds: u32) -> Content {
        Content::json(format!(
            r#"{{"schemaVersion":"0.3","mainSteps":[{{"name":"nap","action":"aws:sleep","inputs":{{"Duration":"PT{seconds}S"}}}}]}}"#
        ))
    }

    #[test]
    fn an_update_makes_a_version_and_the_same_text_does_not() {
        let mut account = Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws());
        create(
            &mut account,
            "bake",
            "Automation",
            runbook(1),
            None,
            Tags::new(),
        )
        .expect("new");
        let same = update(&mut account, "bake", Some("$LATEST"), runbook(1), None);
        assert_eq!(same.expect_err("same").code, "DuplicateDocumentContent");
        assert_eq!(
            update(&mut account, "bake", Some("$LATEST"), runbook(2), None),
            Ok(2)
        );
        let old = update(&mut account, "bake", Some("1"), runbook(3), None);
        assert_eq!(
            old.expect_err("not the latest").code,
            "InvalidDocumentVersion"
        );
        let document = find(&account.ssm, "bake").expect("there");
        assert_eq!(document.version(None).expect("default").number, 1);
        assert_eq!(document.version(Some("$LATEST")).expect("latest").number, 2);
    }

    #[test]
    fn a_runbook_that_cannot_run_is_refused_when_it_is_written() {
        let mut account = Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws());
        let text = runbook(1).text.replace("aws:sleep", "aws:fly");
        let refused = create(
            &mut account,
            "bake",
            "Automation",
            Content::json(text),
            None,
            Tags::new(),
        )
        .expect_err("there is no such action");
        assert_eq!(refused.code, "InvalidDocumentContent");
        assert!(refused.message.contains("aws:fly"));
    }
}
