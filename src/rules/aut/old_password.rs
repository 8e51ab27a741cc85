use muster_connectors::record::{CredentialKind, FactState};
use muster_reports::view::Severity;

use crate::controls::PASSWORD_AGE;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "AUT-007",
    slug: "old-password-alone",
    title: "Password-only and old",
    severity: Severity::Low,
    controls: &[PASSWORD_AGE],
    population: Population::Accounts,
    needs: &[Need { field: Some("mfa"), ..Need::ACCOUNT }],
    options: &[Setting {
        name: "days",
        default: 90,
        about: "days since the password was changed (PCI DSS 8.3.9: a password that is the only factor)",
    }],
    manual: Manual {
        finds: "An active account that a human signs in with, with nothing but a password, and whose password was not changed for the set number of days.",
        matters: "A password leaks sooner or later. Without a second factor, its age is how long a leak may have been in use.",
        evidence: "The account's row with its factors and when the password was changed.",
        fix: "Register a second factor: then the password may stay. Otherwise have it changed.",
        limits: "With a second factor a password is not judged by its age: NIST SP 800-63B advises against changing it for age alone. Where the system does not tell factors, or when the password was changed, it is not evaluated.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some(account) = facts.graph.account(ix) else { return Verdict::NotApplicable };
    if !facts.is_human(ix) || !facts.is_active(ix) || facts.signs_in_here(ix) == Some(false) {
        return Verdict::NotApplicable;
    }
    match account.mfa {
        FactState::Known => return Verdict::Pass,
        FactState::Unreadable | FactState::Unsupported => {
            return Verdict::NotEvaluated("the system does not say which factors the account has".to_owned());
        }
        FactState::None | FactState::Never => {}
    }
    let password = |kind| kind == CredentialKind::Password;
    let credential = facts.credentials_of(ix).find(|(_, credential)| password(credential.kind));
    let by_credential = || credential.and_then(|(_, credential)| credential.renewed().at());
    let never = account.password_changed.state() == FactState::Never;
    let changed = account.password_changed.at().or_else(by_credential);
    let Some(changed) = changed.or_else(|| account.created.at().filter(|_| never)) else {
        return Verdict::NotEvaluated("the system does not say when the password was last changed".to_owned());
    };
    let days = facts.now.duration_since(changed).as_hours() / 24;
    let limit = facts.option(&RULE, "days");
    if days <= limit {
        return Verdict::Pass;
    }
    let failure = Failure::new(format!(
        "The password of {} in {} is {days} days old, and nothing else is asked for; {limit} are allowed.",
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.account_row(ix, &[("mfa", account.mfa.to_string()), ("password_changed", changed.to_string())]));
    facts.graded(failure, RULE.severity, ix).verdict()
}
