use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_connectors::record::{AccountClass, CredentialKind};
use muster_reports::view::Severity;

use crate::controls::{SHARED_SECRET, UNIQ};
use crate::graph::{NodeIx, When};
use crate::people::{PersonIx, Standing};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "CRD-006",
    slug: "shared-secret-after-leaver",
    title: "Shared secret kept after leaver",
    severity: Severity::High,
    controls: &[UNIQ, SHARED_SECRET],
    population: Population::Accounts,
    needs: &[Need::ALL_EMPLOYMENTS, Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "An account that is no single person's, whose password or key somebody knew who has left since, and that has not been changed since then.",
        matters: "Whoever knew the secret takes it along. It is the one access that no leaver process switches off.",
        evidence: "The account's row with when its password was changed, each secret, and who knew it and left when.",
        fix: "Change the secret now, and tell only those who need it; keep it in a vault that says who saw it.",
        limits: "Those who know a secret are the account's owner and the `users` of its entry in policy/shared.toml. A secret whose last change is not known is not evaluated.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some(account) = facts.graph.account(ix).filter(|_| facts.is_active(ix)) else { return Verdict::NotApplicable };
    let registered = facts.shared(ix).ok().flatten();
    let many = match facts.people.class(ix).class {
        AccountClass::Shared
        | AccountClass::Service
        | AccountClass::Test
        | AccountClass::BreakGlass
        | AccountClass::Agent => true,
        AccountClass::Human | AccountClass::Admin | AccountClass::System | AccountClass::Device => false,
    };
    if !many && registered.is_none() {
        return Verdict::NotApplicable;
    }
    let secrets = secrets(facts, ix);
    let owner = account.owner.map(|owner| facts.graph.text(owner));
    let named = registered.into_iter().flat_map(|entry| entry.users.iter().chain([&entry.owner]).map(String::as_str));
    let system = facts.graph.node(ix).system;
    let stranger = named.clone().find(|name| facts.owner(system, name).is_none());
    let mut left: BTreeMap<PersonIx, Option<Timestamp>> = BTreeMap::new();
    let mut known = false;
    for person in owner.into_iter().chain(named).filter_map(|name| facts.owner(system, name)) {
        known = true;
        if let Standing::Ended { at, .. } = facts.people.standing(person, facts.now) {
            left.insert(person, at);
        }
    }
    // An account that nobody signs in to and that has no key has no secret to know.
    if !(known || stranger.is_some()) || (secrets.is_empty() && account.interactive == Some(false)) {
        return Verdict::NotApplicable;
    }
    let Some((leaver, at)) = left.iter().max_by_key(|(_, at)| **at).map(|(leaver, at)| (*leaver, *at)) else {
        return match stranger {
            Some(_) => Verdict::NotEvaluated("policy/shared.toml names somebody whom nobody knows".to_owned()),
            None => Verdict::Pass,
        };
    };
    let Some(at) = at else {
        return Verdict::NotEvaluated("HR does not say when somebody who knew the secret left".to_owned());
    };
    let old: Vec<&(String, When)> =
        secrets.iter().filter(|(_, changed)| changed.at().is_some_and(|changed| changed < at)).collect();
    let Some((oldest, changed)) = old.first() else {
        let untold = secrets.is_empty() || secrets.iter().any(|(_, changed)| changed.at().is_none());
        return if untold {
            Verdict::NotEvaluated("the system does not say when the secret was last changed".to_owned())
        } else {
            Verdict::Pass
        };
    };
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    let mut row = facts.account_row(ix, &[("owner", owner.unwrap_or_default().to_owned())]);
    for (secret, changed) in &secrets {
        row.facts.insert(format!("{secret} changed"), changed.to_string());
    }
    let mut failure = Failure::new(format!(
        "{} left on {} and knew the {oldest} of {} in {}, which was last changed on {}.",
        facts.people.name(leaver),
        day(at),
        facts.graph.name(ix),
        facts.graph.system_name(system),
        changed.at().map(day).unwrap_or_default(),
    ))
    .row(row);
    for person in left.keys() {
        for row in facts.employment_rows(*person) {
            failure = failure.row(row);
        }
    }
    facts.graded(failure, RULE.severity, ix).verdict()
}

/// What of an account can be known by heart or copied, with its last change.
fn secrets(facts: &Facts<'_>, ix: NodeIx) -> Vec<(String, When)> {
    let working = facts.credentials_of(ix).filter(|(_, credential)| facts.works(credential));
    let mut secrets: Vec<(String, When)> = working
        .filter(|(_, credential)| credential.kind != CredentialKind::OauthConsent)
        .map(|(_, credential)| {
            (format!("{} {}", credential.kind, facts.graph.text(credential.id)), credential.renewed())
        })
        .collect();
    let Some(account) = facts.graph.account(ix) else { return secrets };
    if account.password_changed.at().is_some() && account.interactive != Some(false) {
        secrets.push(("password".to_owned(), account.password_changed));
    }
    secrets
}
