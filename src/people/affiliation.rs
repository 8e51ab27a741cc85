//! What an account's holder is to the company, by evidence that can be shown: the system's own word, else HR's word for the
//! person it is linked to, else a mark in its name or place. Where nothing tells it, it stays unknown.

use std::borrow::Cow;

use jiff::Timestamp;
use muster_connectors::record::{Affiliation, WorkerType};

use super::{People, Standing, fold};
use crate::graph::{Graph, NodeIx};

/// An affiliation and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affiliated {
    /// The affiliation; `None` where nothing tells it.
    pub affiliation: Option<Affiliation>,
    /// In words an auditor can check.
    pub evidence: Cow<'static, str>,
}

/// Marks that a directory puts into the sign-in name of somebody from outside. Entra ID writes `#EXT#` into the user principal name
/// of every B2B guest (Microsoft Learn, "Properties of a Microsoft Entra B2B collaboration user").
const LOGIN_MARKS: [(&str, Affiliation); 9] = [
    ("#ext#", Affiliation::Guest),
    ("guest-", Affiliation::Guest),
    ("guest.", Affiliation::Guest),
    ("ext-", Affiliation::Contractor),
    ("ext.", Affiliation::Contractor),
    ("ext_", Affiliation::Contractor),
    ("extern.", Affiliation::Contractor),
    ("partner-", Affiliation::Partner),
    ("vendor-", Affiliation::Vendor),
];

/// Marks in the place a directory keeps the account.
const PLACE_MARKS: [(&str, Affiliation); 8] = [
    ("ou=guests", Affiliation::Guest),
    ("ou=externals", Affiliation::Contractor),
    ("ou=external", Affiliation::Contractor),
    ("ou=contractors", Affiliation::Contractor),
    ("ou=partners", Affiliation::Partner),
    ("ou=vendors", Affiliation::Vendor),
    ("ou=suppliers", Affiliation::Vendor),
    ("ou=employees", Affiliation::Employee),
];

impl People {
    /// The affiliation of an account at `now`, with what it rests on.
    pub fn affiliation(&self, graph: &Graph, account: NodeIx, now: Timestamp) -> Affiliated {
        let Some(facts) = graph.account(account) else { return unknown("not an account") };
        if let Some(affiliation) = facts.affiliation {
            return Affiliated { affiliation: Some(affiliation), evidence: "the system says so".into() };
        }
        if let Some(link) = self.link(account) {
            return self.by_employment(link.person, now);
        }
        let login = fold(graph.text_or_empty(facts.login));
        let in_login = |mark: &str| if mark.starts_with('#') { login.contains(mark) } else { login.starts_with(mark) };
        if let Some((mark, affiliation)) = LOGIN_MARKS.iter().find(|(mark, _)| in_login(mark)) {
            return Affiliated { affiliation: Some(*affiliation), evidence: format!("login bears `{mark}`").into() };
        }
        let place = fold(graph.text_or_empty(facts.native_name));
        if let Some((mark, affiliation)) = PLACE_MARKS.iter().find(|(mark, _)| bears(&place, mark)) {
            return Affiliated { affiliation: Some(*affiliation), evidence: format!("kept in `{mark}`").into() };
        }
        unknown("neither the system nor HR tells it, and the name bears no mark")
    }

    /// What HR says of the person: the employment that runs, else the last one.
    fn by_employment(&self, person: super::PersonIx, now: Timestamp) -> Affiliated {
        let employments = &self.person(person).employments;
        let running = employments.iter().rev().find(|one| self.employment_standing(one, now).is_employed());
        let Some(employment) = running.or(employments.last()) else {
            return unknown("HR has no employment of the person");
        };
        let affiliation = match employment.worker_type {
            WorkerType::Employee | WorkerType::Intern => Affiliation::Employee,
            WorkerType::Contractor | WorkerType::Temporary => Affiliation::Contractor,
            WorkerType::Partner => Affiliation::Partner,
            WorkerType::Vendor => Affiliation::Vendor,
            WorkerType::Unknown => return unknown("HR does not say what kind of worker the person is"),
        };
        let tense = match self.employment_standing(employment, now) {
            Standing::Ended { .. } => "was",
            Standing::Future { .. } => "will be",
            Standing::Employed | Standing::OnLeave | Standing::Unknown => "is",
        };
        Affiliated {
            affiliation: Some(affiliation),
            evidence: format!("{} {tense} {} in HR", self.name(person), employment.worker_type).into(),
        }
    }
}

/// Whether a distinguished name has the part `mark`, whole.
fn bears(place: &str, mark: &str) -> bool {
    place.split(',').any(|part| part.trim() == mark)
}

fn unknown(why: &'static str) -> Affiliated {
    Affiliated { affiliation: None, evidence: why.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_a_whole_part_of_the_place() {
        assert!(bears("cn=ada,ou=partners,dc=corp", "ou=partners"));
        assert!(!bears("cn=ada,ou=partners-of-law,dc=corp", "ou=partners"));
    }
}
