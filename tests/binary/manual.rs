//! What a shell and a manual know of the commands.

use std::io::Write as _;
use std::process::{Command, Stdio};

use bg_deploy::cli::Cli;
use clap::CommandFactory as _;

const BINARY: &str = env!("CARGO_BIN_EXE_bg-deploy");

fn said(arguments: &[&str]) -> String {
    let output = Command::new(BINARY)
        .args(arguments)
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// What bash makes of the last of these words.
fn completed(script: &str, words: &[&str]) -> String {
    let [.., before, last] = words else {
        panic!("a command and a word");
    };
    let ask = format!(
        "\nCOMP_WORDS=({})\nCOMP_CWORD={}\n$(complete -p bg-deploy | sed 's/.*-F \\([^ ]*\\).*/\\1/') bg-deploy {last} {before}\necho \"${{COMPREPLY[@]}}\"\n",
        words.join(" "),
        words.len() - 1
    );
    let mut bash = Command::new("bash")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("bash");
    let mut stdin = bash.stdin.take().expect("its input");
    stdin
        .write_all(format!("{script}{ask}").as_bytes())
        .expect("written");
    drop(stdin);
    let output = bash.wait_with_output().expect("it ends");
    assert!(output.status.success());
    String::from_utf8(output.stdout)
        .expect("UTF-8")
        .trim()
        .to_owned()
}

#[test]
fn bash_completes_commands_options_and_their_values() {
    let script = said(&["completions", "bash"]);
    assert_eq!(completed(&script, &["bg-deploy", "rollb"]), "rollback");
    assert_eq!(
        completed(&script, &["bg-deploy", "rollback", "--take"]),
        "--take-over"
    );
    assert_eq!(
        completed(&script, &["bg-deploy", "rehearse", "--fault", "slow-s"]),
        "slow-start"
    );
}

#[test]
fn there_is_a_script_for_each_shell_and_a_page_for_each_command_with_its_options() {
    for shell in ["zsh", "fish", "powershell", "elvish"] {
        assert!(
            said(&["completions", shell]).contains("rollback"),
            "{shell}"
        );
    }
    let all = said(&["man"]);
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        let page = said(&["man", name]);
        assert!(page.contains(".SH OPTIONS"), "{name}: {page}");
        for option in command.get_arguments().filter_map(|it| it.get_long()) {
            let shown = option.replace('-', "\\-");
            assert!(page.contains(&shown), "{name} --{option}: {page}");
        }
        let is_listed = all.contains(&name.replace('-', "\\-"));
        assert_eq!(is_listed, !command.is_hide_set(), "{name}");
    }
}
