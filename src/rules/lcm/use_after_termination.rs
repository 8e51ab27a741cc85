use muster_connectors::record::FactState;
use muster_reports::view::Severity;

use crate::controls::{LEAVE, LOG};
use crate::people::Standing;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "LCM-014",
    slug: "use-after-termination",
    title: "Use after termination",
    severity: Severity::Critical,
    controls: &[LEAVE, LOG],
    population: Population::Accounts,
    needs: &[Need::ALL_EMPLOYMENTS, Need::ACCOUNT],
    options: &[Setting {
        name: "tolerance_hours",
        default: 24,
        about: "hours after the effective instant that count as clock skew and last-day work",
    }],
    manual: Manual {
        finds: "A sign-in, or a use of a key, after the instant from which its holder no longer worked here.",
        matters: "This is not a risk but an event: somebody used a leaver's access.",
        evidence: "The account's or key's row with the instant of use, and the employment with its end.",
        fix: "Treat it as an incident: preserve the logs, disable everything of the person, find out who it was and what was done.",
        limits: "Sees the last use only. Active Directory's lastLogonTimestamp may lag by up to 14 days, so an earlier use after the end may not show yet.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some((person, Standing::Ended { at, .. })) = facts.holder(ix) else { return Verdict::NotApplicable };
    let Some(account) = facts.graph.account(ix) else { return Verdict::NotApplicable };
    let Some(ended) = at else {
        return Verdict::NotEvaluated("HR does not say when the employment ended".to_owned());
    };
    let tolerance = facts.option(&RULE, "tolerance_hours");
    let is_late =
        |used: Option<jiff::Timestamp>| used.filter(|used| used.duration_since(ended).as_hours() >= tolerance);
    let keys: Vec<_> = facts
        .credentials_of(ix)
        .filter_map(|(key, credential)| Some((key, is_late(credential.last_used.at())?)))
        .collect();
    let account_use = is_late(account.last_activity.at());
    let Some(used) = account_use.into_iter().chain(keys.iter().map(|(_, used)| *used)).max() else {
        return match account.last_activity.state() {
            FactState::Known | FactState::Never | FactState::None => Verdict::Pass,
            FactState::Unreadable | FactState::Unsupported => {
                Verdict::NotEvaluated("the system does not say when the account was last used".to_owned())
            }
        };
    };
    let mut failure =
        Failure::new(format!(
            "{} left on {}, and the account {} in {} was used on {}.",
            facts.people.name(person),
            ended.strftime("%Y-%m-%d"),
            facts.graph.name(ix),
            facts.graph.system_name(facts.graph.node(ix).system),
            used.strftime("%Y-%m-%d"),
        ))
        .row(facts.account_row(
            ix,
            &[("last_activity", account.last_activity.to_string()), ("linked", facts.link_reason(ix))],
        ));
    for (key, _) in keys {
        failure = failure.row(facts.credential_row(key));
    }
    for row in facts.employment_rows(person) {
        failure = failure.row(row);
    }
    failure.verdict()
}
