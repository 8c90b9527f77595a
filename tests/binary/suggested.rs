//! What is suggested is typed as it is printed, into a shell that knows nothing of the command that printed it, and does what its
//! sentence says.

use std::io::Write as _;
use std::path::Path;

use bg_deploy::calibrate::Record;
use bg_deploy::calibrate::recording::Head;
use bg_deploy::command_line::{CommandLine, Next, Rehearsal};

use crate::account::{Account, Ran};

/// Whose blank a shell would take apart.
const FILE: &str = "deploy/our app.toml";

/// The commands in what was said, one for each line that has one.
fn suggested(ran: &Ran) -> Vec<String> {
    let lines = ran.text.lines();
    let commands = lines.filter_map(|line| {
        let (_, command) = line.split_once("bg-deploy ")?;
        command
            .contains(" --")
            .then(|| format!("bg-deploy {command}"))
    });
    commands.collect()
}

/// The one command that was suggested of this kind.
fn only(ran: &Ran, command: &str) -> String {
    let begins = format!("bg-deploy {command} ");
    let mut all = suggested(ran);
    all.retain(|line| line.starts_with(&begins));
    all.dedup();
    assert_eq!(all.len(), 1, "{all:?}\n{}", ran.text);
    all.remove(0)
}

async fn type_in(account: &Account, line: &str, code: i32, words: &str) -> Ran {
    let ran = account.type_in(line).await;
    assert_eq!(ran.code, Some(code), "{line}\n{}", ran.text);
    assert!(ran.text.contains(words), "{line}: {words}\n{}", ran.text);
    ran
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_printed_does_what_its_sentence_says_when_it_is_typed_elsewhere() {
    let account = Account::empty(FILE, "[retain]\nfor = \"10m\"\n").await;
    let refused = account.deploy("1.0.0", &[], None).await;
    assert_eq!(refused.code, Some(3), "{}", refused.text);
    let provision = only(&refused, "provision");
    type_in(&account, &provision, 0, "").await;
    // Again, with its release and its artifact: what was refused is done.
    type_in(&account, &only(&refused, "deploy"), 0, "1.0.0").await;

    let released = account.deploy("1.0.1", &[], None).await;
    assert_eq!(released.code, Some(0), "{}", released.text);
    let held = account.run(&["hold", "--reason", "the sale"], None).await;
    let on_hold = account.deploy("1.0.2", &[], None).await;
    assert_eq!(on_hold.code, Some(3), "{}", on_hold.text);
    let let_go = only(&held, "release-hold");
    assert_eq!(only(&on_hold, "release-hold"), let_go);
    type_in(&account, &let_go, 0, "may go on; the hold was \"the sale\"").await;

    let history = account.run(&["history"], None).await;
    let back = only(&history, "rollback");
    assert_eq!(only(&released, "rollback"), back);
    type_in(&account, &back, 0, "1.0.0").await;
    let status = account.run(&["status"], None).await;
    type_in(&account, &only(&status, "rollback"), 0, "1.0.1").await;

    account.break_lease();
    let broken = account.run(&["rollback"], None).await;
    assert_eq!(broken.code, Some(1), "{}", broken.text);
    type_in(&account, &only(&broken, "unlock"), 0, "is free").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_that_can_be_suggested_is_one_that_can_be_typed() {
    let account = Account::empty(FILE, "[retain]\nfor = \"10m\"\n").await;
    let typed = CommandLine {
        release: Some("1.0.1".to_owned()),
        artifact: Some("dist-1.0.1".to_owned()),
        ..account.command_line()
    };
    let line = |next| typed.of(next);
    type_in(&account, &line(Next::Provision), 0, "").await;
    for release in ["1.0.0", "1.0.1"] {
        let ran = account
            .deploy(release, &["--state", "kept.json"], None)
            .await;
        assert_eq!(ran.code, Some(0), "{}", ran.text);
    }
    let all = [
        (Next::Status, "1.0.1"),
        (Next::Doctor, "next release"),
        (Next::Fix, "next release"),
        (Next::Deploy, "1.0.1"),
        (Next::DeployOver, "1.0.1"),
        (Next::DeployAtAnyTime, "1.0.1"),
        (Next::DeployOlder, "1.0.1"),
        (Next::DeployOf("1.0.1"), "1.0.1"),
        (Next::Finish, ""),
        (Next::FinishBy(Path::new("kept.json")), ""),
        (Next::ReleaseHold, "were not on hold"),
        (Next::Unlock, "is free"),
        (Next::Rollback, "1.0.0"),
        (Next::RollbackTo("1.0.1"), "1.0.1"),
        (Next::TakeOver, "1.0.0"),
    ];
    for (next, words) in all {
        type_in(&account, &line(next), 0, words).await;
    }
    let url = account.url();
    let probe = format!("{} --for 2s", line(Next::Probe(&url, "1.0.0")));
    type_in(&account, &probe, 0, "1.0.0").await;
    let whole = "hello/default";
    let end = line(Next::DestroyServing(whole)).replace("RELEASE", "1.0.0");
    type_in(&account, &end, 0, "is gone").await;
    let nothing = "nothing of hello in default stands here";
    type_in(&account, &line(Next::Destroy(whole)), 0, nothing).await;
    let destroyed = [Next::DestroyServing(""), Next::Destroy("")];
    let typed = all.len() + [Next::Provision, Next::Probe("", "")].len() + destroyed.len();
    assert_eq!(typed, QUICK);
    assert!(all.iter().all(|(next, _)| !takes_a_while(*next)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_and_a_rehearsal_can_be_typed_as_they_are_suggested() {
    let account = Account::empty(FILE, "[retain]\nfor = \"10m\"\n").await;
    let on_aws = CommandLine {
        release: Some("1.0.1".to_owned()),
        artifact: Some("dist-1.0.1".to_owned()),
        ..account.command_line()
    };
    account.build("dist-1.0.1", "1.0.1");
    type_in(&account, &on_aws.of(Next::Provision), 0, "").await;
    let verified = "1.0.1 passed everything before the shift";
    type_in(&account, &on_aws.of(Next::Verify), 0, verified).await;
    let here = CommandLine {
        endpoint_url: None,
        region: None,
        rehearsal: Some(Rehearsal {
            speed: Some(60),
            stand_in: true,
            ..Rehearsal::default()
        }),
        ..on_aws
    };
    let rehearsed = [
        (Next::Rehearse, 0, "1.0.1 serves all traffic"),
        (Next::RehearseRollback, 0, "Rolled back, as asked"),
        (Next::RehearseSample("unhealthy"), 4, "--fault unhealthy: "),
    ];
    let [one, two, three] = rehearsed.map(|(next, code, words)| {
        let (account, line) = (&account, here.of(next));
        async move { type_in(account, &line, code, words).await }
    });
    // A cloud each.
    tokio::join!(one, two, three);
    assert_eq!(2 + rehearsed.len(), SLOW);
    assert!(rehearsed.iter().all(|(next, ..)| takes_a_while(*next)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calibration_and_its_comparison_can_be_typed_as_they_are_suggested() {
    let account = Account::empty(FILE, "").await;
    let there = account.command_line();
    let mut head = tempfile::NamedTempFile::new().expect("a file");
    let at = Head::now(String::new(), String::new(), true, 1.0);
    let line = serde_json::to_string(&Record::Head(at)).expect("a line");
    // What was never walked differs in every part.
    writeln!(head, "{line}").expect("a recording");
    let compare = Next::Compare(head.path());
    let calibrate = Next::Calibrate("123456789012");
    let not_there = Next::Calibrate("210987654321");
    type_in(&account, &there.of(not_there), 3, "nothing was done").await;
    type_in(
        &account,
        &there.of(calibrate),
        0,
        "written down: calibration.jsonl",
    )
    .await;
    let nothing = "nothing of a calibration is left";
    type_in(
        &account,
        &there.of(Next::TearDown("123456789012")),
        0,
        nothing,
    )
    .await;
    type_in(&account, &there.of(compare), 8, "compared with 3 walks").await;
    let all = [calibrate, compare, Next::TearDown("")];
    assert!(all.iter().all(|next| takes_a_while(*next)));
}

/// How many each of the first two tests types.
const QUICK: usize = 19;
const SLOW: usize = 5;

/// Whether the test of what takes a while types it, or the other one: whoever adds one adds it to the list of either.
fn takes_a_while(next: Next<'_>) -> bool {
    match next {
        Next::Verify
        | Next::Rehearse
        | Next::RehearseRollback
        | Next::RehearseSample(_)
        | Next::Calibrate(_)
        | Next::TearDown(_)
        | Next::Compare(_) => true,
        Next::Status
        | Next::Doctor
        | Next::Fix
        | Next::Provision
        | Next::Destroy(_)
        | Next::DestroyServing(_)
        | Next::Deploy
        | Next::DeployOver
        | Next::DeployAtAnyTime
        | Next::DeployOlder
        | Next::DeployOf(_)
        | Next::Rollback
        | Next::RollbackTo(_)
        | Next::TakeOver
        | Next::Finish
        | Next::FinishBy(_)
        | Next::ReleaseHold
        | Next::Unlock
        | Next::Probe(..) => false,
    }
}
