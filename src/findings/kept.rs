//! Findings as a check keeps them: the table `findings`, and what the next check reads of it.

use jiff::Timestamp;
use muster_reports::view::{Finding, OwnerFrom, State, Subject, View};
use polars::prelude::{Column, DataFrame, IntoColumn as _, NamedFrom as _, Series};

use crate::rules::{Check, History};
use crate::snapshot::{Rows, Store, StoreError};

/// Everything a check knows of, as the table `findings` that queries see: found, not confirmed and resolved.
pub fn frame(check: &Check) -> DataFrame {
    let all: Vec<&Finding> = check.findings.iter().chain(&check.unconfirmed).chain(&check.resolved).collect();
    let texts = |name: &str, value: &dyn Fn(&Finding) -> Option<String>| -> Column {
        let values: Vec<Option<String>> = all.iter().map(|finding| value(finding)).collect();
        Series::new(name.into(), values).into_column()
    };
    let instants = |name: &str, value: &dyn Fn(&Finding) -> Option<Timestamp>| -> Column {
        let values: Vec<Option<i64>> = all.iter().map(|one| value(one).map(Timestamp::as_microsecond)).collect();
        let dtype = crate::snapshot::tables::Type::Instant.dtype();
        Series::new(name.into(), values).cast(&dtype).expect("microseconds are an instant").into_column()
    };
    let baseline: Vec<bool> = all.iter().map(|finding| finding.baseline).collect();
    let columns = vec![
        texts("fingerprint", &|finding| Some(finding.fingerprint.clone())),
        texts("rule", &|finding| Some(finding.rule.clone())),
        texts("severity", &|finding| Some(finding.severity.to_string())),
        texts("subject_kind", &|finding| Some(finding.subject.kind.clone())),
        texts("system", &|finding| finding.subject.system.clone()),
        texts("subject", &|finding| Some(finding.subject.id.clone())),
        texts("name", &|finding| Some(finding.subject.name.clone())),
        texts("person", &|finding| finding.subject.person.clone()),
        texts("message", &|finding| Some(finding.message.clone())),
        instants("first_seen", &|finding| Some(finding.first_seen)),
        instants("last_seen", &|finding| Some(finding.last_seen)),
        texts("severity_reason", &|finding| finding.severity_reason.clone()),
        texts("person_id", &|finding| finding.subject.person_id.clone()),
        texts("state", &|finding| Some(finding.state.to_string())),
        texts("state_reason", &|finding| finding.state_reason.clone()),
        texts("unconfirmed", &|finding| finding.unconfirmed.clone()),
        instants("resolved", &|finding| finding.resolved),
        instants("regressed", &|finding| finding.regressed),
        texts("owner", &|finding| finding.owner.as_ref().map(|owner| owner.name.clone())),
        texts("owner_from", &|finding| finding.owner.as_ref().map(|owner| owner.from.as_str().to_owned())),
        texts("exception", &|finding| finding.exception.clone()),
        Series::new("baseline".into(), baseline).into_column(),
        texts("fold", &|finding| finding.fold.as_ref().map(|fold| fold.key.clone())),
        texts("evidence_hash", &|finding| Some(finding.evidence_hash.clone())),
    ];
    DataFrame::new(all.len(), columns).expect("columns of equal length")
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
    let found = (0..rows.len()).map(|row| {
        let rule = rules.text(row);
        let known = crate::rules::find(rule);
        Finding {
            fingerprint: fingerprints.text(row).to_owned(),
            rule: rule.to_owned(),
            slug: known.map_or_else(String::new, |rule| rule.slug.to_owned()),
            title: known.map_or_else(String::new, |rule| rule.title.to_owned()),
            fix: known.map_or_else(String::new, |rule| rule.manual.fix.to_owned()),
            severity: severities.name(row).unwrap_or_default(),
            subject: Subject {
                kind: kinds.text(row).to_owned(),
                system: systems.get(row).map(str::to_owned),
                id: subjects.text(row).to_owned(),
                name: names.text(row).to_owned(),
                person: persons.get(row).map(str::to_owned),
                person_id: None,
            },
            message: messages.text(row).to_owned(),
            first_seen: first_seen.at(row).unwrap_or_default(),
            last_seen: last_seen.at(row).unwrap_or_default(),
            state: states.as_ref().and_then(|states| states.name(row)).unwrap_or_default(),
            evidence_hash: hashes.as_ref().map_or_else(String::new, |hashes| hashes.text(row).to_owned()),
            resolved: resolved.as_ref().and_then(|resolved| resolved.at(row)),
            regressed: regressed.as_ref().and_then(|regressed| regressed.at(row)),
            ..Finding::default()
        }
    });
    Ok(found.collect())
}

/// What the checks before snapshot `sequence` found: the last one tells, for each one hands on what it took over.
///
/// # Errors
/// [`StoreError`] when that check cannot be read.
pub fn history(store: &Store, sequence: u64) -> Result<History, StoreError> {
    for earlier in (1..sequence).rev() {
        let Some((frame, summary)) = store.read_check(earlier)? else { continue };
        let mut history = History {
            earlier: findings(&frame)?.into_iter().map(|one| (one.fingerprint.clone(), one)).collect(),
            checked: true,
            safeguards: store.safeguards_of(earlier)?,
        };
        // The view has the evidence, too; of resolved ones the rows are enough.
        if let Ok(view) = serde_json::from_value::<View>(summary) {
            for finding in view.findings.into_iter().chain(view.unconfirmed) {
                history.earlier.insert(finding.fingerprint.clone(), undecided(finding));
            }
        }
        return Ok(history);
    }
    Ok(History::default())
}

/// A finding without what people decided: they may decide otherwise by the next check.
fn undecided(mut finding: Finding) -> Finding {
    finding.state = if finding.regressed.is_some() { State::Regressed } else { State::Open };
    (finding.state_reason, finding.exception, finding.fold) = (None, None, None);
    finding.baseline = false;
    finding.owner.take_if(|owner| owner.from == OwnerFrom::Decision);
    finding
}
