use muster_connectors::record::{CredentialKind, FactState};
use muster_reports::view::Severity;

use crate::controls::CRED;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict, raised};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "CRD-002",
    slug: "no-expiry-or-too-long",
    title: "No expiry or too long",
    severity: Severity::Medium,
    controls: &[CRED],
    population: Population::Credentials,
    needs: &[Need { field: Some("expires"), ..Need::CREDENTIAL }],
    options: &[
        Setting {
            name: "token_days",
            default: 366,
            about: "longest life of keys, tokens and client secrets in days (GitHub lets a fine-grained token live for 366 at most)",
        },
        Setting {
            name: "certificate_days",
            default: 398,
            about: "longest life of certificates in days (CA/Browser Forum, Baseline Requirements 6.3.2: 398 until March 2026)",
        },
    ],
    manual: Manual {
        finds: "A working key, token, client secret or certificate that never runs out, or whose life from beginning to end is longer than allowed.",
        matters: "A secret that is forgotten should die by itself. One that has no end is found years later, by somebody else.",
        evidence: "The credential's row with when it was made and when it ends.",
        fix: "Make a new one with an end, switch its users over, delete the old one; where the platform allows it, have the tenant refuse endless ones.",
        limits: "AWS access keys cannot have an end: how long one may live is rotation there (CRD-001). Passwords and consents are not judged. A system that does not say when a credential ends leaves it not evaluated.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Credential(ix) = subject else { return Verdict::NotApplicable };
    let credential = facts.graph.credential(ix);
    if !facts.works(credential) {
        return Verdict::NotApplicable;
    }
    let limit = match credential.kind {
        CredentialKind::AccessKey if facts.connector(credential.system) == "aws" => return Verdict::NotApplicable,
        CredentialKind::AccessKey | CredentialKind::Token | CredentialKind::ClientSecret | CredentialKind::SshKey => {
            "token_days"
        }
        CredentialKind::Certificate => "certificate_days",
        CredentialKind::Password | CredentialKind::OauthConsent => return Verdict::NotApplicable,
    };
    let limit = facts.option(&RULE, limit);
    let life = match credential.expires.state() {
        FactState::Known => credential.expires.at().zip(credential.renewed().at()),
        FactState::None | FactState::Never => None,
        FactState::Unreadable | FactState::Unsupported => {
            return Verdict::NotEvaluated("the system does not say when the credential ends".to_owned());
        }
    };
    let lives = match (life, credential.expires.at()) {
        (Some((end, begin)), _) => {
            let days = end.duration_since(begin).as_hours() / 24;
            if days <= limit {
                return Verdict::Pass;
            }
            format!("lives for {days} days; {limit} are allowed")
        }
        // What is left of its life is a part of it.
        (None, Some(end)) => {
            let days = end.duration_since(facts.now).as_hours() / 24;
            if days <= limit {
                return Verdict::NotEvaluated("the system does not say when the credential was made".to_owned());
            }
            format!("still lives for {days} days; {limit} are allowed")
        }
        (None, None) => "never runs out".to_owned(),
    };
    let holder = credential.account.map_or_else(|| facts.graph.text(credential.account_id), |ix| facts.graph.name(ix));
    let mut row = facts.credential_row(ix);
    row.facts.insert("expires".to_owned(), credential.expires.to_string());
    let failure = Failure::new(format!(
        "The {} {} of {holder} in {} {lives}.",
        credential.kind,
        facts.graph.text(credential.id),
        facts.graph.system_name(credential.system),
    ))
    .row(row);
    if credential.account.is_some_and(|account| facts.is_privileged(account)) {
        return failure.severity(raised(RULE.severity), "its holder is privileged").verdict();
    }
    failure.verdict()
}
