//! Where every connection begins: TCP, or an in-memory network with the same shape.
//!
//! Whoever dials and listens through a [`Network`] can be run as a whole, data plane included, in one process under
//! a paused clock: a socket would let the clock jump while bytes are in flight, an in-memory stream does not.
//!
//! Guarantees: a memory network behaves like a loopback interface with its own port space and as many addresses as
//! anybody likes; dialling a port that nobody listens on is refused at once; port 0 asks for a free one.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::mpsc;

use super::board::{Board, Dialled, Resolver};
use super::link::Link;

/// Where a listener stands that was asked for none.
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

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
pub struct Network {
    kind: Kind,
    /// What everything goes through that is dialled from here.
    link: Option<Link>,
}

#[derive(Clone, Debug)]
enum Kind {
    Tcp,
    Memory(Arc<Mutex<Board>>),
}

impl Network {
    /// The machine's own network.
    pub fn tcp() -> Self {
        Self::of(Kind::Tcp)
    }

    /// A fresh in-memory network with nobody on it.
    pub fn memory() -> Self {
        Self::of(Kind::Memory(Arc::default()))
    }

    /// Whether connections stay inside this process.
    pub fn is_memory(&self) -> bool {
        matches!(self.kind, Kind::Memory(_))
    }

    fn of(kind: Kind) -> Self {
        Self { kind, link: None }
    }

    /// The same memory network as seen through this link, which can be cut. On TCP nothing is.
    pub fn behind(&self, link: &Link) -> Self {
        Self {
            kind: self.kind.clone(),
            link: Some(link.clone()),
        }
    }

    /// Gives a name these addresses in a memory network. On TCP names are the machine's, and nothing is changed.
    pub fn give_name(&self, name: &str, addresses: Vec<IpAddr>) {
        if let Kind::Memory(board) = &self.kind {
            lock(board).names.insert(name.to_owned(), addresses);
        }
    }

    /// Has the resolver of a memory network answer like this from now on.
    pub fn resolve(&self, resolver: Resolver) {
        if let Kind::Memory(board) = &self.kind {
            lock(board).resolver = resolver;
        }
    }

    /// All addresses of `host:port`, in the order in which the resolver has them. In a memory network a name that was given
    /// none has the one of loopback. The error of a name that has no address holds an [`Unresolved`].
    pub async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        match &self.kind {
            Kind::Tcp => {
                let found = lookup_host((host, port)).await;
                let found =
                    found.map_err(|error| io::Error::new(error.kind(), Unresolved(error)))?;
                Ok(found.collect())
            }
            Kind::Memory(board) => {
                let found = lock(board).resolve(host, LOOPBACK);
                Ok(found.into_iter().map(|ip| (ip, port).into()).collect())
            }
        }
    }

    /// Dials `host:port`: the first of its addresses that answers.
    pub async fn connect(&self, host: &str, port: u16) -> io::Result<Stream> {
        // In two steps, because only that tells a name without an address from an address that does not answer.
        let addresses = self.addresses(host, port).await?;
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in addresses {
            match self.connect_to(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Dials this address and no other.
    pub async fn connect_to(&self, address: SocketAddr) -> io::Result<Stream> {
        match &self.kind {
            Kind::Tcp => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Kind::Memory(board) => {
                let (ours, theirs) = tokio::io::duplex(MEMORY_BUFFER);
                let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
                let listener = lock(board).listener(address.port()).ok_or_else(refused)?;
                let dialled = Dialled {
                    stream: theirs,
                    at: address.ip(),
                };
                let ours: Stream = match &self.link {
                    Some(link) => Box::new(link.carry(ours)?),
                    None => Box::new(ours),
                };
                listener.send(dialled).map_err(|_| refused())?;
                Ok(ours)
            }
        }
    }

    /// Listens on loopback; port 0 takes a free one.
    pub async fn listen(&self, port: u16) -> io::Result<Listener> {
        match &self.kind {
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
        match &self.kind {
            Kind::Tcp => Ok(TcpListener::bind(("127.0.0.1", 0))
                .await?
                .local_addr()?
                .port()),
            Kind::Memory(board) => Ok(lock(board).free_port()),
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
    Memory(mpsc::UnboundedReceiver<Dialled>, Arc<Mutex<Board>>),
}

impl Listener {
    /// The port in use.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The next connection.
    pub async fn accept(&mut self) -> io::Result<Stream> {
        Ok(self.accept_at().await?.0)
    }

    /// The next connection, and which of this machine's addresses was dialled.
    pub async fn accept_at(&mut self) -> io::Result<(Stream, IpAddr)> {
        match &mut self.kind {
            ListenerKind::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let at = stream.local_addr()?.ip();
                Ok((Box::new(stream), at))
            }
            ListenerKind::Memory(receiver, _) => match receiver.recv().await {
                Some(Dialled { stream, at }) => Ok((Box::new(stream), at)),
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
    async fn a_name_has_its_addresses_in_turn_or_as_the_resolver_pins_them() {
        let network = Network::memory();
        let given = [1, 2, 3].map(|last| IpAddr::from([203, 0, 113, last]));
        network.give_name("name", given.to_vec());
        let mut listener = network.listen(80).await.expect("a free port");
        let mut dialled = Vec::new();
        let [turns, same] = [Resolver::Rotates, Resolver::SameOrder];
        for resolver in [turns, turns, turns, same, same] {
            network.resolve(resolver);
            let _client = network.connect("name", 80).await.expect("a listener");
            dialled.push(listener.accept_at().await.expect("the client").1);
        }
        assert_eq!(dialled, [given[0], given[1], given[2], given[0], given[0]]);
        let found = async || network.addresses("name", 80).await.expect("addresses");
        assert_eq!(found().await, given.map(|ip| (ip, 80).into()));
        network.resolve(Resolver::FirstOnly);
        assert_eq!(found().await, [(given[0], 80).into()]);
        let other = network.connect_to((given[2], 80).into()).await;
        other.expect("whoever knows an address can dial it");
    }

    #[tokio::test]
    async fn a_link_that_is_cut_resets_what_is_open_and_lets_nothing_through_until_it_is_mended() {
        let (network, link) = (Network::memory(), Link::default());
        let _listener = network.listen(80).await.expect("a free port");
        let behind = network.behind(&link);
        let mut open = behind.connect("name", 80).await.expect("a listener");
        link.cut();
        let lost = open.write_all(b"hi").await.expect_err("the link is cut");
        assert_eq!(lost.kind(), io::ErrorKind::ConnectionReset);
        let unreachable = behind.connect("name", 80).await.err().expect("an error");
        assert_eq!(unreachable.kind(), io::ErrorKind::NetworkUnreachable);
        network.connect("name", 80).await.expect("the other side");
        link.mend();
        behind.connect("name", 80).await.expect("it is mended");
        assert!(
            open.write_all(b"hi").await.is_err(),
            "what was lost is lost"
        );
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
