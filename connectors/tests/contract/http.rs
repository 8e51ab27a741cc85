//! What connectors of web APIs share: the faults of a web server, and the questions that only HTTP raises.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use muster_connectors::Connector;
use muster_connectors::http::Pace;
use muster_connectors::scope::ScopeState;
use muster_testbeds::scripted_http::{Request, Response, ScriptedHttp};

use crate::collected::{Collected, Hurried, collect};
use crate::{Estate, Fault, List, PAGE, Stage, Subject, assert_within, healthy, http_subjects};

/// What a request asks for: rows of a list from a position (from 0) on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) list: usize,
    pub(crate) from: usize,
}

/// A connector that reads pages of a web API.
pub(crate) trait HttpSubject: Send + Sync {
    /// The connector's name and the way in.
    fn name(&self) -> String;
    /// The healthy system.
    fn estate(&self) -> Estate;
    /// Which rows a request wants; `None` when it is about no list.
    fn asked(&self, request: &Request) -> Option<Asked>;
    /// A page with these rows; `next` is the position of the next page, where there is one.
    fn page(&self, list: &List, rows: &[serde_json::Value], next: Option<usize>) -> Response;
    /// The answer to a request that is about no list.
    fn other(&self, estate: &Estate, request: &Request) -> Response;
    /// Whether a page that comes a second time cannot be told from a list that goes round in circles.
    fn takes_a_second_page_for_a_circle(&self) -> bool {
        false
    }
    /// A page whose link to the next leads to `url`, for systems that link.
    fn page_linking_to(&self, _list: &List, _rows: &[serde_json::Value], _url: &str) -> Option<Response> {
        None
    }
    /// The connector, with `{ env = "TOKEN" }` as its credential.
    fn connector(&self, url: &str, pace: Arc<dyn Pace>) -> Box<dyn Connector>;
}

/// A web API among the [`Subject`]s.
pub(crate) struct OverHttp(pub(crate) Arc<dyn HttpSubject>);

impl Subject for OverHttp {
    fn name(&self) -> String {
        self.0.name()
    }

    fn estate(&self) -> Estate {
        self.0.estate()
    }

    fn stage(&self, estate: &Estate, fault: Fault) -> Stage {
        let HttpStage { server, connector, .. } = HttpStage::set(&self.0, estate, script(fault));
        Stage { connector, requests: Box::new(move || server.requests().len()) }
    }

    fn takes_a_second_page_for_a_circle(&self) -> bool {
        self.0.takes_a_second_page_for_a_circle()
    }
}

/// What the server does to a request for rows of the first list, before it answers as it should.
type Script = Box<dyn Fn(&dyn HttpSubject, &Estate, Asked) -> Option<Response> + Send + Sync>;

fn script(fault: Fault) -> Script {
    match fault {
        Fault::PageRepeated => {
            Box::new(|subject, estate, _| Some(answer(subject, estate, Asked { list: 0, from: PAGE })))
        }
        Fault::ThrottledOnce => once(|_, _, _| Response::status(429).header("retry-after", "7")),
        Fault::Throttled => always(|_, _, _| Response::status(429).header("retry-after", "1")),
        Fault::Forbidden => Box::new(|_, _, _| Some(Response::status(403).header("x-request-id", "req-42"))),
        Fault::CutOnce => once(|subject, estate, asked| answer(subject, estate, asked).cut_in_the_middle()),
        Fault::Cut => always(|subject, estate, asked| answer(subject, estate, asked).cut_in_the_middle()),
        Fault::Silent => always(|subject, estate, asked| answer(subject, estate, asked).after(Duration::from_mins(1))),
        Fault::None | Fault::LastPageMissing | Fault::Empty | Fault::Reordered | Fault::Duplicate => {
            Box::new(|_, _, _| None)
        }
    }
}

/// This answer whenever rows of the first list beyond the first page are asked for.
fn always(answer: impl Fn(&dyn HttpSubject, &Estate, Asked) -> Response + Send + Sync + 'static) -> Script {
    Box::new(move |subject, estate, asked| (asked.from > 0).then(|| answer(subject, estate, asked)))
}

/// This answer the first time that rows of the first list beyond the first page are asked for.
fn once(answer: impl Fn(&dyn HttpSubject, &Estate, Asked) -> Response + Send + Sync + 'static) -> Script {
    times(1, answer)
}

fn times(most: usize, answer: impl Fn(&dyn HttpSubject, &Estate, Asked) -> Response + Send + Sync + 'static) -> Script {
    let done = AtomicUsize::new(0);
    Box::new(move |subject, estate, asked| {
        let now = asked.from > 0 && done.fetch_add(1, Ordering::SeqCst) < most;
        now.then(|| answer(subject, estate, asked))
    })
}

/// The page that a healthy server gives.
fn answer(subject: &dyn HttpSubject, estate: &Estate, asked: Asked) -> Response {
    let list = &estate.0[asked.list];
    let (rows, next) = list.page(asked.from);
    subject.page(list, rows, next)
}

struct HttpStage {
    server: ScriptedHttp,
    pace: Arc<Hurried>,
    connector: Box<dyn Connector>,
}

impl HttpStage {
    fn set(subject: &Arc<dyn HttpSubject>, estate: &Estate, script: Script) -> Self {
        let (actor, estate) = (Arc::clone(subject), estate.clone());
        let server = ScriptedHttp::start(move |request| {
            let Some(asked) = actor.asked(request) else { return actor.other(&estate, request) };
            let bent = if asked.list == 0 { script(&*actor, &estate, asked) } else { None };
            bent.unwrap_or_else(|| answer(&*actor, &estate, asked))
        });
        let pace = Arc::new(Hurried::default());
        let connector = subject.connector(&server.url(), pace.clone());
        Self { server, pace, connector }
    }

    async fn play(subject: &Arc<dyn HttpSubject>, script: Script) -> (Collected, Self) {
        let stage = Self::set(subject, &subject.estate(), script);
        let collected = collect(&*stage.connector).await;
        collected.assert_honest();
        collected.assert_distinct();
        (collected, stage)
    }
}

/// The first list is not complete and the others are, with nothing that the healthy system does not have.
async fn assert_only_the_first_is_short(subject: &Arc<dyn HttpSubject>, bent: &Collected, told: &str) {
    let name = format!("{} {told}", subject.name());
    assert!(bent.result.is_ok(), "{name}: {:?}", bent.result);
    for (position, list) in subject.estate().0.iter().enumerate() {
        let complete = bent.state(list.scope) == ScopeState::Complete;
        assert_eq!(complete, position > 0, "{name}: {:#?}", bent.reports);
    }
    assert_within(bent, &healthy(&OverHttp(Arc::clone(subject))).await, &name);
}

#[tokio::test]
async fn every_request_only_reads_and_says_who_asks() {
    for subject in http_subjects() {
        let (_, stage) = HttpStage::play(&subject, script(Fault::None)).await;
        for request in stage.server.requests() {
            assert!(["GET", "HEAD", "POST"].contains(&request.method.as_str()), "{request:?}");
            let agent = request.header("user-agent").unwrap_or_default();
            assert!(agent.starts_with("muster/"), "the reader does not say who it is: {agent}");
        }
    }
}

#[tokio::test]
async fn the_wait_that_the_server_asks_for_is_kept_and_told() {
    for subject in http_subjects() {
        let (bent, stage) = HttpStage::play(&subject, script(Fault::ThrottledOnce)).await;
        let waits = stage.pace.0.lock().unwrap().clone();
        assert!(waits.len() == 1 && waits[0] >= Duration::from_secs(7), "{}: {waits:?}", subject.name());
        assert!(bent.notes.iter().any(|note| note.contains("waiting")), "{:?}", bent.notes);
    }
}

#[tokio::test]
async fn a_gap_names_the_status_and_the_servers_own_id_of_the_request() {
    for subject in http_subjects() {
        let first = subject.estate().0[0].scope;
        let (bent, _) = HttpStage::play(&subject, script(Fault::Throttled)).await;
        assert!(bent.gaps(first).iter().any(|gap| gap.what.contains("429")), "{:#?}", bent.reports);
        let (bent, _) = HttpStage::play(&subject, script(Fault::Forbidden)).await;
        let gaps = bent.gaps(first);
        assert!(gaps.iter().any(|gap| gap.what.contains("403") && gap.what.contains("req-42")), "{gaps:#?}");
    }
}

#[tokio::test]
async fn a_failing_server_is_asked_again_and_then_is_a_gap() {
    for subject in http_subjects() {
        let (bent, _) = HttpStage::play(&subject, times(2, |_, _, _| Response::status(503))).await;
        healthy(&OverHttp(Arc::clone(&subject))).await.assert_same_records(&bent, &subject.name());
        let (bent, _) = HttpStage::play(&subject, always(|_, _, _| Response::status(500))).await;
        assert_only_the_first_is_short(&subject, &bent, "500").await;
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
        for page in ["<!doctype html><title>Sign in</title>", "<html>", "", "{}", "null", "[]", r#"{"ok":false}"#] {
            let (bent, _) = HttpStage::play(&subject, Box::new(move |_, _, _| Some(Response::html(page)))).await;
            assert_only_the_first_is_short(&subject, &bent, page).await;
            assert_eq!(bent.state(subject.estate().0[0].scope), ScopeState::Failed, "{} {page:?}", subject.name());
        }
    }
}

#[tokio::test]
async fn a_link_or_redirect_to_another_host_does_not_get_the_credential() {
    for subject in http_subjects() {
        let foreign = ScriptedHttp::start(|_| Response::json("{}"));
        let thief = foreign.url();
        let lure: Script = Box::new(move |subject, estate, asked| {
            let list = &estate.0[0];
            let linked = (asked.from == 0).then(|| subject.page_linking_to(list, &list.rows[..PAGE], &thief)).flatten();
            linked.or_else(|| (asked.from > 0).then(|| Response::status(302).header("location", &thief)))
        });
        let (bent, _) = HttpStage::play(&subject, lure).await;
        assert_only_the_first_is_short(&subject, &bent, "redirected").await;
        assert_eq!(foreign.requests(), [], "{}", subject.name());
    }
}
