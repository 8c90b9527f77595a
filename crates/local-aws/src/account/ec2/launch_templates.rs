//! Launch templates and their numbered versions.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::launch_data::{LaunchData, TemplateChoice};
use crate::account::lag::Eye;
use crate::account::{Account, ApiError, Tags};

/// A launch template.
#[derive(Clone, Debug)]
pub struct LaunchTemplate {
    /// `lt-...`
    pub id: String,
    /// Unique in the account.
    pub name: String,
    /// When it was made.
    pub created_at: SystemTime,
    /// The version that `$Default` means.
    pub default_version: u64,
    /// The highest number ever given.
    pub latest_version: u64,
    /// Its versions.
    pub versions: BTreeMap<u64, Version>,
    /// The token of the call that made it.
    pub client_token: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// A version of a launch template.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its number.
    pub number: u64,
    /// In words.
    pub description: Option<String>,
    /// When it was made.
    pub created_at: SystemTime,
    /// What it says.
    pub data: LaunchData,
    /// The token of the call that made it.
    pub client_token: Option<String>,
}

/// Who does not see a new template, or version, at once.
const EYES: [Eye; 3] = [Eye::Describe, Eye::Change, Eye::Launch];

const LARGEST_USER_DATA: usize = 16 * 1024 / 3 * 4 + 4;

fn check_data(data: &LaunchData) -> Result<(), ApiError> {
    if data
        .user_data
        .as_deref()
        .is_some_and(|text| text.len() > LARGEST_USER_DATA)
    {
        return Err(ApiError::refused(
            "InvalidUserData.Malformed",
            "User data is limited to 16384 bytes",
        ));
    }
    for (_, tags) in &data.tags {
        super::tags::check(tags)?;
    }
    Ok(())
}

fn mismatch() -> ApiError {
    ApiError::refused(
        "IdempotentParameterMismatch",
        "Client token already used with a different set of parameters.",
    )
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "().-/_".contains(letter);
    if (3..=128).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    Err(ApiError::refused(
        "InvalidLaunchTemplateName.MalformedException",
        "A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the following characters: - ( ) . / _.",
    ))
}

/// Makes a launch template with its first version.
pub fn create(
    account: &mut Account,
    name: &str,
    description: Option<String>,
    data: LaunchData,
    client_token: Option<String>,
    tags: Tags,
) -> Result<String, ApiError> {
    check_name(name)?;
    check_data(&data)?;
    super::tags::check(&tags)?;
    if let Some(held) = account
        .ec2
        .launch_templates
        .values()
        .find(|template| template.name == name)
    {
        if client_token.is_none() || held.client_token != client_token {
            return Err(ApiError::refused(
                "InvalidLaunchTemplateName.AlreadyExistsException",
                "Launch template name already in use.",
            ));
        }
        return if held
            .versions
            .get(&1)
            .is_some_and(|first| first.data == data)
        {
            Ok(held.id.clone())
        } else {
            Err(mismatch())
        };
    }
    let id = account.resource_id("lt");
    let created_at = account.utc();
    let first = Version {
        number: 1,
        description,
        created_at,
        data,
        client_token: None,
    };
    account.ec2.launch_templates.insert(
        id.clone(),
        LaunchTemplate {
            id: id.clone(),
            name: name.to_owned(),
            created_at,
            default_version: 1,
            latest_version: 1,
            versions: BTreeMap::from([(1, first)]),
            client_token,
            tags,
        },
    );
    account.hide(&id, &EYES, account.pace.ec2_visibility);
    Ok(id)
}

/// What a version goes by, beside its template's id.
fn name_of(id: &str, number: u64) -> String {
    format!("{id}/{number}")
}

/// Whether this version of a template is seen.
pub fn sees_version(account: &Account, eye: Eye, id: &str, number: u64) -> bool {
    account.sees(eye, id) && account.sees(eye, &name_of(id, number))
}

/// The id of the template that a caller chose, if whoever looks for it sees it.
pub fn find(
    account: &Account,
    eye: Eye,
    id: Option<&str>,
    name: Option<&str>,
) -> Result<String, ApiError> {
    let templates = &account.ec2.launch_templates;
    match (id, name) {
        (Some(id), None) => {
            super::check_id(id, "lt", "InvalidLaunchTemplateId.Malformed")?;
            if templates.contains_key(id) && account.sees(eye, id) {
                return Ok(id.to_owned());
            }
            Err(ApiError::refused(
                "InvalidLaunchTemplateId.NotFound",
                &format!("The specified launch template, with template ID {id}, does not exist."),
            ))
        }
        (None, Some(name)) => templates
            .values()
            .find(|template| template.name == name && account.sees(eye, &template.id))
            .map(|template| template.id.clone())
            .ok_or_else(|| {
                ApiError::refused(
                    "InvalidLaunchTemplateName.NotFoundException",
                    &format!(
                        "The specified launch template, with template name {name}, does not exist."
                    ),
                )
            }),
        (None, None) => Err(ApiError::missing(
            "The request must contain the parameter LaunchTemplateId or LaunchTemplateName",
        )),
        (Some(_), Some(_)) => Err(ApiError::refused(
            "InvalidParameterCombination",
            "Either the launch template ID or the launch template name must be specified, but not both",
        )),
    }
}

fn version_not_found(id: &str, version: &str) -> ApiError {
    ApiError::refused(
        "InvalidLaunchTemplateId.VersionNotFound",
        &format!(
            "Could not find the specified version {version} for the launch template with ID {id}."
        ),
    )
}

/// What `$Latest` means to whoever looks: the highest number that is seen.
pub fn latest_version(account: &Account, eye: Eye, id: &str) -> u64 {
    let template = &account.ec2.launch_templates[id];
    let mut numbers = template.versions.keys().rev().copied();
    let latest = numbers.find(|number| sees_version(account, eye, id, *number));
    latest.unwrap_or(template.default_version)
}

/// The number that a version means now.
pub fn version_number(
    account: &Account,
    eye: Eye,
    id: &str,
    version: &str,
) -> Result<u64, ApiError> {
    let number = match version {
        "$Latest" => latest_version(account, eye, id),
        "$Default" => account.ec2.launch_templates[id].default_version,
        number => number.parse().map_err(|_| version_not_found(id, number))?,
    };
    self::version(account, eye, id, number)?;
    Ok(number)
}

/// The template and version that a choice means to a launch now.
pub fn resolve(account: &Account, choice: &TemplateChoice) -> Result<(String, u64), ApiError> {
    let id = find(
        account,
        Eye::Launch,
        choice.id.as_deref(),
        choice.name.as_deref(),
    )?;
    let version = choice.version.as_deref().unwrap_or("$Default");
    let number = version_number(account, Eye::Launch, &id, version)?;
    Ok((id, number))
}

/// A version that must exist, and be seen.
pub fn version<'a>(
    account: &'a Account,
    eye: Eye,
    id: &str,
    number: u64,
) -> Result<&'a Version, ApiError> {
    account
        .ec2
        .launch_templates
        .get(id)
        .and_then(|template| template.versions.get(&number))
        .filter(|_| sees_version(account, eye, id, number))
        .ok_or_else(|| version_not_found(id, &number.to_string()))
}

impl LaunchTemplate {
    /// The highest number of a version that there is, seen or not.
    pub fn latest_version(&self) -> u64 {
        let highest = self.versions.keys().next_back().copied();
        highest.unwrap_or(self.latest_version)
    }
}

/// Adds a version, on top of `source` when that is given.
pub fn create_version(
    account: &mut Account,
    id: &str,
    source: Option<&str>,
    description: Option<String>,
    data: LaunchData,
    client_token: Option<String>,
) -> Result<u64, ApiError> {
    let data = match source {
        Some(source) => {
            let number = version_number(account, Eye::Change, id, source)?;
            data.over(version(account, Eye::Change, id, number)?.data.clone())
        }
        None => data,
    };
    check_data(&data)?;
    let created_at = account.utc();
    let template = account
        .ec2
        .launch_templates
        .get_mut(id)
        .expect("the caller looked it up");
    if let Some(held) = template
        .versions
        .values()
        .find(|version| client_token.is_some() && version.client_token == client_token)
    {
        return if held.data == data {
            Ok(held.number)
        } else {
            Err(mismatch())
        };
    }
    template.latest_version += 1;
    let number = template.latest_version;
    template.versions.insert(
        number,
        Version {
            number,
            description,
            created_at,
            data,
            client_token,
        },
    );
    account.hide(&name_of(id, number), &EYES, account.pace.ec2_visibility);
    Ok(number)
}

/// Has `$Default` mean another version.
pub fn set_default(account: &mut Account, id: &str, number: u64) -> Result<(), ApiError> {
    version(account, Eye::Change, id, number)?;
    let template = account
        .ec2
        .launch_templates
        .get_mut(id)
        .expect("its version was just looked up");
    template.default_version = number;
    Ok(())
}

/// AWS's code and words for a version that stays.
pub type Kept = (&'static str, String);

/// Deletes versions one by one: for each its number as given, and AWS's code and words when it stays.
pub fn delete_versions(
    account: &mut Account,
    id: &str,
    numbers: &[String],
) -> Vec<(String, Result<(), Kept>)> {
    numbers
        .iter()
        .map(|given| {
            let number = given.parse::<u64>();
            let is_seen = (number.as_ref())
                .is_ok_and(|number| sees_version(account, Eye::Change, id, *number));
            let template = account
                .ec2
                .launch_templates
                .get_mut(id)
                .expect("the caller looked it up");
            let outcome = match number {
                Ok(number) if number == template.default_version => Err((
                    "unexpectedError",
                    "Cannot delete default version of launch template".to_owned(),
                )),
                Ok(number) if is_seen && template.versions.remove(&number).is_some() => Ok(()),
                _ => Err((
                    "launchTemplateVersionDoesNotExist",
                    format!("Could not find launch template version {given}"),
                )),
            };
            (given.clone(), outcome)
        })
        .collect()
}

/// Deletes a template.
pub fn delete(account: &mut Account, id: &str) -> Option<LaunchTemplate> {
    account.ec2.launch_templates.remove(id)
}
