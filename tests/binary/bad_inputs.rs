//! The binary itself, given bad inputs: exit code 2 or 3, a message with the place and the remedy, nothing changed.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::cloud_process::LocalAws;

const LEAST: &str = "app = \"hello\"\n[service]\ncommand = \"./hello\"\nartifact = \"dist/\"\n";

/// A folder with a config and an artifact, and nothing else in reach.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let dist = folder.path().join("dist");
        std::fs::create_dir(&dist).expect("a folder");
        let program = dist.join("hello");
        std::fs::write(&program, "#!/bin/sh\n").expect("a file");
        make_executable(&program);
        std::fs::write(folder.path().join("bg-deploy.toml"), config).expect("a file");
        Self { folder }
    }

    fn dist(&self) -> std::path::PathBuf {
        self.folder.path().join("dist")
    }

    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Answer {
        let home = self.folder.path().join("home");
        std::fs::create_dir_all(&home).expect("a folder");
        let output = binary()
            .args(arguments)
            .current_dir(self.folder.path())
            .env("HOME", home)
            .envs(variables.iter().copied())
            .output()
            .expect("it runs");
        Answer::of(&output)
    }
}

#[cfg(unix)]
fn make_executable(program: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(program, mode).expect("a mode");
}

#[cfg(not(unix))]
fn make_executable(_: &Path) {}

fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bg-deploy"));
    command.env_clear().env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

#[derive(Debug)]
struct Answer {
    code: Option<i32>,
    text: String,
}

impl Answer {
    fn of(output: &Output) -> Self {
        let out = String::from_utf8_lossy(&output.stdout);
        let err = String::from_utf8_lossy(&output.stderr);
        Self {
            code: output.status.code(),
            text: format!("{out}{err}"),
        }
    }

    #[track_caller]
    fn assert(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.text);
        for word in words {
            assert!(self.text.contains(word), "no {word:?} in: {}", self.text);
        }
    }
}

#[test]
fn every_mistake_in_the_file_is_told_with_its_place_and_remedy() {
    for (line, words) in [
        (
            "[fleet]\nmni = 2\n",
            &["bg-deploy.toml:6:1", "mni", "min"][..],
        ),
        (
            "[fleet]\nmin = \"two\"\n",
            &["bg-deploy.toml:6:7", "fleet.min"],
        ),
        (
            "[shift]\nsoak = \"soon\"\n",
            &["bg-deploy.toml:6:8", "soon", "90s"],
        ),
        (
            "[shift]\nstrategy = \"canary\"\nweights = [50, 20]\n",
            &["bg-deploy.toml:7", "100"],
        ),
        (
            "[windows]\nallow = [\"mon-fry 08:00-17:00\"]\n",
            &[
                "bg-deploy.toml:6:10",
                "`fry` for a day",
                "mon-thu 08:00-17:00",
            ],
        ),
        ("health-path = \"hc\"\n", &["bg-deploy.toml:5:15", "/hc"]),
    ] {
        let desk = Desk::new(&format!("{LEAST}{line}"));
        desk.run(&["deploy", "--release", "1"], &[])
            .assert(2, words);
    }
}

/// A window that is open on the day after tomorrow and no other: closed now, also if midnight passes meanwhile.
fn closed_now() -> String {
    const SINCE_THE_EPOCH: [&str; 7] = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let days = now.expect("a time after 1970").as_secs() / 86_400 + 2;
    let day = SINCE_THE_EPOCH[usize::try_from(days % 7).expect("a day")];
    format!("{LEAST}[windows]\nallow = [\"{day} 00:00-24:00\"]\n")
}

#[test]
fn a_deploy_outside_of_its_windows_is_refused_before_aws_is_asked_unless_they_are_ignored() {
    let desk = Desk::new(&closed_now());
    // Without a region, whoever would ask AWS says so.
    let deploy = ["deploy", "--release", "1"];
    let words = [
        "outside of the deploy windows",
        "00:00-24:00, in UTC",
        "the next one opens",
        "--ignore-windows",
        "at any time: bg-deploy rollback",
        "nothing was changed",
    ];
    desk.run(&deploy, &[]).assert(3, &words);
    let ignoring = [("BGD_IGNORE_WINDOWS", "true")];
    for (arguments, variables) in [
        (
            &["deploy", "--release", "1", "--ignore-windows"][..],
            &[][..],
        ),
        (&deploy[..], &ignoring[..]),
        (&["rollback"], &[]),
        (&["verify", "--release", "1"], &[]),
        (&["status"], &[]),
    ] {
        let answer = desk.run(arguments, variables);
        answer.assert(2, &["no region"]);
        assert!(!answer.text.contains("deploy windows"), "{answer:?}");
    }
    desk.run(&["finish"], &[])
        .assert(0, &["nothing was finished"]);
}

#[test]
fn several_problems_are_all_told_at_once() {
    let desk = Desk::new(&format!(
        "{LEAST}health-path = \"hc\"\n[fleet]\nmni = 2\n[shift]\nsoak = \"soon\"\n"
    ));
    let words = ["toml:5:15", "toml:7:1", "toml:9:8"];
    desk.run(&["deploy", "--release", "1"], &[])
        .assert(2, &words);
}

#[test]
fn a_missing_or_empty_artifact_is_told_by_its_path() {
    let desk = Desk::new(LEAST);
    std::fs::remove_file(desk.dist().join("hello")).expect("removed");
    let deploy = ["deploy", "--release", "1", "--region", "eu-central-1"];
    let keys = [("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")];
    desk.run(&deploy, &keys).assert(2, &["dist", "empty"]);
    std::fs::remove_dir(desk.dist()).expect("removed");
    desk.run(&deploy, &keys)
        .assert(2, &["dist", "service.artifact"]);
}

#[cfg(unix)]
#[test]
fn a_dangling_link_in_the_artifact_is_told_by_its_path() {
    let desk = Desk::new(LEAST);
    std::os::unix::fs::symlink("nowhere", desk.dist().join("link")).expect("a link");
    let deploy = ["deploy", "--release", "1", "--region", "eu-central-1"];
    let keys = [("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")];
    desk.run(&deploy, &keys).assert(2, &["dist/link"]);
}

#[test]
fn an_unknown_environment_is_told_with_the_known_ones() {
    let desk = Desk::new(&format!("{LEAST}[environments.prod]\n"));
    desk.run(&["deploy", "--release", "1", "--environment", "prd"], &[])
        .assert(2, &["--environment", "prd", "prod"]);
}

#[test]
fn a_webhook_that_could_not_be_told_is_found_before_anything_begins() {
    let desk = Desk::new(LEAST);
    let slak = [
        ("BGD_WEBHOOK_KIND", "slak"),
        ("BGD_WEBHOOK_URL", "https://x.example/s3cret"),
    ];
    for command in ["deploy", "rollback", "verify"] {
        let answer = desk.run(&[command], &slak);
        answer.assert(2, &["slak", "slack, pagerduty and generic"]);
        assert!(!answer.text.contains("s3cret"), "{}", answer.text);
    }
    desk.run(&["deploy"], &[("BGD_WEBHOOK_KIND", "pagerduty")])
        .assert(2, &["BGD_WEBHOOK_KEY"]);
    // What restores traffic is not kept from it, and what tells nobody is not asked.
    for command in ["finish", "status", "plan"] {
        let answer = desk.run(&[command], &slak);
        assert!(!answer.text.contains("slak"), "{command}: {}", answer.text);
    }
}

#[test]
fn no_release_no_region_and_no_credentials_are_told_with_what_to_pass() {
    let desk = Desk::new(LEAST);
    desk.run(&["deploy", "--region", "eu-central-1"], &[])
        .assert(2, &["--release", "/version"]);
    desk.run(&["deploy", "--release", "1"], &[])
        .assert(2, &["no region", "--region", "AWS_REGION"]);
    desk.run(
        &["deploy", "--release", "1", "--region", "eu-central-1"],
        &[],
    )
    .assert(2, &["no AWS credentials", "AWS_ACCESS_KEY_ID"]);
}

#[test]
fn a_faster_clock_is_for_a_local_cloud_on_this_machine_and_for_nothing_else() {
    let desk = Desk::new(LEAST);
    let asked = |endpoint: &str| {
        let variables = [
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("AWS_ENDPOINT_URL", endpoint),
            ("BGD_CLOCK_SPEED", "60"),
        ];
        let arguments = ["deploy", "--release", "1", "--region", "eu-central-1"];
        desk.run(&arguments, &variables)
    };
    asked("").assert(2, &["--clock-speed", "no endpoint URL", "local cloud"]);
    let aws = "https://ec2.eu-central-1.amazonaws.com";
    asked(aws).assert(2, &["AWS_ENDPOINT_URL is not on this machine"]);
    desk.run(&["plan", "--clock-speed", "61"], &[])
        .assert(2, &["--clock-speed", "1..=60"]);
    // Where nothing is waited for, there is nothing to refuse.
    let schema = desk.run(&["schema"], &[("BGD_CLOCK_SPEED", "60")]);
    schema.assert(0, &["$schema"]);
}

#[test]
fn an_endpoint_on_this_machine_at_which_nobody_is_is_told_with_its_address() {
    let endpoint = "http://127.0.0.1:1";
    let arguments = [
        "status",
        "--region",
        "eu-central-1",
        "--endpoint-url",
        endpoint,
    ];
    let keys = [
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    ];
    let told = Desk::new(LEAST).run(&arguments, &keys);
    told.assert(
        1,
        &[
            "nobody answers at http://127.0.0.1:1 (--endpoint-url)",
            "`bg-deploy local-aws`",
        ],
    );
}

/// A release there, with this access key.
fn deploy(cloud: &LocalAws, desk: &Desk, key: &str) -> Answer {
    let arguments = [
        "deploy",
        "--release",
        "1",
        "--region",
        "eu-central-1",
        "--endpoint-url",
        &cloud.url,
    ];
    let keys = [("AWS_ACCESS_KEY_ID", key), ("AWS_SECRET_ACCESS_KEY", "s")];
    desk.run(&arguments, &keys)
}

#[test]
fn what_aws_refuses_ends_in_a_refusal_with_the_remedy_and_changes_nothing() {
    let aws = LocalAws::start(20);
    let desk = Desk::new(LEAST);
    deploy(&aws, &desk, "EXPIRED1").assert(3, &["expired", "get new ones"]);
    let elsewhere = Desk::new(&format!(
        "{LEAST}[environments.default]\naccount = \"999999999999\"\n"
    ));
    deploy(&aws, &elsewhere, "local").assert(
        3,
        &["999999999999", "123456789012", "credentials of account"],
    );
    let absent = deploy(&aws, &desk, "local");
    absent.assert(3, &["load balancer", "bg-deploy provision"]);
    // Nothing was made meanwhile: all of it is still missing.
    let but_where = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with("report: "));
        lines.collect::<Vec<_>>().join("\n")
    };
    let again = deploy(&aws, &desk, "local");
    assert_eq!(but_where(&again.text), but_where(&absent.text));
    // The report says so as well, and each run's is still there.
    let reports = desk.folder.path().join("bg-deploy-report");
    let report = std::fs::read_to_string(reports.join("latest/report.md")).expect("a report");
    assert!(report.contains("Refused"), "{report}");
    let all = std::fs::read_dir(&reports).expect("reports").flatten();
    let runs = all.filter(|one| one.file_type().is_ok_and(|kind| kind.is_dir()));
    let with_report = runs.filter(|run| run.path().join("report.md").exists());
    assert_eq!(with_report.count(), 2, "of the two that looked");
}
