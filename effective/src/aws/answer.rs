//! What an evaluation says, and why.

use std::ops::Range;
use std::sync::Arc;

/// The verdict on one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// Allowed; where [`Answer::assumed`] is not empty, *allowed if* those hold.
    Allowed,
    /// A statement denies it.
    ExplicitlyDenied,
    /// Some layer does not allow it.
    ImplicitlyDenied,
    /// What would decide could not be read; [`Answer::unread`] says what.
    NotEvaluated,
}

impl Verdict {
    /// As case files write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "Allowed",
            Self::ExplicitlyDenied => "ExplicitlyDenied",
            Self::ImplicitlyDenied => "ImplicitlyDenied",
            Self::NotEvaluated => "NotEvaluated",
        }
    }
}

/// A kind of policy, as far as it matters to the evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// Identity policies.
    Identity,
    /// Permissions boundary.
    Boundary,
    /// Session policy.
    Session,
    /// Service control policies.
    Scp,
    /// Resource control policies.
    Rcp,
    /// The resource's own policy, or a role's trust policy.
    Resource,
    /// VPC endpoint policies.
    VpcEndpoint,
}

impl Layer {
    /// For a sentence.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity policies",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
            Self::Scp => "service control policies",
            Self::Rcp => "resource control policies",
            Self::Resource => "resource policy",
            Self::VpcEndpoint => "VPC endpoint policy",
        }
    }
}

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The verdict.
    pub verdict: Verdict,
    /// Conditions that an *Allowed* rests on: minimal, each as it would be read aloud (`aws:SourceIp is within 10.0.0.0/8`). Only in
    /// open mode.
    pub assumed: Vec<Assumption>,
    /// The statements that decided: those that deny, or those that allow in each layer that has to. Of an implicit denial,
    /// nothing: [`Self::missing`] names the layer.
    pub deciding: Vec<Deciding>,
    /// Of an implicit denial: the first layer that allows nothing of the kind, and the level's name for SCPs and RCPs.
    pub missing: Option<(Layer, Option<Arc<str>>)>,
    /// Documents that could not be read, and could change the verdict.
    pub unread: Vec<String>,
}

/// A condition that the answer rests on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assumption {
    /// The condition key, in lower case.
    pub key: Box<str>,
    /// What has to hold of it, as a sentence.
    pub text: Box<str>,
}

/// A statement that decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deciding {
    /// In which layer.
    pub layer: Layer,
    /// The policy's name or ARN.
    pub policy: Arc<str>,
    /// Its version.
    pub version: Option<Arc<str>>,
    /// The statement's `Sid`.
    pub sid: Option<Box<str>>,
    /// The statement's position in the document, from 0.
    pub index: u32,
    /// Where it stands in the document's text, in bytes.
    pub span: Range<u32>,
}
