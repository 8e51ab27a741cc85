use muster_connectors::record::Affiliation;
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
        limits: "Which system is behind which provider is told by `sso` in policy/inventory.toml, else by federation records of most of its human accounts. The provider lets somebody in who has an active account there and is assigned the application that is the system: the one that `[[application]]` of the inventory names, else the only one of its name; or holds one of the groups of `sso_access`. At a provider that has no applications an active account is enough. Which application it is and is not plain is not evaluated. Accounts of services and for emergencies, and of guests whom the provider does not know, are local on purpose and not judged; a leaver's account is LCM-001.",
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
    // A guest signs in with an identity of its own, on purpose; one whom the provider knows could come in through it.
    let is_guest = facts.graph.account(ix).is_some_and(|account| account.affiliation == Some(Affiliation::Guest));
    if is_guest && facts.known_at_provider(ix).is_empty() {
        return Verdict::NotApplicable;
    }
    match (facts.is_assigned(ix), facts.signs_in_here(ix)) {
        (Ok(true), _) | (_, Some(false)) => return Verdict::Pass,
        (Err(why), _) => return Verdict::NotEvaluated(why),
        (Ok(false), None) => return Verdict::NotEvaluated(local_login_untold(name)),
        (Ok(false), Some(true)) => {}
    }
    let theirs = facts.known_at_provider(ix);
    let knows = match theirs.as_slice() {
        [] => format!("which knows nothing of the account {}", facts.graph.name(ix)),
        known if known.iter().any(|other| facts.is_active(*other)) => {
            format!("which does not let the holder of the account {} in to it", facts.graph.name(ix))
        }
        _ => format!("where the holder of the account {} is switched off", facts.graph.name(ix)),
    };
    let mut failure =
        Failure::new(format!("People sign in to {name} through {provider}, {knows}; it can be signed in to past it."))
            .row(
                facts.account_row(ix, &[("identity_provider", provider.to_owned()), ("linked", facts.link_reason(ix))]),
            );
    for other in theirs {
        failure = failure.row(facts.account_row(other, &[]));
    }
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
