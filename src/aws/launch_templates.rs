//! EC2 launch templates: numbered versions, never `$Latest`.

use std::time::SystemTime;

use aws_sdk_ec2::operation::describe_launch_template_versions::builders::DescribeLaunchTemplateVersionsFluentBuilder;
use aws_sdk_ec2::types::{
    LaunchTemplateErrorCode, LaunchTemplateHttpTokensState,
    LaunchTemplateIamInstanceProfileSpecificationRequest,
    LaunchTemplateInstanceMetadataOptionsRequest, LaunchTemplateTagSpecificationRequest,
    LaunchTemplateVersion, RequestLaunchTemplateData, ResourceType, ResponseLaunchTemplateData,
    Tag,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::ec2::{read_tags, tag_specification};
use super::error::{About as _, ErrorKind, Failure, if_found};
use super::{Aws, Tags};

/// What a version says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its number.
    pub number: i64,
    /// Who made it, for people.
    pub description: String,
    /// When it was made.
    pub created: SystemTime,
    /// The image.
    pub image: String,
    /// The tags its instances get.
    pub tags: Tags,
    /// The security groups its instances are in.
    pub security_groups: Vec<String>,
    /// Their type.
    pub instance_type: String,
    /// The name of their instance profile.
    pub instance_profile: String,
    /// What they are told at boot: it may hold secrets, so only its SHA-256, in hexadecimal.
    pub user_data_sha256: String,
}

/// A launch template, with all that it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// `lt-...`
    pub id: String,
    /// Its versions, the newest first.
    pub versions: Vec<Version>,
}

/// What a new version is to say.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct VersionData {
    /// The image.
    pub image: String,
    /// The instances' type.
    pub instance_type: String,
    /// The instance profile's name.
    pub instance_profile: String,
    /// The security groups.
    pub security_groups: Vec<String>,
    /// What an instance does when it boots, in clear.
    pub user_data: String,
    /// Tags for instances and volumes.
    pub tags: Tags,
}

impl VersionData {
    fn request(&self) -> RequestLaunchTemplateData {
        let tags = |kind| {
            let tags = self
                .tags
                .iter()
                .map(|(key, value)| Tag::builder().key(key).value(value).build())
                .collect();
            LaunchTemplateTagSpecificationRequest::builder()
                .resource_type(kind)
                .set_tags(Some(tags))
                .build()
        };
        RequestLaunchTemplateData::builder()
            .image_id(&self.image)
            .instance_type(self.instance_type.as_str().into())
            .iam_instance_profile(
                LaunchTemplateIamInstanceProfileSpecificationRequest::builder()
                    .name(&self.instance_profile)
                    .build(),
            )
            .set_security_group_ids(Some(self.security_groups.clone()))
            .user_data(STANDARD.encode(&self.user_data))
            .metadata_options(
                LaunchTemplateInstanceMetadataOptionsRequest::builder()
                    .http_tokens(LaunchTemplateHttpTokensState::Required)
                    // No container of the service is told its role's keys, and no proxy on the way.
                    .http_put_response_hop_limit(1)
                    .build(),
            )
            .tag_specifications(tags(ResourceType::Instance))
            .tag_specifications(tags(ResourceType::Volume))
            .build()
    }
}

/// The launch template of this name.
pub async fn find_template(aws: &Aws, name: &str) -> Result<Option<String>, Failure> {
    Ok(find_tagged_template(aws, name).await?.map(|(id, _)| id))
}

/// The launch template of this name: its id, and its tags.
pub async fn find_tagged_template(
    aws: &Aws,
    name: &str,
) -> Result<Option<(String, Tags)>, Failure> {
    let answer = aws
        .ec2
        .describe_launch_templates()
        .launch_template_names(name)
        .send()
        .await
        .about("DescribeLaunchTemplates", name);
    let Some(answer) = if_found(answer)? else {
        return Ok(None);
    };
    let mut found = answer.launch_templates.unwrap_or_default().into_iter();
    let found = found.next();
    Ok(found.and_then(|it| Some((it.launch_template_id?, super::ec2::read_tags(it.tags)))))
}

/// Deletes a launch template in all its versions; it may be gone already.
pub async fn delete_template(aws: &Aws, template: &str) -> Result<(), Failure> {
    let request = aws.ec2.delete_launch_template();
    let answer = request.launch_template_id(template).send().await;
    match answer.about("DeleteLaunchTemplate", template) {
        Err(error) if error.kind != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a launch template with its first version.
pub async fn create_template(
    aws: &Aws,
    name: &str,
    data: &VersionData,
    tags: &Tags,
) -> Result<String, Failure> {
    let answer = aws
        .ec2
        .create_launch_template()
        .launch_template_name(name)
        .launch_template_data(data.request())
        .version_description("made by provision; no release uses it")
        .tag_specifications(tag_specification(ResourceType::LaunchTemplate, tags))
        .send()
        .await
        .about("CreateLaunchTemplate", name)?;
    Ok(answer
        .launch_template
        .and_then(|template| template.launch_template_id)
        .unwrap_or_default())
}

/// Every version, the newest first.
pub async fn describe_versions(aws: &Aws, template: &str) -> Result<Vec<Version>, Failure> {
    let request = aws
        .ec2
        .describe_launch_template_versions()
        .launch_template_id(template);
    Ok(read_versions(request, template).await?.versions)
}

/// The launch template of this name, and every version of it: in one call, as a rule.
pub async fn find_with_versions(aws: &Aws, name: &str) -> Result<Option<Template>, Failure> {
    let request = aws
        .ec2
        .describe_launch_template_versions()
        .launch_template_name(name);
    if_found(read_versions(request, name).await)
}

async fn read_versions(
    request: DescribeLaunchTemplateVersionsFluentBuilder,
    about: &str,
) -> Result<Template, Failure> {
    let mut template = Template {
        id: String::new(),
        versions: Vec::new(),
    };
    let mut pages = request.into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.about("DescribeLaunchTemplateVersions", about)?;
        for mut version in page.launch_template_versions.unwrap_or_default() {
            template.id = version.launch_template_id.take().unwrap_or_default();
            template.versions.push(read_version(version));
        }
    }
    let newest_first = |version: &Version| std::cmp::Reverse(version.number);
    template.versions.sort_by_key(newest_first);
    Ok(template)
}

fn read_version(version: LaunchTemplateVersion) -> Version {
    let created = version.create_time;
    let data = version
        .launch_template_data
        .unwrap_or_else(|| ResponseLaunchTemplateData::builder().build());
    let tags = data
        .tag_specifications
        .unwrap_or_default()
        .into_iter()
        .find(|specification| specification.resource_type == Some(ResourceType::Instance))
        .and_then(|specification| specification.tags);
    let user_data = STANDARD.decode(data.user_data.unwrap_or_default());
    let profile = data.iam_instance_profile.and_then(|profile| profile.name);
    Version {
        number: version.version_number.unwrap_or_default(),
        description: version.version_description.unwrap_or_default(),
        created: created
            .and_then(|time| SystemTime::try_from(time).ok())
            .unwrap_or(SystemTime::UNIX_EPOCH),
        image: data.image_id.unwrap_or_default(),
        tags: read_tags(tags),
        security_groups: data.security_group_ids.unwrap_or_default(),
        instance_type: data
            .instance_type
            .map(|of| of.as_str().to_owned())
            .unwrap_or_default(),
        instance_profile: profile.unwrap_or_default(),
        user_data_sha256: hex::encode(Sha256::digest(user_data.unwrap_or_default())),
    }
}

/// Adds a version. The same `client_token` gives the same version again.
pub async fn create_version(
    aws: &Aws,
    template: &str,
    data: &VersionData,
    description: &str,
    client_token: &str,
) -> Result<i64, Failure> {
    let answer = aws
        .ec2
        .create_launch_template_version()
        .launch_template_id(template)
        .launch_template_data(data.request())
        .version_description(description)
        .client_token(client_token)
        .send()
        .await
        .about("CreateLaunchTemplateVersion", template)?;
    Ok(answer
        .launch_template_version
        .and_then(|version| version.version_number)
        .unwrap_or_default())
}

/// Whether EC2 shows this version.
pub async fn has_version(aws: &Aws, template: &str, number: i64) -> Result<bool, Failure> {
    let request = aws
        .ec2
        .describe_launch_template_versions()
        .launch_template_id(template)
        .versions(number.to_string());
    match read_versions(request, template).await {
        Ok(found) => Ok(!found.versions.is_empty()),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes a version; answers whether it was there, for all that EC2 sees. AWS answers with success, and has in its answer what it
/// did not remove.
pub async fn delete_version(aws: &Aws, template: &str, number: i64) -> Result<bool, Failure> {
    let answer = aws
        .ec2
        .delete_launch_template_versions()
        .launch_template_id(template)
        .versions(number.to_string())
        .send()
        .await
        .about(
            "DeleteLaunchTemplateVersions",
            format!("{template} version {number}"),
        );
    let kept = match answer {
        Err(error) if error.kind != ErrorKind::NotFound => return Err(error),
        Err(_) => return Ok(false),
        Ok(answer) => answer.unsuccessfully_deleted_launch_template_versions,
    };
    // The answer is 200 whatever became of the version.
    let refused = kept
        .into_iter()
        .flatten()
        .find_map(|one| one.response_error);
    match refused {
        Some(error)
            if error.code != Some(LaunchTemplateErrorCode::LaunchTemplateVersionDoesNotExist) =>
        {
            Err(Failure {
                kind: ErrorKind::Conflict,
                operation: "DeleteLaunchTemplateVersions".into(),
                resource: format!("{template} version {number}"),
                code: error
                    .code
                    .map(|code| code.as_str().to_owned())
                    .unwrap_or_default(),
                message: error.message.unwrap_or_default(),
                request_id: None,
            })
        }
        Some(_) => Ok(false),
        None => Ok(true),
    }
}

/// The launch templates with this tag.
pub async fn find_templates_by_tag(
    aws: &Aws,
    key: &str,
    value: &str,
) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    let mut pages = aws
        .ec2
        .describe_launch_templates()
        .filters(super::ec2::filter(&format!("tag:{key}"), value))
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.about("DescribeLaunchTemplates", value)?;
        let templates = page.launch_templates.unwrap_or_default();
        found.extend(
            templates
                .into_iter()
                .filter_map(|template| template.launch_template_id),
        );
    }
    Ok(found)
}
