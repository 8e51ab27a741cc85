//! What is wrong with a policy that can be read: names that mean nothing, controls that ran out, roles that nobody looked at.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::Estate;
use crate::access::applications::Applications;
use crate::config::policy::{Answer, Role, SodMatrix};
use crate::config::{Config, Policy};
use crate::diagnostic::{Diagnostic, Place, similar};
use crate::drift::{Events, Past};
use crate::graph::{Graph, NodeKind};
use crate::people::PersonIx;
use crate::rules::duties::{Control, Duties, Performs};
use crate::rules::{Facts, Ground, Inventory, Options};

/// Months after which a role counts as not reviewed.
const REVIEW_MONTHS: i32 = 12;
/// People whom a note names.
const NAMED: usize = 5;

/// What can be said without a snapshot.
pub fn without_snapshot(policy: &Policy, now: Timestamp) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for role in policy.roles.iter().flat_map(|catalogue| &catalogue.roles) {
        told.extend(unreviewed(role, now));
    }
    if let Some(matrix) = &policy.sod {
        told.extend(ended(matrix, now));
        told.extend(unused(matrix));
    }
    told
}

/// Everything that the snapshot can add, by file and line.
pub fn with_snapshot(estate: &Estate, config: &Config, now: Timestamp) -> Vec<Diagnostic> {
    let mut told = without_snapshot(&config.policy, now);
    let (options, inventory) = (Options::default(), Inventory::default());
    // What changed says nothing about the policy.
    let (past, events) = (Past::default(), Events::default());
    let ground = Ground {
        graph: &estate.graph,
        people: &estate.people,
        access: &estate.access,
        options: &options,
        inventory: &inventory,
        policy: &config.policy,
        past: &past,
        events: &events,
    };
    let facts = Facts::new(ground, now);
    told.extend(nameless(&facts));
    told.extend(missing_applications(&facts));
    told.extend(populations(&facts));
    if let Some(matrix) = &config.policy.sod {
        told.extend(uncovered(&facts, matrix));
        told.extend(mitigated(&facts, matrix));
    }
    told.sort_by_key(|problem| {
        let place = problem.place.as_ref();
        (place.map(|place| place.file.path.clone()), place.map(|place| place.span.start), problem.code.clone())
    });
    told
}

fn unreviewed(role: &Role, now: Timestamp) -> Option<Diagnostic> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let problem = match role.reviewed {
        // A proposal has not been looked at by nature.
        None => Diagnostic::note("POL004", format!("the role `{}` does not say when it was reviewed", role.id)),
        Some(day) if day.checked_add(Span::new().months(REVIEW_MONTHS)).is_ok_and(|due| due < today) => {
            Diagnostic::warning("POL004", format!("the role `{}` was last reviewed on {day}", role.id))
        }
        Some(_) => return None,
    };
    let fix = format!("look whether it is right, then write `reviewed = {today}`");
    Some(problem.place(role.place.clone()).fix(fix))
}

fn ended(matrix: &SodMatrix, now: Timestamp) -> impl Iterator<Item = Diagnostic> + '_ {
    let today = now.to_zoned(TimeZone::UTC).date();
    matrix.conflicts.iter().flat_map(move |conflict| {
        let over = conflict.mitigations.iter().filter(move |mitigation| mitigation.expires < today);
        over.map(|mitigation| {
            Diagnostic::warning(
                "POL002",
                format!("the mitigation of `{}` ran out on {}", conflict.id, mitigation.expires),
            )
            .place(mitigation.place.clone())
            .effect("whoever it covered has the conflict again")
            .fix(format!("let {} prove that the control works and write a new day, or remove it", mitigation.owner))
        })
    })
}

fn unused(matrix: &SodMatrix) -> Vec<Diagnostic> {
    let conflicts = matrix.conflicts.iter().flat_map(|conflict| conflict.functions.iter().copied());
    let companions = matrix.companions.iter().flat_map(|one| std::iter::once(one.function).chain(one.requires));
    let logs = matrix.logs.iter().flat_map(|duty| std::iter::once(duty.logs).chain(duty.administrators));
    let used: BTreeSet<usize> = conflicts.chain(companions).chain(logs).collect();
    let idle = matrix.functions.iter().enumerate().filter(|(place, _)| !used.contains(place));
    idle.map(|(_, function)| {
        Diagnostic::note("POL008", format!("nothing uses the function `{}`", function.id))
            .place(function.place.clone())
            .fix("add the conflict that it was written for, or remove it")
    })
    .collect()
}

/// Items that mean nothing in the snapshot.
fn nameless(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let missing = facts.named.things().iter().filter(|thing| thing.targets.is_empty());
    missing
        .map(|thing| {
            let (item, kind) = (thing.item, thing.item.held.as_str());
            let near = thing.system.and_then(|_| spelled_alike(facts.graph, &item.system, kind, &item.written));
            let what = format!("`{}` has no {kind} `{}`", item.system, item.written);
            let problem = match &thing.unread {
                None => Diagnostic::warning("POL001", what),
                Some(why) => Diagnostic::note("POL001", format!("no {kind} `{item}` was read")).cause(why.clone()),
            };
            problem.place(item.place.clone()).fix(near.map_or_else(
                || "correct the name, or remove it; `muster query` shows what there is".to_owned(),
                |near| format!("did you mean `{near}`?"),
            ))
        })
        .collect()
}

/// Applications of the inventory that their provider does not have.
fn missing_applications(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let applications = Applications::of(facts.graph, facts.policy);
    let missing = applications.missing().iter();
    missing
        .map(|(line, unread)| {
            let what = format!("`{}` has no application `{}`", line.provider, line.application);
            let problem = match unread {
                None => Diagnostic::warning("POL001", what),
                Some(why) => Diagnostic::note("POL001", format!("no application `{}` was read", line.application))
                    .cause(why.clone()),
            };
            let effect = format!("who is let in to `{}` is not decided", line.system);
            problem.place(line.place.clone()).effect(effect).fix("correct the name, or give the application's id")
        })
        .collect()
}

fn spelled_alike(graph: &Graph, system: &str, kind: &str, name: &str) -> Option<String> {
    let system = graph.system(system)?;
    let nodes = graph.groups().map(|(ix, _)| ix).chain(graph.entitlements().map(|(ix, _)| ix));
    let nodes = nodes.filter(|ix| {
        let node = graph.node(*ix);
        let is_kind = match node.kind {
            NodeKind::Group => kind == "group",
            NodeKind::Entitlement => kind == "entitlement",
            NodeKind::Account | NodeKind::Resource | NodeKind::Unresolved => false,
        };
        node.system == system && is_kind
    });
    similar(name, nodes.map(|ix| graph.name(ix))).map(str::to_owned)
}

/// Roles that attributes give to nobody, or to more people than the role allows.
fn populations(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let Some(catalogue) = facts.roles.catalogue() else { return Vec::new() };
    let (mut sure, mut may) = (vec![0_usize; catalogue.roles.len()], vec![0_usize; catalogue.roles.len()]);
    for (person, _) in facts.people.persons() {
        for (role, answer) in roles_of(facts, person) {
            let count = if answer == Answer::Yes { &mut sure } else { &mut may };
            count[role as usize] += 1;
        }
    }
    let employed = facts.employed();
    let mut told = Vec::new();
    for ((role, sure), may) in catalogue.roles.iter().zip(sure).zip(may).filter(|((role, _), _)| role.is_birthright()) {
        if sure == 0 && may == 0 && employed > 0 {
            let conditions: Vec<String> = role.birthright.iter().map(ToString::to_string).collect();
            let problem = Diagnostic::warning("POL005", format!("nobody at work gets the role `{}`", role.id));
            told
                .push(problem.place(role.place.clone()).cause(format!("it asks for {}", conditions.join("; or "))).fix(
                "compare the values with those of HR: `muster query \"select distinct department from employments\"`",
            ));
        }
        if let Some(limit) = role.max_holders_percent.filter(|limit| sure * 100 > usize::from(*limit) * employed) {
            let what = format!("attributes give the role `{}` to {sure} of {employed} people at work", role.id);
            told.push(
                Diagnostic::warning("POL007", what)
                    .place(role.place.clone())
                    .cause(format!("it allows {limit} %"))
                    .fix("narrow the condition, or raise `max_holders_percent`"),
            );
        }
    }
    told
}

/// The roles that today's attributes of a person give, each once, the surest answer first.
fn roles_of(facts: &Facts<'_>, person: PersonIx) -> Vec<(u32, Answer)> {
    let running = facts.roles.stretches(person).iter().filter(|stretch| stretch.runs);
    let mut roles: Vec<(u32, Answer)> = running.flat_map(|stretch| facts.roles.birthrights(stretch)).cloned().collect();
    roles.sort_by_key(|(role, answer)| (*role, *answer != Answer::Yes));
    roles.dedup_by_key(|(role, _)| *role);
    roles
}

/// Mitigations that cover nobody whom the snapshot knows.
fn uncovered(facts: &Facts<'_>, matrix: &SodMatrix) -> Vec<Diagnostic> {
    let mitigations =
        matrix.conflicts.iter().flat_map(|conflict| conflict.mitigations.iter().map(move |one| (conflict, one)));
    let keys = mitigations.flat_map(|(conflict, one)| one.of.iter().map(move |key| (conflict, one, key)));
    let mut told = Vec::new();
    for (conflict, mitigation, key) in keys {
        let account = key.split_once(':').and_then(|(system, id)| {
            let system = facts.graph.system(system)?;
            facts.graph.find(system, NodeKind::Account, id)
        });
        let id = key.split_once(':').map_or(key.as_str(), |(_, id)| id);
        if account.is_some() || !facts.people.find(key).is_empty() || !facts.people.find(id).is_empty() {
            continue;
        }
        let what = format!("a mitigation of `{}` covers `{key}`, whom nobody knows", conflict.id);
        let place: Place = mitigation.place.clone();
        let problem = if facts.people.hr_complete() {
            Diagnostic::warning("POL003", what)
        } else {
            Diagnostic::note("POL003", what).cause("HR was not read completely")
        };
        told.push(problem.place(place).fix("write an employee id, a feed's own key, or an account as `system:id`"));
    }
    told
}

/// Whom each mitigation covers today: what passes because of it is named with its control.
fn mitigated(facts: &Facts<'_>, matrix: &SodMatrix) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for (place, conflict) in
        matrix.conflicts.iter().enumerate().filter(|(_, conflict)| !conflict.mitigations.is_empty())
    {
        let mut covered: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for (person, _) in facts.people.persons() {
            let performs = |function| facts.duties.by_person(facts, function, person) == Performs::Yes;
            let accounts = facts.duties.accounts(facts, person);
            if let Control::Mitigated(by) = facts.duties.control(place, Some(person), &accounts)
                && Duties::pairs(conflict).any(|(a, b)| performs(a) && performs(b))
                && let Some(number) = conflict.mitigations.iter().position(|one| one == by)
            {
                covered.entry(number).or_default().push(facts.people.name(person));
            }
        }
        told.extend(covered.into_iter().map(|(number, names)| {
            let mitigation = &conflict.mitigations[number];
            let shown = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
            let more = if names.len() > NAMED { " …" } else { "" };
            let what = format!("`{}` is tolerated for {} people: {shown}{more}", conflict.id, names.len());
            Diagnostic::note("POL009", what)
                .place(mitigation.place.clone())
                .cause(format!("{} ({}), until {}", mitigation.control, mitigation.owner, mitigation.expires))
                .fix("let the owner prove that the control works before that day")
        }));
    }
    told
}
