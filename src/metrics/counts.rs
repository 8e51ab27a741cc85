//! Metrics that one snapshot, its check and its logs tell.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use muster_connectors::record::{CredentialState, EventOutcome, RecordKind};
use muster_reports::view::RuleSummary;

use super::{Ground, Metric, Missing, Sample, Unit, percentile};
use crate::drift::Outcome;
use crate::graph::{CoverageRow, Credential, RowState};
use crate::snapshot::StoreError;

/// What every metric here begins with.
fn metric(
    id: &'static str,
    name: &'static str,
    title: &'static str,
    unit: Unit,
    target: &'static str,
    definition: &'static str,
) -> Metric {
    Metric { id, name, title, definition, target, unit, samples: Vec::new(), subjects: 0, not_evaluated: Vec::new() }
}

/// M1: how the first attempts of a week ended.
pub(super) fn provisioning_success(ground: &Ground<'_>) -> Result<Metric, StoreError> {
    let metric = metric(
        "M1",
        "provisioning_success_ratio",
        "Provisioning success rate",
        Unit::Ratio,
        "99.9 % a week",
        "First attempts of a week's provisioning operations that succeeded, of all of them, by system; those that a later attempt saved apart.",
    );
    let events = &ground.estate.since()?.events;
    let from = ground.now.checked_sub(SignedDuration::from_hours(24 * 7)).unwrap_or(Timestamp::MIN);
    let rows = ground.estate.graph.coverage().rows().iter().filter(|row| row.kind == RecordKind::AuditEvent);
    let (mut samples, mut missing, mut subjects) = (Vec::new(), Vec::new(), 0_u64);
    let logs: BTreeMap<&str, &CoverageRow> = rows.map(|row| (row.system.as_str(), row)).collect();
    for (system, row) in logs {
        let operations = events.operations(system, from);
        if operations.is_empty() {
            continue;
        }
        let all = operations.len() as f64;
        let first = operations.iter().filter(|operation| operation.first == EventOutcome::Success).count();
        let retried = operations.iter().filter(|operation| operation.is_retried).count();
        for (share, count) in [("first_attempt", first), ("retried", retried)] {
            let labels = vec![("system", system.to_owned()), ("share", share.to_owned())];
            samples.push(Sample::exactly(labels, count as f64 / all));
        }
        subjects += operations.len() as u64;
        if !row.proves_absence {
            missing.push(Missing { cause: row.shortfall(), subjects: None });
        }
    }
    if samples.is_empty() {
        return Ok(metric.without("no source supplies provisioning logs that tell how operations ended"));
    }
    Ok(Metric { samples, subjects, not_evaluated: missing, ..metric })
}

/// M7: how many wait, by approver, and for how long.
pub(super) fn approval_queue(ground: &Ground<'_>) -> Result<[Metric; 2], StoreError> {
    let pending = metric(
        "M7",
        "approvals_pending",
        "Approval queue",
        Unit::Count,
        "fewer than 10",
        "Requests that wait for a decision now: all of them, and those of each approver.",
    );
    let age = metric(
        "M7",
        "approvals_pending_age_seconds",
        "Age of the approval queue",
        Unit::Seconds,
        "no older than a request may wait",
        "Seconds since each request was made that waits now.",
    );
    let events = &ground.estate.since()?.events;
    let told = events.approvals().iter().any(|one| one.outcome == Outcome::Open || one.requested_at.is_some());
    if !told {
        let why = "no source supplies pending requests: approvals are decided ones";
        return Ok([pending.without(why), age.without(why)]);
    }
    let open = || events.approvals().iter().filter(|one| one.outcome == Outcome::Open && one.state != RowState::Stale);
    let mut approvers: BTreeMap<&str, u64> = BTreeMap::new();
    for one in open().filter(|one| one.decided_by.is_some()) {
        *approvers.entry(events.written(one.decided_by)).or_default() += 1;
    }
    let mut samples = vec![Sample::exactly(Vec::new(), open().count() as f64)];
    samples.extend(
        approvers.into_iter().map(|(name, count)| Sample::exactly(vec![("approver", name.to_owned())], count as f64)),
    );
    let mut ages: Vec<f64> =
        open().filter_map(|one| Some(ground.now.duration_since(one.requested_at?).as_secs_f64().max(0.0))).collect();
    ages.sort_unstable_by(f64::total_cmp);
    let undated = (open().count() - ages.len()) as u64;
    let mut rows = ground.estate.graph.coverage().rows().iter().filter(|row| row.kind == RecordKind::Approval);
    let short = rows.find(|row| !row.proves_absence);
    let short: Vec<Missing> = short.map(|row| Missing { cause: row.shortfall(), subjects: None }).into_iter().collect();
    let subjects = open().count() as u64;
    let pending = Metric { samples, subjects, not_evaluated: short.clone(), ..pending };
    let percents = [50, 95, 100].into_iter().filter_map(|percent| Some((percent, percentile(&ages, percent)?)));
    let samples =
        percents.map(|(percent, value)| Sample::exactly(vec![("percentile", percent.to_string())], value)).collect();
    let mut missing = short;
    if undated > 0 {
        let cause = "the request does not say when it was made".to_owned();
        missing.push(Missing { cause, subjects: Some(undated) });
    }
    if ages.is_empty() && missing.is_empty() {
        return Ok([pending, age.without("no request waits")]);
    }
    let age = Metric { samples, subjects: ages.len() as u64, not_evaluated: missing, ..age };
    Ok([pending, age])
}

/// M10.
pub(super) fn incidents() -> Metric {
    metric(
        "M10",
        "provisioning_incidents",
        "Incidents that provisioning caused",
        Unit::Count,
        "none a month",
        "Incidents that are linked to a change of a grant or policy within the blast window.",
    )
    .without("no source supplies incidents")
}

/// M3: everything the drift rules found, and what they could not compare.
pub(super) fn drift_rate(ground: &Ground<'_>) -> Metric {
    let metric = metric(
        "M3",
        "drift_ratio",
        "Reconciliation drift rate",
        Unit::Ratio,
        "below 0.1 % a day",
        "Drifted items (findings of the drift rules) for each identity in completely read scopes; with the share of all items \
         that could be compared.",
    );
    let rules: Vec<&RuleSummary> = ground.rules.iter().filter(|rule| rule.rule.starts_with("DRF-")).collect();
    let graph = &ground.estate.graph;
    let is_complete = |state: RowState| state == RowState::Complete;
    let identities = graph.accounts().filter(|(ix, _)| is_complete(graph.node(*ix).state)).count() as u64;
    let [judged, drifted] =
        [rules.iter().map(|rule| rule.pass + rule.fail).sum::<u64>(), rules.iter().map(|rule| rule.fail).sum::<u64>()];
    let all: u64 = rules.iter().map(|rule| rule.population).sum();
    if judged == 0 || identities == 0 {
        return metric.without("nothing was compared: there is no earlier snapshot, or it was not read completely");
    }
    Metric {
        samples: vec![
            Sample::exactly(vec![("share", "drifted".to_owned())], drifted as f64 / identities as f64),
            Sample::exactly(vec![("share", "comparable".to_owned())], judged as f64 / all as f64),
        ],
        subjects: identities,
        not_evaluated: causes(&rules),
        ..metric
    }
}

fn causes(rules: &[&RuleSummary]) -> Vec<Missing> {
    let mut causes: BTreeMap<&str, u64> = BTreeMap::new();
    for reason in rules.iter().flat_map(|rule| &rule.reasons) {
        *causes.entry(&reason.cause).or_default() += reason.subjects;
    }
    causes.into_iter().map(|(cause, subjects)| Missing { cause: cause.to_owned(), subjects: Some(subjects) }).collect()
}

/// M4: what a collector could not read, each call once however many kinds of record it cost.
pub(super) fn failed_calls(ground: &Ground<'_>) -> Metric {
    // System, connector and code; the scopes and messages under each.
    let mut calls: BTreeMap<[&str; 3], BTreeSet<[&str; 2]>> = BTreeMap::new();
    let mut systems: BTreeMap<&str, &str> = BTreeMap::new();
    for row in ground.estate.graph.coverage().rows() {
        systems.insert(&row.system, &row.connector);
        for gap in &row.gaps {
            calls.entry([&row.system, &row.connector, &gap.code]).or_default().insert([&row.scope, &gap.what]);
        }
    }
    let label = |system: &str, connector: &str, error: &str| {
        vec![("system", system.to_owned()), ("connector", connector.to_owned()), ("error", error.to_owned())]
    };
    let quiet = systems.iter().filter(|(system, _)| !calls.keys().any(|[failed, ..]| failed == *system));
    let mut samples: Vec<Sample> =
        quiet.map(|(system, connector)| Sample::exactly(label(system, connector, "none"), 0.0)).collect();
    let failed = calls
        .iter()
        .map(|([system, connector, code], calls)| Sample::exactly(label(system, connector, code), calls.len() as f64));
    samples.extend(failed);
    samples.sort_by(|a, b| a.labels.cmp(&b.labels));
    let subjects = systems.len() as u64;
    Metric {
        samples,
        subjects,
        ..metric(
            "M4",
            "collector_gaps",
            "Failed adapter calls",
            Unit::Count,
            "none",
            "What each collector could not read or what the gate did not believe, by error code (`muster explain CODE`); a call \
             counts once, not once a retry.",
        )
    }
}

/// M5: between those that are orphans for certain and those that may be.
pub(super) fn orphans(ground: &Ground<'_>) -> Metric {
    let metric = metric(
        "M5",
        "orphan_accounts",
        "Orphan accounts",
        Unit::Count,
        "none, once the window has passed",
        "Accounts for which ORP-001 is true; at most those for which it could not be judged as well.",
    );
    let Some(rule) = ground.rules.iter().find(|rule| rule.rule == "ORP-001") else {
        return metric.without("ORP-001 was not asked");
    };
    Metric {
        samples: vec![Sample {
            labels: Vec::new(),
            lower: rule.fail as f64,
            upper: Some((rule.fail + rule.not_evaluated) as f64),
        }],
        subjects: rule.population,
        not_evaluated: causes(&[rule]),
        ..metric
    }
}

/// M9: changes with a record in the log, of all changes that were seen.
pub(super) fn audit_completeness(ground: &Ground<'_>) -> Metric {
    let metric = metric(
        "M9",
        "audit_log_completeness_ratio",
        "Audit log completeness",
        Unit::Ratio,
        "all critical changes",
        "Changes that snapshots show and the audit log has, of those that snapshots show (CTL-004).",
    );
    let rule = ground.rules.iter().find(|rule| rule.rule == "CTL-004").filter(|rule| rule.pass + rule.fail > 0);
    let Some(rule) = rule else {
        return metric.without("no source supplies an audit log beside changes to compare it with");
    };
    let share = |logged: u64| logged as f64 / rule.population as f64;
    Metric {
        samples: vec![Sample {
            labels: Vec::new(),
            lower: share(rule.pass),
            upper: Some(share(rule.pass + rule.not_evaluated)),
        }],
        subjects: rule.population,
        not_evaluated: causes(&[rule]),
        ..metric
    }
}

/// M8.
pub(super) fn secret_age(ground: &Ground<'_>) -> Metric {
    let ages = by_class(ground, |credential| {
        let made = credential.renewed().at()?;
        Some(ground.now.duration_since(made).as_secs_f64().max(0.0))
    });
    ages.metric(
        metric(
            "M8",
            "secret_age_seconds",
            "Secrets rotation age",
            Unit::Seconds,
            "under 30 days for what is short-lived",
            "Seconds since a working credential was made or last rotated, by class.",
        ),
        "the system does not say when the credential was made",
    )
}

/// M11: how long tokens are good for.
pub(super) fn token_lifetime(ground: &Ground<'_>) -> Metric {
    let lifetimes = by_class(ground, |credential| {
        let (from, until) = (credential.renewed().at()?, credential.expires.at()?);
        Some(until.duration_since(from).as_secs_f64().max(0.0))
    });
    lifetimes.metric(
        metric(
            "M11",
            "token_lifetime_seconds",
            "Token lifetime",
            Unit::Seconds,
            "no longer than the policy of its class",
            "Seconds from the making of a working credential to its expiry, by class.",
        ),
        "it never expires, or the system does not say when it was made or ends",
    )
}

#[derive(Default)]
struct ByClass {
    values: BTreeMap<String, Vec<f64>>,
    unknown: u64,
    unread: Option<String>,
}

/// A number of every credential that works.
fn by_class(ground: &Ground<'_>, number: impl Fn(&Credential) -> Option<f64>) -> ByClass {
    let mut all = ByClass::default();
    let graph = &ground.estate.graph;
    for (_, credential) in graph.credentials() {
        let is_off = match credential.status {
            CredentialState::Active | CredentialState::Unknown => false,
            CredentialState::Inactive | CredentialState::Expired | CredentialState::Revoked => true,
        };
        let is_over = credential.expires.at().is_some_and(|expires| expires <= ground.now);
        if is_off || is_over || credential.state == RowState::Stale {
            continue;
        }
        match number(credential) {
            Some(value) => all.values.entry(credential.kind.to_string()).or_default().push(value),
            None => all.unknown += 1,
        }
    }
    let mut rows = graph.coverage().rows().iter().filter(|row| row.kind == RecordKind::Credential);
    all.unread = rows.find(|row| !row.proves_absence).map(CoverageRow::shortfall);
    all
}

impl ByClass {
    fn metric(mut self, metric: Metric, unknown: &str) -> Metric {
        let mut samples = Vec::new();
        for (class, values) in &mut self.values {
            values.sort_unstable_by(f64::total_cmp);
            for percent in [50, 95, 100] {
                let Some(value) = percentile(values, percent) else { continue };
                samples
                    .push(Sample::exactly(vec![("class", class.clone()), ("percentile", percent.to_string())], value));
            }
        }
        let mut missing: Vec<Missing> =
            self.unread.map(|cause| Missing { cause, subjects: None }).into_iter().collect();
        if self.unknown > 0 {
            missing.push(Missing { cause: unknown.to_owned(), subjects: Some(self.unknown) });
        }
        if samples.is_empty() && missing.is_empty() {
            return metric.without("no system yields credentials that work");
        }
        let subjects = self.values.values().map(|values| values.len() as u64).sum();
        Metric { samples, subjects, not_evaluated: missing, ..metric }
    }
}

/// M12: how far the links reach.
pub(super) fn link_coverage(ground: &Ground<'_>) -> Metric {
    let metric = metric(
        "M12",
        "link_coverage_ratio",
        "Correlation coverage",
        Unit::Ratio,
        "all accounts of people",
        "Active accounts of the classes human and admin that are linked to a person, of all of them, by system.",
    );
    let (graph, people) = (&ground.estate.graph, &ground.estate.people);
    let mut systems: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (ix, account) in graph.accounts().filter(|(ix, account)| people.is_human(*ix) && account.lifecycle.is_active())
    {
        let node = graph.node(ix);
        if node.state == RowState::Stale || account.is_root {
            continue;
        }
        let (linked, all) = systems.entry(graph.system_name(node.system)).or_default();
        *linked += u64::from(people.link(ix).is_some());
        *all += 1;
    }
    if systems.is_empty() {
        return metric.without("no system has active accounts of people");
    }
    let samples = systems.iter().map(|(system, (linked, all))| {
        Sample::exactly(vec![("system", (*system).to_owned())], *linked as f64 / *all as f64)
    });
    let mut rows = graph.coverage().rows().iter();
    let short = rows.find(|row| matches!(row.kind, RecordKind::Person | RecordKind::Account) && !row.proves_absence);
    Metric {
        samples: samples.collect(),
        subjects: systems.values().map(|(_, all)| all).sum(),
        not_evaluated: short.map(|row| Missing { cause: row.shortfall(), subjects: None }).into_iter().collect(),
        ..metric
    }
}
