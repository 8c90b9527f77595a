//! Every key of `bg-deploy.toml`, once: the reader, the JSON Schema and docs/configuration.md are made from this list.
//!
//! Longer than most: it is a list, and read as one.

use std::time::Duration;

use super::default;
use super::form;
use super::key::{Fallback, Key, Kind, Table};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3_600)
}

/// The names that bg-deploy gives a service at boot, and a file must not.
const TAKEN: &[&str] = &["PORT", "RELEASE", "ENVIRONMENT", "COLOUR"];

/// The words of `shift.strategy`.
pub(super) const STRATEGIES: &[&str] = &["all-at-once", "canary", "linear"];

/// The most instances of a colour.
const FLEET_MOST: u64 = 500;

/// Every key, in the order of the reference.
pub const KEYS: &[Key] = &[
    Key {
        table: Table::Top,
        name: "app",
        kind: Kind::Text(form::NAME),
        fallback: Fallback::Required,
        example: r#""hello""#,
        what: "The app's name; part of the name of everything that is made in AWS.",
    },
    Key {
        table: Table::Top,
        name: "region",
        kind: Kind::Text(form::REGION),
        fallback: Fallback::Otherwise("as the AWS SDK finds it: `AWS_REGION`, then the profile"),
        example: r#""eu-central-1""#,
        what: "Where in AWS.",
    },
    Key {
        table: Table::Top,
        name: "account",
        kind: Kind::Text(form::ACCOUNT),
        fallback: Fallback::Otherwise("any account"),
        example: r#""123456789012""#,
        what: "The only account that may be deployed to; credentials of another one are refused.",
    },
    Key {
        table: Table::Service,
        name: "command",
        kind: Kind::Text(form::LINE),
        fallback: Fallback::Required,
        example: r#""./hello""#,
        what: "The command that starts the service, relative to the artifact's folder.",
    },
    Key {
        table: Table::Service,
        name: "artifact",
        kind: Kind::Text(form::LINE),
        fallback: Fallback::Required,
        example: r#""dist/""#,
        what: "The file or folder that is deployed, relative to this file.",
    },
    Key {
        table: Table::Service,
        name: "port",
        kind: Kind::Whole(1, 65_535),
        fallback: Fallback::Whole(default::PORT as u64),
        example: "8080",
        what: "The port that the service listens on; it finds it in its environment as `PORT`.",
    },
    Key {
        table: Table::Service,
        name: "health-path",
        kind: Kind::Text(form::HEALTH_PATH),
        fallback: Fallback::Text(default::HEALTH_PATH),
        example: r#""/hc""#,
        what: "Answers 200 when the service can take traffic.",
    },
    Key {
        table: Table::Service,
        name: "version-path",
        kind: Kind::Text(form::PATH),
        fallback: Fallback::Text(default::VERSION_PATH),
        example: r#""/version""#,
        what: "Answers with the release that runs.",
    },
    Key {
        table: Table::Service,
        name: "version-pointer",
        kind: Kind::Text(form::POINTER),
        fallback: Fallback::Otherwise("`/version` of a JSON answer, else the whole text"),
        example: r#""/build/version""#,
        what: "Where in that answer's JSON the release stands (RFC 6901).",
    },
    Key {
        table: Table::Service,
        name: "stop-timeout",
        kind: Kind::Duration(seconds(1), seconds(600)),
        fallback: Fallback::Duration(default::STOP_TIMEOUT),
        example: r#""60s""#,
        what: "How long the service may take to stop after SIGTERM.",
    },
    Key {
        table: Table::Service,
        name: "variables",
        kind: Kind::Pairs(form::VARIABLE, form::VALUE, TAKEN),
        fallback: Fallback::Otherwise("none"),
        example: r#"{ LOG_LEVEL = "info" }"#,
        what: "Further environment variables, given at boot; `PORT`, `RELEASE`, `ENVIRONMENT` and `COLOUR` are there already.",
    },
    Key {
        table: Table::Bake,
        name: "base-image",
        kind: Kind::Text(form::IMAGE),
        fallback: Fallback::Text(default::BASE_IMAGE),
        example: r#""ami-0123456789abcdef0""#,
        what: "The image to start from: `ami-...`, or `ssm:/...` for a parameter that names one.",
    },
    Key {
        table: Table::Bake,
        name: "instance-type",
        kind: Kind::Text(form::INSTANCE_TYPE),
        fallback: Fallback::Text(default::INSTANCE_TYPE),
        example: r#""t3.micro""#,
        what: "What the image is built on.",
    },
    Key {
        table: Table::Bake,
        name: "script",
        kind: Kind::Text(form::LINE),
        fallback: Fallback::Otherwise("none"),
        example: r#""deploy/bake.sh""#,
        what: "A script that the builder runs as root before the image is made, relative to this file.",
    },
    Key {
        table: Table::Bake,
        name: "timeout",
        kind: Kind::Duration(seconds(60), hours(6)),
        fallback: Fallback::Duration(default::BAKE_TIMEOUT),
        example: r#""1h""#,
        what: "How long the whole bake may take.",
    },
    Key {
        table: Table::Bake,
        name: "take-from",
        kind: Kind::Text(form::NAME),
        fallback: Fallback::Otherwise("no other"),
        example: r#""stage""#,
        what: "Another environment of this account and region: where it has baked an image of the same bundle and base image, that one is taken, and none is baked.",
    },
    Key {
        table: Table::Smoke,
        name: "name",
        kind: Kind::Text(form::LINE),
        fallback: Fallback::Otherwise("method and path"),
        example: r#""greets by name""#,
        what: "What reports call this test; no two tests may have the same name.",
    },
    Key {
        table: Table::Smoke,
        name: "method",
        kind: Kind::Word(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
        fallback: Fallback::Text(default::SMOKE_METHOD),
        example: r#""POST""#,
        what: "The request's method.",
    },
    Key {
        table: Table::Smoke,
        name: "path",
        kind: Kind::Text(form::PATH),
        fallback: Fallback::Required,
        example: r#""/greet?name=Ada""#,
        what: "The request's path.",
    },
    Key {
        table: Table::Smoke,
        name: "headers",
        kind: Kind::Pairs(form::HEADER, form::VALUE, &[]),
        fallback: Fallback::Otherwise("none"),
        example: r#"{ Accept = "application/json" }"#,
        what: "The request's headers.",
    },
    Key {
        table: Table::Smoke,
        name: "body",
        kind: Kind::Text(form::ANY),
        fallback: Fallback::Otherwise("none"),
        example: r#"'{"name": "Ada"}'"#,
        what: "The request's body.",
    },
    Key {
        table: Table::Smoke,
        name: "status",
        kind: Kind::Whole(100, 599),
        fallback: Fallback::Whole(default::SMOKE_STATUS as u64),
        example: "200",
        what: "The status that the answer must have.",
    },
    Key {
        table: Table::Smoke,
        name: "expect-headers",
        kind: Kind::Pairs(form::HEADER, form::VALUE, &[]),
        fallback: Fallback::Otherwise("any"),
        example: r#"{ Content-Type = "application/json" }"#,
        what: "Headers that the answer must have.",
    },
    Key {
        table: Table::Smoke,
        name: "json",
        kind: Kind::Json,
        fallback: Fallback::Otherwise("any"),
        example: r#"{ "/greeting" = "Hello, Ada", "/count" = 1 }"#,
        what: "What must stand in the answer's JSON: pointers (RFC 6901) and values.",
    },
    Key {
        table: Table::Smoke,
        name: "text",
        kind: Kind::Text(form::ANY),
        fallback: Fallback::Otherwise("any"),
        example: r#""Hello""#,
        what: "A text that the answer must contain.",
    },
    Key {
        table: Table::Smoke,
        name: "within",
        kind: Kind::Duration(Duration::from_millis(10), seconds(300)),
        fallback: Fallback::Duration(default::SMOKE_WITHIN),
        example: r#""2s""#,
        what: "How long the answer may take.",
    },
    Key {
        table: Table::Shift,
        name: "strategy",
        kind: Kind::Word(STRATEGIES),
        fallback: Fallback::Otherwise("what `weights` says, else `\"all-at-once\"`"),
        example: r#""canary""#,
        what: "How the traffic moves: in one write, a little first, or in equal stages.",
    },
    Key {
        table: Table::Shift,
        name: "weights",
        kind: Kind::Weights,
        fallback: Fallback::Otherwise(
            "`[100]`; canary: `[10, 100]`; linear: `[20, 40, 60, 80, 100]`",
        ),
        example: "[10, 50, 100]",
        what: "The new release's share of the traffic in each stage, in percent.",
    },
    Key {
        table: Table::Shift,
        name: "hold",
        kind: Kind::Duration(seconds(0), hours(6)),
        fallback: Fallback::Duration(default::HOLD),
        example: r#""60s""#,
        what: "How long each stage but the last is held and watched.",
    },
    Key {
        table: Table::Shift,
        name: "soak",
        kind: Kind::Duration(seconds(0), hours(6)),
        fallback: Fallback::Duration(default::SOAK),
        example: r#""2m""#,
        what: "How long both colours stay up and watched after the last stage.",
    },
    Key {
        table: Table::Shift,
        name: "slowest",
        kind: Kind::Duration(Duration::from_millis(1), seconds(300)),
        fallback: Fallback::Otherwise("as slow as `probe.timeout`"),
        example: r#""2s""#,
        what: "The new release's answers to the probe may take so long, but for one in a hundred; the traffic goes back otherwise.",
    },
    Key {
        table: Table::Probe,
        name: "rate",
        kind: Kind::Number(1_000.0),
        fallback: Fallback::Number(default::RATE),
        example: "10",
        what: "Requests a second in each lane of the probe.",
    },
    Key {
        table: Table::Probe,
        name: "url",
        kind: Kind::Text(form::ORIGIN),
        fallback: Fallback::Otherwise("the load balancer's own name"),
        example: r#""https://hello.example.com""#,
        what: "The service's public URL, which the probe then asks.",
    },
    Key {
        table: Table::Probe,
        name: "long-path",
        kind: Kind::Text(form::PATH),
        fallback: Fallback::Otherwise("none"),
        example: r#""/slow?seconds=30""#,
        what: "A path whose answer takes longer than the shift, if the service has one.",
    },
    Key {
        table: Table::Probe,
        name: "timeout",
        kind: Kind::Duration(Duration::from_millis(100), seconds(300)),
        fallback: Fallback::Duration(default::PROBE_TIMEOUT),
        example: r#""5s""#,
        what: "A probe request that takes longer than this has failed.",
    },
    Key {
        table: Table::Probe,
        name: "reference",
        kind: Kind::Text(form::ORIGIN),
        fallback: Fallback::Otherwise("AWS's own endpoint in the region"),
        example: r#""https://status.example.com""#,
        what: "Something that has nothing to do with the service, asked four times a second: what is lost while that does not answer either, the runner's own network lost.",
    },
    Key {
        table: Table::Fleet,
        name: "instance-type",
        kind: Kind::Text(form::INSTANCE_TYPE),
        fallback: Fallback::Text(default::INSTANCE_TYPE),
        example: r#""t3.small""#,
        what: "What the service runs on.",
    },
    Key {
        table: Table::Fleet,
        name: "min",
        kind: Kind::Whole(1, FLEET_MOST),
        fallback: Fallback::Whole(default::MIN as u64),
        example: "2",
        what: "The least instances that the live colour has, and what a first release starts with.",
    },
    Key {
        table: Table::Fleet,
        name: "max",
        kind: Kind::Whole(1, FLEET_MOST),
        fallback: Fallback::Whole(default::MAX as u64),
        example: "4",
        what: "The most instances that the live colour has.",
    },
    Key {
        table: Table::Fleet,
        name: "healthy-streak",
        kind: Kind::Whole(1, 100),
        fallback: Fallback::Whole(default::HEALTHY_STREAK as u64),
        example: "3",
        what: "How many looks in a row every new instance must be healthy before traffic moves.",
    },
    Key {
        table: Table::Fleet,
        name: "healthy-within",
        kind: Kind::Duration(seconds(10), hours(2)),
        fallback: Fallback::Duration(default::HEALTHY_WITHIN),
        example: r#""10m""#,
        what: "How long the new instances may take to become healthy.",
    },
    Key {
        table: Table::Retain,
        name: "for",
        kind: Kind::Duration(seconds(0), hours(7 * 24)),
        fallback: Fallback::Duration(default::RETAIN_FOR),
        example: r#""1h""#,
        what: "How long the previous colour stays at its size, for a rollback in seconds.",
    },
    Key {
        table: Table::Retain,
        name: "images",
        kind: Kind::Whole(1, 1_000),
        fallback: Fallback::Whole(default::RETAIN_IMAGES as u64),
        example: "5",
        what: "How many images are kept.",
    },
    Key {
        table: Table::Retain,
        name: "failed-for",
        kind: Kind::Duration(seconds(0), hours(7 * 24)),
        fallback: Fallback::Duration(Duration::ZERO),
        example: r#""2h""#,
        what: "How long one instance of a release that failed is kept, without visitors, for a person to look at; `0s`: none is.",
    },
    Key {
        table: Table::Network,
        name: "vpc",
        kind: Kind::Text(form::VPC),
        fallback: Fallback::Otherwise("the account's default VPC"),
        example: r#""vpc-0123456789abcdef0""#,
        what: "The VPC to use.",
    },
    Key {
        table: Table::Network,
        name: "subnets",
        kind: Kind::Texts(form::SUBNET),
        fallback: Fallback::Otherwise("all of the VPC's"),
        example: r#"["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]"#,
        what: "The subnets to use: at least two, in different zones.",
    },
    Key {
        table: Table::Network,
        name: "listener-port",
        kind: Kind::Whole(1, 65_535),
        fallback: Fallback::Whole(default::LISTENER_PORT as u64),
        example: "80",
        what: "The load balancer's port.",
    },
    Key {
        table: Table::Network,
        name: "public",
        kind: Kind::Flag,
        fallback: Fallback::Flag(default::PUBLIC),
        example: "true",
        what: "Whether the load balancer is reachable from the internet.",
    },
    Key {
        table: Table::Roles,
        name: "path",
        kind: Kind::Text(form::ROLE_PATH),
        fallback: Fallback::Text(default::ROLE_PATH),
        example: r#""/bg-deploy/""#,
        what: "The path of the roles and instance profiles that `provision` makes; that of one that stands can't be changed.",
    },
    Key {
        table: Table::Roles,
        name: "boundary",
        kind: Kind::Text(form::MANAGED_POLICY),
        fallback: Fallback::Otherwise("none"),
        example: r#""arn:aws:iam::123456789012:policy/boundary""#,
        what: "The permissions boundary of these roles: a managed policy beyond which nothing is allowed to them.",
    },
    Key {
        table: Table::Encryption,
        name: "volume-key",
        kind: Kind::Text(form::KMS_KEY),
        fallback: Fallback::Otherwise("the account's default key for EBS"),
        example: r#""arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000""#,
        what: "The KMS key of the builder's disk, and so of images and of the disks of instances.",
    },
    Key {
        table: Table::Encryption,
        name: "bucket-key",
        kind: Kind::Text(form::KMS_KEY),
        fallback: Fallback::Otherwise("S3's own key (SSE-S3)"),
        example: r#""arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000001""#,
        what: "The KMS key of the bucket, which all environments of the app in this account and region share.",
    },
    Key {
        table: Table::Windows,
        name: "allow",
        kind: Kind::Windows,
        fallback: Fallback::Otherwise("at any time"),
        example: r#"["mon-thu 08:00-17:00", "fri 08:00-12:00"]"#,
        what: "When `deploy` may begin, in UTC; a window that ends before it begins ends on the next day.",
    },
    Key {
        table: Table::Lease,
        name: "wait",
        kind: Kind::Duration(seconds(0), hours(6)),
        fallback: Fallback::Duration(default::LEASE_WAIT),
        example: r#""30m""#,
        what: "How long a run waits while another one has its turn; `0s` refuses it at once.",
    },
];

/// The keys of a table.
pub fn of(table: Table) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.table == table)
}

/// The key of a table that has this name.
pub(super) fn find(table: Table, name: &str) -> Option<&'static Key> {
    of(table).find(|key| key.name == name)
}
