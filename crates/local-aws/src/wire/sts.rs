//! STS on the wire: who the caller is.

use super::node::Node;
use super::params::Params;
use super::unknown_operation;
use crate::account::{Account, ApiError};

/// Makes one call.
pub fn call(account: &mut Account, operation: &str, params: Params) -> Result<Node, ApiError> {
    match operation {
        "GetCallerIdentity" => {
            params.finish()?;
            Ok(Node::map()
                .put("UserId", "AROAREHEARSAL00000000:bg-deploy")
                .put("Account", &account.id)
                .put(
                    "Arn",
                    format!(
                        "arn:aws:sts::{}:assumed-role/rehearsal/bg-deploy",
                        account.id
                    ),
                ))
        }
        _ => Err(unknown_operation("sts", operation)),
    }
}
