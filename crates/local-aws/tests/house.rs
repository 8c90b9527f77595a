//! The rules of the house that a compiler does not keep: which floor stands on which, that the account does no I/O,
//! and that nothing of whoever uses it is named here.

#[path = "support/imports.rs"]
mod imports;
#[path = "support/sources.rs"]
mod sources;

use std::path::{Path, PathBuf};

use imports::Imports;

/// The rooms on their floors, from the bottom: a room names only rooms on floors below its own.
const FLOORS: [&[&str]; 7] = [
    &[
        "fault",
        "http_date",
        "limits",
        "pace",
        "runbook",
        "throttle",
    ],
    &["account"],
    &["shared"],
    &["sample_app", "wire"],
    &["automation", "instance", "load_balancer"],
    &["cloud"],
    &["program"],
];

/// The services of the account likewise, with what all of them use. Those below are asked; those above hear of it by
/// `news`.
const ACCOUNT: [&[&str]; 9] = [
    &["lag", "ledger", "machine", "policy"],
    &["cloudwatch", "iam", "s3"],
    &["ssm", "sts"],
    &["ec2"],
    &["elbv2"],
    &["autoscaling"],
    &["authority"],
    &["news", "order"],
    &["regions"],
];

#[test]
fn a_room_names_only_rooms_on_floors_below_it() {
    assert_eq!(imports().against(&[], &FLOORS), [""; 0]);
}

#[test]
fn a_service_of_the_account_names_only_services_below_it() {
    assert_eq!(imports().against(&["account"], &ACCOUNT), [""; 0]);
}

/// The files of one service of the account are one state machine in pieces, and may need each other.
#[test]
fn no_two_files_need_each_other_but_those_of_one_service() {
    let services = ACCOUNT.iter().flat_map(|floor| floor.iter());
    let houses: Vec<_> = services.map(|it| format!("account::{it}::")).collect();
    let mut circles = imports().between_siblings().circles();
    assert!(!circles.is_empty(), "no service is in pieces any more");
    circles.retain(|circle| {
        let is_within = |house: &String| circle.split(", ").all(|file| file.starts_with(house));
        !houses.iter().any(is_within)
    });
    assert_eq!(circles, [""; 0]);
}

#[test]
fn the_account_and_the_language_of_runbooks_do_no_io() {
    let io = [
        "tokio::",
        "std::fs",
        "std::net::Tcp",
        "std::process",
        "SystemTime::now",
        "Instant::now",
    ];
    let strays = naming(&io, |file| {
        file.starts_with("account") || file.starts_with("runbook")
    });
    assert!(strays.is_empty(), "{strays:#?}");
}

#[test]
fn nothing_of_a_deployer_is_named_here() {
    let strays = naming(&["bg-deploy", "bg_deploy", "aws_sdk_"], |_| true);
    assert!(strays.is_empty(), "{strays:#?}");
}

fn imports() -> Imports {
    Imports::of(&root())
}

/// Lines of the code with one of these words, in the files that must not have them.
fn naming(words: &[&str], must_not: impl Fn(&str) -> bool) -> Vec<String> {
    let files = sources::below(&root()).into_iter();
    // A test may stand above what it tests.
    let code: Vec<_> = files
        .filter(|(file, _)| !file.ends_with("tests.rs") && !file.contains("/tests/"))
        .map(|(file, text)| (file, without_tests(&text)))
        .collect();
    assert!(code.len() > 50, "only {} sources", code.len());
    sources::naming(words, &code, must_not)
}

/// The text without the tests at its end.
fn without_tests(text: &str) -> String {
    let code = text.split("mod tests {").next().unwrap_or(text);
    code.to_owned()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}
