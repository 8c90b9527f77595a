//! A job's web identity in memory: where GitHub mints its tokens, a role that trusts the job, and clients with its sessions.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bg_deploy::aws::credentials::{Keys, Signer};
use bg_deploy::aws::web_identity::WebIdentity;
use bg_deploy::aws::{Access, Aws, NoAccess};
use bg_deploy::http_client::{HttpClient, Proxies};
use bg_deploy::id_token::IdTokens;
use bg_deploy::secret::Secret;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use local_aws::account::iam::{NewRole, create_role, put_policy};
use local_aws::account::sts::{Assume, assume_with_web_identity};
use net_clock::Clock;
use serde_json::json;

use super::World;

/// GitHub's name as an identity provider.
const ISSUER: &str = "token.actions.githubusercontent.com";
/// The role.
const ROLE: &str = "arn:aws:iam::123456789012:role/deployer";
/// Who the job is.
pub(crate) const SUBJECT: &str = "repo:octo@1/hello@2:environment:prod";
/// The job's right to ask for tokens.
pub(crate) const RIGHT: &str = "the-right-to-ask-for-tokens";
/// What the signature of every token is, so that one can be recognised.
pub(crate) const SIGNATURE: &str = "c2lnbmF0dXJlLW9mLXRoZS10b2tlbg";
/// How long a token of GitHub's is good.
const TOKEN_LIVES: Duration = Duration::from_secs(300);

/// Mints the tokens of one job.
pub(crate) struct Issuer {
    port: u16,
    state: Arc<State>,
}

struct State {
    clock: Clock,
    asked: AtomicUsize,
    down: AtomicBool,
}

impl Issuer {
    /// One in the network of `world`, whose account has a role `deployer` that trusts this subject.
    pub(crate) async fn start(world: &World, trusted: &str) -> Self {
        let trust = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": format!("arn:aws:iam::123456789012:oidc-provider/{ISSUER}")},
            "Condition": {"StringEquals": {
                format!("{ISSUER}:aud"): "sts.amazonaws.com",
                format!("{ISSUER}:sub"): trusted,
            }},
        }]});
        let role = NewRole {
            name: "deployer".to_owned(),
            path: "/".to_owned(),
            trust: trust.to_string(),
            description: None,
            max_session: 3600,
            boundary: None,
            tags: Default::default(),
        };
        {
            let mut account = world.cloud.account();
            create_role(&mut account, role).expect("a role");
            let policy = world.policy(&account, "deploy");
            put_policy(&mut account, "deployer", "bg-deploy", policy).expect("a policy");
        }
        // STS does not see a new role at once.
        world.clock.sleep(Duration::from_secs(30)).await;
        let mut listener = world.network.listen(0).await.expect("a port");
        let port = listener.port();
        let state = Arc::new(State {
            clock: world.clock.clone(),
            asked: AtomicUsize::new(0),
            down: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok(stream) = listener.accept().await {
                let state = Arc::clone(&shared);
                let service = service_fn(move |request| {
                    let answer = state.answer(&request);
                    async move { Ok::<_, Infallible>(answer) }
                });
                let server = hyper::server::conn::http1::Builder::new();
                tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { port, state }
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.state.asked.load(Ordering::SeqCst)
    }

    /// From now on it answers 503, or as it should.
    pub(crate) fn is_down(&self, down: bool) {
        self.state.down.store(down, Ordering::SeqCst);
    }

    /// Clients with one session of the role `deployer`, of so many seconds, which nobody renews.
    pub(crate) async fn connect_once(&self, world: &World, seconds: i64) -> Aws {
        let asked = Assume {
            role_arn: ROLE.to_owned(),
            session_name: "by-hand".to_owned(),
            seconds: Some(seconds),
        };
        let token = self.state.token();
        let keys = {
            let mut account = world.cloud.account();
            let assumed = assume_with_web_identity(&mut account, &asked, &token);
            let session = assumed.expect("a session").session;
            Keys {
                id: session.key,
                secret: Secret::new(session.secret),
                session: Some((Secret::new(session.token), account.utc_at(session.until))),
            }
        };
        let signer = Signer::Given(keys);
        let connected = Aws::connect_as(&access(world), &world.network, signer).await;
        connected.expect("clients")
    }

    /// Clients with sessions of the role `deployer`.
    pub(crate) async fn connect(&self, world: &World) -> Result<Aws, NoAccess> {
        let clock = &world.clock;
        let http = HttpClient::new(&Proxies::default(), &world.network, clock).expect("a client");
        let address = Secret::new(format!(
            "http://127.0.0.1:{}/token?api-version=2.0",
            self.port
        ));
        let identity = WebIdentity {
            role_arn: ROLE.to_owned(),
            session_name: "bg-deploy-7-1".to_owned(),
            tokens: IdTokens::new(&address, &Secret::new(RIGHT), http, clock),
            clock: clock.clone(),
        };
        let signer = Signer::WebIdentity(Box::new(identity));
        Aws::connect_as(&access(world), &world.network, signer).await
    }
}

impl State {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let bearer = request.headers().get("authorization");
        let is_right = bearer.is_some_and(|bearer| *bearer == *format!("bearer {RIGHT}"));
        let audience = "api-version=2.0&audience=sts.amazonaws.com";
        let (status, body) = if self.down.load(Ordering::SeqCst) {
            (StatusCode::SERVICE_UNAVAILABLE, String::new())
        } else if !is_right || request.uri().query() != Some(audience) {
            (StatusCode::BAD_REQUEST, String::new())
        } else {
            let answer = json!({"count": 1, "value": self.token()});
            (StatusCode::OK, answer.to_string())
        };
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = status;
        response
    }

    fn token(&self) -> String {
        let until = self.clock.utc() + TOKEN_LIVES;
        let until = until.duration_since(SystemTime::UNIX_EPOCH);
        let claims = json!({
            "iss": format!("https://{ISSUER}"),
            "sub": SUBJECT,
            "aud": "sts.amazonaws.com",
            "exp": until.expect("after 1970").as_secs(),
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({"alg": "RS256", "typ": "JWT"});
        format!("{}.{}.{SIGNATURE}", part(&header), part(&claims))
    }
}

/// Where the local cloud of `world` answers.
pub(crate) fn access(world: &World) -> Access {
    Access {
        region: Some("eu-central-1".to_owned()),
        endpoint_url: Some(world.cloud.endpoint()),
        keys: None,
        tape: None,
    }
}
