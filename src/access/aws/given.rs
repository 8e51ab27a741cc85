//! What a group or a policy gives by itself: what somebody would be who has it and nothing else.
//!
//! A member of a group, or a holder of a policy, is supposed in its account: without a boundary, and of a name that nobody knows. He is put
//! to the same search as the users and roles that are there, so that boundaries of the organisation, denies and conditions count, and policies
//! together. Nobody else ever sees him: he is in no list of principals.

use muster_connectors::record::EntitlementKind;
use muster_effective::aws::document::{Document, Effect, Matcher, Statement};
use muster_effective::aws::escalation::Search;
use muster_effective::aws::estate::{AccountIx, PolicyIx, PrincipalEntry, PrincipalKind};
use muster_effective::aws::evaluate::Evaluate as _;
use muster_effective::aws::request::somebody;
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use std::sync::Arc;

use super::estate::{number_in, number_of};
use super::ways::{self, Hop};
use super::{Place, floor};
use crate::access::Privilege;
use crate::graph::{Graph, NodeIx, NodeKind, Relation, RowState, Step};

/// What groups and policies give.
#[derive(Debug)]
pub(crate) struct Given {
    /// Those that are supposed to have each.
    of: FxHashMap<NodeIx, Vec<Gift>>,
}

/// What one supposed holder is.
#[derive(Debug)]
struct Gift {
    account: AccountIx,
    kind: PrincipalKind,
    privilege: Privilege,
    /// His way to administration.
    way: Vec<Hop>,
    /// The way to what makes him an administrator.
    proof: Vec<Step>,
}

impl Given {
    /// Supposes a member of every group and a holder of every policy, in each account where somebody has it.
    ///
    /// Cost: one search, over the classes of those who are supposed.
    pub(crate) fn of(graph: &Graph, place: &Place) -> Self {
        let (nodes, entries): (Vec<NodeIx>, Vec<PrincipalEntry>) = supposed(graph, place).into_iter().unzip();
        let compiled = &place.compiled;
        let search = Search::supposing(compiled, compiled.reference(), &place.techniques, &entries);
        let ways = place.ways(graph);
        let found = search.supposed(ways.graph());
        let gifts: Vec<Gift> = nodes
            .par_iter()
            .zip(&entries)
            .zip(&found)
            .map(|((node, entry), found)| {
                let first = found.first.map(|edge| ways::hop(place, &search, &edge));
                let next = first.as_ref().and_then(|hop| hop.to).map_or_else(Vec::new, |to| ways.path(to));
                let way: Vec<Hop> = first.into_iter().chain(next.into_iter().cloned()).collect();
                let (privilege, by) = ways::judge(place, entry, found.standing, &way.iter().collect::<Vec<&Hop>>());
                let proof = by.map_or_else(Vec::new, |by| ways::proof(graph, *node, &by));
                Gift { account: entry.account, kind: entry.kind, privilege, way, proof }
            })
            .collect();
        let mut of: FxHashMap<NodeIx, Vec<Gift>> = FxHashMap::default();
        for (node, gift) in nodes.into_iter().zip(gifts) {
            of.entry(node).or_default().push(gift);
        }
        Self { of }
    }

    /// How privileged a group or a policy makes who has it; `None` where that is not known: it is of no account that was read.
    pub(crate) fn privilege(&self, graph: &Graph, place: &Place, node: NodeIx) -> Option<Privilege> {
        let mut gifts = self.of.get(&node)?.iter();
        let first = gifts.next()?;
        Some(gifts.fold(first.privilege.clone(), |all, gift| {
            let number = &place.compiled.estate().accounts[gift.account as usize].number;
            either(all, &gift.privilege, || {
                format!("what `{}` gives is not the same in account {number}", graph.name(node))
            })
        }))
    }

    /// The same of somebody who has it: in his account, as a user or a role.
    pub(crate) fn privilege_of(&self, graph: &Graph, place: &Place, node: NodeIx, holder: NodeIx) -> Option<Privilege> {
        let of = match place.principal(holder) {
            Some(who) => {
                let entry = &place.compiled.estate().principals[who as usize];
                Some((entry.account, entry.kind))
            }
            None => account_of(graph, place, holder).map(|account| (account, PrincipalKind::User)),
        };
        let gifts = self.of.get(&node)?;
        let own = gifts.iter().find(|gift| Some((gift.account, gift.kind)) == of);
        own.map(|gift| gift.privilege.clone()).or_else(|| self.privilege(graph, place, node))
    }

    /// The way of who has it to administration; empty where that itself makes him an administrator, and where he becomes none.
    pub(crate) fn way(&self, node: NodeIx) -> &[Hop] {
        self.of.get(&node).and_then(|gifts| gifts.first()).map(|gift| &*gift.way).unwrap_or_default()
    }

    /// The way from a group to the policy that makes administrators.
    pub(crate) fn proof(&self, node: NodeIx) -> Option<Vec<Step>> {
        Some(self.of.get(&node)?.first()?.proof.clone())
    }
}

/// What holds of both: the lower in any case, the higher at most.
fn either(one: Privilege, other: &Privilege, why: impl FnOnce() -> String) -> Privilege {
    if one == *other {
        return one;
    }
    let ceiling = |privilege: &Privilege| match privilege {
        Privilege::Certain(level) | Privilege::Undecided { at_most: level, .. } => *level,
    };
    let (at_least, at_most) = (floor(&one).min(floor(other)), ceiling(&one).max(ceiling(other)));
    let open = [&one, other].into_iter().find_map(|privilege| match privilege {
        Privilege::Undecided { why, .. } => Some(why.clone()),
        Privilege::Certain(_) => None,
    });
    Privilege::Undecided { at_least, at_most, why: open.unwrap_or_else(why) }
}

/// Somebody for every group of IAM and for every policy, in a fixed order.
fn supposed(graph: &Graph, place: &Place) -> Vec<(NodeIx, PrincipalEntry)> {
    let mut all: Vec<(NodeIx, PrincipalEntry)> = Vec::new();
    for (node, group) in graph.groups().filter(|(node, _)| graph.node(*node).system == place.system) {
        let Some(account) = account_of(graph, place, node) else { continue };
        let Some((policies, unread)) = place.granted.get(&node) else { continue };
        let mut unread = unread.clone();
        if graph.node(node).state == RowState::Stale {
            unread.push("the group is from an earlier snapshot: today's reading failed or missed it".into());
        }
        let arn = graph.text_or_empty(group.native_name);
        let mut entry = holder(place, account, PrincipalKind::User, policies.clone(), unread);
        entry.through = policies.iter().map(|policy| (*policy, arn.into())).collect();
        entry.groups = vec![arn.into()];
        all.push((node, entry));
    }
    for (node, held) in graph.entitlements().filter(|(node, _)| graph.node(*node).system == place.system) {
        if held.kind != EntitlementKind::Policy {
            continue;
        }
        let (policies, unread) = policy(graph, place, node);
        let holders = graph.edges_to(node).filter(|edge| edge.relation == Relation::Holds);
        let mut of: Vec<(AccountIx, bool)> = holders
            .filter_map(|edge| {
                let kind =
                    place.principal(edge.source).map(|who| place.compiled.estate().principals[who as usize].kind);
                Some((account_of(graph, place, edge.source)?, kind == Some(PrincipalKind::Role)))
            })
            .collect();
        if of.is_empty() {
            let own = account_of(graph, place, node);
            of.extend(own.into_iter().flat_map(|account| [(account, false), (account, true)]));
        }
        of.sort_unstable();
        of.dedup();
        for (account, is_role) in of {
            let kind = if is_role { PrincipalKind::Role } else { PrincipalKind::User };
            all.push((node, holder(place, account, kind, policies.clone(), unread.clone())));
        }
    }
    all
}

/// The document of a policy, or why it is not known.
fn policy(graph: &Graph, place: &Place, node: NodeIx) -> (Vec<PolicyIx>, Vec<Arc<str>>) {
    let stale = graph.node(node).state == RowState::Stale;
    match place.identity.get(&graph.node(node).id) {
        Some((policy, state)) if *state != RowState::Stale && !stale => (vec![*policy], Vec::new()),
        Some(_) => (
            Vec::new(),
            vec![format!("the document of policy `{}` is from an earlier snapshot", graph.name(node)).into()],
        ),
        None => (Vec::new(), vec![format!("the document of policy `{}` was not read", graph.name(node)).into()]),
    }
}

/// Somebody with just these policies.
fn holder(
    place: &Place,
    account: AccountIx,
    kind: PrincipalKind,
    identity: Vec<PolicyIx>,
    unread: Vec<Arc<str>>,
) -> PrincipalEntry {
    let estate = place.compiled.estate();
    let partition = estate.principals.first().and_then(|entry| entry.arn.split(':').nth(1)).unwrap_or("aws");
    PrincipalEntry {
        arn: somebody(partition, &estate.accounts[account as usize].number, kind).into(),
        unique_id: None,
        account,
        kind,
        identity,
        through: Vec::new(),
        groups: Vec::new(),
        boundary: None,
        trust: None,
        tags: Vec::new(),
        unread,
        can_act: Some(true),
        service_linked: false,
    }
}

/// The account of a principal, a group or a policy: by its ARN, else by the scope that it was read in.
fn account_of(graph: &Graph, place: &Place, node: NodeIx) -> Option<AccountIx> {
    let own = graph.node(node);
    let arn = match own.kind {
        NodeKind::Account => graph.text_or_empty(graph.account(node)?.native_name),
        NodeKind::Group => graph.text_or_empty(graph.group(node)?.native_name),
        NodeKind::Entitlement => graph.text(own.id),
        NodeKind::Resource | NodeKind::Unresolved => return None,
    };
    let by_scope = || (own.kind == NodeKind::Entitlement).then(|| number_in(graph.scope_name(own.scope))).flatten();
    place.compiled.index().account(number_of(arn).or_else(by_scope)?)
}

/// Whether a document by itself allows everything under no condition. It is for documents that are in no estate, such as those of yesterday:
/// nothing is known of what stood above them.
pub(crate) fn allows_everything(document: &str) -> bool {
    let document = Document::parse(document);
    let everything =
        |matcher: &Matcher| !matcher.not && matcher.patterns.iter().any(|one| matches!(&**one, "*" | "*:*"));
    let about_everything =
        |statement: &&Statement| everything(&statement.actions) && statement.resources.as_ref().is_some_and(everything);
    let mut about = document.statements.iter().filter(about_everything).peekable();
    about.peek().is_some()
        && !document.is_blind()
        && document.statements.iter().filter(about_everything).all(|statement| statement.effect == Effect::Allow)
        && about.any(|statement| statement.conditions.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unconditional_allow_of_everything_allows_everything() {
        let all = r#"{"Statement":{"Effect":"Allow","Action":["s3:Get*","*"],"Resource":"*"}}"#;
        assert!(allows_everything(all));
        let conditional = r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}]}"#;
        let unless = r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}]}"#;
        let quarantined = r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
        let not = r#"{"Statement":{"Effect":"Allow","NotAction":"*","Resource":"*"}}"#;
        let some = r#"{"Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*"}}"#;
        for document in [conditional, unless, quarantined, not, some, "{", r#"{"Statement":7}"#] {
            assert!(!allows_everything(document), "{document}");
        }
    }
}
