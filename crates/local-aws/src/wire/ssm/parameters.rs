//! Parameter Store's operations.

use super::{Page, check_key, filters, moment, unknown_filter};
use crate::account::ssm::parameters::{self, Parameter, Put, Version};
use crate::account::{Account, ApiError};
use crate::wire::node::Node;
use crate::wire::params::Params;

/// The most names in one call.
const MOST_NAMES: usize = 10;

pub(super) fn get(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = params.required("Name")?;
    params.boolean("WithDecryption")?;
    params.finish()?;
    let (parameter, version) = parameters::find(&account.ssm, &name)?;
    Ok(Node::map().put("Parameter", written(account, parameter, version, &name)))
}

pub(super) fn get_several(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let names = names(&mut params)?;
    params.boolean("WithDecryption")?;
    params.finish()?;
    let mut found = Vec::new();
    let mut unknown = Vec::new();
    for name in &names {
        match parameters::find(&account.ssm, name) {
            Ok((parameter, version)) => found.push(written(account, parameter, version, name)),
            Err(_) => unknown.push(name.clone()),
        }
    }
    Ok(Node::map()
        .put("Parameters", found)
        .put("InvalidParameters", unknown))
}

pub(super) fn get_by_path(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let path = params.required("Path")?;
    let recursive = params.boolean("Recursive")?.unwrap_or(false);
    params.boolean("WithDecryption")?;
    let page = Page::read(&mut params, 1..=MOST_NAMES)?;
    params.finish()?;
    let (found, next) = page.of(parameters::under(&account.ssm, &path, recursive)?);
    let found: Vec<_> = found
        .into_iter()
        .map(|parameter| written(account, parameter, parameter.newest(), &parameter.name))
        .collect();
    Ok(Node::map()
        .put("Parameters", found)
        .put_some("NextToken", next))
}

pub(super) fn put(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let put = Put {
        name: params.required("Name")?,
        value: params.text("Value").unwrap_or_default(),
        kind: params.text("Type"),
        data_type: params.text("DataType"),
        overwrite: params.boolean("Overwrite")?.unwrap_or(false),
        tier: params.text("Tier"),
        description: params.text("Description"),
        allowed_pattern: params.text("AllowedPattern"),
        tags: params.tags(&["Tags"])?,
    };
    params.text("KeyId");
    params.finish()?;
    let name = put.name.clone();
    let version = parameters::put(account, put)?;
    let tier = account
        .ssm
        .parameters
        .get(&name)
        .map(|parameter| parameter.tier.clone());
    Ok(Node::map().put("Version", version).put_some("Tier", tier))
}

pub(super) fn delete(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let name = params.required("Name")?;
    params.finish()?;
    parameters::delete(&mut account.ssm, &name)?;
    Ok(Node::map())
}

pub(super) fn delete_several(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let names = names(&mut params)?;
    params.finish()?;
    let (deleted, unknown): (Vec<_>, Vec<_>) = names
        .into_iter()
        .partition(|name| parameters::delete(&mut account.ssm, name).is_ok());
    Ok(Node::map()
        .put("DeletedParameters", deleted)
        .put("InvalidParameters", unknown))
}

pub(super) fn describe(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let wanted = params
        .structures(&["ParameterFilters"])
        .into_iter()
        .map(Filter::read)
        .chain(
            filters(&mut params, "Filters", &KEYS)?
                .into_iter()
                .map(|(key, values)| {
                    Ok(Filter {
                        key,
                        option: None,
                        values,
                    })
                }),
        )
        .collect::<Result<Vec<_>, _>>()?;
    let page = Page::read(&mut params, 1..=50)?;
    params.finish()?;
    let mut found = Vec::new();
    for parameter in account
        .ssm
        .parameters
        .values()
        .filter(|held| !held.is_public())
    {
        let mut matches = true;
        for filter in &wanted {
            matches &= filter.matches(parameter)?;
        }
        if matches {
            found.push(described(account, parameter));
        }
    }
    let (found, next) = page.of(found);
    Ok(Node::map()
        .put("Parameters", found)
        .put_some("NextToken", next))
}

fn names(params: &mut Params) -> Result<Vec<String>, ApiError> {
    let names = params.texts(&["Names"]);
    if (1..=MOST_NAMES).contains(&names.len()) {
        return Ok(names);
    }
    Err(ApiError::validation(&format!(
        "1 validation error detected: Value '[{}]' at 'names' failed to satisfy constraint: Member must have length less than or equal to {MOST_NAMES}",
        names.join(", ")
    )))
}

/// What its filters go by.
const KEYS: [&str; 6] = ["Name", "Type", "Tier", "DataType", "Path", "tag:"];

struct Filter {
    key: String,
    option: Option<String>,
    values: Vec<String>,
}

impl Filter {
    fn read(mut filter: Params) -> Result<Self, ApiError> {
        let read = Self {
            key: filter.required("Key")?,
            option: filter.text("Option"),
            values: filter.texts(&["Values"]),
        };
        filter.finish()?;
        check_key(&read.key, &KEYS)?;
        let known = [
            None,
            Some("Equals"),
            Some("BeginsWith"),
            Some("Contains"),
            Some("Recursive"),
            Some("OneLevel"),
        ];
        if !known.contains(&read.option.as_deref()) {
            return Err(unknown_option(&read));
        }
        Ok(read)
    }

    fn matches(&self, parameter: &Parameter) -> Result<bool, ApiError> {
        let held = match self.key.as_str() {
            "Name" => &parameter.name,
            "Type" => &parameter.newest().kind,
            "Tier" => &parameter.tier,
            "DataType" => &parameter.newest().data_type,
            "Path" => {
                let is_under = |path: &String| {
                    let prefix = format!("{}/", path.trim_end_matches('/'));
                    let rest = parameter.name.strip_prefix(&prefix);
                    rest.is_some_and(|rest| {
                        self.option.as_deref() == Some("Recursive") || !rest.contains('/')
                    })
                };
                return Ok(self.values.iter().any(is_under));
            }
            key => {
                let tag = key
                    .strip_prefix("tag:")
                    .ok_or_else(|| unknown_filter(key))?;
                let value = parameter.tags.get(tag);
                return Ok(value
                    .is_some_and(|value| self.values.is_empty() || self.values.contains(value)));
            }
        };
        let fits = |value: &String| match self.option.as_deref() {
            None | Some("Equals") => Ok(held == value),
            Some("BeginsWith") => Ok(held.starts_with(value)),
            Some("Contains") => Ok(held.contains(value)),
            Some(_) => Err(unknown_option(self)),
        };
        for value in &self.values {
            if fits(value)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn unknown_option(filter: &Filter) -> ApiError {
    let option = filter.option.as_deref().unwrap_or_default();
    ApiError::refused(
        "InvalidFilterOption",
        &format!("The specified filter option isn't valid: {option}"),
    )
}

fn arn(account: &Account, parameter: &Parameter) -> String {
    let slash = if parameter.name.starts_with('/') {
        ""
    } else {
        "/"
    };
    if parameter.is_public() {
        return format!(
            "arn:aws:ssm:{}::parameter{slash}{}",
            account.region, parameter.name
        );
    }
    account.arn("ssm", &format!("parameter{slash}{}", parameter.name))
}

fn written(account: &Account, parameter: &Parameter, version: &Version, asked: &str) -> Node {
    let selector = asked
        .rsplit_once(':')
        .filter(|_| !asked.starts_with("arn:"))
        .map(|(_, version)| format!(":{version}"));
    Node::map()
        .put("Name", &parameter.name)
        .put("Type", &version.kind)
        .put("Value", &version.value)
        .put("Version", version.number)
        .put_some("Selector", selector)
        .put("LastModifiedDate", moment(account, version.written_at))
        .put("ARN", arn(account, parameter))
        .put("DataType", &version.data_type)
}

fn described(account: &Account, parameter: &Parameter) -> Node {
    let version = parameter.newest();
    Node::map()
        .put("Name", &parameter.name)
        .put("ARN", arn(account, parameter))
        .put("Type", &version.kind)
        .put("LastModifiedDate", moment(account, version.written_at))
        .put(
            "LastModifiedUser",
            format!("arn:aws:iam::{}:root", account.id),
        )
        .put_some("Description", parameter.description.as_ref())
        .put_some("AllowedPattern", parameter.allowed_pattern.as_ref())
        .put("Version", version.number)
        .put("Tier", &parameter.tier)
        .put("Policies", Node::List(Vec::new()))
        .put("DataType", &version.data_type)
}
