//! x
pub mod query;
pub mod snapshot;
