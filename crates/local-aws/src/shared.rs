//! What every task of a running local AWS holds: the account behind its lock, its time, its network, its end.
//!
//! Who carries out the account's orders is told once, at the start ([`Carrier`]), so that this file imports none of
//! the layers above it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use net_clock::{Clock, Network};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::account::{Account, Order};

/// Begins to carry out an order of the account's.
pub(crate) type Carrier = Arc<dyn Fn(&Arc<Shared>, Order) + Send + Sync>;

/// What every task holds, in the region that it is about.
#[derive(Clone)]
pub(crate) struct Shared {
    /// Its time.
    pub clock: Clock,
    /// Where it listens and dials.
    pub network: Network,
    /// Ends every task.
    pub stopping: CancellationToken,
    /// Every task that must end before the whole is gone.
    pub tasks: TaskTracker,
    /// The region that the account is in whenever it is locked from here.
    region: String,
    account: Arc<Mutex<Account>>,
    /// How far the account's time is ahead of the clock.
    ahead: Arc<Mutex<Duration>>,
    carrier: Carrier,
    changed: Arc<Notify>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("clock", &self.clock)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// An account that begins to live, and who carries out its orders.
    pub(crate) fn new(clock: Clock, network: Network, account: Account, carrier: Carrier) -> Self {
        Self {
            clock,
            network,
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
            region: account.region.clone(),
            account: Arc::new(Mutex::new(account)),
            ahead: Arc::default(),
            carrier,
            changed: Arc::default(),
        }
    }

    /// The same in another region.
    pub(crate) fn in_region(self: &Arc<Self>, region: &str) -> Arc<Self> {
        if region == self.region {
            return Arc::clone(self);
        }
        Arc::new(Self {
            region: region.to_owned(),
            ..Self::clone(self)
        })
    }

    /// The account in this region, locked: never hold it across an await.
    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        let mut account = self.account.lock().unwrap_or_else(PoisonError::into_inner);
        account.enter(&self.region);
        account
    }

    /// The account, after everything that is due by now has happened.
    pub(crate) fn account_now(&self) -> MutexGuard<'_, Account> {
        let now = self.clock.elapsed() + self.ahead();
        let mut account = self.account();
        account.advance(now);
        account
    }

    /// The date and time in the account.
    pub(crate) fn utc(&self) -> SystemTime {
        self.clock.utc() + self.ahead()
    }

    fn ahead(&self) -> Duration {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the account's time: what is due until then happens now, one after another, its orders in between.
    pub(crate) fn skip(self: &Arc<Self>, by: Duration) {
        let until = self.clock.elapsed() + self.ahead() + by;
        loop {
            let due = self.account().next_due().filter(|due| *due <= until);
            let Some(due) = due else {
                break;
            };
            self.account().advance(due);
            self.send_orders();
        }
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) += by;
        drop(self.account_now());
        self.settle();
    }

    /// Sends the account's orders on their way, and has [`Shared::keep_time`] look again.
    pub(crate) fn settle(self: &Arc<Self>) {
        self.send_orders();
        self.changed.notify_one();
    }

    /// Lets what is due happen, when it is due, until everything ends.
    pub(crate) async fn keep_time(self: Arc<Self>) {
        loop {
            drop(self.account_now());
            self.send_orders();
            let due = self.account().next_due();
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = self.changed.notified() => {}
                () = async {
                    match due {
                        Some(at) => self.clock.sleep_until(at.saturating_sub(self.ahead())).await,
                        None => std::future::pending().await,
                    }
                } => {}
            }
        }
    }

    fn send_orders(self: &Arc<Self>) {
        loop {
            let Some(region) = self.account().region_with_orders() else {
                break;
            };
            let there = self.in_region(&region);
            let orders = there.account().take_orders();
            for order in orders {
                (self.carrier)(&there, order);
            }
        }
    }
}
