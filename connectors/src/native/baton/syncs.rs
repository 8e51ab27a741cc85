//! Which sync of a file is read.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rusqlite::types::ValueRef;

use super::code;
use super::file::{Database, damaged};
use crate::scope::Gap;

/// A finished sync.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sync {
    pub(super) id: String,
    pub(super) ended: Option<Timestamp>,
    /// Whether it covers entitlements and grants.
    pub(super) whole: bool,
}

/// What a sync covers, as the file calls it; unknown words are a part of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Covers {
    Everything,
    Resources,
    Part,
}

/// The last finished sync that covers everything; where there is none, the last that covers all resources.
pub(super) fn choose(database: &Database, shown: &str) -> Result<Sync, Gap> {
    let mut runs = list(database).map_err(|error| damaged(shown, &error))?;
    let total = runs.len();
    runs.retain(|(_, covers)| *covers != Covers::Part);
    runs.sort_by_key(|(sync, covers)| (*covers == Covers::Everything, sync.ended));
    let unfinished = total - runs.len();
    runs.retain(|(sync, _)| sync.ended.is_some());
    runs.pop().map(|(sync, _)| sync).ok_or_else(|| {
        Gap::new(code::SYNC, format!("`{shown}` holds no finished sync of everything"))
            .cause(format!(
                "of its {total} syncs, {unfinished} cover a part only, and the others did not come to their end"
            ))
            .fix("have the connector run to its end without options that limit it")
    })
}

fn list(database: &Database) -> rusqlite::Result<Vec<(Sync, Covers)>> {
    let connection = &database.connection;
    let has = |column: &str| {
        connection.query_row(
            "SELECT count(*) FROM pragma_table_info('v1_sync_runs') WHERE name = ?1",
            [column],
            |row| row.get::<_, i64>(0),
        )
    };
    let covers = match (has("sync_type")?, has("is_partial")?) {
        (1.., _) => "sync_type",
        (_, 1..) => "CASE WHEN is_partial THEN 'partial' ELSE 'full' END",
        _ => "'full'",
    };
    let mut statement =
        connection.prepare(&format!("SELECT sync_id, ended_at, {covers} FROM v1_sync_runs ORDER BY id"))?;
    let rows = statement.query_map([], |row| {
        let covers = match row.get::<_, String>(2)?.as_str() {
            "full" | "" => Covers::Everything,
            "resources_only" => Covers::Resources,
            _ => Covers::Part,
        };
        let ended = match row.get_ref(1)? {
            ValueRef::Text(text) => std::str::from_utf8(text).ok().and_then(instant),
            _ => None,
        };
        Ok((Sync { id: row.get(0)?, ended, whole: covers == Covers::Everything }, covers))
    })?;
    rows.collect()
}

/// An instant as the file writes it; one without a zone is UTC.
fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    text.parse().ok().or_else(|| {
        let plain: DateTime = text.replacen(' ', "T", 1).parse().ok()?;
        Some(plain.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })
}

#[cfg(test)]
mod tests {
    use super::instant;

    #[test]
    fn instants_are_read_with_and_without_a_zone() {
        for text in [
            "2026-03-01 04:00:00",
            "2026-03-01T04:00:00Z",
            "2026-03-01 04:00:00.000000000",
            "2026-03-01 05:00:00+01:00",
        ] {
            assert_eq!(
                instant(text).map(|instant| instant.to_string()).as_deref(),
                Some("2026-03-01T04:00:00Z"),
                "{text}"
            );
        }
        assert_eq!(instant("yesterday"), None);
    }
}
