//! The wire between a node and a target: what the target closes, the node notices a moment later.
//!
//! On AWS a node and a target are a network apart, so a target that closes an idle connection (its keep-alive time is
//! over) and a node that sends a request on it can miss each other; the client gets a 502. On loopback the window
//! would be microseconds and the mistake, an app with a keep-alive shorter than the load balancer's idle timeout,
//! would never show. [`Link`] keeps the end of the stream back for [`NOTICE`], nothing else.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use net_clock::Clock;
use net_clock::Stream;

/// How long a FIN takes until the node acts on it: a round trip between zones and a busy node's next look.
pub(super) const NOTICE: Duration = Duration::from_millis(5);

/// A connection to a target.
pub(super) struct Link {
    stream: Stream,
    clock: Clock,
    end: End,
}

/// Whether the target has closed its side, and whether the node knows.
enum End {
    NotYet,
    OnItsWay(Pin<Box<dyn Future<Output = ()> + Send>>),
    Noticed,
}

impl Link {
    pub(super) fn new(stream: Stream, clock: Clock) -> Self {
        Self {
            stream,
            clock,
            end: End::NotYet,
        }
    }
}

impl AsyncRead for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if matches!(self.end, End::NotYet) {
            let before = buf.filled().len();
            let room = buf.remaining();
            ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
            if room == 0 || buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
            let clock = self.clock.clone();
            self.end = End::OnItsWay(Box::pin(async move { clock.sleep_wall(NOTICE).await }));
        }
        if let End::OnItsWay(end) = &mut self.end {
            ready!(end.as_mut().poll(cx));
            self.end = End::Noticed;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }
}
