use std::collections::BTreeMap;

use muster_reports::view::{Evidence, Severity};

use crate::controls::{REV, SOD};
use crate::drift::Approval;
use crate::people::{PersonIx, fold};
use crate::rules::{Facts, Failure, Manual, Population, Rule, Subject, Verdict};

/// Managers above managers are followed so far: deeper hierarchies are circles.
const LEVELS: usize = 20;

pub(in crate::rules) static RULE: Rule = Rule {
    id: "SOD-005",
    slug: "approved-own-access",
    title: "Approved or reviewed own access",
    severity: Severity::High,
    controls: &[SOD, REV],
    population: Population::Decisions,
    needs: &[],
    options: &[],
    manual: Manual {
        finds: "An approved request whose approver is the beneficiary, or reports to the beneficiary, directly or further down; a row of an access review that its own holder, or somebody who reports to them, decided to keep.",
        matters: "Whoever approves their own access, or their superior's, approves nothing: the control is there on paper only.",
        evidence: "The request or the row, and the employments that make one the other's superior.",
        fix: "Have somebody independent approve it again, or revoke; let the workflow choose the approver.",
        limits: "Approver and beneficiary are known by an id, address or account; where one is not, or HR was not read completely, the request is left open. A row of a review is known by the account that it names.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let place = match subject {
        Subject::Approval(place) => place,
        Subject::Review(place) => return review(facts, place),
        _ => return Verdict::NotApplicable,
    };
    let approval = &facts.events.approvals()[place];
    if !approval.is_approved() {
        return Verdict::NotApplicable;
    }
    let events = facts.events;
    let Some(decider) = approval.decided_by else {
        return Verdict::NotEvaluated("the request does not say who decided it".to_owned());
    };
    let own = |how: &str| {
        Failure::new(format!(
            "{} approved {} for {how} in ticket {}.",
            events.text(decider.written),
            events.written(approval.entitlement.or(approval.resource)),
            events.text(approval.id.written)
        ))
        .row(facts.approval_row(approval))
    };
    if events.folded(Some(decider)) == events.folded(Some(approval.beneficiary)) {
        return own("themselves").verdict();
    }
    let (deciders, beneficiaries) = (facts.persons_named(decider), facts.persons_named(approval.beneficiary));
    let (decider, beneficiary) = match (deciders.as_slice(), beneficiaries.as_slice()) {
        ([decider], [beneficiary]) => (*decider, *beneficiary),
        // An account of nobody has no superior.
        ([_], []) if !facts.nodes_named(approval.beneficiary).is_empty() => return Verdict::Pass,
        ([_], _) => return unknown(events.text(approval.beneficiary.written)),
        (_, _) => return unknown(events.text(decider.written)),
    };
    independent(facts, decider, beneficiary, own)
}

/// A row of a review that was kept.
fn review(facts: &Facts<'_>, place: usize) -> Verdict {
    let Some((reviews, item)) = facts.review_item(place) else { return Verdict::NotApplicable };
    if !item.decision.is_some_and(|decided| decided.keeps) {
        return Verdict::NotApplicable;
    }
    let Some(system) = facts.graph.system(&item.system) else {
        return Verdict::NotEvaluated(format!("`{}` was not collected", item.system));
    };
    let own = |how: &str| {
        let campaign = &reviews.campaign_of(item).id;
        Failure::new(format!("{} kept {} for {how} in {campaign}.", item.reviewer, item.access))
            .row(facts.review_row(item))
    };
    if fold(&item.reviewer) == fold(&item.principal) {
        return own("themselves").verdict();
    }
    let principals = facts.reviewed_principals(system, item);
    let holder = principals.iter().find_map(|node| facts.people.link(*node)).map(|link| link.person);
    let reviewers = facts.people.find(&fold(&item.reviewer));
    match (reviewers.as_slice(), holder) {
        ([reviewer], Some(holder)) => independent(facts, *reviewer, holder, own),
        // A group, or an account of nobody, has no superior.
        ([_], None) if !principals.is_empty() => Verdict::Pass,
        ([_], None) => unknown(&item.principal),
        (_, _) => unknown(&item.reviewer),
    }
}

/// Whether whoever decided is somebody else, and nobody who reports to them.
fn independent(facts: &Facts<'_>, decider: PersonIx, beneficiary: PersonIx, own: impl Fn(&str) -> Failure) -> Verdict {
    if decider == beneficiary {
        return own("themselves").verdict();
    }
    let chain = superiors(facts, decider);
    if let Some(place) = chain.iter().position(|superior| *superior == beneficiary) {
        let mut failure = own(&format!("{}, to whom they report", facts.people.name(beneficiary)));
        for person in std::iter::once(decider).chain(chain.into_iter().take(place)) {
            for mut row in facts.employment_rows(person) {
                row.facts.insert("person".to_owned(), facts.people.name(person).to_owned());
                failure = failure.row(row);
            }
        }
        return failure.verdict();
    }
    match facts.unread_anywhere(muster_connectors::record::RecordKind::Employment) {
        Some(why) => Verdict::NotEvaluated(why.to_owned()),
        None => Verdict::Pass,
    }
}

fn unknown(name: &str) -> Verdict {
    Verdict::NotEvaluated(format!("no one person is known as `{name}`"))
}

/// The managers above a person, nearest first.
fn superiors(facts: &Facts<'_>, person: PersonIx) -> Vec<PersonIx> {
    let manager = |person: PersonIx| {
        let employments = facts.people.person(person).employments.iter();
        let names = employments.rev().filter_map(|employment| employment.manager);
        names.flat_map(|name| facts.people.find(&fold(facts.people.text(name)))).next()
    };
    let mut chain = Vec::new();
    let mut at = person;
    while let Some(next) = manager(at).filter(|next| *next != person && !chain.contains(next) && chain.len() < LEVELS) {
        chain.push(next);
        at = next;
    }
    chain
}

impl Facts<'_> {
    /// The row of a request.
    pub(in crate::rules) fn approval_row(&self, approval: &Approval) -> Evidence {
        let events = self.events;
        let (system, scope) = (events.text(approval.system), events.text(approval.scope));
        let mut facts = BTreeMap::from([
            ("beneficiary".to_owned(), events.text(approval.beneficiary.written).to_owned()),
            ("outcome".to_owned(), approval.outcome.as_str().to_owned()),
        ]);
        let names = [
            ("requester", approval.requester),
            ("entitlement", approval.entitlement),
            ("resource", approval.resource),
            ("decided_by", approval.decided_by),
            ("reviewed_by", approval.reviewed_by),
        ];
        facts.extend(
            names
                .iter()
                .filter(|(_, name)| name.is_some())
                .map(|(column, name)| ((*column).to_owned(), events.written(*name).to_owned())),
        );
        let instants = [
            ("from", approval.from),
            ("until", approval.until),
            ("requested_at", approval.requested_at),
            ("decided_at", approval.decided_at),
            ("reviewed_at", approval.reviewed_at),
        ];
        facts.extend(instants.iter().filter_map(|(column, at)| Some(((*column).to_owned(), (*at)?.to_string()))));
        let coverage = self.graph.coverage();
        Evidence {
            system: system.to_owned(),
            table: "approvals".to_owned(),
            id: events.text(approval.id.written).to_owned(),
            facts,
            collected: coverage.of_scope(system, scope).find_map(|row| row.collected),
        }
    }
}
