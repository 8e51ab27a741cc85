//! DBG: databases and their grants.

pub(super) mod left_behind;
pub(super) mod login_without_owner;
pub(super) mod public_grant;
pub(super) mod superuser;
