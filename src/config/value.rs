//! One value of the file, read as its key wants it; every way in which it does not fit is noted with what would be right.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeArray, DeInteger, DeTable, DeValue};

use super::duration;
use super::form::{self, Form};
use super::key::Kind;
use super::problem::{Report, listed, nearest};
use super::windows::Window;
use crate::text::quoted;

/// What a key holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// It was there, did not fit, and a problem says so.
    Broken,
    Text(String),
    Whole(u64),
    Number(f64),
    Flag(bool),
    Duration(Duration),
    Texts(Vec<String>),
    Windows(Vec<Window>),
    Weights(Vec<u8>),
    Pairs(BTreeMap<String, String>),
    Json(BTreeMap<String, Json>),
}

/// A value on its way in: what its key is called in full, and a good value of it.
pub(super) struct Reading<'r, 'a> {
    pub(super) report: &'r mut Report<'a>,
    /// `environments.prod.fleet.min`
    pub(super) path: &'r str,
    /// The key without its tables, for the remedy.
    pub(super) name: &'r str,
    pub(super) example: &'r str,
}

/// The most elements that a list or a table of values may have.
const ELEMENTS_MOST: usize = 200;

impl Reading<'_, '_> {
    /// Reads a value of a kind.
    pub(super) fn read(&mut self, kind: &Kind, value: &Spanned<DeValue<'_>>) -> Value {
        let at = value.span().start;
        match (kind, value.get_ref()) {
            (Kind::Text(form), DeValue::String(text)) => self.text(form, at, text),
            (Kind::Word(words), DeValue::String(text)) => self.word(words, at, text),
            (Kind::Flag, DeValue::Boolean(flag)) => Value::Flag(*flag),
            (Kind::Whole(least, most), DeValue::Integer(number)) => {
                self.whole(*least, *most, at, number)
            }
            (Kind::Number(most), DeValue::Integer(number)) => {
                self.number(*most, at, integer(number).map_or(f64::NAN, |n| n as f64))
            }
            (Kind::Number(most), DeValue::Float(number)) => {
                self.number(*most, at, number.as_str().parse().unwrap_or(f64::NAN))
            }
            (Kind::Duration(least, most), DeValue::String(text)) => {
                self.duration(*least, *most, at, text)
            }
            (Kind::Duration(..), DeValue::Integer(number)) => self.refuse(
                at,
                format!("must be a duration in quotes, with its unit, not {number}"),
                format!("write `{} = \"{number}s\"` if you mean seconds", self.name),
            ),
            (Kind::Texts(form), DeValue::Array(array)) => {
                let texts = self.texts(at, array, |text| form.element(text));
                texts.map_or(Value::Broken, Value::Texts)
            }
            (Kind::Windows, DeValue::Array(array)) => {
                let windows = self.texts(at, array, Window::element);
                windows.map_or(Value::Broken, Value::Windows)
            }
            (Kind::Weights, DeValue::Array(array)) => self.weights(at, array),
            (Kind::Pairs(name, text, taken), DeValue::Table(table)) => {
                self.pairs((name, text, taken), at, table)
            }
            (Kind::Json, DeValue::Table(table)) => self.json(at, table),
            (kind, other) => self.refuse(
                at,
                format!("must be {}, not {}", wanted(kind), found(other)),
                self.good(),
            ),
        }
    }

    fn refuse(&mut self, at: usize, what: String, remedy: String) -> Value {
        self.report
            .note(Some(at), format!("`{}` {what}", self.path), remedy);
        Value::Broken
    }

    fn good(&self) -> String {
        format!("write for example `{} = {}`", self.name, self.example)
    }

    fn text(&mut self, form: &Form, at: usize, text: &str) -> Value {
        if (form.fits)(text) {
            return Value::Text(text.to_owned());
        }
        self.refuse(
            at,
            format!("is {}, but must be {}", quoted(text), form.is),
            self.good(),
        )
    }

    fn word(&mut self, words: &[&str], at: usize, text: &str) -> Value {
        if words.contains(&text) {
            return Value::Text(text.to_owned());
        }
        let remedy = match nearest(
            &text.to_lowercase().replace('_', "-"),
            words.iter().copied(),
        )
        .or_else(|| nearest(&text.to_uppercase(), words.iter().copied()))
        {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => self.good(),
        };
        let what = format!(
            "is {}, but must be one of {}",
            quoted(text),
            listed(words.iter().copied())
        );
        self.refuse(at, what, remedy)
    }

    fn whole(&mut self, least: u64, most: u64, at: usize, number: &DeInteger<'_>) -> Value {
        match integer(number).and_then(|number| u64::try_from(number).ok()) {
            Some(number) if (least..=most).contains(&number) => Value::Whole(number),
            _ => self.refuse(
                at,
                format!("must be {least} to {most}, not {number}"),
                self.good(),
            ),
        }
    }

    fn number(&mut self, most: f64, at: usize, number: f64) -> Value {
        if number > 0.0 && number <= most {
            return Value::Number(number);
        }
        self.refuse(
            at,
            format!("must be above 0 and at most {most}, not {number}"),
            self.good(),
        )
    }

    fn duration(&mut self, least: Duration, most: Duration, at: usize, text: &str) -> Value {
        match duration::parse(text) {
            Ok(duration) if (least..=most).contains(&duration) => Value::Duration(duration),
            Ok(_) => self.refuse(
                at,
                format!(
                    "must be {} to {}, not {}",
                    duration::written(least),
                    duration::written(most),
                    quoted(text)
                ),
                self.good(),
            ),
            Err(remedy) => self.refuse(
                at,
                format!("must be a duration, not {}", quoted(text)),
                remedy,
            ),
        }
    }

    /// Whether a list or table is small enough to be looked at.
    fn few(&mut self, at: usize, count: usize) -> bool {
        let few = count <= ELEMENTS_MOST;
        if !few {
            self.refuse(
                at,
                format!("has {count} entries, which is more than {ELEMENTS_MOST}"),
                "write fewer".to_owned(),
            );
        }
        few
    }

    fn texts<T>(
        &mut self,
        at: usize,
        array: &DeArray<'_>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        if !self.few(at, array.len()) {
            return None;
        }
        let (mut known, mut texts) = (Vec::new(), Vec::new());
        for element in array.iter() {
            let at = element.span().start;
            let what = match element.get_ref() {
                DeValue::String(text) if known.contains(&text) => {
                    format!("holds {} twice", quoted(text))
                }
                DeValue::String(text) => match read(text) {
                    Ok(value) => {
                        known.push(text);
                        texts.push(value);
                        continue;
                    }
                    Err(what) => what,
                },
                other => format!("must hold texts, not {}", found(other)),
            };
            let good = self.good();
            self.refuse(at, what, good);
        }
        (texts.len() == array.len()).then_some(texts)
    }

    fn weights(&mut self, at: usize, array: &DeArray<'_>) -> Value {
        if !self.few(at, array.len()) {
            return Value::Broken;
        }
        let mut numbers = Vec::new();
        for element in array.iter() {
            let DeValue::Integer(number) = element.get_ref() else {
                let what = format!(
                    "must be whole numbers of percent, not {}",
                    found(element.get_ref())
                );
                return self.refuse(element.span().start, what, self.good());
            };
            numbers.push(integer(number).unwrap_or(i128::MAX));
        }
        let rising = numbers.windows(2).all(|pair| pair[0] < pair[1]);
        let first_counts = numbers.first().is_some_and(|first| *first >= 1);
        if rising && first_counts && numbers.last() == Some(&100) {
            // Every number is 1 to 100 now.
            let stages = numbers.iter().filter_map(|n| u8::try_from(*n).ok());
            return Value::Weights(stages.collect());
        }
        let shown: Vec<String> = array
            .iter()
            .filter_map(|element| element.get_ref().as_integer())
            .map(ToString::to_string)
            .collect();
        let what = format!(
            "must rise to 100: {}",
            quoted(&format!("[{}]", shown.join(", "))).replace('`', "")
        );
        self.refuse(at, what, format!("write for example {}", self.example))
    }

    fn pairs(
        &mut self,
        (name_form, text_form, taken): (&Form, &Form, &[&str]),
        at: usize,
        table: &DeTable<'_>,
    ) -> Value {
        if !self.few(at, table.len()) {
            return Value::Broken;
        }
        let mut pairs = BTreeMap::new();
        for (name, value) in table {
            let (name_at, at) = (name.span().start, value.span().start);
            let name = name.get_ref();
            if !(name_form.fits)(name) {
                let what = format!(
                    "has the name {}, which must be {}",
                    quoted(name),
                    name_form.is
                );
                let good = self.good();
                self.refuse(name_at, what, good);
            } else if taken.contains(&name.as_ref()) {
                self.refuse(
                    name_at,
                    format!("must not hold {name}: bg-deploy gives the service that one itself"),
                    "remove this line".to_owned(),
                );
            }
            // The text itself is never shown: it may be a secret.
            let what = match value.get_ref() {
                DeValue::String(text) if (text_form.fits)(text) => {
                    pairs.insert(name.clone().into_owned(), text.clone().into_owned());
                    continue;
                }
                DeValue::String(_) => format!("must hold {} in {}", text_form.is, quoted(name)),
                other => format!("must hold a text in {}, not {}", quoted(name), found(other)),
            };
            let remedy = match value.get_ref() {
                DeValue::String(_) => "remove its line breaks and control characters",
                _ => "write it in quotes",
            };
            self.refuse(at, what, remedy.to_owned());
        }
        Value::Pairs(pairs)
    }

    fn json(&mut self, at: usize, table: &DeTable<'_>) -> Value {
        if !self.few(at, table.len()) {
            return Value::Broken;
        }
        let mut wanted = BTreeMap::new();
        for (pointer, value) in table {
            if !(form::POINTER.fits)(pointer.get_ref()) {
                let what = format!(
                    "has the name {}, which must be {}",
                    quoted(pointer.get_ref()),
                    form::POINTER.is
                );
                let remedy = format!("write for example {}", self.example);
                self.refuse(pointer.span().start, what, remedy);
            }
            match json_of(value.get_ref()) {
                Some(json) => {
                    wanted.insert(pointer.get_ref().clone().into_owned(), json);
                }
                None => {
                    self.refuse(
                        value.span().start,
                        "holds something that JSON has not".to_owned(),
                        "write dates in quotes, and numbers that are finite".to_owned(),
                    );
                }
            }
        }
        Value::Json(wanted)
    }
}

/// An integer of any radix.
fn integer(number: &DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(number.as_str(), number.radix()).ok()
}

/// A TOML value as JSON, where there is such a thing. The parser bounds the depth.
fn json_of(value: &DeValue<'_>) -> Option<Json> {
    Some(match value {
        DeValue::String(text) => Json::from(text.as_ref()),
        DeValue::Integer(number) => Json::from(i64::try_from(integer(number)?).ok()?),
        DeValue::Float(number) => {
            Json::Number(serde_json::Number::from_f64(number.as_str().parse().ok()?)?)
        }
        DeValue::Boolean(flag) => Json::from(*flag),
        DeValue::Datetime(_) => return None,
        DeValue::Array(array) => Json::Array(
            array
                .iter()
                .map(|element| json_of(element.get_ref()))
                .collect::<Option<_>>()?,
        ),
        DeValue::Table(table) => Json::Object(
            table
                .iter()
                .map(|(key, value)| {
                    Some((
                        key.get_ref().clone().into_owned(),
                        json_of(value.get_ref())?,
                    ))
                })
                .collect::<Option<_>>()?,
        ),
    })
}

/// What a kind wants, in words that follow "must be".
fn wanted(kind: &Kind) -> String {
    match kind {
        Kind::Text(form) => form.is.to_owned(),
        Kind::Word(words) => format!("one of {}", listed(words.iter().copied())),
        Kind::Flag => "`true` or `false`".to_owned(),
        Kind::Whole(least, most) => format!("a whole number, {least} to {most}"),
        Kind::Number(most) => format!("a number above 0 and at most {most}"),
        Kind::Duration(..) => "a duration in quotes, with its unit".to_owned(),
        Kind::Texts(_) => "a list of texts".to_owned(),
        Kind::Windows => "a list of windows".to_owned(),
        Kind::Weights => "a list of percentages that rise to 100".to_owned(),
        Kind::Pairs(..) => "a table of names and texts".to_owned(),
        Kind::Json => "a table of JSON pointers and values".to_owned(),
    }
}

/// What stands there instead.
pub(super) fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "`true` or `false`",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
