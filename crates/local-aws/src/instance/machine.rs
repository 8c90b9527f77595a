//! One machine: its disk, its lives between boot and stop, and the queue of what it has to do.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::unit::{self, Unit};
use super::user_data::UserData;
use super::{Host, Image, disk, lock, script, service, shims};
use crate::account::{ec2, ssm};

/// How long a user data script may run.
const USER_DATA_LIMIT: Duration = Duration::from_secs(3600);

/// What a machine has to do next.
#[derive(Debug)]
pub(super) enum Job {
    Boot {
        image: Option<Arc<Image>>,
        user_data: String,
        life: Life,
    },
    Restart {
        life: Life,
    },
    Stop,
    Terminate,
    Snapshot {
        place: PathBuf,
        done: watch::Sender<bool>,
    },
    RunScript {
        command: String,
        text: String,
        limit: Duration,
        cancel: CancellationToken,
    },
}

/// From a boot to the stop after it: what runs in it ends with it.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) over: CancellationToken,
    pub(super) tasks: TaskTracker,
}

/// A machine.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) instance: String,
    home: PathBuf,
    jobs: mpsc::UnboundedSender<Job>,
    life: Mutex<Option<Life>>,
    scripts: Mutex<BTreeMap<String, CancellationToken>>,
    /// Calls a planned shutdown off.
    shutdown: Mutex<CancellationToken>,
}

impl Machine {
    pub(super) fn new(instance: &str, home: PathBuf) -> (Self, mpsc::UnboundedReceiver<Job>) {
        let (jobs, queued) = mpsc::unbounded_channel();
        let machine = Self {
            instance: instance.to_owned(),
            home,
            jobs,
            life: Mutex::default(),
            scripts: Mutex::default(),
            shutdown: Mutex::default(),
        };
        (machine, queued)
    }

    /// The folder that stands for its root.
    pub(super) fn disk(&self) -> PathBuf {
        self.home.join("disk")
    }

    /// What a real machine has in memory only: not part of an image.
    pub(super) fn state(&self) -> PathBuf {
        self.home.join("state")
    }

    /// The commands that scripts meet first.
    pub(super) fn shims(&self) -> PathBuf {
        self.home.join("bin")
    }

    pub(super) fn queue(&self, job: Job) {
        // A machine that is gone has nothing to do.
        let _ = self.jobs.send(job);
    }

    /// A new life, begun at once: an order to stop that comes before the boot is done cuts it short.
    pub(super) fn begin_life(&self) -> Life {
        let life = Life {
            over: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        *lock(&self.life) = Some(life.clone());
        life
    }

    pub(super) fn end_life(&self) {
        if let Some(life) = &*lock(&self.life) {
            life.over.cancel();
        }
    }

    pub(super) fn expect_script(&self, command: &str) -> CancellationToken {
        let cancel = CancellationToken::new();
        lock(&self.scripts).insert(command.to_owned(), cancel.clone());
        cancel
    }

    pub(super) fn cancel_script(&self, command: &str) {
        if let Some(cancel) = lock(&self.scripts).get(command) {
            cancel.cancel();
        }
    }

    /// Writes a line that `journalctl` on this machine would show.
    fn log(&self, line: &str) {
        let open = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.disk().join("var/log/machine.log"));
        if let Ok(mut file) = open {
            // A log that can't be written is not a reason to fail.
            let _ = writeln!(file, "{line}");
        }
    }
}

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
                note(&machine, "copying the disk", copied);
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
    let store = host.store.folder.clone();
    let prepared = blocking(move || {
        prepare(&preparing, image.as_deref(), &store)?;
        Ok(apply(&preparing, config))
    })
    .await;
    let script = match prepared {
        Ok(script) => script,
        Err(error) => {
            note(machine, "preparing the disk", Err(error));
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
            let logging = Arc::clone(&machine);
            let _ = blocking(move || {
                logging.log(&format!(
                    "user data ended with exit code {:?}\n{}{}",
                    result.exit_code, result.stdout, result.stderr
                ));
                Ok(())
            })
            .await;
            plan_shutdown(&host, &machine, &life).await;
        });
    }
}

/// Unpacks the image and writes the shims. Blocks.
fn prepare(machine: &Machine, image: Option<&Image>, store: &Path) -> io::Result<()> {
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
    };
    shims::write(&machine.shims(), places)
}

/// Writes the files of the user data; answers with the script to run. Blocks.
fn apply(machine: &Machine, config: Result<UserData, String>) -> Option<String> {
    match config {
        Ok(UserData::Nothing) => None,
        Ok(UserData::Script(text)) => Some(text),
        Ok(UserData::Config { files, commands }) => {
            for file in files {
                note(machine, "write_files", file.write(&machine.disk()));
            }
            (!commands.is_empty()).then(|| commands.join("\n") + "\n")
        }
        Err(problem) => {
            machine.log(&format!("cloud-init: {problem}"));
            None
        }
    }
}

async fn start_services(host: &Arc<Host>, machine: &Arc<Machine>, life: &Life) {
    let root = machine.disk();
    let found = blocking(move || unit::enabled(&root)).await;
    let mut units = Vec::new();
    for unit in found.unwrap_or_default() {
        match unit {
            Ok(unit) => units.push(unit),
            Err(problem) => machine.log(&problem),
        }
    }
    // Traffic goes to the service that knows of a port, else to the first.
    let has_port = |unit: &Unit| unit.environment.contains_key("PORT");
    let chosen = units.iter().position(has_port).unwrap_or(0);
    for (index, unit) in units.into_iter().enumerate() {
        if life.over.is_cancelled() {
            return;
        }
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

/// Runs what blocks where it may, which also keeps a paused clock from jumping meanwhile.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn note(machine: &Machine, what: &str, result: io::Result<()>) {
    if let Err(error) = result {
        machine.log(&format!("{what}: {error}"));
    }
}
