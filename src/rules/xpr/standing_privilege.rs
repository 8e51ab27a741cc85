use muster_connectors::record::{AccountClass, PrivilegeLevel};
use muster_reports::view::Severity;

use crate::access::Privilege;
use crate::controls::LP;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "XPR-007",
    slug: "standing-privilege",
    title: "Standing privilege",
    severity: Severity::Medium,
    controls: &[LP],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "An account of a human that is privileged all the time in a system where policy/privilege.toml asks for just-in-time privilege (`just_in_time = true`).",
        matters: "Privilege that is there every hour of the year can be stolen every hour of the year. Asked for and ended, it can be stolen in the hour of the work.",
        evidence: "The shortest path from the account to what makes it privileged; no step of it ends.",
        fix: "Make the grant eligible instead of active, or give it an end. Who must hold it all the time belongs into `allow` of the system.",
        limits: "Looks at the shortest way to privilege: a second, permanent way behind a temporary one is not seen. Break-glass accounts are exempt.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    if !facts.is_active(ix) || !facts.is_human(ix) || facts.people.class(ix).class == AccountClass::BreakGlass {
        return Verdict::NotApplicable;
    }
    let system = facts.graph.system_name(facts.graph.node(ix).system);
    let asked = match &facts.policy.privilege {
        None => None,
        Some(policy) => match policy.of(system) {
            Some(entry) if entry.just_in_time => Some(entry),
            Some(_) | None => return Verdict::NotApplicable,
        },
    };
    match facts.privilege(ix) {
        Privilege::Certain(PrivilegeLevel::Privileged | PrivilegeLevel::Admin) => {}
        Privilege::Undecided { why, .. } if asked.is_some() => return Verdict::NotEvaluated(why),
        Privilege::Certain(PrivilegeLevel::Baseline | PrivilegeLevel::Limited) | Privilege::Undecided { .. } => {
            return Verdict::NotApplicable;
        }
    }
    let Some(asked) = asked else {
        return Verdict::NotEvaluated("no policy/privilege.toml says where privilege must be asked for".to_owned());
    };
    let path = facts.access.proof(ix);
    let ends = path.iter().any(|step| facts.graph.detail(step).until.at().is_some());
    if ends || facts.is_allowed(&asked.allow, ix) {
        return Verdict::Pass;
    }
    let end = path.last().map_or_else(|| "built in".to_owned(), |step| facts.graph.name(step.target).to_owned());
    Failure::new(format!(
        "{} is privileged in {system} all the time ({end}), where privilege must be asked for.",
        facts.graph.name(ix),
    ))
    .row(facts.account_row(ix, &[]))
    .path(path)
    .verdict()
}
