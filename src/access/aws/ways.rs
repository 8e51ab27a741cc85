//! Who is an administrator, who can become one and by which steps, and what keeps the others from it.
//!
//! The search is `muster_effective`'s; here every first step gets its statements, and every principal its level: an administrator is
//! *admin*, who certainly becomes one is *privileged*, and what depends on a condition or on something that was not read is undecided.

use std::sync::{Arc, LazyLock};

use muster_connectors::record::PrivilegeLevel;
use muster_effective::aws::answer::{Answer, Deciding, Layer, Verdict};
use muster_effective::aws::escalation::{self, Block, Certainty, Search, Standing, Techniques};
use muster_effective::aws::estate::{AccountIx, PrincipalEntry, PrincipalIx, PrincipalKind, UnreadKind};
use muster_effective::aws::evaluate::Evaluate as _;
use muster_effective::aws::reference::Reference;
use rayon::prelude::*;

use super::Place;
use crate::access::Privilege;
use crate::graph::{Graph, NodeIx, Relation, Step};

/// Actions by which a user gives itself any policy, and those of a role.
const GIVES_ITSELF: [&str; 4] =
    ["iam:AttachUserPolicy", "iam:PutUserPolicy", "iam:AttachRolePolicy", "iam:PutRolePolicy"];

/// The techniques that are searched with where a team has none of its own.
pub(crate) fn built_in() -> Arc<Techniques> {
    static BUILT_IN: LazyLock<Arc<Techniques>> = LazyLock::new(|| {
        Arc::new(Techniques::builtin().expect("the list in the binary is read by a test of its crate"))
    });
    Arc::clone(&BUILT_IN)
}

/// What stands for a technique where an administrator becomes somebody of his account.
const TAKES_OVER: &str = "administrator";

/// One step from a principal to somebody stronger, with what allows it.
#[derive(Debug, Clone)]
pub(crate) struct Hop {
    /// Who goes it.
    pub(crate) from: PrincipalIx,
    /// Whom it becomes; `None`: an administrator.
    pub(crate) to: Option<PrincipalIx>,
    /// The technique's id and what one does.
    pub(crate) technique: (String, String),
    /// The policy, group, resource or principal that it is about.
    pub(crate) about: Option<String>,
    /// What is needed: action, resource, and the statements that allow it.
    pub(crate) needs: Vec<(String, String, Vec<Deciding>)>,
    /// What is assumed, as sentences.
    pub(crate) assumed: Vec<String>,
    /// What was not read of it, as sentences.
    pub(crate) unread: Vec<String>,
}

/// The ways of one place.
#[derive(Debug)]
pub(crate) struct Ways {
    graph: escalation::Graph,
    privileges: Vec<Privilege>,
    /// The first step of every principal that becomes an administrator.
    first: Vec<Option<Hop>>,
    /// How an administrator holds what makes it one.
    proofs: Vec<Vec<Step>>,
}

impl Ways {
    /// Searches, and asks again for the first step of each way.
    pub(crate) fn of(graph: &Graph, place: &Place) -> Self {
        let search = place.search();
        let found = search.towards(&search.administrators());
        let count = u32::try_from(found.standing.len()).unwrap_or(u32::MAX);
        let first: Vec<Option<Hop>> = (0..count)
            .into_par_iter()
            .map(|who| found.path(who).first().map(|edge| hop(place, &search, edge)))
            .collect();
        let judged: Vec<(Privilege, Option<String>)> = (0..count)
            .into_par_iter()
            .map(|who| judge(place, search.principal(who), found.standing[who as usize], &path(&first, who)))
            .collect();
        let proofs = judged.iter().zip(&place.nodes);
        let proofs = proofs.map(|((_, by), node)| by.as_deref().map_or_else(Vec::new, |by| proof(graph, *node, by)));
        Self {
            proofs: proofs.collect(),
            privileges: judged.into_iter().map(|(privilege, _)| privilege).collect(),
            first,
            graph: found,
        }
    }

    /// How privileged a principal is.
    pub(crate) fn privilege(&self, who: PrincipalIx) -> &Privilege {
        &self.privileges[who as usize]
    }

    /// The way over groups and policies to what makes an administrator one.
    pub(crate) fn proof(&self, who: PrincipalIx) -> &[Step] {
        &self.proofs[who as usize]
    }

    /// The steps by which a principal becomes an administrator; empty for one, and for who does not.
    pub(crate) fn path(&self, who: PrincipalIx) -> Vec<&Hop> {
        path(&self.first, who)
    }

    /// Where every principal stands.
    pub(super) fn graph(&self) -> &escalation::Graph {
        &self.graph
    }

    /// Techniques that a principal's own policies would allow, and the layer that does not.
    pub(crate) fn blocked(&self, place: &Place, who: PrincipalIx) -> Vec<Block> {
        place.search().blocked(&self.graph, who)
    }
}

/// The steps from each principal to one of some others, by principal; empty for these and for who reaches none of them. An administrator
/// is none of them by that alone: he takes over whom he can in his own account.
pub(crate) fn towards(place: &Place, goals: &[PrincipalIx]) -> Vec<Vec<Hop>> {
    let mut wanted = vec![None; place.nodes.len()];
    for goal in goals {
        wanted[*goal as usize] = Some(Certainty::Certain);
    }
    let search = place.search();
    let found = search.towards_only(&wanted, None);
    steps(place, &search, &found)
}

/// The same where it is not certain of every goal that it is one, and where to become an administrator is as good: of `account`, or of any
/// where that is not known.
pub(crate) fn steps_towards(place: &Place, goals: &[Option<Certainty>], account: Option<AccountIx>) -> Vec<Vec<Hop>> {
    let search = place.search();
    let found = match account {
        Some(account) => search.towards_only(goals, Some(account)),
        None => search.towards(goals),
    };
    steps(place, &search, &found)
}

fn steps(place: &Place, search: &Search<'_>, found: &escalation::Graph) -> Vec<Vec<Hop>> {
    let of_edge = |edge| {
        let hop = hop(place, search, edge);
        let next = found.taken_over(edge).map(|to| Hop {
            from: edge.from,
            to: Some(to),
            technique: (
                TAKES_OVER.to_owned(),
                "an administrator of an account takes over whom he likes in it".to_owned(),
            ),
            about: None,
            needs: Vec::new(),
            assumed: Vec::new(),
            unread: Vec::new(),
        });
        std::iter::once(hop).chain(next)
    };
    let count = u32::try_from(found.standing.len()).unwrap_or(u32::MAX);
    (0..count).into_par_iter().map(|who| found.path(who).into_iter().flat_map(of_edge).collect()).collect()
}

pub(super) fn hop(place: &Place, search: &Search<'_>, edge: &escalation::Edge) -> Hop {
    let step = search.step(edge);
    let answers = || step.evidence.iter().map(|one| &one.answer);
    let mut unread: Vec<String> = answers().flat_map(|answer| answer.unread.iter().cloned()).collect();
    if edge.certainty == Certainty::NotEvaluated && unread.is_empty() {
        unread.push(match &step.technique.when.resource {
            Some(resource) => {
                let owner = search.principal(edge.to.unwrap_or(edge.from)).account;
                let why = workloads_unread(place, owner).map(|why| format!(": {why}")).unwrap_or_default();
                format!("whether there is one of the kind `{}` was not read{why}", resource.kind)
            }
            None => "what it needs beside its permissions was not read".to_owned(),
        });
    }
    unread.sort();
    unread.dedup();
    let mut needs: Vec<(String, String, Vec<Deciding>)> = step
        .evidence
        .iter()
        .map(|one| (one.action.clone(), one.resource.clone(), one.answer.deciding.clone()))
        .collect();
    if !step.trust.is_empty() {
        needs.push(("sts:AssumeRole".to_owned(), "its trust".to_owned(), step.trust.clone()));
    }
    Hop {
        from: edge.from,
        to: edge.to,
        technique: (step.technique.id.clone(), step.technique.name.clone()),
        about: step.about,
        needs,
        assumed: step.assumed.iter().map(|one| one.text.to_string()).collect(),
        unread,
    }
}

/// Why it is not known what runs as which role where a step leads to.
fn workloads_unread(place: &Place, owner: AccountIx) -> Option<String> {
    let unread = &place.compiled.estate().accounts[owner as usize].unread;
    let of = |what: UnreadKind| unread.iter().find(|unread| unread.what == what);
    let first = of(UnreadKind::Workloads).or_else(|| of(UnreadKind::Resources)).or_else(|| of(UnreadKind::Runners))?;
    Some(first.why.to_string())
}

/// The steps of a way from somebody, by the first step of each.
fn path(first: &[Option<Hop>], from: PrincipalIx) -> Vec<&Hop> {
    let mut path: Vec<&Hop> = Vec::new();
    let mut at = Some(from);
    while let Some(hop) = at.and_then(|at| first[at as usize].as_ref()) {
        path.push(hop);
        at = hop.to;
    }
    path
}

/// The level of somebody who stands so and goes this way, and of an administrator the policy that makes him one.
pub(super) fn judge(
    place: &Place,
    entry: &PrincipalEntry,
    standing: Standing,
    path: &[&Hop],
) -> (Privilege, Option<String>) {
    use PrivilegeLevel::{Admin, Baseline, Privileged};
    let undecided = |at_most, why| Privilege::Undecided { at_least: Baseline, at_most, why };
    let way = |what: fn(&Hop) -> &[String]| -> Vec<String> {
        let mut all: Vec<String> = path.iter().flat_map(|hop| what(hop)).cloned().collect();
        all.dedup();
        all
    };
    match standing {
        Standing::Goal(Certainty::Certain) => (Privilege::Certain(Admin), Some(by(place, entry))),
        Standing::Goal(Certainty::Conditional | Certainty::NotEvaluated) => {
            let answer = GIVES_ITSELF.map(|action| place.compiled.may_as(entry, action, "*", &[]));
            let open = answer.into_iter().find(|answer| !is_denied(answer));
            let why = open.map_or_else(|| "it controls IAM if conditions hold".to_owned(), |answer| between(&answer));
            (undecided(Admin, why), None)
        }
        Standing::Reaches { certainty: Certainty::Certain, .. } => (Privilege::Certain(Privileged), None),
        Standing::Reaches { certainty: Certainty::Conditional, .. } => {
            let why = format!("it can become an administrator if {}", way(|hop| &hop.assumed).join(" and "));
            (undecided(Privileged, why), None)
        }
        Standing::Reaches { certainty: Certainty::NotEvaluated, .. } => {
            let why = way(|hop| &hop.unread).into_iter().next();
            let why = why.unwrap_or_else(|| "a way to administration was not read to its end".to_owned());
            (undecided(Privileged, why), None)
        }
        Standing::NotEvaluated => (undecided(Admin, unread(place, entry)), None),
        Standing::Apart => (Privilege::Certain(Baseline), None),
    }
}

/// What of a principal was not read.
fn unread(place: &Place, entry: &PrincipalEntry) -> String {
    let estate = place.compiled.estate();
    if let Some(why) = entry.unread.first() {
        return why.to_string();
    }
    let policies = entry.identity.iter().chain(&entry.boundary).map(|policy| &estate.policies[*policy as usize]);
    let blind = policies.filter(|policy| policy.document.is_blind());
    if let Some(policy) = blind.into_iter().next() {
        return format!("the document of policy `{}` cannot be read", policy.name);
    }
    let account = &estate.accounts[entry.account as usize];
    let missing = account.unread.iter().find(|unread| unread.what == UnreadKind::Principals).or(account.unread.first());
    missing.map_or_else(|| "what it may do was not read".to_owned(), |missing| missing.why.to_string())
}

/// The identity policy that lets a principal give itself others.
fn by(place: &Place, entry: &PrincipalEntry) -> String {
    let actions = if entry.kind == PrincipalKind::User { &GIVES_ITSELF[..2] } else { &GIVES_ITSELF[2..] };
    let answers = actions.iter().chain(&GIVES_ITSELF).map(|action| place.compiled.may_as(entry, action, "*", &[]));
    let allowed = answers.into_iter().find(|answer| answer.verdict == Verdict::Allowed);
    let identity = allowed.and_then(|answer| answer.deciding.into_iter().find(|one| one.layer == Layer::Identity));
    identity.map(|one| one.policy.to_string()).unwrap_or_default()
}

/// The way from a principal's node to the policy of that name: held itself, or by a group.
pub(super) fn proof(graph: &Graph, node: NodeIx, policy: &str) -> Vec<Step> {
    let is_it = |edge: &Step| edge.relation == Relation::Holds && policy_name(graph, edge.target) == policy;
    let holds = |from: NodeIx| graph.edges_from(from).find(is_it);
    if let Some(step) = holds(node) {
        return vec![step];
    }
    let groups = graph.edges_from(node).filter(|edge| edge.relation == Relation::MemberOf);
    groups.into_iter().find_map(|group| Some(vec![group, holds(group.target)?])).unwrap_or_default()
}

/// What an estate calls the policy of an entitlement.
fn policy_name(graph: &Graph, entitlement: NodeIx) -> String {
    let id = graph.text(graph.node(entitlement).id);
    super::estate::inline_name(graph, graph.node(entitlement).system, id).unwrap_or_else(|| id.to_owned())
}

/// Whether an answer is a denial for certain.
pub(crate) fn is_denied(answer: &Answer) -> bool {
    matches!(answer.verdict, Verdict::ExplicitlyDenied | Verdict::ImplicitlyDenied)
}

/// What stands between an answer that is none yet and an allowed one.
pub(crate) fn between(answer: &Answer) -> String {
    if answer.verdict == Verdict::NotEvaluated {
        return match answer.unread.as_slice() {
            [] => "a policy that decides could not be read".to_owned(),
            [one] => one.clone(),
            [first, rest @ ..] => format!("{first}, and {} more", rest.len()),
        };
    }
    let conditions: Vec<&str> = answer.assumed.iter().map(|assumed| &*assumed.text).collect();
    format!("allowed if {}", conditions.join(" and "))
}

/// Where a statement stands, for people: ``statement `NoIam` of `p-abc` ``.
pub(crate) fn statement(one: &Deciding) -> String {
    let version = one.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    match &one.sid {
        Some(sid) => format!("statement `{sid}` of `{}`{version}", one.policy),
        None => format!("statement {} of `{}`{version}", one.index + 1, one.policy),
    }
}

/// A step as a sentence: what is done, to whom it leads and the statements that allow it.
pub(crate) fn sentence(graph: &Graph, place: &Place, hop: &Hop) -> String {
    let estate = place.compiled.estate();
    let who = |at: PrincipalIx| {
        let Some(entry) = estate.principals.get(at as usize) else { return "a member".to_owned() };
        let number = &estate.accounts[entry.account as usize].number;
        format!("{} of account {number}", graph.name(place.nodes[at as usize]))
    };
    let to = hop.to.map_or_else(|| "an administrator".to_owned(), who);
    let about = hop.about.as_ref().map(|about| format!(", by {about}")).unwrap_or_default();
    // What stands above lets it pass; what grants it is what has to change.
    let grants = |one: &&Deciding| matches!(one.layer, Layer::Identity | Layer::Resource);
    let needs = hop.needs.iter().map(|(action, _, all)| match all.iter().find(grants).or(all.first()) {
        Some(one) => format!("{action}: {}", statement(one)),
        None => action.clone(),
    });
    let needs: Vec<String> = needs.collect();
    let conditions = if hop.assumed.is_empty() { String::new() } else { format!(", if {}", hop.assumed.join(" and ")) };
    let unread = hop
        .unread
        .first()
        .map(|unread| format!(", unless what was not read says otherwise: {unread}"))
        .unwrap_or_default();
    let needs = if needs.is_empty() { String::new() } else { format!(" ({})", needs.join("; ")) };
    format!("{} becomes {to}{about}: {}{needs}{conditions}{unread}", who(hop.from), hop.technique.1)
}

/// What keeps a principal from a technique, as a sentence.
pub(crate) fn blocked_by(place: &Place, block: &Block) -> String {
    let technique = &place.techniques.list()[usize::from(block.technique)];
    let level = block.level.as_ref().map(|level| format!(" at `{level}`")).unwrap_or_default();
    let how = match block.deciding.first() {
        Some(one) => format!("deny it: {}", statement(one)),
        None => "do not allow it".to_owned(),
    };
    format!("{}: {}{level} {how} ({} on {})", technique.name, block.layer.as_str(), block.action, block.resource)
}

/// Names of what the answers rest on, with their days.
pub(crate) fn sources(reference: &Reference, techniques: &Techniques) -> Vec<String> {
    let own = techniques.origins().into_iter().skip(1);
    let own: Vec<String> = own.map(|(file, count)| format!(" and {count} of {file}")).collect();
    let techniques = format!("escalation techniques of {}{}", techniques.version(), own.concat());
    sources_of(reference).into_iter().chain([techniques]).collect()
}

/// The same of answers that know nothing of ways.
pub(crate) fn sources_of(reference: &Reference) -> Vec<String> {
    let of = reference.about().iter();
    of.map(|about| format!("{} {} of {} ({})", about.of, about.version, about.date, about.source)).collect()
}
