use muster_connectors::record::PrivilegeLevel;
use muster_reports::view::Severity;
use rustc_hash::FxHashSet;

use crate::access::{self, Privilege};
use crate::controls::LP;
use crate::graph::{NodeIx, NodeKind};
use crate::people::PersonIx;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "XPR-010",
    slug: "sensitive-birthright",
    title: "Sensitive access in birthright or standard role",
    severity: Severity::High,
    controls: &[LP],
    population: Population::Objects,
    needs: &[],
    options: &[
        Setting {
            name: "standard_percent",
            default: 20,
            about: "share of the people at work from which on a group or entitlement counts as standard; a role's `max_holders_percent` in policy/roles.toml comes first",
        },
        Setting {
            name: "standard_people",
            default: 10,
            about: "holders from which on a group or entitlement may count as standard: in a small company one administrator is a large share",
        },
    ],
    manual: Manual {
        finds: "A group or entitlement that makes its holder privileged or an administrator, and that a birthright role gives by attributes, or that a large share of the people at work holds.",
        matters: "What everybody gets is never asked for and hardly ever looked at. Privilege in it is privilege for every newcomer and for whoever takes over one of their accounts.",
        evidence: "The group or entitlement, the role that contains it, the number of holders, and the way to what is privileged.",
        fix: "Split the role: leave what everybody needs, and make the privileged part an add-on with an approval.",
        limits: "Counts people whose accounts are linked to them. Without policy/roles.toml only the share of holders decides. Where a system does not say what its groups allow, nothing is concluded.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Object(node) = subject else { return Verdict::NotApplicable };
    match facts.graph.node(node).kind {
        NodeKind::Group | NodeKind::Entitlement => {}
        NodeKind::Account | NodeKind::Resource | NodeKind::Unresolved => return Verdict::NotApplicable,
    }
    let privilege = facts.access.gives(facts.graph, node);
    if matches!(privilege, Privilege::Certain(PrivilegeLevel::Baseline | PrivilegeLevel::Limited)) {
        return Verdict::Pass;
    }
    let of_roles: Vec<_> = facts
        .named
        .given_at(node)
        .iter()
        .filter(|thing| facts.named.thing(**thing).targets.binary_search(&node).is_ok())
        .flat_map(|thing| facts.roles.of_thing(*thing))
        .filter_map(|role| facts.roles.role(*role))
        .collect();
    let birthright = of_roles.iter().find(|role| role.is_birthright());
    let limit = of_roles.iter().filter_map(|role| role.max_holders_percent).min();
    let limit = limit.map_or_else(|| facts.option(&RULE, "standard_percent"), i64::from);
    let (employed, holders) = (facts.employed(), holders(facts, node));
    let percent = (holders * 100).checked_div(employed).and_then(|share| i64::try_from(share).ok()).unwrap_or_default();
    let many = i64::try_from(holders).is_ok_and(|holders| holders >= facts.option(&RULE, "standard_people"));
    if birthright.is_none() && !(many && percent > limit) {
        return if facts.people.hr_complete() || facts.graph.coverage().of_people().next().is_none() {
            Verdict::Pass
        } else {
            Verdict::NotEvaluated("HR was not read completely: the share of holders is not known".to_owned())
        };
    }
    // Only what is standard has to be harmless.
    let level = match privilege {
        Privilege::Certain(level) | Privilege::Undecided { at_least: level @ PrivilegeLevel::Privileged, .. } => level,
        Privilege::Undecided { why, .. } => return Verdict::NotEvaluated(why),
    };
    let name = facts.graph.name(node);
    let system = facts.graph.system_name(facts.graph.node(node).system);
    let message = match birthright {
        Some(role) => {
            format!("The birthright role {} gives {name} in {system}, which is {level}, by attributes alone.", role.id)
        }
        None => {
            format!(
                "{name} in {system} is {level}, and {holders} of {employed} people at work hold it (limit {limit} %)."
            )
        }
    };
    let table = if facts.graph.group(node).is_some() { "groups" } else { "entitlements" };
    let facts_of = [("level", level.to_string()), ("holders", holders.to_string()), ("employed", employed.to_string())];
    Failure::new(message).row(facts.object_row(node, table, &facts_of)).path(facts.access.proof(node)).verdict()
}

/// How many of the people at work hold something, however nested.
fn holders(facts: &Facts<'_>, node: NodeIx) -> usize {
    let mut seen = roaring::RoaringBitmap::new();
    let mut wait = vec![node];
    let mut persons: FxHashSet<PersonIx> = FxHashSet::default();
    while let Some(at) = wait.pop() {
        for edge in facts.graph.edges_to(at).filter(|edge| access::leads_on(facts.graph, edge)) {
            if seen.insert(edge.source.0) {
                wait.push(edge.source);
                let holder = facts.graph.account(edge.source).and_then(|_| facts.holder(edge.source));
                persons.extend(holder.filter(|(_, standing)| standing.is_employed()).map(|(person, _)| person));
            }
        }
    }
    persons.len()
}
