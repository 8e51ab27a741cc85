use muster_connectors::manifest::run::BUILTIN;
use muster_connectors::record::RecordKind;
use muster_reports::view::Severity;

use crate::controls::LP;
use crate::graph::NodeKind;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "XPR-014",
    slug: "role-bloat",
    title: "Role bloat or explosion",
    severity: Severity::Info,
    controls: &[LP],
    population: Population::Objects,
    needs: &[],
    options: &[
        Setting {
            name: "percent",
            default: 90,
            about: "share of common holders above which two roles are one (RULES of the catalogue)",
        },
        Setting {
            name: "holders",
            default: 4,
            about: "holders below which a likeness says nothing (RULES of the catalogue: a role for three people is not a role)",
        },
    ],
    manual: Manual {
        finds: "A group or role whose holders are nearly the same accounts as those of another one of the system.",
        matters: "Roles that mean the same are reviewed twice and understood by nobody; every new one makes the next exception easier.",
        evidence: "Both roles, how many hold them and how many hold both.",
        fix: "Merge them: keep one, move the few that differ, delete the other.",
        limits: "Compares direct holders. Roles that a manifest knows to exist in every tenant are not judged. The likeness is searched for by sixteen signatures: of two roles that share nine tenths of their holders practically none is missed, and what is reported is counted exactly. Shrinking roles and the share of a role that nobody uses are not looked at.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Object(ix) = subject else { return Verdict::NotApplicable };
    let node = facts.graph.node(ix);
    let kind = match node.kind {
        NodeKind::Group => RecordKind::Membership,
        NodeKind::Entitlement => RecordKind::Grant,
        NodeKind::Account | NodeKind::Resource | NodeKind::Unresolved => return Verdict::NotApplicable,
    };
    // What a manifest knows to exist in every tenant is no role that somebody made.
    if facts.graph.scope_name(node.scope) == BUILTIN {
        return Verdict::NotApplicable;
    }
    let holders = facts.holders(ix).len();
    if i64::try_from(holders).unwrap_or(i64::MAX) < facts.option(&RULE, "holders") {
        return Verdict::NotApplicable;
    }
    if let Some(why) = facts.unread(node.system, kind) {
        return Verdict::NotEvaluated(why.to_owned());
    }
    let Some((other, common, all)) = facts.twin(ix) else { return Verdict::Pass };
    if i64::from(common) * 100 <= facts.option(&RULE, "percent") * i64::from(all) {
        return Verdict::Pass;
    }
    let table = |kind: NodeKind| if kind == NodeKind::Group { "groups" } else { "entitlements" };
    let row = |one| {
        let count = [("holders", facts.holders(one).len().to_string()), ("common", common.to_string())];
        facts.object_row(one, table(facts.graph.node(one).kind), &count)
    };
    Failure::new(format!(
        "{} and {} in {} are held by nearly the same accounts: {common} of {all} hold both.",
        facts.graph.name(ix),
        facts.graph.name(other),
        facts.graph.system_name(node.system),
    ))
    .row(row(ix))
    .row(row(other))
    .verdict()
}
