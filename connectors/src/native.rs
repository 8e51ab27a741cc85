//! Systems that need code, one file each.
