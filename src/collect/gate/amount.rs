//! How many rows came: none, far fewer, far more, or the same ones again.

use muster_connectors::record::RecordKind;
use muster_connectors::scope::Gap;

use super::{Question, exceeds};

/// How many times the largest change that a feed made before is still ordinary, once there is enough of a history.
const ORDINARY: u64 = 4;
/// The smallest learned limit, in percent: a feed that never moved may move a little.
const CALM: u32 = 5;

pub(super) fn doubts(question: &Question<'_>) -> Vec<Gap> {
    changed(question).into_iter().chain(repeated(question)).collect()
}

fn changed(question: &Question<'_>) -> Option<Gap> {
    let (gate, kind, now) = (question.gate, question.kind, question.report.records);
    let earlier = question.before.and_then(|before| before.rows(kind));
    if now == 0 {
        let rows = question.scope.kinds.values().map(|kind| kind.records).sum();
        if question.system.empty_is_normal.covers(kind) || !empty_is_remarkable(question, rows, earlier) {
            return None;
        }
        return empty(kind, rows, earlier);
    }
    let earlier = earlier.filter(|earlier| *earlier > 0)?;
    if now.abs_diff(earlier) < u64::from(gate.min_change) {
        return None;
    }
    let lost = earlier.saturating_sub(now);
    let gained = now.saturating_sub(earlier);
    let (limit, learned) = shrink_limit(question);
    if exceeds(lost, earlier, limit) {
        let percent = lost * 100 / earlier;
        let what = format!("{kind}: {now} rows, the last believed answer had {earlier} ({percent} % fewer)");
        let cause = match learned {
            Some(nights) => {
                format!(
                    "more than {limit} % went at once, and none of the last {nights} collections lost a quarter of that"
                )
            }
            None => format!("more than `[gate] shrink_percent` = {limit} went at once"),
        };
        let fix = "check that the export or the credential still covers everything";
        return Some(Gap::new("GAT002", what).cause(cause).fix(fix));
    }
    exceeds(gained, earlier, gate.grow_percent).then(|| {
        Gap::new(
            "GAT003",
            format!("{kind}: {now} rows, the last believed answer had {earlier} ({} % more)", gained * 100 / earlier),
        )
        .cause(format!("more than `[gate] grow_percent` = {} came at once", gate.grow_percent))
        .fix("check for a duplicated feed or a search base that became too wide")
    })
}

/// Percentage of rows that may go: what the config says, or less where the feed's own history is calmer; then with the number
/// of collections it was learned from.
fn shrink_limit(question: &Question<'_>) -> (u32, Option<usize>) {
    let limit = question.gate.shrink_percent;
    let series = question.before.and_then(|before| before.records.get(&question.kind)).map_or(&[][..], Vec::as_slice);
    let enough = usize::try_from(question.gate.learn_after).unwrap_or(usize::MAX);
    if enough == 0 || series.len() < enough {
        return (limit, None);
    }
    let changes = series.windows(2).filter(|pair| pair[1] > 0);
    let largest = changes.map(|pair| (pair[0].abs_diff(pair[1]) * 100).div_ceil(pair[1])).max().unwrap_or_default();
    let learned = u32::try_from(largest.saturating_mul(ORDINARY)).unwrap_or(u32::MAX).max(CALM);
    if learned < limit { (learned, Some(series.len())) } else { (limit, None) }
}

/// Whether no row is remarkable in a scope that has `rows` rows of all kinds together, and had `earlier` of this one.
///
/// A tenant without groups is ordinary, and so is a region without a bucket or a queue; a scope of principals without
/// anything, or one without accounts or persons, is not.
fn empty_is_remarkable(question: &Question<'_>, rows: u64, earlier: Option<u64>) -> bool {
    let kind = question.kind;
    let about = question.is_about_people() || kind == RecordKind::Account;
    let things = matches!(kind, RecordKind::Resource | RecordKind::Policy | RecordKind::Federation);
    let many = u64::from(question.gate.min_change.max(1));
    (rows == 0 && !things) || about || earlier.is_some_and(|earlier| earlier >= many)
}

fn empty(kind: RecordKind, rows: u64, earlier: Option<u64>) -> Option<Gap> {
    match earlier {
        Some(0) => None,
        Some(earlier) => Some(
            Gap::new("GAT001", format!("{kind}: the answer is empty, the last believed one had {earlier} rows"))
                .cause(
                    "a lost permission, a moved search base and a cut file are answered in the same way: successfully",
                )
                .fix("compare the credential's permissions and the place it reads with the last good run"),
        ),
        // The same words for every kind of an empty scope, so that they are told once.
        None => Some(
            Gap::new(
                super::FIRST_IS_EMPTY,
                if rows == 0 {
                    "the first answer is empty".to_owned()
                } else {
                    format!("{kind}: the first answer is empty")
                },
            )
            .cause("a credential that may see nothing is answered in the same way")
            .fix("check what the credential may read; where empty is normal, write `empty_is_normal`"),
        ),
    }
}

/// Rows that came again, word for word. They cost nothing themselves, but a source that tells half of its rows twice may have
/// left the other half out.
fn repeated(question: &Question<'_>) -> Option<Gap> {
    // Connectors name what several records share (a role, a group) each time they meet it.
    let own = matches!(
        question.kind,
        RecordKind::Person | RecordKind::Employment | RecordKind::Account | RecordKind::Grant | RecordKind::Membership
    );
    let twice = question.report.repeated + if own { question.profile.rows.saturating_sub(question.rows) } else { 0 };
    let all = question.report.repeated + question.report.records;
    let is_many =
        twice >= u64::from(question.gate.min_change.max(1)) && exceeds(twice, all, question.gate.repeat_percent);
    is_many.then(|| {
        Gap::new("GAT010", format!("{}: {twice} of {all} rows came more than once", question.kind))
            .cause(format!(
                "more than `[gate] repeat_percent` = {}: an export that was written twice, or a page that was sent in another's place",
                question.gate.repeat_percent
            ))
            .fix("look for the same rows in the source, and for those that should stand in their place")
    })
}
