//! Bodies on their way through a node: passed on frame by frame, never gathered.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use net_clock::Clock;

/// When something last happened on a connection, and whether a request is on it.
#[derive(Debug)]
pub(super) struct Activity {
    clock: Clock,
    last: AtomicU64,
    requests: AtomicUsize,
}

impl Activity {
    pub(super) fn new(clock: Clock) -> Arc<Self> {
        let activity = Self {
            clock,
            last: AtomicU64::new(0),
            requests: AtomicUsize::new(0),
        };
        activity.touch();
        Arc::new(activity)
    }

    /// Something happens now.
    pub(super) fn touch(&self) {
        let now = u64::try_from(self.clock.wall().as_micros()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    /// A request begins; it is over when the answer is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.touch();
        self.requests.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    /// Ends when nothing happened for `limit`.
    pub(super) async fn quiet_for(&self, limit: Duration) {
        loop {
            let until = Duration::from_micros(self.last.load(Ordering::Relaxed)) + limit;
            if self.clock.wall() >= until {
                return;
            }
            self.clock.sleep_until_wall(until).await;
        }
    }

    /// Ends when nothing happened for `limit` and no request is under way.
    pub(super) async fn idle_for(&self, limit: Duration) {
        loop {
            self.quiet_for(limit).await;
            if self.requests.load(Ordering::Relaxed) == 0 {
                return;
            }
            self.clock.sleep_wall(limit).await;
        }
    }
}

/// A request on a connection.
#[derive(Debug)]
pub(super) struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.touch();
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why a body ended before its end.
#[derive(Debug)]
pub(super) enum Broken {
    /// The other side's connection.
    Stream(hyper::Error),
    /// The deregistration delay was over, or nothing came for the idle timeout.
    Cut,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(error) => error.fmt(f),
            Self::Cut => f.write_str("the load balancer ended the request"),
        }
    }
}

impl std::error::Error for Broken {}

/// What ends a body early.
type Limit = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A body on its way.
pub(super) struct Flow {
    inner: Incoming,
    touches: Arc<Activity>,
    limit: Option<Limit>,
    /// Dropped with the body: what has to last as long as the request.
    holds: Option<Box<dyn Send>>,
}

impl Flow {
    /// A client's body on its way to a target.
    pub(super) fn upward(inner: Incoming, touches: Arc<Activity>) -> Self {
        Self {
            inner,
            touches,
            limit: None,
            holds: None,
        }
    }

    /// A target's body on its way to a client, until `limit`.
    pub(super) fn downward(
        inner: Incoming,
        touches: Arc<Activity>,
        limit: Limit,
        holds: Box<dyn Send>,
    ) -> Self {
        Self {
            inner,
            touches,
            limit: Some(limit),
            holds: Some(holds),
        }
    }
}

impl Body for Flow {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.touches.touch();
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(Broken::Stream(error)))),
            Poll::Ready(None) => {
                self.holds = None;
                Poll::Ready(None)
            }
            // Only a body that has to be waited for asks what ends it early.
            Poll::Pending => match &mut self.limit {
                Some(limit) => limit.as_mut().poll(cx).map(|()| Some(Err(Broken::Cut))),
                None => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// What a node answers a client with.
pub(super) enum Answer {
    /// A target's answer.
    Target(Flow),
    /// The load balancer's own.
    Own(http_body_util::Full<Bytes>),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut *self {
            Self::Target(flow) => Pin::new(flow).poll_frame(cx),
            Self::Own(full) => match Pin::new(full).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(Ok(frame))),
                Poll::Ready(Some(Err(never))) => match never {},
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Target(flow) => flow.is_end_stream(),
            Self::Own(full) => full.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Target(flow) => flow.size_hint(),
            Self::Own(full) => full.size_hint(),
        }
    }
}
