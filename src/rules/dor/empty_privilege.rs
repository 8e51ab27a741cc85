use muster_connectors::manifest::run::BUILTIN;
use muster_connectors::record::{GroupRule, Lifecycle, PrivilegeLevel, RecordKind};
use muster_reports::view::Severity;
use rustc_hash::FxHashSet;

use crate::access::Privilege;
use crate::controls::LP;
use crate::graph::{NodeIx, NodeKind, Relation};
use crate::rules::{Facts, Failure, Manual, Population, Rule, Subject, Verdict, raised};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DOR-005",
    slug: "empty-privilege",
    title: "Empty or unused role/group with privilege",
    severity: Severity::Low,
    controls: &[LP],
    population: Population::Objects,
    needs: &[],
    options: &[],
    manual: Manual {
        finds: "A group or role that allows more than everybody may, and that nobody is in or holds, not even through other groups.",
        matters: "Nobody watches it. Whoever can add himself has a privilege that no review of accounts shows.",
        evidence: "The object's row with what it allows.",
        fix: "Delete it, or say in its description why it has to wait.",
        limits: "Objects that the platform itself made are not judged, nor roles that a manifest knows to exist in every tenant: Active Directory's built-in operator groups are best left empty. Whether a role that is held is used cannot be told here; the account that holds it and is not used is DOR-003.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Object(ix) = subject else { return Verdict::NotApplicable };
    let node = facts.graph.node(ix);
    let table = match node.kind {
        NodeKind::Group => "groups",
        NodeKind::Entitlement => "entitlements",
        NodeKind::Account | NodeKind::Resource | NodeKind::Unresolved => return Verdict::NotApplicable,
    };
    // What a manifest says exists by definition cannot be deleted, either.
    if facts.is_provider_made(ix) || facts.graph.scope_name(node.scope) == BUILTIN {
        return Verdict::NotApplicable;
    }
    let level = match facts.level(ix) {
        Privilege::Certain(PrivilegeLevel::Baseline) => return Verdict::NotApplicable,
        Privilege::Certain(level) => Ok(level),
        Privilege::Undecided { at_least: PrivilegeLevel::Baseline, why, .. } => Err(why),
        Privilege::Undecided { at_least, .. } => Ok(at_least),
    };
    if is_held(facts, ix) {
        return Verdict::Pass;
    }
    if is_external(facts, ix) {
        return Verdict::NotEvaluated("who is in it is known to whoever signs people in".to_owned());
    }
    let ties = [RecordKind::Membership, RecordKind::Grant];
    let yielded = ties.into_iter().any(|kind| facts.yields(node.system, kind));
    if let Some(why) = ties.into_iter().find_map(|kind| facts.unread(node.system, kind)) {
        return Verdict::NotEvaluated(format!("a member or holder may lie in what was not read: {why}"));
    }
    if !yielded {
        let system = facts.graph.system_name(node.system);
        return Verdict::NotEvaluated(format!("`{system}` yields neither grants nor memberships"));
    }
    let level = match level {
        Ok(level) => level,
        Err(why) => return Verdict::NotEvaluated(why),
    };
    let holds = if node.kind == NodeKind::Group { "has no member" } else { "is held by nobody" };
    let failure = Failure::new(format!(
        "The {} {} in {} makes its holders {level} and {holds}.",
        node.kind.as_str(),
        facts.graph.name(ix),
        facts.graph.system_name(node.system),
    ))
    .row(facts.object_row(ix, table, &[("privilege", level.to_string())]));
    match level {
        PrivilegeLevel::Baseline | PrivilegeLevel::Limited => failure.verdict(),
        PrivilegeLevel::Privileged | PrivilegeLevel::Admin => {
            failure.severity(raised(RULE.severity), "what it allows is privileged").verdict()
        }
    }
}

/// Whether any account holds it, or anything that no record explains: that may be an account of elsewhere. An invitation is no
/// member yet.
///
/// Cost: the empty groups below it.
fn is_held(facts: &Facts<'_>, ix: NodeIx) -> bool {
    let mut seen = FxHashSet::from_iter([ix]);
    let mut open = vec![ix];
    while let Some(node) = open.pop() {
        for edge in facts.graph.edges_to(node) {
            match facts.graph.node(edge.source).kind {
                NodeKind::Account if facts.lifecycle(edge.source) == Lifecycle::Pending => {}
                NodeKind::Account | NodeKind::Unresolved => return true,
                NodeKind::Group if is_external(facts, edge.source) => return true,
                NodeKind::Group => {
                    if edge.relation == Relation::MemberOf || edge.target == ix {
                        open.extend(seen.insert(edge.source).then_some(edge.source));
                    }
                }
                NodeKind::Entitlement | NodeKind::Resource => {}
            }
        }
    }
    false
}

/// Whether the members of a group are not listed in its system: there may be any number.
fn is_external(facts: &Facts<'_>, group: NodeIx) -> bool {
    facts.graph.group(group).is_some_and(|group| group.rule == GroupRule::External)
}
