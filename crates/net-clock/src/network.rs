//! Where every connection begins: TCP, or an in-memory network with the same shape.
//!
//! Whoever dials and listens through a [`Network`] can be run as a whole, data plane included, in one process under
//! a paused clock: a socket would let the clock jump while bytes are in flight, an in-memory stream does not.
//!
//! Guarantees: a memory network behaves like a loopback interface with its own port space; dialling a port that
//! nobody listens on is refused at once; port 0 asks for a free one.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::mpsc;

/// A connection in either network, before or after TLS.
pub trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// A boxed connection.
pub type Stream = Box<dyn Io>;

/// As much as a loopback socket buffers before the writer has to wait.
const MEMORY_BUFFER: usize = 64 * 1024;

/// Inside the [`io::Error`] of a name that has no address: the standard library has no kind for it.
#[derive(Debug)]
pub struct Unresolved(io::Error);

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Unresolved {}

/// The network that connections are made in.
#[derive(Clone, Debug)]
pub struct Network(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Tcp,
    Memory(Arc<Mutex<Board>>),
}

/// Who listens where in a memory network.
#[derive(Debug)]
struct Board {
    next_port: u16,
    listeners: HashMap<u16, mpsc::UnboundedSender<DuplexStream>>,
}

impl Network {
    /// The machine's own network.
    pub fn tcp() -> Self {
        Self(Kind::Tcp)
    }

    /// A fresh in-memory network with nobody on it.
    pub fn memory() -> Self {
        Self(Kind::Memory(Arc::new(Mutex::new(Board {
            next_port: 20_000,
            listeners: HashMap::new(),
        }))))
    }

    /// Whether connections stay inside this process.
    pub fn is_memory(&self) -> bool {
        matches!(self.0, Kind::Memory(_))
    }

    /// Dials `host:port`. A memory network has one host, so only the port counts there. The error of a name that has no
    /// address holds an [`Unresolved`].
    pub async fn connect(&self, host: &str, port: u16) -> io::Result<Stream> {
        match &self.0 {
            Kind::Tcp => {
                // In two steps, because only that tells a name without an address from an address that does not answer.
                let addresses: Vec<_> = lookup_host((host, port))
                    .await
                    .map_err(|error| io::Error::new(error.kind(), Unresolved(error)))?
                    .collect();
                let stream = TcpStream::connect(&addresses[..]).await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Kind::Memory(board) => {
                let (ours, theirs) = tokio::io::duplex(MEMORY_BUFFER);
                let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
                let listener = lock(board)
                    .listeners
                    .get(&port)
                    .cloned()
                    .ok_or_else(refused)?;
                listener.send(theirs).map_err(|_| refused())?;
                Ok(Box::new(ours))
            }
        }
    }

    /// Listens on loopback; port 0 takes a free one.
    pub async fn listen(&self, port: u16) -> io::Result<Listener> {
        match &self.0 {
            Kind::Tcp => {
                let listener = TcpListener::bind(("127.0.0.1", port)).await?;
                Ok(Listener {
                    port: listener.local_addr()?.port(),
                    kind: ListenerKind::Tcp(listener),
                })
            }
            Kind::Memory(board) => {
                let (sender, receiver) = mpsc::unbounded_channel();
                let mut held = lock(board);
                let port = if port == 0 {
                    held.free_port()
                } else if held.listeners.contains_key(&port) {
                    return Err(io::ErrorKind::AddrInUse.into());
                } else {
                    port
                };
                held.listeners.insert(port, sender);
                drop(held);
                Ok(Listener {
                    port,
                    kind: ListenerKind::Memory(receiver, Arc::clone(board)),
                })
            }
        }
    }

    /// A port that nobody listens on now.
    pub async fn free_port(&self) -> io::Result<u16> {
        match &self.0 {
            Kind::Tcp => Ok(TcpListener::bind(("127.0.0.1", 0))
                .await?
                .local_addr()?
                .port()),
            Kind::Memory(board) => Ok(lock(board).free_port()),
        }
    }
}

impl Board {
    fn free_port(&mut self) -> u16 {
        loop {
            let port = self.next_port;
            self.next_port = port.checked_add(1).unwrap_or(20_000);
            if !self.listeners.contains_key(&port) {
                return port;
            }
        }
    }
}

/// Accepts the connections made to one port. Dropping it frees the port.
#[derive(Debug)]
pub struct Listener {
    port: u16,
    kind: ListenerKind,
}

#[derive(Debug)]
enum ListenerKind {
    Tcp(TcpListener),
    Memory(mpsc::UnboundedReceiver<DuplexStream>, Arc<Mutex<Board>>),
}

impl Listener {
    /// The port in use.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The next connection.
    pub async fn accept(&mut self) -> io::Result<Stream> {
        match &mut self.kind {
            ListenerKind::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            ListenerKind::Memory(receiver, _) => match receiver.recv().await {
                Some(stream) => Ok(Box::new(stream)),
                None => Err(io::ErrorKind::ConnectionAborted.into()),
            },
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let ListenerKind::Memory(_, board) = &self.kind {
            lock(board).listeners.remove(&self.port);
        }
    }
}

/// A poisoned lock means another task panicked while it held plain data: the data is still whole.
fn lock(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn a_memory_connection_carries_bytes_and_a_closed_listener_refuses() {
        let network = Network::memory();
        let mut listener = network.listen(0).await.expect("a free port");
        let port = listener.port();
        let mut client = network.connect("anything", port).await.expect("a listener");
        let mut server = listener.accept().await.expect("the client");
        client.write_all(b"hi").await.expect("an open stream");
        let mut read = [0; 2];
        server.read_exact(&mut read).await.expect("two bytes");
        assert_eq!(&read, b"hi");
        drop(listener);
        let refused = network.connect("anything", port).await.err();
        assert_eq!(
            refused.map(|error| error.kind()),
            Some(io::ErrorKind::ConnectionRefused)
        );
    }

    #[tokio::test]
    async fn a_name_without_an_address_is_told_from_a_port_that_refuses() {
        let network = Network::tcp();
        let is_unresolved = async |host: &str, port| {
            let error = network.connect(host, port).await.err().expect("an error");
            error
                .get_ref()
                .is_some_and(|inner| inner.is::<Unresolved>())
        };
        // Too long for a query, so none goes out.
        assert!(is_unresolved(&"x".repeat(64), 80).await);
        let port = network.free_port().await.expect("a free port");
        assert!(!is_unresolved("127.0.0.1", port).await);
    }

    #[tokio::test]
    async fn a_taken_port_is_refused_in_both_networks() {
        for network in [Network::memory(), Network::tcp()] {
            let listener = network.listen(0).await.expect("a free port");
            let second = network.listen(listener.port()).await.err();
            assert_eq!(
                second.map(|error| error.kind()),
                Some(io::ErrorKind::AddrInUse)
            );
        }
    }
}
