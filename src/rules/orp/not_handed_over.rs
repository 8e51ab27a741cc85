use muster_connectors::record::RecordKind;
use muster_reports::view::Severity;

use crate::controls::{HANDOVER, LEAVE};
use crate::people::Standing;
use crate::rules::index::Belonging;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "ORP-012",
    slug: "assets-not-handed-over",
    title: "Assets not handed over",
    severity: Severity::Medium,
    controls: &[LEAVE, HANDOVER],
    population: Population::Persons,
    needs: &[Need::ALL_EMPLOYMENTS],
    options: &[Setting {
        name: "grace_days",
        default: 30,
        about: "days after the end in which what the person owned must have a new owner (a month, for a handover)",
    }],
    manual: Manual {
        finds: "A leaver who still owns something: files, drives, repositories, dashboards, buckets, calendars, by the resource's own word or by a grant of ownership.",
        matters: "Work is lost when the account is deleted, and until then nobody else may decide who sees it.",
        evidence: "What is owned, up to fifty of it, and the person's employments with their ends.",
        fix: "Transfer everything to the manager before the account is deleted; add the transfer to the leaver process.",
        limits: "One finding a person, with all there is to hand over; each object that has lost its owner is ORP-008, too. Sees resources and their owners only where a system lists them.",
    },
    judge,
};

/// Rows that are shown: enough to begin with, and not a drive's whole listing.
const SHOWN: usize = 50;

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Person(person) = subject else { return Verdict::NotApplicable };
    let Standing::Ended { at, .. } = facts.people.standing(person, facts.now) else { return Verdict::NotApplicable };
    let owned = facts.belongings(person);
    let days = at.map(|at| facts.now.duration_since(at).as_hours() / 24);
    if owned.is_empty() {
        // Leavers of whom no system could say that they own something are no population.
        if !facts.anybody_owns() {
            return Verdict::NotApplicable;
        }
        return match facts.unread_anywhere(RecordKind::Resource) {
            Some(why) => Verdict::NotEvaluated(format!("something may lie in what was not read: {why}")),
            None => Verdict::Pass,
        };
    }
    if days.is_some_and(|days| days < facts.option(&RULE, "grace_days")) {
        return Verdict::Pass;
    }
    let names: Vec<&str> = owned.iter().take(3).map(|one| facts.graph.name(one.node(facts))).collect();
    let more =
        if owned.len() > names.len() { format!(" and {} more", owned.len() - names.len()) } else { String::new() };
    let since = days.map_or_else(|| "has left".to_owned(), |days| format!("left {days} days ago"));
    let mut failure =
        Failure::new(format!("{} {since} and still owns {}{more}.", facts.people.name(person), names.join(", ")));
    for one in owned.iter().take(SHOWN) {
        failure = failure.row(match one {
            Belonging::Resource(ix) => {
                let owner = facts.graph.resource(*ix).and_then(|resource| resource.owner);
                facts.object_row(*ix, "resources", &[("owner", facts.graph.text_or_empty(owner).to_owned())])
            }
            Belonging::Grant(edge) => facts.edge_row(edge),
        });
    }
    for row in facts.employment_rows(person) {
        failure = failure.row(row);
    }
    failure.verdict()
}
