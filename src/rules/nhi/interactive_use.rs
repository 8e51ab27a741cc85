use muster_connectors::record::{CredentialKind, FactState};
use muster_reports::view::Severity;

use crate::controls::NHI;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "NHI-002",
    slug: "human-uses-service-identity",
    title: "Human uses service identity",
    severity: Severity::High,
    controls: &[NHI],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[Setting {
        name: "days",
        default: 90,
        about: "days for which a sign-in counts (90: one cycle of the quarterly review of CIS 5.5)",
    }],
    manual: Manual {
        finds: "A service account or agent whose password somebody signed in with lately.",
        matters: "What is done with a service identity is done by nobody in particular: no second factor, no name in the log. PCI 8.6.1 forbids it outside of emergencies.",
        evidence: "The account and its password with the last use.",
        fix: "Block interactive sign-in for the account, give the person an account of their own, and renew the password.",
        limits: "Rests on the last use of the account's password, which the system has to tell. Sign-ins that only a log shows are not seen.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    if !facts.is_nhi(ix) {
        return Verdict::NotApplicable;
    }
    let mut unknown = false;
    let mut seen = false;
    for (password, credential) in facts.credentials_of(ix).filter(|(_, one)| one.kind == CredentialKind::Password) {
        seen = true;
        match credential.last_used.state() {
            FactState::Known => {
                let days = credential.last_used.days_before(facts.now).unwrap_or_default();
                if i64::from(days) < facts.option(&RULE, "days") {
                    return Failure::new(format!(
                        "Somebody signed in with the password of the {} account {} in {} {days} days ago.",
                        facts.people.class(ix).class,
                        facts.graph.name(ix),
                        facts.graph.system_name(facts.graph.node(ix).system),
                    ))
                    .row(facts.account_row(ix, &[]))
                    .row(facts.credential_row(password))
                    .verdict();
                }
            }
            FactState::Never | FactState::None => {}
            FactState::Unreadable | FactState::Unsupported => unknown = true,
        }
    }
    let interactive = facts.graph.account(ix).and_then(|account| account.interactive);
    match (seen, unknown, interactive) {
        (true, false, _) | (false, _, Some(false)) => Verdict::Pass,
        (true, true, _) | (false, _, Some(true)) => {
            Verdict::NotEvaluated("the system does not say when the password was last used".to_owned())
        }
        (false, _, None) => {
            Verdict::NotEvaluated("the system does not say whether anybody can sign in with a password".to_owned())
        }
    }
}
