//! The list of keys as others read it: a JSON Schema for editors, a table for docs/configuration.md.

use serde_json::{Map, Value as Json, json};

use super::duration;
use super::form::{self, Form};
use super::key::{Fallback, Key, Kind, Table};
use super::keys;
use super::windows;

/// What the schema is called.
const ID: &str = "bg-deploy.schema.json";

/// The JSON Schema (draft 2020-12) of `bg-deploy.toml`.
pub fn schema() -> Json {
    let mut definitions = Map::new();
    for table in Table::ALL.into_iter().filter(|table| *table != Table::Top) {
        definitions.insert(table.name().to_owned(), table_schema(table));
    }
    let mut environment = tables();
    environment.extend(
        properties(Table::Top)
            .into_iter()
            .filter(|(key, _)| key != "app"),
    );
    definitions.insert(
        "environment".to_owned(),
        json!({
            "description": "What is different in one environment: laid over the tables of the file, key by key. Variables are merged, smoke tests are replaced.",
            "type": "object",
            "properties": environment,
            "additionalProperties": false,
        }),
    );
    let mut root = properties(Table::Top);
    root.extend(tables());
    root.insert(
        "environments".to_owned(),
        json!({
            "description": "The environments, by name; one of them is asked for with --environment.",
            "type": "object",
            "propertyNames": { "pattern": form::NAME.pattern },
            "additionalProperties": { "$ref": "#/$defs/environment" },
        }),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "bg-deploy.toml",
        "description": "One service, and how it is released on AWS without losing a request.",
        "type": "object",
        "properties": root,
        "required": required(Table::Top),
        "additionalProperties": false,
        // An environment may give the service's keys instead.
        "if": { "properties": { "environments": false } },
        "then": {
            "required": ["service"],
            "properties": { "service": { "required": required(Table::Service) } },
        },
        "$defs": definitions,
    })
}

/// The schema as the repository holds it.
pub fn schema_text() -> String {
    format!("{:#}\n", schema())
}

/// The reference of all keys, as Markdown.
pub fn reference_markdown() -> String {
    let mut text = String::new();
    for table in Table::ALL {
        let header = match table {
            Table::Top => "At the top".to_owned(),
            table => format!("`{}`", table.header()),
        };
        text += &format!("#### {header}\n\n{}\n\n", table.what());
        text += "| key | value | default | what it is for |\n|---|---|---|---|\n";
        for key in keys::of(table) {
            // A bar would end the cell.
            let cell = |text: &str| text.replace('|', "\\|");
            text += &format!(
                "| `{}` | {} | {} | {} |\n",
                key.name,
                cell(&key.kind.words()),
                cell(&key.fallback.to_string()),
                cell(key.what),
            );
        }
        text.push('\n');
    }
    text += "#### `[environments.NAME]`\n\nEvery key but `app`, for one environment, laid over the rest of the file key by key: \
             `[environments.prod.fleet]`, `[[environments.prod.smoke]]`. `variables` are merged name by name; smoke tests are replaced \
             as a whole. If the file has several environments, `--environment` says which one is meant; if it has none, there is one, and it \
             is called `default`.\n";
    text
}

fn tables() -> Map<String, Json> {
    Table::ALL
        .into_iter()
        .filter(|table| *table != Table::Top)
        .map(|table| {
            let reference = json!({ "$ref": format!("#/$defs/{}", table.name()) });
            let schema = match table {
                Table::Smoke => json!({ "type": "array", "items": reference }),
                _ => reference,
            };
            (table.name().to_owned(), schema)
        })
        .collect()
}

fn table_schema(table: Table) -> Json {
    let mut schema = json!({
        "description": table.what(),
        "type": "object",
        "properties": properties(table),
        "additionalProperties": false,
    });
    // The keys that [service] requires may come from an environment; those of a smoke test may not.
    if table == Table::Smoke {
        schema["required"] = json!(required(table));
    }
    schema
}

fn required(table: Table) -> Vec<&'static str> {
    keys::of(table)
        .filter(|key| matches!(key.fallback, Fallback::Required))
        .map(|key| key.name)
        .collect()
}

fn properties(table: Table) -> Map<String, Json> {
    keys::of(table)
        .map(|key| (key.name.to_owned(), property(key)))
        .collect()
}

fn property(key: &Key) -> Json {
    let mut schema = json!({ "description": key.what });
    let more = match &key.kind {
        Kind::Text(form) => text(form),
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Whole(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Number(most) => json!({ "type": "number", "exclusiveMinimum": 0, "maximum": most }),
        Kind::Duration(..) => json!({ "type": "string", "pattern": duration::PATTERN }),
        Kind::Texts(form) => json!({ "type": "array", "items": text(form), "uniqueItems": true }),
        Kind::Windows => json!({
            "type": "array",
            "items": { "type": "string", "pattern": windows::PATTERN },
            "uniqueItems": true,
        }),
        Kind::Weights => json!({
            "type": "array",
            "items": { "type": "integer", "minimum": 1, "maximum": 100 },
            "minItems": 1,
            "uniqueItems": true,
        }),
        Kind::Pairs(name, value, taken) => json!({
            "type": "object",
            "propertyNames": { "pattern": name.pattern, "not": { "enum": taken } },
            "additionalProperties": text(value),
        }),
        Kind::Json => json!({
            "type": "object",
            "propertyNames": { "pattern": form::POINTER.pattern },
        }),
    };
    merge(&mut schema, more);
    let default = match key.fallback {
        Fallback::Required => Json::Null,
        Fallback::Text(text) => json!(text),
        Fallback::Whole(number) => json!(number),
        Fallback::Number(number) => json!(number),
        Fallback::Flag(flag) => json!(flag),
        Fallback::Duration(duration) => json!(duration::written(duration)),
        Fallback::Otherwise(words) => {
            let what = format!("{} Without it: {}.", key.what, words.replace('`', ""));
            schema["description"] = json!(what);
            Json::Null
        }
    };
    if !default.is_null() {
        schema["default"] = default;
    }
    schema
}

fn text(form: &Form) -> Json {
    if form.pattern.is_empty() {
        return json!({ "type": "string" });
    }
    json!({ "type": "string", "pattern": form.pattern })
}

fn merge(schema: &mut Json, more: Json) {
    if let (Json::Object(schema), Json::Object(more)) = (schema, more) {
        schema.extend(more);
    }
}
