//! The queue: accounts that have candidates and no certain person, what gains most first.

use std::cmp::Reverse;

use muster_connectors::record::PrivilegeLevel;
use rustc_hash::FxHashMap;
use serde_json::Value as Json;

use super::{Filter, Room, done};
use crate::access::Privilege;
use crate::check::links::candidates;
use crate::cli::explain::account;
use crate::cli::outcome::{Failure, Outcome};
use crate::cli::output::targets;
use crate::cli::query::{CHOICES, write_as};
use crate::diagnostic::{Diagnostic, similar};
use crate::graph::{NodeIx, SystemIx};
use crate::people::churn::percent;
use crate::people::{Candidate, PersonIx, STRATEGIES, Situation, fold};
use crate::query::Answer;
use crate::report::privilege_word;

/// An account that waits, with the candidates that pass the filter.
pub(super) struct Row<'a> {
    pub(super) account: NodeIx,
    pub(super) situation: Situation,
    pub(super) candidates: Vec<&'a Candidate>,
    /// Accounts of the same system that are named after this one and wait for its person.
    followers: u64,
    privilege: PrivilegeLevel,
    is_active: bool,
}

impl Row<'_> {
    /// What a decision gains, greatest first: power that would have an owner, an account that is in use, accounts that follow,
    /// and how near the answer is.
    fn gain(&self) -> impl Ord + use<> {
        let best = self.candidates.first().map_or(0, |candidate| percent(candidate.confidence));
        (Reverse(self.privilege), Reverse(self.is_active), Reverse(self.followers), Reverse(best), self.account)
    }
}

/// The accounts that a filter names, what gains most first.
///
/// # Errors
/// A word of the filter that nothing bears.
pub(super) fn rows<'a>(room: &'a Room<'_>, filter: &Filter) -> Result<Vec<Row<'a>>, Failure> {
    check(room, filter)?;
    let estate = &room.estate;
    let (graph, people) = (&estate.graph, &estate.people);
    let followers = followers(room);
    let mut rows = Vec::new();
    for (ix, facts) in graph.accounts() {
        let situation = people.situation(ix, room.now);
        let node = graph.node(ix);
        let wanted = if filter.situation.is_empty() {
            matches!(situation, Situation::Found | Situation::Ambiguous | Situation::FoundAlreadyLinked)
        } else {
            filter.situation.iter().any(|word| word.eq_ignore_ascii_case(situation.as_str()))
        };
        if !wanted || !is_one_of(&filter.system, graph.system_name(node.system)) {
            continue;
        }
        let of_account = facts.department.is_some_and(|name| is_one_of(&filter.department, graph.text(name)));
        let passes = |candidate: &&Candidate| {
            let confidence = percent(candidate.confidence);
            filter.min.is_none_or(|min| confidence >= percent(min))
                && filter.max.is_none_or(|max| confidence <= percent(max))
                && (filter.strategy.is_empty() || filter.strategy.iter().any(|name| name == candidate.strategy))
                && (filter.department.is_empty()
                    || of_account
                    || department(room, candidate.person).is_some_and(|name| is_one_of(&filter.department, name)))
        };
        let all = candidates(estate, ix).1;
        let candidates: Vec<&Candidate> = all.iter().filter(passes).collect();
        let asks_candidates = filter.min.is_some() || filter.max.is_some() || !filter.strategy.is_empty();
        let stands_alone = all.is_empty() && !asks_candidates && (filter.department.is_empty() || of_account);
        if candidates.is_empty() && !stands_alone {
            continue;
        }
        let login = facts.login.map(|login| fold(graph.text(login))).unwrap_or_default();
        rows.push(Row {
            account: ix,
            situation,
            candidates,
            followers: followers.get(&(node.system, login)).copied().unwrap_or_default(),
            privilege: match estate.access.privilege(graph, ix) {
                Privilege::Certain(level) | Privilege::Undecided { at_most: level, .. } => level,
            },
            is_active: facts.lifecycle.is_active(),
        });
    }
    rows.sort_by_cached_key(Row::gain);
    rows.truncate(filter.limit.unwrap_or(usize::MAX));
    Ok(rows)
}

/// Whether `word` is one of `wanted`, however it is written; everything is where nothing is wanted.
fn is_one_of(wanted: &[String], word: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|one| fold(one) == fold(word))
}

/// Words that nothing bears would silently list nothing.
fn check(room: &Room<'_>, filter: &Filter) -> Result<(), Failure> {
    let problem = |flag: &str, word: &str, known: &[&str]| {
        let near = similar(word, known.iter().copied());
        Diagnostic::error("CLI001", format!("`{flag} {word}` names nothing that there is"))
            .cause(format!("there are {}", known.join(", ")))
            .maybe_fix(near.map(|near| format!("did you mean `{near}`?")))
    };
    let systems: Vec<&str> = room.estate.graph.systems().iter().map(String::as_str).collect();
    let unknown = filter.system.iter().find(|name| !is_one_of_words(name, &systems));
    if let Some(name) = unknown {
        return Err(problem("--system", name, &systems).into());
    }
    let situations = Situation::ALL.map(Situation::as_str);
    if let Some(name) = filter.situation.iter().find(|name| !is_one_of_words(name, &situations)) {
        return Err(problem("--situation", name, &situations).into());
    }
    let mut strategies: Vec<&str> = STRATEGIES.iter().map(|strategy| strategy.name).collect();
    let all = room.estate.graph.accounts().flat_map(|(ix, _)| candidates(&room.estate, ix).1);
    strategies.extend(all.map(|candidate| candidate.strategy));
    strategies.sort_unstable();
    strategies.dedup();
    if let Some(name) = filter.strategy.iter().find(|name| !is_one_of_words(name, &strategies)) {
        return Err(problem("--strategy", name, &strategies).into());
    }
    Ok(())
}

fn is_one_of_words(word: &str, known: &[&str]) -> bool {
    known.iter().any(|one| one.eq_ignore_ascii_case(word))
}

/// For every everyday login, the accounts without a person that are named after it.
fn followers(room: &Room<'_>) -> FxHashMap<(SystemIx, String), u64> {
    let (graph, people) = (&room.estate.graph, &room.estate.people);
    let mut followers = FxHashMap::default();
    for (ix, facts) in graph.accounts().filter(|(ix, _)| people.link(*ix).is_none()) {
        if let Some(base) = facts.login.and_then(|login| people.everyday_login(graph.text(login))) {
            *followers.entry((graph.node(ix).system, base)).or_default() += 1;
        }
    }
    followers
}

/// Department of the employment that counts: the one that runs, else the last.
pub(super) fn department<'a>(room: &'a Room<'_>, person: PersonIx) -> Option<&'a str> {
    account::department(&room.estate, person, room.now)
}

/// "employed", "left on 2026-03-31": where a person stands, in a word or two.
pub(super) fn standing(room: &Room<'_>, person: PersonIx) -> String {
    account::word(&account::standing(&room.estate, person, room.now)).to_owned()
}

/// `muster links list`.
pub(super) fn list(room: &Room<'_>, filter: &Filter) -> Result<Outcome, Failure> {
    let rows = rows(room, filter)?;
    for (choice, file) in targets(&room.session.global.output, &CHOICES)? {
        let answer = match choice.name {
            "csv" | "json" => full(room, &rows),
            _ => short(room, &rows),
        };
        write_as(choice, file.as_deref(), &answer)?;
    }
    let several = rows.iter().filter(|row| row.candidates.len() > 1).count();
    let what = match rows.len() {
        0 if filter.is_empty() => "nothing waits for a decision".to_owned(),
        0 => "nothing matches the filter".to_owned(),
        1 => "1 account".to_owned(),
        more => format!("{more} accounts"),
    };
    let doubt = if room.estate.people.hr_complete() {
        ""
    } else {
        "; HR was not read completely, so candidates may be missing"
    };
    Ok(done(match several {
        0 => format!("{what}{doubt}"),
        _ => format!("{what}, {several} of them with several candidates{doubt}"),
    }))
}

/// For reading: one line an account.
fn short(room: &Room<'_>, rows: &[Row<'_>]) -> Answer {
    let (graph, people) = (&room.estate.graph, &room.estate.people);
    let columns = ["account", "name", "situation", "privilege", "candidate", "confidence", "standing", "why"];
    let rows = rows.iter().map(|row| {
        let node = graph.node(row.account);
        let account = format!("{}:{}", graph.system_name(node.system), graph.text(node.id));
        let best = row.candidates.first();
        let more = row.candidates.len().saturating_sub(1);
        let candidate = best.map(|best| {
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!("{} ({}){more}", people.name(best.person), people.key(best.person))
        });
        let follow = match row.followers {
            0 => String::new(),
            1 => "; 1 account follows".to_owned(),
            several => format!("; {several} accounts follow"),
        };
        vec![
            account.into(),
            graph.name(row.account).into(),
            row.situation.as_str().into(),
            privilege_word(&room.estate.access.privilege(graph, row.account)).into(),
            candidate.map_or(Json::Null, Into::into),
            best.map_or(Json::Null, |best| format!("{} %", percent(best.confidence)).into()),
            best.map_or(Json::Null, |best| standing(room, best.person).into()),
            best.map_or(follow.trim_start_matches("; ").to_owned(), |best| {
                format!("{}: {}{follow}", best.strategy, best.evidence)
            })
            .into(),
        ]
    });
    Answer { columns: columns.map(str::to_owned).to_vec(), rows: rows.collect() }
}

/// For programs and spreadsheets: one line a candidate, with columns to decide in that `muster links apply` reads.
fn full(room: &Room<'_>, rows: &[Row<'_>]) -> Answer {
    let (graph, people) = (&room.estate.graph, &room.estate.people);
    let columns = [
        "decision",
        "reason",
        "expires",
        "system",
        "account",
        "login",
        "name",
        "department",
        "lifecycle",
        "situation",
        "privilege",
        "followers",
        "rank",
        "candidates",
        "person",
        "person_name",
        "person_department",
        "standing",
        "confidence",
        "strategy",
        "evidence",
    ];
    let mut lines = Vec::new();
    for row in rows {
        let node = graph.node(row.account);
        let facts = graph.account(row.account);
        let text = |text: Option<crate::graph::Text>| text.map_or(Json::Null, |text| graph.text(text).into());
        let own = |line: &mut Vec<Json>| {
            line.extend([
                "".into(),
                "".into(),
                "".into(),
                graph.system_name(node.system).into(),
                graph.text(node.id).into(),
                text(facts.and_then(|facts| facts.login)),
                text(node.name),
                text(facts.and_then(|facts| facts.department)),
                facts.map_or(Json::Null, |facts| facts.lifecycle.to_string().into()),
                row.situation.as_str().into(),
                privilege_word(&room.estate.access.privilege(graph, row.account)).into(),
                row.followers.into(),
            ]);
        };
        if row.candidates.is_empty() {
            let mut line = Vec::with_capacity(columns.len());
            own(&mut line);
            line.resize(columns.len(), Json::Null);
            lines.push(line);
        }
        for (rank, candidate) in row.candidates.iter().enumerate() {
            let mut line = Vec::with_capacity(columns.len());
            own(&mut line);
            line.extend([
                (rank as u64 + 1).into(),
                (row.candidates.len() as u64).into(),
                people.key(candidate.person).into(),
                people.name(candidate.person).into(),
                department(room, candidate.person).map_or(Json::Null, Into::into),
                standing(room, candidate.person).into(),
                percent(candidate.confidence).into(),
                candidate.strategy.into(),
                candidate.evidence.as_str().into(),
            ]);
            lines.push(line);
        }
    }
    Answer { columns: columns.map(str::to_owned).to_vec(), rows: lines }
}
