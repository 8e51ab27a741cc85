//! PRV: provisioning, and records that hold what they should not.

pub(super) mod approval_bottleneck;
pub(super) mod secret_in_record;
pub(super) mod slo_burn;
