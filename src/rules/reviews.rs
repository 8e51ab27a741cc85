//! Access reviews, laid beside the snapshot: what each row of a campaign means, and how each reviewer decided.

use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_connectors::record::RecordKind;
use muster_reports::view::{self, Evidence};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Facts;
use crate::config::policy::{ReviewItem, Reviews};
use crate::drift::Approval;
use crate::graph::{Edge, NodeIx, NodeKind, SystemIx};
use crate::people::fold;

/// Why nothing is known about reviews.
pub(super) const NO_REVIEWS: &str = "no policy/reviews.toml says what has to be reviewed and what was";

/// The reviews of a policy, in the snapshot's terms.
#[derive(Debug, Default)]
pub(super) struct Reviewed {
    /// Nodes of a system by a name that a row uses.
    nodes: FxHashMap<(SystemIx, String), Vec<NodeIx>>,
    /// Items that no later decision about the same access replaces.
    last: FxHashSet<usize>,
    /// Reviewers of each campaign, in order of campaign and name.
    reviewers: Vec<Reviewer>,
}

/// One reviewer of one campaign.
#[derive(Debug)]
pub(super) struct Reviewer {
    /// Place of the campaign.
    pub(super) campaign: usize,
    /// As the file writes it.
    pub(super) name: String,
    /// Places of what they had to decide, in file order.
    pub(super) items: Vec<usize>,
}

impl<'a> Facts<'a> {
    /// Everything that campaigns ask; nothing without a file.
    pub(super) fn review_items(&self) -> &'a [ReviewItem] {
        self.policy.reviews.as_ref().map_or(&[], |reviews| &reviews.items)
    }

    /// The row at a place, with the file that it is of.
    pub(super) fn review_item(&self, place: usize) -> Option<(&'a Reviews, &'a ReviewItem)> {
        let reviews = self.policy.reviews.as_ref()?;
        Some((reviews, reviews.items.get(place)?))
    }

    fn reviewed_access(&self) -> &Reviewed {
        self.access_reviews.get_or_init(|| Reviewed::of(self))
    }

    /// The reviewers of all campaigns.
    pub(super) fn reviewers(&self) -> &[Reviewer] {
        &self.reviewed_access().reviewers
    }

    /// Whether no later decision replaces this one.
    pub(super) fn is_last_decision(&self, place: usize) -> bool {
        self.reviewed_access().last.contains(&place)
    }

    /// Accounts and groups that a row means.
    pub(super) fn reviewed_principals(&self, system: SystemIx, item: &ReviewItem) -> Vec<NodeIx> {
        self.reviewed_nodes(system, &item.principal, &[NodeKind::Account, NodeKind::Group])
    }

    /// What a row's access means.
    pub(super) fn reviewed_targets(&self, system: SystemIx, item: &ReviewItem) -> Vec<NodeIx> {
        self.reviewed_nodes(system, &item.access, &[NodeKind::Group, NodeKind::Entitlement])
    }

    fn reviewed_nodes(&self, system: SystemIx, name: &str, kinds: &[NodeKind]) -> Vec<NodeIx> {
        let bearers = self.reviewed_access().nodes.get(&(system, fold(name)));
        let bearers = bearers.into_iter().flatten().copied();
        bearers.filter(|node| kinds.contains(&self.graph.node(*node).kind)).collect()
    }

    /// Grants and memberships that a row is about, as they are now.
    pub(super) fn reviewed_edges(&self, system: SystemIx, item: &ReviewItem) -> Vec<Edge> {
        let targets = self.reviewed_targets(system, item);
        let asked = item.resource.as_deref().map(fold);
        let fits = |edge: &Edge| {
            let Some(asked) = &asked else { return true };
            let resource = self.graph.detail(edge).resource;
            resource.is_some_and(|resource| self.names_of(resource).contains(asked))
        };
        let principals = self.reviewed_principals(system, item);
        let edges = principals.into_iter().flat_map(|principal| self.edges_of(principal));
        edges.filter(|edge| targets.contains(&edge.target) && fits(edge)).collect()
    }

    /// A request that was approved after `since` and allows this grant or membership.
    pub(super) fn approved_since(&self, edge: &Edge, since: Timestamp) -> Option<&Approval> {
        let mut names = self.names_of(edge.source);
        if let Some(link) = self.people.link(edge.source) {
            let person = self.people.person(link.person);
            let own = person.emails.iter().chain(&person.employee_ids);
            names.extend(own.map(|text| fold(self.people.text(*text))));
        }
        names.sort_unstable();
        names.dedup();
        let mut all = names.iter().flat_map(|name| self.events.approvals_for(name));
        all.find(|one| {
            one.is_approved()
                && one.decided_at.is_some_and(|at| at > since)
                && self.approved_edges(one).iter().any(|allowed| allowed.ix == edge.ix)
        })
    }

    /// Why an access that is not found may be there all the same.
    pub(super) fn access_unread(&self, system: SystemIx) -> Option<&str> {
        [RecordKind::Account, RecordKind::Membership, RecordKind::Grant]
            .into_iter()
            .find_map(|kind| self.unread(system, kind))
    }

    /// A row of a campaign as reports show it.
    pub(super) fn review_subject(&self, place: usize) -> view::Subject {
        let Some((reviews, item)) = self.review_item(place) else { return view::Subject::default() };
        let campaign = &reviews.campaign_of(item).id;
        let resource = item.resource.as_deref().unwrap_or_default();
        view::Subject {
            kind: "review".to_owned(),
            system: Some(item.system.clone()),
            id: format!("{campaign}|{}|{}|{resource}", item.principal, item.access),
            name: format!("{campaign}: {} → {}", item.principal, item.access),
            ..view::Subject::default()
        }
    }

    /// A reviewer of a campaign as reports show them.
    pub(super) fn reviewer_subject(&self, place: usize) -> view::Subject {
        let reviewer = &self.reviewers()[place];
        let campaign = self.policy.reviews.as_ref().map(|reviews| reviews.campaigns[reviewer.campaign].id.as_str());
        let campaign = campaign.unwrap_or_default();
        view::Subject {
            kind: "reviewer".to_owned(),
            id: format!("{campaign}|{}", fold(&reviewer.name)),
            name: format!("{} in {campaign}", reviewer.name),
            ..view::Subject::default()
        }
    }

    /// A row of a campaign as evidence.
    pub(super) fn review_row(&self, item: &ReviewItem) -> Evidence {
        let decision = item.decision.map_or("open", |decided| if decided.keeps { "keep" } else { "revoke" });
        let mut facts = BTreeMap::from([
            ("principal".to_owned(), item.principal.clone()),
            ("access".to_owned(), item.access.clone()),
            ("reviewer".to_owned(), item.reviewer.clone()),
            ("decision".to_owned(), decision.to_owned()),
        ]);
        facts.extend(item.resource.clone().map(|resource| ("resource".to_owned(), resource)));
        facts.extend(item.decision.map(|decided| ("decided_at".to_owned(), decided.at.to_string())));
        Evidence {
            system: item.system.clone(),
            table: "reviews".to_owned(),
            id: item.place.to_string(),
            facts,
            collected: None,
        }
    }
}

impl Reviewed {
    fn of(facts: &Facts<'_>) -> Self {
        let items = facts.review_items();
        let mut reviewed = Self::default();
        if items.is_empty() {
            return reviewed;
        }
        let mut wanted: FxHashSet<(SystemIx, String)> = FxHashSet::default();
        let mut last: FxHashMap<[String; 4], (Timestamp, usize)> = FxHashMap::default();
        let mut reviewers: BTreeMap<(usize, String), Reviewer> = BTreeMap::new();
        for (place, item) in items.iter().enumerate() {
            if let Some(system) = facts.graph.system(&item.system) {
                wanted.extend([&item.principal, &item.access].map(|name| (system, fold(name))));
            }
            if let Some(decided) = item.decision {
                let resource = item.resource.as_deref().unwrap_or_default();
                let key = [&item.system, &item.principal, &item.access, resource].map(fold);
                let newest = last.entry(key).or_insert((decided.at, place));
                *newest = (*newest).max((decided.at, place));
            }
            let key = (item.campaign, fold(&item.reviewer));
            let (campaign, name) = (item.campaign, item.reviewer.clone());
            reviewers.entry(key).or_insert(Reviewer { campaign, name, items: Vec::new() }).items.push(place);
        }
        reviewed.last = last.into_values().map(|(_, place)| place).collect();
        reviewed.reviewers = reviewers.into_values().collect();
        reviewed.nodes = nodes(facts, &wanted);
        reviewed
    }
}

/// One pass over the nodes of reviewed systems, for the names that are in use; each name's nodes in order.
fn nodes(facts: &Facts<'_>, wanted: &FxHashSet<(SystemIx, String)>) -> FxHashMap<(SystemIx, String), Vec<NodeIx>> {
    let systems: FxHashSet<SystemIx> = wanted.iter().map(|(system, _)| *system).collect();
    let found: Vec<((SystemIx, String), NodeIx)> = (0..facts.graph.node_count())
        .into_par_iter()
        .map(|place| NodeIx(u32::try_from(place).unwrap_or(u32::MAX)))
        .filter(|ix| {
            let node = facts.graph.node(*ix);
            let is_asked = matches!(node.kind, NodeKind::Account | NodeKind::Group | NodeKind::Entitlement);
            is_asked && systems.contains(&node.system)
        })
        .flat_map_iter(|ix| {
            let system = facts.graph.node(ix).system;
            facts.names_of(ix).into_iter().map(move |name| ((system, name), ix))
        })
        .filter(|(key, _)| wanted.contains(key))
        .collect();
    let mut nodes: FxHashMap<(SystemIx, String), Vec<NodeIx>> = FxHashMap::default();
    for (key, ix) in found {
        let bearers = nodes.entry(key).or_default();
        if bearers.last() != Some(&ix) {
            bearers.push(ix);
        }
    }
    nodes
}
