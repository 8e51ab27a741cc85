//! NET: remote access and the edge of the network.

pub(super) mod local_edge_admin;
pub(super) mod remote_access;
