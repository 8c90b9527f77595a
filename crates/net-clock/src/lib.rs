//! The network and the clock that a program and the world it is tested in have in common.
//!
//! A [`Network`] is the machine's own TCP or one in memory with the same shape; a [`Clock`] runs as fast as the wall's, or
//! faster. Whoever takes both instead of reaching for sockets and timers can be run, data plane included, in one
//! process under a paused clock: ten minutes pass in milliseconds, and always alike.
//!
//! Nothing else may come in here: who depends on this crate depends on tokio alone.

mod board;
mod clock;
mod link;
mod network;

pub use board::Resolver;
pub use clock::Clock;
pub use link::Link;
pub use network::{Io, Listener, Network, Stream, Unresolved};
