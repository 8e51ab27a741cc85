//! What changed since an earlier snapshot of the chain, as subjects that rules judge.
//!
//! ```text
//!   before, after ──► Diff (exact) ──► changes, each with its window and, where it only looks like one, the noise step
//!                                 └──► gaps: places of which nobody can say what came or went
//!   older snapshots ──► how often each of these facts came and went before; when an account that came was last there
//! ```
//!
//! Cost: that of the comparison, which is nothing where objects are shared. The older snapshots are read only where something
//! changed, only the keys of that place, and only those of their objects that differ from the next night's.

mod chain;

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;

use jiff::{SignedDuration, Timestamp};
use muster_connectors::record::{Lifecycle, RecordKind};
use rustc_hash::FxHashMap;
use serde_json::Value as Json;

use self::chain::Chain;
use super::noise::principal_gone::Departed;
use super::noise::{Noise, ephemeral, inherited, provider_default};
use crate::diff::{Change, Diff, Field, Part, What};
use crate::people::fold;
use crate::snapshot::{Snapshot, StoreError};

/// Kinds whose changes are subjects.
const KINDS: [RecordKind; 8] = [
    RecordKind::Person,
    RecordKind::Account,
    RecordKind::Group,
    RecordKind::Membership,
    RecordKind::Entitlement,
    RecordKind::Grant,
    RecordKind::Credential,
    RecordKind::Policy,
];

/// When something happened: after `after`, and no later than `until`. Equal where the instant is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// When it had not happened yet.
    pub after: Timestamp,
    /// When it had.
    pub until: Timestamp,
}

/// One row that came, went or differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// What happened.
    pub what: What,
    /// Kind of record.
    pub kind: RecordKind,
    /// System.
    pub system: String,
    /// Scope.
    pub scope: String,
    /// The row's key: column and value.
    pub key: Vec<(&'static str, Option<String>)>,
    /// The other columns: of a changed row those that differ, else those that hold something.
    pub fields: Vec<Field>,
    /// When.
    pub window: Window,
    /// The step that explains why it only looks like a change.
    pub noise: Option<Noise>,
    /// When the same fact came or went, this time included, the newest first.
    pub toggles: Vec<Timestamp>,
    /// When an account that came was last there before it went, and under which id.
    pub last_there: Option<(Timestamp, String)>,
}

/// A place of which nobody can say what came or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// System.
    pub system: String,
    /// Scope.
    pub scope: String,
    /// Kind of record.
    pub kind: RecordKind,
    /// Why.
    pub why: String,
}

/// What an earlier snapshot tells about this one.
#[derive(Debug, Default)]
pub struct Past {
    /// Number and clock of the earlier snapshot.
    before: Option<(u64, Timestamp)>,
    changes: Vec<Changed>,
    gaps: Vec<Gap>,
    reordered: u64,
    /// Employments of which HR's row came, went or differs: the columns that do, by feed and key.
    employments: FxHashMap<(String, String), Vec<&'static str>>,
    /// Changes of ties, by system and the id of what is held.
    by_target: FxHashMap<(String, String), Vec<u32>>,
}

impl Past {
    /// What changed since the newest snapshot that is at least `days` older, or since the oldest there is; with 0 since the one
    /// before.
    ///
    /// # Errors
    /// [`StoreError`] when rows cannot be read.
    pub fn of(snapshot: &Snapshot, days: i64) -> Result<Self, StoreError> {
        let taken = snapshot.manifest().header.taken;
        let limit = taken.checked_sub(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MIN);
        let mut before = None;
        for earlier in snapshot.earlier()? {
            let is_old = earlier.manifest().header.taken <= limit;
            before = Some(earlier);
            if is_old || days == 0 {
                break;
            }
        }
        Self::between(before.as_ref(), snapshot)
    }

    /// What changed since `before`.
    ///
    /// # Errors
    /// [`StoreError`] when rows cannot be read.
    pub fn between(before: Option<&Snapshot>, after: &Snapshot) -> Result<Self, StoreError> {
        let Some(before) = before else { return Ok(Self::of_a_first_snapshot(after)) };
        let diff = Diff::between(before, after, |_, kind| KINDS.contains(&kind) || kind == RecordKind::Employment)?;
        let taken = [before, after].map(|snapshot| snapshot.manifest().header.taken);
        let mut past = Self {
            before: Some((before.manifest().header.sequence, taken[0])),
            reordered: diff.parts.iter().map(|part| part.reordered).sum(),
            ..Self::default()
        };
        for part in diff.parts {
            past.take(part, taken);
        }
        past.fold_scopes();
        past.name_noise();
        Chain::new(&mut past.changes, before).look_back()?;
        for (place, change) in past.changes.iter().enumerate() {
            if let Some((_, target)) = change.ends() {
                let number = u32::try_from(place).unwrap_or(u32::MAX);
                past.by_target.entry((change.system.clone(), target.to_owned())).or_default().push(number);
            }
        }
        Ok(past)
    }

    /// Nothing can have come or gone since a snapshot that does not exist; every place says so.
    fn of_a_first_snapshot(after: &Snapshot) -> Self {
        let places = after.manifest().kinds().filter(|view| KINDS.contains(&view.kind));
        let why = "there is no earlier snapshot to compare with";
        let gaps = places.map(|view| Gap {
            system: view.system.to_owned(),
            scope: view.scope.to_owned(),
            kind: view.kind,
            why: why.to_owned(),
        });
        Self { gaps: gaps.collect(), ..Self::default() }
    }

    fn take(&mut self, part: Part, [before, after]: [Timestamp; 2]) {
        let Part { system, scope, kind, changes, unproven, .. } = &part;
        if *kind == RecordKind::Employment {
            for change in changes {
                let Some(id) = change.key.first().and_then(|(_, id)| id.clone()) else { continue };
                let columns = change.fields.iter().map(|field| field.column);
                self.employments.entry((system.clone(), fold(&id))).or_default().extend(columns);
            }
            return;
        }
        if part.is_open() {
            let mut whys: Vec<String> = unproven.iter().map(|open| open.why.clone()).collect();
            if whys.is_empty() {
                whys.push(format!("{kind} were not read completely in the later snapshot"));
            }
            whys.sort();
            whys.dedup();
            let (system, scope) = (system.clone(), scope.clone());
            self.gaps.push(Gap { system, scope, kind: *kind, why: whys.join("; ") });
        }
        let collected = |reading: Option<crate::diff::Reading>| reading.and_then(|reading| reading.collected);
        let window =
            Window { after: collected(part.before).unwrap_or(before), until: collected(part.after).unwrap_or(after) };
        let Part { system, scope, kind, changes, .. } = part;
        self.changes.extend(changes.into_iter().map(|Change { what, key, fields }| {
            let since = fields.iter().find(|field| field.column == "since" && what == What::Added);
            let since = since.and_then(|field| field.after.as_str()?.parse().ok());
            let known = since.filter(|since| window.after <= *since && *since <= window.until);
            Changed {
                what,
                kind,
                system: system.clone(),
                scope: scope.clone(),
                key,
                fields,
                window: known.map_or(window, |at| Window { after: at, until: at }),
                noise: None,
                toggles: Vec::new(),
                last_there: None,
            }
        }));
    }

    /// What several scopes of a system list is one fact: it comes and goes once, and what goes in one and comes in another moved.
    fn fold_scopes(&mut self) {
        let mut firsts: FxHashMap<(String, RecordKind, Vec<Option<String>>), usize> = FxHashMap::default();
        let mut kept: Vec<Changed> = Vec::with_capacity(self.changes.len());
        for change in std::mem::take(&mut self.changes) {
            let key = change.key.iter().map(|(_, value)| value.clone()).collect();
            match firsts.entry((change.system.clone(), change.kind, key)) {
                Entry::Vacant(place) => {
                    place.insert(kept.len());
                    kept.push(change);
                }
                Entry::Occupied(place) => {
                    let first = &mut kept[*place.get()];
                    if first.what != change.what {
                        first.noise = Some(Noise::Moved);
                    }
                }
            }
        }
        self.changes = kept;
    }

    fn name_noise(&mut self) {
        let gone = self.changes.iter().filter(|change| {
            change.what == What::Removed && matches!(change.kind, RecordKind::Account | RecordKind::Group)
        });
        let gone: Vec<(String, String)> = gone.map(|change| (change.system.clone(), change.id().to_owned())).collect();
        let departed = Departed::of(gone.iter().map(|(system, id)| (system.as_str(), id.as_str())));
        for change in &mut self.changes {
            change.noise = change.noise.or_else(|| change.noise(&departed));
        }
    }

    /// Number and clock of the snapshot that today's is compared with; `None` when there is none.
    pub fn before(&self) -> Option<(u64, Timestamp)> {
        self.before
    }

    /// Everything that changed, by system, scope, kind and key.
    pub fn changes(&self) -> &[Changed] {
        &self.changes
    }

    /// Places of which nobody can say what changed.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Rows that differ only in the order within a list.
    pub fn reordered(&self) -> u64 {
        self.reordered
    }

    /// Changes by the noise step that explains them.
    pub fn noise(&self) -> BTreeMap<Noise, u64> {
        let mut counts = BTreeMap::new();
        for noise in self.changes.iter().filter_map(|change| change.noise) {
            *counts.entry(noise).or_default() += 1;
        }
        counts
    }

    /// What HR changed in the row of an employment; `None` when it is as it was.
    pub fn employment_changes(&self, system: &str, id: &str) -> Option<&[&'static str]> {
        self.employments.get(&(system.to_owned(), fold(id))).map(Vec::as_slice)
    }

    /// Grants and memberships of this entitlement or group that came, went or differ.
    pub fn of_target(&self, system: &str, target: &str) -> impl Iterator<Item = &Changed> + '_ {
        let places = self.by_target.get(&(system.to_owned(), target.to_owned()));
        places.into_iter().flatten().map(|place| &self.changes[*place as usize])
    }
}

impl Changed {
    /// The value of a key column; empty when it has none.
    pub fn cell(&self, column: &str) -> &str {
        let value = self.key.iter().find(|(name, _)| *name == column).and_then(|(_, value)| value.as_deref());
        value.unwrap_or_default()
    }

    /// What a column that is no key held: where the row is, else where it was.
    pub fn field(&self, column: &str) -> Option<&str> {
        let field = self.fields.iter().find(|field| field.column == column)?;
        field.after.as_str().or_else(|| field.before.as_str())
    }

    /// A column's values on both sides, where they differ.
    pub fn turned(&self, column: &str) -> Option<(&Json, &Json)> {
        let field = self.fields.iter().find(|field| field.column == column && self.what == What::Changed)?;
        Some((&field.before, &field.after))
    }

    /// The object's own id; for a grant or membership, the principal's.
    pub fn id(&self) -> &str {
        self.ends().map_or_else(|| self.cell("id"), |(principal, _)| principal)
    }

    /// Principal and what it holds or is a member of; `None` for what is no tie.
    pub fn ends(&self) -> Option<(&str, &str)> {
        match self.kind {
            RecordKind::Grant => Some((self.cell("principal"), self.cell("entitlement"))),
            RecordKind::Membership => Some((self.cell("member"), self.cell("group"))),
            _ => None,
        }
    }

    /// What identifies it from run to run: as a grant or membership of the graph is identified, or by the object's own id.
    pub fn address(&self) -> String {
        let Some((principal, target)) = self.ends() else { return self.id().to_owned() };
        let condition = self.cell("condition");
        let key = format!("{principal}|{target}|{}", self.cell("resource"));
        if condition.is_empty() { key } else { format!("{key}|{condition}") }
    }

    /// The word for what changed: "grant", "membership", "account" ….
    pub const fn noun(&self) -> &'static str {
        noun(self.kind)
    }

    /// States of an account before and after, where they differ.
    pub fn lifecycles(&self) -> Option<(Lifecycle, Lifecycle)> {
        let (before, after) = self.turned("lifecycle").filter(|_| self.kind == RecordKind::Account)?;
        Some((before.as_str()?.parse().ok()?, after.as_str()?.parse().ok()?))
    }

    fn noise(&self, departed: &Departed<'_>) -> Option<Noise> {
        let name = self.field("name").or_else(|| self.field("login")).unwrap_or_default();
        let native = self.field("native_name").unwrap_or_default();
        let is_provided = provider_default::is(self.id(), name, native);
        match self.kind {
            RecordKind::Account | RecordKind::Group | RecordKind::Entitlement | RecordKind::Policy if is_provided => {
                Some(Noise::ProviderDefault)
            }
            RecordKind::Account if ephemeral::is_account(self.field("login").unwrap_or(self.id())) => {
                Some(Noise::Ephemeral)
            }
            RecordKind::Credential if ephemeral::is_credential(self.id()) => Some(Noise::Ephemeral),
            RecordKind::Grant if inherited::is(self.field("origin")) && self.what != What::Changed => {
                Some(Noise::Inherited)
            }
            RecordKind::Grant | RecordKind::Membership if self.what == What::Removed => {
                let (principal, target) = self.ends()?;
                departed.takes(&self.system, [principal, target]).then_some(Noise::PrincipalGone)
            }
            _ => None,
        }
    }

    /// Whether the fact is one that comes and goes: it is there or not, or an account's state turned.
    fn toggles(&self) -> bool {
        self.noise.is_none() && (self.what != What::Changed || self.lifecycles().is_some())
    }
}

/// The word for one record of a kind.
const fn noun(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Person => "person",
        RecordKind::Employment => "employment",
        RecordKind::Account => "account",
        RecordKind::Group => "group",
        RecordKind::Membership => "membership",
        RecordKind::Resource => "resource",
        RecordKind::Entitlement => "entitlement",
        RecordKind::Grant => "grant",
        RecordKind::Credential => "credential",
        RecordKind::Policy => "policy",
        RecordKind::Federation => "federation",
        RecordKind::AuditEvent => "audit event",
        RecordKind::Approval => "approval",
    }
}
