use muster_connectors::record::PrivilegeLevel;
use muster_reports::view::Severity;

use crate::access::Privilege;
use crate::config::policy::SystemKind;
use crate::controls::{LP, NHI};
use crate::graph::NodeIx;
use crate::people::fold;
use crate::rules::nhi::reused::is_production;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "CIC-001",
    slug: "pipeline-admin",
    title: "Pipeline holds production admin",
    severity: Severity::High,
    controls: &[NHI, LP],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "An identity of a build or delivery pipeline that is privileged: a role that a CI service may sign in to, a service account of a system that policy/inventory.toml marks `kind = \"ci\"`, or one whose workload in policy/nhi.toml lies in such a system.",
        matters: "Whoever can change a pipeline's file can run as it. A pull request then is a way to production.",
        evidence: "The account, what makes it a pipeline's, and the path to its privilege.",
        fix: "Give each pipeline a role for what it deploys, with the resources named; keep administration out of it.",
        limits: "Counts as production unless policy/nhi.toml gives it another environment. CI services are told by their OIDC issuers (GitHub, GitLab, CircleCI, Buildkite, Bitbucket, Azure DevOps, HCP Terraform).",
    },
    judge,
};

/// OIDC issuers of CI services, as their documentation on workload identity names them.
const ISSUERS: [&str; 7] = [
    "token.actions.githubusercontent.com",
    "gitlab.com",
    "oidc.circleci.com",
    "agent.buildkite.com",
    "api.bitbucket.org",
    "vstoken.dev.azure.com",
    "app.terraform.io",
];

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some(because) = pipeline(facts, ix).filter(|_| facts.is_active(ix)) else { return Verdict::NotApplicable };
    let environment = facts.registered(ix).and_then(|entry| entry.environment.as_deref());
    if environment.is_some_and(|environment| !is_production(environment)) {
        return Verdict::Pass;
    }
    match facts.privilege(ix) {
        Privilege::Certain(PrivilegeLevel::Baseline | PrivilegeLevel::Limited) => return Verdict::Pass,
        Privilege::Undecided { at_least, why, .. } if at_least < PrivilegeLevel::Privileged => {
            return Verdict::NotEvaluated(why);
        }
        Privilege::Certain(_) | Privilege::Undecided { .. } => {}
    }
    let path = facts.access.proof(ix);
    let end = path.last().map_or_else(String::new, |step| format!(" ({})", facts.graph.name(step.target)));
    Failure::new(format!(
        "The pipeline identity {} is privileged in {}{end}: {because}.",
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
    ))
    .row(facts.account_row(ix, &[("pipeline_because", because)]))
    .path(path)
    .verdict()
}

/// Why an account is a pipeline's.
fn pipeline(facts: &Facts<'_>, ix: NodeIx) -> Option<String> {
    let mut issuers = facts.federations_of(ix).map(|federation| facts.graph.text(federation.issuer));
    if let Some(issuer) = issuers.find(|issuer| {
        let issuer = fold(issuer);
        ISSUERS.iter().any(|known| issuer.split('/').any(|part| part == *known))
    }) {
        return Some(format!("{issuer} may sign in to it"));
    }
    let is_ci = |name: &str| facts.graph.system(name).is_some_and(|system| facts.is_kind(system, SystemKind::Ci));
    if facts.is_nhi(ix) && facts.is_kind(facts.graph.node(ix).system, SystemKind::Ci) {
        return Some("it is a service account of a build system".to_owned());
    }
    let entry = facts.registered(ix)?;
    let workload =
        entry.workloads.iter().find(|workload| workload.split_once(':').is_some_and(|(name, _)| is_ci(name)))?;
    Some(format!("{workload} uses it"))
}
