//! What one reading brought: records, gaps, failures and withheld fields, before they are handed to their scope.
//!
//! Reading and mapping stay free of the sink, so that live collection and files share them and tests can look at them.

use serde::Serialize;

use super::documents::Document;
use super::session::{ApiError, ErrorKind};
use crate::record::{Policy, PolicyKind, Raw, Record, RecordKind};
use crate::scope::Gap;
use crate::sink::{Scope, SinkClosed};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) records: Vec<Record>,
    /// Kinds that end partial.
    pub(super) gaps: Vec<(RecordKind, Gap)>,
    /// Kinds of which nothing can be relied on.
    pub(super) failed: Vec<(RecordKind, Gap)>,
    /// Fields that no record of the kind has, with why.
    pub(super) withheld: Vec<(RecordKind, &'static str, String)>,
    pub(super) pages: u64,
    /// Accounts that came again, word for word.
    pub(super) repeated: u64,
    /// Ids of accounts that came again and said otherwise.
    pub(super) withdrawn: Vec<String>,
}

impl Outcome {
    pub(super) fn gap(&mut self, kinds: &[RecordKind], gap: &Gap) {
        self.gaps.extend(kinds.iter().map(|kind| (*kind, gap.clone())));
    }

    pub(super) fn fail(&mut self, kinds: &[RecordKind], gap: &Gap) {
        self.failed.extend(kinds.iter().map(|kind| (*kind, gap.clone())));
    }

    /// Notes a failed call as a gap of `kinds`; a cancelled run is no gap and ends the reading.
    pub(super) fn missed(
        &mut self,
        kinds: &[RecordKind],
        error: &ApiError,
        what: impl Into<String>,
    ) -> Result<(), Stopped> {
        if error.kind == ErrorKind::Stopped {
            return Err(Stopped);
        }
        self.gap(kinds, &error.gap(what));
        Ok(())
    }

    /// Adds a policy record; a document that cannot be evaluated is kept verbatim and named as a gap.
    pub(super) fn policy(&mut self, policy: NewPolicy<'_>) {
        let (text, unreadable) = match policy.document {
            Some(document) => {
                let decoded = document.decode();
                (decoded.text, decoded.unreadable)
            }
            None => (String::new(), Some("the source gives no document".to_owned())),
        };
        if let Some(problem) = unreadable {
            let gap = Gap::new("AWS011", format!("policy document of `{}` cannot be read: {problem}", policy.id))
                .cause("what the source gives is no policy document; its text is kept as it is")
                .fix("correct the document, or the export, and collect again; what it allows is unknown until then")
                .at(policy.id.clone());
            self.gap(&[RecordKind::Policy], &gap);
        }
        self.records.push(Record::Policy(Box::new(Policy {
            id: policy.id,
            kind: policy.kind,
            name: policy.name,
            version: policy.version,
            targets: policy.targets,
            document: text,
            raw: policy.raw,
        })));
    }

    /// Hands everything to the scope, which stays open.
    pub(super) async fn deliver(self, scope: &mut Scope) -> Result<(), SinkClosed> {
        for record in self.records {
            scope.push(record).await?;
        }
        for (kind, gap) in self.gaps {
            scope.gap(kind, gap);
        }
        for (kind, gap) in self.failed {
            scope.fail(kind, gap);
        }
        for (kind, field, why) in self.withheld {
            scope.withhold(kind, field, why);
        }
        for _ in 0..self.repeated {
            scope.repeat(RecordKind::Account);
        }
        for id in self.withdrawn {
            scope.withdraw(RecordKind::Account, &id);
        }
        for _ in 0..self.pages {
            scope.page();
        }
        Ok(())
    }
}

/// A policy record to be, with its document as the source gives it.
#[derive(Debug)]
pub(super) struct NewPolicy<'a> {
    pub(super) id: String,
    pub(super) kind: PolicyKind,
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) targets: Vec<String>,
    pub(super) document: Option<&'a Document>,
    pub(super) raw: Raw,
}

/// The run was cancelled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopped;

impl From<Stopped> for crate::ConnectorError {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// The raw object of something that serialises to its allow-list.
pub(super) fn raw(object: &impl Serialize) -> Raw {
    serde_json::to_string(object).map_or(Raw::None, Raw::Object)
}
