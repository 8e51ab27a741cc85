//! What is in the rows: columns that emptied, a block of rows that is gone, instants that moved together or lie ahead.

use std::collections::{BTreeMap, HashMap};

use muster_connectors::record::RecordKind;
use muster_connectors::scope::Gap;

use super::files::clocks;
use super::{Question, exceeds};
use crate::snapshot::{Profile, SAMPLE};

/// Offsets between time zones are multiples of a quarter of an hour, and none is larger than 26 hours (tz database).
const QUARTER: i64 = 15 * 60;
const WIDEST: i64 = 26 * 3600;
/// Sampled records that must have moved together: fewer may be chance.
const MOVED: usize = 5;

/// `told` is what is known to be wrong with the amount of rows and with those who left.
pub(super) fn doubts(question: &Question<'_>, told: &[Gap]) -> Vec<Gap> {
    let is_told = |codes: &[&str]| told.iter().any(|gap| codes.contains(&gap.code.as_str()));
    let mut doubts = match question.profile_before() {
        None => first_look(question),
        Some(before) => {
            let mut doubts = emptied(question, before);
            doubts.extend(lost_block(question, before).filter(|_| !is_told(&["GAT001", "GAT002"])));
            doubts.extend(shifted(question, before).filter(|_| !is_told(&["GAT007", "GAT015"])));
            doubts
        }
    };
    doubts.extend(from_the_future(question));
    doubts
}

/// A column of a people feed that is there and has no value in any row.
fn first_look(question: &Question<'_>) -> Vec<Gap> {
    if !question.is_about_people() || question.report.records < u64::from(question.gate.min_change.max(1)) {
        return Vec::new();
    }
    let joins_or_judges = |field: &&String| matches!(field.as_str(), "emails" | "status");
    let empty = question.report.withheld.keys().filter(joins_or_judges);
    empty
        .filter(|field| question.profile.filled(field) == 0)
        .map(|field| {
            let what = format!("{}: `{field}` is empty in all {} rows", question.kind, question.report.records);
            column(what, "the feed has a column for it, and nothing in it")
        })
        .collect()
}

/// Columns that were filled in most rows and are not any more.
fn emptied(question: &Question<'_>, before: &Profile) -> Vec<Gap> {
    let (now, gate) = (question.profile, question.gate);
    let enough = u64::from(gate.min_change.max(1));
    if now.rows < enough || before.rows < enough {
        return Vec::new();
    }
    let emptied = before.filled.iter().filter_map(|(field, was)| {
        let is = now.filled(field);
        // As many as there would be if the column had stayed as full as it was.
        let expected = u64::try_from(u128::from(*was) * u128::from(now.rows) / u128::from(before.rows)).ok()?;
        let was_full = *was * 2 > before.rows;
        let lost = expected.saturating_sub(is);
        (was_full && lost >= enough && exceeds(lost, expected, gate.emptied_percent)).then_some((field, *was, is))
    });
    emptied
        .map(|(field, was, is)| {
            let what = format!(
                "{}: `{field}` is filled in {is} of {} rows, it was in {was} of {}",
                question.kind, now.rows, before.rows
            );
            column(what, "a column that lost its values would be read as changes of people or accounts")
        })
        .collect()
}

fn column(what: String, cause: &str) -> Gap {
    Gap::new("GAT011", what)
        .cause(cause)
        .fix("check that the export still may read the field and that `columns` names the right column")
}

/// Neighbours in the feed that are gone together, while nearly everybody else is still there.
fn lost_block(question: &Question<'_>, before: &Profile) -> Option<Gap> {
    let now: HashMap<u64, Option<i64>> = question.profile.sample.iter().map(|sampled| (sampled.0, sampled.1)).collect();
    // Beyond the highest hash of a full sample nothing is known of a key.
    let known = if question.profile.sample.len() < SAMPLE { u64::MAX } else { *now.keys().max()? };
    let sample: Vec<bool> =
        before.sample.iter().filter(|sampled| sampled.0 <= known).map(|sampled| now.contains_key(&sampled.0)).collect();
    let missing = sample.iter().filter(|found| !**found).count();
    let block = sample.split(|found| *found).map(<[bool]>::len).max().unwrap_or_default();
    // Rows that one sampled key stands for.
    let each = (before.rows / before.sample.len().max(1) as u64).max(1);
    let rows = block as u64 * each;
    // HR ends people, it does not delete them; elsewhere accounts may go in small groups.
    let least = u64::from(question.gate.min_change.max(1)) * if question.is_about_people() { 1 } else { 2 };
    let outside = missing - block;
    let is_block = block >= 3 && rows >= least && exceeds(block as u64, sample.len() as u64, 3) && outside * 2 <= block;
    is_block.then(|| {
        let about = if each == 1 { String::new() } else { "about ".to_owned() };
        Gap::new("GAT012", format!("{}: {about}{rows} rows that stood side by side are gone", question.kind))
            .cause("people and accounts go one by one; a block goes when a page, a department or a part of a file is missing")
            .fix("compare the file or the pages with the last ones; check filters and permissions of the export")
    })
}

/// Instants that cannot change and all moved by the same number of quarters of an hour: a time zone was added or dropped.
fn shifted(question: &Question<'_>, before: &Profile) -> Option<Gap> {
    let earlier: HashMap<u64, i64> = before.sample.iter().filter_map(|sampled| Some((sampled.0, sampled.1?))).collect();
    let mut moves: BTreeMap<i64, usize> = BTreeMap::new();
    let mut compared = 0;
    for sampled in &question.profile.sample {
        let Some((now, then)) = sampled.1.zip(earlier.get(&sampled.0)) else { continue };
        compared += 1;
        *moves.entry(now - then).or_default() += 1;
    }
    let (by, count) = moves.into_iter().filter(|(by, _)| *by != 0).max_by_key(|(by, count)| (*count, -by.abs()))?;
    let is_zone = by % QUARTER == 0 && by.abs() <= WIDEST;
    // A zone with summer time moves the winter by another number of hours than the summer.
    (is_zone && count >= MOVED && count * 3 >= compared).then(|| {
        let hours = format!("{}{}:{:02}", if by < 0 { "-" } else { "+" }, by.abs() / 3600, by.abs() % 3600 / 60);
        let name = if question.kind == RecordKind::Account { "created" } else { "recorded" };
        Gap::new("GAT013", format!("{}: `{name}` moved by {hours} hours in {count} of {compared} rows", question.kind))
            .cause("an instant in the past does not move: the export dropped its time zone, or writes another one")
            .fix("let the export write instants with their zone, or set `time_zone`")
    })
}

/// Records of what has not happened yet.
fn from_the_future(question: &Question<'_>) -> Option<Gap> {
    let (count, latest) = question.observed.ahead.get(&(question.scope.scope.clone(), question.kind))?;
    let least = u64::from(question.gate.min_change.max(1));
    (*count >= least).then(|| {
        clocks(format!(
            "{}: {count} rows tell of what happens after {}, as late as {latest}",
            question.kind, question.now
        ))
    })
}
