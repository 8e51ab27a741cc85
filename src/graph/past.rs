//! What earlier snapshots say of the accounts that are off today: when each was last seen working, and since when it is seen off.
//!
//! No source tells the instant of a switching-off, so it is only known to lie between two readings. They are looked up before
//! the first rule asks, and never where nothing is off.

use std::sync::OnceLock;

use jiff::{SignedDuration, Timestamp};
use muster_connectors::record::{Lifecycle, RecordKind};
use rustc_hash::FxHashMap;

use super::{Graph, NodeIx, NodeKind, ScopeIx};
use crate::snapshot::{KindState, KindView, Rows, Snapshot, StoreError};

/// For how long back is looked: longer than any limit that rules count in days by default.
const FURTHEST: SignedDuration = SignedDuration::from_hours(400 * 24);

/// What [`Graph::look_back`] found, or why the earlier snapshots could not be read.
pub(super) type Switched = OnceLock<Result<FxHashMap<NodeIx, SwitchedOff>, String>>;

/// Between which readings an account was switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SwitchedOff {
    /// The last reading that is known to have seen it on; `None` where none of those looked at did.
    pub last_on: Option<Timestamp>,
    /// The first of the readings since then that saw it off.
    pub first_off: Timestamp,
}

impl Graph {
    /// Reads earlier snapshots for [`Graph::switched_off`], once. Not from within parallel work: reading is parallel itself, and
    /// a thread that waits for it could pick up work that waits for this.
    ///
    /// Cost: nothing where no account is off; else, of a dozen earlier snapshots at growing distance, the states of the accounts of
    /// those scopes that changed.
    pub fn look_back(&self) {
        self.switched.get_or_init(|| switched(self).map_err(|error| error.to_string()));
    }

    /// Between which readings an account that is off today was switched off; `None` for one that is on, where it is not known
    /// when today's row was true, and where nobody looked back.
    ///
    /// # Errors
    /// Why the earlier snapshots could not be read, for a sentence.
    pub fn switched_off(&self, account: NodeIx) -> Result<Option<SwitchedOff>, &str> {
        match self.switched.get() {
            None => Ok(None),
            Some(Ok(switched)) => Ok(switched.get(&account).copied()),
            Some(Err(why)) => Err(why),
        }
    }
}

/// An account that is off, and how far back that is known.
struct Open {
    ix: NodeIx,
    off: SwitchedOff,
    settled: bool,
}

fn switched(graph: &Graph) -> Result<FxHashMap<NodeIx, SwitchedOff>, StoreError> {
    let mut open = off_today(graph);
    if let Some(snapshot) = &graph.snapshot {
        let taken = snapshot.manifest().header.taken;
        let scopes: FxHashMap<(&str, &str), ScopeIx> = graph
            .places()
            .map(|(system, scope)| ((graph.system_name(system), graph.scope_name(scope)), scope))
            .collect();
        let scope_of = |view: &KindView<'_>| scopes.get(&(view.system, view.scope)).copied();
        let mut read: FxHashMap<ScopeIx, Vec<String>> = FxHashMap::default();
        for view in accounts_of(snapshot) {
            if let Some(scope) = scope_of(&view) {
                read.insert(scope, objects(&view));
            }
        }
        let mut next = taken;
        for earlier in snapshot.earlier()? {
            let at = earlier.manifest().header.taken;
            let age = taken.duration_since(at);
            if age > FURTHEST || open.values().flatten().all(|account| account.settled) {
                break;
            }
            if at > next {
                continue;
            }
            for view in accounts_of(&earlier) {
                let Some(scope) = scope_of(&view) else { continue };
                let Some(accounts) = open.get_mut(&scope) else { continue };
                look(graph, &earlier, &view, accounts, &mut read, scope)?;
            }
            // Every one of the last nights, then ever longer steps.
            next = at.checked_sub(age / 2).unwrap_or(Timestamp::MIN);
        }
    }
    Ok(open.into_values().flatten().map(|account| (account.ix, account.off)).collect())
}

/// Accounts that are off today, by scope.
fn off_today(graph: &Graph) -> FxHashMap<ScopeIx, Vec<Open>> {
    let mut collected: FxHashMap<ScopeIx, Option<Timestamp>> = FxHashMap::default();
    let mut open: FxHashMap<ScopeIx, Vec<Open>> = FxHashMap::default();
    for (ix, account) in graph.accounts().filter(|(_, account)| !account.lifecycle.is_active()) {
        let node = graph.node(ix);
        let at = *collected.entry(node.scope).or_insert_with(|| {
            let (system, scope) = (graph.system_name(node.system), graph.scope_name(node.scope));
            let mut rows = graph.coverage().of_scope(system, scope);
            rows.find(|row| row.kind == RecordKind::Account).and_then(|row| row.collected)
        });
        // An invitation was never on.
        let settled = account.lifecycle == Lifecycle::Pending;
        if let Some(first_off) = at {
            let off = SwitchedOff { last_on: None, first_off };
            open.entry(node.scope).or_default().push(Open { ix, off, settled });
        }
    }
    open
}

/// The accounts of each scope of a snapshot that are believed.
fn accounts_of(snapshot: &Snapshot) -> Vec<KindView<'_>> {
    let believed = |view: &KindView<'_>| match view.state() {
        KindState::Complete | KindState::Carried | KindState::Partial => true,
        KindState::Suspect | KindState::Failed => false,
    };
    snapshot.manifest().kinds().filter(|view| view.kind == RecordKind::Account && believed(view)).collect()
}

fn objects(view: &KindView<'_>) -> Vec<String> {
    let carried = view.entry.carried.iter().flat_map(|layer| &layer.parts);
    let parts = view.entry.parts.iter().chain(carried);
    parts.filter(|part| part.table == RecordKind::Account.as_str()).map(|part| part.object.clone()).collect()
}

/// Looks at the accounts of one scope on one earlier night.
fn look(
    graph: &Graph,
    earlier: &Snapshot,
    view: &KindView<'_>,
    accounts: &mut [Open],
    read: &mut FxHashMap<ScopeIx, Vec<String>>,
    scope: ScopeIx,
) -> Result<(), StoreError> {
    let objects = objects(view);
    if read.get(&scope) == Some(&objects) {
        if let Some(at) = view.entry.collected {
            for account in accounts.iter_mut().filter(|account| !account.settled) {
                account.off.first_off = account.off.first_off.min(at);
            }
        }
        return Ok(());
    }
    let frame = earlier.rows_of(view, &["id", "lifecycle", "collected"])?;
    let rows = Rows::of(&frame, "accounts");
    let (ids, states, collected) = (rows.texts("id")?, rows.texts("lifecycle")?, rows.instants("collected")?);
    let mut then: FxHashMap<NodeIx, (bool, Timestamp)> = FxHashMap::default();
    let system = graph.system(view.system);
    for row in 0..rows.len() {
        let known = system.and_then(|system| graph.find(system, NodeKind::Account, ids.text(row)));
        if let (Some(ix), Some(at)) = (known, collected.at(row)) {
            let lifecycle: Lifecycle = states.name(row).unwrap_or(Lifecycle::Unknown);
            then.insert(ix, (lifecycle.is_active(), at));
        }
    }
    for account in accounts.iter_mut().filter(|account| !account.settled) {
        match then.get(&account.ix) {
            Some((false, at)) => account.off.first_off = account.off.first_off.min(*at),
            Some((true, at)) => {
                account.off.last_on = Some(*at);
                account.settled = true;
            }
            None => account.settled = true,
        }
    }
    read.insert(scope, objects);
    Ok(())
}
