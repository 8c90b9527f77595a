//! What an option's value has to be: what the file would want of the same.

use std::time::Duration;

use crate::config;

/// A text of a form, as the file would want it.
fn of_form(form: &config::form::Form, text: &str) -> Result<String, String> {
    if (form.fits)(text) {
        return Ok(text.to_owned());
    }
    Err(format!("must be {}", form.is))
}

pub(super) fn origin(text: &str) -> Result<String, String> {
    of_form(&config::form::ORIGIN, text)
}

pub(super) fn path(text: &str) -> Result<String, String> {
    of_form(&config::form::PATH, text)
}

pub(super) fn pointer(text: &str) -> Result<String, String> {
    of_form(&config::form::POINTER, text)
}

pub(super) fn release(text: &str) -> Result<String, String> {
    of_form(&config::form::RELEASE, text)
}

pub(super) fn kept(text: &str) -> Result<Duration, String> {
    let length = config::duration::parse(text)?;
    match length <= Duration::from_secs(7 * 24 * 3_600) {
        true => Ok(length),
        false => Err("must be at most `7d`".to_owned()),
    }
}

/// It becomes a part of a trust policy, where a star would let others in.
pub(super) fn repository(text: &str) -> Result<String, String> {
    let is_name = |part: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !part.is_empty() && part.len() <= 128 && part.chars().all(fits)
    };
    let is_id = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let parts = text.split_once('/').map(|(owner, name)| {
        [owner, name].map(|part| match part.split_once('@') {
            Some((name, id)) => (name, Some(id)),
            None => (part, None),
        })
    });
    let fits = match parts {
        Some([(owner, None), (name, None)]) => is_name(owner) && is_name(name),
        Some([(owner, Some(of_owner)), (name, Some(of_name))]) => {
            is_name(owner) && is_name(name) && is_id(of_owner) && is_id(of_name)
        }
        _ => false,
    };
    match fits {
        true => Ok(text.to_owned()),
        false => Err("must be `OWNER/NAME`, or `OWNER@ID/NAME@ID`".to_owned()),
    }
}

pub(super) fn rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate| *rate > 0.0 && *rate <= 1_000.0)
        .ok_or_else(|| "must be a number above 0 and at most 1000".to_owned())
}
