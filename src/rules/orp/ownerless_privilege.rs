use muster_connectors::record::PrivilegeLevel;
use muster_reports::view::Severity;

use crate::access::Privilege;
use crate::controls::{INV, LP};
use crate::graph::{NodeIx, NodeKind};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "ORP-007",
    slug: "ownerless-privileged-object",
    title: "Ownerless privileged object",
    severity: Severity::Medium,
    controls: &[INV, LP],
    population: Population::Objects,
    needs: &[Need { absence: false, ..Need::ALL_PERSONS }],
    options: &[],
    manual: Manual {
        finds: "A group or role that makes its holders privileged, or a resource on which such a role is held, that names no owner, or one who corresponds to nobody.",
        matters: "Nobody decides who gets in, nobody reviews who is in, and requests are approved by whoever happens to see them.",
        evidence: "The object's row with the owner it names, and what makes it privileged.",
        fix: "Name an owner in the system: the person who would be asked if it were misused.",
        limits: "An owner who has left is ORP-008. A system that names owners of none of its objects of a kind does not tell owners: there it is not evaluated. What the platform itself made (AWS's own policies, Active Directory's built-in groups) is its administrators' and not judged.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Object(ix) = subject else { return Verdict::NotApplicable };
    let node = facts.graph.node(ix);
    let graph = facts.graph;
    let (owner, table) = match node.kind {
        NodeKind::Group => (graph.group(ix).and_then(|group| group.owner), "groups"),
        NodeKind::Entitlement => (graph.entitlement(ix).and_then(|held| held.owner), "entitlements"),
        NodeKind::Resource => (graph.resource(ix).and_then(|resource| resource.owner), "resources"),
        NodeKind::Account | NodeKind::Unresolved => return Verdict::NotApplicable,
    };
    if facts.is_provider_made(ix) {
        return Verdict::NotApplicable;
    }
    let level = match privilege_of(facts, ix) {
        Privilege::Certain(PrivilegeLevel::Baseline | PrivilegeLevel::Limited) => return Verdict::NotApplicable,
        Privilege::Certain(level) => level,
        Privilege::Undecided { at_least, .. } if at_least >= PrivilegeLevel::Privileged => at_least,
        Privilege::Undecided { why, .. } => return Verdict::NotEvaluated(why),
    };
    let system = graph.system_name(node.system);
    let owner = owner.map(|owner| graph.text(owner));
    let fault = match owner {
        Some(owner) => match facts.owner(node.system, owner) {
            Some(_) => return Verdict::Pass,
            None => format!("names `{owner}` as its owner, who corresponds to nobody"),
        },
        None if facts.names_owners(node.system, node.kind) => "has no owner".to_owned(),
        None => {
            return Verdict::NotEvaluated(format!("`{system}` names no owner of any {}", node.kind.as_str()));
        }
    };
    Failure::new(format!(
        "The {} {} in {system} makes its holders {level} and {fault}.",
        node.kind.as_str(),
        graph.name(ix),
    ))
    .row(facts.object_row(
        ix,
        table,
        &[("privilege", level.to_string()), ("owner", owner.unwrap_or("none").to_owned())],
    ))
    .path(facts.access.proof(ix))
    .verdict()
}

/// How privileged the object makes its holders; of a resource, the most that anybody holds on it.
fn privilege_of(facts: &Facts<'_>, ix: NodeIx) -> Privilege {
    match facts.graph.node(ix).kind {
        NodeKind::Resource => Privilege::Certain(facts.held_on(ix)),
        NodeKind::Account | NodeKind::Group | NodeKind::Entitlement | NodeKind::Unresolved => facts.level(ix),
    }
}
