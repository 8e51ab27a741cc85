//! Systems that need code, one file each.

pub mod scim;
