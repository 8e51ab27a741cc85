use muster_reports::view::Severity;

use crate::controls::NHI;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "NHI-001",
    slug: "unregistered-nhi",
    title: "Unregistered or unowned NHI",
    severity: Severity::Medium,
    controls: &[NHI],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "An active service account, workload identity or agent that policy/nhi.toml does not list, or lists without owner, purpose, environment or date of review.",
        matters: "Nobody dares to switch it off and nobody renews its keys. PCI 8.6 and CIS 5.5 ask for an inventory with owner, purpose and review.",
        evidence: "The account with its class, and what the register lacks.",
        fix: "Write it into policy/nhi.toml with owner, purpose, environment and the day of review, or disable it.",
        limits: "Accounts that the platform itself makes and owns are not judged. An owner that the system itself names counts as well. A grade up where the account is privileged, down where nothing is left to sign in with.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    if !facts.is_nhi(ix) {
        return Verdict::NotApplicable;
    }
    if facts.policy.nhi.is_none() {
        return Verdict::NotEvaluated("no policy/nhi.toml registers non-human identities".to_owned());
    }
    let named = facts.graph.account(ix).and_then(|account| account.owner).is_some();
    let missing = match facts.registered(ix) {
        None => "is not in the register of non-human identities".to_owned(),
        Some(entry) => {
            let lacks = [
                ("owner", entry.owner.is_none() && !named),
                ("purpose", entry.purpose.is_none()),
                ("environment", entry.environment.is_none()),
                ("date of review", entry.reviewed.is_none()),
            ];
            let lacks: Vec<&str> = lacks.iter().filter(|(_, lacks)| *lacks).map(|(what, _)| *what).collect();
            if lacks.is_empty() {
                return Verdict::Pass;
            }
            format!("is registered without {}", lacks.join(", "))
        }
    };
    let class = facts.people.class(ix);
    let failure = Failure::new(format!(
        "The {} account {} in {} {missing}.",
        class.class,
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.account_row(ix, &[("class", class.class.to_string()), ("class_because", class.evidence.to_string())]));
    facts.graded(failure, RULE.severity, ix).verdict()
}
