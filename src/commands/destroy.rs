//! `destroy`: removes all that belongs to an app in an environment, for good. Without the name of that it shows what it is; and while
//! visitors are served it wants to be told by which release, so that nobody ends a service by habit.

use std::fmt::Write as _;
use std::pin::pin;

use serde_json::{Value, json};

use super::reached::Reached;
use super::signals::signals;
use super::turn::Turn;
use super::{EarlyExit, Terminal};
use crate::cli;
use crate::command_line::Next;
use crate::config::Config;
use crate::destroy::{self, Destroyed, Left, Look, Serving};
use crate::inputs::Inputs;
use crate::lease::Patience;
use crate::lease::give_back;
use crate::outcome::{EXIT_CANCELLED, EXIT_OK, EXIT_REFUSED};
use crate::run::context::Context;
use crate::run::event::Event;
use crate::run::runner::STRAGGLERS;

/// What is to be typed to mean this app in this environment: `hello/prod`.
fn whole(config: &Config) -> String {
    format!("{}/{}", config.app, config.environment)
}

pub(super) async fn run(
    options: &cli::Options,
    command: &cli::Destroy,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<u8, EarlyExit> {
    let reached = Reached::reach(options, inputs).await?;
    check(&reached, command)?;
    let cx = Context::new(
        reached.aws.clone(),
        reached.network.clone(),
        reached.clock.clone(),
    );
    let mut cx = cx.typed(&reached.config.command_line);
    let seen = destroy::look(&cx, &reached.config, &reached.caller).await?;
    if seen.is_empty() {
        let words = nothing(&reached.config, &seen);
        return answer(options, terminal, "nothing-to-destroy", &seen, None, &words);
    }
    if command.yes.is_none() {
        let words = shown(&reached, &seen);
        return answer(options, terminal, "would-destroy", &seen, None, &words);
    }
    refuse(&reached.config, command, &seen)?;
    let turn = take_turn(&reached, inputs, terminal).await?;
    cx.lease = turn.lease;
    // Meanwhile somebody may have released.
    let seen = destroy::look(&cx, &reached.config, &reached.caller).await;
    let seen = seen
        .map_err(EarlyExit::from)
        .and_then(|seen| refuse(&reached.config, command, &seen).map(|()| seen));
    let seen = match seen {
        Ok(seen) => seen,
        Err(why) => {
            give_back(cx.lease.as_ref(), false).await;
            return Err(why);
        }
    };
    tell(&cx, terminal, options.json);
    let done = carry_out(&cx, &reached, terminal).await;
    give_back(cx.lease.as_ref(), false).await;
    let done = done?;
    let result = match done.left.is_empty() {
        true => "destroyed",
        false => "left",
    };
    let words = ended(&reached.config, &done);
    answer(options, terminal, result, &seen, Some(&done), &words)
}

/// What is wrong before anything was looked at.
fn check(reached: &Reached, command: &cli::Destroy) -> Result<(), EarlyExit> {
    let (config, caller) = (&reached.config, &reached.caller);
    if let Some(why) = caller.is_elsewhere(config.account.as_deref(), &config.environment) {
        return Err(EarlyExit::refused(why));
    }
    match &command.yes {
        Some(said) if *said != whole(config) => Err(EarlyExit::bad_input(format!(
            "--yes {said}: this is {}; nothing was removed",
            whole(config)
        ))),
        _ => Ok(()),
    }
}

/// What stands in the way of all of it.
fn refuse(config: &Config, command: &cli::Destroy, seen: &Look) -> Result<(), EarlyExit> {
    if let Some(balancer) = &seen.protected {
        return Err(EarlyExit::refused(destroy::protected(balancer)));
    }
    let said = command.even_while_serving.as_deref();
    if seen.serving.is_empty() || seen.serving.iter().any(|it| Some(&*it.name()) == said) {
        return Ok(());
    }
    let named = match said {
        Some(said) => format!("visitors are served now, and not by {said}"),
        None => "visitors are served now".to_owned(),
    };
    Err(EarlyExit::refused(format!(
        "{named}; nothing was removed\n{}\nif they are to get no answer any more, with their release in the place of RELEASE: {}",
        served(seen),
        next(config, seen)
    )))
}

async fn take_turn(
    reached: &Reached,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<Turn, EarlyExit> {
    let config = &reached.config;
    let asking = reached.asking("destroy", inputs, terminal);
    let patience = Patience::Waits(config.lease.wait);
    let turn = asking.turn(&reached.names(), patience).await?;
    if let Some(left) = &turn.left {
        let about = &left.beginning;
        terminal.tell(&format!(
            "a {} of {} did not come to its end: what it made is removed with the rest",
            about.command, about.release
        ));
    }
    if turn.is_overtaken {
        terminal.tell(&format!(
            "it was under way a moment ago: {} s for its last call to take effect",
            STRAGGLERS.as_secs()
        ));
        reached.clock.sleep(STRAGGLERS).await;
    }
    Ok(turn)
}

/// Has each thing told as it goes, and what is waited for, which takes minutes.
fn tell(cx: &Context, terminal: &Terminal, json: bool) {
    let terminal = *terminal;
    let mut last = String::new();
    cx.events.listen(move |stamped| match &stamped.event {
        // A program gets one answer at the end.
        Event::Note { text } if json => terminal.complain(text),
        Event::Note { text } => terminal.tell(text),
        Event::Waiting { reason, .. } if *reason != last => {
            terminal.tell(&format!("  waiting: {reason}"));
            last.clone_from(reason);
        }
        _ => {}
    });
}

/// Removes it. A signal ends it between two calls, and the lease is given back.
async fn carry_out(
    cx: &Context,
    reached: &Reached,
    terminal: &Terminal,
) -> Result<Destroyed, EarlyExit> {
    let mut run = pin!(destroy::destroy(cx, &reached.config, &reached.caller));
    let done = tokio::select! {
        done = &mut run => done,
        () = signals(1) => {
            terminal.tell("cancelled: what has begun is brought to an end");
            cx.cancel.cancel();
            run.await
        }
    };
    match done {
        Err(_) if cx.cancel.is_cancelled() && cx.lost().is_none() => Err(EarlyExit {
            exit_code: EXIT_CANCELLED,
            text: "cancelled; what is told as removed is gone, and the same command goes on with the rest"
                .to_owned(),
            concerns: Vec::new(),
        }),
        done => Ok(done?),
    }
}

fn served(seen: &Look) -> String {
    let at = seen.url.as_ref();
    let at = at.map_or_else(String::new, |url| format!(", at {url}"));
    let mut text = format!("served now{at}:");
    for one in &seen.serving {
        let _ = write!(text, "\n  {}", one.words());
    }
    text
}

/// The command that removes it. The release that is served is not told with it: whoever types it has to have read it.
fn next(config: &Config, seen: &Look) -> String {
    let whole = whole(config);
    config.next(match seen.serving.is_empty() {
        true => Next::Destroy(&whole),
        false => Next::DestroyServing(&whole),
    })
}

/// The paragraphs of what stays, where something does.
fn stays(text: &mut String, head: &str, all: &[Left]) {
    if all.is_empty() {
        return;
    }
    let _ = write!(text, "\n\n{head}:");
    for one in all {
        let _ = write!(text, "\n  {}", one.words());
    }
}

fn of_config(config: &Config) -> String {
    format!("{} in {}", config.app, config.environment)
}

fn nothing(config: &Config, seen: &Look) -> String {
    let mut text = format!("nothing of {} stands here", of_config(config));
    stays(&mut text, "of its names, and not its own", &seen.strangers);
    text
}

/// What would be removed, and how.
fn shown(reached: &Reached, seen: &Look) -> String {
    let config = &reached.config;
    let mut text = format!(
        "{}, account {}, {}\n\n",
        of_config(config),
        reached.caller.account,
        reached.aws.region
    );
    text += &match seen.serving.is_empty() {
        true => "nobody is served by it now".to_owned(),
        false => served(seen),
    };
    text += "\n\nwould be removed, for good:";
    let things = seen.things.iter().filter(|thing| thing.stays.is_none());
    for what in things.map(|thing| &thing.what).chain(&seen.bucket) {
        let _ = write!(text, "\n  {what}");
    }
    stays(&mut text, "would be left", &left(seen));
    stays(
        &mut text,
        "would be kept, for other environments",
        &seen.kept,
    );
    text += "\n\nnothing was removed; ";
    match &seen.protected {
        Some(balancer) => text += &destroy::protected(balancer),
        None if seen.serving.is_empty() => text += "to remove it: ",
        None => {
            text += "to remove it, with the release that is served in the place of RELEASE: ";
        }
    }
    if seen.protected.is_none() {
        text += &next(config, seen);
    }
    text
}

/// What is known to stay.
fn left(seen: &Look) -> Vec<Left> {
    let own = seen.things.iter().filter_map(|thing| {
        Some(Left {
            what: thing.what.clone(),
            why: thing.stays.clone()?,
        })
    });
    own.chain(seen.strangers.iter().cloned()).collect()
}

fn ended(config: &Config, done: &Destroyed) -> String {
    let of = of_config(config);
    let mut text = match (done.left.is_empty(), done.removed.len()) {
        (true, _) => format!("{of} is gone"),
        (false, 0) => format!("nothing of {of} was removed"),
        (false, _) => format!("not all of {of} could be removed"),
    };
    stays(&mut text, "left", &done.left);
    stays(&mut text, "kept, for other environments", &done.kept);
    if !done.left.is_empty() {
        text += "\n\nonce that is out of the way, the same command goes on";
    }
    text
}

fn answer(
    options: &cli::Options,
    terminal: &Terminal,
    result: &str,
    seen: &Look,
    done: Option<&Destroyed>,
    words: &str,
) -> Result<u8, EarlyExit> {
    let code = match result {
        "left" => EXIT_REFUSED,
        _ => EXIT_OK,
    };
    if !options.json {
        terminal.say(words);
        return Ok(code);
    }
    let things = seen.things.iter().filter(|thing| thing.stays.is_none());
    let things: Vec<_> = things
        .map(|thing| &thing.what)
        .chain(&seen.bucket)
        .collect();
    let serving: Vec<_> = seen.serving.iter().map(of_serving).collect();
    let would = Destroyed {
        removed: Vec::new(),
        kept: seen.kept.clone(),
        left: left(seen),
    };
    let would_remove = match done {
        None => json!(things),
        Some(_) => json!([]),
    };
    let done = done.unwrap_or(&would);
    let answer = json!({
        "result": result,
        "exit_code": code,
        "serving": serving,
        "would_remove": would_remove,
        "removed": done.removed,
        "kept": done.kept,
        "left": done.left,
    });
    terminal.say(&answer.to_string());
    Ok(code)
}

fn of_serving(serving: &Serving) -> Value {
    json!({
        "colour": serving.colour,
        "release": serving.release,
        "healthy": serving.healthy,
        "instances": serving.instances,
        "routes": serving.routes,
    })
}
