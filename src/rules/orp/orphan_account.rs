use muster_connectors::record::RecordKind;
use muster_reports::view::Severity;

use crate::controls::{INV, LEAVE};
use crate::people::Correlation;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict, raised};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "ORP-001",
    slug: "orphan-account",
    title: "Orphan account",
    severity: Severity::High,
    controls: &[INV, LEAVE],
    population: Population::Accounts,
    needs: &[Need::ALL_PERSONS, Need::ALL_EMPLOYMENTS, Need::ACCOUNT],
    options: &[Setting {
        name: "window_hours",
        default: 24,
        about: "hours that a new account may be without a person (a day for the feeds to catch up)",
    }],
    manual: Manual {
        finds: "An active account of a human class that no person of any HR feed corresponds to, not even as a candidate.",
        matters: "Nobody will ever ask for it to be closed: whoever holds its password keeps the access, and nobody notices.",
        evidence: "The account's row, with every name and address that was looked for in HR.",
        fix: "Find the owner and pin the account to the person, or register it as a service or shared account; disable it when nobody claims it within the window.",
        limits: "Only the first rungs of correlation are climbed: a person whose name, address and id all differ is not recognised. An account of unknown age counts as old enough.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    if !facts.is_human(ix) || !facts.is_active(ix) {
        return Verdict::NotApplicable;
    }
    let person = match facts.people.correlation(ix) {
        Correlation::Nobody => None,
        Correlation::Linked(link) | Correlation::Proposed(link) => Some(link.person),
        Correlation::Disputed(_) => return Verdict::Pass,
    };
    if let Some(person) = person {
        return match facts.people.person(person).vanished {
            None => Verdict::Pass,
            Some(_) => {
                Verdict::NotEvaluated("its person is gone from HR without a termination, and may come back".to_owned())
            }
        };
    }
    let Some(account) = facts.graph.account(ix) else { return Verdict::NotApplicable };
    let hours = facts.option(&RULE, "window_hours");
    let age = account.created.at().map(|created| facts.now.duration_since(created).as_hours());
    // A creation in the future is a wrong clock, not a young account.
    if age.is_some_and(|age| (0..hours).contains(&age)) {
        return Verdict::Pass;
    }
    let node = facts.graph.node(ix);
    let login = facts.graph.text_or_empty(account.login);
    if facts.people.is_named_after_another(login)
        && let Some(why) = facts.unread(node.system, RecordKind::Account)
    {
        return Verdict::NotEvaluated(format!("the everyday account of the same person may not have been read: {why}"));
    }
    let emails: Vec<&str> = facts.graph.emails_of(account).collect();
    let age = match account.created.days_before(facts.now) {
        Some(days) => format!("{days} days old"),
        None => "of unknown age".to_owned(),
    };
    let failure = Failure::new(format!(
        "No person in HR corresponds to the active account {} in {}; it is {age}.",
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.account_row(
        ix,
        &[
            ("emails", emails.join(" ")),
            ("employee_id", facts.graph.text_or_empty(account.employee_id).to_owned()),
            ("created", account.created.to_string()),
            ("class", facts.people.class(ix).class.to_string()),
            ("class_evidence", facts.people.class(ix).evidence.to_string()),
        ],
    ));
    if facts.is_privileged(ix) {
        let path = facts.access.proof(ix);
        return failure.path(path).severity(raised(RULE.severity), "the account is privileged").verdict();
    }
    failure.verdict()
}
