use muster_reports::view::Severity;

use super::is_allowed;
use crate::access::kubernetes::RoleRule;
use crate::controls::LP;
use crate::graph::NodeKind;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "K8S-002",
    slug: "wildcard-role",
    title: "Wildcard role",
    severity: Severity::High,
    controls: &[LP],
    population: Population::Objects,
    needs: &[],
    options: &[],
    manual: Manual {
        finds: "A Role or ClusterRole with `*` for its verbs or for its resources that is not on the list `allow` of the cluster in policy/privilege.toml.",
        matters: "A wildcard also allows what does not exist yet: new resources, new verbs, and those verbs that let their holder take more (escalate, bind, impersonate).",
        evidence: "The role, and each rule with a wildcard.",
        fix: "Name the verbs and resources that the work needs; `kubectl auth can-i --list` as the holder shows what that is.",
        limits: "Rules about paths that are no resources are not judged, nor roles that the API server makes itself: those with its label and a reserved name. A wildcard for one kind of subresource (`*/scale`) is none.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Object(ix) = subject else { return Verdict::NotApplicable };
    let node = facts.graph.node(ix);
    if node.kind != NodeKind::Entitlement || !facts.access.clusters().covers(node.system) {
        return Verdict::NotApplicable;
    }
    let role = match facts.access.clusters().role(ix) {
        Ok(role) => role,
        Err(why) => return Verdict::NotEvaluated(why.to_owned()),
    };
    let rules: Vec<String> = role.wildcards().map(RoleRule::describe).collect();
    if rules.is_empty() || role.is_provided() || is_allowed(facts, node.system, ix) {
        return Verdict::Pass;
    }
    let kind = if role.is_cluster { "ClusterRole" } else { "Role" };
    Failure::new(format!(
        "The {kind} {} of {} allows by a wildcard: {}.",
        facts.graph.name(ix),
        facts.graph.system_name(node.system),
        rules.join("; "),
    ))
    .row(facts.object_row(ix, "entitlements", &[("rules", rules.join("; "))]))
    .verdict()
}
