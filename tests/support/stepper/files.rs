//! The files by which a step gives things to the runner, read by its rules (`FileCommandManager.cs`).

use std::collections::BTreeMap;

/// The most that a summary may have.
const SUMMARY_MOST: usize = 1024 * 1024;

/// Names and values: `NAME=VALUE`, or `NAME<<END`, lines, `END`. What comes first in a line decides which it is.
pub(crate) fn pairs(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut pairs = BTreeMap::new();
    let mut lines = text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        let line = line.strip_suffix('\n').unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        let equals = line.find('=').unwrap_or(usize::MAX);
        let heredoc = line.find("<<").unwrap_or(usize::MAX);
        let (name, value) = if heredoc < equals {
            let (name, end) = (&line[..heredoc], &line[heredoc + 2..]);
            if end.is_empty() {
                return Err(format!("no delimiter in {line:?}"));
            }
            (name, until(&mut lines, end)?)
        } else if equals < usize::MAX {
            (&line[..equals], line[equals + 1..].to_owned())
        } else {
            return Err(format!("neither = nor << in {line:?}"));
        };
        if name.is_empty() {
            return Err(format!("no name in {line:?}"));
        }
        pairs.insert(name.to_owned(), value);
    }
    Ok(pairs)
}

/// The lines before the one that is `end`, and nothing but that.
fn until<'a>(lines: &mut impl Iterator<Item = &'a str>, end: &str) -> Result<String, String> {
    let mut value = String::new();
    for line in lines {
        if line.strip_suffix('\n').unwrap_or(line) == end {
            value.truncate(value.strip_suffix('\n').map_or(value.len(), str::len));
            return Ok(value);
        }
        if !line.ends_with('\n') {
            break;
        }
        value += line;
    }
    Err(format!("the delimiter {end:?} does not come"))
}

/// A step's summary.
pub(super) fn summary(text: String) -> Result<String, String> {
    if text.len() > SUMMARY_MOST {
        return Err(format!("a summary of {} bytes", text.len()));
    }
    Ok(text)
}
