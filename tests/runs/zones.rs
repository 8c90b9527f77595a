//! A zone that has no instances for a release, none of the type or none left, is a reason for Auto Scaling to go on to the
//! next, and none to end a release.

use std::collections::BTreeSet;
use std::time::Duration;

use bg_deploy::cause::Reason;
use bg_deploy::outcome::Outcome;
use bg_deploy::run::event::Event;
use local_aws::Fault;

use crate::support::{World, assert_deployed, story};

/// The zones of the instances of this release that have not ended.
fn zones(world: &World, release: &str) -> BTreeSet<String> {
    let account = world.cloud.account();
    let members = account.autoscaling.groups.values();
    let members = members.flat_map(|group| &group.members);
    let of_it = members.filter(|(id, _)| {
        let tags = &account.ec2.instances[*id].tags;
        tags.get("bg-deploy:release")
            .is_some_and(|it| it == release)
    });
    of_it.map(|(_, member)| member.zone.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_zone_without_the_type_or_without_capacity_sends_all_instances_to_the_other() {
    for (fault, zone, other) in [
        (Fault::no_type_in('a'), 'a', "b"),
        (Fault::no_type_in('b'), 'b', "a"),
        (Fault::no_capacity_in('b'), 'b', "a"),
    ] {
        let world = World::with_a_release().await;
        world.cloud.inject(fault);
        let (finished, cx) = world.deploy(&world.config("0.0.2", None)).await;
        assert_deployed(&finished, &cx);
        assert_eq!(zones(&world, "0.0.2"), BTreeSet::from([other.to_owned()]));
        let told = |event: &Event| matches!(event, Event::Waiting { reason, .. } if reason.contains(&format!("the last launch failed in eu-central-1{zone}")));
        let events = cx.events.all();
        assert!(events.iter().any(|it| told(&it.event)), "{}", story(&cx));
        drop(cx);
        world.free().await;
        // The way back needs no zone that the way there had.
        let (finished, _, cx) = world.rollback(None).await;
        assert_deployed(&finished, &cx);
    }
}

#[tokio::test(start_paused = true)]
async fn capacity_that_comes_back_is_waited_for() {
    let world = World::with_a_release().await;
    // Each zone once; when they are tried again there is some.
    world.cloud.inject(Fault::no_capacity().times(2));
    let (finished, cx) = world.deploy(&world.config("0.0.2", None)).await;
    assert_deployed(&finished, &cx);
    assert_eq!(zones(&world, "0.0.2").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_no_zone_has_is_told_with_the_zone_s_words_long_before_its_time_is_over() {
    for (faults, reason, words) in [
        (
            [Fault::no_type_in('a'), Fault::no_type_in('b')],
            Reason::NoSuchType,
            "is not supported in your requested Availability Zone",
        ),
        (
            [Fault::no_capacity_in('a'), Fault::no_capacity_in('b')],
            Reason::NoCapacity,
            "do not have sufficient t3.micro capacity",
        ),
    ] {
        let world = World::with_a_release().await;
        // The builder has its instance: the image is there already.
        let config = world.config("0.0.2", None);
        let (prepared, plan) = world.plan(&config).await;
        let cx = world.context().await;
        let cloud = world.cloud.clone();
        cx.events.listen(move |stamped| {
            if matches!(stamped.event, Event::Image { .. }) {
                for fault in &faults {
                    cloud.inject(fault.clone());
                }
            }
        });
        let file = prepared.bundle.file.path();
        let finished = bg_deploy::deploy::deploy(&cx, &plan, file, None).await;
        let Outcome::RolledBack {
            cause, leftovers, ..
        } = &finished.outcome
        else {
            panic!("{:#?}\n{}", finished.outcome, story(&cx));
        };
        assert_eq!((&cause.reason, leftovers.len()), (&Some(reason), 0));
        assert!(cause.words.contains(words), "{cause:?}");
        let events = cx.events.all();
        let at = |wanted: fn(&Event) -> bool| events.iter().find(|it| wanted(&it.event));
        let began = at(
            |event| matches!(event, Event::StepBegan { step, .. } if step == "scale up idle group"),
        );
        let failed = at(|event| matches!(event, Event::StepFailed { .. }));
        let took = failed.expect("it failed").at - began.expect("it began").at;
        assert!(took < Duration::from_secs(120), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_builder_is_launched_where_its_type_is() {
    for zone in ['a', 'b'] {
        let world = World::new().await;
        world.cloud.inject(Fault::no_type_in(zone));
        let config = world.config("0.0.1", None);
        world.provision(&config).await;
        let (finished, cx) = world.deploy(&config).await;
        assert_deployed(&finished, &cx);
    }
}
