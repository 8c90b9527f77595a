//! A link that everything goes through which one side of a memory network dials, and that can be cut.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// The way to a memory network from one of its sides: cut, nothing can be dialled from there, and what was open is reset.
#[derive(Clone, Debug, Default)]
pub struct Link(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_cut: AtomicBool,
    /// How often it was cut.
    cuts: AtomicU64,
}

impl Link {
    /// Cuts it: connections are lost, and none can be made.
    pub fn cut(&self) {
        self.0.is_cut.store(true, Ordering::SeqCst);
        self.0.cuts.fetch_add(1, Ordering::SeqCst);
    }

    /// Mends it: connections can be made again.
    pub fn mend(&self) {
        self.0.is_cut.store(false, Ordering::SeqCst);
    }

    /// A connection through it, if it is whole.
    pub(crate) fn carry(&self, stream: DuplexStream) -> io::Result<Carried> {
        match self.0.is_cut.load(Ordering::SeqCst) {
            true => Err(io::ErrorKind::NetworkUnreachable.into()),
            false => Ok(Carried {
                stream,
                link: self.clone(),
                since: self.cuts(),
            }),
        }
    }

    fn cuts(&self) -> u64 {
        self.0.cuts.load(Ordering::SeqCst)
    }
}

/// A connection through a link.
#[derive(Debug)]
pub(crate) struct Carried {
    stream: DuplexStream,
    link: Link,
    /// How often the link had been cut when it was made.
    since: u64,
}

impl Carried {
    fn check(&self) -> io::Result<()> {
        match self.link.cuts() == self.since {
            true => Ok(()),
            false => Err(io::ErrorKind::ConnectionReset.into()),
        }
    }
}

impl AsyncRead for Carried {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Carried {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
