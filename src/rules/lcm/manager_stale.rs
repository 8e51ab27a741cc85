use muster_connectors::record::RecordKind;
use muster_reports::view::Severity;

use crate::controls::{MOVE, REV};
use crate::people::{Employment, PersonIx, Standing};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "LCM-012",
    slug: "manager-stale",
    title: "Manager or approver stale",
    severity: Severity::Low,
    controls: &[MOVE, REV],
    population: Population::Accounts,
    needs: &[Need { field: Some("manager"), absence: false, ..Need::ALL_EMPLOYMENTS }, Need::ACCOUNT],
    options: &[Setting {
        name: "grace_days",
        default: 7,
        about: "days after a change in HR in which the system may still show the former manager (a week, for a weekly sync)",
    }],
    manual: Manual {
        finds: "An active account whose system names a manager who is not the one that HR names, or who has left.",
        matters: "Requests are approved and access is reviewed by whoever the system believes to be the manager: somebody who does not know the work, or nobody.",
        evidence: "The account's row with its manager, and the employments of its holder and of that manager.",
        fix: "Push HR's manager into the system; find out why the feed stopped doing so.",
        limits: "An owner who left is ORP-008. Reviewers and approvers of campaigns are not seen: no source lists them. Where HR names no manager, only whether the named one still works here is judged.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let named = facts.graph.account(ix).and_then(|account| account.manager).map(|manager| facts.graph.text(manager));
    let (Some(named), Some((holder, standing))) = (named, facts.holder(ix)) else { return Verdict::NotApplicable };
    if !facts.is_active(ix) || !standing.is_employed() {
        return Verdict::NotApplicable;
    }
    let system = facts.graph.node(ix).system;
    let Some(manager) = facts.owner(system, named) else {
        return Verdict::NotEvaluated(match facts.unread(system, RecordKind::Account) {
            Some(why) => format!("the account of the manager that it names may not have been read: {why}"),
            None => "the manager that the system names corresponds to nobody that is known".to_owned(),
        });
    };
    let running: Vec<&Employment> = facts
        .people
        .person(holder)
        .employments
        .iter()
        .filter(|employment| facts.people.employment_standing(employment, facts.now).is_employed())
        .collect();
    let by_hr: Vec<PersonIx> = running
        .iter()
        .filter_map(|employment| employment.manager)
        .flat_map(|manager| facts.people.find(facts.people.text(manager)))
        .collect();
    let unknown = running.iter().any(|employment| employment.manager.is_some()) && by_hr.is_empty();
    let fault = match facts.people.standing(manager, facts.now) {
        Standing::Ended { .. } => "has left".to_owned(),
        Standing::Unknown => {
            return Verdict::NotEvaluated("HR does not say whether the manager is employed".to_owned());
        }
        Standing::Employed | Standing::OnLeave | Standing::Future { .. } => {
            if unknown {
                return Verdict::NotEvaluated(
                    "the manager that HR names corresponds to nobody that is known".to_owned(),
                );
            }
            match by_hr.first().filter(|_| !by_hr.contains(&manager)) {
                Some(right) => format!("is not the one HR names, {}", facts.people.name(*right)),
                None => return Verdict::Pass,
            }
        }
    };
    let grace = facts.option(&RULE, "grace_days");
    let changed = running.iter().filter_map(|employment| facts.people.counts_from(employment)).max();
    if changed.is_some_and(|at| facts.now.duration_since(at).as_hours() / 24 < grace) {
        return Verdict::Pass;
    }
    let mut failure = Failure::new(format!(
        "The manager of {} in {}, {}, {fault}.",
        facts.graph.name(ix),
        facts.graph.system_name(system),
        facts.people.name(manager),
    ))
    .row(facts.account_row(ix, &[("manager", named.to_owned()), ("linked", facts.link_reason(ix))]));
    for employment in running {
        let mut row = facts.employment_row(employment);
        if let Some(manager) = employment.manager {
            row.facts.insert("manager".to_owned(), facts.people.text(manager).to_owned());
        }
        failure = failure.row(row);
    }
    for row in facts.employment_rows(manager) {
        failure = failure.row(row);
    }
    failure.verdict()
}
