//! What files and answers say of themselves: their shape, their age, their clock.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use muster_connectors::scope::{Gap, ScopeReport};

use super::Before;
use crate::config::{Gate, System, show_duration};

pub(super) fn doubts(system: &System, scope: &ScopeReport, before: Option<&Before>, now: Timestamp) -> Vec<Gap> {
    let mut doubts = headers(scope, before);
    let old = age(system, scope, now);
    // A file that is too old is not told to be older than the last one as well.
    doubts.extend(if old.is_empty() { older_than_before(scope, before) } else { old });
    doubts.extend(unchanged(system, scope, before, now));
    doubts.extend(from_the_future(&system.gate, scope, now));
    doubts
}

/// Files whose header or encoding is another one.
pub(super) fn headers(scope: &ScopeReport, before: Option<&Before>) -> Vec<Gap> {
    let changed = scope.files.iter().filter(|file| {
        let earlier = before.and_then(|before| before.files.get(&file.path)?.header.as_ref());
        matches!((earlier, &file.header), (Some(earlier), Some(header)) if earlier != header)
    });
    changed
        .map(|file| {
            Gap::new("GAT005", format!("the header or encoding of `{}` is not that of the last collection", file.path))
                .cause("columns that moved or changed their meaning would be read as changes of people or accounts")
                .fix("compare the file with the last one and correct `columns`")
        })
        .collect()
}

fn age(system: &System, scope: &ScopeReport, now: Timestamp) -> Vec<Gap> {
    let Some(max_age) = system.max_age else { return Vec::new() };
    let too_old = scope.files.iter().filter_map(|file| {
        let age = now.duration_since(file.collected?);
        is_longer(age, max_age).then_some((file, age))
    });
    too_old
        .map(|(file, age)| {
            Gap::new("GAT006", format!("`{}` was taken {} hours ago", file.path, age.as_hours()))
                .cause(format!(
                    "the oldest that is believed is {}: what happened since is not in it",
                    show_duration(max_age)
                ))
                .fix("deliver a fresh file, or raise `max_age` of the system")
        })
        .collect()
}

/// Files that say to be older than the one that was read before them: yesterday's file was delivered again.
fn older_than_before(scope: &ScopeReport, before: Option<&Before>) -> Vec<Gap> {
    let older = scope.files.iter().filter_map(|file| {
        let (collected, earlier) = (file.collected?, before?.files.get(&file.path)?.collected?);
        (collected < earlier).then_some((file, collected, earlier))
    });
    older
        .map(|(file, collected, earlier)| {
            Gap::new("GAT009", format!("`{}` was taken at {collected}, the last one at {earlier}", file.path))
                .cause("an older file came after a newer one: what happened between them would be undone")
                .fix("deliver the newest file")
        })
        .collect()
}

/// Files without an instant of their own that have not changed for longer than such a feed can stand still.
fn unchanged(system: &System, scope: &ScopeReport, before: Option<&Before>, now: Timestamp) -> Vec<Gap> {
    if system.max_age.is_none() {
        return Vec::new();
    }
    let limit = system.gate.max_unchanged;
    let same = scope.files.iter().filter(|file| file.collected.is_none()).filter_map(|file| {
        let known = before?.files.get(&file.path).filter(|known| known.sha256 == file.sha256)?;
        Some((file, known.since)).filter(|(_, since)| is_longer(now.duration_since(*since), limit))
    });
    same.map(|(file, since)| {
        Gap::new("GAT009", format!("`{}` has not changed since {since}", file.path))
            .cause(format!(
                "more than {}, and the file does not say when it was taken: the export has probably stopped",
                show_duration(limit)
            ))
            .fix("look at the export; if nothing happened, say when the file was taken (`collected`, or a file `.collected`)")
    })
    .collect()
}

fn from_the_future(gate: &Gate, scope: &ScopeReport, now: Timestamp) -> Vec<Gap> {
    let early = scope.files.iter().filter_map(|file| {
        let ahead = file.collected?.duration_since(now);
        is_longer(ahead, gate.max_skew).then_some((file, ahead))
    });
    early
        .map(|(file, ahead)| {
            let hours = show_duration(Duration::from_secs(u64::try_from(ahead.as_mins()).unwrap_or(0) * 60));
            clocks(format!("`{}` says that it was taken {hours} from now", file.path))
        })
        .collect()
}

/// A system whose own clock, as its answers show it, is not ours.
pub(super) fn clock(gate: &Gate, ahead: Option<i64>) -> Option<Gap> {
    let ahead = ahead.filter(|ahead| ahead.unsigned_abs() > gate.max_skew.as_secs())?;
    let minutes = ahead.unsigned_abs() / 60;
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    Some(clocks(format!("the clock of the server is {minutes} minutes {side} ours")))
}

/// Two clocks that do not agree.
pub(super) fn clocks(what: String) -> Gap {
    Gap::new("GAT014", what)
        .cause("one of the two clocks is wrong, or a time zone was left out: no order of events can be relied on")
        .fix("set both clocks by NTP; write instants with their zone")
}

fn is_longer(time: SignedDuration, limit: Duration) -> bool {
    time.is_positive() && time.unsigned_abs() > limit
}
