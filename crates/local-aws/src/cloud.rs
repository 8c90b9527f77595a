//! A local AWS running: an endpoint that answers API calls, a clock that lets things happen, and the layers that carry
//! out what the account orders.

use std::path::PathBuf;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use http::header::DATE;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use net_clock::{Clock, Listener, Network, Stream};

use crate::account::{Account, Ledger, Order};
use crate::fault::Fault;
use crate::http_date::http_date;
use crate::instance::Machines;
use crate::load_balancer::LoadBalancers;
use crate::pace::Pace;
use crate::shared::{Carrier, Shared};
use crate::{automation, wire};

/// The largest request body it takes: an artifact for an image.
const LARGEST_BODY: usize = 1 << 30;
/// The header in which each answer says what time it is in the account.
pub const DATE_HEADER: &str = "x-local-aws-date";
/// The region that it has unless told otherwise.
pub const REGION: &str = "eu-central-1";

/// How a local AWS is set up.
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
    /// The region that it begins in; the others are there, too.
    pub region: String,
}

impl Default for Options {
    /// On a free port of this machine, as fast as AWS.
    fn default() -> Self {
        Self {
            network: Network::tcp(),
            clock: Clock::real(),
            port: 0,
            seed: 1,
            pace: Pace::aws(),
            region: REGION.to_owned(),
        }
    }
}

/// A running local AWS. A clone is another handle of the same one.
#[derive(Clone, Debug)]
pub struct LocalAws {
    shared: Arc<Shared>,
    machines: Arc<Machines>,
    port: u16,
}

impl LocalAws {
    /// Starts one.
    pub async fn start(options: Options) -> Result<Self> {
        let listener = options
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
        account.elbv2.has_names = options.network.is_memory();
        let machines = Arc::new(Machines::new()?);
        let carrier = carrier(Arc::clone(&machines), LoadBalancers::default());
        let shared = Shared::new(options.clock, options.network, account, carrier);
        let shared = Arc::new(shared);
        shared.tasks.spawn(listen(Arc::clone(&shared), listener));
        shared.tasks.spawn(Arc::clone(&shared).keep_time());
        Ok(Self {
            shared,
            machines,
            port,
        })
    }

    /// The port of its endpoint.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL to give an SDK as its endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The clock that it runs on. Its account may be ahead of it: see [`LocalAws::skip`].
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// The network that it listens in.
    pub fn network(&self) -> &Network {
        &self.shared.network
    }

    /// What has happened until now.
    pub fn ledger(&self) -> Ledger {
        let account = self.account();
        Ledger {
            calls: account.calls.clone(),
            milestones: account.milestones.clone(),
        }
    }

    /// Has something go wrong from now on.
    pub fn inject(&self, fault: Fault) {
        self.shared.account().faults.inject(fault);
    }

    /// Ends all faults, and answers with them: one that is not spent has not struck as often as it was to.
    pub fn lift_faults(&self) -> Vec<Fault> {
        self.shared.account().faults.lift()
    }

    /// Moves its time: what the account would have done until then it does now. What that sets going outside the
    /// account (a process that starts, a health check's request) takes its own time nonetheless.
    pub fn skip(&self, by: Duration) {
        self.shared.skip(by);
    }

    /// The account as it is now, locked, for a test or a report to look into: nothing is answered until it is dropped.
    pub fn account(&self) -> MutexGuard<'_, Account> {
        self.shared.account_now()
    }

    /// Keeps what the services of each instance write from now on in a file of this folder, `i-....log`, which stays when the
    /// instance is gone: the latest megabyte of it. The folder has to be there.
    pub fn keep_output(&self, folder: PathBuf) {
        self.machines.keep_output(folder);
    }

    /// The folder that stands for an instance's root.
    pub fn disk(&self, instance: &str) -> Option<PathBuf> {
        self.machines.disk(instance)
    }

    /// Ends every process and task it started, for all of its handles.
    pub async fn stop(self) {
        self.shared.stopping.cancel();
        self.shared.tasks.close();
        self.machines.stop_all().await;
        self.shared.tasks.wait().await;
    }
}

/// A moment so many seconds later.
fn moved(moment: SystemTime, seconds: i32) -> SystemTime {
    let by = Duration::from_secs(seconds.unsigned_abs().into());
    match seconds {
        0.. => moment + by,
        _ => moment - by,
    }
}

#[cfg(test)]
impl LocalAws {
    /// What its tasks hold.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The machines behind its instances.
    pub(crate) fn machines(&self) -> &Machines {
        &self.machines
    }
}

/// Hands each order to the layer that it is for.
fn carrier(machines: Arc<Machines>, load_balancers: LoadBalancers) -> Carrier {
    Arc::new(move |shared, order| match order {
        Order::Machine(order) => machines.obey(shared, order),
        Order::LoadBalancer(order) => load_balancers.obey(shared, order),
        Order::Automation(id) => automation::go_on(&mut shared.account(), &id),
    })
}

/// The lowest port that this machine lets the local cloud listen on: 1024 without privilege.
async fn lowest_port(network: &Network) -> u16 {
    match network.listen(1023).await {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => 1024,
        _ => 1,
    }
}

/// Accepts the connections to the endpoint, until everything ends.
async fn listen(shared: Arc<Shared>, mut listener: Listener) {
    loop {
        tokio::select! {
            () = shared.stopping.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(stream) => { tokio::spawn(serve(Arc::clone(&shared), stream)); }
                Err(_) => continue,
            }
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
            // So that a client beside it can tell what time it is here. Not as `date`: by that the SDKs judge their own
            // clocks, and one that is minutes off makes them try a refused call again.
            if let Ok(date) = http_date(shared.utc()).try_into() {
                reply.headers_mut().insert(DATE_HEADER, date);
            }
            // Nor is it, unless a test wants just that.
            let ahead = shared.account().date_ahead;
            if ahead != 0
                && let Ok(date) = http_date(moved(SystemTime::now(), ahead)).try_into()
            {
                reply.headers_mut().insert(DATE, date);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::ec2::images::AMAZON_LINUX;
    use crate::account::ec2::launch::{Launch, launch};
    use crate::account::ec2::launch_data::LaunchData;

    fn one_instance() -> Launch {
        Launch {
            data: LaunchData {
                image: Some(AMAZON_LINUX.to_owned()),
                instance_type: Some("t3.micro".to_owned()),
                ..LaunchData::default()
            },
            min: 1,
            max: 1,
            ..Launch::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn skipping_lets_what_is_due_happen_in_order_and_the_clock_goes_on_from_there() {
        let local = LocalAws::start(Options {
            network: Network::memory(),
            ..Options::default()
        })
        .await
        .expect("a local AWS");
        let begun = local.account().now();
        let instance = {
            let mut account = local.account();
            let launched = launch(&mut account, &one_instance());
            launched.expect("a launch").concat()
        };
        local.shared.settle();
        local.skip(Duration::from_secs(600));
        assert_eq!(local.account().now() - begun, Duration::from_secs(600));
        let told: Vec<_> = local.ledger().milestones;
        let told: Vec<_> = told.iter().map(|it| (it.what, it.of.as_str())).collect();
        assert_eq!(
            told,
            [("running", instance.as_str()), ("booted", &instance)]
        );
        local.clock().sleep(Duration::from_secs(5)).await;
        assert_eq!(local.account().now() - begun, Duration::from_secs(605));
        local.stop().await;
    }
}
