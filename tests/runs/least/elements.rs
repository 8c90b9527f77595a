//! What can be taken away from a policy: an action, a resource, a key of a condition.

use local_aws::account::policy::Request;
use serde_json::Value;

/// A part of a statement.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    /// The statement's `Sid`.
    pub(crate) sid: String,
    /// Its place in the policy.
    nth: usize,
    /// What it is about.
    actions: Vec<String>,
    pub(crate) part: Part,
}

impl Element {
    /// Whether the statement is about this request: to any other it makes no difference.
    pub(crate) fn is_about(&self, request: &Request) -> bool {
        self.actions.contains(&request.action)
    }
}

/// Which.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Action(String),
    Resource(String),
    /// Operator and key.
    Condition(String, String),
}

impl Part {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Action(_) => "actions",
            Self::Resource(_) => "resources",
            Self::Condition(..) => "conditions",
        }
    }
}

fn texts(value: &Value) -> Vec<String> {
    let all = match value {
        Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    let texts = all.iter().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// All of them.
pub(crate) fn elements(policy: &Value) -> Vec<Element> {
    let statements = policy["Statement"].as_array().expect("statements");
    let mut all = Vec::new();
    for (nth, statement) in statements.iter().enumerate() {
        let actions = texts(&statement["Action"]).into_iter().map(Part::Action);
        let resources = texts(&statement["Resource"]).into_iter();
        let mut parts: Vec<_> = actions.chain(resources.map(Part::Resource)).collect();
        for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
            let keys = keys.as_object().expect("keys").keys();
            parts.extend(keys.map(|key| Part::Condition(operator.clone(), key.clone())));
        }
        let sid = statement["Sid"].as_str().expect("a Sid");
        all.extend(parts.into_iter().map(|part| Element {
            sid: sid.to_owned(),
            nth,
            actions: texts(&statement["Action"]),
            part,
        }));
    }
    all
}

/// The policy without it; without the statement, where that would be left without an action or a resource.
pub(crate) fn without(policy: &Value, element: &Element) -> Value {
    let mut less = policy.clone();
    let statement = &mut less["Statement"][element.nth];
    match &element.part {
        Part::Action(action) => statement["Action"] = left(&statement["Action"], action),
        Part::Resource(resource) => {
            statement["Resource"] = left(&statement["Resource"], resource);
        }
        Part::Condition(operator, key) => {
            let keys = &mut statement["Condition"][operator];
            keys.as_object_mut().expect("keys").remove(key);
        }
    }
    let is_whole = |name: &str| statement[name] != Value::Array(Vec::new());
    if !(is_whole("Action") && is_whole("Resource")) {
        let statements = less["Statement"].as_array_mut().expect("statements");
        statements.remove(element.nth);
    }
    less
}

fn left(held: &Value, gone: &str) -> Value {
    let mut all = texts(held);
    all.retain(|it| it != gone);
    all.into()
}
