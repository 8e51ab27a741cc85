use muster_connectors::record::{CredentialKind, RecordKind};
use muster_reports::view::Severity;

use crate::controls::{MFA, SSO};
use crate::rules::index::SignIn;
use crate::rules::orp::unmanaged::{local_login_untold, untold};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "AUT-003",
    slug: "local-login-around-sso",
    title: "Local login around SSO",
    severity: Severity::Medium,
    controls: &[MFA, SSO],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "An active human account that its identity provider lets somebody in to, and that can be signed in to with a password, access key or SSH key of its own all the same.",
        matters: "The side door has no second factor and no leaver process. Attackers try it first.",
        evidence: "The account's row, the identity provider, and each key that works.",
        fix: "Take the local password away, or let the system refuse passwords; replace keys by what the identity provider gives for an hour.",
        limits: "Accounts that the provider knows nothing of are ORP-004. Tokens and consents are given after a sign-in through the provider and not counted. What the inventory says of a whole system (`local_login`) convicts no single account: without the account's own word it is not evaluated.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some(account) = facts.graph.account(ix) else { return Verdict::NotApplicable };
    if !facts.is_human(ix) || !facts.is_active(ix) || facts.break_glass(ix).is_ok_and(|entry| entry.is_some()) {
        return Verdict::NotApplicable;
    }
    let node = facts.graph.node(ix);
    let name = facts.graph.system_name(node.system);
    let provider = match facts.sign_in(node.system) {
        SignIn::Own => return Verdict::NotApplicable,
        SignIn::Untold => return Verdict::NotEvaluated(untold(name)),
        SignIn::Federated => "an identity provider",
        SignIn::Through { name, .. } => name,
    };
    match facts.is_assigned(ix) {
        Ok(true) => {}
        Ok(false) => return Verdict::NotApplicable,
        Err(why) => return Verdict::NotEvaluated(why),
    }
    let keys: Vec<_> = facts
        .credentials_of(ix)
        .filter(|(_, key)| {
            matches!(key.kind, CredentialKind::Password | CredentialKind::AccessKey | CredentialKind::SshKey)
        })
        .filter(|(_, key)| facts.works(key))
        .collect();
    let by = match (account.interactive, keys.first()) {
        (Some(true), _) => "a password of its own".to_owned(),
        (_, Some((_, key))) => format!("a {} of its own", key.kind),
        (Some(false), None) => {
            return match facts.unread_here(node.scope, RecordKind::Credential) {
                Some(why) => Verdict::NotEvaluated(format!("a key may lie in what was not read: {why}")),
                None => Verdict::Pass,
            };
        }
        (None, None) if facts.signs_in_here(ix) == Some(false) => return Verdict::Pass,
        (None, None) if facts.signs_in_here(ix) == Some(true) => {
            return Verdict::NotEvaluated(format!(
                "`{name}` does not say which of its accounts have a password of their own"
            ));
        }
        (None, None) => return Verdict::NotEvaluated(local_login_untold(name)),
    };
    let mut failure = Failure::new(format!(
        "People sign in to {name} through {provider}, and the account {} can also be signed in to with {by}.",
        facts.graph.name(ix),
    ))
    .row(facts.account_row(ix, &[("identity_provider", provider.to_owned())]));
    for (key, _) in keys {
        failure = failure.row(facts.credential_row(key));
    }
    facts.graded(failure, RULE.severity, ix).verdict()
}
