//! CTL: health of the control itself.

pub(super) mod audit_log_gap;
pub(super) mod change_without_approval;
pub(super) mod correlation_coverage;
pub(crate) mod exception_lapsed;
pub(super) mod feed_suspect;
pub(super) mod review_overdue;
pub(super) mod rubber_stamp;
pub(super) mod safeguard_off;
pub(super) mod scanner_over_privileged;
pub(super) mod shadow_application;
pub(super) mod snapshot_incomplete;
pub(super) mod system_not_collected;
