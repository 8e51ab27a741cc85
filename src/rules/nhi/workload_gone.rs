use muster_connectors::record::RecordKind;
use muster_reports::view::Severity;

use crate::controls::{DORM, NHI};
use crate::graph::NodeKind;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "NHI-006",
    slug: "workload-gone",
    title: "Workload gone",
    severity: Severity::Medium,
    controls: &[NHI, DORM],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "An active service account or agent none of whose workloads in policy/nhi.toml (`system:resource`) exists any more.",
        matters: "Nothing needs it, nothing watches it, and its keys still open what the workload was given.",
        evidence: "The account, and the workloads that the register names and their systems do not have.",
        fix: "Disable the account, then delete it and its keys; correct the register if the workload only moved.",
        limits: "A workload is looked for among the resources of the system that the register names, by id. It counts as gone only where all of that system's resources were read.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    if !facts.is_nhi(ix) {
        return Verdict::NotApplicable;
    }
    if facts.policy.nhi.is_none() {
        return Verdict::NotEvaluated("no policy/nhi.toml says which workload uses which identity".to_owned());
    }
    let named = facts.registered(ix).map(|entry| entry.workloads.as_slice()).unwrap_or_default();
    let placed: Vec<(&str, &str)> = named.iter().filter_map(|workload| workload.split_once(':')).collect();
    if placed.is_empty() {
        return Verdict::NotApplicable;
    }
    for (name, id) in &placed {
        let system = facts.graph.system(name);
        let yields = facts.graph.coverage().of_system(name).any(|row| row.kind == RecordKind::Resource);
        let Some(system) = system.filter(|_| yields) else {
            return Verdict::NotEvaluated(format!("`{name}`, where its workload should be, yields no resources"));
        };
        if facts.graph.find(system, NodeKind::Resource, id).is_some() {
            return Verdict::Pass;
        }
        if let Some(why) = facts.unread(system, RecordKind::Resource) {
            return Verdict::NotEvaluated(why.to_owned());
        }
    }
    Failure::new(format!(
        "The {} account {} in {} is active, and no workload of it is left: {}.",
        facts.people.class(ix).class,
        facts.graph.name(ix),
        facts.graph.system_name(facts.graph.node(ix).system),
        named.join(", "),
    ))
    .row(facts.account_row(ix, &[("workloads", named.join(", "))]))
    .verdict()
}
