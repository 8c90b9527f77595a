//! A role is all that a job needs: its web identity, through the Action and the binary, over TCP.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bg_deploy::config;
use bg_deploy::http_client::{HttpClient, Limits, Proxies};
use bg_deploy::policy::{self, Scope};
use bytes::Bytes;
use http::Request;
use http::header::AUTHORIZATION;
use net_clock::{Clock, Network};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tokio::runtime::Runtime;
use wiremock::matchers::{header, method, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::checkout::root;
use crate::cloud_process::LocalAws;
use crate::support::stepper::Runner;

const BINARY: &str = env!("CARGO_BIN_EXE_bg-deploy");
const CONFIG: &str = "app = \"hello\"\n[service]\ncommand = \"./hello\"\nartifact = \"hello\"\n";
const ISSUER: &str = "token.actions.githubusercontent.com";
const ROLE: &str = "arn:aws:iam::123456789012:role/deployer";
const RIGHT: &str = "the-right-to-ask-for-tokens";
const SIGNATURE: &str = "c2lnbmF0dXJlLW9mLXRoZS10b2tlbg";

/// A job's identity token.
fn token() -> String {
    let claims = json!({
        "iss": format!("https://{ISSUER}"),
        "sub": "repo:octo/hello:environment:prod",
        "aud": "sts.amazonaws.com",
        "exp": 99_999_999_999_u64,
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(&json!({"alg": "RS256"}));
    format!("{head}.{}.{SIGNATURE}", part(&claims))
}

/// GitHub's endpoint for them.
async fn issuer() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(header("authorization", format!("bearer {RIGHT}").as_str()))
        .and(query_param("audience", "sts.amazonaws.com"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"value": token()})))
        .expect(1..)
        .mount(&server)
        .await;
    server
}

/// Makes a role that trusts the job and may look, with queries as any client of IAM would send them.
async fn make_role(url: &str) {
    let trust = json!({"Statement": [{
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": format!("arn:aws:iam::123456789012:oidc-provider/{ISSUER}")},
    }]});
    let config = config::parse(CONFIG, Path::new("bg-deploy.toml"), None).expect("a config");
    let scope = Scope::of(&config, "123456789012", "eu-central-1");
    let reads = policy::role(&scope, "read").expect("a role").policy();
    let trust = ("AssumeRolePolicyDocument", trust.to_string());
    ask_iam(url, "CreateRole", &[trust]).await;
    let named = ("PolicyName", "bg-deploy".to_owned());
    let document = ("PolicyDocument", reads.to_string());
    ask_iam(url, "PutRolePolicy", &[named, document]).await;
    // STS does not see a new role at once.
    let clock = Clock::real();
    while !is_assumed(url).await {
        assert!(
            clock.elapsed() < Duration::from_secs(10),
            "it is never seen"
        );
        clock.sleep(Duration::from_millis(20)).await;
    }
}

/// Whether the job may take the role on.
async fn is_assumed(url: &str) -> bool {
    let fields = [
        ("RoleArn", ROLE.to_owned()),
        ("RoleSessionName", "test".to_owned()),
        ("WebIdentityToken", token()),
    ];
    ask(url, ("sts", "AssumeRoleWithWebIdentity"), &fields).await == 200
}

async fn ask_iam(url: &str, action: &str, about: &[(&str, String)]) {
    let mut fields = about.to_vec();
    fields.push(("RoleName", "deployer".to_owned()));
    assert_eq!(ask(url, ("iam", action), &fields).await, 200);
}

/// The status of the answer.
async fn ask(url: &str, (service, action): (&str, &str), about: &[(&str, String)]) -> u16 {
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", action)
        .extend_pairs(about)
        .finish();
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/{service}/aws4_request, Signature=x"
    );
    let request = Request::post(url).header(AUTHORIZATION, scope);
    let request = request.body(Bytes::from(body)).expect("a request");
    let http = HttpClient::new(&Proxies::default(), &Network::tcp(), &Clock::real());
    let limits = Limits {
        time: Duration::from_secs(10),
        body: 10_000,
    };
    let answer = http.expect("a client").send(request, limits).await;
    answer.expect("an answer").status().as_u16()
}

#[test]
fn a_job_with_a_role_needs_no_step_for_credentials_and_no_key_is_in_its_log() {
    let aws = LocalAws::start(60);
    let mut runner = Runner::of(root());
    let workspace = runner.workspace();
    std::fs::write(workspace.join("bg-deploy.toml"), CONFIG).expect("a config");
    let runtime = Runtime::new().expect("a runtime");
    let issuer = runtime.block_on(issuer());
    runtime.block_on(make_role(&aws.url));
    runner.set("AWS_ENDPOINT_URL", &aws.url);
    let address = format!("{}/token?api-version=2.0", issuer.uri());
    runner.set("ACTIONS_ID_TOKEN_REQUEST_URL", &address);
    runner.set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", RIGHT);
    let ran = runner.run(&[
        ("binary", BINARY),
        ("command", "history"),
        ("region", "eu-central-1"),
        ("role-arn", ROLE),
    ]);
    // So far it comes only with credentials that are good.
    assert!(ran.log.contains("nothing is provisioned"), "{}", ran.log);
    for secret in [RIGHT, SIGNATURE, "ASIA"] {
        assert!(!ran.log.contains(secret), "{secret} in {}", ran.log);
    }
    runtime.block_on(issuer.verify());
}
