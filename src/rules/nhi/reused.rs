use std::collections::BTreeSet;

use muster_reports::view::Severity;

use crate::controls::NHI;
use crate::people::fold;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "NHI-004",
    slug: "reused-nhi",
    title: "Reused identity",
    severity: Severity::Medium,
    controls: &[NHI],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "A service account or agent that more than one workload uses, or that works in production and outside of it.",
        matters: "Whoever breaks into the weakest workload, or into the test environment, holds all the others. Its key cannot be renewed for one without the rest (OWASP NHI8, NHI9).",
        evidence: "The account with its workloads and environments, and where each is known from.",
        fix: "Give each workload and each environment an identity of its own.",
        limits: "Workloads are those of policy/nhi.toml; environments those of the register and of the resources on which the account holds something directly. `prod`, `production`, `prd` and `live` are production, every other word is not.",
    },
    judge,
};

/// Whether a word for an environment means production.
pub(in crate::rules) fn is_production(environment: &str) -> bool {
    matches!(fold(environment).as_str(), "prod" | "production" | "prd" | "live")
}

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    if !facts.is_nhi(ix) {
        return Verdict::NotApplicable;
    }
    let entry = facts.registered(ix);
    let workloads: BTreeSet<&str> = entry.iter().flat_map(|entry| &entry.workloads).map(String::as_str).collect();
    let mut environments: BTreeSet<&str> = entry.iter().filter_map(|entry| entry.environment.as_deref()).collect();
    for edge in facts.graph.edges_from(ix) {
        let resource = facts.graph.detail(&edge).resource.and_then(|resource| facts.graph.resource(resource));
        environments.extend(resource.and_then(|resource| resource.environment).map(|text| facts.graph.text(text)));
    }
    let mixed =
        environments.iter().any(|word| is_production(word)) && environments.iter().any(|word| !is_production(word));
    if workloads.len() <= 1 && !mixed {
        if workloads.is_empty() && environments.is_empty() {
            let why = "neither policy/nhi.toml nor what it holds says where the identity works";
            return Verdict::NotEvaluated(why.to_owned());
        }
        return Verdict::Pass;
    }
    let join = |words: &BTreeSet<&str>| words.iter().copied().collect::<Vec<_>>().join(", ");
    let what = if mixed {
        format!("works in production and outside of it ({})", join(&environments))
    } else {
        format!("is used by {} workloads ({})", workloads.len(), join(&workloads))
    };
    Failure::new(format!(
        "The {} account {} in {} {what}.",
        facts.people.class(ix).class,
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.account_row(ix, &[("workloads", join(&workloads)), ("environments", join(&environments))]))
    .verdict()
}
