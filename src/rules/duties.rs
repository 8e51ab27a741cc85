//! The matrix of duties beside the accounts of a snapshot: who performs which function, and which conflicts are mitigated.

use roaring::RoaringBitmap;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Facts;
use super::named::{Named, Thing};
use crate::config::policy::{Conflict, Function, Mitigation, SodMatrix};
use crate::graph::{NodeIx, RowState, Step, SystemIx};
use crate::people::PersonIx;

/// Why a rule that needs the matrix cannot judge without one.
pub(crate) const NO_DUTIES: &str = "no policy/sod.toml says which duties exclude each other";

/// Whether somebody performs a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Performs {
    /// Certainly.
    Yes,
    /// Certainly not.
    No,
    /// What would have to be known.
    Unknown(String),
}

/// Who performs a function.
#[derive(Debug, Default)]
struct Performers {
    any: Vec<u32>,
    not: Vec<u32>,
    /// Whether a holder of `any` may be missing.
    unread: bool,
    /// Accounts that hold one of `any`: certainly, and by conditional or former rows too.
    in_sure: RoaringBitmap,
    in_any: RoaringBitmap,
    /// The same of `not`.
    not_sure: RoaringBitmap,
    not_any: RoaringBitmap,
    /// Groups that give it and that anybody of the system can join.
    open: Vec<NodeIx>,
    /// A group that gives it of which the system does not say whether anybody can join, by system.
    unsaid: Vec<(SystemIx, NodeIx)>,
    /// What gives it, by the person who owns it.
    owned: FxHashMap<PersonIx, NodeIx>,
}

/// How somebody could come to a function without anybody's help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unaided {
    /// Joins this group.
    Joins(NodeIx),
    /// Owns this, and may give it.
    Owns(NodeIx),
    /// Not at all.
    No,
    /// What the system does not say.
    Unknown(String),
}

/// A mitigation with whom it covers.
#[derive(Debug)]
struct Cover<'a> {
    mitigation: &'a Mitigation,
    everybody: bool,
    persons: FxHashSet<PersonIx>,
    accounts: FxHashSet<NodeIx>,
    expired: bool,
}

/// How a conflict stands for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control<'a> {
    /// Nothing makes it tolerable.
    None,
    /// This does.
    Mitigated(&'a Mitigation),
    /// This did.
    Expired(&'a Mitigation),
}

/// The matrix, resolved.
#[derive(Debug, Default)]
pub(crate) struct Duties<'a> {
    matrix: Option<&'a SodMatrix>,
    functions: Vec<Performers>,
    /// By conflict.
    covers: Vec<Vec<Cover<'a>>>,
    /// Active human accounts whose rows were read.
    participants: RoaringBitmap,
}

impl<'a> Duties<'a> {
    /// Unites the holders of what makes each function.
    pub(crate) fn of(facts: &Facts<'a>, named: &Named<'a>) -> Self {
        let Some(matrix) = facts.policy.sod.as_ref() else { return Self::default() };
        let takes_part = |account: &NodeIx| {
            facts.graph.node(*account).state != RowState::Stale && facts.is_active(*account) && facts.is_human(*account)
        };
        let participants = facts.graph.accounts().map(|(ix, _)| ix).filter(takes_part).map(|ix| ix.0).collect();
        let functions = matrix.functions.iter().map(|function| performers(facts, named, function)).collect();
        let covers = matrix
            .conflicts
            .iter()
            .map(|conflict| conflict.mitigations.iter().map(|mitigation| cover(facts, mitigation)).collect());
        Self { matrix: Some(matrix), functions, covers: covers.collect(), participants }
    }

    /// The matrix; `None` when there is none.
    pub(crate) fn matrix(&self) -> Option<&'a SodMatrix> {
        self.matrix
    }

    /// Whether the account is an active human's and was read.
    pub(crate) fn takes_part(&self, account: NodeIx) -> bool {
        self.participants.contains(account.0)
    }

    /// The function at a place of the matrix.
    pub(crate) fn function(&self, place: usize) -> Option<&'a Function> {
        self.matrix.and_then(|matrix| matrix.functions.get(place))
    }

    /// Whether a function has something in a system.
    pub(crate) fn is_in(&self, facts: &Facts<'_>, function: usize, system: SystemIx) -> bool {
        self.functions[function].any.iter().any(|thing| facts.named.thing(*thing).system == Some(system))
    }

    /// Whether one account performs a function.
    pub(crate) fn by_account(&self, facts: &Facts<'_>, function: usize, account: NodeIx) -> Performs {
        if self.is_out(function, &[account]) {
            return Performs::No;
        }
        let system = facts.graph.node(account).system;
        self.performs(facts, function, &[account], |thing| thing.system == Some(system))
    }

    /// Whether a person performs a function through all accounts together.
    pub(crate) fn by_person(&self, facts: &Facts<'_>, function: usize, person: PersonIx) -> Performs {
        if self.is_out(function, facts.people.accounts_of(person)) {
            return Performs::No;
        }
        let accounts: Vec<NodeIx> = self.accounts(facts, person);
        self.performs(facts, function, &accounts, |thing| {
            let Some(system) = thing.system else { return true };
            thing.accounts_unread.is_some()
                || facts.named.is_in_question(person, system)
                || accounts.iter().any(|account| facts.graph.node(*account).system == system)
        })
    }

    /// Whether none of the accounts holds anything of a function, and nothing of it can have been missed: what is true of nearly
    /// everybody is told at once.
    fn is_out(&self, function: usize, accounts: &[NodeIx]) -> bool {
        let of = &self.functions[function];
        !of.unread && !accounts.iter().any(|account| of.in_any.contains(account.0))
    }

    /// The accounts of a person that take part.
    pub(crate) fn accounts(&self, facts: &Facts<'_>, person: PersonIx) -> Vec<NodeIx> {
        facts.people.accounts_of(person).iter().copied().filter(|account| self.takes_part(*account)).collect()
    }

    /// `may_hold` says of which things a holding may have been missed.
    fn performs(
        &self,
        facts: &Facts<'_>,
        function: usize,
        accounts: &[NodeIx],
        may_hold: impl Fn(&Thing<'_>) -> bool,
    ) -> Performs {
        let of = &self.functions[function];
        let within = |set: &RoaringBitmap| accounts.iter().any(|account| set.contains(account.0));
        if within(&of.not_sure) {
            return Performs::No;
        }
        let open = || {
            Performs::Unknown("a grant on the way depends on a condition, or is from an earlier snapshot".to_owned())
        };
        let unread = |things: &[u32]| {
            let things = things.iter().map(|thing| facts.named.thing(*thing)).filter(|thing| may_hold(thing));
            things.into_iter().find_map(|thing| thing.unread.as_ref().or(thing.accounts_unread.as_ref())).cloned()
        };
        if within(&of.in_sure) {
            return match unread(&of.not) {
                _ if within(&of.not_any) => open(),
                Some(why) => Performs::Unknown(why),
                None => Performs::Yes,
            };
        }
        if within(&of.in_any) {
            return open();
        }
        unread(&of.any).map_or(Performs::No, Performs::Unknown)
    }

    /// The shortest way by which one of the accounts performs a function.
    pub(crate) fn way(&self, facts: &Facts<'_>, function: usize, accounts: &[NodeIx]) -> Vec<Step> {
        let things = self.functions[function].any.iter().map(|thing| facts.named.thing(*thing));
        let ways = things.flat_map(|thing| {
            let holders = accounts.iter().filter(|account| thing.sure.contains(account.0));
            holders.map(|account| thing.way(facts.graph, *account, true))
        });
        ways.filter(|way| !way.is_empty()).min_by_key(Vec::len).unwrap_or_default()
    }

    /// How a person could come to a function unaided.
    pub(crate) fn unaided(&self, facts: &Facts<'_>, function: usize, person: PersonIx) -> Unaided {
        let of = &self.functions[function];
        let accounts = self.accounts(facts, person);
        let is_in = |system: SystemIx| accounts.iter().any(|account| facts.graph.node(*account).system == system);
        if let Some(group) = of.open.iter().find(|group| is_in(facts.graph.node(**group).system)) {
            return Unaided::Joins(*group);
        }
        if let Some(node) = of.owned.get(&person) {
            return Unaided::Owns(*node);
        }
        of.unsaid.iter().find(|(system, _)| is_in(*system)).map_or(Unaided::No, |(system, group)| {
            let (system, group) = (facts.graph.system_name(*system), facts.graph.name(*group));
            Unaided::Unknown(format!("`{system}` does not say whether anybody can join `{group}`"))
        })
    }

    /// What makes a conflict tolerable for a person or account.
    pub(crate) fn control(&self, conflict: usize, person: Option<PersonIx>, accounts: &[NodeIx]) -> Control<'a> {
        let covers = self.covers[conflict].iter().filter(|cover| {
            cover.everybody
                || person.is_some_and(|person| cover.persons.contains(&person))
                || accounts.iter().any(|account| cover.accounts.contains(account))
        });
        let mut ended = Control::None;
        for cover in covers {
            if !cover.expired {
                return Control::Mitigated(cover.mitigation);
            }
            ended = Control::Expired(cover.mitigation);
        }
        ended
    }

    /// The pairs of functions of a conflict.
    pub(crate) fn pairs(conflict: &Conflict) -> impl Iterator<Item = (usize, usize)> + '_ {
        let functions = &conflict.functions;
        (0..functions.len()).flat_map(move |a| (a + 1..functions.len()).map(move |b| (functions[a], functions[b])))
    }
}

fn performers(facts: &Facts<'_>, named: &Named<'_>, function: &Function) -> Performers {
    let places =
        |items: &[crate::config::policy::Item]| items.iter().map(|item| named.place(item)).collect::<Vec<u32>>();
    let (any, not) = (places(&function.any), places(&function.not));
    let unite = |things: &[u32], sure: bool| {
        let mut all = RoaringBitmap::new();
        for thing in things.iter().map(|thing| named.thing(*thing)) {
            all |= if sure { &thing.sure } else { &thing.any };
        }
        all
    };
    let (mut open, mut unsaid, mut owned) = (Vec::new(), Vec::new(), FxHashMap::default());
    for node in givers(facts, named, &any) {
        let system = facts.graph.node(node).system;
        let owner = match facts.graph.group(node) {
            Some(group) => {
                match group.self_join {
                    Some(true) => open.push(node),
                    None if !unsaid.iter().any(|(known, _)| *known == system) => unsaid.push((system, node)),
                    Some(false) | None => {}
                }
                group.owner
            }
            None => facts.graph.entitlement(node).and_then(|entitlement| entitlement.owner),
        };
        if let Some(person) = owner.and_then(|owner| facts.owner(system, facts.graph.text(owner))) {
            owned.entry(person).or_insert(node);
        }
    }
    let is_unread = |thing: &Thing<'_>| thing.unread.is_some() || thing.accounts_unread.is_some();
    Performers {
        unread: any.iter().any(|thing| is_unread(named.thing(*thing))),
        open,
        unsaid,
        owned,
        in_sure: unite(&any, true),
        in_any: unite(&any, false),
        not_sure: unite(&not, true),
        not_any: unite(&not, false),
        any,
        not,
    }
}

/// Groups and entitlements that give one of the things, in order.
fn givers(facts: &Facts<'_>, named: &Named<'_>, things: &[u32]) -> Vec<NodeIx> {
    let mut nodes: Vec<NodeIx> = Vec::new();
    let accounts = facts.graph.account_count();
    for thing in things.iter().map(|thing| named.thing(*thing)) {
        let holders = thing.any.iter().map(NodeIx).filter(|node| node.get() >= accounts);
        nodes.extend(thing.targets.iter().copied().chain(holders));
    }
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

fn cover<'a>(facts: &Facts<'_>, mitigation: &'a Mitigation) -> Cover<'a> {
    let mut cover = Cover {
        mitigation,
        everybody: mitigation.of.is_empty(),
        persons: FxHashSet::default(),
        accounts: FxHashSet::default(),
        expired: mitigation.expires < facts.now.to_zoned(jiff::tz::TimeZone::UTC).date(),
    };
    for key in &mitigation.of {
        cover.persons.extend(facts.people.find(key));
        if let Some((system, id)) = key.split_once(':') {
            if let Some(system) = facts.graph.system(system) {
                cover.accounts.extend(facts.graph.find(system, crate::graph::NodeKind::Account, id));
            }
            cover.persons.extend(facts.people.find(id).into_iter().filter(|person| {
                let feeds = &facts.people.person(*person).feeds;
                feeds.iter().any(|(feed, _)| facts.people.text(*feed) == system)
            }));
        }
    }
    cover
}
