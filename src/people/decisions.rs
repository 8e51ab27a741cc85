//! What people decided about links, laid over the accounts and persons of a snapshot.
//!
//! Comes in: [`LinkDecision`]s as the policy folder has them. Goes out: for every account that one speaks of, whom it is tied to,
//! whom it must not be tied to, or that it belongs to nobody; and the decisions that do nothing, each with the reason. A
//! decision that names an account or a person that is not there ties nothing.

use jiff::Timestamp;
use rustc_hash::FxHashMap;

use super::strategy::{Candidate, Evidence, Pin, Strategy};
use super::{People, PersonIx};
pub use crate::config::policy::Ruling;
use crate::diagnostic::Place;
use crate::graph::{Graph, NodeIx, SystemIx, Text};
use muster_connectors::record::RecordKind;

/// The first rung: a person has spoken.
pub(super) static STRATEGY: Strategy = Strategy {
    name: PIN,
    summary: "a decision in the policy folder (`links.toml`, `pins.toml`), with author, reason and expiry",
    propose,
    any_class: true,
};

/// The strategy's name of a link that was pinned.
pub(super) const PIN: &str = "pin";
/// The strategy's name of a link that was proposed by the evidence and accepted by a person.
pub(super) const ACCEPTED: &str = "accepted";

/// One decision about one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkDecision {
    /// What was decided.
    pub ruling: Ruling,
    /// System name.
    pub system: String,
    /// Account id, login or native name.
    pub account: String,
    /// Person: feed id, employee id or work e-mail. `None` for [`Ruling::Never`].
    pub person: Option<String>,
    /// Who decided.
    pub author: String,
    /// Why.
    pub reason: String,
    /// No longer counts from here on.
    pub expires: Option<Timestamp>,
    /// Where it is written, when it is in a file.
    pub place: Option<Place>,
}

impl From<&Pin> for LinkDecision {
    fn from(pin: &Pin) -> Self {
        Self {
            ruling: Ruling::Pin,
            system: pin.system.clone(),
            account: pin.account.clone(),
            person: Some(pin.person.clone()),
            author: pin.author.clone(),
            reason: pin.reason.clone(),
            expires: pin.expires,
            place: None,
        }
    }
}

impl LinkDecision {
    /// "pinned by beatriz: confirmed by telephone".
    pub fn sentence(&self) -> String {
        format!("{} by {}: {}", self.ruling.past(), self.author, self.reason)
    }
}

/// A decision in force, with the person it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InForce {
    /// Place in [`LinkDecisions::decisions`].
    pub(super) decision: usize,
    /// Whom it names; `None` for [`Ruling::Never`].
    pub(super) person: Option<PersonIx>,
}

/// Why a decision does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idle {
    /// Its last day is over.
    Expired,
    /// No account of the system bears the name, and the system was read completely.
    NoAccount,
    /// No account of the system bears the name, but some may not have been read.
    AccountUnread,
    /// Nobody in HR bears the key, and HR was read completely.
    NoPerson,
    /// Nobody in HR bears the key, but HR was not read completely.
    PersonUnread,
    /// Several accounts of the system bear the name.
    SeveralAccounts,
    /// Several persons bear the key.
    SeveralPersons,
    /// Another decision on the same account says the contrary: place in [`LinkDecisions::decisions`].
    Contradicts(usize),
}

/// Every decision, and what each does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkDecisions {
    decisions: Vec<LinkDecision>,
    by_account: FxHashMap<NodeIx, Vec<InForce>>,
    idle: Vec<(usize, Idle)>,
}

impl LinkDecisions {
    /// Lays `decisions` over the accounts and persons at `now`.
    ///
    /// Cost: one pass over the accounts when there is any decision in force.
    pub(super) fn new(decisions: Vec<LinkDecision>, graph: &Graph, people: &People, now: Timestamp) -> Self {
        let mut decided = Self { decisions, ..Self::default() };
        let mut accounts: Vec<Vec<NodeIx>> = vec![Vec::new(); decided.decisions.len()];
        let mut by_name: FxHashMap<(SystemIx, Text), Vec<usize>> = FxHashMap::default();
        for (place, decision) in decided.decisions.iter().enumerate() {
            if decision.expires.is_some_and(|expires| expires <= now) {
                decided.idle.push((place, Idle::Expired));
            } else if let (Some(system), Some(name)) =
                (graph.system(&decision.system), graph.strings().find(&decision.account))
            {
                by_name.entry((system, name)).or_default().push(place);
            }
        }
        if !by_name.is_empty() {
            for (ix, account) in graph.accounts() {
                let node = graph.node(ix);
                let mut names: Vec<Text> =
                    [Some(node.id), account.login, account.native_name].into_iter().flatten().collect();
                names.sort_unstable();
                names.dedup();
                for place in names.iter().filter_map(|name| by_name.get(&(node.system, *name))).flatten() {
                    accounts[*place].push(ix);
                }
            }
        }
        let expired: Vec<usize> = decided.idle.iter().map(|(place, _)| *place).collect();
        for place in (0..decided.decisions.len()).filter(|place| !expired.contains(place)) {
            match decided.resolve(place, &accounts[place], graph, people) {
                Ok((account, person)) => {
                    decided.by_account.entry(account).or_default().push(InForce { decision: place, person });
                }
                Err(idle) => decided.idle.push((place, idle)),
            }
        }
        decided.settle_contradictions();
        decided.idle.sort_by_key(|(place, _)| *place);
        decided
    }

    /// The account and the person that a decision names.
    fn resolve(
        &self,
        place: usize,
        accounts: &[NodeIx],
        graph: &Graph,
        people: &People,
    ) -> Result<(NodeIx, Option<PersonIx>), Idle> {
        let decision = &self.decisions[place];
        // The system's own id is identity; a login or native name counts where no id is meant.
        let by_id: Vec<NodeIx> =
            accounts.iter().copied().filter(|ix| graph.text(graph.node(*ix).id) == decision.account).collect();
        let account = match (by_id.as_slice(), accounts) {
            ([one], _) | ([], [one]) => *one,
            ([], []) => {
                let unread = graph
                    .coverage()
                    .of_system(&decision.system)
                    .any(|row| row.kind == RecordKind::Account && !row.proves_absence);
                return Err(if unread { Idle::AccountUnread } else { Idle::NoAccount });
            }
            _ => return Err(Idle::SeveralAccounts),
        };
        let Some(person) = &decision.person else { return Ok((account, None)) };
        match people.find(person).as_slice() {
            [one] => Ok((account, Some(*one))),
            [] if people.hr_complete() => Err(Idle::NoPerson),
            [] => Err(Idle::PersonUnread),
            [_, _, ..] => Err(Idle::SeveralPersons),
        }
    }

    /// A tie and its own refusal cannot both count: then neither ties, and both are reported. Two ties to different persons
    /// stay: the account is claimed twice, which is a situation of its own.
    fn settle_contradictions(&mut self) {
        let decisions = &self.decisions;
        for in_force in self.by_account.values_mut() {
            let ruling = |one: &InForce| decisions[one.decision].ruling;
            let refusals: Vec<InForce> = in_force.iter().copied().filter(|one| !ruling(one).ties()).collect();
            in_force.retain(|one| {
                let refused = ruling(one).ties()
                    && refusals.iter().any(|refusal| refusal.person.is_none() || refusal.person == one.person);
                if refused {
                    let against =
                        refusals.iter().find(|refusal| refusal.person.is_none() || refusal.person == one.person);
                    self.idle.push((one.decision, Idle::Contradicts(against.map_or(0, |refusal| refusal.decision))));
                }
                !refused
            });
        }
    }

    /// Every decision, in the order given.
    pub fn decisions(&self) -> &[LinkDecision] {
        &self.decisions
    }

    /// The decisions in force on an account.
    pub fn on(&self, account: NodeIx) -> impl Iterator<Item = (&LinkDecision, Option<PersonIx>)> {
        let in_force = self.by_account.get(&account).map_or(&[][..], Vec::as_slice);
        in_force.iter().map(|one| (&self.decisions[one.decision], one.person))
    }

    /// Accounts on which a decision is in force, in order.
    pub fn accounts(&self) -> Vec<NodeIx> {
        let mut accounts: Vec<NodeIx> = self.by_account.keys().copied().collect();
        accounts.sort_unstable();
        accounts
    }

    /// Decisions that do nothing, in the order given, with the reason.
    pub fn idle(&self) -> impl Iterator<Item = (&LinkDecision, Idle)> {
        self.idle.iter().map(|(place, why)| (&self.decisions[*place], *why))
    }

    /// The decision that says that an account is nobody's.
    pub fn never(&self, account: NodeIx) -> Option<&LinkDecision> {
        self.on(account).find(|(decision, _)| decision.ruling == Ruling::Never).map(|(decision, _)| decision)
    }

    /// The decision that says that an account is not this person's.
    pub fn rejection(&self, account: NodeIx, person: PersonIx) -> Option<&LinkDecision> {
        let mut on = self.on(account).filter(|(decision, _)| decision.ruling == Ruling::Reject);
        on.find(|(_, who)| *who == Some(person)).map(|(decision, _)| decision)
    }

    /// Takes out of a rung's answer what a person has refused.
    pub(super) fn permit(&self, account: NodeIx, mut candidates: Vec<Candidate>) -> Vec<Candidate> {
        if !candidates.is_empty() && self.by_account.contains_key(&account) {
            if self.never(account).is_some() {
                return Vec::new();
            }
            candidates.retain(|candidate| self.rejection(account, candidate.person).is_none());
        }
        candidates
    }
}

fn propose(evidence: &Evidence<'_>, account: NodeIx) -> Vec<Candidate> {
    let ties = evidence.decided.on(account).filter(|(decision, _)| decision.ruling.ties());
    ties.filter_map(|(decision, person)| {
        Some(Candidate {
            person: person?,
            confidence: 1.0,
            strategy: if decision.ruling == Ruling::Pin { PIN } else { ACCEPTED },
            evidence: decision.sentence(),
            comparisons: Vec::new(),
        })
    })
    .collect()
}
