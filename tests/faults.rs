//! Releases that are broken, each in its own way: every fault of the list ends as it says, by what visitors got and the
//! load balancer counted; the cause names the reason; and what is found before the shift costs no visitor a request.

mod support;

use std::time::Duration;

use bg_deploy::config::Config;
use bg_deploy::deploy::Finished;
use bg_deploy::faults::{Ending, FAULTS, Fault, Scene};
use bg_deploy::names::{Colour, PREVIEW_HEADER};
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::{Decision, Plan};
use bg_deploy::run::context::Context;
use bg_deploy::run::event::Event;
use local_aws::account::elbv2;
use local_aws::sample_app::{AppFault, Settings, write_artifact};
use support::standing::{Standing, assert_untouched};
use support::{World, assert_deployed, story};

/// Releases `config` after 0.0.1; it has to be rolled back at `step`, with all these `words` in the cause.
async fn assert_rolled_back(
    world: &World,
    config: &Config,
    step: &str,
    words: &[&str],
) -> (Finished, Context) {
    let (_, plan) = world.plan(config).await;
    let before = Standing::look(world, &plan).await;
    let (finished, cx) = world.deploy(config).await;
    world.cloud.lift_faults();
    let Outcome::RolledBack {
        step: failed,
        cause,
        leftovers,
        ..
    } = &finished.outcome
    else {
        panic!("{:#?}\n{}", finished.outcome, story(&cx));
    };
    assert_eq!(failed, step, "{cause}");
    for word in words {
        assert!(cause.words.contains(word), "no {word} in: {cause}");
    }
    assert_eq!(leftovers, &[]);
    assert_untouched(world, &plan, &before, step).await;
    (finished, cx)
}

/// A fault of the app that is found before anything moves.
async fn found_before_the_shift(fault: AppFault, step: &str, words: &[&str]) {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", Some(fault));
    let visitors = Visitors::come(&world).await;
    let (finished, _) = assert_rolled_back(&world, &config, step, words).await;
    if let Some(evidence) = finished.evidence {
        assert_eq!(evidence.tally.failed, 0);
    }
    visitors.assert_nobody_noticed().await;
}

/// A visitor a second, from before a run until after it.
struct Visitors {
    stop: tokio_util::sync::CancellationToken,
    asking: tokio::task::JoinHandle<Vec<String>>,
}

impl Visitors {
    async fn come(world: &World) -> Self {
        use bg_deploy::probe::Endpoint;
        use bg_deploy::probe::ask::{Question, ask};
        let (_, plan) = world.plan(&world.config("any", None)).await;
        let endpoint = Endpoint::parse(&plan.url).expect("a URL");
        let (network, clock) = (world.network.clone(), world.clock.clone());
        let stop = tokio_util::sync::CancellationToken::new();
        let stopped = stop.clone();
        let asking = tokio::spawn(async move {
            let mut answers = Vec::new();
            let question = Question::get("/version");
            let timeout = Duration::from_secs(5);
            while !stopped.is_cancelled() {
                let answer = ask(&network, &clock, &endpoint, &question, timeout).await;
                answers.push(match answer.and_then(|reply| reply.version(None)) {
                    Ok(version) => version,
                    Err(error) => format!("{error:#}"),
                });
                clock.sleep(Duration::from_secs(1)).await;
            }
            answers
        });
        Self { stop, asking }
    }

    /// What they were answered: a version, or what went wrong.
    async fn leave(self) -> Vec<String> {
        self.stop.cancel();
        self.asking.await.expect("answers")
    }

    async fn assert_nobody_noticed(self) {
        let answers = self.leave().await;
        assert!(answers.len() > 60, "{} answers", answers.len());
        assert!(
            answers.iter().all(|answer| answer == "0.0.1"),
            "{answers:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_unhealthy_release_gets_no_traffic() {
    let words = ["healthy", "500"];
    found_before_the_shift(AppFault::Unhealthy, "await healthy", &words).await;
}

#[tokio::test(start_paused = true)]
async fn a_release_that_answers_another_version_gets_no_traffic() {
    found_before_the_shift(
        AppFault::WrongVersion,
        "probe version",
        &["are 0.0.2", "/version"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_release_that_crashes_when_it_is_started_gets_no_traffic() {
    let words = [
        "the candidate becoming healthy: hello.service on i-",
        "ends by itself: exit status 1, restarted ",
    ];
    found_before_the_shift(AppFault::CrashOnStart, "await healthy", &words).await;
}

#[tokio::test(start_paused = true)]
async fn errors_under_traffic_bring_the_previous_release_back() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", Some(AppFault::ErrorsAfterShift));
    let (_, plan) = world.plan(&config).await;
    let before = Standing::look(&world, &plan).await;
    let (finished, cx) = world.deploy(&config).await;
    let Outcome::RolledBack {
        step,
        cause,
        traffic_moved: true,
        leftovers,
        ..
    } = &finished.outcome
    else {
        panic!("{:#?}\n{}", finished.outcome, story(&cx));
    };
    assert!(["shift traffic", "soak"].contains(&step.as_str()), "{step}");
    assert!(
        cause.words.contains("requests to live traffic failed"),
        "{cause}"
    );
    assert!(cause.words.contains("500"), "{cause}");
    assert_eq!(leftovers, &[]);
    assert_untouched(&world, &plan, &before, "errors").await;
}

#[tokio::test(start_paused = true)]
async fn the_first_request_that_fails_under_traffic_turns_a_release_around_whatever_is_waited_for()
{
    let world = World::with_a_release().await;
    // Two seconds between two requests of a lane, and looks that are up to five apart.
    let mut config = world.config("0.0.2", Some(AppFault::ErrorsAfterShift));
    config.probe.rate = 0.5;
    let (finished, cx) = world.deploy(&config).await;
    let evidence = finished.evidence.as_ref().expect("the probe ran");
    let failures = evidence.excerpt.failures.iter();
    let first = failures.map(|sample| sample.finished()).min();
    let first = first.expect("a failure").saturating_sub(cx.events.begun());
    let events = cx.events.all();
    let mut after = events
        .iter()
        .skip_while(|one| !matches!(one.event, Event::StepFailed { .. }));
    let known = after.next().expect("a step failed").at;
    assert!(
        known <= first + Duration::from_secs(2),
        "{first:?} {known:?}"
    );
    let restored = after.find(|one| matches!(one.event, Event::WeightsWritten { .. }));
    let took = restored.expect("restored").at - known;
    assert!(took < Duration::from_secs(2), "{took:?}\n{}", story(&cx));
}

#[tokio::test(start_paused = true)]
async fn a_slow_start_is_waited_for() {
    let world = World::with_a_release().await;
    let config = world.config_with(Settings {
        version: "0.0.2".to_owned(),
        fault: Some(AppFault::SlowStart),
        start_after_ms: 60_000,
        ..Settings::default()
    });
    let (finished, cx) = world.deploy(&config).await;
    assert_deployed(&finished, &cx);
    assert_eq!(finished.evidence.expect("the probe ran").tally.failed, 0);
}

#[tokio::test(start_paused = true)]
async fn no_capacity_is_told_in_aws_s_words() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", None);
    let visitors = Visitors::come(&world).await;
    world.cloud.inject(local_aws::Fault::no_capacity());
    assert_rolled_back(
        &world,
        &config,
        "scale up idle group",
        &["capacity", "t3.micro"],
    )
    .await;
    visitors.assert_nobody_noticed().await;
}

#[tokio::test(start_paused = true)]
async fn a_failing_bake_script_is_told_with_the_end_of_its_log() {
    let world = World::with_a_release().await;
    let mut config = world.config("0.0.2", None);
    let script = world.folder.path().join("bake.sh");
    let text = "#!/bin/sh\necho 'error: libfoo 2.3 is not to be had' >&2\nexit 3\n";
    std::fs::write(&script, text).expect("a script");
    config.bake.script = Some(script);
    let visitors = Visitors::come(&world).await;
    let words = ["the builder's script failed", "libfoo 2.3 is not to be had"];
    assert_rolled_back(&world, &config, "bake image", &words).await;
    visitors.assert_nobody_noticed().await;
}

#[test]
fn every_fault_takes_a_release_to_the_ending_that_the_list_says() {
    // A cloud each, under a paused clock each.
    std::thread::scope(|scope| {
        for fault in &FAULTS {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .start_paused(true)
                    .build();
                runtime.expect("a runtime").block_on(ends_as_listed(fault));
            });
        }
    });
}

async fn ends_as_listed(fault: &Fault) {
    let world = World::seeded_with_a_release(2).await;
    let url = world.plan(&world.config("any", None)).await.1.url;
    let mut config = planted(&world, fault);
    if fault.ending == Ending::Refused {
        return is_refused(&world, &config, &url).await;
    }
    // What strikes a request now and then has the time that it has by default.
    config.shift.soak = bg_deploy::config::default::SOAK;
    config.probe.rate = bg_deploy::config::default::RATE;
    let (_, plan) = world.plan(&config).await;
    let before = Standing::look(&world, &plan).await;
    let errors_before = server_errors(&world, &plan);
    let visitors = Visitors::come(&world).await;
    let (finished, cx) = world.deploy(&config).await;
    let told = format!("{fault}: {:#?}\n{}", finished.outcome, story(&cx));
    let code = finished.outcome.exit_code();
    assert_eq!(code, fault.ending.exit_code(), "{told}");
    if fault.ending != Ending::Deployed {
        assert_untouched(&world, &plan, &before, fault.name).await;
    }
    let answers = visitors.leave().await;
    let errors = server_errors(&world, &plan) - errors_before;
    judge(fault, &answers, errors, &told);
}

/// All that is wrong is said at once, nothing is begun, and live answers as before.
async fn is_refused(world: &World, config: &Config, url: &str) {
    let changes = |call: &&local_aws::Call| call.is_mutating();
    let calls = || world.cloud.ledger().calls.iter().filter(changes).count();
    let before = calls();
    let why = match world.prepare(config).await.decision {
        Decision::Refused(why) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(calls(), before);
    let problems = why
        .lines()
        .filter(|line| line.trim_start().starts_with("-> "));
    assert_eq!(problems.count(), 9, "{why}");
    for words in [
        "7 things would end this release minutes from now:",
        "vCPU quota ",
        "1 address is left in subnet-",
        "where the builder is to start",
        "(bake.instance-type)",
        "(fleet.instance-type)",
        "reach port 8080 of the instances",
        "reach port 80 of the load balancer",
        "AWS does not offer t4g.small in eu-central-1b",
        "where the load balancer has no subnet",
    ] {
        assert!(why.contains(words), "{words}\n{why}");
    }
    assert_eq!(world.visit(url, None).await, "0.0.1");
}

/// What an idle connection's end does to a request is a matter of sockets, too.
#[test]
fn a_keep_alive_that_is_too_short_ends_over_real_sockets_as_the_list_says() {
    let named = FAULTS.iter().find(|it| it.name == "keep-alive-too-short");
    let fault = named.expect("it is in the list");
    let reports = tempfile::tempdir().expect("a folder");
    let mut rehearsal = std::process::Command::new(env!("CARGO_BIN_EXE_bg-deploy"));
    rehearsal
        .args(["rehearse", "--fault", fault.name, "--speed", "60"])
        .arg("--report-dir")
        .arg(reports.path());
    let ended = rehearsal.output().expect("it runs");
    let told = String::from_utf8_lossy(&ended.stderr);
    let code = i32::from(fault.ending.exit_code());
    assert_eq!(ended.status.code(), Some(code), "{told}");
    let ledger = std::fs::read_to_string(reports.path().join("latest/ledger.jsonl"));
    let (answers, errors) = of_ledger(&ledger.expect("a ledger"));
    judge(fault, &answers, errors, &told);
}

/// What visitors were answered by the order of when they asked, and how many answers were 500 and above.
fn of_ledger(ledger: &str) -> (Vec<String>, u64) {
    let lines = ledger.lines().map(serde_json::from_str);
    let mut lines: Vec<serde_json::Value> = lines.collect::<Result<_, _>>().expect("JSON");
    lines.retain(|line| line["lane"] == "fresh" || line["lane"] == "keep-alive");
    lines.sort_by_key(|line| line["scheduled_us"].as_u64());
    let is_error = |line: &&serde_json::Value| line["status"].as_u64() >= Some(500);
    let errors = lines.iter().filter(is_error).count();
    let answers = lines.iter().map(|line| match line["version"].as_str() {
        Some(version) if line["error"].is_null() => version.to_owned(),
        _ => line.to_string(),
    });
    (answers.collect(), errors as u64)
}

/// What 0.0.2 is released with, so that this goes wrong.
fn planted(world: &World, fault: &Fault) -> Config {
    let mut config = world.config("0.0.2", None);
    let mut app = Settings {
        version: "0.0.2".to_owned(),
        preview_header: Some(PREVIEW_HEADER.to_owned()),
        ..Settings::default()
    };
    let mut scene = Scene {
        app: &mut app,
        config: &mut config,
        cloud: &world.cloud,
        folder: world.folder.path(),
        speed: 1.0,
    };
    (fault.plant)(&mut scene).expect("it is planted");
    let program = std::path::Path::new("/bin/false");
    write_artifact(&config.service.artifact, program, &app).expect("an artifact");
    config
}

/// Answers with 500 and above that the load balancer has counted, whoever gave them.
fn server_errors(world: &World, plan: &Plan) -> u64 {
    let account = world.cloud.account();
    let of = |colour| {
        let counts = elbv2::counts(&account, plan.target_groups.of(colour));
        let all = counts.of_targets.iter().chain(&counts.of_load_balancer);
        all.filter(|(status, _)| **status >= 500)
            .map(|(_, count)| *count)
            .sum::<u64>()
    };
    Colour::BOTH.into_iter().map(of).sum()
}

/// Holds an ending against what visitors were answered, in order, and how many errors the load balancer gave them.
fn judge(fault: &Fault, answers: &[String], errors: u64, told: &str) {
    let got = |version: &str| answers.iter().any(|answer| answer == version);
    let last = answers.last().map(String::as_str);
    let good = |answer: &String| answer == "0.0.1" || answer == "0.0.2";
    match fault.ending {
        Ending::Deployed => {
            assert!(answers.iter().all(good), "{answers:?}\n{told}");
            assert_eq!((errors, last), (0, Some("0.0.2")), "{told}");
            assert!(got("0.0.1"), "nobody was there before the shift\n{told}");
        }
        Ending::Refused | Ending::KeptAway => {
            assert!(
                answers.iter().all(|it| it == "0.0.1"),
                "{answers:?}\n{told}"
            );
            assert_eq!((errors, last), (0, Some("0.0.1")), "{told}");
        }
        Ending::TakenBack => {
            // One that is slow fails nobody.
            let is_slow = fault.name == "slow-after-shift";
            assert_eq!(errors > 0, !is_slow, "{errors} errors\n{told}");
            assert!(got("0.0.2"), "it never had traffic: {answers:?}\n{told}");
            assert_eq!(last, Some("0.0.1"), "{told}");
        }
    }
}
