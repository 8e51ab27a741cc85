//! The same questions asked of every connector that reads pages: what comes out when pages are missing, repeated, late, cut,
//! refused, empty or reordered? Whatever the fault, a list that is not whole must not look whole, and nothing secret
//! may show.
//!
//! # Joining
//!
//! A connector that reads a web API implements [`HttpSubject`]: its healthy estate, how it asks for a page, how the
//! system answers, and how it is configured. Then it stands in [`http_subjects`], one line. A connector that reads
//! files implements [`FileSubject`] and stands in [`file_subjects`]. The harness bends the estate (drops the last
//! page, doubles a row, reverses rows) and the server (429, 403, cut connections …); the adapter only renders. Rows are in
//! the system's own shape, and a row is whole in itself: its records do not depend on its place.
//!
//! The scripted server is a script: it proves what a connector does about faults, not that a vendor behaves so.

#![expect(clippy::unwrap_used, reason = "a test program stops at the first surprise")]

mod collected;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use collected::{Collected, Hurried, TOKEN, collect, collect_until, configured};
use muster_connectors::http::Pace;
use muster_connectors::native::scim;
use muster_connectors::scope::ScopeState;
use muster_connectors::{Connector, ConnectorError};
use muster_testbeds::scripted_http::{Request, Response, ScriptedHttp};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

// ---------------------------------------------------------------------------------------------------------------------
// Who joins

/// Every connector that reads pages of a web API.
fn http_subjects() -> Vec<Arc<dyn HttpSubject>> {
    vec![Arc::new(Scim { paging: "index" }), Arc::new(Scim { paging: "cursor" })]
}

/// Every connector that reads files.
fn file_subjects() -> Vec<Box<dyn FileSubject>> {
    vec![Box::new(ScimFiles)]
}

/// The rows of one list, in the system's own shape.
#[derive(Debug, Clone)]
struct List {
    /// The scope that covers it.
    scope: &'static str,
    rows: Vec<Value>,
    /// What the system declares, where it declares anything.
    total: usize,
}

impl List {
    fn of(scope: &'static str, rows: Vec<Value>) -> Self {
        Self { scope, total: rows.len(), rows }
    }
}

/// A system: the first list is bent, the others stay as they are. The first has six rows, so three pages of [`PAGE`].
#[derive(Debug, Clone)]
struct Estate(Vec<List>);

/// Rows on a page.
const PAGE: usize = 2;

/// What a request asks for: rows of a list from a position (from 0) on.
#[derive(Debug, Clone, Copy)]
struct Asked {
    list: usize,
    from: usize,
}

/// A connector that reads pages of a web API.
trait HttpSubject: Send + Sync {
    /// For messages.
    fn name(&self) -> String;
    /// The healthy system.
    fn estate(&self) -> Estate;
    /// Which rows a request wants; `None` when it is about no list.
    fn asked(&self, request: &Request) -> Option<Asked>;
    /// A page with these rows; `next` is the position of the next page, where there is one.
    fn page(&self, list: &List, rows: &[Value], next: Option<usize>) -> Response;
    /// The answer to a request that is about no list.
    fn other(&self, estate: &Estate, request: &Request) -> Response;
    /// A page whose link to the next leads to `url`, for systems that link.
    fn page_linking_to(&self, _list: &List, _rows: &[Value], _url: &str) -> Option<Response> {
        None
    }
    /// The connector, with `{ env = "TOKEN" }` as its credential.
    fn connector(&self, url: &str, pace: Arc<dyn Pace>) -> Box<dyn Connector>;
}

/// A connector that reads files.
trait FileSubject {
    /// For messages.
    fn name(&self) -> String;
    /// The healthy system.
    fn estate(&self) -> Estate;
    /// The files of an estate, those of the first list first, in the order of its rows.
    fn files(&self, estate: &Estate) -> Vec<SavedFile>;
    /// The connector on the folder that holds the files.
    fn connector(&self, folder: &Path) -> Box<dyn Connector>;
}

/// A file of a [`FileSubject`].
struct SavedFile {
    name: String,
    /// Position of the list it belongs to.
    list: usize,
    bytes: Vec<u8>,
}

// ---------------------------------------------------------------------------------------------------------------------
// Web APIs

/// What the server does to a request for rows of the first list, before it answers as it should.
type Fault = Box<dyn Fn(&dyn HttpSubject, &Estate, Asked) -> Option<Response> + Send + Sync>;

struct Stage {
    server: ScriptedHttp,
    pace: Arc<Hurried>,
    connector: Box<dyn Connector>,
}

impl Stage {
    fn set(subject: &Arc<dyn HttpSubject>, estate: Estate, fault: Fault) -> Self {
        let actor = Arc::clone(subject);
        let server = ScriptedHttp::start(move |request| {
            let Some(asked) = actor.asked(request) else { return actor.other(&estate, request) };
            let bent = if asked.list == 0 { fault(&*actor, &estate, asked) } else { None };
            bent.unwrap_or_else(|| answer(&*actor, &estate, asked))
        });
        let pace = Arc::new(Hurried::default());
        let connector = subject.connector(&server.url(), pace.clone());
        Self { server, pace, connector }
    }

    async fn play(subject: &Arc<dyn HttpSubject>, estate: Estate, fault: Fault) -> (Collected, Self) {
        let stage = Self::set(subject, estate, fault);
        let collected = collect(&*stage.connector).await;
        collected.assert_honest();
        for request in stage.server.requests() {
            assert!(["GET", "HEAD", "POST"].contains(&request.method.as_str()), "{request:?}");
            let agent = request.header("user-agent").unwrap_or_default();
            assert!(agent.starts_with("muster/"), "the reader does not say who it is: {agent}");
        }
        (collected, stage)
    }
}

/// The page that a healthy server gives.
fn answer(subject: &dyn HttpSubject, estate: &Estate, asked: Asked) -> Response {
    let list = &estate.0[asked.list];
    let from = asked.from.min(list.rows.len());
    let to = (from + PAGE).min(list.rows.len());
    subject.page(list, &list.rows[from..to], (to < list.rows.len()).then_some(to))
}

fn none() -> Fault {
    Box::new(|_, _, _| None)
}

/// The same answer whenever rows of the first list beyond the first page are asked for.
fn beyond_first_page(answer: impl Fn() -> Response + Send + Sync + 'static) -> Fault {
    Box::new(move |_, _, asked| (asked.from > 0).then(&answer))
}

/// The healthy records, and what every other run is compared with.
async fn healthy(subject: &Arc<dyn HttpSubject>) -> Collected {
    let (collected, _stage) = Stage::play(subject, subject.estate(), none()).await;
    assert!(collected.result.is_ok(), "{}: {:?}", subject.name(), collected.result);
    for list in subject.estate().0 {
        assert_eq!(collected.state(list.scope), ScopeState::Complete, "{}: {:#?}", subject.name(), collected.reports);
    }
    assert!(collected.records.len() >= 6, "the estate yields something");
    collected
}

/// The first list is not complete, tells why, yields nothing that the healthy system does not, and the others are whole.
fn assert_only_the_first_is_short(name: &str, estate: &Estate, healthy: &Collected, bent: &Collected) {
    assert!(bent.result.is_ok(), "{name}: one scope does not end the others: {:?}", bent.result);
    let first = estate.0[0].scope;
    assert_ne!(bent.state(first), ScopeState::Complete, "{name}: {:#?}", bent.reports);
    for list in &estate.0[1..] {
        assert_eq!(bent.state(list.scope), ScopeState::Complete, "{name}: {:#?}", bent.reports);
    }
    let whole = healthy.lines();
    for line in bent.lines() {
        assert!(whole.binary_search(&line).is_ok(), "{name}: a record out of nowhere: {line}");
    }
}

fn assert_same(name: &str, estate: &Estate, healthy: &Collected, bent: &Collected) {
    assert!(bent.result.is_ok(), "{name}: {:?}", bent.result);
    for list in &estate.0 {
        assert_eq!(bent.state(list.scope), ScopeState::Complete, "{name}: {:#?}", bent.reports);
    }
    healthy.assert_same_records(bent, name);
}

#[tokio::test]
async fn a_missing_last_page_is_noticed() {
    for subject in http_subjects() {
        let mut estate = subject.estate();
        let kept = estate.0[0].rows.len() - PAGE;
        estate.0[0].rows.truncate(kept);
        let (bent, _stage) = Stage::play(&subject, estate.clone(), none()).await;
        assert_only_the_first_is_short(&subject.name(), &estate, &healthy(&subject).await, &bent);
    }
}

#[tokio::test]
async fn a_page_that_comes_again_and_again_ends_as_failed() {
    for subject in http_subjects() {
        let estate = subject.estate();
        let stuck: Fault = Box::new(|subject, estate, _| {
            // The second page for ever, whatever is asked.
            Some(answer(subject, estate, Asked { list: 0, from: PAGE }))
        });
        let (bent, stage) = Stage::play(&subject, estate.clone(), stuck).await;
        assert_only_the_first_is_short(&subject.name(), &estate, &healthy(&subject).await, &bent);
        assert_eq!(bent.state(estate.0[0].scope), ScopeState::Failed, "{}", subject.name());
        assert!(stage.server.requests().len() < 30, "{}: it went round in circles", subject.name());
    }
}

#[tokio::test]
async fn a_throttled_page_is_asked_for_again_when_the_server_said() {
    for subject in http_subjects() {
        let times = AtomicUsize::new(0);
        let busy: Fault = Box::new(move |_, _, asked| {
            let now = asked.from > 0 && times.fetch_add(1, Ordering::SeqCst) == 0;
            now.then(|| Response::status(429).header("retry-after", "7"))
        });
        let (bent, stage) = Stage::play(&subject, subject.estate(), busy).await;
        assert_same(&subject.name(), &subject.estate(), &healthy(&subject).await, &bent);
        let waits = stage.pace.0.lock().unwrap().clone();
        assert!(waits.len() == 1 && waits[0] >= Duration::from_secs(7), "{}: {waits:?}", subject.name());
        assert!(bent.notes.iter().any(|note| note.contains("waiting")), "{:?}", bent.notes);
    }
}

#[tokio::test]
async fn a_page_that_stays_throttled_is_a_gap() {
    for subject in http_subjects() {
        let estate = subject.estate();
        let busy = beyond_first_page(|| Response::status(429).header("retry-after", "1"));
        let (bent, stage) = Stage::play(&subject, estate.clone(), busy).await;
        assert_only_the_first_is_short(&subject.name(), &estate, &healthy(&subject).await, &bent);
        assert!(bent.gaps(estate.0[0].scope).iter().any(|gap| gap.what.contains("429")), "{:#?}", bent.reports);
        assert!(stage.server.requests().len() < 40, "{}: it does not give up", subject.name());
    }
}

#[tokio::test]
async fn a_failing_server_is_asked_again_and_then_is_a_gap() {
    for subject in http_subjects() {
        let estate = subject.estate();
        let times = AtomicUsize::new(0);
        let hiccup: Fault = Box::new(move |_, _, asked| {
            (asked.from > 0 && times.fetch_add(1, Ordering::SeqCst) < 2).then(|| Response::status(503))
        });
        let healthy = healthy(&subject).await;
        let (bent, _stage) = Stage::play(&subject, estate.clone(), hiccup).await;
        assert_same(&subject.name(), &estate, &healthy, &bent);
        let (bent, _stage) = Stage::play(&subject, estate.clone(), beyond_first_page(|| Response::status(500))).await;
        assert_only_the_first_is_short(&subject.name(), &estate, &healthy, &bent);
    }
}

#[tokio::test]
async fn a_forbidden_scope_fails_and_the_others_are_read() {
    for subject in http_subjects() {
        let estate = subject.estate();
        let forbidden: Fault = Box::new(|_, _, _| Some(Response::status(403).header("x-request-id", "req-42")));
        let (bent, _stage) = Stage::play(&subject, estate.clone(), forbidden).await;
        assert_only_the_first_is_short(&subject.name(), &estate, &healthy(&subject).await, &bent);
        assert_eq!(bent.state(estate.0[0].scope), ScopeState::Failed, "{}", subject.name());
        let gaps = bent.gaps(estate.0[0].scope);
        assert!(gaps.iter().any(|gap| gap.what.contains("403") && gap.what.contains("req-42")), "{gaps:#?}");
    }
}

#[tokio::test]
async fn a_page_cut_in_the_middle_is_read_again_and_then_is_a_gap() {
    for subject in http_subjects() {
        let estate = subject.estate();
        let healthy = healthy(&subject).await;
        let cut =
            |subject: &dyn HttpSubject, estate: &Estate, asked| answer(subject, estate, asked).cut_in_the_middle();
        let times = AtomicUsize::new(0);
        let once: Fault = Box::new(move |subject, estate, asked| {
            (asked.from > 0 && times.fetch_add(1, Ordering::SeqCst) == 0).then(|| cut(subject, estate, asked))
        });
        let (bent, _stage) = Stage::play(&subject, estate.clone(), once).await;
        assert_same(&subject.name(), &estate, &healthy, &bent);
        let always: Fault =
            Box::new(move |subject, estate, asked| (asked.from > 0).then(|| cut(subject, estate, asked)));
        let (bent, _stage) = Stage::play(&subject, estate.clone(), always).await;
        assert_only_the_first_is_short(&subject.name(), &estate, &healthy, &bent);
    }
}

#[tokio::test]
async fn an_empty_success_is_complete_with_nothing_in_it() {
    // Whether that is plausible is judged by the engine, which knows the history.
    for subject in http_subjects() {
        let mut estate = subject.estate();
        estate.0[0] = List::of(estate.0[0].scope, Vec::new());
        let (bent, _stage) = Stage::play(&subject, estate.clone(), none()).await;
        assert!(bent.result.is_ok());
        let report = bent.scope(estate.0[0].scope);
        assert_eq!(report.state(), ScopeState::Complete, "{}: {report:#?}", subject.name());
        assert!(report.kinds.values().all(|kind| kind.records == 0), "{}: {report:#?}", subject.name());
    }
}

#[tokio::test]
async fn the_order_of_rows_and_pages_does_not_matter() {
    for subject in http_subjects() {
        let mut reversed = subject.estate();
        reversed.0.iter_mut().for_each(|list| list.rows.reverse());
        let mut rotated = subject.estate();
        rotated.0[0].rows.rotate_left(PAGE);
        let healthy = healthy(&subject).await;
        for estate in [reversed, rotated] {
            let (bent, _stage) = Stage::play(&subject, estate.clone(), none()).await;
            assert_same(&subject.name(), &estate, &healthy, &bent);
        }
    }
}

#[tokio::test]
async fn a_row_that_comes_twice_comes_out_once() {
    for subject in http_subjects() {
        let mut estate = subject.estate();
        let again = estate.0[0].rows[0].clone();
        estate.0[0].rows.insert(PAGE + 1, again); // on another page; the declared total counts different rows
        let (bent, _stage) = Stage::play(&subject, estate.clone(), none()).await;
        assert_same(&subject.name(), &estate, &healthy(&subject).await, &bent);
    }
}

#[tokio::test]
async fn a_wrong_credential_fails_every_scope() {
    for subject in http_subjects() {
        let server = ScriptedHttp::start(|request| {
            let echo = request.header("authorization").unwrap_or_default().to_owned();
            Response::status(401)
                .header("content-type", "application/json")
                .body(format!(r#"{{"detail":"bad: {echo}"}}"#))
        });
        let bent = collect(&*subject.connector(&server.url(), Arc::new(Hurried::default()))).await;
        bent.assert_honest();
        for list in subject.estate().0 {
            assert_eq!(bent.state(list.scope), ScopeState::Failed, "{}: {:#?}", subject.name(), bent.reports);
            assert!(bent.gaps(list.scope).iter().any(|gap| gap.what.contains("401")), "{:#?}", bent.reports);
        }
        assert!(bent.records.is_empty());
        assert!(
            server.requests().len() < 20,
            "{}: a wrong credential locks accounts when it is repeated",
            subject.name()
        );
    }
}

#[tokio::test]
async fn an_html_page_with_status_200_is_no_empty_list() {
    for subject in http_subjects() {
        let estate = subject.estate();
        let healthy = healthy(&subject).await;
        for page in ["<!doctype html><title>Sign in</title>", "<html>", "", "{}", "null", "[]", r#"{"ok":false}"#] {
            let fault: Fault = Box::new(move |_, _, _| Some(Response::html(page)));
            let (bent, _stage) = Stage::play(&subject, estate.clone(), fault).await;
            assert_only_the_first_is_short(&format!("{} {page:?}", subject.name()), &estate, &healthy, &bent);
            assert_eq!(bent.state(estate.0[0].scope), ScopeState::Failed, "{} {page:?}", subject.name());
        }
    }
}

#[tokio::test]
async fn a_cancelled_run_ends_at_once_and_claims_nothing() {
    for subject in http_subjects() {
        let estate = subject.estate();
        let slow: Fault = Box::new(|subject, estate, asked| {
            (asked.from > 0).then(|| answer(subject, estate, asked).after(Duration::from_mins(1)))
        });
        let stage = Stage::set(&subject, estate.clone(), slow);
        let cancel = CancellationToken::new();
        let begun = Instant::now();
        let watch = async {
            let is_slow =
                |request: &Request| subject.asked(request).is_some_and(|asked| asked.list == 0 && asked.from > 0);
            while !stage.server.requests().iter().any(is_slow) {
                assert!(
                    begun.elapsed() < Duration::from_secs(20),
                    "{}: the second page is never asked",
                    subject.name()
                );
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            cancel.cancel();
            Instant::now()
        };
        let both = async { tokio::join!(collect_until(&*stage.connector, &cancel), watch) };
        let ended = tokio::time::timeout(Duration::from_secs(30), both).await;
        let (bent, cancelled) = ended.unwrap_or_else(|_| panic!("{}: it does not stop", subject.name()));
        assert!(cancelled.elapsed() < Duration::from_secs(5), "{}: it took {:?}", subject.name(), cancelled.elapsed());
        assert!(matches!(bent.result, Err(ConnectorError::Stopped)), "{}: {:?}", subject.name(), bent.result);
        bent.assert_honest();
        assert_eq!(bent.state(estate.0[0].scope), ScopeState::Failed, "{}", subject.name());
    }
}

#[tokio::test]
async fn a_link_or_redirect_to_another_host_does_not_get_the_credential() {
    for subject in http_subjects() {
        let estate = subject.estate();
        let foreign = ScriptedHttp::start(|_| Response::json("{}"));
        let thief = foreign.url();
        let lure: Fault = Box::new(move |subject, estate, asked| {
            let list = &estate.0[0];
            let linked = (asked.from == 0).then(|| subject.page_linking_to(list, &list.rows[..PAGE], &thief)).flatten();
            linked.or_else(|| (asked.from > 0).then(|| Response::status(302).header("location", &thief)))
        });
        let (bent, _stage) = Stage::play(&subject, estate.clone(), lure).await;
        assert_only_the_first_is_short(&subject.name(), &estate, &healthy(&subject).await, &bent);
        assert_eq!(foreign.requests(), [], "{}", subject.name());
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Files

async fn read_files(subject: &dyn FileSubject, files: &[SavedFile]) -> Collected {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        std::fs::write(folder.path().join(&file.name), &file.bytes).unwrap();
    }
    let collected = collect(&*subject.connector(folder.path())).await;
    collected.assert_honest();
    for report in &collected.reports {
        for file in &report.files {
            assert_eq!(file.sha256.len(), 64, "a file is quoted by its SHA-256: {file:?}");
        }
    }
    collected
}

async fn healthy_files(subject: &dyn FileSubject) -> Collected {
    let collected = read_files(subject, &subject.files(&subject.estate())).await;
    for list in subject.estate().0 {
        assert_eq!(collected.state(list.scope), ScopeState::Complete, "{}: {:#?}", subject.name(), collected.reports);
    }
    assert!(collected.records.len() >= 6);
    collected
}

/// Position of the last file of the first list.
fn last_of_first_list(files: &[SavedFile]) -> usize {
    files.iter().rposition(|file| file.list == 0).expect("the first list has a file")
}

#[tokio::test]
async fn a_truncated_or_missing_last_file_is_noticed() {
    for subject in file_subjects() {
        let estate = subject.estate();
        let healthy = healthy_files(&*subject).await;
        let mut truncated = subject.files(&estate);
        let last = last_of_first_list(&truncated);
        let kept = truncated[last].bytes.len() * 2 / 3;
        truncated[last].bytes.truncate(kept);
        let bent = read_files(&*subject, &truncated).await;
        assert_only_the_first_is_short(&subject.name(), &estate, &healthy, &bent);

        let mut missing = subject.files(&estate);
        if missing.iter().filter(|file| file.list == 0).count() > 1 {
            missing.remove(last);
            let bent = read_files(&*subject, &missing).await;
            assert_only_the_first_is_short(&subject.name(), &estate, &healthy, &bent);
        }
    }
}

#[tokio::test]
async fn an_empty_list_in_a_file_is_complete_with_nothing_in_it() {
    for subject in file_subjects() {
        let mut estate = subject.estate();
        estate.0[0] = List::of(estate.0[0].scope, Vec::new());
        let bent = read_files(&*subject, &subject.files(&estate)).await;
        let report = bent.scope(estate.0[0].scope);
        assert_eq!(report.state(), ScopeState::Complete, "{}: {report:#?}", subject.name());
        assert!(report.kinds.values().all(|kind| kind.records == 0), "{}: {report:#?}", subject.name());
    }
}

#[tokio::test]
async fn a_file_without_a_byte_is_not_an_empty_list() {
    for subject in file_subjects() {
        let estate = subject.estate();
        let mut files = subject.files(&estate);
        files.iter_mut().filter(|file| file.list == 0).for_each(|file| file.bytes.clear());
        let bent = read_files(&*subject, &files).await;
        assert_only_the_first_is_short(&subject.name(), &estate, &healthy_files(&*subject).await, &bent);
        assert_eq!(bent.state(estate.0[0].scope), ScopeState::Failed, "{}", subject.name());
    }
}

#[tokio::test]
async fn the_order_of_rows_in_files_does_not_matter() {
    for subject in file_subjects() {
        let mut estate = subject.estate();
        estate.0.iter_mut().for_each(|list| list.rows.reverse());
        let bent = read_files(&*subject, &subject.files(&estate)).await;
        assert_same(&subject.name(), &estate, &healthy_files(&*subject).await, &bent);
    }
}

#[tokio::test]
async fn a_row_that_stands_twice_in_files_comes_out_once() {
    for subject in file_subjects() {
        let mut estate = subject.estate();
        let again = estate.0[0].rows[0].clone();
        estate.0[0].rows.push(again);
        let bent = read_files(&*subject, &subject.files(&estate)).await;
        assert!(bent.result.is_ok());
        healthy_files(&*subject).await.assert_same_records(&bent, &subject.name());
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// scim

/// Six users with roles, and three groups of which one is nested and one is empty.
fn scim_estate() -> Estate {
    static ESTATE: OnceLock<Estate> = OnceLock::new();
    let make = || {
        let users = (1..=6).map(|n| {
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "id": format!("u{n}"), "userName": format!("user{n}"), "active": n != 3,
                "emails": [{"value": format!("user{n}@acme.example"), "primary": true}],
                "roles": [{"value": "reader", "display": "Reader"}],
                "meta": {"resourceType": "User", "created": "2025-01-02T03:04:05Z", "version": "W/\"1\""},
            })
        });
        let group = |id: &str, members: Value| {
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
                "id": id, "displayName": id, "members": members, "meta": {"resourceType": "Group"},
            })
        };
        let groups = vec![
            group("staff", json!([{"value": "u1", "type": "User"}, {"value": "u2", "type": "User"}])),
            group("everyone", json!([{"value": "staff", "type": "Group"}])),
            group("empty", json!([])),
        ];
        Estate(vec![List::of("users", users.collect()), List::of("groups", groups)])
    };
    ESTATE.get_or_init(make).clone()
}

fn scim_page(list: &List, rows: &[Value]) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": list.total, "itemsPerPage": rows.len(), "Resources": rows,
    })
}

/// `scim`, live, paging as named.
struct Scim {
    paging: &'static str,
}

impl HttpSubject for Scim {
    fn name(&self) -> String {
        format!("scim by {}", self.paging)
    }

    fn estate(&self) -> Estate {
        scim_estate()
    }

    fn asked(&self, request: &Request) -> Option<Asked> {
        let list = match request.path.as_str() {
            "/v2/Users" => 0,
            "/v2/Groups" => 1,
            _ => return None,
        };
        let from = match self.paging {
            "index" => request.query("startIndex")?.parse::<usize>().ok()? - 1,
            _ => request.query("cursor")?.strip_prefix('c').unwrap_or("0").parse().ok()?,
        };
        Some(Asked { list, from })
    }

    fn page(&self, list: &List, rows: &[Value], next: Option<usize>) -> Response {
        let mut page = scim_page(list, rows);
        if let Some(next) = next.filter(|_| self.paging == "cursor") {
            page["nextCursor"] = json!(format!("c{next}"));
        }
        Response::json(page.to_string())
    }

    fn other(&self, _estate: &Estate, request: &Request) -> Response {
        assert_eq!(request.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
        match request.path.as_str() {
            "/v2/ServiceProviderConfig" => Response::json(
                json!({"pagination": {"cursor": self.paging == "cursor", "index": self.paging == "index"}}).to_string(),
            ),
            _ => Response::status(404),
        }
    }

    fn connector(&self, url: &str, pace: Arc<dyn Pace>) -> Box<dyn Connector> {
        let toml = format!(r#"url = "{url}/v2", credential = {{ env = "TOKEN" }}, page_size = {PAGE}"#);
        configured(|settings| scim::configure_paced(settings, pace.clone()), ".", &toml).unwrap()
    }
}

/// `scim` from saved pages.
struct ScimFiles;

impl FileSubject for ScimFiles {
    fn name(&self) -> String {
        "scim from files".into()
    }

    fn estate(&self) -> Estate {
        scim_estate()
    }

    fn files(&self, estate: &Estate) -> Vec<SavedFile> {
        let mut files = Vec::new();
        for (position, list) in estate.0.iter().enumerate() {
            let mut pages: Vec<&[Value]> = list.rows.chunks(PAGE).collect();
            if pages.is_empty() {
                pages.push(&[]);
            }
            for (number, rows) in pages.into_iter().enumerate() {
                let name = format!("{}-{number}.json", list.scope);
                files.push(SavedFile { name, list: position, bytes: scim_page(list, rows).to_string().into_bytes() });
            }
        }
        files
    }

    fn connector(&self, folder: &Path) -> Box<dyn Connector> {
        configured(scim::MANUAL.configure, folder, r#"folder = ".""#).unwrap()
    }
}
