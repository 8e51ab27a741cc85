//! AWS: what principals may really do, every layer regarded.
//!
//! ```text
//!   graph ──estate──► Estate ──compile──► answers ──► who can what          (question)
//!                                            └──techniques──► who becomes whom ──► levels, ways, sentences
//! ```
//!
//! Nothing is computed before the first question that needs it: who asks one action does not pay for the ways to administration.

pub(crate) mod compare;
pub(crate) mod estate;
pub(crate) mod excess;
pub(crate) mod given;
pub(crate) mod outside;
pub(crate) mod permitted;
pub(crate) mod question;
pub(crate) mod uses;
pub(crate) mod ways;

use std::sync::{Arc, OnceLock};

use muster_connectors::record::PrivilegeLevel;
use muster_effective::aws::answer::Verdict;
use muster_effective::aws::compiled::Compiled;
use muster_effective::aws::escalation::{Search, Techniques};
use muster_effective::aws::estate::{PolicyIx, PrincipalIx, UnreadKind};
use muster_effective::aws::evaluate::Evaluate as _;
use muster_effective::aws::exposure::{Exposure, exposures};
use muster_effective::aws::reference::Reference;
use rustc_hash::FxHashMap;

use self::estate::Assigned;
use self::given::Given;
use self::ways::Ways;
use super::{Editors, Privilege};
use crate::graph::{Edge, Graph, NodeIx, Relation, RowState, Step, SystemIx, Text};

/// One AWS system of a snapshot, ready to be asked.
#[derive(Debug)]
pub(crate) struct Place {
    /// Which.
    pub(crate) system: SystemIx,
    /// Answers.
    pub(crate) compiled: Compiled<'static>,
    /// Ways to become somebody else.
    pub(crate) techniques: Arc<Techniques>,
    /// The text of each policy, where it is from the graph.
    pub(crate) texts: Vec<Option<Text>>,
    /// The node of each principal.
    pub(crate) nodes: Vec<NodeIx>,
    by_node: FxHashMap<NodeIx, PrincipalIx>,
    assigned: FxHashMap<NodeIx, Vec<Assigned>>,
    /// The same by role.
    holders: FxHashMap<PrincipalIx, Vec<(NodeIx, Edge)>>,
    granted: FxHashMap<NodeIx, (Vec<PolicyIx>, Vec<Arc<str>>)>,
    identity: FxHashMap<Text, (PolicyIx, RowState)>,
    ways: OnceLock<Ways>,
    given: OnceLock<Given>,
    exposures: OnceLock<Vec<Exposure>>,
}

impl Place {
    /// Puts the AWS systems of a graph together, in order.
    pub(crate) fn all(graph: &Graph, techniques: &Arc<Techniques>) -> Vec<Self> {
        estate::systems(graph).into_iter().map(|system| Self::of(graph, system, Arc::clone(techniques))).collect()
    }

    fn of(graph: &Graph, system: SystemIx, techniques: Arc<Techniques>) -> Self {
        let estate::Built { system, estate, texts, nodes, by_node, assigned, granted, identity } =
            estate::of(graph, system);
        let compiled = Compiled::owning(estate, Reference::builtin());
        let mut holders: FxHashMap<PrincipalIx, Vec<(NodeIx, Edge)>> = FxHashMap::default();
        for (holder, one) in assigned.iter().flat_map(|(holder, all)| all.iter().map(move |one| (*holder, one))) {
            if let Some(role) = one.role {
                holders.entry(role).or_default().push((holder, one.edge));
            }
        }
        let (ways, given, exposures) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self {
            system,
            compiled,
            techniques,
            texts,
            nodes,
            by_node,
            assigned,
            holders,
            granted,
            identity,
            ways,
            given,
            exposures,
        }
    }

    /// A search for ways, made ready.
    pub(crate) fn search(&self) -> Search<'_> {
        Search::new(&self.compiled, self.compiled.reference(), &self.techniques)
    }

    /// The principal of a node.
    pub(crate) fn principal(&self, node: NodeIx) -> Option<PrincipalIx> {
        self.by_node.get(&node).copied()
    }

    /// The way of a user, role or group to what makes an administrator; `None` for others and before it was asked for.
    pub(crate) fn proof(&self, node: NodeIx) -> Option<Vec<Step>> {
        match self.principal(node) {
            Some(who) => Some(self.ways.get()?.proof(who).to_vec()),
            None => self.given.get()?.proof(node),
        }
    }

    /// Ways to administration; found when they are first asked for.
    pub(crate) fn ways(&self, graph: &Graph) -> &Ways {
        self.ways.get_or_init(|| Ways::of(graph, self))
    }

    /// What groups and policies give by themselves; found when it is first asked for.
    pub(crate) fn given(&self, graph: &Graph) -> &Given {
        self.given.get_or_init(|| Given::of(graph, self))
    }

    /// How privileged a group or a policy makes who has it and nothing else, a group of Identity Center by the roles of its permission sets;
    /// for `holder` where somebody is given. `None`: that is not known of it.
    pub(crate) fn gives(&self, graph: &Graph, node: NodeIx, holder: Option<NodeIx>) -> Option<Privilege> {
        let given = match holder {
            Some(holder) => self.given(graph).privilege_of(graph, self, node, holder),
            None => self.given(graph).privilege(graph, self, node),
        };
        given.or_else(|| self.of_sets(graph, node))
    }

    /// Who may put somebody into a group of IAM; `None`: there is no such group.
    pub(crate) fn editors(&self, graph: &Graph, arn: &str) -> Option<Editors> {
        const ADDS: &str = "iam:AddUserToGroup";
        let estate = self.compiled.estate();
        let account = estate.groups.iter().find(|entry| *entry.arn == *arn)?.account;
        let unread = estate.accounts[account as usize].unread.iter();
        let unread = unread.filter(|unread| unread.what == UnreadKind::Principals).map(|unread| unread.why.to_string());
        let mut editors = Editors { certain: Vec::new(), open: unread.into_iter().next() };
        for (who, entry) in (0..).zip(&estate.principals) {
            if entry.account != account || !self.compiled.could(who, ADDS) {
                continue;
            }
            let (answer, node) = (self.compiled.may(who, ADDS, arn), self.nodes[who as usize]);
            if answer.verdict == Verdict::Allowed && answer.assumed.is_empty() {
                editors.certain.push(node);
            } else if !ways::is_denied(&answer) && editors.open.is_none() {
                editors.open = Some(format!("{} may put somebody in: {}", graph.name(node), ways::between(&answer)));
            }
        }
        Some(editors)
    }

    /// What is open to the outside; found when it is first asked for.
    pub(crate) fn exposures(&self) -> &[Exposure] {
        self.exposures.get_or_init(|| exposures(self.compiled.estate(), self.compiled.reference()))
    }

    /// How privileged a user or role is, or a person of Identity Center through the roles of its permission sets. `None`: neither.
    pub(crate) fn privilege(&self, graph: &Graph, node: NodeIx) -> Option<Privilege> {
        if let Some(who) = self.principal(node) {
            return Some(self.ways(graph).privilege(who).clone());
        }
        self.of_sets(graph, node)
    }

    fn of_sets(&self, graph: &Graph, node: NodeIx) -> Option<Privilege> {
        let mut best: Option<Privilege> = None;
        for assigned in self.assignments(graph, node) {
            // Where the role was not found, what it allows is not known.
            let role = assigned.1.role?;
            let own = self.ways(graph).privilege(role).clone();
            best = Some(match best {
                Some(best) => higher(best, own),
                None => own,
            });
        }
        best
    }

    /// The permission sets of an account of Identity Center, each with the membership over which it has it.
    pub(crate) fn assignments(&self, graph: &Graph, node: NodeIx) -> Vec<(Option<Edge>, Assigned)> {
        let direct = self.assigned.get(&node).into_iter().flatten().map(|one| (None, *one));
        let mut all: Vec<(Option<Edge>, Assigned)> = direct.collect();
        for edge in graph.edges_from(node).filter(|edge| edge.relation == Relation::MemberOf) {
            all.extend(self.assigned.get(&edge.target).into_iter().flatten().map(|one| (Some(edge), *one)));
        }
        all
    }

    /// Where there may be more principals than were read, as sentences. What else was not read, the answers about principals say.
    pub(crate) fn unread(&self) -> Vec<String> {
        let missing = self.compiled.estate().accounts.iter().flat_map(|account| &account.unread);
        let missing = missing.filter(|unread| unread.what == UnreadKind::Principals);
        let mut all: Vec<String> = missing.map(|unread| unread.why.to_string()).collect();
        all.sort();
        all.dedup();
        all
    }

    /// Who of Identity Center has a role through a permission set, with the way there: accounts, in order.
    pub(crate) fn assignees(&self, graph: &Graph, role: PrincipalIx) -> Vec<(NodeIx, Vec<Step>)> {
        let mut found: Vec<(NodeIx, Vec<Step>)> = Vec::new();
        for (holder, edge) in self.holders.get(&role).into_iter().flatten() {
            if graph.account(*holder).is_some() {
                found.push((*holder, vec![*edge]));
                continue;
            }
            let members = graph.edges_to(*holder).filter(|edge| edge.relation == Relation::MemberOf);
            let accounts = members.filter(|edge| graph.account(edge.source).is_some());
            found.extend(accounts.map(|member| (member.source, vec![member, *edge])));
        }
        found.sort_unstable_by_key(|(account, path)| (*account, path.len(), path.first().map(|step| step.target)));
        found.dedup_by_key(|(account, _)| *account);
        found
    }
}

/// The level that somebody has in any case.
fn floor(privilege: &Privilege) -> PrivilegeLevel {
    match privilege {
        Privilege::Certain(level) | Privilege::Undecided { at_least: level, .. } => *level,
    }
}

/// The higher of two levels; what is undecided of either stays so.
fn higher(a: Privilege, b: Privilege) -> Privilege {
    let at_least = floor(&a).max(floor(&b));
    let open = [&a, &b].into_iter().filter_map(|one| match one {
        Privilege::Undecided { at_most, why, .. } => Some((*at_most, why.clone())),
        Privilege::Certain(_) => None,
    });
    match open.max_by_key(|(at_most, _)| *at_most).filter(|(at_most, _)| *at_most > at_least) {
        Some((at_most, why)) if at_least < PrivilegeLevel::Admin => Privilege::Undecided { at_least, at_most, why },
        Some(_) | None => Privilege::Certain(at_least),
    }
}
