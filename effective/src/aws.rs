//! AWS: identity, resource, boundary, session, service and resource control, and VPC endpoint policies.
//!
//! A policy is read once into a [`document::Document`]; a question is a [`request::Request`]; what applies to it is
//! [`request::Layers`]; what comes out is an [`answer::Answer`]. An [`estate::Estate`] holds everything of an account or an
//! organisation that decides, and finds the layers of a request by itself. Source of every rule: the IAM User Guide, "Policy
//! evaluation logic", and the Organizations User Guide, "SCP evaluation" and "RCP evaluation".

pub mod acl;
pub mod answer;
pub mod assume;
pub mod cases;
pub mod compiled;
pub mod condition;
pub mod context;
pub mod document;
pub mod escalation;
pub mod estate;
pub mod evaluate;
pub mod exposure;
#[cfg(feature = "generate")]
pub mod generated;
pub mod least_privilege;
pub mod literal;
pub mod pattern;
pub mod public;
pub mod reference;
pub mod request;
pub mod variable;
