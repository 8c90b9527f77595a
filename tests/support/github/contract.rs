//! GitHub's own description of its API, `tests/github/openapi.json`, as a judge of requests and answers.

use jsonschema::Registry;
use serde_json::{Value, json};

/// The description's name among the schemas.
const NAME: &str = "urn:github";

/// The description.
pub(super) struct Contract {
    document: Value,
    schemas: Registry<'static>,
}

/// An operation, and what stands in its path for `{owner}` and the like.
pub(super) struct Operation {
    /// The path with its names in braces.
    pub(super) template: String,
    /// `get`, `post`, `patch`.
    pub(super) method: String,
    /// The values, in order.
    pub(super) values: Vec<String>,
}

impl Operation {
    /// The part of the path that stands for this name.
    pub(super) fn value(&self, name: &str) -> &str {
        let names = self.template.split('/').filter(|part| is_name(part));
        let wanted = format!("{{{name}}}");
        names
            .zip(&self.values)
            .find(|(part, _)| **part == wanted)
            .map(|(_, value)| value.as_str())
            .expect("a name of the path")
    }
}

impl Contract {
    pub(super) fn new() -> Self {
        let text = include_str!("../../github/openapi.json");
        let mut document: Value = serde_json::from_str(text).expect("JSON");
        spell_out_nullable(&mut document);
        let schemas = Registry::new()
            .add(NAME, document.clone())
            .and_then(|registry| registry.prepare())
            .expect("a description whose references resolve");
        Self { document, schemas }
    }

    /// The operation that this is a request for.
    pub(super) fn operation(&self, method: &str, path: &str) -> Option<Operation> {
        let method = method.to_lowercase();
        let paths = self.document["paths"].as_object().expect("paths");
        paths.iter().find_map(|(template, operations)| {
            operations.get(&method)?;
            Some(Operation {
                template: template.clone(),
                method: method.clone(),
                values: values(template, path)?,
            })
        })
    }

    /// What is wrong with a query.
    pub(super) fn query(&self, operation: &Operation, query: &[(String, String)]) -> Vec<String> {
        let described = self.described(operation)["parameters"].as_array();
        let parameters: Vec<_> = described
            .into_iter()
            .flatten()
            .map(|parameter| self.resolve(parameter))
            .filter(|parameter| parameter["in"] == "query")
            .collect();
        let mut wrong = Vec::new();
        for (name, value) in query {
            match parameters.iter().find(|known| known["name"] == **name) {
                None => wrong.push(format!("no such query parameter: {name}")),
                Some(known) if known["schema"]["type"] == "integer" => {
                    let most = if name == "per_page" { 100 } else { u64::MAX };
                    if !value.parse().is_ok_and(|n: u64| (1..=most).contains(&n)) {
                        wrong.push(format!("{name}={value}"));
                    }
                }
                Some(_) => {}
            }
        }
        wrong
    }

    /// What is wrong with a request's body.
    pub(super) fn body(&self, operation: &Operation, body: &[u8]) -> Vec<String> {
        let described = &self.described(operation)["requestBody"];
        if described.is_null() {
            return match body {
                [] => Vec::new(),
                _ => vec!["a body where none belongs".to_owned()],
            };
        }
        match serde_json::from_slice(body) {
            Ok(body) => self.judge(&pointer(operation, "requestBody"), &body),
            Err(error) => vec![format!("the body is no JSON: {error}")],
        }
    }

    /// What is wrong with an answer.
    pub(super) fn answer(&self, operation: &Operation, status: u16, body: &Value) -> Vec<String> {
        let responses = &self.described(operation)["responses"];
        if responses[status.to_string()]["content"].is_null() {
            return Vec::new();
        }
        self.judge(&pointer(operation, &format!("responses/{status}")), body)
    }

    /// An example of the description's.
    pub(super) fn example(&self, name: &str) -> Value {
        let example = &self.document["components"]["examples"][name]["value"];
        assert!(!example.is_null(), "no example {name}");
        example.clone()
    }

    fn described(&self, operation: &Operation) -> &Value {
        &self.document["paths"][&operation.template][&operation.method]
    }

    fn resolve<'a>(&'a self, node: &'a Value) -> &'a Value {
        match node["$ref"].as_str() {
            Some(reference) => self
                .document
                .pointer(reference.trim_start_matches('#'))
                .expect("a reference that resolves"),
            None => node,
        }
    }

    fn judge(&self, pointer: &str, value: &Value) -> Vec<String> {
        let schema = json!({ "$ref": format!("{NAME}#{pointer}") });
        let judge = jsonschema::options()
            .with_registry(&self.schemas)
            .build(&schema)
            .expect("a schema");
        judge
            .iter_errors(value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }
}

fn pointer(operation: &Operation, what: &str) -> String {
    let template = operation.template.replace('~', "~0").replace('/', "~1");
    let method = &operation.method;
    format!("/paths/{template}/{method}/{what}/content/application~1json/schema")
        .replace('{', "%7B")
        .replace('}', "%7D")
}

fn is_name(part: &str) -> bool {
    part.starts_with('{') && part.ends_with('}')
}

fn values(template: &str, path: &str) -> Option<Vec<String>> {
    let wanted: Vec<_> = template.split('/').collect();
    let given: Vec<_> = path.split('/').collect();
    if wanted.len() != given.len() {
        return None;
    }
    let mut values = Vec::new();
    for (wanted, given) in wanted.into_iter().zip(given) {
        if is_name(wanted) {
            values.push(given.to_owned());
        } else if wanted != given {
            return None;
        }
    }
    Some(values)
}

/// OpenAPI 3.0 writes `nullable`, which JSON Schema does not know.
fn spell_out_nullable(node: &mut Value) {
    match node {
        Value::Array(items) => items.iter_mut().for_each(spell_out_nullable),
        Value::Object(fields) => {
            fields.values_mut().for_each(spell_out_nullable);
            if fields.remove("nullable") == Some(Value::Bool(true)) {
                let bare = Value::Object(std::mem::take(fields));
                *node = json!({ "anyOf": [bare, { "type": "null" }] });
            }
        }
        _ => {}
    }
}
