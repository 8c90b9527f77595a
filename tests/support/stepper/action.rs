//! action.yml, read. A key that is not known here fails the test.

use std::collections::BTreeMap;
use std::path::Path;

use saphyr::{LoadableYamlNode as _, YamlOwned};

use super::expression::Contexts;

/// action.yml.
pub(super) struct Action {
    /// The inputs, with what they are when nobody gives them.
    pub(super) inputs: BTreeMap<String, String>,
    pub(super) outputs: BTreeMap<String, String>,
    pub(super) steps: Vec<Step>,
}

pub(super) struct Step {
    pub(super) id: String,
    pub(super) condition: Option<String>,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) script: String,
}

impl Action {
    pub(super) fn read(folder: &Path) -> Self {
        let text = std::fs::read_to_string(folder.join("action.yml")).expect("action.yml");
        let mut documents = YamlOwned::load_from_str(&text).expect("YAML");
        let document = documents.remove(0);
        let known = [
            "name",
            "description",
            "author",
            "branding",
            "inputs",
            "outputs",
            "runs",
        ];
        let mut fields = fields(&document, &known);
        let inputs = entries(&fields.remove("inputs").expect("inputs"));
        let inputs = inputs.map(|(name, input)| {
            let input = self::fields(&input, &["description", "required", "default"]);
            let default = input.get("default").map(text_of).unwrap_or_default();
            (name, default)
        });
        let outputs = entries(&fields.remove("outputs").expect("outputs"));
        let outputs = outputs.map(|(name, output)| {
            let output = self::fields(&output, &["description", "value"]);
            (name, text_of(&output["value"]))
        });
        let runs = self::fields(&fields["runs"], &["using", "steps"]);
        assert_eq!(text_of(&runs["using"]), "composite");
        let steps = runs["steps"].as_sequence().expect("steps");
        Self {
            inputs: inputs.collect(),
            outputs: outputs.collect(),
            steps: steps.iter().map(Step::read).collect(),
        }
    }

    /// Every input with its value; nothing fails for one that is left out, even if it is required.
    pub(super) fn inputs(
        &self,
        with: &[(&str, &str)],
        github: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        let nothing = Contexts {
            inputs: &BTreeMap::new(),
            github,
            steps: &BTreeMap::new(),
        };
        let defaults = self.inputs.iter();
        let defaults = defaults.map(|(name, text)| (name.clone(), nothing.text(text)));
        let mut inputs: BTreeMap<_, _> = defaults.collect();
        for (name, value) in with {
            let known = inputs.insert((*name).to_owned(), (*value).to_owned());
            assert!(known.is_some(), "action.yml has no input {name}");
        }
        inputs
    }
}

impl Step {
    fn read(step: &YamlOwned) -> Self {
        let mut fields = fields(step, &["id", "if", "shell", "env", "run"]);
        assert_eq!(text_of(&fields["shell"]), "bash");
        let variables = fields.remove("env").expect("env");
        let script = text_of(&fields["run"]);
        assert!(!script.contains("${{"), "spliced into a script: {script}");
        Self {
            id: text_of(&fields["id"]),
            condition: fields.get("if").map(text_of),
            variables: entries(&variables)
                .map(|(name, value)| (name, text_of(&value)))
                .collect(),
            script,
        }
    }
}

/// A mapping that may have these keys.
fn fields(node: &YamlOwned, known: &[&str]) -> BTreeMap<String, YamlOwned> {
    let fields: BTreeMap<_, _> = entries(node).collect();
    for key in fields.keys() {
        assert!(known.contains(&key.as_str()), "not known here: {key}");
    }
    fields
}

fn entries(node: &YamlOwned) -> impl Iterator<Item = (String, YamlOwned)> + use<> {
    let entries = node.as_mapping().expect("a mapping").clone();
    entries
        .into_iter()
        .map(|(key, value)| (text_of(&key), value))
}

fn text_of(node: &YamlOwned) -> String {
    node.as_str().expect("a text").to_owned()
}
