//! Systems Manager's API: parameters, documents, automations, Run Command.

mod automations;
mod commands;
mod documents;
mod managed_instances;
mod parameters;
mod tags;

use super::node::Node;
use super::operations::{self, Operations};
use super::params::Params;
use crate::account::{Account, ApiError};

/// What Systems Manager is asked for.
pub(super) const OPERATIONS: &Operations = &[
    ("GetParameter", parameters::get),
    ("GetParameters", parameters::get_several),
    ("GetParametersByPath", parameters::get_by_path),
    ("PutParameter", parameters::put),
    ("DeleteParameter", parameters::delete),
    ("DeleteParameters", parameters::delete_several),
    ("DescribeParameters", parameters::describe),
    ("AddTagsToResource", tags::add),
    ("RemoveTagsFromResource", tags::remove),
    ("ListTagsForResource", tags::list),
    ("CreateDocument", documents::create),
    ("UpdateDocument", documents::update),
    ("UpdateDocumentDefaultVersion", documents::set_default),
    ("DescribeDocument", documents::describe),
    ("GetDocument", documents::get),
    ("ListDocuments", documents::list),
    ("ListDocumentVersions", documents::list_versions),
    ("DeleteDocument", documents::delete),
    ("StartAutomationExecution", automations::start),
    ("StopAutomationExecution", automations::stop),
    ("GetAutomationExecution", automations::get),
    ("DescribeAutomationExecutions", automations::describe),
    (
        "DescribeAutomationStepExecutions",
        automations::describe_steps,
    ),
    ("SendCommand", commands::send),
    ("CancelCommand", commands::cancel),
    ("GetCommandInvocation", commands::get_invocation),
    ("ListCommands", commands::list),
    ("ListCommandInvocations", commands::list_invocations),
    (
        "DescribeInstanceInformation",
        managed_instances::describe_instances,
    ),
];

/// Makes one call.
pub(crate) fn call(
    account: &mut Account,
    operation: &str,
    params: Params,
) -> Result<Node, ApiError> {
    let answer = operations::call("ssm", OPERATIONS, account, operation, params);
    // What the other services call by several names is one code here.
    answer.map_err(|error| match error.code.as_str() {
        "MissingParameter" | "ValidationError" => ApiError {
            code: "ValidationException".to_owned(),
            ..error
        },
        _ => error,
    })
}

/// Where in a list a caller is, and how much it wants.
struct Page {
    from: usize,
    most: usize,
}

impl Page {
    /// Reads `MaxResults` and `NextToken`.
    fn read(params: &mut Params, range: std::ops::RangeInclusive<usize>) -> Result<Self, ApiError> {
        let most = match params.number("MaxResults")? {
            None => *range.end(),
            Some(wanted) => usize::try_from(wanted)
                .ok()
                .filter(|most| range.contains(most))
                .ok_or_else(|| {
                    ApiError::validation(&format!(
                        "1 validation error detected: Value '{wanted}' at 'maxResults' failed to satisfy constraint: Member must have value between {} and {}",
                        range.start(),
                        range.end()
                    ))
                })?,
        };
        let from = match params.text("NextToken") {
            None => 0,
            Some(token) => token
                .strip_prefix("from-")
                .and_then(|digits| digits.parse().ok())
                .ok_or_else(|| {
                    ApiError::refused("InvalidNextToken", "The specified token is not valid.")
                })?,
        };
        Ok(Self { from, most })
    }

    /// The page's items, and the token of the next page if there is one.
    fn of<T>(self, items: Vec<T>) -> (Vec<T>, Option<String>) {
        let end = self.from + self.most;
        let next = (items.len() > end).then(|| format!("from-{end}"));
        let items = items.into_iter().skip(self.from).take(self.most).collect();
        (items, next)
    }
}

/// Systems Manager's filters come as `Key` and `Values`, in older operations as `key` and `value`; a key that is none of
/// `known`, or begins as none that ends with a colon, is refused before anything is looked at.
fn filters(
    params: &mut Params,
    name: &str,
    known: &[&str],
) -> Result<Vec<(String, Vec<String>)>, ApiError> {
    params
        .structures(&[name])
        .into_iter()
        .map(|mut filter| {
            let key = match filter.text("Key").or_else(|| filter.text("key")) {
                Some(key) => key,
                None => return Err(ApiError::validation("a filter needs a key")),
            };
            let values = filter.texts(&["Values", "value", "valueSet"]);
            filter.finish()?;
            check_key(&key, known)?;
            Ok((key, values))
        })
        .collect()
}

/// Whether a filter has a key that its operation knows.
fn check_key(key: &str, known: &[&str]) -> Result<(), ApiError> {
    let is_it = |one: &&str| *one == key || (one.ends_with(':') && key.starts_with(one));
    match known.iter().any(is_it) {
        true => Ok(()),
        false => Err(unknown_filter(key)),
    }
}

fn unknown_filter(key: &str) -> ApiError {
    ApiError::refused(
        "InvalidFilterKey",
        &format!("The specified filter key is not valid: {key}"),
    )
}

/// Seconds of the service's time as a moment.
fn moment(account: &Account, at: std::time::Duration) -> Node {
    Node::Time(account.utc_at(at))
}

fn tag_list(tags: &crate::account::Tags) -> Node {
    Node::list(
        tags.iter()
            .map(|(key, value)| Node::map().put("Key", key).put("Value", value)),
    )
}
