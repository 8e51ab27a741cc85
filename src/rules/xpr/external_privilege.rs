use muster_connectors::record::{AccountClass, Affiliation, PrivilegeLevel};
use muster_reports::view::Severity;

use crate::access::Privilege;
use crate::controls::{EXT, LP};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "XPR-013",
    slug: "external-privilege",
    title: "External or cross-tenant privilege",
    severity: Severity::High,
    controls: &[EXT, LP],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "An active account of a guest, contractor, partner or vendor that is privileged, and a privileged AWS role that outsiders may assume: accounts outside the organisation, or everyone.",
        matters: "Somebody else's company decides who uses it, how well it is protected, and when its holder leaves.",
        evidence: "The account with its affiliation and what it rests on, or the foreign principals, and the path to the privilege.",
        fix: "Take the privilege away, or give it an end and an owner inside who answers for it.",
        limits: "An account whose affiliation nothing tells is not judged. Whether privilege is certain is judged as for XPR-004.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let class = facts.people.class(ix).class;
    if !facts.is_active(ix) || matches!(class, AccountClass::System | AccountClass::Device) {
        return Verdict::NotApplicable;
    }
    let outsiders = facts.access.outsiders(facts.graph, ix);
    let foreign: Vec<&str> = outsiders.iter().map(|(who, _)| who.as_str()).collect();
    let affiliated = facts.people.affiliation(facts.graph, ix, facts.now);
    let who = match affiliated.affiliation {
        Some(
            external @ (Affiliation::Guest | Affiliation::Contractor | Affiliation::Partner | Affiliation::Vendor),
        ) => format!("The {external} account {}", facts.graph.name(ix)),
        Some(Affiliation::Employee) | None if foreign.is_empty() => return Verdict::NotApplicable,
        Some(Affiliation::Employee) | None => {
            format!("The role {}, which {} may assume,", facts.graph.name(ix), foreign.join(", "))
        }
    };
    match facts.privilege(ix) {
        Privilege::Certain(PrivilegeLevel::Baseline | PrivilegeLevel::Limited) => return Verdict::Pass,
        Privilege::Undecided { at_least, why, .. } if at_least < PrivilegeLevel::Privileged => {
            return Verdict::NotEvaluated(why);
        }
        Privilege::Certain(_) | Privilege::Undecided { .. } => {}
    }
    let path = facts.access.proof(ix);
    let end = path.last().map_or_else(String::new, |step| format!(": {}", facts.graph.name(step.target)));
    let because =
        outsiders.first().map_or_else(|| affiliated.evidence.into_owned(), |(_, statement)| statement.clone());
    Failure::new(format!("{who} is privileged in {}{end}.", facts.graph.system_name(facts.graph.node(ix).system)))
        .row(facts.account_row(ix, &[("external_because", because)]))
        .path(path)
        .verdict()
}
