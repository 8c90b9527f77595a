//! Whole runs over the local cloud, in memory and under a paused clock.

#[path = "../support/mod.rs"]
mod support;
#[path = "../../crates/local-aws/tests/support/venv.rs"]
mod venv;

mod addresses;
mod bakes;
mod beforehand;
mod blame;
mod books;
mod boundary;
mod bucket;
mod cancel;
mod candidate_log;
mod command;
mod commits;
mod crash;
mod crash_loop;
mod credentials;
mod deploy;
mod destroy;
mod doctor;
mod encryption;
mod finish;
mod guard;
mod hands;
mod images;
mod kept;
mod lag;
mod lease;
mod least;
mod lost_replies;
mod other_hands;
mod other_rules;
mod plan;
mod preflight;
mod proven;
mod put_right;
mod request_count;
mod roles;
mod rollback;
mod scale_in;
mod secrets;
mod sick;
mod snapshots;
mod status;
mod stuck;
mod templates;
mod throttled;
mod trials;
mod two_runs;
mod unwind;
mod verify;
mod visitor;
mod waiting;
mod zones;
