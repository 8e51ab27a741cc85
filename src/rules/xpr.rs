//! XPR: excess privilege.

pub(super) mod full_admin;
