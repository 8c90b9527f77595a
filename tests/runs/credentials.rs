//! Credentials that outlive an hour, or are known not to.

use std::time::Duration;

use bg_deploy::aws::ec2::find_default_vpc;
use bg_deploy::aws::error::ErrorKind;
use bg_deploy::aws::ssm::find_automations_under_way;
use bg_deploy::aws::sts::caller;
use bg_deploy::aws::web_identity::NoSession;
use bg_deploy::aws::{Aws, NoAccess};
use bg_deploy::config::Config;
use bg_deploy::deploy::{Finished, deploy};
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::{Decision, Plan};
use bg_deploy::prepare::{hold_credentials, prepare};
use bg_deploy::run::context::Context;
use bg_deploy::run::event::{Event, Stamped};
use local_aws::pace::Spread;

use crate::support::identity::{Issuer, RIGHT, SIGNATURE, SUBJECT};
use crate::support::standing::{Standing, assert_untouched};
use crate::support::{World, assert_deployed, story};

const ASSUME: &str = "AssumeRoleWithWebIdentity";

/// A release that soaks for so long; its probe asks seldom.
fn soaking(world: &World, soak: Duration) -> Config {
    let mut config = world.config("0.0.2", None);
    config.shift.soak = soak;
    config.probe.rate = 0.5;
    config
}

async fn release(world: &World, config: &Config, aws: Aws) -> (Finished, Context) {
    let (prepared, plan) = world.plan(config).await;
    let cx = world.context_of(aws).await;
    let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
    (finished, cx)
}

/// How many sessions the account has given.
fn sessions(world: &World) -> usize {
    let calls = world.cloud.ledger().calls;
    let given = |call: &&local_aws::account::Call| call.operation == ASSUME && call.error.is_none();
    calls.iter().filter(given).count()
}

#[tokio::test(start_paused = true)]
async fn a_release_longer_than_a_session_is_deployed_with_the_sessions_of_the_job_s_role() {
    let world = World::with_a_release().await;
    let issuer = Issuer::start(&world, SUBJECT).await;
    let aws = issuer.connect(&world).await.expect("a session");
    let config = soaking(&world, Duration::from_secs(70 * 60));
    let (finished, cx) = release(&world, &config, aws).await;
    assert_deployed(&finished, &cx);
    assert!(sessions(&world) >= 2, "{} sessions", sessions(&world));
    let calls = world.cloud.ledger().calls;
    let codes = calls.iter().filter_map(|call| call.error.as_deref());
    let expired = codes.filter(|code| code.contains("Expired"));
    assert_eq!(expired.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn while_no_new_session_can_be_had_the_old_one_goes_on_for_as_long_as_it_lives() {
    let world = World::new().await;
    let issuer = Issuer::start(&world, SUBJECT).await;
    let aws = issuer.connect(&world).await.expect("a session");
    let arn = caller(&aws).await.expect("a caller").arn;
    assert_eq!(
        arn,
        "arn:aws:sts::123456789012:assumed-role/deployer/bg-deploy-7-1"
    );
    assert_eq!((sessions(&world), issuer.asked()), (1, 1));

    issuer.is_down(true);
    world.clock.sleep(Duration::from_secs(55 * 60)).await;
    caller(&aws).await.expect("the old session");
    let asked = issuer.asked();
    assert_eq!(asked, 4, "three tries");
    caller(&aws).await.expect("the old session");
    assert_eq!(issuer.asked(), asked, "not at each call");
    issuer.is_down(false);
    world.clock.sleep(Duration::from_secs(60)).await;
    caller(&aws).await.expect("a new session");
    assert_eq!(sessions(&world), 2);

    issuer.is_down(true);
    world.clock.sleep(Duration::from_secs(61 * 60)).await;
    let none = caller(&aws).await.expect_err("no session");
    assert!(
        none.to_string().contains("503 Service Unavailable"),
        "{none}"
    );
    issuer.is_down(false);
    caller(&aws).await.expect("a session again");
}

#[tokio::test(start_paused = true)]
async fn a_role_that_trusts_another_subject_is_told_with_the_token_s_own() {
    let world = World::new().await;
    let issuer = Issuer::start(&world, "repo:octo/hello:environment:prod").await;
    let refused = issuer.connect(&world).await;
    let Err(NoAccess::WebIdentity(NoSession::Refused(why))) = refused else {
        panic!("not refused: {refused:?}");
    };
    for part in [
        "AccessDenied",
        SUBJECT,
        "15 July 2026",
        "repo:OWNER@ID/REPO@ID",
    ] {
        assert!(why.contains(part), "no {part} in {why}");
    }
    assert!(!why.contains(SIGNATURE) && !why.contains(RIGHT), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ends_before_the_release_may_is_refused_with_numbers() {
    let world = World::with_a_release().await;
    let issuer = Issuer::start(&world, SUBJECT).await;
    let decided = async |aws: &Aws, soak: u64| {
        let config = soaking(&world, Duration::from_secs(soak * 60));
        let release = config.release.clone().expect("a release");
        let prepared = prepare(aws, &config, &release).await.expect("a decision");
        hold_credentials(
            prepared.decision,
            aws.life(),
            world.clock.utc(),
            Plan::needed,
        )
    };
    let renewed = issuer.connect(&world).await.expect("a session");
    assert!(matches!(decided(&renewed, 70).await, Decision::Release(_)));
    let once = issuer.connect_once(&world, 3600).await;
    assert!(matches!(decided(&once, 10).await, Decision::Release(_)));
    match decided(&once, 70).await {
        Decision::Refused(why) => {
            for part in [
                "live 59 more minutes, and this run may take 97",
                "13 until its first weight",
                "84 from there on",
                "role-duration-seconds",
                "to 6600",
                "role-arn",
            ] {
                assert!(why.contains(part), "no {part:?} in {why}");
            }
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_a_long_bake_has_used_up_is_noticed_before_the_first_weight() {
    let world = World::with_a_release().await;
    let issuer = Issuer::start(&world, SUBJECT).await;
    let config = world.config("0.0.2", None);
    let (_, plan) = world.plan(&config).await;
    let before = Standing::look(&world, &plan).await;
    world.cloud.account().pace.image_create = Spread::seconds(20 * 60, 1.0, 20 * 60);
    let aws = issuer.connect_once(&world, 1800).await;
    // It would have been let begin.
    let (life, now) = (aws.life(), world.clock.utc());
    let decision = Decision::Release(Box::new(plan.clone()));
    let held = hold_credentials(decision, life, now, Plan::needed);
    assert!(matches!(held, Decision::Release(_)), "{held:?}");

    let (finished, cx) = release(&world, &config, aws).await;
    match &finished.outcome {
        Outcome::RolledBack {
            step,
            cause,
            leftovers,
            ..
        } => {
            assert_eq!(step, "shift traffic");
            assert!(cause.words.contains("no weight was written"), "{cause}");
            assert!(
                cause
                    .words
                    .contains("more minutes, and this run may take 15"),
                "{cause}"
            );
            assert_eq!(leftovers, &[]);
        }
        other => panic!("not rolled back: {other:#?}\n{}", story(&cx)),
    }
    let written = |stamped: &Stamped| matches!(stamped.event, Event::WeightsWritten { .. });
    assert!(!cx.events.all().iter().any(written), "{}", story(&cx));
    assert_untouched(&world, &plan, &before, "too short a session").await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_has_ended_is_refused_by_each_service_in_its_own_words() {
    let world = World::new().await;
    let issuer = Issuer::start(&world, SUBJECT).await;
    let aws = issuer.connect_once(&world, 900).await;
    caller(&aws).await.expect("a caller");
    world.clock.sleep(Duration::from_secs(900)).await;
    let sts = caller(&aws).await.expect_err("expired");
    assert_eq!(
        (sts.kind, sts.code.as_str()),
        (ErrorKind::Denied, "ExpiredToken")
    );
    let ssm = find_automations_under_way(&aws, "any").await;
    assert_eq!(ssm.expect_err("expired").code, "ExpiredTokenException");
    let ec2 = find_default_vpc(&aws).await;
    assert_eq!(ec2.expect_err("expired").code, "RequestExpired");
}
