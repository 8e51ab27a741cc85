//! The thirty lifecycle cases, each through the real binary: files in, nights of `muster scan`, and what came of the persons,
//! their employments, the links, the situations and the findings.
//!
//! Each folder of `tests/lifecycle/` is one case: `muster.toml` with small exports, `night-2/`, `night-3/` … with the files
//! that are others on that night, and `expect.toml`. Where a case belongs to a rule that does not exist yet, `why` says so, and
//! the case proves the side that does.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

mod muster_cmd;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use muster::check::Estate;
use muster::config::{Config, Overrides};
use muster::graph::NodeKind;
use muster::people::{PersonIx, Standing};
use muster::snapshot::Store;
use muster_cmd::{Folder, Report, list, text};
use serde::Deserialize;

/// `expect.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// `EDG-01`.
    #[serde(rename = "case")]
    id: String,
    /// What happens, and what is right.
    story: String,
    /// What of the case belongs to rules that do not exist yet.
    #[serde(default)]
    why: String,
    night: Vec<Night>,
}

/// One night and how it has to end.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Night {
    now: Timestamp,
    /// The exit code.
    code: i32,
    /// Every finding as `"LCM-001 ad:u1"`, `"LCM-007 E1"` for persons.
    #[serde(default)]
    findings: BTreeSet<String>,
    /// Subjects that a rule could not judge; rules that are left out are not looked at.
    #[serde(default)]
    not_evaluated: BTreeMap<String, u64>,
    /// Every person by key: standing and, with `;` between them, the employments.
    persons: Option<BTreeMap<String, String>>,
    /// Person and strategy by account.
    #[serde(default)]
    links: BTreeMap<String, String>,
    /// Situation by account.
    #[serde(default)]
    situations: BTreeMap<String, String>,
    /// Class by account.
    #[serde(default)]
    classes: BTreeMap<String, String>,
    /// What the feeds say differently, as `"E1 name: hr says …"`; used ones first.
    conflicts: Option<Vec<String>>,
    /// Parts of messages that must be told.
    #[serde(default)]
    says: Vec<String>,
}

macro_rules! cases {
    ($($name:ident = $folder:literal;)+) => {
        const CASES: &[&str] = &[$($folder),+];

        $(#[test]
        fn $name() {
            play($folder);
        })+
    };
}

cases! {
    edg_01 = "EDG-01-rehire";
    edg_02 = "EDG-02-recycled-address";
    edg_03 = "EDG-03-name-change";
    edg_04 = "EDG-04-transfer";
    edg_05 = "EDG-05-manager-change";
    edg_06 = "EDG-06-end-of-day";
    edg_07 = "EDG-07-back-dated";
    edg_08 = "EDG-08-several-changes";
    edg_09 = "EDG-09-future-hire";
    edg_10 = "EDG-10-contractors";
    edg_11 = "EDG-11-conversion";
    edg_12 = "EDG-12-leave";
    edg_13 = "EDG-13-deleted-row";
    edg_14 = "EDG-14-broken-feed";
    edg_15 = "EDG-15-two-records";
    edg_16 = "EDG-16-manual-override";
    edg_17 = "EDG-17-duplicate-account";
    edg_18 = "EDG-18-flapping";
    edg_19 = "EDG-19-not-yet-listed";
    edg_20 = "EDG-20-invitation";
    edg_21 = "EDG-21-sandboxes";
    edg_22 = "EDG-22-emergency-access";
    edg_23 = "EDG-23-ephemeral-credentials";
    edg_24 = "EDG-24-break-glass";
    edg_25 = "EDG-25-shared-accounts";
    edg_26 = "EDG-26-merger";
    edg_27 = "EDG-27-tenants";
    edg_28 = "EDG-28-lattice";
    edg_29 = "EDG-29-unaffiliated";
    edg_30 = "EDG-30-clock-skew";
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("lifecycle")
}

#[test]
fn every_folder_is_played_and_every_case_has_one() {
    let mut folders: Vec<String> =
        std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    folders.sort();
    assert_eq!(folders, CASES);
    let expected: Vec<String> = (1..=30).map(|number| format!("EDG-{number:02}")).collect();
    let told: Vec<String> = folders.iter().map(|folder| folder[..6].to_owned()).collect();
    assert_eq!(told, expected);
}

fn play(name: &str) {
    let source = root().join(name);
    let written = std::fs::read_to_string(source.join("expect.toml")).unwrap();
    let case: Case = toml::from_str(&written).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(name.starts_with(&case.id), "{name} tells {}", case.id);
    let folder = Folder::empty();
    overlay(&source, folder.path());
    let mut wrong = String::new();
    for (number, night) in (1..).zip(&case.night) {
        let changed = source.join(format!("night-{number}"));
        if changed.is_dir() {
            overlay(&changed, folder.path());
        }
        stamp(folder.path(), night.now);
        let (ran, report) = folder.scan(&["--now", &night.now.to_string()]);
        let mut differences = differences(&folder, night, &report);
        if ran.code != Some(night.code) {
            writeln!(differences, "exit code {:?}, expected {}: {}", ran.code, night.code, ran.stderr).unwrap();
        }
        for said in
            night.says.iter().filter(|said| !ran.stderr.contains(*said) && !report.0.to_string().contains(*said))
        {
            writeln!(differences, "nobody says `{said}`: {}", ran.stderr).unwrap();
        }
        if !differences.is_empty() {
            writeln!(wrong, "night {number}:\n{differences}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{name} — {}\n{}\n{wrong}", case.story, case.why);
}

/// Says of every export that it was made this night, as a nightly job does.
fn stamp(folder: &Path, now: Timestamp) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "csv") {
            std::fs::write(path.with_extension("csv.collected"), now.to_string()).unwrap();
        }
    }
}

/// Copies the files of a folder, not the other nights' and not the expectation.
fn overlay(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let target = to.join(&name);
        if entry.path().is_dir() {
            if !name.starts_with("night-") {
                std::fs::create_dir_all(&target).unwrap();
                overlay(&entry.path(), &target);
            }
        } else if name != "expect.toml" {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn differences(folder: &Folder, night: &Night, report: &Report) -> String {
    let mut wrong = String::new();
    let found: BTreeMap<String, String> =
        report.findings().iter().map(|finding| (address(finding), text(&finding["message"]))).collect();
    for missing in night.findings.iter().filter(|finding| !found.contains_key(*finding)) {
        writeln!(wrong, "missing finding: {missing}").unwrap();
    }
    for (extra, message) in found.iter().filter(|(finding, _)| !night.findings.contains(*finding)) {
        writeln!(wrong, "unexpected finding: {extra}: {message}").unwrap();
    }
    for (rule, subjects) in &night.not_evaluated {
        let [.., is] = report.counts(rule);
        if is != *subjects {
            writeln!(wrong, "{rule}: {is} not evaluated, expected {subjects}: {:?}", report.reasons(rule)).unwrap();
        }
    }
    let overrides = Overrides { now: Some(night.now), ..Overrides::default() };
    let path = folder.path().join("muster.toml");
    let config = Config::load(&path, &overrides, Arc::default(), muster_connectors::NATIVE).unwrap();
    let store = Store::open(&folder.path().join(".muster")).unwrap();
    let estate = Estate::load(&store.find("latest").unwrap(), &config, night.now).unwrap();
    if let Some(expected) = &night.persons {
        let is: BTreeMap<String, String> = estate
            .people
            .persons()
            .map(|(ix, _)| (estate.people.key(ix).to_owned(), person(&estate, ix, night.now)))
            .collect();
        compare(&mut wrong, "person", &is, expected);
    }
    let accounts: BTreeMap<String, muster::graph::NodeIx> = [&night.links, &night.situations, &night.classes]
        .into_iter()
        .flat_map(BTreeMap::keys)
        .map(|key| (key.clone(), account(&estate, key)))
        .collect();
    let people = &estate.people;
    let each = |expected: &BTreeMap<String, String>, is: &dyn Fn(muster::graph::NodeIx) -> String| {
        expected.keys().map(|key| (key.clone(), is(accounts[key]))).collect::<BTreeMap<_, _>>()
    };
    let links = each(&night.links, &|ix| {
        let link = people.link(ix).map(|link| format!("{} {}", people.key(link.person), link.strategy));
        link.unwrap_or_else(|| "nobody".to_owned())
    });
    compare(&mut wrong, "link", &links, &night.links);
    let situations = each(&night.situations, &|ix| people.situation(ix, night.now).as_str().to_owned());
    compare(&mut wrong, "situation", &situations, &night.situations);
    let classes = each(&night.classes, &|ix| people.class(ix).class.to_string());
    compare(&mut wrong, "class", &classes, &night.classes);
    if let Some(expected) = &night.conflicts {
        let said = people.persons().flat_map(|(ix, _)| {
            people.conflicts(ix).map(move |said| {
                let used = if said.used { "" } else { ", not used" };
                let (feed, value) = (people.text(said.system), people.text(said.value));
                format!("{} {}: {value} says {feed}{used}", people.key(ix), said.attribute.as_str())
            })
        });
        let said: Vec<String> = said.collect();
        if said != *expected {
            writeln!(wrong, "conflicts: {said:#?}").unwrap();
        }
    }
    wrong
}

fn compare(wrong: &mut String, what: &str, is: &BTreeMap<String, String>, expected: &BTreeMap<String, String>) {
    for (key, value) in expected.iter().filter(|(key, value)| is.get(*key) != Some(value)) {
        writeln!(wrong, "{what} {key}: {:?}, expected {value:?}", is.get(key)).unwrap();
    }
    for (key, value) in is.iter().filter(|(key, _)| !expected.contains_key(*key)) {
        writeln!(wrong, "{what} {key} is not expected: {value}").unwrap();
    }
}

fn address(finding: &serde_json::Value) -> String {
    let (rule, system, subject) = muster_cmd::address(finding);
    let is_system = finding["subject"]["kind"] == "system";
    assert!(!list(&finding["evidence"]).is_empty() || !finding["message"].is_null());
    if system.is_empty() || is_system { format!("{rule} {subject}") } else { format!("{rule} {system}:{subject}") }
}

fn account(estate: &Estate, key: &str) -> muster::graph::NodeIx {
    let (system, id) = key.split_once(':').expect("system:id");
    let found = estate.graph.system(system).and_then(|system| estate.graph.find(system, NodeKind::Account, id));
    found.unwrap_or_else(|| panic!("there is no account {key}"))
}

/// `employed; E1 active 2020-01-01.. Sales; …`
fn person(estate: &Estate, ix: PersonIx, now: Timestamp) -> String {
    let people = &estate.people;
    let person = people.person(ix);
    let mut told = match people.standing(ix, now) {
        _ if person.vanished.is_some() => "vanished".to_owned(),
        Standing::Ended { at: Some(at), .. } => format!("ended {at}"),
        standing => standing.as_str().to_owned(),
    };
    if person.returned.is_some() {
        told.push_str(", returned");
    }
    for employment in &person.employments {
        let day = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string()).unwrap_or_default();
        let (id, status) = (people.text(employment.id), employment.status);
        write!(told, "; {id} {status} {}..{}", day(employment.start), day(employment.end)).unwrap();
        for more in [employment.department, employment.manager].into_iter().flatten() {
            write!(told, " {}", people.text(more)).unwrap();
        }
    }
    told
}
