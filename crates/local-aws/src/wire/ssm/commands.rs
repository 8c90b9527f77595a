//! The operations of Run Command.

use std::time::Duration;

use super::{Page, filters, moment, unknown_filter};
use crate::account::ssm::commands::{self, Command, Invocation, Request};
use crate::account::ssm::documents;
use crate::account::{Account, ApiError};
use crate::wire::ec2;
use crate::wire::node::{Node, iso8601};
use crate::wire::params::Params;

/// The document's plugin, which is the invocation's only one.
const PLUGIN: &str = "aws:runShellScript";

/// How long a script may run when the sender doesn't say.
const EXECUTION_TIMEOUT_S: u64 = 3600;

/// How long delivery may take when the sender doesn't say.
const DELIVERY_TIMEOUT_S: i64 = 3600;

/// The most of a script's output in a list of invocations.
const LISTED_OUTPUT_CHARS: usize = 2500;

pub(super) fn send(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let document = params.required("DocumentName")?;
    let version = params.text("DocumentVersion");
    let instances = params.texts(&["InstanceIds"]);
    let targets = params
        .structures(&["Targets"])
        .into_iter()
        .map(|mut target| {
            let read = (target.required("Key")?, target.texts(&["Values"]));
            target.finish()?;
            Ok(read)
        })
        .collect::<Result<Vec<_>, ApiError>>()?;
    let delivery_s = params
        .number("TimeoutSeconds")?
        .unwrap_or(DELIVERY_TIMEOUT_S);
    let comment = params.text("Comment").unwrap_or_default();
    let given = params.dictionary("Parameters");
    // Accepted and without effect: one after another or all at once is the same for one instance.
    params.text("MaxConcurrency");
    params.text("MaxErrors");
    params.finish()?;
    let found = documents::find(&account.ssm, &document)?;
    found.version(version.as_deref())?;
    if found.name != documents::RUN_SHELL_SCRIPT {
        return Err(ApiError::refused(
            "InvalidDocument",
            &format!(
                "the local cloud runs the command document AWS-RunShellScript, not {document}"
            ),
        ));
    }
    let mut request = Request {
        document: found.name.clone(),
        instances,
        targets,
        delivery_timeout: Duration::from_secs(u64::try_from(delivery_s).unwrap_or(0)),
        comment,
        execution_timeout: Duration::from_secs(EXECUTION_TIMEOUT_S),
        ..Request::default()
    };
    read_parameters(&mut request, given)?;
    check(&request)?;
    for (key, values) in request.targets.clone() {
        request
            .instances
            .extend(instances_of(account, &key, &values)?);
    }
    let id = commands::send(account, request)?;
    Ok(Node::map().put("Command", described(account, &account.ssm.commands[&id])))
}

fn read_parameters(
    request: &mut Request,
    given: std::collections::BTreeMap<String, Vec<String>>,
) -> Result<(), ApiError> {
    let invalid = |problem: String| ApiError::refused("InvalidParameters", &problem);
    for (name, mut values) in given {
        match name.as_str() {
            "commands" => request.lines = values,
            "workingDirectory" => request.working_directory = values.pop().unwrap_or_default(),
            "executionTimeout" => {
                let text = values.pop().unwrap_or_default();
                request.execution_timeout = text
                    .parse()
                    .ok()
                    .filter(|seconds| (1..=172_800).contains(seconds))
                    .map(Duration::from_secs)
                    .ok_or_else(|| {
                        invalid(format!(
                            "executionTimeout {text} is not between 1 and 172800 seconds"
                        ))
                    })?;
            }
            other => return Err(invalid(format!("The document has no parameter {other}"))),
        }
    }
    if request.lines.is_empty() {
        return Err(invalid("The parameter commands is required".to_owned()));
    }
    Ok(())
}

fn check(request: &Request) -> Result<(), ApiError> {
    if request.instances.is_empty() == request.targets.is_empty() {
        return Err(ApiError::validation(
            "Either InstanceIds or Targets must be given, and not both",
        ));
    }
    let mut sorted = request.instances.clone();
    sorted.sort();
    sorted.dedup();
    if sorted.len() != request.instances.len() {
        return Err(ApiError::refused(
            "DuplicateInstanceId",
            "You can't specify a managed node ID in more than one association.",
        ));
    }
    if !(30..=2_592_000).contains(&request.delivery_timeout.as_secs()) {
        return Err(ApiError::validation(
            "TimeoutSeconds must be between 30 and 2592000",
        ));
    }
    Ok(())
}

/// The running instances that a target stands for.
fn instances_of(
    account: &mut Account,
    key: &str,
    values: &[String],
) -> Result<Vec<String>, ApiError> {
    if key.eq_ignore_ascii_case("instanceids") {
        return Ok(values.to_vec());
    }
    let filters = serde_json::json!({"Filters": [
        {"Name": key, "Values": values},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]});
    let answer = ec2::call(account, "DescribeInstances", Params::from_json(filters))?.to_json();
    let lists = answer["Reservations"].as_array().into_iter().flatten();
    Ok(lists
        .flat_map(|reservation| reservation["Instances"].as_array().into_iter().flatten())
        .filter_map(|instance| instance["InstanceId"].as_str().map(str::to_owned))
        .collect())
}

pub(super) fn cancel(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let id = params.required("CommandId")?;
    let instances = params.texts(&["InstanceIds"]);
    params.finish()?;
    commands::cancel(account, &id, &instances)?;
    Ok(Node::map())
}

pub(super) fn get_invocation(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let id = params.required("CommandId")?;
    let instance = params.required("InstanceId")?;
    let plugin = params.text("PluginName");
    params.finish()?;
    if plugin.is_some_and(|name| name != PLUGIN) {
        return Err(ApiError::refused(
            "InvalidPluginName",
            "The plugin name isn't valid.",
        ));
    }
    let (command, held) = account
        .ssm
        .commands
        .get(&id)
        .and_then(|command| Some((command, command.invocation(&instance)?)))
        .filter(|(_, held)| account.now() >= held.visible_at)
        .ok_or_else(|| ApiError::refused("InvocationDoesNotExist", ""))?;
    let (status, details) = held.state.names();
    let time = |at: Option<Duration>| at.map_or_else(String::new, |at| iso8601(account.utc_at(at)));
    let elapsed = held.started_at.map_or_else(String::new, |began| {
        let until = held.ended_at.unwrap_or(account.now());
        format!("PT{:.3}S", until.saturating_sub(began).as_secs_f64())
    });
    Ok(Node::map()
        .put("CommandId", &command.id)
        .put("InstanceId", &held.instance)
        .put("Comment", &command.request.comment)
        .put("DocumentName", &command.request.document)
        .put("DocumentVersion", "$DEFAULT")
        .put("PluginName", PLUGIN)
        .put("ResponseCode", response_code(held))
        .put("ExecutionStartDateTime", time(held.started_at))
        .put("ExecutionElapsedTime", elapsed)
        .put("ExecutionEndDateTime", time(held.ended_at))
        .put("Status", status)
        .put("StatusDetails", details)
        .put("StandardOutputContent", &held.stdout)
        .put("StandardOutputUrl", "")
        .put("StandardErrorContent", &held.stderr)
        .put("StandardErrorUrl", ""))
}

pub(super) fn list(account: &mut Account, mut params: Params) -> Result<Node, ApiError> {
    let (found, next) = find(account, &mut params)?;
    params.finish()?;
    let found: Vec<_> = found
        .into_iter()
        .map(|command| described(account, command))
        .collect();
    Ok(Node::map()
        .put("Commands", found)
        .put_some("NextToken", next))
}

pub(super) fn list_invocations(
    account: &mut Account,
    mut params: Params,
) -> Result<Node, ApiError> {
    let instance = params.text("InstanceId");
    let with_details = params.boolean("Details")?.unwrap_or(false);
    let (found, next) = find(account, &mut params)?;
    params.finish()?;
    let now = account.now();
    let invocations: Vec<_> = found
        .into_iter()
        .flat_map(|command| command.invocations.iter().map(move |held| (command, held)))
        .filter(|(_, held)| now >= held.visible_at)
        .filter(|(_, held)| instance.as_ref().is_none_or(|id| held.instance == *id))
        .map(|(command, held)| listed(account, command, held, with_details))
        .collect();
    Ok(Node::map()
        .put("CommandInvocations", invocations)
        .put_some("NextToken", next))
}

/// The commands that a list is asked for, newest first.
fn find<'a>(
    account: &'a Account,
    params: &mut Params,
) -> Result<(Vec<&'a Command>, Option<String>), ApiError> {
    let id = params.text("CommandId");
    let instance = params.text("InstanceId");
    let wanted = filters(params, "Filters", &["Status", "DocumentName"])?;
    let page = Page::read(params, 1..=50)?;
    let mut found = Vec::new();
    for command in account.ssm.commands.values() {
        let mut matches = id.as_ref().is_none_or(|id| command.id == *id)
            && instance
                .as_ref()
                .is_none_or(|id| command.invocation(id).is_some());
        for (key, values) in &wanted {
            let field = match key.as_str() {
                "Status" => command.state().names().0,
                "DocumentName" => &command.request.document,
                other => return Err(unknown_filter(other)),
            };
            matches &= values.iter().any(|value| value == field);
        }
        if matches {
            found.push(command);
        }
    }
    found.sort_by_key(|command| std::cmp::Reverse(command.sent_at));
    Ok(page.of(found))
}

/// -1 until the script has ended, as AWS shows it.
fn response_code(held: &Invocation) -> i32 {
    held.exit_code.unwrap_or(-1)
}

fn described(account: &Account, command: &Command) -> Node {
    let request = &command.request;
    let (status, details) = command.state().names();
    let ended = command
        .invocations
        .iter()
        .filter(|held| held.state.is_final());
    let failed = ended
        .clone()
        .filter(|held| held.state != commands::State::Success);
    let targets = request
        .targets
        .iter()
        .map(|(key, values)| Node::map().put("Key", key).put("Values", values.clone()));
    let named = match request.targets.is_empty() {
        true => request.instances.clone(),
        false => Vec::new(),
    };
    let parameters = vec![
        ("commands".to_owned(), Node::from(request.lines.clone())),
        (
            "executionTimeout".to_owned(),
            Node::list([request.execution_timeout.as_secs().to_string()]),
        ),
    ];
    Node::map()
        .put("CommandId", &command.id)
        .put("DocumentName", &request.document)
        .put("DocumentVersion", "$DEFAULT")
        .put("Comment", &request.comment)
        .put(
            "ExpiresAfter",
            moment(account, command.sent_at + request.delivery_timeout),
        )
        .put("Parameters", Node::Dictionary(parameters))
        .put("InstanceIds", named)
        .put("Targets", Node::list(targets))
        .put("RequestedDateTime", moment(account, command.sent_at))
        .put("Status", status)
        .put("StatusDetails", details)
        .put("MaxConcurrency", "50")
        .put("MaxErrors", "0")
        .put("TargetCount", command.invocations.len())
        .put("CompletedCount", ended.count())
        .put("ErrorCount", failed.count())
        .put("DeliveryTimedOutCount", 0)
        .put("TimeoutSeconds", request.delivery_timeout.as_secs())
}

fn listed(account: &Account, command: &Command, held: &Invocation, with_details: bool) -> Node {
    let (status, details) = held.state.names();
    let mut plugins = Vec::new();
    if with_details {
        let mut output = held.stdout.clone();
        if !held.stderr.is_empty() {
            output.push_str("\n----------ERROR-------\n");
            output.push_str(&held.stderr);
        }
        plugins.push(
            Node::map()
                .put("Name", PLUGIN)
                .put("Status", status)
                .put("StatusDetails", details)
                .put("ResponseCode", response_code(held))
                .put_some(
                    "ResponseStartDateTime",
                    held.started_at.map(|at| moment(account, at)),
                )
                .put_some(
                    "ResponseFinishDateTime",
                    held.ended_at.map(|at| moment(account, at)),
                )
                .put(
                    "Output",
                    output.chars().take(LISTED_OUTPUT_CHARS).collect::<String>(),
                )
                .put("OutputS3Region", &account.region),
        );
    }
    Node::map()
        .put("CommandId", &command.id)
        .put("InstanceId", &held.instance)
        .put("InstanceName", "")
        .put("Comment", &command.request.comment)
        .put("DocumentName", &command.request.document)
        .put("DocumentVersion", "$DEFAULT")
        .put("RequestedDateTime", moment(account, command.sent_at))
        .put("Status", status)
        .put("StatusDetails", details)
        .put("StandardOutputUrl", "")
        .put("StandardErrorUrl", "")
        .put("CommandPlugins", plugins)
}
