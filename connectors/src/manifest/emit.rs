//! Items into records.
//!
//! ```text
//!   Scope with an item ─► Stream's emits ─► Drafts ─┬─ records that no other emit can add to ─► straight to the sink
//!                                                   └─ held ─► Collector ─(all streams read)─► derive ─► merged records
//! ```
//!
//! Several emits for one id make one record: values are laid over each other in the order of the manifest (streams, then emits, then
//! partitions), later ones that are not null over earlier ones, whatever order the replies came in. What is held grows with the number
//! of such records and not with pages; records of a kind that one plain list alone yields are never held.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Manifest;
use super::expression::{EvalError, Expr};
use super::fields::{KINDS, Kind, Unfit};
use super::model::Emit;
use super::scope::Scope;
use super::value::{Fields, Unmapped, Value, is_null, text, written, written_of};
use crate::record::{Raw, Record, RecordKind};

/// A compiled `emit`.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Index into [`KINDS`].
    pub(super) kind: usize,
    pub(super) when: Option<Expr>,
    pub(super) each: Option<Expr>,
    pub(super) enriches: bool,
    /// Fields by their index in the kind, in the order of the kind.
    pub(super) fields: Vec<(u8, Expr)>,
    /// Which of them is the id, of a kind that has one.
    id: Option<usize>,
    /// Whether records of it wait for what other emits say of the same id.
    pub(super) held: bool,
    /// Line in the manifest, for messages.
    pub(super) line: usize,
}

/// What the items of one stream become.
#[derive(Debug, Clone, Default)]
pub(super) struct Plans {
    pub(super) emits: Vec<Plan>,
    /// Keys of an item that are kept; `None` keeps the whole item, because an expression takes it whole.
    pub(super) kept: Option<BTreeSet<String>>,
}

impl Plan {
    /// The plan of an emit whose kind and fields were checked.
    pub(super) fn new(emit: &Emit, kind: usize, line: usize) -> Self {
        let names = KINDS[kind].names();
        let index =
            |name: &str| names.iter().position(|known| *known == name).and_then(|index| u8::try_from(index).ok());
        let mut fields: Vec<(u8, Expr)> =
            emit.fields.iter().filter_map(|(name, expr)| index(name).map(|index| (index, expr.clone()))).collect();
        fields.sort_by_key(|(index, _)| *index);
        let is_id = |(field, _): &(u8, Expr)| KINDS[kind].has_id() && names[usize::from(*field)] == "id";
        let id = fields.iter().position(is_id);
        Self {
            kind,
            id,
            when: emit.when.clone(),
            each: emit.each.clone(),
            enriches: emit.enriches,
            fields,
            held: false,
            line,
        }
    }

    fn kind(&self) -> &'static dyn Kind {
        KINDS[self.kind]
    }
}

/// A record that could not be made of an item, or lost a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The kind of record.
    pub kind: RecordKind,
    /// Ids that could be read of it.
    pub ids: Vec<String>,
    /// The stream.
    pub stream: String,
    /// Line of the emit in the manifest.
    pub line: usize,
    /// Why.
    pub why: String,
}

/// A word of the source that a `[map.*]` without `_` does not have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word {
    /// The kind of record.
    pub kind: RecordKind,
    /// The field that is unknown for it.
    pub field: &'static str,
    /// The table.
    pub table: String,
    /// The word.
    pub word: String,
}

/// A record that waits for what others say of it.
#[derive(Debug, Clone)]
pub struct Draft {
    kind: usize,
    id: String,
    /// Stream, emit and partition, which decide who is laid over whom.
    rank: (usize, usize, u64),
    enriches: bool,
    values: Vec<(u8, Value)>,
    raw: Raw,
}

/// What became of some items.
#[derive(Debug, Default)]
pub struct Drafts {
    /// Records that are finished.
    pub records: Vec<Record>,
    /// Records that wait: for a [`Collector`].
    pub held: Vec<Draft>,
    /// Records that could not be made.
    pub losses: Vec<Loss>,
    /// Words that no table has, with how often they came.
    pub words: BTreeMap<Word, u64>,
}

impl Drafts {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.held.is_empty() && self.losses.is_empty() && self.words.is_empty()
    }
}

/// Index of the built-in records among the streams: before all of them.
const BUILTIN: usize = 0;

impl Manifest {
    /// What the item in `scope` becomes. `stream` is the stream's index among [`super::model::Document::stream`]; `partition` says in which
    /// order several partitions count and must not depend on which was read first.
    pub fn emit(&self, stream: usize, partition: u64, scope: &Scope, drafts: &mut Drafts) {
        let Some(plans) = self.plans.get(stream) else { return };
        let name = self.document.stream.entries()[stream].name.get_ref();
        run(plans, name, stream + 1, partition, scope, drafts);
    }

    /// The records that exist by definition, over `config`, `tenant` and `identity`.
    pub fn emit_builtins(&self, scope: &Scope, drafts: &mut Drafts) {
        run(&self.builtins, "builtin", BUILTIN, 0, scope, drafts);
    }
}

fn run(plans: &Plans, stream: &str, rank: usize, partition: u64, scope: &Scope, drafts: &mut Drafts) {
    let mut first = None;
    for (position, plan) in plans.emits.iter().enumerate() {
        let mut lose = |error: &dyn std::fmt::Display, ids: Vec<String>, drafts: &mut Drafts| {
            let loss = Loss {
                kind: plan.kind().kind(),
                ids,
                stream: stream.to_owned(),
                line: plan.line,
                why: error.to_string(),
            };
            drafts.losses.push(loss);
        };
        let each = match &plan.each {
            None => Ok(None),
            Some(each) => each.eval(scope).and_then(|list| elements(each, &list)).map(Some),
        };
        match each {
            Err(error) => lose(&error, Vec::new(), drafts),
            Ok(None) => one(plan, (rank, position, partition), scope, plans, &mut first, drafts, &mut lose),
            Ok(Some(list)) => {
                for x in list {
                    let scope = scope.with("x", x);
                    one(plan, (rank, position, partition), &scope, plans, &mut first, drafts, &mut lose);
                }
            }
        }
    }
}

fn elements(each: &Expr, list: &Value) -> Result<Vec<Value>, EvalError> {
    if is_null(list) {
        return Ok(Vec::new());
    }
    match list.kind() {
        minijinja::value::ValueKind::Seq | minijinja::value::ValueKind::Iterable => {
            list.try_iter().map(Iterator::collect).map_err(|error| each.failed(error.to_string()))
        }
        kind => Err(each.failed(format!("`each` needs a list and got {kind}"))),
    }
}

type Lose<'a> = &'a mut dyn FnMut(&dyn std::fmt::Display, Vec<String>, &mut Drafts);

/// `first` is the id of the item's first record, which has its raw object; the others point at that one.
fn one(
    plan: &Plan,
    rank: (usize, usize, u64),
    scope: &Scope,
    plans: &Plans,
    first: &mut Option<String>,
    drafts: &mut Drafts,
    lose: Lose<'_>,
) {
    match plan.when.as_ref().map(|when| when.holds(scope)) {
        None | Some(Ok(true)) => {}
        Some(Ok(false)) => return,
        Some(Err(error)) => return lose(&error, Vec::new(), drafts),
    }
    let mut values = Vec::with_capacity(plan.fields.len());
    for (field, expr) in &plan.fields {
        match expr.eval(scope) {
            Ok(value) => values.push((*field, value)),
            Err(error) => {
                let ids = ids(plan.kind(), &values);
                return lose(&error, ids, drafts);
            }
        }
    }
    let id = plan.id.and_then(|id| text(&values[id].1)).filter(|id| !id.is_empty());
    let raw = match first.as_ref() {
        Some(first) => Raw::Within(first.clone()),
        None => scope.get("item").map_or(Raw::None, |item| reduced(&item, plans.kept.as_ref())),
    };
    if first.is_none() && !plan.enriches {
        first.clone_from(&id);
    }
    match id {
        Some(id) if plan.held => {
            drafts.held.push(Draft { kind: plan.kind, id, rank, enriches: plan.enriches, values, raw });
        }
        _ => match build(plan.kind(), &values, raw, &mut drafts.words) {
            Ok(record) => drafts.records.push(record),
            Err(error) => lose(&error, ids(plan.kind(), &values), drafts),
        },
    }
}

fn build(
    kind: &'static dyn Kind,
    values: &[(u8, Value)],
    raw: Raw,
    words: &mut BTreeMap<Word, u64>,
) -> Result<Record, Unfit> {
    kind.build(values, raw, &mut |field, unmapped: &Unmapped| {
        let word =
            Word { kind: kind.kind(), field, table: unmapped.table.to_string(), word: unmapped.word.to_string() };
        *words.entry(word).or_default() += 1;
    })
}

/// The id among the values, or the ids of the ends of an edge.
fn ids(kind: &dyn Kind, values: &[(u8, Value)]) -> Vec<String> {
    let names = kind.names();
    let wanted = ["id", "member", "principal", "person", "account"];
    let named = values.iter().filter(|(field, _)| wanted.contains(&names[usize::from(*field)]));
    named.filter_map(|(_, value)| text(value)).filter(|id| !id.is_empty()).collect()
}

/// The item as JSON, with the keys that are kept.
fn reduced(item: &Value, kept: Option<&BTreeSet<String>>) -> Raw {
    match (item.downcast_object_ref::<Fields>(), kept) {
        (Some(fields), Some(kept)) => Raw::Object(written_of(fields, |name| kept.contains(name))),
        (_, _) if is_null(item) => Raw::None,
        (_, _) => Raw::Object(written(item)),
    }
}

/// Holds what several emits say of the same records until every stream was read.
#[derive(Debug, Default)]
pub struct Collector {
    held: HashMap<(usize, String), Vec<Draft>>,
}

/// What came of the records that were held.
#[derive(Debug, Default)]
pub struct Merged {
    /// The records, sorted by kind and id, each with the index of the stream that yields it first; none for a built-in one.
    pub records: Vec<(Option<usize>, Record)>,
    /// Records that could not be made.
    pub losses: Vec<Loss>,
    /// Words that no table has.
    pub words: BTreeMap<Word, u64>,
    /// Fields that a derivation would have set, had its streams been complete: kind, field, why.
    pub withheld: Vec<(RecordKind, &'static str, String)>,
    /// Ids that only enriching emits named: they are no records, and their values are lost.
    pub strangers: Vec<(RecordKind, String)>,
}

impl Collector {
    /// Takes over what was held back. Order does not matter.
    pub fn hold(&mut self, drafts: Vec<Draft>) {
        for draft in drafts {
            self.held.entry((draft.kind, draft.id.clone())).or_default().push(draft);
        }
    }

    /// Records that wait.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Merges and derives. `complete` says of a stream whether it was read whole; `scope` is the run's.
    pub fn finish(self, manifest: &Manifest, scope: &Scope, complete: &dyn Fn(&str) -> bool) -> Merged {
        let mut merged = Merged::default();
        let mut ready = Vec::new();
        for derive in &manifest.derives {
            match derive.needs.iter().find(|stream| !complete(stream)) {
                None => ready.push(derive),
                Some(stream) => {
                    let kind = KINDS[derive.kind];
                    let names = kind.names();
                    let why = format!("it follows from the list `{stream}`, which was not read whole");
                    let withheld =
                        derive.set.iter().map(|(field, _)| (kind.kind(), names[usize::from(*field)], why.clone()));
                    merged.withheld.extend(withheld);
                }
            }
        }
        let mut held: Vec<_> = self.held.into_iter().collect();
        held.sort_by(|a, b| a.0.cmp(&b.0));
        for ((kind, id), mut drafts) in held {
            if drafts.iter().all(|draft| draft.enriches) {
                merged.strangers.push((KINDS[kind].kind(), id));
                continue;
            }
            drafts.sort_by_key(|draft| draft.rank);
            merge(manifest, kind, id, drafts, &ready, scope, &mut merged);
        }
        merged
    }
}

fn merge(
    manifest: &Manifest,
    kind: usize,
    id: String,
    drafts: Vec<Draft>,
    ready: &[&Derivation],
    scope: &Scope,
    merged: &mut Merged,
) {
    let raw = drafts.iter().find(|draft| !draft.enriches).map_or(Raw::None, |draft| draft.raw.clone());
    let (stream, position, _) = drafts.iter().find(|draft| !draft.enriches).map_or(drafts[0].rank, |draft| draft.rank);
    let mut values: Vec<(u8, Value)> = drafts.into_iter().flat_map(|draft| draft.values).collect();
    let lose = |why: String, merged: &mut Merged| {
        let name =
            stream.checked_sub(1).map_or("builtin", |stream| manifest.document.stream.entries()[stream].name.get_ref());
        let plans = stream.checked_sub(1).map_or(&manifest.builtins, |stream| &manifest.plans[stream]);
        let line = plans.emits.get(position).map_or(0, |plan| plan.line);
        merged.losses.push(Loss {
            kind: KINDS[kind].kind(),
            ids: vec![id.clone()],
            stream: name.to_owned(),
            line,
            why,
        });
    };
    for derive in ready.iter().filter(|derive| derive.kind == kind) {
        let scope = scope.with("record", seen(kind, &values)).with_bare("record");
        match derive.values(&scope) {
            Ok(derived) => values.extend(derived),
            Err(error) => return lose(error.to_string(), merged),
        }
    }
    match build(KINDS[kind], &values, raw, &mut merged.words) {
        Ok(record) => merged.records.push((stream.checked_sub(1), record)),
        Err(error) => lose(error.to_string(), merged),
    }
}

/// The values as one object: the later before the earlier, unless it is null.
fn seen(kind: usize, values: &[(u8, Value)]) -> Value {
    let names = KINDS[kind].names();
    let known = values.iter().filter(|(_, value)| !is_null(value));
    Value::from_object(Fields::new(
        known.map(|(field, value)| (names[usize::from(*field)].into(), value.clone())).collect(),
    ))
}

/// A compiled `[[derive]]`.
#[derive(Debug, Clone)]
pub(super) struct Derivation {
    pub(super) kind: usize,
    pub(super) needs: Vec<String>,
    pub(super) filter: Option<Expr>,
    pub(super) set: Vec<(u8, Expr)>,
}

impl Derivation {
    fn values(&self, scope: &Scope) -> Result<Vec<(u8, Value)>, EvalError> {
        if let Some(filter) = &self.filter
            && !filter.holds(scope)?
        {
            return Ok(Vec::new());
        }
        self.set.iter().map(|(field, expr)| Ok((*field, expr.eval(scope)?))).collect()
    }
}
