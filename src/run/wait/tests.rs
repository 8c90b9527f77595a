//! Streaks, deadlines and reasons of a wait.

use super::*;
use crate::cause::FailedCall;
use std::cell::{Cell, RefCell};

const LIMITS: Limits = Limits::new(Duration::from_secs(60), Duration::from_secs(5));

async fn wait(looks: Vec<Look<u8>>, limits: Limits) -> (Result<u8, WaitError>, Vec<String>) {
    let told = RefCell::new(Vec::new());
    let next = Cell::new(0);
    let outcome = wait_until(
        &Clock::real(),
        &CancellationToken::new(),
        "the thing",
        limits,
        |reason| told.borrow_mut().push(reason.to_owned()),
        || {
            let look = looks[next.get().min(looks.len() - 1)].clone();
            next.set(next.get() + 1);
            async move { Ok(look) }
        },
    )
    .await;
    (outcome, told.into_inner())
}

#[tokio::test(start_paused = true)]
async fn a_streak_begins_again_after_one_bad_look() {
    let looks = vec![
        Look::Ready(1),
        Look::NotYet("flapped".into()),
        Look::Ready(2),
        Look::Ready(3),
    ];
    let (outcome, _) = wait(looks, LIMITS.in_a_row(2)).await;
    assert_eq!(outcome.ok(), Some(3));
}

#[tokio::test(start_paused = true)]
async fn the_last_reason_is_in_the_error_when_time_is_up() {
    let (outcome, told) = wait(vec![Look::NotYet("1 of 2 healthy".into())], LIMITS).await;
    let error = outcome.expect_err("it is never ready").to_string();
    assert_eq!(error, "the thing: not after 60 s: 1 of 2 healthy");
    assert_eq!(told, ["1 of 2 healthy"], "each new reason is told once");
}

fn refused(kind: ErrorKind) -> anyhow::Error {
    let call = FailedCall {
        kind,
        operation: "DescribeTargetHealth".into(),
        resource: "blue".into(),
        code: "AnyCode".into(),
        message: "any words".into(),
        request_id: None,
    };
    anyhow::Error::from(call).context("looking at the targets")
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_look_keeps_its_kind_and_is_told_once() {
    for (failing, words) in [
        (ErrorKind::Denied, "the thing: "),
        (ErrorKind::Throttled, "the thing: not after 60 s: "),
    ] {
        let error = wait_until(
            &Clock::real(),
            &CancellationToken::new(),
            "the thing",
            LIMITS,
            |_| {},
            || async { Err::<Look<()>, _>(refused(failing)) },
        )
        .await
        .expect_err("it never saw anything");
        let error = anyhow::Error::from(error);
        assert_eq!(kind(&error), Some(failing));
        let told = "looking at the targets: DescribeTargetHealth blue: AnyCode: any words";
        assert_eq!(format!("{error:#}"), format!("{words}{told}"));
    }
}

#[tokio::test(start_paused = true)]
async fn never_ends_the_wait_at_once() {
    let clock = Clock::real();
    let (outcome, _) = wait(vec![Look::Never("quota exceeded".into())], LIMITS).await;
    assert_eq!(
        outcome.expect_err("never").to_string(),
        "the thing: quota exceeded"
    );
    assert_eq!(clock.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn cancelling_ends_a_wait_in_the_middle_of_its_sleep() {
    let clock = Clock::real();
    let cancel = CancellationToken::new();
    let cancelling = async {
        clock.sleep(Duration::from_secs(7)).await;
        cancel.cancel();
    };
    let waiting = wait_until(
        &clock,
        &cancel,
        "it",
        Limits::new(Duration::from_secs(99), Duration::from_secs(50)),
        |_| {},
        || async { Ok(Look::<()>::NotYet("no".into())) },
    );
    let (outcome, ()) = tokio::join!(waiting, cancelling);
    assert!(matches!(outcome, Err(WaitError::Cancelled)));
    assert_eq!(clock.elapsed(), Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn a_growing_wait_is_never_more_than_its_share_or_its_least_interval_late() {
    for true_after in [0, 7, 40, 90, 119, 300, 601] {
        let clock = Clock::real();
        let looks = Cell::new(0_u32);
        let limits = Limits::new(Duration::from_secs(900), Duration::from_secs(1))
            .growing_to(Duration::from_secs(5));
        let outcome = wait_until(
            &clock,
            &CancellationToken::new(),
            "it",
            limits,
            |_| {},
            || async {
                looks.set(looks.get() + 1);
                Ok(if clock.elapsed().as_secs() >= true_after {
                    Look::Ready(())
                } else {
                    Look::NotYet("no".into())
                })
            },
        )
        .await;
        assert!(outcome.is_ok());
        let late = clock.elapsed() - Duration::from_secs(true_after);
        let share = Duration::from_secs(true_after) / SHARE;
        let allowed = share.clamp(Duration::from_secs(1), Duration::from_secs(5));
        assert!(late <= allowed, "{late:?} after {true_after} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_streak_is_looked_at_every_interval_however_long_the_wait_was() {
    let clock = Clock::real();
    let ready = Cell::new(None);
    let limits = Limits::new(Duration::from_secs(900), Duration::from_secs(2))
        .growing_to(Duration::from_secs(5))
        .in_a_row(3);
    let outcome = wait_until(
        &clock,
        &CancellationToken::new(),
        "it",
        limits,
        |_| {},
        || async {
            Ok(if clock.elapsed() >= Duration::from_secs(300) {
                ready.set(ready.get().or(Some(clock.elapsed())));
                Look::Ready(())
            } else {
                Look::NotYet("no".into())
            })
        },
    )
    .await;
    assert!(outcome.is_ok());
    let first = ready.get().expect("it was ready");
    assert_eq!(clock.elapsed() - first, Duration::from_secs(4));
}

/// AWS's answer to a call that names a group which it may not see yet.
fn unseen(request: u32) -> anyhow::Error {
    let call = FailedCall {
        kind: ErrorKind::NotFound,
        operation: "AuthorizeSecurityGroupIngress".into(),
        resource: "sg-1".into(),
        code: "InvalidGroup.NotFound".into(),
        message: "it does not exist".into(),
        request_id: Some(request.to_string().into()),
    };
    call.into()
}

#[tokio::test(start_paused = true)]
async fn a_call_is_made_again_until_aws_sees_what_it_names_and_that_is_told_once() {
    let (calls, told) = (Cell::new(0), RefCell::new(Vec::new()));
    let done = once_seen(
        &Clock::real(),
        &CancellationToken::new(),
        |reason| told.borrow_mut().push(reason.to_owned()),
        || async {
            calls.set(calls.get() + 1);
            match calls.get() {
                0..=3 => Err(unseen(calls.get())),
                number => Ok(number),
            }
        },
    )
    .await;
    assert_eq!(done.expect("it is seen"), 4);
    let words =
        "AuthorizeSecurityGroupIngress sg-1: InvalidGroup.NotFound: it does not exist".to_owned();
    assert_eq!(told.into_inner(), [words]);
}

#[tokio::test(start_paused = true)]
async fn what_is_never_seen_is_aws_s_last_refusal_after_a_minute_and_any_other_error_one_at_once() {
    for (is_lag, words, took) in [
        (true, "AWS has said so for 6", 60..65),
        (false, "looking at the targets", 0..1),
    ] {
        let (clock, calls) = (Clock::real(), Cell::new(0));
        let begun = clock.elapsed();
        let call = || async {
            calls.set(calls.get() + 1);
            match is_lag {
                true => Err::<(), _>(unseen(calls.get())),
                false => Err(refused(ErrorKind::Other)),
            }
        };
        let never = CancellationToken::new();
        let refused = once_seen(&clock, &never, |_| {}, call).await;
        let told = format!("{:#}", refused.expect_err("it is never seen"));
        assert!(told.starts_with(words), "{told}");
        let last = format!("(request {})", calls.get());
        assert!(!is_lag || told.ends_with(&last), "{told}");
        let seconds = (clock.elapsed() - begun).as_secs();
        assert!(took.contains(&seconds), "{seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn cancelling_ends_the_pause_between_two_calls_and_drops_none() {
    let cancel = CancellationToken::new();
    let calls = Cell::new(0);
    let call = || async {
        cancel.cancel();
        tokio::task::yield_now().await;
        calls.set(calls.get() + 1);
        Err::<(), _>(unseen(0))
    };
    let ended = once_seen(&Clock::real(), &cancel, |_| {}, call).await;
    let ended = ended.expect_err("it was cancelled");
    assert!(matches!(ended.downcast_ref(), Some(WaitError::Cancelled)));
    assert_eq!(calls.get(), 1);
}
