//! A candidate with visitors whose health check fails for a while: a load balancer that gave up on all leads visitors to all, so none of
//! them notices.

use std::time::Duration;

use bg_deploy::cause::Reason;
use bg_deploy::names::Release;
use bg_deploy::outcome::Outcome;
use bg_deploy::plan::Plan;
use bg_deploy::run::event::Event;

use crate::other_hands::{assert_all_get, canary, deploy_while};
use crate::support::{World, story};

/// What its load balancer finds the candidate, whatever its visitors are answered.
async fn sick(world: &World, plan: &Plan, time: Duration) {
    let group = plan.target_groups.of(plan.idle);
    for path in ["/nowhere", &plan.health_check.path] {
        {
            let mut account = world.cloud.account();
            let group = account.elbv2.target_groups.get_mut(group);
            path.clone_into(&mut group.expect("a target group").check.path);
        }
        world.clock.sleep(time).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_is_sick_for_a_while_is_taken_back_though_no_request_fails_and_it_recovers()
 {
    let world = World::with_a_release().await;
    let mut whole = world.config("0.0.2", None);
    whole.shift.soak = Duration::from_secs(600);
    let mut stages = canary(&world, "0.0.2");
    stages.shift.hold = Duration::from_secs(600);
    let seen: fn(&Event) -> bool = |event| matches!(event, Event::WeightsSeen { .. });
    for (config, failed, words) in [
        (
            whole,
            "soak",
            "only 0 of 2 instances are healthy in the soak; i-",
        ),
        (
            stages,
            "shift traffic",
            "are healthy while it has a share; i-",
        ),
    ] {
        let (finished, plan, cx) = deploy_while(&world, &config, seen, async |_, plan| {
            sick(&world, plan, Duration::from_secs(60)).await;
        })
        .await;
        let Outcome::RolledBack {
            step,
            cause,
            serving,
            ..
        } = &finished.outcome
        else {
            panic!("{:#?}\n{}", finished.outcome, story(&cx));
        };
        assert_eq!(step, failed);
        assert_eq!(cause.reason, Some(Reason::HealthUnsteady));
        assert!(cause.words.contains(words), "{cause}");
        assert_eq!(*serving, Some(Release("0.0.1".to_owned())));
        assert_eq!(finished.evidence.expect("a probe").tally.failed, 0);
        assert_all_get(&world, &plan, "0.0.1", &story(&cx)).await;
    }
}
