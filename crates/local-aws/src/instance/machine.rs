//! One machine: its disk, its lives between boot and stop, and the queue of what it has to do.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Image, lock};

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
    pub(super) home: PathBuf,
    jobs: mpsc::UnboundedSender<Job>,
    life: Mutex<Option<Life>>,
    pub(super) scripts: Mutex<BTreeMap<String, CancellationToken>>,
    /// Calls a planned shutdown off.
    pub(super) shutdown: Mutex<CancellationToken>,
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
    pub(super) fn log(&self, line: &str) {
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

/// Runs what blocks where it may, which also keeps a paused clock from jumping meanwhile.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}
