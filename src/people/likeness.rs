//! Rung 7: names, addresses, phones, departments… weighed together, where no id and no address decides.
//!
//! The weighing is [`super::linkage`]'s; what may follow from it is decided here:
//!
//! - it speaks for humans' accounts that no stronger rung has settled, and against all persons; whom only the name part of an
//!   address proposed is weighed again ([`super::reweigh`]);
//! - a link needs a belief of at least the definite threshold, and of what keeps false links under the rate that the config
//!   names; below, a person is proposed or, where several are nearly as likely, disputed;
//! - names and addresses made of names never link by themselves, and across an employment gap only a phone, a day or a code
//!   that agrees can tie an account to a person;
//! - who has an account of that class in that system is not linked to a second one.

use std::collections::BTreeMap;

use muster_connectors::record::AccountClass;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::linkage::{Entry, FieldOf, FieldScore, Filling, Kind, Linkage, Match, Name, Outcome};
use super::strategy::{Candidate, Comparison, Evidence, Strategy, Thresholds};
use super::{Classified, Correlation, People, PersonIx, class, ladder, login, reweigh};
use crate::graph::{Graph, NodeIx, SystemIx, Text};
use crate::snapshot::{Rows, Snapshot, StoreError};

/// The rung.
pub(super) static STRATEGY: Strategy = Strategy {
    name: "likeness",
    summary: "name, login, department, title, manager and what the config compares are weighed together by how rare they are",
    propose,
    any_class: false,
};

/// Persons whom an account may belong to, by account.
pub(super) type Proposals = FxHashMap<NodeIx, Vec<Candidate>>;

/// A name, or an address made of one, and nothing else.
const NAME_ALONE: f32 = 0.75;
/// The account may have been somebody else's, or would be a second one.
const DOUBTFUL: f32 = 0.65;
/// Sure, but not sure enough for the rate of false links that the config asks for.
const BELOW_DEFINITE: f32 = 0.89;
/// Bits from which on a field counts as evidence of its own.
const TELLING: f64 = 2.0;
/// Bits that an address needs to be evidence of its own.
const TELLING_ADDRESS: f64 = 6.0;
/// Records whose texts are in memory at once.
const BATCH: usize = 1 << 14;
/// Candidates of an account that are kept.
const KEPT: usize = 5;
/// Belief below which nobody is worth showing.
const NEGLIGIBLE: f32 = 0.05;
/// A rival with at least this share of the best one's belief is nearly as likely.
const NEAR_TIE: f32 = 0.5;

/// What is compared beyond names and addresses, and how sure a link must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Likeness {
    /// Most links of this rung that may be false, as a share.
    pub false_link_rate: f64,
    /// Pairs of fields that the config compares.
    pub compared: Vec<Compared>,
    /// Attributes of accounts that these name, by place in `compared`: account and value.
    pub values: Vec<(usize, NodeIx, String)>,
}

impl Likeness {
    /// Most pairs of fields that the config may compare; department, title and manager come on top.
    pub const MOST: usize = super::linkage::MOST_VALUES - 3;

    /// Reads the attributes of accounts that are compared.
    ///
    /// # Errors
    /// [`StoreError`] when the table of accounts cannot be read.
    pub fn read(mut self, snapshot: &Snapshot, graph: &Graph) -> Result<Self, StoreError> {
        let wanted: Vec<(usize, String)> = (0..)
            .zip(&self.compared)
            .filter_map(|(place, pair)| match &pair.account {
                AccountField::Attribute(name) => Some((place, super::fold(name))),
                AccountField::Department | AccountField::Title | AccountField::Manager => None,
            })
            .collect();
        if wanted.is_empty() {
            return Ok(self);
        }
        let frame = snapshot.frame("accounts", &["id", "attributes"])?;
        let rows = Rows::of(&frame, "accounts");
        let (systems, ids, attributes) = (rows.texts("system")?, rows.texts("id")?, rows.texts("attributes")?);
        for row in 0..rows.len() {
            let Some(json) = attributes.get(row) else { continue };
            let Ok(values) = serde_json::from_str::<BTreeMap<String, String>>(json) else { continue };
            let Some(account) = graph
                .system(systems.text(row))
                .and_then(|system| graph.find(system, crate::graph::NodeKind::Account, ids.text(row)))
            else {
                continue;
            };
            for (place, name) in &wanted {
                let value = values.iter().find(|(known, _)| super::fold(known) == *name);
                self.values.extend(value.map(|(_, value)| (*place, account, value.clone())));
            }
        }
        Ok(self)
    }
}

impl Default for Likeness {
    fn default() -> Self {
        Self { false_link_rate: 0.001, compared: Vec::new(), values: Vec::new() }
    }
}

/// A field of persons and one of accounts that say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// Of persons.
    pub person: PersonField,
    /// Of accounts.
    pub account: AccountField,
    /// How they are compared.
    pub kind: Kind,
}

/// A field of persons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonField {
    /// A named attribute.
    Attribute(String),
    /// Department of an employment.
    Department,
    /// Title of an employment.
    Title,
    /// Location of an employment.
    Location,
    /// Manager of an employment: key, name and address.
    Manager,
}

/// A field of accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountField {
    /// A named attribute.
    Attribute(String),
    /// Department.
    Department,
    /// Title.
    Title,
    /// Manager.
    Manager,
}

impl PersonField {
    /// As the config writes it; `None` when there is no such field.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "department" => Some(Self::Department),
            "title" => Some(Self::Title),
            "location" => Some(Self::Location),
            "manager" => Some(Self::Manager),
            other => other
                .strip_prefix("attributes.")
                .filter(|name| !name.is_empty())
                .map(|name| Self::Attribute(name.to_owned())),
        }
    }

    /// As the config writes it.
    pub fn label(&self) -> String {
        match self {
            Self::Attribute(name) => format!("attributes.{name}"),
            Self::Department => "department".to_owned(),
            Self::Title => "title".to_owned(),
            Self::Location => "location".to_owned(),
            Self::Manager => "manager".to_owned(),
        }
    }
}

impl AccountField {
    /// As the config writes it; `None` when there is no such field.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "department" => Some(Self::Department),
            "title" => Some(Self::Title),
            "manager" => Some(Self::Manager),
            other => other
                .strip_prefix("attributes.")
                .filter(|name| !name.is_empty())
                .map(|name| Self::Attribute(name.to_owned())),
        }
    }
    /// As the config writes it.
    pub fn label(&self) -> String {
        match self {
            Self::Attribute(name) => format!("attributes.{name}"),
            Self::Department => "department".to_owned(),
            Self::Title => "title".to_owned(),
            Self::Manager => "manager".to_owned(),
        }
    }
}

fn propose(evidence: &Evidence<'_>, account: NodeIx) -> Vec<Candidate> {
    evidence.likeness.get(&account).cloned().unwrap_or_default()
}

/// What follows from proposals of this rung: their confidences share one unit, so that several small ones are a dispute.
pub(super) fn decide(mut candidates: Vec<Candidate>, thresholds: Thresholds) -> Correlation {
    candidates.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(a.person.cmp(&b.person)));
    let Some(best) = candidates.first().map(|candidate| candidate.confidence) else { return Correlation::Nobody };
    if best >= thresholds.definite {
        return Correlation::Linked(candidates.swap_remove(0));
    }
    candidates.retain(|candidate| candidate.confidence >= best * NEAR_TIE);
    let together: f32 = candidates.iter().map(|candidate| candidate.confidence).sum();
    match candidates.len() {
        _ if together < thresholds.candidate => Correlation::Nobody,
        1 => Correlation::Proposed(candidates.swap_remove(0)),
        _ => Correlation::Disputed(candidates),
    }
}

/// Weighs every account that is not settled against every person.
///
/// Cost: as [`Linkage::link`], over the accounts left and all persons; nothing when no account is left.
pub(super) fn weigh(
    people: &mut People,
    graph: &Graph,
    classes: &[Classified],
    correlations: &[Correlation],
    thresholds: Thresholds,
) -> Proposals {
    let left: Vec<NodeIx> = (0..graph.account_count())
        .filter(|place| {
            let before = &correlations[*place];
            (*before == Correlation::Nobody || !reweigh::waiting(before).is_empty())
                && class::may_be_human(classes[*place].class)
        })
        .map(ladder::node)
        .filter(|account| people.decided.never(*account).is_none())
        .collect();
    if left.is_empty() || people.persons.is_empty() {
        return Proposals::default();
    }
    let weighing = Weighing::of(people, graph, classes, correlations, left);
    let found = weighing.found(thresholds);
    found.into_iter().map(|(account, drafts)| (account, intern(people, drafts))).collect()
}

/// A candidate whose texts are not yet the people's.
struct Draft {
    person: PersonIx,
    confidence: f32,
    evidence: String,
    comparisons: Vec<DraftComparison>,
}

struct DraftComparison {
    field: String,
    level: &'static str,
    account: String,
    person: String,
    bits: f64,
}

fn intern(people: &mut People, drafts: Vec<Draft>) -> Vec<Candidate> {
    let mut text = |text: &str| (!text.is_empty()).then(|| people.strings.add(text));
    let candidates = drafts.into_iter().map(|draft| Candidate {
        person: draft.person,
        confidence: draft.confidence,
        strategy: STRATEGY.name,
        evidence: draft.evidence,
        comparisons: draft
            .comparisons
            .into_iter()
            .filter_map(|row| {
                #[expect(clippy::cast_possible_truncation, reason = "bits for reports")]
                let bits = row.bits as f32;
                Some(Comparison {
                    field: text(&row.field)?,
                    level: row.level,
                    account: text(&row.account),
                    person: text(&row.person),
                    bits,
                })
            })
            .collect(),
    });
    candidates.collect()
}

struct Weighing<'a> {
    people: &'a People,
    graph: &'a Graph,
    left: Vec<NodeIx>,
    compared: Vec<Compared>,
    linkage: Linkage,
    /// System and class of each group.
    groups: Vec<u32>,
    /// Persons who have an account of a group.
    taken: FxHashSet<(u32, u32)>,
    /// Persons whom the login alone proposed, by account.
    proposed: FxHashMap<NodeIx, Vec<u32>>,
}

impl<'a> Weighing<'a> {
    fn of(
        people: &'a People,
        graph: &'a Graph,
        classes: &[Classified],
        correlations: &[Correlation],
        left: Vec<NodeIx>,
    ) -> Self {
        let compared = compared(&people.likeness);
        let kinds: Vec<Kind> = compared.iter().map(|pair| pair.kind).collect();
        let group = |account: NodeIx| {
            let is_admin = classes[account.get()].class == AccountClass::Admin;
            u32::from(graph.node(account).system.0) * 2 + u32::from(is_admin)
        };
        let groups: Vec<u32> = left.iter().map(|account| group(*account)).collect();
        let taken = correlations.iter().enumerate().filter_map(|(place, correlation)| match correlation {
            Correlation::Linked(link) if class::may_be_human(classes[place].class) => {
                Some((group(ladder::node(place)), link.person.0))
            }
            Correlation::Linked(_) | Correlation::Proposed(_) | Correlation::Disputed(_) | Correlation::Nobody => None,
        });
        let taken = taken.collect();
        let proposed = left.iter().filter_map(|account| {
            let persons: Vec<u32> =
                reweigh::waiting(&correlations[account.get()]).iter().map(|candidate| candidate.person.0).collect();
            (!persons.is_empty()).then_some((*account, persons))
        });
        let proposed = proposed.collect();
        let sources =
            Sources { people, graph, compared: &compared, attributes: attributes_by_account(&people.likeness) };
        let mut filling = Filling::new(&kinds);
        // Some at a time: the texts of everybody at once would take more room than all that is kept of them.
        for some in batches(people.persons.len()) {
            let records: Vec<Record> = some.into_par_iter().map(|person| sources.person(person)).collect();
            for record in &records {
                filling.person(&record.entry());
            }
        }
        for some in batches(left.len()) {
            let records: Vec<Record> = left[some.clone()].par_iter().map(|account| sources.account(*account)).collect();
            for (record, group) in records.iter().zip(&groups[some]) {
                filling.account(&record.entry(), *group);
            }
        }
        Self { people, graph, left, compared, linkage: filling.full(), groups, taken, proposed }
    }

    fn found(&self, thresholds: Thresholds) -> Vec<(NodeIx, Vec<Draft>)> {
        let outcome = self.linkage.link(|group, person| self.taken.contains(&(group, person)));
        let definite = outcome.threshold(self.people.likeness.false_link_rate).max(thresholds.definite);
        let sources = Sources {
            people: self.people,
            graph: self.graph,
            compared: &self.compared,
            attributes: attributes_by_account(&self.people.likeness),
        };
        (0..self.left.len())
            .into_par_iter()
            .filter_map(|place| {
                let likely = outcome.matches(place).iter().take(KEPT).filter(|found| found.belief >= NEGLIGIBLE);
                let mut matches: Vec<Match> = likely.copied().collect();
                // Of whom the login means it is told what else says, also where that is nothing good.
                for person in self.proposed.get(&self.left[place]).into_iter().flatten().copied() {
                    if !matches.iter().any(|found| found.person == person) {
                        let weighed = outcome.matches(place).iter().find(|found| found.person == person);
                        matches.push(weighed.copied().unwrap_or(Match { person, belief: 0.0, bits: 0.0 }));
                    }
                }
                let matches = matches.iter();
                let drafts: Vec<Draft> =
                    matches.map(|found| self.draft(&sources, &outcome, place, found, definite, thresholds)).collect();
                (!drafts.is_empty()).then(|| (self.left[place], drafts))
            })
            .collect()
    }

    fn draft(
        &self,
        sources: &Sources<'_>,
        outcome: &Outcome,
        place: usize,
        found: &Match,
        definite: f32,
        thresholds: Thresholds,
    ) -> Draft {
        let account = self.left[place];
        let person = PersonIx(found.person);
        let scores = self.linkage.explain(outcome, place, found.person as usize);
        let is_chosen = outcome.chosen(place).is_some_and(|chosen| chosen.person == found.person);
        let survives = super::strategy::survives_gap(self.graph, self.people, account, person);
        let is_taken = self.taken.contains(&(self.groups[place], found.person));
        let (limit, doubt) = if found.belief < NEGLIGIBLE {
            (DOUBTFUL, ", so that all in all they hardly fit")
        } else if is_taken {
            (DOUBTFUL, ", but the person has an account of this class in this system already")
        } else if !survives && !scores.iter().any(|score| self.bridges_gap(score)) {
            (DOUBTFUL, ", but the account was not made during the person's present employment")
        } else if !scores.iter().any(is_telling) {
            (NAME_ALONE, ", but nothing beside the name says so")
        } else if !is_chosen {
            (DOUBTFUL, ", but all accounts taken together, another one fits the person better")
        } else if found.belief < definite {
            (BELOW_DEFINITE.min(thresholds.definite - 0.01), ", not surely enough for a link")
        } else {
            (1.0, "")
        };
        let comparisons: Vec<DraftComparison> =
            scores.iter().map(|score| self.comparison(sources, account, person, score)).collect();
        // One of a thousand names is still a guess: what is weighed is never certain.
        let confidence = found.belief.min(limit).min(0.99);
        Draft { person, confidence, evidence: format!("{}{doubt}", sentence(&comparisons)), comparisons }
    }

    /// Whether a field ties an account to a person even where addresses and names may have been handed on.
    fn bridges_gap(&self, score: &FieldScore) -> bool {
        match score.field {
            FieldOf::Value(field) => score.bits >= TELLING_ADDRESS && self.compared[field].kind != Kind::Text,
            FieldOf::GivenName | FieldOf::FamilyName | FieldOf::Address => false,
        }
    }

    fn comparison(
        &self,
        sources: &Sources<'_>,
        account: NodeIx,
        person: PersonIx,
        score: &FieldScore,
    ) -> DraftComparison {
        let (graph, people) = (self.graph, self.people);
        let one = people.person(person);
        let name = || graph.text_or_empty(graph.node(account).name).to_owned();
        let (field, ours, theirs) = match score.field {
            FieldOf::GivenName => ("given name".to_owned(), name(), people.text_or_empty(one.given_name).to_owned()),
            FieldOf::FamilyName => ("family name".to_owned(), name(), people.text_or_empty(one.family_name).to_owned()),
            FieldOf::Address => {
                let ours = sources.addresses(account);
                let theirs: Vec<&str> = one.emails.iter().map(|email| people.text(*email)).collect();
                let (ours, theirs) = nearest(&ours, &theirs);
                ("e-mail or login".to_owned(), ours, theirs)
            }
            FieldOf::Value(place) => {
                let ours = sources.account_values(account, place);
                let theirs = sources.person_values(person.0 as usize, place);
                let theirs: Vec<&str> = theirs.iter().map(String::as_str).collect();
                let (ours, theirs) = nearest(&ours, &theirs);
                (self.compared[place].person.label(), ours, theirs)
            }
        };
        DraftComparison { field, level: score.level, account: ours, person: theirs, bits: score.bits }
    }
}

/// Whether a field is evidence beside the name.
fn is_telling(score: &FieldScore) -> bool {
    match score.field {
        FieldOf::Value(_) => score.bits >= TELLING,
        FieldOf::Address => score.bits >= TELLING_ADDRESS && matches!(score.level, "exact" | "typo"),
        FieldOf::GivenName | FieldOf::FamilyName => false,
    }
}

/// The pair of values that is alike, else the first of each.
fn nearest(ours: &[String], theirs: &[&str]) -> (String, String) {
    let alike = |a: &str, b: &str| strsim::jaro_winkler(&super::fold(a), &super::fold(b));
    let mut best: Option<(f64, &str, &str)> = None;
    for one in ours {
        for other in theirs {
            let likeness = alike(one, other);
            if best.is_none_or(|(known, _, _)| likeness > known) {
                best = Some((likeness, one, other));
            }
        }
    }
    let (one, other) = best
        .map_or((ours.first().map_or("", String::as_str), theirs.first().copied().unwrap_or("")), |best| {
            (best.1, best.2)
        });
    (one.to_owned(), other.to_owned())
}

/// What speaks for a pair, and what against it, in one sentence.
fn sentence(comparisons: &[DraftComparison]) -> String {
    let told = |row: &&DraftComparison| {
        let level = row.level;
        if super::fold(&row.account) == super::fold(&row.person) {
            format!("{} `{}`", row.field, row.account)
        } else if row.person.is_empty() {
            format!("{} `{}` ({level})", row.field, row.account)
        } else {
            format!("{} `{}` and `{}` ({level})", row.field, row.account, row.person)
        }
    };
    let list = |rows: Vec<&DraftComparison>| rows.iter().map(told).collect::<Vec<_>>().join(", ");
    let mut sorted: Vec<&DraftComparison> = comparisons.iter().collect();
    sorted.sort_by(|a, b| b.bits.total_cmp(&a.bits));
    let (speak_for, rest): (Vec<_>, Vec<_>) = sorted.into_iter().partition(|row| row.bits > 0.0);
    let against: Vec<_> = rest.into_iter().filter(|row| row.bits < -1.0).collect();
    let speak_for =
        if speak_for.is_empty() { "hardly anything agrees".to_owned() } else { format!("alike: {}", list(speak_for)) };
    if against.is_empty() { speak_for } else { format!("{speak_for}; unlike: {}", list(against)) }
}

/// Places below `all`, a batch after another.
fn batches(all: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..all.div_ceil(BATCH)).map(move |batch| batch * BATCH..all.min((batch + 1) * BATCH))
}

/// What is always compared, then what the config adds.
fn compared(likeness: &Likeness) -> Vec<Compared> {
    let usual = [
        (PersonField::Department, AccountField::Department),
        (PersonField::Title, AccountField::Title),
        (PersonField::Manager, AccountField::Manager),
    ];
    let usual = usual.into_iter().map(|(person, account)| Compared { person, account, kind: Kind::Text });
    let further = likeness.compared.iter().cloned();
    let mut all: Vec<Compared> = further.collect();
    for pair in usual {
        if !all.iter().any(|known| known.person == pair.person && known.account == pair.account) {
            all.push(pair);
        }
    }
    all
}

fn attributes_by_account(likeness: &Likeness) -> FxHashMap<(NodeIx, usize), &str> {
    likeness.values.iter().map(|(place, account, value)| ((*account, *place), value.as_str())).collect()
}

/// Texts of one side, owned, because some are put together.
#[derive(Debug, Default)]
struct Record {
    /// Given name, family name, borne before.
    parts: Vec<(String, String, bool)>,
    whole: Vec<String>,
    addresses: Vec<String>,
    values: Vec<(usize, String)>,
}

impl Record {
    fn entry(&self) -> Entry<'_> {
        let parts = self.parts.iter().map(|(given, family, former)| Name::Parts { given, family, former: *former });
        Entry {
            names: parts.chain(self.whole.iter().map(|name| Name::Whole(name))).collect(),
            addresses: self.addresses.iter().map(String::as_str).collect(),
            values: self.values.iter().map(|(field, value)| (*field, value.as_str())).collect(),
        }
    }
}

/// Where the texts come from.
struct Sources<'a> {
    people: &'a People,
    graph: &'a Graph,
    compared: &'a [Compared],
    attributes: FxHashMap<(NodeIx, usize), &'a str>,
}

impl Sources<'_> {
    fn account(&self, account: NodeIx) -> Record {
        let name = self.graph.text_or_empty(self.graph.node(account).name);
        let addresses = self.addresses(account);
        let mut whole = Vec::new();
        if name.trim().contains([' ', ',', '\u{a0}']) {
            whole.push(name.to_owned());
        } else {
            // `ada.lovelace` says what a display name would say.
            let spoken = std::iter::once(name).chain(addresses.iter().map(String::as_str)).find_map(name_in_login);
            whole.extend(spoken);
        }
        let values = (0..self.compared.len())
            .flat_map(|field| self.account_values(account, field).into_iter().map(move |value| (field, value)));
        Record { parts: Vec::new(), whole, values: values.collect(), addresses }
    }

    /// Addresses and logins, those of administrators also as their everyday ones.
    fn addresses(&self, account: NodeIx) -> Vec<String> {
        let Some(facts) = self.graph.account(account) else { return Vec::new() };
        let login = facts.login.map(|login| self.graph.text(login));
        let mut addresses: Vec<String> = Vec::new();
        for address in self.graph.emails_of(facts).chain(login) {
            let folded = super::fold(address);
            let everyday = login::without_admin_affix(login::name_of(&folded)).map(str::to_owned);
            addresses.extend(everyday);
            addresses.push(folded);
        }
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }

    fn account_values(&self, account: NodeIx, field: usize) -> Vec<String> {
        let Some(facts) = self.graph.account(account) else { return Vec::new() };
        let text = |text: Option<Text>| text.map(|text| self.graph.text(text).to_owned()).into_iter().collect();
        match &self.compared[field].account {
            AccountField::Attribute(_) => {
                self.attributes.get(&(account, field)).map(|value| (*value).to_owned()).into_iter().collect()
            }
            AccountField::Department => text(facts.department),
            AccountField::Title => text(facts.title),
            AccountField::Manager => {
                self.manager_names(self.graph.node(account).system, self.graph.text_or_empty(facts.manager))
            }
        }
    }

    /// What a manager's entry of an account may mean to HR: itself, the name in a DN, the name of the account it names.
    fn manager_names(&self, system: SystemIx, manager: &str) -> Vec<String> {
        if manager.is_empty() {
            return Vec::new();
        }
        let mut names = vec![manager.to_owned()];
        let common_name =
            manager.split(',').next().and_then(|part| part.split_once('=')).map(|(_, name)| name.to_owned());
        names.extend(common_name);
        if let Some(account) = self.graph.find(system, crate::graph::NodeKind::Account, manager) {
            names.push(self.graph.text_or_empty(self.graph.node(account).name).to_owned());
        }
        names
    }

    fn person(&self, place: usize) -> Record {
        let people = self.people;
        let person = &people.persons[place];
        let text = |text: Option<Text>| people.text_or_empty(text).to_owned();
        let (given, family) = (text(person.given_name), text(person.family_name));
        let mut parts = vec![(given.clone(), family.clone(), false)];
        for name in [person.name, person.legal_name].into_iter().flatten() {
            let (first, last) = split(people.text(name), &family);
            if !parts.iter().any(|(known, other, _)| *known == first && *other == last) {
                parts.push((first, last, false));
            }
        }
        for name in &person.previous_names {
            let (first, last) = split(people.text(*name), "");
            // Only the family name of before: the given name stays.
            parts.push((if first.is_empty() { given.clone() } else { first }, last, true));
        }
        let values = (0..self.compared.len())
            .flat_map(|field| self.person_values(place, field).into_iter().map(move |value| (field, value)));
        let addresses = person.emails.iter().map(|email| people.text(*email).to_owned()).collect();
        Record { parts, whole: Vec::new(), addresses, values: values.collect() }
    }

    fn person_values(&self, place: usize, field: usize) -> Vec<String> {
        let people = self.people;
        let person = &people.persons[place];
        let of_employments = |of: fn(&super::Employment) -> Option<Text>| {
            let mut values: Vec<Text> = person.employments.iter().rev().filter_map(of).collect();
            values.dedup();
            values.truncate(3);
            values
        };
        let texts = |values: Vec<Text>| values.into_iter().map(|value| people.text(value).to_owned()).collect();
        match &self.compared[field].person {
            PersonField::Attribute(name) => {
                let values =
                    person.attributes.iter().filter(|(known, _)| people.text(*known).eq_ignore_ascii_case(name));
                texts(values.map(|(_, value)| *value).collect())
            }
            PersonField::Department => texts(of_employments(|employment| employment.department)),
            PersonField::Title => texts(of_employments(|employment| employment.title)),
            PersonField::Location => texts(of_employments(|employment| employment.location)),
            PersonField::Manager => {
                let mut names = Vec::new();
                for key in of_employments(|employment| employment.manager) {
                    names.push(people.text(key).to_owned());
                    for manager in people.find(people.text(key)) {
                        names.push(people.name(manager).to_owned());
                        names.extend(people.person(manager).emails.iter().map(|email| people.text(*email).to_owned()));
                    }
                }
                names
            }
        }
    }
}

/// Given and family name of a full name; `family` is what the family name is otherwise known to be.
fn split(full: &str, family: &str) -> (String, String) {
    let full = full.trim();
    if let Some((last, first)) = full.split_once(',') {
        return (first.trim().to_owned(), last.trim().to_owned());
    }
    if let Some(first) = full.strip_suffix(family).filter(|first| !family.is_empty() && first.ends_with(' ')) {
        return (first.trim().to_owned(), family.to_owned());
    }
    full.rsplit_once(' ')
        .map_or_else(|| (String::new(), full.to_owned()), |(first, last)| (first.to_owned(), last.to_owned()))
}

/// The name that a login or an address spells out: two words or more between dots, hyphens or underscores.
fn name_in_login(login: &str) -> Option<String> {
    let name = login::name_of(login);
    let words: Vec<&str> = name.split(['.', '_', '-']).filter(|word| word.chars().any(char::is_alphabetic)).collect();
    (words.len() > 1).then(|| words.join(" "))
}
