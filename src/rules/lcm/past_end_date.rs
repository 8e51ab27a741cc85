use muster_reports::view::Severity;

use crate::controls::{EXT, LEAVE};
use crate::people::{EndEvidence, Standing};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "LCM-008",
    slug: "past-end-date",
    title: "Past end date",
    severity: Severity::Critical,
    controls: &[EXT, LEAVE],
    population: Population::Accounts,
    needs: &[Need::ALL_EMPLOYMENTS, Need::ACCOUNT],
    options: &[Setting {
        name: "grace_hours",
        default: 24,
        about: "hours after the end of the last day in which the account must be off",
    }],
    manual: Manual {
        finds: "An active account of an external worker whose contract ended, without HR having recorded a termination.",
        matters: "The contract is over and so is the duty of confidence; nobody has told IT.",
        evidence: "The account's row, why it is the person's, and the employment with its end date.",
        fix: "Disable the account; where the contract was extended, enter the new end date before the old one passes.",
        limits: "A termination that HR has recorded is LCM-001's.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some((person, standing)) = facts.holder(ix) else { return Verdict::NotApplicable };
    let external = facts.people.person(person).employments.iter().any(|e| e.worker_type.is_external());
    if !external {
        return Verdict::NotApplicable;
    }
    let Standing::Ended { at: Some(at), evidence: EndEvidence::EndDate, external: true } = standing else {
        return Verdict::Pass;
    };
    let hours = facts.now.duration_since(at).as_hours();
    if !facts.is_active(ix) || hours < facts.option(&RULE, "grace_hours") {
        return Verdict::Pass;
    }
    let mut failure = Failure::new(format!(
        "The contract of {} ended {} days ago, and the account {} in {} still works.",
        facts.people.name(person),
        hours / 24,
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.account_row(ix, &[("linked", facts.link_reason(ix))]));
    for row in facts.employment_rows(person) {
        failure = failure.row(row);
    }
    failure.verdict()
}
