use muster_connectors::record::CredentialKind;
use muster_reports::view::Severity;

use crate::controls::{CRED, LEAVE};
use crate::rules::{Facts, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "LCM-015",
    slug: "token-outlives-leaver",
    title: "Session or token outlives leaver",
    severity: Severity::High,
    controls: &[LEAVE, CRED],
    population: Population::Credentials,
    needs: &[Need::ALL_EMPLOYMENTS, Need::CREDENTIAL],
    options: &[Setting {
        name: "grace_hours",
        default: 24,
        about: "hours after the effective instant in which it must be revoked (as for the leaver's accounts, LCM-001)",
    }],
    manual: Manual {
        finds: "A session, token, consent or SSH key that works, of a person none of whose employments runs any more.",
        matters: "It was given after a sign-in and does not ask for another: disabling the account, and changing its password, leave it alive.",
        evidence: "The token's row with its last use, and the person's employments with their ends.",
        fix: "Revoke sessions, tokens and consents when somebody leaves, before anything else; where the system cannot, delete the account.",
        limits: "Knows the tokens that a system lists. Access keys, client secrets and certificates of a leaver are CRD-007's. A token whose end has passed is dead.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Credential(ix) = subject else { return Verdict::NotApplicable };
    match facts.graph.credential(ix).kind {
        CredentialKind::Token | CredentialKind::SshKey | CredentialKind::OauthConsent => {}
        CredentialKind::Password
        | CredentialKind::AccessKey
        | CredentialKind::ClientSecret
        | CredentialKind::Certificate => return Verdict::NotApplicable,
    }
    facts.outlives_leaver(ix, facts.option(&RULE, "grace_hours"))
}
