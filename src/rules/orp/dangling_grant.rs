use muster_connectors::record::RecordKind;
use muster_reports::view::Severity;

use crate::controls::{INV, LP};
use crate::graph::{NodeKind, Relation};
use crate::rules::{Facts, Failure, From, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "ORP-006",
    slug: "dangling-grant",
    title: "Dangling grant",
    severity: Severity::Medium,
    controls: &[LP, INV],
    population: Population::Edges,
    needs: &[Need { from: From::Own, kind: RecordKind::Account, field: None, absence: true }],
    options: &[],
    manual: Manual {
        finds: "A grant or a group membership whose holder is no account and no group of the system any more.",
        matters: "Whoever is given that id or name next inherits the access, and reviews cannot show who holds it.",
        evidence: "The grant's row as the system has it.",
        fix: "Remove the grant or the member from the group.",
        limits: "Holders that lie outside the part of the system that was read are not judged.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Edge(edge) = subject else { return Verdict::NotApplicable };
    let source = facts.graph.node(edge.source);
    if source.kind != NodeKind::Unresolved {
        return Verdict::Pass;
    }
    let note = facts.graph.text_or_empty(facts.graph.detail(&edge).note);
    if edge.relation == Relation::MemberOf && !note.is_empty() {
        return Verdict::NotEvaluated(format!("the holder is not among what was read ({note})"));
    }
    // The holder may be of any scope, and a group where the row does not say.
    let unread =
        [RecordKind::Account, RecordKind::Group].into_iter().find_map(|kind| facts.unread(source.system, kind));
    if let Some(why) = unread {
        return Verdict::NotEvaluated(format!("the holder may lie in what was not read: {why}"));
    }
    Failure::new(format!(
        "`{}` in {} is held by `{}`, which is no account or group there.",
        facts.graph.name(edge.target),
        facts.graph.system_name(source.system),
        facts.graph.text(source.id),
    ))
    .row(facts.edge_row(&edge))
    .root(
        format!("{}|{}", facts.graph.system_name(source.system), facts.graph.text(source.id)),
        format!("held by `{}`, which is gone", facts.graph.text(source.id)),
    )
    .verdict()
}
