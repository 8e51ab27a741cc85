use jiff::SignedDuration;
use muster_connectors::record::PrivilegeLevel;
use muster_reports::view::{Evidence, Severity};

use crate::controls::JOIN;
use crate::diff::What;
use crate::drift::{Approval, Outcome};
use crate::graph::Edge;
use crate::rules::{Facts, Failure, Manual, Population, Rule, Setting, Subject, Verdict, raised};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DRF-008",
    slug: "granted-is-not-asked",
    title: "Granted is not what was asked",
    severity: Severity::Medium,
    controls: &[JOIN],
    population: Population::Approvals,
    needs: &[],
    options: &[Setting {
        name: "tolerance_hours",
        default: 24,
        about: "hours by which a grant may begin before or end after what was asked (our own default: a day, for dates without a time)",
    }],
    manual: Manual {
        finds: "A decided request beside what its beneficiary really has: access on another resource than was asked, for longer or from earlier, access given to somebody else instead, access given although it was refused.",
        matters: "An approval that does not fit what was given approves nothing; auditors compare the two line by line.",
        evidence: "The request, and the grant or membership that differs from it.",
        fix: "Reduce the grant to what was asked, or have the difference approved.",
        limits: "Requests that name no access are not compared. Access without any end where one was asked is XPR-008. Who got it instead is looked for among what changed since the snapshot compared with.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Approval(place) = subject else { return Verdict::NotApplicable };
    let approval = &facts.events.approvals()[place];
    let is_over = approval.until.is_some_and(|until| until < facts.now);
    if approval.entitlement.is_none() || is_over {
        return Verdict::NotApplicable;
    }
    let edges = facts.approved_edges(approval);
    match approval.outcome {
        Outcome::Open => return Verdict::NotApplicable,
        Outcome::Refused => return refused(facts, approval, &edges),
        Outcome::Approved => {}
    }
    if facts.beneficiaries(approval).is_empty() {
        let name = facts.events.text(approval.beneficiary.written);
        return Verdict::NotEvaluated(format!("no account or person is known as `{name}`"));
    }
    if edges.is_empty() {
        return somebody_else(facts, approval);
    }
    let on_resource = |edge: &&Edge| {
        let system = facts.graph.system_name(facts.graph.node(edge.target).system);
        facts.fits_resource(approval, system, facts.graph.detail(edge).resource)
    };
    let Some(edge) = edges.iter().find(on_resource) else {
        let edge = &edges[0];
        let given = facts.graph.detail(edge).resource.map_or("everything", |resource| facts.graph.name(resource));
        let asked = facts.events.written(approval.resource);
        return differs(facts, approval, edge, &format!("was asked for {asked} and given on {given}"));
    };
    let detail = facts.graph.detail(edge);
    let tolerance = SignedDuration::from_hours(facts.option(&RULE, "tolerance_hours").clamp(0, 1_000_000));
    if let (Some(asked), Some(given)) = (approval.until, detail.until.at())
        && given > asked.checked_add(tolerance).unwrap_or(asked)
    {
        return differs(facts, approval, edge, &format!("was asked until {asked} and given until {given}"));
    }
    if let (Some(asked), Some(given)) = (approval.from, detail.since.at())
        && given < asked.checked_sub(tolerance).unwrap_or(asked)
        && approval.decided_at.is_none_or(|decided| given < decided)
        && facts
            .past
            .of_target(system_of(facts, edge), target_of(facts, edge))
            .any(|change| change.what == What::Added && facts.principal(change) == Some(edge.source))
    {
        return differs(facts, approval, edge, &format!("was asked from {asked} and given from {given}"));
    }
    Verdict::Pass
}

fn system_of<'f>(facts: &'f Facts<'_>, edge: &Edge) -> &'f str {
    facts.graph.system_name(facts.graph.node(edge.target).system)
}

fn target_of<'f>(facts: &'f Facts<'_>, edge: &Edge) -> &'f str {
    facts.graph.text(facts.graph.node(edge.target).id)
}

/// Access that a refused request asked for, given after it was refused, with no other request that was approved.
fn refused(facts: &Facts<'_>, approval: &Approval, edges: &[Edge]) -> Verdict {
    let later = facts.events.approvals_for(facts.events.folded(Some(approval.beneficiary)));
    let is_same = |other: &&Approval| {
        other.is_approved() && facts.events.folded(other.entitlement) == facts.events.folded(approval.entitlement)
    };
    if later.into_iter().any(|other| is_same(&other)) {
        return Verdict::Pass;
    }
    let given_since = |edge: &&Edge| {
        let since = facts.graph.detail(edge).since.at();
        let came = facts.past.of_target(system_of(facts, edge), target_of(facts, edge));
        let came = came.filter(|change| change.what == What::Added && facts.principal(change) == Some(edge.source));
        let at = since.or_else(|| came.map(|change| change.window.until).next());
        approval.decided_at.zip(at).is_some_and(|(decided, at)| at >= decided)
    };
    match edges.iter().find(given_since) {
        Some(edge) => differs(facts, approval, edge, "was refused and given all the same"),
        None => Verdict::Pass,
    }
}

/// Access that the beneficiary does not have and that came to somebody who did not ask for it.
fn somebody_else(facts: &Facts<'_>, approval: &Approval) -> Verdict {
    let Some(asked) = approval.entitlement else { return Verdict::NotApplicable };
    let beneficiaries = facts.beneficiaries(approval);
    for target in facts.nodes_named(asked) {
        let node = facts.graph.node(*target);
        let system = facts.graph.system_name(node.system);
        for change in facts.past.of_target(system, facts.graph.text(node.id)) {
            let Some(principal) = facts.principal(change).filter(|_| change.what == What::Added) else { continue };
            let is_young = approval.decided_at.is_some_and(|decided| change.window.until >= decided);
            let who = facts.who(change);
            let asked_too = who.names.iter().flat_map(|name| facts.events.approvals_for(name)).any(|other| {
                other.is_approved()
                    && facts.events.folded(other.entitlement) == facts.events.folded(approval.entitlement)
            });
            if is_young && !asked_too && !beneficiaries.contains(&principal) {
                return failure(
                    facts,
                    approval,
                    facts.change_row(change),
                    &format!("was given to {} instead, who did not ask for it", facts.graph.name(principal)),
                    facts.gives_privilege(change),
                );
            }
        }
    }
    Verdict::Pass
}

fn differs(facts: &Facts<'_>, approval: &Approval, edge: &Edge, how: &str) -> Verdict {
    let mut row = facts.edge_row(edge);
    let detail = facts.graph.detail(edge);
    row.facts.insert("since".to_owned(), detail.since.to_string());
    row.facts.insert("until".to_owned(), detail.until.to_string());
    let is_privileged =
        facts.access.conveys(facts.graph, edge.target, Some(edge.source)).is_at_least(PrivilegeLevel::Privileged);
    failure(facts, approval, row, how, is_privileged)
}

fn failure(facts: &Facts<'_>, approval: &Approval, row: Evidence, how: &str, is_privileged: bool) -> Verdict {
    let events = facts.events;
    let failure = Failure::new(format!(
        "{} for {} in ticket {} {how}.",
        events.written(approval.entitlement),
        events.text(approval.beneficiary.written),
        events.text(approval.id.written),
    ))
    .row(facts.approval_row(approval))
    .row(row);
    if is_privileged {
        return failure.severity(raised(RULE.severity), "what was given is privileged").verdict();
    }
    failure.verdict()
}
