//! ORP: orphans and ownership.

pub(super) mod ambiguous_owner;
pub(super) mod claimed_twice;
pub(super) mod dangling_grant;
pub(super) mod duplicate_accounts;
pub(super) mod expired_temporary;
pub(super) mod missing_expected_access;
pub(super) mod not_handed_over;
pub(super) mod orphan_account;
pub(super) mod owner_gone;
pub(super) mod ownerless_privilege;
pub(super) mod resurrected_account;
pub(super) mod unmanaged;
