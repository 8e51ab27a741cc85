use jiff::Timestamp;
use muster_connectors::record::{GrantOrigin, PrivilegeLevel};
use muster_reports::view::Severity;

use crate::access::Privilege;
use crate::controls::{LP, MOVE};
use crate::graph::{Edge, NodeIx};
use crate::people::PersonIx;
use crate::rules::roles::{Justified, NO_ROLES};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Setting, Subject, Verdict, raised};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "LCM-006",
    slug: "mover-residue",
    title: "Mover residue",
    severity: Severity::Medium,
    controls: &[MOVE, LP],
    population: Population::Edges,
    needs: &[Need::ALL_EMPLOYMENTS],
    options: &[Setting {
        name: "days",
        default: 30,
        about: "days after a move in which what the former job gave may stay, for handing over",
    }],
    manual: Manual {
        finds: "A membership or grant of somebody who moved, which only a former employment or a former department, title or place gives a right to by policy/roles.toml.",
        matters: "People who moved often collect what they never give back. Together with the new job's access it becomes what no one was meant to have.",
        evidence: "The membership or grant, the employment that gave a right to it, and when that ended.",
        fix: "Revoke it, or let the new manager confirm it and give it a role that says so.",
        limits: "Judges what a birthright role names; HR has to keep the former terms, as an ended employment or as a record for each change (`sequence`, `effective`): terms that a feed overwrites are not taken from earlier snapshots, because the day of a snapshot is not the day of the move, and a correction of a typing error looks there like one. What people may also ask for is not evaluated, as no approval says whether they did. What was granted after the move is no residue.",
    },
    judge,
};

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Edge(edge) = subject else { return Verdict::NotApplicable };
    let account = edge.source;
    if facts.graph.account(account).is_none() || facts.graph.detail(&edge).origin != GrantOrigin::Direct {
        return Verdict::NotApplicable;
    }
    let Some(person) = mover(facts, account) else { return Verdict::NotApplicable };
    if facts.roles.catalogue().is_none() {
        return Verdict::NotEvaluated(NO_ROLES.to_owned());
    }
    let given: Vec<u32> =
        facts.named.given_by(facts.graph, &edge).filter(|thing| is_birthright(facts, *thing)).collect();
    // What stands in a role itself is judged by that, whatever lies behind it; else one reason to stay is enough.
    let own = |thing: &&u32| facts.named.thing(**thing).targets.binary_search(&edge.target).is_ok();
    let named: Vec<u32> = given.iter().filter(own).copied().collect();
    let (judged, enough) = if named.is_empty() { (given, true) } else { (named, false) };
    if judged.is_empty() {
        return Verdict::NotApplicable;
    }
    let (mut residue, mut undecided) = (None, None);
    for thing in judged {
        match standing(facts, person, thing, &edge) {
            Standing::Justified if enough => return Verdict::Pass,
            Standing::Justified | Standing::Unrelated => {}
            Standing::Undecided(why) => undecided = Some(why),
            Standing::Residue { since, role } => residue = residue.max(Some((since, thing, role))),
        }
    }
    match (residue, undecided) {
        (Some((ended, thing, role)), _) => tell(facts, person, &edge, ended, thing, role),
        (None, Some(why)) => Verdict::NotEvaluated(why),
        (None, None) => Verdict::Pass,
    }
}

/// The person of an active account, when employed and with a former slice.
fn mover(facts: &Facts<'_>, account: NodeIx) -> Option<PersonIx> {
    let (person, standing) = facts.holder(account).filter(|_| facts.is_active(account))?;
    let employments = &facts.people.person(person).employments;
    let has_past = employments.len() > 1 || employments.iter().any(|employment| !employment.changes.is_empty());
    (standing.is_employed() && has_past).then_some(person)
}

fn is_birthright(facts: &Facts<'_>, thing: u32) -> bool {
    let roles = facts.roles.of_thing(thing).iter();
    roles.filter_map(|role| facts.roles.role(*role)).any(crate::config::policy::Role::is_birthright)
}

enum Standing {
    /// Today's attributes give it.
    Justified,
    /// No attributes ever gave it.
    Unrelated,
    /// Only former ones did.
    Residue { since: Timestamp, role: u32 },
    /// What is not known.
    Undecided(String),
}

fn standing(facts: &Facts<'_>, person: PersonIx, thing: u32, edge: &Edge) -> Standing {
    let unsaid = |field| Standing::Undecided(format!("HR does not say the {field} that a birthright role asks for"));
    let stretches = facts.roles.stretches(person);
    match facts.roles.justifies(thing, stretches.iter().filter(|stretch| stretch.runs)) {
        Justified::Yes => return Standing::Justified,
        Justified::Unknown(field) => return unsaid(field),
        Justified::No => {}
    }
    let of = facts.roles.of_thing(thing);
    let (mut latest, mut unknown) = (None, None);
    for former in stretches.iter().filter(|stretch| !stretch.runs) {
        match facts.roles.justifies(thing, std::iter::once(former)) {
            Justified::Yes => {
                let role = facts.roles.birthrights(former).iter().map(|(role, _)| *role).find(|role| of.contains(role));
                latest = latest.max(Some((former.ended, role.unwrap_or_default())));
            }
            Justified::Unknown(field) => unknown = Some(field),
            Justified::No => {}
        }
    }
    let Some((ended, role)) = latest else { return unknown.map_or(Standing::Unrelated, unsaid) };
    let Some(ended) = ended else { return Standing::Undecided("HR does not say when the former job ended".to_owned()) };
    let within = facts.now.duration_since(ended).as_hours() / 24 <= facts.option(&RULE, "days");
    let given_later = facts.graph.detail(edge).since.at().is_some_and(|since| since > ended);
    if within || given_later {
        return Standing::Unrelated;
    }
    let asked_for = of.iter().filter_map(|role| facts.roles.role(*role)).find(|role| !role.requestable_by.is_empty());
    match asked_for {
        Some(role) => Standing::Undecided(format!("the role {} may have been asked for: no approval tells", role.id)),
        None => Standing::Residue { since: ended, role },
    }
}

fn tell(facts: &Facts<'_>, person: PersonIx, edge: &Edge, ended: Timestamp, thing: u32, role: u32) -> Verdict {
    let days = facts.now.duration_since(ended).as_hours() / 24;
    let role = facts.roles.role(role).map_or("", |role| role.id.as_str());
    let mut failure = Failure::new(format!(
        "{} still has {}, {days} days after the job that gave it ended (role {role}).",
        facts.people.name(person),
        facts.named.thing(thing).item,
    ))
    .row(facts.edge_row(edge))
    .row(facts.account_row(edge.source, &[("linked", facts.link_reason(edge.source))]));
    for row in facts.employment_rows(person) {
        failure = failure.row(row);
    }
    if let Privilege::Certain(level @ (PrivilegeLevel::Privileged | PrivilegeLevel::Admin)) =
        facts.access.gives(facts.graph, edge.target)
    {
        failure = failure.severity(raised(RULE.severity), format!("what is left over is {level}"));
    }
    failure.path(vec![*edge]).verdict()
}
