//! Lists that are read by their changes: the outcome is that of a whole reading, or it says what it does not know.

use std::path::Path;
use std::sync::{Arc, Mutex};

use muster_connectors::Run;
use muster_connectors::manifest::Manifest;
use muster_connectors::memory::{Memory, Verdict};
use muster_connectors::record::Record;
use muster_connectors::scope::ScopeState;
use muster_testbeds::scripted_http::{Request, Response, ScriptedHttp};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::bench::{connector, manifest};
use crate::collected::{Collected, collect_in};

/// A system that says where its next changes are, and what was deleted.
const LINKED: &str = r#"
[check]
get = "/me"
tenant = "tenant"
[stream.users]
get = "/users"
items = "value"
page = { kind = "next_url", from = "next" }
delta = { key = "id", link = "delta", removed = "item.gone is true", sees_deletes = true, expired = [410], full_every = "24h" }
[[stream.users.emit]]
as = "account"
id = "id"
login = "item.login"
title = "item.title"
"#;

/// A system that can be asked for what changed after an instant, and never tells what was deleted.
const TIMED: &str = r#"
[stream.users]
get = "/users"
items = "value"
page = { kind = "cursor", from = "next", into = "query.cursor" }
delta = { key = "id", into = "query.after", value = "${since}", overlap_s = 300, full_every = "20h" }
[[stream.users.emit]]
as = "account"
id = "id"
login = "item.login"
"#;

/// What the server holds, and what it does next.
#[derive(Debug, Default)]
struct World {
    tenant: String,
    /// The whole list.
    users: Vec<Value>,
    /// What is answered to whoever asks for changes.
    changes: Vec<Value>,
    /// Answered in place of changes.
    fault: Option<Response>,
    /// Answered in place of the second page of the whole list.
    cut: Option<Response>,
    date: String,
}

struct System {
    server: ScriptedHttp,
    world: Arc<Mutex<World>>,
    manifest: Arc<Manifest>,
    folder: tempfile::TempDir,
}

fn user(id: &str, login: &str) -> Value {
    json!({"id": id, "login": login, "title": "Rigger"})
}

fn users(ids: &[&str]) -> Vec<Value> {
    ids.iter().map(|id| user(id, &format!("login-{id}"))).collect()
}

fn answer(world: &World, request: &Request, url: &str) -> Response {
    let body = |value: Value| Response::json(value.to_string()).header("date", &world.date);
    if request.path == "/me" {
        return body(json!({"tenant": world.tenant}));
    }
    let asks_for_changes = request.query("token").is_some() || request.query("after").is_some();
    if asks_for_changes {
        return world
            .fault
            .clone()
            .unwrap_or_else(|| body(json!({"value": world.changes, "delta": format!("{url}/users?token=next")})));
    }
    let half = world.users.len().div_ceil(2);
    match request.query("cursor") {
        None => body(json!({"value": world.users[..half], "next": format!("{url}/users?cursor=2")})),
        Some(_) => world.cut.clone().unwrap_or_else(|| {
            body(json!({"value": world.users[half..], "delta": format!("{url}/users?token=first")}))
        }),
    }
}

impl System {
    fn new(text: &str, ids: &[&str]) -> Self {
        let world = World {
            tenant: "acme".to_owned(),
            users: users(ids),
            date: "Fri, 20 Nov 2026 10:00:00 GMT".to_owned(),
            ..World::default()
        };
        let world = Arc::new(Mutex::new(world));
        let (held, address) = (Arc::clone(&world), Arc::new(Mutex::new(String::new())));
        let url = Arc::clone(&address);
        let server = ScriptedHttp::start(move |request| {
            let url = url.lock().unwrap().clone();
            answer(&held.lock().unwrap(), request, &url)
        });
        *address.lock().unwrap() = server.url();
        Self { server, world, manifest: manifest(text), folder: tempfile::tempdir().unwrap() }
    }

    fn now(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.world.lock().unwrap());
    }

    fn memory(&self) -> Memory {
        Memory::new(self.folder.path())
    }

    /// Reads at `hour` of the day, and keeps what was read.
    async fn read(&self, hour: i64) -> (Collected, Vec<Request>) {
        self.read_with(hour, self.memory()).await
    }

    async fn read_with(&self, hour: i64, memory: Memory) -> (Collected, Vec<Request>) {
        let before = self.server.requests().len();
        let (connector, _clock) = connector(&self.manifest, &self.server.url());
        let now = "2026-11-20T00:00:00Z".parse::<jiff::Timestamp>().unwrap() + jiff::SignedDuration::from_hours(hour);
        let run = Run { now, cancel: CancellationToken::new(), concurrency: 4, memory: Some(memory.clone()) };
        let collected = collect_in(&*connector, &run).await;
        collected.assert_honest();
        collected.assert_distinct();
        memory.settle(Verdict::Keep).unwrap();
        let asked = self.server.requests().split_off(before);
        (collected, asked.into_iter().filter(|request| request.path == "/users").collect())
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("users.jsonl.zst")
    }
}

/// Ids with logins, sorted.
fn accounts(collected: &Collected) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = collected
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Account(account) => Some((account.id.clone(), account.login.clone().unwrap_or_default())),
            _ => None,
        })
        .collect();
    found.sort();
    found
}

fn named(ids: &[&str]) -> Vec<(String, String)> {
    ids.iter().map(|id| ((*id).to_owned(), format!("login-{id}"))).collect()
}

fn instead(collected: &Collected) -> Option<String> {
    collected.scope("users").changes.as_ref().unwrap().instead.clone()
}

#[tokio::test]
async fn what_changed_is_laid_over_what_was_there_and_what_is_gone_is_gone() {
    let system = System::new(LINKED, &["a", "b", "c", "d", "e"]);
    let (first, asked) = system.read(1).await;
    assert_eq!((accounts(&first), first.state("users")), (named(&["a", "b", "c", "d", "e"]), ScopeState::Complete));
    assert_eq!((asked.len(), instead(&first)), (2, None));

    system.now(|world| {
        world.changes = vec![user("b", "renamed"), user("z", "login-z"), json!({"id": "d", "gone": true})];
    });
    let (second, asked) = system.read(2).await;
    let mut expected = named(&["a", "b", "c", "e", "z"]);
    expected[1].1 = "renamed".to_owned();
    assert_eq!((accounts(&second), second.state("users")), (expected.clone(), ScopeState::Complete));
    assert_eq!(asked.iter().map(|request| request.query("token")).collect::<Vec<_>>(), [Some("first")]);
    let told = second.scope("users").changes.clone().unwrap();
    assert_eq!((told.changed, told.gone, told.instead), (2, 1, None));
    assert_eq!(told.whole.to_string(), "2026-11-20T01:00:00Z");
    assert_eq!(second.kind("users", muster_connectors::record::RecordKind::Account).records, 5);

    // Nothing changed: one request, and everybody is there.
    system.now(|world| world.changes.clear());
    let (third, asked) = system.read(3).await;
    assert_eq!((accounts(&third), third.state("users")), (expected, ScopeState::Complete));
    assert_eq!(asked.iter().map(|request| request.query("token")).collect::<Vec<_>>(), [Some("next")]);
}

#[tokio::test]
async fn of_several_changes_of_one_object_the_last_counts() {
    let system = System::new(LINKED, &["a", "b", "c"]);
    system.read(1).await;
    // Gone and back, word for word; changed and gone; new and gone; gone and never known.
    system.now(|world| {
        world.changes = vec![
            user("a", "login-a"),
            json!({"id": "a", "gone": true}),
            user("a", "login-a"),
            user("b", "other"),
            json!({"id": "b", "gone": true}),
            user("y", "login-y"),
            json!({"id": "y", "gone": true}),
            json!({"id": "never", "gone": true}),
        ];
    });
    let (collected, _) = system.read(2).await;
    assert_eq!((accounts(&collected), collected.state("users")), (named(&["a", "c"]), ScopeState::Complete));
}

#[tokio::test]
async fn a_change_that_comes_with_what_changed_alone_leaves_the_rest() {
    let system = System::new(&LINKED.replace("key = \"id\"", "key = \"id\", partial = true"), &["a", "b"]);
    system.read(1).await;
    system.now(|world| world.changes = vec![json!({"id": "a", "login": "new"}), json!({"id": "b", "title": null})]);
    let (collected, _) = system.read(2).await;
    let title = |id: &str| {
        collected.records.iter().find_map(|record| match record {
            Record::Account(account) if account.id == id => Some(account.title.clone()),
            _ => None,
        })
    };
    assert_eq!(accounts(&collected), [("a".to_owned(), "new".to_owned()), ("b".to_owned(), "login-b".to_owned())]);
    assert_eq!((title("a"), title("b")), (Some(Some("Rigger".to_owned())), Some(None)));
}

#[tokio::test]
async fn a_deletion_that_nobody_tells_is_not_known_until_everything_is_read() {
    let system = System::new(TIMED, &["a", "b", "c"]);
    let (first, _) = system.read(1).await;
    assert_eq!(first.state("users"), ScopeState::Complete);
    // `b` is deleted, `c` renamed.
    system.now(|world| {
        world.users = vec![user("a", "login-a"), user("c", "renamed")];
        world.changes = vec![user("c", "renamed")];
        world.date = "Fri, 20 Nov 2026 12:00:00 GMT".to_owned();
    });
    let (second, asked) = system.read(3).await;
    assert_eq!(asked.iter().map(|request| request.query("after")).collect::<Vec<_>>(), [Some("2026-11-20T09:55:00Z")]);
    assert_eq!(accounts(&second).len(), 3, "whoever is not among the changes is not gone");
    assert_eq!(second.state("users"), ScopeState::Partial, "and nothing is concluded from who is there");
    let gaps = second.gaps("users");
    assert!(gaps.len() == 1 && gaps[0].code == "COL075" && gaps[0].what.contains("2026-11-20T01:00:00Z"), "{gaps:?}");

    // Overlaps count from the reading before; the whole list is due after its time, or when it is asked for.
    let (third, asked) = system.read(4).await;
    assert_eq!(asked[0].query("after"), Some("2026-11-20T11:55:00Z"));
    assert_eq!(third.state("users"), ScopeState::Partial);
    for (hour, memory) in [(5, system.memory().full(true)), (26, system.memory())] {
        let (whole, asked) = system.read_with(hour, memory).await;
        assert_eq!((accounts(&whole).len(), whole.state("users"), asked.len()), (2, ScopeState::Complete, 2));
        assert_eq!(instead(&whole), None, "that was to be expected");
    }
}

#[tokio::test]
async fn changes_that_cannot_be_relied_on_become_a_whole_reading_that_is_told() {
    type Change = fn(&System);
    type Slip = (&'static str, Box<dyn Fn(&System)>, &'static str);
    let fault = |fault: Response| move |system: &System| system.now(|world| world.fault = Some(fault.clone()));
    let page = |body: Value| fault(Response::json(body.to_string()).header("date", "Fri, 20 Nov 2026 11:00:00 GMT"));
    let changes: Vec<Slip> = vec![
        ("the token expired", Box::new(fault(Response::status(410))), "410"),
        ("the server fails", Box::new(fault(Response::status(500))), "500"),
        ("it is no list", Box::new(page(json!({"value": "soon"}))), "not a list"),
        (
            "a change has no key",
            Box::new(page(json!({"value": [{"login": "x"}], "delta": "x"}))),
            "by which it would be known",
        ),
        ("the changes do not end", Box::new(page(json!({"value": []}))), "where its next changes are"),
        (
            "they lead elsewhere",
            Box::new(page(json!({"value": [], "next": "https://evil.example/users"}))),
            "evil.example",
        ),
        (
            "another tenant",
            Box::new((|system| system.now(|world| world.tenant = "other".to_owned())) as Change),
            "another tenant",
        ),
        (
            "damaged",
            Box::new(
                (|system| {
                    let bytes = std::fs::read(system.file()).unwrap();
                    std::fs::write(system.file(), &bytes[..bytes.len() / 2]).unwrap();
                }) as Change,
            ),
            "damaged",
        ),
        ("lost", Box::new((|system| std::fs::remove_file(system.file()).unwrap()) as Change), "not there any more"),
    ];
    for (name, change, why) in changes {
        let system = System::new(LINKED, &["a", "b", "c", "d"]);
        system.read(1).await;
        system.now(|world| world.users = users(&["a", "b", "d"]));
        change(&system);
        let memory = system.memory().expecting(["users".to_owned()].into());
        let (collected, _) = system.read_with(2, memory).await;
        assert_eq!(
            (accounts(&collected), collected.state("users")),
            (named(&["a", "b", "d"]), ScopeState::Complete),
            "{name}"
        );
        let told = instead(&collected).unwrap_or_default();
        assert!(told.contains(why), "{name}: {told}");
        assert!(
            collected.notes.iter().any(|note| note.contains("everything is read")),
            "{name}: {:?}",
            collected.notes
        );
        // And it goes on from there.
        system.now(|world| {
            world.fault = None;
            world.changes = vec![json!({"id": "a", "gone": true})];
        });
        let (next, asked) = system.read(3).await;
        assert_eq!((accounts(&next), asked.len()), (named(&["b", "d"]), 1), "{name}: {:?}", instead(&next));
    }
}

#[tokio::test]
async fn a_clock_that_went_backwards_is_no_ground_to_build_on() {
    let system = System::new(TIMED, &["a", "b"]);
    system.read(1).await;
    system.now(|world| world.date = "Fri, 20 Nov 2026 09:00:00 GMT".to_owned());
    let (collected, _) = system.read(2).await;
    assert_eq!(collected.state("users"), ScopeState::Complete);
    assert!(instead(&collected).unwrap().contains("clock went backwards"));
    // The run's own clock as well.
    let (collected, _) = system.read(1).await;
    assert!(instead(&collected).unwrap().contains("later than now"), "{:?}", instead(&collected));
    // A server that does not tell the time has no instant that changes could count from.
    let silent = System::new(TIMED, &["a"]);
    silent.now(|world| world.date = "soon".to_owned());
    for hour in [1, 2] {
        let (collected, asked) = silent.read(hour).await;
        assert_eq!((collected.state("users"), asked.len()), (ScopeState::Complete, 2));
        assert!(collected.notes.iter().any(|note| note.contains("does not tell its time")), "{:?}", collected.notes);
    }
}

#[tokio::test]
async fn nothing_is_built_on_a_list_that_was_read_in_part() {
    let system = System::new(LINKED, &["a", "b", "c", "d"]);
    system.now(|world| world.cut = Some(Response::status(500)));
    let (first, _) = system.read(1).await;
    assert_eq!(first.state("users"), ScopeState::Partial);
    assert!(!Path::new(&system.file()).exists());
    system.now(|world| world.cut = None);
    let (second, asked) = system.read(2).await;
    assert_eq!((accounts(&second).len(), asked.len()), (4, 2));
    // A whole one stays what it is when a later whole reading breaks off: its changes still lead to today.
    system.now(|world| world.cut = Some(Response::status(500)));
    let (third, _) = system.read_with(3, system.memory().full(true)).await;
    assert_eq!(third.state("users"), ScopeState::Partial);
    system.now(|world| world.changes = vec![json!({"id": "a", "gone": true})]);
    let (fourth, asked) = system.read(4).await;
    assert_eq!((accounts(&fourth), fourth.state("users")), (named(&["b", "c", "d"]), ScopeState::Complete));
    assert_eq!(asked[0].query("token"), Some("first"));
}

#[tokio::test]
async fn other_settings_and_another_manifest_are_other_lists() {
    let mut system = System::new(LINKED, &["a", "b"]);
    system.read(1).await;
    system.manifest = manifest(&LINKED.replace("title = \"item.title\"\n", ""));
    let (collected, _) = system.read(2).await;
    assert!(instead(&collected).unwrap().contains("manifest was another one"));
    let (collected, asked) = system.read(3).await;
    assert_eq!((instead(&collected), asked.len()), (None, 1));
}

#[tokio::test]
async fn children_are_read_for_the_rows_that_were_kept_as_well() {
    let text = LINKED.to_owned()
        + r#"
[stream.keys]
for = "users"
as = "user"
get = "/me"
items = "[body]"
page = { kind = "none" }
[[stream.keys.emit]]
as = "credential"
id = "'key of ' + user.id"
account = "user.id"
kind = "'token'"
name = "user.title"
"#;
    let system = System::new(&text, &["a", "b"]);
    system.read(1).await;
    system.now(|world| world.changes = vec![user("c", "login-c"), json!({"id": "a", "gone": true})]);
    let (collected, _) = system.read(2).await;
    let mut keys: Vec<(String, Option<String>)> = collected
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Credential(credential) => Some((credential.id.clone(), credential.name.clone())),
            _ => None,
        })
        .collect();
    keys.sort();
    let rigger = || Some("Rigger".to_owned());
    assert_eq!(keys, [("key of b".to_owned(), rigger()), ("key of c".to_owned(), rigger())]);
    collected.assert_complete();
}
