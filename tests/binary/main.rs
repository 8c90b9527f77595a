//! The binary itself, as a process: what only a whole program shows.

mod probe;
