//! Exchanges against a vendor's description: its calls, and its schemas as JSON Schema.

pub(crate) mod contract;
pub(crate) mod schema;
