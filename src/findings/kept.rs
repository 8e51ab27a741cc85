//! Findings as a check keeps them: the table `findings`, and what the next check reads of it.
//!
//! Beside the columns that queries see stands each finding whole, as JSON ([`WHOLE`]): reports and `muster findings` read it, the
//! next check only where it could not judge again. The summary of the check is its view without findings.

use jiff::Timestamp;
use muster_reports::view::{Finding, Owner, OwnerFrom, State, Subject, View};
use polars::prelude::{Column, DataFrame, IntoColumn as _, NamedFrom as _, Series};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde_json::Value as Json;

use crate::rules::{Check, History};
use crate::snapshot::{Rows, Store, StoreError};

/// The column that holds a finding whole; null where the check before kept no more than its row.
pub const WHOLE: &str = "whole";

/// Findings of a frame.
const FRAME_ROWS: usize = 1 << 15;

/// A view without its findings, which stand in the table.
///
/// # Errors
/// What cannot be JSON.
pub fn summary(view: &mut View) -> Result<Json, serde_json::Error> {
    let findings = [&mut view.findings, &mut view.unconfirmed, &mut view.resolved].map(std::mem::take);
    let summary = serde_json::to_value(&view);
    [view.findings, view.unconfirmed, view.resolved] = findings;
    summary
}

/// Everything a check knows of, as the table `findings`: found, not confirmed and resolved, and `remembered`, which earlier checks
/// saw resolved.
pub fn frames<'a>(view: &'a View, remembered: &'a [Finding]) -> impl Iterator<Item = DataFrame> + 'a {
    let fresh = view.findings.iter().chain(&view.unconfirmed).chain(&view.resolved).map(|finding| (finding, true));
    let mut all = fresh.chain(remembered.iter().map(|finding| (finding, false)));
    let mut is_first = true;
    std::iter::from_fn(move || {
        let rows: Vec<(&Finding, bool)> = all.by_ref().take(FRAME_ROWS).collect();
        (std::mem::take(&mut is_first) || !rows.is_empty()).then(|| frame(&rows))
    })
}

fn frame(rows: &[(&Finding, bool)]) -> DataFrame {
    fn texts<'a>(rows: &[(&'a Finding, bool)], name: &str, of: impl Fn(&'a Finding) -> Option<&'a str>) -> Column {
        let values: Vec<Option<&str>> = rows.iter().map(|(finding, _)| of(finding)).collect();
        Series::new(name.into(), values).into_column()
    }
    let instants = |name: &str, value: &dyn Fn(&Finding) -> Option<Timestamp>| -> Column {
        let values: Vec<Option<i64>> = rows.iter().map(|(one, _)| value(one).map(Timestamp::as_microsecond)).collect();
        let dtype = crate::snapshot::tables::Type::Instant.dtype();
        Series::new(name.into(), values).cast(&dtype).expect("microseconds are an instant").into_column()
    };
    let baseline: Vec<bool> = rows.iter().map(|(finding, _)| finding.baseline).collect();
    let whole = rows.par_iter().map(|(finding, is_fresh)| {
        is_fresh.then(|| serde_json::to_string(finding).expect("findings have text keys and nothing that fails"))
    });
    let whole: Vec<Option<String>> = whole.collect();
    let columns = vec![
        texts(rows, "fingerprint", |finding| Some(&finding.fingerprint)),
        texts(rows, "rule", |finding| Some(&finding.rule)),
        texts(rows, "severity", |finding| Some(finding.severity.as_str())),
        texts(rows, "subject_kind", |finding| Some(&finding.subject.kind)),
        texts(rows, "system", |finding| finding.subject.system.as_deref()),
        texts(rows, "subject", |finding| Some(&finding.subject.id)),
        texts(rows, "name", |finding| Some(&finding.subject.name)),
        texts(rows, "person", |finding| finding.subject.person.as_deref()),
        texts(rows, "message", |finding| Some(&finding.message)),
        instants("first_seen", &|finding| Some(finding.first_seen)),
        instants("last_seen", &|finding| Some(finding.last_seen)),
        texts(rows, "severity_reason", |finding| finding.severity_reason.as_deref()),
        texts(rows, "person_id", |finding| finding.subject.person_id.as_deref()),
        texts(rows, "state", |finding| Some(finding.state.as_str())),
        texts(rows, "state_reason", |finding| finding.state_reason.as_deref()),
        texts(rows, "unconfirmed", |finding| finding.unconfirmed.as_deref()),
        instants("resolved", &|finding| finding.resolved),
        instants("regressed", &|finding| finding.regressed),
        texts(rows, "owner", |finding| finding.owner.as_ref().map(|owner| owner.name.as_str())),
        texts(rows, "owner_from", |finding| finding.owner.as_ref().map(|owner| owner.from.as_str())),
        texts(rows, "exception", |finding| finding.exception.as_deref()),
        Series::new("baseline".into(), baseline).into_column(),
        texts(rows, "fold", |finding| finding.fold.as_ref().map(|fold| fold.key.as_str())),
        texts(rows, "evidence_hash", |finding| Some(&finding.evidence_hash)),
        Series::new(WHOLE.into(), whole).into_column(),
    ];
    DataFrame::new(rows.len(), columns).expect("columns of equal length")
}

/// The rows of the table, without their evidence. Earlier versions kept no states.
///
/// # Errors
/// [`StoreError`] when a column is not what it should be.
pub fn findings(frame: &DataFrame) -> Result<Vec<Finding>, StoreError> {
    let rows = Rows::of(frame, "findings");
    let has = |name: &str| frame.column(name).is_ok();
    let optional = |name: &str| if has(name) { rows.texts(name).map(Some) } else { Ok(None) };
    let instants = |name: &str| if has(name) { rows.instants(name).map(Some) } else { Ok(None) };
    let (fingerprints, rules, severities) = (rows.texts("fingerprint")?, rows.texts("rule")?, rows.texts("severity")?);
    let (kinds, systems, subjects) = (rows.texts("subject_kind")?, rows.texts("system")?, rows.texts("subject")?);
    let (names, persons, messages) = (rows.texts("name")?, rows.texts("person")?, rows.texts("message")?);
    let (first_seen, last_seen) = (rows.instants("first_seen")?, rows.instants("last_seen")?);
    let (states, hashes) = (optional("state")?, optional("evidence_hash")?);
    let (resolved, regressed) = (instants("resolved")?, instants("regressed")?);
    let (reasons, person_ids) = (optional("severity_reason")?, optional("person_id")?);
    let (owners, owners_from) = (optional("owner")?, optional("owner_from")?);
    let found = (0..rows.len()).into_par_iter().map(|row| {
        let rule = rules.text(row);
        let known = crate::rules::find(rule);
        let own = |column: &Option<crate::snapshot::Texts<'_>>| Some(column.as_ref()?.get(row)?.to_owned());
        let from: Option<OwnerFrom> = owners_from.as_ref().and_then(|from| from.name(row));
        Finding {
            fingerprint: fingerprints.text(row).to_owned(),
            rule: rule.to_owned(),
            slug: known.map_or_else(String::new, |rule| rule.slug.to_owned()),
            title: known.map_or_else(String::new, |rule| rule.title.to_owned()),
            fix: known.map_or_else(String::new, |rule| rule.manual.fix.to_owned()),
            severity: severities.name(row).unwrap_or_default(),
            severity_reason: own(&reasons),
            subject: Subject {
                kind: kinds.text(row).to_owned(),
                system: systems.get(row).map(str::to_owned),
                id: subjects.text(row).to_owned(),
                name: names.text(row).to_owned(),
                person: persons.get(row).map(str::to_owned),
                person_id: own(&person_ids),
            },
            message: messages.text(row).to_owned(),
            first_seen: first_seen.at(row).unwrap_or_default(),
            last_seen: last_seen.at(row).unwrap_or_default(),
            state: states.as_ref().and_then(|states| states.name(row)).unwrap_or_default(),
            evidence_hash: hashes.as_ref().map_or_else(String::new, |hashes| hashes.text(row).to_owned()),
            owner: own(&owners).zip(from).map(|(name, from)| Owner { name, from }),
            resolved: resolved.as_ref().and_then(|resolved| resolved.at(row)),
            regressed: regressed.as_ref().and_then(|regressed| regressed.at(row)),
            ..Finding::default()
        }
    });
    Ok(found.collect())
}

/// The findings of a table that it holds whole, in its order; those of which it only has rows are left out. `None` where one was
/// written by another version.
fn whole(frame: &DataFrame, wanted: impl Fn(usize) -> bool + Sync) -> Result<Option<Vec<Finding>>, StoreError> {
    let texts = Rows::of(frame, "findings").texts(WHOLE)?;
    let rows = (0..frame.height()).into_par_iter().filter(|row| wanted(*row)).filter_map(|row| texts.get(row));
    Ok(rows.map(|text| serde_json::from_str(text).ok()).collect())
}

fn has_whole(frame: &DataFrame) -> bool {
    frame.column(WHOLE).is_ok()
}

/// The view of the last check of a snapshot, if there was one of a version that this one understands.
///
/// # Errors
/// [`StoreError`] when it is there and cannot be read.
pub fn view(store: &Store, sequence: u64) -> Result<Option<View>, StoreError> {
    let Some((frame, summary)) = store.read_check(sequence)? else { return Ok(None) };
    let Some(mut view) = view_of(summary) else { return Ok(None) };
    // An earlier version kept the findings in the summary.
    if has_whole(&frame) {
        let Some(all) = whole(&frame, |_| true)? else { return Ok(None) };
        for finding in all {
            let list = match finding.state {
                State::Resolved => &mut view.resolved,
                _ if finding.unconfirmed.is_some() => &mut view.unconfirmed,
                State::Open | State::Regressed | State::Acknowledged | State::Snoozed | State::Accepted => {
                    &mut view.findings
                }
            };
            list.push(finding);
        }
    }
    Ok(Some(view))
}

/// A view that another version wrote is not shown: the snapshot can be checked again.
fn view_of(json: Json) -> Option<View> {
    let view: View = serde_json::from_value(json).ok()?;
    (view.version == muster_reports::view::VIEW_VERSION).then_some(view)
}

/// The number of the newest checked snapshot before `sequence`, with those columns of its findings that `wanted` names.
fn before(store: &Store, sequence: u64, wanted: fn(&str) -> bool) -> Result<Option<(u64, DataFrame)>, StoreError> {
    for earlier in (1..sequence).rev() {
        if let Some(frame) = store.findings_of(earlier, wanted)? {
            return Ok(Some((earlier, frame)));
        }
    }
    Ok(None)
}

/// What the checks before snapshot `sequence` found: the last one tells, for each one hands on what it took over. Without what
/// proves it, see [`recall`].
///
/// # Errors
/// [`StoreError`] when that check cannot be read.
pub fn history(store: &Store, sequence: u64) -> Result<History, StoreError> {
    let Some((earlier, frame)) = before(store, sequence, |column| column != WHOLE)? else {
        return Ok(History::default());
    };
    let all = findings(&frame)?.into_iter().map(|one| (one.fingerprint.clone(), undecided(one)));
    Ok(History {
        earlier: all.collect(),
        checked: true,
        safeguards: store.safeguards_of(earlier)?,
        links: std::collections::BTreeMap::new(),
    })
}

/// Gives what a check took over from the one before its proof back: its evidence and path, and what its rule was called.
///
/// # Errors
/// [`StoreError`] when the check before cannot be read.
pub fn recall(store: &Store, sequence: u64, check: &mut Check, now: Timestamp) -> Result<(), StoreError> {
    let resolved = check.resolved.iter_mut().filter(|finding| finding.resolved == Some(now));
    let bare: FxHashMap<String, &mut Finding> =
        check.unconfirmed.iter_mut().chain(resolved).map(|finding| (finding.fingerprint.clone(), finding)).collect();
    if bare.is_empty() {
        return Ok(());
    }
    let wanted = |column: &str| matches!(column, "fingerprint" | WHOLE);
    let Some((earlier, frame)) = before(store, sequence, wanted)? else { return Ok(()) };
    let told = if has_whole(&frame) {
        let fingerprints = Rows::of(&frame, "findings").texts("fingerprint")?;
        whole(&frame, |row| bare.contains_key(fingerprints.text(row)))?.unwrap_or_default()
    } else {
        let view = store.read_check(earlier)?.and_then(|(_, summary)| view_of(summary)).unwrap_or_default();
        view.findings.into_iter().chain(view.unconfirmed).collect()
    };
    let mut bare = bare;
    for whole in told {
        let Some(finding) = bare.get_mut(&whole.fingerprint) else { continue };
        let Finding { slug, title, fix, controls, evidence, path, .. } = whole;
        (finding.slug, finding.title, finding.fix, finding.controls) = (slug, title, fix, controls);
        (finding.evidence, finding.path) = (evidence, path);
    }
    Ok(())
}

/// A finding without what people decided: they may decide otherwise by the next check.
fn undecided(mut finding: Finding) -> Finding {
    if finding.state != State::Resolved {
        finding.state = if finding.regressed.is_some() { State::Regressed } else { State::Open };
    }
    finding.owner.take_if(|owner| owner.from == OwnerFrom::Decision);
    finding
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use muster_reports::view::{Evidence, VIEW_VERSION};

    use super::*;
    use crate::snapshot::CheckRows;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn finding(fingerprint: &str, state: State) -> Finding {
        let row = Evidence {
            system: "crm".into(),
            table: "accounts".into(),
            id: "7".into(),
            facts: BTreeMap::from([("lifecycle".into(), "active".into())]),
            collected: Some(at(5)),
        };
        Finding {
            fingerprint: fingerprint.into(),
            rule: "OWN-001".into(),
            title: "A rule of their own".into(),
            owner: Some(Owner { name: "ada".into(), from: OwnerFrom::Object }),
            evidence: vec![row],
            first_seen: at(1),
            last_seen: at(9),
            state,
            ..Finding::default()
        }
    }

    /// Keeps a check of snapshot 1, and what earlier checks saw resolved.
    fn keep(store: &Store, view: &mut View, remembered: &[Finding]) {
        let summary = summary(view).unwrap();
        let links = std::iter::once(DataFrame::empty());
        let rows = CheckRows { findings: frames(view, remembered), links, safeguards: BTreeMap::new() };
        store.write_check(&store.lock(None).unwrap(), 1, rows, &summary).unwrap();
    }

    #[test]
    fn a_kept_view_comes_back_whole_and_history_without_its_proof_until_it_is_recalled() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join(".muster")).unwrap();
        let doubtful = Finding { unconfirmed: Some("not read".into()), ..finding("b", State::Open) };
        let over = Finding { resolved: Some(at(9)), ..finding("c", State::Resolved) };
        let remembered = Finding { resolved: Some(at(3)), ..finding("d", State::Resolved) };
        let mut view = View {
            version: VIEW_VERSION,
            findings: vec![finding("a", State::Accepted)],
            unconfirmed: vec![doubtful],
            resolved: vec![over],
            ..View::default()
        };
        let told = view.clone();
        keep(&store, &mut view, std::slice::from_ref(&remembered));
        assert_eq!(view, told);
        assert_eq!(super::view(&store, 1).unwrap(), Some(told));

        let history = history(&store, 2).unwrap();
        assert_eq!(history.earlier.len(), 4);
        let earlier = &history.earlier["a"];
        assert_eq!((earlier.state, earlier.evidence.len()), (State::Open, 0));
        assert_eq!(earlier.owner, finding("a", State::Open).owner);
        assert_eq!(history.earlier["d"].resolved, Some(at(3)));
        let mut check = Check {
            findings: Vec::new(),
            rules: Vec::new(),
            unconfirmed: vec![earlier.clone()],
            resolved: vec![history.earlier["d"].clone()],
        };
        recall(&store, 2, &mut check, at(20)).unwrap();
        let whole = finding("a", State::Open);
        assert_eq!(check.unconfirmed[0].evidence, whole.evidence);
        assert_eq!(check.unconfirmed[0].title, whole.title);
        assert!(check.resolved[0].evidence.is_empty(), "of what was resolved long ago the row is enough");
    }
}
