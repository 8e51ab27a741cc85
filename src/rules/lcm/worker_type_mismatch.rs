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
#[derive(Clone, Copy)]
struct Reserved<'a> {
    types: &'a [WorkerType],
    /// What the policy names; `None` for the class of the account.
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
    let told: Vec<String> = wrong
        .iter()
        .map(|reserved| {
            let what = match reserved.thing {
                Some(thing) => facts.named.thing(thing).item.to_string(),
                None => format!("an account of class {}", facts.people.class(account).class),
            };
            format!("{what} (reserved for {})", names(reserved.types))
        })
        .collect();
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
    let here = |thing: &u32| facts.named.thing(*thing).system == Some(system);
    let mut all = Vec::new();
    for (place, role) in (0..).zip(&catalogue.roles).filter(|(_, role)| !role.reserved_for.is_empty()) {
        let things = facts.roles.contains(place).iter().copied().filter(here);
        all.extend(things.map(|thing| Reserved { types: role.reserved_for.as_slice(), thing: Some(thing) }));
    }
    let class = facts.people.class(account).class;
    for reserved in &catalogue.reserved {
        let things = reserved.items.iter().map(|item| facts.named.place(item)).filter(here);
        all.extend(things.map(|thing| Reserved { types: reserved.types.as_slice(), thing: Some(thing) }));
        if reserved.classes.contains(&class) {
            all.push(Reserved { types: &reserved.types, thing: None });
        }
    }
    all
}
