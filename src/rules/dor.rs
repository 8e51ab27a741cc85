//! DOR: dormant access.

pub(super) mod dormant_account;
