//! What the runbooks of ours that wait share: an SSM Automation that sleeps, and when it wakes acts only if the weights of the
//! traffic rules are exactly those that it was started with.
//!
//! There are as many looks as rules may be, each passed over where there is no such rule: a runbook has no loop that AWS
//! documents for calls whose answers are compared. The stack's own rule comes last, as what follows is done for all of them.
//!
//! Only what AWS documents of a runbook is used: no step leads back, choices are flat, and a weight is compared as a
//! string, because DescribeRules names the groups in an order of its own.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The step before the sleep.
pub const TRY_ROLE: &str = "tryRole";
/// The step that sleeps.
pub const WAIT: &str = "wait";
/// The longest sleep, in seconds: <https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-sleep.html>
pub const LONGEST_WAIT: u64 = 604_799;

/// The parameter that says whose it is.
pub const DEPLOYMENT: &str = "Deployment";
/// The parameter that says how long it sleeps.
pub const LENGTH: &str = "Wait";
/// The most rules that move together, the stack's own among them.
pub const MOST_RULES: usize = 4;
/// What is said where there is no such rule.
const NONE: &str = "none";

/// The parameters that name the traffic rules and both target groups, and the weights that each must have.
const RULE: &str = "Rule";
const BLUE: &str = "Blue";
const GREEN: &str = "Green";
const BLUE_LEFT: &str = "BlueLeft";
const GREEN_LEFT: &str = "GreenLeft";
/// The parameter with the role that it acts in.
const ROLE: &str = "AutomationAssumeRole";

/// What a runbook that waits is started with: what it looks at, and what it must find.
#[derive(Clone, Copy, Debug)]
pub struct Looks<'a> {
    /// The role that it acts in.
    pub role: &'a str,
    /// The stack's own traffic rule.
    pub rule: &'a str,
    /// Those beside it.
    pub also: &'a [String],
    /// Blue's target group.
    pub blue: &'a str,
    /// Green's target group.
    pub green: &'a str,
    /// Whose it is.
    pub deployment: &'a str,
}

impl Looks<'_> {
    /// Its parameters, but for the weights and the length.
    pub fn parameters(&self) -> BTreeMap<String, String> {
        let all = [
            (ROLE, self.role),
            (DEPLOYMENT, self.deployment),
            (RULE, self.rule),
            (BLUE, self.blue),
            (GREEN, self.green),
        ];
        let all = all.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut all = BTreeMap::from(all);
        for (at, place) in Place::beside().enumerate() {
            let rule = self.also.get(at).map_or(NONE, String::as_str);
            all.insert(place.rule(), rule.to_owned());
        }
        all
    }
}

/// The parameters that say how long it sleeps, and which weights it must find then.
pub fn left(seconds: u64, blue: u16, green: u16) -> [(String, String); 3] {
    [
        (LENGTH, format!("PT{seconds}S")),
        (BLUE_LEFT, blue.to_string()),
        (GREEN_LEFT, green.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}

/// Which of the traffic rules a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(usize);

impl Place {
    /// The stack's own.
    pub const OWN: Self = Self(1);

    fn beside() -> impl Iterator<Item = Self> {
        (2..=MOST_RULES).map(Self)
    }

    fn next(self) -> Self {
        match self.0 {
            MOST_RULES.. => Self::OWN,
            at => Self(at + 1),
        }
    }

    /// The parameter with its ARN.
    pub fn rule(self) -> String {
        self.name(RULE)
    }

    /// A step that is about it: `restore` and `restore2`.
    pub fn name(self, step: &str) -> String {
        match self {
            Self::OWN => step.to_owned(),
            Self(at) => format!("{step}{at}"),
        }
    }

    /// Where the looks at it begin.
    fn begins(self) -> String {
        match self {
            Self::OWN => self.name(READ),
            _ => self.name("isRule"),
        }
    }
}

/// What is done with the rules beside the stack's own that are as they were left.
#[derive(Clone, Copy, Debug)]
pub enum Beside {
    /// Nothing: it ends if one of them is not.
    MustBeAsLeft,
    /// Each is written by itself, by this step, whatever the others say.
    Written(fn(Place) -> Value),
}

/// The runbook with these steps after the sleep, and these parameters beside those that it needs for its looks.
pub fn runbook(
    about: &str,
    parameters: Value,
    before: Vec<Value>,
    beside: Beside,
    act: Vec<Value>,
) -> Value {
    let mut all = own_parameters();
    if let (Some(all), Value::Object(more)) = (all.as_object_mut(), parameters) {
        all.extend(more);
    }
    let mut steps = vec![try_role(), wait()];
    steps.extend(before);
    for place in Place::beside() {
        steps.extend(look_beside(place, beside));
    }
    let first = act.first().map_or(Value::Null, |step| step["name"].clone());
    steps.push(read_weights(Place::OWN));
    steps.push(ends_here(are_as_left(Place::OWN, &first)));
    steps.extend(act);
    let last = steps.pop().map(ends_here);
    steps.extend(last);
    json!({
        "schemaVersion": "0.3",
        "description": about,
        "assumeRole": format!("{{{{ {ROLE} }}}}"),
        "parameters": all,
        "mainSteps": steps,
    })
}

/// The steps about a rule beside the stack's own.
fn look_beside(place: Place, beside: Beside) -> Vec<Value> {
    let next = Value::from(place.next().begins());
    let skip = json!({
        "name": place.begins(),
        "action": "aws:branch",
        "inputs": {"Choices": [
            {"Variable": format!("{{{{ {} }}}}", place.rule()), "StringEquals": NONE, "NextStep": next},
        ]},
    });
    let mut read = read_weights(place);
    match beside {
        Beside::MustBeAsLeft => vec![skip, read, ends_here(are_as_left(place, &next))],
        Beside::Written(write) => {
            // A rule that is gone by now is no reason to leave the others as they are.
            let on_failure = Value::from(format!("step:{}", place.next().begins()));
            let mut write = write(place);
            read["onFailure"] = on_failure.clone();
            write["onFailure"] = on_failure;
            let mut choose = are_as_left(place, &write["name"]);
            choose["inputs"]["Default"] = next;
            vec![skip, read, choose, write]
        }
    }
}

fn ends_here(mut step: Value) -> Value {
    step["isEnd"] = true.into();
    step
}

/// A step that makes one call which changes something.
pub fn act(name: &str, (service, api): (&str, &str), parameters: Value) -> Value {
    let mut inputs = json!({"Service": service, "Api": api});
    if let (Some(inputs), Value::Object(parameters)) = (inputs.as_object_mut(), parameters) {
        inputs.extend(parameters);
    }
    json!({
        "name": name,
        "action": "aws:executeAwsApi",
        "timeoutSeconds": 120,
        "maxAttempts": 3,
        "inputs": inputs,
    })
}

/// A parameter of text, which has to match.
pub fn text(about: &str, pattern: &str) -> Value {
    json!({"type": "String", "description": about, "allowedPattern": pattern})
}

/// A parameter that is a number.
pub fn number(about: &str) -> Value {
    json!({"type": "Integer", "description": about})
}

/// A parameter with the ARN of a target group.
pub fn target_group(about: &str) -> Value {
    text(
        about,
        "^arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:targetgroup/[A-Za-z0-9-]+/[0-9a-f]+$",
    )
}

/// A parameter with the name of an Auto Scaling group.
pub fn group(about: &str) -> Value {
    text(about, "^[A-Za-z0-9-]{1,255}$")
}

fn own_parameters() -> Value {
    let weight = |about: &str| text(about, "^[0-9]{1,3}$");
    let arn = "arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:listener-rule/[A-Za-z0-9/-]+";
    let mut all = json!({
        ROLE: text("The role that acts.", "^arn:[a-z-]+:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$"),
        DEPLOYMENT: text("The deployment that it belongs to.", "^[a-z0-9-]{1,64}$"),
        LENGTH: text("How long it sleeps.", "^PT[0-9]{1,6}S$"),
        RULE: text("The traffic rule.", &format!("^{arn}$")),
        BLUE: target_group("Blue's target group."),
        GREEN: target_group("Green's target group."),
        BLUE_LEFT: weight("Blue's weight as the run left it."),
        GREEN_LEFT: weight("Green's weight as the run left it."),
    });
    for place in Place::beside() {
        let about = "A rule that moves with it, or none.";
        all[place.rule()] = text(about, &format!("^({NONE}|{arn})$"));
    }
    all
}

/// Proves that the role can be taken on and may look, while the run can still be refused.
fn try_role() -> Value {
    json!({
        "name": TRY_ROLE,
        "action": "aws:executeAwsApi",
        "timeoutSeconds": 60,
        "inputs": {"Service": "elbv2", "Api": "DescribeRules", "RuleArns": [format!("{{{{ {RULE} }}}}")]},
    })
}

fn wait() -> Value {
    json!({
        "name": WAIT,
        "action": "aws:sleep",
        // Longer than any wait: what ends it is its time, or a run.
        "timeoutSeconds": LONGEST_WAIT + 1,
        "inputs": {"Duration": format!("{{{{ {LENGTH} }}}}")},
    })
}

const READ: &str = "readWeights";

fn read_weights(place: Place) -> Value {
    let output = |name: &str, group: u8, field: &str| {
        json!({
            "Name": name,
            "Selector": format!("$.Rules[0].Actions[0].ForwardConfig.TargetGroups[{group}].{field}"),
            "Type": "String",
        })
    };
    json!({
        "name": place.name(READ),
        "action": "aws:executeAwsApi",
        "timeoutSeconds": 60,
        "maxAttempts": 3,
        "inputs": {
            "Service": "elbv2",
            "Api": "DescribeRules",
            "RuleArns": [format!("{{{{ {} }}}}", place.rule())],
        },
        "outputs": [
            output("FirstGroup", 0, "TargetGroupArn"),
            output("FirstWeight", 0, "Weight"),
            output("SecondGroup", 1, "TargetGroupArn"),
            output("SecondWeight", 1, "Weight"),
        ],
    })
}

/// Leads to the step `next` only if the weights are those that the run left.
fn are_as_left(place: Place, next: &Value) -> Value {
    let read = place.name(READ);
    let equals = |variable: &str, parameter: &str| {
        json!({
            "Variable": format!("{{{{ {read}.{variable} }}}}"),
            "StringEquals": format!("{{{{ {parameter} }}}}"),
        })
    };
    let choice = |first: (&str, &str), second: (&str, &str)| {
        json!({
            "And": [
                equals("FirstGroup", first.0),
                equals("FirstWeight", first.1),
                equals("SecondGroup", second.0),
                equals("SecondWeight", second.1),
            ],
            "NextStep": next,
        })
    };
    let (blue, green) = ((BLUE, BLUE_LEFT), (GREEN, GREEN_LEFT));
    json!({
        "name": place.name("areAsLeft"),
        "action": "aws:branch",
        "inputs": {"Choices": [choice(blue, green), choice(green, blue)]},
    })
}

#[cfg(test)]
mod tests;
