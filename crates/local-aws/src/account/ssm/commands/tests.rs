//! Commands on their way to a machine and back.

use std::time::SystemTime;

use super::*;
use crate::account::ssm;
use crate::pace::Pace;

fn request() -> Request {
    Request {
        document: "AWS-RunShellScript".to_owned(),
        instances: vec!["i-1".to_owned()],
        lines: vec!["true".to_owned()],
        execution_timeout: Duration::from_secs(60),
        ..Request::default()
    }
}

fn account_with_agent() -> Account {
    let mut account = Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws());
    account
        .ssm
        .agents
        .insert("i-1".to_owned(), agents::Agent::online());
    account
}

#[test]
fn a_command_to_an_instance_without_agent_is_refused() {
    let mut account = Account::new(1, SystemTime::UNIX_EPOCH, Pace::aws());
    let refused = send(&mut account, request()).expect_err("no agent");
    assert_eq!(refused.code, "InvalidInstanceId");
}

#[test]
fn a_command_runs_on_the_machine_and_its_result_comes_back_cut() {
    let mut account = account_with_agent();
    let id = send(&mut account, request()).expect("an agent");
    assert!(account.take_orders().is_empty(), "not there yet");
    account.advance(Duration::from_secs(60));
    let orders = account.take_orders();
    assert!(
        matches!(&orders[..], [crate::account::Order::Machine(MachineOrder::RunScript { command, .. })] if *command == id),
        "{orders:?}"
    );
    let result = ScriptResult {
        exit_code: Some(3),
        stdout: "x".repeat(STDOUT_CHARS + 1),
        stderr: String::new(),
        timed_out: false,
    };
    ssm::command_ended(&mut account, &id, "i-1", result);
    account.advance(Duration::from_secs(120));
    let invocation = &account.ssm.commands[&id].invocations[0];
    assert_eq!(invocation.state, State::Failed);
    assert_eq!(invocation.stdout.chars().count(), STDOUT_CHARS);
}

#[test]
fn a_cancelled_command_stays_cancelled_when_its_result_arrives() {
    let mut account = account_with_agent();
    let id = send(&mut account, request()).expect("an agent");
    account.advance(Duration::from_secs(60));
    cancel(&mut account, &id, &[]).expect("a command");
    let result = ScriptResult {
        exit_code: Some(0),
        stdout: String::new(),
        stderr: String::new(),
        timed_out: false,
    };
    ssm::command_ended(&mut account, &id, "i-1", result);
    account.advance(Duration::from_secs(120));
    assert_eq!(account.ssm.commands[&id].state(), State::Cancelled);
}
