//! CRD: credentials.

pub(super) mod root_or_doubled_key;
pub(super) mod rotation_overdue;
pub(super) mod unused_credential;
