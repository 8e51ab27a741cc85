use muster_connectors::record::{GroupRule, PrivilegeLevel};
use muster_reports::view::Severity;

use crate::access::{Editors, Privilege};
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
        finds: "A group that makes its members privileged and that anybody may join, or whose owner is less privileged than its members. A group of AWS IAM that somebody less privileged may put users into, every layer of policies regarded.",
        matters: "The group is as strong as the way into it: who may join it, or put somebody in, holds what it holds.",
        evidence: "The group with what it gives and who may join it, and its owner.",
        fix: "Close the group to self-joining, and give it an owner who is privileged anyway.",
        limits: "Which attributes a dynamic rule reads, and who may edit them, no record tells: such groups are not evaluated. In Active Directory `managedBy` alone gives no right over a group, so its owner is not judged there. What a group of AWS IAM gives is read from the documents of its policies and from what its account allows: a group has no boundary of its own, and what its members may do besides is theirs. What a group of Identity Center gives is what the roles of its permission sets may really do; who may put somebody into it no record tells.",
    },
    judge,
};

/// Somebody less privileged than the members who may certainly put anybody in; an error: why it cannot be told.
fn weaker_editor(facts: &Facts<'_>, level: PrivilegeLevel, editors: &Editors) -> Result<Option<String>, String> {
    let mut open = editors.open.clone();
    for &editor in editors.certain.iter().filter(|editor| facts.is_active(**editor)) {
        match facts.privilege(editor) {
            Privilege::Certain(theirs) if theirs < level => {
                return Ok(Some(format!("{} is {theirs} and may put anybody in", facts.graph.name(editor))));
            }
            Privilege::Certain(_) => {}
            Privilege::Undecided { why, .. } => open = open.or(Some(why)),
        }
    }
    open.map_or(Ok(None), Err)
}

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
    // Nobody joins a group of IAM by himself: who may put somebody in is told by policies alone.
    let editors = if group.self_join.is_none() { facts.access.editors(facts.graph, ix) } else { None };
    let edited = editors.map(|editors| weaker_editor(facts, level, &editors));
    let why = match (group.self_join, weaker) {
        (None, None) if edited.is_some() => match edited {
            Some(Ok(Some(why))) => why,
            Some(Err(why)) => return Verdict::NotEvaluated(why),
            Some(Ok(None)) | None => return Verdict::Pass,
        },
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
