//! Runs a manifest: calls, limits, pages, proof of completeness.
//!
//! ```text
//!   ManifestConnector ─► session (credential, limits, refusals) ─► transport (origins, read-only) ─► wire (network, exchanges)
//!        └─► collect: streams ─► listing (one list to its provable end) ─► records, scope reports
//! ```

pub(crate) mod action;
pub(crate) mod auth;
pub(crate) mod bundle;
mod bundling;
pub(crate) mod changes;
pub(crate) mod check;
pub mod clock;
pub(crate) mod collect;
mod connector;
pub(crate) mod disguise;
pub mod exchange;
pub mod fixture;
mod keys;
pub(crate) mod limits;
mod link;
pub(crate) mod listing;
pub(crate) mod pager;
mod recorded;
pub mod recording;
pub(crate) mod request;
pub(crate) mod session;
pub(crate) mod transport;
pub(crate) mod trouble;
pub(crate) mod wire;

pub use self::collect::BUILTIN;
pub use self::connector::ManifestConnector;
