//! The two formats of documents, JSON and YAML: a document is written in one and asked for in either
//! (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetDocument.html>).

use saphyr::{LoadableYamlNode as _, Scalar, Yaml, YamlEmitter};
use serde_json::{Map, Number, Value};

/// How a document is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// As nobody has to say.
    #[default]
    Json,
    /// YAML: one document, with texts for keys.
    Yaml,
}

/// A document as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its text.
    pub text: String,
    /// In which format.
    pub format: Format,
}

impl Content {
    /// In JSON.
    pub fn json(text: String) -> Self {
        Self {
            text,
            format: Format::Json,
        }
    }

    /// What it means; the error is what is wrong with it.
    pub fn read(&self) -> Result<Value, String> {
        self.format.read(&self.text)
    }

    /// Its text in this format: as it was written, if it was written so.
    pub fn in_format(&self, format: Format) -> String {
        match self.read() {
            Ok(document) if format != self.format => format.write(&document),
            _ => self.text.clone(),
        }
    }
}

impl Format {
    /// As callers name it.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Json, Self::Yaml]
            .into_iter()
            .find(|format| format.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Yaml => "YAML",
        }
    }

    /// What a text in it means; the error is what is wrong with it.
    pub fn read(self, text: &str) -> Result<Value, String> {
        match self {
            Self::Json => serde_json::from_str(text)
                .map_err(|error| format!("the content is not JSON: {error}")),
            Self::Yaml => {
                let mut all = Yaml::load_from_str(text)
                    .map_err(|error| format!("the content is not YAML: {error}"))?;
                match (all.pop(), all.is_empty()) {
                    (Some(one), true) => from_yaml(&one),
                    _ => Err("the content is not one YAML document".to_owned()),
                }
            }
        }
    }

    /// A text in it that means this.
    pub fn write(self, document: &Value) -> String {
        match self {
            Self::Json => document.to_string(),
            Self::Yaml => {
                let mut text = String::new();
                // A `String` takes everything.
                let _ = YamlEmitter::new(&mut text).dump(&to_yaml(document));
                text
            }
        }
    }
}

fn from_yaml(yaml: &Yaml<'_>) -> Result<Value, String> {
    Ok(match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(flag)) => Value::Bool(*flag),
        Yaml::Value(Scalar::Integer(number)) => Value::from(*number),
        Yaml::Value(Scalar::FloatingPoint(number)) => Number::from_f64(**number)
            .map(Value::Number)
            .ok_or("a number without an end is no value of a document")?,
        Yaml::Value(Scalar::String(text)) => Value::from(text.as_ref()),
        Yaml::Sequence(items) => items.iter().map(from_yaml).collect::<Result<_, _>>()?,
        Yaml::Mapping(members) => {
            let members = members.iter().map(|(key, value)| match key {
                Yaml::Value(Scalar::String(key)) => Ok((key.to_string(), from_yaml(value)?)),
                // A parameter without quotes, too: `{{ Name }}` is a mapping with a mapping for a key.
                _ => Err("a key is no text; what begins with a brace needs quotes".to_owned()),
            });
            Value::Object(members.collect::<Result<Map<_, _>, _>>()?)
        }
        Yaml::Tagged(..) | Yaml::Alias(_) | Yaml::Representation(..) | Yaml::BadValue => {
            return Err("the content has a tag or a value that documents do not have".to_owned());
        }
    })
}

fn to_yaml(value: &Value) -> Yaml<'_> {
    match value {
        Value::Null => Yaml::Value(Scalar::Null),
        Value::Bool(flag) => Yaml::Value(Scalar::Boolean(*flag)),
        Value::Number(number) => Yaml::Value(match number.as_i64() {
            Some(whole) => Scalar::Integer(whole),
            None => Scalar::FloatingPoint(number.as_f64().unwrap_or_default().into()),
        }),
        Value::String(text) => Yaml::Value(Scalar::String(text.as_str().into())),
        Value::Array(items) => Yaml::Sequence(items.iter().map(to_yaml).collect()),
        Value::Object(members) => {
            let key = |key| Yaml::Value(Scalar::String(String::as_str(key).into()));
            let members = members
                .iter()
                .map(|(name, value)| (key(name), to_yaml(value)));
            Yaml::Mapping(members.collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNBOOK: &str = r#"
schemaVersion: "0.3"
# What it does.
parameters:
  Wait: {type: String, default: PT1S}
mainSteps:
  - name: nap
    action: aws:sleep
    isEnd: true
    timeoutSeconds: 60
    inputs:
      Duration: "{{ Wait }}"
      Lines: |
        yes
        - no: "1"
"#;

    #[test]
    fn yaml_and_json_mean_the_same() {
        let meant = serde_json::json!({
            "schemaVersion": "0.3",
            "parameters": {"Wait": {"type": "String", "default": "PT1S"}},
            "mainSteps": [{
                "name": "nap", "action": "aws:sleep", "isEnd": true, "timeoutSeconds": 60,
                "inputs": {"Duration": "{{ Wait }}", "Lines": "yes\n- no: \"1\"\n"},
            }],
        });
        assert_eq!(Format::Yaml.read(RUNBOOK), Ok(meant.clone()));
        for format in [Format::Json, Format::Yaml] {
            let written = format.write(&meant);
            assert_eq!(format.read(&written), Ok(meant.clone()), "{written}");
        }
        let texts = serde_json::json!([
            "0.3",
            "true",
            "null",
            "~",
            "",
            " a",
            "a: b",
            "#a",
            "1e3",
            "- a",
            "é\t\u{1}"
        ]);
        let written = Format::Yaml.write(&texts);
        assert_eq!(Format::Yaml.read(&written), Ok(texts), "{written}");
    }

    #[test]
    fn yaml_that_is_no_document_is_refused() {
        for wrong in [
            "",
            "a: [",
            "a: 1\na: 2",
            "a: 1\n---\nb: 2",
            "Duration: {{ Wait }}",
            "1: a",
            "a: !tag b",
            "a: .inf",
        ] {
            assert!(Format::Yaml.read(wrong).is_err(), "{wrong:?}");
        }
    }
}
