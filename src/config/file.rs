//! The file as layers of found values: what holds everywhere, and what each environment lays over it.
//!
//! Guarantees: every key of the file is either read by its kind or noted as a problem; nothing is ignored.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::form;
use super::key::Table;
use super::keys;
use super::problem::{Report, listed, nearest};
use super::value::{Reading, Value, found};
use crate::text::quoted;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) at: usize,
    pub(super) value: Value,
}

/// One table's values.
#[derive(Clone, Debug, Default)]
pub(super) struct Section {
    /// Where the table stands, if it does.
    pub(super) at: Option<usize>,
    pub(super) values: BTreeMap<&'static str, Found>,
}

/// All tables of the file, or of an environment.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    pub(super) sections: BTreeMap<Table, Section>,
    /// The smoke tests; `None` where the layer says nothing about them.
    pub(super) smoke: Option<Vec<Section>>,
}

/// The whole file.
#[derive(Clone, Debug, Default)]
pub(super) struct File {
    pub(super) base: Layer,
    pub(super) environments: BTreeMap<String, Layer>,
}

/// The most smoke tests, and the most environments.
const TABLES_MOST: usize = 50;

impl Layer {
    /// This layer with another one over it, key by key. Variables are merged name by name; smoke tests replace.
    pub(super) fn under(mut self, over: Self) -> Self {
        for (table, section) in over.sections {
            let mine = self.sections.entry(table).or_default();
            mine.at = section.at.or(mine.at);
            for (name, found) in section.values {
                let merged = match (mine.values.remove(name), found) {
                    (
                        Some(Found {
                            value: Value::Pairs(mut below),
                            ..
                        }),
                        Found {
                            at,
                            value: Value::Pairs(above),
                        },
                    ) => {
                        below.extend(above);
                        Found {
                            at,
                            value: Value::Pairs(below),
                        }
                    }
                    (_, found) => found,
                };
                mine.values.insert(name, merged);
            }
        }
        self.smoke = over.smoke.or(self.smoke);
        self
    }
}

/// Reads the whole file.
pub(super) fn read(report: &mut Report<'_>, root: &DeTable<'_>) -> File {
    let mut environments = BTreeMap::new();
    if let Some((_, value)) = root.iter().find(|(key, _)| key.get_ref() == "environments") {
        environments = read_environments(report, value);
    }
    File {
        base: read_layer(report, root, ""),
        environments,
    }
}

fn read_environments(
    report: &mut Report<'_>,
    value: &Spanned<DeValue<'_>>,
) -> BTreeMap<String, Layer> {
    let at = Some(value.span().start);
    let DeValue::Table(tables) = value.get_ref() else {
        let what = format!(
            "`environments` must be tables, not {}",
            found(value.get_ref())
        );
        report.note(at, what, "write for example [environments.prod]");
        return BTreeMap::new();
    };
    if tables.len() > TABLES_MOST {
        let what = format!("more than {TABLES_MOST} environments");
        report.note(at, what, "write fewer");
        return BTreeMap::new();
    }
    let mut layers = BTreeMap::new();
    for (name, value) in tables {
        let name_at = Some(name.span().start);
        if !(form::NAME.fits)(name.get_ref()) {
            let what = format!(
                "the environment {} must be named with {}",
                quoted(name.get_ref()),
                form::NAME.is
            );
            report.note(name_at, what, "write for example [environments.prod]");
        }
        let layer = match value.get_ref() {
            DeValue::Table(table) => {
                read_layer(report, table, &format!("environments.{}.", name.get_ref()))
            }
            other => {
                let what = format!(
                    "`environments.{}` must be a table, not {}",
                    name.get_ref(),
                    found(other)
                );
                let remedy = format!("write [environments.{}] on its own line", name.get_ref());
                report.note(name_at, what, remedy);
                Layer::default()
            }
        };
        layers.insert(name.get_ref().clone().into_owned(), layer);
    }
    layers
}

/// Reads the tables of the file (`prefix` is empty) or of an environment (`environments.prod.`).
fn read_layer(report: &mut Report<'_>, table: &DeTable<'_>, prefix: &str) -> Layer {
    let mut layer = Layer::default();
    for (key, value) in table {
        let (name, at) = (key.get_ref().as_ref(), key.span().start);
        let in_environment = !prefix.is_empty();
        if let Some(table) = Table::named(name) {
            if table == Table::Smoke {
                layer.smoke = Some(read_smoke(report, value, prefix));
            } else {
                let section = read_table(report, (table, at), value, prefix);
                layer.sections.insert(table, section);
            }
        } else if in_environment && name == "app" {
            report.note(
                Some(at),
                format!("`{prefix}app`: the app is the same in every environment"),
                "write `app` at the top of the file only",
            );
        } else if in_environment || name != "environments" {
            let section = layer.sections.entry(Table::Top).or_default();
            read_key(report, Table::Top, section, (key, value), prefix);
        }
    }
    layer
}

fn read_table(
    report: &mut Report<'_>,
    (table, key_at): (Table, usize),
    value: &Spanned<DeValue<'_>>,
    prefix: &str,
) -> Section {
    let mut section = Section {
        at: Some(key_at),
        ..Section::default()
    };
    match value.get_ref() {
        DeValue::Table(keys) => {
            for entry in keys {
                read_key(report, table, &mut section, entry, prefix);
            }
        }
        other => {
            let name = table.name();
            report.note(
                Some(key_at),
                format!("`{prefix}{name}` must be a table, not {}", found(other)),
                format!("write [{prefix}{name}] on its own line"),
            );
        }
    }
    section
}

fn read_smoke(report: &mut Report<'_>, value: &Spanned<DeValue<'_>>, prefix: &str) -> Vec<Section> {
    let at = value.span().start;
    let remedy = format!("write [[{prefix}smoke]] on its own line, once for each test");
    let DeValue::Array(tests) = value.get_ref() else {
        let what = format!(
            "`{prefix}smoke` must be a list of tables, not {}",
            found(value.get_ref())
        );
        report.note(Some(at), what, remedy);
        return Vec::new();
    };
    if tests.len() > TABLES_MOST {
        let what = format!("more than {TABLES_MOST} smoke tests");
        report.note(Some(at), what, "write fewer");
        return Vec::new();
    }
    let mut sections = Vec::new();
    for test in tests.iter() {
        let at = test.span().start;
        match test.get_ref() {
            DeValue::Table(_) => {
                sections.push(read_table(report, (Table::Smoke, at), test, prefix));
            }
            other => {
                let what = format!("`{prefix}smoke` must hold tables, not {}", found(other));
                report.note(Some(at), what, remedy.clone());
            }
        }
    }
    sections
}

fn read_key(
    report: &mut Report<'_>,
    table: Table,
    section: &mut Section,
    (key, value): (&Spanned<toml::de::DeString<'_>>, &Spanned<DeValue<'_>>),
    prefix: &str,
) {
    let (name, at) = (key.get_ref().as_ref(), key.span().start);
    let Some(known) = keys::find(table, name) else {
        let place = match (table, prefix) {
            (Table::Top, "") => "at the top".to_owned(),
            (Table::Top, _) => format!("in [{}]", prefix.trim_end_matches('.')),
            (Table::Smoke, _) => format!("in [[{prefix}smoke]]"),
            _ => format!("in [{prefix}{}]", table.name()),
        };
        let what = format!("unknown key {} {place}", quoted(name));
        report.note(Some(at), what, remedy_for_unknown(table, name));
        return;
    };
    let value = Reading {
        report,
        path: &format!("{prefix}{}", table.dotted(known.name)),
        name: known.name,
        example: known.example,
    }
    .read(&known.kind, value);
    section.values.insert(known.name, Found { at, value });
}

/// What was probably meant by a key that the table does not have.
fn remedy_for_unknown(table: Table, name: &str) -> String {
    let mut known: Vec<&str> = keys::of(table).map(|key| key.name).collect();
    if table == Table::Top {
        known.extend(
            Table::ALL
                .iter()
                .map(|table| table.name())
                .filter(|name| !name.is_empty()),
        );
        known.push("environments");
    }
    if let Some(meant) = nearest(name, known.iter().copied()) {
        return format!("did you mean `{meant}`?");
    }
    let homes: Vec<String> = keys::KEYS
        .iter()
        .filter(|key| key.name == name)
        .map(|key| key.table.header())
        .collect();
    if !homes.is_empty() {
        return format!("it belongs in {}", homes.join(" or "));
    }
    format!("known here: {}", listed(known))
}
