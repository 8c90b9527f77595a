//! The printed policies are the least: everything that a job does it does with them, and with any action or resource taken away
//! a call of its own would be refused, with any condition taken away one that is about somebody else's allowed.

pub(crate) mod elements;
mod scenes;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use bg_deploy::policy::{self, Scope};
use bg_deploy::stack::{ROLES, TAG_APP, TAG_ENVIRONMENT};
use local_aws::account::policy::{Request, Verdict, judge};
use serde_json::{Value, json};

use crate::support::World;
use crate::venv;
use elements::{Element, Part, elements, without};

/// What was asked of the policies of each kind of role.
type Asked = BTreeMap<String, BTreeMap<String, Request>>;

/// What tells a request from others: not which run, which release or which instance it is about.
fn shape(request: &Request) -> String {
    let digits = |text: &str| {
        let is_id = |part: &str| part.len() > 7 && part.chars().all(|c| c.is_ascii_hexdigit());
        let parts = text
            .split('-')
            .map(|part| if is_id(part) { "#" } else { part });
        parts.collect::<Vec<_>>().join("-")
    };
    let of_a_run = |key: &str| key.ends_with("deployment") || key.ends_with("release");
    let mut keys = request.keys.clone();
    keys.retain(|key, _| !of_a_run(key));
    let resource = request.resource.split('/').map(digits);
    format!(
        "{} {:?} {keys:?}",
        request.action,
        resource.collect::<Vec<_>>()
    )
}

/// Adds what was asked in this world.
fn add(asked: &mut Asked, world: &World) {
    for (who, request) in &world.cloud.account().asked {
        // `.../user/deploy`, `.../assumed-role/bgd-hello-test-bake/Automation`
        let mut parts = who.split('/').skip(1);
        let name = parts.next().unwrap_or_default();
        let kind = name.rsplit('-').next().unwrap_or_default();
        let all = asked.entry(kind.to_owned()).or_default();
        all.entry(shape(request)).or_insert_with(|| request.clone());
    }
}

fn is_allowed(policy: &Value, request: &Request) -> bool {
    judge(std::slice::from_ref(policy), request) == Verdict::Allowed
}

/// The same request about what is somebody else's: each key has another value, or is not there, or another one's tag is, and the
/// account is another one, in turn.
fn foreign(request: &Request) -> Vec<Request> {
    let mut all = Vec::new();
    for key in request.keys.keys() {
        let mut other = request.clone();
        other.keys.insert(key.clone(), vec!["another".to_owned()]);
        all.push(other.clone());
        other.keys.remove(key);
        all.push(other);
    }
    for tag in [TAG_APP, TAG_ENVIRONMENT] {
        let key = format!("aws:ResourceTag/{tag}");
        if !request.keys.contains_key(&key) {
            let mut other = request.clone();
            other.keys.insert(key, vec!["another".to_owned()]);
            all.push(other);
        }
    }
    if request.resource.contains("123456789012") {
        let resource = request.resource.replace("123456789012", "210987654321");
        all.push(Request {
            resource,
            ..request.clone()
        });
    }
    all
}

/// What AWS's interpreter of runbooks calls beside what the local one does.
const OF_AWS_ALONE: [&str; 3] = [
    "ec2:DescribeInstanceStatus",
    "ssm:ListCommands",
    // Where its script is under way when it is cancelled.
    "ssm:CancelCommand",
];
/// The snapshots of a base image are asked for by AWS where they are its own.
const OF_BASE_IMAGES: &str = "arn:aws:ec2:eu-central-1::snapshot/*";

fn is_of_aws_alone(kind: &str, element: &Element) -> bool {
    match &element.part {
        Part::Action(action) => OF_AWS_ALONE.contains(&action.as_str()),
        Part::Resource(resource) => {
            (kind, &*element.sid, &**resource) == ("bake", "Launch1", OF_BASE_IMAGES)
        }
        Part::Condition(..) => false,
    }
}

/// What jobs asked, found out once.
fn asked() -> &'static Asked {
    static ASKED: OnceLock<Asked> = OnceLock::new();
    ASKED.get_or_init(scenes::all)
}

/// The policies of these kinds of roles.
fn policies(kinds: &[&'static str]) -> Vec<(&'static str, Value)> {
    let mut config = crate::support::config_of(std::path::Path::new("/nowhere"), "any");
    config.retain.failed_for = std::time::Duration::from_secs(1);
    let scope = Scope::of(&config, "123456789012", "eu-central-1");
    let policy = |kind: &&'static str| {
        let role = policy::role(&scope, kind);
        (*kind, role.expect("a role").policy())
    };
    kinds.iter().map(policy).collect()
}

/// The kinds that call what the local cloud judges.
const CALLING: [&str; 7] = [
    "deploy",
    "verify",
    "read",
    "provision",
    "destroy",
    "bake",
    "guard",
];

#[test]
fn with_any_action_resource_or_condition_less_a_job_can_not_do_its_own_or_can_do_more() {
    let mut wrong = Vec::new();
    let mut tried = BTreeMap::new();
    for (kind, policy) in policies(&CALLING) {
        let own = &asked()[kind];
        // What a check asks for and has not is a note.
        let is_spared = |it: &Request| {
            kind == "verify"
                && ["ssm:DescribeInstanceInformation", "ssm:SendCommand"].contains(&&*it.action)
        };
        let refused = own.values();
        let refused = refused.filter(|it| !is_spared(it) && !is_allowed(&policy, it));
        wrong.extend(refused.map(|request| format!("{kind} is refused {request:?}")));
        let strangers: Vec<_> = own.values().flat_map(foreign).collect();
        for element in elements(&policy) {
            if is_of_aws_alone(kind, &element) {
                continue;
            }
            let less = without(&policy, &element);
            let is_seen = match element.part {
                Part::Condition(..) => strangers
                    .iter()
                    .filter(|it| element.is_about(it))
                    .any(|it| !is_allowed(&policy, it) && is_allowed(&less, it)),
                _ => own
                    .values()
                    .any(|it| element.is_about(it) && !is_allowed(&less, it)),
            };
            *tried.entry(element.part.word()).or_insert(0) += 1;
            if !is_seen {
                wrong.push(format!("{kind} needs no {element:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let tried: Vec<_> = tried.into_iter().collect();
    let expected = [("actions", 291), ("conditions", 151), ("resources", 221)];
    assert_eq!(tried, expected, "taken away one by one");
}

/// The request as others are given it, with what it comes to here.
fn case(policy: &Value, request: &Request) -> Value {
    json!({
        "action": request.action,
        "resource": request.resource,
        "keys": request.keys,
        "allowed": is_allowed(policy, request),
    })
}

/// What belongs to another app or environment has the names of that, whatever tags it bears.
#[test]
fn by_its_name_nothing_of_another_app_or_environment_is_reached() {
    let mut tried = 0;
    for (kind, policy) in policies(&CALLING) {
        for request in asked()[kind].values() {
            let names = [
                ("hello-test", "hello-stage"),
                ("hello-test", "other-test"),
                ("bgd-hello-", "bgd-other-"),
                ("/state/test/", "/state/stage/"),
                ("123456789012", "210987654321"),
            ];
            for (ours, theirs) in names {
                let resource = request.resource.replace(ours, theirs);
                if resource == request.resource {
                    continue;
                }
                let other = Request {
                    resource,
                    ..request.clone()
                };
                assert!(!is_allowed(&policy, &other), "{kind} may {other:?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 400, "only {tried}");
}

#[test]
fn others_decide_the_same_find_nothing_and_know_each_action_with_its_resources_and_keys() {
    let Some(venv) = venv::with("policies", "tests/policies/requirements.txt") else {
        return;
    };
    let (mut cases, mut all) = (Vec::new(), Vec::new());
    for (kind, policy) in policies(&CALLING) {
        let own = &asked()[kind];
        let strangers: Vec<_> = own.values().flat_map(foreign).collect();
        let both = || own.values().chain(&strangers);
        all.extend(own.values().map(|request| case(&policy, request)));
        let judged: Vec<_> = both().map(|request| case(&policy, request)).collect();
        for element in elements(&policy) {
            // What changes its outcome by it, at most a few.
            let less = without(&policy, &element);
            let changes = |it: &&Request| {
                element.is_about(it) && is_allowed(&less, it) != is_allowed(&policy, it)
            };
            let changed = both().filter(changes).take(3);
            let changed: Vec<_> = changed.map(|request| case(&less, request)).collect();
            cases.push(json!([less, changed]));
        }
        cases.push(json!([policy, judged]));
    }
    let policies: BTreeMap<_, _> = policies(&ROLES).into_iter().collect();
    let given = json!({"cases": cases, "policies": policies, "asked": all});
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cases.json");
    std::fs::write(&file, given.to_string()).expect("a file");
    let judge = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies/judge.py");
    let output = std::process::Command::new(venv.join("bin/python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .args([&judge, &file])
        .output()
        .expect("the environment's Python starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    let first: Vec<_> = said.lines().take(20).collect();
    assert!(output.status.success(), "{first:#?}{complained}");
    assert!(said.contains("9 policies judged"), "{said}");
}

/// Whatever a release asked that is no look, but for what bears no name: a check is refused all of it, on either colour.
#[test]
fn a_check_can_do_nothing_to_what_serves() {
    let [(_, verify)] = policies(&["verify"]).try_into().expect("one");
    let looks = |action: &str| {
        let call = action.split(':').nth(1).unwrap_or_default();
        ["Describe", "Get", "List"]
            .iter()
            .any(|it| call.starts_with(it))
    };
    // What it starts anew has its own tags.
    let may = |request: &Request| {
        ["subnet/", "network-interface/", "security-group/", "image/"]
            .iter()
            .any(|kind| request.action == "ec2:RunInstances" && request.resource.contains(kind))
            || request.action == "iam:PassRole"
    };
    let asked = asked()["deploy"].values();
    let writes: Vec<_> = asked.filter(|it| !looks(&it.action) && !may(it)).collect();
    let allowed: Vec<_> = writes.iter().filter(|it| is_allowed(&verify, it)).collect();
    assert!(allowed.is_empty(), "{allowed:#?}");
    assert!(writes.len() > 60, "only {}", writes.len());
}
