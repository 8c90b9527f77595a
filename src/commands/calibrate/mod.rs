//! `calibrate`: a walk through an account that can be thrown away, written down; and `compare`: what differs from it on the local cloud.

mod compare;
mod stage;

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

pub(super) use compare::run as run_compare;
pub use stage::{local_walk, releases};

use super::clock::clock;
use super::signals::signals;
use super::{EarlyExit, Terminal, access};
use crate::aws::Access;
use crate::aws::sts::{self, Caller};
use crate::calibrate::{Ended, Record, Walk};
use crate::cli;
use crate::command_line::{CommandLine, Next};
use crate::config::Given;
use crate::inputs::Inputs;
use crate::names::roughly;
use crate::outcome::{EXIT_CANCELLED, EXIT_OK, EXIT_UNEXPECTED};
use net_clock::Network;

/// What is said before anything is made. Prices: <https://aws.amazon.com/ec2/pricing/on-demand/>,
/// <https://aws.amazon.com/elasticloadbalancing/pricing/>, <https://aws.amazon.com/vpc/pricing/>.
const WHAT_IT_TAKES: &str = "\
It makes a stack of the sample app (app calibrate, environment throwaway) in the default VPC of that account, under roles with exactly
what `bg-deploy policy` prints; releases twice, goes back, kills a release while its traffic moves and finishes it; removes all of it
again; and writes down what AWS was asked and answered, without keys, user data, your name and the account's number.

It takes about an hour, and costs less than 0.50 USD: a load balancer (0.0225 USD an hour), up to five t3.micro (0.0104 each) and seven
public addresses (0.005 each), by the list prices of us-east-1 in 2025. Take an account in which nothing else is: what a mistake of
this program could touch is all of it.";

pub(super) async fn run(
    options: &cli::Options,
    command: &cli::Calibrate,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let network = Network::tcp();
    let clock = clock(options, inputs, &network).await?;
    let is_elsewhere = inputs.endpoint_url.is_some();
    if !is_elsewhere && !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(EarlyExit::bad_input(
            "the app that is released is this program itself, so it has to be the one for Linux on x86_64; AWS CloudShell will do",
        ));
    }
    let given = |given: &Option<Given>| given.as_ref().map(|given| given.value.clone());
    let next = CommandLine {
        region: given(&inputs.region),
        endpoint_url: given(&inputs.endpoint_url),
        ..CommandLine::default()
    };
    let aws = access::connect_in(next.region.clone(), inputs, &network, &clock).await?;
    let caller = sts::known_caller(&aws).await.map_err(anyhow::Error::from)?;
    let account = caller.account.as_str();
    check_account(command, &caller, &next)?;
    let folder = tempfile::tempdir().context("a temporary folder")?;
    let program = std::env::current_exe().context("the path of this program")?;
    let file = RefCell::new(None);
    let cancel = CancellationToken::new();
    let walk = Walk {
        access: Access {
            region: Some(aws.region.clone()),
            endpoint_url: next.endpoint_url.clone(),
            ..Access::default()
        },
        network,
        clock: clock.lap(),
        releases: releases(folder.path(), &program)?,
        folder: folder.path(),
        cancel: cancel.clone(),
        write: &|record| write(&mut file.borrow_mut(), &record),
        tell: &|part| terminal.tell(&format!("{:>7}  {part}", roughly(clock.elapsed()))),
    };
    if !command.tear_down {
        *file.borrow_mut() = Some(create(&command.out)?);
    }
    let walked = async {
        match command.tear_down {
            true => walk.tear_down().await,
            false => walk.walk().await,
        }
    };
    let ended = tokio::select! {
        ended = Box::pin(walked) => ended?,
        () = two_signals(&cancel, terminal) => {
            return Err(EarlyExit {
                exit_code: EXIT_CANCELLED,
                text: format!("ended at once; what was made stands, and costs. To remove it:\n  {}", next.of(Next::TearDown(account))),
                concerns: Vec::new(),
            });
        }
    };
    told(&ended, command, &next.of(Next::TearDown(account)), terminal)
}

/// Nothing is done in an account that was not named.
fn check_account(
    command: &cli::Calibrate,
    caller: &Caller,
    next: &CommandLine,
) -> Result<(), EarlyExit> {
    let account = caller.account.as_str();
    let why = match command.account.as_deref() {
        Some(named) if named == account => return Ok(()),
        Some(named) => format!(
            "--account names {named}, and these credentials are for {account}: nothing was done.\n\n"
        ),
        None => String::new(),
    };
    Err(EarlyExit::refused(format!(
        "{why}{WHAT_IT_TAKES}\n\nThese credentials are for account {account} ({}). To go on in it:\n  {}",
        caller.arn,
        next.of(Next::Calibrate(account))
    )))
}

/// A recording is an hour's work: none is written over.
fn create(out: &Path) -> Result<File, EarlyExit> {
    let created = OpenOptions::new().write(true).create_new(true).open(out);
    created.map_err(|error| {
        EarlyExit::bad_input(format!(
            "--out {}: {error}; nothing was done",
            out.display()
        ))
    })
}

fn write(file: &mut Option<File>, record: &Record) -> anyhow::Result<()> {
    let Some(file) = file else {
        return Ok(());
    };
    let line = serde_json::to_string(record)? + "\n";
    file.write_all(line.as_bytes()).context("writing down")
}

/// The first signal ends the walk, which then removes what it made.
async fn two_signals(cancel: &CancellationToken, terminal: &Terminal) {
    signals(1).await;
    terminal.complain("cancelled: what is under way is undone, then all of it is removed; another signal ends this at once");
    cancel.cancel();
    signals(2).await;
}

fn told(
    ended: &Ended,
    command: &cli::Calibrate,
    tear_down: &str,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    if let Some(why) = &ended.why_not {
        terminal.complain(&format!("the walk did not come to its end: {why:#}"));
    }
    for left in &ended.left {
        terminal.complain(&format!("left in the account: {left}"));
    }
    if !ended.left.is_empty() {
        terminal.complain(&format!("it may cost; to try again:\n  {tear_down}"));
    }
    if !command.tear_down {
        terminal.say(&format!(
            "written down: {}\nread it before you show it to anybody; to hold the local cloud against it:\n  {}",
            command.out.display(),
            CommandLine::default().of(Next::Compare(&command.out))
        ));
    } else if ended.left.is_empty() {
        terminal.say("nothing of a calibration is left");
    }
    let is_well = ended.left.is_empty() && ended.why_not.is_none();
    Ok(if is_well { EXIT_OK } else { EXIT_UNEXPECTED })
}
