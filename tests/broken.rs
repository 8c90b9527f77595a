//! Twenty broken services, and what becomes of a release of each: how it ends, how soon that is known, and why, in a
//! sentence. The list is in docs/service.md; `BGD_UPDATE_GOLDEN=1 cargo test --test broken` writes it anew.

mod support;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use bg_deploy::cause::Reason;
use bg_deploy::config;
use bg_deploy::deploy::Finished;
use bg_deploy::outcome::Outcome;
use bg_deploy::report::{self, Run};
use bg_deploy::run::context::Context;
use bg_deploy::run::event::Event;
use local_aws::sample_app::{AppFault, Settings};
use support::{World, story};

/// A service that is broken in its own way.
struct Service {
    what: &'static str,
    fault: AppFault,
    /// The step at which a release of it is taken back; none, where it is released all the same.
    ends_at: Option<&'static str>,
    /// Where a release does not find it: what does.
    found_by: &'static str,
}

const fn taken_back(what: &'static str, fault: AppFault, step: &'static str) -> Service {
    Service {
        what,
        fault,
        ends_at: Some(step),
        found_by: "",
    }
}

const fn released(what: &'static str, fault: AppFault, found_by: &'static str) -> Service {
    Service {
        what,
        fault,
        ends_at: None,
        found_by,
    }
}

const HEALTHY: &str = "await healthy";
const VERSION: &str = "probe version";

static SERVICES: [Service; 20] = [
    taken_back("listens nowhere", AppFault::NoPort, HEALTHY),
    taken_back("listens on another port", AppFault::WrongPort, HEALTHY),
    taken_back(
        "ends as soon as it is started",
        AppFault::CrashOnStart,
        HEALTHY,
    ),
    taken_back("ends after half a minute", AppFault::SlowStart, HEALTHY),
    taken_back(
        "takes connections and answers nobody",
        AppFault::Hangs,
        HEALTHY,
    ),
    taken_back(
        "answers its health path with 500",
        AppFault::Unhealthy,
        HEALTHY,
    ),
    taken_back(
        "answers its version path with 500",
        AppFault::Version500,
        VERSION,
    ),
    taken_back("answers it with nothing", AppFault::VersionEmpty, VERSION),
    taken_back("answers it with 30 MB", AppFault::VersionHuge, VERSION),
    taken_back("answers it with a page", AppFault::VersionPage, VERSION),
    taken_back(
        "answers it with a redirect",
        AppFault::VersionRedirects,
        VERSION,
    ),
    taken_back(
        "answers it with another version",
        AppFault::WrongVersion,
        VERSION,
    ),
    taken_back(
        "writes into its own folder",
        AppFault::WritesIntoOwnFolder,
        HEALTHY,
    ),
    taken_back(
        "needs a library that is not there",
        AppFault::LacksLibrary,
        HEALTHY,
    ),
    taken_back("is healthy and not, by turns", AppFault::Flaps, "soak"),
    released(
        "takes four seconds to answer",
        AppFault::VersionSlow,
        "`shift.slowest`, which no release has unless you set it",
    ),
    released(
        "takes half a minute to stop",
        AppFault::SlowStop,
        "nothing, and nobody notices: it is stopped when nobody is on it",
    ),
    released(
        "goes on when it is told to stop",
        AppFault::IgnoresSigterm,
        "a rehearsal of your own app: `does-not-stop`",
    ),
    released(
        "closes idle connections after five seconds",
        AppFault::KeepAlive5s,
        "a rehearsal of your own app: `keep-alive-too-short`",
    ),
    released(
        "leaks memory",
        AppFault::Leaks,
        "nothing: no release takes long enough",
    ),
];

/// Releases it after 0.0.1.
async fn release(fault: AppFault) -> (Finished, Context) {
    let world = World::with_a_release().await;
    let half_a_minute = match fault {
        AppFault::SlowStart => 30_000,
        _ => 0,
    };
    let mut config = world.config_with(Settings {
        version: "0.0.2".to_owned(),
        fault: Some(fault),
        give_up_after_ms: half_a_minute,
        ..Settings::default()
    });
    // So that the way an app is stopped belongs to a release: this one, and the one after it.
    config.retain.previous_for = Duration::ZERO;
    config.shift.soak = config::default::SOAK;
    let ended = world.deploy(&config).await;
    if matches!(ended.0.outcome, Outcome::Deployed { .. }) {
        let after = world.config("0.0.3", None);
        let (finished, cx) = world.deploy(&after).await;
        support::assert_deployed(&finished, &cx);
        assert_eq!(finished.evidence.expect("the probe ran").tally.failed, 0);
    }
    ended
}

/// How soon it was known, since instances of it were asked for, and why.
fn known(finished: &Finished, cx: &Context) -> (String, String) {
    let events = cx.events.all();
    let is_launch = |event: &Event| matches!(event, Event::StepBegan { step, .. } if step == "scale up idle group");
    let is_failure = |event: &Event| matches!(event, Event::StepFailed { .. });
    let at = |is_it: &dyn Fn(&Event) -> bool| {
        let found = events.iter().find(|stamped| is_it(&stamped.event));
        found.map_or_else(|| panic!("{}", story(cx)), |stamped| stamped.at)
    };
    let took = at(&is_failure) - at(&is_launch);
    let Outcome::RolledBack { cause, .. } = &finished.outcome else {
        panic!("{:?}", finished.outcome);
    };
    let is_waited_for = matches!(
        cause.reason,
        Some(Reason::HealthRefused | Reason::HealthTimeout | Reason::HealthStatus)
    );
    let took = match is_waited_for {
        true => "`fleet.healthy-within`".to_owned(),
        // What a draw of the local cloud makes of it does not matter.
        false => match took.as_secs() {
            0..120 => "less than two minutes".to_owned(),
            120..300 => "less than five minutes".to_owned(),
            longer => format!("{longer} s"),
        },
    };
    let text = report::failure_text(&Run::of(&events, &finished.outcome));
    let why = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Why: "));
    let why = why.unwrap_or_else(|| panic!("no reason is given:\n{text}"));
    let words = match cause.reason {
        // What was answered is the cause.
        Some(Reason::NoVersion | Reason::WrongRelease) => format!("{}. {why}", cause.words),
        _ => why.to_owned(),
    };
    (took, words)
}

/// The service's line of the list.
async fn line(service: &Service) -> String {
    let (finished, cx) = release(service.fault).await;
    let told = || format!("{}: {:#?}\n{}", service.what, finished.outcome, story(&cx));
    let mut line = format!("| {} | ", service.what);
    match service.ends_at {
        None => {
            support::assert_deployed(&finished, &cx);
            let _ = writeln!(line, "released | by {} | |", service.found_by);
        }
        Some(wanted) => {
            let Outcome::RolledBack {
                step,
                leftovers,
                traffic_moved,
                ..
            } = &finished.outcome
            else {
                panic!("{}", told());
            };
            assert_eq!(leftovers.len(), 0, "{}", told());
            if service.fault == AppFault::Flaps {
                // Whichever look comes on a bad half minute.
                assert!(
                    [HEALTHY, "smoke test", "shift traffic", wanted].contains(&step.as_str()),
                    "{}",
                    told()
                );
                let _ = writeln!(
                    line,
                    "taken back at *{HEALTHY}*, *smoke test*, *shift traffic* or *{wanted}* | when one of them meets it | The app was healthy and did not stay so: what was answered is told. |"
                );
                return line;
            }
            assert_eq!(step, wanted, "{}", told());
            assert_eq!(*traffic_moved, wanted == "soak", "{}", told());
            let (took, why) = known(&finished, &cx);
            let _ = writeln!(line, "taken back at *{step}* | after {took} | {why} |");
        }
    }
    line
}

#[tokio::test(start_paused = true)]
async fn a_version_path_that_never_answers_is_told_so_and_not_taken_for_the_preview_route() {
    let (finished, cx) = release(AppFault::VersionHangs).await;
    let Outcome::RolledBack { step, cause, .. } = &finished.outcome else {
        panic!("{:#?}\n{}", finished.outcome, story(&cx));
    };
    assert_eq!(step, VERSION, "{cause}");
    assert!(cause.words.contains("no answer within"), "{cause}");
    assert_eq!(cause.reason, Some(Reason::NoVersion));
}

#[test]
fn what_becomes_of_twenty_broken_services_is_as_the_documents_list_it() {
    // A cloud each, under a paused clock each.
    let lines = std::thread::scope(|scope| {
        let release = |service| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(true)
                .build();
            runtime.expect("a runtime").block_on(line(service))
        };
        let threads = SERVICES.iter().map(|it| scope.spawn(move || release(it)));
        let threads: Vec<_> = threads.collect();
        let lines = threads.into_iter().map(|it| it.join().expect("a line"));
        lines.collect::<String>()
    });
    let head = "| the service | its release is | which is known | and said to be because |\n|---|---|---|---|\n";
    let list = format!("\n\n{head}{lines}\n");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/service.md");
    let whole = std::fs::read_to_string(&path).expect("docs/service.md");
    let (before, rest) = whole.split_once("<!-- broken -->").expect("a mark");
    let (listed, after) = rest.split_once("<!-- /broken -->").expect("its end");
    if updating() {
        let whole = format!("{before}<!-- broken -->{list}<!-- /broken -->{after}");
        std::fs::write(&path, whole).expect("written");
        return;
    }
    assert_eq!(listed, list, "BGD_UPDATE_GOLDEN=1 cargo test --test broken");
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told so by whoever runs them"
)]
fn updating() -> bool {
    std::env::var("BGD_UPDATE_GOLDEN").is_ok()
}
