use muster_connectors::record::{FactState, PrivilegeLevel};
use muster_reports::view::Severity;

use crate::access::Privilege;
use crate::controls::MFA;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "AUT-001",
    slug: "privileged-without-mfa",
    title: "Privileged without MFA",
    severity: Severity::Critical,
    controls: &[MFA],
    population: Population::Accounts,
    needs: &[Need { field: Some("mfa"), ..Need::ACCOUNT }],
    options: &[],
    manual: Manual {
        finds: "A privileged account that a human signs in with and that has no second factor; the root account of a tenant counts.",
        matters: "A guessed or phished password is then enough to take over the system.",
        evidence: "The account's row with its factors, and the path that makes it privileged.",
        fix: "Register a phishing-resistant factor (FIDO2, hardware key) and require it; for root, a hardware key in a safe.",
        limits: "\"Not readable\" is not \"none\": those accounts are not evaluated. A factor that an identity provider asks for before this system is not seen here.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some(account) = facts.graph.account(ix) else { return Verdict::NotApplicable };
    let signs_in = account.interactive != Some(false) && (facts.is_human(ix) || account.is_root);
    if !signs_in || !facts.is_active(ix) {
        return Verdict::NotApplicable;
    }
    let undecided = match facts.privilege(ix) {
        Privilege::Certain(PrivilegeLevel::Baseline | PrivilegeLevel::Limited) => return Verdict::NotApplicable,
        Privilege::Certain(PrivilegeLevel::Privileged | PrivilegeLevel::Admin)
        | Privilege::Undecided { at_least: PrivilegeLevel::Privileged | PrivilegeLevel::Admin, .. } => None,
        Privilege::Undecided { at_least: PrivilegeLevel::Baseline | PrivilegeLevel::Limited, why, .. } => Some(why),
    };
    match (account.mfa, undecided) {
        (FactState::Known, _) => return Verdict::Pass,
        (FactState::Unreadable | FactState::Unsupported, _) => {
            return Verdict::NotEvaluated("the system does not say which factors the account has".to_owned());
        }
        (FactState::None | FactState::Never, Some(why)) => return Verdict::NotEvaluated(why),
        (FactState::None | FactState::Never, None) => {}
    }
    Failure::new(format!(
        "The privileged account {} in {} needs no more than a password.",
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.account_row(ix, &[("mfa", account.mfa.to_string())]))
    .path(facts.access.proof(ix))
    .verdict()
}
