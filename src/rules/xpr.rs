//! XPR: excess privilege.

pub(super) mod full_admin;
pub(super) mod temporary_access;
