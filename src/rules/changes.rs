//! Changes as subjects: what each is about in today's graph, how it is shown, and who its principal is.

use std::collections::BTreeMap;

use muster_connectors::record::{PrivilegeLevel, RecordKind};
use muster_reports::view::{self, Evidence};
use serde_json::Value as Json;

use super::{Facts, Subject, Verdict};
use crate::access::Privilege;
use crate::drift::{Changed, Gap};
use crate::graph::{NodeIx, NodeKind, RowState};
use crate::people::{PersonIx, fold};

/// One subject of [`super::Population::Changes`].
#[derive(Debug, Clone, Copy)]
pub(crate) enum Since<'a> {
    /// Something changed.
    Change(&'a Changed),
    /// Nobody can say what changed.
    Gap(&'a Gap),
}

impl<'a> Since<'a> {
    /// System and scope.
    pub(super) fn place(self) -> (&'a str, &'a str) {
        match self {
            Self::Change(change) => (&change.system, &change.scope),
            Self::Gap(gap) => (&gap.system, &gap.scope),
        }
    }
}

/// A principal by everything it is known as.
#[derive(Debug, Default)]
pub(super) struct Who {
    /// The person it belongs to.
    pub(super) person: Option<PersonIx>,
    /// Its names and the person's, folded, each once.
    pub(super) names: Vec<String>,
}

impl<'a> Facts<'a> {
    /// A change or a place without an answer.
    pub(crate) fn since(&self, place: usize) -> Since<'a> {
        let changes = self.past.changes();
        match changes.get(place) {
            Some(change) => Since::Change(change),
            None => Since::Gap(&self.past.gaps()[place - changes.len()]),
        }
    }

    /// How many there are.
    pub(super) fn since_count(&self) -> usize {
        self.past.changes().len() + self.past.gaps().len()
    }

    /// The change that is judged, when it is of one of these kinds; else the verdict on what is none.
    pub(super) fn change(&self, subject: Subject, kinds: &[RecordKind]) -> Result<&'a Changed, Verdict> {
        let Subject::Change(place) = subject else { return Err(Verdict::NotApplicable) };
        match self.since(place) {
            Since::Change(change) if kinds.contains(&change.kind) => Ok(change),
            Since::Gap(gap) if kinds.contains(&gap.kind) => Err(Verdict::NotEvaluated(gap.why.clone())),
            Since::Change(_) | Since::Gap(_) => Err(Verdict::NotApplicable),
        }
    }

    /// The node of `kinds` that a system knows by an id.
    pub(super) fn node_of(&self, system: &str, id: &str, kinds: &[NodeKind]) -> Option<NodeIx> {
        let system = self.graph.system(system)?;
        kinds.iter().find_map(|kind| self.graph.find(system, *kind, id))
    }

    /// The account or group that a change is about, or whose grant or membership it is.
    pub(super) fn principal(&self, change: &Changed) -> Option<NodeIx> {
        let kinds: &[NodeKind] = match change.kind {
            RecordKind::Group => &[NodeKind::Group],
            RecordKind::Entitlement => &[NodeKind::Entitlement],
            _ => &[NodeKind::Account, NodeKind::Group],
        };
        self.node_of(&change.system, change.id(), kinds)
    }

    /// What a grant or membership gives.
    pub(super) fn target(&self, change: &Changed) -> Option<NodeIx> {
        let (_, target) = change.ends()?;
        let kind = if change.kind == RecordKind::Membership { NodeKind::Group } else { NodeKind::Entitlement };
        self.node_of(&change.system, target, &[kind])
    }

    /// How privileged what a grant or membership gives makes; `None` when what it gives is not there any more.
    pub(super) fn conveys(&self, change: &Changed) -> Option<Privilege> {
        Some(self.access.conveys(self.graph, self.target(change)?, self.principal(change)))
    }

    /// Whether the snapshot has the object or tie of a change: what one scope lost another may still list.
    pub(super) fn is_there(&self, change: &Changed) -> bool {
        let Some(principal) = self.principal(change) else { return false };
        if change.ends().is_none() {
            return self.graph.node(principal).kind != NodeKind::Unresolved;
        }
        let address = change.address();
        self.edges_of(principal).any(|edge| self.edge_key(&edge) == address)
    }

    /// Whether it certainly makes privileged.
    pub(super) fn gives_privilege(&self, change: &Changed) -> bool {
        self.conveys(change).is_some_and(|privilege| privilege.is_at_least(PrivilegeLevel::Privileged))
    }

    /// The principal of a change.
    pub(super) fn who(&self, change: &Changed) -> Who {
        let node = self.principal(change);
        let mut names = vec![fold(change.id()), fold(&format!("{}:{}", change.system, change.id()))];
        let mut person = node.and_then(|node| self.people.link(node)).map(|link| link.person);
        if change.kind == RecordKind::Account {
            names.extend(
                ["login", "native_name", "employee_id"].iter().filter_map(|column| change.field(column)).map(fold),
            );
            let emails = change.fields.iter().filter(|field| field.column == "emails");
            let emails = emails.flat_map(|field| [&field.before, &field.after]).filter_map(Json::as_array).flatten();
            names.extend(emails.filter_map(Json::as_str).map(fold));
            // Whoever is gone is linked to nobody any more: an id or address of a person is.
            if person.is_none() {
                person = names.iter().find_map(|name| match self.people.find(name).as_slice() {
                    [one] => Some(*one),
                    [] | [_, ..] => None,
                });
            }
        }
        if let Some(node) = node {
            names.extend(self.names_of(node));
        }
        if let Some(person) = person {
            names.extend(self.names_of_person(person));
        }
        names.retain(|name| !name.is_empty());
        names.sort_unstable();
        names.dedup();
        Who { person, names }
    }

    /// Everything an account, group, entitlement or resource is called, folded.
    pub(super) fn names_of(&self, ix: NodeIx) -> Vec<String> {
        let graph = self.graph;
        let node = graph.node(ix);
        let mut names = vec![fold(graph.text(node.id))];
        names.extend(node.name.map(|name| fold(graph.text(name))));
        if let Some(account) = graph.account(ix) {
            // A display name is no name to be found by: two people bear it.
            names.truncate(1);
            let own = [account.login, account.native_name, account.employee_id];
            names.extend(own.into_iter().flatten().map(|text| fold(graph.text(text))));
            names.extend(graph.emails_of(account).map(fold));
        }
        if let Some(group) = graph.group(ix) {
            names.extend(group.native_name.map(|name| fold(graph.text(name))));
        }
        names
    }

    fn names_of_person(&self, ix: PersonIx) -> impl Iterator<Item = String> + '_ {
        let person = self.people.person(ix);
        let texts = person.feed_ids.iter().chain(&person.emails).chain(&person.employee_ids).chain([&person.id]);
        texts.map(|text| fold(self.people.text(*text)))
    }

    /// A change in words: "ada → admins", "ada".
    pub(super) fn change_name(&self, change: &Changed) -> String {
        let called = |node: Option<NodeIx>, id: &str| node.map_or(id, |node| self.graph.name(node)).to_owned();
        if let Some((principal, target)) = change.ends() {
            return format!("{} → {}", called(self.principal(change), principal), called(self.target(change), target));
        }
        let own = change.field("login").or_else(|| change.field("name")).unwrap_or(change.id());
        called(self.principal(change), own)
    }

    /// A change, or a place without an answer, as reports show it.
    pub(super) fn change_subject(&self, place: usize) -> view::Subject {
        match self.since(place) {
            Since::Change(change) => {
                let account = self.principal(change).filter(|node| self.graph.account(*node).is_some());
                let person = account.filter(|_| change.kind == RecordKind::Account);
                let person = person.and_then(|account| self.people.link(account));
                view::Subject {
                    kind: change.noun().to_owned(),
                    system: Some(change.system.clone()),
                    id: change.address(),
                    name: self.change_name(change),
                    person: person.map(|link| self.people.name(link.person).to_owned()),
                    person_id: person.map(|link| self.people.key(link.person).to_owned()),
                }
            }
            Since::Gap(gap) => view::Subject {
                kind: "scope".to_owned(),
                system: Some(gap.system.clone()),
                id: format!("{}/{}", gap.scope, gap.kind),
                name: format!("{}:{} ({})", gap.system, gap.scope, gap.kind),
                ..view::Subject::default()
            },
        }
    }

    /// The row that came, went or differs, with when.
    pub(super) fn change_row(&self, change: &Changed) -> Evidence {
        let window = change.window;
        let when = if window.after == window.until {
            window.until.to_string()
        } else {
            format!("after {} and by {}", window.after, window.until)
        };
        let mut facts =
            BTreeMap::from([("change".to_owned(), change.what.as_str().to_owned()), ("when".to_owned(), when)]);
        let text = |value: &Json| match value {
            Json::Null => "none".to_owned(),
            Json::String(text) => text.clone(),
            Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => value.to_string(),
        };
        if change.what == crate::diff::What::Changed {
            let turned = change.fields.iter().filter(|field| field.column != "document");
            facts.extend(
                turned.map(|field| {
                    (field.column.to_owned(), format!("{} → {}", text(&field.before), text(&field.after)))
                }),
            );
        } else {
            let keys = change.key.iter().filter_map(|(column, value)| Some(((*column).to_owned(), value.clone()?)));
            facts.extend(keys.filter(|(column, _)| column != "id"));
        }
        if let Some((number, _)) = self.past.before() {
            facts.insert("compared_with".to_owned(), format!("snapshot {number}"));
        }
        Evidence {
            system: change.system.clone(),
            table: change.kind.to_string(),
            id: change.address(),
            facts,
            collected: Some(window.until),
        }
    }

    /// Edges of an account or group that were read with the snapshot.
    pub(super) fn edges_of(&self, node: NodeIx) -> impl Iterator<Item = crate::graph::Edge> + '_ {
        self.graph.edges_from(node).filter(|edge| self.graph.detail(edge).state != RowState::Stale)
    }
}
