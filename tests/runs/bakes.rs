//! What a bake meets on AWS: a slow line, a small `/tmp`, an image that is late, fails, or is another run's, a long log, and an
//! answer that is lost.

use std::time::Duration;

use bg_deploy::aws::{images, ssm};
use bg_deploy::cause::Reason;
use bg_deploy::config::Config;
use bg_deploy::deploy::{Finished, deploy};
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::Source;
use bg_deploy::run::context::Context;
use bg_deploy::run::event::Event;
use bg_deploy::stack::{TAG_ENVIRONMENT, TAG_PURPOSE};
use local_aws::account::ec2::images::{AMAZON_LINUX, Image};
use local_aws::{Answer, Fault};

use crate::images::{deploy_in_stage, in_stage};
use crate::support::rule::clear;
use crate::support::{World, assert_deployed, story};

const MIB: usize = 1024 * 1024;

/// A config whose bundle is so long: what can't be packed is added.
fn of_length(world: &World, version: &str, length: usize) -> Config {
    let config = world.config(version, None);
    let mut random = fastrand::Rng::with_seed(7);
    let mut bytes = vec![0; length];
    random.fill(&mut bytes);
    std::fs::write(config.service.artifact.join("assets"), bytes).expect("a long file");
    config
}

fn rolled_back<'a>(finished: &'a Finished, cx: &Context) -> &'a bg_deploy::cause::Cause {
    match &finished.outcome {
        Outcome::RolledBack {
            step,
            cause,
            leftovers,
            ..
        } => {
            assert_eq!((step.as_str(), leftovers.len()), ("bake image", 0));
            cause
        }
        other => panic!("{other:#?}\n{}", story(cx)),
    }
}

/// How long the bake took.
fn took(cx: &Context) -> Duration {
    let events = cx.events.all();
    let at = |wanted: fn(&Event) -> bool| {
        let found = events.iter().find(|stamped| wanted(&stamped.event));
        found.expect("it happened").at
    };
    let began = at(|event| matches!(event, Event::StepBegan { step, .. } if step == "bake image"));
    at(|event| matches!(event, Event::StepFailed { .. })) - began
}

#[tokio::test(start_paused = true)]
async fn a_bundle_that_takes_longer_than_any_call_may_arrives_in_one_piece_or_in_parts() {
    let world = World::with_a_release().await;
    // 40 s for what goes in one piece, and for each part but the last.
    for (version, length, a_second, parts) in [
        ("0.0.2", 6 * MIB, 6 * MIB / 40, 0),
        ("0.0.3", 36 * MIB, 16 * MIB / 40, 3),
    ] {
        let config = of_length(&world, version, length);
        world.cloud.account().limits.upload = Some(a_second as u64);
        let from = world.cloud.account().calls.len();
        let (finished, cx) = world.deploy(&config).await;
        assert_deployed(&finished, &cx);
        let account = world.cloud.account();
        let of_parts = account.calls[from..]
            .iter()
            .filter(|call| call.operation == "UploadPart");
        assert_eq!(of_parts.count(), parts, "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_an_upload_in_parts_that_fails_nothing_stays_behind() {
    let world = World::with_a_release().await;
    let config = of_length(&world, "0.0.2", 36 * MIB);
    let refused = Answer::Refuse("AccessDenied".to_owned(), 403, "no more".to_owned());
    world
        .cloud
        .inject(Fault::on("s3", "UploadPart", refused).after(1));
    let (finished, cx) = world.deploy(&config).await;
    let cause = rolled_back(&finished, &cx);
    assert!(cause.words.contains("part 2 of s3://"), "{cause:?}");
    assert!(clear(&mut world.cloud.account()));
    let calls = world.cloud.ledger().calls;
    let aborts = calls
        .iter()
        .filter(|call| call.operation == "AbortMultipartUpload");
    assert_eq!(aborts.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_bundle_that_does_not_fit_into_the_builder_s_memory_is_installed_from_its_disk() {
    let world = World::with_a_release().await;
    world.cloud.account().limits.tmp = 100;
    let (finished, cx) = world.deploy(&world.config("0.0.2", None)).await;
    assert_deployed(&finished, &cx);
}

#[tokio::test(start_paused = true)]
async fn the_last_words_of_a_long_log_are_told() {
    let world = World::with_a_release().await;
    let mut config = world.config("0.0.2", None);
    let script = world.folder.path().join("bake.sh");
    let text = "#!/bin/sh\ni=0\nwhile [ $i -lt 3000 ]; do echo \"unpacking part $i of the distribution\"; i=$((i + 1)); done\necho 'the mirror is gone'\nexit 3\n";
    std::fs::write(&script, text).expect("a script");
    config.bake.script = Some(script);
    let (finished, cx) = world.deploy(&config).await;
    let cause = rolled_back(&finished, &cx);
    assert_eq!(cause.reason, Some(Reason::BuilderScript));
    for words in [
        "the mirror is gone",
        "the bake script ended with exit code 3",
    ] {
        assert!(cause.words.contains(words), "{cause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_builder_reads_what_its_role_lets_it_and_nothing_else() {
    let world = World::with_a_release().await;
    let role = "bgd-hello-test-builder";
    let policy = {
        let mut account = world.cloud.account();
        let role = account.iam.roles.get_mut(role).expect("a role");
        let policy = role.inline["bg-deploy"].clone();
        let other = policy.replace("/bundles/test/*", "/bundles/stage/*");
        assert_ne!(policy, other);
        role.inline.insert("bg-deploy".to_owned(), other);
        policy
    };
    let (finished, cx) = world.deploy(&world.config("0.0.2", None)).await;
    let cause = rolled_back(&finished, &cx);
    assert!(cause.words.contains("(403)"), "{cause:?}");
    world.free().await;
    {
        let mut account = world.cloud.account();
        let role = account.iam.roles.get_mut(role).expect("a role");
        role.inline.insert("bg-deploy".to_owned(), policy);
    }
    let (finished, cx) = world.deploy(&world.config("0.0.3", None)).await;
    assert_deployed(&finished, &cx);
}

#[tokio::test(start_paused = true)]
async fn an_image_that_fails_is_known_when_it_has_and_the_next_bake_takes_its_name() {
    let world = World::with_a_release().await;
    world.cloud.inject(Fault::failed_image());
    let config = world.config("0.0.2", None);
    let (finished, cx) = world.deploy(&config).await;
    let cause = rolled_back(&finished, &cx);
    assert!(cause.words.contains("seeImage"), "{cause:?}");
    assert!(took(&cx) < Duration::from_secs(600), "{:?}", took(&cx));
    // Whoever was killed before its undoing leaves the failed image under the recipe's name.
    world.cloud.inject(Fault::failed_image());
    let (prepared, plan) = world.plan(&config).await;
    let cx = world.context().await;
    {
        let run = deploy(&cx, &plan, prepared.bundle.file.path(), None);
        let fails = async {
            let is_failed = |event: &Event| matches!(event, Event::StepFailed { .. });
            while !cx.events.all().iter().any(|it| is_failed(&it.event)) {
                cx.clock.sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            ended = run => panic!("{:#?}", ended.outcome),
            () = fails => {}
        }
    }
    let name = &prepared_name(&plan);
    let left = images::find_image_by_name(&cx.aws, name).await;
    let left = left.expect("an answer").expect("the failed image");
    assert_eq!(left.state, "failed");
    let (finished, cx) = world.deploy(&config).await;
    assert_deployed(&finished, &cx);
    let told = |event: &Event| matches!(event, Event::Note { text } if text.contains("is failed: removed"));
    let events = cx.events.all();
    assert!(events.iter().any(|it| told(&it.event)), "{}", story(&cx));
}

fn prepared_name(plan: &bg_deploy::plan::Plan) -> String {
    match &plan.source {
        bg_deploy::plan::Source::Artifact(bake) => bake.image_name.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_another_environment_s_run_bakes_is_waited_for_and_used() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", None);
    let mut stage = in_stage(config.clone());
    stage.bake.take_from = Some("test".to_owned());
    world.provision(&stage).await;
    let (prepared, plan) = world.plan(&config).await;
    let cx = world.context().await;
    let run = deploy(&cx, &plan, prepared.bundle.file.path(), None);
    let elsewhere = async {
        let waits = |event: &Event| matches!(event, Event::Waiting { reason, .. } if reason.contains("awaitImage"));
        while !cx.events.all().iter().any(|one| waits(&one.event)) {
            cx.clock.sleep(Duration::from_millis(500)).await;
        }
        deploy_in_stage(&world, &stage).await
    };
    let (here, (there, of_there)) = tokio::join!(run, elsewhere);
    assert_deployed(&here, &cx);
    assert_deployed(&there, &of_there);
    let told = |event: &Event| matches!(event, Event::StepDone { summary, .. } if summary.contains("was baked by another run"));
    let events = of_there.events.all();
    assert!(
        events.iter().any(|it| told(&it.event)),
        "{}",
        story(&of_there)
    );
}

/// The images of this environment that can be used.
fn images_of(world: &World, environment: &str) -> usize {
    let account = world.cloud.account();
    let tag =
        |image: &&Image| image.tags.get(TAG_ENVIRONMENT).map(String::as_str) == Some(environment);
    account.ec2.images.values().filter(tag).count()
}

#[tokio::test(start_paused = true)]
async fn an_environment_takes_another_one_s_image_only_where_the_file_says_so() {
    let world = World::with_a_release().await;
    let mut stage = in_stage(world.config("0.0.1", None));
    world.provision(&stage).await;
    let (finished, cx) = deploy_in_stage(&world, &stage).await;
    assert_deployed(&finished, &cx);
    assert_eq!(
        (images_of(&world, "test"), images_of(&world, "stage")),
        (1, 1)
    );

    let (finished, cx) = world.deploy(&world.config("0.0.2", None)).await;
    assert_deployed(&finished, &cx);
    stage = in_stage(world.config("0.0.2", None));
    stage.bake.take_from = Some("test".to_owned());
    let (finished, cx) = deploy_in_stage(&world, &stage).await;
    assert_deployed(&finished, &cx);
    assert_eq!(
        (images_of(&world, "test"), images_of(&world, "stage")),
        (2, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn an_image_of_our_name_that_another_environment_made_is_not_ours() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", None);
    // All that a role of stage's could do: its images bear its own tags.
    let tag = (TAG_ENVIRONMENT, "stage");
    assert_not_released(&world, &config, tag, "was not made in test").await;
}

#[tokio::test(start_paused = true)]
async fn what_a_verification_made_is_never_released_whatever_it_is_called() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", None);
    // All that a job about a pull request could do: the runbook says what its images are for.
    let tag = (TAG_PURPOSE, "verify");
    assert_not_released(&world, &config, tag, "a verification made it").await;
}

/// Fails unless an image of the release's own name, with this tag, is neither taken nor overwritten.
async fn assert_not_released(world: &World, config: &Config, tag: (&str, &str), why: &str) {
    let bake = async || {
        let (_, plan) = world.plan(config).await;
        match plan.source {
            Source::Artifact(bake) => *bake,
            other => panic!("{other:?}"),
        }
    };
    let image_name = bake().await.image_name;
    {
        let mut account = world.cloud.account();
        let mut all = account.ec2.images.values();
        let image = all.find(|image| image.tags.contains_key(TAG_ENVIRONMENT));
        let mut image = image.expect("an image of ours").clone();
        image.id = "ami-0000000000000beef".to_owned();
        image.name = image_name;
        image.tags.insert(tag.0.to_owned(), tag.1.to_owned());
        account.ec2.images.insert(image.id.clone(), image);
    }
    assert_eq!(bake().await.existing, None);
    let (finished, cx) = world.deploy(config).await;
    let cause = rolled_back(&finished, &cx);
    for words in ["ami-0000000000000beef is called", why] {
        assert!(cause.words.contains(words), "{cause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bake_that_can_not_begin_is_known_within_seconds() {
    let world = World::with_a_release().await;
    {
        let mut account = world.cloud.account();
        let base = account.ec2.images.get_mut(AMAZON_LINUX);
        base.expect("the base image").is_available = false;
    }
    let (finished, cx) = world.deploy(&world.config("0.0.2", None)).await;
    let cause = rolled_back(&finished, &cx);
    assert!(cause.words.contains("launchBuilder"), "{cause:?}");
    assert!(took(&cx) < Duration::from_secs(30), "{:?}", took(&cx));
}

#[tokio::test(start_paused = true)]
async fn a_runbook_whose_update_got_no_answer_is_the_one_that_counts_after_the_next_try() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", None);
    let runbook = "bgd-hello-test-bake";
    {
        let mut account = world.cloud.account();
        let document = account.ssm.documents.get_mut(runbook).expect("a runbook");
        let older = document.versions.first_mut().expect("a version");
        older.content.text = older
            .content
            .text
            .replace("bg-deploy:", "bg-deploy, before:");
    }
    world
        .cloud
        .inject(Fault::on("ssm", "UpdateDocument", Answer::LoseReply));
    world.provision(&config).await;
    assert!(clear(&mut world.cloud.account()));
    let ours = bg_deploy::bake::runbook::runbook(None);
    let stands = ssm::compare_document(&world.aws().await, runbook, &ours).await;
    let version = "2".to_owned();
    assert_eq!(stands.expect("an answer"), ssm::Document::Ours { version });
}
