//! DRF: drift.

pub(super) mod attribute_drift;
pub(super) mod decision_not_executed;
pub(super) mod declared_but_absent;
pub(super) mod environments_differ;
pub(super) mod flapping;
pub(super) mod granted_is_not_asked;
pub(super) mod idp_and_app_disagree;
pub(super) mod manual_override;
pub(super) mod not_declared;
pub(super) mod privilege_increase;
pub(super) mod regression;
pub(super) mod removed_out_of_band;
pub(super) mod role_content;
pub(super) mod unauthorised_grant;

pub(super) use self::idp_and_app_disagree::Assigned;
