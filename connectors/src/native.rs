//! Systems that need code, one file each.

pub mod aws;
pub mod baton;
pub mod csv;
pub mod exec;
pub mod ldap;
pub mod oaa;
pub mod scim;
