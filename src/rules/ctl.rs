//! CTL: health of the control itself.

pub(super) mod audit_log_gap;
pub(super) mod change_without_approval;
pub(super) mod feed_suspect;
pub(super) mod snapshot_incomplete;
pub(super) mod system_not_collected;
