//! DRF: drift.

pub(super) mod regression;
