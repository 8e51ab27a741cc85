//! One check of one snapshot: every layer put up, every rule asked, the result kept.
//!
//! ```text
//!   Snapshot ──► Estate { graph, people, access, since } ──► rules::evaluate ──► Check ──► report::view ──► store
//! ```
//!
//! A pure function of the snapshot, the config, the findings of earlier checks and the clock that is passed in.

pub mod drift;
pub mod links;
pub mod persons;
pub mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use jiff::Timestamp;
use jiff::ToSpan as _;
use polars::prelude::{Column, DataFrame, IntoColumn as _, NamedFrom as _, Series};
use rustc_hash::FxHashMap;
use serde_json::Value as Json;

use crate::access::Access;
use crate::config::policy::OwnRule;
use crate::config::{Config, RuleTable};
use crate::diagnostic::{Diagnostic, similar};
use crate::drift::{Events, Past};
use crate::graph::Graph;
use crate::people::{LinkDecision, People, Thresholds};
use crate::query;
use crate::rules::{self, Check, Facts, Ground, History, Inventory, Options, RULES, Rule};
use crate::snapshot::{Snapshot, Store, StoreError};

/// The layers of one snapshot.
#[derive(Debug)]
pub struct Estate {
    /// Accounts, groups, grants.
    pub graph: Graph,
    /// Persons and links.
    pub people: People,
    /// Privilege.
    pub access: Access,
    /// Where all of it comes from.
    pub snapshot: Snapshot,
    compare: Compare,
    since: OnceLock<Since>,
}

/// What a snapshot is compared with.
#[derive(Debug)]
enum Compare {
    /// The newest that is at least so many days older; 0 for the one before.
    Days(u32),
    /// This one.
    With(Snapshot),
}

/// What changed since an earlier snapshot, and what may explain it. Read when rules are asked, and not before.
#[derive(Debug)]
pub struct Since {
    /// What changed.
    pub past: Past,
    /// Approvals and audit logs.
    pub events: Events,
}

impl Estate {
    /// Puts the layers up.
    ///
    /// # Errors
    /// [`StoreError`] when the snapshot cannot be read.
    pub fn load(snapshot: &Snapshot, config: &Config, now: Timestamp) -> Result<Self, StoreError> {
        let merging = persons::merging(config, now);
        let (graph, people) = rayon::join(|| Graph::load(snapshot), || People::read(snapshot, &merging, now));
        let graph = graph?;
        let likeness = config.likeness.clone().read(snapshot, &graph)?;
        let people =
            people?.with_likeness(likeness).correlate_with(&graph, decisions(config), Thresholds::default(), now);
        let access = Access::of(&graph);
        let compare = Compare::Days(config.compare_days.value);
        Ok(Self { graph, people, access, snapshot: snapshot.clone(), compare, since: OnceLock::new() })
    }

    /// Compares with `before` instead of the snapshot that the config says.
    #[must_use]
    pub fn compared_with(mut self, before: Snapshot) -> Self {
        self.compare = Compare::With(before);
        self.since = OnceLock::new();
        self
    }

    /// What changed, and what may explain it; read the first time it is asked for.
    ///
    /// # Errors
    /// [`StoreError`] when a snapshot cannot be read.
    pub fn since(&self) -> Result<&Since, StoreError> {
        if let Some(since) = self.since.get() {
            return Ok(since);
        }
        let past = || match &self.compare {
            Compare::Days(days) => Past::of(&self.snapshot, i64::from(*days)),
            Compare::With(before) => Past::between(Some(before), &self.snapshot),
        };
        let (past, events) = rayon::join(past, || Events::read(&self.snapshot));
        let since = Since { past: past?, events: events? };
        Ok(self.since.get_or_init(|| since))
    }

    /// Asks every rule, the team's own as well.
    ///
    /// # Errors
    /// What in `[rules]` cannot be used, or a snapshot that cannot be read.
    pub fn check(&self, config: &Config, history: &History, now: Timestamp) -> Result<Check, Vec<Diagnostic>> {
        self.judge(RULES, true, config, history, now)
    }

    /// Asks some of the built-in rules.
    ///
    /// # Errors
    /// What in `[rules]` cannot be used, or a snapshot that cannot be read.
    pub fn check_by(
        &self,
        rules: &[&'static Rule],
        config: &Config,
        history: &History,
        now: Timestamp,
    ) -> Result<Check, Vec<Diagnostic>> {
        self.judge(rules, false, config, history, now)
    }

    /// Asks these of the built-in rules, and the team's own when `own` says so.
    fn judge(
        &self,
        rules: &[&'static Rule],
        own: bool,
        config: &Config,
        history: &History,
        now: Timestamp,
    ) -> Result<Check, Vec<Diagnostic>> {
        let options = options(config)?;
        let inventory = inventory(config);
        let Since { past, events } = self.since().map_err(|error| vec![unreadable(&error)])?;
        let ground = Ground {
            graph: &self.graph,
            people: &self.people,
            access: &self.access,
            options: &options,
            inventory: &inventory,
            policy: &config.policy,
            past,
            events,
        };
        let facts = Facts::new(ground, now);
        let mut check = rules::evaluate_some(&facts, history, rules);
        if own {
            let ask = |sql: &str| tables::with(self, now, |extra| query::run(&self.snapshot, extra, sql));
            rules::evaluate_own(&mut check, &facts, history, ask)?;
        }
        Ok(check)
    }
}

/// The store's error about a snapshot that rules need.
fn unreadable(error: &StoreError) -> Diagnostic {
    let code = if matches!(error, StoreError::Damaged { .. }) { "SNP005" } else { "SNP002" };
    Diagnostic::error(code, error.to_string()).fix(error.fix())
}

/// Decisions about links as the policy folder has them; one that expires counts until its last day is over.
fn decisions(config: &Config) -> Vec<LinkDecision> {
    let zone = &config.timezone.value;
    let over = |day: jiff::civil::Date| Some(day.checked_add(1.day()).ok()?.to_zoned(zone.clone()).ok()?.timestamp());
    let written = config.policy.decisions();
    written
        .map(|decision| LinkDecision {
            ruling: decision.ruling,
            system: decision.system.clone(),
            account: decision.account.clone(),
            person: decision.person.clone(),
            author: decision.author.clone(),
            reason: decision.reason.clone(),
            expires: decision.expires.and_then(over),
            place: Some(decision.place.clone()),
        })
        .collect()
}

/// Systems that must be collected: those of the inventory and those of the config.
fn inventory(config: &Config) -> Inventory {
    let configured = config.systems.iter().map(|system| (system.name.clone(), system.owner.clone()));
    let listed = config.policy.inventory.iter().map(|entry| (entry.name.clone(), entry.owner.clone()));
    configured.chain(listed).collect()
}

/// What `[rules]` changes; unknown rules and options are refused.
///
/// # Errors
/// What in it cannot be used.
pub fn options(config: &Config) -> Result<Options, Vec<Diagnostic>> {
    let mut options = Options::default();
    let mut problems = rules::namesakes(&config.policy.rules);
    for table in config.rules() {
        if let Err(problem) = apply(&mut options, table, &config.policy.rules) {
            problems.push(*problem);
        }
    }
    if problems.is_empty() { Ok(options) } else { Err(problems) }
}

fn apply(options: &mut Options, table: RuleTable<'_>, own: &[OwnRule]) -> Result<(), Box<Diagnostic>> {
    if let Some(rule) = own.iter().find(|rule| rule.id.eq_ignore_ascii_case(&table.id) || rule.slug == table.id) {
        if !table.enabled {
            options.disabled.insert(rule.id.clone(), table.reason.clone().unwrap_or_default());
        }
        let place = table.place.clone();
        let values: BTreeMap<String, i64> = table.options()?;
        return match values.keys().next() {
            None => Ok(()),
            Some(name) => Err(Diagnostic::error("CFG031", format!("{} has no option `{name}`", rule.id))
                .place(place)
                .fix("a rule of your own has its numbers in its SQL")
                .into()),
        };
    }
    let Some(rule) = rules::find(&table.id) else {
        let near = similar(&table.id, RULES.iter().map(|rule| rule.id).chain(own.iter().map(|rule| rule.id.as_str())));
        return Err(Diagnostic::error("CFG030", format!("there is no rule `{}`", table.id))
            .place(table.place.clone())
            .fix(near.map_or("`muster rules list` shows them".to_owned(), |near| format!("did you mean `{near}`?")))
            .into());
    };
    if !table.enabled {
        options.disabled.insert(rule.id.to_owned(), table.reason.clone().unwrap_or_default());
    }
    let place = table.place.clone();
    let values: BTreeMap<String, i64> = table.options()?;
    for (name, value) in values {
        if !rule.options.iter().any(|setting| setting.name == name) {
            let known: Vec<&str> = rule.options.iter().map(|setting| setting.name).collect();
            let fix = match similar(&name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => format!("{} has no options", rule.id),
                None => format!("{} has {}", rule.id, known.join(", ")),
            };
            return Err(Diagnostic::error("CFG031", format!("{} has no option `{name}`", rule.id))
                .place(place)
                .fix(fix)
                .into());
        }
        if value < 0 {
            return Err(Diagnostic::error("CFG032", format!("{} of {} must not be negative", name, rule.id))
                .place(place)
                .fix("write zero or more")
                .into());
        }
        options.values.insert((rule.id.to_owned(), name), value);
    }
    Ok(())
}

/// Checks that are searched for the first sighting of what the last ones could not judge: a month of nights.
const LOOK_BACK: usize = 31;

/// First sightings, from the checks before snapshot `sequence`.
///
/// The last one tells them, except where a rule could not judge every subject: what it found before is then looked up in
/// the checks before, so that a night with a gap makes no old finding a new one.
///
/// # Errors
/// [`StoreError`] when a check cannot be read.
pub fn history(store: &Store, sequence: u64) -> Result<History, StoreError> {
    let mut first_seen = FxHashMap::default();
    let mut unsure: Option<BTreeSet<String>> = None;
    for earlier in (1..sequence).rev().take(LOOK_BACK) {
        let Some((frame, summary)) = store.read_check(earlier)? else { continue };
        let rows = crate::snapshot::Rows::of(&frame, "findings");
        let (fingerprints, rules) = (rows.texts("fingerprint")?, rows.texts("rule")?);
        let seen = rows.instants("first_seen")?;
        for row in 0..rows.len() {
            let asked = unsure.as_ref().is_none_or(|unsure| unsure.contains(rules.text(row)));
            if let Some(at) = seen.at(row).filter(|_| asked) {
                first_seen.entry(fingerprints.text(row).to_owned()).or_insert(at);
            }
        }
        let in_part = |rule: &&Json| rule["not_evaluated"].as_u64().is_some_and(|subjects| subjects > 0);
        let rules = summary["rules"].as_array().into_iter().flatten().filter(in_part);
        let also: BTreeSet<String> = rules.filter_map(|rule| Some(rule["rule"].as_str()?.to_owned())).collect();
        let left = match unsure {
            Some(before) => before.intersection(&also).cloned().collect(),
            None => also,
        };
        if left.is_empty() {
            break;
        }
        unsure = Some(left);
    }
    Ok(History { first_seen })
}

/// Findings as the table `findings` that queries see.
pub fn findings_frame(check: &Check) -> DataFrame {
    let texts = |name: &str, value: &dyn Fn(&muster_reports::view::Finding) -> Option<String>| -> Column {
        let values: Vec<Option<String>> = check.findings.iter().map(value).collect();
        Series::new(name.into(), values).into_column()
    };
    let instants = |name: &str, value: &dyn Fn(&muster_reports::view::Finding) -> Timestamp| -> Column {
        let values: Vec<i64> = check.findings.iter().map(|finding| value(finding).as_microsecond()).collect();
        let dtype = crate::snapshot::tables::Type::Instant.dtype();
        Series::new(name.into(), values).cast(&dtype).expect("microseconds are an instant").into_column()
    };
    let columns = vec![
        texts("fingerprint", &|finding| Some(finding.fingerprint.clone())),
        texts("rule", &|finding| Some(finding.rule.clone())),
        texts("severity", &|finding| Some(finding.severity.to_string())),
        texts("subject_kind", &|finding| Some(finding.subject.kind.clone())),
        texts("system", &|finding| finding.subject.system.clone()),
        texts("subject", &|finding| Some(finding.subject.id.clone())),
        texts("name", &|finding| Some(finding.subject.name.clone())),
        texts("person", &|finding| finding.subject.person.clone()),
        texts("message", &|finding| Some(finding.message.clone())),
        instants("first_seen", &|finding| finding.first_seen),
        instants("last_seen", &|finding| finding.last_seen),
    ];
    DataFrame::new(check.findings.len(), columns).expect("columns of equal length")
}

/// The view of the last check of a snapshot, if there was one.
///
/// # Errors
/// [`StoreError`] when it is there and cannot be read.
pub fn stored_view(store: &Store, sequence: u64) -> Result<Option<muster_reports::view::View>, StoreError> {
    let Some((_, json)) = store.read_check(sequence)? else { return Ok(None) };
    Ok(view_of(json))
}

/// A view that another version wrote is not shown: the snapshot can be checked again.
pub fn view_of(json: Json) -> Option<muster_reports::view::View> {
    let view: muster_reports::view::View = serde_json::from_value(json).ok()?;
    (view.version == muster_reports::view::VIEW_VERSION).then_some(view)
}
