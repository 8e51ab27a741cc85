//! Effective access, as far as it can be told: how privileged an entitlement makes its holder, and who reaches one.
//!
//! In: the graph. Out: for every account a level of privilege with the shortest path that proves it, or the reason why it
//! cannot be decided yet. What a boundary, a service control policy or a condition could still change is *undecided*, never
//! guessed.

pub mod applications;
pub(crate) mod aws;
pub mod crossing;
pub(crate) mod kubernetes;

use std::sync::{Arc, OnceLock};

use muster_connectors::record::{EntitlementKind, PrivilegeLevel, RecordKind};
use muster_effective::aws::escalation::Techniques;
use rustc_hash::FxHashMap;

pub use self::aws::permitted::Effective;
use crate::graph::{Edge, Graph, NodeIx, NodeKind, Reach, Relation, RowState, ScopeIx, Step};

/// Who may put somebody into a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Editors {
    /// Certainly, in order.
    pub certain: Vec<NodeIx>,
    /// Why there may be more.
    pub open: Option<String>,
}

/// How privileged an account is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Privilege {
    /// This, whatever else holds. Baseline when nothing more was found and everything was read.
    Certain(PrivilegeLevel),
    /// It may be more; the reason says what would have to be known.
    Undecided {
        /// The level it has in any case.
        at_least: PrivilegeLevel,
        /// The level it may be.
        at_most: PrivilegeLevel,
        /// What stands between.
        why: String,
    },
}

impl Privilege {
    /// Whether the account is certainly at `level` or above.
    pub fn is_at_least(&self, level: PrivilegeLevel) -> bool {
        match self {
            Self::Certain(known) => *known >= level,
            Self::Undecided { at_least, .. } => *at_least >= level,
        }
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
    unread: FxHashMap<ScopeIx, String>,
    silent: Vec<bool>,
    clusters: kubernetes::Clusters,
    aws: OnceLock<Vec<aws::Place>>,
    techniques: Arc<Techniques>,
}

/// The kinds of record that a way to privilege consists of.
const WAYS: [RecordKind; 5] =
    [RecordKind::Membership, RecordKind::Grant, RecordKind::Group, RecordKind::Entitlement, RecordKind::Policy];

impl Access {
    /// Judges every entitlement and group, then walks backwards from those that matter.
    ///
    /// Rows that are carried over after a failed reading prove nothing: a way over one is undecided.
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
        let evaluated = aws::estate::systems(graph);
        let clusters = kubernetes::Clusters::of(graph);
        for (ix, entitlement) in graph.entitlements() {
            let system = graph.node(ix).system;
            if let Some(level) = entitlement.privilege {
                told[usize::from(system.0)] = true;
                levels.push((ix, level));
            } else if clusters.covers(system) {
                told[usize::from(system.0)] = true;
                match clusters.role(ix) {
                    Ok(role) => levels.push((ix, role.level())),
                    Err(why) => {
                        undecided.insert(ix, why.to_owned());
                    }
                }
            } else if evaluated.binary_search(&system).is_ok() {
                told[usize::from(system.0)] = true;
                // Who is a user or a role is put to the evaluator; of anybody else no account is known that could limit it.
                undecided.insert(ix, beyond_evaluation(graph, ix, entitlement.kind));
            }
        }
        let at = |wanted: PrivilegeLevel, certain: bool| -> Vec<NodeIx> {
            let fresh = |ix: NodeIx| !certain || graph.node(ix).state != RowState::Stale;
            levels.iter().filter(|(ix, level)| *level == wanted && fresh(*ix)).map(|(ix, _)| *ix).collect()
        };
        let over = |targets: &[NodeIx], admit: &dyn Fn(&Edge) -> bool| {
            (!targets.is_empty()).then(|| graph.reaching(targets, |edge| leads_on(graph, edge) && admit(edge)))
        };
        let walk = |targets: &[NodeIx], certain: bool| over(targets, &|edge| !certain || is_unconditional(graph, edge));
        // What makes an administrator of a cluster makes one of a namespace only where it is held there.
        let everywhere = |targets: &[NodeIx], certain: bool| {
            over(targets, &|edge| !clusters.narrows(graph, edge) && (!certain || is_unconditional(graph, edge)))
        };
        let mut privileged = at(PrivilegeLevel::Privileged, true);
        privileged
            .extend(at(PrivilegeLevel::Admin, true).into_iter().filter(|ix| clusters.covers(graph.node(*ix).system)));
        let mut unknown: Vec<NodeIx> = undecided.keys().copied().collect();
        unknown.sort_unstable();
        Self {
            admin: everywhere(&at(PrivilegeLevel::Admin, true), true),
            maybe_admin: everywhere(&at(PrivilegeLevel::Admin, false), false),
            privileged: walk(&privileged, true),
            unknown: walk(&unknown, false),
            undecided,
            unread: unread(graph),
            silent: told.into_iter().map(|told| !told).collect(),
            clusters,
            aws: OnceLock::new(),
            techniques: aws::ways::built_in(),
        }
    }

    /// Searches for ways with a team's own techniques as well; to be told before anything is asked. `None`: only the built-in ones.
    #[must_use]
    pub fn with_techniques(mut self, techniques: Option<&Arc<Techniques>>) -> Self {
        if let Some(techniques) = techniques {
            self.techniques = Arc::clone(techniques);
            self.aws = OnceLock::new();
        }
        self
    }

    /// The Kubernetes clusters and what their roles allow.
    pub(crate) fn clusters(&self) -> &kubernetes::Clusters {
        &self.clusters
    }

    /// The AWS systems, ready to be asked; put together when the first question needs them.
    pub(crate) fn places(&self, graph: &Graph) -> &[aws::Place] {
        self.aws.get_or_init(|| aws::Place::all(graph, &self.techniques))
    }

    /// The AWS system of an account.
    fn place(&self, graph: &Graph, account: NodeIx) -> Option<&aws::Place> {
        let system = graph.node(account).system;
        self.places(graph).iter().find(|place| place.system == system)
    }

    /// Computes what questions would compute when they are first asked. Many threads may ask then without waiting for each other.
    pub fn prepare(&self, graph: &Graph) {
        for place in self.places(graph) {
            place.ways(graph);
            place.given(graph);
            place.exposures();
        }
    }

    /// How an AWS account that is no administrator becomes one: the steps as sentences, first to last; empty where it does not.
    ///
    /// # Errors
    /// Why it cannot be decided.
    pub fn way(&self, graph: &Graph, account: NodeIx) -> Result<Vec<String>, String> {
        let Some(place) = self.place(graph, account) else { return Ok(Vec::new()) };
        let roles = match place.principal(account) {
            Some(who) => vec![who],
            None => place.assignments(graph, account).into_iter().filter_map(|(_, one)| one.role).collect(),
        };
        let mut open = None;
        for who in roles {
            match place.ways(graph).privilege(who) {
                Privilege::Certain(PrivilegeLevel::Privileged) => {
                    let hops = place.ways(graph).path(who);
                    return Ok(hops.into_iter().map(|hop| aws::ways::sentence(graph, place, hop)).collect());
                }
                Privilege::Certain(_) => {}
                Privilege::Undecided { why, .. } => open = open.or_else(|| Some(why.clone())),
            }
        }
        open.map_or(Ok(Vec::new()), Err)
    }

    /// How AWS accounts become other ones: of each of `from` that does, the steps as sentences. Accounts of other systems become nobody.
    ///
    /// Cost: one search for each AWS system that has one of `to`.
    pub fn becoming(&self, graph: &Graph, from: &[NodeIx], to: &[NodeIx]) -> Vec<(NodeIx, Vec<String>)> {
        let mut found = Vec::new();
        for place in self.places(graph) {
            let goals: Vec<u32> = to.iter().filter_map(|node| place.principal(*node)).collect();
            if goals.is_empty() {
                continue;
            }
            let ways = aws::ways::towards(place, &goals);
            for node in from {
                let roles = match place.principal(*node) {
                    Some(who) => vec![(who, None)],
                    None => place
                        .assignments(graph, *node)
                        .into_iter()
                        .filter_map(|(_, one)| Some((one.role?, Some(one.edge))))
                        .collect(),
                };
                let steps = roles.into_iter().find_map(|(who, edge)| {
                    let hops = &ways[who as usize];
                    let assigned = edge.map(|edge| format!("has the permission set {}", graph.name(edge.target)));
                    let reached = !hops.is_empty() || (assigned.is_some() && goals.contains(&who));
                    let steps = hops.iter().map(|hop| aws::ways::sentence(graph, place, hop));
                    reached.then(|| assigned.into_iter().chain(steps).collect::<Vec<String>>())
                });
                found.extend(steps.map(|steps| (*node, steps)));
            }
        }
        found
    }

    /// What an AWS account may really do, by service and access level; of somebody of Identity Center, as each of his roles. Empty for
    /// accounts of other systems.
    pub fn effective(&self, graph: &Graph, account: NodeIx) -> Vec<Effective> {
        let Some(place) = self.place(graph, account) else { return Vec::new() };
        let roles = match place.principal(account) {
            Some(who) => vec![who],
            None => place.assignments(graph, account).into_iter().filter_map(|(_, one)| one.role).collect(),
        };
        roles.into_iter().map(|who| aws::permitted::effective(graph, place, who)).collect()
    }

    /// Outsiders whom the trust policy of an AWS role lets in, each with the statement that does: accounts outside the organisation, and everyone.
    pub fn outsiders(&self, graph: &Graph, account: NodeIx) -> Vec<(String, String)> {
        self.open(graph, account, aws::outside::is_foreign)
    }

    /// Identities of other providers whom the trust policy of an AWS role lets in although nobody here vouches for them, each with the
    /// statement that does.
    pub fn loosely_federated(&self, graph: &Graph, account: NodeIx) -> Vec<(String, String)> {
        self.open(graph, account, aws::outside::is_loose)
    }

    fn open(
        &self,
        graph: &Graph,
        account: NodeIx,
        wanted: fn(&muster_effective::aws::exposure::Exposure) -> bool,
    ) -> Vec<(String, String)> {
        let place = self.place(graph, account);
        let found = place.and_then(|place| Some((place, place.principal(account)?)));
        found.map_or_else(Vec::new, |(place, who)| aws::outside::of_role(place, who, wanted))
    }

    /// What keeps an AWS account from ways to administration that its own policies would allow, each as a sentence with its layer.
    pub fn held_back(&self, graph: &Graph, account: NodeIx) -> Vec<String> {
        let Some(place) = self.place(graph, account) else { return Vec::new() };
        let Some(who) = place.principal(account) else { return Vec::new() };
        let mut all: Vec<String> =
            place.ways(graph).blocked(place, who).iter().map(|block| aws::ways::blocked_by(place, block)).collect();
        all.dedup();
        all
    }

    /// How privileged `account` is.
    pub fn privilege(&self, graph: &Graph, account: NodeIx) -> Privilege {
        let reaches = |reach: &Option<Reach>| reach.as_ref().is_some_and(|reach| reach.reaches(account));
        if graph.account(account).is_some_and(|account| account.is_root) {
            return Privilege::Certain(PrivilegeLevel::Admin);
        }
        if let Some(privilege) = self.place(graph, account).and_then(|place| place.privilege(graph, account)) {
            return privilege;
        }
        if let Some(privilege) = self.given(graph, account, None) {
            return privilege;
        }
        let at_least = if reaches(&self.privileged) { PrivilegeLevel::Privileged } else { PrivilegeLevel::Baseline };
        let undecided = |why: String| Privilege::Undecided { at_least, at_most: PrivilegeLevel::Admin, why };
        let node = graph.node(account);
        if reaches(&self.admin) {
            return Privilege::Certain(PrivilegeLevel::Admin);
        }
        if let Some(maybe) = self.maybe_admin.as_ref().filter(|reach| reach.reaches(account)) {
            let stale = maybe.path(account).iter().any(|step| is_stale(graph, step));
            let why = if stale {
                "a step on the way is from an earlier snapshot: today's reading failed or missed it"
            } else {
                "a grant on the way depends on a condition"
            };
            return undecided(why.to_owned());
        }
        if let Some(unknown) = self.unknown.as_ref().filter(|reach| reach.reaches(account)) {
            let end = unknown.path(account).last().map_or(account, |step| step.target);
            return undecided(self.undecided.get(&end).cloned().unwrap_or_default());
        }
        if let Some(why) = self.unread.get(&node.scope) {
            return undecided(why.clone());
        }
        if at_least > PrivilegeLevel::Baseline {
            return Privilege::Certain(at_least);
        }
        if self.silent[usize::from(node.system.0)] && graph.edges_from(account).next().is_some() {
            return undecided(format!(
                "`{}` does not say what its roles and groups allow: map a `privilege` column, or name its administrators",
                graph.system_name(node.system)
            ));
        }
        Privilege::Certain(PrivilegeLevel::Baseline)
    }

    /// What an AWS group or policy gives by itself, every layer of its account regarded: to `holder`, or to anybody. `None`: it is neither, or
    /// nothing is known of where it gives it.
    fn given(&self, graph: &Graph, node: NodeIx, holder: Option<NodeIx>) -> Option<Privilege> {
        if !matches!(graph.node(node).kind, NodeKind::Group | NodeKind::Entitlement) {
            return None;
        }
        let given = self.place(graph, node)?.gives(graph, node, holder)?;
        let reaches = |reach: &Option<Reach>| reach.as_ref().is_some_and(|reach| reach.reaches(node));
        // What a system or a team says of it besides.
        Some(match given {
            _ if reaches(&self.admin) => Privilege::Certain(PrivilegeLevel::Admin),
            Privilege::Certain(level) if reaches(&self.privileged) => {
                Privilege::Certain(level.max(PrivilegeLevel::Privileged))
            }
            Privilege::Undecided { at_most: PrivilegeLevel::Privileged, .. } if reaches(&self.privileged) => {
                Privilege::Certain(PrivilegeLevel::Privileged)
            }
            Privilege::Undecided { at_most, why, .. } if reaches(&self.privileged) => {
                Privilege::Undecided { at_least: PrivilegeLevel::Privileged, at_most, why }
            }
            given => given,
        })
    }

    /// What an AWS group makes of its members, every layer regarded; `None` for groups of other systems.
    pub fn of_members(&self, graph: &Graph, group: NodeIx) -> Option<Privilege> {
        graph.group(group)?;
        self.given(graph, group, None)
    }

    /// Who may put somebody into a group of IAM, every layer regarded; `None` for other groups.
    ///
    /// Cost: a question for each principal of its account who could do that to any group.
    pub fn editors(&self, graph: &Graph, group: NodeIx) -> Option<Editors> {
        let arn = graph.text_or_empty(graph.group(group)?.native_name);
        self.place(graph, group)?.editors(graph, arn)
    }

    /// How a member of an AWS group who has nothing else becomes an administrator: the steps as sentences, first to last; empty where the
    /// group itself makes him one, and where he becomes none.
    pub fn way_of_member(&self, graph: &Graph, group: NodeIx) -> Vec<String> {
        let Some(place) = self.place(graph, group) else { return Vec::new() };
        let hops = place.given(graph).way(group).iter();
        hops.map(|hop| aws::ways::sentence(graph, place, hop)).collect()
    }

    /// How privileged being a member of `node`, or holding it, makes: `holder`, or anybody; a boundary of his is not asked.
    pub fn conveys(&self, graph: &Graph, node: NodeIx, holder: Option<NodeIx>) -> Privilege {
        if let Some(given) = self.given(graph, node, holder) {
            return given;
        }
        let reaches = |reach: &Option<Reach>| reach.as_ref().is_some_and(|reach| reach.reaches(node));
        if reaches(&self.admin) {
            return Privilege::Certain(PrivilegeLevel::Admin);
        }
        let at_least = if reaches(&self.privileged) { PrivilegeLevel::Privileged } else { PrivilegeLevel::Baseline };
        let undecided = |why: String| Privilege::Undecided { at_least, at_most: PrivilegeLevel::Admin, why };
        if reaches(&self.maybe_admin) {
            return undecided("what it leads to depends on a condition, or was not read today".to_owned());
        }
        if let Some(unknown) = self.unknown.as_ref().filter(|reach| reach.reaches(node)) {
            let end = unknown.path(node).last().map_or(node, |step| step.target);
            return undecided(self.undecided.get(&end).cloned().unwrap_or_default());
        }
        let place = graph.node(node);
        if let Some(why) = self.unread.get(&place.scope) {
            return undecided(why.clone());
        }
        if at_least == PrivilegeLevel::Baseline && self.silent[usize::from(place.system.0)] {
            return undecided(format!(
                "`{}` does not say what its roles and groups allow: map a `privilege` column, or name its administrators",
                graph.system_name(place.system)
            ));
        }
        Privilege::Certain(at_least)
    }

    /// The level that holding a group or entitlement gives in any case; `None` when it gives none for certain.
    pub fn level(&self, graph: &Graph, held: NodeIx) -> Option<PrivilegeLevel> {
        if let Some(Privilege::Certain(level) | Privilege::Undecided { at_least: level, .. }) =
            self.given(graph, held, None)
        {
            return (level >= PrivilegeLevel::Privileged).then_some(level);
        }
        let reaches = |reach: &Option<Reach>| reach.as_ref().is_some_and(|reach| reach.reaches(held));
        if reaches(&self.admin) {
            return Some(PrivilegeLevel::Admin);
        }
        reaches(&self.privileged).then_some(PrivilegeLevel::Privileged)
    }

    /// How privileged a group or an entitlement makes its holder, as far as nothing stands between.
    pub fn gives(&self, graph: &Graph, node: NodeIx) -> Privilege {
        if let Some(given) = self.given(graph, node, None) {
            return given;
        }
        let reaches = |reach: &Option<Reach>| reach.as_ref().is_some_and(|reach| reach.reaches(node));
        let at_least = match () {
            () if reaches(&self.admin) => return Privilege::Certain(PrivilegeLevel::Admin),
            () if reaches(&self.privileged) => PrivilegeLevel::Privileged,
            () => PrivilegeLevel::Baseline,
        };
        let why = if reaches(&self.maybe_admin) {
            Some("a grant on the way depends on a condition, or is from an earlier snapshot".to_owned())
        } else if let Some(unknown) = self.unknown.as_ref().filter(|reach| reach.reaches(node)) {
            let end = unknown.path(node).last().map_or(node, |step| step.target);
            Some(self.undecided.get(&end).cloned().unwrap_or_default())
        } else if self.silent[usize::from(graph.node(node).system.0)] {
            let system = graph.system_name(graph.node(node).system);
            Some(format!("`{system}` does not say what its roles and groups allow"))
        } else {
            self.unread.get(&graph.node(node).scope).cloned()
        };
        match why {
            Some(why) => Privilege::Undecided { at_least, at_most: PrivilegeLevel::Admin, why },
            None => Privilege::Certain(at_least),
        }
    }

    /// The shortest path from `account` to what makes it privileged; empty when nothing does.
    pub fn proof(&self, account: NodeIx) -> Vec<Step> {
        let principal = self.aws.get().into_iter().flatten().find_map(|place| place.proof(account));
        if let Some(path) = principal {
            return path;
        }
        [&self.admin, &self.maybe_admin, &self.privileged]
            .into_iter()
            .flatten()
            .find(|reach| reach.reaches(account))
            .map(|reach| reach.path(account))
            .unwrap_or_default()
    }
}

/// Whether an AWS policy document by itself allows everything, whatever stands above it.
pub fn allows_everything(document: &str) -> bool {
    aws::given::allows_everything(document)
}

/// Why nothing is known of what an entitlement of AWS gives to somebody who is neither user nor role.
fn beyond_evaluation(graph: &Graph, ix: NodeIx, kind: EntitlementKind) -> String {
    let name = graph.name(ix);
    if kind == EntitlementKind::Policy {
        return format!("the account of who holds policy `{name}` is not known, and what stands above it");
    }
    format!("what `{name}` allows is told by several policies together")
}

/// Everything an account holds, nearest first, with the shortest path to each.
#[derive(Debug)]
pub struct Holdings {
    account: NodeIx,
    held: Vec<NodeIx>,
    over: FxHashMap<NodeIx, Step>,
}

impl Holdings {
    /// The groups and entitlements, nearest first.
    pub fn held(&self) -> &[NodeIx] {
        &self.held
    }

    /// A path for every way the last step of which is another: as member of each group that holds `held`, on each resource; the
    /// shortest first.
    ///
    /// Cost: the edges of every holder.
    pub fn paths(&self, graph: &Graph, held: NodeIx) -> Vec<Vec<Step>> {
        if graph.node(held).kind != NodeKind::Entitlement {
            return vec![self.path(held)];
        }
        let groups = self.held.iter().copied().filter(|node| graph.node(*node).kind == NodeKind::Group);
        let mut paths: Vec<Vec<Step>> = std::iter::once(self.account)
            .chain(groups)
            .flat_map(|holder| graph.edges_from(holder).filter(|edge| edge.target == held && leads_on(graph, edge)))
            .map(|edge| {
                let mut path = self.path(edge.source);
                path.push(edge);
                path
            })
            .collect();
        paths.sort_by_key(Vec::len);
        paths
    }

    /// The shortest path from the account to one of them; empty when it is not held.
    pub fn path(&self, held: NodeIx) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut at = held;
        while at != self.account
            && let Some(step) = self.over.get(&at)
        {
            steps.push(*step);
            at = step.source;
        }
        steps.reverse();
        steps
    }
}

/// Everything `account` holds.
///
/// Cost: O(V + E) over what the account reaches; a path is put together when it is asked for.
pub fn holdings(graph: &Graph, account: NodeIx) -> Holdings {
    let mut over: FxHashMap<NodeIx, Step> = FxHashMap::default();
    let mut reached = vec![account];
    let mut place = 0;
    while let Some(node) = reached.get(place).copied() {
        place += 1;
        for edge in graph.edges_from(node).filter(|edge| leads_on(graph, edge)) {
            if edge.target != account && !over.contains_key(&edge.target) {
                over.insert(edge.target, edge);
                reached.push(edge.target);
            }
        }
    }
    reached.retain(|node| matches!(graph.node(*node).kind, NodeKind::Entitlement | NodeKind::Group));
    Holdings { account, held: reached, over }
}

/// Whether an edge carries access on. What holds something passes it to its members; an entitlement is an end, and an id that
/// no record explains is none: it may be a holder of the same name.
pub(crate) fn leads_on(graph: &Graph, edge: &Edge) -> bool {
    match edge.relation {
        Relation::MemberOf => true,
        Relation::Holds => graph.node(edge.target).kind == NodeKind::Entitlement,
    }
}

/// Whether an edge holds whatever else is true: it bears no condition, and was read with the snapshot.
pub(crate) fn is_unconditional(graph: &Graph, edge: &Edge) -> bool {
    !is_stale(graph, edge) && (edge.relation == Relation::MemberOf || graph.detail(edge).note.is_none())
}

fn is_stale(graph: &Graph, edge: &Edge) -> bool {
    graph.detail(edge).state == RowState::Stale
        || [edge.source, edge.target].iter().any(|node| graph.node(*node).state == RowState::Stale)
}

/// Scopes in which a way to privilege may be missing, with why.
fn unread(graph: &Graph) -> FxHashMap<ScopeIx, String> {
    let coverage = graph.coverage();
    let why = |system: &str, scope: &str| {
        let ways = || coverage.of_system(system).filter(|row| WAYS.contains(&row.kind));
        if !ways().any(|row| matches!(row.kind, RecordKind::Membership | RecordKind::Grant)) {
            return Some(format!("`{system}` yields neither grants nor memberships"));
        }
        let is_own = |kind: RecordKind| coverage.of_scope(system, scope).any(|row| row.kind == kind);
        let mut here = ways().filter(|row| row.scope == scope || !is_own(row.kind));
        here.find(|row| !row.proves_absence).map(crate::graph::CoverageRow::shortfall)
    };
    graph
        .places()
        .filter_map(|(system, scope)| Some((scope, why(graph.system_name(system), graph.scope_name(scope))?)))
        .collect()
}
