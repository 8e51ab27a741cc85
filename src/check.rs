//! One check of one snapshot: every layer put up, every rule asked, the result kept.
//!
//! ```text
//!   Snapshot ──► Estate { graph, people, access, since } ──► rules::evaluate ──► Check ──► report::view ──► store
//! ```
//!
//! A pure function of the snapshot, the config, the findings of earlier checks and the clock that is passed in.

pub(crate) mod asked;
pub mod cases;
pub mod drift;
pub mod links;
pub mod persons;
pub mod policy_lint;
pub mod tables;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jiff::Timestamp;
use jiff::ToSpan as _;

use crate::access::Access;
use crate::config::policy::OwnRule;
use crate::config::{Config, Gate, RuleTable};
use crate::diagnostic::{Diagnostic, similar};
use crate::drift::{Events, Past};
use crate::findings::{self, Book};
use crate::graph::Graph;
use crate::people::{LinkDecision, People, Thresholds};
use crate::query;
use crate::rules::{self, Check, Facts, Ground, History, Inventory, Options, RULES, Rule, Safeguard, Weaker};
use crate::snapshot::{Snapshot, StoreError};

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
        let (graph, people) = linked(snapshot, snapshot, config, now)?;
        let access = Access::of(&graph).with_techniques(config.policy.techniques.as_ref());
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

    /// Asks every rule, the team's own as well, and lays what people decided beside the answers.
    ///
    /// # Errors
    /// What in `[rules]` or in the policy folder cannot be used, or a snapshot that cannot be read.
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
        rules::read_for(&self.graph, rules).map_err(|error| vec![unreadable(&error)])?;
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
        let book = Book::of(&config.policy, &options, now);
        book.decide(&mut check.findings);
        book.decide(&mut check.unconfirmed);
        Ok(check)
    }
}

/// The graph of some of a snapshot's rows, and who stands behind its accounts.
fn linked(
    snapshot: &Snapshot,
    of_graph: &Snapshot,
    config: &Config,
    now: Timestamp,
) -> Result<(Graph, People), StoreError> {
    let merging = persons::merging(config, now);
    let (graph, people) = rayon::join(|| Graph::load(of_graph), || People::read(snapshot, &merging, now));
    let graph = graph?;
    let likeness = config.likeness.clone().read(snapshot, &graph)?;
    let people = people?.with_likeness(likeness);
    let people = people.correlate_with(&graph, decisions(config), Thresholds::default(), now);
    Ok((graph, people))
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

/// What `[rules]` changes; unknown rules and options are refused, in the policy folder too.
///
/// # Errors
/// Each of them.
pub fn options(config: &Config) -> Result<Options, Vec<Diagnostic>> {
    let mut options = Options {
        settings: settings(config),
        fold_over: Some(config.fold_over.value),
        zone: Some(config.timezone.value.clone()),
        ..Options::default()
    };
    let unknown = findings::unknown_rules(&config.policy);
    let mut problems: Vec<Diagnostic> = unknown
        .into_iter()
        .map(|(exception, rule)| {
            let near = similar(rule, RULES.iter().map(|rule| rule.id));
            Diagnostic::error(
                "CFG030",
                format!("the exception `{}` names a rule `{rule}`, which there is not", exception.id),
            )
            .place(exception.place.clone())
            .fix(near.map_or("`muster rules list` shows them".to_owned(), |near| format!("did you mean `{near}`?")))
        })
        .chain(rules::namesakes(&config.policy.rules))
        .collect();
    for table in config.rules() {
        if let Err(problem) = apply(&mut options, table, &config.policy.rules) {
            problems.push(*problem);
        }
    }
    if problems.is_empty() { Ok(options) } else { Err(problems) }
}

/// Limits of the gate and canaries, of the config as a whole and of each system.
fn settings(config: &Config) -> Vec<Safeguard> {
    let limits = |prefix: &str, gate: &Gate| -> Vec<Safeguard> {
        let limits = gate.limits().into_iter().map(|(key, value)| {
            let weaker = if key == "learn_after" { Weaker::MoreOrNever } else { Weaker::More };
            let limit = Safeguard::new(format!("{prefix}gate.{key}"), value, weaker);
            Safeguard { approved_by: gate.approved_by.clone(), ..limit }
        });
        limits.collect()
    };
    let mut all = limits("", &config.gate);
    for system in &config.systems {
        let prefix = format!("system.{}.", system.name);
        all.extend(limits(&prefix, &system.gate));
        let canaries: Vec<&str> = system.canaries.iter().map(|(canary, _)| canary.as_str()).collect();
        let canaries = Safeguard::new(format!("{prefix}canaries"), canaries.join("\n"), Weaker::Fewer);
        all.push(Safeguard { approved_by: system.gate.approved_by.clone(), ..canaries });
    }
    all
}

fn apply(options: &mut Options, table: RuleTable<'_>, own: &[OwnRule]) -> Result<(), Box<Diagnostic>> {
    if let Some(rule) = own.iter().find(|rule| rule.id.eq_ignore_ascii_case(&table.id) || rule.slug == table.id) {
        if !table.enabled {
            options.disabled.insert(rule.id.clone(), table.reason.clone().unwrap_or_default());
        }
        if let Some(name) = &table.approved_by {
            options.approved.insert(rule.id.clone(), name.clone());
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
    if let Some(name) = &table.approved_by {
        options.approved.insert(rule.id.to_owned(), name.clone());
    }
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
