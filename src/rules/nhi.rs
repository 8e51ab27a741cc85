//! NHI: identities that no person acts as.

pub(super) mod agent_without_sponsor;
pub(super) mod device_orphan;
pub(super) mod interactive_use;
pub(super) mod misclassified;
pub(super) mod over_privileged;
pub(super) mod reused;
pub(super) mod review_overdue;
pub(super) mod risky_application;
pub(super) mod unregistered;
pub(super) mod workload_gone;
