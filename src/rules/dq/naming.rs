use muster_reports::view::Severity;

use crate::config::policy::NamedKind;
use crate::controls::INV;
use crate::graph::NodeKind;
use crate::people::fold;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DQ-003",
    slug: "naming-violation",
    title: "Naming or catalogue violation",
    severity: Severity::Info,
    controls: &[INV],
    population: Population::Objects,
    needs: &[],
    options: &[],
    manual: Manual {
        finds: "A group, role or service account whose name begins with none of the prefixes that policy/privilege.toml lists for its system and kind (`[[names]]`).",
        matters: "Names by convention tell what a group gives and who answers for it. One off the pattern was made outside the process.",
        evidence: "The object, its name, and the beginnings that were expected.",
        fix: "Rename it, or add its prefix to the convention.",
        limits: "Compares beginnings, letter case aside. Values of attributes are not compared with a catalogue.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Object(ix) = subject else { return Verdict::NotApplicable };
    let node = facts.graph.node(ix);
    let (kind, table) = match node.kind {
        NodeKind::Group => (NamedKind::Group, "groups"),
        NodeKind::Entitlement => (NamedKind::Entitlement, "entitlements"),
        NodeKind::Account if facts.is_nhi(ix) => (NamedKind::Service, "accounts"),
        NodeKind::Account | NodeKind::Resource | NodeKind::Unresolved => return Verdict::NotApplicable,
    };
    let Some(policy) = &facts.policy.privilege else {
        return Verdict::NotEvaluated("no policy/privilege.toml says how things are named".to_owned());
    };
    let system = facts.graph.system_name(node.system);
    let Some(names) = policy.names.iter().find(|names| names.system == system && names.kind == kind) else {
        return Verdict::NotApplicable;
    };
    let login = facts.graph.account(ix).and_then(|account| account.login);
    let name = facts.graph.text(login.or(node.name).unwrap_or(node.id));
    let folded = fold(name);
    if names.prefixes.iter().any(|prefix| folded.starts_with(&fold(prefix))) {
        return Verdict::Pass;
    }
    let expected = names.prefixes.join(", ");
    Failure::new(format!("The name of {name} in {system} begins with none of {expected}."))
        .row(facts.object_row(ix, table, &[("name", name.to_owned()), ("expected", expected.clone())]))
        .verdict()
}
