//! Machinery shared by tests, benches and examples: starters of real servers, scripted servers, and the estate generator.
//!
//! Nothing here is part of the product. Every server binds to loopback on a free port and is stopped, with its folder
//! deleted, when its guard is dropped.

pub mod bulk;
pub mod emulate;
pub mod estate;
pub mod github_graphql;
pub mod graph_batch;
pub mod lookalikes;
pub mod modelled_aws;
pub mod moto;
pub mod node;
pub mod oidc;
pub mod prism;
pub mod python;
pub mod samba;
pub mod scim_server;
pub mod scripted_aws;
pub mod scripted_http;
pub mod scripted_ldap;
pub mod slapd;
pub mod vendor;
