//! CIC: pipelines that build and deliver.

pub(super) mod loose_federation;
pub(super) mod pipeline_admin;
