//! Parameter Store: named values with versions.
//!
//! Guarantees: creating without `Overwrite` succeeds for exactly one caller; a version, once written, never changes;
//! the newest hundred versions are kept.

use std::collections::BTreeMap;
use std::time::Duration;

use super::State;
use crate::account::{Account, ApiError, Tags};

/// The largest value of a standard parameter.
const STANDARD_BYTES: usize = 4096;
/// The largest value of an advanced parameter.
const ADVANCED_BYTES: usize = 8192;
/// How many versions of a parameter are kept.
const KEPT_VERSIONS: usize = 100;
/// How many levels a name may have.
const LEVELS: usize = 15;
/// AWS's own images, by architecture, under the names that every runbook and launch template uses.
const PUBLIC: [(&str, &str); 2] = [
    (
        "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64",
        "ami-0a1b2c3d4e5f60001",
    ),
    (
        "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
        "ami-0a1b2c3d4e5f60002",
    ),
];

/// One parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name, which is its path.
    pub name: String,
    /// Newest last.
    pub versions: Vec<Version>,
    /// "Standard" or "Advanced".
    pub tier: String,
    /// What it is for.
    pub description: Option<String>,
    /// What its values must look like.
    pub allowed_pattern: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// A value it had or has.
#[derive(Clone, Debug)]
pub struct Version {
    /// 1 for the first.
    pub number: u64,
    /// The value.
    pub value: String,
    /// "String", "StringList" or "SecureString".
    pub kind: String,
    /// "text" or "aws:ec2:image".
    pub data_type: String,
    /// When it was written.
    pub written_at: Duration,
}

impl Parameter {
    /// The version it has now.
    pub fn newest(&self) -> &Version {
        self.versions.last().expect("a parameter has a version")
    }

    /// Whether it belongs to AWS: readable by name, in no list.
    pub fn is_public(&self) -> bool {
        self.name.starts_with("/aws/")
    }
}

/// What PutParameter was asked for.
#[derive(Clone, Debug, Default)]
pub struct Put {
    /// The parameter's name.
    pub name: String,
    /// Its new value.
    pub value: String,
    /// "String", "StringList" or "SecureString"; an overwrite may leave it out.
    pub kind: Option<String>,
    /// "text" unless it names an image.
    pub data_type: Option<String>,
    /// Whether an existing one gets a new version.
    pub overwrite: bool,
    /// "Standard", "Advanced" or "Intelligent-Tiering".
    pub tier: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What its values must look like.
    pub allowed_pattern: Option<String>,
    /// Tags; only a new one takes them.
    pub tags: Tags,
}

/// AWS's public parameters; `id` says what an image is called here.
pub fn public(id: &dyn Fn(&str) -> String) -> BTreeMap<String, Parameter> {
    PUBLIC
        .into_iter()
        .map(|(name, image)| {
            let parameter = Parameter {
                name: name.to_owned(),
                versions: vec![Version {
                    number: 1,
                    value: id(image),
                    kind: "String".to_owned(),
                    data_type: "aws:ec2:image".to_owned(),
                    written_at: Duration::ZERO,
                }],
                tier: "Standard".to_owned(),
                description: None,
                allowed_pattern: None,
                tags: Tags::new(),
            };
            (name.to_owned(), parameter)
        })
        .collect()
}

/// Creates a parameter or writes its next version; answers with the version's number.
pub fn put(account: &mut Account, put: Put) -> Result<u64, ApiError> {
    check_name(&put.name)?;
    let existing = account.ssm.parameters.get(&put.name);
    let tier = match put.tier.as_deref() {
        Some("Standard") | None => existing.map_or("Standard", |found| found.tier.as_str()),
        Some("Intelligent-Tiering") if put.value.len() <= STANDARD_BYTES => "Standard",
        Some("Advanced" | "Intelligent-Tiering") => "Advanced",
        Some(other) => return Err(invalid(&format!("{other} is no parameter tier"))),
    }
    .to_owned();
    check_value(&put, &tier)?;
    let kind = match (&put.kind, existing) {
        (_, Some(_)) if !put.overwrite => {
            return Err(ApiError::refused(
                "ParameterAlreadyExists",
                "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
            ));
        }
        (Some(_), Some(found))
            if put.kind.as_ref() != Some(&found.newest().kind)
                && found.newest().kind != "String" =>
        {
            return Err(ApiError::refused(
                "HierarchyTypeMismatchException",
                "Parameter type cannot be changed; delete the parameter and create it again with the new type.",
            ));
        }
        (Some(kind), _) => kind.clone(),
        (None, Some(found)) => found.newest().kind.clone(),
        (None, None) => {
            return Err(invalid(
                "A parameter type is required when you create a parameter.",
            ));
        }
    };
    if existing.is_some() && !put.tags.is_empty() {
        return Err(invalid(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.",
        ));
    }
    let now = account.now();
    let parameter = account
        .ssm
        .parameters
        .entry(put.name.clone())
        .or_insert_with(|| Parameter {
            name: put.name.clone(),
            versions: Vec::new(),
            tier: String::new(),
            description: None,
            allowed_pattern: None,
            tags: put.tags.clone(),
        });
    let number = parameter.versions.last().map_or(0, |last| last.number) + 1;
    parameter.versions.push(Version {
        number,
        value: put.value,
        kind,
        data_type: put.data_type.unwrap_or_else(|| "text".to_owned()),
        written_at: now,
    });
    let surplus = parameter.versions.len().saturating_sub(KEPT_VERSIONS);
    parameter.versions.drain(..surplus);
    parameter.tier = tier;
    parameter.description = put.description.or_else(|| parameter.description.take());
    parameter.allowed_pattern = put
        .allowed_pattern
        .or_else(|| parameter.allowed_pattern.take());
    Ok(number)
}

/// Finds a parameter by its name or ARN, with `:N` for a version.
pub fn find<'a>(
    state: &'a State,
    selector: &str,
) -> Result<(&'a Parameter, &'a Version), ApiError> {
    let plain = selector
        .split_once(":parameter")
        .filter(|_| selector.starts_with("arn:"))
        .map_or(selector, |(_, rest)| rest);
    let (name, version) = match plain.rsplit_once(':') {
        Some((name, version)) => (name, Some(version)),
        None => (plain, None),
    };
    let parameter = state
        .parameters
        .get(name)
        .ok_or_else(|| ApiError::refused("ParameterNotFound", ""))?;
    let Some(version) = version else {
        return Ok((parameter, parameter.newest()));
    };
    parameter
        .versions
        .iter()
        .find(|held| held.number.to_string() == version)
        .map(|held| (parameter, held))
        .ok_or_else(|| {
            ApiError::refused(
                "ParameterVersionNotFound",
                &format!(
                    "Systems Manager could not find version {version} of {name}. Verify the version and try again."
                ),
            )
        })
}

/// Removes a parameter.
pub fn delete(state: &mut State, name: &str) -> Result<(), ApiError> {
    match state.parameters.get(name) {
        Some(found) if !found.is_public() => {
            state.parameters.remove(name);
            Ok(())
        }
        _ => Err(ApiError::refused("ParameterNotFound", "")),
    }
}

/// The parameters under a path: direct children only, or all of them.
pub fn under<'a>(
    state: &'a State,
    path: &str,
    recursive: bool,
) -> Result<Vec<&'a Parameter>, ApiError> {
    if !path.starts_with('/') {
        return Err(invalid(&format!(
            "The parameter path {path} must begin with a slash (/)"
        )));
    }
    let prefix = format!("{}/", path.trim_end_matches('/'));
    Ok(state
        .parameters
        .values()
        .filter(|parameter| {
            parameter
                .name
                .strip_prefix(&prefix)
                .is_some_and(|rest| recursive || !rest.contains('/'))
        })
        .collect())
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "._-/".contains(letter);
    let reserved = name.trim_start_matches('/').to_ascii_lowercase();
    if name.is_empty()
        || name.len() > 1011
        || !name.chars().all(allowed)
        || (name.contains('/') && !name.starts_with('/'))
    {
        return Err(invalid(&format!(
            "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_ (was: {name})"
        )));
    }
    if reserved.starts_with("ssm") || (reserved.starts_with("aws") && name.starts_with('/')) {
        return Err(ApiError::refused(
            "AccessDeniedException",
            &format!("No access to reserved parameter name: {name}."),
        ));
    }
    if name.matches('/').count() > LEVELS {
        return Err(ApiError::refused(
            "HierarchyLevelLimitExceededException",
            "A parameter name can have at most fifteen levels.",
        ));
    }
    Ok(())
}

fn check_value(put: &Put, tier: &str) -> Result<(), ApiError> {
    let (limit, words) = match tier {
        "Advanced" => (
            ADVANCED_BYTES,
            "Advanced tier parameters support a maximum parameter value of 8192 characters.",
        ),
        _ => (
            STANDARD_BYTES,
            "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html",
        ),
    };
    if put.value.len() > limit {
        return Err(invalid(words));
    }
    if put.value.is_empty() {
        return Err(invalid(
            "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ));
    }
    match put.kind.as_deref() {
        None | Some("String" | "StringList" | "SecureString") => Ok(()),
        Some(other) => Err(ApiError::refused(
            "UnsupportedParameterType",
            &format!("The parameter type {other} is not supported."),
        )),
    }
}

fn invalid(message: &str) -> ApiError {
    ApiError::refused("ValidationException", message)
}

#[cfg(test)]
mod tests;
