//! Where a name leads: all of its addresses, in turn.
//!
//! A load balancer has an address for each of its nodes, and a resolver that does not rotate would have every request meet the
//! same one: what another node does would be seen by nobody. So the name is resolved once in a while, and each connection
//! goes to the next address. (AWS changes the addresses as a load balancer grows, and gives their names 60 s to live:
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html>)
//!
//! Guarantees: a resolver that fails for less than those 60 s is not missed once it has answered.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use net_clock::Clock;
use net_clock::Network;

/// How often the name is resolved again.
const AGAIN: Duration = Duration::from_secs(10);
/// After a resolver that failed.
const AGAIN_SOON: Duration = Duration::from_secs(1);
/// How long a resolver is waited for, once there are addresses.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long an address is dialled to see whether its family can be.
const DIALLING: Duration = Duration::from_millis(300);
/// How long addresses are used that no resolver has confirmed.
const TIME_TO_LIVE: Duration = Duration::from_secs(60);

/// The addresses of one host, for whoever connects again and again.
#[derive(Debug)]
pub(super) struct Addresses {
    network: Network,
    host: String,
    port: u16,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    addresses: Vec<SocketAddr>,
    /// How many connections were made.
    turns: usize,
    /// When a resolver last answered.
    resolved: Duration,
    /// When it is asked again.
    due: Duration,
}

impl Known {
    fn next(&mut self) -> Option<SocketAddr> {
        let at = self.turns.checked_rem(self.addresses.len())?;
        self.turns += 1;
        Some(self.addresses[at])
    }
}

impl Addresses {
    /// Those of `host:port`; nothing is resolved yet.
    pub(super) fn of(network: &Network, host: &str, port: u16) -> Self {
        Self {
            network: network.clone(),
            host: host.to_owned(),
            port,
            known: Mutex::default(),
        }
    }

    /// The one whose turn it is.
    pub(super) async fn next(&self, clock: &Clock) -> io::Result<SocketAddr> {
        let now = clock.wall();
        let has_any = {
            let mut known = self.known();
            if now < known.due
                && let Some(next) = known.next()
            {
                return Ok(next);
            }
            // Whoever comes meanwhile goes on with what is known.
            known.due = now + AGAIN_SOON;
            !known.addresses.is_empty()
        };
        let looking = self.network.addresses(&self.host, self.port);
        let found = match has_any {
            true => match clock.within_wall(PATIENCE, looking).await {
                Some(found) => found,
                None => Err(io::ErrorKind::TimedOut.into()),
            },
            false => looking.await,
        };
        let found = match found {
            Ok(found) => Ok(of_reachable_families(&self.network, clock, found).await),
            Err(error) => Err(error),
        };
        let mut known = self.known();
        match found {
            Ok(addresses) => {
                known.addresses = addresses;
                known.resolved = now;
                known.due = now + AGAIN;
            }
            Err(error) if now.saturating_sub(known.resolved) > TIME_TO_LIVE => {
                known.addresses.clear();
                return Err(error);
            }
            Err(error) if known.addresses.is_empty() => return Err(error),
            Err(_) => {}
        }
        known
            .next()
            .ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }

    /// A poisoned lock means that another task panicked: what is known is whole after every statement.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All addresses of `host:port` that can be dialled from here, in an order of their own.
pub async fn reachable(
    network: &Network,
    clock: &Clock,
    host: &str,
    port: u16,
) -> io::Result<Vec<SocketAddr>> {
    let found = network.addresses(host, port).await?;
    Ok(of_reachable_families(network, clock, found).await)
}

/// Where there are addresses of either family, those of the one that lets itself be dialled, or of both: many runners have no IPv6,
/// and a server on `localhost` may have one of the two.
async fn of_reachable_families(
    network: &Network,
    clock: &Clock,
    mut found: Vec<SocketAddr>,
) -> Vec<SocketAddr> {
    found.sort_unstable();
    found.dedup();
    let first = |of: fn(&SocketAddr) -> bool| found.iter().copied().find(of);
    if let (Some(four), Some(six)) = (first(SocketAddr::is_ipv4), first(SocketAddr::is_ipv6)) {
        let dialled = async |address| {
            let dialling = network.connect_to(address);
            matches!(clock.within_wall(DIALLING, dialling).await, Some(Ok(_)))
        };
        match tokio::join!(dialled(four), dialled(six)) {
            (true, false) => found.retain(SocketAddr::is_ipv4),
            (false, true) => found.retain(SocketAddr::is_ipv6),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const NODES: [IpAddr; 3] = [
        IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 1)),
        IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 2)),
        IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 3)),
    ];

    async fn met(addresses: &Addresses, clock: &Clock, times: usize) -> Vec<IpAddr> {
        let mut met = Vec::new();
        for _ in 0..times {
            met.push(addresses.next(clock).await.expect("an address").ip());
        }
        met
    }

    #[tokio::test(start_paused = true)]
    async fn every_address_is_met_in_turn_and_those_that_come_later_as_well() {
        let (network, clock) = (Network::memory(), Clock::real());
        network.give_name("name", NODES[..2].to_vec());
        let addresses = Addresses::of(&network, "name", 80);
        let [one, two, three] = NODES;
        assert_eq!(met(&addresses, &clock, 4).await, [one, two, one, two]);
        network.give_name("name", NODES.to_vec());
        assert_eq!(met(&addresses, &clock, 2).await, [one, two], "known");
        clock.sleep_wall(AGAIN).await;
        let mut all = met(&addresses, &clock, 3).await;
        all.sort_unstable();
        assert_eq!(all, [one, two, three]);
    }

    #[tokio::test]
    async fn addresses_of_a_family_that_cannot_be_dialled_are_left_out() {
        let (network, clock) = (Network::tcp(), Clock::real());
        let listener = network.listen(0).await.expect("a free port");
        let found = reachable(&network, &clock, "localhost", listener.port()).await;
        let found = found.expect("addresses of this machine");
        assert!(
            !found.is_empty() && found.iter().all(SocketAddr::is_ipv4),
            "{found:?}"
        );
    }
}
