//! What the gate has to know about the records themselves, gathered while they pass by.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use muster_connectors::record::{EmploymentStatus, Record, RecordKind};
use muster_connectors::scope::Gap;

use crate::config::System;

/// What was seen so far.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Canaries not seen so far, in lower case.
    missing: BTreeSet<String>,
    /// Instants later than this have not happened yet.
    future: Timestamp,
    /// Persons whose employment HR ended, by scope and the second it wrote that down.
    pub(super) seconds: BTreeMap<(String, i64), BTreeSet<String>>,
    /// The same by the last day.
    pub(super) days: BTreeMap<(String, Date), BTreeSet<String>>,
    /// Employments that HR ended, by scope.
    ended: BTreeMap<String, u64>,
    /// Records with an instant in the future that can only lie in the past, by scope and kind, and the latest of them.
    pub(super) ahead: BTreeMap<(String, RecordKind), (u64, Timestamp)>,
}

impl Observed {
    /// An observer of `system` at `now`.
    pub fn new(system: &System, now: Timestamp) -> Self {
        let skew = SignedDuration::try_from(system.gate.max_skew).unwrap_or(SignedDuration::MAX);
        Self {
            missing: system.canaries.iter().map(|(canary, _)| canary.to_lowercase()).collect(),
            future: now.saturating_add(skew).unwrap_or(Timestamp::MAX),
            ..Self::default()
        }
    }

    /// Looks at one record of `scope`.
    pub fn see(&mut self, scope: &str, record: &Record) {
        if !self.missing.is_empty() {
            for name in names(record) {
                self.missing.remove(&name.to_lowercase());
            }
        }
        let past = match record {
            Record::Employment(employment) => {
                if employment.status == EmploymentStatus::Terminated {
                    let person = &employment.person;
                    *self.ended.entry(scope.to_owned()).or_default() += 1;
                    if let Some(instant) = employment.recorded.or(employment.effective) {
                        let key = (scope.to_owned(), instant.as_second());
                        self.seconds.entry(key).or_default().insert(person.clone());
                    }
                    let effective = || Some(employment.effective?.to_zoned(TimeZone::UTC).date());
                    if let Some(day) = employment.end.or_else(effective) {
                        self.days.entry((scope.to_owned(), day)).or_default().insert(person.clone());
                    }
                }
                // HR may know today what counts from tomorrow, but it cannot have written it down tomorrow.
                employment.recorded
            }
            Record::Account(account) => account
                .created
                .known()
                .max(account.last_activity.known())
                .max(account.password_changed.known())
                .copied(),
            Record::Credential(credential) => credential.created.known().max(credential.last_used.known()).copied(),
            Record::Person(_)
            | Record::Group(_)
            | Record::Membership(_)
            | Record::Resource(_)
            | Record::Entitlement(_)
            | Record::Grant(_)
            | Record::Policy(_)
            | Record::Federation(_)
            | Record::AuditEvent(_)
            | Record::Approval(_) => None,
        };
        if let Some(instant) = past.filter(|instant| *instant > self.future) {
            let (count, latest) = self.ahead.entry((scope.to_owned(), record.kind())).or_insert((0, instant));
            *count += 1;
            *latest = instant.max(*latest);
        }
    }

    /// Employments of `scope` that HR ended.
    pub(super) fn ended_in(&self, scope: &str) -> u64 {
        self.ended.get(scope).copied().unwrap_or_default()
    }

    /// The canaries of `system` that did not come.
    pub(super) fn missing_canaries(&self, system: &System) -> Vec<Gap> {
        let missing = system.canaries.iter().filter(|(canary, _)| self.missing.contains(&canary.to_lowercase()));
        missing
            .map(|(canary, place)| {
                Gap::new("GAT004", format!("the canary `{canary}` was not seen"))
                    .cause("the config says that it is there whenever the system is read as a whole")
                    .fix("check what the credential may see, or correct `canaries`")
                    .at(place.to_string())
            })
            .collect()
    }
}

/// Everything a canary may be called by.
fn names(record: &Record) -> Vec<&str> {
    match record {
        Record::Person(person) => std::iter::once(&person.id)
            .chain(&person.employee_ids)
            .chain(&person.emails)
            .chain(&person.legal_name)
            .chain(&person.preferred_name)
            .map(String::as_str)
            .collect(),
        Record::Account(account) => std::iter::once(&account.id)
            .chain(&account.login)
            .chain(&account.native_name)
            .chain(&account.name)
            .chain(&account.employee_id)
            .chain(&account.emails)
            .map(String::as_str)
            .collect(),
        Record::Group(group) => {
            std::iter::once(&group.id).chain(&group.name).chain(&group.native_name).map(String::as_str).collect()
        }
        Record::Resource(resource) => std::iter::once(&resource.id).chain(&resource.name).map(String::as_str).collect(),
        Record::Entitlement(held) => std::iter::once(&held.id).chain(&held.name).map(String::as_str).collect(),
        Record::Policy(policy) => std::iter::once(&policy.id).chain(&policy.name).map(String::as_str).collect(),
        Record::Employment(_)
        | Record::Membership(_)
        | Record::Grant(_)
        | Record::Credential(_)
        | Record::Federation(_)
        | Record::AuditEvent(_)
        | Record::Approval(_) => Vec::new(),
    }
}
