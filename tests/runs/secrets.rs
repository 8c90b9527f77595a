//! No secret of a run is in anything that it says.

use std::collections::BTreeMap;
use std::time::Duration;

use bg_deploy::aws::{Access, Aws};
use bg_deploy::cli::Options;
use bg_deploy::config::Smoke;
use bg_deploy::deploy::deploy;
use bg_deploy::inputs::Inputs;
use bg_deploy::outcome::Outcome;
use bg_deploy::report::{self, Console, Files, Run, Style};
use bg_deploy::run::event::{Event, Stamped};

use crate::support::World;
use crate::support::identity::{Issuer, RIGHT, SIGNATURE, SUBJECT};

/// What the environment of a job holds and nobody may read anywhere.
const VARIABLES: [(&str, &str); 9] = [
    ("BGD_GITHUB_TOKEN", "ghs_recognisable0token"),
    (
        "BGD_WEBHOOK_URL",
        "https://hooks.example/recognisable0webhook",
    ),
    ("BGD_WEBHOOK_KEY", "recognisable0key"),
    (
        "OTEL_EXPORTER_OTLP_HEADERS",
        "authorization=recognisable0header",
    ),
    (
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "https://pipelines.example/recognisable0address",
    ),
    ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "recognisable0oidc"),
    ("AWS_SECRET_ACCESS_KEY", "recognisable0secret"),
    ("AWS_SESSION_TOKEN", "recognisable0session"),
    ("HTTPS_PROXY", "http://ada:recognisable0password@proxy:3128"),
];
/// The keys of the local cloud.
const KEY: &str = "AKIDRECOGNISABLE";
const SECRET: &str = "recognisable0aws0secret";

/// A smoke test that no app passes, so that all of the answer is told.
fn never() -> Smoke {
    Smoke {
        name: "never".to_owned(),
        method: "GET".to_owned(),
        path: "/version".to_owned(),
        headers: BTreeMap::new(),
        body: None,
        status: 418,
        expect_headers: [("server".to_owned(), "x".to_owned())].into(),
        json: BTreeMap::new(),
        text: Some("never".to_owned()),
        within: Duration::from_secs(1),
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_says_nothing_that_is_secret_whether_it_ends_well_or_not() {
    let world = World::with_a_release().await;
    let mut variables: BTreeMap<String, String> = VARIABLES
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    variables.insert("GITHUB_ACTOR".to_owned(), "octocat".to_owned());
    let inputs = Inputs::from(&Options::default(), &variables);
    let issuer = Issuer::start(&world, SUBJECT).await;
    for (release, is_good, has_role) in [
        ("0.0.2", false, false),
        ("0.0.2", true, false),
        ("0.0.3", true, true),
    ] {
        let mut config = world.config(release, None);
        if !is_good {
            config.smoke.push(never());
            // By then the agents can be asked for the log.
            config.fleet.healthy_streak = 20;
        }
        let (prepared, plan) = world.plan(&config).await;
        let aws = match has_role {
            true => issuer.connect(&world).await.expect("a session"),
            false => recognisable(&world).await,
        };
        let cx = world.context_of(aws).await;
        let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
        assert_eq!(
            is_good,
            matches!(finished.outcome, Outcome::Deployed { .. })
        );
        let (events, calls) = (cx.events.all(), cx.aws.calls());
        assert!(
            calls
                .iter()
                .any(|call| call.operation == "ModifyRule" && call.request_id.is_some())
        );
        assert_eq!(has_struck_out(&events), !is_good);
        let run = Run {
            events: &events,
            outcome: &finished.outcome,
            evidence: finished.evidence.as_ref(),
            verdict: finished.verdict.as_ref(),
            before: Duration::ZERO,
            speed: 1.0,
            lb_counts: None,
            url: inputs.ci.run_url.clone(),
            live_url: Some(plan.url.clone()),
            calls: &calls,
        };
        let mut said = told(&run);
        said.extend([
            serde_json::json!([events, finished.outcome, finished.evidence]).to_string(),
            format!("{inputs:?} {cx:?} {plan:?} {finished:?} {:?}", cx.journal),
        ]);
        let preview = plan.preview_token.reveal();
        assert!(
            preview.len() >= 16,
            "a preview token that can be recognised"
        );
        let mut secrets = vec![preview, SECRET, RIGHT, SIGNATURE];
        let sessions = world.cloud.account().sts.sessions.clone();
        assert_eq!(has_role, !sessions.is_empty());
        for session in sessions.values() {
            secrets.extend([session.secret.as_str(), &session.token]);
        }
        secrets.extend(VARIABLES.iter().map(|(_, value)| *value));
        for (nth, text) in said.iter().enumerate() {
            let found = secrets.iter().find(|secret| text.contains(**secret));
            assert_eq!(found, None, "in text {nth}");
        }
    }
}

/// Whether a candidate's log had the header of the preview route in it, through which its smoke test came.
fn has_struck_out(events: &[Stamped]) -> bool {
    events.iter().any(|stamped| {
        matches!(&stamped.event, Event::CandidateLog { tail, .. } if tail.contains(": ***"))
    })
}

/// Clients with keys that can be recognised.
async fn recognisable(world: &World) -> Aws {
    let access = Access {
        region: Some("eu-central-1".to_owned()),
        endpoint_url: Some(world.cloud.endpoint()),
        keys: Some((KEY.to_owned(), SECRET.to_owned())),
        tape: None,
    };
    Aws::connect(&access, &world.network)
        .await
        .expect("clients")
}

/// The run in every form of report.
fn told(run: &Run<'_>) -> Vec<String> {
    let in_a_job = Style {
        ci: true,
        github: true,
        ..Style::default()
    };
    let on_a_terminal = Style {
        live: true,
        ansi: true,
        ..Style::default()
    };
    let outputs = report::outputs(run, &Files::default());
    vec![
        log(run, in_a_job),
        log(run, on_a_terminal),
        report::markdown(run),
        report::comment(run, "<!-- marker -->"),
        report::status(run),
        report::html(run),
        report::failure_text(run),
        report::output_file(&outputs, "x"),
    ]
}

/// All that a console writes about the run.
fn log(run: &Run<'_>, style: Style) -> String {
    let mut written = Vec::new();
    let mut console = Console::new(&mut written, style, 80);
    for stamped in run.events {
        console.event(stamped);
        console.tick(stamped.at);
    }
    console.finish(run);
    String::from_utf8(written).expect("text")
}
