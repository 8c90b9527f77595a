//! `provision`: makes or updates what a release needs.

use super::reached::Reached;
use super::turn::Asking;
use super::{EarlyExit, Terminal};
use crate::cli;
use crate::inputs::Inputs;
use crate::lease::Patience;
use crate::lease::give_back;
use crate::names::Release;
use crate::outcome::EXIT_OK;
use crate::provision::{self, beforehand};
use crate::run::context::Context;
use crate::run::event::Event;

/// What is made takes a minute, and what comes after it may fail: each is told as it is made.
fn tell_notes(cx: &Context, terminal: &Terminal, json: bool) {
    let terminal = *terminal;
    cx.events.listen(move |stamped| match &stamped.event {
        // A program gets one answer at the end.
        Event::Note { text } if json => terminal.complain(text),
        Event::Note { text } => terminal.tell(text),
        _ => {}
    });
}

pub(super) async fn run(
    options: &cli::Options,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let reached = Reached::reach(options, inputs).await?;
    let names = reached.names();
    let Reached {
        config,
        network,
        clock,
        aws,
        caller,
    } = reached;
    if let Some(why) = caller.is_elsewhere(config.account.as_deref(), &config.environment) {
        return Err(EarlyExit::refused(why));
    }
    let concerns = Box::pin(beforehand::concerns(&aws, &config, &caller)).await?;
    if let Some(why) = beforehand::refusal(&concerns) {
        return Err(EarlyExit::refused(why).for_reasons(concerns));
    }
    for concern in &concerns {
        terminal.notice(&concern.to_string());
    }
    let mut made = provision::Provisioned::default();
    // The bucket first: it keeps the lease.
    let mut cx = Context::new(aws, network.clone(), clock.clone());
    tell_notes(&cx, terminal, options.json);
    provision::artifacts::ensure_bucket(&cx, &config, &names, &caller, &mut made).await?;
    let release = Release::default();
    let asking = Asking {
        aws: &cx.aws,
        network: &network,
        clock: &clock,
        inputs,
        terminal,
        command: "provision",
        verifies: false,
        release: &release,
        command_line: &config.command_line,
    };
    let turn = asking
        .turn(&names, Patience::Waits(config.lease.wait))
        .await?;
    cx.lease = turn.lease;
    let provisioned = cx.keep_lease(provision::provision(&cx, &config, &caller, made));
    let made = Box::pin(provisioned).await;
    // What an earlier run left half done is left for whoever finishes it.
    give_back(cx.lease.as_ref(), turn.left.is_none()).await;
    let made = made?;
    if options.json {
        let answer = serde_json::json!({
            "result": "provisioned",
            "exit_code": EXIT_OK,
            "created": made.created,
            "left": made.left,
            "url": made.url,
        });
        terminal.say(&answer.to_string());
        return Ok(EXIT_OK);
    }
    for what in &made.left {
        terminal.say(&format!("note: {what}"));
    }
    if made.created.is_empty() {
        terminal.say("everything stands already; settings were brought up to date");
    }
    terminal.say(&format!("traffic will be answered at {}", made.url));
    Ok(EXIT_OK)
}
