use muster_connectors::record::{CredentialKind, CredentialState};
use muster_reports::view::Severity;

use crate::controls::CRED;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "CRD-003",
    slug: "ends-in-use",
    title: "Expiring or expired in use",
    severity: Severity::Low,
    controls: &[CRED],
    population: Population::Credentials,
    needs: &[Need { field: Some("expires"), ..Need::CREDENTIAL }],
    options: &[
        Setting {
            name: "days",
            default: 30,
            about: "days before its end in which it is told; of one that lives for less than three times as long, its last third (as Let's Encrypt advises to renew)",
        },
        Setting {
            name: "idle_days",
            default: 90,
            about: "days without use after which nobody is taken to need it any more (CRD-004's limit)",
        },
    ],
    manual: Manual {
        finds: "A certificate, client secret, key or token in use that ends within the set days, or that has ended and was used after that.",
        matters: "On the day it ends something stops, mostly at night; and what is used past its end is accepted by something that does not look.",
        evidence: "The credential's row with its end and its last use.",
        fix: "Renew it now, and let renewal happen by itself; find out what still accepts an expired one.",
        limits: "A system that does not say when a credential was used counts it as in use until its end. Passwords are not judged.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Credential(ix) = subject else { return Verdict::NotApplicable };
    let credential = facts.graph.credential(ix);
    let off = match credential.status {
        CredentialState::Inactive | CredentialState::Revoked => true,
        CredentialState::Active | CredentialState::Expired | CredentialState::Unknown => false,
    };
    if off || matches!(credential.kind, CredentialKind::Password | CredentialKind::OauthConsent) {
        return Verdict::NotApplicable;
    }
    let Some(end) = credential.expires.at() else {
        use muster_connectors::record::FactState::{Known, Never, None, Unreadable, Unsupported};
        return match credential.expires.state() {
            None | Never => Verdict::NotApplicable,
            Known | Unreadable | Unsupported => {
                Verdict::NotEvaluated("the system does not say when the credential ends".to_owned())
            }
        };
    };
    let last_used = credential.last_used.at();
    let left = end.duration_since(facts.now);
    let told = if left.is_negative() || left.is_zero() {
        let Some(used) = last_used.filter(|used| *used > end) else { return Verdict::Pass };
        let day = |at: jiff::Timestamp| at.strftime("%Y-%m-%d").to_string();
        format!("ended on {} and was used on {}", day(end), day(used))
    } else {
        let life = credential.renewed().at().map(|made| end.duration_since(made).as_hours() / 24);
        let days = facts.option(&RULE, "days");
        let days = life.map_or(days, |life| days.min(life / 3));
        let idle = last_used
            .is_some_and(|used| facts.now.duration_since(used).as_hours() / 24 >= facts.option(&RULE, "idle_days"));
        if left.as_hours() / 24 >= days || idle {
            return Verdict::Pass;
        }
        match left.as_hours() / 24 {
            0 => "ends today".to_owned(),
            1 => "ends in a day".to_owned(),
            days => format!("ends in {days} days"),
        }
    };
    let holder = credential.account.map_or_else(|| facts.graph.text(credential.account_id), |ix| facts.graph.name(ix));
    let mut row = facts.credential_row(ix);
    row.facts.insert("expires".to_owned(), credential.expires.to_string());
    Failure::new(format!(
        "The {} {} of {holder} in {} {told}.",
        credential.kind,
        facts.graph.text(credential.id),
        facts.graph.system_name(credential.system),
    ))
    .row(row)
    .verdict()
}
