//! Elastic Load Balancing v2 on the wire: operations by name, with AWS's shapes and errors.

mod actions;
mod conditions;
mod listeners;
mod load_balancers;
mod rules;
mod target_groups;
mod targets;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::node::Node;
use super::operations::{self, Operations};
use super::params::Params;
use crate::account::elbv2::{attributes::Attributes, tags};
use crate::account::{Account, ApiError, Tags};

/// The largest page AWS gives.
const LARGEST_PAGE: i64 = 400;

/// What Elastic Load Balancing is asked for.
pub(super) const OPERATIONS: &Operations = &[
    ("CreateLoadBalancer", load_balancers::create),
    ("DescribeLoadBalancers", |account, params| {
        load_balancers::describe(account, params)
    }),
    (
        "ModifyLoadBalancerAttributes",
        load_balancers::modify_attributes,
    ),
    ("DescribeLoadBalancerAttributes", |account, params| {
        load_balancers::describe_attributes(account, params)
    }),
    ("DeleteLoadBalancer", load_balancers::delete),
    ("SetSecurityGroups", load_balancers::set_security_groups),
    ("SetSubnets", load_balancers::set_subnets),
    ("CreateTargetGroup", target_groups::create),
    ("DescribeTargetGroups", |account, params| {
        target_groups::describe(account, params)
    }),
    ("ModifyTargetGroup", target_groups::modify),
    (
        "ModifyTargetGroupAttributes",
        target_groups::modify_attributes,
    ),
    ("DescribeTargetGroupAttributes", |account, params| {
        target_groups::describe_attributes(account, params)
    }),
    ("DeleteTargetGroup", target_groups::delete),
    ("CreateListener", listeners::create),
    ("DescribeListeners", |account, params| {
        listeners::describe(account, params)
    }),
    ("ModifyListener", listeners::modify),
    ("DeleteListener", listeners::delete),
    ("CreateRule", rules::create),
    ("DescribeRules", |account, params| {
        rules::describe(account, params)
    }),
    ("ModifyRule", rules::modify),
    ("DeleteRule", rules::delete),
    ("SetRulePriorities", rules::set_priorities),
    ("RegisterTargets", targets::register),
    ("DeregisterTargets", targets::deregister),
    ("DescribeTargetHealth", |account, params| {
        targets::describe_health(account, params)
    }),
    ("AddTags", add_tags),
    ("RemoveTags", remove_tags),
    ("DescribeAccountLimits", describe_limits),
    ("DescribeTags", describe_tags),
];

/// Makes one call.
pub(crate) fn call(
    account: &mut Account,
    operation: &str,
    params: Params,
) -> Result<Node, ApiError> {
    operations::call("elbv2", OPERATIONS, account, operation, params)
}

fn add_tags(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let arns = params.texts(&["ResourceArns"]);
    let added = read_tags(&mut params)?;
    params.finish()?;
    tags::add(account, &arns, &added)?;
    Ok(Node::map())
}

fn remove_tags(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let arns = params.texts(&["ResourceArns"]);
    let keys = params.texts(&["TagKeys"]);
    params.finish()?;
    tags::remove(account, &arns, &keys)?;
    Ok(Node::map())
}

fn describe_tags(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let arns = params.texts(&["ResourceArns"]);
    params.finish()?;
    if arns.len() > 20 {
        return Err(ApiError::validation(
            "Cannot have more than 20 resources described",
        ));
    }
    let mut descriptions = Vec::new();
    for arn in &arns {
        let held = tags::of(account, arn)?;
        let listed = held.iter().map(|(key, value)| {
            Node::map()
                .put("Key", key.as_str())
                .put("Value", value.as_str())
        });
        let listed = Node::list(listed);
        descriptions.push(Node::map().put("ResourceArn", arn).put("Tags", listed));
    }
    Ok(Node::map().put("TagDescriptions", Node::List(descriptions)))
}

fn describe_limits(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let page = Page::read(&mut params)?;
    params.finish()?;
    let limits = [
        ("application-load-balancers", account.limits.load_balancers),
        ("target-groups", account.limits.target_groups),
    ];
    let shown =
        limits.map(|(name, most)| Node::map().put("Name", name).put("Max", most.to_string()));
    Ok(page.of("Limits", shown.into()))
}

/// The tags of a request, each key once.
fn read_tags(params: &mut Params) -> Result<Tags, ApiError> {
    let mut tags = Tags::new();
    for mut tag in params.structures(&["Tags"]) {
        let key = tag.required("Key")?;
        let value = tag.text("Value").unwrap_or_default();
        tag.finish()?;
        if tags.insert(key.clone(), value).is_some() {
            return Err(ApiError::refused(
                "DuplicateTagKeys",
                &format!("Tag key '{key}' was specified more than once"),
            ));
        }
    }
    Ok(tags)
}

/// Changes of attributes as they are sent.
fn read_attributes(params: &mut Params) -> Result<Vec<(String, String)>, ApiError> {
    params
        .structures(&["Attributes"])
        .into_iter()
        .map(|mut attribute| {
            let key = attribute.required("Key")?;
            let value = attribute.text("Value").unwrap_or_default();
            attribute.finish()?;
            Ok((key, value))
        })
        .collect()
}

/// All attributes of a resource.
fn show_attributes(attributes: &Attributes) -> Node {
    let listed = attributes
        .iter()
        .map(|(key, value)| Node::map().put("Key", key).put("Value", value));
    Node::map().put("Attributes", Node::list(listed))
}

/// A whole number that fits its member.
fn narrow<T: TryFrom<i64>>(name: &str, value: i64) -> Result<T, ApiError> {
    T::try_from(value)
        .map_err(|_| ApiError::validation(&format!("'{value}' is not a valid value for {name}")))
}

/// A port that was sent.
fn read_port(params: &mut Params) -> Result<Option<u16>, ApiError> {
    let port = params.number("Port")?;
    port.map(|port| match narrow("Port", port) {
        Ok(0) | Err(_) => Err(ApiError::validation(&format!(
            "Port '{port}' must be between '1' and '65535' inclusive"
        ))),
        valid => valid,
    })
    .transpose()
}

/// Which page of a list was asked for.
struct Page {
    from: usize,
    size: usize,
}

impl Page {
    fn read(params: &mut Params) -> Result<Self, ApiError> {
        let size = params.number("PageSize")?.unwrap_or(LARGEST_PAGE);
        if !(1..=LARGEST_PAGE).contains(&size) {
            return Err(ApiError::validation(&format!(
                "Page size '{size}' must be between '1' and '{LARGEST_PAGE}' inclusive"
            )));
        }
        let from = match params.text("Marker") {
            Some(marker) => marker
                .parse()
                .map_err(|_| ApiError::validation(&format!("Marker '{marker}' is not valid")))?,
            None => 0,
        };
        Ok(Self {
            from,
            size: narrow("PageSize", size)?,
        })
    }

    /// The page of a list, and where the next one begins.
    fn of(self, name: &'static str, items: Vec<Node>) -> Node {
        let until = self.from.saturating_add(self.size);
        let next = (items.len() > until).then(|| until.to_string());
        let shown: Vec<_> = items.into_iter().skip(self.from).take(self.size).collect();
        Node::map()
            .put(name, Node::List(shown))
            .put_some("NextMarker", next)
    }
}

/// Those of `all` that were asked for by ARN or name; one that was asked for and is not there is an error.
fn select<'a, T>(
    all: impl Iterator<Item = &'a T>,
    wanted: &[String],
    names_of: impl Fn(&T) -> Vec<String>,
    missing: impl Fn(&str) -> ApiError,
) -> Result<Vec<&'a T>, ApiError> {
    let all: Vec<_> = all.collect();
    if wanted.is_empty() {
        return Ok(all);
    }
    let known: BTreeSet<_> = all.iter().flat_map(|one| names_of(one)).collect();
    if let Some(unknown) = wanted.iter().find(|name| !known.contains(*name)) {
        return Err(missing(unknown));
    }
    let is_wanted = |one: &&T| names_of(one).iter().any(|name| wanted.contains(name));
    Ok(all.into_iter().filter(is_wanted).collect())
}
