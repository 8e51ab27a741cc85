//! Which resources a statement is about.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use crate::aws::assume::{About, Assumed};
use crate::aws::condition::{Truth, fill};
use crate::aws::context::known;
use crate::aws::document::{Matcher, Version};
use crate::aws::literal::statement::is_itself;
use crate::aws::pattern::{ArnGlob, Glob};
use crate::aws::request::Request;
use crate::aws::variable::{self, Part};

/// The resources of one list of patterns.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    /// `NotResource`.
    pub(super) not: bool,
    /// One of the patterns is `*`.
    everything: bool,
    /// Patterns that mean the same to every principal.
    fixed: Box<[Fixed]>,
    /// Patterns with variables, as written.
    varying: Box<[Box<str>]>,
}

#[derive(Debug, Clone)]
enum Fixed {
    /// No wildcard.
    Exact(Box<str>),
    /// A `*` at the end and no other wildcard: that goes beyond every colon.
    Prefix(Box<str>),
    /// The pattern, and what every ARN of it begins with: most are ruled out by that and never compiled.
    Glob { head: usize, pattern: Box<str>, glob: OnceLock<ArnGlob> },
}

/// What a scope says of a resource, whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// It is none of it.
    No,
    /// It is.
    Yes,
    /// That depends on who asks.
    Depends,
}

impl Scope {
    fn new(matcher: &Matcher, version: Version) -> Self {
        let varies = |pattern: &str| version == Version::Of2012 && variable::any(pattern);
        let fixed = || matcher.patterns.iter().filter(|pattern| !varies(pattern));
        Self {
            not: matcher.not,
            everything: fixed().any(|pattern| pattern.bytes().all(|byte| byte == b'*') && !pattern.is_empty()),
            fixed: fixed().map(|pattern| Fixed::new(pattern)).collect(),
            varying: matcher.patterns.iter().filter(|pattern| varies(pattern)).cloned().collect(),
        }
    }

    /// Whether every resource is within, whoever asks.
    pub(super) fn is_everything(&self) -> bool {
        self.everything && !self.not
    }

    /// Whether no resource is within.
    pub(super) fn is_nothing(&self) -> bool {
        self.everything && self.not
    }

    /// Whether a resource is within, as far as that does not depend on who asks.
    pub(super) fn within(&self, resource: &str) -> Within {
        let matched = self.everything || self.fixed.iter().any(|fixed| fixed.matches(resource));
        match (matched, self.not) {
            (false, _) if !self.varying.is_empty() => Within::Depends,
            (true, true) | (false, false) => Within::No,
            (true, false) | (false, true) => Within::Yes,
        }
    }

    /// Whether the resource of a request is within where [`Self::within`] leaves that open. `None`: it is not. Else the alternatives,
    /// each with what it assumes.
    pub(super) fn depending(&self, request: &Request) -> Option<Vec<Vec<Assumed>>> {
        let know = |key: &str| known(request, key);
        let mut open: Vec<Assumed> = Vec::new();
        let mut void = false;
        for pattern in &self.varying {
            let (glob, truth) = fill(pattern, true, Version::Of2012, &know);
            match truth {
                Truth::No | Truth::Void => void = true,
                Truth::Yes => {
                    if ArnGlob::resource(&glob).matches(&request.resource) {
                        return (!self.not).then(|| vec![Vec::new()]);
                    }
                }
                Truth::Open if is_itself(pattern, Version::Of2012, request) => {
                    return (!self.not).then(|| vec![Vec::new()]);
                }
                Truth::Open => {
                    if glob.matches(&request.resource) {
                        let key = first_open(pattern, request);
                        open.push(Assumed::holds(About::Resource { pattern: pattern.clone(), key }));
                    }
                }
            }
        }
        if self.not {
            // A variable without a value voids the statement; none of the patterns may match.
            return (!void).then(|| vec![open.iter().map(Assumed::opposite).collect()]);
        }
        (!open.is_empty()).then(|| open.into_iter().map(|one| vec![one]).collect())
    }
}

fn first_open(pattern: &str, request: &Request) -> Box<str> {
    let parts = variable::parts(pattern).unwrap_or_default();
    let open = parts.into_iter().find_map(|part| match part {
        Part::Key { name, .. } if known(request, name).is_open() => Some(name),
        Part::Key { .. } | Part::Text(_) | Part::Character(_) => None,
    });
    open.unwrap_or_default().into()
}

impl Fixed {
    fn new(pattern: &str) -> Self {
        let head = pattern.find(['*', '?']).unwrap_or(pattern.len());
        match &pattern[head..] {
            "" => Self::Exact(pattern.into()),
            "*" => Self::Prefix(pattern[..head].into()),
            _ => Self::Glob { head, pattern: pattern.into(), glob: OnceLock::new() },
        }
    }

    fn matches(&self, resource: &str) -> bool {
        match self {
            Self::Exact(text) => **text == *resource,
            Self::Prefix(head) => resource.starts_with(&**head),
            Self::Glob { head, pattern, glob } => {
                resource.as_bytes().starts_with(&pattern.as_bytes()[..*head])
                    && glob.get_or_init(|| ArnGlob::resource(&Glob::new(pattern))).matches(resource)
            }
        }
    }
}

/// Makes scopes, each list of patterns once.
#[derive(Debug, Default)]
pub(super) struct Scopes<'d> {
    at: FxHashMap<(bool, bool, &'d [Box<str>]), u32>,
    pub(super) scopes: Vec<Scope>,
}

impl<'d> Scopes<'d> {
    /// The position of a matcher's scope.
    pub(super) fn of(&mut self, matcher: &'d Matcher, version: Version) -> u32 {
        let key = (matcher.not, version == Version::Of2012, &*matcher.patterns);
        *self.at.entry(key).or_insert_with(|| {
            self.scopes.push(Scope::new(matcher, version));
            super::ix(self.scopes.len() - 1)
        })
    }
}
