//! Lists that are read by their changes, from the config to the snapshot: what is built on, what is forgotten, what is told.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use muster::collect::progress::Unwatched;
use muster::collect::{Collected, Options, collect};
use muster::config::{Config, Overrides};
use muster::snapshot::{KindState, Store};
use muster_connectors::record::RecordKind;
use muster_testbeds::scripted_http::{Request, Response, ScriptedHttp};
use serde_json::json;
use tokio_util::sync::CancellationToken;

const MANIFEST: &str = r#"
schema = 1
id = "roster"
name = "Roster"
class = "saas"
api = "v1"
checked = "2026-11-20"
[config]
base_url = { type = "url" }
[http]
base = "${config.base_url}"
[check]
get = "/me"
tenant = "tenant"
[stream.users]
get = "/users"
items = "value"
page = { kind = "next_url", from = "next" }
delta = { key = "id", link = "delta", removed = "item.gone is true", sees_deletes = true, expired = [410] }
[[stream.users.emit]]
as = "account"
id = "id"
login = "item.login"
"#;

/// What the server holds: its users, and the answer to whoever asks for changes.
#[derive(Debug, Default)]
struct World {
    users: Vec<String>,
    changes: Option<Response>,
}

struct Estate {
    folder: tempfile::TempDir,
    world: Arc<Mutex<World>>,
    server: ScriptedHttp,
    hours: i64,
}

fn users(ids: &[String]) -> Vec<serde_json::Value> {
    ids.iter().map(|id| json!({"id": id, "login": format!("login-{id}")})).collect()
}

fn answer(world: &World, request: &Request, url: &str) -> Response {
    match (request.path.as_str(), request.query("token")) {
        ("/me", _) => Response::json(r#"{"tenant":"acme"}"#),
        (_, None) => {
            Response::json(json!({"value": users(&world.users), "delta": format!("{url}/users?token=t")}).to_string())
        }
        (_, Some(_)) => world.changes.clone().unwrap_or_else(|| Response::status(410)),
    }
}

/// The answer to whoever asks for changes: these users are gone.
fn gone(server: &str, ids: &[&str]) -> Response {
    let gone: Vec<_> = ids.iter().map(|id| json!({"id": id, "gone": true})).collect();
    Response::json(json!({"value": gone, "delta": format!("{server}/users?token=t")}).to_string())
}

impl Estate {
    fn new(users: usize) -> Self {
        let world =
            Arc::new(Mutex::new(World { users: (0..users).map(|n| format!("u{n:03}")).collect(), changes: None }));
        let (held, url) = (Arc::clone(&world), Arc::new(Mutex::new(String::new())));
        let own = Arc::clone(&url);
        let server = ScriptedHttp::start(move |request| {
            let url = own.lock().unwrap().clone();
            answer(&held.lock().unwrap(), request, &url)
        });
        *url.lock().unwrap() = server.url();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("connectors")).unwrap();
        std::fs::write(folder.path().join("connectors/roster.toml"), MANIFEST).unwrap();
        Self { folder, world, server, hours: 0 }
    }

    fn collect(&mut self, change: impl FnOnce(&mut Options)) -> (Collected, Vec<Request>) {
        self.hours += 1;
        let mut options = Options {
            now: "2026-11-01T08:00:00Z".parse::<jiff::Timestamp>().unwrap()
                + jiff::SignedDuration::from_hours(self.hours),
            only: Vec::new(),
            accept: Vec::new(),
            jobs: 2,
            fresh: false,
            full: false,
            cancel: CancellationToken::new(),
            watcher: Arc::new(Unwatched),
        };
        change(&mut options);
        let path = self.folder.path().join("muster.toml");
        let system =
            format!("[[system]]\nname = \"roster\"\nconnector = \"roster\"\nbase_url = \"{}\"\n", self.server.url());
        std::fs::write(&path, format!("[muster]\nmanifests = \"connectors\"\n{system}")).unwrap();
        let config = Config::load(&path, &Overrides::default(), Arc::default(), muster_connectors::NATIVE).unwrap();
        let store = Store::open(&self.folder.path().join(".muster")).unwrap();
        let lock = store.lock(None).unwrap();
        let before = self.server.requests().len();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let collected = runtime.block_on(collect(&config, &store, &lock, &options)).unwrap();
        runtime.shutdown_background();
        let asked = self.server.requests().split_off(before);
        (collected, asked.into_iter().filter(|request| request.path == "/users").collect())
    }

    fn changes(&self, changes: Option<Response>) {
        self.world.lock().unwrap().changes = changes;
    }

    fn remembered(&self) -> PathBuf {
        self.folder.path().join(".muster/memory/roster/users.jsonl.zst")
    }
}

/// Accounts that the newest snapshot has, and how they were read.
fn state(collected: &Collected) -> (u64, KindState) {
    let view = collected.manifest.kinds().find(|view| view.kind == RecordKind::Account).unwrap();
    let rows = view.entry.parts.iter().filter(|part| part.table == "accounts").map(|part| part.rows).sum();
    (rows, view.state())
}

fn codes(collected: &Collected) -> Vec<&str> {
    collected.diagnostics.iter().map(|diagnostic| diagnostic.code.as_str()).collect()
}

#[test]
fn a_night_of_changes_is_a_whole_snapshot_and_full_reads_everything() {
    let mut estate = Estate::new(40);
    let (first, asked) = estate.collect(|_| {});
    assert_eq!((state(&first), asked.len(), codes(&first)), ((40, KindState::Complete), 1, vec![]));
    estate.changes(Some(gone(&estate.server.url(), &["u003"])));
    let (second, asked) = estate.collect(|_| {});
    assert_eq!((state(&second), codes(&second)), ((39, KindState::Complete), vec![]));
    assert_eq!(asked[0].query("token"), Some("t"));
    assert!(second.complete);
    let (third, asked) = estate.collect(|options| options.full = true);
    assert_eq!((state(&third), asked[0].query("token"), codes(&third)), ((40, KindState::Complete), None, vec![]));
}

#[test]
fn what_could_not_be_built_on_is_told() {
    let mut estate = Estate::new(40);
    estate.collect(|_| {});
    let (expired, _) = estate.collect(|_| {});
    assert_eq!((state(&expired), codes(&expired)), ((40, KindState::Complete), vec!["COL009"]));
    let told = expired.diagnostics[0].to_string();
    assert!(told.contains("roster:users") && told.contains("410"), "{told}");
    assert!(expired.complete, "everything was read");
    // Somebody emptied the folder.
    std::fs::remove_file(estate.remembered()).unwrap();
    let (lost, _) = estate.collect(|_| {});
    assert_eq!(codes(&lost), ["COL009"]);
    assert!(lost.diagnostics[0].to_string().contains("not there any more"));
}

#[test]
fn nothing_is_built_on_what_is_not_believed() {
    let mut estate = Estate::new(40);
    estate.collect(|_| {});
    // Everybody but a few is said to be gone.
    let most: Vec<String> = (0..35).map(|n| format!("u{n:03}")).collect();
    let most: Vec<&str> = most.iter().map(String::as_str).collect();
    estate.changes(Some(gone(&estate.server.url(), &most)));
    let (suspect, _) = estate.collect(|_| {});
    assert_eq!(state(&suspect).1, KindState::Suspect);
    assert!(!estate.remembered().exists(), "it is forgotten");
    // The next night everything is read, and it was an error of the changes.
    let (next, asked) = estate.collect(|_| {});
    assert_eq!((state(&next), asked[0].query("token")), ((40, KindState::Complete), None));
    assert_eq!(codes(&next), ["COL009"]);
    // Accepted once, it is built on.
    let (accepted, _) = estate.collect(|options| options.accept = vec!["roster".to_owned()]);
    assert_eq!(state(&accepted), (5, KindState::Complete));
    assert!(estate.remembered().exists());
}

#[test]
fn a_system_that_leaves_the_config_is_forgotten() {
    let mut estate = Estate::new(4);
    estate.collect(|_| {});
    assert!(estate.remembered().exists());
    let path = estate.folder.path().join("muster.toml");
    std::fs::write(estate.folder.path().join("people.csv"), "id,name\n1,Ada\n").unwrap();
    let other = "[[system]]\nname = \"hr\"\nconnector = \"csv\"\nfile = \"people.csv\"\nyields = \"people\"\ncolumns = { id = \"id\" }\n";
    std::fs::write(&path, other).unwrap();
    let config = Config::load(&path, &Overrides::default(), Arc::default(), muster_connectors::NATIVE).unwrap();
    let store = Store::open(&estate.folder.path().join(".muster")).unwrap();
    let lock = store.lock(None).unwrap();
    let options = Options {
        now: "2026-11-02T08:00:00Z".parse().unwrap(),
        only: Vec::new(),
        accept: Vec::new(),
        jobs: 1,
        fresh: false,
        full: false,
        cancel: CancellationToken::new(),
        watcher: Arc::new(Unwatched),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let collected = runtime.block_on(collect(&config, &store, &lock, &options)).unwrap();
    assert!(codes(&collected).contains(&"COL007"), "{:?}", collected.diagnostics);
    assert!(!estate.remembered().exists());
}
