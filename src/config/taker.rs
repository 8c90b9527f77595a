//! Takes a table's values by the names of its keys, each with what its key falls back to.

use std::collections::BTreeMap;
use std::time::Duration;

use super::file::{Layer, Section};
use super::key::{Fallback, Key, Table};
use super::keys;
use super::problem::Report;
use super::value::Value;

/// Takes values out of one table: the found one, or the one that its key falls back to.
pub(super) struct Taker<'r, 'a, 's> {
    report: &'r mut Report<'a>,
    section: Option<&'s Section>,
    table: Table,
}

impl<'r, 'a, 's> Taker<'r, 'a, 's> {
    pub(super) fn new(report: &'r mut Report<'a>, layer: &'s Layer, table: Table) -> Self {
        Self {
            report,
            section: layer.sections.get(&table),
            table,
        }
    }

    /// Of a table that may stand several times.
    pub(super) fn of_section(
        report: &'r mut Report<'a>,
        section: &'s Section,
        table: Table,
    ) -> Self {
        Self {
            report,
            section: Some(section),
            table,
        }
    }

    fn key(&self, name: &str) -> &'static Key {
        keys::find(self.table, name).expect("every key that is asked for is in the list")
    }

    pub(super) fn found(&self, name: &str) -> Option<&'s Value> {
        Some(&self.section?.values.get(name)?.value)
    }

    /// Notes a problem at a key, or at its table where the key is not written.
    pub(super) fn note(&mut self, name: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let key = self.section.and_then(|section| section.values.get(name));
        let table = self.section.and_then(|section| section.at);
        self.report
            .note(key.map(|key| key.at).or(table), what, remedy);
    }

    pub(super) fn text(&mut self, name: &str) -> String {
        match (self.found(name), self.key(name).fallback) {
            (Some(Value::Text(text)), _) => text.clone(),
            (None, Fallback::Text(text)) => text.to_owned(),
            (None, Fallback::Required) => {
                let key = self.key(name);
                self.note(
                    name,
                    format!("`{}` is missing", self.table.dotted(name)),
                    format!(
                        "write for example `{name} = {}` {}",
                        key.example,
                        match self.table {
                            Table::Top => "at the top".to_owned(),
                            table => format!("in {}", table.header()),
                        }
                    ),
                );
                String::new()
            }
            _ => String::new(),
        }
    }

    pub(super) fn text_if_any(&self, name: &str) -> Option<String> {
        match self.found(name) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// The key's bounds are those of the type that is asked for, or narrower.
    pub(super) fn whole<N: TryFrom<u64> + From<u8>>(&self, name: &str) -> N {
        let number = match (self.found(name), self.key(name).fallback) {
            (Some(Value::Whole(number)), _) => *number,
            (None, Fallback::Whole(number)) => number,
            _ => 1,
        };
        N::try_from(number).unwrap_or_else(|_| N::from(1))
    }

    pub(super) fn number(&self, name: &str) -> f64 {
        match (self.found(name), self.key(name).fallback) {
            (Some(Value::Number(number)), _) => *number,
            (None, Fallback::Number(number)) => number,
            _ => 1.0,
        }
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        match (self.found(name), self.key(name).fallback) {
            (Some(Value::Flag(flag)), _) => *flag,
            (None, Fallback::Flag(flag)) => flag,
            _ => false,
        }
    }

    pub(super) fn duration(&self, name: &str) -> Duration {
        match (self.found(name), self.key(name).fallback) {
            (Some(Value::Duration(duration)), _) => *duration,
            (None, Fallback::Duration(duration)) => duration,
            _ => Duration::ZERO,
        }
    }

    pub(super) fn duration_if_any(&self, name: &str) -> Option<Duration> {
        match self.found(name) {
            Some(Value::Duration(duration)) => Some(*duration),
            _ => None,
        }
    }

    pub(super) fn pairs(&self, name: &str) -> BTreeMap<String, String> {
        match self.found(name) {
            Some(Value::Pairs(pairs)) => pairs.clone(),
            _ => BTreeMap::new(),
        }
    }
}
