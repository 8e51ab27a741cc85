use jiff::civil::Date;
use jiff::tz::TimeZone;
use muster_connectors::record::EntitlementKind;
use muster_reports::view::Severity;

use crate::config::policy::Role;
use crate::controls::{CHG, LP, REV};
use crate::graph::{Edge, NodeIx, RowState};
use crate::rules::named::on_resource;
use crate::rules::roles::NO_ROLES;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DRF-013",
    slug: "role-content",
    title: "Role content differs from catalogue",
    severity: Severity::Medium,
    controls: &[LP, CHG, REV],
    population: Population::Objects,
    needs: &[],
    options: &[Setting {
        name: "review_months",
        default: 12,
        about: "months after which a role that nobody reviewed counts as stale; DORA RTS 21(e)(iv) asks for a year",
    }],
    manual: Manual {
        finds: "A group or role of a system that carries a role of policy/roles.toml (`carrier`) and gives more or less than the catalogue lists for that system; or whose catalogue entry was last reviewed too long ago.",
        matters: "Whoever approves the role approves what the catalogue says. What the system gives beyond it, nobody approved.",
        evidence: "What is given and not listed, what is listed and not given, and the day of the last review.",
        fix: "Correct the group in the system, or the catalogue; review the entry and write the day down.",
        limits: "Compares within one system: what a carrier gives directly, with what the role contains there. A role without `reviewed` is told by `muster policy check`.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Object(node) = subject else { return Verdict::NotApplicable };
    if facts.roles.catalogue().is_none() {
        let is_role = facts.graph.group(node).is_some()
            || facts.graph.entitlement(node).is_some_and(|entitlement| entitlement.kind == EntitlementKind::Role);
        return if is_role { Verdict::NotEvaluated(NO_ROLES.to_owned()) } else { Verdict::NotApplicable };
    }
    let carried: Vec<u32> = facts
        .named
        .given_at(node)
        .iter()
        .filter(|thing| facts.named.thing(**thing).targets.binary_search(&node).is_ok())
        .flat_map(|thing| {
            facts.roles.of_thing(*thing).iter().filter(|role| facts.roles.carrier(**role) == Some(*thing))
        })
        .copied()
        .collect();
    let Some(first) = carried.first().and_then(|role| facts.roles.role(*role)) else { return Verdict::NotApplicable };
    let mut parts = Vec::new();
    let more = more(facts, node, &carried);
    if !more.is_empty() {
        let names: Vec<&str> = more.iter().map(|edge| facts.graph.name(edge.target)).collect();
        parts.push(format!("gives {}, which the catalogue does not list", names.join(", ")));
    }
    let (less, undecided) = less(facts, node, &carried);
    if !less.is_empty() {
        parts.push(format!("does not give {}, which the catalogue lists", less.join(", ")));
    }
    if let Some(day) = stale(facts, first) {
        parts.push(format!("was last reviewed on {day}"));
    }
    if parts.is_empty() {
        return undecided.map_or(Verdict::Pass, Verdict::NotEvaluated);
    }
    let name = facts.graph.name(node);
    let table = if facts.graph.group(node).is_some() { "groups" } else { "entitlements" };
    let version = first.version.as_ref().map_or_else(String::new, |version| format!(" version {version}"));
    let mut failure =
        Failure::new(format!("{name}, which carries the role {}{version}, {}.", first.id, parts.join("; ")))
            .row(facts.object_row(node, table, &[("role", first.id.clone())]));
    for edge in &more {
        failure = failure.row(facts.edge_row(edge));
    }
    failure.verdict()
}

/// What the carrier gives directly and no role that it carries contains.
fn more(facts: &Facts<'_>, node: NodeIx, roles: &[u32]) -> Vec<Edge> {
    let listed = |edge: &Edge| {
        roles.iter().flat_map(|role| facts.roles.contains(*role)).any(|place| {
            let thing = facts.named.thing(*place);
            thing.targets.binary_search(&edge.target).is_ok() && on_resource(facts.graph, thing.item, edge)
        })
    };
    let edges = facts.graph.edges_from(node).filter(|edge| facts.graph.detail(edge).state != RowState::Stale);
    edges.filter(|edge| edge.target != node && !listed(edge)).collect()
}

/// What the catalogue lists for the carrier's system and the carrier does not give; and why that may not be known.
fn less(facts: &Facts<'_>, node: NodeIx, roles: &[u32]) -> (Vec<String>, Option<String>) {
    let system = facts.graph.node(node).system;
    let (mut less, mut undecided) = (Vec::new(), None);
    for place in roles.iter().flat_map(|role| facts.roles.contains(*role)) {
        let thing = facts.named.thing(*place);
        let given = thing.any.contains(node.0) || thing.targets.binary_search(&node).is_ok();
        if thing.system != Some(system) || given {
            continue;
        }
        match &thing.unread {
            Some(why) => undecided = Some(why.clone()),
            None => less.push(thing.item.to_string()),
        }
    }
    less.sort();
    less.dedup();
    (less, undecided)
}

/// The day of the last review, when it is too long ago.
fn stale(facts: &Facts<'_>, role: &Role) -> Option<Date> {
    let day = role.reviewed?;
    let months = i32::try_from(facts.option(&RULE, "review_months")).unwrap_or(i32::MAX);
    let due = day.checked_add(jiff::Span::new().try_months(months).ok()?).ok()?;
    (due < facts.now.to_zoned(TimeZone::UTC).date()).then_some(day)
}
