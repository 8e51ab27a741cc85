use muster_reports::view::Severity;

use crate::controls::{INV, MFA, SSO};
use crate::people::Standing;
use crate::rules::index::SignIn;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "ORP-004",
    slug: "unmanaged-account",
    title: "Unmanaged account",
    severity: Severity::High,
    controls: &[INV, MFA, SSO],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "An active human account in a system that people sign in to through an identity provider, which that provider lets nobody in to, and that can be signed in to with a password or key of its own.",
        matters: "The leaver process ends access at the identity provider. This account is past it: no second factor, no sign-out, no end.",
        evidence: "The account's row with how it is signed in to, and the identity provider.",
        fix: "Assign the account's holder the application and take the local password away, or remove the account.",
        limits: "Which system is behind which provider is told by `sso` in policy/inventory.toml, else by federation records of most of its human accounts. The provider lets somebody in who has an active account there and, where the inventory names `sso_access`, holds one of those groups. Accounts of services and for emergencies are local on purpose and not judged; a leaver's account is LCM-001.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    if !facts.is_human(ix) || !facts.is_active(ix) || facts.break_glass(ix).is_ok_and(|entry| entry.is_some()) {
        return Verdict::NotApplicable;
    }
    // A leaver's account is to go, not to be assigned: LCM-001 has it.
    if matches!(facts.holder(ix), Some((_, Standing::Ended { .. }))) {
        return Verdict::NotApplicable;
    }
    let system = facts.graph.node(ix).system;
    let name = facts.graph.system_name(system);
    let provider = match facts.sign_in(system) {
        SignIn::Own => return Verdict::NotApplicable,
        SignIn::Untold => return Verdict::NotEvaluated(untold(name)),
        SignIn::Federated => "an identity provider",
        SignIn::Through { name, .. } => name,
    };
    match (facts.is_assigned(ix), facts.signs_in_here(ix)) {
        (Ok(true), _) | (_, Some(false)) => return Verdict::Pass,
        (Err(why), _) => return Verdict::NotEvaluated(why),
        (Ok(false), None) => return Verdict::NotEvaluated(local_login_untold(name)),
        (Ok(false), Some(true)) => {}
    }
    let failure = Failure::new(format!(
        "People sign in to {name} through {provider}, which knows nothing of the account {}; it can be signed in to past it.",
        facts.graph.name(ix),
    ))
    .row(facts.account_row(ix, &[("identity_provider", provider.to_owned()), ("linked", facts.link_reason(ix))]));
    facts.graded(failure, RULE.severity, ix).verdict()
}

/// Why nothing is said of a system of which nobody says how people sign in to it.
pub(in crate::rules) fn untold(system: &str) -> String {
    format!("policy/inventory.toml does not say through which identity provider people sign in to `{system}` (`sso`)")
}

/// Why nothing is said of an account of which nobody says whether it has a password of its own.
pub(in crate::rules) fn local_login_untold(system: &str) -> String {
    format!(
        "neither `{system}` nor `local_login` in policy/inventory.toml says whether it can be signed in to directly"
    )
}
