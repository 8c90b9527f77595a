//! Machines with real processes: on real loopback, so on a fast clock and not on a paused one.

use std::fs;
use std::time::Duration;

use crate::account::machine::MachineOrder;
use crate::cloud::{LocalAws, Options};
use crate::pace::Pace;
use net_clock::Clock;
use net_clock::Network;

const INSTANCE: &str = "i-0123456789abcdef0";

async fn cloud() -> LocalAws {
    let options = Options {
        network: Network::tcp(),
        clock: Clock::accelerated(100.0),
        port: 0,
        seed: 7,
        pace: Pace::aws(),
        region: "eu-central-1".to_owned(),
    };
    LocalAws::start(options).await.expect("a local cloud")
}

fn user_data(program: &str, unit: &str) -> String {
    let files = serde_json::json!({"write_files": [
        {"path": "/opt/app/run", "content": program, "permissions": "0755"},
        {"path": "/etc/systemd/system/app.service", "content": unit},
        {"path": "/etc/systemd/system/multi-user.target.wants/app.service", "content": unit},
    ]});
    format!("#cloud-config\n{files}")
}

fn boot(cloud: &LocalAws, user_data: String) {
    let order = MachineOrder::Boot {
        instance: INSTANCE.to_owned(),
        image: "ami-base".to_owned(),
        user_data,
    };
    cloud.machines().obey(cloud.shared(), order);
}

/// Waits until a file on the machine's disk has `lines` lines, for ten seconds at most.
async fn lines_of(cloud: &LocalAws, file: &str, lines: usize) -> Vec<String> {
    let path = cloud
        .machines()
        .disk(INSTANCE)
        .expect("a machine")
        .join(file);
    for _ in 0..1000 {
        let text = fs::read_to_string(&path).unwrap_or_default();
        if text.lines().count() >= lines {
            return text.lines().map(str::to_owned).collect();
        }
        cloud
            .shared()
            .clock
            .sleep_wall(Duration::from_millis(10))
            .await;
    }
    panic!(
        "{file} never has {lines} lines: {:?}",
        fs::read_to_string(&path)
    );
}

#[tokio::test]
async fn a_service_that_dies_is_started_again_on_its_port() {
    let cloud = cloud().await;
    let program = "#!/bin/sh\necho \"$PORT\" >> ports\nexit 1\n";
    let unit = "[Service]\nExecStart=/opt/app/run\nWorkingDirectory=/opt/app\nEnvironment=PORT=80\nRestart=on-failure\nRestartSec=1\n";
    boot(&cloud, user_data(program, unit));
    let ports = lines_of(&cloud, "opt/app/ports", 3).await;
    assert_eq!(ports[0], ports[2]);
    assert_ne!(ports[0], "80");
    cloud.stop().await;
}

#[tokio::test]
async fn a_stopped_machine_s_service_is_asked_to_end_and_then_made_to() {
    let cloud = cloud().await;
    // It notes the request, and stays: SIGKILL has to end it, and the child it waits for.
    let program = "#!/bin/sh\ntrap 'echo asked >> said' TERM\necho $$ >> said\nwhile :; do sleep 0.05; done\n";
    let unit = "[Service]\nExecStart=/opt/app/run\nWorkingDirectory=/opt/app\nTimeoutStopSec=20\n";
    boot(&cloud, user_data(program, unit));
    let pid = lines_of(&cloud, "opt/app/said", 1).await.remove(0);
    let instance = INSTANCE.to_owned();
    cloud
        .machines()
        .obey(cloud.shared(), MachineOrder::Stop { instance });
    assert_eq!(lines_of(&cloud, "opt/app/said", 2).await[1], "asked");
    // A snapshot is taken when the stop is done.
    let (instance, image) = (INSTANCE.to_owned(), "ami-1".to_owned());
    cloud
        .machines()
        .obey(cloud.shared(), MachineOrder::Snapshot { instance, image });
    let image = super::lock(&cloud.machines().images)["ami-1"].clone();
    image
        .is_whole
        .clone()
        .wait_for(|whole| *whole)
        .await
        .expect("copied");
    let pid = pid.parse().ok().and_then(rustix::process::Pid::from_raw);
    let gone = rustix::process::test_kill_process(pid.expect("a process id"));
    assert_eq!(gone, Err(rustix::io::Errno::SRCH));
    cloud.stop().await;
}

/// Runs a script on the machine, as Run Command would, until it has written so many lines.
async fn asked(cloud: &LocalAws, script: &str, lines: usize) -> Vec<String> {
    let order = MachineOrder::RunScript {
        instance: INSTANCE.to_owned(),
        command: "asked".to_owned(),
        lines: vec![
            "{".to_owned(),
            script.to_owned(),
            "} >asked 2>&1".to_owned(),
        ],
        limit: Duration::from_secs(600),
    };
    cloud.machines().obey(cloud.shared(), order);
    lines_of(cloud, "asked", lines).await
}

#[tokio::test]
async fn the_journal_has_what_a_service_wrote_and_systemd_says_how_it_ended() {
    let cloud = cloud().await;
    let program = "#!/bin/sh\necho begins >&2\necho 'no such table: users' >&2\nexit 3\n";
    let unit = "[Service]\nExecStart=/opt/app/run\nRestart=always\nRestartSec=100\n";
    boot(&cloud, user_data(program, unit));
    let journal = cloud.machines().disk(INSTANCE).expect("a machine");
    let journal = journal.with_file_name("state/app.service.journal");
    while !fs::read_to_string(&journal)
        .unwrap_or_default()
        .contains("Failed with")
    {
        let clock = &cloud.shared().clock;
        clock.sleep_wall(Duration::from_millis(10)).await;
    }
    let shown =
        "systemctl show app -p ActiveState,SubState,Result,ExecMainStatus --property=NRestarts";
    let journal = "journalctl -u app.service -n 4 --no-pager -o";
    let script = format!("{shown}\n{journal} cat\n{journal} short-iso --no-hostname");
    let lines = asked(&cloud, &script, 13).await;
    assert_eq!(
        lines[..9],
        [
            "ActiveState=activating",
            "SubState=auto-restart",
            "Result=exit-code",
            "ExecMainStatus=3",
            "NRestarts=0",
            "begins",
            "no such table: users",
            "app.service: Main process exited, code=exited, status=3/NOTIMPLEMENTED",
            "app.service: Failed with result 'exit-code'.",
        ]
    );
    let dated = &lines[10];
    assert!(dated[..29].ends_with("+0000 run["), "{dated}");
    assert!(dated.ends_with("]: no such table: users"), "{dated}");
    cloud.stop().await;
}

#[tokio::test]
async fn a_service_that_is_started_too_often_is_given_up_as_systemd_gives_it_up() {
    let cloud = cloud().await;
    let program = "#!/bin/sh\necho start >> starts\nexit 3\n";
    let unit = "[Service]\nExecStart=/opt/app/run\nWorkingDirectory=/opt/app\nRestart=always\nRestartSec=200ms\n\n[Unit]\nStartLimitIntervalSec=100\nStartLimitBurst=4\n";
    boot(&cloud, user_data(program, unit));
    assert_eq!(lines_of(&cloud, "opt/app/starts", 4).await.len(), 4);
    let shown = "systemctl show app -p ActiveState,SubState,Result,ExecMainStatus,NRestarts";
    let script = format!(
        "until [ $(systemctl show app -p ActiveState) = ActiveState=failed ]; do sleep 0.05; done\n{shown}\njournalctl -u app -n 3 -o cat"
    );
    let lines = asked(&cloud, &script, 8).await;
    assert_eq!(
        lines,
        [
            "ActiveState=failed",
            "SubState=failed",
            "Result=exit-code",
            "ExecMainStatus=3",
            "NRestarts=4",
            "app.service: Start request repeated too quickly.",
            "app.service: Failed with result 'exit-code'.",
            "Failed to start app.service.",
        ]
    );
    assert_eq!(lines_of(&cloud, "opt/app/starts", 4).await.len(), 4);
    cloud.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_shown_as_systemd_shows_it_and_what_is_not_known_is_refused() {
    let cloud = cloud().await;
    boot(&cloud, String::new());
    let script = "systemctl show none -p LoadState,ActiveState\njournalctl -u none\n\
                  systemctl show none -p Tasks\njournalctl --vacuum-time=1s";
    let lines = asked(&cloud, script, 5).await;
    assert_eq!(
        lines[..3],
        [
            "LoadState=not-found",
            "ActiveState=inactive",
            "-- No entries --"
        ]
    );
    assert!(lines[3].contains("(was: Tasks)"), "{lines:?}");
    assert!(lines[4].contains("--vacuum-time=1s"), "{lines:?}");
    cloud.stop().await;
}
