//! A vendor's interface as its description has it: Prism behind a front of ours.
//!
//! ```text
//! connector ──► front ──► Prism (checks the request, answers with the description's examples)
//! ```
//!
//! Every request goes to Prism, and whatever Prism refuses is kept in [`Vendor::refused`]. The front adds what Prism lets
//! through or cannot do: it refuses undeclared query parameters and foreign credentials, lets lists end after a second page with
//! rows of its own, points links home, and answers the calls that the description does not have and the test names
//! ([`Builder::aside`]). It proves the shape of requests and that replies are understood; it holds no state and filters nothing.

mod contract;
mod convert;
mod paging;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

pub use convert::{Example, exemplified, from_discovery, from_types};
pub use paging::Paging;

use self::contract::Contract;
use crate::graph_batch;
use crate::node::NodeError;
use crate::prism::Prism;
use crate::scripted_http::{Request, Response, ScriptedHttp};

type Aside = Box<dyn Fn(&Request) -> Response + Send + Sync>;
type Edit = Box<dyn Fn(&str, &Request, &mut Value) + Send + Sync>;
type Signed = Box<dyn Fn(&Request) -> bool + Send + Sync>;
type Reword = Box<dyn Fn(&Request, &mut String) + Send + Sync>;

/// A running vendor.
#[derive(Debug)]
pub struct Vendor {
    front: ScriptedHttp,
    told: Arc<Told>,
    description: Value,
    _prism: Arc<Prism>,
}

/// A call that was made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// `GET` and so on.
    pub method: String,
    /// Its path as described: `/orgs/{org}/members`.
    pub path: String,
    /// Whether it asked for the second page.
    pub second_page: bool,
}

/// An answer of Prism that the front changed.
#[derive(Debug, Clone)]
pub struct Changed {
    /// Method and path of the request, as it came.
    pub request: String,
    /// Status of the answer.
    pub status: u16,
    /// As Prism gave it.
    pub given: Value,
    /// As it was sent.
    pub sent: Value,
}

#[derive(Debug, Default)]
struct Told {
    batches: AtomicUsize,
    asked: Mutex<Vec<Asked>>,
    changed: Mutex<Vec<Changed>>,
    refused: Mutex<Vec<String>>,
}

impl Told {
    /// Whether a list of this kind was read on to its second page.
    fn went_on(&self, method: &str, path: &str) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().any(|asked| asked.second_page && asked.method == method && asked.path == path)
    }
}

/// What a vendor is made of.
pub struct Builder {
    description: Value,
    contract: Contract,
    signed: Signed,
    paging: Vec<Paging>,
    ids: Vec<&'static str>,
    totals: Vec<&'static str>,
    links: Vec<(&'static str, &'static str)>,
    asides: Vec<(&'static str, &'static str, Aside)>,
    batch: Option<&'static str>,
    edit: Option<Edit>,
    reword: Option<Reword>,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("paging", &self.paging).finish_non_exhaustive()
    }
}

impl Vendor {
    /// Begins with an OpenAPI 3 or Swagger 2 description. `signed` says whether a request carries the credential.
    pub fn of(description: Value, signed: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Builder {
        let contract = Contract::of(&description);
        Builder {
            description,
            contract,
            signed: Box::new(signed),
            paging: Vec::new(),
            ids: vec!["id"],
            totals: Vec::new(),
            links: Vec::new(),
            asides: Vec::new(),
            batch: None,
            edit: None,
            reword: None,
        }
    }

    /// `http://127.0.0.1:PORT`, without the path of the description's servers.
    pub fn url(&self) -> String {
        self.front.url()
    }

    /// Every call that was made, as described, in the order of arrival.
    pub fn asked(&self) -> Vec<Asked> {
        self.told.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many batches came.
    pub fn batches(&self) -> usize {
        self.told.batches.load(Ordering::Relaxed)
    }

    /// Every answer that is not as Prism gave it, but for its text being JSON again.
    pub fn changed(&self) -> Vec<Changed> {
        self.told.changed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What Prism runs on.
    pub const fn description(&self) -> &Value {
        &self.description
    }

    /// Every request that was refused, with the reason; empty when all that was asked is as described.
    pub fn refused(&self) -> Vec<String> {
        self.told.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Builder {
    /// How lists go on after their first page; the first that fits a call is taken.
    #[must_use]
    pub fn paged(mut self, paging: Paging) -> Self {
        self.paging.push(paging);
        self
    }

    /// Keys that tell rows apart, at any depth (`metadata/name`): they differ on second pages. `id` unless told.
    #[must_use]
    pub fn ids(mut self, ids: &[&'static str]) -> Self {
        self.ids = ids.to_vec();
        self
    }

    /// Where a reply counts the rows of all pages, as a JSON pointer.
    #[must_use]
    pub fn total(mut self, pointer: &'static str) -> Self {
        self.totals.push(pointer);
        self
    }

    /// Lets the replies of a described path lead on to this target of another call, by a `Link` header.
    #[must_use]
    pub fn linked(mut self, path: &'static str, target: &'static str) -> Self {
        self.links.push((path, target));
        self
    }

    /// Answers a call that the description does not have.
    #[must_use]
    pub fn aside(
        mut self,
        method: &'static str,
        path: &'static str,
        answer: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> Self {
        self.asides.push((method, path, Box::new(answer)));
        self
    }

    /// Takes Microsoft Graph's batches at this path apart: the description has single requests only.
    #[must_use]
    pub fn batched(mut self, path: &'static str) -> Self {
        self.batch = Some(path);
        self
    }

    /// Changes replies before they are sent: the described path, what was asked, and the body.
    #[must_use]
    pub fn edited(mut self, edit: impl Fn(&str, &Request, &mut Value) + Send + Sync + 'static) -> Self {
        self.edit = Some(Box::new(edit));
        self
    }

    /// Changes how a request is put to Prism (path and query), where the description says a thing otherwise than the vendor means
    /// it.
    #[must_use]
    pub fn reworded(mut self, reword: impl Fn(&Request, &mut String) + Send + Sync + 'static) -> Self {
        self.reword = Some(Box::new(reword));
        self
    }

    /// Starts Prism and the front.
    ///
    /// # Errors
    /// [`NodeError`], with the lines that install what is missing.
    pub fn start(self) -> Result<Vendor, NodeError> {
        let prism = Arc::new(Prism::start(&self.description)?);
        let told = Arc::new(Told::default());
        let description = self.description.clone();
        let front = {
            let (told, prism) = (Arc::clone(&told), Arc::clone(&prism));
            ScriptedHttp::start(move |request| self.answer(request, &told, prism.port()))
        };
        Ok(Vendor { front, told, description, _prism: prism })
    }

    fn answer(&self, request: &Request, told: &Told, prism: u16) -> Response {
        let refuse = |status: u16, why: &str| {
            let line = format!("{} {}: {status} {why}", request.method, request.target);
            told.refused.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            Response::json(serde_json::json!({"message": why}).to_string()).with_status(status)
        };
        let ask = |path: &str, second_page: bool| {
            let asked = Asked { method: request.method.clone(), path: path.to_owned(), second_page };
            told.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        };
        let aside = self.asides.iter().find(|(method, path, _)| *method == request.method && *path == request.path);
        if let Some((_, path, answer)) = aside {
            ask(path, false);
            return answer(request);
        }
        if !(self.signed)(request) {
            return refuse(401, "the request does not carry the credential");
        }
        if self.batch == Some(request.path.as_str()) {
            told.batches.fetch_add(1, Ordering::Relaxed);
            return match graph_batch::open(request) {
                Ok(_) => graph_batch::answered(request, |one| self.answer(one, told, prism)),
                Err(why) => refuse(400, &why),
            };
        }
        let Some(operation) = self.contract.operation(&request.method, &request.path) else {
            return refuse(404, "the description has no such call");
        };
        if let Some((name, _)) = request.query.iter().find(|(name, _)| !operation.takes(name)) {
            return refuse(422, &format!("{} takes no `{name}`", operation.path));
        }
        let paged = self.paging.iter().filter(|paging| operation.takes(paging.parameter()));
        // One list of a kind goes over two pages; that lists of lists do so, too, would ask thousands of times.
        let gone_on = told.went_on(&request.method, &operation.path);
        ask(&operation.path, paged.clone().any(|paging| paging.is_second(request)));

        let mut target = self.contract.without_base(&request.target).to_owned();
        if let Some(reword) = &self.reword {
            reword(request, &mut target);
        }
        let (status, mut body) = match forward(prism, request, &target) {
            Ok((status, body)) if (200..300).contains(&status) => (status, body),
            Ok((status, body)) => return refuse(status, &String::from_utf8_lossy(&body)),
            Err(error) => return refuse(502, &error.to_string()),
        };
        let mut answer = Response::status(status).header("content-type", "application/json");
        if let Ok(mut json) = serde_json::from_slice::<Value>(&body) {
            let given = json.clone();
            if let Some(edit) = &self.edit {
                edit(&operation.path, request, &mut json);
            }
            let paging = paged.clone().find(|paging| paging.suits(&json));
            let next = paging.and_then(|paging| paging.turn(request, &mut json, &self.ids, gone_on));
            for total in &self.totals {
                paging::set_total(&mut json, total, paging.is_some());
            }
            let elsewhere = self.links.iter().find(|(path, _)| *path == operation.path);
            let next = next.or_else(|| elsewhere.map(|(_, target)| paging::Next::Header((*target).to_owned())));
            if let (Some(next), Some(host)) = (next, request.header("host")) {
                answer = paging::link(answer, &mut json, &next, host);
            }
            body = json.to_string().into_bytes();
            if given != json {
                let request = format!("{} {}", request.method, request.path);
                let changed = Changed { request, status, given, sent: json };
                told.changed.lock().unwrap_or_else(PoisonError::into_inner).push(changed);
            }
        }
        answer.body(body)
    }
}

/// Puts a request to Prism; gives the status and the body of its answer.
fn forward(port: u16, request: &Request, target: &str) -> std::io::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    let mut head = format!("{} {target} HTTP/1.0\r\nhost: 127.0.0.1:{port}\r\n", request.method);
    let ours = ["host", "connection", "content-length", "transfer-encoding", "accept-encoding"];
    for (name, value) in request.headers.iter().filter(|(name, _)| !ours.contains(&name.as_str())) {
        // Prism takes media types literally; what accepts `application/vnd.github+json` accepts JSON.
        let value = if name == "accept" && value.ends_with("+json") { "application/json" } else { value };
        head.extend([name, ": ", value, "\r\n"]);
    }
    // Slack's description of 2021 wants its token as a header or parameter of that name.
    if let Some(token) = request.header("authorization").and_then(|value| value.strip_prefix("Bearer ")) {
        head.extend(["token: ", token, "\r\n"]);
    }
    if !request.body.is_empty() {
        head.extend(["content-length: ", &request.body.len().to_string(), "\r\n"]);
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    stream.write_all(&request.body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(answer.len());
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let violations = head.lines().find_map(|line| line.strip_prefix("sl-violations: ")).unwrap_or_default();
    let mut body = answer.get(end + 4..).unwrap_or_default().to_vec();
    if !(200..300).contains(&status) && !violations.is_empty() {
        body.extend(b" ");
        body.extend(violations.as_bytes());
    }
    Ok((status, body))
}
