use muster_connectors::record::{GroupRule, PrivilegeLevel};
use muster_reports::view::Severity;

use crate::access::{Editors, Privilege};
use crate::controls::LP;
use crate::graph::{Group, NodeIx};
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
        finds: "A group that makes its members privileged and that anybody may join, or whose owner is less privileged than its members. A group of AWS IAM that somebody less privileged than its members may put users into.",
        matters: "The group is as strong as the way into it: who may join it, or put somebody in, holds what it holds.",
        evidence: "The group with what it gives and who may join it, its owner, and the path to what makes its members privileged; of a group of AWS whose members become administrators, each step.",
        fix: "Close the group to self-joining, and give it an owner who is privileged anyway. On AWS take `iam:AddUserToGroup` on the group from who is less privileged.",
        limits: "Which attributes a dynamic rule reads, and who may edit them, no record tells: such groups are not evaluated. In Active Directory `managedBy` alone gives no right over a group, so its owner is not judged there. What a group of AWS IAM gives is what a member would have who has nothing else: all its policies together, below the service control policies of its account, without a boundary, and under a name that nobody knows; what depends on a condition, on the name, or on something that was not read is not evaluated where the group is not guarded well anyhow. A group of Identity Center gives what the roles of its permission sets may do; who may put somebody into it no record tells.",
    },
    judge,
};

/// How a group could be entered by somebody weaker than its members.
enum Guard {
    Weak(String),
    Unknown(String),
    Strong,
}

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Object(ix) = subject else { return Verdict::NotApplicable };
    let Some(group) = facts.graph.group(ix) else { return Verdict::NotApplicable };
    let (level, doubt) = match (facts.access.level(facts.graph, ix), facts.access.of_members(facts.graph, ix)) {
        (Some(level), _) => (level, None),
        (None, Some(Privilege::Undecided { at_most, why, .. })) if at_most >= PrivilegeLevel::Privileged => {
            (at_most, Some(why))
        }
        (None, _) => return Verdict::NotApplicable,
    };
    let owner = group.owner.map(|owner| facts.graph.text(owner)).filter(|_| facts.owners_rule(ix));
    let why = match guard(facts, ix, group, owner, level) {
        Guard::Strong => return Verdict::Pass,
        Guard::Unknown(why) => return Verdict::NotEvaluated(doubt.unwrap_or(why)),
        Guard::Weak(why) => match doubt {
            Some(doubt) => return Verdict::NotEvaluated(doubt),
            None => why,
        },
    };
    let gives = if level == PrivilegeLevel::Admin { "administrators" } else { "privileged accounts" };
    let open = group.self_join.map_or_else(|| "unknown".to_owned(), |open| open.to_string());
    let mut row = vec![("self_join".to_owned(), open), ("owner".to_owned(), owner.unwrap_or_default().to_owned())];
    let steps = facts.access.way_of_member(facts.graph, ix);
    row.extend((1..).zip(steps).map(|(number, step): (usize, _)| (format!("step_{number}"), step)));
    let row: Vec<(&str, String)> = row.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    Failure::new(format!(
        "The group {} in {} makes {gives}, and {why}.",
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.object_row(ix, "groups", &row))
    .path(facts.access.proof(ix))
    .verdict()
}

fn guard(facts: &Facts<'_>, ix: NodeIx, group: &Group, owner: Option<&str>, level: PrivilegeLevel) -> Guard {
    let system = facts.graph.node(ix).system;
    let owning = owner.and_then(|owner| facts.owner_account(system, owner)).filter(|owner| facts.is_active(*owner));
    let owning = owning.map(|owner| (owner, facts.privilege(owner)));
    if group.self_join == Some(true) {
        return Guard::Weak("anybody may join it".to_owned());
    }
    if let Some((owner, Privilege::Certain(theirs))) = owning
        && theirs < level
    {
        return Guard::Weak(format!("its owner {} is {theirs} and may put anybody in", facts.graph.name(owner)));
    }
    if group.rule == GroupRule::Dynamic {
        return Guard::Unknown("a rule decides who is a member, and no record says who can meet it".to_owned());
    }
    match (group.self_join, owning) {
        (Some(_), Some((_, Privilege::Undecided { why, .. }))) => Guard::Unknown(why),
        (Some(_), _) => Guard::Strong,
        // Nobody joins a group of IAM by himself.
        (None, _) => match facts.access.editors(facts.graph, ix) {
            Some(editors) => edited(facts, level, editors),
            None => Guard::Unknown("the system does not say whether anybody may join the group".to_owned()),
        },
    }
}

/// Whether somebody less privileged than the members may put anybody in.
fn edited(facts: &Facts<'_>, level: PrivilegeLevel, editors: Editors) -> Guard {
    let mut open = editors.open;
    for editor in editors.certain.into_iter().filter(|editor| facts.is_active(*editor)) {
        match facts.privilege(editor) {
            Privilege::Certain(theirs) if theirs < level => {
                return Guard::Weak(format!("{} is {theirs} and may put anybody in", facts.graph.name(editor)));
            }
            Privilege::Certain(_) => {}
            Privilege::Undecided { why, .. } => open = open.or(Some(why)),
        }
    }
    open.map_or(Guard::Strong, Guard::Unknown)
}
