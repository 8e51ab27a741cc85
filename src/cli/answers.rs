//! What questions print as JSON, by the name of their published schema.

use serde_json::Value as Json;

use super::access::everybody;
use super::diff::effective;
use super::policy::{least_privilege, simulate, what_if};
use super::who_can;

/// Makes a schema.
type Schema = fn() -> Json;

/// `schemas/<name>.schema.json`, by name.
pub const ANSWERS: &[(&str, Schema)] = &[
    ("access-all", || schemars::schema_for!(everybody::Everybody).to_value()),
    ("diff-effective", || schemars::schema_for!(effective::Effective).to_value()),
    ("least-privilege", || schemars::schema_for!(least_privilege::Suggested).to_value()),
    ("simulate", || schemars::schema_for!(simulate::Simulated).to_value()),
    ("what-if", || schemars::schema_for!(what_if::WhatIf).to_value()),
    ("who-can", || schemars::schema_for!(who_can::Answers).to_value()),
];
