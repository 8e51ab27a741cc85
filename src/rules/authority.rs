//! What may authorise a change: an approved request, a ticket that the audit log names, an event in HR, declared state.
//!
//! Every place that was searched is told, with what was there: that nothing authorises a change is only as good as the search. A
//! place that supplies nothing, or was not read completely, leaves the change open.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use muster_connectors::record::{EventOutcome, RecordKind};
use muster_reports::view::Evidence;

use super::changes::Who;
use super::{Facts, Rule, Setting};
use crate::diff::What;
use crate::drift::{Approval, AuditEvent, Changed};
use crate::people::{Employment, PersonIx, fold};

/// Clocks of a log and of a snapshot may differ by so much.
const SLACK: SignedDuration = SignedDuration::from_hours(1);
/// Windows beyond a century are all the same.
const MANY_DAYS: i64 = 36_500;
/// Dates of HR before this are a placeholder for none.
const NO_DATE_BEFORE: i16 = 1950;

/// How old an approval may be; for rules whose options say so.
pub(super) const DAYS_BEFORE: Setting = Setting {
    name: "days_before",
    default: 30,
    about: "days by which an approval may be older than the change (our own default: a month from decision to delivery)",
};
/// How late an approval may come.
pub(super) const DAYS_AFTER: Setting = Setting {
    name: "days_after",
    default: 7,
    about: "days by which an approval may follow the change (our own default: approving after the fact puts it right)",
};

/// How far around a change is searched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around {
    /// An approval may be so many days older.
    pub(super) days_before: i64,
    /// An approval may come so many days later.
    pub(super) days_after: i64,
    /// An event in HR may be so many days away, either way.
    pub(super) hr_days: i64,
}

impl Around {
    /// As the rule's options have it.
    pub(super) fn of(facts: &Facts<'_>, rule: &Rule) -> Self {
        Self {
            days_before: facts.option(rule, "days_before"),
            days_after: facts.option(rule, "days_after"),
            hr_days: facts.option(rule, "hr_days"),
        }
    }
}

/// What a search came to.
#[derive(Debug)]
pub(super) struct Search {
    /// What authorises the change, in words.
    pub(super) found: Option<String>,
    /// Why nothing can be concluded from nothing having been found.
    pub(super) doubt: Option<String>,
    /// Where was searched, and what was there.
    pub(super) row: Evidence,
}

impl Facts<'_> {
    /// Looks everywhere for what authorises a change.
    pub(super) fn authority(&self, change: &Changed, around: Around) -> Search {
        let who = self.who(change);
        let approvals = self.approvals_of(change, &who, around);
        let log = self.ticket_of(change, &who);
        let hr = who.person.map(|person| self.hr_event(person, change, around.hr_days));
        let declared = self.declaration_of(change);
        let found = [&approvals.found, &log.found, &declared.found].into_iter().find_map(Clone::clone);
        let found = found.or_else(|| hr.as_ref().and_then(|hr| hr.found.clone()));
        let hr_doubt =
            || who.person.is_some().then(|| self.unread_anywhere(RecordKind::Employment)).flatten().map(str::to_owned);
        let doubt = approvals.doubt.clone().or_else(|| log.doubt.clone()).or_else(hr_doubt);
        let facts = BTreeMap::from([
            ("approvals".to_owned(), approvals.told),
            ("audit_log".to_owned(), log.told),
            ("hr".to_owned(), hr.map_or_else(|| "belongs to no person".to_owned(), |hr| hr.told)),
            ("declared".to_owned(), declared.told),
            ("own_changes".to_owned(), "muster has made none".to_owned()),
        ]);
        let row = Evidence {
            system: change.system.clone(),
            table: "searched".to_owned(),
            id: change.address(),
            facts,
            collected: None,
        };
        Search { found, doubt, row }
    }

    /// The approval of a change, or what was there instead.
    pub(super) fn approvals_of(&self, change: &Changed, who: &Who, around: Around) -> Place {
        let (from, until) = widened(change, days(around.days_before), days(around.days_after));
        let doubt = self.approvals_doubt();
        let mut of_who: Vec<&Approval> =
            who.names.iter().flat_map(|name| self.events.approvals_for(name)).filter(|one| one.is_approved()).collect();
        of_who.sort_by_key(|one| one.id.written);
        of_who.dedup();
        let covering: Vec<&Approval> = of_who.iter().copied().filter(|one| self.covers(one, change)).collect();
        let in_time = |one: &&Approval| one.decided_at.or(one.from).is_some_and(|at| from <= at && at <= until);
        let runs = |one: &Approval| one.until.is_none_or(|end| end >= change.window.after);
        if let Some(one) = covering.iter().copied().filter(|one| runs(one)).find(in_time) {
            let found = format!("approved by ticket {}", self.events.text(one.id.written));
            return Place { told: found.clone(), found: Some(found), doubt: None };
        }
        if let Some(undated) = covering.iter().find(|one| one.decided_at.is_none() && one.from.is_none()) {
            let ticket = self.events.text(undated.id.written);
            let why = format!("ticket {ticket} covers it and does not say when it was decided");
            return Place { told: why.clone(), found: None, doubt: Some(why) };
        }
        let (day_from, day_until) = (from.strftime("%Y-%m-%d"), until.strftime("%Y-%m-%d"));
        let told = match &doubt {
            Some(why) => why.clone(),
            None => format!(
                "{} for {}; {} name it, none of these decided from {day_from} to {day_until} and still running",
                of_who.len(),
                change.id(),
                covering.len(),
            ),
        };
        Place { told, found: None, doubt }
    }

    /// Whether an approval names what a change gave or took.
    fn covers(&self, approval: &Approval, change: &Changed) -> bool {
        let events = self.events;
        let resource = change.cell("resource");
        let resource_node = self.node_of(&change.system, resource, &[crate::graph::NodeKind::Resource]);
        let asked_resource = events.folded(approval.resource);
        let fits_resource = approval.resource.is_none()
            || self.fits_resource(approval, &change.system, resource_node)
            || (!resource.is_empty() && fold(resource) == asked_resource);
        let Some((_, target)) = change.ends() else {
            // An account: asked for by the system it is in.
            return fits_resource && (approval.resource.is_some() || approval.entitlement.is_some());
        };
        let Some(asked) = approval.entitlement else { return approval.resource.is_some() && fits_resource };
        let asked = events.folded(Some(asked));
        let names = self.target(change).map(|node| self.names_of(node)).unwrap_or_default();
        fits_resource && (fold(target) == asked || names.iter().any(|name| name == asked))
    }

    /// A ticket that the audit log names for a change.
    fn ticket_of(&self, change: &Changed, who: &Who) -> Place {
        let entries = self.log_entries(change, who);
        for entry in &entries {
            let Some(ticket) = entry.ticket else { continue };
            let known: Vec<&Approval> = self.events.approvals_of_ticket(self.events.folded(Some(ticket))).collect();
            if known.is_empty() || known.iter().any(|one| one.is_approved()) {
                let (ticket, id) = (self.events.written(Some(ticket)), self.events.text(entry.id));
                let found = format!("ticket {ticket} stands in audit-log entry {id}");
                return Place { told: found.clone(), found: Some(found), doubt: None };
            }
        }
        let coverage = self.graph.coverage();
        let row = coverage.of_system(&change.system).find(|row| row.kind == RecordKind::AuditEvent);
        let (told, doubt) = match row {
            None => (format!("`{}` yields none", change.system), None),
            Some(row) if !row.proves_absence => (row.shortfall(), Some(row.shortfall())),
            Some(_) => (format!("{} entries about it in its window, none with a ticket", entries.len()), None),
        };
        Place { told, found: None, doubt }
    }

    /// Audit-log entries about a change, in its window: those that name its principal or what it gives.
    pub(super) fn log_entries(&self, change: &Changed, who: &Who) -> Vec<&AuditEvent> {
        let (from, until) = widened(change, SLACK, SLACK);
        let target = self.target(change);
        let mut names: Vec<String> = target.map(|node| self.names_of(node)).unwrap_or_default();
        names.extend(change.ends().map(|(_, target)| fold(target)));
        names.push(fold(&change.address()));
        names.extend(who.names.iter().cloned());
        names.sort_unstable();
        names.dedup();
        let mut entries: Vec<&AuditEvent> = names
            .iter()
            .flat_map(|name| self.events.audit_of(name))
            .filter(|entry| from <= entry.at && entry.at <= until)
            // What failed changed nothing.
            .filter(|entry| entry.outcome.is_none_or(|outcome| outcome == EventOutcome::Success))
            .filter(|entry| self.is_log_of(self.events.text(entry.system), &change.system))
            .collect();
        entries.sort_by_key(|entry| (entry.at, entry.id));
        entries.dedup();
        entries
    }

    /// Whether a log may speak of a system: its own, or that of a collector of logs, which has no accounts itself.
    fn is_log_of(&self, log: &str, system: &str) -> bool {
        log == system || !self.graph.coverage().of_system(log).any(|row| row.kind == RecordKind::Account)
    }

    /// What happened to a person in HR around a change.
    fn hr_event(&self, person: PersonIx, change: &Changed, hr_days: i64) -> Place {
        let (from, until) = widened(change, days(hr_days), days(hr_days));
        let people = self.people;
        let near = |at: Timestamp| from <= at && at <= until;
        let day = |date: jiff::civil::Date| date.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|day| day.timestamp());
        let event = |employment: &Employment| {
            let id = people.text(employment.id);
            let system = people.text(employment.system);
            if let Some(columns) = self.past.employment_changes(system, id) {
                let what = if columns.len() > 5 { "the row".to_owned() } else { columns.join(", ") };
                return Some(format!("{what} of employment {id} changed in {system}"));
            }
            let dates = [("starts", employment.start), ("ends", employment.end)];
            let dated = dates.into_iter().find_map(|(word, date)| {
                let date = date.filter(|date| date.year() >= NO_DATE_BEFORE)?;
                near(day(date)?).then(|| format!("employment {id} {word} on {date}"))
            });
            let instants = [("effective", employment.effective), ("recorded", employment.recorded)];
            dated.or_else(|| {
                let (word, at) =
                    instants.into_iter().find_map(|(word, at)| Some((word, at.filter(|at| near(*at))?)))?;
                Some(format!("a change of employment {id} is {word} at {at}"))
            })
        };
        if let Some(found) = people.person(person).employments.iter().find_map(event) {
            return Place { told: found.clone(), found: Some(found), doubt: None };
        }
        Place { told: format!("nothing of {} within {hr_days} days", people.name(person)), found: None, doubt: None }
    }

    /// Where declared state has what came.
    fn declaration_of(&self, change: &Changed) -> Place {
        let none = |told: &str| Place { told: told.to_owned(), found: None, doubt: None };
        let Some((principal, target)) = change.ends().filter(|_| change.what == What::Added) else {
            return none("says nothing of what goes");
        };
        match self.declared().declares(&change.system, principal, target) {
            Some(address) => {
                let found = format!("declared as {address}");
                Place { told: found.clone(), found: Some(found), doubt: None }
            }
            None => none("does not have it"),
        }
    }
}

/// One place that was searched.
#[derive(Debug)]
pub(super) struct Place {
    /// What was there.
    pub(super) told: String,
    /// What authorises.
    pub(super) found: Option<String>,
    /// Why nothing follows from nothing being there.
    pub(super) doubt: Option<String>,
}

fn days(number: i64) -> SignedDuration {
    SignedDuration::from_hours(number.clamp(0, MANY_DAYS) * 24)
}

/// The window of a change with room on both sides.
fn widened(change: &Changed, before: SignedDuration, after: SignedDuration) -> (Timestamp, Timestamp) {
    let from = change.window.after.checked_sub(before).unwrap_or(Timestamp::MIN);
    (from, change.window.until.checked_add(after).unwrap_or(Timestamp::MAX))
}
