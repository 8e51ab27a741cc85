//! What a grant really allows, platform by platform.
//!
//! In: policies and what they are attached to, as plain values. Out: allowed, denied and by which statement, allowed *if*, or not
//! evaluated and why. Nothing here reads a file, a network or a snapshot; every evaluator has a literal twin that follows the
//! vendor's page step by step, and is proved equal to it.

pub mod aws;
