//! `policy`: the least that each role needs for this configuration and environment; changes nothing, and needs no AWS where the
//! file names account and region.

use super::reached::Reached;
use super::{EarlyExit, Terminal};
use crate::cli;
use crate::config;
use crate::inputs::Inputs;
use crate::outcome::EXIT_OK;
use crate::policy::{self, ANY_REPOSITORY, RolePolicy, Scope};
use crate::stack::ROLES;

pub(super) async fn run(
    options: &cli::Options,
    command: &cli::Policy,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let mut scope = scope(options, command, inputs).await?;
    scope.pull_requests = command.pull_requests;
    let mut named: Vec<_> = command.repository.iter().map(String::as_str).collect();
    if named.is_empty() {
        named.push(ANY_REPOSITORY);
    }
    let mut roles = policy::roles(&scope, &named);
    match &command.role {
        Some(kind) => roles.retain(|role| role.kind == kind),
        // The others are made by `provision`.
        None if command.format == cli::PolicyFormat::Terraform => {
            roles.retain(|role| role.who.is_a_job());
        }
        None => {}
    }
    let format = match options.json {
        true => cli::PolicyFormat::Json,
        false => command.format,
    };
    let is_of_jobs = roles.iter().any(|role| role.who.is_a_job());
    let is_open = named == [ANY_REPOSITORY] && is_of_jobs;
    if is_open
        && matches!(
            format,
            cli::PolicyFormat::Trust | cli::PolicyFormat::Terraform
        )
    {
        return Err(EarlyExit::bad_input(
            "--repository: whose jobs may take this role on? such as --repository octo/hello",
        ));
    }
    let said = match format {
        cli::PolicyFormat::Table => policy::table(&roles),
        cli::PolicyFormat::Terraform => policy::terraform(&roles),
        cli::PolicyFormat::Json => format!("{:#}", policy::json(&roles)),
        cli::PolicyFormat::Policy => format!("{:#}", only(&roles)?.policy()),
        cli::PolicyFormat::Trust => format!("{:#}", only(&roles)?.trust),
    };
    terminal.say(&said);
    if is_open && format == cli::PolicyFormat::Json {
        terminal.notice(&format!(
            "whose jobs may take the roles on is left open as {ANY_REPOSITORY}: say it with --repository"
        ));
    }
    Ok(EXIT_OK)
}

/// A policy document is of one role.
fn only(roles: &[RolePolicy]) -> Result<&RolePolicy, EarlyExit> {
    match roles {
        [one] => Ok(one),
        _ => Err(EarlyExit::bad_input(format!(
            "a document is of one role: say which with --role ({})",
            ROLES.join(", ")
        ))),
    }
}

/// From the file, if it says where; else AWS is asked whose credentials these are.
async fn scope(
    options: &cli::Options,
    command: &cli::Policy,
    inputs: &Inputs,
) -> Result<Scope, EarlyExit> {
    let mut config = config::load_without_artifact(inputs)?;
    // An instance can be kept by an option, too; whoever wants that says so here.
    if command.with_keep_failed && config.retain.failed_for.is_zero() {
        config.retain.failed_for = std::time::Duration::from_secs(1);
    }
    if let (Some(account), Some(region)) = (&config.account, &config.region) {
        return Ok(Scope::of(&config, account, region));
    }
    let reached = Reached::reach(options, inputs).await?;
    let (account, region) = (&reached.caller.account, &reached.aws.region);
    Ok(Scope::of(&config, account, region))
}
