//! Starters of real servers, scripted servers and the estate generator, shared by tests, benches and examples.
//!
//! Every server binds to loopback on a free port and is stopped, with its folder deleted, when its guard is dropped.

pub mod python;
pub mod scim_server;
pub mod scripted_http;
