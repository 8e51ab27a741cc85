//! AWS: what principals may really do, every layer regarded.
//!
//! The graph's facts become an estate ([`estate`]), an evaluator answers about it, and here its answers become privilege levels, ways and
//! sentences. Nothing is computed before the first question that needs it.

pub(crate) mod documents;
pub(crate) mod estate;
pub(crate) mod standing;
pub(crate) mod uses;
