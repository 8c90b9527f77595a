//! A pretend AWS account on loopback that really serves: load balancers proxy, instances are processes, runbooks run.
//!
//! ```
//! use local_aws::{Answer, Fault, LocalAws, Options};
//! use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Started on a free port of this machine. `local.endpoint()` is what an SDK is given, and all that it is given.
//! let local = LocalAws::start(Options::default()).await?;
//!
//! // Something goes wrong on purpose, once.
//! local.inject(Fault::on("sts", "GetCallerIdentity", Answer::Throttle));
//!
//! // A call, here by hand. Credentials are not checked; the signature's scope says which service it is for.
//! let mut stream = local.network().connect("127.0.0.1", local.port()).await?;
//! let body = "Action=GetCallerIdentity&Version=2011-06-15";
//! let request = format!(
//!     "POST / HTTP/1.1\r\nhost: local\r\nconnection: close\r\ncontent-length: {}\r\n\
//!      authorization: AWS4-HMAC-SHA256 Credential=me/20260101/eu-central-1/sts/aws4_request\r\n\r\n{body}",
//!     body.len()
//! );
//! stream.write_all(request.as_bytes()).await?;
//! let mut answer = String::new();
//! stream.read_to_string(&mut answer).await?;
//! assert!(answer.contains("<Code>Throttling</Code>"), "{answer}");
//!
//! // The ledger has who asked for what, and how it was answered.
//! let ledger = local.ledger();
//! assert_eq!((ledger.calls[0].key.as_str(), ledger.calls[0].operation.as_str()), ("me", "GetCallerIdentity"));
//! assert!(local.lift_faults().iter().all(Fault::is_spent));
//! local.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # The face
//!
//! - **Start it:** [`LocalAws::start`] with [`Options`]: where it listens ([`Network`]: this machine's, or one in memory),
//!   on which [`Clock`] it runs (as fast as the wall, or faster), its seed, its [`pace`]. As a program: [`program`].
//! - **What it can be asked for:** [`operations`].
//! - **Ask it:** [`LocalAws::ledger`] has every call and every moment at which something became true;
//!   [`LocalAws::account`] is the whole [`account`], to look into.
//! - **Have things go wrong:** [`LocalAws::inject`] a [`Fault`]: whom it strikes, how often, and what happens then.
//! - **Move its time:** [`LocalAws::skip`]; in a test, tokio's paused clock with [`Network::memory`] does it by itself,
//!   and ten minutes of AWS pass in milliseconds.
//! - **Give it an app** when there is none: [`sample_app`], which can misbehave.
//!
//! # The floors
//!
//! From the bottom; an arrow points down only, which `tests/house.rs` holds.
//!
//! | floor | rooms |
//! |---|---|
//! | values | [`pace`] how long things take; `fault` what goes wrong; `throttle` AWS's limits; `runbook` the language of Automation |
//! | state | [`account`]: the services as plain state and timed transitions, no I/O. What must happen outside leaves it as an [`account::Order`] |
//! | running | `shared`: the account behind its lock, its clock, its network |
//! | edges | `wire`: bytes to the account and back; [`sample_app`] |
//! | carriers | `load_balancer`: a real HTTP proxy; `instance`: real processes; `automation`: the interpreter of runbooks, which calls `wire` as any caller |
//! | whole | `cloud`: [`LocalAws`], which ties them together; [`program`] |
//!
//! Within the account services stand on floors, too: iam and s3, permissions and ssm, ec2, elbv2, autoscaling. Those above act on those
//! below; what those below have to tell goes through `account::news`.

pub mod account;
mod automation;
mod cloud;
mod fault;
mod http_date;
mod instance;
mod limits;
mod load_balancer;
pub mod pace;
pub mod program;
mod runbook;
pub mod sample_app;
mod shared;
mod throttle;
mod wire;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use account::{Call, Ledger, Milestone};
pub use cloud::{DATE_HEADER, LocalAws, Options};
pub use fault::{Answer, Fault, Faults};
pub use net_clock::{Clock, Network};
pub use wire::operations;
