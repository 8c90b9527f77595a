//! The operations of a service, by name: one table each, which both finds them and says which there are.

use super::node::Node;
use super::params::Params;
use super::unknown_operation;
use crate::account::{Account, ApiError};

/// What carries out an operation.
pub(super) type Operation = fn(&mut Account, Params) -> Result<Node, ApiError>;

/// A service's operations, as AWS spells them.
pub(super) type Operations = [(&'static str, Operation)];

/// Makes one call.
pub(super) fn call(
    service: &str,
    all: &Operations,
    account: &mut Account,
    operation: &str,
    params: Params,
) -> Result<Node, ApiError> {
    match all.iter().find(|(name, _)| *name == operation) {
        Some((_, carry_out)) => carry_out(account, params),
        None => Err(unknown_operation(service, operation)),
    }
}
