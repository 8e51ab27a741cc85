//! The same questions asked of every connector: what comes out when a page is missing, repeated, throttled, forbidden,
//! cut, empty, reordered or doubled? Whatever the fault, a list that is not whole must not look whole, what was read
//! before it is not lost, and nothing secret may show.
//!
//! # Joining
//!
//! One small file in `contract/` and one line in [`subjects`]. The file says what a healthy system holds, and does the
//! faults in its system's own way:
//!
//! | the connector reads | it implements | the harness does |
//! | --- | --- | --- |
//! | a web API | [`http::HttpSubject`]: how pages are asked for and answered | every fault of a web server |
//! | files | [`files::FileSubject`]: how a list is written | every damage to a file |
//! | anything else | [`Subject`] | nothing: the adapter starts its system with the fault |
//!
//! The harness bends the list itself (drops the last page, doubles a row, reverses rows). Rows are in the system's own
//! shape, and a row is whole in itself: its records do not depend on its place. A fault that a system cannot have, or that
//! rightly ends otherwise there, is an [`Exception`] with its reason.
//!
//! The scripted servers are scripts: they prove what a connector does about faults, not that a vendor behaves so.

#![expect(clippy::unwrap_used, reason = "a test program stops at the first surprise")]

mod c1z;
mod collected;
mod manifests;
/// One file a connector, and one each for what connectors of web APIs and of files share.
mod contract {
    pub(crate) mod aws;
    pub(crate) mod csv;
    pub(crate) mod exec;
    pub(crate) mod files;
    pub(crate) mod http;
    pub(crate) mod ldap;
    pub(crate) mod manifest;
    pub(crate) mod scim;
    pub(crate) mod stores;
}

use std::sync::Arc;
use std::time::{Duration, Instant};

use collected::{Collected, collect, collect_until};
use contract::{aws, csv, exec, files, http, ldap, manifest, scim, stores};
use muster_connectors::record::{PrincipalKind, Record};
use muster_connectors::scope::ScopeState;
use muster_connectors::{Connector, ConnectorError, NATIVE};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

// ---------------------------------------------------------------------------------------------------------------------
// Who joins

/// Every connector, by each of its ways in.
fn subjects() -> Vec<Arc<dyn Subject>> {
    let mut all: Vec<Arc<dyn Subject>> = vec![Arc::new(aws::Live), Arc::new(exec::Program), Arc::new(ldap::Live)];
    all.extend(http_subjects().into_iter().map(|subject| Arc::new(http::OverHttp(subject)) as Arc<dyn Subject>));
    all.extend(file_subjects().into_iter().map(|subject| Arc::new(files::FromFiles(subject)) as Arc<dyn Subject>));
    all
}

/// Those that read pages of a web API.
fn http_subjects() -> Vec<Arc<dyn http::HttpSubject>> {
    vec![
        Arc::new(manifest::Live { paging: "cursor" }),
        Arc::new(manifest::Live { paging: "link" }),
        Arc::new(scim::Live { paging: "index" }),
        Arc::new(scim::Live { paging: "cursor" }),
    ]
}

/// Those that read files.
fn file_subjects() -> Vec<Arc<dyn files::FileSubject>> {
    vec![
        Arc::new(aws::Files),
        Arc::new(csv::Files { bent: csv::Bent::Accounts }),
        Arc::new(csv::Files { bent: csv::Bent::People }),
        Arc::new(ldap::Export),
        Arc::new(scim::Files),
        Arc::new(stores::Archive),
        Arc::new(stores::Payload),
    ]
}

/// The rows of one list, in the system's own shape.
#[derive(Debug, Clone)]
struct List {
    /// The scope that covers it.
    scope: &'static str,
    rows: Vec<Value>,
    /// How many different rows the system says there are, where it says anything.
    total: usize,
}

impl List {
    fn of(scope: &'static str, rows: Vec<Value>) -> Self {
        Self { scope, total: rows.len(), rows }
    }

    /// The rows of the page that begins at `from`, and where the next one begins.
    fn page(&self, from: usize) -> (&[Value], Option<usize>) {
        let from = from.min(self.rows.len());
        let to = (from + PAGE).min(self.rows.len());
        (&self.rows[from..to], (to < self.rows.len()).then_some(to))
    }
}

/// A system: the first list is bent, the others stay as they are. The first has six rows, so three pages of [`PAGE`].
#[derive(Debug, Clone)]
struct Estate(Vec<List>);

/// Rows on a page.
const PAGE: usize = 2;

/// What is wrong. Of the last four only the list is bent; the others are done by the system, always to the first list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Nothing.
    None,
    /// The second page comes again and again, whatever is asked.
    PageRepeated,
    /// The first request beyond the first page is told to come later.
    ThrottledOnce,
    /// Every request beyond the first page is told to come later.
    Throttled,
    /// The credential may not read the list.
    Forbidden,
    /// The first answer beyond the first page ends in the middle.
    CutOnce,
    /// Every answer beyond the first page ends in the middle.
    Cut,
    /// Requests beyond the first page are never answered.
    Silent,
    /// The last page does not come, and the system goes on saying how many rows there are.
    LastPageMissing,
    /// The answer is a success with nothing in it.
    Empty,
    /// Rows come in another order.
    Reordered,
    /// A row, or a page, comes twice.
    Duplicate,
}

/// What differs for a system, and why.
enum Exception {
    /// The system cannot have the fault.
    Cannot(&'static str),
    /// The first list ends so.
    Ends(ScopeState, &'static str),
    /// The list is read as it should, but records come out more than once.
    PassesOn(&'static str),
}

/// A system that is up, and the connector that is to read it.
struct Stage {
    connector: Box<dyn Connector>,
    /// Requests so far. Owns the system: it is stopped with the stage.
    requests: Box<dyn Fn() -> usize + Send + Sync>,
}

/// A connector by one of its ways in.
trait Subject: Send + Sync {
    /// The connector's name and the way in.
    fn name(&self) -> String;
    /// The healthy system.
    fn estate(&self) -> Estate;
    /// Starts the system with a fault.
    fn stage(&self, estate: &Estate, fault: Fault) -> Stage;
    /// What differs, where anything does.
    fn exception(&self, _fault: Fault) -> Option<Exception> {
        None
    }
    /// Whether one connection serves every list, so that the end of it ends the others as well.
    fn has_one_connection(&self) -> bool {
        false
    }
    /// Whether a page that comes a second time cannot be told from a list that goes round in circles.
    fn takes_a_second_page_for_a_circle(&self) -> bool {
        false
    }
    /// Records in the first scope that come from no row.
    fn without_rows(&self) -> u64 {
        0
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Asking

async fn play(subject: &dyn Subject, estate: &Estate, fault: Fault) -> (Collected, Stage) {
    let stage = subject.stage(estate, fault);
    let collected = collect(&*stage.connector).await;
    collected.assert_honest();
    let repeats = [Fault::Duplicate, Fault::PageRepeated].contains(&fault);
    if !repeats || !matches!(subject.exception(Fault::Duplicate), Some(Exception::PassesOn(_))) {
        collected.assert_distinct();
    }
    (collected, stage)
}

/// The healthy records, and what every other run is compared with.
async fn healthy(subject: &dyn Subject) -> Collected {
    let (collected, _stage) = play(subject, &subject.estate(), Fault::None).await;
    assert!(collected.result.is_ok(), "{}: {:?}", subject.name(), collected.result);
    for list in subject.estate().0 {
        assert_eq!(collected.state(list.scope), ScopeState::Complete, "{}: {:#?}", subject.name(), collected.reports);
    }
    assert!(collected.records.len() >= 6, "the estate yields something");
    collected
}

/// The subjects that can have the fault, with the state their first list ends in: `rule`, or their exception.
fn able(fault: Fault, rule: ScopeState) -> Vec<(Arc<dyn Subject>, ScopeState)> {
    let ends = |subject: Arc<dyn Subject>| match subject.exception(fault) {
        None => Some((subject, rule)),
        Some(Exception::Cannot(why)) => {
            assert!(!why.is_empty(), "{}: say why {fault:?} cannot be", subject.name());
            None
        }
        Some(Exception::Ends(state, why)) => {
            assert!(!why.is_empty(), "{}: say why {fault:?} ends otherwise", subject.name());
            Some((subject, state))
        }
        Some(Exception::PassesOn(why)) => {
            assert!(!why.is_empty(), "{}: say why {fault:?} is passed on", subject.name());
            Some((subject, rule))
        }
    };
    subjects().into_iter().filter_map(ends).collect()
}

/// Plays the fault and asserts that the first list is short, in state `ends`, and says so: the first `kept` rows are not
/// lost where it is partial, nothing comes out that the healthy system does not have, every kind that lost a record is
/// not complete, and the other lists are whole.
async fn assert_short(
    subject: &dyn Subject,
    fault: Fault,
    estate: &Estate,
    kept: usize,
    ends: ScopeState,
) -> (Collected, Stage) {
    let name = format!("{}, {fault:?}", subject.name());
    let healthy = healthy(subject).await;
    let (bent, stage) = play(subject, estate, fault).await;
    assert!(bent.result.is_ok(), "{name}: one scope does not end the others: {:?}", bent.result);
    let first = estate.0[0].scope;
    assert_eq!(bent.state(first), ends, "{name}: {:#?}", bent.reports);
    assert_ne!(ends, ScopeState::Complete, "{name}");
    for (kind, whole) in &healthy.scope(first).kinds {
        let of_kind = &bent.scope(first).kinds[kind];
        let lost = of_kind.records < whole.records;
        assert!(!lost || of_kind.state != ScopeState::Complete, "{name}: {kind} lost records: {of_kind:#?}");
    }
    let broken = [Fault::Cut, Fault::CutOnce].contains(&fault) && subject.has_one_connection();
    for list in &estate.0[1..] {
        let expected = if broken { ScopeState::Failed } else { ScopeState::Complete };
        assert_eq!(bent.state(list.scope), expected, "{name}: {:#?}", bent.reports);
    }
    assert_within(&bent, &healthy, &format!("{name}: a record out of nowhere"));
    if ends == ScopeState::Partial {
        let mut before = subject.estate();
        before.0[0].rows.truncate(kept);
        before.0[0].total = kept;
        if broken {
            before.0[1..].iter_mut().for_each(|list| *list = List::of(list.scope, Vec::new()));
        }
        let (before, _stage) = play(subject, &before, Fault::None).await;
        assert_within(&before, &bent, &format!("{name}: a record that was read is lost"));
    }
    (bent, stage)
}

/// Every record of `part` is one of `whole`. A membership of someone who was not read names him as the system does, and not
/// by his id; it is no record out of nowhere.
fn assert_within(part: &Collected, whole: &Collected, told: &str) {
    let whole = whole.lines();
    for record in &part.records {
        if matches!(record, Record::Membership(membership) if membership.member_kind == PrincipalKind::Unknown) {
            continue;
        }
        let line = collected::line(record);
        assert!(whole.binary_search(&line).is_ok(), "{told}: {line}");
    }
}

/// Plays the fault and asserts that the same records come out, and that the first list ends as `ends`.
async fn assert_same(subject: &dyn Subject, fault: Fault, estate: &Estate, ends: ScopeState) {
    let name = format!("{}, {fault:?}", subject.name());
    let healthy = healthy(subject).await;
    let (bent, _stage) = play(subject, estate, fault).await;
    assert!(bent.result.is_ok(), "{name}: {:?}", bent.result);
    assert_eq!(bent.state(estate.0[0].scope), ends, "{name}: {:#?}", bent.reports);
    for list in &estate.0[1..] {
        assert_eq!(bent.state(list.scope), ScopeState::Complete, "{name}: {:#?}", bent.reports);
    }
    healthy.assert_same_records(&bent, &name);
}

/// What passes with the next try leaves the list whole, unless its exception says that there is no next try.
async fn assert_forgiven(subject: &dyn Subject, fault: Fault, ends: ScopeState) {
    if ends == ScopeState::Complete {
        assert_same(subject, fault, &subject.estate(), ends).await;
    } else {
        assert_short(subject, fault, &subject.estate(), PAGE, ends).await;
    }
}

#[test]
fn every_connector_stands_in_the_list() {
    let names: Vec<String> = subjects().iter().map(|subject| subject.name()).collect();
    for manual in NATIVE {
        let ways = names.iter().filter(|name| name.split(' ').next() == Some(manual.name)).count();
        assert!(ways > 0, "add `{}` to `subjects`: {names:?}", manual.name);
    }
}

#[tokio::test]
async fn a_missing_last_page_is_noticed() {
    for (subject, ends) in able(Fault::LastPageMissing, ScopeState::Partial) {
        let mut estate = subject.estate();
        let kept = estate.0[0].rows.len() - PAGE;
        estate.0[0].rows.truncate(kept);
        assert_short(&*subject, Fault::LastPageMissing, &estate, kept, ends).await;
    }
}

#[tokio::test]
async fn a_page_that_comes_again_and_again_ends_as_failed() {
    for (subject, ends) in able(Fault::PageRepeated, ScopeState::Failed) {
        let (_bent, stage) = assert_short(&*subject, Fault::PageRepeated, &subject.estate(), 0, ends).await;
        assert!((stage.requests)() < 30, "{}: it went round in circles", subject.name());
    }
}

#[tokio::test]
async fn a_throttled_page_is_asked_for_again() {
    for (subject, ends) in able(Fault::ThrottledOnce, ScopeState::Complete) {
        assert_forgiven(&*subject, Fault::ThrottledOnce, ends).await;
    }
}

#[tokio::test]
async fn a_page_that_stays_throttled_is_a_gap() {
    for (subject, ends) in able(Fault::Throttled, ScopeState::Partial) {
        let (_bent, stage) = assert_short(&*subject, Fault::Throttled, &subject.estate(), PAGE, ends).await;
        assert!((stage.requests)() < 40, "{}: it does not give up", subject.name());
    }
}

#[tokio::test]
async fn a_forbidden_scope_fails_and_the_others_are_read() {
    for (subject, ends) in able(Fault::Forbidden, ScopeState::Failed) {
        assert_short(&*subject, Fault::Forbidden, &subject.estate(), 0, ends).await;
    }
}

#[tokio::test]
async fn a_page_cut_in_the_middle_is_read_again() {
    for (subject, ends) in able(Fault::CutOnce, ScopeState::Complete) {
        assert_forgiven(&*subject, Fault::CutOnce, ends).await;
    }
}

#[tokio::test]
async fn a_page_that_is_always_cut_in_the_middle_is_a_gap() {
    for (subject, ends) in able(Fault::Cut, ScopeState::Partial) {
        assert_short(&*subject, Fault::Cut, &subject.estate(), PAGE, ends).await;
    }
}

#[tokio::test]
async fn an_empty_success_is_complete_with_nothing_in_it() {
    // Whether that is plausible is judged by the engine, which knows the history.
    for (subject, ends) in able(Fault::Empty, ScopeState::Complete) {
        let mut estate = subject.estate();
        estate.0[0] = List::of(estate.0[0].scope, Vec::new());
        let (bent, _stage) = play(&*subject, &estate, Fault::Empty).await;
        assert!(bent.result.is_ok(), "{}: {:?}", subject.name(), bent.result);
        let report = bent.scope(estate.0[0].scope);
        assert_eq!(report.state(), ends, "{}: {report:#?}", subject.name());
        let records: u64 = report.kinds.values().map(|kind| kind.records).sum();
        assert!(records <= subject.without_rows(), "{}: {report:#?}", subject.name());
        for list in &estate.0[1..] {
            assert_eq!(bent.state(list.scope), ScopeState::Complete, "{}: {:#?}", subject.name(), bent.reports);
        }
    }
}

#[tokio::test]
async fn the_order_of_rows_and_pages_does_not_matter() {
    for (subject, ends) in able(Fault::Reordered, ScopeState::Complete) {
        let mut reversed = subject.estate();
        reversed.0.iter_mut().for_each(|list| list.rows.reverse());
        let mut rotated = subject.estate();
        rotated.0[0].rows.rotate_left(PAGE);
        for estate in [reversed, rotated] {
            assert_same(&*subject, Fault::Reordered, &estate, ends).await;
        }
    }
}

#[tokio::test]
async fn a_row_or_page_that_comes_twice_comes_out_once() {
    for (subject, ends) in able(Fault::Duplicate, ScopeState::Complete) {
        // The declared total counts different rows.
        let mut row = subject.estate();
        let again = row.0[0].rows[0].clone();
        row.0[0].rows.insert(PAGE + 1, again);
        let mut page = subject.estate();
        let again = page.0[0].rows[PAGE..2 * PAGE].to_vec();
        page.0[0].rows.splice(PAGE..PAGE, again);
        assert_same(&*subject, Fault::Duplicate, &row, ends).await;
        if subject.takes_a_second_page_for_a_circle() {
            assert_short(&*subject, Fault::Duplicate, &page, 0, ScopeState::Failed).await;
        } else {
            assert_same(&*subject, Fault::Duplicate, &page, ends).await;
        }
    }
}

#[tokio::test]
async fn a_cancelled_run_ends_at_once_and_claims_nothing() {
    for (subject, ends) in able(Fault::Silent, ScopeState::Failed) {
        let name = subject.name();
        let stage = subject.stage(&subject.estate(), Fault::Silent);
        let cancel = CancellationToken::new();
        let watch = async {
            // Until nothing more is asked: the page that is never answered was.
            let (mut before, begun) = (0, Instant::now());
            loop {
                tokio::time::sleep(Duration::from_millis(300)).await;
                let now = (stage.requests)();
                if now > 0 && now == before {
                    break;
                }
                before = now;
                assert!(begun.elapsed() < Duration::from_secs(20), "{name}: it never waits");
            }
            cancel.cancel();
            Instant::now()
        };
        let both = async { tokio::join!(collect_until(&*stage.connector, &cancel), watch) };
        let ended = tokio::time::timeout(Duration::from_secs(30), both).await;
        let (bent, cancelled) = ended.unwrap_or_else(|_| panic!("{name}: it does not stop"));
        assert!(cancelled.elapsed() < Duration::from_secs(5), "{name}: it took {:?}", cancelled.elapsed());
        assert!(matches!(bent.result, Err(ConnectorError::Stopped)), "{name}: {:?}", bent.result);
        bent.assert_honest();
        assert_eq!(bent.state(subject.estate().0[0].scope), ends, "{name}");
    }
}
