//! DRF: drift.

pub(super) mod role_content;
