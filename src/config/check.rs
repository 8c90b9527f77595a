//! From found values to a `Config`: defaults filled in, missing keys and contradictions noted.
//!
//! A value that is missing or broken becomes some stand-in, so that the rest is checked all the same; the caller
//! gives the `Config` away only if nothing was noted.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::file::{File, Layer, Section};
use super::form;
use super::key::{Fallback, Key, Table};
use super::keys;
use super::overrides::Given;
use super::problem::{Report, listed, nearest};
use super::value::Value;
use super::{
    Bake, Config, Fleet, Network, Probe, Retain, Service, Shift, Smoke, Strategy, default,
};
use crate::text::quoted;

/// The environment's name when the file has none and none was asked for.
const NO_ENVIRONMENT: &str = "default";

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
    Config {
        app,
        environment,
        region,
        account,
        release: None,
        service: service(Taker::new(report, layer, Table::Service), &folder),
        bake: bake(Taker::new(report, layer, Table::Bake), &folder),
        shift: shift(Taker::new(report, layer, Table::Shift)),
        probe: probe(Taker::new(report, layer, Table::Probe)),
        fleet: fleet(Taker::new(report, layer, Table::Fleet)),
        retain: retain(Taker::new(report, layer, Table::Retain)),
        network: network(Taker::new(report, layer, Table::Network)),
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

fn bake(mut from: Taker<'_, '_, '_>, folder: &Path) -> Bake {
    Bake {
        base_image: from.text("base-image"),
        instance_type: from.text("instance-type"),
        script: from.text_if_any("script").map(|script| folder.join(script)),
        timeout: from.duration("timeout"),
    }
}

fn shift(mut from: Taker<'_, '_, '_>) -> Shift {
    let (hold, soak) = (from.duration("hold"), from.duration("soak"));
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
    }
}

fn probe(from: Taker<'_, '_, '_>) -> Probe {
    Probe {
        rate: from.number("rate"),
        url: from.text_if_any("url"),
        long_path: from.text_if_any("long-path"),
        timeout: from.duration("timeout"),
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

fn smoke(report: &mut Report<'_>, sections: &[Section]) -> Vec<Smoke> {
    let mut tests: Vec<Smoke> = Vec::new();
    for section in sections {
        let mut from = Taker {
            report: &mut *report,
            section: Some(section),
            table: Table::Smoke,
        };
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

/// Takes values out of one table: the found one, or the one that its key falls back to.
struct Taker<'r, 'a, 's> {
    report: &'r mut Report<'a>,
    section: Option<&'s Section>,
    table: Table,
}

impl<'r, 'a, 's> Taker<'r, 'a, 's> {
    fn new(report: &'r mut Report<'a>, layer: &'s Layer, table: Table) -> Self {
        Self {
            report,
            section: layer.sections.get(&table),
            table,
        }
    }

    fn key(&self, name: &str) -> &'static Key {
        keys::find(self.table, name).expect("every key that is asked for is in the list")
    }

    fn found(&self, name: &str) -> Option<&'s Value> {
        Some(&self.section?.values.get(name)?.value)
    }

    /// Notes a problem at a key, or at its table where the key is not written.
    fn note(&mut self, name: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let key = self.section.and_then(|section| section.values.get(name));
        let table = self.section.and_then(|section| section.at);
        self.report
            .note(key.map(|key| key.at).or(table), what, remedy);
    }

    fn text(&mut self, name: &str) -> String {
        match (self.found(name), self.key(name).fallback) {
            (Some(Value::Text(text)), _) => text.clone(),
            (None, Fallback::Text(text)) => text.to_owned(),
            (None, Fallback::Required) => {
                let key = self.key(name);
                self.note(
                    name,
                    format!("`{}` is missing", self.table.dotted(name)),
                    format!(
                        "write for example `{name} = {}` {}",
                        key.example,
                        match self.table {
                            Table::Top => "at the top".to_owned(),
                            table => format!("in {}", table.header()),
                        }
                    ),
                );
                String::new()
            }
            _ => String::new(),
        }
    }

    fn text_if_any(&self, name: &str) -> Option<String> {
        match self.found(name) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// The key's bounds are those of the type that is asked for, or narrower.
    fn whole<N: TryFrom<u64> + From<u8>>(&self, name: &str) -> N {
        let number = match (self.found(name), self.key(name).fallback) {
            (Some(Value::Whole(number)), _) => *number,
            (None, Fallback::Whole(number)) => number,
            _ => 1,
        };
        N::try_from(number).unwrap_or_else(|_| N::from(1))
    }

    fn number(&self, name: &str) -> f64 {
        match (self.found(name), self.key(name).fallback) {
            (Some(Value::Number(number)), _) => *number,
            (None, Fallback::Number(number)) => number,
            _ => 1.0,
        }
    }

    fn flag(&self, name: &str) -> bool {
        match (self.found(name), self.key(name).fallback) {
            (Some(Value::Flag(flag)), _) => *flag,
            (None, Fallback::Flag(flag)) => flag,
            _ => false,
        }
    }

    fn duration(&self, name: &str) -> Duration {
        match (self.found(name), self.key(name).fallback) {
            (Some(Value::Duration(duration)), _) => *duration,
            (None, Fallback::Duration(duration)) => duration,
            _ => Duration::ZERO,
        }
    }

    fn pairs(&self, name: &str) -> BTreeMap<String, String> {
        match self.found(name) {
            Some(Value::Pairs(pairs)) => pairs.clone(),
            _ => BTreeMap::new(),
        }
    }
}

/// Where a path of the file stands, if it was written and has its form.
pub(super) fn place_of(layer: &Layer, table: Table, name: &str) -> Option<usize> {
    let found = layer.sections.get(&table)?.values.get(name)?;
    matches!(found.value, Value::Text(_)).then_some(found.at)
}
