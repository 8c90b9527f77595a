//! The AWS API in our own words: the only place that names the SDK's types.
//!
//! Each module is one service: functions that return plain values, errors converted once to operation, object, code
//! and words. `find_...` answers with an `Option`, `describe_...` fails when it is not there, `ensure_...` makes or
//! updates it.

pub mod autoscaling;
mod busy;
pub mod calls;
pub mod cloudwatch;
pub mod credentials;
pub mod ec2;
pub mod elbv2;
pub mod error;
pub mod iam;
pub mod images;
pub mod lag;
pub mod launch_templates;
pub mod lease;
mod memory_http;
pub mod quotas;
pub mod routes;
pub mod run_command;
pub mod s3;
pub mod security_groups;
pub mod ssm;
pub mod sts;
pub mod tape;
pub mod web_identity;
pub mod witness;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader};
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::region::Region;
use tokio::sync::OnceCell;

use self::busy::Busy;
use self::calls::{Call, Recorder};
use self::credentials::{Keys, Life, Signer};
use self::elbv2::KnownListeners;
use self::sts::Caller;
use self::tape::Tape;
use self::web_identity::{NoSession, Sessions};
use crate::secret::Secret;
use net_clock::Network;

/// Tags of a resource.
pub type Tags = BTreeMap<String, String>;

/// Whether all of these are among the tags that something bears.
pub fn bear(held: &Tags, wanted: &Tags) -> bool {
    wanted
        .iter()
        .all(|(key, value)| held.get(key) == Some(value))
}

/// How ARNs begin in a region: `aws`, `aws-cn`, `aws-us-gov`
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>).
pub fn partition_of(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// One try of a call; a mutating call that gets no answer in this time is looked after, not assumed failed.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// A call with its retries.
const CALL_TIMEOUT: Duration = Duration::from_secs(120);
/// A call with its retries, for figures that a run can do without.
const FIGURES_TIMEOUT: Duration = Duration::from_secs(15);
/// The SDK's standard retries, a first try and seven more: over half a minute on average, because the limits are the
/// account's, and whoever else has emptied the bucket goes on asking.
const ATTEMPTS: u32 = 8;

/// Where AWS is, and who asks.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The region; `None`: as the SDK finds it.
    pub region: Option<String>,
    /// Another endpoint for every service.
    pub endpoint_url: Option<String>,
    /// Key and secret; `None`: as the SDK finds them.
    pub keys: Option<(String, String)>,
    /// Where all that is said and answered is written down; nowhere, unless asked for.
    pub tape: Option<Tape>,
}

/// Why there is no connection to AWS.
#[derive(Debug)]
pub enum NoAccess {
    /// No region in the config, the environment or the profile.
    Region,
    /// No credentials, and the SDK's words.
    Credentials(String),
    /// No session for the job's web identity.
    WebIdentity(NoSession),
}

/// Clients of every service, in one region.
#[derive(Clone, Debug)]
pub struct Aws {
    /// The region.
    pub region: String,
    /// Where load balancers are asked for in it.
    pub endpoint: String,
    pub(crate) ec2: aws_sdk_ec2::Client,
    pub(crate) elbv2: aws_sdk_elasticloadbalancingv2::Client,
    pub(crate) autoscaling: aws_sdk_autoscaling::Client,
    pub(crate) ssm: aws_sdk_ssm::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) sts: aws_sdk_sts::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) cloudwatch: aws_sdk_cloudwatch::Client,
    pub(crate) quotas: aws_sdk_servicequotas::Client,
    recorder: Recorder,
    life: Life,
    /// Who asks, once that was asked ([`sts::known_caller`]).
    caller: Arc<OnceCell<Caller>>,
    known_listeners: Arc<KnownListeners>,
}

impl Aws {
    /// Finds region and credentials, and makes the clients. No call to AWS is made, unless credentials need one.
    pub async fn connect(access: &Access, network: &Network) -> Result<Self, NoAccess> {
        let signer = match &access.keys {
            Some((id, secret)) => Signer::Given(Keys {
                id: id.clone(),
                secret: Secret::new(secret),
                session: None,
            }),
            None => Signer::Found { until: None },
        };
        Self::connect_as(access, network, signer).await
    }

    /// The same with the credentials of `signer`.
    pub async fn connect_as(
        access: &Access,
        network: &Network,
        signer: Signer,
    ) -> Result<Self, NoAccess> {
        let recorder = Recorder::default();
        let loader = loader(access, network);
        let mut config = match &signer {
            Signer::Found { .. } => loader,
            Signer::Given(keys) => loader.credentials_provider(keys.credentials()),
            Signer::WebIdentity(_) => loader.no_credentials(),
        }
        .load()
        .await;
        let region = config.region().ok_or(NoAccess::Region)?.to_string();
        if let Signer::WebIdentity(identity) = &signer {
            let sts = aws_sdk_sts::config::Builder::from(&config).interceptor(recorder.clone());
            let sts = aws_sdk_sts::Client::from_conf(sts.build());
            let sessions = Sessions::new(identity.as_ref().clone(), sts);
            sessions.now().await.map_err(NoAccess::WebIdentity)?;
            config = config
                .into_builder()
                .identity_cache(IdentityCache::no_cache())
                .credentials_provider(SharedCredentialsProvider::new(sessions))
                .build();
        }
        let Some(provider) = config.credentials_provider() else {
            return Err(NoAccess::Credentials("no credentials provider".to_owned()));
        };
        let credentials = provider
            .provide_credentials()
            .await
            .map_err(|error| NoAccess::Credentials(words(&error)))?;
        let life = Life::of(&signer, &credentials);
        /// A client whose calls are written down.
        macro_rules! client {
            ($sdk:ident $(, $set:ident($value:expr))?) => {{
                let mut config = $sdk::config::Builder::from(&config)
                    .interceptor(recorder.clone())
                    $(.$set($value))?;
                if let Some(tape) = &access.tape {
                    config = config.interceptor(tape.clone());
                }
                $sdk::Client::from_conf(config.build())
            }};
        }
        let endpoint = access.endpoint_url.clone();
        Ok(Self {
            endpoint: endpoint.unwrap_or_else(|| endpoint_in(&region)),
            region,
            ec2: client!(aws_sdk_ec2),
            elbv2: client!(aws_sdk_elasticloadbalancingv2),
            autoscaling: client!(aws_sdk_autoscaling, retry_classifier(Busy)),
            ssm: client!(aws_sdk_ssm),
            s3: client!(aws_sdk_s3, force_path_style(access.endpoint_url.is_some())),
            sts: client!(aws_sdk_sts),
            iam: client!(aws_sdk_iam),
            cloudwatch: client!(aws_sdk_cloudwatch, timeout_config(of_figures())),
            quotas: client!(aws_sdk_servicequotas, timeout_config(of_figures())),
            recorder,
            life,
            caller: Arc::default(),
            known_listeners: Arc::default(),
        })
    }

    /// How long the credentials live.
    pub fn life(&self) -> Life {
        self.life
    }

    /// How many seconds this machine's clock is ahead of AWS's, by the first answer; less than nothing: behind.
    pub fn seconds_ahead(&self) -> Option<i64> {
        self.recorder.seconds_ahead()
    }

    /// The calls so far that changed something, or failed.
    pub fn calls(&self) -> Vec<Call> {
        self.recorder.calls()
    }
}

/// AWS's own endpoint for load balancers: <https://docs.aws.amazon.com/general/latest/gr/elb.html>
fn endpoint_in(region: &str) -> String {
    let domain = match region.starts_with("cn-") {
        true => "amazonaws.com.cn",
        false => "amazonaws.com",
    };
    format!("https://elasticloadbalancing.{region}.{domain}")
}

/// Nobody waits long for figures: a run goes on without them.
fn of_figures() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(FIGURES_TIMEOUT / 3)
        .operation_timeout(FIGURES_TIMEOUT)
        .build()
}

/// What every client has in common: where AWS is, and how long it is asked.
fn loader(access: &Access, network: &Network) -> ConfigLoader {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client(network))
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .operation_timeout(CALL_TIMEOUT)
                .build(),
        )
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if let Some(region) = &access.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(url) = &access.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    loader
}

fn http_client(network: &Network) -> SharedHttpClient {
    if network.is_memory() {
        return memory_http::client(network.clone());
    }
    aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(
            tls::rustls_provider::CryptoMode::Ring,
        ))
        .build_https()
}

fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut all = error.to_string();
    if let Some(source) = error.source() {
        all.push_str(": ");
        all.push_str(&source.to_string());
    }
    all
}
