//! The operations on documents.

use super::{Page, filters, moment, tag_list, unknown_filter};
use crate::account::ssm::documents::{self, Document, Version};
use crate::account::ssm::format::{Content, Format};
use crate::account::{Account, ApiError};
use crate::runbook::template::text_of;
use crate::wire::node::Node;
use crate::wire::params::Params;

/// What its filters go by.
const KEYS: [&str; 5] = ["Name", "Owner", "DocumentType", "PlatformTypes", "tag:"];

pub(super) fn create(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = params.required("Name")?;
    let content = read_content(&mut params)?;
    let kind = params
        .text("DocumentType")
        .unwrap_or_else(|| "Command".to_owned());
    let version_name = params.text("VersionName");
    let tags = params.tags(&["Tags"])?;
    params.finish()?;
    documents::create(account, &name, &kind, content, version_name, tags)?;
    let document = documents::find(&account.ssm, &name)?;
    let described = described(account, document, document.latest(), "Creating");
    Ok(Node::map().put("DocumentDescription", described))
}

pub(super) fn update(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = params.required("Name")?;
    let content = read_content(&mut params)?;
    let base = params.text("DocumentVersion");
    let version_name = params.text("VersionName");
    params.finish()?;
    documents::update(account, &name, base.as_deref(), content, version_name)?;
    let document = documents::find(&account.ssm, &name)?;
    let described = described(account, document, document.latest(), "Updating");
    Ok(Node::map().put("DocumentDescription", described))
}

pub(super) fn set_default(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = params.required("Name")?;
    let version = params.required("DocumentVersion")?;
    params.finish()?;
    documents::set_default(account, &name, &version)?;
    let document = documents::find(&account.ssm, &name)?;
    Ok(Node::map().put(
        "Description",
        Node::map()
            .put("Name", &document.name)
            .put("DefaultVersion", document.default_version.to_string()),
    ))
}

pub(super) fn describe(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = params.required("Name")?;
    let wanted = params.text("DocumentVersion");
    params.finish()?;
    let document = documents::find(&account.ssm, &name)?;
    let version = document.version(wanted.as_deref())?;
    Ok(Node::map().put("Document", described(account, document, version, "Active")))
}

pub(super) fn get(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = params.required("Name")?;
    let wanted = params.text("DocumentVersion");
    let format = read_format(&mut params)?;
    params.finish()?;
    let document = documents::find(&account.ssm, &name)?;
    let version = document.version(wanted.as_deref())?;
    Ok(Node::map()
        .put("Name", &document.name)
        .put("CreatedDate", moment(account, version.written_at))
        .put_some("VersionName", version.name.as_ref())
        .put("DocumentVersion", version.number.to_string())
        .put("Status", "Active")
        .put("Content", version.content.in_format(format))
        .put("DocumentType", &document.kind)
        .put("DocumentFormat", format.name())
        .put("AttachmentsContent", Node::List(Vec::new())))
}

pub(super) fn list(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let mut wanted = filters(&mut params, "Filters", &KEYS)?;
    wanted.extend(filters(&mut params, "DocumentFilterList", &KEYS)?);
    let page = Page::read(&mut params, 1..=50)?;
    params.finish()?;
    let mut found = Vec::new();
    for document in account.ssm.documents.values() {
        let mut matches = true;
        for (key, values) in &wanted {
            matches &= fits(account, document, key, values)?;
        }
        if matches {
            found.push(document);
        }
    }
    let (found, next) = page.of(found);
    let found: Vec<_> = found
        .into_iter()
        .map(|document| identifier(account, document))
        .collect();
    Ok(Node::map()
        .put("DocumentIdentifiers", found)
        .put_some("NextToken", next))
}

pub(super) fn list_versions(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = params.required("Name")?;
    let page = Page::read(&mut params, 1..=50)?;
    params.finish()?;
    let document = documents::find(&account.ssm, &name)?;
    let versions = document.versions.iter().rev().collect();
    let (versions, next) = page.of(versions);
    let versions: Vec<_> = versions
        .into_iter()
        .map(|version| {
            Node::map()
                .put("Name", &document.name)
                .put("DocumentVersion", version.number.to_string())
                .put_some("VersionName", version.name.as_ref())
                .put("CreatedDate", moment(account, version.written_at))
                .put(
                    "IsDefaultVersion",
                    version.number == document.default_version,
                )
                .put("DocumentFormat", version.content.format.name())
                .put("Status", "Active")
        })
        .collect();
    Ok(Node::map()
        .put("DocumentVersions", versions)
        .put_some("NextToken", next))
}

pub(super) fn delete(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = params.required("Name")?;
    let version = params.text("DocumentVersion");
    params.boolean("Force")?;
    params.finish()?;
    documents::delete(account, &name, version.as_deref())?;
    Ok(Node::map())
}

/// What a document is to be.
fn read_content(params: &mut Params) -> Result<Content, ApiError> {
    params.text("TargetType");
    Ok(Content {
        text: params.required("Content")?,
        format: read_format(params)?,
    })
}

/// JSON, where nothing is said.
fn read_format(params: &mut Params) -> Result<Format, ApiError> {
    let Some(name) = params.text("DocumentFormat") else {
        return Ok(Format::default());
    };
    Format::of(&name).ok_or_else(|| {
        ApiError::validation(&format!(
            "1 validation error detected: Value '{name}' at 'documentFormat' failed to satisfy constraint: Member must satisfy enum value set: [YAML, TEXT, JSON]; the local cloud has no TEXT"
        ))
    })
}

fn fits(
    account: &Account,
    document: &Document,
    key: &str,
    values: &[String],
) -> Result<bool, ApiError> {
    let is_one_of = |held: &str| values.iter().any(|value| value == held);
    Ok(match key {
        "Name" => values
            .iter()
            .any(|value| document.name.starts_with(value.as_str())),
        "Owner" => values.iter().any(|value| match value.as_str() {
            "Self" => document.owner == account.id,
            "Amazon" => document.owner == "Amazon",
            "All" | "Private" | "Public" => true,
            other => document.owner == other,
        }),
        "DocumentType" => is_one_of(&document.kind),
        "PlatformTypes" => is_one_of("Linux"),
        _ => {
            let tag = key
                .strip_prefix("tag:")
                .ok_or_else(|| unknown_filter(key))?;
            document.tags.get(tag).is_some_and(|value| is_one_of(value))
        }
    })
}

fn schema_version(document: &Document) -> &'static str {
    match document.kind.as_str() {
        "Automation" => "0.3",
        _ => "2.2",
    }
}

fn platforms() -> Node {
    Node::list(["Linux", "MacOS"])
}

fn identifier(account: &Account, document: &Document) -> Node {
    let version = document.latest();
    Node::map()
        .put("Name", &document.name)
        .put("CreatedDate", moment(account, version.written_at))
        .put("Owner", &document.owner)
        .put("PlatformTypes", platforms())
        .put("DocumentVersion", document.default_version.to_string())
        .put("DocumentType", &document.kind)
        .put("SchemaVersion", schema_version(document))
        .put("DocumentFormat", version.content.format.name())
        .put("Tags", tag_list(&document.tags))
}

fn described(account: &Account, document: &Document, version: &Version, status: &str) -> Node {
    let parameters = version.runbook.iter().flat_map(|runbook| {
        runbook.parameters.iter().map(|(name, parameter)| {
            Node::map()
                .put("Name", name)
                .put("Type", &parameter.kind)
                .put_some("Description", parameter.description.as_ref())
                .put_some("DefaultValue", parameter.default.as_ref().map(text_of))
        })
    });
    let description = version
        .runbook
        .as_ref()
        .and_then(|runbook| runbook.description.clone());
    Node::map()
        .put("Hash", version.hash())
        .put("HashType", "Sha256")
        .put("Name", &document.name)
        .put_some("VersionName", version.name.as_ref())
        .put("Owner", &document.owner)
        .put("CreatedDate", moment(account, version.written_at))
        .put("Status", status)
        .put("DocumentVersion", version.number.to_string())
        .put_some("Description", description)
        .put("Parameters", Node::list(parameters))
        .put("PlatformTypes", platforms())
        .put("DocumentType", &document.kind)
        .put("SchemaVersion", schema_version(document))
        .put("LatestVersion", document.latest().number.to_string())
        .put("DefaultVersion", document.default_version.to_string())
        .put("DocumentFormat", version.content.format.name())
        .put("Tags", tag_list(&document.tags))
}
