//! What became of the links since an earlier check: new, lost, moved to another person, each with its cause.
//!
//! Comes in: every account that could bear a link then ([`Former`]) and the people of now. Goes out: [`Churn`]. A link never changes
//! silently: whatever differs is listed with before and after.

use rustc_hash::FxHashMap;

use jiff::Timestamp;

use super::{Candidate, Correlation, People, Standing};
use crate::graph::{Graph, NodeIx};
use muster_connectors::record::RecordKind;

/// An account as an earlier check saw it: one that was linked, or that could have been.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Former {
    /// The tenant's own id, else the system's name: a system that is renamed loses no link.
    pub tenant: String,
    /// The account's id.
    pub account: String,
    /// System name.
    pub system: String,
    /// The name people know the account by.
    pub name: String,
    /// Key of the person it was linked to.
    pub person: Option<String>,
    /// That person's name.
    pub person_name: Option<String>,
    /// The strategy that linked it.
    pub strategy: Option<String>,
    /// How surely, in percent.
    pub confidence: Option<u8>,
    /// Its situation.
    pub situation: String,
}

/// What happened to a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// It leads to another person now.
    Moved,
    /// It is gone, while the account still stands.
    Lost,
    /// It is gone together with its account.
    Gone,
    /// It was not there.
    New,
}

impl Change {
    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Moved => "moved",
            Self::Lost => "lost",
            Self::Gone => "gone",
            Self::New => "new",
        }
    }
}

/// One end of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The person's key.
    pub person: String,
    /// The person's name.
    pub name: String,
    /// The strategy that linked.
    pub strategy: String,
    /// How surely, in percent.
    pub confidence: u8,
}

/// One link that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// What happened.
    pub change: Change,
    /// System name.
    pub system: String,
    /// The account's id.
    pub account: String,
    /// The name people know it by.
    pub name: String,
    /// Whom it was linked to.
    pub before: Option<End>,
    /// Whom it is linked to.
    pub after: Option<End>,
    /// Why, in a sentence.
    pub cause: String,
}

/// All changes since an earlier check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Churn {
    /// Links that lead to the same person as before.
    pub unchanged: u64,
    /// The others: moved, lost, gone, new; within each by system and account.
    pub changes: Vec<Changed>,
}

/// Confidence in whole percent; 100 only for certainty.
pub fn percent(confidence: f32) -> u8 {
    // Confidence lies in (0, 1]; what is not quite certain must not read as certain.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 and 100 by the clamp")]
    let percent = (confidence * 100.0 + 1e-4).floor().clamp(0.0, 100.0) as u8;
    percent
}

/// Compares the links of now with those of an earlier check.
///
/// Cost: O(accounts).
pub fn compare(before: &[Former], graph: &Graph, people: &People, now: Timestamp) -> Churn {
    let mut earlier: FxHashMap<(&str, &str), Vec<&Former>> = FxHashMap::default();
    for former in before {
        earlier.entry((former.tenant.as_str(), former.account.as_str())).or_default().push(former);
    }
    let mut churn = Churn::default();
    for (ix, _) in graph.accounts() {
        let node = graph.node(ix);
        let system = graph.system_name(node.system);
        let key = (graph.coverage().tenant_of(system, graph.scope_name(node.scope)), graph.text(node.id));
        let former = earlier.get_mut(&key).and_then(|rows| {
            // Two systems of the config may read one tenant: the one of the same name first.
            let place =
                rows.iter().position(|row| row.system == system).or(if rows.is_empty() { None } else { Some(0) });
            place.map(|place| rows.swap_remove(place))
        });
        churn.account(graph, people, ix, former, now);
    }
    let mut gone: Vec<&Former> = earlier.into_values().flatten().filter(|former| former.person.is_some()).collect();
    gone.sort_unstable();
    churn.changes.extend(gone.into_iter().map(|former| of_gone_account(graph, former)));
    churn.changes.sort_by(|a, b| (a.change, &a.system, &a.account).cmp(&(b.change, &b.system, &b.account)));
    churn
}

impl Churn {
    /// Links of one kind of change.
    pub fn count(&self, change: Change) -> u64 {
        self.changes.iter().filter(|changed| changed.change == change).count() as u64
    }

    fn account(&mut self, graph: &Graph, people: &People, ix: NodeIx, former: Option<&Former>, now: Timestamp) {
        let link = people.link(ix);
        let before = former.and_then(before);
        let (change, cause) = match (&before, link) {
            (None, None) => return,
            (Some(before), Some(link)) if is_same(people, before, link) => {
                self.unchanged += 1;
                return;
            }
            (Some(before), Some(link)) => (Change::Moved, why_moved(people, before, link, now)),
            (Some(before), None) => (Change::Lost, why_lost(graph, people, ix, before)),
            (None, Some(link)) => (Change::New, why_new(former, link)),
        };
        let node = graph.node(ix);
        self.changes.push(Changed {
            change,
            system: graph.system_name(node.system).to_owned(),
            account: graph.text(node.id).to_owned(),
            name: graph.name(ix).to_owned(),
            before,
            after: link.map(|link| end(people, link)),
            cause,
        });
    }
}

fn before(former: &Former) -> Option<End> {
    Some(End {
        person: former.person.clone()?,
        name: former.person_name.clone().unwrap_or_default(),
        strategy: former.strategy.clone().unwrap_or_default(),
        confidence: former.confidence.unwrap_or_default(),
    })
}

fn end(people: &People, link: &Candidate) -> End {
    End {
        person: people.key(link.person).to_owned(),
        name: people.name(link.person).to_owned(),
        strategy: link.strategy.to_owned(),
        confidence: percent(link.confidence),
    }
}

/// The same person, also where HR knows them by another key now: a merged record, a new contract.
fn is_same(people: &People, before: &End, link: &Candidate) -> bool {
    people.key(link.person) == before.person || people.find(&before.person).contains(&link.person)
}

fn why_new(former: Option<&Former>, link: &Candidate) -> String {
    let now = format!("{}: {}", link.strategy, link.evidence);
    match former {
        None => format!("the account was not there before, or was not a person's; {now}"),
        Some(former) => format!("it was {} before; {now}", former.situation),
    }
}

fn why_moved(people: &People, before: &End, link: &Candidate, now: Timestamp) -> String {
    let then = match people.find(&before.person).as_slice() {
        [] if people.hr_complete() => format!("{} is no longer in HR", before.name),
        [] => format!("{} is not in HR, which was not read completely", before.name),
        [one] if matches!(people.standing(*one, now), Standing::Ended { .. }) => format!("{} has left", before.name),
        _ => format!("{} speaks for another person than {} did", link.strategy, before.strategy),
    };
    format!("{then}; {}: {}", link.strategy, link.evidence)
}

fn why_lost(graph: &Graph, people: &People, ix: NodeIx, before: &End) -> String {
    let decided = people.decided();
    if let Some(never) = decided.never(ix) {
        return never.sentence();
    }
    let found = people.find(&before.person);
    if let Some(rejection) = found.iter().find_map(|person| decided.rejection(ix, *person)) {
        return rejection.sentence();
    }
    if found.is_empty() {
        return match unread_people(graph).first() {
            Some(feed) => format!("{} is not in HR, which was not read completely: {feed}", before.name),
            None => format!("{} is no longer in HR, which was read completely", before.name),
        };
    }
    let idle = decided.idle().find(|(decision, _)| {
        decision.ruling.ties()
            && found.iter().any(|person| people.find(decision.person.as_deref().unwrap_or_default()).contains(person))
            && (decision.account == graph.text(graph.node(ix).id)
                || graph
                    .account(ix)
                    .and_then(|account| account.login)
                    .is_some_and(|login| graph.text(login) == decision.account))
    });
    if let Some((decision, why)) = idle
        && super::is_decision(&before.strategy)
    {
        let cause = match why {
            super::Idle::Expired => "has expired",
            super::Idle::Contradicts(_) => "is contradicted by another one",
            super::Idle::NoAccount
            | super::Idle::AccountUnread
            | super::Idle::NoPerson
            | super::Idle::PersonUnread
            | super::Idle::SeveralAccounts
            | super::Idle::SeveralPersons => "names somebody or something that cannot be found",
        };
        return format!("the decision by {} {cause}", decision.author);
    }
    let evidence = format!("what {} rested on is no longer there", before.strategy);
    match people.correlation(ix) {
        Correlation::Proposed(one) => {
            format!("{evidence}; {} is a candidate by {}: {}", people.name(one.person), one.strategy, one.evidence)
        }
        Correlation::Disputed(several) => {
            format!("{evidence}; {} persons fit by {}", several.len(), several[0].strategy)
        }
        Correlation::Nobody | Correlation::Linked(_) if super::is_decision(&before.strategy) => {
            "the decision was withdrawn".to_owned()
        }
        Correlation::Nobody | Correlation::Linked(_) => format!("{evidence}; no rung names anybody"),
    }
}

fn of_gone_account(graph: &Graph, former: &Former) -> Changed {
    let unread =
        graph.coverage().of_system(&former.system).find(|row| row.kind == RecordKind::Account && !row.proves_absence);
    let is_read = graph.coverage().of_system(&former.system).next().is_some();
    let cause = match unread {
        Some(row) => format!("the account was not seen, but {}", row.shortfall()),
        None if is_read => "the account is no longer there".to_owned(),
        None => format!("{} is no longer read", former.system),
    };
    Changed {
        change: Change::Gone,
        system: former.system.clone(),
        account: former.account.clone(),
        name: former.name.clone(),
        before: before(former),
        after: None,
        cause,
    }
}

/// The parts of HR from whose silence nothing can be concluded, each in a phrase.
pub fn unread_people(graph: &Graph) -> Vec<String> {
    graph
        .coverage()
        .of_people()
        .filter(|row| !row.proves_absence)
        .map(super::super::graph::CoverageRow::shortfall)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_quite_certain_does_not_read_as_certain() {
        assert_eq!(percent(1.0), 100);
        assert_eq!(percent(0.9999), 99);
        assert_eq!(percent(0.95), 95);
        assert_eq!(percent(0.7), 70);
    }
}
