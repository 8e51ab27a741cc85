use std::collections::BTreeMap;

use muster_connectors::record::RecordKind;
use muster_reports::view::{Evidence, Severity};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::controls::{CHG, LP};
use crate::graph::{NodeIx, NodeKind, Relation, SystemIx};
use crate::people::{PersonIx, fold};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "DRF-007",
    slug: "idp-and-app-disagree",
    title: "IdP and app disagree",
    severity: Severity::Medium,
    controls: &[LP, CHG],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "An active account of an application that holds access which no group of the identity provider gives its person, or lacks access which a group gives; and a member of such a group without any account there.",
        matters: "Access that the identity provider does not know survives when it takes the group away; access that is missing makes people ask for exceptions.",
        evidence: "The account's row, the access, and the groups that give it with whether the person is in one.",
        fix: "Take away what no group gives, or put the person into the group; mend the provisioning.",
        limits: "Needs policy/assignments.toml, which says which group gives what. The two accounts of a person are brought together by their links to people, else by the id that the application keeps of the other account. Where memberships or grants of either side were not read completely nothing is concluded.",
    },
    judge,
};

/// The assignments of the policy, found in the graph.
#[derive(Debug, Default)]
pub(in crate::rules) struct Assigned {
    /// Access of each application.
    of_app: FxHashMap<SystemIx, Vec<Access>>,
    /// Applications to which members of a provider's groups have access: places in `of_app`.
    of_provider: FxHashMap<SystemIx, Vec<(SystemIx, usize)>>,
    /// Active accounts of each application, by person and by the id kept of another account.
    accounts: FxHashMap<SystemIx, Accounts>,
}

#[derive(Debug, Default)]
struct Accounts {
    persons: FxHashSet<PersonIx>,
    subjects: FxHashSet<String>,
}

/// One access of an application, and who should have it.
#[derive(Debug)]
struct Access {
    name: String,
    holders: FxHashSet<NodeIx>,
    groups: Vec<String>,
    members: FxHashSet<NodeIx>,
    persons: FxHashSet<PersonIx>,
    names: FxHashSet<String>,
    /// Why somebody may be given it unseen.
    provider_doubt: Option<String>,
    /// Why somebody may hold it unseen.
    app_doubt: Option<String>,
}

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some(account) = facts.graph.account(ix).filter(|_| facts.is_active(ix)) else { return Verdict::NotApplicable };
    let system = facts.graph.node(ix).system;
    if facts.policy.assignments.is_empty() {
        if facts.graph.federated_of(account).next().is_none() {
            return Verdict::NotApplicable;
        }
        return Verdict::NotEvaluated(format!(
            "no policy/assignments.toml says which group gives what in `{}`",
            facts.graph.system_name(system)
        ));
    }
    let assigned = facts.assigned.get_or_init(|| assigned(facts));
    match (assigned.of_app.get(&system), assigned.of_provider.get(&system)) {
        (Some(access), _) => of_app(facts, ix, access),
        (None, Some(places)) => of_provider(facts, ix, assigned, places),
        (None, None) => Verdict::NotApplicable,
    }
}

fn of_app(facts: &Facts<'_>, ix: NodeIx, access: &[Access]) -> Verdict {
    let graph = facts.graph;
    let person = facts.people.link(ix).map(|link| link.person);
    let subjects: Vec<String> = graph.account(ix).map(|account| subjects(facts, account)).unwrap_or_default();
    let is_known = person.is_some() || !subjects.is_empty();
    let (mut doubt, mut wrong) = (None, Vec::new());
    for one in access {
        let holds = one.holders.contains(&ix);
        let implied = person.is_some_and(|person| one.persons.contains(&person))
            || subjects.iter().any(|subject| one.names.contains(subject));
        match (holds, implied) {
            (true, false) if !is_known => {
                doubt.get_or_insert_with(|| {
                    "the account is linked to nobody whom the identity provider may know".to_owned()
                });
            }
            (true, false) => match &one.provider_doubt {
                Some(why) => drop(doubt.get_or_insert_with(|| why.clone())),
                None => wrong.push((one, format!("holds {}, which no group gives", one.name))),
            },
            (false, true) => match &one.app_doubt {
                Some(why) => drop(doubt.get_or_insert_with(|| why.clone())),
                None => wrong.push((one, format!("lacks {}, which {} gives", one.name, one.groups.join(" or ")))),
            },
            (true, true) | (false, false) => {}
        }
    }
    if wrong.is_empty() {
        return doubt.map_or(Verdict::Pass, Verdict::NotEvaluated);
    }
    let told: Vec<&str> = wrong.iter().map(|(_, told)| told.as_str()).collect();
    let mut failure = Failure::new(format!(
        "The account {} in {} {}.",
        graph.name(ix),
        graph.system_name(graph.node(ix).system),
        told.join(" and ")
    ))
    .row(facts.account_row(ix, &[("linked", facts.link_reason(ix))]));
    for (one, _) in &wrong {
        failure = failure.row(assignment_row(facts, ix, one));
    }
    failure.verdict()
}

/// Whether whoever is in a group has an account at all where the group gives access.
fn of_provider(facts: &Facts<'_>, ix: NodeIx, assigned: &Assigned, places: &[(SystemIx, usize)]) -> Verdict {
    let graph = facts.graph;
    let given: Vec<(SystemIx, &Access)> = places
        .iter()
        .map(|(app, place)| (*app, &assigned.of_app[app][*place]))
        .filter(|(_, access)| access.members.contains(&ix))
        .collect();
    if given.is_empty() {
        return Verdict::NotApplicable;
    }
    let person = facts.people.link(ix).map(|link| link.person);
    let names = facts.names_of(ix);
    for (app, access) in given {
        let has_account = assigned.accounts.get(&app).is_some_and(|accounts| {
            person.is_some_and(|person| accounts.persons.contains(&person))
                || names.iter().any(|name| accounts.subjects.contains(name))
        });
        if has_account {
            continue;
        }
        if person.is_none() {
            return Verdict::NotEvaluated("the account is linked to nobody whom the application may know".to_owned());
        }
        if let Some(why) = facts.unread(app, RecordKind::Account) {
            return Verdict::NotEvaluated(why.to_owned());
        }
        return Failure::new(format!(
            "{} is in {}, which gives {} in {}, and has no active account there.",
            graph.name(ix),
            access.groups.join(" or "),
            access.name,
            graph.system_name(app)
        ))
        .row(facts.account_row(ix, &[("linked", facts.link_reason(ix))]))
        .row(assignment_row(facts, ix, access))
        .verdict();
    }
    Verdict::Pass
}

fn assignment_row(facts: &Facts<'_>, ix: NodeIx, access: &Access) -> Evidence {
    Evidence {
        system: facts.graph.system_name(facts.graph.node(ix).system).to_owned(),
        table: "assignments".to_owned(),
        id: access.name.clone(),
        facts: BTreeMap::from([
            ("given_by".to_owned(), access.groups.join(", ")),
            ("members".to_owned(), access.members.len().to_string()),
            ("holders".to_owned(), access.holders.len().to_string()),
        ]),
        collected: None,
    }
}

/// Ids that an account keeps of its like elsewhere, folded.
fn subjects(facts: &Facts<'_>, account: &crate::graph::Account) -> Vec<String> {
    let federated = facts.graph.federated_of(account);
    federated.filter_map(|id| id.split_once(' ')).map(|(_, subject)| fold(subject)).collect()
}

fn assigned(facts: &Facts<'_>) -> Assigned {
    let mut assigned = Assigned::default();
    let graph = facts.graph;
    let mut places: FxHashMap<(SystemIx, NodeIx), usize> = FxHashMap::default();
    for one in &facts.policy.assignments {
        let (Some(provider), Some(app)) = (graph.system(&one.provider), graph.system(&one.app)) else { continue };
        let groups = find(facts, provider, &one.group, &[NodeKind::Group, NodeKind::Entitlement]);
        let targets = find(facts, app, &one.access, &[NodeKind::Entitlement, NodeKind::Group]);
        let Some(target) = targets.first().copied() else { continue };
        let all = assigned.of_app.entry(app).or_default();
        let place = *places.entry((app, target)).or_insert_with(|| {
            all.push(Access {
                name: graph.name(target).to_owned(),
                holders: reaching(facts, &targets),
                groups: Vec::new(),
                members: FxHashSet::default(),
                persons: FxHashSet::default(),
                names: FxHashSet::default(),
                provider_doubt: None,
                app_doubt: doubt(facts, app),
            });
            all.len() - 1
        });
        let access = &mut all[place];
        access.groups.push(one.group.clone());
        if access.provider_doubt.is_none() {
            access.provider_doubt = doubt(facts, provider);
        }
        for member in reaching(facts, &groups).into_iter().filter(|member| facts.is_active(*member)) {
            access.members.insert(member);
            access.persons.extend(facts.people.link(member).map(|link| link.person));
            access.names.extend(facts.names_of(member));
        }
        assigned.of_provider.entry(provider).or_default().push((app, place));
    }
    for (ix, account) in graph.accounts() {
        let system = graph.node(ix).system;
        if assigned.of_app.contains_key(&system) && facts.is_active(ix) {
            let accounts = assigned.accounts.entry(system).or_default();
            accounts.persons.extend(facts.people.link(ix).map(|link| link.person));
            accounts.subjects.extend(subjects(facts, account));
        }
    }
    assigned
}

/// Why a tie of a system may have been there unread.
fn doubt(facts: &Facts<'_>, system: SystemIx) -> Option<String> {
    let kinds = [RecordKind::Membership, RecordKind::Grant, RecordKind::Account];
    kinds.iter().find_map(|kind| facts.unread(system, *kind)).map(str::to_owned)
}

/// Objects of a system by id or name.
fn find(facts: &Facts<'_>, system: SystemIx, name: &str, kinds: &[NodeKind]) -> Vec<NodeIx> {
    let graph = facts.graph;
    if let Some(found) = kinds.iter().find_map(|kind| graph.find(system, *kind, name)) {
        return vec![found];
    }
    let name = fold(name);
    let groups = graph.groups().map(|(ix, _)| ix);
    let all = groups.chain(graph.entitlements().map(|(ix, _)| ix));
    all.filter(|ix| {
        let node = graph.node(*ix);
        node.system == system && kinds.contains(&node.kind) && facts.names_of(*ix).contains(&name)
    })
    .collect()
}

/// Accounts that are members of, or hold, any of `targets`, over whatever groups.
fn reaching(facts: &Facts<'_>, targets: &[NodeIx]) -> FxHashSet<NodeIx> {
    let graph = facts.graph;
    let mut seen: FxHashSet<NodeIx> = targets.iter().copied().collect();
    let mut next: Vec<NodeIx> = targets.to_vec();
    let mut accounts = FxHashSet::default();
    while let Some(node) = next.pop() {
        for edge in graph.edges_to(node) {
            let leads = edge.relation == Relation::MemberOf || graph.node(node).kind == NodeKind::Entitlement;
            if !leads || !seen.insert(edge.source) {
                continue;
            }
            if graph.account(edge.source).is_some() {
                accounts.insert(edge.source);
            }
            next.push(edge.source);
        }
    }
    accounts
}
