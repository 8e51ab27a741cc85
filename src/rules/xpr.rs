//! XPR: excess privilege.

pub(super) mod direct_grant;
pub(super) mod full_admin;
pub(super) mod sensitive_birthright;
