use muster_connectors::record::{GroupRule, RecordKind};
use muster_reports::view::Severity;

use super::{holder, is_allowed, place};
use crate::controls::{INV, LP};
use crate::graph::{NodeIx, Relation, SystemIx};
use crate::people::fold;
use crate::rules::index::SignIn;
use crate::rules::{Facts, Failure, From, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "K8S-004",
    slug: "binding-to-nobody",
    title: "Default SA bound / binding to nobody",
    severity: Severity::Medium,
    controls: &[LP, INV],
    population: Population::Edges,
    needs: &[Need { from: From::Own, kind: RecordKind::Grant, field: None, absence: false }],
    options: &[],
    manual: Manual {
        finds: "A role bound to the service account `default` of a namespace, and a role bound to a group that the identity provider of the cluster does not have.",
        matters: "Every pod that names no service account runs as `default` and holds what it holds. A group that nobody has waits for whoever makes one of that name.",
        evidence: "The binding's row; of a group, where it was looked for.",
        fix: "Give the workload a service account of its own and bind that; remove bindings of groups that are gone.",
        limits: "Groups are looked for by id and name, letter case aside, in the provider that policy/inventory.toml gives the cluster as `sso`; without one, and where the provider's groups were not all read, they are not evaluated. Reserved groups (`system:`) are the cluster's own. What all service accounts of a namespace hold is not counted as held by `default`.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Edge(edge) = subject else { return Verdict::NotApplicable };
    let graph = facts.graph;
    let system = graph.node(edge.target).system;
    if edge.relation != Relation::Holds || !facts.access.clusters().covers(system) {
        return Verdict::NotApplicable;
    }
    let id = graph.text(graph.node(edge.source).id);
    let is_default = id.strip_prefix("system:serviceaccount:").is_some_and(|name| name.ends_with(":default"));
    let is_external = graph.group(edge.source).is_some_and(|group| group.rule == GroupRule::External);
    let why = if is_default {
        "is held by every pod that names no service account".to_owned()
    } else if is_external && !id.starts_with("system:") {
        match known_by_provider(facts, system, edge.source) {
            Ok(None) => return Verdict::Pass,
            Ok(Some(provider)) => format!("is bound to a group that {provider} does not have"),
            Err(verdict) => return verdict,
        }
    } else {
        return Verdict::Pass;
    };
    if is_allowed(facts, system, edge.source) {
        return Verdict::Pass;
    }
    let what = graph.name(edge.target);
    Failure::new(format!("{what}, held by the {} {}, {why}.", holder(facts, edge.source), place(facts, &edge)))
        .row(facts.edge_row(&edge))
        .verdict()
}

/// The provider that does not know a group of the cluster; `None` when it does; else why that cannot be told.
fn known_by_provider(facts: &Facts<'_>, system: SystemIx, group: NodeIx) -> Result<Option<String>, Verdict> {
    let graph = facts.graph;
    let (name, provider) = match facts.sign_in(system) {
        SignIn::Through { name, provider, .. } => (name, provider),
        // Its groups come from certificates, and nobody has a list of those.
        SignIn::Own => return Err(Verdict::NotApplicable),
        SignIn::Untold | SignIn::Federated => {
            let system = graph.system_name(system);
            return Err(Verdict::NotEvaluated(format!(
                "policy/inventory.toml does not say as `sso` whose groups `{system}` knows"
            )));
        }
    };
    let Some(provider) = *provider else {
        return Err(Verdict::NotEvaluated(format!("the identity provider `{name}` is not collected")));
    };
    let wanted = [Some(graph.text(graph.node(group).id)), graph.node(group).name.map(|name| graph.text(name))];
    let wanted: Vec<String> = wanted.into_iter().flatten().map(fold).collect();
    let is_there = graph.groups().filter(|(ix, _)| graph.node(*ix).system == provider).any(|(ix, there)| {
        let native = graph.text_or_empty(there.native_name);
        [graph.text(graph.node(ix).id), graph.name(ix), native].iter().any(|text| wanted.contains(&fold(text)))
    });
    if is_there {
        return Ok(None);
    }
    if !facts.yields(provider, RecordKind::Group) {
        return Err(Verdict::NotEvaluated(format!("`{name}` yields no groups")));
    }
    match facts.unread(provider, RecordKind::Group) {
        Some(why) => Err(Verdict::NotEvaluated(format!("the group may lie in what was not read: {why}"))),
        None => Ok(Some(name.clone())),
    }
}
