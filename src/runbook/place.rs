//! Where what divides the traffic is named in a runbook of ours, and the calls about it.

use serde_json::{Value, json};

/// The most rules that move together, the stack's own among them.
pub const MOST_RULES: usize = 4;
/// The parameter that names the stack's own; those of the others have a number behind it.
const RULE: &str = "Rule";
/// Of the calls.
const SERVICE: &str = "elbv2";

/// Which of the traffic rules a step is about, and what that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    at: usize,
    kind: Kind,
}

/// What leads visitors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rule,
    DefaultAction,
}

impl Place {
    /// The stack's own rule.
    pub const OWN: Self = Self::rule_at(1);

    const fn rule_at(at: usize) -> Self {
        Self {
            at,
            kind: Kind::Rule,
        }
    }

    pub(super) fn beside() -> impl Iterator<Item = Self> {
        (2..=MOST_RULES).map(Self::rule_at)
    }

    pub(super) fn next(self) -> Self {
        match self.at {
            MOST_RULES.. => Self::OWN,
            at => Self::rule_at(at + 1),
        }
    }

    /// The same place, for the default action of a listener there.
    pub(super) fn default_action(self) -> Self {
        Self {
            kind: Kind::DefaultAction,
            ..self
        }
    }

    /// The parameter with its ARN, or that of the listener.
    pub(super) fn parameter(self) -> String {
        match self.at {
            1 => RULE.to_owned(),
            at => format!("{RULE}{at}"),
        }
    }

    pub(super) fn arn(self) -> String {
        format!("{{{{ {} }}}}", self.parameter())
    }

    /// A step that is about it: `restore`, `restore2` and `restoreDefault2`.
    pub fn name(self, step: &str) -> String {
        match (self.at, self.kind) {
            (1, _) => step.to_owned(),
            (at, Kind::Rule) => format!("{step}{at}"),
            (at, Kind::DefaultAction) => format!("{step}Default{at}"),
        }
    }

    /// The step that reads what it says.
    pub(super) fn read(self) -> String {
        self.name("readWeights")
    }

    /// Where the looks at it begin.
    pub(super) fn begins(self) -> String {
        match self.at {
            1 => self.read(),
            at => format!("isRule{at}"),
        }
    }

    /// The call that shows it, and where in the answer its actions are.
    pub(super) fn describe(self) -> (Value, &'static str) {
        match self.kind {
            Kind::Rule => (
                json!({"Service": SERVICE, "Api": "DescribeRules", "RuleArns": [self.arn()]}),
                "Rules[0].Actions",
            ),
            Kind::DefaultAction => (
                json!({"Service": SERVICE, "Api": "DescribeListeners", "ListenerArns": [self.arn()]}),
                "Listeners[0].DefaultActions",
            ),
        }
    }

    /// The call that has it do these actions, and its parameters.
    pub fn modify(self, actions: Value) -> ((&'static str, &'static str), Value) {
        match self.kind {
            Kind::Rule => (
                (SERVICE, "ModifyRule"),
                json!({"RuleArn": self.arn(), "Actions": actions}),
            ),
            Kind::DefaultAction => (
                (SERVICE, "ModifyListener"),
                json!({"ListenerArn": self.arn(), "DefaultActions": actions}),
            ),
        }
    }
}
