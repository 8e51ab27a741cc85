//! What a kind of a scope looked like, in a few numbers: what the next collection is compared with.
//!
//! ```text
//!   records ──► Profiler ──► Profile { rows, filled by field, ended, sample of 64 keys in feed order }
//! ```
//!
//! It holds no name, no address and no id. It does not depend on the order in which records came, so that it may stand in
//! the hashed part of a manifest.

use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_connectors::record::{EmploymentStatus, Fact, Lifecycle, Raw, Record, WorkerType};
use serde::{Deserialize, Serialize};

use super::columns;

/// Keys in a sample. With 64 of them a lost block of a twentieth of the rows shows as three neighbours that are gone.
pub const SAMPLE: usize = 64;

/// Statistics of one kind of record in one scope.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Profile {
    /// Records that came, repeated ones included.
    pub rows: u64,
    /// Records with a value in the field, for fields that joining or judging rests on; a field that no record has is left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub filled: BTreeMap<String, u64>,
    /// Employments that HR has ended.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ended: u64,
    /// The records whose keys hash lowest, in the order in which the feed has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sample: Vec<Sampled>,
}

/// One record of a sample: the hash of its key, and an instant of it that no later event moves, as seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampled(pub u64, pub Option<i64>);

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Profile {
    /// Records with a value in `field`.
    pub fn filled(&self, field: &str) -> u64 {
        self.filled.get(field).copied().unwrap_or_default()
    }
}

/// Takes a profile while records pass by. Cost: a hash and a few comparisons a record; memory does not grow.
#[derive(Debug, Default)]
pub(super) struct Profiler {
    rows: u64,
    ended: u64,
    filled: BTreeMap<&'static str, u64>,
    /// By hash: where the feed has the record, and its instant. The last one is dropped when there are too many.
    lowest: BTreeMap<u64, (Place, Option<i64>)>,
}

/// Where a feed has a record: its line, or its id where it has none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Line(u64),
    Id(String),
}

impl Profiler {
    pub(super) fn see(&mut self, record: &Record) {
        self.rows += 1;
        let mut fill = |field: &'static str, is_filled: bool| {
            if is_filled {
                *self.filled.entry(field).or_default() += 1;
            }
        };
        let (id, instant) = match record {
            Record::Person(it) => {
                fill("emails", !it.emails.is_empty());
                fill("employee_ids", !it.employee_ids.is_empty());
                let composed = it.given_name.is_some() || it.family_name.is_some();
                fill("name", composed || it.legal_name.is_some() || it.preferred_name.is_some());
                (&it.id, None)
            }
            Record::Employment(it) => {
                fill("status", it.status != EmploymentStatus::Unknown);
                fill("worker_type", it.worker_type != WorkerType::Unknown);
                fill("start", it.start.is_some());
                fill("end", it.end.is_some());
                fill("manager", it.manager.is_some());
                fill("department", it.department.is_some());
                fill("effective", it.effective.is_some());
                fill("recorded", it.recorded.is_some());
                self.ended += u64::from(it.status == EmploymentStatus::Terminated);
                (&it.id, it.recorded.or(it.effective))
            }
            Record::Account(it) => {
                fill("login", it.login.is_some());
                fill("emails", !it.emails.is_empty());
                fill("employee_id", it.employee_id.is_some());
                fill("name", it.name.is_some());
                fill("lifecycle", it.lifecycle != Lifecycle::Unknown);
                fill("created", known(&it.created).is_some());
                fill("last_activity", !matches!(it.last_activity, Fact::Unsupported | Fact::Unreadable | Fact::Absent));
                (&it.id, known(&it.created))
            }
            Record::Grant(it) => {
                fill("resource", it.resource.is_some());
                return;
            }
            Record::Group(it) => {
                fill("name", it.name.is_some());
                (&it.id, None)
            }
            Record::Membership(_)
            | Record::Resource(_)
            | Record::Entitlement(_)
            | Record::Credential(_)
            | Record::Policy(_)
            | Record::Federation(_)
            | Record::AuditEvent(_)
            | Record::Approval(_) => return,
        };
        self.sample(id, columns::raw(record), instant);
    }

    fn sample(&mut self, id: &str, raw: &Raw, instant: Option<Timestamp>) {
        let hash = hash(id.as_bytes());
        if self.lowest.len() >= SAMPLE && self.lowest.last_key_value().is_some_and(|(last, _)| hash > *last) {
            return;
        }
        let place = match raw {
            Raw::At(line) => Place::Line(*line),
            Raw::Object(_) | Raw::Within(_) | Raw::None => Place::Id(id.to_owned()),
        };
        let found = (place, instant.map(Timestamp::as_second));
        self.lowest
            .entry(hash)
            .and_modify(|known| {
                if found < *known {
                    known.clone_from(&found);
                }
            })
            .or_insert(found);
        if self.lowest.len() > SAMPLE {
            self.lowest.pop_last();
        }
    }

    pub(super) fn profile(self) -> Profile {
        let mut sample: Vec<(u64, (Place, Option<i64>))> = self.lowest.into_iter().collect();
        sample.sort_by(|a, b| (&a.1.0, a.0).cmp(&(&b.1.0, b.0)));
        Profile {
            rows: self.rows,
            filled: self.filled.into_iter().map(|(field, filled)| (field.to_owned(), filled)).collect(),
            ended: self.ended,
            sample: sample.into_iter().map(|(hash, (_, instant))| Sampled(hash, instant)).collect(),
        }
    }
}

fn known(fact: &Fact<Timestamp>) -> Option<Timestamp> {
    fact.known().copied()
}

/// 64 bits of a key that are the same in every version and on every machine: FNV-1a, then the finaliser of `MurmurHash3`, because
/// the lowest ones are kept and FNV alone spreads ids that count upwards badly.
fn hash(bytes: &[u8]) -> u64 {
    let mut hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use muster_connectors::record::{Account, IdKind, Person};

    use super::*;

    fn account(id: &str) -> Record {
        Record::Account(Box::new(Account::new(id, IdKind::Immutable)))
    }

    fn person(line: u64) -> Record {
        let id = format!("E{:03}", (line * 37) % 101);
        Record::Person(Box::new(Person { id, raw: Raw::At(line), ..Person::default() }))
    }

    fn profile(records: impl IntoIterator<Item = Record>) -> Profile {
        let mut profiler = Profiler::default();
        records.into_iter().for_each(|record| profiler.see(&record));
        profiler.profile()
    }

    #[test]
    fn the_order_of_arrival_changes_nothing() {
        let ids: Vec<String> = (0..500).map(|n| format!("u{n}")).collect();
        let forwards = profile(ids.iter().map(|id| account(id)));
        let backwards = profile(ids.iter().rev().map(|id| account(id)));
        assert_eq!(forwards, backwards);
        assert_eq!((forwards.rows, forwards.sample.len()), (500, SAMPLE));
    }

    #[test]
    fn a_file_is_sampled_in_the_order_of_its_lines_and_twice_the_file_has_the_same_sample() {
        let once = profile((2..60).map(person));
        assert_eq!(once.sample.len(), 58);
        assert_eq!(once.sample[0].0, hash(b"E074"), "line 2 comes first");
        let again = |line: u64| {
            let Record::Person(person) = person(line) else { unreachable!() };
            Record::Person(Box::new(Person { raw: Raw::At(line + 100), ..*person }))
        };
        let twice = profile((2..60).map(person).chain((2..60).map(again)));
        assert_eq!((twice.rows, &twice.sample), (116, &once.sample));
    }

    #[test]
    fn a_sample_is_spread_over_the_whole_feed() {
        let ids: Vec<String> = (0..6400).map(|n| format!("{n:05}")).collect();
        let sample = profile(ids.iter().map(|id| account(id))).sample;
        let first_half: Vec<u64> = ids[..3200].iter().map(|id| hash(id.as_bytes())).collect();
        let count = sample.iter().filter(|sampled| first_half.contains(&sampled.0)).count();
        assert!((20..=44).contains(&count), "{count} of {SAMPLE} lie in the first half");
    }
}
