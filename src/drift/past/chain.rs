//! Older snapshots, asked how often the facts that changed came and went before, and when an account that came was last there.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use muster_connectors::record::{Lifecycle, RecordKind};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Changed;
use crate::diff::What;
use crate::graph::Coverage;
use crate::people::fold;
use crate::snapshot::{KindView, Rows, Snapshot, StoreError};

/// For how long every night is looked at for facts that come and go.
const EVERY_NIGHT: SignedDuration = SignedDuration::from_hours(31 * 24);
/// For how long an account that is gone is remembered; beyond [`EVERY_NIGHT`], one snapshot of each [`STEP`] is looked at.
const MEMORY: SignedDuration = SignedDuration::from_hours(400 * 24);
const STEP: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The chain before the snapshot compared with.
pub(super) struct Chain<'a> {
    changes: &'a mut [Changed],
    before: &'a Snapshot,
    /// Changes of each place, by the first column of their keys.
    places: BTreeMap<(String, String, RecordKind), Place>,
}

/// One scope and kind in which something changed.
#[derive(Default)]
struct Place {
    by_first: FxHashMap<String, Vec<usize>>,
    /// Accounts that came, by folded login.
    by_login: FxHashMap<String, Vec<usize>>,
    /// How each fact stood in the last snapshot looked at: the state of an account, nothing for others; `None` when it was not.
    stood: FxHashMap<usize, Option<String>>,
    /// Objects of the last snapshot looked at: equal ones say the same.
    objects: Vec<String>,
}

impl<'a> Chain<'a> {
    pub(super) fn new(changes: &'a mut [Changed], before: &'a Snapshot) -> Self {
        let mut places: BTreeMap<(String, String, RecordKind), Place> = BTreeMap::new();
        for (ix, change) in changes.iter_mut().enumerate().filter(|(_, change)| change.toggles()) {
            change.toggles.push(change.window.until);
            if !matches!(
                change.kind,
                RecordKind::Person | RecordKind::Account | RecordKind::Membership | RecordKind::Grant
            ) {
                continue;
            }
            let place = places.entry((change.system.clone(), change.scope.clone(), change.kind)).or_default();
            let first = change.key.first().and_then(|(_, value)| value.clone()).unwrap_or_default();
            place.by_first.entry(first).or_default().push(ix);
            let stood = match change.what {
                What::Added => None,
                What::Removed => Some(change.field("lifecycle").unwrap_or_default().to_owned()),
                What::Changed => change.lifecycles().map(|(before, _)| before.as_str().to_owned()),
            };
            place.stood.insert(ix, stood);
            if change.kind == RecordKind::Account
                && change.what == What::Added
                && let Some(login) = change.field("login")
            {
                place.by_login.entry(fold(login)).or_default().push(ix);
            }
        }
        Self { changes, before, places }
    }

    /// # Errors
    /// [`StoreError`] when an older snapshot cannot be read.
    pub(super) fn look_back(mut self) -> Result<(), StoreError> {
        if self.places.is_empty() {
            return Ok(());
        }
        let newest = self.before.manifest().header.taken;
        let back = |span: SignedDuration| newest.checked_sub(span).unwrap_or(Timestamp::MIN);
        let (nightly, oldest) = (back(EVERY_NIGHT), back(MEMORY));
        self.look_at(&self.before.clone(), true, true)?;
        let mut next = newest;
        for earlier in self.before.earlier()? {
            let taken = earlier.manifest().header.taken;
            let waits_for_accounts =
                self.changes.iter().any(|change| change.what == What::Added && change.kind == RecordKind::Account);
            if taken < oldest || (taken < nightly && !waits_for_accounts) {
                break;
            }
            if taken < nightly && taken > next {
                continue;
            }
            self.look_at(&earlier, taken >= nightly, false)?;
            if taken < nightly {
                next = taken.checked_sub(STEP).unwrap_or(Timestamp::MIN);
            }
        }
        Ok(())
    }

    /// `counts`: whether a turn seen here is one of those that are counted; `is_before`: the snapshot compared with.
    fn look_at(&mut self, snapshot: &Snapshot, counts: bool, is_before: bool) -> Result<(), StoreError> {
        let manifest = snapshot.manifest();
        let coverage = Coverage::of(manifest);
        let taken = manifest.header.taken;
        let views: FxHashMap<(&str, &str, RecordKind), KindView<'_>> =
            manifest.kinds().map(|view| ((view.system, view.scope, view.kind), view)).collect();
        for ((system, scope, kind), place) in &mut self.places {
            let Some(view) = views.get(&(system.as_str(), scope.as_str(), *kind)) else { continue };
            let proves = coverage.of_scope(system, scope).any(|row| row.kind == *kind && row.proves_absence);
            let layers = view.entry.carried.iter().flat_map(|layer| &layer.parts);
            let parts = view.entry.parts.iter().chain(layers).filter(|part| part.table == kind.as_str());
            let objects: Vec<String> = parts.map(|part| part.object.clone()).collect();
            if !proves || objects == place.objects {
                continue;
            }
            place.objects = objects;
            // How these stood there is what the comparison told; of accounts it did not tell who bore the same login.
            if is_before && *kind != RecordKind::Account {
                continue;
            }
            let seen = place.read(self.changes, snapshot, view, *kind)?;
            place.settle(self.changes, &seen, taken, counts, is_before);
        }
        Ok(())
    }
}

/// What a snapshot knew of the facts of a place.
#[derive(Default)]
struct Seen {
    there: FxHashMap<usize, String>,
    /// Accounts with the login of one that came, and their ids.
    namesakes: FxHashMap<usize, String>,
}

impl Place {
    fn read(
        &self,
        changes: &[Changed],
        snapshot: &Snapshot,
        view: &KindView<'_>,
        kind: RecordKind,
    ) -> Result<Seen, StoreError> {
        let is_account = kind == RecordKind::Account;
        let keys: Vec<&'static str> = crate::snapshot::tables::of(kind).key().map(|column| column.name).collect();
        let more: &[&str] = if is_account { &["lifecycle", "login"] } else { &[] };
        let frame = snapshot.rows_of(view, &[keys.as_slice(), more].concat())?;
        let rows = Rows::of(&frame, kind.as_str());
        let columns = keys.iter().map(|key| rows.texts(key)).collect::<Result<Vec<_>, _>>()?;
        let (lifecycles, logins) =
            if is_account { (Some(rows.texts("lifecycle")?), Some(rows.texts("login")?)) } else { (None, None) };
        let mut seen = Seen::default();
        for row in 0..rows.len() {
            for ix in columns.first().and_then(|column| self.by_first.get(column.text(row))).into_iter().flatten() {
                let is_it =
                    changes[*ix].key.iter().zip(&columns).all(|((_, key), column)| key.as_deref() == column.get(row));
                if is_it {
                    let state = lifecycles.as_ref().map(|states| states.text(row)).unwrap_or_default();
                    seen.there.insert(*ix, state.to_owned());
                }
            }
            if self.by_login.is_empty() {
                continue;
            }
            let Some(login) = logins.as_ref().and_then(|logins| logins.get(row)) else { continue };
            for ix in self.by_login.get(&fold(login)).into_iter().flatten() {
                let id = columns.first().map(|column| column.text(row)).unwrap_or_default();
                seen.namesakes.insert(*ix, id.to_owned());
            }
        }
        Ok(seen)
    }

    fn settle(&mut self, changes: &mut [Changed], seen: &Seen, taken: Timestamp, counts: bool, is_before: bool) {
        let mut known: Vec<(&usize, &mut Option<String>)> = self.stood.iter_mut().collect();
        known.sort_by_key(|(ix, _)| **ix);
        let mut concurrent = FxHashSet::default();
        for (ix, stood) in known {
            let (now, change) = (seen.there.get(ix), &mut changes[*ix]);
            if change.kind == RecordKind::Account && change.what == What::Added && change.last_there.is_none() {
                match (now, seen.namesakes.get(ix)) {
                    // Whoever bore the login when it was compared still had it: nothing came back.
                    (None, Some(_)) if is_before => {
                        concurrent.insert(*ix);
                    }
                    (Some(_), _) => change.last_there = Some((taken, change.id().to_owned())),
                    (None, Some(other)) => change.last_there = Some((taken, other.clone())),
                    (None, None) => {}
                }
            }
            let before = now.map(String::as_str);
            let same = match (before, stood.as_deref()) {
                (Some(a), Some(b)) => change.kind != RecordKind::Account || works(a) == works(b),
                (a, b) => a.is_some() == b.is_some(),
            };
            if !same && counts && !is_before {
                change.toggles.push(taken);
            }
            if !same {
                *stood = before.map(str::to_owned);
            }
        }
        for ids in self.by_login.values_mut() {
            ids.retain(|ix| !concurrent.contains(ix));
        }
    }
}

/// Whether an account of this state can act.
fn works(lifecycle: &str) -> bool {
    lifecycle.parse::<Lifecycle>().is_ok_and(Lifecycle::is_active)
}
