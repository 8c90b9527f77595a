//! A webhook on the outcome: Slack, PagerDuty, or plain JSON.
//!
//! Guarantees: what is wrong with the inputs is known before a run begins ([`check`]); address and key are in no message;
//! text that others wrote mentions nobody and links nowhere.
//!
//! Whoever is on call is woken for what needs somebody: a run that was undone, or that is stuck or unproven. What was
//! refused or cancelled changed nothing, and a `verify` is a pull request's business.
//!
//! Sources: Slack <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>,
//! <https://docs.slack.dev/messaging/formatting-message-text> (`&`, `<` and `>` have to be escaped),
//! <https://docs.slack.dev/reference/block-kit/composition-objects/text-object> (3,000 characters; `verbatim`);
//! PagerDuty <https://developer.pagerduty.com/docs/events-api-v2/trigger-events/>,
//! <https://developer.pagerduty.com/docs/events-api-v2/resolve-events/> (summary 1,024 characters, `dedup_key` 255).

use serde_json::{Map, Value, json};

use super::post::{Address, post};
use crate::http_client::HttpClient;
use crate::inputs::Telling;
use crate::outcome::Outcome;
use crate::report::{self, Files, Run};
use crate::run::beginning::Beginning;
use crate::text;

/// Where PagerDuty takes events, unless told otherwise; accounts in Europe have another one.
const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";
/// The most characters of a text of Slack's, escapes included; its own limit is 3,000.
const SLACK_TEXT: usize = 2_900;
/// The most characters of PagerDuty's summary.
const SUMMARY: usize = 1_024;
/// The most characters of PagerDuty's key that an alert is known by.
const DEDUP_KEY: usize = 255;

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Slack,
    PagerDuty,
    Generic,
}

impl Kind {
    const ALL: [(&str, Self); 3] = [
        ("slack", Self::Slack),
        ("pagerduty", Self::PagerDuty),
        ("generic", Self::Generic),
    ];

    /// By whom it is for.
    fn of_host(host: &str) -> Self {
        match host {
            "hooks.slack.com" | "hooks.slack-gov.com" => Self::Slack,
            "events.pagerduty.com" | "events.eu.pagerduty.com" => Self::PagerDuty,
            _ => Self::Generic,
        }
    }
}

/// Whom to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    kind: Kind,
    address: Address,
}

/// What is wrong with the inputs about the webhook, if anything is; it never shows their secrets.
pub(super) fn check(telling: &Telling) -> Result<(), String> {
    target(telling).map(drop)
}

fn target(telling: &Telling) -> Result<Option<Target>, String> {
    let kind = telling.webhook_kind.as_ref().map(|given| {
        let known = Kind::ALL.iter().find(|(name, _)| *name == given.value);
        known.map(|(_, kind)| *kind).ok_or_else(|| {
            format!(
                "{}: {:?} is none of slack, pagerduty and generic",
                given.from, given.value
            )
        })
    });
    let kind = kind.transpose()?;
    let has_key = telling.webhook_key.is_some();
    let address = match &telling.webhook_url {
        Some(url) => Address::parse(url.reveal()).ok_or(
            "BGD_WEBHOOK_URL: this is no address; one begins with https:// and has no user name in it",
        )?,
        None if kind == Some(Kind::PagerDuty) || (kind.is_none() && has_key) => {
            Address::parse(PAGERDUTY).ok_or("PagerDuty's own address is none")?
        }
        // A secret that is not there, as in a fork, comes as an empty text.
        None => return Ok(None),
    };
    let kind = kind.unwrap_or_else(|| Kind::of_host(address.host()));
    if kind == Kind::PagerDuty && !has_key {
        return Err(
            "BGD_WEBHOOK_KEY: PagerDuty needs the routing key of a service's integration of the kind Events API V2"
                .to_owned(),
        );
    }
    Ok(Some(Target { kind, address }))
}

/// Tells how it ended; answers with a notice if that could not be told.
pub(super) async fn tell(
    telling: &Telling,
    http: &HttpClient,
    beginning: &Beginning,
    run: &Run<'_>,
) -> Option<String> {
    let target = match target(telling) {
        Ok(target) => target?,
        Err(problem) => return Some(problem),
    };
    let (name, body) = match target.kind {
        Kind::Slack => ("Slack", Some(slack(beginning, run))),
        Kind::PagerDuty => {
            let key = telling.webhook_key.as_ref()?;
            ("PagerDuty", pagerduty(key.reveal(), beginning, run))
        }
        Kind::Generic => ("the webhook", Some(generic(beginning, run))),
    };
    let told = post(http, &target.address, &[], &body?).await;
    told.err().map(|why| format!("{name} was not told: {why}"))
}

/// A message; `text` is what notifications and other programs of Slack's kind show.
fn slack(beginning: &Beginning, run: &Run<'_>) -> Value {
    let mark = match run.outcome.exit_code() {
        crate::outcome::EXIT_OK => ":white_check_mark:",
        crate::outcome::EXIT_REFUSED | crate::outcome::EXIT_CANCELLED => ":white_circle:",
        crate::outcome::EXIT_STUCK => ":rotating_light:",
        _ => ":warning:",
    };
    let sentence = text::slack(&report::sentence(run), SLACK_TEXT - 200);
    let head = format!(
        "*{} {}, {}*",
        text::slack(&beginning.command, 40),
        text::slack(&beginning.app, 60),
        text::slack(&beginning.environment, 60)
    );
    let section = |text: String| json!({"type": "section", "text": mrkdwn(text)});
    let mut blocks = vec![section(format!("{mark} {head}\n{sentence}"))];
    let failure = report::failure_text(run);
    if !failure.trim().is_empty() {
        let failure = text::slack(failure.trim(), SLACK_TEXT - 10);
        blocks.push(section(format!("```\n{failure}\n```")));
    }
    let links: Vec<String> = [("the run", &run.url), ("the service", &run.live_url)]
        .into_iter()
        .filter_map(|(words, url)| Some(format!("<{}|{words}>", text::link(url.as_ref()?)?)))
        .collect();
    if !links.is_empty() {
        blocks.push(json!({"type": "context", "elements": [mrkdwn(links.join("  ·  "))]}));
    }
    json!({"text": sentence, "blocks": blocks})
}

/// `verbatim`: what looks like an address, a channel or a name stays text.
fn mrkdwn(text: String) -> Value {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

/// Opens an alert or closes it; `None` when nobody is to be woken, and nothing is known to be well.
fn pagerduty(key: &str, beginning: &Beginning, run: &Run<'_>) -> Option<Value> {
    if beginning.command == "verify" {
        return None;
    }
    let place = format!("{}/{}", beginning.app, beginning.environment);
    let dedup_key = text::cut(&format!("bg-deploy/{place}"), DEDUP_KEY);
    let severity = match run.outcome {
        Outcome::Stopped { serving: None, .. } | Outcome::Stuck { .. } => "critical",
        Outcome::Stopped { .. } | Outcome::RolledBack { .. } => "error",
        Outcome::Unproven { .. } => "warning",
        Outcome::Deployed { .. } | Outcome::NothingToDo { .. } => {
            return Some(
                json!({"routing_key": key, "event_action": "resolve", "dedup_key": dedup_key}),
            );
        }
        Outcome::Verified { .. } | Outcome::Refused { .. } | Outcome::Cancelled { .. } => {
            return None;
        }
    };
    let mut event = json!({
        "routing_key": key,
        "event_action": "trigger",
        "dedup_key": dedup_key,
        "client": "bg-deploy",
        "payload": {
            "summary": text::cut(&report::sentence(run), SUMMARY),
            "source": text::cut(&place, DEDUP_KEY),
            "severity": severity,
            "component": beginning.app,
            "group": beginning.environment,
            "class": beginning.command,
            "custom_details": {
                "release": beginning.release,
                "previous": beginning.previous,
                "failure": report::failure_text(run),
            },
        },
    });
    if let Some(url) = run.url.as_deref().and_then(text::link) {
        event["client_url"] = url.clone().into();
        event["links"] = json!([{"href": url, "text": "the run"}]);
    }
    Some(event)
}

/// For other programs. Further keys may be added.
fn generic(beginning: &Beginning, run: &Run<'_>) -> Value {
    let outputs = report::outputs(run, &Files::default());
    // `json` says all of this a second time.
    let outputs: Map<String, Value> = outputs
        .into_iter()
        .filter(|(name, _)| *name != "json")
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    json!({
        "version": 1,
        "command": beginning.command,
        "app": beginning.app,
        "environment": beginning.environment,
        "release": beginning.release,
        "previous": beginning.previous,
        "exit_code": run.outcome.exit_code(),
        "sentence": report::sentence(run),
        "run_url": run.url,
        "live_url": run.live_url,
        "outcome": run.outcome,
        "outputs": outputs,
    })
}

#[cfg(test)]
mod tests;
