//! muster

pub mod graph;
pub mod people;
