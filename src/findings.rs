//! Findings and what people decided about them: which are open, put off, accepted or left from the day of adoption.
//!
//! ```text
//!   rules ──► found, not confirmed, resolved ─┐
//!   policy/findings.toml, exceptions.toml ────┼─► state of each finding, what each accepted risk does, what is left of the baseline
//!   policy/baseline.toml ─────────────────────┘
//! ```
//!
//! A pure function of the findings, the policy and the day: `muster findings list` asks it again, so that a decision shows at once.

pub mod kept;

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use muster_reports::view::{self, ExceptionNote, Finding, Owner, OwnerCount, OwnerFrom, State};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::config::Policy;
use crate::config::policy::{Exception, FindingDecision, Handling, is_like};
use crate::rules::ctl::exception_lapsed;
use crate::rules::{self, Options};

/// What people decided, ready to be looked up.
#[derive(Debug)]
pub struct Book<'a> {
    policy: &'a Policy,
    zone: TimeZone,
    today: Date,
    acknowledged: FxHashMap<&'a str, &'a FindingDecision>,
    snoozed: FxHashMap<&'a str, &'a FindingDecision>,
    owned: FxHashMap<&'a str, &'a FindingDecision>,
    by_finding: FxHashMap<&'a str, Vec<usize>>,
    by_rule: FxHashMap<&'a str, Vec<usize>>,
    /// Whether each exception counts today, by its place.
    standing: Vec<Standing>,
}

/// Whether an accepted risk counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It counts until this day.
    InForce(Date),
    /// Its last day is over.
    Expired(Date),
    /// Nobody but its owner approved it, or its first day is still to come.
    NotApproved(String),
    /// It was taken back.
    Withdrawn,
}

/// How findings fit an accepted risk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Use {
    covers: u64,
    changed: u64,
}

impl<'a> Book<'a> {
    /// Opens it for the day `now` is in the config's zone.
    pub fn of(policy: &'a Policy, options: &Options, now: jiff::Timestamp) -> Self {
        let zone = options.zone.clone().unwrap_or(TimeZone::UTC);
        let today = now.to_zoned(zone.clone()).date();
        let days = options.value(&exception_lapsed::RULE, "max_days");
        let standing = policy.exceptions.iter().map(|exception| standing(exception, today, days)).collect();
        let of = |wanted: Handling| {
            let counts = policy.findings.iter().filter(move |one| one.verdict == wanted && !one.withdrawn);
            counts.map(|one| (one.finding.as_str(), one)).collect()
        };
        let mut by_finding: FxHashMap<&str, Vec<usize>> = FxHashMap::default();
        let mut by_rule: FxHashMap<&str, Vec<usize>> = FxHashMap::default();
        for (place, exception) in policy.exceptions.iter().enumerate() {
            for finding in &exception.findings {
                by_finding.entry(finding).or_default().push(place);
            }
            if exception.findings.is_empty() {
                for rule in &exception.rules {
                    by_rule.entry(rule).or_default().push(place);
                }
            }
        }
        Self {
            policy,
            zone,
            today,
            acknowledged: of(Handling::Acknowledge),
            snoozed: of(Handling::Snooze),
            owned: of(Handling::Owner),
            by_finding,
            by_rule,
            standing,
        }
    }

    /// Gives every finding the state that the decisions leave it; what an earlier call gave is forgotten.
    pub fn decide(&self, findings: &mut [Finding]) {
        for finding in findings {
            self.decide_one(finding);
        }
    }

    fn decide_one(&self, finding: &mut Finding) {
        finding.exception = None;
        finding.state_reason = None;
        finding.baseline = false;
        if let Some(decision) = self.owned.get(finding.fingerprint.as_str())
            && let Some(owner) = &decision.owner
        {
            finding.owner = Some(Owner { name: owner.clone(), from: OwnerFrom::Decision });
        }
        let mut notes = Vec::new();
        (finding.state, finding.exception) = self.state(finding, &mut notes);
        finding.baseline = self.is_adopted(finding, &mut notes);
        finding.state_reason = (!notes.is_empty()).then(|| notes.join("; "));
    }

    /// State and exception. What no longer counts is noted, and so is what does.
    fn state(&self, finding: &Finding, notes: &mut Vec<String>) -> (State, Option<String>) {
        let regressed = finding.regressed.map(|at| at.to_zoned(self.zone.clone()).date());
        for place in self.candidates(finding) {
            let exception = &self.policy.exceptions[place];
            let id = &exception.id;
            match &self.standing[place] {
                Standing::InForce(_) if !has_evidence(exception, finding) => {
                    notes.push(format!("{id} no longer covers it: what proves it has changed"));
                }
                Standing::InForce(until) => {
                    let by = exception.approver.as_deref().unwrap_or_default();
                    let note = format!("accepted until {until} by {by} ({id}): {}", exception.reason);
                    *notes = vec![note];
                    return (State::Accepted, Some(id.clone()));
                }
                Standing::Expired(day) => notes.push(format!("{id} expired on {day}")),
                Standing::NotApproved(why) => notes.push(format!("{id} does not count: {why}")),
                Standing::Withdrawn => {}
            }
        }
        let fingerprint = finding.fingerprint.as_str();
        if let Some(snooze) = self.snoozed.get(fingerprint)
            && let Some(until) = snooze.until
        {
            if self.today <= until {
                notes.push(format!("put off until {until} by {}: {}", snooze.author, snooze.reason));
                return (State::Snoozed, None);
            }
            notes.push(format!("put off until {until}, which is over"));
        }
        if let Some(known) = self.acknowledged.get(fingerprint) {
            if regressed.is_none_or(|day| known.decided >= day) {
                notes.push(format!("{} knows of it since {}: {}", known.author, known.decided, known.reason));
                return (State::Acknowledged, None);
            }
            notes.push(format!("{} knew of it before it was resolved", known.author));
        }
        match finding.regressed {
            Some(at) => {
                let before = finding.resolved.map(|at| format!("in order on {}, ", day(at))).unwrap_or_default();
                notes.push(format!("{before}true again since {}", day(at)));
                (State::Regressed, None)
            }
            None => (State::Open, None),
        }
    }

    /// Places of the exceptions that mean a finding, in file order.
    fn candidates(&self, finding: &Finding) -> Vec<usize> {
        let named = self.by_finding.get(finding.fingerprint.as_str()).into_iter().flatten();
        let fits = |place: &&usize| fits(&self.policy.exceptions[**place], finding);
        let by_rule = self.by_rule.get(finding.rule.as_str()).into_iter().flatten().filter(fits);
        let mut places: Vec<usize> = named.chain(by_rule).copied().collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    fn is_adopted(&self, finding: &Finding, notes: &mut Vec<String>) -> bool {
        let Some(baseline) = &self.policy.baseline else { return false };
        let Some(was) = baseline.findings.get(&finding.fingerprint) else { return false };
        if finding.severity > *was {
            notes.push(format!("it was {was} when Muster was adopted and is {} now", finding.severity));
        }
        finding.regressed.is_none() && finding.severity <= *was
    }

    /// What each accepted risk does to these findings, in file order.
    pub fn exceptions(&self, findings: &[Finding]) -> Vec<ExceptionNote> {
        let mut uses = vec![Use::default(); self.policy.exceptions.len()];
        for finding in findings {
            for place in self.candidates(finding) {
                let fits = has_evidence(&self.policy.exceptions[place], finding);
                let one = &mut uses[place];
                if fits { one.covers += 1 } else { one.changed += 1 }
            }
        }
        let notes = self.policy.exceptions.iter().zip(&self.standing).zip(uses);
        notes.map(|((exception, standing), used)| note(exception, standing, used)).collect()
    }

    /// What is left of the baseline; `found` and `unconfirmed` with their states.
    pub fn baseline(&self, found: &[Finding], unconfirmed: &[Finding]) -> Option<view::Baseline> {
        let baseline = self.policy.baseline.as_ref()?;
        let held = found.iter().chain(unconfirmed).filter(|one| baseline.findings.contains_key(&one.fingerprint));
        let (mut left, mut worse) = (0, 0);
        for finding in held {
            if finding.baseline { left += 1 } else { worse += 1 }
        }
        let findings = baseline.findings.len() as u64;
        Some(view::Baseline {
            adopted: baseline.adopted.to_string(),
            author: baseline.author.clone(),
            findings,
            left,
            worse,
            resolved: findings.saturating_sub(left + worse),
        })
    }
}

fn day(at: jiff::Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn standing(exception: &Exception, today: Date, days: i64) -> Standing {
    if exception.withdrawn {
        return Standing::Withdrawn;
    }
    match (&exception.owner, &exception.approver) {
        (_, None) => return Standing::NotApproved("nobody approved it".to_owned()),
        (Some(owner), Some(approver)) if owner.eq_ignore_ascii_case(approver) => {
            return Standing::NotApproved(format!("{approver} owns and approved it"));
        }
        (_, Some(_)) => {}
    }
    let longest = exception_lapsed::last_day(exception, days);
    let until = exception.expires.map_or(longest, |expires| expires.min(longest));
    if today > until {
        Standing::Expired(until)
    } else if today < exception.created {
        Standing::NotApproved(format!("it begins on {}", exception.created))
    } else {
        Standing::InForce(until)
    }
}

/// Whether an exception without fingerprints means a finding of one of its rules.
fn fits(exception: &Exception, finding: &Finding) -> bool {
    let subject = &finding.subject;
    let system = exception.system.as_ref().is_none_or(|system| subject.system.as_ref() == Some(system));
    let patterns = &exception.subjects;
    let one =
        patterns.is_empty() || patterns.iter().any(|like| is_like(like, &subject.id) || is_like(like, &subject.name));
    let is_person = |person: &String| subject.person_id.as_ref().is_some_and(|id| id.eq_ignore_ascii_case(person));
    system && one && exception.person.as_ref().is_none_or(is_person)
}

fn has_evidence(exception: &Exception, finding: &Finding) -> bool {
    exception.evidence.is_empty() || exception.evidence.contains(&finding.evidence_hash)
}

fn note(exception: &Exception, standing: &Standing, used: Use) -> ExceptionNote {
    let findings = |count: u64| format!("{count} finding{}", if count == 1 { "" } else { "s" });
    let (state, what) = match standing {
        Standing::Withdrawn => ("withdrawn", "it was taken back".to_owned()),
        Standing::NotApproved(why) => ("not approved", why.clone()),
        Standing::Expired(day) => {
            ("expired", format!("its last day was {day}; it would cover {}", findings(used.covers)))
        }
        Standing::InForce(_) if used.changed > 0 => {
            let what = format!("what proves {} has changed, so it is open again", findings(used.changed));
            ("evidence changed", what)
        }
        Standing::InForce(_) if used.covers == 0 => ("unused", "no finding is what it was meant for".to_owned()),
        Standing::InForce(until) => ("in force", format!("it covers {} until {until}", findings(used.covers))),
    };
    ExceptionNote {
        id: exception.id.clone(),
        state: state.to_owned(),
        what,
        covers: if matches!(standing, Standing::InForce(_)) { used.covers } else { 0 },
        owner: exception.owner.clone(),
        approver: exception.approver.clone(),
        expires: exception.expires.map(|day| day.to_string()),
        reason: exception.reason.clone(),
        mitigation: exception.mitigation.clone(),
        at: exception.place.to_string(),
    }
}

/// Findings to act on by owner, most first; those that nobody owns come last.
pub fn owners(findings: &[Finding]) -> Vec<OwnerCount> {
    let mut by_owner: BTreeMap<Option<&str>, OwnerCount> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.is_live()) {
        let name = finding.owner.as_ref().map(|owner| owner.name.as_str());
        let count = by_owner.entry(name).or_default();
        count.owner = name.map(str::to_owned);
        count.findings += 1;
        *count.severities.entry(finding.severity.to_string()).or_default() += 1;
    }
    let mut counts: Vec<OwnerCount> = by_owner.into_values().collect();
    counts.sort_by_key(|count| (count.owner.is_none(), std::cmp::Reverse(count.findings)));
    counts
}

/// Rules that decisions name and that do not exist.
pub fn unknown_rules(policy: &Policy) -> Vec<(&Exception, &str)> {
    let own = policy.rules.iter().map(|rule| rule.id.as_str());
    let known: FxHashSet<&str> = rules::catalogue::entries().iter().map(|entry| entry.id.as_str()).chain(own).collect();
    let named = policy.exceptions.iter().flat_map(|one| one.rules.iter().map(move |rule| (one, rule.as_str())));
    named.filter(|(_, rule)| !known.contains(rule)).collect()
}
