//! The file as a whole: defaults, overlays, every problem at once, and what the repository shows of the keys.

mod defaults;
mod hostile;
mod messages;
#[cfg(unix)]
mod on_disk;
mod shown;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::key::{Fallback, Kind, Table};
use super::{
    Config, Given, Overrides, Problems, Strategy, Windows, default, keys, load, parse,
    reference_markdown, schema_text,
};
use crate::names::Release;

const EXAMPLE: &str = include_str!("../../../examples/bg-deploy.toml");
const LEAST: &str = "app = \"hello\"\n[service]\ncommand = \"./hello\"\nartifact = \"dist/\"\n";

fn read(text: &str) -> Result<Config, Problems> {
    parse(text, Path::new("bg-deploy.toml"), None)
}

/// All problems of a text, one a line.
fn problems(text: &str) -> String {
    match read(text) {
        Ok(config) => panic!("no problem in {text:?}: {config:?}"),
        Err(problems) => problems.to_string(),
    }
}
