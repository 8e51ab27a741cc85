//! Declarative connectors: one TOML file for an HTTP/JSON system, checked whole at load, run by one engine.
//!
//! ```text
//!   text ─► model (serde, strict) ─► load (names, expressions, references) ─► Manifest
//!   reply ─► value (shared, never copied) ─► Scope ─► expressions ─► emit ─► Records
//! ```
//!
//! Here is the format: what a manifest says, whether it says it soundly, and what its items become. Calls, limits, pages and
//! proof of completeness are the runner's.

pub mod emit;
pub mod expression;
mod fields;
mod filters;
mod load;
pub mod model;
mod problem;
pub mod run;
pub mod scope;
pub mod template;
pub mod value;

pub use self::emit::{Collector, Drafts, Loss, Merged, Word};
pub use self::expression::{EvalError, Expr};
pub use self::fields::{Shape, Unfit};
pub use self::load::Manifest;
pub use self::problem::{Problem, Severity};
pub use self::scope::Scope;
pub use self::template::{Node, Template};
pub use self::value::Value;
