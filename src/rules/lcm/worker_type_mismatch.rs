use muster_connectors::record::WorkerType;
use muster_reports::view::Severity;

use crate::controls::{EXT, LP};
use crate::graph::{NodeIx, SystemIx};
use crate::people::PersonIx;
use crate::rules::roles::NO_ROLES;
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "LCM-016",
    slug: "worker-type-mismatch",
    title: "Worker-type mismatch",
    severity: Severity::Medium,
    controls: &[EXT, LP],
    population: Population::Accounts,
    needs: &[Need::ALL_EMPLOYMENTS, Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "An account of a class, or one that holds a group or entitlement, which policy/roles.toml reserves for workers of other types: an external in an employees' role.",
        matters: "Some access goes with a contract of employment: its confidentiality, its training, its liability. An external has signed something else.",
        evidence: "The account, the shortest way to what is reserved, and the employments.",
        fix: "Take it away, or let the owner of the role decide that workers of this type may have it and write so.",
        limits: "Rests on HR's worker type; somebody with two employments may have what either of them may.",
    },
    judge,
};

/// Something that the holder may not have.
struct Reserved<'a> {
    what: String,
    types: &'a [WorkerType],
    thing: Option<u32>,
}

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(account) = subject else { return Verdict::NotApplicable };
    let Some((person, standing)) = facts.holder(account).filter(|_| facts.is_active(account)) else {
        return Verdict::NotApplicable;
    };
    if !standing.is_employed() {
        return Verdict::NotApplicable;
    }
    if facts.roles.catalogue().is_none() {
        return Verdict::NotEvaluated(NO_ROLES.to_owned());
    }
    let types = types_of(facts, person);
    let system = facts.graph.node(account).system;
    let (mut wrong, mut undecided, mut asked) = (Vec::new(), None, false);
    for reserved in reservations(facts, account, system) {
        asked = true;
        if reserved.types.iter().any(|allowed| types.contains(allowed)) {
            continue;
        }
        let thing = reserved.thing.map(|thing| facts.named.thing(thing));
        let (sure, any) = thing.map_or((true, true), |t| (t.sure.contains(account.0), t.any.contains(account.0)));
        if sure && types.contains(&WorkerType::Unknown) {
            undecided = Some("HR does not say the worker type".to_owned());
        } else if sure {
            wrong.push(reserved);
        } else if any {
            undecided = Some("a grant on the way depends on a condition, or is from an earlier snapshot".to_owned());
        } else if let Some(why) = thing.and_then(|thing| thing.unread.as_ref()) {
            undecided = Some(why.clone());
        }
    }
    if wrong.is_empty() {
        return match undecided {
            Some(why) => Verdict::NotEvaluated(why),
            None if asked => Verdict::Pass,
            None => Verdict::NotApplicable,
        };
    }
    let names = |types: &[WorkerType]| types.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(" or ");
    let told: Vec<String> =
        wrong.iter().map(|reserved| format!("{} (reserved for {})", reserved.what, names(reserved.types))).collect();
    let mut failure = Failure::new(format!(
        "{}, who works as {}, has {}.",
        facts.people.name(person),
        names(&types),
        told.join(", ")
    ))
    .row(facts.account_row(account, &[("class", facts.people.class(account).class.to_string())]));
    for row in facts.employment_rows(person) {
        failure = failure.row(row);
    }
    let way = wrong.iter().find_map(|reserved| reserved.thing);
    let path = way.map(|thing| facts.named.thing(thing).way(facts.graph, account, true)).unwrap_or_default();
    failure.path(path).verdict()
}

/// Worker types of the employments that run, each once.
fn types_of(facts: &Facts<'_>, person: PersonIx) -> Vec<WorkerType> {
    let employments = facts.people.person(person).employments.iter();
    let running = employments.filter(|one| facts.people.employment_standing(one, facts.now).is_employed());
    let mut types: Vec<WorkerType> = running.map(|one| one.worker_type).collect();
    types.sort_unstable();
    types.dedup();
    types
}

/// What is reserved in a system, for an account of its class.
fn reservations<'a>(facts: &'a Facts<'_>, account: NodeIx, system: SystemIx) -> Vec<Reserved<'a>> {
    let Some(catalogue) = facts.roles.catalogue() else { return Vec::new() };
    let of_things = |things: Vec<u32>, types: &'a [WorkerType]| {
        let here = things.into_iter().filter(move |thing| facts.named.thing(*thing).system == Some(system));
        here.map(move |thing| Reserved { what: facts.named.thing(thing).item.to_string(), types, thing: Some(thing) })
    };
    let roles = (0..).zip(&catalogue.roles).filter(|(_, role)| !role.reserved_for.is_empty());
    let mut all: Vec<Reserved<'a>> =
        roles.flat_map(|(place, role)| of_things(facts.roles.contains(place).to_vec(), &role.reserved_for)).collect();
    for reserved in &catalogue.reserved {
        let things = reserved.items.iter().map(|item| facts.named.place(item)).collect();
        all.extend(of_things(things, &reserved.types));
        let class = facts.people.class(account).class;
        if reserved.classes.contains(&class) {
            all.push(Reserved { what: format!("an account of class {class}"), types: &reserved.types, thing: None });
        }
    }
    all
}
