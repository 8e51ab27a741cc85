use muster_reports::view::Severity;

use crate::controls::{LEAVE, NHI};
use crate::graph::NodeKind;
use crate::people::Standing;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "ORP-008",
    slug: "owner-gone",
    title: "Owner gone",
    severity: Severity::High,
    controls: &[LEAVE, NHI],
    population: Population::Objects,
    needs: &[Need::ALL_EMPLOYMENTS],
    options: &[],
    manual: Manual {
        finds: "An account, group, role or resource whose registered owner has left the company.",
        matters: "Nobody answers for it: it is not reviewed, its secrets are not renewed, and its alarms reach nobody.",
        evidence: "The object's row with its owner, and the owner's employments.",
        fix: "Name a new owner in the system, review what the object can do, and renew the secrets that the former owner knew.",
        limits: "An owner that corresponds to nobody is not evaluated here: that object is ownerless (ORP-007), not left behind. Objects of disabled accounts are not judged.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Object(ix) = subject else { return Verdict::NotApplicable };
    let node = facts.graph.node(ix);
    let (owner, table) = match node.kind {
        NodeKind::Account if facts.is_active(ix) => {
            (facts.graph.account(ix).and_then(|account| account.owner), "accounts")
        }
        NodeKind::Group => (facts.graph.group(ix).and_then(|group| group.owner), "groups"),
        NodeKind::Entitlement => {
            (facts.graph.entitlement(ix).and_then(|entitlement| entitlement.owner), "entitlements")
        }
        NodeKind::Resource => (facts.graph.resource(ix).and_then(|resource| resource.owner), "resources"),
        NodeKind::Account | NodeKind::Unresolved => (None, ""),
    };
    let Some(owner) = owner.map(|owner| facts.graph.text(owner)) else { return Verdict::NotApplicable };
    let Some(person) = facts.owner(node.system, owner) else {
        return Verdict::NotEvaluated("the registered owner corresponds to nobody that is known".to_owned());
    };
    match facts.people.standing(person, facts.now) {
        Standing::Employed | Standing::OnLeave | Standing::Future { .. } => Verdict::Pass,
        Standing::Unknown => Verdict::NotEvaluated("HR does not say whether the owner is employed".to_owned()),
        Standing::Ended { at, .. } => {
            let since = at.map_or_else(String::new, |at| format!(" since {}", at.strftime("%Y-%m-%d")));
            let mut failure = Failure::new(format!(
                "{}, the owner of the {} {} in {}, has left{since}.",
                facts.people.name(person),
                node.kind.as_str(),
                facts.graph.name(ix),
                facts.graph.system_name(node.system),
            ))
            .row(facts.object_row(ix, table, &[("owner", owner.to_owned())]));
            for row in facts.employment_rows(person) {
                failure = failure.row(row);
            }
            failure.verdict()
        }
    }
}
