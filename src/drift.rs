//! What changed without a reason: the material that rules about drift judge.
//!
//! ```text
//!   the snapshot before, through the exact comparison of `diff` ──► Past: changes, gaps, what only looks changed
//!   tables approvals and audit_events ──► Events: who asked, who decided, who did
//!   Terraform state ──► Declared: what should be there, laid beside what is (`declared`)
//! ```
//!
//! Nothing here judges. A row that was not read on either side is a [`Gap`], never a change; what only looks changed is a named
//! step of [`Noise`], counted and kept.

pub mod declared;
mod events;
mod noise;
mod operations;
mod past;
mod types;

pub use self::events::{Approval, AuditEvent, Events, Hole, Name, Outcome};
pub use self::noise::Noise;
pub use self::operations::Operation;
pub use self::past::{Changed, Gap, Past, Window};
pub use self::types::{DRIFT_TYPES, DriftType, find};
