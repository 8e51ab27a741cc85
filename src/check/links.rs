//! Links as tables: what queries see, what a check keeps for the next one to compare with, and what is wrong with decisions.

use std::borrow::Cow;

use jiff::Timestamp;
use polars::prelude::{DataFrame, IntoColumn, NamedFrom as _, Series};

use super::Estate;
use crate::diagnostic::Diagnostic;
use crate::graph::{Graph, NodeIx};
use crate::people::churn::{Change, Churn, Formers, compare, percent, tenant_of};
use crate::people::{Candidate, Correlation, Idle, LinkDecision};
use crate::snapshot::{Store, StoreError};

/// Links as the table `links` that queries see: one row an account and a person whom it is linked to or may belong to.
pub fn links_frame(estate: &Estate, now: Timestamp) -> DataFrame {
    let Estate { graph, people, .. } = estate;
    let (mut systems, mut accounts, mut persons, mut names) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut states, mut confidences, mut strategies, mut evidence) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut situations, mut ranks, mut decisions) = (Vec::new(), Vec::new(), Vec::new());
    for (ix, _) in graph.accounts() {
        let (state, candidates) = candidates(estate, ix);
        for (rank, candidate) in candidates.iter().enumerate() {
            let node = graph.node(ix);
            // A person who stands in several feeds has an id in each: one row for each, so that joins find them all.
            for feed_id in &people.person(candidate.person).feed_ids {
                systems.push(graph.system_name(node.system));
                accounts.push(graph.text(node.id));
                persons.push(people.text(*feed_id));
                names.push(people.name(candidate.person));
                states.push(state);
                situations.push(people.situation(ix, now).as_str());
                ranks.push(rank as u64 + 1);
                confidences.push(f64::from(candidate.confidence));
                strategies.push(candidate.strategy);
                evidence.push(candidate.evidence.as_str());
                decisions.push(decision(estate, ix));
            }
        }
    }
    frame(vec![
        Series::new("system".into(), systems),
        Series::new("account".into(), accounts),
        Series::new("person".into(), persons),
        Series::new("person_name".into(), names),
        Series::new("link".into(), states),
        Series::new("situation".into(), situations),
        Series::new("rank".into(), ranks),
        Series::new("confidence".into(), confidences),
        Series::new("strategy".into(), strategies),
        Series::new("evidence".into(), evidence),
        Series::new("decision".into(), decisions),
    ])
}

/// The persons that an account is linked to or may belong to, with the word for it.
pub fn candidates(estate: &Estate, account: NodeIx) -> (&'static str, &[Candidate]) {
    match estate.people.correlation(account) {
        Correlation::Linked(link) => ("linked", std::slice::from_ref(link)),
        Correlation::Proposed(link) => ("proposed", std::slice::from_ref(link)),
        Correlation::Disputed(candidates) => ("disputed", candidates.as_slice()),
        Correlation::Nobody => ("none", &[]),
    }
}

/// What people decided about an account, in a sentence each.
fn decision(estate: &Estate, account: NodeIx) -> Option<String> {
    let on: Vec<String> = estate.people.decided().on(account).map(|(decision, _)| decision.sentence()).collect();
    (!on.is_empty()).then(|| on.join("; "))
}

/// The table `situations` that queries see: every account with its class, affiliation, situation and person.
pub fn situations_frame(estate: &Estate, now: Timestamp) -> DataFrame {
    let Estate { graph, people, .. } = estate;
    let confidences: Vec<Option<f64>> =
        graph.accounts().map(|(ix, _)| people.link(ix).map(|link| f64::from(link.confidence))).collect();
    frame(vec![
        column(graph, "system", &|ix| Some(graph.system_name(graph.node(ix).system))),
        column(graph, "account", &|ix| Some(graph.text(graph.node(ix).id))),
        owned(graph, "class", &|ix| Some(people.class(ix).class.to_string().into())),
        column(graph, "class_evidence", &|ix| Some(&people.class(ix).evidence)),
        owned(graph, "affiliation", &|ix| Some(people.affiliation(graph, ix, now).affiliation?.to_string().into())),
        owned(graph, "affiliation_evidence", &|ix| Some(people.affiliation(graph, ix, now).evidence)),
        column(graph, "situation", &|ix| Some(people.situation(ix, now).as_str())),
        column(graph, "person", &|ix| Some(people.key(people.link(ix)?.person))),
        column(graph, "strategy", &|ix| Some(people.link(ix)?.strategy)),
        Series::new("confidence".into(), confidences),
        owned(graph, "decision", &|ix| decision(estate, ix).map(Into::into)),
    ])
}

/// A column with a text of every account.
fn column<'a>(graph: &'a Graph, name: &str, of: &dyn Fn(NodeIx) -> Option<&'a str>) -> Series {
    Series::new(name.into(), graph.accounts().map(|(ix, _)| of(ix)).collect::<Vec<Option<&str>>>())
}

/// The same of texts that are made on the way.
fn owned(graph: &Graph, name: &str, of: &dyn Fn(NodeIx) -> Option<Cow<'static, str>>) -> Series {
    Series::new(name.into(), graph.accounts().map(|(ix, _)| of(ix)).collect::<Vec<Option<Cow<'_, str>>>>())
}

/// What a check keeps of the links, for the next one to compare with: every account that is linked, or could be. Some accounts at a
/// time: of millions, the table is never in memory whole.
pub fn kept_frames(estate: &Estate, now: Timestamp) -> impl Iterator<Item = DataFrame> + '_ {
    let Estate { graph, people, .. } = estate;
    let kept: Vec<NodeIx> =
        graph.accounts().map(|(ix, _)| ix).filter(|ix| people.is_human(*ix) || people.link(*ix).is_some()).collect();
    let count = kept.len().div_ceil(KEPT_ROWS).max(1);
    (0..count).map(move |place| {
        let start = place * KEPT_ROWS;
        kept_frame(estate, &kept[start..kept.len().min(start + KEPT_ROWS)], now)
    })
}

/// Accounts of a frame.
const KEPT_ROWS: usize = 1 << 18;

fn kept_frame<'a>(estate: &'a Estate, accounts: &[NodeIx], now: Timestamp) -> DataFrame {
    let Estate { graph, people, .. } = estate;
    let texts = |name: &str, of: &dyn Fn(NodeIx) -> Option<&'a str>| {
        Series::new(name.into(), accounts.iter().map(|ix| of(*ix)).collect::<Vec<Option<&str>>>())
    };
    let confidences: Vec<Option<u32>> =
        accounts.iter().map(|ix| people.link(*ix).map(|link| u32::from(percent(link.confidence)))).collect();
    frame(vec![
        texts("tenant", &|ix| Some(tenant_of(graph, ix))),
        texts("system", &|ix| Some(graph.system_name(graph.node(ix).system))),
        texts("account", &|ix| Some(graph.text(graph.node(ix).id))),
        texts("name", &|ix| Some(graph.name(ix))),
        texts("person", &|ix| Some(people.key(people.link(ix)?.person))),
        texts("person_name", &|ix| Some(people.name(people.link(ix)?.person))),
        texts("strategy", &|ix| Some(people.link(ix)?.strategy)),
        Series::new("confidence".into(), confidences),
        texts("situation", &|ix| Some(people.situation(ix, now).as_str())),
    ])
}

/// What became of the links since the check before that of snapshot `sequence`; `None` when there is none to compare with.
/// With the number of that check's snapshot.
///
/// # Errors
/// [`StoreError`] when the earlier check cannot be read.
pub fn churn(
    store: &Store,
    sequence: u64,
    estate: &Estate,
    now: Timestamp,
) -> Result<Option<(u64, Churn)>, StoreError> {
    let Some((since, frame)) = store.links_before(sequence)? else { return Ok(None) };
    Ok(Some((since, compare(&Formers::of(&frame)?, &estate.graph, &estate.people, now))))
}

/// The table `link_changes` that queries see.
pub fn changes_frame(churn: &Churn) -> DataFrame {
    let texts = |name: &str, of: &dyn Fn(&crate::people::churn::Changed) -> Option<String>| {
        Series::new(name.into(), churn.changes.iter().map(of).collect::<Vec<Option<String>>>())
    };
    frame(vec![
        texts("change", &|one| Some(one.change.as_str().to_owned())),
        texts("system", &|one| Some(one.system.clone())),
        texts("account", &|one| Some(one.account.clone())),
        texts("name", &|one| Some(one.name.clone())),
        texts("before", &|one| one.before.as_ref().map(|end| end.person.clone())),
        texts("before_name", &|one| one.before.as_ref().map(|end| end.name.clone())),
        texts("before_strategy", &|one| one.before.as_ref().map(|end| end.strategy.clone())),
        texts("after", &|one| one.after.as_ref().map(|end| end.person.clone())),
        texts("after_name", &|one| one.after.as_ref().map(|end| end.name.clone())),
        texts("after_strategy", &|one| one.after.as_ref().map(|end| end.strategy.clone())),
        texts("cause", &|one| Some(one.cause.clone())),
    ])
}

/// Whether a change is one that a reader must see by name: a link that is no longer what it was.
pub fn is_loss(change: Change) -> bool {
    match change {
        Change::Moved | Change::Lost | Change::Gone => true,
        Change::New => false,
    }
}

/// Decisions that do nothing, or contradict each other, each with its line.
pub fn decision_problems(estate: &Estate) -> Vec<Diagnostic> {
    let decided = estate.people.decided();
    let links: Vec<&LinkDecision> = decided.decisions().iter().collect();
    let mut problems: Vec<Diagnostic> =
        decided.idle().map(|(decision, why)| idle(estate, decision, why, &links)).collect();
    problems.extend(claimed_twice(estate));
    problems
}

fn idle(estate: &Estate, decision: &LinkDecision, why: Idle, all: &[&LinkDecision]) -> Diagnostic {
    let (system, account) = (&decision.system, &decision.account);
    let person = decision.person.as_deref().unwrap_or_default();
    let about = format!("`{}` of {system}:{account}", decision.ruling.as_str());
    let unread = |found: Option<String>| found.unwrap_or_else(|| "not everything was read".to_owned());
    let problem = match why {
        Idle::Expired => Diagnostic::warning("LNK004", format!("the decision {about} has expired"))
            .effect("it no longer counts")
            .fix("decide again with `muster links`, or move `expires` after a review"),
        Idle::NoAccount => Diagnostic::warning("LNK001", format!("the decision {about} names no account"))
            .cause(format!("{system} was read completely, and none of its accounts has this id, login or native name"))
            .effect("it ties nothing")
            .fix("take it back with `muster links unpin`, or correct `account`"),
        Idle::AccountUnread => {
            let rows = &mut estate.graph.coverage().of_system(system).filter(|row| !row.proves_absence);
            Diagnostic::warning("LNK001", format!("the account of the decision {about} was not seen"))
                .cause(unread(rows.next().map(crate::graph::CoverageRow::shortfall)))
                .effect("it ties nothing in this snapshot")
                .fix("nothing, if it is there again once the system is read completely")
        }
        Idle::SeveralAccounts => Diagnostic::warning("LNK001", format!("the decision {about} names several accounts"))
            .effect("it ties none of them")
            .fix("write the account's id in place of its login"),
        Idle::NoPerson => {
            Diagnostic::warning("LNK002", format!("the decision {about} names `{person}`, who is not in HR"))
                .cause("HR was read completely, and nobody has this employee id, feed id or work e-mail")
                .effect("it ties nothing")
                .fix("decide whose account it is now, or take the decision back with `muster links unpin`")
        }
        Idle::PersonUnread => {
            let unread = crate::people::churn::unread_people(&estate.graph);
            Diagnostic::warning("LNK002", format!("the decision {about} names `{person}`, who was not seen in HR"))
                .cause(unread.into_iter().next().unwrap_or_else(|| "no HR feed was read".to_owned()))
                .effect("it ties nothing in this snapshot")
                .fix("nothing, if the person is there again once HR is read completely")
        }
        Idle::SeveralPersons => {
            Diagnostic::warning("LNK002", format!("`{person}` in the decision {about} names several persons"))
                .effect("it ties nothing")
                .fix("write an employee id that only one of them has")
        }
        Idle::Contradicts(other) => {
            let other = all.get(other).and_then(|other| Some((other, other.place.as_ref()?)));
            let against = other.map(|(other, place)| format!("`{}` at {place}", other.ruling.as_str()));
            Diagnostic::warning("LNK003", format!("the decision {about} contradicts {}", against.unwrap_or_default()))
                .effect("neither ties the account to anybody")
                .fix("take one of the two back")
        }
    };
    match &decision.place {
        Some(place) => problem.place(place.clone()),
        None => problem,
    }
}

/// Accounts that decisions in force give to more than one person.
fn claimed_twice(estate: &Estate) -> Vec<Diagnostic> {
    let people = &estate.people;
    let mut problems = Vec::new();
    for ix in people.decided().accounts() {
        let mut ties = people.decided().on(ix).filter(|(decision, _)| decision.ruling.ties());
        let Some((first, whose)) = ties.next() else { continue };
        let Some((second, _)) = ties.find(|(_, person)| *person != whose) else { continue };
        let at = first.place.as_ref().map(ToString::to_string).unwrap_or_default();
        let problem = Diagnostic::warning(
            "LNK003",
            format!(
                "`{}` of {}:{} contradicts `{}` at {at}",
                second.ruling.as_str(),
                second.system,
                second.account,
                first.ruling.as_str()
            ),
        )
        .cause("each gives the account to another person")
        .effect("the account is claimed twice and linked to neither")
        .fix("take one of the two back");
        problems.push(match &second.place {
            Some(place) => problem.place(place.clone()),
            None => problem,
        });
    }
    problems
}

fn frame(series: Vec<Series>) -> DataFrame {
    let height = series.first().map_or(0, |column| column.len());
    let columns = series.into_iter().map(IntoColumn::into_column).collect();
    DataFrame::new(height, columns).expect("columns of equal length")
}
