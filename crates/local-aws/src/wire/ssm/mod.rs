//! Systems Manager's API: parameters, documents, automations, Run Command.

mod automations;
mod commands;
mod documents;
mod managed_instances;
mod parameters;
mod tags;

use super::node::Node;
use super::params::Params;
use super::unknown_operation;
use crate::account::{Account, ApiError};

/// Makes one call.
pub(crate) fn call(
    account: &mut Account,
    operation: &str,
    params: Params,
) -> Result<Node, ApiError> {
    let answer = match operation {
        "GetParameter" => parameters::get(account, params),
        "GetParameters" => parameters::get_several(account, params),
        "GetParametersByPath" => parameters::get_by_path(account, params),
        "PutParameter" => parameters::put(account, params),
        "DeleteParameter" => parameters::delete(account, params),
        "DeleteParameters" => parameters::delete_several(account, params),
        "DescribeParameters" => parameters::describe(account, params),
        "AddTagsToResource" => tags::add(account, params),
        "RemoveTagsFromResource" => tags::remove(account, params),
        "ListTagsForResource" => tags::list(account, params),
        "CreateDocument" => documents::create(account, params),
        "UpdateDocument" => documents::update(account, params),
        "UpdateDocumentDefaultVersion" => documents::set_default(account, params),
        "DescribeDocument" => documents::describe(account, params),
        "GetDocument" => documents::get(account, params),
        "ListDocuments" => documents::list(account, params),
        "ListDocumentVersions" => documents::list_versions(account, params),
        "DeleteDocument" => documents::delete(account, params),
        "StartAutomationExecution" => automations::start(account, params),
        "StopAutomationExecution" => automations::stop(account, params),
        "GetAutomationExecution" => automations::get(account, params),
        "DescribeAutomationExecutions" => automations::describe(account, params),
        "DescribeAutomationStepExecutions" => automations::describe_steps(account, params),
        "SendCommand" => commands::send(account, params),
        "CancelCommand" => commands::cancel(account, params),
        "GetCommandInvocation" => commands::get_invocation(account, params),
        "ListCommands" => commands::list(account, params),
        "ListCommandInvocations" => commands::list_invocations(account, params),
        "DescribeInstanceInformation" => managed_instances::describe_instances(account, params),
        _ => return Err(unknown_operation("ssm", operation)),
    };
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

/// Systems Manager's filters come as `Key` and `Values`, in older operations as `key` and `value`.
fn filters(params: &mut Params, name: &str) -> Result<Vec<(String, Vec<String>)>, ApiError> {
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
            Ok((key, values))
        })
        .collect()
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
