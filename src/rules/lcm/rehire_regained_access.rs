use jiff::Timestamp;
use muster_connectors::record::GrantOrigin;
use muster_reports::view::Severity;

use crate::controls::{JOIN, MOVE};
use crate::graph::Edge;
use crate::people::PersonIx;
use crate::rules::roles::{Justified, NO_ROLES};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

/// Days between two employments in which somebody counts as staying.
const SEAMLESS_DAYS: i64 = 31;

pub(in crate::rules) static RULE: Rule = Rule {
    id: "LCM-009",
    slug: "rehire-regained-access",
    title: "Rehire regained old access",
    severity: Severity::High,
    controls: &[MOVE, JOIN],
    population: Population::Accounts,
    needs: &[Need::ALL_EMPLOYMENTS, Need::ACCOUNT],
    options: &[Setting {
        name: "preboarding_days",
        default: 14,
        about: "days before the new start from which on what is given counts as given for it",
    }],
    manual: Manual {
        finds: "An active account of somebody who left and came back, which holds what it held before and what no birthright role gives the new job.",
        matters: "Switching an old account on again brings everything back that its holder ever had. Nobody approved it for the new job.",
        evidence: "The account, each membership or grant that is older than the new start, and both employments.",
        fix: "Strip the account to what the new job gives by policy/roles.toml; let the rest be asked for anew.",
        limits: "A grant whose age the system does not tell is not evaluated. Employments that follow each other within a month are no rehire but a change of contract.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(account) = subject else { return Verdict::NotApplicable };
    let Some((person, standing)) = facts.holder(account).filter(|_| facts.is_active(account)) else {
        return Verdict::NotApplicable;
    };
    if !standing.is_employed() || facts.people.person(person).employments.len() < 2 {
        return Verdict::NotApplicable;
    }
    let Some((left, start)) = rehired(facts, person) else { return Verdict::NotApplicable };
    let days = jiff::SignedDuration::from_hours(24 * facts.option(&RULE, "preboarding_days"));
    let counts_from = start.checked_sub(days).unwrap_or(start);
    let created = facts.graph.account(account).and_then(|details| details.created.at());
    if created.is_some_and(|created| created >= counts_from) {
        return Verdict::NotApplicable;
    }
    let edges: Vec<Edge> = facts
        .graph
        .edges_from(account)
        .filter(|edge| facts.graph.detail(edge).origin == GrantOrigin::Direct)
        .filter(|edge| facts.graph.detail(edge).since.at().is_none_or(|since| since < counts_from))
        .collect();
    if !edges.is_empty() && facts.roles.catalogue().is_none() {
        return Verdict::NotEvaluated(NO_ROLES.to_owned());
    }
    let running = || facts.roles.stretches(person).iter().filter(|stretch| stretch.runs);
    let (mut old, mut undecided) = (Vec::new(), None);
    for edge in edges {
        match facts.roles.covers(facts, &edge, running()) {
            Justified::Yes => {}
            Justified::Unknown(field) => {
                undecided = Some(format!("HR does not say the {field} that a birthright role asks for"));
            }
            Justified::No if facts.graph.detail(&edge).since.at().is_some() => old.push(edge),
            Justified::No => {
                let system = facts.graph.system_name(facts.graph.node(account).system);
                undecided = Some(format!("`{system}` does not say since when the account holds what it holds"));
            }
        }
    }
    if old.is_empty() {
        return undecided.map_or(Verdict::Pass, Verdict::NotEvaluated);
    }
    let names: Vec<&str> = old.iter().map(|edge| facts.graph.name(edge.target)).collect();
    let mut failure = Failure::new(format!(
        "{} left on {} and came back on {}; the account {} still holds from before: {}.",
        facts.people.name(person),
        left.strftime("%F"),
        start.strftime("%F"),
        facts.graph.name(account),
        names.join(", "),
    ))
    .row(facts.account_row(account, &[("linked", facts.link_reason(account))]));
    for edge in &old {
        let mut row = facts.edge_row(edge);
        row.facts.insert("since".to_owned(), facts.graph.detail(edge).since.to_string());
        failure = failure.row(row);
    }
    for row in facts.employment_rows(person) {
        failure = failure.row(row);
    }
    failure.verdict()
}

/// When the person left and came back; `None` where there is no gap.
fn rehired(facts: &Facts<'_>, person: PersonIx) -> Option<(Timestamp, Timestamp)> {
    let slices = facts.people.slices(person, facts.now);
    let start = slices.iter().filter(|slice| slice.runs).filter_map(|running| {
        let same = slices.iter().filter(|slice| std::ptr::eq(slice.employment, running.employment));
        same.filter_map(|slice| slice.since).min()
    });
    let start = start.min()?;
    let left =
        slices.iter().filter(|slice| !slice.runs).filter_map(|slice| slice.ended).filter(|at| *at < start).max()?;
    (start.duration_since(left).as_hours() / 24 > SEAMLESS_DAYS).then_some((left, start))
}
