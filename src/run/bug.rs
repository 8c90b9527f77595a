//! Our own mistakes: a panic becomes an error, so that whoever had begun something can still undo it.
//!
//! Guarantees: the panic's message has gone to the standard error by then, as that of any panic. Assumptions: what the
//! panicking future borrowed is used on only to undo, and undoing looks at AWS before it acts; a lock or a cell that it
//! held was let go while its stack unwound. It needs `panic = "unwind"`, which `tests/panics.rs` holds.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;

use crate::cause::Reason;

/// What `future` comes to; a panic in it is an error.
pub(crate) async fn unpanicked<T>(
    future: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let mut future = pin!(future);
    std::future::poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(polled) => polled,
            Err(panic) => std::task::Poll::Ready(Err(bug(panic.as_ref()))),
        },
    )
    .await
}

/// The error that a panic is.
pub(crate) fn bug(panic: &(dyn Any + Send)) -> anyhow::Error {
    let words = panic.downcast_ref::<&str>().copied();
    let words = words.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let words = words.unwrap_or("it did not say why");
    let words = format!("bg-deploy made a mistake and stopped in the middle of it: {words}");
    Reason::Bug.because(words).into()
}
