use muster_connectors::record::{CredentialKind, FactState};
use muster_reports::view::Severity;

use crate::controls::{CRED, DORM};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "CRD-004",
    slug: "unused-credential",
    title: "Unused credential",
    severity: Severity::Medium,
    controls: &[CRED, DORM],
    population: Population::Credentials,
    needs: &[Need { field: Some("last_used"), ..Need::CREDENTIAL }],
    options: &[Setting {
        name: "days",
        default: 90,
        about: "days without use (the age at which a key must be renewed anyway)",
    }],
    manual: Manual {
        finds: "A working key, token or certificate whose last use is known and lies the set number of days or more in the past, or that was made that long ago and never used.",
        matters: "A key that nobody uses protects nothing and can only be stolen.",
        evidence: "The credential's row with when it was made and last used.",
        fix: "Deactivate it, wait for somebody to complain, then delete it.",
        limits: "Each key is judged by itself, not by its holder's other keys. Unknown use is not \"unused\". Passwords are judged with their accounts (DOR-001).",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Credential(ix) = subject else { return Verdict::NotApplicable };
    let credential = facts.graph.credential(ix);
    if !facts.works(credential) || credential.kind == CredentialKind::Password {
        return Verdict::NotApplicable;
    }
    let (since, how) = match credential.last_used.state() {
        FactState::Known => (credential.last_used, "has not been used for"),
        FactState::Never | FactState::None => (credential.renewed(), "was never used in"),
        FactState::Unreadable | FactState::Unsupported => {
            return Verdict::NotEvaluated("the system does not say when the credential was last used".to_owned());
        }
    };
    let Some(days) = since.days_before(facts.now) else {
        return Verdict::NotEvaluated("the system does not say when the credential was made".to_owned());
    };
    if i64::from(days) < facts.option(&RULE, "days") {
        return Verdict::Pass;
    }
    let holder = credential.account.map_or_else(|| facts.graph.text(credential.account_id), |ix| facts.graph.name(ix));
    Failure::new(format!(
        "The {} {} of {holder} in {} {how} {days} days.",
        credential.kind,
        facts.graph.text(credential.id),
        facts.graph.system_name(credential.system),
    ))
    .row(facts.credential_row(ix))
    .verdict()
}
