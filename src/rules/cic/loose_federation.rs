use muster_connectors::record::{Affiliation, PrivilegeLevel, RecordKind};
use muster_reports::view::{Evidence, Severity};

use crate::config::policy::SystemKind;
use crate::controls::{EXT, NHI};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "CIC-002",
    slug: "loose-federation",
    title: "Loose federation or key",
    severity: Severity::High,
    controls: &[NHI, EXT],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "An account that an OpenID Connect issuer may sign in to without a condition on the subject, or with one that any repository meets; and an external account that is privileged in a build system (`kind = \"ci\"` in policy/inventory.toml).",
        matters: "An issuer like GitHub signs tokens for every customer it has. Without a subject in the trust, anybody's pipeline is yours.",
        evidence: "The account, the issuer and the condition.",
        fix: "Ask for the subject (`token.actions.githubusercontent.com:sub` = `repo:ORG/REPO:ref:refs/heads/main`); take write access from outside collaborators.",
        limits: "SAML providers sign for one company and are not judged. Whether a deploy key may write, no record tells.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    if !facts.is_active(ix) {
        return Verdict::NotApplicable;
    }
    let system = facts.graph.node(ix).system;
    if facts.is_kind(system, SystemKind::Ci)
        && let Some(Affiliation::Guest | Affiliation::Contractor | Affiliation::Partner | Affiliation::Vendor) =
            facts.people.affiliation(facts.graph, ix, facts.now).affiliation
    {
        if !facts.privilege(ix).is_at_least(PrivilegeLevel::Privileged) {
            return Verdict::Pass;
        }
        return Failure::new(format!(
            "{} is from outside and may change what {} builds.",
            facts.graph.name(ix),
            facts.graph.system_name(system),
        ))
        .row(facts.account_row(ix, &[]))
        .path(facts.access.proof(ix))
        .verdict();
    }
    let mut judged = false;
    if let Some((provider, statement)) = facts.access.loosely_federated(facts.graph, ix).into_iter().next() {
        let row = [("issuer", provider.clone()), ("statement", statement)];
        return Failure::new(format!(
            "{provider} may sign in to {}, whoever of its customers asks for it.",
            facts.graph.name(ix)
        ))
        .row(facts.account_row(ix, &row))
        .verdict();
    }
    for federation in facts.federations_of(ix) {
        let issuer = facts.graph.text(federation.issuer);
        if !(issuer.contains(":oidc-provider/") || issuer.starts_with("https://")) {
            continue;
        }
        judged = true;
        let condition = facts.graph.text_or_empty(federation.condition);
        let subjects = match federation.subject {
            Some(subject) => vec![facts.graph.text(subject).to_owned()],
            None if condition.is_empty() => Vec::new(),
            None => match subjects(condition) {
                Some(subjects) => subjects,
                None => return Verdict::NotEvaluated("a condition of the trust cannot be read".to_owned()),
            },
        };
        let loose = subjects.iter().find(|subject| is_loose(subject));
        let why = match loose {
            None if subjects.is_empty() => "whatever the subject of the token is".to_owned(),
            None => continue,
            Some(subject) => format!("for every subject that `{subject}` matches"),
        };
        return Failure::new(format!("{issuer} may sign in to {}, {why}.", facts.graph.name(ix)))
            .row(facts.account_row(ix, &[]))
            .row(Evidence {
                system: facts.graph.system_name(system).to_owned(),
                table: RecordKind::Federation.to_string(),
                id: facts.graph.text(federation.id).to_owned(),
                facts: [
                    ("issuer".to_owned(), issuer.to_owned()),
                    ("subjects".to_owned(), subjects.join(", ")),
                    ("condition".to_owned(), condition.to_owned()),
                ]
                .into(),
                collected: None,
            })
            .verdict();
    }
    if judged { Verdict::Pass } else { Verdict::NotApplicable }
}

/// Every subject that a condition names under a `…:sub` key; `None` when it cannot be read.
fn subjects(condition: &str) -> Option<Vec<String>> {
    let condition: serde_json::Value = serde_json::from_str(condition).ok()?;
    let mut subjects = Vec::new();
    for (key, value) in condition.as_object()?.values().filter_map(serde_json::Value::as_object).flatten() {
        if !key.to_ascii_lowercase().ends_with(":sub") {
            continue;
        }
        match value {
            serde_json::Value::String(subject) => subjects.push(subject.clone()),
            serde_json::Value::Array(values) => {
                subjects.extend(values.iter().filter_map(|value| Some(value.as_str()?.to_owned())));
            }
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::Object(_) => {}
        }
    }
    Some(subjects)
}

/// Whether a subject's pattern lets in more than one owner: a wildcard before the first name ends.
fn is_loose(subject: &str) -> bool {
    let owner = subject.split_once(':').map_or(subject, |(_, rest)| rest);
    owner.split('/').next().is_some_and(|owner| owner.contains(['*', '?'])) || subject.starts_with('*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_loose_when_another_owner_meets_it() {
        for loose in ["*", "repo:*", "repo:*/app:*", "repo:ac?e/app:ref:refs/heads/main"] {
            assert!(is_loose(loose), "{loose}");
        }
        for tight in ["repo:acme/app:*", "repo:acme/*", "project_path:acme/app:ref_type:branch:ref:main", "aud"] {
            assert!(!is_loose(tight), "{tight}");
        }
    }
}
