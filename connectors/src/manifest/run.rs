//! Runs a manifest: calls, limits, pages, proof of completeness.

pub(crate) mod auth;
pub mod clock;
pub(crate) mod disguise;
pub(crate) mod limits;
mod link;
pub(crate) mod listing;
pub(crate) mod pager;
pub(crate) mod request;
pub(crate) mod session;
pub(crate) mod transport;
pub(crate) mod trouble;
pub(crate) mod wire;
