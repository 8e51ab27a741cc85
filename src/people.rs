//! People: HR feeds to persons with employments, and links from accounts to them, each with its evidence.
//!
//! ```text
//!   rows of all feeds ──► merge ──► persons with employments ──► history: vanished, returned ─┐
//!   graph accounts ──────────────────────────────────────────────────────────────────────────┴─► ladder of STRATEGIES ──► a
//!                                                                                    Link or a reason why not
//! ```
//!
//! The ladder is climbed from the strongest evidence down. The first rung that names anybody decides: one person is a link
//! (or a candidate, where the rung is weak), several are *disputed*. No link is made on e-mail or name alone across an
//! employment gap. Nothing here concludes anything from an HR row that is not there: that is the rules' business, which ask
//! the graph's coverage first.

mod affiliation;
pub mod churn;
mod class;
mod decisions;
mod email;
mod employee_id;
mod employment;
mod federation;
mod history;
mod ladder;
mod likeness;
pub mod linkage;
mod load;
mod login;
mod merge;
mod recycled;
mod reweigh;
mod rungs;
mod runs;
mod slices;
mod strategy;

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_connectors::record::AccountClass;
use rayon::prelude::*;
use string_interner::Symbol as _;

use self::runs::Runs;
use crate::graph::{Graph, NodeIx, RowState, Strings, Text};

pub use self::affiliation::Affiliated;
pub(crate) use self::class::is_leased;
pub use self::decisions::{Idle, LinkDecision, LinkDecisions, Ruling};
pub use self::employment::{Change, Employment, EndEvidence, Standing, Terms};
pub use self::history::Gone;
pub use self::likeness::{AccountField, Compared, Likeness, PersonField};
pub use self::load::Source;
pub use self::login::NameKeys;
pub use self::merge::{Attribute, Decided, Decision, Duplicate, Merging, Reason, Said, SharedId, Suspected};
pub use self::recycled::Former;
pub use self::rungs::{Prober, Rung, RungAnswer};
pub use self::slices::Slice;
pub use self::strategy::{Candidate, Comparison, Evidence, Pin, Strategy, Thresholds};

/// The rungs, strongest first. One line here registers one.
pub const STRATEGIES: &[&Strategy] = &[
    &decisions::STRATEGY,
    &employee_id::STRATEGY,
    &federation::STRATEGY,
    &email::STRATEGY,
    &login::ADMIN_AFFIX,
    &login::LOCAL_PART,
    &likeness::STRATEGY,
    &login::CONVENTION,
];

/// A person, in [`People::persons`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonIx(pub u32);

/// One human of the source of truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// HR system the first record of the person stands in.
    pub system: Text,
    /// The feed's own key, folded.
    pub id: Text,
    /// Employee id, else the feed's own key, as HR writes it.
    pub key: Text,
    /// The key in each feed the person stands in, as the feed spells it.
    pub feed_ids: Vec<Text>,
    /// The records the person comes from, as feed and folded key.
    pub feeds: Vec<(Text, Text)>,
    /// The name the person goes by.
    pub name: Option<Text>,
    /// Given name.
    pub given_name: Option<Text>,
    /// Family name.
    pub family_name: Option<Text>,
    /// Full legal name.
    pub legal_name: Option<Text>,
    /// Names borne before.
    pub previous_names: Vec<Text>,
    /// Work e-mails, folded.
    pub emails: Vec<Text>,
    /// Employee ids, folded, those of every employment included.
    pub employee_ids: Vec<Text>,
    /// Further attributes that the config asks HR's files for: name and value; the first feed that has one says it.
    pub attributes: Vec<(Text, Text)>,
    /// Employments, by start.
    pub employments: Vec<Employment>,
    /// State of the rows the person comes from, the best of them.
    pub state: RowState,
    /// What each feed says, where the person stands in several; empty where all comes from one.
    pub said: Vec<Said>,
    /// Why the records of the person were joined.
    pub joined: Vec<Reason>,
    /// When the person was last seen, where today's feed does not have the record any more and no termination explains it.
    pub vanished: Option<Timestamp>,
    /// When the person was last seen before, where the last feed did not have the record and today's has it again.
    pub returned: Option<Timestamp>,
}

/// What an account has to do with people, in the words of RULES.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Situation {
    /// Linked to somebody who is employed.
    Confirmed,
    /// One candidate below the definite threshold: proposed, not linked.
    Found,
    /// Given to two persons by decision.
    FoundAlreadyLinked,
    /// Several persons are as likely.
    Ambiguous,
    /// Linked to somebody who is not employed, or not yet.
    Unqualified,
    /// Nobody corresponds.
    Unassigned,
    /// Nobody corresponds, or somebody who is not employed, but HR was not read completely or is not believed.
    Indeterminate,
    /// Linked to somebody who is gone from HR without a termination.
    SourceMissing,
    /// Not a person's account by its class.
    TargetIgnored,
}

impl Situation {
    /// Every situation.
    pub const ALL: [Self; 9] = [
        Self::Confirmed,
        Self::Found,
        Self::FoundAlreadyLinked,
        Self::Ambiguous,
        Self::Unqualified,
        Self::Unassigned,
        Self::Indeterminate,
        Self::SourceMissing,
        Self::TargetIgnored,
    ];

    /// The word in tables and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "CONFIRMED",
            Self::Found => "FOUND",
            Self::FoundAlreadyLinked => "FOUND_ALREADY_LINKED",
            Self::Ambiguous => "AMBIGUOUS",
            Self::Unqualified => "UNQUALIFIED",
            Self::Unassigned => "UNASSIGNED",
            Self::Indeterminate => "INDETERMINATE",
            Self::SourceMissing => "SOURCE_MISSING",
            Self::TargetIgnored => "TARGET_IGNORED",
        }
    }
}

/// What the ladder found for one account.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Correlation {
    /// Linked to one person.
    Linked(Candidate),
    /// One person, not surely enough.
    Proposed(Candidate),
    /// Several persons on the same rung.
    Disputed(Vec<Candidate>),
    /// Nobody.
    #[default]
    Nobody,
}

/// A class and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified {
    /// The class.
    pub class: AccountClass,
    /// In words an auditor can check.
    pub evidence: Cow<'static, str>,
}

/// Everyone, and whose account is whose.
#[derive(Debug, Default)]
pub struct People {
    strings: Strings,
    persons: Vec<Person>,
    /// Persons by the text of a key.
    by_key: Runs<PersonIx>,
    correlations: Vec<Correlation>,
    classes: Vec<Classified>,
    accounts_of: Runs<NodeIx>,
    /// Where everybody stands at one instant: rules ask it again for every account.
    standings: Option<(Timestamp, Vec<Standing>)>,
    hr_complete: bool,
    /// Whether an unknown part of some HR feed was not read or is not believed.
    hr_doubted: bool,
    decided: LinkDecisions,
    likeness: Likeness,
    proposals: likeness::Proposals,
    thresholds: Thresholds,
    zone: Option<jiff::tz::TimeZone>,
    duplicates: Vec<Duplicate>,
    unresolved: Vec<usize>,
    gone: Vec<Gone>,
    formers: Vec<Former>,
}

impl People {
    /// Climbs the ladder for every account of the graph.
    ///
    /// Cost: O((persons + accounts) log persons); accounts are judged in parallel, rung by rung.
    #[must_use]
    pub fn correlate(self, graph: &Graph, pins: &[Pin], thresholds: Thresholds, now: Timestamp) -> Self {
        self.correlate_with(graph, pins.iter().map(LinkDecision::from).collect(), thresholds, now)
    }

    /// Climbs the ladder for every account of the graph, with everything that people decided.
    ///
    /// Cost: as [`Self::correlate`].
    #[must_use]
    pub fn correlate_with(
        mut self,
        graph: &Graph,
        decisions: Vec<LinkDecision>,
        thresholds: Thresholds,
        now: Timestamp,
    ) -> Self {
        for person in &mut self.persons {
            for employment in person.employments.iter_mut().filter(|employment| !employment.changes.is_empty()) {
                employment.hold(employment.terms_at(now, &self.strings, self.zone.as_ref()));
            }
        }
        self.hr_doubted = graph.coverage().of_people().any(|row| !row.proves_absence && !row.loses_only_rows);
        self.hr_complete =
            graph.coverage().of_people().next().is_some() && graph.coverage().of_people().all(|row| row.proves_absence);
        self.thresholds = thresholds;
        self.decided = LinkDecisions::new(decisions, graph, &self, now);
        let (correlations, classes) = ladder::climb(&mut self, graph, thresholds, now);
        let linked = correlations.iter().enumerate().filter_map(|(place, correlation)| match correlation {
            Correlation::Linked(link) => Some((link.person.0, ladder::node(place))),
            Correlation::Proposed(_) | Correlation::Disputed(_) | Correlation::Nobody => None,
        });
        self.accounts_of = Runs::of(self.persons.len(), linked.collect());
        self.correlations = correlations;
        self.classes = classes;
        let standings = self.persons.par_iter().map(|person| self.standing_of(person, now)).collect();
        self.standings = Some((now, standings));
        self
    }

    /// Sets what is compared where no id and no address decides; to be told before the ladder is climbed.
    #[must_use]
    pub fn with_likeness(mut self, likeness: Likeness) -> Self {
        self.likeness = likeness;
        self
    }

    /// Every person, in order of system and id.
    pub fn persons(&self) -> impl ExactSizeIterator<Item = (PersonIx, &Person)> + '_ {
        self.persons.iter().enumerate().map(|(ix, person)| (PersonIx(u32::try_from(ix).unwrap_or(u32::MAX)), person))
    }

    /// A person.
    pub fn person(&self, ix: PersonIx) -> &Person {
        &self.persons[ix.0 as usize]
    }

    /// A text of a person.
    pub fn text(&self, text: Text) -> &str {
        self.strings.get(text)
    }

    /// A text that may be missing; empty when it is.
    pub fn text_or_empty(&self, text: Option<Text>) -> &str {
        text.map_or("", |text| self.strings.get(text))
    }

    /// The name people know a person by, else the id.
    pub fn name(&self, ix: PersonIx) -> &str {
        let person = self.person(ix);
        self.strings.get(person.name.unwrap_or(person.id))
    }

    /// A person's employee id, else the feed's own key, as HR writes it.
    pub fn key(&self, ix: PersonIx) -> &str {
        self.strings.get(self.person(ix).key)
    }

    /// Whether another person bears the same key: an id that stands for two humans.
    pub fn shares_key(&self, ix: PersonIx) -> bool {
        let key = self.person(ix).key;
        self.find(self.strings.get(key)).into_iter().any(|other| other != ix && self.person(other).key == key)
    }

    /// The persons known by a key: feed id, employee id or work e-mail, folded.
    pub fn find(&self, key: &str) -> Vec<PersonIx> {
        self.strings.find(&folded(key)).map_or_else(Vec::new, |key| self.known_by(key).to_vec())
    }

    /// The persons known by a key that is one of the people's own texts, in order.
    fn known_by(&self, key: Text) -> &[PersonIx] {
        self.by_key.get(key.to_usize())
    }

    /// Whether every HR feed was read completely.
    pub fn hr_complete(&self) -> bool {
        self.hr_complete
    }

    /// What people decided, and what each decision does.
    pub fn decided(&self) -> &LinkDecisions {
        &self.decided
    }

    /// From which confidence on a match counted when the accounts were correlated.
    pub fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// What the ladder found for an account.
    pub fn correlation(&self, account: NodeIx) -> &Correlation {
        static NOBODY: Correlation = Correlation::Nobody;
        self.correlations.get(account.get()).unwrap_or(&NOBODY)
    }

    /// The person an account is linked to.
    pub fn link(&self, account: NodeIx) -> Option<&Candidate> {
        match self.correlation(account) {
            Correlation::Linked(link) => Some(link),
            Correlation::Proposed(_) | Correlation::Disputed(_) | Correlation::Nobody => None,
        }
    }

    /// Class of an account, with what it rests on.
    pub fn class(&self, account: NodeIx) -> &Classified {
        &self.classes[account.get()]
    }

    /// Whether an account is a human's by its class.
    pub fn is_human(&self, account: NodeIx) -> bool {
        matches!(self.class(account).class, AccountClass::Human | AccountClass::Admin)
    }

    /// Whether a login bears an administrator's affix, so that its holder may be found by an everyday account.
    pub fn is_named_after_another(&self, login: &str) -> bool {
        login::without_admin_affix(login::name_of(&fold(login))).is_some()
    }

    /// The everyday login that an administrator's login is made from, folded; `None` when it bears no affix.
    pub fn everyday_login(&self, login: &str) -> Option<String> {
        login::without_admin_affix(login::name_of(&fold(login))).map(str::to_owned)
    }

    /// Accounts linked to a person, in order of system and id.
    pub fn accounts_of(&self, person: PersonIx) -> &[NodeIx] {
        self.accounts_of.get(person.0 as usize)
    }

    /// Where a person stands at `now`: the best of the employments.
    pub fn standing(&self, person: PersonIx, now: Timestamp) -> Standing {
        match &self.standings {
            Some((at, standings)) if *at == now => standings[person.0 as usize],
            Some(_) | None => self.standing_of(self.person(person), now),
        }
    }

    fn standing_of(&self, person: &Person, now: Timestamp) -> Standing {
        if person.vanished.is_some() {
            return Standing::Unknown;
        }
        let zone = self.zone.as_ref();
        employment::best(person.employments.iter().map(|e| e.standing(now, self, zone)))
    }

    /// Where one employment stands at `now`.
    pub fn employment_standing(&self, employment: &Employment, now: Timestamp) -> Standing {
        employment.standing(now, self, self.zone.as_ref())
    }

    /// The instant from which the change of an employment counts that holds now; for a termination, its end.
    pub fn counts_from(&self, employment: &Employment) -> Option<Timestamp> {
        employment.counts_from(self, self.zone.as_ref())
    }

    /// Pairs of persons who may be one human, and ids that may be two humans', by the later person.
    pub fn duplicates(&self) -> &[Duplicate] {
        &self.duplicates
    }

    /// Those of them in which `person` is the later one.
    pub fn duplicates_of(&self, person: PersonIx) -> &[Duplicate] {
        let start = self.duplicates.partition_point(|duplicate| duplicate.second < person);
        let end = self.duplicates.partition_point(|duplicate| duplicate.second <= person);
        &self.duplicates[start..end]
    }

    /// What the feeds say of those attributes on which they disagree, letter case aside.
    pub fn conflicts(&self, person: PersonIx) -> impl Iterator<Item = &Said> + '_ {
        let said = &self.person(person).said;
        said.iter().filter(|one| {
            let mine = fold(self.text(one.value));
            said.iter().any(|other| other.attribute == one.attribute && fold(self.text(other.value)) != mine)
        })
    }

    /// Places of the decisions that name a record or an employment which no feed has.
    pub fn unresolved_decisions(&self) -> &[usize] {
        &self.unresolved
    }

    /// Persons who are gone from a feed for longer than they are waited for, with no termination, by feed and key.
    pub fn gone(&self) -> &[Gone] {
        &self.gone
    }

    /// Who bore an address, folded, in an earlier snapshot that is somebody else's now.
    pub fn former_bearer(&self, address: &str) -> Option<&Former> {
        let place = self.formers.binary_search_by(|former| former.address.as_str().cmp(address)).ok()?;
        self.formers.get(place)
    }

    /// Situation of an account.
    pub fn situation(&self, account: NodeIx, now: Timestamp) -> Situation {
        match self.correlation(account) {
            Correlation::Linked(link) if self.person(link.person).vanished.is_some() => Situation::SourceMissing,
            Correlation::Linked(link) => match self.standing(link.person, now) {
                Standing::Employed | Standing::OnLeave | Standing::Unknown => Situation::Confirmed,
                // What ended somebody may be the accident that the feed is not believed for.
                Standing::Future { .. } | Standing::Ended { .. } if self.hr_doubted => Situation::Indeterminate,
                Standing::Future { .. } | Standing::Ended { .. } => Situation::Unqualified,
            },
            Correlation::Disputed(candidates) if candidates.iter().any(|c| is_decision(c.strategy)) => {
                Situation::FoundAlreadyLinked
            }
            Correlation::Disputed(_) => Situation::Ambiguous,
            Correlation::Proposed(_) => Situation::Found,
            Correlation::Nobody if !self.is_human(account) => Situation::TargetIgnored,
            Correlation::Nobody if !self.hr_complete => Situation::Indeterminate,
            Correlation::Nobody => Situation::Unassigned,
        }
    }

    /// Accounts by strategy that linked them, by name of the strategy.
    pub fn links_by_strategy(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for correlation in &self.correlations {
            if let Correlation::Linked(link) = correlation {
                *counts.entry(link.strategy).or_default() += 1;
            }
        }
        counts
    }
}

/// Whether a link of this strategy rests on what a person decided.
pub fn is_decision(strategy: &str) -> bool {
    strategy == decisions::PIN || strategy == decisions::ACCEPTED
}

/// Folds a key for comparison: trimmed, NFKC, lower case.
pub fn fold(text: &str) -> String {
    folded(text).into_owned()
}

/// [`fold`], without a copy of what is folded already, as most keys are.
pub(crate) fn folded(text: &str) -> Cow<'_, str> {
    use unicode_normalization::UnicodeNormalization;
    let trimmed = text.trim();
    if !trimmed.is_ascii() {
        return trimmed.nfkc().flat_map(char::to_lowercase).collect();
    }
    if trimmed.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return trimmed.to_ascii_lowercase().into();
    }
    trimmed.into()
}
