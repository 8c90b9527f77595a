//! `bg-deploy.toml` as valid values. Everything but four lines has a default, named here.
//!
//! Guarantees: a `Config` is whole and free of contradictions; what is wrong with a file is reported all at once, each
//! problem with its line and what would be right. Reading never changes anything, and no text makes it panic.
//!
//! How: `keys` lists every key once; `value` reads one value by its key's kind; `file` walks the tables; `check` fills
//! in defaults (`taker`) and finds contradictions; `disk` looks at the files that are named; `schema` shows the list to others.

mod check;
mod comment;
mod disk;
pub mod duration;
mod file;
pub mod form;
pub mod key;
pub mod keys;
mod load;
mod overrides;
mod problem;
mod schema;
mod taker;
mod value;
mod windows;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::command_line::{CommandLine, Next};
use crate::names::Release;

pub use comment::{COMMENT_POLICIES, CommentPolicy};
pub use load::{load, load_without_artifact, parse};
pub use overrides::{DEFAULT_FILE, Given, Overrides};
pub(crate) use problem::nearest;
pub use problem::{Place, Problem, Problems};
pub use schema::{reference_markdown, schema, schema_text};
pub use windows::{Closed, Window, Windows};

/// Everything a command needs to know that does not come from AWS: valid, whole, and with every default filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The app's name: lower-case letters, digits and hyphens, at most 20 characters; part of every AWS name.
    pub app: String,
    /// The environment's name, such as `prod`; `default` when the file has none and none was asked for.
    pub environment: String,
    /// Where in AWS; `None`: as the AWS SDK finds it (`AWS_REGION`, profile).
    pub region: Option<String>,
    /// The twelve digits of the account this environment lives in; a caller in another account is refused.
    pub account: Option<String>,
    /// The release that the app has to answer with, if known (from the command line or CI).
    pub release: Option<Release>,
    /// The commit that is released, if CI says which one.
    pub commit: Option<String>,
    /// What runs.
    pub service: Service,
    /// How its image is made.
    pub bake: Bake,
    /// What must hold before the shift.
    pub smoke: Vec<Smoke>,
    /// How the traffic moves.
    pub shift: Shift,
    /// How it is watched.
    pub probe: Probe,
    /// What it runs on.
    pub fleet: Fleet,
    /// What is kept afterwards.
    pub retain: Retain,
    /// Where it stands.
    pub network: Network,
    /// How roles are made.
    #[serde(default)]
    pub roles: Roles,
    /// By which keys things are encrypted.
    #[serde(default)]
    pub encryption: Encryption,
    /// When releases may begin.
    pub windows: Windows,
    /// How two runs keep out of each other's way.
    pub lease: Lease,
    /// How a command is typed that means the same.
    #[serde(skip)]
    pub command_line: CommandLine,
}

impl Config {
    /// How this command is typed.
    pub fn next(&self, next: Next<'_>) -> String {
        self.command_line.of(next)
    }
}

/// `[service]`: what runs, and how it shows that it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// The command that starts it, relative to the artifact's folder.
    pub command: String,
    /// File or folder that is deployed; absolute, or relative to the working directory (the config file's folder joined).
    pub artifact: PathBuf,
    /// The port it listens on; also in its environment as `PORT`.
    pub port: u16,
    /// Answers 200 when it can take traffic.
    pub health_path: String,
    /// Answers with the release.
    pub version_path: String,
    /// Where in that answer's JSON the release stands (RFC 6901); `None`: `/version` of a JSON body, else the whole text.
    pub version_pointer: Option<String>,
    /// Further environment variables, given at boot.
    pub variables: BTreeMap<String, String>,
    /// How long it may take to stop after SIGTERM.
    pub stop_timeout: Duration,
}

/// `[bake]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bake {
    /// `ami-...`, or `ssm:/path` of a parameter that holds one.
    pub base_image: String,
    /// The builder's.
    pub instance_type: String,
    /// A script that the builder runs as root, before the image is made.
    pub script: Option<PathBuf>,
    /// For the whole bake.
    pub timeout: Duration,
    /// The environment whose image of the same recipe is taken, where there is one.
    #[serde(default)]
    pub take_from: Option<String>,
}

/// `[[smoke]]`: one request through the preview route, and what its answer must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Smoke {
    /// As reports call it.
    pub name: String,
    /// GET, POST, ...
    pub method: String,
    /// Begins with `/`.
    pub path: String,
    /// Sent with the request.
    pub headers: BTreeMap<String, String>,
    /// Sent as its body.
    pub body: Option<String>,
    /// The wanted status.
    pub status: u16,
    /// Headers of the answer: name and value.
    pub expect_headers: BTreeMap<String, String>,
    /// JSON of the answer: pointer and value.
    pub json: BTreeMap<String, serde_json::Value>,
    /// Text that the answer contains.
    pub text: Option<String>,
    /// The answer is complete within this time.
    pub within: Duration,
}

/// `[shift]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// `all-at-once`, `canary` or `linear`, for people; the stages say it all.
    pub strategy: Strategy,
    /// The candidate's weight in each stage, rising, the last one 100.
    pub weights: Vec<u8>,
    /// How long each stage but the last is held.
    pub hold: Duration,
    /// How long both colours stay up and watched after the last stage.
    pub soak: Duration,
    /// How long the candidate's answers may take, but for one in a hundred; `None`: as long as an answer may at all.
    pub slowest: Option<Duration>,
}

/// How the traffic moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strategy {
    /// 100 in one write.
    AllAtOnce,
    /// A little first, then all.
    Canary,
    /// In equal stages.
    Linear,
}

/// `[probe]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Requests a second in each lane.
    pub rate: f64,
    /// The service's public URL; `None`: the load balancer's own name.
    pub url: Option<String>,
    /// A path whose answer takes longer than the shift, if the app has one.
    pub long_path: Option<String>,
    /// A request that takes longer than this has failed.
    pub timeout: Duration,
    /// What tells the runner's own network apart; `None`: AWS's own endpoint.
    pub reference: Option<String>,
}

/// `[fleet]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fleet {
    /// Of the instances.
    pub instance_type: String,
    /// The least a live colour has, and what a first release starts with.
    pub min: u32,
    /// The most a live colour has.
    pub max: u32,
    /// How many looks in a row every instance must be healthy.
    pub healthy_streak: u32,
    /// How long the idle colour may take to become healthy.
    pub healthy_within: Duration,
}

/// `[retain]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retain {
    /// How long the previous colour stays at its size, for a rollback in seconds.
    pub previous_for: Duration,
    /// How many images are kept.
    pub images: usize,
    /// How long an instance of a candidate that failed is kept, to be looked at; nothing: none is.
    #[serde(default)]
    pub failed_for: Duration,
}

/// `[network]`: what exists already and is not made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// `vpc-...`; `None`: the account's default VPC.
    pub vpc: Option<String>,
    /// At least two, in different zones; empty: all of the VPC's.
    pub subnets: Vec<String>,
    /// The load balancer's port.
    pub listener_port: u16,
    /// Reachable from the internet.
    pub public: bool,
}

/// `[roles]`: how what acts inside AWS is given its right to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    /// Of the roles and instance profiles.
    pub path: String,
    /// The managed policy that limits them.
    pub boundary: Option<String>,
}

impl Default for Roles {
    fn default() -> Self {
        Self {
            path: default::ROLE_PATH.to_owned(),
            boundary: None,
        }
    }
}

/// `[encryption]`: keys of the user's own, by ARN.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    /// Of disks and images; `None`: the account's default key for EBS.
    pub volume_key: Option<String>,
    /// Of the bucket; `None`: S3's own.
    pub bucket_key: Option<String>,
}

/// `[lease]`: one run at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// How long a run waits for its turn; nothing: it is refused at once.
    pub wait: Duration,
}

/// Defaults, as docs/configuration.md and the schema show them.
pub mod default {
    use super::Duration;

    /// `service.port`
    pub const PORT: u16 = 8080;
    /// `service.health-path`
    pub const HEALTH_PATH: &str = "/hc";
    /// `service.version-path`
    pub const VERSION_PATH: &str = "/version";
    /// `service.stop-timeout`
    pub const STOP_TIMEOUT: Duration = Duration::from_secs(60);
    /// `bake.base-image`: the newest Amazon Linux 2023.
    pub const BASE_IMAGE: &str =
        "ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";
    /// `bake.instance-type` and `fleet.instance-type`
    pub const INSTANCE_TYPE: &str = "t3.micro";
    /// `bake.timeout`
    pub const BAKE_TIMEOUT: Duration = Duration::from_secs(60 * 60);
    /// `smoke.method`
    pub const SMOKE_METHOD: &str = "GET";
    /// `smoke.status`
    pub const SMOKE_STATUS: u16 = 200;
    /// `smoke.within`
    pub const SMOKE_WITHIN: Duration = Duration::from_secs(2);
    /// `shift.hold`
    pub const HOLD: Duration = Duration::from_secs(60);
    /// `shift.soak`
    pub const SOAK: Duration = Duration::from_secs(120);
    /// The first stage of `canary`, in percent.
    pub const CANARY: u8 = 10;
    /// The stages of `linear`.
    pub const LINEAR: [u8; 5] = [20, 40, 60, 80, 100];
    /// `probe.rate`
    pub const RATE: f64 = 10.0;
    /// `probe.timeout`
    pub const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
    /// `fleet.min`
    pub const MIN: u32 = 2;
    /// `fleet.max`
    pub const MAX: u32 = 4;
    /// `fleet.healthy-streak`
    pub const HEALTHY_STREAK: u32 = 3;
    /// `fleet.healthy-within`
    pub const HEALTHY_WITHIN: Duration = Duration::from_secs(10 * 60);
    /// `retain.for`
    pub const RETAIN_FOR: Duration = Duration::from_secs(60 * 60);
    /// `retain.images`
    pub const RETAIN_IMAGES: usize = 5;
    /// `network.listener-port`
    pub const LISTENER_PORT: u16 = 80;
    /// `network.public`
    pub const PUBLIC: bool = true;
    /// `roles.path`
    pub const ROLE_PATH: &str = "/";
    /// `lease.wait`: about as long as a release without a bake.
    pub const LEASE_WAIT: Duration = Duration::from_secs(10 * 60);
}
