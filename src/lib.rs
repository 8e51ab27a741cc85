//! muster

pub mod access;
pub mod controls;
pub mod graph;
pub mod people;
pub mod query;
pub mod rules;
pub mod snapshot;
