//! SOD: segregation of duties.

pub(super) mod approved_own_access;
