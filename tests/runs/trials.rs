//! Many trials, one after the other: some share a world, and all that came of them is told at the end.

use anyhow::Result;

use crate::support::World;

/// So many trials share a world.
const SHARED_BY: usize = 15;

/// Tries each in `first` and in further worlds as `make` makes them, and fails with all that came of it; one that failed
/// leaves its world to nobody. `why` names a trial.
#[expect(clippy::print_stdout, reason = "what was tried is to be seen")]
pub(crate) async fn try_each<T>(
    trials: &[T],
    first: Option<World>,
    make: impl AsyncFn() -> World,
    why: impl Fn(&T) -> String,
    try_one: impl AsyncFn(&World, &T) -> Result<String>,
) {
    let mut failures = Vec::new();
    let mut shared = first.map(|world| (world, 0));
    for trial in trials {
        let (world, used) = match shared.take() {
            Some((world, used)) if used < SHARED_BY => (world, used),
            _ => (Box::pin(make()).await, 0),
        };
        let why = why(trial);
        match try_one(&world, trial).await {
            Ok(told) => {
                println!("{why}: {told}");
                shared = Some((world, used + 1));
            }
            Err(error) => {
                println!("{why}: FAILED {error:#}");
                failures.push(format!("{why}: {error:#}"));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        trials.len(),
        failures.join("\n====\n")
    );
}
