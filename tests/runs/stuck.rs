//! What a person is told to type when traffic could not be restored.

use bg_deploy::deploy::deploy;
use bg_deploy::outcome::Outcome;
use bg_deploy::run::event::Event;
use local_aws::account::ec2::lives;
use local_aws::sample_app::AppFault;
use local_aws::{Answer, Fault};

use crate::support::{World, story};

#[tokio::test(start_paused = true)]
async fn a_stuck_run_s_commands_lead_to_the_colour_that_has_healthy_instances() {
    let world = World::with_a_release().await;
    let config = world.config("0.0.2", Some(AppFault::ErrorsAfterShift));
    let (prepared, plan) = world.plan(&config).await;
    let cx = world.context().await;
    let (cloud, live) = (world.cloud.clone(), plan.names().group(plan.live));
    cx.events.listen(move |stamped| {
        if !matches!(stamped.event, Event::StepFailed { .. }) {
            return;
        }
        // Nobody may write a weight any more, and the previous colour's instances are gone.
        let words = "not authorized to perform it".to_owned();
        let denied = Answer::Refuse("AccessDenied".to_owned(), 403, words);
        cloud.inject(Fault::on("elasticloadbalancing", "ModifyRule", denied).for_ever());
        let mut account = cloud.account();
        let group = account.autoscaling.groups.get_mut(&live);
        group
            .expect("a group")
            .suspended
            .insert("Launch".to_owned(), String::new());
        let gone: Vec<_> = account
            .ec2
            .instances
            .values()
            .filter(|it| {
                it.tags
                    .get("bg-deploy:release")
                    .is_some_and(|release| release == "0.0.1")
            })
            .map(|it| it.id.clone())
            .collect();
        lives::terminate(&mut account, &gone).expect("they were there");
    });
    let finished = deploy(&cx, &plan, prepared.bundle.file.path(), None).await;
    let Outcome::Stuck {
        commands,
        undo_failure,
        ..
    } = &finished.outcome
    else {
        panic!("{:#?}\n{}", finished.outcome, story(&cx));
    };
    // Why none comes, and what lets it.
    for words in ["suspended by hand (Launch)", "resume-processes"] {
        assert!(undo_failure.words.contains(words), "{undo_failure:?}");
    }
    let candidate = plan.target_groups.of(plan.idle);
    let leads = format!("{{\"TargetGroupArn\":\"{candidate}\",\"Weight\":100}}");
    assert!(commands[0].contains(&leads), "{commands:#?}");
}
