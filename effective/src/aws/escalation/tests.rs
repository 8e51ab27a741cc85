//! What every technique does, as its data says and as its stories say.

mod acceptance;
mod hostile;
mod stories;
mod supposed;
mod twin;
pub(in crate::aws) mod world;
