//! muster

pub mod graph;
