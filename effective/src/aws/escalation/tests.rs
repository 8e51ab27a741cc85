//! What every technique does, as its data says and as its stories say.

mod acceptance;
mod stories;
pub(in crate::aws) mod world;
