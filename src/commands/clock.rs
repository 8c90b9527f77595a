//! The clock of a command: the wall's, unless AWS is a local cloud on this machine that runs faster (`--clock-speed`).
//!
//! Beside such a cloud, waits as long as AWS's would outlast it, and a time on the wall is long past on its clock. So
//! the clock runs as fast, and begins at the date that the cloud itself says.
//!
//! Guarantees: whatever is not surely this machine is waited for at the wall's pace; nothing looks a name up to decide
//! that.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use http::Uri;
use local_aws::DATE_HEADER;
use net_clock::{Clock, Network};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::EarlyExit;
use crate::cli::{Command, Options};
use crate::inputs::Inputs;
use crate::probe::Endpoint;
use crate::probe::ask::{Question, ask};

/// How long the local cloud may take to say its date.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Whether this command may have the clock that it is asked to have. What has another clock anyway, or none, ignores it:
/// the variable may be set for a whole job.
pub(super) fn check(
    command: &Command,
    options: &Options,
    inputs: &Inputs,
) -> Result<(), EarlyExit> {
    match command {
        Command::Rehearse(_)
        | Command::LocalAws(_)
        | Command::Compare(_)
        | Command::Schema(_)
        | Command::SampleApp(_) => Ok(()),
        _ if options.clock_speed.is_none() => Ok(()),
        _ => local_endpoint(inputs).map(drop),
    }
}

/// The clock that all of a command is timed by.
pub(super) async fn clock(
    options: &Options,
    inputs: &Inputs,
    network: &Network,
) -> Result<Clock, EarlyExit> {
    let Some(speed) = options.clock_speed else {
        return Ok(Clock::real());
    };
    let url = local_endpoint(inputs)?;
    let date = date_of(url, network)
        .await
        .with_context(|| format!("asking {url} what time it is; is `bg-deploy local-aws` running?"))
        .map_err(|error| EarlyExit::bad_input(format!("--clock-speed: {error:#}")))?;
    Ok(Clock::accelerated_from(date, f64::from(speed)))
}

/// The endpoint, if it is on this machine beyond doubt.
fn local_endpoint(inputs: &Inputs) -> Result<&str, EarlyExit> {
    let why = match &inputs.endpoint_url {
        None => "AWS itself has only one pace, and no endpoint URL is given".to_owned(),
        Some(given) if is_loopback(&given.value) => return Ok(&given.value),
        Some(given) => format!("{} is not on this machine", given.from),
    };
    Err(EarlyExit::bad_input(format!(
        "--clock-speed: {why}; it is for a local cloud: --endpoint-url http://127.0.0.1:4566"
    )))
}

/// Whether a URL's host is this machine: an address of loopback, or `localhost`.
pub(super) fn is_loopback(url: &str) -> bool {
    let Ok(url) = url.parse::<Uri>() else {
        return false;
    };
    let Some(host) = url.host().filter(|_| url.scheme().is_some()) else {
        return false;
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// The date of the account of the local cloud that answers there.
async fn date_of(url: &str, network: &Network) -> Result<SystemTime> {
    let endpoint = Endpoint::parse(url)?;
    let question = Question::get("/");
    let reply = ask(network, &Clock::real(), &endpoint, &question, ANSWER_WITHIN).await?;
    let date = reply.headers.get(DATE_HEADER);
    let date = date.and_then(|date| date.to_str().ok());
    let date = date.context("the answer has no date")?;
    let date = OffsetDateTime::parse(date, &Rfc2822).context("the answer's date")?;
    Ok(date.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::Given;
    use crate::outcome::EXIT_BAD_INPUT;

    #[test]
    fn only_an_address_of_loopback_or_localhost_is_this_machine() {
        for url in [
            "http://127.0.0.1:4566",
            "http://127.8.9.10",
            "http://localhost:4566/",
            "https://LOCALHOST",
            "http://[::1]:4566",
        ] {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "",
            "localhost",
            "127.0.0.1:4566",
            "https://ec2.eu-central-1.amazonaws.com",
            "http://10.0.0.1",
            "http://0.0.0.0:4566",
            "http://128.0.0.1",
            "http://[::2]",
            "http://[::ffff:10.0.0.1]",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://127.0.0.1@example.com",
            "http://localhost:x@example.com",
            "http://2130706433",
            "http://local host",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }

    #[test]
    fn a_faster_clock_is_refused_for_whatever_is_not_this_machine() {
        let options = Options {
            clock_speed: Some(20),
            ..Options::default()
        };
        let mut inputs = Inputs::default();
        let told = |inputs: &Inputs| {
            let failure = check(&Command::Plan, &options, inputs).expect_err("refused");
            assert_eq!(failure.exit_code, EXIT_BAD_INPUT);
            failure.text
        };
        assert!(told(&inputs).contains("no endpoint URL is given"));
        let url = "https://ec2.eu-central-1.amazonaws.com";
        inputs.endpoint_url = Some(Given::new("AWS_ENDPOINT_URL", url));
        assert!(told(&inputs).contains("AWS_ENDPOINT_URL is not on this machine"));
        assert!(check(&Command::Schema(Default::default()), &options, &inputs).is_ok());
        assert!(check(&Command::Plan, &Options::default(), &inputs).is_ok());
        inputs.endpoint_url = Some(Given::new("AWS_ENDPOINT_URL", "http://127.0.0.1:1"));
        assert!(check(&Command::Plan, &options, &inputs).is_ok());
    }
}
