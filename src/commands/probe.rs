//! `probe`: asks a service all the time, and says what it saw.

use super::signals::signal;
use super::{EarlyExit, Terminal};
use crate::cli;
use crate::config;
use crate::inputs::Inputs;
use crate::names::human;
use crate::outcome::{EXIT_OK, EXIT_UNEXPECTED, EXIT_UNPROVEN};
use crate::probe::{Endpoint, Probe, Spec, Verdict, judge, table};
use crate::random::random_token;
use net_clock::Clock;
use net_clock::Network;

pub(super) async fn run(
    options: &cli::Options,
    command: &cli::Probe,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let spec = spec(command, inputs)?;
    // Visitors live on the wall's clock, whichever one AWS runs on.
    let clock = Clock::real();
    terminal.tell(&format!(
        "asking for {} (--for); Ctrl-C ends it sooner",
        human(command.duration)
    ));
    let running = Probe::start(&Network::tcp(), &clock, spec)?;
    tokio::select! {
        () = clock.sleep_wall(command.duration) => {}
        () = signal() => terminal.complain("stopped early: the verdict is about what was seen until now"),
    }
    let evidence = running.stop().await?;
    let verdict = judge(&evidence, command.expect.as_deref());
    let (code, words, reasons) = match &verdict {
        Verdict::Passed => (EXIT_OK, "passed", &Vec::new()),
        Verdict::Failed { reasons } => (EXIT_UNEXPECTED, "failed", reasons),
        Verdict::Unproven { reasons } => (EXIT_UNPROVEN, "unproven", reasons),
    };
    if options.json {
        let answer = serde_json::json!({
            "command": "probe",
            "result": words,
            "exit_code": code,
            "reasons": reasons,
            "evidence": evidence,
        });
        terminal.say(&answer.to_string());
    } else {
        let colon = if reasons.is_empty() { "" } else { ": " };
        let reasons = reasons.join("; ");
        terminal.say(&format!("{}\n{words}{colon}{reasons}", table(&evidence)));
    }
    Ok(code)
}

/// What to ask: the command line's word, else the file's.
fn spec(command: &cli::Probe, inputs: &Inputs) -> Result<Spec, EarlyExit> {
    let from_file = match &command.url {
        Some(_) => None,
        None => Some(config::load(inputs)?),
    };
    let file = from_file.as_ref();
    let url = command
        .url
        .clone()
        .or_else(|| file.and_then(|file| file.probe.url.clone()));
    let url = url.ok_or_else(|| {
        EarlyExit::bad_input(
            "--url: whom to ask? pass --url http://..., or set probe.url in bg-deploy.toml",
        )
    })?;
    let path = command
        .path
        .clone()
        .or_else(|| file.map(|file| file.service.version_path.clone()))
        .unwrap_or_else(|| config::default::VERSION_PATH.to_owned());
    let reference = command
        .reference
        .clone()
        .or_else(|| file.and_then(|file| file.probe.reference.clone()));
    let endpoint = |name: &str, url: &str| {
        Endpoint::parse(url).map_err(|error| EarlyExit::bad_input(format!("{name}: {error:#}")))
    };
    let reference = reference.map(|url| endpoint("--reference", &url));
    Ok(Spec {
        reference: reference.transpose()?,
        pointer: command
            .pointer
            .clone()
            .or_else(|| file.and_then(|file| file.service.version_pointer.clone())),
        rate_per_second: command
            .rate
            .or_else(|| file.map(|file| file.probe.rate))
            .unwrap_or(config::default::RATE),
        timeout: file.map_or(config::default::PROBE_TIMEOUT, |file| file.probe.timeout),
        long_path: command
            .long_path
            .clone()
            .or_else(|| file.and_then(|file| file.probe.long_path.clone())),
        ledger: command.ledger.clone(),
        random: random_token()?,
        ..Spec::new(endpoint("--url", &url)?, &path)
    })
}
