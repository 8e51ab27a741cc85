use muster_connectors::record::CredentialKind;
use muster_reports::view::Severity;

use crate::controls::{CRED, NHI};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict, raised};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "CRD-001",
    slug: "rotation-overdue",
    title: "Rotation overdue",
    severity: Severity::Medium,
    controls: &[CRED, NHI],
    population: Population::Credentials,
    needs: &[Need::CREDENTIAL],
    options: &[
        Setting { name: "access_key_days", default: 90, about: "days for access keys (CIS AWS Foundations 1.14: 90)" },
        Setting { name: "token_days", default: 90, about: "days for tokens and client secrets (as for access keys)" },
        Setting { name: "key_days", default: 365, about: "days for certificates and SSH keys (renewed once a year)" },
    ],
    manual: Manual {
        finds: "A working key, token, secret or certificate that has not been renewed for longer than its kind allows.",
        matters: "The longer a secret lives, the more laptops, logs and leavers have a copy of it.",
        evidence: "The credential's row with when it was made, renewed and last used.",
        fix: "Make a second one, switch its users over, watch the old one's last use, then delete the old one.",
        limits: "Passwords are not judged by age: NIST SP 800-63B advises against changing them for age alone (AUT-007 has the single-factor case).",
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
        CredentialKind::AccessKey => "access_key_days",
        CredentialKind::Token | CredentialKind::ClientSecret => "token_days",
        CredentialKind::Certificate | CredentialKind::SshKey => "key_days",
        CredentialKind::Password | CredentialKind::OauthConsent => return Verdict::NotApplicable,
    };
    let Some(days) = credential.renewed().days_before(facts.now) else {
        return Verdict::NotEvaluated("the system does not say when the credential was made".to_owned());
    };
    let limit = facts.option(&RULE, limit);
    if i64::from(days) < limit {
        return Verdict::Pass;
    }
    let holder = credential.account.map_or_else(|| facts.graph.text(credential.account_id), |ix| facts.graph.name(ix));
    let failure = Failure::new(format!(
        "The {} {} of {holder} in {} is {days} days old; {limit} are allowed.",
        credential.kind,
        facts.graph.text(credential.id),
        facts.graph.system_name(credential.system),
    ))
    .row(facts.credential_row(ix));
    if credential.account.is_some_and(|account| facts.is_privileged(account)) {
        return failure.severity(raised(RULE.severity), "its holder is privileged").verdict();
    }
    failure.verdict()
}
