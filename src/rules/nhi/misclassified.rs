use muster_connectors::record::{CredentialKind, FactState};
use muster_reports::view::Severity;

use crate::controls::NHI;
use crate::people::Correlation;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "NHI-003",
    slug: "misclassified-nhi",
    title: "Misclassified",
    severity: Severity::Low,
    controls: &[NHI],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT, Need::ALL_PERSONS],
    options: &[Setting {
        name: "percent",
        default: 60,
        about: "share of the marks from which an account behaves as a service (our choice: three of five)",
    }],
    manual: Manual {
        finds: "An account that counts as a human's and behaves as a service: nobody can sign in to it with a password, it works with keys, and nobody corresponds to it.",
        matters: "It is judged by the rules for people and looks like an orphan, while the rules for service identities pass it by.",
        evidence: "The account, its marks, and how many of them speak for a service.",
        fix: "Set its class in the source, give it a telling name, or register it in policy/nhi.toml and name it as a service.",
        limits: "Five marks are counted: no password, a key that works, used in the last month, no second factor, no mail address. The reverse, a service that behaves as a human, is NHI-002.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    if !facts.is_human(ix) || !facts.is_active(ix) {
        return Verdict::NotApplicable;
    }
    let Some(account) = facts.graph.account(ix) else { return Verdict::NotApplicable };
    let is_key = |kind| match kind {
        CredentialKind::AccessKey
        | CredentialKind::Token
        | CredentialKind::Certificate
        | CredentialKind::SshKey
        | CredentialKind::ClientSecret => true,
        CredentialKind::Password | CredentialKind::OauthConsent => false,
    };
    let keys = || facts.credentials_of(ix).filter(|(_, one)| is_key(one.kind) && facts.works(one));
    if keys().next().is_none() {
        return Verdict::NotApplicable;
    }
    match facts.people.correlation(ix) {
        Correlation::Linked(_) | Correlation::Proposed(_) | Correlation::Disputed(_) => return Verdict::Pass,
        Correlation::Nobody => {}
    }
    let Some(interactive) = account.interactive else {
        return Verdict::NotEvaluated("the system does not say whether anybody can sign in with a password".to_owned());
    };
    let lately = |days: Option<u32>| days.is_some_and(|days| days < 30);
    let marks = [
        ("no_password", !interactive),
        ("works_with_keys", true),
        ("used_lately", keys().any(|(_, key)| lately(key.last_used.days_before(facts.now)))),
        ("no_second_factor", matches!(account.mfa, FactState::None | FactState::Unsupported)),
        ("no_mail_address", facts.graph.emails_of(account).next().is_none()),
    ];
    let speak = marks.iter().filter(|(_, holds)| *holds).count();
    let percent = i64::try_from(speak * 100 / marks.len()).unwrap_or(100);
    if interactive || percent < facts.option(&RULE, "percent") {
        return Verdict::Pass;
    }
    Failure::new(format!(
        "{} in {} counts as a human's account and behaves as a service ({percent} % of the marks).",
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.account_row(ix, &marks.map(|(mark, holds)| (mark, holds.to_string()))))
    .verdict()
}
