//! DOR: dormant access.

pub(super) mod dormant_account;
pub(super) mod dormant_privileged;
pub(super) mod empty_privilege;
pub(super) mod idle_licence;
pub(super) mod never_used;
pub(super) mod stale_invitation;
