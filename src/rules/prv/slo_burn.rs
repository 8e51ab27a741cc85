use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use muster_connectors::record::{EventOutcome, RecordKind};
use muster_reports::view::{Evidence, Severity};

use crate::controls::MONITOR;
use crate::drift::Operation;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Setting, Subject, Verdict};

const WEEK: SignedDuration = SignedDuration::from_hours(24 * 7);
const HOUR_SECONDS: i64 = 3600;
/// Of a thousand operations so many may fail at first: what is left of metric M1's aim of 99.9 % a week.
const BUDGET_PER_MILLE: u64 = 1;

pub(in crate::rules) static RULE: Rule = Rule {
    id: "PRV-001",
    slug: "provisioning-slo-burn",
    title: "Provisioning SLO burn",
    severity: Severity::Medium,
    controls: &[MONITOR],
    population: Population::Systems,
    needs: &[],
    options: &[
        Setting {
            name: "percent",
            default: 10,
            about: "share of a week's error budget that one hour may use up; the budget is one operation in a thousand (metric M1)",
        },
        Setting {
            name: "failures",
            default: 5,
            about: "failures in one hour below which nothing is concluded (our own default)",
        },
        Setting {
            name: "throttled_percent",
            default: 5,
            about: "share of the week's attempts that may be refused because there were too many (our own default)",
        },
    ],
    manual: Manual {
        finds: "A provisioning log whose operations failed so often within an hour of the last week that a good part of the week's error budget is gone, or of whose attempts too many were refused for being too many.",
        matters: "Provisioning that fails leaves leavers with access and joiners without, and retries hide it: what worked in the end failed first.",
        evidence: "Operations and first failures of the week, the worst hour, and the share of refused attempts.",
        fix: "Ask the owner of the adapter what broke in that hour; slow the calls down where the system refuses them.",
        limits: "Needs a log that tells how operations ended (`outcome`), and for retries which attempts belong together (`operation_id`). What Muster itself could not read is CTL-002 and metric M4.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::System(place) = subject else { return Verdict::NotApplicable };
    let system = facts.systems[place].as_str();
    let Some(row) = facts.graph.coverage().of_system(system).find(|row| row.kind == RecordKind::AuditEvent) else {
        return Verdict::NotApplicable;
    };
    let from = facts.now.checked_sub(WEEK).unwrap_or(Timestamp::MIN);
    let operations = facts.events.operations(system, from);
    if operations.is_empty() {
        return Verdict::NotEvaluated(format!("the log of `{system}` does not tell how operations ended"));
    }
    let all = operations.len() as u64;
    let failed = |operation: &&Operation| operation.first != EventOutcome::Success;
    let mut hours: BTreeMap<i64, u64> = BTreeMap::new();
    for operation in operations.iter().filter(failed) {
        *hours.entry(operation.at.as_second().div_euclid(HOUR_SECONDS)).or_default() += 1;
    }
    let mut faults = Vec::new();
    // The fullest hour, the latest of several.
    let worst =
        hours.iter().max_by_key(|(hour, failures)| (**failures, **hour)).map(|(hour, failures)| (*hour, *failures));
    let option = |name| facts.option(&RULE, name).unsigned_abs();
    if let Some((hour, failures)) = worst {
        // failures / (all × budget) > percent, in whole numbers.
        let is_burnt = failures * 1000 * 100 > option("percent").saturating_mul(all * BUDGET_PER_MILLE);
        if failures >= option("failures") && is_burnt {
            let begins = Timestamp::from_second(hour * HOUR_SECONDS).unwrap_or(facts.now);
            let percent = failures * 1000 * 100 / (all * BUDGET_PER_MILLE);
            faults.push(format!(
                "{failures} operations failed in the hour from {}, {percent} % of the week's error budget",
                begins.strftime("%Y-%m-%d %H:%M"),
            ));
        }
    }
    let attempts: u64 = operations.iter().map(|operation| u64::from(operation.attempts)).sum();
    let throttled: u64 = operations.iter().map(|operation| u64::from(operation.throttled)).sum();
    if throttled >= option("failures") && throttled * 100 > option("throttled_percent").saturating_mul(attempts) {
        faults.push(format!("{throttled} of {attempts} attempts were refused for being too many"));
    }
    if faults.is_empty() {
        return if row.proves_absence { Verdict::Pass } else { Verdict::NotEvaluated(row.shortfall()) };
    }
    let retried = operations.iter().filter(|operation| operation.is_retried).count();
    let shown = [
        ("operations", all),
        ("failed_first", hours.values().sum()),
        ("retried", retried as u64),
        ("throttled", throttled),
        ("worst_hour", worst.map_or(0, |(_, failures)| failures)),
    ];
    Failure::new(format!("Provisioning in {system} misses its aim: {}.", faults.join("; ")))
        .row(Evidence {
            system: system.to_owned(),
            table: "audit_events".to_owned(),
            id: "operations of a week".to_owned(),
            facts: shown.into_iter().map(|(name, count)| (name.to_owned(), count.to_string())).collect(),
            collected: row.collected,
        })
        .verdict()
}
