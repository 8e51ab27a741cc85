//! AUT: how people sign in.

pub(super) mod break_glass;
pub(super) mod default_account;
pub(super) mod human_without_mfa;
pub(super) mod local_login;
pub(super) mod old_password;
pub(super) mod privileged_without_mfa;
pub(super) mod shared_account;
