//! Collection: one system's trouble stays its own, absence is never taken for removal, and an interrupted run leaves no trace.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fake;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fake::FAKE;
use muster::collect::progress::Unwatched;
use muster::collect::{CollectError, Collected, Options, collect};
use muster::config::{Config, Overrides};
use muster::snapshot::{KindState, Manifest, RowState, Store};
use muster_connectors::record::RecordKind;
use tokio_util::sync::CancellationToken;

/// A folder with a config and a store.
struct Estate {
    folder: tempfile::TempDir,
    hours: i64,
}

impl Estate {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), hours: 0 }
    }

    fn config(&self, text: &str) -> Config {
        let path = self.folder.path().join("muster.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(&path, &Overrides::default(), Arc::default(), &[FAKE]).unwrap()
    }

    fn options(&mut self) -> Options {
        self.hours += 1;
        Options {
            now: "2026-11-01T08:00:00Z".parse::<jiff::Timestamp>().unwrap()
                + jiff::SignedDuration::from_hours(self.hours),
            only: Vec::new(),
            accept: Vec::new(),
            jobs: 4,
            fresh: false,
            full: false,
            cancel: CancellationToken::new(),
            watcher: Arc::new(Unwatched),
        }
    }

    fn store(&self) -> Store {
        Store::open(&self.folder.path().join(".muster")).unwrap()
    }

    fn try_collect(&self, text: &str, options: &Options) -> Result<Collected, CollectError> {
        let (config, store) = (self.config(text), self.store());
        let lock = store.lock(None).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let collected = runtime.block_on(collect(&config, &store, &lock, options));
        runtime.shutdown_background();
        collected
    }

    fn collect(&mut self, text: &str) -> Collected {
        let options = self.options();
        self.try_collect(text, &options).unwrap()
    }

    fn collect_with(&mut self, text: &str, change: impl FnOnce(&mut Options)) -> Collected {
        let mut options = self.options();
        change(&mut options);
        self.try_collect(text, &options).unwrap()
    }
}

fn system(name: &str, keys: &str) -> String {
    format!("[[system]]\nname = \"{name}\"\nconnector = \"fake\"\n{keys}\n")
}

fn state(manifest: &Manifest, system: &str, scope: &str, kind: RecordKind) -> KindState {
    let found = manifest.kinds().find(|view| view.system == system && view.scope == scope && view.kind == kind);
    found.unwrap_or_else(|| panic!("no {system}:{scope} {kind}")).state()
}

fn codes(collected: &Collected) -> Vec<&str> {
    collected.diagnostics.iter().map(|diagnostic| diagnostic.code.as_str()).collect()
}

/// Rows of `accounts` that queries see of `system`, with their states.
fn accounts(estate: &Estate, system: &str) -> Vec<(String, String)> {
    let frame = estate.store().find("latest").unwrap().frame("accounts", &["system", "id", "state"]).unwrap();
    let column = |name: &str| frame.column(name).unwrap().clone();
    let (systems, ids, states) = (column("system"), column("id"), column("state"));
    let text =
        |column: &polars::prelude::Column, row: usize| column.get(row).unwrap().extract_str().unwrap().to_owned();
    (0..frame.height())
        .filter(|row| text(&systems, *row) == system)
        .map(|row| (text(&ids, row), text(&states, row)))
        .collect()
}

#[test]
fn one_of_three_systems_fails_and_the_others_are_collected() {
    let mut estate = Estate::new();
    let good =
        system("a", "accounts = 3") + &system("b", "accounts = 2\nthen = \"finish\"") + &system("c", "accounts = 4");
    assert!(estate.collect(&good).complete);
    let bad = good.replace("then = \"finish\"", "then = \"fail\"");
    let collected = estate.collect(&bad);
    assert!(!collected.complete);
    assert_eq!(codes(&collected), ["COL001"]);
    let told = collected.diagnostics[0].to_string();
    assert!(
        told.contains("b — the server hung up")
            && told.contains("connection reset")
            && told.contains("look at its log"),
        "{told}"
    );
    assert_eq!(state(&collected.manifest, "a", "all", RecordKind::Account), KindState::Complete);
    assert_eq!(state(&collected.manifest, "b", "all", RecordKind::Account), KindState::Failed);
    // What the failed system had before is still there, and says that it is old.
    assert_eq!(accounts(&estate, "b").len(), 2);
    let again = estate.collect(&good);
    assert!(again.complete, "{:?}", again.diagnostics);
}

#[test]
fn a_panic_costs_its_system_only() {
    let mut estate = Estate::new();
    let collected = estate.collect(&(system("a", "accounts = 3") + &system("b", "accounts = 2\nthen = \"panic\"")));
    assert_eq!(codes(&collected), ["COL002"]);
    assert_eq!(collected.diagnostics[0].cause.as_deref(), Some("index out of bounds"));
    assert_eq!(state(&collected.manifest, "a", "all", RecordKind::Account), KindState::Complete);
    assert_eq!(state(&collected.manifest, "b", "all", RecordKind::Account), KindState::Failed);
}

#[test]
fn a_missing_credential_points_at_its_line_and_the_system_is_failed_even_on_a_first_scan() {
    let mut estate = Estate::new();
    let text = system("a", "accounts = 1") + &system("b", "credential = { env = \"OKTA_TOKE\" }");
    let collected = estate.collect(&text);
    assert_eq!(codes(&collected), ["CFG014"]);
    assert_eq!(collected.diagnostics[0].place.as_ref().unwrap().line_column(), (8, 14));
    assert_eq!(state(&collected.manifest, "b", "*", RecordKind::Account), KindState::Failed);
    assert!(!collected.complete);
}

#[test]
fn a_system_that_was_not_asked_for_is_carried_and_that_is_not_incomplete() {
    let mut estate = Estate::new();
    let text = system("a", "accounts = 3") + &system("b", "accounts = 2");
    estate.collect(&text);
    let collected = estate.collect_with(&text, |options| options.only = vec!["a".into()]);
    assert!(collected.complete);
    assert_eq!(state(&collected.manifest, "b", "all", RecordKind::Account), KindState::Carried);
    assert!(accounts(&estate, "b").iter().all(|(_, state)| state == RowState::Carried.as_str()));
    // Two systems were never read at once with a name that does not exist.
    let mut options = estate.options();
    options.only = vec!["aa".into()];
    let error = estate.try_collect(&text, &options).unwrap_err();
    assert!(matches!(error, CollectError::UnknownSystem { similar: Some(name), .. } if name == "a"));
}

#[test]
fn a_partial_scope_keeps_todays_rows_beside_the_former_ones() {
    let mut estate = Estate::new();
    estate.collect(&system("a", "accounts = 30"));
    let collected = estate.collect(&system("a", "accounts = 10\nthen = \"gap\""));
    assert_eq!(codes(&collected), ["COL020"]);
    assert_eq!(state(&collected.manifest, "a", "all", RecordKind::Account), KindState::Partial);
    let rows = accounts(&estate, "a");
    assert_eq!(rows.len(), 30);
    assert_eq!(rows.iter().filter(|(_, state)| state == "stale").count(), 20);
}

#[test]
fn a_scope_that_is_not_named_any_more_is_failed_until_somebody_accepts_it() {
    let mut estate = Estate::new();
    let two = system("a", "scopes = [\"one\", \"two\"]\naccounts = 3");
    let one = system("a", "scopes = [\"one\"]\naccounts = 3");
    estate.collect(&two);
    for _ in 0..2 {
        let collected = estate.collect(&one);
        assert_eq!(codes(&collected), ["COL005"]);
        assert_eq!(state(&collected.manifest, "a", "two", RecordKind::Account), KindState::Failed);
        assert_eq!(accounts(&estate, "a").len(), 6);
    }
    let accepted = estate.collect_with(&one, |options| options.accept = vec!["a".into()]);
    assert!(accepted.complete, "{:?}", accepted.diagnostics);
    assert_eq!(accounts(&estate, "a").len(), 3);
    assert!(estate.collect(&one).complete);
}

#[test]
fn a_silent_connector_is_a_failed_system() {
    let mut estate = Estate::new();
    let collected = estate.collect(&system("a", "then = \"silent\""));
    assert_eq!(codes(&collected), ["COL006"]);
    assert!(!collected.complete);
}

#[test]
fn a_system_that_left_the_config_leaves_the_snapshot_with_a_note() {
    let mut estate = Estate::new();
    estate.collect(&(system("a", "accounts = 3") + &system("b", "accounts = 2")));
    let collected = estate.collect(&system("a", "accounts = 3"));
    assert_eq!(codes(&collected), ["COL007"]);
    assert!(collected.complete && !collected.manifest.systems.contains_key("b"));
}

#[test]
fn a_feed_that_shrank_is_suspect_until_it_recovers_or_is_accepted() {
    let mut estate = Estate::new();
    estate.collect(&system("a", "accounts = 100"));
    let collected = estate.collect(&system("a", "accounts = 70"));
    assert_eq!(codes(&collected), ["GAT002"]);
    assert!(collected.diagnostics[0].to_string().contains("70 rows, the last believed answer had 100 (30 % fewer)"));
    assert_eq!(state(&collected.manifest, "a", "all", RecordKind::Account), KindState::Suspect);
    // Twice short does not become the new normal.
    assert_eq!(codes(&estate.collect(&system("a", "accounts = 70"))), ["GAT002"]);
    assert!(estate.collect(&system("a", "accounts = 99")).complete);
    assert_eq!(codes(&estate.collect(&system("a", "accounts = 50"))), ["GAT002"]);
    assert!(estate.collect_with(&system("a", "accounts = 50"), |options| options.accept = vec!["a".into()]).complete);
    assert!(estate.collect(&system("a", "accounts = 50")).complete);
}

#[test]
fn few_rows_are_not_judged_by_percentage_and_growth_has_its_own_limit() {
    let mut estate = Estate::new();
    estate.collect(&system("a", "accounts = 5"));
    assert!(estate.collect(&system("a", "accounts = 2")).complete);
    assert_eq!(codes(&estate.collect(&system("a", "accounts = 20"))), ["GAT003"]);
}

#[test]
fn an_empty_answer_is_suspect_also_the_first_one_unless_empty_is_normal() {
    let mut estate = Estate::new();
    let empty = system("a", "accounts = 0");
    assert_eq!(codes(&estate.collect(&empty)), ["GAT008"]);
    assert_eq!(codes(&estate.collect(&empty)), ["GAT008"]);
    assert!(estate.collect(&system("a", "accounts = 3")).complete);
    let collected = estate.collect(&empty);
    assert_eq!(codes(&collected), ["GAT001"]);
    assert_eq!(accounts(&estate, "a").len(), 3, "the former rows are kept");
    assert!(estate.collect(&system("a", "accounts = 0\nempty_is_normal = [\"accounts\"]")).complete);
}

#[test]
fn a_tenant_without_groups_is_ordinary_and_one_that_lost_many_is_not() {
    let mut estate = Estate::new();
    assert!(estate.collect(&system("a", "accounts = 3\ngroups = 0")).complete);
    assert!(estate.collect(&system("a", "accounts = 3\ngroups = 4")).complete);
    assert!(estate.collect(&system("a", "accounts = 3\ngroups = 0")).complete);
    estate.collect_with(&system("a", "accounts = 3\ngroups = 9"), |options| options.accept = vec!["a".into()]);
    let collected = estate.collect(&system("a", "accounts = 3\ngroups = 0"));
    assert_eq!(codes(&collected), ["GAT001"]);
    assert_eq!(state(&collected.manifest, "a", "all", RecordKind::Group), KindState::Suspect);
    assert_eq!(state(&collected.manifest, "a", "all", RecordKind::Account), KindState::Complete);
    // A tenant with groups and without anybody in it is not believed.
    assert!(codes(&Estate::new().collect(&system("a", "accounts = 0\ngroups = 9"))).contains(&"GAT008"));
}

/// A system of four lists: members, guests who may be none, and projects with keys that may be none.
const LISTS: &str = r#"
schema = 1
id = "lists"
name = "Lists"
class = "saas"
api = "v1"
checked = "2026-11-01"
[http]
base = "https://lists.example"
[stream.members]
get = "/members"
items = "."
page = { kind = "none" }
[[stream.members.emit]]
as = "account"
id = "id"
[stream.guests]
get = "/guests"
items = "."
page = { kind = "none" }
may_be_empty = "not everybody has guests"
[[stream.guests.emit]]
as = "account"
id = "id"
[stream.projects]
get = "/projects"
items = "."
page = { kind = "none" }
[[stream.projects.emit]]
as = "resource"
id = "id"
[stream.keys]
for = "projects"
as = "project"
get = "/projects/${project.id}/keys"
items = "."
page = { kind = "none" }
may_be_empty = "not every project has keys"
[[stream.keys.emit]]
as = "credential"
id = "id"
account = "project.id"
kind = "'ssh_key'"
[stream.uses]
for = "keys"
as = "key"
get = "/keys/${key.id}/uses"
items = "."
page = { kind = "none" }
may_be_empty = "not every key is used"
[[stream.uses.emit]]
as = "grant"
principal = "key.id"
entitlement = "id"
"#;

impl Estate {
    /// Collects the system of [`LISTS`], whose lists answer with a status and so many rows.
    fn lists(&mut self, keys: &str, answers: [(&str, u16, usize); 3]) -> Collected {
        let folder = self.folder.path();
        for made in ["manifests", "told"] {
            std::fs::create_dir_all(folder.join(made)).unwrap();
        }
        std::fs::write(folder.join("manifests/lists.toml"), LISTS).unwrap();
        let list = |path: String, status: u16, rows: usize| {
            let rows: Vec<_> = (0..rows).map(|n| serde_json::json!({"id": format!("{path}/{n}")})).collect();
            serde_json::json!({"request": format!("GET /{path}"), "status": status, "reply": rows, "repeat": true})
        };
        let mut exchanges: Vec<_> =
            answers.iter().map(|(path, status, rows)| list((*path).to_owned(), *status, *rows)).collect();
        exchanges.push(list("projects/projects%2F0/keys".to_owned(), 200, 0));
        let scene = serde_json::json!({"now": "2026-11-01T08:00:00Z", "exchanges": exchanges});
        std::fs::write(folder.join("told/exchanges.json"), scene.to_string()).unwrap();
        let system = format!("[[system]]\nname = \"a\"\nconnector = \"lists\"\nexchanges = \"told\"\n{keys}\n");
        self.collect(&format!("[muster]\nmanifests = \"manifests\"\n{system}"))
    }
}

#[test]
fn a_list_that_may_be_empty_is_believed_beside_the_accounts_of_its_system() {
    let whole = [("members", 200, 3), ("guests", 200, 0), ("projects", 200, 1)];
    // The first night of an ordinary system: nobody is told anything.
    let mut estate = Estate::new();
    let collected = estate.lists("", whole);
    assert_eq!((codes(&collected), collected.complete), (vec![], true));
    let scope = collected.manifest.kinds().find(|view| view.scope == "guests").unwrap();
    let told = scope.scope_entry.report.may_be_empty.as_ref().unwrap();
    assert_eq!((told.why.as_str(), &told.beside[..]), ("not everybody has guests", &["members".to_owned()][..]));
    assert!(estate.lists("", whole).complete);
    // Guests who came, and are gone at once: doubted as ever, and what was there is kept.
    assert!(estate.lists("", [whole[0], ("guests", 200, 2), whole[2]]).complete);
    let collected = estate.lists("", whole);
    assert_eq!(codes(&collected), ["GAT001"]);
    assert_eq!(state(&collected.manifest, "a", "guests", RecordKind::Account), KindState::Suspect);
    assert_eq!(accounts(&estate, "a").len(), 5);

    // A credential that sees nobody: every list that is empty is doubted.
    let collected = Estate::new().lists("", [("members", 200, 0), whole[1], whole[2]]);
    assert_eq!(codes(&collected), ["GAT008"; 4]);
    // Where the members were not read whole, nobody knows whether there are guests.
    let collected = Estate::new().lists("", [("members", 403, 0), whole[1], whole[2]]);
    assert_eq!(state(&collected.manifest, "a", "guests", RecordKind::Account), KindState::Suspect);
    // Nor where they are doubted for another reason.
    let collected = Estate::new().lists("canaries = [\"somebody\"]", whole);
    assert_eq!(state(&collected.manifest, "a", "members", RecordKind::Account), KindState::Suspect);
    assert_eq!(state(&collected.manifest, "a", "guests", RecordKind::Account), KindState::Suspect);
    // Keys are asked for project by project: without projects nothing was asked, nor for what hangs on the keys.
    let collected = Estate::new().lists("", [whole[0], whole[1], ("projects", 200, 0)]);
    assert_eq!(codes(&collected), ["GAT008", "GAT008"]);
    assert_eq!(state(&collected.manifest, "a", "keys", RecordKind::Credential), KindState::Suspect);
    assert_eq!(state(&collected.manifest, "a", "uses", RecordKind::Grant), KindState::Suspect);
    assert_eq!(state(&collected.manifest, "a", "guests", RecordKind::Account), KindState::Complete);
    // Rows that were read and could not be kept are not nothing: they were there.
    let collected = Estate::new().lists("", [whole[0], ("guests", 500, 0), whole[2]]);
    assert!(!collected.complete);
}

#[test]
fn a_list_whose_rows_were_never_believed_is_not_empty_for_the_first_time() {
    let whole = [("members", 200, 3), ("guests", 200, 0), ("projects", 200, 1)];
    let mut estate = Estate::new();
    // The first night its rows are doubted with everything else; they are held all the same.
    let first = estate.lists("canaries = [\"somebody\"]", [whole[0], ("guests", 200, 2), whole[2]]);
    assert_eq!(state(&first.manifest, "a", "guests", RecordKind::Account), KindState::Suspect);
    let collected = estate.lists("", whole);
    assert_eq!(codes(&collected), ["GAT008"]);
    assert_eq!(state(&collected.manifest, "a", "guests", RecordKind::Account), KindState::Suspect);
}

#[test]
fn a_missing_canary_makes_a_complete_answer_suspect() {
    let mut estate = Estate::new();
    assert!(estate.collect(&system("a", "accounts = 3\ncanaries = [\"LOGIN-ALL-2\"]")).complete);
    let collected = estate.collect(&system("a", "accounts = 2\ncanaries = [\"LOGIN-ALL-2\"]"));
    assert_eq!(codes(&collected), ["GAT004"]);
    assert_eq!(state(&collected.manifest, "a", "all", RecordKind::Account), KindState::Suspect);
}

#[test]
fn an_hr_file_of_another_shape_or_age_is_suspect() {
    let mut estate = Estate::new();
    let hr = |keys: &str| system("hr", &format!("persons = 20\n{keys}"));
    assert!(estate.collect(&hr("header = \"x\"\ncollected = \"2026-10-31T08:00:00Z\"")).complete);
    let collected = estate.collect(&hr("header = \"y\""));
    assert_eq!(codes(&collected), ["GAT005"]);
    assert_eq!(state(&collected.manifest, "hr", "all", RecordKind::Person), KindState::Suspect);
    assert_eq!(codes(&estate.collect(&hr("header = \"y\""))), ["GAT005"]);
    assert_eq!(codes(&estate.collect(&hr("header = \"x\"\ncollected = \"2026-10-20T08:00:00Z\""))), ["GAT006"]);
    let old = hr("header = \"x\"\ncollected = \"2026-10-20T08:00:00Z\"\nmax_age = \"500h\"");
    assert_eq!(codes(&estate.collect(&old)), ["GAT009"], "it is older than the last one that was believed");
    assert!(Estate::new().collect(&old).complete);
    assert_eq!(codes(&Estate::new().collect(&hr("collected = \"2026-11-01T09:30:00Z\""))), ["GAT014"]);
}

#[test]
fn many_people_ended_in_one_second_are_a_failed_import_until_told_otherwise() {
    let mut estate = Estate::new();
    let hr =
        |leavers: u32, ended: &str| system("hr", &format!("persons = 100\nleavers = {leavers}\nended = \"{ended}\""));
    // Old migrations are not today's accident.
    assert!(estate.collect(&hr(50, "2020-01-01T00:00:00Z")).complete);
    assert!(estate.collect(&hr(10, "2026-11-01T09:30:00Z")).complete);
    let collected = estate.collect(&hr(11, "2026-11-01T10:30:00Z"));
    assert_eq!(codes(&collected), ["GAT007"]);
    assert_eq!(state(&collected.manifest, "hr", "all", RecordKind::Employment), KindState::Suspect);
}

#[test]
fn the_snapshot_does_not_depend_on_how_many_systems_are_read_at_once() {
    let text: String = (0..12).map(|n| system(&format!("s{n}"), &format!("accounts = {}", n * 7))).collect();
    let ids: Vec<String> = [1, 8]
        .into_iter()
        .map(|jobs| Estate::new().collect_with(&text, |options| options.jobs = jobs).manifest.id)
        .collect();
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn a_deadline_fails_the_system_that_hangs_and_no_other() {
    for then in ["hang", "deaf"] {
        let mut estate = Estate::new();
        let began = Instant::now();
        let text =
            system("a", "accounts = 3") + &system("b", &format!("accounts = 2\ndeadline = \"1s\"\nthen = \"{then}\""));
        let collected = estate.collect(&text);
        assert!(began.elapsed() < Duration::from_secs(20), "{then}");
        assert_eq!(codes(&collected), ["COL003"], "{then}");
        assert_eq!(state(&collected.manifest, "a", "all", RecordKind::Account), KindState::Complete);
        let failed =
            collected.manifest.kinds().filter(|view| view.system == "b").all(|view| view.state() == KindState::Failed);
        assert!(failed && collected.manifest.systems.contains_key("b"), "{then}");
    }
}

#[test]
fn an_interrupted_run_commits_nothing_and_ends_within_seconds() {
    for then in ["hang", "deaf"] {
        let mut estate = Estate::new();
        estate.collect(&system("a", "accounts = 3"));
        let options = estate.options();
        let cancel = options.cancel.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            cancel.cancel();
        });
        let began = Instant::now();
        let error =
            estate.try_collect(&system("a", &format!("accounts = 4\nthen = \"{then}\"")), &options).unwrap_err();
        assert!(matches!(&error, CollectError::Interrupted { kept } if kept.is_empty()), "{error:?}");
        assert!(began.elapsed() < Duration::from_secs(20), "{then}");
        assert_eq!(estate.store().manifests().unwrap().len(), 1);
        assert!(estate.store().verify().unwrap().is_sound());
    }
}

#[test]
fn a_config_without_systems_collects_nothing() {
    let mut estate = Estate::new();
    let options = estate.options();
    assert!(matches!(estate.try_collect("", &options), Err(CollectError::NoSystem)));
    assert!(Path::new(estate.store().root()).exists() && estate.store().manifests().unwrap().is_empty());
}
