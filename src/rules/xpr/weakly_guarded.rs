use muster_connectors::record::{GroupRule, PrivilegeLevel};
use muster_reports::view::Severity;

use crate::access::Privilege;
use crate::controls::LP;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "XPR-016",
    slug: "weakly-guarded-group",
    title: "Privileged group weakly guarded",
    severity: Severity::High,
    controls: &[LP],
    population: Population::Objects,
    needs: &[],
    options: &[],
    manual: Manual {
        finds: "A group that makes its members privileged and that anybody may join, or whose owner is less privileged than its members.",
        matters: "The group is as strong as the way into it: who may join it, or put somebody in, holds what it holds.",
        evidence: "The group with what it gives and who may join it, and its owner.",
        fix: "Close the group to self-joining, and give it an owner who is privileged anyway.",
        limits: "Which attributes a dynamic rule reads, and who may edit them, no record tells: such groups are not evaluated. In Active Directory `managedBy` alone gives no right over a group, so its owner is not judged there. What a group of AWS gives is read from the documents of its policies, since a group has no boundary of its own; who may put users into it is a way to administration, and told by XPR-005.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Object(ix) = subject else { return Verdict::NotApplicable };
    let Some(group) = facts.graph.group(ix) else { return Verdict::NotApplicable };
    let Some(level) = facts.access.level(facts.graph, ix) else { return Verdict::NotApplicable };
    let node = facts.graph.node(ix);
    let owner = group.owner.map(|owner| facts.graph.text(owner)).filter(|_| facts.owners_rule(ix));
    let owning =
        owner.and_then(|owner| facts.owner_account(node.system, owner)).filter(|owner| facts.is_active(*owner));
    let weaker = owning.and_then(|owner| match facts.privilege(owner) {
        Privilege::Certain(theirs) if theirs < level => Some((owner, theirs)),
        Privilege::Certain(_) | Privilege::Undecided { .. } => None,
    });
    let why = match (group.self_join, weaker) {
        (Some(true), _) => "anybody may join it".to_owned(),
        (_, Some((owner, theirs))) => {
            format!("its owner {} is {theirs} and may put anybody in", facts.graph.name(owner))
        }
        (_, None) if group.rule == GroupRule::Dynamic => {
            return Verdict::NotEvaluated(
                "a rule decides who is a member, and no record says who can meet it".to_owned(),
            );
        }
        (None, None) => {
            return Verdict::NotEvaluated("the system does not say whether anybody may join the group".to_owned());
        }
        (Some(false), None) => match owning.map(|owner| facts.privilege(owner)) {
            Some(Privilege::Undecided { why, .. }) => return Verdict::NotEvaluated(why),
            Some(Privilege::Certain(_)) | None => return Verdict::Pass,
        },
    };
    let gives = if level == PrivilegeLevel::Admin { "administrators" } else { "privileged accounts" };
    let open = group.self_join.map_or_else(|| "unknown".to_owned(), |open| open.to_string());
    Failure::new(format!(
        "The group {} in {} makes {gives}, and {why}.",
        facts.graph.name(ix),
        facts.graph.system_name(node.system),
    ))
    .row(facts.object_row(ix, "groups", &[("self_join", open), ("owner", owner.unwrap_or_default().to_owned())]))
    .path(facts.access.proof(ix))
    .verdict()
}
