//! What goes into an image: the bundle, the service's unit, the recipe that addresses it, and the runbook that bakes it.

pub mod bundle;
pub mod recipe;
pub mod runbook;
pub mod service_unit;
