//! CRD: credentials.

pub(super) mod endless;
pub(super) mod ends_in_use;
pub(super) mod exposed;
pub(super) mod known_by_leaver;
pub(super) mod leavers_key;
pub(super) mod not_vaulted;
pub(super) mod root_or_doubled_key;
pub(super) mod rotation_overdue;
pub(super) mod unused_credential;
