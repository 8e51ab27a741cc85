//! Conditions: what the values mean, whether a condition holds, and how it reads as a sentence.

mod evaluate;
mod sentence;
mod values;

pub(crate) use evaluate::fill;
pub use evaluate::{Truth, evaluate, with_values};
pub use sentence::sentence;
pub use values::{meets, well_formed};
