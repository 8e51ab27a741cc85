//! Who left: many people at once look like a failed import, not like people who left.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use muster_connectors::record::RecordKind;
use muster_connectors::scope::Gap;

use super::Question;

/// How far back leaving counts on a first collection: an old migration is not today's accident.
const FIRST_LOOK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How many times the largest number that left at once before is still ordinary.
const ORDINARY: u64 = 2;

pub(super) fn doubts(question: &Question<'_>) -> Vec<Gap> {
    if !question.is_about_people() {
        return Vec::new();
    }
    let doubts = [same_second(question), same_day(question), newly_ended(question)];
    // One accident is told once, by its sharpest mark.
    doubts.into_iter().flatten().take(1).collect()
}

fn persons(question: &Question<'_>) -> u64 {
    question.scope.kinds.get(&RecordKind::Person).map_or(0, |kind| kind.records)
}

/// Persons that may leave at once.
fn limit(question: &Question<'_>) -> u64 {
    let share = persons(question) * u64::from(question.gate.mass_leave_percent) / 100;
    share.max(question.gate.mass_leave.into())
}

/// From when on leaving is news.
fn since(question: &Question<'_>) -> Timestamp {
    question.history.since.unwrap_or_else(|| question.now.saturating_sub(FIRST_LOOK).unwrap_or(Timestamp::MIN))
}

fn same_second(question: &Question<'_>) -> Option<Gap> {
    let limit = limit(question);
    let scope = &question.scope.scope;
    let (second, left) = question
        .observed
        .seconds
        .range((scope.clone(), since(question).as_second())..)
        .take_while(|((of, _), _)| of == scope)
        .map(|((_, second), left)| (*second, left.len() as u64))
        .max_by_key(|(second, left)| (*left, -second))?;
    let instant = Timestamp::from_second(second).map(|instant| instant.to_string()).unwrap_or_default();
    let persons = persons(question);
    (left > limit).then(|| {
        Gap::new("GAT007", format!("{left} of {persons} persons were ended by records of the same second ({instant})"))
            .cause(format!("more than {limit} at once look like a failed import, not like people who left"))
            .fix("ask HR about that second")
    })
}

/// Many last days on one day of this week, and no such day in the feed before.
fn same_day(question: &Question<'_>) -> Option<Gap> {
    let scope = &question.scope.scope;
    let day = |instant: Timestamp| instant.to_zoned(TimeZone::UTC).date();
    let week = day(question.now.saturating_sub(FIRST_LOOK).unwrap_or(Timestamp::MIN));
    let from = day(since(question)).max(week);
    let until = day(question.now);
    let of_scope = || {
        let range = question.observed.days.range((scope.clone(), Date::MIN)..);
        range.take_while(|((of, _), _)| of == scope).map(|((_, day), left)| (*day, left.len() as u64))
    };
    let (day, left) = of_scope()
        .filter(|(day, _)| (from..=until).contains(day))
        .max_by_key(|(day, left)| (*left, std::cmp::Reverse(*day)))?;
    // Contracts end with the month and the year: what such a day cost before is ordinary.
    let busiest = of_scope().filter(|(day, _)| *day < from).map(|(_, left)| left).max().unwrap_or_default();
    let limit = limit(question).max(busiest * ORDINARY);
    let persons = persons(question);
    (left > limit).then(|| {
        Gap::new("GAT015", format!("{left} of {persons} persons have {day} as their last day"))
            .cause(format!("more than {limit} on one day: the feed has no other day like it"))
            .fix("ask HR about that day")
    })
}

/// Many more ended persons than the last believed feed had.
fn newly_ended(question: &Question<'_>) -> Option<Gap> {
    let ended = &question.before?.ended;
    let (taken, before) = *ended.first()?;
    let current = question.observed.ended_in(&question.scope.scope);
    let left = current.saturating_sub(before);
    let jumps = ended.windows(2).map(|pair| pair[0].1.saturating_sub(pair[1].1)).max().unwrap_or_default();
    let days = u64::try_from(question.now.duration_since(taken).as_hours() / 24).unwrap_or(1).max(1);
    let limit = (limit(question) * days).max(jumps * ORDINARY);
    let persons = persons(question);
    (left > limit).then(|| {
        Gap::new("GAT015", format!("{left} of {persons} persons were ended since the last believed feed ({taken})"))
            .cause(format!("more than {limit} in {days} days: {before} were ended then, {current} are now"))
            .fix("ask HR what happened; a status that changed its meaning looks like this")
    })
}
