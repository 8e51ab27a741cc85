//! What rules are about, how each is named and what identifies it from run to run.

use muster_reports::view;

use super::Facts;
use crate::drift::declared::{Kind, Place};
use crate::graph::{CredentialIx, Edge, NodeIx, NodeKind, RowState, ScopeIx, SystemIx};
use crate::people::{PersonIx, fold};

/// What a rule walks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Population {
    /// Every account.
    Accounts,
    /// Every person.
    Persons,
    /// Every credential.
    Credentials,
    /// Every grant and membership.
    Edges,
    /// Every account, group, entitlement and resource.
    Objects,
    /// Every application that somebody let act for them.
    Applications,
    /// Every system that was read or should have been.
    Systems,
    /// Every kind of every scope.
    Scopes,
    /// Every accepted risk of the policy folder.
    Exceptions,
    /// Every setting that keeps a check honest.
    Safeguards,
    /// Every finding that was resolved once.
    Resolved,
    /// Everything that changed since the earlier snapshot, and every place of which that cannot be told.
    Changes,
    /// Everything of [`Self::Changes`], and every kind of every scope: logs are among them.
    ChangesAndLogs,
    /// Every request, decided or open.
    Approvals,
    /// Everything that is declared, or there in a scope of which everything has to be.
    Declared,
    /// Every row of an access review.
    Reviews,
    /// Every request, and every row of an access review.
    Decisions,
    /// Every reviewer of every access review.
    Reviewers,
}

impl Population {
    /// The word for it, plural.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Persons => "persons",
            Self::Credentials => "credentials",
            Self::Edges => "grants and memberships",
            Self::Objects => "accounts, groups, entitlements and resources",
            Self::Applications => "applications",
            Self::Systems => "systems",
            Self::Scopes => "scopes",
            Self::Exceptions => "accepted risks",
            Self::Safeguards => "safeguards",
            Self::Resolved => "findings that were resolved",
            Self::Changes => "changes since the earlier snapshot",
            Self::ChangesAndLogs => "changes since the earlier snapshot, and numbered logs",
            Self::Approvals => "requests",
            Self::Declared => "declared objects and those of managed scopes",
            Self::Reviews => "rows of access reviews",
            Self::Decisions => "requests and rows of access reviews",
            Self::Reviewers => "reviewers of access reviews",
        }
    }
}

/// One subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// An account.
    Account(NodeIx),
    /// A person.
    Person(PersonIx),
    /// A credential.
    Credential(CredentialIx),
    /// A grant or membership.
    Edge(Edge),
    /// A node of any kind.
    Object(NodeIx),
    /// An application, by its place in [`Facts::applications`].
    Application(usize),
    /// A system, by its place in [`Facts::systems`].
    System(usize),
    /// A kind of a scope, by its place in the coverage.
    Scope(usize),
    /// An accepted risk, by its place in the policy.
    Exception(usize),
    /// A setting, by its place in [`Facts::safeguards`].
    Safeguard(usize),
    /// A finding that was resolved once, by its place in [`Facts::recurring`].
    Resolved(usize),
    /// A change, or behind these a place of which nobody can say what changed, by its place in [`Facts::past`].
    Change(usize),
    /// A request, by its place in [`Facts::events`].
    Approval(usize),
    /// A thing of declared state, by its place in [`Facts::declared`].
    Declared(usize),
    /// A row of an access review, by its place in the policy.
    Review(usize),
    /// A reviewer of an access review, by its place in [`Facts::reviewers`].
    Reviewer(usize),
}

impl Subject {
    /// System and scope the subject was read in; persons have none of their own.
    pub(super) fn place(self, facts: &Facts<'_>) -> Option<(SystemIx, ScopeIx)> {
        match self {
            Self::Account(ix) | Self::Object(ix) => {
                let node = facts.graph.node(ix);
                Some((node.system, node.scope))
            }
            Self::Credential(ix) => {
                let credential = facts.graph.credential(ix);
                Some((credential.system, credential.scope))
            }
            Self::Edge(edge) => {
                let scope = facts.graph.detail(&edge).scope;
                Some((facts.graph.node(edge.target).system, scope))
            }
            Self::Application(place) => {
                let application = &facts.applications()[place];
                Some((application.system, application.scope))
            }
            Self::Change(place) => {
                let (system, scope) = facts.since(place).place();
                facts.place(system, scope)
            }
            Self::Approval(place) => {
                let approval = &facts.events.approvals()[place];
                facts.place(facts.events.text(approval.system), facts.events.text(approval.scope))
            }
            Self::Declared(place) => match facts.declared().items()[place].place? {
                Place::Node(ix) => Self::Object(ix).place(facts),
                Place::Edge(edge) => Self::Edge(edge).place(facts),
            },
            Self::Person(_)
            | Self::System(_)
            | Self::Scope(_)
            | Self::Exception(_)
            | Self::Safeguard(_)
            | Self::Review(_)
            | Self::Reviewer(_)
            | Self::Resolved(_) => None,
        }
    }

    /// Place of the subject's system in [`Facts::systems`]: the system it was read in, for a person the feed that knows them.
    /// One beyond the last for what is of no system, or of one that is not known.
    pub(super) fn system_place(self, facts: &Facts<'_>) -> usize {
        let nowhere = facts.systems.len();
        let named = |name: &str| facts.systems.binary_search_by(|known| known.as_str().cmp(name)).unwrap_or(nowhere);
        match self {
            Self::System(place) => place,
            Self::Scope(place) => named(&facts.graph.coverage().rows()[place].system),
            Self::Person(ix) => facts.feed_place(ix),
            Self::Change(place) => named(facts.since(place).place().0),
            Self::Approval(place) => named(facts.events.text(facts.events.approvals()[place].system)),
            Self::Declared(place) => named(&facts.declared().items()[place].system),
            Self::Review(place) => named(&facts.review_items()[place].system),
            Self::Account(_) | Self::Object(_) | Self::Credential(_) | Self::Edge(_) | Self::Application(_) => {
                self.place(facts).map_or(nowhere, |(system, _)| facts.place_of(system))
            }
            Self::Exception(_) | Self::Safeguard(_) | Self::Resolved(_) | Self::Reviewer(_) => nowhere,
        }
    }

    /// State of the subject's own row; persons and what is not a row have none.
    pub(super) fn row_state(self, facts: &Facts<'_>) -> Option<RowState> {
        match self {
            Self::Account(ix) | Self::Object(ix) => Some(facts.graph.node(ix).state),
            Self::Credential(ix) => Some(facts.graph.credential(ix).state),
            Self::Edge(edge) => Some(facts.graph.detail(&edge).state),
            Self::Person(ix) => Some(facts.people.person(ix).state),
            Self::Approval(place) => Some(facts.events.approvals()[place].state),
            Self::Declared(place) => match facts.declared().items()[place].place? {
                Place::Node(ix) => Self::Object(ix).row_state(facts),
                Place::Edge(edge) => Self::Edge(edge).row_state(facts),
            },
            // What cannot be relied on is no change.
            Self::Change(_)
            | Self::Application(_)
            | Self::System(_)
            | Self::Scope(_)
            | Self::Exception(_)
            | Self::Safeguard(_)
            | Self::Review(_)
            | Self::Reviewer(_)
            | Self::Resolved(_) => None,
        }
    }

    /// The subject as reports show it.
    pub(super) fn view(self, facts: &Facts<'_>) -> view::Subject {
        match self {
            Self::Account(ix) => {
                let person = facts.people.link(ix).map(|link| link.person);
                view::Subject {
                    kind: "account".to_owned(),
                    person: person.map(|person| facts.people.name(person).to_owned()),
                    person_id: person.map(|person| facts.person_key(person)),
                    ..facts.object(ix)
                }
            }
            Self::Object(ix) => facts.object(ix),
            Self::Person(ix) => view::Subject {
                kind: "person".to_owned(),
                system: None,
                id: facts.person_key(ix),
                name: facts.people.name(ix).to_owned(),
                person: Some(facts.people.name(ix).to_owned()),
                person_id: Some(facts.person_key(ix)),
            },
            Self::Credential(ix) => {
                let credential = facts.graph.credential(ix);
                let holder = credential.account.map(|account| facts.graph.name(account));
                let holder = holder.unwrap_or_else(|| facts.graph.text(credential.account_id));
                let person = credential.account.and_then(|account| facts.people.link(account));
                view::Subject {
                    kind: "credential".to_owned(),
                    system: Some(facts.graph.system_name(credential.system).to_owned()),
                    id: facts.graph.text(credential.id).to_owned(),
                    name: format!("{} of {holder}", credential.kind),
                    person: person.map(|link| facts.people.name(link.person).to_owned()),
                    person_id: person.map(|link| facts.person_key(link.person)),
                }
            }
            Self::Edge(edge) => {
                let node = facts.graph.node(edge.source);
                let kind = match edge.relation {
                    crate::graph::Relation::MemberOf => "membership",
                    crate::graph::Relation::Holds => "grant",
                };
                view::Subject {
                    kind: kind.to_owned(),
                    system: Some(facts.graph.system_name(node.system).to_owned()),
                    id: facts.edge_key(&edge),
                    name: format!("{} → {}", facts.graph.name(edge.source), facts.graph.name(edge.target)),
                    person: None,
                    person_id: None,
                }
            }
            Self::Application(place) => {
                let application = &facts.applications()[place];
                view::Subject {
                    kind: "application".to_owned(),
                    system: Some(facts.graph.system_name(application.system).to_owned()),
                    id: application.key.clone(),
                    name: application.name.clone(),
                    person: None,
                    person_id: None,
                }
            }
            Self::System(place) => {
                let name = facts.systems[place].clone();
                let kind = "system".to_owned();
                view::Subject { kind, system: Some(name.clone()), id: name.clone(), name, ..view::Subject::default() }
            }
            Self::Scope(place) => {
                let row = &facts.graph.coverage().rows()[place];
                let id = format!("{}/{}", row.scope, row.kind);
                let name = format!("{}:{} ({})", row.system, row.scope, row.kind);
                let kind = "scope".to_owned();
                view::Subject { kind, system: Some(row.system.clone()), id, name, ..view::Subject::default() }
            }
            Self::Exception(place) => {
                let exception = &facts.policy.exceptions[place];
                let (id, name) = (exception.id.clone(), exception.about());
                view::Subject { kind: "exception".to_owned(), id, name, ..view::Subject::default() }
            }
            Self::Safeguard(place) => {
                let id = facts.safeguards()[place].key.clone();
                view::Subject { kind: "safeguard".to_owned(), name: id.clone(), id, ..view::Subject::default() }
            }
            Self::Resolved(place) => {
                let earlier = &facts.recurring()[place].finding;
                let subject = &earlier.subject;
                view::Subject {
                    kind: "finding".to_owned(),
                    id: earlier.fingerprint.clone(),
                    name: format!("{} {}", earlier.rule, subject.name),
                    ..subject.clone()
                }
            }
            Self::Change(place) => facts.change_subject(place),
            Self::Review(place) => facts.review_subject(place),
            Self::Reviewer(place) => facts.reviewer_subject(place),
            Self::Approval(place) => {
                let events = facts.events;
                let approval = &events.approvals()[place];
                let id = events.text(approval.id.written).to_owned();
                let what = approval.entitlement.or(approval.resource);
                let name = format!("{id}: {} for {}", events.written(what), events.text(approval.beneficiary.written));
                let system = Some(events.text(approval.system).to_owned());
                view::Subject { kind: "approval".to_owned(), system, id, name, ..view::Subject::default() }
            }
            Self::Declared(place) => {
                let item = &facts.declared().items()[place];
                let kind = item.kind.map_or("system", Kind::noun).to_owned();
                let (id, name) = (item.key.clone(), item.key.clone());
                view::Subject { kind, system: Some(item.system.clone()), id, name, ..view::Subject::default() }
            }
        }
    }

    /// Hex BLAKE3 over rule id and subject ids alone: neither text, order, time nor a system's name in the config moves it.
    pub(super) fn fingerprint(self, facts: &Facts<'_>, rule: &str, view: &view::Subject) -> String {
        let tenant = match self.place(facts) {
            Some((system, scope)) => {
                let (system, scope) = (facts.graph.system_name(system), facts.graph.scope_name(scope));
                facts.graph.coverage().tenant_of(system, scope)
            }
            None => match self {
                Self::Scope(place) => {
                    let row = &facts.graph.coverage().rows()[place];
                    row.tenant.as_deref().unwrap_or(&row.system)
                }
                // An employee id is the company's, a feed's own key is the feed's; an id that two humans bear tells them apart by feed.
                Self::Person(ix) => {
                    let person = facts.people.person(ix);
                    let own = person.employee_ids.is_empty() || facts.people.shares_key(ix);
                    if own { facts.people.text(person.system) } else { "people" }
                }
                Self::Change(place) => {
                    let (system, scope) = facts.since(place).place();
                    facts.graph.coverage().tenant_of(system, scope)
                }
                Self::Account(_)
                | Self::Credential(_)
                | Self::Edge(_)
                | Self::Object(_)
                | Self::Application(_)
                | Self::System(_)
                | Self::Approval(_)
                | Self::Review(_)
                | Self::Declared(_) => view.system.as_deref().unwrap_or_default(),
                // The id says it all, and its system may be renamed.
                Self::Exception(_) | Self::Safeguard(_) | Self::Resolved(_) | Self::Reviewer(_) => "muster",
            },
        };
        let mut hasher = blake3::Hasher::new();
        // HR may write an id in capitals one night and in small letters the next.
        let folded = matches!(self, Self::Person(_)).then(|| fold(&view.id));
        for part in [rule, tenant, &view.kind, folded.as_deref().unwrap_or(&view.id)] {
            hasher.update(part.as_bytes());
            hasher.update(&[0x1f]);
        }
        hasher.finalize().to_hex()[..32].to_owned()
    }
}

impl Facts<'_> {
    fn object(&self, ix: NodeIx) -> view::Subject {
        let node = self.graph.node(ix);
        view::Subject {
            kind: match node.kind {
                NodeKind::Account => "account".to_owned(),
                other => other.as_str().to_owned(),
            },
            system: Some(self.graph.system_name(node.system).to_owned()),
            id: self.graph.text(node.id).to_owned(),
            name: self.graph.name(ix).to_owned(),
            ..view::Subject::default()
        }
    }

    /// A person's employee id, else the feed's own key.
    pub(crate) fn person_key(&self, ix: PersonIx) -> String {
        self.people.key(ix).to_owned()
    }

    /// What identifies a grant or membership.
    pub(crate) fn edge_key(&self, edge: &Edge) -> String {
        let id = |ix: NodeIx| self.graph.text(self.graph.node(ix).id);
        let resource = self.graph.detail(edge).resource.map_or("", id);
        let key = format!("{}|{}|{resource}", id(edge.source), id(edge.target));
        match self.graph.detail(edge).note {
            Some(condition) if edge.relation == crate::graph::Relation::Holds => {
                format!("{key}|{}", self.graph.text(condition))
            }
            Some(_) | None => key,
        }
    }
}
