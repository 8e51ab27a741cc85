//! What became of the links since an earlier check: new, lost, moved to another person, each with its cause.
//!
//! Comes in: every account that could bear a link then ([`Formers`]) and the people of now. Goes out: [`Churn`]. A link never changes
//! silently: whatever differs is listed with before and after.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use jiff::Timestamp;
use polars::prelude::DataFrame;

use super::{Candidate, Correlation, People, Standing};
use crate::graph::{Graph, NodeIx, NodeKind};
use crate::snapshot::{Numbers, Rows, StoreError, Texts};
use muster_connectors::record::RecordKind;

/// An account as an earlier check saw it: one that was linked, or that could have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Former<'a> {
    /// The tenant's own id, else the system's name: a system that is renamed loses no link.
    pub tenant: &'a str,
    /// The account's id.
    pub account: &'a str,
    /// System name.
    pub system: &'a str,
    /// The name people know the account by.
    pub name: &'a str,
    /// Key of the person it was linked to.
    pub person: Option<&'a str>,
    /// That person's name.
    pub person_name: Option<&'a str>,
    /// The strategy that linked it.
    pub strategy: Option<&'a str>,
    /// How surely, in percent.
    pub confidence: Option<u8>,
    /// Its situation.
    pub situation: &'a str,
}

/// The accounts that an earlier check kept, in columns.
#[derive(Debug)]
pub struct Formers<'a> {
    rows: usize,
    tenant: Texts<'a>,
    account: Texts<'a>,
    system: Texts<'a>,
    name: Texts<'a>,
    person: Texts<'a>,
    person_name: Texts<'a>,
    strategy: Texts<'a>,
    confidence: Numbers<'a>,
    situation: Texts<'a>,
}

impl<'a> Formers<'a> {
    /// The rows of the links that a check kept.
    ///
    /// # Errors
    /// [`StoreError`] when a column is not what it should be.
    pub fn of(links: &'a DataFrame) -> Result<Self, StoreError> {
        let rows = Rows::of(links, "links");
        Ok(Self {
            rows: rows.len(),
            tenant: rows.texts("tenant")?,
            account: rows.texts("account")?,
            system: rows.texts("system")?,
            name: rows.texts("name")?,
            person: rows.texts("person")?,
            person_name: rows.texts("person_name")?,
            strategy: rows.texts("strategy")?,
            confidence: rows.numbers("confidence")?,
            situation: rows.texts("situation")?,
        })
    }

    fn row(&self, row: usize) -> Former<'a> {
        Former {
            tenant: self.tenant.text(row),
            account: self.account.text(row),
            system: self.system.text(row),
            name: self.name.text(row),
            person: self.person.get(row),
            person_name: self.person_name.get(row),
            strategy: self.strategy.get(row),
            confidence: self.confidence.get(row).and_then(|percent| u8::try_from(percent).ok()),
            situation: self.situation.text(row),
        }
    }

    /// The row of each account of the graph, [`NO_ROW`] where there is none, and the rows of accounts that are not there any more.
    ///
    /// Two systems of the config may read one tenant: the one of the same name first.
    fn by_account(&self, graph: &Graph) -> (Vec<u32>, Vec<usize>) {
        let mut of = vec![NO_ROW; graph.account_count()];
        let mut rest: FxHashMap<(&str, &str), Vec<usize>> = FxHashMap::default();
        for row in 0..self.rows {
            let (tenant, account) = (self.tenant.text(row), self.account.text(row));
            let known = graph.system(self.system.text(row));
            let known = known.and_then(|system| graph.find(system, NodeKind::Account, account));
            match known.filter(|ix| tenant_of(graph, *ix) == tenant) {
                Some(ix) if of[ix.get()] == NO_ROW => of[ix.get()] = u32::try_from(row).unwrap_or(NO_ROW),
                Some(_) | None => rest.entry((tenant, account)).or_default().push(row),
            }
        }
        if !rest.is_empty() {
            for (ix, _) in graph.accounts() {
                if of[ix.get()] != NO_ROW {
                    continue;
                }
                let rows = rest.get_mut(&(tenant_of(graph, ix), graph.text(graph.node(ix).id)));
                if let Some(row) = rows.filter(|rows| !rows.is_empty()).map(|rows| rows.remove(0)) {
                    of[ix.get()] = u32::try_from(row).unwrap_or(NO_ROW);
                }
            }
        }
        (of, rest.into_values().flatten().collect())
    }
}

/// No former of an account: more rows than a graph has accounts there cannot be.
const NO_ROW: u32 = u32::MAX;

/// The tenant that an account is one of.
pub fn tenant_of(graph: &Graph, account: NodeIx) -> &str {
    let node = graph.node(account);
    graph.coverage().tenant_of(graph.system_name(node.system), graph.scope_name(node.scope))
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
    /// What became of the links of accounts that still stand, by system.
    pub by_system: BTreeMap<String, Tally>,
}

/// Links of an earlier check whose accounts still stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// They lead to the same person as before.
    pub kept: u64,
    /// They lead to another one, or are gone.
    pub moved_or_lost: u64,
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
pub fn compare(before: &Formers<'_>, graph: &Graph, people: &People, now: Timestamp) -> Churn {
    let (rows, gone) = before.by_account(graph);
    let mut churn = Churn::default();
    let mut tallies = vec![Tally::default(); graph.systems().len()];
    for (ix, _) in graph.accounts() {
        let former = Some(rows[ix.get()]).filter(|row| *row != NO_ROW).map(|row| before.row(row as usize));
        let told = churn.changes.len();
        let was_linked = former.as_ref().is_some_and(|former| former.person.is_some());
        churn.account(graph, people, ix, former, now);
        if was_linked {
            let tally = &mut tallies[usize::from(graph.node(ix).system.0)];
            let counted = if churn.changes.len() > told { &mut tally.moved_or_lost } else { &mut tally.kept };
            *counted += 1;
        }
    }
    churn.by_system = graph.systems().iter().cloned().zip(tallies).collect();
    let gone = gone.into_iter().map(|row| before.row(row)).filter(|former| former.person.is_some());
    let mut gone: Vec<Former<'_>> = gone.collect();
    gone.sort_unstable();
    churn.changes.extend(gone.into_iter().map(|former| of_gone_account(graph, &former)));
    churn.changes.sort_by(|a, b| (a.change, &a.system, &a.account).cmp(&(b.change, &b.system, &b.account)));
    churn
}

impl Churn {
    /// Links of one kind of change.
    pub fn count(&self, change: Change) -> u64 {
        self.changes.iter().filter(|changed| changed.change == change).count() as u64
    }

    fn account(&mut self, graph: &Graph, people: &People, ix: NodeIx, former: Option<Former<'_>>, now: Timestamp) {
        let link = people.link(ix);
        let person = former.and_then(|former| former.person);
        if person.zip(link).is_some_and(|(person, link)| is_same(people, person, link)) {
            self.unchanged += 1;
            return;
        }
        let before = former.as_ref().and_then(before);
        let (change, cause) = match (&before, link) {
            (None, None) => return,
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

fn before(former: &Former<'_>) -> Option<End> {
    Some(End {
        person: former.person?.to_owned(),
        name: former.person_name.unwrap_or_default().to_owned(),
        strategy: former.strategy.unwrap_or_default().to_owned(),
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
fn is_same(people: &People, before: &str, link: &Candidate) -> bool {
    people.key(link.person) == before || people.find(before).contains(&link.person)
}

fn why_new(former: Option<Former<'_>>, link: &Candidate) -> String {
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

fn of_gone_account(graph: &Graph, former: &Former<'_>) -> Changed {
    let unread =
        graph.coverage().of_system(former.system).find(|row| row.kind == RecordKind::Account && !row.proves_absence);
    let is_read = graph.coverage().of_system(former.system).next().is_some();
    let cause = match unread {
        Some(row) => format!("the account was not seen, but {}", row.shortfall()),
        None if is_read => "the account is no longer there".to_owned(),
        None => format!("{} is no longer read", former.system),
    };
    Changed {
        change: Change::Gone,
        system: former.system.to_owned(),
        account: former.account.to_owned(),
        name: former.name.to_owned(),
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
