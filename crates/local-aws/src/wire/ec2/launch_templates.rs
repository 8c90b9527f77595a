//! Launch templates on the wire.

use super::filters::Filters;
use super::{launch_data, page, tag_list, tags_for};
use crate::account::ec2::launch_data::LaunchData;
use crate::account::ec2::launch_templates::{self, LaunchTemplate, Version};
use crate::account::lag::Eye;
use crate::account::{Account, ApiError};
use crate::wire::node::Node;
use crate::wire::params::Params;

fn read_data(params: &mut Params) -> Result<LaunchData, ApiError> {
    let mut given = params.structure(&["LaunchTemplateData"]).ok_or_else(|| {
        ApiError::missing("The request must contain the parameter LaunchTemplateData")
    })?;
    let data = launch_data::read(&mut given)?;
    given.finish()?;
    Ok(data)
}

/// The template that a call is about.
fn read_choice(account: &Account, eye: Eye, params: &mut Params) -> Result<String, ApiError> {
    let id = params.text("LaunchTemplateId");
    let name = params.text("LaunchTemplateName");
    launch_templates::find(account, eye, id.as_deref(), name.as_deref())
}

fn show(account: &Account, template: &LaunchTemplate) -> Node {
    let latest = launch_templates::latest_version(account, Eye::Describe, &template.id);
    Node::map()
        .put("LaunchTemplateId", &template.id)
        .put("LaunchTemplateName", &template.name)
        .put("CreateTime", template.created_at)
        .put("CreatedBy", account.caller())
        .put("DefaultVersionNumber", template.default_version)
        .put("LatestVersionNumber", latest)
        .put_as("Tags", "tagSet", tag_list(&template.tags))
}

fn show_by_id(account: &Account, id: &str) -> Node {
    show(account, &account.ec2.launch_templates[id])
}

fn show_version(account: &Account, template: &LaunchTemplate, version: &Version) -> Node {
    Node::map()
        .put("LaunchTemplateId", &template.id)
        .put("LaunchTemplateName", &template.name)
        .put("VersionNumber", version.number)
        .put_some("VersionDescription", version.description.as_ref())
        .put("CreateTime", version.created_at)
        .put("CreatedBy", account.caller())
        .put("DefaultVersion", version.number == template.default_version)
        .put("LaunchTemplateData", launch_data::show(&version.data))
}

pub(super) fn create(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = params.required("LaunchTemplateName")?;
    let description = params.text("VersionDescription");
    let token = params.text("ClientToken").filter(|token| !token.is_empty());
    let data = read_data(&mut params)?;
    let tags = tags_for(&mut params, "launch-template")?;
    params.finish()?;
    let id = launch_templates::create(account, &name, description, data, token, tags)?;
    Ok(Node::map().put("LaunchTemplate", show_by_id(account, &id)))
}

pub(super) fn create_version(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let source = params.text("SourceVersion");
    let description = params.text("VersionDescription");
    let token = params.text("ClientToken").filter(|token| !token.is_empty());
    let data = read_data(&mut params)?;
    params.boolean("ResolveAlias")?;
    let id = read_choice(account, Eye::Change, &mut params)?;
    params.finish()?;
    let number = launch_templates::create_version(
        account,
        &id,
        source.as_deref(),
        description,
        data,
        token,
    )?;
    let template = &account.ec2.launch_templates[&id];
    let version = &template.versions[&number];
    Ok(Node::map().put(
        "LaunchTemplateVersion",
        show_version(account, template, version),
    ))
}

pub(super) fn describe(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let ids = params.texts(&["LaunchTemplateIds", "LaunchTemplateId"]);
    let names = params.texts(&["LaunchTemplateNames", "LaunchTemplateName"]);
    let filters = Filters::read(&mut params, &["create-time", "launch-template-name"])?;
    let page = page(&mut params)?;
    params.boolean("IncludeManagedResources")?;
    params.finish()?;
    let mut wanted = Vec::new();
    for id in &ids {
        wanted.push(launch_templates::find(
            account,
            Eye::Describe,
            Some(id),
            None,
        )?);
    }
    for name in &names {
        wanted.push(
            launch_templates::find(account, Eye::Describe, None, Some(name)).map_err(|error| {
                ApiError::refused(
                    &error.code,
                    "At least one of the launch templates specified in the request does not exist.",
                )
            })?,
        );
    }
    let found: Vec<_> = account
        .ec2
        .launch_templates
        .values()
        .filter(|template| account.sees(Eye::Describe, &template.id))
        .filter(|template| wanted.is_empty() || wanted.contains(&template.id))
        .filter(|template| {
            filters.admit(&template.tags, |name| match name {
                "launch-template-name" => vec![template.name.clone()],
                _ => vec![crate::wire::node::iso8601(template.created_at)],
            })
        })
        .map(|template| show(account, template))
        .collect();
    let (found, token) = page.cut(found);
    Ok(Node::map()
        .put("LaunchTemplates", Node::List(found))
        .put_some("NextToken", token))
}

/// What a describe of versions selects.
struct Selection {
    numbers: Vec<u64>,
    latest_only: bool,
    default_only: bool,
    least: Option<i64>,
    most: Option<i64>,
}

impl Selection {
    fn admits(&self, template: &LaunchTemplate, latest: u64, version: &Version) -> bool {
        let number = i64::try_from(version.number).unwrap_or(i64::MAX);
        (self.numbers.is_empty() || self.numbers.contains(&version.number))
            && (!self.latest_only || version.number == latest)
            && (!self.default_only || version.number == template.default_version)
            && self.least.is_none_or(|least| number >= least)
            && self.most.is_none_or(|most| number <= most)
    }
}

pub(super) fn describe_versions(
    account: &mut Account,
    mut params: Params,
) -> Result<Node, ApiError> {
    let versions = params.texts(&["Versions", "LaunchTemplateVersion"]);
    let least = params.number("MinVersion")?;
    let most = params.number("MaxVersion")?;
    let filters = Filters::read(
        &mut params,
        &[
            "create-time",
            "image-id",
            "instance-type",
            "is-default-version",
            "iam-instance-profile",
            "ebs-optimized",
        ],
    )?;
    let page = page(&mut params)?;
    params.boolean("ResolveAlias")?;
    let by_template = params.has("LaunchTemplateId") || params.has("LaunchTemplateName");
    let templates = if by_template {
        vec![read_choice(account, Eye::Describe, &mut params)?]
    } else {
        let all = account.ec2.launch_templates.keys();
        all.filter(|id| account.sees(Eye::Describe, id))
            .cloned()
            .collect()
    };
    params.finish()?;
    let mut selection = Selection {
        numbers: Vec::new(),
        latest_only: !by_template && versions.iter().any(|version| version == "$Latest"),
        default_only: !by_template && versions.iter().any(|version| version == "$Default"),
        least,
        most,
    };
    if by_template {
        for version in &versions {
            let number =
                launch_templates::version_number(account, Eye::Describe, &templates[0], version)?;
            selection.numbers.push(number);
        }
    }
    let mut found = Vec::new();
    for id in &templates {
        let template = &account.ec2.launch_templates[id];
        let latest = launch_templates::latest_version(account, Eye::Describe, id);
        let is_seen = |version: &&Version| {
            launch_templates::sees_version(account, Eye::Describe, id, version.number)
        };
        for version in template.versions.values().rev().filter(is_seen) {
            let passes = filters.admit(&template.tags, |name| facts(template, version, name));
            if passes && selection.admits(template, latest, version) {
                found.push(show_version(account, template, version));
            }
        }
    }
    let (found, token) = page.cut(found);
    Ok(Node::map()
        .put_as(
            "LaunchTemplateVersions",
            "launchTemplateVersionSet",
            Node::List(found),
        )
        .put_some("NextToken", token))
}

/// What a filter of this name looks at in a version.
fn facts(template: &LaunchTemplate, version: &Version, name: &str) -> Vec<String> {
    let fact = match name {
        "create-time" => Some(crate::wire::node::iso8601(version.created_at)),
        "image-id" => version.data.image.clone(),
        "instance-type" => version.data.instance_type.clone(),
        "is-default-version" => Some((version.number == template.default_version).to_string()),
        "ebs-optimized" => version.data.ebs_optimized.map(|value| value.to_string()),
        "iam-instance-profile" => version.data.profile.as_ref().map(|profile| match profile {
            crate::account::ec2::launch_data::Profile::Name(text)
            | crate::account::ec2::launch_data::Profile::Arn(text) => text.clone(),
        }),
        _ => None,
    };
    fact.into_iter().collect()
}

pub(super) fn modify(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    // The API's DefaultVersion travels as SetDefaultVersion.
    let version = params
        .text("DefaultVersion")
        .or_else(|| params.text("SetDefaultVersion"));
    params.text("ClientToken");
    let id = read_choice(account, Eye::Change, &mut params)?;
    params.finish()?;
    if let Some(version) = version {
        let number = launch_templates::version_number(account, Eye::Change, &id, &version)?;
        launch_templates::set_default(account, &id, number)?;
    }
    Ok(Node::map().put("LaunchTemplate", show_by_id(account, &id)))
}

pub(super) fn delete_versions(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let versions = params.texts(&["Versions", "LaunchTemplateVersion"]);
    let id = read_choice(account, Eye::Change, &mut params)?;
    params.finish()?;
    if versions.is_empty() {
        return Err(ApiError::missing(
            "The request must contain the parameter LaunchTemplateVersion",
        ));
    }
    let name = account.ec2.launch_templates[&id].name.clone();
    let (mut deleted, mut kept) = (Vec::new(), Vec::new());
    for (version, outcome) in launch_templates::delete_versions(account, &id, &versions) {
        let node = Node::map()
            .put("LaunchTemplateId", &id)
            .put("LaunchTemplateName", &name)
            .put("VersionNumber", version.parse::<u64>().unwrap_or(0));
        match outcome {
            Ok(()) => deleted.push(node),
            Err((code, message)) => kept.push(node.put(
                "ResponseError",
                Node::map().put("Code", code).put("Message", message),
            )),
        }
    }
    Ok(Node::map()
        .put_as(
            "SuccessfullyDeletedLaunchTemplateVersions",
            "successfullyDeletedLaunchTemplateVersionSet",
            Node::List(deleted),
        )
        .put_as(
            "UnsuccessfullyDeletedLaunchTemplateVersions",
            "unsuccessfullyDeletedLaunchTemplateVersionSet",
            Node::List(kept),
        ))
}

pub(super) fn delete(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let id = read_choice(account, Eye::Change, &mut params)?;
    params.finish()?;
    let shown = show_by_id(account, &id);
    launch_templates::delete(account, &id);
    Ok(Node::map().put("LaunchTemplate", shown))
}
