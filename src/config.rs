//! `muster.toml` to a validated [`Config`]; every value knows which line it came from, and who set it.
//!
//! ```text
//!   flags ─┐
//!   environment ─┼─► Config { settings with their origin, gate, systems with their connectors, policy }
//!   muster.toml, policy/ ─┘
//! ```
//!
//! Nothing is guessed and nothing is ignored: an unknown key is refused with a suggestion, and all problems of a file are
//! told at once. Loading opens no connection and fetches no secret.

mod file;
pub mod manifests;
pub mod policy;
mod schema;
mod values;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use muster_connectors::manifest::run::ManifestConnector;
use muster_connectors::manifest::{Library, Manifest};
use muster_connectors::record::RecordKind;
use muster_connectors::secret::Environment;
use muster_connectors::{Connector, Manual, Settings};
use muster_reports::view::Severity;
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::diagnostic::{Diagnostic, Place, SourceText, similar};
use crate::people::{Attribute, SharedId};

use crate::people::linkage::Kind;
use crate::people::{AccountField, Compared, Likeness, PersonField};

pub use file::EmptyIsNormal;
pub use policy::Policy;
pub use schema::schema;
pub use values::{FailOn, Origin, Value, duration, instant, show_duration};

/// Age of a reading that is taken over, unless the config says otherwise: shorter than the nights between scans.
const RESUME_WITHIN: Duration = Duration::from_hours(6);
/// Systems collected at once unless somebody says otherwise.
const SYSTEMS_AT_ONCE: u16 = 4;
/// Days for which a vanished person is waited for unless the config says otherwise: a week of nightly feeds.
const VANISH_DAYS: u32 = 7;
/// Findings of one rule with one cause that are shown each by itself unless the config says otherwise.
const FOLD_OVER: u32 = 10;
/// Requests to one system at once unless the config says otherwise.
const REQUESTS_AT_ONCE: u16 = 8;

/// Everything a run is told.
#[derive(Debug)]
pub struct Config {
    /// The text of `muster.toml`.
    pub file: Arc<SourceText>,
    /// The folder of `muster.toml`; relative paths in it count from here.
    pub folder: PathBuf,
    /// Time zone of dates that bring none of their own.
    pub timezone: Value<TimeZone>,
    /// The policy folder.
    pub policy_folder: Value<PathBuf>,
    /// A fixed clock; `None` is the real one.
    pub now: Value<Option<Timestamp>>,
    /// The folder of the snapshots.
    pub store: Value<PathBuf>,
    /// Findings that turn the exit code to 1.
    pub fail_on: Value<FailOn>,
    /// Longest time of a collection.
    pub deadline: Value<Option<Duration>>,
    /// How old a finished reading of an interrupted collection may be to be taken over.
    pub resume_within: Value<Duration>,
    /// Systems collected at once.
    pub concurrency: Value<usize>,
    /// Findings of one rule with one cause that are shown each by itself.
    pub fold_over: Value<u32>,
    /// When a complete answer is not believed.
    pub gate: Gate,
    /// What is compared where no id and no address decides.
    pub likeness: Likeness,
    /// Days by which the snapshot is older that drift is told against; 0 for the snapshot before.
    pub compare_days: Value<u32>,
    /// How HR feeds become persons.
    pub people: PeopleSettings,
    /// The systems, in file order.
    pub systems: Vec<System>,
    /// What people decided.
    pub policy: Policy,
    /// The process environment, for secrets.
    pub environment: Arc<Environment>,
    /// BLAKE3 of the config and policy texts, hex.
    pub hash: String,
    /// Things worth knowing that are no problem.
    pub notes: Vec<Diagnostic>,
    gate_origins: BTreeMap<&'static str, Origin>,
    people_origins: BTreeMap<String, Origin>,
}

/// When a complete answer is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Percentage of rows that may go.
    pub shrink_percent: u32,
    /// Percentage of rows that may come.
    pub grow_percent: u32,
    /// Changes of fewer rows are not judged by percentage.
    pub min_change: u32,
    /// How old an HR file may be.
    pub max_age: Duration,
    /// Persons that HR may end in one second.
    pub mass_leave: u32,
    /// The same as a percentage of all persons; the larger of the two counts.
    pub mass_leave_percent: u32,
    /// Percentage of rows that may come more than once.
    pub repeat_percent: u32,
    /// Percentage of its values that a column may lose which most rows had.
    pub emptied_percent: u32,
    /// How long an HR file that does not say when it was taken may stay the same.
    pub max_unchanged: Duration,
    /// How far two clocks may be apart.
    pub max_skew: Duration,
    /// Believed collections after which the feed's own history narrows `shrink_percent`; 0 is never.
    pub learn_after: u32,
    /// Who approved limits that are looser than they were.
    pub approved_by: Option<String>,
}

impl Gate {
    /// Every limit by its key, as it is written.
    pub fn limits(&self) -> [(&'static str, u64); 11] {
        [
            ("shrink_percent", self.shrink_percent.into()),
            ("grow_percent", self.grow_percent.into()),
            ("min_change", self.min_change.into()),
            ("max_age_hours", self.max_age.as_secs() / 3600),
            ("mass_leave", self.mass_leave.into()),
            ("mass_leave_percent", self.mass_leave_percent.into()),
            ("repeat_percent", self.repeat_percent.into()),
            ("emptied_percent", self.emptied_percent.into()),
            ("max_unchanged_hours", self.max_unchanged.as_secs() / 3600),
            ("max_skew_minutes", self.max_skew.as_secs() / 60),
            ("learn_after", self.learn_after.into()),
        ]
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            shrink_percent: 20,
            grow_percent: 75,
            min_change: 5,
            max_age: Duration::from_hours(48),
            mass_leave: 10,
            mass_leave_percent: 5,
            repeat_percent: 10,
            emptied_percent: 50,
            max_unchanged: Duration::from_hours(7 * 24),
            max_skew: Duration::from_mins(10),
            learn_after: 7,
            approved_by: None,
        }
    }
}

/// How HR feeds become persons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeopleSettings {
    /// Feeds, the one that is believed first in front.
    pub precedence: Vec<String>,
    /// The same for single attributes.
    pub attributes: BTreeMap<Attribute, Vec<String>>,
    /// Ids that mean the same human in every feed.
    pub join: Vec<SharedId>,
    /// Days for which a vanished person is waited for.
    pub vanish_days: u32,
}

impl Default for PeopleSettings {
    fn default() -> Self {
        Self {
            precedence: Vec::new(),
            attributes: BTreeMap::new(),
            join: vec![SharedId::Employee],
            vanish_days: VANISH_DAYS,
        }
    }
}

/// One system to read.
#[derive(Debug, Clone)]
pub struct System {
    /// Its name, which is its id.
    pub name: String,
    /// The name of its connector.
    pub connector_name: String,
    /// The configured connector.
    pub connector: Arc<dyn Connector>,
    /// Objects that must be seen, each with its place.
    pub canaries: Vec<(String, Place)>,
    /// Where nothing is nothing to worry about.
    pub empty_is_normal: EmptyIsNormal,
    /// Longest time of its collection.
    pub deadline: Option<Duration>,
    /// Requests under way at once.
    pub concurrency: usize,
    /// Who answers for it.
    pub owner: Option<String>,
    /// When a complete answer of it is not believed.
    pub gate: Gate,
    /// How old its files may be; for HR the gate's age unless the system has its own.
    pub max_age: Option<Duration>,
    /// Where its name is written.
    pub place: Place,
    /// Where its `credential` is written.
    pub credential: Option<Place>,
}

impl System {
    /// Whether it yields people.
    pub fn is_hr(&self) -> bool {
        self.connector.kinds().contains(&RecordKind::Person)
    }
}

/// `[rules.ID]`, handed to the rules engine with its positions.
#[derive(Debug)]
pub struct RuleTable<'a> {
    /// Rule id as written.
    pub id: String,
    /// Where the id is written.
    pub place: Place,
    /// Whether the rule runs.
    pub enabled: bool,
    /// Why it does not.
    pub reason: Option<String>,
    /// Who approved what the table changes.
    pub approved_by: Option<String>,
    file: Arc<SourceText>,
    options: Spanned<DeValue<'a>>,
}

impl<'a> RuleTable<'a> {
    /// The rule's own options, as its own type, which should refuse unknown keys.
    ///
    /// # Errors
    /// What cannot be used, with its place.
    pub fn options<T: Deserialize<'a>>(self) -> Result<T, Box<Diagnostic>> {
        T::deserialize(ValueDeserializer::from(self.options)).map_err(|error| {
            Box::new(serde_problem(&self.file, error.message(), error.span(), &["enabled", "reason", "approved_by"]))
        })
    }
}

/// What flags say over everything else; `None` says nothing.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--store`.
    pub store: Option<PathBuf>,
    /// `--now`.
    pub now: Option<Timestamp>,
    /// `--fail-on`.
    pub fail_on: Option<FailOn>,
    /// `--jobs`.
    pub jobs: Option<usize>,
}

/// Everything that keeps a config from being used, in file order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigErrors(pub Vec<Diagnostic>);

impl Config {
    /// The config that `flag` (`--config`), else `MUSTER_CONFIG`, else the current folder names.
    pub fn find(flag: Option<&Path>, environment: &Environment) -> PathBuf {
        flag.map(Path::to_owned)
            .or_else(|| set(environment, "MUSTER_CONFIG").map(PathBuf::from))
            .unwrap_or_else(|| PathBuf::from("muster.toml"))
    }

    /// Reads and validates the config at `path`; `connectors` are the ones it may name.
    ///
    /// # Errors
    /// [`ConfigErrors`] with everything that is wrong.
    pub fn load(
        path: &Path,
        overrides: &Overrides,
        environment: Arc<Environment>,
        connectors: &[&'static Manual],
    ) -> Result<Self, ConfigErrors> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            ConfigErrors(vec![
                Diagnostic::error("CFG001", format!("cannot read `{}`", path.display()))
                    .cause(error.to_string())
                    .fix("name the config with --config or MUSTER_CONFIG, or write one with `muster init`"),
            ])
        })?;
        let file = Arc::new(SourceText { path: path.display().to_string(), text });
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            Some(_) | None => PathBuf::from("."),
        };
        Loader { file: &file, folder: &folder, environment: &environment, problems: Vec::new() }
            .load(overrides, connectors)
    }

    /// The system called `name`.
    pub fn system(&self, name: &str) -> Option<&System> {
        self.systems.iter().find(|system| system.name == name)
    }

    /// Who set a key of `[gate]`.
    pub fn gate_origin(&self, key: &str) -> Origin {
        self.gate_origins.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// Who set a key of `[people]`; single attributes go as `attributes.NAME`, pairs of fields as `compare.1` and so on.
    pub fn people_origin(&self, key: &str) -> Origin {
        self.people_origins.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// The options of rules, sorted by id.
    pub fn rules(&self) -> Vec<RuleTable<'_>> {
        // The text was parsed and the tables were validated when the config was loaded.
        let mut root = DeTable::parse(&self.file.text).map(Spanned::into_inner).unwrap_or_default();
        let table = root.remove("rules").map(Spanned::into_inner);
        rule_tables(&self.file, table, &mut Vec::new())
    }
}

/// A variable that is set and not empty.
fn set<'e>(environment: &'e Environment, name: &str) -> Option<&'e str> {
    environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// Connectors that a config may name.
struct Known<'a> {
    native: &'a [&'static Manual],
    library: Library,
}

/// What `connector = "…"` names.
enum Kinds {
    Native(&'static Manual),
    Manifest(Arc<Manifest>),
}

struct Loader<'a> {
    file: &'a Arc<SourceText>,
    folder: &'a Path,
    environment: &'a Arc<Environment>,
    problems: Vec<Diagnostic>,
}

impl Loader<'_> {
    fn load(mut self, overrides: &Overrides, connectors: &[&'static Manual]) -> Result<Config, ConfigErrors> {
        let file = Arc::clone(self.file);
        let (root, errors) = DeTable::parse_recoverable(&file.text);
        if !errors.is_empty() {
            return Err(ConfigErrors(errors.iter().map(|error| syntax_problem(&file, error)).collect()));
        }
        let mut root = root.into_inner();
        let muster: file::MusterTable = self.table(root.remove("muster"));
        let gate: file::GateTable = self.table(root.remove("gate"));
        let people: file::PeopleTable = self.table(root.remove("people"));
        let drift: file::DriftTable = self.table(root.remove("drift"));
        let rules = root.remove("rules").map(Spanned::into_inner);
        rule_tables(&file, rules, &mut self.problems);
        let systems = root.remove("system");
        for (key, _) in root {
            self.problems.push(unknown_key(
                &file,
                key.get_ref(),
                Some(key.span()),
                &["muster", "gate", "people", "drift", "rules", "system"],
                "at the top of the file",
            ));
        }
        let gate_origins = self.gate_origins(&gate);
        let gate = self.gate(&gate, &Gate::default());
        let likeness = self.likeness(&people);
        let written = people.written();
        let people_origins = written.into_iter().map(|(key, span)| (key, self.written(span))).collect();
        let library = self.library(muster.manifests.as_ref());
        let systems = self.systems(systems, &gate, &Known { native: connectors, library });
        let people = self.people(people, &systems);

        let compare_days = Value {
            value: self.within(drift.compare_days.as_ref(), 0, 0..=365),
            origin: drift.compare_days.as_ref().map_or(Origin::Default, |days| self.written(days.span())),
        };
        let timezone = self.timezone(muster.timezone);
        let policy_folder = self.file_value(
            muster.policy.as_ref().map(|policy| (policy.span(), self.path(policy.get_ref()))),
            self.path(Path::new("policy")),
        );
        let store = self.store(overrides, muster.store);
        let now = self.now(overrides, muster.now);
        let fail_on = self.fail_on(overrides, muster.fail_on);
        let deadline = self.deadline(muster.deadline.as_ref());
        let deadline = match (&muster.deadline, deadline) {
            (Some(written), Some(deadline)) => Value { value: Some(deadline), origin: self.written(written.span()) },
            (_, _) => Value { value: None, origin: Origin::Default },
        };
        let resume_within = match (&muster.resume_within, self.deadline(muster.resume_within.as_ref())) {
            (Some(written), Some(within)) => Value { value: within, origin: self.written(written.span()) },
            (_, _) => Value { value: RESUME_WITHIN, origin: Origin::Default },
        };
        let fold_over = Value {
            value: self.within(muster.fold_over.as_ref(), FOLD_OVER, 1..=u32::MAX),
            origin: muster.fold_over.as_ref().map_or(Origin::Default, |written| self.written(written.span())),
        };
        let concurrency = self.concurrency(overrides, muster.concurrency);

        let mut notes = Vec::new();
        let names: Vec<String> = systems.iter().map(|system| system.name.clone()).collect();
        let policy = self.policy(&policy_folder, &names, &mut notes);
        if !self.problems.is_empty() {
            let position = |problem: &Diagnostic| problem.place.as_ref().map(|p| (p.file.path.clone(), p.span.start));
            self.problems.sort_by_key(position);
            return Err(ConfigErrors(self.problems));
        }
        let hash = hash(&file, &policy);
        Ok(Config {
            folder: self.folder.to_owned(),
            timezone,
            policy_folder,
            now,
            store,
            fail_on,
            deadline,
            resume_within,
            concurrency,
            fold_over,
            gate,
            likeness,
            people,
            compare_days,
            systems,
            policy,
            environment: Arc::clone(self.environment),
            hash,
            notes,
            gate_origins,
            people_origins,
            file,
        })
    }

    fn table<'d, T: Deserialize<'d> + Default>(&mut self, value: Option<Spanned<DeValue<'d>>>) -> T {
        let Some(value) = value else { return T::default() };
        T::deserialize(ValueDeserializer::from(value)).unwrap_or_else(|error| {
            self.problems.push(serde_problem(self.file, error.message(), error.span(), &[]));
            T::default()
        })
    }

    /// Notes that a value has no usable meaning.
    fn refuse(&mut self, span: Range<usize>, what: String, fix: &str) {
        self.problems.push(Diagnostic::error("CFG008", what).place(Place::new(self.file, span)).fix(fix));
    }

    fn written(&self, span: Range<usize>) -> Origin {
        Origin::File(format!("{}:{}", self.file.path, Place::new(self.file, span).line_column().0))
    }

    /// A path of the config as users know it: relative to where they are.
    fn path(&self, path: &Path) -> PathBuf {
        if self.folder == Path::new(".") { path.to_owned() } else { self.folder.join(path) }
    }

    fn file_value<T>(&self, written: Option<(Range<usize>, T)>, default: T) -> Value<T> {
        match written {
            Some((span, value)) => Value { value, origin: self.written(span) },
            None => Value { value: default, origin: Origin::Default },
        }
    }

    fn timezone(&mut self, written: Option<Spanned<String>>) -> Value<TimeZone> {
        let Some(written) = written else { return Value { value: TimeZone::UTC, origin: Origin::Default } };
        if let Ok(value) = TimeZone::get(written.get_ref()) {
            return Value { value, origin: self.written(written.span()) };
        }
        let known: Vec<String> = jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
        let near = similar(written.get_ref(), known.iter().map(String::as_str));
        let fix =
            near.map_or("write an IANA name, as `Europe/Berlin`".to_owned(), |near| format!("did you mean `{near}`?"));
        self.refuse(written.span(), format!("`{}` is no time zone", written.get_ref()), &fix);
        Value { value: TimeZone::UTC, origin: Origin::Default }
    }

    fn store(&self, overrides: &Overrides, written: Option<Spanned<PathBuf>>) -> Value<PathBuf> {
        if let Some(store) = &overrides.store {
            return Value { value: store.clone(), origin: Origin::Flag("--store") };
        }
        if let Some(store) = set(self.environment, "MUSTER_STORE") {
            return Value { value: PathBuf::from(store), origin: Origin::Environment("MUSTER_STORE") };
        }
        self.file_value(
            written.map(|store| (store.span(), self.path(store.get_ref()))),
            self.path(Path::new(".muster")),
        )
    }

    fn now(&mut self, overrides: &Overrides, written: Option<Spanned<file::InstantText>>) -> Value<Option<Timestamp>> {
        if let Some(now) = overrides.now {
            return Value { value: Some(now), origin: Origin::Flag("--now") };
        }
        if let Some(text) = set(self.environment, "MUSTER_NOW") {
            return Value {
                value: self.variable("MUSTER_NOW", instant(text)),
                origin: Origin::Environment("MUSTER_NOW"),
            };
        }
        match written.map(|now| (now.span(), instant(&now.get_ref().to_string()))) {
            Some((span, Ok(now))) => Value { value: Some(now), origin: self.written(span) },
            Some((span, Err(what))) => {
                self.refuse(span, what, "give the instant a zone: Z, or an offset such as +01:00");
                Value { value: None, origin: Origin::Default }
            }
            None => Value { value: None, origin: Origin::Default },
        }
    }

    fn fail_on(&mut self, overrides: &Overrides, written: Option<Spanned<String>>) -> Value<FailOn> {
        let default = FailOn::AtLeast { severity: Severity::High, only_new: false };
        if let Some(fail_on) = overrides.fail_on {
            return Value { value: fail_on, origin: Origin::Flag("--fail-on") };
        }
        if let Some(text) = set(self.environment, "MUSTER_FAIL_ON") {
            let value = self.variable("MUSTER_FAIL_ON", text.parse()).unwrap_or(default);
            return Value { value, origin: Origin::Environment("MUSTER_FAIL_ON") };
        }
        match written.map(|text| (text.span(), text.get_ref().parse())) {
            Some((span, Ok(value))) => Value { value, origin: self.written(span) },
            Some((span, Err(what))) => {
                self.refuse(span, what, "write a severity, as `high` or `new:high`");
                Value { value: default, origin: Origin::Default }
            }
            None => Value { value: default, origin: Origin::Default },
        }
    }

    fn concurrency(&mut self, overrides: &Overrides, written: Option<Spanned<u16>>) -> Value<usize> {
        if let Some(jobs) = overrides.jobs {
            return Value { value: jobs, origin: Origin::Flag("--jobs") };
        }
        if let Some(text) = set(self.environment, "MUSTER_JOBS") {
            let jobs = text
                .parse::<u16>()
                .ok()
                .filter(|jobs| *jobs > 0)
                .ok_or_else(|| format!("`{text}` is no number of systems"));
            let value = self.variable("MUSTER_JOBS", jobs).unwrap_or(SYSTEMS_AT_ONCE);
            return Value { value: value.into(), origin: Origin::Environment("MUSTER_JOBS") };
        }
        let value = self.at_least_one(written.as_ref(), SYSTEMS_AT_ONCE);
        self.file_value(written.map(|written| (written.span(), value)), value)
    }

    fn at_least_one(&mut self, written: Option<&Spanned<u16>>, default: u16) -> usize {
        if let Some(zero) = written.filter(|written| *written.get_ref() == 0) {
            self.refuse(zero.span(), "with 0 at once nothing would ever be read".to_owned(), "write 1 or more");
        }
        written.map_or(default, |written| *written.get_ref()).into()
    }

    fn deadline(&mut self, written: Option<&Spanned<String>>) -> Option<Duration> {
        let written = written?;
        duration(written.get_ref())
            .map_err(|what| self.refuse(written.span(), what, "write a number with its unit"))
            .ok()
    }

    fn variable<T>(&mut self, name: &str, parsed: Result<T, String>) -> Option<T> {
        parsed
            .map_err(|what| {
                self.problems.push(
                    Diagnostic::error("CFG008", format!("the environment variable `{name}` cannot be used: {what}"))
                        .fix(format!("correct or unset `{name}`")),
                );
            })
            .ok()
    }

    fn policy(&mut self, folder: &Value<PathBuf>, names: &[String], notes: &mut Vec<Diagnostic>) -> Policy {
        if folder.value.is_dir() {
            return Policy::load(&folder.value, &folder.value, names, notes, &mut self.problems);
        }
        if folder.origin != Origin::Default {
            self.problems.push(
                Diagnostic::error("CFG010", format!("the policy folder `{}` does not exist", folder.value.display()))
                    .cause(format!("it is named by `policy` at {}", folder.origin))
                    .fix("create it, correct the path, or remove the key"),
            );
        }
        Policy::default()
    }

    fn likeness(&mut self, table: &file::PeopleTable) -> Likeness {
        let mut likeness = Likeness::default();
        if let Some(rate) = &table.false_link_rate {
            if *rate.get_ref() > 0.0 && *rate.get_ref() <= 0.1 {
                likeness.false_link_rate = *rate.get_ref();
            } else {
                let what = format!("{} is out of range: more than 0 and at most 0.1", rate.get_ref());
                self.refuse(rate.span(), what, "0.001 is one false link in a thousand");
            }
        }
        for pair in &table.compare {
            let person = PersonField::parse(pair.person.get_ref());
            let account = AccountField::parse(pair.account.get_ref());
            let fields = [(&pair.person, person.is_some(), ", `location`"), (&pair.account, account.is_some(), "")];
            for (written, _, further) in fields.into_iter().filter(|(_, known, _)| !known) {
                let what = format!("there is no field `{}` to compare", written.get_ref());
                let fix = format!("write `attributes.NAME`, `department`, `title`{further} or `manager`");
                self.refuse(written.span(), what, &fix);
            }
            let kind = match pair.kind {
                file::CompareAs::Text => Kind::Text,
                file::CompareAs::Phone => Kind::Phone,
                file::CompareAs::Date => Kind::Date,
                file::CompareAs::Code => Kind::Code,
            };
            if let (Some(person), Some(account)) = (person, account) {
                likeness.compared.push(Compared { person, account, kind });
            }
        }
        if let Some(beyond) = table.compare.get(Likeness::MOST) {
            let what = format!("{} pairs of fields are too many to compare", table.compare.len());
            self.refuse(beyond.person.span(), what, &format!("keep the {} that tell most", Likeness::MOST));
        }
        likeness
    }

    /// `[gate]`, or the `gate` of a system over it.
    fn gate(&mut self, table: &file::GateTable, default: &Gate) -> Gate {
        const ANY: std::ops::RangeInclusive<u32> = 1..=u32::MAX;
        let hours = |duration: Duration| u32::try_from(duration.as_secs() / 3600).unwrap_or(u32::MAX);
        let max_age = self.within(table.max_age_hours.as_ref(), hours(default.max_age), ANY);
        let max_unchanged = self.within(table.max_unchanged_hours.as_ref(), hours(default.max_unchanged), ANY);
        let minutes = u32::try_from(default.max_skew.as_secs() / 60).unwrap_or(u32::MAX);
        let max_skew = self.within(table.max_skew_minutes.as_ref(), minutes, ANY);
        Gate {
            shrink_percent: self.within(table.shrink_percent.as_ref(), default.shrink_percent, 1..=100),
            grow_percent: self.within(table.grow_percent.as_ref(), default.grow_percent, ANY),
            min_change: self.within(table.min_change.as_ref(), default.min_change, 0..=u32::MAX),
            max_age: Duration::from_secs(u64::from(max_age) * 3600),
            mass_leave: self.within(table.mass_leave.as_ref(), default.mass_leave, ANY),
            mass_leave_percent: self.within(table.mass_leave_percent.as_ref(), default.mass_leave_percent, 1..=100),
            repeat_percent: self.within(table.repeat_percent.as_ref(), default.repeat_percent, 1..=100),
            emptied_percent: self.within(table.emptied_percent.as_ref(), default.emptied_percent, 1..=100),
            max_unchanged: Duration::from_secs(u64::from(max_unchanged) * 3600),
            max_skew: Duration::from_secs(u64::from(max_skew) * 60),
            learn_after: self.within(table.learn_after.as_ref(), default.learn_after, 0..=u32::MAX),
            approved_by: table.approved_by.clone().or_else(|| default.approved_by.clone()),
        }
    }

    fn people(&mut self, table: file::PeopleTable, systems: &[System]) -> PeopleSettings {
        let precedence = self.feeds(table.precedence, systems);
        let mut attributes = BTreeMap::new();
        for (written, feeds) in table.attributes {
            let feeds = self.feeds(feeds, systems);
            let known = Attribute::ALL.into_iter().find(|attribute| attribute.as_str() == written.get_ref());
            if let Some(attribute) = known {
                attributes.insert(attribute, feeds);
            } else {
                let known: Vec<&str> = Attribute::ALL.iter().map(|attribute| attribute.as_str()).collect();
                let problem = unknown_key(self.file, written.get_ref(), Some(written.span()), &known, "here");
                self.problems.push(problem);
            }
        }
        let shared = |id: file::SharedId| match id {
            file::SharedId::EmployeeId => SharedId::Employee,
            file::SharedId::PersonId => SharedId::Person,
        };
        let default = PeopleSettings::default();
        PeopleSettings {
            precedence,
            attributes,
            join: table.join.map_or(default.join, |ids| ids.into_inner().into_iter().map(shared).collect()),
            vanish_days: self.within(table.vanish_days.as_ref(), default.vanish_days, 1..=365),
        }
    }

    /// Names of HR systems, in order.
    fn feeds(&mut self, written: Vec<Spanned<String>>, systems: &[System]) -> Vec<String> {
        let known: Vec<&str> =
            systems.iter().filter(|system| system.is_hr()).map(|system| system.name.as_str()).collect();
        for name in written.iter().filter(|name| !known.contains(&name.get_ref().as_str())) {
            let near = similar(name.get_ref(), known.iter().copied());
            self.problems.push(
                Diagnostic::error(
                    "CFG013",
                    format!("`{}` is no system of the config that yields people", name.get_ref()),
                )
                .place(Place::new(self.file, name.span()))
                .cause(match known.as_slice() {
                    [] => "no system yields people".to_owned(),
                    known => format!("those are {}", known.join(", ")),
                })
                .maybe_fix(near.map(|near| format!("did you mean `{near}`?"))),
            );
        }
        written.into_iter().map(Spanned::into_inner).collect()
    }

    fn gate_origins(&self, table: &file::GateTable) -> BTreeMap<&'static str, Origin> {
        let written = |(key, value): (&'static str, Option<&Spanned<u32>>)| Some((key, self.written(value?.span())));
        table.keys().into_iter().filter_map(written).collect()
    }

    fn within(&mut self, written: Option<&Spanned<u32>>, default: u32, range: std::ops::RangeInclusive<u32>) -> u32 {
        let Some(written) = written else { return default };
        if !range.contains(written.get_ref()) {
            let upper = if *range.end() == u32::MAX { String::new() } else { format!(" and at most {}", range.end()) };
            let what = format!("{} is out of range: at least {}{upper}", written.get_ref(), range.start());
            self.refuse(written.span(), what, "leave the key out for its default");
        }
        *written.get_ref()
    }

    fn systems(&mut self, value: Option<Spanned<DeValue<'_>>>, gate: &Gate, connectors: &Known<'_>) -> Vec<System> {
        let Some(value) = value else { return Vec::new() };
        let span = value.span();
        let DeValue::Array(tables) = value.into_inner() else {
            let what = "`system` must be a list of tables".to_owned();
            self.problems.push(
                Diagnostic::error("CFG004", what)
                    .place(Place::new(self.file, span))
                    .fix("write each system under its own `[[system]]`, with double brackets"),
            );
            return Vec::new();
        };
        let mut systems: Vec<System> = Vec::new();
        for table in tables {
            let Some(system) = self.system(table, gate, connectors) else { continue };
            if let Some(first) = systems.iter().find(|known| known.name == system.name) {
                self.problems.push(
                    Diagnostic::error("CFG005", format!("two systems are called `{}`", system.name))
                        .place(system.place.clone())
                        .cause(format!("the first one is at {}", first.place))
                        .fix("give one of them another name; a system keeps its history under its name"),
                );
                continue;
            }
            systems.push(system);
        }
        systems
    }

    fn system(&mut self, value: Spanned<DeValue<'_>>, gate: &Gate, connectors: &Known<'_>) -> Option<System> {
        let span = value.span();
        let DeValue::Table(mut own) = value.into_inner() else {
            self.problems
                .push(Diagnostic::error("CFG004", "a system must be a table").place(Place::new(self.file, span)));
            return None;
        };
        let mut engine = DeTable::new();
        for key in file::SYSTEM_KEYS {
            if let Some((key, value)) = own.remove_entry(key) {
                engine.insert(key, value);
            }
        }
        let head = Spanned::new(span.clone(), DeValue::Table(engine));
        let head = file::SystemHead::deserialize(ValueDeserializer::from(head))
            .map_err(|error| self.problems.push(serde_problem(self.file, error.message(), error.span(), &[])))
            .ok()?;
        let name = head.name.get_ref().clone();
        if name.is_empty() || name.contains(|c: char| c.is_control() || c.is_whitespace() || c == ':') {
            let what = format!("`{name}` cannot name a system");
            self.refuse(
                head.name.span(),
                what,
                "use letters, digits, `-`, `_` or `.`; it stands before a colon in reports",
            );
        }
        let credential = own.get_key_value("credential").map(|(_, value)| Place::new(self.file, value.span()));
        let kind = self.kind(&head.connector, connectors)?;
        let connector = self.connector(&name, &kind, head.connector.get_ref(), own, span)?;
        let deadline = self.deadline(head.deadline.as_ref());
        let gate = &self.gate(&head.gate, gate);
        let max_age = self.deadline(head.max_age.as_ref());
        let is_hr = connector.kinds().contains(&RecordKind::Person);
        Some(System {
            connector_name: head.connector.get_ref().clone(),
            connector,
            canaries: head
                .canaries
                .into_iter()
                .map(|canary| (canary.get_ref().clone(), Place::new(self.file, canary.span())))
                .collect(),
            empty_is_normal: head.empty_is_normal,
            deadline,
            concurrency: self.at_least_one(head.concurrency.as_ref(), REQUESTS_AT_ONCE),
            owner: head.owner,
            max_age: max_age.or(is_hr.then_some(gate.max_age)),
            gate: gate.clone(),
            place: Place::new(self.file, head.name.span()),
            credential,
            name,
        })
    }

    /// Manifests of the catalogue and of the user's folder. A folder with a manifest that does not load gives the catalogue alone,
    /// and the problems keep the config from being used.
    fn library(&mut self, folder: Option<&Spanned<PathBuf>>) -> Library {
        let Some(folder) = folder else { return Library::default() };
        Library::load(&self.path(folder.get_ref())).unwrap_or_else(|problems| {
            self.problems.extend(manifests::diagnostics(&problems));
            Library::default()
        })
    }

    fn kind(&mut self, written: &Spanned<String>, connectors: &Known<'_>) -> Option<Kinds> {
        if let Some(manual) = connectors.native.iter().copied().find(|manual| manual.name == written.get_ref()) {
            return Some(Kinds::Native(manual));
        }
        match connectors.library.find(written.get_ref()) {
            Some(Ok(manifest)) => Some(Kinds::Manifest(manifest)),
            Some(Err(problems)) => {
                self.problems.extend(manifests::diagnostics(&problems));
                None
            }
            None => {
                let mut names: Vec<&str> = connectors.native.iter().map(|manual| manual.name).collect();
                names.extend(connectors.library.ids());
                names.sort_unstable();
                let near = similar(written.get_ref(), names.iter().copied());
                self.problems.push(
                    Diagnostic::error("CFG006", format!("there is no connector `{}`", written.get_ref()))
                        .place(Place::new(self.file, written.span()))
                        .cause(format!("known are {}", names.join(", ")))
                        .fix(near.map_or("`muster connectors list` says what each one reads".to_owned(), |near| {
                            format!("did you mean `{near}`?")
                        })),
                );
                None
            }
        }
    }

    fn connector(
        &mut self,
        name: &str,
        kind: &Kinds,
        written: &str,
        own: DeTable<'_>,
        span: Range<usize>,
    ) -> Option<Arc<dyn Connector>> {
        let settings = Settings {
            system: name,
            table: ValueDeserializer::from(Spanned::new(span.clone(), DeValue::Table(own))),
            folder: self.folder.to_owned(),
            environment: Arc::clone(self.environment),
        };
        let configured = match kind {
            Kinds::Native(manual) => (manual.configure)(settings).map(Arc::from),
            Kinds::Manifest(manifest) => ManifestConnector::configure(Arc::clone(manifest), settings)
                .map(|connector| Arc::new(connector) as Arc<dyn Connector>),
        };
        let error = match configured {
            Ok(connector) => return Some(connector),
            Err(error) => error,
        };
        let problem = serde_problem(self.file, &error.message, error.span.or(Some(span)), &file::SYSTEM_KEYS);
        // What serde itself says is a wrong key or type; the connector's own words are a refused setting.
        let problem = if problem.code == "CFG004" && !is_serde_message(&error.message) {
            Diagnostic {
                code: "CFG007".to_owned(),
                what: format!("system `{name}` cannot be read with these settings: {}", problem.what),
                ..problem
            }
        } else {
            problem
        };
        let manual_page = || format!("`muster connectors show {written}` lists its keys");
        let own_fix =
            problem.fix.clone().filter(|_| problem.code == "CFG003" || error.message.starts_with("missing field"));
        let fix = error.fix.or(own_fix).unwrap_or_else(manual_page);
        self.problems.push(Diagnostic { fix: Some(fix), ..problem });
        None
    }
}

fn rule_tables<'d>(
    file: &Arc<SourceText>,
    value: Option<DeValue<'d>>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<RuleTable<'d>> {
    let mut tables = Vec::new();
    let Some(DeValue::Table(rules)) = value else { return tables };
    for (id, value) in rules {
        let place = Place::new(file, id.span());
        let span = value.span();
        let DeValue::Table(mut options) = value.into_inner() else {
            problems.push(
                Diagnostic::error("CFG004", format!("the options of rule `{}` must be a table", id.get_ref()))
                    .place(place)
                    .fix(format!("write `[rules.{}]` and its options below", id.get_ref())),
            );
            continue;
        };
        let mut head = DeTable::new();
        for key in ["enabled", "reason", "approved_by"] {
            if let Some((key, value)) = options.remove_entry(key) {
                head.insert(key, value);
            }
        }
        let head = Spanned::new(span.clone(), DeValue::Table(head));
        let head = match file::RuleHead::deserialize(ValueDeserializer::from(head)) {
            Ok(head) => head,
            Err(error) => {
                problems.push(serde_problem(file, error.message(), error.span(), &[]));
                continue;
            }
        };
        let reason = head.reason.map(Spanned::into_inner).filter(|reason| !reason.trim().is_empty());
        if let Some(off) = head.enabled.as_ref().filter(|enabled| !*enabled.get_ref())
            && reason.is_none()
        {
            problems.push(
                Diagnostic::error("CFG009", format!("rule `{}` is switched off without a reason", id.get_ref()))
                    .place(Place::new(file, off.span()))
                    .cause("a rule that does not run is reported, and readers of the report need to know why")
                    .fix("add `reason = \"…\"` to the same table"),
            );
        }
        tables.push(RuleTable {
            id: id.get_ref().to_string(),
            place,
            enabled: head.enabled.is_none_or(Spanned::into_inner),
            reason,
            approved_by: head.approved_by.filter(|name| !name.trim().is_empty()),
            file: Arc::clone(file),
            options: Spanned::new(span, DeValue::Table(options)),
        });
    }
    tables
}

fn hash(file: &SourceText, policy: &Policy) -> String {
    let mut hasher = blake3::Hasher::new();
    let texts = std::iter::once(("muster.toml", file)).chain(policy.files.iter().map(|file| {
        (Path::new(&file.path).file_name().and_then(|name| name.to_str()).unwrap_or_default(), file.as_ref())
    }));
    for (name, file) in texts {
        // The path is left out: the same texts in another folder are the same config.
        hasher.update(name.as_bytes()).update(&(file.text.len() as u64).to_le_bytes()).update(file.text.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

fn syntax_problem(file: &Arc<SourceText>, error: &toml::de::Error) -> Diagnostic {
    let span = error.span().unwrap_or(0..0);
    Diagnostic::error("CFG002", format!("this is not TOML: {}", error.message()))
        .place(Place::new(file, span))
        .fix("text needs quotes; keys are followed by `=`; a table begins with `[name]`")
}

/// What serde says, in our words. `further` are keys that would have been accepted besides those that serde names.
fn serde_problem(file: &Arc<SourceText>, message: &str, span: Option<Range<usize>>, further: &[&str]) -> Diagnostic {
    let ticked: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    if message.starts_with("unknown field")
        && let Some((key, known)) = ticked.split_first()
    {
        let known: Vec<&str> = known.iter().copied().chain(further.iter().copied()).collect();
        return unknown_key(file, key, span, &known, "here");
    }
    let missing = ticked.first().filter(|_| message.starts_with("missing field"));
    let (what, fix) = if let Some(key) = missing {
        (format!("the key `{key}` is missing"), format!("add `{key} = …` to this table"))
    } else {
        let expected =
            message.split_once("expected struct ").map(|(before, _type)| format!("{before}expected a table"));
        (expected.unwrap_or_else(|| message.to_owned()), "`muster config schema` says what may stand here".to_owned())
    };
    let diagnostic = Diagnostic::error("CFG004", what).fix(fix);
    match span {
        Some(span) => diagnostic.place(Place::new(file, span)),
        None => Diagnostic { at: Some(file.path.clone()), ..diagnostic },
    }
}

fn is_serde_message(message: &str) -> bool {
    ["unknown ", "missing field", "invalid type", "invalid value", "invalid length", "duplicate field", "wanted "]
        .iter()
        .any(|start| message.starts_with(start))
}

fn unknown_key(
    file: &Arc<SourceText>,
    key: &str,
    span: Option<Range<usize>>,
    known: &[&str],
    wherever: &str,
) -> Diagnostic {
    let mut sorted = known.to_vec();
    sorted.sort_unstable();
    let near = similar(key, sorted.iter().copied());
    let diagnostic = Diagnostic::error("CFG003", format!("there is no key `{key}` {wherever}"))
        .cause(if sorted.is_empty() {
            "no key is known here".to_owned()
        } else {
            format!("known are {}", sorted.join(", "))
        })
        .fix(near.map_or("remove it, or correct its spelling".to_owned(), |near| format!("did you mean `{near}`?")));
    match span {
        Some(span) => diagnostic.place(Place::new(file, span)),
        None => Diagnostic { at: Some(file.path.clone()), ..diagnostic },
    }
}
