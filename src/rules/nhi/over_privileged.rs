use muster_connectors::record::PrivilegeLevel;
use muster_reports::view::Severity;

use crate::access::Privilege;
use crate::controls::{LP, NHI};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "NHI-005",
    slug: "over-privileged-nhi",
    title: "Over-privileged NHI",
    severity: Severity::High,
    controls: &[NHI, LP],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "An active service account, workload identity or agent that is privileged or an administrator.",
        matters: "Its keys lie in files, pipelines and images, no second factor guards them, and they are rarely renewed.",
        evidence: "The shortest path from the account to what makes it privileged.",
        fix: "Narrow the grant to the actions and resources that the workload uses.",
        limits: "Whether privilege is certain is judged as for XPR-004, which also names those of them that can do everything.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    if !facts.is_nhi(ix) {
        return Verdict::NotApplicable;
    }
    let level = match facts.privilege(ix) {
        Privilege::Certain(PrivilegeLevel::Baseline | PrivilegeLevel::Limited) => return Verdict::Pass,
        Privilege::Undecided { at_least, why, .. } if at_least < PrivilegeLevel::Privileged => {
            return Verdict::NotEvaluated(why);
        }
        Privilege::Certain(level) | Privilege::Undecided { at_least: level, .. } => level,
    };
    let path = facts.access.proof(ix);
    let end = path.last().map_or_else(String::new, |step| format!(": {}", facts.graph.name(step.target)));
    Failure::new(format!(
        "The {} account {} is {level} in {}{end}.",
        facts.people.class(ix).class,
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.account_row(ix, &[("privilege", level.to_string())]))
    .path(path)
    .verdict()
}
