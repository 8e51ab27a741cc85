//! LCM: joiner, mover, leaver.

pub(super) mod external_without_end;
pub(super) mod leaver_still_active;
pub(super) mod partial_deprovisioning;
pub(super) mod past_end_date;
pub(super) mod use_after_termination;
