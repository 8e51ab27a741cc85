//! XPR: excess privilege.

pub(super) mod admin_count;
pub(super) mod direct_grant;
pub(super) mod emergency_open;
pub(super) mod emergency_unreviewed;
pub(super) mod escalation_path;
pub(super) mod everyday_admin;
pub(super) mod external_privilege;
pub(super) mod full_admin;
pub(super) mod over_provisioned;
pub(super) mod peer_outlier;
pub(super) mod role_bloat;
pub(super) mod sensitive_birthright;
pub(super) mod sensitive_data;
pub(super) mod standing_privilege;
pub(super) mod temporary_access;
pub(super) mod unused_entitlement;
pub(super) mod weakly_guarded;
