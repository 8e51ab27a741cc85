//! How long access took to come, and to end: what lies between two readings, and for whom it has not ended yet.

use std::collections::BTreeSet;

use jiff::Timestamp;
use muster_connectors::record::RecordKind;
use rustc_hash::FxHashMap;

use super::sightings::{Key, Seen, Sightings};
use super::{Ground, Metric, Missing, Sample, Unit, percentile};
use crate::graph::{CoverageRow, NodeIx};
use crate::people::{PersonIx, Standing};
use crate::snapshot::{Rows, Snapshot, StoreError};

/// Earlier checks whose links are looked at for accounts that are gone: one in so many.
const LINKS_STEP: u64 = 7;

/// Both, measured over the same snapshots.
pub(super) struct Times {
    pub(super) to_provision: Metric,
    pub(super) to_revoke: Metric,
}

/// Seconds from an effective instant, at least and at most.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span {
    lower: f64,
    upper: Option<f64>,
}

pub(super) fn measure(ground: &Ground<'_>) -> Result<Times, StoreError> {
    let Ground { snapshot, now, window, .. } = *ground;
    let begin = now.checked_sub(window).unwrap_or(Timestamp::MIN);
    let (hires, leavers) = (hires(ground, begin), leavers(ground, begin));
    // One snapshot before the window tells how things stood when it began.
    let mut snapshots = vec![snapshot.clone()];
    for earlier in snapshot.earlier()? {
        let taken = earlier.manifest().header.taken;
        snapshots.push(earlier);
        if taken < begin {
            break;
        }
    }
    let mut accounts: FxHashMap<PersonIx, Vec<Key>> = FxHashMap::default();
    for (person, _) in hires.people.iter().chain(&leavers.people) {
        let own = ground.estate.people.accounts_of(*person).iter().map(|account| key(ground, *account));
        accounts.insert(*person, own.collect());
    }
    gone_accounts(ground, &snapshots, &leavers.people, &mut accounts)?;
    let sightings = Sightings::read(&snapshots, accounts.values().flatten().cloned())?;
    let of = |person: &PersonIx| accounts.get(person).map_or(&[] as &[Key], Vec::as_slice);
    let came = hires.people.iter().map(|(person, start)| provisioned(ground, of(person), *start, &sightings));
    let went = leavers.people.iter().map(|(person, end)| revoked(of(person), *end, now, &sightings));
    Ok(Times {
        to_provision: distribution(to_provision(), came.collect(), hires.missing),
        to_revoke: distribution(to_revoke(), went.collect(), leavers.missing),
    })
}

fn to_provision() -> Metric {
    Metric {
        id: "M2",
        name: "time_to_provision_seconds",
        title: "Time to provision",
        definition: "From the first instant of an employment that began in the window to the person's first account that works; \
                     at least until the account's creation or the last reading without it, at most until the first reading \
                     that shows it working. Approval time is in it: who began on that day had been approved.",
        target: "p50 under 5 minutes, p95 under 30 minutes",
        unit: Unit::Seconds,
        samples: Vec::new(),
        subjects: 0,
        not_evaluated: Vec::new(),
    }
}

fn to_revoke() -> Metric {
    Metric {
        id: "M6",
        name: "time_to_revoke_seconds",
        title: "Time to revoke",
        definition: "From the effective instant of a termination in the window until the last of the person's accounts was off; \
                     at least until the last reading that shows one working, at most until the first that shows none. Sessions \
                     are not seen in snapshots.",
        target: "p95 under 15 minutes",
        unit: Unit::Seconds,
        samples: Vec::new(),
        subjects: 0,
        not_evaluated: Vec::new(),
    }
}

fn key(ground: &Ground<'_>, account: NodeIx) -> Key {
    let graph = &ground.estate.graph;
    let node = graph.node(account);
    (graph.system_name(node.system).to_owned(), graph.text(node.id).to_owned())
}

/// Persons with the instant from which their clock runs, and whom nobody can time.
#[derive(Default)]
struct Cases {
    people: Vec<(PersonIx, Timestamp)>,
    missing: Vec<Missing>,
}

impl Cases {
    fn missed(&mut self, cause: &str, subjects: u64) {
        if subjects > 0 {
            self.missing.push(Missing { cause: cause.to_owned(), subjects: Some(subjects) });
        }
    }

    /// HR that was not read in full has leavers and hires that nobody knows of.
    fn hr(&mut self, ground: &Ground<'_>) {
        let rows = ground.estate.graph.coverage().rows().iter();
        let short = rows.filter(|row| matches!(row.kind, RecordKind::Person | RecordKind::Employment));
        let causes: BTreeSet<String> = short.filter(|row| !row.proves_absence).map(CoverageRow::shortfall).collect();
        self.missing.extend(causes.into_iter().map(|cause| Missing { cause, subjects: None }));
    }
}

/// Whose only employment began in the window: who comes back or changes contract has accounts already.
fn hires(ground: &Ground<'_>, begin: Timestamp) -> Cases {
    let mut cases = Cases::default();
    let people = &ground.estate.people;
    for (ix, person) in people.persons() {
        let [employment] = person.employments.as_slice() else { continue };
        if !people.standing(ix, ground.now).is_employed() || person.vanished.is_some() {
            continue;
        }
        if let Some(start) = employment.started(people, Some(ground.zone))
            && (begin..=ground.now).contains(&start)
        {
            cases.people.push((ix, start));
        }
    }
    cases.hr(ground);
    cases
}

/// Whose last employment ended in the window.
fn leavers(ground: &Ground<'_>, begin: Timestamp) -> Cases {
    let (mut cases, mut undated) = (Cases::default(), 0);
    let people = &ground.estate.people;
    for (ix, _) in people.persons() {
        match people.standing(ix, ground.now) {
            Standing::Ended { at: Some(at), .. } if at >= begin => cases.people.push((ix, at)),
            Standing::Ended { at: None, .. } => undated += 1,
            Standing::Ended { .. }
            | Standing::Employed
            | Standing::OnLeave
            | Standing::Future { .. }
            | Standing::Unknown => {}
        }
    }
    cases.missed("HR does not say when the employment ended", undated);
    cases.hr(ground);
    cases
}

/// Adds the accounts that were a leaver's in an earlier check and are gone now.
fn gone_accounts(
    ground: &Ground<'_>,
    snapshots: &[Snapshot],
    leavers: &[(PersonIx, Timestamp)],
    accounts: &mut FxHashMap<PersonIx, Vec<Key>>,
) -> Result<(), StoreError> {
    let people = &ground.estate.people;
    let by_key: FxHashMap<&str, PersonIx> = leavers.iter().map(|(ix, _)| (people.key(*ix), *ix)).collect();
    let oldest = snapshots.last().map_or(0, |snapshot| snapshot.manifest().header.sequence);
    let mut before = ground.snapshot.manifest().header.sequence;
    while !by_key.is_empty()
        && before > oldest
        && let Some((sequence, frame)) = ground.store.links_before(before)?
    {
        let rows = Rows::of(&frame, "links");
        let (systems, ids, persons) = (rows.texts("system")?, rows.texts("account")?, rows.texts("person")?);
        for row in 0..rows.len() {
            let Some(ix) = persons.get(row).and_then(|person| by_key.get(person)) else { continue };
            let key = (systems.text(row).to_owned(), ids.text(row).to_owned());
            let own = accounts.entry(*ix).or_default();
            if !own.contains(&key) {
                own.push(key);
            }
        }
        if sequence <= oldest {
            break;
        }
        before = sequence.saturating_sub(LINKS_STEP - 1).max(oldest + 1);
    }
    Ok(())
}

/// When access ended for the last of the accounts. Nobody's, or only ones that were never seen to work: at once.
fn revoked(accounts: &[Key], end: Timestamp, now: Timestamp, sightings: &Sightings) -> Result<Span, &'static str> {
    let mut span = Span { lower: 0.0, upper: Some(0.0) };
    for account in accounts {
        let seen = sightings.of(account);
        let Some((_, last)) = seen.last() else {
            return Err("an account of the person was not read in any snapshot of the window");
        };
        let worked = seen.iter().rev().find(|(_, seen)| *seen == Seen::Working).map(|(at, _)| *at);
        let own = if *last == Seen::Working {
            Span { lower: seconds(end, worked.unwrap_or(now)), upper: None }
        } else {
            // The first reading after the last one in which it worked. One that never worked was off before the window.
            let off = seen.iter().find(|(at, seen)| *seen == Seen::Off && worked.is_none_or(|worked| *at > worked));
            let before = worked.is_none() && seen.first().is_some_and(|(at, _)| *at <= end);
            let upper = off.filter(|_| !before).map_or(0.0, |(at, _)| seconds(end, *at));
            Span { lower: worked.map_or(0.0, |at| seconds(end, at)), upper: Some(upper) }
        };
        span.lower = span.lower.max(own.lower);
        span.upper = span.upper.zip(own.upper).map(|(one, other)| one.max(other));
    }
    Ok(span)
}

/// When the first of the accounts worked.
fn provisioned(
    ground: &Ground<'_>,
    accounts: &[Key],
    start: Timestamp,
    sightings: &Sightings,
) -> Result<Span, &'static str> {
    let mut first: Option<Span> = None;
    for account in accounts {
        let seen = sightings.of(account);
        let Some((works, _)) = seen.iter().find(|(_, seen)| *seen == Seen::Working) else { continue };
        let without = seen.iter().rev().find(|(at, seen)| at < works && *seen == Seen::Off).map(|(at, _)| *at);
        let bounds = [without, created(ground, account)];
        let upper = seconds(start, *works);
        let lower = bounds.into_iter().flatten().max().map_or(0.0, |at| seconds(start, at)).min(upper);
        let own = Span { lower, upper: Some(upper) };
        first = Some(first.map_or(own, |span| Span {
            lower: span.lower.min(own.lower),
            upper: span.upper.zip(own.upper).map(|(one, other)| one.min(other)),
        }));
    }
    match first {
        Some(span) => Ok(span),
        None if ground
            .estate
            .graph
            .coverage()
            .rows()
            .iter()
            .any(|row| row.kind == RecordKind::Account && !row.proves_absence) =>
        {
            Err("no account was found, and not every system was read completely")
        }
        None => Ok(Span { lower: seconds(start, ground.now), upper: None }),
    }
}

fn created(ground: &Ground<'_>, (system, id): &Key) -> Option<Timestamp> {
    let graph = &ground.estate.graph;
    let account = graph.find(graph.system(system)?, crate::graph::NodeKind::Account, id)?;
    graph.account(account)?.created.at()
}

/// Seconds from one instant to another; none before it.
fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64().max(0.0)
}

/// Percentiles of what lies between bounds: those of all lower ones and those of all upper ones enclose the true ones.
fn distribution(metric: Metric, spans: Vec<Result<Span, &'static str>>, mut missing: Vec<Missing>) -> Metric {
    let (mut lowers, mut uppers) = (Vec::new(), Vec::new());
    let mut causes: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
    for span in spans {
        match span {
            Ok(Span { lower, upper }) => {
                lowers.push(lower);
                uppers.push(upper.unwrap_or(f64::INFINITY));
            }
            Err(cause) => *causes.entry(cause).or_default() += 1,
        }
    }
    lowers.sort_unstable_by(f64::total_cmp);
    uppers.sort_unstable_by(f64::total_cmp);
    let samples = [50, 95, 100].into_iter().filter_map(|percent| {
        let upper = percentile(&uppers, percent)?;
        Some(Sample {
            labels: vec![("percentile", percent.to_string())],
            lower: percentile(&lowers, percent)?,
            upper: upper.is_finite().then_some(upper),
        })
    });
    let samples: Vec<Sample> = samples.collect();
    missing.extend(
        causes.into_iter().map(|(cause, subjects)| Missing { cause: cause.to_owned(), subjects: Some(subjects) }),
    );
    if samples.is_empty() && missing.is_empty() {
        return metric.without("nobody came or went in the window");
    }
    Metric { samples, subjects: lowers.len() as u64, not_evaluated: missing, ..metric }
}
