//! Systems that need code, one file each.

pub mod csv;
pub mod exec;
