//! The ladder once more for one account, slowly and in full: what each rung compared, what it found, and why it did not decide.
//!
//! The ladder itself stops at the first rung that names anybody and keeps nothing of the others. Whoever asks *why* gets every
//! rung here, computed by the same strategies over the same facts.

use jiff::Timestamp;
use rustc_hash::FxHashMap;

use super::login::NameKeys;
use super::strategy::{Candidate, Evidence, Strategy};
use super::{
    Correlation, People, PersonIx, STRATEGIES, class, decisions, email, employee_id, federation, fold, ladder, login,
};
use crate::graph::{Graph, NodeIx, SystemIx};

/// What one rung had to say about one account.
#[derive(Debug, Clone)]
pub struct Rung {
    /// The rung's name.
    pub name: &'static str,
    /// What of the account it compared, in words.
    pub compared: String,
    /// Whom it named, likeliest first; those below the candidate threshold and those whom a decision refuses included.
    pub candidates: Vec<Candidate>,
    /// What came of it.
    pub answer: RungAnswer,
}

/// What came of a rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RungAnswer {
    /// It decided: link, proposal or dispute.
    Decides,
    /// It named somebody, and a stronger rung had decided before.
    Outranked,
    /// It named nobody.
    Silent,
    /// It named persons below the candidate threshold only.
    TooWeak,
    /// A decision refuses everybody whom it named.
    Refused,
    /// It does not speak for accounts of this class; whom it would have named is told all the same.
    NotAsked,
}

/// The rung that a strategy's name belongs to: decisions have two names and one rung.
fn rung_of(strategy: &'static str) -> &'static str {
    if super::is_decision(strategy) { decisions::STRATEGY.name } else { strategy }
}

impl RungAnswer {
    /// A word for a table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decides => "decides",
            Self::Outranked => "outranked",
            Self::Silent => "silent",
            Self::TooWeak => "too weak",
            Self::Refused => "refused",
            Self::NotAsked => "not asked",
        }
    }
}

/// Asks every rung about single accounts.
#[derive(Debug)]
pub struct Prober<'a> {
    graph: &'a Graph,
    people: &'a People,
    names: NameKeys,
    one_domain: bool,
    logins: FxHashMap<(SystemIx, String), PersonIx>,
    now: Timestamp,
}

impl<'a> Prober<'a> {
    /// Prepares the lookups that the rungs share.
    ///
    /// Cost: O(persons + accounts), once for any number of accounts.
    pub fn new(graph: &'a Graph, people: &'a People, now: Timestamp) -> Self {
        let bases = login::everyday_logins(graph);
        let before_affix = |name: &str| {
            STRATEGIES
                .iter()
                .take_while(|strategy| strategy.name != login::ADMIN_AFFIX.name)
                .any(|strategy| strategy.name == name)
                || super::is_decision(name)
        };
        let mut logins = FxHashMap::default();
        for (ix, account) in graph.accounts() {
            if let (Correlation::Linked(link), Some(login)) = (people.correlation(ix), account.login)
                && before_affix(link.strategy)
            {
                let key = (graph.node(ix).system, fold(graph.text(login)));
                if bases.contains(&key) {
                    logins.insert(key, link.person);
                }
            }
        }
        Self { graph, people, names: NameKeys::of(people), one_domain: login::is_one_domain(people), logins, now }
    }

    /// Every rung about `account`, strongest first.
    pub fn rungs(&self, account: NodeIx) -> Vec<Rung> {
        let evidence = self.evidence();
        let may_be_human = class::may_be_human(self.people.class(account).class);
        let decided = self.people.decided();
        let found: &[Candidate] = match self.people.correlation(account) {
            Correlation::Linked(one) | Correlation::Proposed(one) => std::slice::from_ref(one),
            Correlation::Disputed(several) => several,
            Correlation::Nobody => &[],
        };
        let deciding = found.first().map(|one| rung_of(one.strategy));
        let mut rungs = Vec::with_capacity(STRATEGIES.len());
        for strategy in STRATEGIES.iter().copied() {
            let asked = strategy.any_class || may_be_human;
            // Also where it is not asked: whoever doubts the class sees whom it would have named.
            let mut candidates = (strategy.propose)(&evidence, account);
            candidates.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(a.person.cmp(&b.person)));
            candidates.dedup_by_key(|candidate| candidate.person);
            let permitted = decided.permit(account, candidates.clone());
            let answer = if !asked {
                RungAnswer::NotAsked
            } else if candidates.is_empty() {
                RungAnswer::Silent
            } else if permitted.is_empty() {
                RungAnswer::Refused
            } else if ladder::decide(strategy, permitted, self.people.thresholds()) == Correlation::Nobody {
                RungAnswer::TooWeak
            } else if deciding == Some(strategy.name) {
                RungAnswer::Decides
            } else {
                RungAnswer::Outranked
            };
            rungs.push(Rung { name: strategy.name, compared: self.compared(strategy, account), candidates, answer });
        }
        // What weighs all accounts against all persons is no rung that one account can be asked about: its answer stands.
        if let Some(name) = deciding.filter(|name| STRATEGIES.iter().all(|strategy| strategy.name != *name)) {
            let compared = "all fields, side by side with everybody's".to_owned();
            rungs.push(Rung { name, compared, candidates: found.to_vec(), answer: RungAnswer::Decides });
        }
        rungs
    }

    /// Whether e-mail or name alone may tie the account to the person: never across an employment gap.
    pub fn survives_gap(&self, account: NodeIx, person: PersonIx) -> bool {
        self.evidence().survives_gap(account, person)
    }

    fn evidence(&self) -> Evidence<'_> {
        Evidence {
            graph: self.graph,
            people: self.people,
            decided: self.people.decided(),
            logins: &self.logins,
            names: &self.names,
            likeness: &self.people.proposals,
            one_domain: self.one_domain,
            now: self.now,
        }
    }

    /// What of the account a rung looks at, with the values.
    fn compared(&self, strategy: &Strategy, account: NodeIx) -> String {
        let Some(facts) = self.graph.account(account) else { return String::new() };
        let login = self.graph.text_or_empty(facts.login);
        let listed = |what: &str, values: Vec<&str>| match values.as_slice() {
            [] => format!("the account has no {what}"),
            some => {
                let quoted: Vec<String> = some.iter().map(|value| format!("`{value}`")).collect();
                format!("{what} {}", quoted.join(", "))
            }
        };
        match strategy.name {
            name if name == decisions::STRATEGY.name => match self.people.decided().on(account).count() {
                0 => "nobody has decided about this account".to_owned(),
                1 => "one decision about this account".to_owned(),
                more => format!("{more} decisions about this account"),
            },
            name if name == employee_id::STRATEGY.name => {
                listed("employee id", facts.employee_id.map(|id| self.graph.text(id)).into_iter().collect())
            }
            name if name == federation::STRATEGY.name => {
                listed("id at another issuer", self.graph.federated_of(facts).collect())
            }
            name if name == email::STRATEGY.name => {
                let login = Some(login).filter(|login| login.contains('@'));
                let mut addresses: Vec<&str> = self.graph.emails_of(facts).chain(login).collect();
                addresses.dedup();
                listed("e-mail", addresses)
            }
            _ => {
                let name = self.graph.text_or_empty(self.graph.node(account).name);
                let mut texts: Vec<&str> = [login, name].into_iter().filter(|text| !text.is_empty()).collect();
                texts.dedup();
                listed("login or name", texts)
            }
        }
    }
}
