//! From found values to a `Config`: defaults filled in, missing keys and contradictions noted.
//!
//! A value that is missing or broken becomes some stand-in, so that the rest is checked all the same; the caller
//! gives the `Config` away only if nothing was noted.

use std::collections::BTreeMap;
use std::path::Path;

use super::file::{File, Layer, Section};
use super::form;
use super::key::Table;
use super::overrides::Given;
use super::problem::{Report, listed, nearest};
use super::taker::Taker;
use super::value::Value;
use super::{
    Bake, Config, Encryption, Fleet, Lease, Network, Probe, Retain, Roles, Service, Shift, Smoke,
    Strategy, Windows, default,
};
use crate::command_line::CommandLine;
use crate::names::{NO_ENVIRONMENT, exactly};
use crate::text::quoted;

/// The most bytes of all variables together: an instance's user data, which carries them, may have 16 KB.
const VARIABLES_MOST: usize = 8_192;

/// Finds the environment that is meant, and what holds in it.
pub(super) fn environment(
    report: &mut Report<'_>,
    mut file: File,
    asked: Option<&Given>,
) -> (String, Layer) {
    let known: Vec<String> = file.environments.keys().cloned().collect();
    let list = listed(known.iter().map(String::as_str));
    let name = match (asked, known.as_slice()) {
        (None, []) => NO_ENVIRONMENT.to_owned(),
        (None, [only]) => only.clone(),
        (None, [first, ..]) => {
            report.note(
                None,
                format!("has the environments {list}, and none was asked for"),
                format!("say which one: --environment {first}"),
            );
            return (first.clone(), file.base);
        }
        (Some(asked), []) => {
            if !(form::NAME.fits)(&asked.value) {
                let what = format!("is {}, but must be {}", quoted(&asked.value), form::NAME.is);
                report.note_input(asked.from, what, "write for example `prod`");
            }
            asked.value.clone()
        }
        (Some(asked), _) if known.contains(&asked.value) => asked.value.clone(),
        (Some(asked), _) => {
            let what = format!("there is no environment {}", quoted(&asked.value));
            let remedy = match nearest(&asked.value, known.iter().map(String::as_str)) {
                Some(meant) => format!(
                    "did you mean `{meant}`? {} has {list}",
                    report.file().display()
                ),
                None => format!("{} has {list}", report.file().display()),
            };
            report.note_input(asked.from, what, remedy);
            return (asked.value.clone(), file.base);
        }
    };
    let over = file.environments.remove(&name).unwrap_or_default();
    (name, file.base.under(over))
}

/// Makes the `Config` of an environment.
pub(super) fn config(report: &mut Report<'_>, layer: &Layer, environment: String) -> Config {
    let folder = report
        .file()
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default();
    let mut top = Taker::new(report, layer, Table::Top);
    let (app, region, account) = (
        top.text("app"),
        top.text_if_any("region"),
        top.text_if_any("account"),
    );
    let probe = probe(Taker::new(report, layer, Table::Probe));
    let bake = bake(
        Taker::new(report, layer, Table::Bake),
        &folder,
        &environment,
    );
    Config {
        app,
        command_line: CommandLine::in_environment(&environment),
        environment,
        region,
        account,
        release: None,
        commit: None,
        service: service(Taker::new(report, layer, Table::Service), &folder),
        bake,
        shift: shift(Taker::new(report, layer, Table::Shift), &probe),
        probe,
        fleet: fleet(Taker::new(report, layer, Table::Fleet)),
        retain: retain(Taker::new(report, layer, Table::Retain)),
        network: network(Taker::new(report, layer, Table::Network)),
        windows: windows(&Taker::new(report, layer, Table::Windows)),
        encryption: encryption(Taker::new(report, layer, Table::Encryption)),
        roles: roles(Taker::new(report, layer, Table::Roles)),
        lease: lease(Taker::new(report, layer, Table::Lease)),
        smoke: smoke(report, layer.smoke.as_deref().unwrap_or_default()),
    }
}

fn service(mut from: Taker<'_, '_, '_>, folder: &Path) -> Service {
    let variables = from.pairs("variables");
    let size: usize = variables
        .iter()
        .map(|(name, text)| name.len() + text.len() + 2)
        .sum();
    if size > VARIABLES_MOST {
        from.note(
            "variables",
            format!("`service.variables` has {size} bytes, but only {VARIABLES_MOST} reach an instance at boot"),
            "put large values into the artifact, or let the service read them from Parameter Store",
        );
    }
    Service {
        command: from.text("command"),
        artifact: folder.join(from.text("artifact")),
        port: from.whole("port"),
        health_path: from.text("health-path"),
        version_path: from.text("version-path"),
        version_pointer: from.text_if_any("version-pointer"),
        variables,
        stop_timeout: from.duration("stop-timeout"),
    }
}

fn bake(mut from: Taker<'_, '_, '_>, folder: &Path, environment: &str) -> Bake {
    let take_from = from.text_if_any("take-from");
    if take_from.as_deref() == Some(environment) {
        from.note(
            "take-from",
            format!("`bake.take-from` is {environment}, which is this environment itself"),
            "name the environment that bakes first, or leave it out",
        );
    }
    Bake {
        base_image: from.text("base-image"),
        instance_type: from.text("instance-type"),
        script: from.text_if_any("script").map(|script| folder.join(script)),
        timeout: from.duration("timeout"),
        take_from,
    }
}

fn shift(mut from: Taker<'_, '_, '_>, probe: &Probe) -> Shift {
    let (hold, soak) = (from.duration("hold"), from.duration("soak"));
    let slowest = from.duration_if_any("slowest");
    if slowest.is_some_and(|slowest| slowest >= probe.timeout) {
        let timeout = exactly(probe.timeout);
        from.note(
            "slowest",
            format!("`shift.slowest` is no less than `probe.timeout`, {timeout}, after which a request has failed"),
            format!("write less than {timeout}, or leave it out"),
        );
    }
    let strategy = from
        .text_if_any("strategy")
        .and_then(|word| match word.as_str() {
            "all-at-once" => Some(Strategy::AllAtOnce),
            "canary" => Some(Strategy::Canary),
            "linear" => Some(Strategy::Linear),
            _ => None,
        });
    let weights = match from.found("weights") {
        Some(Value::Weights(weights)) => Some(weights.clone()),
        _ => None,
    };
    let (strategy, weights) = match (strategy, weights) {
        (None, None) => (Strategy::AllAtOnce, vec![100]),
        (Some(Strategy::AllAtOnce), None) => (Strategy::AllAtOnce, vec![100]),
        (Some(Strategy::Canary), None) => (Strategy::Canary, vec![default::CANARY, 100]),
        (Some(Strategy::Linear), None) => (Strategy::Linear, default::LINEAR.to_vec()),
        (None, Some(weights)) => match weights.len() {
            1 => (Strategy::AllAtOnce, weights),
            2 => (Strategy::Canary, weights),
            _ => (Strategy::Linear, weights),
        },
        (Some(strategy), Some(weights)) => {
            if (strategy == Strategy::AllAtOnce) != (weights == [100]) {
                let word = from.text("strategy");
                from.note(
                    "weights",
                    format!("`shift.weights` is {weights:?}, which contradicts `shift.strategy` (`{word}`)"),
                    "remove one of them",
                );
            }
            (strategy, weights)
        }
    };
    Shift {
        strategy,
        weights,
        hold,
        soak,
        slowest,
    }
}

fn probe(from: Taker<'_, '_, '_>) -> Probe {
    Probe {
        rate: from.number("rate"),
        url: from.text_if_any("url"),
        long_path: from.text_if_any("long-path"),
        timeout: from.duration("timeout"),
        reference: from.text_if_any("reference"),
    }
}

fn fleet(mut from: Taker<'_, '_, '_>) -> Fleet {
    let fleet = Fleet {
        instance_type: from.text("instance-type"),
        min: from.whole("min"),
        max: from.whole("max"),
        healthy_streak: from.whole("healthy-streak"),
        healthy_within: from.duration("healthy-within"),
    };
    let is_whole = |value| matches!(value, None | Some(&Value::Whole(_)));
    if fleet.min > fleet.max && is_whole(from.found("min")) && is_whole(from.found("max")) {
        let (min, max) = (fleet.min, fleet.max);
        // The one that is written is the one to point at; the other may be a default.
        let (at, by_default) = match (from.found("min"), from.found("max")) {
            (Some(_), Some(_)) => ("min", ""),
            (Some(_), None) => ("min", ", its default"),
            _ => ("max", ""),
        };
        from.note(
            at,
            format!("`fleet.min` is {min}, but `fleet.max` is {max}{by_default}"),
            format!("write `max = {min}` or more"),
        );
    }
    fleet
}

fn retain(from: Taker<'_, '_, '_>) -> Retain {
    Retain {
        previous_for: from.duration("for"),
        images: from.whole("images"),
        failed_for: from.duration("failed-for"),
    }
}

fn network(mut from: Taker<'_, '_, '_>) -> Network {
    let subnets = match from.found("subnets") {
        Some(Value::Texts(subnets)) => subnets.clone(),
        _ => Vec::new(),
    };
    if subnets.len() == 1 {
        from.note(
            "subnets",
            "`network.subnets` has one subnet, but a load balancer needs two, in different zones",
            "add a second one, or remove the key to use all of the VPC's",
        );
    }
    Network {
        vpc: from.text_if_any("vpc"),
        subnets,
        listener_port: from.whole("listener-port"),
        public: from.flag("public"),
    }
}

fn roles(mut from: Taker<'_, '_, '_>) -> Roles {
    Roles {
        path: from.text("path"),
        boundary: from.text_if_any("boundary"),
    }
}

fn encryption(from: Taker<'_, '_, '_>) -> Encryption {
    Encryption {
        volume_key: from.text_if_any("volume-key"),
        bucket_key: from.text_if_any("bucket-key"),
    }
}

fn windows(from: &Taker<'_, '_, '_>) -> Windows {
    let allow = match from.found("allow") {
        Some(Value::Windows(windows)) => windows.clone(),
        _ => Vec::new(),
    };
    Windows { allow }
}

fn lease(from: Taker<'_, '_, '_>) -> Lease {
    Lease {
        wait: from.duration("wait"),
    }
}

fn smoke(report: &mut Report<'_>, sections: &[Section]) -> Vec<Smoke> {
    let mut tests: Vec<Smoke> = Vec::new();
    for section in sections {
        let mut from = Taker::of_section(&mut *report, section, Table::Smoke);
        let (method, path) = (from.text("method"), from.text("path"));
        let test = Smoke {
            name: from
                .text_if_any("name")
                .unwrap_or_else(|| format!("{method} {path}")),
            headers: from.pairs("headers"),
            body: from.text_if_any("body"),
            status: from.whole("status"),
            expect_headers: from.pairs("expect-headers"),
            json: match from.found("json") {
                Some(Value::Json(json)) => json.clone(),
                _ => BTreeMap::new(),
            },
            text: from.text_if_any("text"),
            within: from.duration("within"),
            method,
            path,
        };
        if test.method == "HEAD" && (test.text.is_some() || !test.json.is_empty()) {
            from.note(
                "method",
                "a smoke test with `HEAD` gets no body, so that `text` and `json` can never hold",
                "write `method = \"GET\"`",
            );
        }
        if !test.path.is_empty() && tests.iter().any(|other| other.name == test.name) {
            let what = format!("two smoke tests are called {}", quoted(&test.name));
            from.note("name", what, "give this one another `name`");
        }
        tests.push(test);
    }
    tests
}

/// Where a path of the file stands, if it was written and has its form.
pub(super) fn place_of(layer: &Layer, table: Table, name: &str) -> Option<usize> {
    let found = layer.sections.get(&table)?.values.get(name)?;
    matches!(found.value, Value::Text(_)).then_some(found.at)
}
