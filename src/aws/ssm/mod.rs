//! AWS Systems Manager: public parameters, runbooks, and the automations that carry them out.

mod automation_lists;
mod automations;
pub mod removal;

use aws_sdk_ssm::types::{DocumentFormat, DocumentType, Tag};
use serde_json::Value;

use super::error::{About as _, ErrorKind, Failure};
use super::{Aws, Tags};

pub use automation_lists::{Listed, list_done, list_under_way};
pub use automations::{
    Automation, AutomationStep, Start, UnderWay, cancel_automation, client_token,
    describe_automation, describe_automations_under_way, describe_under_way,
    find_automations_under_way, find_running_automations, start_automation, start_on_idle,
};

/// A parameter's value.
pub async fn describe_parameter(aws: &Aws, name: &str) -> Result<String, Failure> {
    let answer = aws
        .ssm
        .get_parameter()
        .name(name)
        .send()
        .await
        .about("GetParameter", name)?;
    Ok(answer
        .parameter
        .and_then(|parameter| parameter.value)
        .unwrap_or_default())
}

/// The number of a document's latest version.
async fn latest_version(aws: &Aws, name: &str) -> Result<String, Failure> {
    let answer = aws
        .ssm
        .describe_document()
        .name(name)
        .document_version("$LATEST")
        .send()
        .await
        .about("DescribeDocument", name)?;
    let document = answer.document.and_then(|it| it.document_version);
    Ok(document.unwrap_or_default())
}

/// A document, beside the one that this program would write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// It says the same.
    Ours {
        /// The number of its default version.
        version: String,
    },
    /// It says something else.
    Other,
    /// There is none.
    Absent,
}

impl Document {
    /// The version that says what ours says, or that the document of this `name` does not; `provision` makes it.
    pub fn version(self, name: &str, provision: &str) -> anyhow::Result<String> {
        match self {
            Self::Ours { version } => Ok(version),
            Self::Other => {
                anyhow::bail!("the runbook {name} is not the one of this bg-deploy: {provision}")
            }
            Self::Absent => anyhow::bail!("there is no runbook {name}: {provision}"),
        }
    }
}

/// What a document says in its default version, beside `ours`.
pub async fn compare_document(aws: &Aws, name: &str, ours: &Value) -> Result<Document, Failure> {
    let answer = aws
        .ssm
        .get_document()
        .name(name)
        .document_format(DocumentFormat::Json)
        .send()
        .await
        .about("GetDocument", name);
    match answer {
        Ok(answer) => {
            let content = answer.content.unwrap_or_default();
            // As values: AWS may write the same in another order.
            let is_ours = serde_json::from_str::<Value>(&content).is_ok_and(|it| it == *ours);
            let version = answer.document_version.unwrap_or_default();
            Ok(match is_ours {
                true => Document::Ours { version },
                false => Document::Other,
            })
        }
        Err(error) if error.kind == ErrorKind::NotFound => Ok(Document::Absent),
        Err(error) => Err(error),
    }
}

/// Makes an automation document.
pub async fn create_runbook(
    aws: &Aws,
    name: &str,
    content: &str,
    tags: &Tags,
) -> Result<String, Failure> {
    let tags = tags
        .iter()
        .filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok())
        .collect();
    let answer = aws
        .ssm
        .create_document()
        .name(name)
        .content(content)
        .document_type(DocumentType::Automation)
        .document_format(DocumentFormat::Json)
        .set_tags(Some(tags))
        .send()
        .await
        .about("CreateDocument", name)?;
    Ok(answer
        .document_description
        .and_then(|description| description.document_version)
        .unwrap_or_else(|| "1".to_owned()))
}

/// Adds a version to a document and makes it the default.
pub async fn update_runbook(aws: &Aws, name: &str, content: &str) -> Result<String, Failure> {
    let answer = aws
        .ssm
        .update_document()
        .name(name)
        .content(content)
        .document_format(DocumentFormat::Json)
        .document_version("$LATEST")
        .send()
        .await
        .about("UpdateDocument", name);
    let version = match answer {
        Ok(answer) => answer
            .document_description
            .and_then(|description| description.document_version)
            .unwrap_or_default(),
        // It says so already, in a version that is not the default: of a call whose answer was lost.
        Err(error) if error.code == "DuplicateDocumentContent" => latest_version(aws, name).await?,
        Err(error) => return Err(error),
    };
    aws.ssm
        .update_document_default_version()
        .name(name)
        .document_version(&version)
        .send()
        .await
        .about("UpdateDocumentDefaultVersion", name)?;
    Ok(version)
}
