//! Whole releases against the local cloud, under a paused clock.

use bg_deploy::names::{Colour, Release};
use bg_deploy::outcome::Outcome;

use crate::support::World;

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
