//! The local cloud running: an endpoint that answers API calls, a clock that lets things happen, and the orders that
//! leave the account for machines and load balancers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::account::{Account, Effect};
use super::http_date::http_date;
use super::instance::Machines;
use super::load_balancer::LoadBalancers;
use super::pace::Pace;
use super::{automation, wire};
use net_clock::Clock;
use net_clock::{Network, Stream};

/// The largest request body it takes: an artifact for a rehearsal.
const LARGEST_BODY: usize = 1 << 30;

/// How a local cloud is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens and where its instances are reached.
    pub network: Network,
    /// Its time.
    pub clock: Clock,
    /// The endpoint's port; 0 for a free one.
    pub port: u16,
    /// The seed of everything random in it.
    pub seed: u64,
    /// How long things take.
    pub pace: Pace,
    /// The region it has.
    pub region: String,
}

/// What every task of the local cloud holds.
#[derive(Debug)]
pub struct Shared {
    /// Its time.
    pub clock: Clock,
    /// Where it listens and dials.
    pub network: Network,
    /// The machines behind the instances.
    pub machines: Machines,
    /// The data planes.
    pub load_balancers: LoadBalancers,
    /// Ends every task.
    pub stopping: CancellationToken,
    /// Every task that must end before the cloud is gone.
    pub tasks: TaskTracker,
    account: Mutex<Account>,
    changed: Notify,
}

impl Shared {
    /// The account, locked: never hold it across an await.
    pub fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The account, after everything that is due by now has happened.
    pub fn account_now(&self) -> MutexGuard<'_, Account> {
        let mut account = self.account();
        account.advance(self.clock.elapsed());
        account
    }

    /// Sends the account's orders on their way, and has the clock task look again.
    pub fn settle(self: &Arc<Self>) {
        self.send_orders();
        self.changed.notify_one();
    }

    fn send_orders(self: &Arc<Self>) {
        loop {
            let effects = self.account().take_effects();
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                match effect {
                    Effect::Instance(order) => self.machines.obey(self, order),
                    Effect::LoadBalancer(order) => self.load_balancers.obey(self, order),
                    Effect::Automation(id) => automation::go_on(&mut self.account(), &id),
                }
            }
        }
    }
}

/// A running local cloud.
#[derive(Debug)]
pub struct LocalCloud {
    shared: Arc<Shared>,
    port: u16,
}

impl LocalCloud {
    /// Starts one.
    pub async fn start(options: Options) -> Result<Self> {
        let mut listener = options
            .network
            .listen(options.port)
            .await
            .with_context(|| format!("listening on port {} of loopback", options.port))?;
        let port = listener.port();
        let mut account = Account::new(
            options.seed,
            options.clock.utc_at(Default::default()),
            options.pace,
        );
        account.region = options.region;
        account.elbv2.lowest_port = lowest_port(&options.network).await;
        let shared = Arc::new(Shared {
            machines: Machines::new(&options.network)?,
            load_balancers: LoadBalancers::default(),
            clock: options.clock,
            network: options.network,
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
            account: Mutex::new(account),
            changed: Notify::new(),
        });
        let serving = Arc::clone(&shared);
        shared.tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = serving.stopping.cancelled() => break,
                    accepted = listener.accept() => match accepted {
                        Ok(stream) => { tokio::spawn(serve(Arc::clone(&serving), stream)); }
                        Err(_) => continue,
                    }
                }
            }
        });
        shared.tasks.spawn(keep_time(Arc::clone(&shared)));
        Ok(Self { shared, port })
    }

    /// The port of its endpoint.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL to give an SDK as its endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The account, for a test or a report to look into.
    pub fn account(&self) -> MutexGuard<'_, Account> {
        self.shared.account_now()
    }

    /// What its tasks hold.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Ends every process and task it started.
    pub async fn stop(self) {
        self.shared.stopping.cancel();
        self.shared.tasks.close();
        self.shared.machines.stop_all().await;
        self.shared.tasks.wait().await;
    }
}

/// The lowest port that this machine lets the local cloud listen on: 1024 without privilege.
async fn lowest_port(network: &Network) -> u16 {
    match network.listen(1023).await {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => 1024,
        _ => 1,
    }
}

/// Lets what is due happen, when it is due.
async fn keep_time(shared: Arc<Shared>) {
    loop {
        drop(shared.account_now());
        shared.send_orders();
        let due = shared.account().next_due();
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = shared.changed.notified() => {}
            () = async {
                match due {
                    Some(at) => shared.clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            } => {}
        }
    }
}

async fn serve(shared: Arc<Shared>, stream: Stream) {
    let stopping = shared.stopping.clone();
    let service = service_fn(move |request: http::Request<Incoming>| {
        let shared = Arc::clone(&shared);
        async move {
            let (parts, body) = request.into_parts();
            let body = Limited::new(body, LARGEST_BODY)
                .collect()
                .await
                .map_err(|_| wire::LostReply)?
                .to_bytes();
            let mut reply = wire::answer(&shared, parts, body).await?;
            // Its own date, as on each answer of AWS: a client beside it can tell what time it is here.
            if let Ok(date) = http_date(shared.clock.utc()).try_into() {
                reply.headers_mut().insert(http::header::DATE, date);
            }
            Ok::<_, wire::LostReply>(reply)
        }
    });
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // A client that goes away, or a reply lost on purpose: nothing to tell anybody.
        _ = connection => {}
        () = stopping.cancelled() => {}
    }
}
