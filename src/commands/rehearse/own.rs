//! Whose app is rehearsed: that of the `bg-deploy.toml` that was named or is there, or the sample.

use std::path::Path;
use std::time::Duration;

use super::previous::Own;
use crate::cli;
use crate::command_line::{CommandLine, Next};
use crate::commands::deploy::wanted_release;
use crate::commands::{EarlyExit, Terminal};
use crate::config::{self, DEFAULT_FILE, Given};
use crate::faults::{FAULTS, Place};
use crate::inputs::Inputs;

/// The user's own app; `None` for the sample.
pub(super) fn config(
    command: &cli::Rehearse,
    inputs: &Inputs,
    terminal: &Terminal,
) -> Result<Option<Own>, EarlyExit> {
    let file = inputs.config.as_ref();
    if command.sample || (file.is_none() && !Path::new(DEFAULT_FILE).exists()) {
        return match said(inputs, command) {
            Some(option) => Err(EarlyExit::bad_input(format!(
                "{}, and the sample app has a config and releases of its own: {}",
                match command.sample {
                    true => "--sample was said".to_owned(),
                    false => format!("there is no {DEFAULT_FILE} here"),
                },
                match command.sample {
                    true => format!("leave --sample out, or {option}"),
                    false => format!("name your file (--config), or leave {option} out"),
                }
            ))),
            None => Ok(None),
        };
    }
    let named = file.map_or(DEFAULT_FILE, |given| given.value.as_str());
    if let Some(fault) = command.fault.filter(|fault| fault.place == Place::App) {
        let any = FAULTS.iter().filter(|fault| fault.place != Place::App);
        let any: Vec<_> = any.map(|fault| fault.name).collect();
        let sample = CommandLine::default().of(Next::RehearseSample(fault.name));
        return Err(EarlyExit::bad_input(format!(
            "--fault {fault} is a fault of the sample app, and there is an app of your own ({named}); {} go with any app\n\
             to rehearse the sample app with it: {sample}",
            any.join(" and ")
        )));
    }
    let mut config = config::load(inputs)?;
    // What each instance wrote is kept, and the cloud is gone afterwards.
    config.retain.failed_for = Duration::ZERO;
    wanted_release(&config)?;
    if file.is_none() {
        let app = &config.app;
        terminal.tell(&format!(
            "{app} is rehearsed, of {DEFAULT_FILE} (for the sample app: --sample)"
        ));
    }
    Own::of(config, command, inputs).map(Some)
}

/// What was said that the sample app can't follow. What CI says of itself is not meant for it.
fn said(inputs: &Inputs, command: &cli::Rehearse) -> Option<&'static str> {
    let config = inputs.config.as_ref().filter(|_| command.sample);
    let said = [config, inputs.release.as_ref(), inputs.artifact.as_ref()];
    let said = said.into_iter().flatten().map(|given: &Given| given.from);
    let mut said = said.filter(|from| from.starts_with("--") || from.starts_with("BGD_"));
    let previous = command.previous.as_ref().map(|_| "--previous");
    let stand_in = command.stand_in.then_some("--stand-in");
    said.next().or(previous).or(stand_in)
}
