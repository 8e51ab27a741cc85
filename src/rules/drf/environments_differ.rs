use std::collections::BTreeSet;

use muster_connectors::record::{EntitlementKind, RecordKind};
use muster_reports::view::Severity;

use crate::config::policy::{Carrier, Parity};
use crate::controls::CHG;
use crate::graph::NodeIx;
use crate::people::fold;
use crate::rules::roles::NO_ROLES;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DRF-014",
    slug: "environments-differ",
    title: "Environments differ",
    severity: Severity::Low,
    controls: &[CHG],
    population: Population::Objects,
    needs: &[],
    options: &[],
    manual: Manual {
        finds: "A group or role that carries one logical role in an environment (`[[parity]]` of policy/roles.toml) and gives something else there than in the first environment of its entry.",
        matters: "What was tested in staging is not what runs in production, and a right that was added in one place by hand is found in no review of the other.",
        evidence: "The carrier, and each group, entitlement and resource that only one side gives.",
        fix: "Give both the same, from one definition; or list what is meant to differ in `ignore`.",
        limits: "Compares what each carrier gives directly, by name, with the parts of `strip` left out; ids differ between environments by nature. Carriers are groups and entitlements. What an entitlement of the same name allows in each environment is not compared.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Object(node) = subject else { return Verdict::NotApplicable };
    let Some(catalogue) = &facts.policy.roles else {
        let is_role = facts.graph.group(node).is_some()
            || facts.graph.entitlement(node).is_some_and(|entitlement| entitlement.kind == EntitlementKind::Role);
        return if is_role { Verdict::NotEvaluated(NO_ROLES.to_owned()) } else { Verdict::NotApplicable };
    };
    let carries = |carrier: &&Carrier| thing(facts, carrier).targets.binary_search(&node).is_ok();
    let mut verdict = Verdict::NotApplicable;
    for parity in &catalogue.parity {
        let Some(own) = parity.carriers.iter().find(carries) else { continue };
        match compare(facts, parity, own, node) {
            fail @ Verdict::Fail(_) => return fail,
            Verdict::NotApplicable | Verdict::Pass if matches!(verdict, Verdict::NotEvaluated(_)) => {}
            other => verdict = other,
        }
    }
    verdict
}

/// A carrier beside the first one; of the first itself only whether the others are there.
fn compare(facts: &Facts<'_>, parity: &Parity, own: &Carrier, node: NodeIx) -> Verdict {
    let first = &parity.carriers[0];
    let say = |how: &str| {
        let table = if facts.graph.group(node).is_some() { "groups" } else { "entitlements" };
        Failure::new(format!("{}, which carries {} in {}, {how}.", facts.graph.name(node), parity.id, own.environment))
            .row(facts.object_row(
                node,
                table,
                &[("role", parity.id.clone()), ("environment", own.environment.clone())],
            ))
    };
    if std::ptr::eq(own, first) {
        let mut missing = Vec::new();
        for other in &parity.carriers[1..] {
            let there = thing(facts, other);
            match &there.unread {
                _ if !there.targets.is_empty() => {}
                Some(why) => return Verdict::NotEvaluated(why.clone()),
                None => missing.push(other.environment.as_str()),
            }
        }
        return if missing.is_empty() {
            Verdict::Pass
        } else {
            say(&format!("is not there in {}", missing.join(" and "))).verdict()
        };
    }
    let Some(model) = thing(facts, first).targets.first().copied() else {
        return match &thing(facts, first).unread {
            Some(why) => Verdict::NotEvaluated(why.clone()),
            None => say(&format!("is not there in {}", first.environment)).verdict(),
        };
    };
    for side in [node, model] {
        let scope = facts.graph.node(side).scope;
        let ways = [RecordKind::Grant, RecordKind::Membership, RecordKind::Entitlement, RecordKind::Group];
        if let Some(why) = ways.into_iter().find_map(|kind| facts.unread_here(scope, kind)) {
            return Verdict::NotEvaluated(why.to_owned());
        }
    }
    let (here, there) = (given(facts, parity, own, node), given(facts, parity, first, model));
    let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
        let names: Vec<&str> = one.difference(other).map(String::as_str).collect();
        names.join(", ")
    };
    let (more, less) = (only(&here, &there), only(&there, &here));
    let parts: Vec<String> = [("gives", &more), ("does not give", &less)]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(how, names)| format!("{how} {names}"))
        .collect();
    if parts.is_empty() {
        return Verdict::Pass;
    }
    let model_name = facts.graph.name(model);
    let mut failure = say(&format!("{}, other than {model_name} in {}", parts.join(" and "), first.environment));
    for (side, carrier, other) in [(node, own, &there), (model, first, &here)] {
        for edge in facts.edges_of(side) {
            if name(facts, parity, carrier, &edge).is_some_and(|name| !other.contains(&name)) {
                failure = failure.row(facts.edge_row(&edge));
            }
        }
    }
    failure.verdict()
}

fn thing<'f, 'a>(facts: &'f Facts<'a>, carrier: &Carrier) -> &'f crate::rules::named::Thing<'a> {
    facts.named.thing(facts.named.place(&carrier.item))
}

/// Names of what a carrier gives.
fn given(facts: &Facts<'_>, parity: &Parity, carrier: &Carrier, node: NodeIx) -> BTreeSet<String> {
    facts.edges_of(node).filter_map(|edge| name(facts, parity, carrier, &edge)).collect()
}

/// What a grant or membership gives, without what only tells the environment; `None` where it may differ.
fn name(facts: &Facts<'_>, parity: &Parity, carrier: &Carrier, edge: &crate::graph::Edge) -> Option<String> {
    let plain = |node: NodeIx| {
        let name = fold(facts.graph.name(node));
        carrier.strip.iter().filter(|part| !part.is_empty()).fold(name, |name, part| name.replace(part, ""))
    };
    let target = plain(edge.target);
    if parity.ignore.iter().any(|pattern| pattern.matches(&target)) {
        return None;
    }
    Some(match facts.graph.detail(edge).resource {
        Some(resource) => format!("{target} on {}", plain(resource)),
        None => target,
    })
}
