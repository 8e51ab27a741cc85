//! The fault matrix: every feed in every format, struck by every fault that can befall it, on a first scan and after a sound
//! one. Whatever happens, no link, situation or finding rests on the fault, nobody is lost, and the cause is named.
#![expect(clippy::unwrap_used, reason = "a test stops on any error")]
#![expect(clippy::disallowed_methods, reason = "a scripted server's own clock is the real one")]

#[path = "faults/feeds.rs"]
mod feeds;
#[path = "faults/model.rs"]
mod model;
#[path = "faults/table.rs"]
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use feeds::{Feed, Servers};
use model::{Fault, NIGHTS};
use muster::check::Estate;
use muster::collect::progress::Unwatched;
use muster::collect::{Collected, Options, collect};
use muster::config::{Config, Overrides};
use muster::people::Situation;
use muster::rules::{Check, History};
use muster::snapshot::{KindState, Store};
use table::{Case, Expected, HistoryOf, cases};
use tokio_util::sync::CancellationToken;

// ---------------------------------------------------------------------------------------------------------------------
// What a scan comes to

/// An account's or finding's address.
type Address = (String, String, String);

/// What one night's scan says.
#[derive(Debug)]
struct Night {
    complete: bool,
    /// Code and words of everything that was told, and of the gaps and suspicions in the snapshot.
    told: Vec<(String, String)>,
    /// The person's key and the situation of every account.
    accounts: BTreeMap<(String, String), (Option<String>, Situation)>,
    persons: BTreeSet<String>,
    findings: BTreeSet<Address>,
    /// Fields that the system under test withholds.
    withheld: BTreeSet<String>,
    /// Messages of CTL-003.
    feed_suspect: Vec<String>,
    /// Subjects that were not evaluated, by rule.
    not_evaluated: BTreeMap<String, u64>,
    /// Kinds of the system under test that are not complete.
    doubtful: BTreeSet<String>,
}

fn scan(folder: &Path, runtime: &tokio::runtime::Runtime, system: &str) -> Night {
    let config =
        Config::load(&folder.join("muster.toml"), &Overrides::default(), Arc::default(), muster_connectors::NATIVE)
            .unwrap();
    let store = Store::open(&folder.join(".muster")).unwrap();
    let lock = store.lock(None).unwrap();
    let now = config.now.value.unwrap();
    let options = Options {
        now,
        only: Vec::new(),
        accept: Vec::new(),
        jobs: 2,
        fresh: true,
        full: false,
        cancel: CancellationToken::new(),
        watcher: Arc::new(Unwatched),
    };
    let Collected { manifest, diagnostics, complete } =
        runtime.block_on(collect(&config, &store, &lock, &options)).unwrap();
    let snapshot = store.find("latest").unwrap();
    let estate = Estate::load(&snapshot, &config, now).unwrap();
    let Check { findings, rules, .. } = estate.check(&config, &History::default(), now).unwrap();
    let words = |cause: &Option<String>| cause.clone().unwrap_or_default();
    let mut told: Vec<(String, String)> = diagnostics
        .iter()
        .map(|diagnostic| (diagnostic.code.clone(), format!("{} {}", diagnostic.what, words(&diagnostic.cause))))
        .collect();
    told.extend(estate.graph.coverage().rows().iter().flat_map(|row| {
        row.gaps.iter().map(|gap| (gap.code.clone(), format!("{} — {} {}", row.system, gap.what, words(&gap.cause))))
    }));
    let graph = &estate.graph;
    let of_account = |(ix, _)| {
        let node = graph.node(ix);
        let person = estate.people.link(ix).map(|link| estate.people.key(link.person).to_owned());
        let key = (graph.system_name(node.system).to_owned(), graph.text(node.id).to_owned());
        (key, (person, estate.people.situation(ix, now)))
    };
    Night {
        complete,
        told,
        accounts: graph.accounts().map(of_account).collect(),
        persons: estate.people.persons().map(|(ix, _)| estate.people.key(ix).to_owned()).collect(),
        withheld: {
            let rows = graph.coverage().of_system(system);
            rows.flat_map(|row| row.withheld.keys().cloned()).collect()
        },
        feed_suspect: findings.iter().filter(|one| one.rule == "CTL-003").map(|one| one.message.clone()).collect(),
        findings: findings
            .into_iter()
            .map(|one| (one.rule, one.subject.system.unwrap_or_default(), one.subject.id))
            .collect(),
        not_evaluated: rules.into_iter().map(|rule| (rule.rule, rule.not_evaluated)).collect(),
        doubtful: manifest
            .kinds()
            .filter(|view| view.system == system && view.state() != KindState::Complete)
            .map(|view| format!("{}/{}", view.scope, view.kind))
            .collect(),
    }
}

fn is_control(address: &Address) -> bool {
    address.0.starts_with("CTL")
}

// ---------------------------------------------------------------------------------------------------------------------
// What must hold

/// Everything wrong with a case, in words; empty when nothing is.
fn wrong(case: &Case, sound: &Night, struck: &Night) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    let known = case.history == HistoryOf::Sound;
    for (account, (person, situation)) in &struck.accounts {
        let (before, was) = sound.accounts.get(account).cloned().unwrap_or((None, Situation::Unassigned));
        let same = if known { *person == before } else { person.is_none() || *person == before };
        must(same, format!("{account:?} is linked to {person:?}, soundly to {before:?}"));
        let harmless = *situation == was || matches!(situation, Situation::Indeterminate | Situation::TargetIgnored);
        must(harmless, format!("{account:?} is {situation:?}, soundly {was:?}"));
    }
    let found: Vec<&Address> =
        struck.findings.iter().filter(|one| !is_control(one) && !sound.findings.contains(*one)).collect();
    must(found.is_empty(), format!("findings that rest on the fault: {found:?}"));
    for lost in sound.findings.iter().filter(|one| !is_control(one) && !struck.findings.contains(*one)) {
        let silent = struck.not_evaluated.get(&lost.0).is_none_or(|subjects| *subjects == 0);
        must(!silent || !known && !struck.complete, format!("{lost:?} is called clean"));
    }
    if known {
        let gone: Vec<_> = sound.accounts.keys().filter(|account| !struck.accounts.contains_key(*account)).collect();
        must(gone.is_empty(), format!("accounts are gone: {gone:?}"));
        let gone: Vec<_> = sound.persons.difference(&struck.persons).collect();
        must(gone.is_empty(), format!("persons are gone: {gone:?}"));
    }
    let new: Vec<_> = struck.persons.difference(&sound.persons).collect();
    must(new.is_empty(), format!("persons that nobody is: {new:?}"));

    let codes = match case.expected {
        Expected::Named(codes) => codes,
        Expected::Withheld(field) => {
            must(struck.withheld.contains(field), format!("`{field}` is not withheld: {:?}", struck.withheld));
            return wrong;
        }
        Expected::LeftOut(_) => return wrong,
    };
    must(!struck.complete && !struck.doubtful.is_empty(), "the scan calls itself complete".to_owned());
    let system = case.feed.system();
    let named = struck.told.iter().any(|(code, words)| codes.contains(&code.as_str()) && words.contains(system));
    let told: BTreeSet<&String> = struck.told.iter().map(|(code, _)| code).collect();
    must(named, format!("none of {codes:?} is told of {system}, but {told:?}: {:#?}", struck.told));
    let controls: BTreeSet<&str> =
        struck.findings.iter().filter(|one| is_control(one)).map(|one| one.0.as_str()).collect();
    must(!controls.is_empty(), "no CTL finding says so".to_owned());
    if case.feed.is_people() && codes.iter().any(|code| code.starts_with("GAT")) && named {
        let says = struck.feed_suspect.iter().any(|message| message.contains(system));
        must(says, format!("CTL-003 does not say so: {:?}", struck.feed_suspect));
    }
    wrong
}

/// Runs every case of one feed.
fn strike(feed: Feed) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let sound = tempfile::tempdir().unwrap();
    let mut servers = Servers::new();
    feed.write(sound.path(), 0, None, &mut servers);
    let first = scan(sound.path(), &runtime, feed.system());
    assert_sound(feed, &first);
    let kept = tempfile::tempdir().unwrap();
    copy(sound.path(), kept.path());
    feed.write(sound.path(), 1, None, &mut servers);
    let second = scan(sound.path(), &runtime, feed.system());
    assert_sound(feed, &second);

    let mut failures = Vec::new();
    for case in cases().into_iter().filter(|case| case.feed == feed) {
        if matches!(case.expected, Expected::LeftOut(_)) {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let (night, reference) = match case.history {
            HistoryOf::None => (0, &first),
            HistoryOf::Sound => {
                copy(&kept.path().join(".muster"), &folder.path().join(".muster"));
                (1, &second)
            }
        };
        feed.write(folder.path(), night, Some(case.fault), &mut servers);
        let struck = scan(folder.path(), &runtime, feed.system());
        for what in wrong(&case, reference, &struck) {
            failures.push(format!("{feed:?} × {} ({:?}): {what}", case.fault, case.history));
        }
    }
    assert!(failures.is_empty(), "{} broken promises:\n{}", failures.len(), failures.join("\n"));
}

/// The estate without a fault: everything is read, one leaver and one orphan are found.
fn assert_sound(feed: Feed, night: &Night) {
    assert!(night.complete, "{feed:?}: {:?}", night.told);
    let of = |rule: &str| night.findings.iter().filter(|one| one.0 == rule).count();
    assert_eq!((of("ORP-001"), of("LCM-001"), of("CTL-003")), (1, 1, 0), "{feed:?}: {:?}", night.findings);
    let linked = night.accounts.values().filter(|(person, _)| person.is_some()).count();
    assert_eq!(linked, 50, "{feed:?}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// One test a feed, so that they run side by side.
macro_rules! feeds {
    ($($name:ident: $feed:ident,)+) => {
        $(#[test] fn $name() { strike(Feed::$feed); })+

        #[test]
        fn every_feed_has_its_test() {
            assert_eq!([$(Feed::$feed),+], Feed::ALL);
        }
    };
}

feeds! {
    hr_from_csv: HrCsv,
    hr_from_a_workbook: HrXlsx,
    hr_from_json_lines: HrJsonl,
    hr_from_a_program: HrExec,
    contractors: Contractors,
    a_directory_from_ldif: Ldif,
    a_directory_live: LdapLive,
    scim_from_pages: ScimFiles,
    scim_live: ScimLive,
    accounts_from_csv: SaasCsv,
    accounts_from_a_workbook: SaasXlsx,
    accounts_from_json_lines: SaasJsonl,
    accounts_from_a_program: SaasExec,
    grants_from_csv: Grants,
    aws_from_a_folder: Aws,
}

#[test]
fn the_matrix_is_whole_and_every_hole_in_it_has_a_reason() {
    let cases = cases();
    assert_eq!(cases.len(), Feed::ALL.len() * Fault::ALL.len() * 2, "every feed × fault × history stands in the table");
    let is_run = |case: &&Case| !matches!(case.expected, Expected::LeftOut(_));
    let run = cases.iter().filter(is_run).count();
    assert!(run >= 200, "{run} combinations are run");
    for case in &cases {
        if let Expected::LeftOut(reason) = case.expected {
            assert!(reason.len() > 10, "{case:?}");
        }
    }
    for fault in Fault::ALL {
        let of = cases.iter().filter(is_run).filter(|case| case.fault == fault).count();
        assert!(of > 0, "{fault} befalls nobody");
    }
    assert!(NIGHTS.is_sorted());
}
