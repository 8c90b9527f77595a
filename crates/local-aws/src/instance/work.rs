//! What a machine does, one job after another: boots, runs scripts, stops, is copied.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::machine::{Job, Life, Machine, blocking};
use super::unit::{self, Unit};
use super::user_data::UserData;
use super::{Host, Image, disk, lock, script, service, shims};
use crate::account::{ec2, ssm};

/// How long a user data script may run.
const USER_DATA_LIMIT: Duration = Duration::from_secs(3600);

/// Does a machine's jobs, one after another, until it is terminated or everything ends.
pub(super) async fn work(
    host: Arc<Host>,
    machine: Arc<Machine>,
    mut jobs: mpsc::UnboundedReceiver<Job>,
) {
    let mut current: Option<Life> = None;
    while let Some(job) = jobs.recv().await {
        match job {
            Job::Boot {
                image,
                user_data,
                life,
            } => {
                current = Some(life.clone());
                boot(&host, &machine, image, user_data, life).await;
            }
            Job::Restart { life } => {
                current = Some(life.clone());
                start_services(&host, &machine, &life).await;
            }
            Job::RunScript {
                command,
                text,
                limit,
                cancel,
            } => {
                if let Some(life) = &current {
                    let job = run_command(
                        Arc::clone(&host),
                        Arc::clone(&machine),
                        life.clone(),
                        (command, text, limit, cancel),
                    );
                    life.tasks.spawn(job);
                }
            }
            Job::Snapshot { place, done } => {
                let from = machine.disk();
                let copied = blocking(move || disk::copy_tree(&from, &place)).await;
                note(&host, &machine, "copying the disk", copied);
                let _ = done.send(true);
            }
            Job::Stop => stop(&host, &machine, current.take()).await,
            Job::Terminate => {
                stop(&host, &machine, current.take()).await;
                let home = machine.home.clone();
                let _ = blocking(move || disk::remove(&home)).await;
                return;
            }
        }
        if host.ending.is_cancelled() && jobs.is_empty() {
            stop(&host, &machine, current.take()).await;
            return;
        }
    }
}

/// Ends what runs, and waits until it has ended.
async fn stop(host: &Arc<Host>, machine: &Machine, life: Option<Life>) {
    let Some(life) = life else {
        return;
    };
    life.over.cancel();
    life.tasks.close();
    life.tasks.wait().await;
    ec2::set_app_port(&mut host.shared.account_now(), &machine.instance, None);
    host.shared.settle();
}

async fn boot(
    host: &Arc<Host>,
    machine: &Arc<Machine>,
    image: Option<Arc<Image>>,
    user_data: String,
    life: Life,
) {
    if let Some(image) = &image {
        // An error means that the copy was given up; what there is of it is what boots.
        let _ = image.is_whole.clone().wait_for(|whole| *whole).await;
    }
    let config = UserData::read(&user_data);
    let preparing = Arc::clone(machine);
    let (store, tmp) = (host.store.folder.clone(), host.shared.account().limits.tmp);
    let prepared = blocking(move || {
        prepare(&preparing, image.as_deref(), &store, tmp)?;
        Ok(apply(&preparing, config))
    })
    .await;
    let script = match prepared {
        Ok((script, problems)) => {
            for problem in problems {
                say(host, machine, &format!("cloud-init: {problem}"));
            }
            script
        }
        Err(error) => {
            note(host, machine, "preparing the disk", Err(error));
            return;
        }
    };
    start_services(host, machine, &life).await;
    if let Some(text) = script {
        let (host, machine) = (Arc::clone(host), Arc::clone(machine));
        life.tasks.clone().spawn(async move {
            let cancel = CancellationToken::new();
            let wanted = script::Wanted {
                name: "user-data",
                text: &text,
                limit: USER_DATA_LIMIT,
            };
            let result = script::run(&host, &machine, wanted, &life.over, &cancel).await;
            say(
                &host,
                &machine,
                &format!(
                    "user data ended with exit code {:?}\n{}{}",
                    result.exit_code, result.stdout, result.stderr
                ),
            );
            plan_shutdown(&host, &machine, &life).await;
        });
    }
}

/// Unpacks the image and writes the shims. Blocks.
fn prepare(machine: &Machine, image: Option<&Image>, store: &Path, tmp: u64) -> io::Result<()> {
    let (disk, state) = (machine.disk(), machine.state());
    if let Some(image) = image {
        disk::copy_tree(image.folder.path(), &disk)?;
    }
    disk::create_base(&disk)?;
    fs::create_dir_all(&state)?;
    let places = shims::Places {
        disk: &disk,
        state: &state,
        store,
        tmp,
    };
    shims::write(&machine.shims(), places)
}

/// Writes the files of the user data; answers with the script to run, and with what went wrong. Blocks.
fn apply(machine: &Machine, config: Result<UserData, String>) -> (Option<String>, Vec<String>) {
    match config {
        Ok(UserData::Nothing) => (None, Vec::new()),
        Ok(UserData::Script(text)) => (Some(text), Vec::new()),
        Ok(UserData::Config { files, commands }) => {
            let written = files.iter().map(|file| file.write(&machine.disk()));
            let problems = written.filter_map(Result::err);
            let problems = problems.map(|error| format!("write_files: {error}"));
            let script = (!commands.is_empty()).then(|| commands.join("\n") + "\n");
            (script, problems.collect())
        }
        Err(problem) => (None, vec![problem]),
    }
}

async fn start_services(host: &Arc<Host>, machine: &Arc<Machine>, life: &Life) {
    let root = machine.disk();
    let found = blocking(move || unit::enabled(&root)).await;
    let mut units = Vec::new();
    for unit in found.unwrap_or_default() {
        match unit {
            Ok(unit) => units.push(unit),
            Err(problem) => say(host, machine, &problem),
        }
    }
    // Traffic goes to the service that knows of a port, else to the first.
    let has_port = |unit: &Unit| unit.environment.contains_key("PORT");
    let chosen = units.iter().position(has_port).unwrap_or(0);
    for (index, unit) in units.into_iter().enumerate() {
        if life.over.is_cancelled() {
            return;
        }
        say(host, machine, &format!("[  OK  ] Started {}.", unit.name));
        let job = service::supervise(
            Arc::clone(host),
            Arc::clone(machine),
            unit,
            life.over.clone(),
            index == chosen,
        );
        life.tasks.spawn(job);
    }
}

async fn run_command(
    host: Arc<Host>,
    machine: Arc<Machine>,
    life: Life,
    (command, text, limit, cancel): (String, String, Duration, CancellationToken),
) {
    let wanted = script::Wanted {
        name: &command,
        text: &text,
        limit,
    };
    let result = script::run(&host, &machine, wanted, &life.over, &cancel).await;
    lock(&machine.scripts).remove(&command);
    let instance = &machine.instance;
    ssm::command_ended(&mut host.shared.account_now(), &command, instance, result);
    host.shared.settle();
    plan_shutdown(&host, &machine, &life).await;
}

/// Reads the note that the `shutdown` command left, if it did, and does as it says. The plan is in memory only: it
/// ends with this life, as a transient timer of systemd's does.
async fn plan_shutdown(host: &Arc<Host>, machine: &Arc<Machine>, life: &Life) {
    let note = machine.state().join("shutdown");
    let asked = blocking(move || {
        let text = fs::read_to_string(&note)?;
        fs::remove_file(&note)?;
        Ok(text)
    })
    .await;
    let Ok(asked) = asked else {
        return;
    };
    let called_off = CancellationToken::new();
    std::mem::replace(&mut *lock(&machine.shutdown), called_off.clone()).cancel();
    let Ok(minutes) = asked.trim().parse::<u64>() else {
        return;
    };
    let (host, machine, over) = (Arc::clone(host), Arc::clone(machine), life.over.clone());
    let tasks = life.tasks.clone();
    tasks.spawn(async move {
        tokio::select! {
            () = over.cancelled() => {}
            () = called_off.cancelled() => {}
            () = host.shared.clock.sleep(Duration::from_secs(minutes * 60)) => {
                ec2::shut_down_from_inside(&mut host.shared.account_now(), &machine.instance);
                host.shared.settle();
            }
        }
    });
}

fn note(host: &Host, machine: &Machine, what: &str, result: io::Result<()>) {
    if let Err(error) = result {
        say(host, machine, &format!("{what}: {error}"));
    }
}

/// What systemd and cloud-init say at boot: on the serial console, and in the machine's log.
fn say(host: &Host, machine: &Machine, text: &str) {
    machine.log(text);
    let mut account = host.shared.account_now();
    for line in text.lines() {
        ec2::console_wrote(&mut account, &machine.instance, line);
    }
}
