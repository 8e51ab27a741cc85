use muster_reports::view::Severity;

use crate::controls::LP;
use crate::people::Standing;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "LCM-013",
    slug: "active-during-leave",
    title: "Active during leave",
    severity: Severity::Medium,
    controls: &[LP],
    population: Population::Accounts,
    needs: &[Need::ALL_EMPLOYMENTS, Need::ACCOUNT],
    options: &[
        Setting {
            name: "suspend_privileged",
            default: 1,
            about: "1: privileged accounts must be suspended during leave (least privilege: nobody administers while away); 0: they may stay",
        },
        Setting {
            name: "suspend_all",
            default: 0,
            about: "1: every account must be suspended during leave, as some law and every garden leave wants it; 0: everyday accounts may stay",
        },
    ],
    manual: Manual {
        finds: "An account that may not work while its holder is on leave, and works: a privileged one, or any where the policy says so.",
        matters: "Nobody expects work from somebody on leave, so nobody notices when the account works all the same.",
        evidence: "The account's row with its last use, why it is the person's, and the employment that is on leave.",
        fix: "Suspend the account until the person is back, or take the privilege away for that time.",
        limits: "What a kind of leave forbids is a policy for all of it: HR's reasons for leave are not read, on purpose. A person who works in a second employment is not on leave.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some((person, Standing::OnLeave)) = facts.holder(ix) else { return Verdict::NotApplicable };
    let privileged = facts.is_privileged(ix);
    let forbidden =
        facts.option(&RULE, "suspend_all") > 0 || (privileged && facts.option(&RULE, "suspend_privileged") > 0);
    if !forbidden || !facts.is_active(ix) {
        return Verdict::Pass;
    }
    let employments = &facts.people.person(person).employments;
    let since = employments.iter().filter_map(|employment| facts.people.counts_from(employment)).max();
    let used = facts.graph.account(ix).and_then(|account| account.last_activity.at());
    let used = match (since, used) {
        (Some(since), Some(used)) if used > since => format!("; it was used on {}", used.strftime("%Y-%m-%d")),
        (_, _) => String::new(),
    };
    let mut failure = Failure::new(format!(
        "{} is on leave, and the {}account {} in {} works{used}.",
        facts.people.name(person),
        if privileged { "privileged " } else { "" },
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.account_row(ix, &[("linked", facts.link_reason(ix))]));
    for row in facts.employment_rows(person) {
        failure = failure.row(row);
    }
    if privileged {
        failure = failure.path(facts.access.proof(ix));
    }
    failure.verdict()
}
