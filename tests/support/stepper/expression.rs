//! The expressions of action.yml, as far as it may use them: a name, `||` between names, and `always()` in an `if`.
//! Whatever else stands there fails the test.

use std::collections::BTreeMap;

type Values = BTreeMap<String, String>;

/// What expressions can name.
#[derive(Debug)]
pub(super) struct Contexts<'a> {
    /// Every input that action.yml declares.
    pub(super) inputs: &'a Values,
    /// What the runner says.
    pub(super) github: &'a Values,
    /// The outputs of every step that has an id, whether it ran or not.
    pub(super) steps: &'a BTreeMap<String, Values>,
}

impl Contexts<'_> {
    /// A text with the values of its expressions.
    pub(super) fn text(&self, template: &str) -> String {
        let mut text = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("${{") {
            let (expression, after) = after.split_once("}}").expect("the end of an expression");
            text += before;
            text += &self.value(expression);
            rest = after;
        }
        text + rest
    }

    /// The first operand that is not empty, else the last.
    fn value(&self, expression: &str) -> String {
        let mut value = String::new();
        for operand in expression.split("||") {
            value = self.named(operand.trim());
            if !value.is_empty() {
                break;
            }
        }
        value
    }

    fn named(&self, name: &str) -> String {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        assert!(name.chars().all(is_plain), "not known here: {name:?}");
        let parts: Vec<_> = name.split('.').collect();
        let value = match parts[..] {
            ["inputs", input] => self.inputs.get(input).cloned(),
            ["github", name] => self.github.get(name).cloned(),
            ["steps", step, "outputs", output] => {
                let step = self.steps.get(step);
                step.map(|outputs| outputs.get(output).cloned().unwrap_or_default())
            }
            _ => None,
        };
        value.unwrap_or_else(|| panic!("nothing is called {name:?}"))
    }
}

/// Whether a step runs: without an `if`, when nothing failed and nobody cancelled.
pub(super) fn applies(condition: Option<&str>, is_well: bool) -> bool {
    match condition {
        None => is_well,
        Some("${{ always() }}" | "always()") => true,
        Some(other) => panic!("not known here: {other:?}"),
    }
}
