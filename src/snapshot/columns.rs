//! Records to columns: what was collected of one table in one scope, held column by column until it is sorted and written.
//!
//! No record and no row is kept. Text that repeats is interned, so that five million grants of a million accounts cost
//! about sixty bytes each; everything is turned into polars columns only one row group at a time.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use jiff::Timestamp;
use jiff::civil::Date;
use muster_connectors::record::{
    Account, AccountClass, Affiliation, Approval, AuditEvent, Credential, Employment, Entitlement, EventOutcome, Fact,
    FactState, Federation, Grant, Group, Membership, Person, Policy, PrivilegeLevel, Raw, Record, RecordKind, Resource,
};
use polars::prelude as pl;
use polars::prelude::{IntoColumn, IntoSeries, ListBuilderTrait};
use rayon::slice::ParallelSliceMut;
use rustc_hash::FxHashMap;

use super::tables::{self, Table, Type};

/// Between the parts of a key that is written as one text: in `activity` and `raw` for records without an id.
pub const KEY_SEPARATOR: char = '\u{1f}';

/// Which of several rows with one key stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ties {
    /// The first in sorted order; the others are contradictions and are reported.
    First,
    /// The last in sorted order, which is the latest instant: two readings of a moving fact are no contradiction.
    Latest,
}

/// Rows of one table, column by column, in the order they came.
#[derive(Debug)]
pub(super) struct Rows {
    table: &'static Table,
    cells: Vec<Cells>,
    len: usize,
}

/// The order in which rows are written, and what was left out of it.
#[derive(Debug)]
pub(super) struct Order {
    /// Row numbers, sorted by key, one a key.
    pub(super) rows: Vec<u32>,
    /// Keys that came with different contents, as text, sorted; at most [`CONFLICTS_NAMED`].
    pub(super) conflicts: Vec<String>,
    /// How many such keys there were.
    pub(super) conflict_count: usize,
}

/// Contradictory keys that are named in a gap.
pub(super) const CONFLICTS_NAMED: usize = 10;

#[derive(Debug)]
enum Cells {
    Text(Texts),
    Word(Words),
    Name(Names),
    /// 0 false, 1 true, 2 null.
    Flag(Vec<u8>),
    /// Microseconds; `i64::MIN` is null.
    Instant(Vec<i64>),
    /// Days since 1970; `i32::MIN` is null.
    Day(Vec<i32>),
    List(Lists),
    /// `u64::MAX` is null.
    Row(Vec<u64>),
}

impl Rows {
    pub(super) fn new(table: &'static Table) -> Self {
        let cells = table
            .columns
            .iter()
            .map(|column| match column.is {
                Type::Text => Cells::Text(Texts::default()),
                Type::Word => Cells::Word(Words::default()),
                Type::Name => Cells::Name(Names::default()),
                Type::Flag => Cells::Flag(Vec::new()),
                Type::Instant => Cells::Instant(Vec::new()),
                Type::Day => Cells::Day(Vec::new()),
                Type::List => Cells::List(Lists::default()),
                Type::Row => Cells::Row(Vec::new()),
            })
            .collect();
        Self { table, cells, len: 0 }
    }

    /// Appends one row by writing its columns in the table's order.
    fn row(&mut self, write: impl FnOnce(&mut Row<'_>)) {
        let mut row = Row { cells: self.cells.iter_mut() };
        write(&mut row);
        debug_assert!(row.cells.next().is_none(), "a row of {} lacks columns", self.table.name);
        self.len += 1;
    }

    /// Appends the columns of `record`, which must be of this table's kind.
    pub(super) fn push(&mut self, record: &Record) {
        self.row(|row| match record {
            Record::Person(it) => person(row, it),
            Record::Employment(it) => employment(row, it),
            Record::Account(it) => account(row, it),
            Record::Group(it) => group(row, it),
            Record::Membership(it) => membership(row, it),
            Record::Resource(it) => resource(row, it),
            Record::Entitlement(it) => entitlement(row, it),
            Record::Grant(it) => grant(row, it),
            Record::Credential(it) => credential(row, it),
            Record::Policy(it) => policy(row, it),
            Record::Federation(it) => federation(row, it),
            Record::AuditEvent(it) => audit_event(row, it),
            Record::Approval(it) => approval(row, it),
        });
    }

    /// Appends a row of `activity`.
    pub(super) fn push_activity(&mut self, kind: RecordKind, id: &str, fact: &str, at: &Fact<Timestamp>) {
        self.row(|row| {
            row.name(kind.as_str());
            row.text(id);
            row.text(fact);
            row.fact_instant(at);
        });
    }

    /// Appends a row of `raw`.
    pub(super) fn push_raw(&mut self, kind: RecordKind, id: &str, object: &str) {
        self.row(|row| {
            row.name(kind.as_str());
            row.text(id);
            row.text(object);
        });
    }

    /// The text of row `row` in the text column called `name`.
    pub(super) fn text(&self, name: &str, row: u32) -> &str {
        let at = self.table.columns.iter().position(|column| column.name == name);
        match at.map(|at| &self.cells[at]) {
            Some(Cells::Text(texts)) => texts.get(row as usize).unwrap_or_default(),
            _ => "",
        }
    }

    /// Sorts by key and leaves one row a key. The outcome does not depend on the order in which rows came.
    ///
    /// Cost: O(n log n) comparisons of 16-byte prefixes or packed ranks; whole keys and contents are compared on ties only.
    pub(super) fn order(&self, ties: Ties) -> Order {
        let keys = self.table.key().count();
        let mut sorted = self.prefixes(keys);
        sorted.par_sort_unstable_by(|a, b| {
            a.0.cmp(&b.0)
                .then_with(|| self.compare(a.1, b.1, 0..keys))
                .then_with(|| self.compare_content(a.1, b.1, keys))
        });
        let mut order = Order { rows: Vec::with_capacity(sorted.len()), conflicts: Vec::new(), conflict_count: 0 };
        let same_key = |a: &(u128, u32), b: &(u128, u32)| a.0 == b.0 && self.compare(a.1, b.1, 0..keys).is_eq();
        for equal in sorted.chunk_by(same_key) {
            let (first, last) = (equal[0].1, equal[equal.len() - 1].1);
            match ties {
                Ties::Latest => order.rows.push(last),
                Ties::First => {
                    let differ = equal.len() > 1 && self.compare(first, last, keys..self.contents()).is_ne();
                    if !differ || equal.iter().all(|row| self.is_same_one(first, row.1)) {
                        order.rows.push(first);
                    }
                    if differ {
                        order.conflict_count += 1;
                        if order.conflicts.len() < CONFLICTS_NAMED {
                            order.conflicts.push(self.key_text(first, keys));
                        }
                    }
                }
            }
        }
        order
    }

    /// Whether two rows with one key are about the same person or account, whatever else they say.
    fn is_same_one(&self, a: u32, b: u32) -> bool {
        let telling: &[&str] = match self.table.name {
            "persons" => &["legal_name", "preferred_name", "given_name", "family_name", "emails", "employee_ids"],
            "employments" => &["person", "employee_id", "status", "start", "end"],
            "accounts" => &["login", "native_name", "emails", "employee_id"],
            _ => &[],
        };
        let (a, b) = (a as usize, b as usize);
        let columns = self.table.columns.iter().zip(&self.cells).filter(|(column, _)| telling.contains(&column.name));
        columns.into_iter().all(|(_, cells)| cells.compare(a, b).is_eq())
    }

    /// Columns before `source_row`: where a record stood in a file is no part of what it says.
    fn contents(&self) -> usize {
        let ends_in_row = matches!(self.cells.last(), Some(Cells::Row(_)));
        self.cells.len() - usize::from(ends_in_row)
    }

    fn compare_content(&self, a: u32, b: u32, keys: usize) -> Ordering {
        self.compare(a, b, keys..self.cells.len())
    }

    fn compare(&self, a: u32, b: u32, columns: std::ops::Range<usize>) -> Ordering {
        let (a, b) = (a as usize, b as usize);
        self.cells[columns]
            .iter()
            .map(|cells| cells.compare(a, b))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    /// A number a row that sorts as its key does, as far as 16 bytes can tell.
    fn prefixes(&self, keys: usize) -> Vec<(u128, u32)> {
        let rows = 0..u32::try_from(self.len).expect("a scope holds fewer than 2^32 rows of a table");
        let ranks: Option<Vec<(&Words, Vec<u32>)>> = self.cells[..keys]
            .iter()
            .map(|cells| if let Cells::Word(words) = cells { Some((words, words.ranks())) } else { None })
            .collect();
        if let Some(ranks) = ranks.filter(|ranks| ranks.len() <= 4) {
            let pack = |row: u32| {
                ranks.iter().fold(0u128, |packed, (words, ranks)| {
                    (packed << 32) | u128::from(ranks[words.ids[row as usize] as usize])
                })
            };
            return rows.map(|row| (pack(row), row)).collect();
        }
        let texts = self.cells[..keys].iter().find_map(|cells| match cells {
            Cells::Text(texts) => Some(texts),
            _ => None,
        });
        // A `kind` before the text is the same in all rows of a part, so that the text decides first.
        texts.map_or_else(|| rows.clone().map(|row| (0, row)).collect(), |texts| texts.prefixes(rows.clone()))
    }

    /// The key as a person can search for it.
    fn key_text(&self, row: u32, keys: usize) -> String {
        let parts: Vec<&str> = self.cells[..keys].iter().filter_map(|cells| cells.as_text(row as usize)).collect();
        parts.join(" · ")
    }

    /// The named rows as a frame, in that order.
    pub(super) fn frame(&self, system: &str, scope: &str, rows: &[u32]) -> pl::PolarsResult<pl::DataFrame> {
        let constant = |name: &str, value: &str| {
            let value = pl::Scalar::new(pl::DataType::String, pl::AnyValue::StringOwned(value.into()));
            pl::Column::new_scalar(name.into(), value, rows.len())
        };
        let mut columns = vec![constant(tables::PLACE[0], system), constant(tables::PLACE[1], scope)];
        for (column, cells) in self.table.columns.iter().zip(&self.cells) {
            columns.push(cells.column(column.name, rows));
        }
        pl::DataFrame::new(rows.len(), columns)
    }
}

impl Cells {
    fn compare(&self, a: usize, b: usize) -> Ordering {
        match self {
            Self::Text(texts) => texts.get(a).cmp(&texts.get(b)),
            Self::Word(words) if words.ids[a] == words.ids[b] => Ordering::Equal,
            Self::Word(words) => words.get(a).cmp(&words.get(b)),
            Self::Name(names) => names.get(a).cmp(&names.get(b)),
            Self::Flag(values) => values[a].cmp(&values[b]),
            Self::Instant(values) => values[a].cmp(&values[b]),
            Self::Day(values) => values[a].cmp(&values[b]),
            Self::List(lists) => lists.get(a).cmp(lists.get(b)),
            Self::Row(values) => values[a].cmp(&values[b]),
        }
    }

    fn as_text(&self, row: usize) -> Option<&str> {
        match self {
            Self::Text(texts) => texts.get(row),
            Self::Word(words) => words.get(row),
            Self::Name(names) => names.get(row),
            Self::Flag(_) | Self::Instant(_) | Self::Day(_) | Self::List(_) | Self::Row(_) => None,
        }
    }

    fn column(&self, name: &str, rows: &[u32]) -> pl::Column {
        let name: pl::PlSmallStr = name.into();
        let index = |row: &u32| *row as usize;
        match self {
            Self::Text(_) | Self::Word(_) | Self::Name(_) => {
                let mut builder = pl::StringChunkedBuilder::new(name, rows.len());
                for row in rows {
                    builder.append_option(self.as_text(index(row)));
                }
                builder.finish().into_column()
            }
            Self::Flag(values) => {
                let values = rows.iter().map(|row| match values[index(row)] {
                    0 => Some(false),
                    1 => Some(true),
                    _ => None,
                });
                values.collect::<pl::BooleanChunked>().with_name(name).into_column()
            }
            Self::Instant(values) => {
                let values = rows.iter().map(|row| Some(values[index(row)]).filter(|value| *value != i64::MIN));
                let values: pl::Int64Chunked = values.collect();
                values.with_name(name).into_datetime(pl::TimeUnit::Microseconds, Some(pl::TimeZone::UTC)).into_column()
            }
            Self::Day(values) => {
                let values = rows.iter().map(|row| Some(values[index(row)]).filter(|value| *value != i32::MIN));
                values.collect::<pl::Int32Chunked>().with_name(name).into_date().into_column()
            }
            Self::Row(values) => {
                let values = rows.iter().map(|row| Some(values[index(row)]).filter(|value| *value != u64::MAX));
                values.collect::<pl::UInt64Chunked>().with_name(name).into_column()
            }
            Self::List(lists) => {
                let mut builder = pl::ListStringChunkedBuilder::new(name, rows.len(), rows.len());
                for row in rows {
                    builder.append_values_iter(lists.get(index(row)));
                }
                builder.finish().into_series().into_column()
            }
        }
    }
}

/// Texts end to end in one allocation.
#[derive(Debug, Default)]
struct Texts {
    bytes: String,
    /// End of each text; the highest bit marks a null.
    ends: Vec<u64>,
}

const NULL: u64 = 1 << 63;

impl Texts {
    fn push(&mut self, text: Option<&str>) {
        self.bytes.push_str(text.unwrap_or_default());
        let end = self.bytes.len() as u64;
        self.ends.push(if text.is_some() { end } else { end | NULL });
    }

    fn get(&self, at: usize) -> Option<&str> {
        let end = self.ends[at];
        (end & NULL == 0).then(|| &self.bytes[self.start(at)..index(end)])
    }

    fn start(&self, at: usize) -> usize {
        if at == 0 { 0 } else { index(self.ends[at - 1] & !NULL) }
    }

    /// The 16 bytes after what all texts begin with: ids of one directory share a long start.
    fn prefixes(&self, rows: std::ops::Range<u32>) -> Vec<(u128, u32)> {
        let text = |row: u32| self.get(row as usize).unwrap_or_default().as_bytes();
        let first = if rows.is_empty() { &[][..] } else { text(rows.start) };
        let shared = rows.clone().fold(first.len(), |shared, row| {
            text(row).iter().zip(&first[..shared]).take_while(|(a, b)| a == b).count()
        });
        let prefix = |row: u32| {
            let mut bytes = [0; 16];
            let rest = &text(row)[shared..];
            let kept = rest.len().min(16);
            bytes[..kept].copy_from_slice(&rest[..kept]);
            u128::from_be_bytes(bytes)
        };
        rows.map(|row| (prefix(row), row)).collect()
    }
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("an offset into memory fits the address space")
}

/// Interned text: one number a row.
#[derive(Debug, Default)]
struct Words {
    /// 0 is null, else one more than the place in `pool`.
    ids: Vec<u32>,
    pool: Texts,
    /// Hash of a text to its place; a second text with the same hash stands under the next free number.
    places: FxHashMap<u64, u32>,
    /// Strangers choose the texts.
    hasher: RandomState,
}

impl Words {
    fn push(&mut self, text: Option<&str>) {
        let id = text.map_or(0, |text| self.intern(text) + 1);
        self.ids.push(id);
    }

    fn intern(&mut self, text: &str) -> u32 {
        let mut hash = self.hasher.hash_one(text);
        while let Some(place) = self.places.get(&hash) {
            if self.pool.get(*place as usize) == Some(text) {
                return *place;
            }
            hash = hash.wrapping_add(1);
        }
        let place = u32::try_from(self.pool.ends.len()).expect("fewer than 2^32 texts");
        self.pool.push(Some(text));
        self.places.insert(hash, place);
        place
    }

    fn get(&self, at: usize) -> Option<&str> {
        let id = self.ids[at];
        (id > 0).then(|| self.pool.get(id as usize - 1).unwrap_or_default())
    }

    /// By id, its rank among all texts; null comes first.
    fn ranks(&self) -> Vec<u32> {
        let count = u32::try_from(self.pool.ends.len()).expect("fewer than 2^32 texts");
        let mut sorted = self.pool.prefixes(0..count);
        sorted.par_sort_unstable_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| self.pool.get(a.1 as usize).cmp(&self.pool.get(b.1 as usize)))
        });
        let mut ranks = vec![0; self.pool.ends.len() + 1];
        for (rank, (_, place)) in (1..).zip(sorted) {
            ranks[place as usize + 1] = rank;
        }
        ranks
    }
}

/// Spellings of an enum: one byte a row.
#[derive(Debug, Default)]
struct Names {
    codes: Vec<u8>,
    known: Vec<&'static str>,
}

const NO_NAME: u8 = u8::MAX;

impl Names {
    fn push(&mut self, name: Option<&'static str>) {
        let code = name.map_or(NO_NAME, |name| {
            let place = self.known.iter().position(|known| *known == name).unwrap_or_else(|| {
                self.known.push(name);
                self.known.len() - 1
            });
            u8::try_from(place).expect("our enums have fewer than 255 names")
        });
        self.codes.push(code);
    }

    fn get(&self, at: usize) -> Option<&'static str> {
        self.known.get(self.codes[at] as usize).copied()
    }
}

/// Lists of texts.
#[derive(Debug, Default)]
struct Lists {
    items: Texts,
    ends: Vec<u64>,
}

impl Lists {
    fn push<'a>(&mut self, items: impl IntoIterator<Item = &'a str>) {
        for item in items {
            self.items.push(Some(item));
        }
        self.ends.push(self.items.ends.len() as u64);
    }

    fn get(&self, at: usize) -> impl Iterator<Item = &str> {
        let start = if at == 0 { 0 } else { index(self.ends[at - 1]) };
        (start..index(self.ends[at])).map(|item| self.items.get(item).unwrap_or_default())
    }
}

/// One row while it is written, column after column.
struct Row<'a> {
    cells: std::slice::IterMut<'a, Cells>,
}

impl Row<'_> {
    fn next(&mut self) -> &mut Cells {
        self.cells.next().expect("a row has as many columns as its table")
    }

    fn text(&mut self, text: &str) {
        self.opt_text(Some(text));
    }

    fn opt_text(&mut self, text: Option<&str>) {
        match self.next() {
            Cells::Text(texts) => texts.push(text),
            Cells::Word(words) => words.push(text),
            other => unreachable!("text for {other:?}"),
        }
    }

    fn opt(&mut self, text: Option<&String>) {
        self.opt_text(text.map(String::as_str));
    }

    /// A JSON object as text, null when it is empty.
    fn attributes(&mut self, attributes: &BTreeMap<String, String>) {
        let json =
            (!attributes.is_empty()).then(|| serde_json::to_string(attributes).expect("a map of texts is always JSON"));
        self.opt(json.as_ref());
    }

    fn name(&mut self, name: &'static str) {
        self.opt_name(Some(name));
    }

    fn opt_name(&mut self, name: Option<&'static str>) {
        match self.next() {
            Cells::Name(names) => names.push(name),
            other => unreachable!("a name for {other:?}"),
        }
    }

    fn flag(&mut self, flag: Option<bool>) {
        match self.next() {
            Cells::Flag(values) => values.push(flag.map_or(2, u8::from)),
            other => unreachable!("a flag for {other:?}"),
        }
    }

    fn instant(&mut self, instant: Option<Timestamp>) {
        match self.next() {
            Cells::Instant(values) => values.push(instant.map_or(i64::MIN, Timestamp::as_microsecond)),
            other => unreachable!("an instant for {other:?}"),
        }
    }

    fn day(&mut self, day: Option<Date>) {
        match self.next() {
            Cells::Day(values) => values.push(day.map_or(i32::MIN, days)),
            other => unreachable!("a day for {other:?}"),
        }
    }

    fn list<'a>(&mut self, items: impl IntoIterator<Item = &'a str>) {
        match self.next() {
            Cells::List(lists) => lists.push(items),
            other => unreachable!("a list for {other:?}"),
        }
    }

    fn texts(&mut self, items: &[String]) {
        self.list(items.iter().map(String::as_str));
    }

    fn state(&mut self, state: FactState) {
        self.name(state.as_str());
    }

    fn fact_instant(&mut self, fact: &Fact<Timestamp>) {
        self.instant(fact.known().copied());
        self.state(fact.state());
    }

    fn fact_flag(&mut self, fact: &Fact<bool>) {
        self.flag(fact.known().copied());
        self.state(fact.state());
    }

    fn source(&mut self, raw: &Raw) {
        let at = match raw {
            Raw::At(row) => *row,
            Raw::Object(_) | Raw::Within(_) | Raw::None => u64::MAX,
        };
        match self.next() {
            Cells::Row(values) => values.push(at),
            other => unreachable!("a source row for {other:?}"),
        }
    }
}

/// Days since 1970-01-01.
fn days(date: Date) -> i32 {
    (date - Date::constant(1970, 1, 1)).get_days()
}

// One function a table, in the order of its columns in `tables.rs`.

fn person(row: &mut Row<'_>, it: &Person) {
    row.text(&it.id);
    row.opt(it.legal_name.as_ref());
    row.opt(it.preferred_name.as_ref());
    row.opt(it.given_name.as_ref());
    row.opt(it.family_name.as_ref());
    row.texts(&it.previous_names);
    row.texts(&it.emails);
    row.texts(&it.employee_ids);
    row.attributes(&it.attributes);
    row.source(&it.raw);
}

fn employment(row: &mut Row<'_>, it: &Employment) {
    row.text(&it.id);
    row.opt(it.sequence.as_ref());
    row.text(&it.person);
    row.opt(it.employee_id.as_ref());
    row.name(it.status.as_str());
    row.name(it.worker_type.as_str());
    row.day(it.start);
    row.day(it.end);
    row.opt(it.manager.as_ref());
    row.opt(it.department.as_ref());
    row.opt(it.title.as_ref());
    row.opt(it.location.as_ref());
    row.opt(it.cost_centre.as_ref());
    row.opt(it.time_zone.as_ref());
    row.instant(it.effective);
    row.day(it.effective_day);
    row.instant(it.recorded);
    row.source(&it.raw);
}

fn account(row: &mut Row<'_>, it: &Account) {
    row.text(&it.id);
    row.name(it.id_kind.as_str());
    row.opt(it.login.as_ref());
    row.opt(it.native_name.as_ref());
    row.opt(it.name.as_ref());
    row.texts(&it.emails);
    row.flag(Some(it.emails_verified));
    row.opt(it.employee_id.as_ref());
    row.opt_name(it.class.map(AccountClass::as_str));
    row.opt(it.class_evidence.as_ref());
    row.opt_name(it.affiliation.map(Affiliation::as_str));
    row.name(it.lifecycle.as_str());
    row.flag(Some(it.is_root));
    row.fact_instant(&it.created);
    row.fact_instant(&it.expires);
    row.fact_instant(&it.password_changed);
    row.fact_flag(&it.interactive);
    row.texts(it.mfa.known().map_or(&[], Vec::as_slice));
    row.state(it.mfa.state());
    row.opt(it.owner.as_ref());
    row.opt(it.manager.as_ref());
    row.opt(it.department.as_ref());
    row.opt(it.title.as_ref());
    let federated: Vec<String> = it.federated.iter().map(|id| format!("{} {}", id.issuer, id.subject)).collect();
    row.texts(&federated);
    row.attributes(&it.attributes);
    row.source(&it.raw);
}

fn group(row: &mut Row<'_>, it: &Group) {
    row.text(&it.id);
    row.name(it.id_kind.as_str());
    row.opt(it.name.as_ref());
    row.opt(it.native_name.as_ref());
    row.opt(it.description.as_ref());
    row.opt(it.owner.as_ref());
    row.name(it.rule.as_str());
    row.fact_flag(&it.self_join);
    row.opt_name(it.privilege.map(PrivilegeLevel::as_str));
    row.source(&it.raw);
}

fn membership(row: &mut Row<'_>, it: &Membership) {
    row.text(&it.group);
    row.text(&it.member);
    row.name(it.member_kind.as_str());
    row.instant(it.since);
    row.instant(it.until);
    row.opt(it.via.as_ref());
    row.source(&it.raw);
}

fn resource(row: &mut Row<'_>, it: &Resource) {
    row.text(&it.id);
    row.opt(it.kind.as_ref());
    row.opt(it.name.as_ref());
    row.opt(it.parent.as_ref());
    row.opt(it.environment.as_ref());
    row.opt(it.sensitivity.as_ref());
    row.opt(it.owner.as_ref());
    row.attributes(&it.attributes);
    row.source(&it.raw);
}

fn entitlement(row: &mut Row<'_>, it: &Entitlement) {
    row.text(&it.id);
    row.name(it.kind.as_str());
    row.opt(it.name.as_ref());
    row.opt(it.description.as_ref());
    row.name(it.purpose.as_str());
    row.opt_name(it.privilege.map(PrivilegeLevel::as_str));
    row.opt(it.owner.as_ref());
    row.source(&it.raw);
}

fn grant(row: &mut Row<'_>, it: &Grant) {
    row.text(&it.principal);
    row.text(&it.entitlement);
    row.opt(it.resource.as_ref());
    row.opt(it.condition.as_ref());
    row.name(it.principal_kind.as_str());
    row.name(it.origin.as_str());
    row.fact_instant(&it.since);
    row.fact_instant(&it.until);
    row.opt(it.justification.as_ref());
    row.source(&it.raw);
}

fn credential(row: &mut Row<'_>, it: &Credential) {
    row.text(&it.id);
    row.text(&it.account);
    row.name(it.kind.as_str());
    row.opt(it.name.as_ref());
    row.fact_instant(&it.created);
    row.fact_instant(&it.expires);
    row.fact_instant(&it.rotated);
    row.name(it.state.as_str());
    row.source(&it.raw);
}

fn policy(row: &mut Row<'_>, it: &Policy) {
    row.text(&it.id);
    row.name(it.kind.as_str());
    row.opt(it.name.as_ref());
    row.opt(it.version.as_ref());
    row.texts(&it.targets);
    row.text(&it.document);
    row.source(&it.raw);
}

fn federation(row: &mut Row<'_>, it: &Federation) {
    row.text(&it.id);
    row.text(&it.account);
    row.text(&it.issuer);
    row.opt(it.subject.as_ref());
    row.opt(it.condition.as_ref());
    row.source(&it.raw);
}

fn audit_event(row: &mut Row<'_>, it: &AuditEvent) {
    row.text(&it.id);
    row.instant(Some(it.at));
    row.opt(it.actor.as_ref());
    row.text(&it.action);
    row.opt(it.object.as_ref());
    row.opt(it.ticket.as_ref());
    row.opt_name(it.outcome.map(EventOutcome::as_str));
    row.opt(it.operation_id.as_ref());
    row.opt(it.sequence.as_ref());
    row.source(&it.raw);
}

fn approval(row: &mut Row<'_>, it: &Approval) {
    row.text(&it.id);
    row.opt(it.requester.as_ref());
    row.text(&it.beneficiary);
    row.opt(it.entitlement.as_ref());
    row.opt(it.resource.as_ref());
    row.instant(it.from);
    row.instant(it.until);
    row.instant(it.requested_at);
    row.opt(it.decided_by.as_ref());
    row.instant(it.decided_at);
    row.flag(it.approved);
    row.flag(it.emergency);
    row.opt(it.reviewed_by.as_ref());
    row.instant(it.reviewed_at);
    row.source(&it.raw);
}

/// The volatile fact of a record: its name and value.
pub(super) fn volatile(record: &Record) -> Option<(&'static str, &Fact<Timestamp>)> {
    match record {
        Record::Account(it) => Some(("last_activity", &it.last_activity)),
        Record::Credential(it) => Some(("last_used", &it.last_used)),
        Record::Grant(it) => Some(("last_used", &it.last_used)),
        Record::Person(_)
        | Record::Employment(_)
        | Record::Group(_)
        | Record::Membership(_)
        | Record::Resource(_)
        | Record::Entitlement(_)
        | Record::Policy(_)
        | Record::Federation(_)
        | Record::AuditEvent(_)
        | Record::Approval(_) => None,
    }
}

/// Before the name of what was used, in `activity`.
pub const USED: &str = "used:";

/// What an account used, as facts of `activity`.
pub(super) fn used(record: &Record) -> impl Iterator<Item = (String, &Fact<Timestamp>)> {
    let used = if let Record::Account(account) = record { Some(&account.used) } else { None };
    used.into_iter().flatten().map(|(what, at)| (format!("{USED}{what}"), at))
}

/// The source object of a record.
pub(super) fn raw(record: &Record) -> &Raw {
    match record {
        Record::Person(it) => &it.raw,
        Record::Employment(it) => &it.raw,
        Record::Account(it) => &it.raw,
        Record::Group(it) => &it.raw,
        Record::Membership(it) => &it.raw,
        Record::Resource(it) => &it.raw,
        Record::Entitlement(it) => &it.raw,
        Record::Grant(it) => &it.raw,
        Record::Credential(it) => &it.raw,
        Record::Policy(it) => &it.raw,
        Record::Federation(it) => &it.raw,
        Record::AuditEvent(it) => &it.raw,
        Record::Approval(it) => &it.raw,
    }
}

/// The record's id, or the parts of its key joined by [`KEY_SEPARATOR`].
pub(super) fn id(record: &Record) -> std::borrow::Cow<'_, str> {
    match record {
        Record::Person(it) => (&it.id).into(),
        Record::Employment(it) => (&it.id).into(),
        Record::Account(it) => (&it.id).into(),
        Record::Group(it) => (&it.id).into(),
        Record::Resource(it) => (&it.id).into(),
        Record::Entitlement(it) => (&it.id).into(),
        Record::Credential(it) => (&it.id).into(),
        Record::Policy(it) => (&it.id).into(),
        Record::Federation(it) => (&it.id).into(),
        Record::AuditEvent(it) => (&it.id).into(),
        Record::Approval(it) => (&it.id).into(),
        Record::Membership(it) => format!("{}{KEY_SEPARATOR}{}", it.group, it.member).into(),
        Record::Grant(it) => {
            let resource = it.resource.as_deref().unwrap_or_default();
            let condition = it.condition.as_deref().unwrap_or_default();
            let sep = KEY_SEPARATOR;
            format!("{}{sep}{}{sep}{resource}{sep}{condition}", it.principal, it.entitlement).into()
        }
    }
}
