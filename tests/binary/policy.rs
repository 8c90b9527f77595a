//! `policy` as a person types it: it needs no AWS, and what it prints is what IAM and Terraform take.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const FILE: &str = r#"
app = "hello"
[service]
command = "./hello"
artifact = "dist/"
[environments.prod]
region = "eu-central-1"
account = "123456789012"
"#;

/// Runs it with nothing but the file: no credentials, no region, no home.
fn ran(folder: &Path, line: &str) -> Output {
    std::fs::write(folder.join("bg-deploy.toml"), FILE).expect("a file");
    Command::new(env!("CARGO_BIN_EXE_bg-deploy"))
        .args(["policy", "--environment", "prod"])
        .args(line.split_whitespace())
        .env_clear()
        .current_dir(folder)
        .output()
        .expect("it starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn it_is_read_in_minutes_taken_by_iam_and_kept_in_terraform() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = |line: &str| {
        let output = ran(folder.path(), line);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{line}: {err}");
        (out, err)
    };
    let (table, _) = said("");
    for words in [
        "deploy (bgd-hello-prod-deploy): deploy, rollback",
        "to divide the traffic, and open and close the preview route (open preview route, shift traffic, drain previous)",
        "- may elasticloadbalancing: ModifyListener, ModifyRule",
        "    if  aws:ResourceTag/bg-deploy:environment is prod",
        "guard (bgd-hello-prod-guard)",
    ] {
        assert!(table.contains(words), "{words}\n{table}");
    }
    let of_checks = said("--role verify").0;
    assert!(of_checks.contains("aws:ResourceTag/bg-deploy:purpose is verify"));
    for word in ["ModifyRule", "ModifyListener", "-blue", "-green", "-guard:"] {
        assert!(!of_checks.contains(word), "{word}\n{of_checks}");
    }

    let (policy, told) = said("--role deploy --format policy");
    let policy: Value = serde_json::from_str(&policy).expect("a document");
    assert_eq!(policy["Version"], "2012-10-17");
    assert_eq!(told, "");
    let (_, told) = said("--role deploy --format json");
    assert!(told.contains("--repository"), "{told}");
    let (trust, told) = said("--role deploy --format trust --repository octo/a,octo@1/a@2");
    assert!(trust.contains("repo:octo@1/a@2:environment:prod"));
    assert_eq!(told, "");

    let (terraform, _) = said("--format terraform --repository octo/hello");
    let count = |words: &str| terraform.matches(words).count();
    assert_eq!(count("resource \"aws_iam_role\" "), 5);
    assert_eq!(count("resource \"aws_iam_role_policy\" "), 5);
    assert_eq!(count("permissions_boundary"), 0);
    let builder = said("--format terraform --role builder").0;
    assert!(builder.contains("resource \"aws_iam_instance_profile\" "));
    for document in terraform.split("<<-JSON").skip(1) {
        let document = document.split("\n  JSON").next().expect("its end");
        let _: Value = serde_json::from_str(document).expect("a document");
    }
}

#[test]
fn what_can_not_be_meant_is_said_with_what_can() {
    let folder = tempfile::tempdir().expect("a folder");
    for (line, words) in [
        (
            "--format policy",
            "a document is of one role: say which with --role (deploy, verify",
        ),
        ("--role deployer", "[possible values: deploy, verify"),
        (
            "--role deploy --format trust",
            "--repository: whose jobs may take this role on?",
        ),
        (
            "--repository octo@1/hello",
            "must be `OWNER/NAME`, or `OWNER@ID/NAME@ID`",
        ),
        (
            "--repository octo/*",
            "must be `OWNER/NAME`, or `OWNER@ID/NAME@ID`",
        ),
        ("--repository hello", "must be `OWNER/NAME`"),
    ] {
        let output = ran(folder.path(), line);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{line}: {said}");
        assert!(said.contains(words), "{line}: {said}");
    }
}
