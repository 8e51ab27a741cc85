//! Several readings in one POST, as Microsoft Graph's `$batch` carries them: what may go in, how it is written, and which answer
//! is whose.
//!
//! ```json
//! { "requests":  [ { "id": "41", "method": "GET", "url": "/groups/g1/members?$top=999", "headers": { "accept": "application/json" } } ] }
//! { "responses": [ { "id": "41", "status": 200, "headers": { }, "body": { "value": [ ] } } ] }
//! ```
//!
//! Source: Microsoft Graph, "Combine multiple HTTP requests using JSON batching"; OData JSON Format 4.01, "Batch Requests and
//! Responses" (names of headers in lower case; answers in any order). No answer is taken for a call that it may not belong to:
//! one under a foreign id, or two under one id, and none of the bundle is believed.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use minijinja::value::ValueKind;
use serde_json::{Map, Value as Json, json};
use url::Url;

use super::request::Foundation;
use super::trouble::Trouble;
use super::wire::{Incoming, Outgoing, Purpose};
use crate::manifest::Manifest;
use crate::manifest::model::Document;
use crate::manifest::scope::Scope;
use crate::manifest::value::{Value, from_json, is_null, text, written};

/// Headers that carry a credential, whatever it is (RFC 9110, sections 11.6.2 and 11.7.2; RFC 6265).
const CREDENTIALS: &[&str] = &["authorization", "proxy-authorization", "cookie"];

/// What carries several readings to one system.
#[derive(Debug, Clone)]
pub(crate) struct Envelope {
    url: Url,
    /// The path that addresses inside count from, without a slash at its end.
    root: String,
    most: usize,
}

/// One answer out of a bundle.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Null when there is none, or none that is JSON: only where the status is no good one.
    pub(crate) body: Value,
}

impl Answer {
    /// The answer as it would have come alone.
    pub(crate) fn incoming(&self) -> Incoming {
        let body = if is_null(&self.body) { Bytes::new() } else { written(&self.body).into() };
        Incoming { status: self.status, headers: self.headers.clone(), body }
    }
}

impl Manifest {
    /// What carries several calls, by its `[bundle]`.
    ///
    /// # Errors
    /// [`Trouble`] when its address cannot be made.
    pub(crate) fn envelope(&self, names: &Scope) -> Result<Option<Envelope>, Trouble> {
        Envelope::of(self.document(), names)
    }
}

impl Envelope {
    /// What the manifest's `[bundle]` says.
    ///
    /// # Errors
    /// [`Trouble`] when its address cannot be made.
    pub(crate) fn of(document: &Document, scope: &Scope) -> Result<Option<Self>, Trouble> {
        let Some(bundle) = &document.bundle else { return Ok(None) };
        let foundation = Foundation::bare(&document.http, scope)?;
        Ok(Some(Self::at(foundation.address(&bundle.post, scope)?, *bundle.most.get_ref() as usize)))
    }

    /// At an address, for so many calls.
    pub(crate) fn at(url: Url, most: usize) -> Self {
        let root = url.path().rsplit_once('/').map_or("", |(root, _)| root).to_owned();
        Self { url, root, most }
    }

    /// Calls that one bundle holds.
    pub(crate) const fn most(&self) -> usize {
        self.most
    }

    /// Whether this is where bundles go.
    pub(crate) fn is_at(&self, url: &Url) -> bool {
        url.origin() == self.url.origin() && url.path() == self.url.path()
    }

    /// The address of a call inside a bundle; `None` when it cannot be carried and is made alone: not below the bundle's root, no plain
    /// GET, or with a header that is no text or carries a credential.
    pub(crate) fn inside(&self, call: &Outgoing) -> Option<String> {
        let plain = call.method == Method::GET && call.purpose == Purpose::Read && call.body.is_empty();
        let open = |(name, value): (&HeaderName, &HeaderValue)| {
            !CREDENTIALS.contains(&name.as_str()) && !value.is_sensitive() && value.to_str().is_ok()
        };
        if !plain || !call.secret.is_empty() || !call.headers.iter().all(open) {
            return None;
        }
        let url = &call.url;
        let bare = url.username().is_empty() && url.password().is_none();
        if !bare || url.origin() != self.url.origin() || self.is_at(url) {
            return None;
        }
        let path =
            url.path().strip_prefix(&self.root).filter(|path| path.starts_with('/') && !path.starts_with("//"))?;
        Some(url.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}")))
    }

    /// A bundle of calls, each with its id and its address inside.
    pub(crate) fn pack<'c>(&self, calls: impl IntoIterator<Item = (&'c str, &'c Outgoing, &'c str)>) -> Outgoing {
        let one = |(id, call, inside): (&str, &Outgoing, &str)| {
            let text = |(name, value): (&HeaderName, &HeaderValue)| {
                Some((name.as_str().to_owned(), Json::from(value.to_str().ok()?)))
            };
            let headers: Map<String, Json> = call.headers.iter().filter_map(text).collect();
            json!({ "id": id, "method": "GET", "url": inside, "headers": headers })
        };
        let requests: Vec<Json> = calls.into_iter().map(one).collect();
        let plain = HeaderValue::from_static("application/json");
        let headers = [(http::header::ACCEPT, plain.clone()), (http::header::CONTENT_TYPE, plain)];
        Outgoing {
            purpose: Purpose::Bundle,
            method: Method::POST,
            url: self.url.clone(),
            headers: headers.into_iter().collect(),
            secret: Vec::new(),
            body: json!({ "requests": requests }).to_string().into(),
        }
    }

    /// Whether what is about to be sent can change nothing and tells nobody a credential: a POST to this address of few calls with
    /// ids of their own, every one a GET below its root.
    ///
    /// # Errors
    /// What else it holds.
    pub(crate) fn holds_only_readings(&self, bundle: &Outgoing) -> Result<(), String> {
        let signed = |(name, _): (Cow<'_, str>, Cow<'_, str>)| bundle.secret.iter().any(|secret| *secret == name);
        if bundle.method != Method::POST || !self.is_at(&bundle.url) || !bundle.url.query_pairs().all(signed) {
            return Err("a bundle is a POST to the address that `[bundle]` gives".into());
        }
        let calls = self.calls(&bundle.body).ok_or("its body is no bundle of readings")?;
        let mut ids: Vec<&str> = calls.iter().map(|(id, _)| id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() != calls.len() || calls.is_empty() || calls.len() > self.most {
            return Err(format!(
                "it holds {} calls with {} ids, and {} are allowed",
                calls.len(),
                ids.len(),
                self.most
            ));
        }
        Ok(())
    }

    /// The calls of a bundle, with their ids; `None` when it is none, or holds something else than readings.
    pub(crate) fn calls(&self, body: &[u8]) -> Option<Vec<(String, Outgoing)>> {
        let body: Json = serde_json::from_slice(body).ok()?;
        let body = body.as_object().filter(|body| body.len() == 1)?;
        body.get("requests")?.as_array()?.iter().map(|request| self.call(request)).collect()
    }

    fn call(&self, request: &Json) -> Option<(String, Outgoing)> {
        let request = request.as_object()?;
        let known = ["id", "method", "url", "headers"];
        let text = |name: &str| request.get(name)?.as_str();
        if request.keys().any(|key| !known.contains(&key.as_str())) || text("method")? != "GET" {
            return None;
        }
        let mut headers = HeaderMap::new();
        for (name, value) in request.get("headers")?.as_object()? {
            headers.insert(name.parse::<HeaderName>().ok()?, value.as_str()?.parse().ok()?);
        }
        let inside = text("url")?;
        let url = Url::parse(&format!("{}{}{inside}", self.url.origin().ascii_serialization(), self.root)).ok()?;
        let (method, body, secret) = (Method::GET, Bytes::new(), Vec::new());
        let call = Outgoing { purpose: Purpose::Read, method, url, headers, secret, body };
        // What comes out again is what was written: nothing climbs out of the root, and no header is hidden in another.
        (self.inside(&call).as_deref() == Some(inside)).then_some((text("id")?.to_owned(), call))
    }
}

/// The answers to the calls of these ids, in their order: `None` where none came that can be used, and the call is to be made alone.
///
/// # Errors
/// Why none can be believed.
pub(crate) fn open(body: &Value, ids: &[impl AsRef<str>]) -> Result<Vec<Option<Answer>>, String> {
    let mut answers: Vec<Option<Option<Answer>>> = ids.iter().map(|_| None).collect();
    let told = body.get_attr("responses").ok().filter(|told| told.kind() == ValueKind::Seq);
    let told = told.ok_or("the answer holds no list `responses`")?;
    for one in told.try_iter().map_err(|error| error.to_string())? {
        let id = one.get_attr("id").ok().as_ref().and_then(text).ok_or("an answer has no id")?;
        let place = ids.iter().position(|known| known.as_ref() == id);
        let place = place.ok_or("an answer has an id that no call has")?;
        if answers[place].replace(answer(&one)).is_some() {
            return Err("two answers have one id".into());
        }
    }
    Ok(answers.into_iter().map(Option::flatten).collect())
}

/// One answer; `None` when it is none that could have come alone. What is said to have gone well has a body in JSON.
fn answer(one: &Value) -> Option<Answer> {
    let status = one.get_attr("status").ok()?.as_i64()?;
    let status = StatusCode::from_u16(u16::try_from(status).ok()?).ok()?;
    let mut headers = HeaderMap::new();
    if let Some(told) = one.get_attr("headers").ok().filter(|told| told.kind() == ValueKind::Map) {
        for name in told.try_iter().ok()? {
            let value = told.get_item(&name).ok().as_ref().and_then(text);
            let name = name.as_str().and_then(|name| name.parse::<HeaderName>().ok());
            if let (Some(name), Some(Ok(value))) = (name, value.map(|value| value.parse::<HeaderValue>())) {
                headers.insert(name, value);
            }
        }
    }
    let body = one.get_attr("body").ok().filter(|body| matches!(body.kind(), ValueKind::Map | ValueKind::Seq));
    let refused = status.is_client_error() || status.is_server_error();
    match body {
        Some(body) => (status.is_success() || refused).then_some(Answer { status, headers, body }),
        // Base64 of what is no JSON, or nothing at all: enough for a refusal, never for a list.
        None => refused.then(|| Answer { status, headers, body: Value::from(()) }),
    }
}

/// The body of a bundle's answer, for whoever plays the system.
pub(crate) fn answered(answers: &[(String, Incoming)]) -> Bytes {
    let one = |(id, incoming): &(String, Incoming)| {
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            Some((name.as_str().to_owned(), Json::from(value.to_str().ok()?)))
        };
        let headers: Map<String, Json> = incoming.headers.iter().filter_map(text).collect();
        let body: Json = serde_json::from_slice(&incoming.body).unwrap_or(Json::Null);
        json!({ "id": id, "status": incoming.status.as_u16(), "headers": headers, "body": body })
    };
    let responses: Vec<Json> = answers.iter().map(one).collect();
    json!({ "responses": responses }).to_string().into()
}

/// What went into a bundle and came out of it, one by one, as if each had been asked alone; what was not answered is left out.
pub(crate) fn apart(envelope: &Envelope, bundle: &Outgoing, reply: &Incoming) -> Vec<(Outgoing, Incoming)> {
    let Some(calls) = envelope.calls(&bundle.body).filter(|_| reply.status.is_success()) else { return Vec::new() };
    let (ids, calls): (Vec<String>, Vec<Outgoing>) = calls.into_iter().unzip();
    let body = serde_json::from_slice(&reply.body).map(|body| from_json(&body));
    let answers = body.ok().and_then(|body| open(&body, &ids).ok()).unwrap_or_default();
    calls.into_iter().zip(answers).filter_map(|(call, answer)| Some((call, answer?.incoming()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope() -> Envelope {
        Envelope::at("https://graph.example/v1.0/$batch".parse().unwrap(), 3)
    }

    fn get(url: &str) -> Outgoing {
        let headers =
            HeaderMap::from_iter([(HeaderName::from_static("consistencylevel"), HeaderValue::from_static("eventual"))]);
        let (method, url) = (Method::GET, url.parse().unwrap());
        Outgoing { purpose: Purpose::Read, method, url, headers, secret: Vec::new(), body: Bytes::new() }
    }

    #[test]
    fn a_call_is_carried_when_it_is_a_reading_below_the_root() {
        let envelope = envelope();
        for (url, inside) in [
            ("https://graph.example/v1.0/groups/a%2Fb/members?%24top=9", Some("/groups/a%2Fb/members?%24top=9")),
            ("https://graph.example/v1.0/groups/../users", Some("/users")),
            ("https://graph.example/v1.0/users#x", Some("/users")),
            ("https://graph.example/beta/users", None),
            ("https://graph.example/v1.0/../beta/users", None),
            ("https://graph.example/v1.0", None),
            ("https://graph.example/v1.0extra/users", None),
            ("https://graph.example/v1.0//evil.example/users", None),
            ("https://graph.example/v1.0/$batch", None),
            ("https://graph.example:444/v1.0/users", None),
            ("https://user:pass@graph.example/v1.0/users", None),
            ("http://graph.example/v1.0/users", None),
            ("https://evil.example/v1.0/users", None),
        ] {
            assert_eq!(envelope.inside(&get(url)).as_deref(), inside, "{url}");
        }
        let call = get("https://graph.example/v1.0/users");
        assert_eq!(envelope.inside(&Outgoing { method: Method::POST, ..call.clone() }), None);
        assert_eq!(envelope.inside(&Outgoing { body: "x".into(), ..call.clone() }), None);
        assert_eq!(envelope.inside(&Outgoing { purpose: Purpose::Change, ..call.clone() }), None);
        let mut signed = call.clone();
        signed.secret_header(HeaderName::from_static("x-key"), HeaderValue::from_static("k"));
        assert_eq!(envelope.inside(&signed), None);
        let mut signed = call;
        signed.headers.insert("authorization", HeaderValue::from_static("Bearer t"));
        assert_eq!(envelope.inside(&signed), None);
    }

    #[test]
    fn what_is_packed_are_readings_and_nothing_else_is_let_through() {
        let envelope = envelope();
        let (a, b) = (get("https://graph.example/v1.0/a?x=1"), get("https://graph.example/v1.0/b"));
        let bundle = envelope.pack([("1", &a, "/a?x=1"), ("2", &b, "/b")]);
        assert_eq!(
            serde_json::from_slice::<Json>(&bundle.body).unwrap(),
            json!({"requests": [
                {"id": "1", "method": "GET", "url": "/a?x=1", "headers": {"consistencylevel": "eventual"}},
                {"id": "2", "method": "GET", "url": "/b", "headers": {"consistencylevel": "eventual"}}]})
        );
        assert_eq!(envelope.holds_only_readings(&bundle), Ok(()));
        let calls = envelope.calls(&bundle.body).unwrap();
        assert_eq!(
            calls.iter().map(|(id, call)| (id.as_str(), call.url.as_str())).collect::<Vec<_>>(),
            [("1", "https://graph.example/v1.0/a?x=1"), ("2", "https://graph.example/v1.0/b")]
        );

        let good = json!({"id": "1", "method": "GET", "url": "/a", "headers": {}});
        let with = |key: &str, value: Json| {
            let mut call = good.clone();
            call[key] = value;
            json!({"requests": [call]})
        };
        for body in [
            with("method", json!("DELETE")),
            with("method", json!("get")),
            with("body", json!({"accountEnabled": false})),
            with("dependsOn", json!(["2"])),
            with("url", json!("https://evil.example/a")),
            with("url", json!("//evil.example/a")),
            with("url", json!("/../beta/a")),
            with("url", json!("/%2e%2e/beta/a")),
            with("url", json!("\\a")),
            with("url", json!("a")),
            with("url", json!("/$batch")),
            with("headers", json!({"Authorization": "Bearer t"})),
            with("headers", json!({"cookie": "t"})),
            with("headers", json!({"x": "1\r\nauthorization: t"})),
            with("headers", Json::Null),
            with("id", json!(1)),
            json!({"requests": [good, good]}),
            json!({"requests": []}),
            json!({"requests": (0..4).map(|n| { let mut call = good.clone(); call["id"] = n.to_string().into(); call }).collect::<Vec<_>>()}),
            json!({"requests": [good], "atomicityGroup": "g"}),
            json!([good]),
        ] {
            let bundle = Outgoing { body: body.to_string().into(), ..bundle.clone() };
            assert!(envelope.holds_only_readings(&bundle).is_err(), "{body}");
        }
        let elsewhere = Outgoing { url: "https://graph.example/v1.0/$batch?x=1".parse().unwrap(), ..bundle.clone() };
        assert!(envelope.holds_only_readings(&elsewhere).is_err());
        let signed = Outgoing { secret: vec!["x".into()], ..elsewhere };
        assert_eq!(envelope.holds_only_readings(&signed), Ok(()), "a credential may stand in the address of the POST");
        assert!(envelope.holds_only_readings(&Outgoing { method: Method::PUT, ..bundle }).is_err());
    }

    #[test]
    fn an_answer_is_believed_when_it_can_only_be_of_its_call() {
        let opened = |responses: Json| open(&from_json(&json!({"responses": responses})), &["1", "2"]);
        let good = |id: &str| json!({"id": id, "status": 200, "headers": {"Retry-After": 3}, "body": {"value": [id]}});
        // In any order, and nothing is made of what is missing.
        let answers = opened(json!([good("2"), good("1")])).unwrap();
        let bodies: Vec<String> = answers.iter().map(|answer| written(&answer.as_ref().unwrap().body)).collect();
        assert_eq!(bodies, [r#"{"value":["1"]}"#, r#"{"value":["2"]}"#]);
        assert_eq!(answers[0].as_ref().unwrap().headers["retry-after"], "3");
        let answers = opened(json!([good("2")])).unwrap();
        assert!(answers[0].is_none() && answers[1].is_some());
        // One that cannot be whose it says, and none is believed.
        for strange in
            [json!([good("1"), good("1"), good("2")]), json!([good("3"), good("1")]), json!([{"status": 200}])]
        {
            assert!(opened(strange.clone()).is_err(), "{strange}");
        }
        for no_bundle in [json!({}), json!({"responses": {}}), json!({"responses": null}), json!([]), Json::Null] {
            assert!(open(&from_json(&no_bundle), &["1"]).is_err(), "{no_bundle}");
        }
        // What went well has a body in JSON; a refusal needs none.
        for (status, body, usable) in [
            (json!(200), json!("eyJ2YWx1ZSI6W119"), false),
            (json!(200), Json::Null, false),
            (json!(204), Json::Null, false),
            (json!(200), json!([]), true),
            (json!(302), json!({}), false),
            (json!(404), Json::Null, true),
            (json!(403), json!("bm8="), true),
            (json!(429), json!({"error": {}}), true),
            (json!(99), json!({}), false),
            (json!("soon"), json!({}), false),
            (Json::Null, json!({"value": []}), false),
        ] {
            let told = json!([{"id": "1", "status": status, "body": body}]);
            assert_eq!(opened(told.clone()).unwrap()[0].is_some(), usable, "{told}");
        }
        let told = opened(json!([{"id": "1", "status": 200}])).unwrap();
        assert!(told[0].is_none());
    }

    #[test]
    fn what_is_taken_apart_is_as_it_would_have_been_alone() {
        let envelope = envelope();
        let (a, b) = (get("https://graph.example/v1.0/a"), get("https://graph.example/v1.0/b"));
        let bundle = envelope.pack([("1", &a, "/a"), ("2", &b, "/b")]);
        let incoming =
            |body: &str| Incoming { status: StatusCode::OK, headers: HeaderMap::new(), body: body.to_owned().into() };
        let reply = answered(&[("1".into(), incoming(r#"{"value":[1]}"#))]);
        let apart = apart(&envelope, &bundle, &Incoming { body: reply, ..incoming("") });
        assert_eq!(apart.len(), 1);
        assert_eq!(
            (apart[0].0.url.as_str(), &apart[0].1.body[..]),
            ("https://graph.example/v1.0/a", &br#"{"value":[1]}"#[..])
        );
    }
}
