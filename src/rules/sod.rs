//! SOD: segregation of duties.

pub(super) mod approved_own_access;
pub(super) mod latent_conflict;
pub(super) mod missing_companion;
pub(super) mod own_audit_trail;
mod pair;
pub(super) mod toxic_across;
pub(super) mod toxic_pair;
