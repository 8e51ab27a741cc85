use muster_reports::view::Severity;

use crate::config::policy::SensitiveData;
use crate::controls::LP;
use crate::graph::{NodeIx, NodeKind, Relation};
use crate::people::fold;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "XPR-017",
    slug: "sensitive-data-outside-need",
    title: "Sensitive data outside need",
    severity: Severity::Medium,
    controls: &[LP],
    population: Population::Edges,
    needs: &[Need::ALL_EMPLOYMENTS],
    options: &[],
    manual: Manual {
        finds: "A grant on a resource that bears a sensitivity label, held by somebody whose department and title are none of those that policy/privilege.toml lists for that label (`[[data]]`), directly or through a group.",
        matters: "PCI 7.2.6 and HIPAA 164.308(a)(4) ask that data is open to those whose work needs it, and to nobody else.",
        evidence: "The grant, the resource with its label, and up to twenty holders with their department and title.",
        fix: "Revoke the grant, move the person out of the group, or add the function to the policy when the work needs it.",
        limits: "A resource without a label is not judged. A group is judged by its members, nested ones included; members who are no person of HR are not counted as outside.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Edge(edge) = subject else { return Verdict::NotApplicable };
    let Some(resource) = facts.graph.detail(&edge).resource.filter(|_| edge.relation == Relation::Holds) else {
        return Verdict::NotApplicable;
    };
    let Some(label) = facts.graph.resource(resource).and_then(|resource| resource.sensitivity) else {
        return Verdict::NotApplicable;
    };
    let label = facts.graph.text(label);
    let Some(policy) = &facts.policy.privilege else {
        return Verdict::NotEvaluated("no policy/privilege.toml says who needs data of which sensitivity".to_owned());
    };
    let Some(data) = policy.data.iter().find(|data| fold(&data.sensitivity) == fold(label)) else {
        return Verdict::NotApplicable;
    };
    let holders = match facts.graph.node(edge.source).kind {
        NodeKind::Account if facts.is_active(edge.source) => vec![edge.source],
        NodeKind::Group => facts.members(edge.source),
        NodeKind::Account | NodeKind::Entitlement | NodeKind::Resource | NodeKind::Unresolved => {
            return Verdict::NotApplicable;
        }
    };
    let mut outside: Vec<NodeIx> = Vec::new();
    let mut known = 0;
    for holder in holders {
        if let Some(needs) = needs_it(facts, holder, data) {
            known += 1;
            if !needs {
                outside.push(holder);
            }
        }
    }
    if known == 0 {
        return Verdict::NotEvaluated("HR does not tell the work of any holder".to_owned());
    }
    let Some(first) = outside.first() else { return Verdict::Pass };
    let others = match outside.len() {
        1 => String::new(),
        more => format!(" and {} more", more - 1),
    };
    let mut failure = Failure::new(format!(
        "{}{others} can reach {}, which is {label}, and the work of none of them is listed as needing it.",
        facts.graph.name(*first),
        facts.graph.name(resource),
    ))
    .row(facts.edge_row(&edge))
    .row(facts.object_row(resource, "resources", &[("sensitivity", label.to_owned())]));
    for holder in outside.iter().take(20) {
        let work = facts.people.link(*holder).and_then(|link| facts.work(link.person));
        let text = |text| facts.people.text_or_empty(text).to_owned();
        let (department, title) = work.map_or_else(Default::default, |work| (text(work.department), text(work.title)));
        failure = failure.row(facts.account_row(*holder, &[("department", department), ("title", title)]));
    }
    failure.verdict()
}

/// Whether the work of an account's holder needs the data; `None` where the work is not known.
fn needs_it(facts: &Facts<'_>, account: NodeIx, data: &SensitiveData) -> Option<bool> {
    let work = facts.work(facts.people.link(account)?.person)?;
    let mut functions = [work.department, work.title].into_iter().flatten().peekable();
    functions.peek()?;
    Some(functions.any(|text| {
        let function = fold(facts.people.text(text));
        data.functions.iter().any(|allowed| fold(allowed) == function)
    }))
}
