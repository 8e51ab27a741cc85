//! DRF: drift.

pub(super) mod regression;
pub(super) mod role_content;
