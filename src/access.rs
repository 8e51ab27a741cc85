//! Effective access, as far as it can be told: how privileged an entitlement makes its holder, and who reaches one.
//!
//! In: the graph. Out: for every account a level of privilege with the shortest path that proves it, or the reason why it
//! cannot be decided yet. What a boundary, a service control policy or a condition could still change is *undecided*, never
//! guessed.

mod aws;

use muster_connectors::record::PrivilegeLevel;
use rustc_hash::FxHashMap;

use crate::graph::{Graph, NodeIx, NodeKind, Reach, Relation, Step, SystemIx};

/// How privileged an account is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Privilege {
    /// At least this, whatever else holds. Baseline when nothing more was found.
    Certain(PrivilegeLevel),
    /// It may be this; the reason says what would have to be known.
    Undecided {
        /// The level it may be.
        at_most: PrivilegeLevel,
        /// What stands between.
        why: String,
    },
}

impl Privilege {
    /// Whether the account is certainly at `level` or above.
    pub fn is_at_least(&self, level: PrivilegeLevel) -> bool {
        matches!(self, Self::Certain(known) if *known >= level)
    }
}

/// Levels and proofs for one graph.
#[derive(Debug)]
pub struct Access {
    admin: Option<Reach>,
    maybe_admin: Option<Reach>,
    privileged: Option<Reach>,
    unknown: Option<Reach>,
    undecided: FxHashMap<NodeIx, String>,
    bounds: FxHashMap<NodeIx, String>,
    silent: Vec<bool>,
}

impl Access {
    /// Judges every entitlement and group, then walks backwards from those that matter.
    ///
    /// Cost: O(V + E) for each of four walks, only where there is something to walk from.
    pub fn of(graph: &Graph) -> Self {
        let mut levels: Vec<(NodeIx, PrivilegeLevel)> = Vec::new();
        let mut undecided: FxHashMap<NodeIx, String> = FxHashMap::default();
        let mut told = vec![false; graph.systems().len()];
        for (ix, group) in graph.groups() {
            if let Some(level) = group.privilege {
                told[usize::from(graph.node(ix).system.0)] = true;
                levels.push((ix, level));
            }
        }
        let aws = aws::Documents::of(graph);
        for (ix, entitlement) in graph.entitlements() {
            let system = graph.node(ix).system;
            if let Some(level) = entitlement.privilege {
                told[usize::from(system.0)] = true;
                levels.push((ix, level));
            } else if aws.covers(system) {
                told[usize::from(system.0)] = true;
                match aws.judge(graph, ix) {
                    Ok(level) => levels.push((ix, level)),
                    Err(why) => {
                        undecided.insert(ix, why);
                    }
                }
            }
        }
        let at = |wanted: PrivilegeLevel| -> Vec<NodeIx> {
            levels.iter().filter(|(_, level)| *level == wanted).map(|(ix, _)| *ix).collect()
        };
        let walk = |targets: &[NodeIx], conditions: bool| {
            (!targets.is_empty()).then(|| {
                graph.reaching(targets, |edge| {
                    conditions || edge.relation == Relation::MemberOf || graph.detail(edge).note.is_none()
                })
            })
        };
        let admins = at(PrivilegeLevel::Admin);
        let mut unknown: Vec<NodeIx> = undecided.keys().copied().collect();
        unknown.sort_unstable();
        Self {
            admin: walk(&admins, false),
            maybe_admin: walk(&admins, true),
            privileged: walk(&at(PrivilegeLevel::Privileged), false),
            unknown: walk(&unknown, true),
            bounds: aws.bounds(graph),
            undecided,
            silent: told.into_iter().map(|told| !told).collect(),
        }
    }

    /// How privileged `account` is.
    pub fn privilege(&self, graph: &Graph, account: NodeIx) -> Privilege {
        let reaches = |reach: &Option<Reach>| reach.as_ref().is_some_and(|reach| reach.reaches(account));
        if graph.account(account).is_some_and(|account| account.is_root) {
            return Privilege::Certain(PrivilegeLevel::Admin);
        }
        if reaches(&self.admin) {
            return match self.bounds.get(&account) {
                None => Privilege::Certain(PrivilegeLevel::Admin),
                Some(why) => Privilege::Undecided { at_most: PrivilegeLevel::Admin, why: why.clone() },
            };
        }
        if reaches(&self.maybe_admin) {
            let why = "a grant on the way depends on a condition".to_owned();
            return Privilege::Undecided { at_most: PrivilegeLevel::Admin, why };
        }
        if let Some(unknown) = self.unknown.as_ref().filter(|reach| reach.reaches(account)) {
            let end = unknown.path(account).last().map(|step| step.target);
            let why = end.and_then(|end| self.undecided.get(&end)).cloned().unwrap_or_default();
            return Privilege::Undecided { at_most: PrivilegeLevel::Admin, why };
        }
        if reaches(&self.privileged) {
            return Privilege::Certain(PrivilegeLevel::Privileged);
        }
        let system = graph.node(account).system;
        if self.silent[usize::from(system.0)] && graph.edges_from(account).next().is_some() {
            let why = format!(
                "`{}` does not say what its roles and groups allow: map a `privilege` column, or name its administrators",
                graph.system_name(system)
            );
            return Privilege::Undecided { at_most: PrivilegeLevel::Admin, why };
        }
        Privilege::Certain(PrivilegeLevel::Baseline)
    }

    /// The shortest path from `account` to what makes it privileged; empty when nothing does.
    pub fn proof(&self, account: NodeIx) -> Vec<Step> {
        [&self.admin, &self.maybe_admin, &self.privileged]
            .into_iter()
            .flatten()
            .find(|reach| reach.reaches(account))
            .map(|reach| reach.path(account))
            .unwrap_or_default()
    }
}

/// Everything an account holds: each entitlement with the shortest path to it, nearest first.
///
/// Cost: O(V + E) over what the account reaches.
pub fn holdings(graph: &Graph, account: NodeIx) -> Vec<(NodeIx, Vec<Step>)> {
    let mut paths: FxHashMap<NodeIx, Vec<Step>> = FxHashMap::default();
    let mut order = vec![account];
    paths.insert(account, Vec::new());
    let mut place = 0;
    while let Some(node) = order.get(place).copied() {
        place += 1;
        for edge in graph.edges_from(node) {
            if !paths.contains_key(&edge.target) {
                let mut path = paths[&node].clone();
                path.push(edge);
                paths.insert(edge.target, path);
                order.push(edge.target);
            }
        }
    }
    order
        .into_iter()
        .skip(1)
        .filter(|node| matches!(graph.node(*node).kind, NodeKind::Entitlement | NodeKind::Group))
        .map(|node| (node, paths.remove(&node).unwrap_or_default()))
        .collect()
}

/// Whether `system` is read by a connector that yields policy documents.
fn has_policies(graph: &Graph, system: SystemIx) -> bool {
    graph.policies().iter().any(|policy| policy.system == system)
}
