use std::collections::BTreeMap;

use muster_connectors::record::{GroupRule, RecordKind};
use muster_reports::view::{Evidence, Severity};

use crate::controls::CHG;
use crate::drift::declared::Kind;
use crate::drift::{AuditEvent, Changed};
use crate::rules::{Facts, Failure, Manual, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DRF-009",
    slug: "manual-override",
    title: "Manual override",
    severity: Severity::Medium,
    controls: &[CHG],
    population: Population::Changes,
    needs: &[],
    options: &[],
    manual: Manual {
        finds: "A change that a human made by hand, by the audit log, to what a pipeline manages: declared state, an access that the identity provider assigns, a synchronised group.",
        matters: "The pipeline will undo it, or never know; whoever approved the pipeline did not approve this.",
        evidence: "The row with when it changed, and the audit-log entry with its actor.",
        fix: "Bring the change into the pipeline or take it back; exempt it where hands are meant to help. Nothing is reverted by itself.",
        limits: "Needs the audit log, and policy/declared.toml, policy/assignments.toml or a system that says which groups are synchronised. An actor that is no account of a collected system is told by name and counts as a human unless it is one of a machine.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let kinds = [RecordKind::Account, RecordKind::Group, RecordKind::Grant, RecordKind::Membership];
    let change = match facts.change(subject, &kinds) {
        Ok(change) => change,
        // Without a change nobody knows whether it is managed: only where something is can it be missed.
        Err(Verdict::NotEvaluated(why)) if manages_anything(facts) => return Verdict::NotEvaluated(why),
        Err(_) => return Verdict::NotApplicable,
    };
    if change.noise.is_some() {
        return Verdict::NotApplicable;
    }
    let Some(by) = managed_by(facts, change) else { return Verdict::NotApplicable };
    let who = facts.who(change);
    let entries = facts.log_entries(change, &who);
    let Some(entry) = entries.iter().find(|entry| is_human(facts, entry)) else {
        if entries.iter().any(|entry| entry.actor.is_some()) {
            return Verdict::Pass;
        }
        return Verdict::NotEvaluated(format!("no audit-log entry of `{}` says who made the change", change.system));
    };
    let actor = facts.events.written(entry.actor);
    Failure::new(format!(
        "{actor} changed the {} {} in {} by hand, which {by} manages.",
        change.noun(),
        facts.change_name(change),
        change.system
    ))
    .row(facts.change_row(change))
    .row(event_row(facts, entry))
    .verdict()
}

fn manages_anything(facts: &Facts<'_>) -> bool {
    !facts.policy.declared.is_empty() || !facts.policy.assignments.is_empty()
}

/// What manages the object of a change.
fn managed_by(facts: &Facts<'_>, change: &Changed) -> Option<String> {
    let principal = facts.principal(change);
    if let Some(source) = principal.and_then(|node| facts.declared().source_of(node)) {
        let source = &facts.policy.declared[source];
        let manages = match change.kind {
            RecordKind::Membership => source.manages.contains(&Kind::Memberships),
            RecordKind::Grant => [Kind::Attachments, Kind::Bindings].iter().any(|kind| source.manages.contains(kind)),
            _ => true,
        };
        if manages {
            return Some(format!("`{}`", source.file));
        }
    }
    let target = facts.target(change)?;
    let names = facts.names_of(target);
    let is_assigned = facts
        .policy
        .assignments
        .iter()
        .any(|one| one.app == change.system && names.contains(&crate::people::fold(&one.access)));
    if is_assigned {
        return Some("the identity provider".to_owned());
    }
    let synchronised = facts.graph.group(target).is_some_and(|group| group.rule == GroupRule::Synchronised);
    synchronised.then(|| "synchronisation".to_owned())
}

fn is_human(facts: &Facts<'_>, entry: &AuditEvent) -> bool {
    let Some(actor) = entry.actor else { return false };
    let accounts = facts.nodes_named(actor).iter().filter(|node| facts.graph.account(**node).is_some());
    let mut accounts = accounts.peekable();
    if accounts.peek().is_none() {
        return !is_machine_by_name(facts.events.folded(Some(actor)));
    }
    accounts.any(|account| facts.people.is_human(*account))
}

/// Names that machines bear in audit logs: a role's session, a service principal.
fn is_machine_by_name(actor: &str) -> bool {
    actor.contains(":assumed-role/") || actor.ends_with(".amazonaws.com") || actor.starts_with("svc-")
}

fn event_row(facts: &Facts<'_>, entry: &AuditEvent) -> Evidence {
    let events = facts.events;
    Evidence {
        system: events.text(entry.system).to_owned(),
        table: "audit_events".to_owned(),
        id: events.text(entry.id).to_owned(),
        facts: BTreeMap::from([
            ("at".to_owned(), entry.at.to_string()),
            ("actor".to_owned(), events.written(entry.actor).to_owned()),
            ("action".to_owned(), events.text(entry.action).to_owned()),
            ("object".to_owned(), events.written(entry.object).to_owned()),
        ]),
        collected: None,
    }
}
