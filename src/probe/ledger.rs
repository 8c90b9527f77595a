//! The ledger: one line of JSON for each request, written while the probe runs.
//!
//! Guarantees: writing never slows the pacing. Lines are collected into blocks that a thread of its own writes; when
//! the disk is too slow for the blocks that may wait, or full, lines are lost and the evidence says so, but the probe
//! goes on. A killed probe loses at most the last second.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::sample::Sample;

/// How much is written at once.
const BLOCK: usize = 64 * 1024;
/// How many blocks may wait for the disk.
const WAITING: usize = 64;
/// How long a line may wait for its block to be full.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// An open ledger.
#[derive(Debug)]
pub(super) struct Ledger {
    block: Vec<u8>,
    flushed: Duration,
    lines: u64,
    lost: u64,
    blocks: Option<SyncSender<Vec<u8>>>,
    error: Arc<Mutex<Option<String>>>,
    writer: Option<JoinHandle<()>>,
}

impl Ledger {
    /// Creates the file, and the folder it is in. What goes wrong is told at the end, like any later trouble.
    pub(super) fn create(path: &Path, now: Duration) -> Self {
        let error = Arc::new(Mutex::new(None));
        let mut ledger = Self {
            block: Vec::with_capacity(BLOCK + 1024),
            flushed: now,
            lines: 0,
            lost: 0,
            blocks: None,
            error: Arc::clone(&error),
            writer: None,
        };
        if let Some(folder) = path.parent() {
            // If this matters, creating the file says so.
            let _ = std::fs::create_dir_all(folder);
        }
        match File::create(path).and_then(|file| {
            let (sender, receiver) = sync_channel(WAITING);
            let writer = std::thread::Builder::new()
                .name("probe-ledger".into())
                .spawn(move || write_blocks(file, &receiver, &error))?;
            Ok((sender, writer))
        }) {
            Ok((sender, writer)) => {
                ledger.blocks = Some(sender);
                ledger.writer = Some(writer);
            }
            Err(error) => *lock(&ledger.error) = Some(format!("{}: {error}", path.display())),
        }
        ledger
    }

    /// Adds a line.
    pub(super) fn enter(&mut self, sample: &Sample) {
        if self.blocks.is_none() {
            return;
        }
        // Writing JSON into memory cannot fail: a sample has only text keys and finite numbers.
        if serde_json::to_writer(&mut self.block, sample).is_ok() {
            self.block.push(b'\n');
            self.lines += 1;
        }
        let now = sample.finished();
        if self.block.len() >= BLOCK || now.saturating_sub(self.flushed) >= LONGEST_WAIT {
            self.flushed = now;
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        let Some(blocks) = &self.blocks else { return };
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK + 1024));
        let lines = std::mem::take(&mut self.lines);
        match blocks.try_send(block) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.lost += lines,
        }
    }

    /// Waits, on a thread that may block, until all is written; why the ledger is not complete, if it is not.
    pub(super) fn close(mut self) -> Option<String> {
        self.flush_last();
        drop(self.blocks.take());
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            return Some("the ledger's writer panicked".to_owned());
        }
        let error = lock(&self.error).take();
        error.or_else(|| {
            (self.lost > 0).then(|| format!("{} lines lost: the disk is too slow", self.lost))
        })
    }

    /// The last block may wait for the disk: nothing is paced any more.
    fn flush_last(&mut self) {
        let block = std::mem::take(&mut self.block);
        if let Some(blocks) = &self.blocks
            && blocks.send(block).is_err()
        {
            self.lost += self.lines;
        }
    }
}

fn write_blocks(mut file: File, blocks: &Receiver<Vec<u8>>, error: &Mutex<Option<String>>) {
    // After an error the blocks are still taken, so that the probe never waits.
    let mut broken = false;
    while let Ok(block) = blocks.recv() {
        if broken {
            continue;
        }
        if let Err(cause) = file.write_all(&block) {
            broken = true;
            *lock(error) = Some(cause.to_string());
        }
    }
}

/// A poisoned lock holds a whole message or none.
fn lock(error: &Mutex<Option<String>>) -> MutexGuard<'_, Option<String>> {
    error.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::sample::{ErrorClass, Lane};
    use super::*;

    fn sample(version: &str) -> Sample {
        Sample {
            lane: Lane::KeepAlive,
            scheduled: Duration::from_micros(1_500),
            sent: Some(Duration::from_micros(1_600)),
            to: Some(IpAddr::from([203, 0, 113, 1])),
            latency: Duration::from_micros(700),
            connect: None,
            status: Some(200),
            version: Some(version.to_owned()),
            error: Some(ErrorClass::Timeout),
            detail: Some("a \"quote\"\nand a line".into()),
        }
    }

    #[test]
    fn every_request_is_one_line_of_valid_json_with_its_units_in_the_keys() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new/ledger.jsonl");
        let mut ledger = Ledger::create(&path, Duration::ZERO);
        for _ in 0..1_000 {
            ledger.enter(&sample("1\n2"));
        }
        assert_eq!(ledger.close(), None);
        let text = std::fs::read_to_string(&path).expect("the ledger");
        assert_eq!(text.lines().count(), 1_000);
        let line: serde_json::Value =
            serde_json::from_str(text.lines().next().expect("a line")).expect("JSON");
        let expected = serde_json::json!({
            "lane": "keep-alive", "scheduled_us": 1500, "sent_us": 1600, "to": "203.0.113.1", "latency_us": 700,
            "connect_us": null, "status": 200, "version": "1\n2", "error": "timeout",
            "detail": "a \"quote\"\nand a line",
        });
        assert_eq!(line, expected);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_and_a_missing_folder_are_told_and_stop_nothing() {
        let mut full = Ledger::create(Path::new("/dev/full"), Duration::ZERO);
        for _ in 0..10_000 {
            full.enter(&sample("1"));
        }
        assert!(full.close().expect("an error").contains("No space left"));
        let mut nowhere = Ledger::create(Path::new("/dev/null/x"), Duration::ZERO);
        nowhere.enter(&sample("1"));
        assert!(nowhere.close().expect("an error").contains("/dev/null/x"));
    }
}
