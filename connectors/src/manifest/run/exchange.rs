//! Written or recorded exchanges, and a wire that answers from them.
//!
//! One exchange says what is asked and what is answered:
//!
//! ```json
//! { "request": "GET /orgs/acme/members?role=admin&per_page=100",
//!   "reply_headers": { "link": "<https://api.github.com/orgs/acme/members?page=2>; rel=\"next\"" },
//!   "reply": [ { "id": 17, "login": "ada" } ] }
//! ```
//!
//! The replay is strict: a request that no exchange expects is refused and remembered, and so is an exchange that nobody asked
//! for. The order of query keys does not matter; `"*"` stands for any value of a query, form or body.
//!
//! Calls that are sent in a bundle are written one by one, as if each were sent alone: how they are gathered is no matter of theirs.
//! An exchange that stands at the address of bundles itself goes before, for whoever writes how a bundle fails.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use url::Url;

use super::bundle::{self, Envelope};
use super::wire::{Incoming, Outgoing, Purpose, Wire};
use crate::http::HttpError;

/// What is asked, and what is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// Method and address: a path below the manifest's base, with its query, or a whole URL.
    pub request: String,
    /// Headers that the request must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// JSON body that the request must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Json>,
    /// Form that the request must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<BTreeMap<String, String>>,
    /// Status of the answer.
    #[serde(default = "ok", skip_serializing_if = "is_ok")]
    pub status: u16,
    /// Headers of the answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reply_headers: BTreeMap<String, String>,
    /// Body of the answer: JSON, or a text that is sent as it is.
    #[serde(default, skip_serializing_if = "Json::is_null")]
    pub reply: Json,
    /// Answers any number of times, and need not be asked for.
    #[serde(default, skip_serializing_if = "is_false")]
    pub repeat: bool,
}

const fn ok() -> u16 {
    200
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_ok(status: &u16) -> bool {
    *status == 200
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_false(yes: &bool) -> bool {
    !*yes
}

/// An exchange with its address parsed.
#[derive(Debug)]
struct Script {
    exchange: Exchange,
    method: String,
    url: Url,
    used: bool,
}

/// A wire that answers from exchanges, each once, in their order.
#[derive(Debug)]
pub(crate) struct Replay {
    base: Url,
    /// What carries several calls.
    envelope: Option<Envelope>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    scripts: Vec<Script>,
    /// Places of the exchanges of each path, in their order.
    by_path: HashMap<Vec<String>, Vec<usize>>,
    unexpected: Vec<String>,
    asked: Vec<String>,
}

impl Replay {
    /// A replay of `exchanges` at `base`.
    ///
    /// # Errors
    /// What is wrong with the first exchange that cannot be read.
    pub(crate) fn new(base: &Url, exchanges: &[Exchange]) -> Result<Self, String> {
        let scripts = exchanges.iter().enumerate().map(|(number, exchange)| {
            let told = |what: &str| format!("exchange {}: `{}` {what}", number + 1, exchange.request);
            let (method, address) = exchange.request.split_once(' ').ok_or_else(|| told("is not `METHOD address`"))?;
            let url = absolute(base, address.trim()).map_err(|error| told(&format!("has no address ({error})")))?;
            Ok(Script { exchange: exchange.clone(), method: method.to_owned(), url, used: false })
        });
        let scripts = scripts.collect::<Result<Vec<_>, String>>()?;
        let mut by_path: HashMap<Vec<String>, Vec<usize>> = HashMap::new();
        for (place, script) in scripts.iter().enumerate() {
            by_path.entry(segments(&script.url)).or_default().push(place);
        }
        let state = State { scripts, by_path, unexpected: Vec::new(), asked: Vec::new() };
        Ok(Self { base: base.clone(), envelope: None, state: Mutex::new(state) })
    }

    /// Takes bundles apart that come to where the manifest sends them.
    #[must_use]
    pub(crate) fn apart(self, envelope: Option<Envelope>) -> Self {
        Self { envelope, ..self }
    }

    /// Requests that no exchange expected.
    pub(crate) fn unexpected(&self) -> Vec<String> {
        self.lock().unexpected.clone()
    }

    /// Every request so far, as [`told`] writes them.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.lock().asked.clone()
    }

    /// Exchanges that nobody asked for.
    pub(crate) fn unused(&self) -> Vec<String> {
        let unused = |script: &&Script| !script.used && !script.exchange.repeat;
        self.lock().scripts.iter().filter(unused).map(|script| script.exchange.request.clone()).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An address below `base`, or a whole one.
fn absolute(base: &Url, address: &str) -> Result<Url, url::ParseError> {
    if address.contains("://") {
        return Url::parse(address);
    }
    Url::parse(&format!("{}{address}", base.origin().ascii_serialization()))
}

/// Method and address of a request, short where it goes to `base`; for people and for exchanges.
pub(crate) fn told(base: &Url, request: &Outgoing) -> String {
    if request.url.origin() == base.origin() {
        let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{} {}{query}", request.method, request.url.path())
    } else {
        format!("{} {}", request.method, request.url)
    }
}

#[async_trait]
impl Wire for Replay {
    async fn exchange(&self, request: &Outgoing) -> Result<Incoming, HttpError> {
        let mut state = self.lock();
        let state = &mut *state;
        let asked = told(&self.base, request);
        state.asked.push(asked.clone());
        let why = match state.fitting(request) {
            Ok(place) => return incoming(state.play(place)),
            Err(why) => why,
        };
        let envelope = self.envelope.as_ref().filter(|_| request.purpose == Purpose::Bundle);
        if let Some(calls) = envelope.and_then(|envelope| envelope.calls(&request.body)) {
            let mut answers = Vec::with_capacity(calls.len());
            for (id, call) in calls {
                // What a bundle cannot hold, or no exchange answers, is left out: it comes again alone, and is told of then.
                let place = state.fitting(&call).ok().filter(|place| state.scripts[*place].fits_in_a_bundle());
                if let Some(place) = place {
                    state.asked.push(told(&self.base, &call));
                    answers.push((id, incoming(state.play(place))?));
                }
            }
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
            return Ok(Incoming { status: StatusCode::OK, headers, body: bundle::answered(&answers) });
        }
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        state.unexpected.push(format!("{asked}{why}"));
        Err(HttpError::Setup {
            what: format!("no exchange answers {}", request.shown()),
            fix: "add the exchange, or mend the call in the manifest".into(),
        })
    }
}

impl State {
    /// Which exchange answers a request.
    ///
    /// # Errors
    /// Why the nearest does not, where one is near.
    fn fitting(&self, request: &Outgoing) -> Result<usize, Option<String>> {
        let mut nearest = None;
        let places = self.by_path.get(&segments(&request.url)).map_or(&[][..], Vec::as_slice);
        for place in places {
            let script = &self.scripts[*place];
            match differs(script, request) {
                None if !script.used || script.exchange.repeat => return Ok(*place),
                None => nearest = Some("the exchange was used before; write it twice, or with `repeat`".to_owned()),
                Some(why) if script.method == request.method.as_str() => {
                    nearest.get_or_insert(why);
                }
                Some(_) => {}
            }
        }
        Err(nearest)
    }

    /// Uses an exchange.
    fn play(&mut self, place: usize) -> &Exchange {
        let script = &mut self.scripts[place];
        script.used = true;
        &script.exchange
    }
}

impl Script {
    /// Whether its answer can stand in a bundle: JSON, or a refusal that says nothing.
    fn fits_in_a_bundle(&self) -> bool {
        let Exchange { status, reply, .. } = &self.exchange;
        reply.is_object() || reply.is_array() || (*status >= 400 && reply.is_null())
    }
}

/// Why an exchange of the same path does not answer a request.
fn differs(script: &Script, request: &Outgoing) -> Option<String> {
    if script.method != request.method.as_str() {
        return Some(format!("the method is {}", script.method));
    }
    if script.url.origin() != request.url.origin() {
        return Some("the address is another".to_owned());
    }
    let sorted = |url: &Url| {
        let mut pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        pairs.sort();
        pairs
    };
    let (expected, found) = (sorted(&script.url), sorted(&request.url));
    if let Some(why) = pairs_differ("query", &expected, &found) {
        return Some(why);
    }
    for (name, value) in &script.exchange.headers {
        let found = request.headers.get(name.as_str()).and_then(|found| found.to_str().ok());
        if found != Some(value.as_str()) && !(value == "*" && found.is_some()) {
            // The value may be a credential and is not told.
            return Some(format!("header `{name}` is {}", if found.is_some() { "another" } else { "missing" }));
        }
    }
    if let Some(body) = &script.exchange.body {
        let found: Json = serde_json::from_slice(&request.body).unwrap_or(Json::Null);
        if !fits(body, &found) {
            return Some(format!("the body is {found}"));
        }
    }
    if let Some(form) = &script.exchange.form {
        let mut found: Vec<(String, String)> = url::form_urlencoded::parse(&request.body).into_owned().collect();
        found.sort();
        let expected: Vec<(String, String)> = form.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        return pairs_differ("form", &expected, &found);
    }
    None
}

/// The segments of a path, their escapes undone: `%40` and `@` are the same, and `%2F` divides nothing.
fn segments(url: &Url) -> Vec<String> {
    let decoded = |segment: &str| percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned();
    url.path().split('/').map(decoded).collect()
}

fn pairs_differ(what: &str, expected: &[(String, String)], found: &[(String, String)]) -> Option<String> {
    let same = expected.len() == found.len()
        && expected.iter().zip(found).all(|(a, b)| a.0 == b.0 && (a.1 == b.1 || a.1 == "*"));
    if same {
        return None;
    }
    let lacking = expected
        .iter()
        .find(|pair| !found.iter().any(|other| other.0 == pair.0 && (other.1 == pair.1 || pair.1 == "*")));
    let more = found
        .iter()
        .find(|pair| !expected.iter().any(|other| other.0 == pair.0 && (other.1 == pair.1 || other.1 == "*")));
    Some(match (lacking, more) {
        (Some((name, value)), _) => format!("the {what} lacks `{name}={value}`"),
        (None, Some((name, value))) => format!("the {what} has `{name}={value}` beyond the exchange"),
        (None, None) => format!("the {what} has a key more often than the exchange"),
    })
}

fn fits(expected: &Json, found: &Json) -> bool {
    match (expected, found) {
        (Json::String(any), _) if any == "*" => true,
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, value)| b.get(name).is_some_and(|other| fits(value, other)))
        }
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| fits(a, b)),
        (a, b) => a == b,
    }
}

fn incoming(exchange: &Exchange) -> Result<Incoming, HttpError> {
    let broken = |what: String| HttpError::Setup { what, fix: "mend the exchange".into() };
    let status = StatusCode::from_u16(exchange.status)
        .map_err(|_no_status| broken(format!("{} is no HTTP status", exchange.status)))?;
    let mut headers = HeaderMap::new();
    let body = match &exchange.reply {
        Json::Null => Bytes::new(),
        Json::String(text) => Bytes::from(text.clone()),
        json => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Bytes::from(json.to_string())
        }
    };
    for (name, value) in &exchange.reply_headers {
        let name: HeaderName = name.parse().map_err(|_no_name| broken(format!("`{name}` is no header name")))?;
        let value = value.parse().map_err(|_no_value| broken(format!("the value of `{name}` cannot be a header")))?;
        headers.append(name, value);
    }
    Ok(Incoming { status, headers, body })
}

#[cfg(test)]
mod tests {
    use http::Method;
    use serde_json::json;

    use super::*;

    fn replay(exchanges: Json) -> Replay {
        let exchanges: Vec<Exchange> = serde_json::from_value(exchanges).unwrap();
        Replay::new(&"https://h/api".parse().unwrap(), &exchanges).unwrap()
    }

    fn ask(method: Method, url: &str, body: &str) -> Outgoing {
        Outgoing {
            purpose: Purpose::Read,
            method,
            url: url.parse().unwrap(),
            headers: HeaderMap::new(),
            secret: Vec::new(),
            body: body.to_owned().into(),
        }
    }

    #[tokio::test]
    async fn exchanges_answer_in_order_and_strictly() {
        let replay = replay(json!([
            {"request": "GET /a?x=1&y=2", "reply": [1]},
            {"request": "GET /a?x=1&y=2", "reply": [2]},
            {"request": "POST /token", "form": {"assertion": "*", "grant_type": "x"}, "reply": {"t": 1}, "repeat": true},
            {"request": "POST https://other/b", "body": {"q": "*", "n": 1}, "status": 429, "reply_headers": {"retry-after": "3"}},
            {"request": "GET /never"},
        ]));
        let get = ask(Method::GET, "https://h/a?y=2&x=1", "");
        assert_eq!(replay.exchange(&get).await.unwrap().body, "[1]");
        assert_eq!(replay.exchange(&get).await.unwrap().body, "[2]");
        assert!(replay.exchange(&get).await.is_err());
        for _ in 0..2 {
            assert!(replay.exchange(&ask(Method::POST, "https://h/token", "grant_type=x&assertion=e30")).await.is_ok());
        }
        let throttled =
            replay.exchange(&ask(Method::POST, "https://other/b", r#"{"n":1,"q":{"deep":true}}"#)).await.unwrap();
        assert_eq!(
            (throttled.status.as_u16(), &throttled.headers["retry-after"]),
            (429, &HeaderValue::from_static("3"))
        );
        assert!(replay.exchange(&ask(Method::GET, "https://h/a?x=1&y=3", "")).await.is_err());
        assert!(replay.exchange(&ask(Method::GET, "https://other/a?x=1&y=2", "")).await.is_err());
        assert_eq!(replay.unused(), ["GET /never"]);
        assert_eq!(
            replay.unexpected(),
            [
                "GET /a?y=2&x=1: the exchange was used before; write it twice, or with `repeat`",
                "GET /a?x=1&y=3: the query lacks `y=2`",
                "GET https://other/a?x=1&y=2: the address is another",
            ]
        );
    }
}
