//! Which services a role trusts.

use super::ask::{Asker, certainty};
use super::{Certainty, Technique};
use crate::aws::answer::Answer;
use crate::aws::document::PrincipalPattern;
use crate::aws::estate::PrincipalIx;
use crate::aws::literal;
use crate::aws::request::{Mode, Principal, Request};

/// How surely a role can be assumed by one of the services of a technique, and what says so; `None`: by none of them. Of a technique that
/// needs none, certainly.
pub(super) fn trusted(asker: &Asker, role: PrincipalIx, technique: &Technique) -> Option<(Certainty, Option<Answer>)> {
    if technique.when.trusts.is_empty() {
        return Some((Certainty::Certain, None));
    }
    let mut best: Option<(Certainty, Option<Answer>)> = None;
    for service in &technique.when.trusts {
        best = super::better(best, trusts(asker, role, service));
    }
    best
}

fn trusts(asker: &Asker, role: PrincipalIx, service: &str) -> Option<(Certainty, Option<Answer>)> {
    let Some(trust) = asker.trust(role) else {
        // A role has a trust policy: this one was not read.
        return Some((Certainty::NotEvaluated, None));
    };
    let wanted = plain(service);
    let mut names: Vec<Principal> = Vec::new();
    for principals in trust.document.statements.iter().filter_map(|statement| statement.principals.as_ref()) {
        for pattern in &principals.of {
            let name = match pattern {
                PrincipalPattern::Service(name) if plain(name) == wanted => {
                    Principal::Service { name: name.to_string() }
                }
                PrincipalPattern::Federated(name) if plain(name) == wanted => {
                    Principal::Federated { provider: name.to_string() }
                }
                PrincipalPattern::Everyone => Principal::Service { name: service.to_owned() },
                PrincipalPattern::Service(_)
                | PrincipalPattern::Federated(_)
                | PrincipalPattern::Account(_)
                | PrincipalPattern::Arn(_)
                | PrincipalPattern::Deleted(_)
                | PrincipalPattern::CanonicalUser(_) => continue,
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    if names.is_empty() && trust.document.is_blind() {
        return Some((Certainty::NotEvaluated, None));
    }
    let mut best = None;
    for principal in names {
        let answer = assume(asker, role, principal);
        best = super::better(best, certainty(&answer).map(|certainty| (certainty, Some(answer))));
    }
    best
}

/// The answer when a service, or somebody of an identity provider, assumes a role for something of the role's own account.
fn assume(asker: &Asker, role: PrincipalIx, principal: Principal) -> Answer {
    let entry = asker.principal(role);
    let account = asker.estate.accounts[entry.account as usize].number.to_string();
    let action = if matches!(principal, Principal::Federated { .. }) {
        "sts:AssumeRoleWithWebIdentity"
    } else {
        "sts:AssumeRole"
    };
    let mut request = Request {
        principal,
        action: action.to_owned(),
        resource: entry.arn.to_string(),
        resource_account: Some(account.clone()),
        context: std::collections::BTreeMap::new(),
        mode: Mode::Open,
    };
    request.context.insert("aws:sourceaccount".to_owned(), vec![account]);
    if let Some(organization) = &asker.estate.organization
        && asker.estate.accounts[entry.account as usize].in_organization
    {
        request.context.insert("aws:sourceorgid".to_owned(), vec![organization.to_string()]);
    }
    let layers = asker.estate.layers_by(&asker.index, &request, asker.reference);
    literal::evaluate(&request, &layers)
}

/// A service's name without its region and without what differs between partitions: `states.us-east-1.amazonaws.com` is `states`.
fn plain(service: &str) -> String {
    let name = service.to_ascii_lowercase();
    let name = name.strip_suffix(".cn").unwrap_or(&name);
    let name = name.strip_suffix(".amazonaws.com").unwrap_or(name);
    match name.rsplit_once('.') {
        Some((service, region)) if region.ends_with(|last: char| last.is_ascii_digit()) && region.contains('-') => {
            service.to_owned()
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn region_and_partition_do_not_make_another_service() {
        assert_eq!(plain("states.us-east-1.amazonaws.com"), "states");
        assert_eq!(plain("ec2.amazonaws.com.cn"), "ec2");
        assert_eq!(plain("tasks.apprunner.amazonaws.com"), "tasks.apprunner");
        assert_eq!(plain("ecs-tasks.amazonaws.com"), "ecs-tasks");
    }
}
