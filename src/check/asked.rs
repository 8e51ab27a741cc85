//! What a question about AWS needs of a snapshot, and no more: the policies of the accounts that can matter, and people only where somebody
//! was found.
//!
//! A resource is used by its own account, and by others only where its policy lets them in. So the account that owns it is read first; what
//! its policy says then tells whether the others matter. Where the owner is not known, everybody does.

use std::sync::Arc;

use jiff::Timestamp;
use muster_connectors::record::RecordKind;
use muster_effective::aws::document::Actions;
use muster_effective::aws::escalation::Techniques;
use rustc_hash::{FxHashMap, FxHashSet};

use super::linked;
use crate::access::aws::Place;
use crate::access::aws::estate::{number_in, number_of};
use crate::config::Config;
use crate::graph::{Graph, NodeIx};
use crate::snapshot::{KindEntry, Rows, Snapshot, StoreError};

/// Which accounts of a system a question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Needed {
    /// The one that owns the resource.
    Owner(String),
    /// All of them.
    All,
}

/// Graph and places of the systems with policies, as far as a question needs them.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Their facts.
    pub(crate) graph: Graph,
    /// The AWS systems, ready to be asked.
    pub(crate) places: Vec<Place>,
}

impl Asked {
    /// What is needed to tell who may do actions, each on its resource; everything of these systems where one has none. Only of the system
    /// called `name`, where one is given.
    ///
    /// # Errors
    /// [`StoreError`] when the snapshot cannot be read.
    pub(crate) fn who_can(
        snapshot: &Snapshot,
        name: Option<&str>,
        techniques: &Arc<Techniques>,
        actions: &[(&str, Option<&str>)],
        transitive: bool,
    ) -> Result<Self, StoreError> {
        let mut needed: FxHashMap<String, Needed> = FxHashMap::default();
        let with_policies = snapshot.kinds().filter(|view| view.kind == RecordKind::Policy && holds_rows(view.entry));
        for view in with_policies.filter(|view| name.is_none_or(|name| name == view.system)) {
            needed.entry(view.system.to_owned()).or_insert(Needed::All);
        }
        let mut resources: Vec<Option<&str>> = actions.iter().map(|(_, resource)| *resource).collect();
        resources.sort_unstable();
        resources.dedup();
        let resources: Option<Vec<&str>> = resources.into_iter().collect();
        for (system, needed) in &mut needed {
            // Those of one question are a bucket and its objects: they have one owner, or it is not known.
            let owners = resources.iter().flatten().map(|resource| owner(snapshot, system, resource));
            let owners = owners.collect::<Result<Vec<Option<String>>, StoreError>>()?;
            if let [Some(first), rest @ ..] = owners.as_slice()
                && rest.iter().all(|other| other.as_ref() == Some(first))
            {
                *needed = Needed::Owner(first.clone());
            }
        }
        // Who becomes somebody else on the way does so by any action.
        let about = (!transitive).then(|| Actions::new(actions.iter().map(|(action, _)| *action)));
        let mut asked = Self::load(snapshot, &needed, techniques, about.as_ref())?;
        let mut is_enough = true;
        for place in &asked.places {
            let Some(of) = needed.get_mut(asked.graph.system_name(place.system)) else { continue };
            let others = |(action, resource): &(&str, Option<&str>)| {
                resource.is_none_or(|resource| place.compiled.lets_others_in(action, resource))
            };
            if *of != Needed::All && actions.iter().any(others) {
                *of = Needed::All;
                is_enough = false;
            }
        }
        if !is_enough {
            asked = Self::load(snapshot, &needed, techniques, about.as_ref())?;
        }
        Ok(asked)
    }

    /// Everything of the systems with policies, of the one called `name` only where one is given; and which other systems have accounts.
    ///
    /// # Errors
    /// [`StoreError`] when the snapshot cannot be read.
    pub(crate) fn everybody(
        snapshot: &Snapshot,
        name: Option<&str>,
        techniques: &Arc<Techniques>,
    ) -> Result<(Self, Vec<String>), StoreError> {
        let of = |kind: RecordKind| {
            let views = snapshot.kinds().filter(move |view| view.kind == kind && holds_rows(view.entry));
            views.map(|view| view.system.to_owned()).filter(|system| name.is_none_or(|name| name == system))
        };
        let needed: FxHashMap<String, Needed> = of(RecordKind::Policy).map(|system| (system, Needed::All)).collect();
        let asked = Self::load(snapshot, &needed, techniques, None)?;
        let evaluated: FxHashSet<&str> =
            asked.places.iter().map(|place| asked.graph.system_name(place.system)).collect();
        let mut others: Vec<String> =
            of(RecordKind::Account).filter(|system| !evaluated.contains(system.as_str())).collect();
        others.sort_unstable();
        others.dedup();
        Ok((asked, others))
    }

    /// Everything of the systems with policies that `wanted` names.
    ///
    /// # Errors
    /// [`StoreError`] when the snapshot cannot be read.
    pub(crate) fn all(
        snapshot: &Snapshot,
        techniques: &Arc<Techniques>,
        wanted: &FxHashSet<&str>,
    ) -> Result<Self, StoreError> {
        let needed = wanted.iter().map(|system| ((*system).to_owned(), Needed::All)).collect();
        Self::load(snapshot, &needed, techniques, None)
    }

    fn load(
        snapshot: &Snapshot,
        needed: &FxHashMap<String, Needed>,
        techniques: &Arc<Techniques>,
        about: Option<&Actions>,
    ) -> Result<Self, StoreError> {
        let some = snapshot.only(|view| match needed.get(view.system) {
            Some(Needed::All) => true,
            Some(Needed::Owner(owner)) => number_in(view.scope).is_none_or(|number| number == owner),
            None => false,
        });
        let graph = about.map_or_else(|| Graph::load(&some), |actions| Graph::load_about(&some, actions))?;
        let places = Place::all(&graph, techniques);
        Ok(Self { graph, places })
    }
}

fn holds_rows(entry: &KindEntry) -> bool {
    !entry.parts.is_empty() || entry.carried.iter().any(|layer| !layer.parts.is_empty())
}

/// The number of the account that owns a resource: as its ARN says, or the scope that it was read in. `None`: not known.
fn owner(snapshot: &Snapshot, system: &str, resource: &str) -> Result<Option<String>, StoreError> {
    if let Some(number) = number_of(resource) {
        return Ok(Some(number.to_owned()));
    }
    if !resource.starts_with("arn:") {
        return Ok(None);
    }
    let bucket = resource.split('/').next().unwrap_or(resource);
    let some = snapshot.only(|view| view.system == system && view.kind == RecordKind::Resource);
    let frame = some.frame("resources", &["id"])?;
    let rows = Rows::of(&frame, "resources");
    let (ids, scopes) = (rows.texts("id")?, rows.texts("scope")?);
    let mut owners = (0..rows.len())
        .filter(|row| [resource, bucket].contains(&ids.text(*row)))
        .map(|row| number_in(scopes.text(row)).map(str::to_owned));
    // Who is the owner of what several claim is not known.
    let first = owners.next().flatten();
    let agreed = owners.all(|other| other == first);
    Ok(first.filter(|_| agreed))
}

/// The persons behind some accounts of a graph, by account.
///
/// Only accounts and who signs in as them decide that, so nothing else is read of other systems; nothing at all without people in HR.
///
/// # Errors
/// [`StoreError`] when the snapshot cannot be read.
pub(crate) fn people_behind(
    snapshot: &Snapshot,
    config: &Config,
    now: Timestamp,
    graph: &Graph,
    accounts: impl Iterator<Item = NodeIx>,
) -> Result<FxHashMap<NodeIx, String>, StoreError> {
    let wanted: FxHashMap<(&str, &str), NodeIx> = accounts
        .map(|ix| (graph.node(ix), ix))
        .map(|(node, ix)| ((graph.system_name(node.system), graph.text(node.id)), ix))
        .collect();
    if wanted.is_empty() || snapshot.rows(RecordKind::Person) == 0 {
        return Ok(FxHashMap::default());
    }
    let some = snapshot.only(|view| matches!(view.kind, RecordKind::Account | RecordKind::Federation));
    let (all, people) = linked(snapshot, &some, config, now)?;
    let mut found = FxHashMap::default();
    for (ix, _) in all.accounts() {
        let node = all.node(ix);
        let Some(here) = wanted.get(&(all.system_name(node.system), all.text(node.id))) else { continue };
        if let Some(link) = people.link(ix) {
            found.insert(*here, people.name(link.person).to_owned());
        }
    }
    Ok(found)
}
