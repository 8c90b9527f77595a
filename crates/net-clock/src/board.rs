//! Who listens where in a memory network, and which names have which addresses.

use std::collections::HashMap;
use std::net::IpAddr;

use tokio::io::DuplexStream;
use tokio::sync::mpsc::UnboundedSender;

/// The first port that is given to who asks for any.
const FIRST_PORT: u16 = 20_000;

/// What a memory network knows.
#[derive(Debug)]
pub(crate) struct Board {
    next_port: u16,
    pub(crate) listeners: HashMap<u16, UnboundedSender<Dialled>>,
    pub(crate) names: HashMap<String, Vec<IpAddr>>,
    pub(crate) resolver: Resolver,
    /// How often a name was resolved.
    turns: usize,
}

/// How the resolver of a memory network answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolver {
    /// With all addresses, each time beginning with the next, as a load balancer's own name server does.
    Rotates,
    /// With all addresses, always in the same order: who takes the first always meets the same one.
    SameOrder,
    /// With the first address alone.
    FirstOnly,
}

/// A connection on its way to whoever listens.
#[derive(Debug)]
pub(crate) struct Dialled {
    pub(crate) stream: DuplexStream,
    /// The address that was dialled.
    pub(crate) at: IpAddr,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            next_port: FIRST_PORT,
            listeners: HashMap::new(),
            names: HashMap::new(),
            resolver: Resolver::Rotates,
            turns: 0,
        }
    }
}

impl Board {
    /// Whoever listens on this port.
    pub(crate) fn listener(&self, port: u16) -> Option<UnboundedSender<Dialled>> {
        self.listeners.get(&port).cloned()
    }

    /// The addresses of a name, each time beginning with the next; `otherwise` for one that was given none.
    pub(crate) fn resolve(&mut self, name: &str, otherwise: IpAddr) -> Vec<IpAddr> {
        let Some(given) = self.names.get(name).filter(|given| !given.is_empty()) else {
            return vec![name.parse().unwrap_or(otherwise)];
        };
        let mut addresses = given.clone();
        match self.resolver {
            Resolver::Rotates => addresses.rotate_left(self.turns % given.len()),
            Resolver::SameOrder => {}
            Resolver::FirstOnly => addresses.truncate(1),
        }
        self.turns += 1;
        addresses
    }

    /// A port that nobody listens on now.
    pub(crate) fn free_port(&mut self) -> u16 {
        loop {
            let port = self.next_port;
            self.next_port = port.checked_add(1).unwrap_or(FIRST_PORT);
            if !self.listeners.contains_key(&port) {
                return port;
            }
        }
    }
}
