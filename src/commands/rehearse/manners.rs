//! What a release of the user's own app does not show by itself, and what costs visitors their requests one day: how long
//! the app keeps an idle connection, and whether it finishes what it has begun when it is told to stop.
//!
//! Both are asked of an instance itself, past the load balancer, in the wall's time, in which the app lives. Nothing of it
//! changes how the rehearsal ends.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use http::{HeaderValue, Request, Version, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use local_aws::LocalAws;
use local_aws::account::ec2::instances::{AppEnd, EndedWith, Lifecycle};
use net_clock::{Clock, Network};
use serde::Serialize;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::aws::{Aws, ec2};
use crate::config::Config;
use crate::probe::Endpoint;
use crate::probe::ask::{Question, ask};
use crate::stack::TAG_RELEASE;

/// For how long the load balancer keeps an idle connection to a target:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html#connection-idle-timeout>
const LOAD_BALANCER_KEEPS: Duration = Duration::from_secs(60);
/// For how long an idle connection is looked at, at least: many servers close theirs after five seconds.
const LEAST_LOOK: Duration = Duration::from_secs(6);
/// How long a request has to be under way before the app is told to stop.
const UNDER_WAY: Duration = Duration::from_millis(300);
/// What an app that was killed may take to be reported so, beyond its own time.
const REPORTED: Duration = Duration::from_secs(10);
/// SIGTERM.
const TERM: i32 = 15;

/// An instance of the app, and where it listens on this machine.
#[derive(Clone, Debug)]
struct Instance {
    id: String,
    port: u16,
}

impl Instance {
    /// One that runs this release.
    fn of(cloud: &LocalAws, config: &Config) -> Option<Self> {
        let release = config.release.as_ref()?;
        let account = cloud.account();
        let mut all = account.ec2.instances.values();
        let found = all.find(|it| {
            let is_it = it.tags.get(TAG_RELEASE) == Some(&release.0);
            is_it && it.state == Lifecycle::Running && it.app_port.is_some()
        })?;
        Some(Self {
            id: found.id.clone(),
            port: found.app_port?,
        })
    }

    fn runs(&self, cloud: &LocalAws) -> bool {
        let account = cloud.account();
        let found = account.ec2.instances.get(&self.id);
        found.is_some_and(|it| it.state == Lifecycle::Running)
    }

    fn end(&self, cloud: &LocalAws) -> Option<AppEnd> {
        cloud.account().ec2.instances.get(&self.id)?.app_end
    }
}

/// How an idle connection fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Idle {
    /// The app announced with its answer that it would close it, as it may.
    Announced,
    /// It was open for so long, and nobody closed it.
    Open(Duration),
    /// The app closed it after so long, without a word.
    Closed(Duration),
}

/// An idle connection to an instance, which is watched while a release goes on.
#[derive(Debug)]
pub(super) struct Watch {
    instance: Instance,
    enough: CancellationToken,
    watching: JoinHandle<Result<Idle>>,
}

impl Watch {
    /// Begins to watch one to an instance of this release, if one runs.
    pub(super) fn begin(cloud: &LocalAws, config: &Config) -> Option<Self> {
        let instance = Instance::of(cloud, config)?;
        let enough = CancellationToken::new();
        let (network, clock) = (cloud.network().clone(), cloud.clock().clone());
        let (path, until) = (config.service.version_path.clone(), enough.clone());
        let port = instance.port;
        let watching = async move { idle(&network, &clock, port, &path, until).await };
        Some(Self {
            instance,
            enough,
            watching: tokio::spawn(watching),
        })
    }

    /// How it fared until now; `None` where its instance was stopped meanwhile, or nothing can be said.
    async fn end(self, cloud: &LocalAws) -> Option<Idle> {
        let runs = self.instance.runs(cloud);
        self.enough.cancel();
        let idle = self.watching.await.ok()?.ok()?;
        (runs && self.instance.runs(cloud)).then_some(idle)
    }
}

/// Asks once and leaves the connection alone, until it is closed or enough has been seen.
async fn idle(
    network: &Network,
    clock: &Clock,
    port: u16,
    path: &str,
    enough: CancellationToken,
) -> Result<Idle> {
    let stream = network.connect("127.0.0.1", port).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let request = Request::get(path)
        .header(header::HOST, format!("127.0.0.1:{port}"))
        .body(Empty::<Bytes>::new())?;
    let answer = sender.send_request(request).await?;
    let closes = HeaderValue::from_static("close");
    let announced = answer.version() == Version::HTTP_10
        || answer.headers().get(header::CONNECTION) == Some(&closes);
    answer.into_body().collect().await?;
    if announced {
        return Ok(Idle::Announced);
    }
    let begun = clock.wall();
    let least = async {
        enough.cancelled().await;
        clock.sleep_until_wall(begun + LEAST_LOOK).await;
    };
    let idle = tokio::select! {
        _ = driver => Idle::Closed(clock.wall().saturating_sub(begun)),
        () = least => Idle::Open(clock.wall().saturating_sub(begun)),
    };
    drop(sender);
    Ok(idle)
}

/// How an app took it that it was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stopped {
    end: AppEnd,
    /// Whether it finished the answer that was under way; `None` where none was.
    finished: Option<bool>,
}

/// Has one instance of this release stopped, an answer of it under way if it has one that takes long.
async fn stop(aws: &Aws, cloud: &LocalAws, config: &Config) -> Result<Option<Stopped>> {
    let Some(instance) = Instance::of(cloud, config) else {
        return Ok(None);
    };
    let (network, clock) = (cloud.network(), cloud.clock());
    let patience = config.service.stop_timeout + REPORTED;
    let asking = config.probe.long_path.as_deref().map(|path| {
        let endpoint = Endpoint::parse(&format!("http://127.0.0.1:{}", instance.port));
        let (network, clock, question) = (network.clone(), clock.clone(), Question::get(path));
        tokio::spawn(async move { ask(&network, &clock, &endpoint?, &question, patience).await })
    });
    if asking.is_some() {
        clock.sleep_wall(UNDER_WAY).await;
    }
    let under_way = asking.filter(|asking| !asking.is_finished());
    ec2::terminate_instance(aws, &instance.id).await?;
    let ended = async {
        loop {
            if let Some(end) = instance.end(cloud) {
                return end;
            }
            clock.sleep_wall(Duration::from_millis(20)).await;
        }
    };
    let Some(end) = clock.within_wall(patience, ended).await else {
        return Ok(None);
    };
    let finished = match under_way {
        Some(asking) => Some(matches!(asking.await, Ok(Ok(_)))),
        None => None,
    };
    Ok(Some(Stopped { end, finished }))
}

/// What was found in an app, to be mended in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Finding {
    /// It closes idle connections before the load balancer does.
    KeepAliveTooShort,
    /// It cut an answer that was under way when it was told to stop.
    DropsOnStop,
    /// Nothing in it takes SIGTERM: whatever is under way is cut.
    NoSigterm,
    /// It was still there when its time was up.
    DoesNotStop,
}

/// What was seen of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manners {
    app: String,
    stop_timeout: Duration,
    long_path: Option<String>,
    idle: Option<Idle>,
    stopped: Option<Stopped>,
}

impl Manners {
    /// Looks at an app: the connection that was watched, or one that is watched now, and a stop of one instance.
    pub(super) async fn of(
        aws: &Aws,
        cloud: &LocalAws,
        config: &Config,
        watch: Option<Watch>,
    ) -> Result<Self> {
        let mut idle = match watch {
            Some(watch) => watch.end(cloud).await,
            None => None,
        };
        // The one that was watched may have been stopped meanwhile.
        if idle.is_none()
            && let Some(watch) = Watch::begin(cloud, config)
        {
            idle = watch.end(cloud).await;
        }
        Ok(Self {
            app: config.app.clone(),
            stop_timeout: config.service.stop_timeout,
            long_path: config.probe.long_path.clone(),
            idle,
            stopped: stop(aws, cloud, config).await?,
        })
    }

    /// What there is to mend.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let idle = matches!(self.idle, Some(Idle::Closed(after)) if after < LOAD_BALANCER_KEEPS);
        let stop = self
            .stopped
            .and_then(|it| match (it.finished, it.end.with) {
                (_, EndedWith::TimeUp) => Some(Finding::DoesNotStop),
                (Some(false), _) => Some(Finding::DropsOnStop),
                (None, EndedWith::Signal(TERM)) => Some(Finding::NoSigterm),
                _ => None,
            });
        let idle = idle.then_some(Finding::KeepAliveTooShort);
        idle.into_iter().chain(stop).collect()
    }
}

impl fmt::Display for Manners {
    /// A line for each thing that was looked at, what is to be mended first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let app = &self.app;
        let mut good = Vec::new();
        match self.idle {
            Some(Idle::Closed(after)) if after < LOAD_BALANCER_KEEPS => writeln!(
                f,
                "! {app} closes idle connections after {}; the load balancer keeps them for {} s, and now and then sends a request \
                 into one that is closing: a visitor gets a 502. Let {app} keep them for longer than that.",
                seconds(after),
                LOAD_BALANCER_KEEPS.as_secs()
            )?,
            Some(Idle::Closed(open) | Idle::Open(open)) => good.push(format!(
                "an idle connection stayed open for the {} that it was looked at",
                seconds(open)
            )),
            Some(Idle::Announced) => {
                good.push("it says with each answer that it closes the connection".to_owned());
            }
            None => {}
        }
        if let Some(Stopped { end, finished }) = self.stopped {
            let path = self.long_path.as_deref().unwrap_or_default();
            let after = seconds(end.after);
            match (finished, end.with) {
                (_, EndedWith::TimeUp) => writeln!(
                    f,
                    "! {app} was told to stop (SIGTERM), was still there after {after}, and was killed with whatever it had under \
                     way. Let it end on SIGTERM, or give it longer (service.stop-timeout is {} s).",
                    self.stop_timeout.as_secs()
                )?,
                (Some(false), _) => writeln!(
                    f,
                    "! {app} was told to stop (SIGTERM) while it answered {path}, and cut that answer. A release waits until \
                     nobody is on an instance; a restart of the service or of the instance does not. Let it finish what it has begun."
                )?,
                (None, EndedWith::Signal(TERM)) => writeln!(
                    f,
                    "! nothing in {app} takes SIGTERM: the signal ends it at once, and an answer that is under way is cut. A release \
                     waits until nobody is on an instance; a restart of the service or of the instance does not. \
                     To see it tried with an answer under way: name a path that takes seconds as probe.long-path."
                )?,
                (Some(true), _) => good.push(format!(
                    "told to stop, it finished its answer to {path} and ended after {after}"
                )),
                (None, EndedWith::Code(_) | EndedWith::Signal(_)) => {
                    good.push(format!("told to stop, it ended by itself after {after}"));
                }
            }
        }
        if !good.is_empty() {
            writeln!(f, "{app}: {}", good.join("; "))?;
        }
        Ok(())
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests;
