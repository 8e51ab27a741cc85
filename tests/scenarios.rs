//! Small estates told as stories: records in, every finding out.
//!
//! Each folder of `tests/scenarios/` is one: `records.jsonl`, or `night-1.jsonl`, `night-2.jsonl` … of which the last is
//! judged, and `expected.toml`. A line is a record with `system` and `scope`, or says how something was read:
//!
//! ```text
//!   {"system":"hr","scope":"people","record":"person","id":"E1",…}
//!   {"system":"aws","scope":"account/1","kind":"accounts","state":"failed","gap":"HTTP 403"}
//!   {"system":"aws","scope":"account/1","tenant":"111122223333","connector":"aws","identity":"arn:aws:iam::…"}
//! ```
//!
//! Kinds that are seen and not mentioned are complete. Of the rules that a story is about, a finding that is not expected fails
//! it as one that is missing does. A folder `policy/` is read as the binary reads it.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use muster::access::Access;
use muster::config::Policy;
use muster::drift::{Events, Past};
use muster::graph::{Graph, NodeKind};
use muster::people::churn::Tally;
use muster::people::{Merging, People, Pin, Thresholds};
use muster::rules::{Check, Facts, Ground, History, Inventory, Options, RULES, evaluate, read_for};
use muster::snapshot::{Start, Store};
use muster_connectors::record::{Record, RecordKind};
use muster_connectors::scope::{Gap, KindReport, NOTHING_BEYOND_READING, Probe, ScopeReport, ScopeState};
use muster_connectors::sink::Batch;
use serde::Deserialize;

/// `expected.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// What the story tells.
    story: String,
    /// The clock of the last night; earlier nights are a day apart.
    now: Timestamp,
    /// The config's zone.
    timezone: Option<String>,
    /// Settings, as `"LCM-001.grace_hours" = 1`.
    #[serde(default)]
    options: BTreeMap<String, i64>,
    /// Rules that are switched off, with why.
    #[serde(default)]
    disabled: BTreeMap<String, String>,
    /// Who approved what is changed about a rule.
    #[serde(default)]
    approved: BTreeMap<String, String>,
    /// Settings as an earlier check reviewed them, by key.
    reviewed: Option<BTreeMap<String, String>>,
    /// Every night is checked, and the last one knows what the others found.
    #[serde(default)]
    every_night: bool,
    /// What became of the links of the check before, by system: how many stayed, how many moved or were lost.
    #[serde(default)]
    links_since: BTreeMap<String, (u64, u64)>,
    #[serde(default)]
    pins: Vec<ExpectedPin>,
    /// Systems that must be collected, with their owners.
    #[serde(default)]
    inventory: BTreeMap<String, String>,
    /// Findings as `"LCM-001 ad:u1"`, `"LCM-007 E1"` for persons.
    #[serde(default)]
    findings: BTreeSet<String>,
    /// Rules (`ORP-001`) and families (`LCM`) that the story is about: of these nothing may be found or left open that is not
    /// written down. The verdicts of all others are not looked at.
    about: BTreeSet<String>,
    /// Rules of those families that are not compared, with why.
    #[serde(default)]
    ignore: BTreeMap<String, String>,
    /// Per rule: how many subjects pass.
    #[serde(default)]
    pass: BTreeMap<String, u64>,
    /// Per rule: causes, or parts of them, with how many subjects each holds back. A rule that is left out must have none.
    #[serde(default)]
    not_evaluated: BTreeMap<String, BTreeMap<String, u64>>,
    /// Situations of accounts, as `"ad:u1" = "CONFIRMED"`.
    #[serde(default)]
    situations: BTreeMap<String, String>,
    /// Persons accounts are linked to, as `"ad:u1" = "E1 employee_id"`.
    #[serde(default)]
    links: BTreeMap<String, String>,
    /// Steps that prove a finding, as `"XPR-004 ad:u1" = ["Ops", "Domain Admins"]`.
    #[serde(default)]
    paths: BTreeMap<String, Vec<String>>,
    /// Findings whose severity the story is about.
    #[serde(default)]
    severities: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedPin {
    system: String,
    account: String,
    person: String,
    author: String,
    reason: String,
    expires: Option<Timestamp>,
}

/// A line that tells how something was read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reading {
    system: String,
    scope: String,
    kind: Option<RecordKind>,
    state: Option<String>,
    gap: Option<String>,
    #[serde(default)]
    withheld: BTreeMap<String, String>,
    tenant: Option<String>,
    connector: Option<String>,
    identity: Option<String>,
    /// What the credential can do beyond reading.
    excess: Option<String>,
}

/// One night of a story.
#[derive(Debug, Default)]
struct Night {
    connectors: BTreeMap<String, String>,
    scopes: BTreeMap<(String, String), (ScopeReport, Vec<Record>)>,
    suspect: Vec<(String, String, RecordKind, String)>,
}

impl Night {
    fn read(path: &Path) -> Self {
        let mut night = Self::default();
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let place = format!("{}:{}", path.display(), number + 1);
            night.line(line).unwrap_or_else(|error| panic!("{place}: {error}\n{line}"));
        }
        night
    }

    fn line(&mut self, line: &str) -> Result<(), serde_json::Error> {
        let mut value: serde_json::Value = serde_json::from_str(line)?;
        if value.get("record").is_none() {
            let reading: Reading = serde_json::from_value(value)?;
            self.reading(reading);
            return Ok(());
        }
        let object = value.as_object_mut().expect("a line is an object");
        let mut take = |key: &str| object.remove(key).and_then(|value| value.as_str().map(str::to_owned));
        let (system, scope) = (take("system").expect("a system"), take("scope").expect("a scope"));
        let record: Record = serde_json::from_value(value)?;
        let (report, records) = self.scope(&system, &scope);
        let complete = KindReport { state: ScopeState::Complete, ..KindReport::default() };
        report.kinds.entry(record.kind()).or_insert(complete).records += 1;
        records.push(record);
        Ok(())
    }

    fn scope(&mut self, system: &str, scope: &str) -> &mut (ScopeReport, Vec<Record>) {
        let report = ScopeReport { scope: scope.to_owned(), ..ScopeReport::default() };
        self.scopes.entry((system.to_owned(), scope.to_owned())).or_insert((report, Vec::new()))
    }

    fn reading(&mut self, reading: Reading) {
        let Reading { system, scope, kind, state, gap, withheld, tenant, connector, identity, excess } = reading;
        if let Some(connector) = connector {
            self.connectors.insert(system.clone(), connector);
        }
        let (report, _) = self.scope(&system, &scope);
        report.tenant = tenant.or(report.tenant.take());
        report.identity = identity.or(report.identity.take());
        report.probes.extend(excess.map(|detail| Probe {
            permission: NOTHING_BEYOND_READING.to_owned(),
            granted: Some(false),
            detail: Some(detail),
        }));
        let Some(kind) = kind else { return };
        let said = report.kinds.entry(kind).or_default();
        said.withheld = withheld;
        let gap = gap.unwrap_or_else(|| "told by the story".to_owned());
        said.state = match state.as_deref().unwrap_or("complete") {
            "partial" => ScopeState::Partial,
            "failed" => ScopeState::Failed,
            "complete" | "suspect" => ScopeState::Complete,
            other => panic!("`{other}` is no state"),
        };
        if said.state != ScopeState::Complete {
            said.gaps.push(Gap::new("COL031", gap.clone()));
        }
        if state.as_deref() == Some("suspect") {
            self.suspect.push((system, scope, kind, gap));
        }
    }

    fn write(self, store: &Store, now: Timestamp) {
        let lock = store.lock(None).unwrap();
        let start = Start { now, tool: "muster 0.1.0".to_owned(), config: "c0ffee".to_owned() };
        let mut transaction = store.begin(&lock, start).unwrap();
        let mut writers = BTreeMap::new();
        for ((system, scope), (report, records)) in self.scopes {
            let connector = self.connectors.get(&system).map_or("test", String::as_str);
            let (writer, reports) = writers
                .entry(system.clone())
                .or_insert_with(|| (transaction.system(&system, connector).unwrap(), Vec::new()));
            writer.write(Batch { scope: Arc::from(scope.as_str()), records }).unwrap();
            reports.push(report);
        }
        for (_, (writer, reports)) in writers {
            let staged = writer.finish(reports).unwrap();
            transaction.add(staged).unwrap();
        }
        for (system, scope, kind, reason) in self.suspect {
            transaction.suspect(&system, &scope, kind, &reason, false).unwrap();
        }
        transaction.commit(serde_json::json!({})).unwrap();
    }
}

/// What the engine made of a story.
struct Told {
    graph: Graph,
    people: People,
    check: Check,
}

fn tell(folder: &Path, expected: &Expected, rename: Option<(&str, &str)>) -> Told {
    let place = tempfile::tempdir().unwrap();
    let store = Store::open(&place.path().join(".muster")).unwrap();
    let mut nights: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    nights.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    nights.sort();
    let last = nights.len() - 1;
    let tally = |(kept, moved_or_lost): (u64, u64)| Tally { kept, moved_or_lost };
    let links = expected.links_since.iter().map(|(system, counts)| (system.clone(), tally(*counts))).collect();
    let mut history = History {
        safeguards: expected.reviewed.clone(),
        checked: expected.reviewed.is_some(),
        links,
        ..History::default()
    };
    for (number, path) in nights.iter().enumerate() {
        let mut night = Night::read(path);
        if let Some((from, to)) = rename {
            let renamed =
                |(system, scope): (String, String)| (if system == from { to.to_owned() } else { system }, scope);
            night.scopes = night.scopes.into_iter().map(|(key, scope)| (renamed(key), scope)).collect();
        }
        let days = i64::try_from(last - number).unwrap();
        let now = expected.now - jiff::SignedDuration::from_hours(24 * days);
        night.write(&store, now);
        if number == last {
            return judge(folder, expected, &store, now, &history);
        }
        if expected.every_night {
            history = History::after(&judge(folder, expected, &store, now, &history).check, BTreeMap::new());
        }
    }
    unreachable!("a story has a last night")
}

/// What the engine makes of the newest snapshot.
fn judge(folder: &Path, expected: &Expected, store: &Store, now: Timestamp, history: &History) -> Told {
    let snapshot = store.find("latest").unwrap();
    let graph = Graph::load(&snapshot).unwrap();
    read_for(&graph, RULES).unwrap();
    let pins: Vec<Pin> = expected.pins.iter().map(pin).collect();
    let zone = expected.timezone.as_ref().map(|name| TimeZone::get(name).unwrap());
    let merging = Merging { zone, ..Merging::default() };
    let people = People::read(&snapshot, &merging, now).unwrap();
    let people = people.correlate(&graph, &pins, Thresholds::default(), now);
    let access = Access::of(&graph);
    let values = expected.options.iter().map(|(key, value)| {
        let (rule, setting) = key.split_once('.').expect("RULE.setting");
        ((rule.to_owned(), setting.to_owned()), *value)
    });
    let options = Options {
        values: values.collect(),
        disabled: expected.disabled.clone(),
        approved: expected.approved.clone(),
        ..Options::default()
    };
    let inventory: Inventory =
        expected.inventory.iter().map(|(system, owner)| (system.clone(), Some(owner.clone()))).collect();
    let policy = policy(folder, &graph);
    let (past, events) = (Past::of(&snapshot, 0).unwrap(), Events::read(&snapshot).unwrap());
    let ground = Ground {
        graph: &graph,
        people: &people,
        access: &access,
        options: &options,
        inventory: &inventory,
        policy: &policy,
        past: &past,
        events: &events,
    };
    let check = evaluate(&Facts::new(ground, now), history);
    Told { graph, people, check }
}

/// The story's `policy/`, read as the binary reads it.
fn policy(folder: &Path, graph: &Graph) -> Policy {
    let folder = folder.join("policy");
    if !folder.is_dir() {
        return Policy::default();
    }
    Policy::read(&folder, graph.systems()).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn pin(pin: &ExpectedPin) -> Pin {
    Pin {
        system: pin.system.clone(),
        account: pin.account.clone(),
        person: pin.person.clone(),
        author: pin.author.clone(),
        reason: pin.reason.clone(),
        expires: pin.expires,
    }
}

fn name(finding: &muster_reports::view::Finding) -> String {
    match &finding.subject.system {
        Some(system) if finding.subject.kind != "system" => {
            format!("{} {system}:{}", finding.rule, finding.subject.id)
        }
        Some(_) | None => format!("{} {}", finding.rule, finding.subject.id),
    }
}

impl Expected {
    fn tells_of(&self, rule: &str) -> bool {
        let family = rule.split('-').next().unwrap_or(rule);
        (self.about.contains(rule) || self.about.contains(family)) && !self.ignore.contains_key(rule)
    }
}

/// Everything in which a story ended differently than expected, a line each.
fn differences(told: &Told, expected: &Expected) -> String {
    let mut wrong = String::new();
    let known: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    for rule in expected.ignore.keys().chain(expected.pass.keys()).chain(expected.not_evaluated.keys()) {
        assert!(known.contains(rule.as_str()), "no rule {rule}");
    }
    let told_of = |rule: &str| expected.tells_of(rule);
    let found: BTreeMap<String, &muster_reports::view::Finding> = told
        .check
        .findings
        .iter()
        .filter(|finding| told_of(&finding.rule))
        .map(|finding| (name(finding), finding))
        .collect();
    for missing in expected.findings.iter().filter(|finding| !found.contains_key(*finding)) {
        writeln!(wrong, "missing finding: {missing}").unwrap();
    }
    for (extra, finding) in found.iter().filter(|(name, _)| !expected.findings.contains(*name)) {
        writeln!(wrong, "unexpected finding: {extra}: {}", finding.message).unwrap();
    }
    for (finding, steps) in &expected.paths {
        let is: Vec<&str> = found
            .get(finding)
            .map(|finding| finding.path.iter().map(|step| step.to.as_str()).collect())
            .unwrap_or_default();
        if is != *steps {
            writeln!(wrong, "path of {finding}: {is:?}, expected {steps:?}").unwrap();
        }
    }
    for (finding, severity) in &expected.severities {
        let is = found.get(finding).map(|finding| finding.severity.as_str());
        if is != Some(severity.as_str()) {
            writeln!(wrong, "severity of {finding}: {is:?}, expected {severity}").unwrap();
        }
    }
    for summary in &told.check.rules {
        let none = BTreeMap::new();
        let causes = expected.not_evaluated.get(&summary.rule).unwrap_or(&none);
        for (cause, subjects) in causes {
            let matching = summary.reasons.iter().filter(|reason| reason.cause.contains(cause.as_str()));
            let is: u64 = matching.map(|reason| reason.subjects).sum();
            if is != *subjects {
                writeln!(wrong, "{}: {is} not evaluated for `{cause}`, expected {subjects}", summary.rule).unwrap();
            }
        }
        // That a policy file is not there is no part of a story about a whole family.
        let says = |cause: &str| expected.about.contains(&summary.rule) || !cause.starts_with("no policy/");
        for reason in summary.reasons.iter().filter(|reason| told_of(&summary.rule) && says(&reason.cause)) {
            let is_said = causes.keys().any(|cause| reason.cause.contains(cause.as_str()));
            // Of a single night it goes without saying.
            if !is_said && !reason.cause.starts_with("there is no earlier snapshot") {
                writeln!(wrong, "{}: {} not evaluated: {}", summary.rule, reason.subjects, reason.cause).unwrap();
            }
        }
        if let Some(pass) = expected.pass.get(&summary.rule).filter(|pass| **pass != summary.pass) {
            writeln!(wrong, "{}: {} pass, expected {pass}", summary.rule, summary.pass).unwrap();
        }
        if summary.population != summary.pass + summary.fail + summary.not_evaluated {
            writeln!(wrong, "{}: control totals do not add up", summary.rule).unwrap();
        }
    }
    for (key, situation) in &expected.situations {
        let is = told.people.situation(account(told, key), expected.now).as_str();
        if is != situation {
            writeln!(wrong, "situation of {key}: {is}, expected {situation}").unwrap();
        }
    }
    for (key, link) in &expected.links {
        let is = told
            .people
            .link(account(told, key))
            .map(|link| format!("{} {}", told.people.key(link.person), link.strategy));
        if is.as_deref().unwrap_or("nobody") != link {
            writeln!(wrong, "link of {key}: {is:?}, expected {link}").unwrap();
        }
    }
    wrong
}

fn account(told: &Told, key: &str) -> muster::graph::NodeIx {
    let (system, id) = key.split_once(':').expect("system:id");
    let found = told.graph.system(system).and_then(|system| told.graph.find(system, NodeKind::Account, id));
    found.unwrap_or_else(|| panic!("the story has no account {key}"))
}

fn expected(folder: &Path) -> Expected {
    let path = folder.join("expected.toml");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("scenarios")
}

fn stories() -> Vec<std::path::PathBuf> {
    let mut folders: Vec<_> = std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}

#[test]
fn every_story_ends_as_expected() {
    let mut wrong = String::new();
    for folder in stories() {
        let expected = expected(&folder);
        let told = tell(&folder, &expected, None);
        let differences = differences(&told, &expected);
        if !differences.is_empty() {
            writeln!(wrong, "== {} — {}\n{differences}", folder.display(), expected.story).unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// A rule whose code were gone would still have to be noticed: some story tells a case that fails, one that passes and one
/// that cannot be judged.
#[test]
fn every_rule_has_a_true_a_false_and_an_undecided_case() {
    let mut cases: BTreeMap<&str, (u64, u64, u64)> = RULES.iter().map(|rule| (rule.id, (0, 0, 0))).collect();
    for folder in stories() {
        let expected = expected(&folder);
        let told = tell(&folder, &expected, None);
        for summary in told.check.rules.iter().filter(|summary| expected.tells_of(&summary.rule)) {
            let case = cases.get_mut(summary.rule.as_str()).unwrap();
            case.0 += summary.fail;
            // Passes count only where the story says how many there are.
            case.1 += expected.pass.get(&summary.rule).copied().unwrap_or_default();
            // The reading itself is always known: the rules that judge it can only be switched off.
            if expected.disabled.is_empty() || summary.rule.starts_with("CTL-") {
                case.2 += summary.not_evaluated;
            }
        }
    }
    for (rule, (fail, pass, not_evaluated)) in cases {
        assert!(fail > 0, "{rule}: no story in which it fails");
        assert!(pass > 0, "{rule}: no story that counts its passes");
        assert!(not_evaluated > 0, "{rule}: no story in which it cannot be judged");
    }
}

#[test]
fn a_renamed_system_keeps_its_fingerprints_where_its_tenant_is_known() {
    let folder = root().join("aws_admin");
    let expected = expected(&folder);
    let fingerprints = |told: &Told, rule: &str| -> BTreeSet<String> {
        let of = told.check.findings.iter().filter(|finding| finding.rule == rule);
        of.map(|finding| finding.fingerprint.clone()).collect()
    };
    let before = tell(&folder, &expected, None);
    let after = tell(&folder, &expected, Some(("aws", "amazon")));
    for rule in ["XPR-004", "CRD-001"] {
        assert!(!fingerprints(&before, rule).is_empty(), "{rule}");
        assert_eq!(fingerprints(&before, rule), fingerprints(&after, rule), "{rule}");
    }
}

#[test]
fn telling_a_story_twice_gives_the_same_bytes() {
    for folder in stories() {
        let expected = expected(&folder);
        let json = |told: Told| serde_json::to_string(&(told.check.findings, told.check.rules)).unwrap();
        assert_eq!(json(tell(&folder, &expected, None)), json(tell(&folder, &expected, None)), "{}", folder.display());
    }
}
