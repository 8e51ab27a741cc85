//! LCM: joiner, mover, leaver.

pub(super) mod access_before_start;
pub(super) mod active_during_leave;
pub(super) mod back_dated_termination;
pub(super) mod external_without_end;
pub(super) mod identifier_recycled;
pub(super) mod kept_too_long;
pub(super) mod late_to_provision;
pub(super) mod leaver_still_active;
pub(super) mod left_on_disabled;
pub(super) mod manager_stale;
pub(super) mod mover_residue;
pub(super) mod partial_deprovisioning;
pub(super) mod past_end_date;
pub(super) mod rehire_regained_access;
pub(super) mod revocation_late;
pub(super) mod token_outlives;
pub(super) mod use_after_termination;
pub(super) mod worker_type_mismatch;
