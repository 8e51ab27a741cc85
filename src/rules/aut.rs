//! AUT: how people sign in.

pub(super) mod privileged_without_mfa;
