//! Whole releases against the local cloud, under a paused clock.

use bg_deploy::names::{Colour, Release};
use bg_deploy::outcome::Outcome;
use bg_deploy::run::event::Event;

use crate::finish::killed::canary;
use crate::support::{World, assert_deployed};

#[tokio::test(start_paused = true)]
async fn a_first_release_and_the_next_one_are_deployed_and_no_request_fails() {
    let world = World::new().await;
    let first = world.config("0.0.1", None);
    world.provision(&first).await;
    let (finished, cx) = world.deploy(&first).await;
    assert!(
        matches!(
            &finished.outcome,
            Outcome::Deployed {
                live: Colour::Green,
                previous: None,
                ..
            }
        ),
        "{:#?}\n{:#?}",
        finished.outcome,
        cx.events.all()
    );
    let next = world.config("0.0.2", None);
    let (finished, cx) = world.deploy(&next).await;
    match &finished.outcome {
        Outcome::Deployed { live, previous, .. } => {
            assert_eq!(*live, Colour::Blue);
            assert_eq!(*previous, Some(Release("0.0.1".into())));
        }
        other => panic!("{other:#?}\n{:#?}", cx.events.all()),
    }
    let evidence = finished.evidence.expect("the probe ran");
    assert_eq!(evidence.tally.failed, 0);
    assert!(evidence.tally.by_version.len() == 2, "{:?}", evidence.tally);
}

#[tokio::test(start_paused = true)]
async fn a_first_release_shares_the_traffic_with_nobody_and_the_next_one_is_a_canary() {
    let world = World::new().await;
    let first = canary(&world, "0.0.1");
    world.provision(&first).await;
    for (config, stages) in [(first, 1), (canary(&world, "0.0.2"), 3)] {
        let (finished, cx) = world.deploy(&config).await;
        assert_deployed(&finished, &cx);
        let events = cx.events.all();
        let written = events.iter().filter_map(|stamped| match stamped.event {
            Event::WeightsWritten { weights } => Some(weights),
            _ => None,
        });
        let written: Vec<_> = written.collect();
        assert_eq!(written.len(), stages, "{written:?}");
    }
}
