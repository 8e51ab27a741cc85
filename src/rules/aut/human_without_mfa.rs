use muster_connectors::record::FactState;
use muster_reports::view::Severity;

use crate::controls::MFA;
use crate::rules::index::SignIn;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "AUT-002",
    slug: "human-without-mfa",
    title: "Human without MFA",
    severity: Severity::High,
    controls: &[MFA],
    population: Population::Accounts,
    needs: &[Need { field: Some("mfa"), ..Need::ACCOUNT }],
    options: &[],
    manual: Manual {
        finds: "An active account that a human signs in with and that has no second factor.",
        matters: "A guessed, phished or reused password is then all it takes, and one of a thousand people has such a password.",
        evidence: "The account's row with its factors.",
        fix: "Register a factor, and refuse sign-in without one; put the system behind the identity provider that asks for it.",
        limits: "Privileged accounts are AUT-001, and not told twice. \"Not readable\" is not \"none\". A system that people sign in to through an identity provider asks for no factor of its own: there an account is judged only where it is known that it can be signed in to directly.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some(account) = facts.graph.account(ix) else { return Verdict::NotApplicable };
    let system = facts.graph.node(ix).system;
    let here = facts.signs_in_here(ix);
    if !facts.is_human(ix) || !facts.is_active(ix) || here == Some(false) || facts.is_privileged(ix) {
        return Verdict::NotApplicable;
    }
    match account.mfa {
        FactState::Known => return Verdict::Pass,
        FactState::Unreadable | FactState::Unsupported => {
            return Verdict::NotEvaluated("the system does not say which factors the account has".to_owned());
        }
        FactState::None | FactState::Never => {}
    }
    if here.is_none() && matches!(facts.sign_in(system), SignIn::Through { .. } | SignIn::Federated) {
        let system = facts.graph.system_name(system);
        return Verdict::NotEvaluated(crate::rules::orp::unmanaged::local_login_untold(system));
    }
    Failure::new(format!(
        "The account {} in {} needs no more than a password.",
        facts.graph.name(ix),
        facts.graph.system_name(system),
    ))
    .row(facts.account_row(ix, &[("mfa", account.mfa.to_string())]))
    .verdict()
}
