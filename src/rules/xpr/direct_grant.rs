use muster_connectors::record::GrantOrigin;
use muster_reports::view::Severity;

use crate::controls::LP;
use crate::graph::{Edge, Relation};
use crate::rules::roles::NO_ROLES;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "XPR-009",
    slug: "direct-grant",
    title: "Direct grant bypasses role",
    severity: Severity::Low,
    controls: &[LP],
    population: Population::Edges,
    needs: &[],
    options: &[],
    manual: Manual {
        finds: "A human account that was given directly what a role of policy/roles.toml contains, although the role has a group or entitlement (`carrier`) that gives it in this system.",
        matters: "What is given past the role is not seen when the role is reviewed, and does not go when the role does.",
        evidence: "The direct membership or grant, and the role.",
        fix: "Give the role, then take the direct grant away.",
        limits: "Judges what roles with a `carrier` contain. A grant that the source lists as derived from another is none of its own.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Edge(edge) = subject else { return Verdict::NotApplicable };
    let account = edge.source;
    let applies = facts.graph.account(account).is_some()
        && facts.graph.detail(&edge).origin == GrantOrigin::Direct
        && facts.is_active(account)
        && facts.is_human(account);
    if !applies {
        return Verdict::NotApplicable;
    }
    if facts.roles.catalogue().is_none() {
        // Without roles a membership is as good a way as any.
        return match edge.relation {
            Relation::Holds => Verdict::NotEvaluated(NO_ROLES.to_owned()),
            Relation::MemberOf => Verdict::NotApplicable,
        };
    }
    let Some((role, carrier)) = bypassed(facts, &edge) else {
        return if edge.relation == Relation::Holds { Verdict::Pass } else { Verdict::NotApplicable };
    };
    let Some(role) = facts.roles.role(role) else { return Verdict::NotApplicable };
    Failure::new(format!(
        "{} has {} directly; the role {} gives it through {}.",
        facts.graph.name(account),
        facts.graph.name(edge.target),
        role.id,
        facts.named.thing(carrier).item,
    ))
    .row(facts.edge_row(&edge))
    .row(facts.account_row(account, &[]))
    .path(vec![edge])
    .verdict()
}

/// The role that contains what the edge gives, and what carries it in the same system.
fn bypassed(facts: &Facts<'_>, edge: &Edge) -> Option<(u32, u32)> {
    let system = facts.graph.node(edge.target).system;
    let itself = |thing: &u32| facts.named.thing(*thing).targets.binary_search(&edge.target).is_ok();
    facts.named.given_by(facts.graph, edge).filter(itself).find_map(|thing| {
        facts.roles.of_thing(thing).iter().find_map(|role| {
            let carrier = facts.roles.carrier(*role)?;
            let carries = facts.named.thing(carrier);
            let gives = carries.targets.iter().any(|node| facts.named.thing(thing).any.contains(node.0));
            let bypasses = carrier != thing && carries.system == Some(system) && gives;
            (bypasses && facts.roles.contains(*role).contains(&thing)).then_some((*role, carrier))
        })
    })
}
