//! A statement of a policy: what is allowed, on what, if what, and why.

use serde_json::{Map, Value, json};

/// One.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it is for, in one word: its `Sid` begins so.
    pub sid: &'static str,
    /// The same in words; more than one where several things need the same.
    pub why: Vec<&'static str>,
    /// The steps that need it; none: whatever the role does.
    pub steps: Vec<&'static str>,
    /// `ec2:RunInstances`
    pub actions: Vec<&'static str>,
    /// ARNs, with patterns.
    pub resources: Vec<String>,
    /// Operator, key, values: all of them have to be met.
    pub conditions: Vec<(&'static str, String, Vec<String>)>,
}

impl Statement {
    /// These actions on whatever has no resource to name.
    pub(super) fn new<const N: usize>(
        (sid, why): (&'static str, &'static str),
        actions: [&'static str; N],
    ) -> Self {
        Self {
            sid,
            why: vec![why],
            steps: Vec::new(),
            actions: actions.to_vec(),
            resources: vec!["*".to_owned()],
            conditions: Vec::new(),
        }
    }

    /// On these alone.
    pub(super) fn on(mut self, resources: impl IntoIterator<Item = String>) -> Self {
        self.resources = resources.into_iter().collect();
        self
    }

    /// Only if this key is one of these values.
    pub(super) fn when<const N: usize>(self, key: impl Into<String>, values: [&str; N]) -> Self {
        self.met("StringEquals", key, values)
    }

    /// Only if this condition is met.
    pub(super) fn met<const N: usize>(
        mut self,
        operator: &'static str,
        key: impl Into<String>,
        values: [&str; N],
    ) -> Self {
        let values = values.map(str::to_owned).to_vec();
        self.conditions.push((operator, key.into(), values));
        self
    }

    /// Whether it is allowed whatever it is about.
    fn is_on_anything(&self) -> bool {
        self.resources == ["*"] && self.conditions.is_empty()
    }

    /// The conditions as a policy has them.
    fn condition(&self) -> Value {
        let mut operators = Map::new();
        for (operator, key, values) in &self.conditions {
            let keys = operators.entry(*operator).or_insert_with(|| json!({}));
            keys[key] = one_or_all(values);
        }
        operators.into()
    }

    /// The statement as a policy has it.
    pub fn json(&self, sid: &str) -> Value {
        let mut statement = json!({
            "Sid": sid,
            "Effect": "Allow",
            "Action": one_or_all(&self.actions),
            "Resource": one_or_all(&self.resources),
        });
        if !self.conditions.is_empty() {
            statement["Condition"] = self.condition();
        }
        statement
    }
}

/// The same in fewer statements: those that differ in their resources alone, or in their actions alone, are one. IAM counts.
pub(super) fn merged(all: Vec<Statement>) -> Vec<Statement> {
    let by_resources = merge(all, |one, other| {
        one.actions == other.actions && one.resources != ["*"]
    });
    merge(by_resources, |one, other| {
        one.resources == other.resources && one.resources != ["*"]
    })
}

/// Makes one of those that are alike, of those under the same conditions.
fn merge(all: Vec<Statement>, are_alike: fn(&Statement, &Statement) -> bool) -> Vec<Statement> {
    let mut merged: Vec<Statement> = Vec::new();
    for one in all {
        let mut held = merged.iter_mut();
        let alike = held.find(|it| it.conditions == one.conditions && are_alike(it, &one));
        let Some(held) = alike else {
            merged.push(one);
            continue;
        };
        add(&mut held.actions, one.actions);
        add(&mut held.resources, one.resources);
        add(&mut held.steps, one.steps);
        add(&mut held.why, one.why);
    }
    merged
}

/// Those that are not there yet.
fn add<T: PartialEq>(all: &mut Vec<T>, more: Vec<T>) {
    for one in more {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}

/// The only one, or a list.
fn one_or_all<T: serde::Serialize>(values: &[T]) -> Value {
    match values {
        [one] => json!(one),
        all => json!(all),
    }
}

/// The policy of these statements. Where several are for one thing, their `Sid`s are numbered. What is allowed whatever it is about
/// is one statement: IAM counts letters, too.
pub fn document(statements: &[Statement]) -> Value {
    let statements = merge(statements.to_vec(), |one, other| {
        one.is_on_anything() && other.is_on_anything()
    });
    let statements = &statements[..];
    let mut written = Vec::new();
    for (nth, statement) in statements.iter().enumerate() {
        let of_one = |all: &[Statement]| all.iter().filter(|it| it.sid == statement.sid).count();
        let sid = match of_one(statements) {
            1 => statement.sid.to_owned(),
            _ => format!("{}{}", statement.sid, of_one(&statements[..=nth])),
        };
        written.push(statement.json(&sid));
    }
    json!({"Version": "2012-10-17", "Statement": written})
}
