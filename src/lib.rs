//! Calls the roll: who still has access, and why.
//!
//! ```text
//!   collect ──► snapshot ──► graph ──► people ──► access ──► evaluate ──► report / plan ──► apply
//! ```
//!
//! [`config`] says which systems to read. [`collect`] has their connectors (`muster-connectors`) push records into the store,
//! notes per scope and record kind what was and was not read, and judges with its gate whether a complete answer is
//! believable. A [`snapshot`] is immutable. Everything after it is a pure function of stored snapshots, the config and a clock
//! that is passed in, so the same input gives the same bytes out. Formats (`muster-reports`) render one view of the result.
//!
//! **Absence is the dangerous input.** A feed that came back short never looks like people who left, and a system that could
//! not be read never looks clean: completeness travels with the data and reaches every verdict and the exit code.
//!
//! [`graph`] holds the facts in memory; [`people`] adds persons and whose account is whose, [`access`] what a grant allows;
//! [`drift`] lays the snapshot before, declared state and what approvals and audit logs say beside it; [`rules`] judge every
//! subject and count every verdict. [`suggest`] proposes roles from what people hold.
//!
//! [`cli`] is the command line, each command a thin call into the engine; [`diagnostic`] is how problems are told.

pub mod access;
pub mod check;
pub mod cli;
pub mod collect;
pub mod config;
pub mod controls;
pub mod diagnostic;
pub mod diff;
pub mod drift;
pub mod findings;
pub mod graph;
pub mod metrics;
pub mod people;
pub mod query;
pub mod report;
pub mod rules;
pub mod snapshot;
pub mod suggest;
mod workers;

/// Name and version, as snapshots and reports record them.
pub const TOOL: &str = concat!("muster ", env!("CARGO_PKG_VERSION"));

/// Chooses the one cryptography of the process before the first connection.
pub fn install_tls() {
    // Only a second call fails, and then the first one's choice stands.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
