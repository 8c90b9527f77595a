//! The machines behind instances: a folder as disk, real processes of the user's own app, scripts that really run.
//!
//! An instance is a folder under one temporary folder; its image is another, copied at boot. Its services are
//! processes of this computer (or, in a memory network, tasks of this process), started from the units that the
//! bake enabled.
//!
//! Guarantees: the orders for one machine are carried out one after another; stopping ends everything the machine
//! started, SIGTERM first; nothing outlives [`Machines::stop_all`], and nothing is written outside the temporary
//! folder by this module (a user's script may write where it likes).

mod disk;
mod journal;
mod machine;
mod process;
mod script;
mod service;
mod shims;
mod start_limit;
mod store;
mod unit;
mod unit_file;
mod user_data;
mod work;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::machine::{Job, Machine};
use self::store::Store;
use crate::account::machine::MachineOrder;
use crate::shared::Shared;

/// The machines.
#[derive(Debug)]
pub(crate) struct Machines {
    root: TempDir,
    store: Arc<Store>,
    machines: Mutex<BTreeMap<String, Arc<Machine>>>,
    images: Mutex<BTreeMap<String, Arc<Image>>>,
    /// Where what services write is kept beyond their machines.
    output: Arc<Mutex<Option<PathBuf>>>,
    tasks: TaskTracker,
    /// Everything ends, and quickly.
    ending: CancellationToken,
}

/// The computer that the machines share: what their tasks hold.
#[derive(Debug)]
struct Host {
    shared: Arc<Shared>,
    store: Arc<Store>,
    output: Arc<Mutex<Option<PathBuf>>>,
    /// Everything ends, and quickly.
    ending: CancellationToken,
}

/// An image's files, removed when the last machine that boots from it has copied them.
#[derive(Debug)]
struct Image {
    folder: TempDir,
    /// Whether its files are all there.
    is_whole: watch::Receiver<bool>,
}

impl Machines {
    /// No machines yet.
    pub(crate) fn new() -> Result<Self> {
        let root = tempfile::Builder::new()
            .prefix("local-aws-")
            .tempdir()
            .context("a temporary folder for the machines")?;
        let store = Arc::new(Store::new(root.path().join("s3")));
        Ok(Self {
            store,
            root,
            machines: Mutex::default(),
            images: Mutex::default(),
            output: Arc::default(),
            tasks: TaskTracker::new(),
            ending: CancellationToken::new(),
        })
    }

    /// Begins to carry out an order; what comes of it reaches the account later.
    pub(crate) fn obey(&self, shared: &Arc<Shared>, order: MachineOrder) {
        match order {
            MachineOrder::Boot {
                instance,
                image,
                user_data,
            } => {
                let image = lock(&self.images).get(&image).cloned();
                let machine = self.create(shared, &instance);
                let life = machine.begin_life();
                machine.queue(Job::Boot {
                    image,
                    user_data,
                    life,
                });
            }
            MachineOrder::Restart { instance } => {
                if let Some(machine) = self.find(&instance) {
                    let life = machine.begin_life();
                    machine.queue(Job::Restart { life });
                }
            }
            MachineOrder::Stop { instance } => {
                if let Some(machine) = self.find(&instance) {
                    machine.end_life();
                    machine.queue(Job::Stop);
                }
            }
            MachineOrder::Terminate { instance } => {
                if let Some(machine) = lock(&self.machines).remove(&instance) {
                    machine.end_life();
                    machine.queue(Job::Terminate);
                }
            }
            MachineOrder::Snapshot { instance, image } => self.snapshot(&instance, image),
            MachineOrder::DropImage { image } => {
                let dropped = lock(&self.images).remove(&image);
                // Its folder goes with it, which blocks.
                self.tasks.spawn_blocking(move || drop(dropped));
            }
            MachineOrder::RunScript {
                instance,
                command,
                lines,
                limit,
            } => {
                if let Some(machine) = self.find(&instance) {
                    let cancel = machine.expect_script(&command);
                    machine.queue(Job::RunScript {
                        command,
                        text: lines.join("\n") + "\n",
                        limit,
                        cancel,
                    });
                }
            }
            MachineOrder::CancelScript { instance, command } => {
                if let Some(machine) = self.find(&instance) {
                    machine.cancel_script(&command);
                }
            }
        }
    }

    /// Ends everything.
    pub(crate) async fn stop_all(&self) {
        self.ending.cancel();
        for machine in std::mem::take(&mut *lock(&self.machines)).into_values() {
            machine.end_life();
            machine.queue(Job::Stop);
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Keeps what services write from now on in this folder, too.
    pub(crate) fn keep_output(&self, folder: PathBuf) {
        *lock(&self.output) = Some(folder);
    }

    /// The folder that stands for an instance's root, to look into.
    pub(crate) fn disk(&self, instance: &str) -> Option<PathBuf> {
        self.find(instance).map(|machine| machine.disk())
    }

    fn find(&self, instance: &str) -> Option<Arc<Machine>> {
        lock(&self.machines).get(instance).cloned()
    }

    fn create(&self, shared: &Arc<Shared>, instance: &str) -> Arc<Machine> {
        let home = self.root.path().join("machines").join(instance);
        let (machine, jobs) = Machine::new(instance, home);
        let machine = Arc::new(machine);
        lock(&self.machines).insert(instance.to_owned(), Arc::clone(&machine));
        let host = Arc::new(Host {
            shared: Arc::clone(shared),
            store: Arc::clone(&self.store),
            output: Arc::clone(&self.output),
            ending: self.ending.clone(),
        });
        self.tasks
            .spawn(work::work(host, Arc::clone(&machine), jobs));
        machine
    }

    /// Registers the image at once, so that a boot from it waits until its files are there.
    fn snapshot(&self, instance: &str, image: String) {
        let Some(machine) = self.find(instance) else {
            return;
        };
        let Ok(folder) = tempfile::Builder::new()
            .prefix(&format!("{image}-"))
            .tempdir_in(self.root.path())
        else {
            // A full disk: the image stays empty, and what boots from it has no service.
            return;
        };
        let (done, is_whole) = watch::channel(false);
        let place = folder.path().to_owned();
        let held = Arc::new(Image { folder, is_whole });
        lock(&self.images).insert(image, held);
        machine.queue(Job::Snapshot { place, done });
    }
}

/// A poisoned lock means another task panicked while it held plain data: the data is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, unix))]
mod tests;
