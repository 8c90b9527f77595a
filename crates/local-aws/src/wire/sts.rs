//! STS on the wire: who the caller is.

use super::node::Node;
use super::params::Params;
use super::unknown_operation;
use crate::account::{Account, ApiError};

/// Makes one call.
pub(crate) fn call(
    account: &mut Account,
    operation: &str,
    params: Params,
) -> Result<Node, ApiError> {
    match operation {
        "GetCallerIdentity" => {
            params.finish()?;
            Ok(Node::map()
                .put("UserId", "AROALOCALAWS000000000:caller")
                .put("Account", &account.id)
                .put("Arn", account.caller()))
        }
        _ => Err(unknown_operation("sts", operation)),
    }
}
