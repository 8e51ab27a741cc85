use muster_connectors::record::{CredentialKind, RecordKind};
use muster_reports::view::Severity;

use crate::controls::CRED;
use crate::rules::{Facts, Failure, From, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "CRD-009",
    slug: "exposed",
    title: "Exposed",
    severity: Severity::Critical,
    controls: &[CRED],
    population: Population::Credentials,
    needs: &[Need::CREDENTIAL, Need { from: From::Own, kind: RecordKind::Grant, field: None, absence: true }],
    options: &[],
    manual: Manual {
        finds: "A working access key of a user whom AWS has bound with its quarantine policy, which it does when it finds one of the user's keys in public.",
        matters: "Strangers have the key already. The policy takes away what is costly, not what can be read.",
        evidence: "The key's row and the user it belongs to.",
        fix: "Deactivate every key of the user now, look through what they did, then make new ones; take the quarantine policy off last.",
        limits: "AWS does not say which of a user's keys was found, so all that work are told. No other system that is read says of a credential that it is public: there it is not evaluated.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Credential(ix) = subject else { return Verdict::NotApplicable };
    let credential = facts.graph.credential(ix);
    let judged = match credential.kind {
        CredentialKind::AccessKey | CredentialKind::Token | CredentialKind::ClientSecret | CredentialKind::SshKey => {
            true
        }
        CredentialKind::Password | CredentialKind::Certificate | CredentialKind::OauthConsent => false,
    };
    if !judged || !facts.works(credential) {
        return Verdict::NotApplicable;
    }
    let system = facts.graph.system_name(credential.system);
    if credential.kind != CredentialKind::AccessKey || facts.connector(credential.system) != "aws" {
        return Verdict::NotEvaluated(format!("`{system}` does not say which of its credentials were found in public"));
    }
    let Some(account) = credential.account.filter(|account| facts.is_quarantined(*account)) else {
        return Verdict::Pass;
    };
    Failure::new(format!(
        "AWS found a key of {} in {system} in public; the key {} still works.",
        facts.graph.name(account),
        facts.graph.text(credential.id),
    ))
    .row(facts.credential_row(ix))
    .row(facts.account_row(account, &[]))
    .verdict()
}
