//! Zero-downtime blue/green releases on plain AWS EC2, with nothing but the AWS API.

pub mod net;
pub mod run;
