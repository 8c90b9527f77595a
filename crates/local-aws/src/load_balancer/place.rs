//! Where a listener stands: what its nodes and their clients share.

use std::sync::Arc;

use super::connections::Connections;
use crate::shared::Shared;

/// A listener's place.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) shared: Arc<Shared>,
    pub(super) connections: Arc<Connections>,
    pub(super) port: u16,
}
