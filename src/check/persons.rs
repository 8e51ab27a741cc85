//! Persons for the outside: how config and policy want feeds merged, which decisions have no effect, and the tables `people` and
//! `person_conflicts`.

use jiff::{Timestamp, ToSpan as _};
use polars::prelude::{Column, DataFrame, IntoColumn as _, NamedFrom as _, Series};

use super::Estate;
use crate::config::Config;
use crate::config::policy::PersonDecision;
use crate::diagnostic::Diagnostic;
use crate::people::{Decision, Merging, Person, Standing};

/// How the config and the policy folder want feeds to be merged.
pub(super) fn merging(config: &Config, now: Timestamp) -> Merging {
    let decisions = decisions(config, now).map(|decision| Decision {
        verdict: decision.verdict.clone(),
        records: decision.records.clone(),
        author: decision.author.clone(),
        reason: decision.reason.clone(),
    });
    Merging {
        zone: Some(config.timezone.value.clone()),
        precedence: config.people.precedence.clone(),
        attributes: config.people.attributes.clone(),
        join: config.people.join.clone(),
        decisions: decisions.collect(),
        vanish_after: jiff::SignedDuration::from_hours(24 * i64::from(config.people.vanish_days)),
    }
}

/// Decisions about persons that count at `now`.
fn decisions(config: &Config, now: Timestamp) -> impl Iterator<Item = &PersonDecision> {
    let counts =
        move |expires: Option<jiff::civil::Date>| expires.and_then(|day| over(config, day)).is_none_or(|at| now < at);
    config.policy.persons.iter().filter(move |decision| counts(decision.expires))
}

/// When the last day of a decision is over.
fn over(config: &Config, day: jiff::civil::Date) -> Option<Timestamp> {
    Some(day.checked_add(1.day()).ok()?.to_zoned(config.timezone.value.clone()).ok()?.timestamp())
}

/// What people decided and what has no effect: decisions about persons that name a record no feed has.
///
/// A feed that was not read completely may have it tomorrow: then nothing is said.
pub fn decision_problems(estate: &Estate, config: &Config, now: Timestamp) -> Vec<Diagnostic> {
    if !estate.people.hr_complete() {
        return Vec::new();
    }
    let decisions: Vec<&PersonDecision> = decisions(config, now).collect();
    let unresolved = estate.people.unresolved_decisions().iter().filter_map(|number| decisions.get(*number));
    unresolved
        .map(|decision| {
            let records: Vec<String> =
                decision.records.iter().map(|(system, key)| format!("`{system}:{key}`")).collect();
            let what = format!("no feed has all that a decision about persons names: {}", records.join(", "));
            Diagnostic::warning("CFG019", what)
                .place(decision.place.clone())
                .fix("correct the keys, or remove the decision when the record is gone for good")
        })
        .collect()
}

/// Persons as the table `people` that queries see: one row a person, whatever number of feeds tell of them.
pub fn people_frame(estate: &Estate, now: Timestamp) -> DataFrame {
    let people = &estate.people;
    let texts = |name: &str, value: &dyn Fn(&Person) -> Option<String>| -> Column {
        let values: Vec<Option<String>> = people.persons().map(|(_, person)| value(person)).collect();
        Series::new(name.into(), values).into_column()
    };
    let lists = |name: &str, value: &dyn Fn(&Person) -> Vec<String>| -> Column {
        let values: Vec<Series> = people.persons().map(|(_, person)| Series::new("".into(), value(person))).collect();
        let dtype = crate::snapshot::tables::Type::List.dtype();
        if values.is_empty() { Series::new_empty(name.into(), &dtype) } else { Series::new(name.into(), values) }
            .into_column()
    };
    let instants = |name: &str, value: &dyn Fn(&Person) -> Option<Timestamp>| -> Column {
        let values: Vec<Option<i64>> =
            people.persons().map(|(_, person)| value(person).map(Timestamp::as_microsecond)).collect();
        let dtype = crate::snapshot::tables::Type::Instant.dtype();
        Series::new(name.into(), values).cast(&dtype).expect("microseconds are an instant").into_column()
    };
    let own = |text: crate::graph::Text| people.text(text).to_owned();
    let standings: Vec<&str> = people.persons().map(|(ix, _)| people.standing(ix, now).as_str()).collect();
    let ended: Vec<Option<i64>> = people
        .persons()
        .map(|(ix, _)| match people.standing(ix, now) {
            Standing::Ended { at, .. } => at.map(Timestamp::as_microsecond),
            Standing::Employed | Standing::OnLeave | Standing::Future { .. } | Standing::Unknown => None,
        })
        .collect();
    let instant = crate::snapshot::tables::Type::Instant.dtype();
    let columns = vec![
        texts("person", &|person| Some(own(person.key))),
        texts("name", &|person| person.name.map(own)),
        lists("records", &|person| {
            person.feeds.iter().map(|(system, id)| format!("{}:{}", people.text(*system), people.text(*id))).collect()
        }),
        lists("emails", &|person| person.emails.iter().map(|email| own(*email)).collect()),
        lists("employee_ids", &|person| person.employee_ids.iter().map(|id| own(*id)).collect()),
        Series::new("standing".into(), standings).into_column(),
        Series::new("ended".into(), ended).cast(&instant).expect("microseconds are an instant").into_column(),
        instants("vanished", &|person| person.vanished),
        instants("returned", &|person| person.returned),
    ];
    DataFrame::new(people.persons().len(), columns).expect("columns of equal length")
}

/// What feeds say differently of one person, as the table `person_conflicts` that queries see: one row a feed and attribute.
pub fn conflicts_frame(estate: &Estate) -> DataFrame {
    let people = &estate.people;
    let (mut persons, mut attributes, mut feeds) = (Vec::new(), Vec::new(), Vec::new());
    let (mut values, mut used) = (Vec::new(), Vec::new());
    for (ix, _) in people.persons() {
        for said in people.conflicts(ix) {
            persons.push(people.key(ix));
            attributes.push(said.attribute.as_str());
            feeds.push(people.text(said.system));
            values.push(people.text(said.value));
            used.push(said.used);
        }
    }
    let height = persons.len();
    let columns = vec![
        Series::new("person".into(), persons).into_column(),
        Series::new("attribute".into(), attributes).into_column(),
        Series::new("feed".into(), feeds).into_column(),
        Series::new("value".into(), values).into_column(),
        Series::new("used".into(), used).into_column(),
    ];
    DataFrame::new(height, columns).expect("columns of equal length")
}
