//! The local cloud: a pretend AWS account on loopback, built to be believed.
//!
//! In layers: [`account`] is plain state with timed transitions; [`wire`] is bytes to the account and back;
//! [`load_balancer`] is a real HTTP proxy, [`instance`] a real process of the user's app, [`automation`] the
//! interpreter of runbooks; [`cloud`] runs them all. A caller is given an endpoint URL, and that is the only difference
//! between this and AWS.

pub mod account;
pub mod automation;
pub mod cloud;
pub mod fault;
mod http_date;
pub mod instance;
pub mod load_balancer;
pub mod pace;
pub mod sample_app;
pub mod throttle;
pub mod wire;
