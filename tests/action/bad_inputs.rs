//! Inputs that are wrong, through the Action: exit code 2, one annotation that says what is wrong, and a `result`.

use crate::checkout::root;
use crate::support::stepper::{Ran, Runner};

const BINARY: &str = env!("CARGO_BIN_EXE_bg-deploy");
const CONFIG: &str = "app = \"hello\"\n[service]\ncommand = \"./hello\"\nartifact = \"hello\"\n";

fn runner() -> Runner {
    let runner = Runner::of(root());
    let workspace = runner.workspace();
    std::fs::write(workspace.join("bg-deploy.toml"), CONFIG).expect("a config");
    crate::checkout::write_program(&workspace.join("hello"), "#!/bin/sh\n");
    runner
}

#[track_caller]
fn assert_told(ran: &Ran, words: &[&str]) {
    assert_eq!(ran.conclusion, "failure", "{}", ran.log);
    assert_eq!(ran.steps[0].code, Some(2), "{}", ran.log);
    assert_eq!(ran.output("exit-code"), "2");
    assert_eq!(ran.output("result"), "bad-inputs");
    let errors = ran.annotations("error");
    assert_eq!(errors.len(), 1, "{errors:?}");
    for word in words {
        assert!(errors[0].contains(word), "no {word:?} in {errors:?}");
    }
}

#[test]
fn a_typo_in_the_command_is_told_with_the_commands() {
    let ran = runner().run(&[("binary", BINARY), ("command", "delpoy")]);
    assert_told(&ran, &["the input command", "delpoy", "deploy, rollback"]);
    // Nothing was begun that could be finished.
    assert_eq!(ran.steps[1].outcome, "success", "{}", ran.log);
}

#[test]
fn a_boolean_that_is_none_is_told_with_its_input() {
    let ran = runner().run(&[("binary", BINARY), ("command", "plan"), ("json", "yes")]);
    assert_told(&ran, &["the input json", "`yes`", "true or false"]);
}

#[test]
fn a_value_out_of_range_is_told_with_its_input() {
    let with = [
        ("binary", BINARY),
        ("command", "rehearse"),
        ("speed", "61\n::add-mask::%0A::notice::x"),
    ];
    let ran = runner().run(&with);
    assert_told(&ran, &["the input speed", "61"]);
    let names: Vec<_> = ran.commands.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["error"], "{}", ran.log);
}

#[test]
fn a_config_that_is_missing_is_told_by_its_name() {
    let ran = runner().run(&[("binary", BINARY), ("config", "prod/missing.toml")]);
    assert_told(&ran, &["prod/missing.toml"]);
}

#[test]
fn credentials_that_are_missing_are_told_with_the_action_that_gets_them() {
    let ran = runner().run(&[("binary", BINARY), ("region", "eu-central-1")]);
    assert_told(
        &ran,
        &[
            "no AWS credentials",
            "role-arn",
            "aws-actions/configure-aws-credentials",
        ],
    );
}

#[test]
fn a_role_without_the_permission_to_ask_for_a_token_is_told_with_what_to_add() {
    let role = "arn:aws:iam::123456789012:role/deployer";
    let with = [
        ("binary", BINARY),
        ("region", "eu-central-1"),
        ("role-arn", role),
    ];
    let ran = runner().run(&with);
    assert_told(&ran, &["may not ask GitHub", "id-token: write"]);
    // The role goes the way of any input.
    let ran = runner().run(&[("binary", BINARY), ("role-arn", "deployer")]);
    assert_told(&ran, &["BGD_ROLE_ARN", "is no role's ARN"]);
}

#[test]
fn inputs_of_another_command_and_empty_ones_are_ignored() {
    let with = [
        ("binary", BINARY),
        ("command", "schema"),
        ("speed", "a"),
        ("json", ""),
        ("to", "::error::"),
    ];
    let ran = runner().run(&with);
    assert_eq!(ran.conclusion, "success", "{}", ran.log);
    assert_eq!(ran.output("exit-code"), "0");
    assert_eq!(ran.output("result"), "");
    assert!(ran.log.contains("\"$schema\""), "{}", ran.log);
}
