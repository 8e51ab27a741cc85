//! muster

pub mod access;
pub mod controls;
pub mod graph;
pub mod people;
pub mod rules;
