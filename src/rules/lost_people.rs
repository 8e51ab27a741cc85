//! People of whom HR has a row that could not be read: what is said about them, and about nobody else, is not evaluated.
//!
//! A row that lost its id may be anybody's. Then a person who is found keeps what the found rows say of them, but nothing
//! bad is concluded, and nothing at all of an account that nobody was found for.

use rustc_hash::FxHashMap;

use super::{Facts, Subject, Verdict};
use crate::graph::{Coverage, NodeIx, RowState};
use crate::people::{Correlation, PersonIx, fold};

/// Strategies whose links no other person can shake: they rest on an id or address, or on what somebody decided.
const BY_ID: [&str; 4] = ["pin", "employee_id", "federated_id", "email"];

/// Rows of HR that could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LostPeople {
    /// Why, by the id that the row names.
    known: FxHashMap<String, String>,
    /// Why a row was lost of which no id could be read.
    nameless: Option<String>,
    /// The first of all reasons.
    first: Option<String>,
}

impl LostPeople {
    /// What the feeds whose losses are known lost.
    pub(super) fn of(coverage: &Coverage) -> Self {
        let mut lost = Self::default();
        for row in coverage.of_people().filter(|row| row.loses_only_rows) {
            for gap in &row.gaps {
                let Some(only) = &gap.only else { continue };
                let at = gap.at.as_ref().map(|at| format!(" at {at}")).unwrap_or_default();
                let reason = format!("a row of {}:{} could not be used{at}: {}", row.system, row.scope, gap.what);
                for id in &only.ids {
                    lost.known.entry(fold(id)).or_insert_with(|| reason.clone());
                }
                if only.ids.is_empty() && lost.nameless.is_none() {
                    lost.nameless = Some(reason.clone());
                }
                lost.first.get_or_insert(reason);
            }
        }
        lost
    }

    /// `verdict`, unless it may rest on a person whose row was lost.
    pub(super) fn weigh(&self, facts: &Facts<'_>, subject: Subject, verdict: Verdict) -> Verdict {
        let Some(first) = &self.first else { return verdict };
        let doubt = match subject {
            Subject::Account(ix) => self.of_account(facts, ix, &verdict),
            Subject::Person(ix) => self.of_person(facts, ix).or_else(|| self.of_verdict(&verdict)),
            Subject::Credential(_)
            | Subject::Edge(_)
            | Subject::Object(_)
            | Subject::Application(_)
            | Subject::Change(_)
            | Subject::Approval(_)
            | Subject::Review(_)
            | Subject::Declared(_) => matches!(verdict, Verdict::Fail(_)).then_some(first.as_str()),
            Subject::System(_)
            | Subject::Scope(_)
            | Subject::Exception(_)
            | Subject::Safeguard(_)
            | Subject::Reviewer(_)
            | Subject::Resolved(_) => None,
        };
        doubt.map_or(verdict, |why| Verdict::NotEvaluated(why.to_owned()))
    }

    fn of_account(&self, facts: &Facts<'_>, account: NodeIx, verdict: &Verdict) -> Option<&str> {
        match facts.people.correlation(account) {
            Correlation::Linked(link) if BY_ID.contains(&link.strategy) => {
                self.of_person(facts, link.person).or_else(|| self.of_verdict(verdict))
            }
            // The person of the lost row may be the better match.
            Correlation::Linked(_) | Correlation::Proposed(_) | Correlation::Disputed(_) | Correlation::Nobody => {
                self.first.as_deref()
            }
        }
    }

    /// Why nothing can be said of a person.
    fn of_person(&self, facts: &Facts<'_>, ix: PersonIx) -> Option<&str> {
        let person = facts.people.person(ix);
        let ids = person.feed_ids.iter().chain(&person.employee_ids).chain(std::iter::once(&person.id));
        let named = ids.map(|id| fold(facts.people.text(*id))).find_map(|id| self.known.get(&id));
        let stale = || {
            let rows = person.employments.iter().map(|employment| employment.state).chain([person.state]);
            rows.into_iter().any(|state| state == RowState::Stale).then_some(self.first.as_ref()).flatten()
        };
        named.or_else(stale).map(String::as_str)
    }

    /// A row without an id may be the one that clears somebody.
    fn of_verdict(&self, verdict: &Verdict) -> Option<&str> {
        self.nameless.as_deref().filter(|_| matches!(verdict, Verdict::Fail(_)))
    }
}
