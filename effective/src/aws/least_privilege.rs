//! The smallest policies that still allow what was used, and what was granted and not used.
//!
//! In: a principal, and when it last used which service and action (service last accessed data of IAM, or actions of an audit log). Out: documents
//! that take the place of its identity policies. They keep the resources and conditions under which each used action is granted today, and every
//! denial that concerns one; so they grant nothing that is not granted now. Each is checked with the evaluator before it is handed out.
//!
//! A record says *that* something was used, never on which resource; so every statement that grants a used action keeps it, unless another one grants
//! it on everything without a condition. What nobody records is not taken for unused: an action without a record of its own, in a service that was
//! used, stays, and is told.
//!
//! Of what resource control policies leave nothing, nothing is suggested: from a statement they take the actions that they deny around every
//! account that it may be about. But a use is a fact, and those policies stand around the accounts whose resources they are: what was used, and is
//! granted on what may be another account's (`*`, a bucket that nobody knows), stays, and is told.

mod grants;
mod unused;
mod verify;
mod write;

#[cfg(test)]
pub(in crate::aws) mod tests;

use std::sync::Arc;

use jiff::Timestamp;

use super::compiled::Compiled;
use super::estate::PrincipalIx;
use super::evaluate::Evaluate;
pub use unused::{Unused, UnusedService, unused};
pub use write::MAX_CHARACTERS;

/// How many managed policies a principal may have without asking AWS for more (IAM User Guide, "IAM and AWS STS quotas").
pub const MAX_ATTACHED: usize = 10;

/// When a service or an action was last used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// Prefix of the service, as `s3`.
    pub service: Box<str>,
    /// Name of the action without its service; `None`: the service as a whole.
    pub action: Option<Box<str>>,
    /// The last use; `None`: none within the tracking period.
    pub last: Option<Timestamp>,
    /// Since when uses are recorded, where that is known.
    pub tracked_since: Option<Timestamp>,
}

/// What counts as used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Uses from here on count.
    pub from: Timestamp,
    /// When the records were read.
    pub until: Timestamp,
}

impl Window {
    fn has(&self, last: Option<Timestamp>) -> bool {
        last.is_some_and(|last| last >= self.from)
    }
}

/// Policies that take the place of all identity policies of one principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// Documents as text, none longer than [`MAX_CHARACTERS`] without white space. None at all: nothing was used that is still allowed.
    pub documents: Vec<String>,
    /// Which uses counted.
    pub window: Window,
    /// Known actions that the documents allow, by name.
    pub kept: Vec<Box<str>>,
    /// Of these, actions that have no record of their own and stay because their service was used.
    pub unrecorded: Vec<Box<str>>,
    /// Uses in the window that no identity policy allows today: granted by a resource, denied by now, or attempts that failed.
    pub not_granted: Vec<Box<str>>,
    /// Known actions that were used in the window, or have no record of their own and are of a service that was, and of which resource control
    /// policies leave nothing: not in the documents.
    pub taken: Vec<Box<str>>,
    /// Kept actions of which resource control policies leave nothing on what is known to be of an account of the estate: they were used,
    /// and may have been on another one's.
    pub elsewhere: Vec<Box<str>>,
    /// Why more or less may be granted than was regarded.
    pub unread: Vec<Arc<str>>,
    /// What the evaluator found otherwise than it should be, as sentences; empty: every kept action is allowed as before and nothing beyond.
    pub doubts: Vec<String>,
    /// What a reader must know, as sentences.
    pub notes: Vec<String>,
}

/// The smallest policies with which a principal can still do what it did in the window.
///
/// Cost: the identity statements times the used actions, and some tens of requests to the evaluator for each statement.
pub fn least_privilege(compiled: &Compiled<'_>, who: PrincipalIx, uses: &[Use], window: Window) -> Suggestion {
    let statements = compiled.identity_statements(who);
    let used = grants::Used::of(compiled, who, &statements, uses, window);
    let grants = grants::grants(compiled, &statements, &used);
    let written = write::documents(&grants);
    let doubts = verify::doubts(compiled, who, &grants, &written.documents);
    let mut notes = written.notes;
    if written.documents.len() > MAX_ATTACHED {
        notes.push(format!(
            "{} policies are more than the {MAX_ATTACHED} that can be attached without a raised quota",
            written.documents.len()
        ));
    }
    if let Some(since) = uses.iter().filter_map(|one| one.tracked_since).max().filter(|since| *since > window.from) {
        notes.push(format!("some uses are recorded only since {since}: what was used before is not known"));
    }
    let entry = &compiled.estate().principals[who as usize];
    if !entry.unread.is_empty() {
        notes.push("policies of the principal were not read: what only they allow is not in the suggestion".to_owned());
    }
    Suggestion {
        documents: written.documents,
        window,
        kept: used.names(compiled, |known| known.kept),
        unrecorded: used.names(compiled, |known| known.kept && !known.recorded),
        elsewhere: used.names(compiled, |known| known.kept && known.elsewhere),
        taken: used.taken.iter().map(|&action| compiled.reference().action(action).name.clone()).collect(),
        unread: used.unread,
        not_granted: used.not_granted,
        doubts,
        notes,
    }
}
