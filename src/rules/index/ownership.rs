//! What belongs to whom.

use muster_connectors::record::{PrivilegeLevel, Purpose};
use rustc_hash::FxHashMap;

use crate::graph::{Edge, NodeIx, NodeKind, RowState, SystemIx};
use crate::people::PersonIx;
use crate::rules::Facts;

/// Something a person has to hand over.
#[derive(Debug, Clone, Copy)]
pub(in crate::rules) enum Belonging {
    /// A resource that names the person as its owner.
    Resource(NodeIx),
    /// A grant of ownership.
    Grant(Edge),
}

impl Belonging {
    /// What is owned.
    pub(in crate::rules) fn node(self, facts: &Facts<'_>) -> NodeIx {
        match self {
            Self::Resource(ix) => ix,
            Self::Grant(edge) => facts.graph.detail(&edge).resource.unwrap_or(edge.target),
        }
    }
}

impl Facts<'_> {
    /// What a person owns in the systems that say who owns what.
    pub(in crate::rules) fn belongings(&self, person: PersonIx) -> &[Belonging] {
        let belongings = self.index.belongings.get_or_init(|| {
            let mut belongings: FxHashMap<PersonIx, Vec<Belonging>> = FxHashMap::default();
            for (ix, resource) in self.graph.resources().filter(|(ix, _)| self.graph.node(*ix).state != RowState::Stale)
            {
                let owner =
                    resource.owner.and_then(|owner| self.owner(self.graph.node(ix).system, self.graph.text(owner)));
                if let Some(owner) = owner {
                    belongings.entry(owner).or_default().push(Belonging::Resource(ix));
                }
            }
            for (ix, _) in self.graph.entitlements().filter(|(_, held)| held.purpose == Purpose::Ownership) {
                for edge in self.graph.edges_to(ix).filter(|edge| self.graph.detail(edge).state != RowState::Stale) {
                    if let Some(link) =
                        self.people.link(edge.source).filter(|_| self.graph.account(edge.source).is_some())
                    {
                        belongings.entry(link.person).or_default().push(Belonging::Grant(edge));
                    }
                }
            }
            belongings
        });
        belongings.get(&person).map_or(&[], Vec::as_slice)
    }

    /// Whether any system says of anything whose it is.
    pub(in crate::rules) fn anybody_owns(&self) -> bool {
        *self.index.anybody_owns.get_or_init(|| {
            self.graph.resources().any(|(_, resource)| resource.owner.is_some())
                || self.graph.entitlements().any(|(_, held)| held.purpose == Purpose::Ownership)
        })
    }

    /// Whether a system names an owner of any object of this kind, so that one without is known to have none.
    pub(in crate::rules) fn names_owners(&self, system: SystemIx, kind: NodeKind) -> bool {
        let told = self.index.owners_told.get_or_init(|| {
            let groups = self.graph.groups().filter(|(_, group)| group.owner.is_some()).map(|(ix, _)| ix);
            let held = self.graph.entitlements().filter(|(_, held)| held.owner.is_some()).map(|(ix, _)| ix);
            let resources = self.graph.resources().filter(|(_, resource)| resource.owner.is_some()).map(|(ix, _)| ix);
            let owned = groups.chain(held).chain(resources).map(|ix| self.graph.node(ix));
            owned.map(|node| (node.system, node.kind)).collect()
        });
        told.contains(&(system, kind))
    }

    /// Whether the owner of a group may decide who is in it: everywhere but in directories where `managedBy` is only a note.
    pub(in crate::rules) fn owners_rule(&self, group: NodeIx) -> bool {
        let name = self.graph.system_name(self.graph.node(group).system);
        self.graph.coverage().of_system(name).next().is_none_or(|row| row.connector != "ldap")
    }

    /// A group that makes administrators and belongs to an account, which may put itself in.
    pub(in crate::rules) fn owned_group(&self, account: NodeIx) -> Option<NodeIx> {
        let all = self.index.owned.get_or_init(|| {
            let groups = self.graph.groups().filter(|(ix, _)| {
                self.graph.node(*ix).state != RowState::Stale
                    && self.access.level(self.graph, *ix) == Some(PrivilegeLevel::Admin)
                    && self.owners_rule(*ix)
            });
            let owner = |owner| self.graph.text(owner);
            let owned = groups.filter_map(|(ix, group)| {
                Some((self.owner_account(self.graph.node(ix).system, owner(group.owner?))?, ix))
            });
            owned.collect()
        });
        all.get(&account).copied()
    }
}
