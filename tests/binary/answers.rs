//! What commands answer a program: each as its schema says, whatever came of it, and all in one style.

use std::collections::BTreeMap;

use bg_deploy::cli::answers::ANSWERS;
use jsonschema::Validator;
use serde_json::Value;

use crate::account::Account;

/// The judges of each kind of answer.
fn judges() -> BTreeMap<&'static str, Validator> {
    let judge = |text: &str| {
        let schema: Value = serde_json::from_str(text).expect("a schema is JSON");
        jsonschema::validator_for(&schema).expect("a schema")
    };
    ANSWERS.map(|(name, text)| (name, judge(text))).into()
}

/// Every key of an answer's own: of what is counted by a name that others chose (`by_version`), the names are not.
fn keys(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(all) => {
            if let Some(Value::Object(properties)) = all.get("properties") {
                found.extend(properties.keys().cloned());
                let closed = all.get("additionalProperties");
                assert_eq!(closed, Some(&Value::Bool(false)), "{properties:?}");
            }
            all.values().for_each(|inner| keys(inner, found));
        }
        Value::Array(all) => all.iter().for_each(|inner| keys(inner, found)),
        _ => {}
    }
}

#[test]
fn every_key_of_every_answer_is_of_one_style_and_no_answer_has_more() {
    for (name, text) in ANSWERS {
        let mut found = Vec::new();
        keys(&serde_json::from_str(text).expect("JSON"), &mut found);
        assert!(!found.is_empty(), "{name}");
        let is_snake = |key: &&String| {
            key.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        let others: Vec<_> = found.iter().filter(|key| !is_snake(key)).collect();
        assert!(others.is_empty(), "{name}: {others:?}");
    }
}

/// What is typed, whose answer it is, the exit code, and how it ended.
const TYPED: [(&str, &str, i32, &str); 24] = [
    ("provision", "provision", 0, "provisioned"),
    ("status", "status", 0, ""),
    ("rollback", "run", 3, "refused"),
    (
        "plan --release 1 --artifact dist-1",
        "plan",
        0,
        "would-release",
    ),
    ("deploy --release 1 --artifact dist-1", "run", 0, "deployed"),
    (
        "deploy --release 1 --artifact dist-1",
        "run",
        0,
        "nothing-to-do",
    ),
    (
        "plan --release 1 --artifact dist-1",
        "plan",
        0,
        "nothing-to-do",
    ),
    ("verify --release 2 --artifact dist-2", "run", 0, "verified"),
    // It answers another release than it is said to be.
    (
        "deploy --release 3 --artifact dist-2",
        "run",
        4,
        "rolled-back",
    ),
    ("deploy --release 2 --artifact dist-2", "run", 0, "deployed"),
    ("status", "status", 0, ""),
    ("history", "history", 0, ""),
    ("doctor", "doctor", 0, ""),
    ("rollback", "run", 0, "reverted"),
    ("history", "history", 0, ""),
    ("finish", "run", 0, "nothing-to-finish"),
    ("hold --reason sale", "by-hand", 0, "held"),
    ("status", "status", 3, ""),
    ("deploy --release 2 --artifact dist-2", "run", 3, "refused"),
    ("release-hold", "by-hand", 0, "let-go"),
    ("doctor --fix", "doctor", 0, ""),
    ("policy --role deploy", "policy", 0, ""),
    ("unlock --reason gone", "by-hand", 0, "unlocked"),
    (
        "deploy --release 4 --artifact nowhere",
        "failure",
        2,
        "bad-inputs",
    ),
];

/// The same at the end of it all: release 1 is served.
const DESTROYED: [(&str, &str, i32, &str); 7] = [
    ("destroy", "destroy", 0, "would-destroy"),
    ("destroy --yes hello/prod", "failure", 2, "bad-inputs"),
    ("destroy --yes hello/default", "failure", 3, "refused"),
    (
        "destroy --yes hello/default --even-while-serving 2",
        "failure",
        3,
        "refused",
    ),
    (
        "destroy --yes hello/default --even-while-serving 1",
        "destroy",
        0,
        "destroyed",
    ),
    ("destroy", "destroy", 0, "nothing-to-destroy"),
    (
        "destroy --yes hello/default",
        "destroy",
        0,
        "nothing-to-destroy",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_each_command_answers_a_program_is_as_its_schema_says() {
    let account = Account::provisioned("").await;
    let judges = judges();
    account.build("dist-1", "1");
    account.build("dist-2", "2");
    let url = account.url();
    let probe = format!("probe --url {url} --for 1s --rate 40 --expect 1");
    let probed = (probe.as_str(), "probe", 0, "passed");
    for (line, kind, code, result) in TYPED.into_iter().chain([probed]).chain(DESTROYED) {
        let words = line.split(' ').chain(["--json"]);
        let words: Vec<_> = words.collect();
        let ran = account.run(&words, None).await;
        assert_eq!(ran.code, Some(code), "{line}: {}", ran.text);
        let answer: Value = serde_json::from_str(&ran.out)
            .unwrap_or_else(|error| panic!("{line}: {error}: {}", ran.text));
        let against: Vec<_> = judges[kind]
            .iter_errors(&answer)
            .map(|error| format!("{error} at {}", error.instance_path()))
            .collect();
        assert!(against.is_empty(), "{line}: {against:#?}\n{answer:#}");
        if !result.is_empty() {
            assert_eq!(answer["result"], result, "{line}: {answer:#}");
        }
        if kind == "run" && result == "refused" {
            // Before a first release, and while releases are on hold.
            let serves = match line.contains("--release 2") {
                true => "1 serves all traffic",
                false => "nothing was released yet",
            };
            let words = answer["now"]["words"].as_str().unwrap_or_default();
            assert!(words.starts_with(serves), "{line}: {answer:#}");
            assert_eq!(answer["now"]["is_well"], true, "{line}: {answer:#}");
        }
        if let Some(said) = answer.get("exit_code") {
            assert_eq!(said.as_i64(), Some(code.into()), "{line}: {answer:#}");
        }
    }
}

/// A type for which the base image is not made stops a release and a stack before their first change.
#[tokio::test(flavor = "multi_thread")]
async fn what_would_stop_a_run_halfway_is_a_list_for_programs() {
    let account = Account::provisioned("").await;
    let judges = judges();
    account.build("dist-1", "1");
    account.rewrite("[fleet]\n", "[fleet]\ninstance-type = \"t4g.small\"\n");
    for (line, kind) in [
        ("plan --release 1 --artifact dist-1", "failure"),
        ("provision --environment other", "failure"),
        ("deploy --release 1 --artifact dist-1", "run"),
        ("verify --release 1 --artifact dist-1", "run"),
    ] {
        let words: Vec<_> = line.split(' ').chain(["--json"]).collect();
        let ran = account.run(&words, None).await;
        assert_eq!(ran.code, Some(3), "{line}: {}", ran.text);
        let answer: Value = serde_json::from_str(&ran.out).expect("JSON");
        let against: Vec<_> = judges[kind]
            .iter_errors(&answer)
            .map(|it| it.to_string())
            .collect();
        assert!(against.is_empty(), "{line}: {against:#?}\n{answer:#}");
        let told = answer["concerns"].as_array().expect("a list");
        let stops = told.iter().find(|it| it["about"] == "architecture");
        let stops = stops.unwrap_or_else(|| panic!("{line}: {answer:#}"));
        assert_eq!(stops["stops"], true, "{answer:#}");
        for key in ["seen", "remedy"] {
            let words = stops[key].as_str().unwrap_or_default();
            assert!(
                words.contains(if key == "seen" { "arm64" } else { "choose" }),
                "{answer:#}"
            );
        }
    }
}
