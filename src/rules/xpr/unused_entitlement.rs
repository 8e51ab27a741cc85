use muster_connectors::record::{FactState, PrivilegeLevel};
use muster_reports::view::Severity;

use crate::controls::LP;
use crate::graph::{NodeKind, Relation};
use crate::rules::{Facts, Failure, From, Manual, Need, Population, Rule, Setting, Subject, Verdict, raised};
use muster_connectors::record::RecordKind;

pub(in crate::rules) static RULE: Rule = Rule {
    id: "XPR-001",
    slug: "unused-entitlement",
    title: "Unused entitlement",
    severity: Severity::Medium,
    controls: &[LP],
    population: Population::Edges,
    needs: &[Need { from: From::Own, kind: RecordKind::Grant, field: Some("last_used"), absence: false }],
    options: &[Setting {
        name: "days",
        default: 90,
        about: "days without use (90: the tracking period that AWS IAM Access Analyzer suggests, and a quarter's access review)",
    }],
    manual: Manual {
        finds: "A grant that its holder has not used for a long time, or never since it was given, where the system says when grants are used.",
        matters: "What nobody uses nobody misses when it is taken away, and an intruder can use it all the same.",
        evidence: "The grant with its last use and since when it is held.",
        fix: "Revoke the grant. Who needs it again asks for it.",
        limits: "Only systems that record the last use of a grant can be judged; on AWS a grant counts as used when its holder used any service that its policy allows (`last_accessed = true`). Grants of disabled accounts are not judged. A grant to a group counts as used when any member used it, as the system says.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Edge(edge) = subject else { return Verdict::NotApplicable };
    let holder = facts.graph.node(edge.source).kind;
    let is_grant = edge.relation == Relation::Holds && facts.graph.node(edge.target).kind == NodeKind::Entitlement;
    if !is_grant || holder == NodeKind::Unresolved || (holder == NodeKind::Account && !facts.is_active(edge.source)) {
        return Verdict::NotApplicable;
    }
    let used = facts.last_use(&edge);
    let (since, how) = match used.state() {
        FactState::Known => (used, "has not used"),
        FactState::Never | FactState::None => {
            let since = facts.graph.detail(&edge).since;
            let created = facts.graph.account(edge.source).map(|account| account.created);
            (if since.at().is_some() { since } else { created.unwrap_or(since) }, "never used")
        }
        FactState::Unreadable | FactState::Unsupported => {
            return Verdict::NotEvaluated("the system does not say when a grant was last used".to_owned());
        }
    };
    let Some(days) = since.days_before(facts.now) else {
        return Verdict::NotEvaluated("never used, and the system does not say since when it is held".to_owned());
    };
    if i64::from(days) < facts.option(&RULE, "days") {
        return Verdict::Pass;
    }
    let mut row = facts.edge_row(&edge);
    row.facts.insert("last_used".to_owned(), used.to_string());
    row.facts.insert("since".to_owned(), facts.graph.detail(&edge).since.to_string());
    let failure = Failure::new(format!(
        "{} {how} {} in {} for {days} days.",
        facts.graph.name(edge.source),
        facts.graph.name(edge.target),
        facts.graph.system_name(facts.graph.node(edge.target).system),
    ))
    .row(row);
    let level = facts.graph.entitlement(edge.target).and_then(|entitlement| entitlement.privilege);
    if level >= Some(PrivilegeLevel::Privileged) {
        return failure.severity(raised(RULE.severity), "what was granted is privileged").verdict();
    }
    failure.verdict()
}
