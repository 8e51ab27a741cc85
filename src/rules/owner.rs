//! Who has to act on a finding, as far as the data says: the register, the system's owner, the object's own, the manager.

use muster_reports::view::{self, Owner, OwnerFrom};

use super::{Facts, Subject};
use crate::graph::{NodeIx, NodeKind, Text};
use crate::people::{PersonIx, fold};

/// The first who is named. What somebody decided for one finding counts over all of it, and is not known here.
pub(super) fn of(facts: &Facts<'_>, rule: &str, subject: Subject, view: &view::Subject) -> Option<Owner> {
    let owner = |name: &str, from| Some(Owner { name: name.to_owned(), from });
    let system = view.system.as_deref();
    if let Some(entry) = facts.policy.owners.iter().find(|entry| entry.fits(rule, system, &view.id, &view.name)) {
        return owner(&entry.owner, OwnerFrom::Register);
    }
    if let Some(name) = system.and_then(|system| facts.inventory.get(system)?.as_deref()) {
        return owner(name, OwnerFrom::System);
    }
    if let Some(name) = object_owner(facts, subject) {
        return owner(facts.graph.text(name), OwnerFrom::Object);
    }
    owner(&manager(facts, person(facts, subject)?)?, OwnerFrom::Manager)
}

fn object_owner(facts: &Facts<'_>, subject: Subject) -> Option<Text> {
    match subject {
        Subject::Account(ix) | Subject::Object(ix) => node_owner(facts, ix),
        Subject::Credential(ix) => node_owner(facts, facts.graph.credential(ix).account?),
        Subject::Edge(edge) => {
            let resource = || node_owner(facts, facts.graph.detail(&edge).resource?);
            node_owner(facts, edge.target).or_else(resource)
        }
        Subject::Change(_)
        | Subject::Approval(_)
        | Subject::Declared(_)
        | Subject::Application(_)
        | Subject::Person(_)
        | Subject::System(_)
        | Subject::Scope(_)
        | Subject::Exception(_)
        | Subject::Safeguard(_)
        | Subject::Review(_)
        | Subject::Reviewer(_)
        | Subject::Resolved(_) => None,
    }
}

fn node_owner(facts: &Facts<'_>, ix: NodeIx) -> Option<Text> {
    let graph = facts.graph;
    match graph.node(ix).kind {
        NodeKind::Account => graph.account(ix)?.owner,
        NodeKind::Group => graph.group(ix)?.owner,
        NodeKind::Entitlement => graph.entitlement(ix)?.owner,
        NodeKind::Resource => graph.resource(ix)?.owner,
        NodeKind::Unresolved => None,
    }
}

fn person(facts: &Facts<'_>, subject: Subject) -> Option<PersonIx> {
    let account = match subject {
        Subject::Person(ix) => return Some(ix),
        Subject::Account(ix) | Subject::Object(ix) => ix,
        Subject::Credential(ix) => facts.graph.credential(ix).account?,
        Subject::Edge(edge) => edge.source,
        Subject::Change(_)
        | Subject::Approval(_)
        | Subject::Declared(_)
        | Subject::Application(_)
        | Subject::System(_)
        | Subject::Scope(_)
        | Subject::Exception(_)
        | Subject::Safeguard(_)
        | Subject::Review(_)
        | Subject::Reviewer(_)
        | Subject::Resolved(_) => return None,
    };
    (facts.graph.node(account).kind == NodeKind::Account)
        .then(|| facts.people.link(account))
        .flatten()
        .map(|link| link.person)
}

/// The manager of the employment that began last, by name where HR has one of that key.
fn manager(facts: &Facts<'_>, person: PersonIx) -> Option<String> {
    let employments = &facts.people.person(person).employments;
    let latest = employments.iter().filter(|employment| employment.manager.is_some()).max_by_key(|one| one.start)?;
    let written = facts.people.text(latest.manager?);
    match facts.people.find(&fold(written)).as_slice() {
        [manager] => Some(facts.people.name(*manager).to_owned()),
        [] | [_, ..] => Some(written.to_owned()),
    }
}
