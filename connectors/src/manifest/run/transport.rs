//! What stands between a manifest and the network: where the credential may go, what a run may send, what a reply may be.
//!
//! - **Origins.** A request goes to the base origin or to one that the manifest lists; a token is fetched where the manifest
//!   says. Any other address is refused before a connection is opened, whoever named it: a `next` link in a hostile reply
//!   would carry the credential off. Plain `http` is for loopback.
//! - **Reading only.** GET and HEAD, the POST of a stream, and what fetches a token. A change is refused unless this run was
//!   made for changes.
//! - **Redirects** are followed for GET and HEAD, a few times, within the origin they come from.
//! - **Replies** are bounded in bytes by the wire, and in depth: JSON nested deeper than 127 levels is no reply.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, DATE, LOCATION};
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use url::{Origin, Url};
use zeroize::Zeroizing;

use super::bundle::Envelope;
use super::wire::{Incoming, Outgoing, Purpose, Wire};
use crate::http::{Answer, HttpError, is_loopback};
use crate::manifest::scope::{self, Scope};
use crate::manifest::value::{self, Value};
use crate::secret::Secret;

/// Redirects followed within an origin.
const REDIRECTS: usize = 5;
/// Shorter secrets than this stand in bodies by chance.
const SECRET: usize = 8;

/// A reply, its body read as JSON.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    /// The request, as messages show it.
    pub(crate) request: String,
    /// Where it was sent at last: relative links count from here.
    pub(crate) url: Url,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body; null when it is empty or no JSON.
    pub(crate) body: Value,
    /// Why a body that is not empty is no JSON.
    pub(crate) illegible: Option<String>,
    /// The body as it came, decompressed; nothing of a good answer out of a bundle.
    pub(crate) bytes: Bytes,
    /// Which token it was asked with, for [`super::auth::Way::refused`]; the session says so.
    pub(crate) token: Option<u64>,
}

impl Reply {
    /// The value of a header, when it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// `scope` with this reply in it: `status`, `headers`, `body` and the body's own fields.
    pub(crate) fn within(&self, scope: &Scope) -> Scope {
        let pairs = self.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        scope.with_reply(self.status.as_u16(), scope::headers(pairs), self.body.clone())
    }

    /// The server's own clock (RFC 9110, section 6.6.1).
    pub(crate) fn date(&self) -> Option<Timestamp> {
        Some(jiff::fmt::rfc2822::parse(self.header(DATE.as_str())?).ok()?.timestamp())
    }
}

/// The door to one system, for one run.
#[derive(Debug)]
pub(crate) struct Transport {
    wire: Arc<dyn Wire>,
    /// Where the credential may go; the base origin first.
    origins: Vec<Origin>,
    /// Where tokens are fetched.
    token_origins: Vec<Origin>,
    /// What carries several calls.
    envelope: Option<Envelope>,
    /// Whether this run may change the system.
    changes: bool,
    cancel: CancellationToken,
    /// Texts that must not stand in a message, whatever a server echoes.
    hidden: Mutex<Vec<Secret>>,
    /// `Date` of the newest reply.
    date: Mutex<Option<Timestamp>>,
}

/// Which addresses a run may reach, and what it may do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reach {
    /// Where the API begins.
    pub(crate) base: Option<Url>,
    /// Further origins that links and calls may lead to.
    pub(crate) origins: Vec<Url>,
    /// Where tokens are fetched, beside those.
    pub(crate) token_urls: Vec<Url>,
    /// What carries several calls, where the manifest says so.
    pub(crate) envelope: Option<Envelope>,
    /// Whether changes are switched on for this run.
    pub(crate) changes: bool,
}

impl Transport {
    /// A door that opens to `reach` only.
    pub(crate) fn new(wire: Arc<dyn Wire>, reach: &Reach, cancel: CancellationToken) -> Self {
        let origin = |url: &Url| url.origin();
        Self {
            wire,
            origins: reach.base.iter().chain(&reach.origins).map(origin).collect(),
            token_origins: reach.token_urls.iter().map(origin).collect(),
            envelope: reach.envelope.clone(),
            changes: reach.changes,
            cancel,
            hidden: Mutex::new(Vec::new()),
            date: Mutex::new(None),
        }
    }

    /// Returns when the run is cancelled.
    pub(crate) async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    /// Keeps `secret` out of every message from now on, also as it stands in a form or in JSON: servers quote what they got.
    pub(crate) fn hide(&self, secret: Secret) {
        let mut hidden = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        if hidden.iter().any(|known| known.expose() == secret.expose()) {
            return;
        }
        let form = url::form_urlencoded::byte_serialize(secret.expose().as_bytes()).collect::<String>();
        let quoted = Zeroizing::new(serde_json::Value::from(secret.expose()).to_string());
        let json = quoted[1..quoted.len() - 1].to_owned();
        hidden.extend([form, json].into_iter().filter(|other| other != secret.expose()).map(Secret::new));
        hidden.push(secret);
    }

    /// `text` with everything secret taken out, in one short line.
    pub(crate) fn plain(&self, text: &str) -> String {
        crate::http::plain(text, &self.hidden.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The reply as an error would tell it.
    pub(crate) fn answer(&self, reply: &Reply) -> Answer {
        let hidden = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        Answer::new(&reply.request, reply.status, &reply.headers, &reply.bytes, &hidden)
    }

    /// What the server's clock said in its newest reply, to the second.
    pub(crate) fn server_time(&self) -> Option<Timestamp> {
        *self.date.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request once and returns whatever is answered.
    ///
    /// # Errors
    /// [`HttpError::Foreign`] when it, or a redirect, leads elsewhere; [`HttpError::Setup`] when it would change something
    /// and the run only reads; [`HttpError::Stopped`] as soon as the run is cancelled; what the wire fails with.
    pub(crate) async fn send(&self, request: &Outgoing) -> Result<Reply, HttpError> {
        self.admit(request)?;
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(HttpError::Stopped),
            outcome = self.follow(request) => outcome,
        }
    }

    fn admit(&self, request: &Outgoing) -> Result<(), HttpError> {
        let origin = request.url.origin();
        let is_token = request.purpose == Purpose::Auth && self.token_origins.contains(&origin);
        let secure = request.url.scheme() == "https" || (request.url.scheme() == "http" && is_loopback(&request.url));
        if !secure || !(is_token || self.origins.contains(&origin)) {
            return Err(HttpError::Foreign { request: request.shown(), to: origin.ascii_serialization() });
        }
        let carries = self.envelope.as_ref().filter(|envelope| envelope.is_at(&request.url));
        if carries.is_some() || request.purpose == Purpose::Bundle {
            return self.admit_bundle(request, carries);
        }
        // LIST is Vault's own word for reading a list.
        let reads = ["GET", "HEAD", "LIST", "POST"].contains(&request.method.as_str());
        let allowed = match request.purpose {
            Purpose::Read => reads,
            Purpose::Auth => reads || request.method == Method::PUT,
            Purpose::Change => self.changes,
            Purpose::Bundle => false,
        };
        if allowed {
            return Ok(());
        }
        Err(HttpError::Setup {
            what: format!("{} would change the system, and this run only reads", request.shown()),
            fix: "a stream reads with `get` or `post`; what changes belongs into an `[action]`".into(),
        })
    }

    /// A bundle goes to its own address alone, nothing else goes there, and it holds nothing but readings, none of them with a secret.
    fn admit_bundle(&self, request: &Outgoing, envelope: Option<&Envelope>) -> Result<(), HttpError> {
        let refused = |what: String| HttpError::Setup {
            what: format!("{} is not sent: {what}", request.shown()),
            fix: "compare `[bundle]` of the manifest with the vendor's documentation".into(),
        };
        let Some(envelope) = envelope.filter(|_| request.purpose == Purpose::Bundle) else {
            return Err(refused("only bundles go there, and bundles go nowhere else".into()));
        };
        envelope.holds_only_readings(request).map_err(refused)?;
        let body = String::from_utf8_lossy(&request.body);
        let hidden = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        if hidden.iter().any(|secret| secret.expose().len() >= SECRET && body.contains(secret.expose())) {
            return Err(refused("a secret stands in its body".into()));
        }
        Ok(())
    }

    async fn follow(&self, request: &Outgoing) -> Result<Reply, HttpError> {
        let mut request = request.clone();
        let mut hops = 0;
        loop {
            let incoming = self.wire.exchange(&request).await?;
            let Some(to) = redirect(&request, &incoming) else { return Ok(self.reply(&request, incoming)) };
            hops += 1;
            let same = to.origin() == request.url.origin();
            if !same || hops > REDIRECTS {
                return Err(HttpError::Foreign { request: request.shown(), to: to.origin().ascii_serialization() });
            }
            request.url = to;
        }
    }

    fn reply(&self, request: &Outgoing, incoming: Incoming) -> Reply {
        let (body, illegible) = match parse(&incoming) {
            Ok(body) => (body, None),
            Err(why) => (Value::from(()), Some(why)),
        };
        let reply = Reply {
            request: request.shown(),
            url: request.url.clone(),
            status: incoming.status,
            headers: incoming.headers,
            body,
            illegible,
            bytes: incoming.body,
            token: None,
        };
        if let Some(date) = reply.date() {
            *self.date.lock().unwrap_or_else(PoisonError::into_inner) = Some(date);
        }
        reply
    }
}

/// Where a redirect leads, when it is one that a reader follows: any other 3xx is an answer like others.
fn redirect(request: &Outgoing, incoming: &Incoming) -> Option<Url> {
    let follows = request.method == Method::GET || request.method == Method::HEAD;
    if !matches!(incoming.status.as_u16(), 301 | 302 | 303 | 307 | 308) || !follows {
        return None;
    }
    request.url.join(incoming.headers.get(LOCATION)?.to_str().ok()?).ok()
}

/// The body as JSON; null when there is none. What calls itself HTML is none, whatever it holds.
fn parse(incoming: &Incoming) -> Result<Value, String> {
    let html = "the reply is an HTML or XML page, not JSON";
    let kind = incoming.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    match incoming.body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        _ if kind.starts_with("text/html") => Err(html.into()),
        None => Ok(Value::from(())),
        Some(b'<') => Err(html.into()),
        Some(_) => value::from_slice(&incoming.body).map_err(|error| {
            let why = match error.classify() {
                serde_json::error::Category::Eof => "the reply ends early",
                _ if error.to_string().starts_with("recursion limit") => "the reply is nested deeper than 127 levels",
                _ => "the reply is not JSON",
            };
            format!("{why} (line {}, column {})", error.line(), error.column())
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Told(Vec<Incoming>, Mutex<Vec<Url>>);

    #[async_trait::async_trait]
    impl Wire for Told {
        async fn exchange(&self, request: &Outgoing) -> Result<Incoming, HttpError> {
            let mut asked = self.1.lock().unwrap();
            asked.push(request.url.clone());
            Ok(self.0[(asked.len() - 1).min(self.0.len() - 1)].clone())
        }
    }

    fn told(status: u16, location: Option<&str>, body: &str) -> Incoming {
        let mut headers = HeaderMap::new();
        if let Some(to) = location {
            headers.insert(LOCATION, to.parse().unwrap());
        }
        Incoming { status: StatusCode::from_u16(status).unwrap(), headers, body: body.as_bytes().to_vec().into() }
    }

    fn ask(purpose: Purpose, method: Method, url: &str) -> Outgoing {
        let url = url.parse().unwrap();
        Outgoing { purpose, method, url, headers: HeaderMap::new(), secret: Vec::new(), body: Bytes::new() }
    }

    fn door(wire: &Arc<Told>, changes: bool) -> Transport {
        let reach = Reach {
            base: Some("https://api.example".parse().unwrap()),
            origins: vec!["https://files.example".parse().unwrap()],
            token_urls: vec!["https://login.example/token".parse().unwrap()],
            envelope: Some(Envelope::at("https://api.example/v1/$batch".parse().unwrap(), 2)),
            changes,
        };
        Transport::new(Arc::clone(wire) as Arc<dyn Wire>, &reach, CancellationToken::new())
    }

    fn wire(answers: Vec<Incoming>) -> Arc<Told> {
        Arc::new(Told(answers, Mutex::new(Vec::new())))
    }

    #[tokio::test]
    async fn requests_go_to_known_origins_only() {
        use Purpose::{Auth, Read};
        let wire = wire(vec![told(200, None, "{}")]);
        let door = door(&wire, false);
        for (purpose, url, goes) in [
            (Read, "https://api.example/x", true),
            (Read, "https://files.example/x", true),
            (Auth, "https://login.example/token", true),
            (Read, "https://login.example/users", false),
            (Read, "https://api.example:8443/x", false),
            (Read, "http://api.example/x", false),
            (Read, "https://api.example.evil/x", false),
            (Auth, "https://evil.example/token", false),
        ] {
            let before = wire.1.lock().unwrap().len();
            let outcome = door.send(&ask(purpose, Method::GET, url)).await;
            assert_eq!(outcome.is_ok(), goes, "{url}: {outcome:?}");
            assert_eq!(wire.1.lock().unwrap().len() > before, goes, "{url} was connected to");
        }
    }

    #[tokio::test]
    async fn a_run_that_reads_changes_nothing() {
        let wire = wire(vec![told(200, None, "{}")]);
        let url = "https://api.example/x";
        for method in [Method::DELETE, Method::PUT, Method::PATCH] {
            assert!(door(&wire, true).send(&ask(Purpose::Read, method.clone(), url)).await.is_err(), "{method}");
            assert!(door(&wire, false).send(&ask(Purpose::Change, method.clone(), url)).await.is_err(), "{method}");
            assert!(door(&wire, true).send(&ask(Purpose::Change, method.clone(), url)).await.is_ok(), "{method}");
        }
        assert!(door(&wire, false).send(&ask(Purpose::Change, Method::POST, url)).await.is_err());
        assert!(door(&wire, false).send(&ask(Purpose::Read, Method::POST, url)).await.is_ok());
        assert_eq!(wire.1.lock().unwrap().len(), 4);
    }

    #[tokio::test]
    async fn bundles_go_to_their_address_alone_and_hold_readings() {
        let wire = wire(vec![told(200, None, "{}")]);
        let door = door(&wire, true);
        door.hide(Secret::new("s3cr3t-t0ken"));
        let bundle = |purpose: Purpose, to: &str, url: &str| {
            let call = format!(r#"{{"requests":[{{"id":"1","method":"GET","url":"{url}","headers":{{}}}}]}}"#);
            Outgoing { body: call.into(), ..ask(purpose, Method::POST, to) }
        };
        let home = "https://api.example/v1/$batch";
        assert!(door.send(&bundle(Purpose::Bundle, home, "/users")).await.is_ok());
        for refused in [
            bundle(Purpose::Bundle, "https://api.example/v1/other", "/users"),
            bundle(Purpose::Bundle, "https://files.example/v1/$batch", "/users"),
            bundle(Purpose::Bundle, home, "https://evil.example/users"),
            bundle(Purpose::Bundle, home, "/users?token=s3cr3t-t0ken"),
            // Whatever else is allowed to be a POST, it does not go where a POST can do anything.
            bundle(Purpose::Read, home, "/users"),
            bundle(Purpose::Auth, home, "/users"),
            bundle(Purpose::Change, home, "/users"),
            ask(Purpose::Read, Method::GET, home),
            Outgoing {
                body: r#"{"requests":[{"id":"1","method":"DELETE","url":"/users/1","headers":{}}]}"#.into(),
                ..ask(Purpose::Bundle, Method::POST, home)
            },
        ] {
            assert!(door.send(&refused).await.is_err(), "{refused:?} {:?}", refused.body);
        }
        assert_eq!(wire.1.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn redirects_stay_at_home_and_end() {
        let get = ask(Purpose::Read, Method::GET, "https://api.example/a");
        let home = wire(vec![told(302, Some("/b?c=1"), ""), told(200, None, "[1]")]);
        let reply = door(&home, false).send(&get).await.unwrap();
        assert_eq!(
            (reply.url.as_str(), value::to_json(&reply.body)),
            ("https://api.example/b?c=1", serde_json::json!([1]))
        );

        let away = wire(vec![told(302, Some("https://files.example/b"), "")]);
        let error = door(&away, false).send(&get).await.unwrap_err();
        assert!(matches!(&error, HttpError::Foreign { to, .. } if to == "https://files.example"), "{error:?}");
        assert_eq!(away.1.lock().unwrap().len(), 1);

        let circle = wire(vec![told(307, Some("/a"), "")]);
        assert!(door(&circle, false).send(&get).await.is_err());
        assert_eq!(circle.1.lock().unwrap().len(), 6);

        // A POST is never sent twice.
        let post = ask(Purpose::Read, Method::POST, "https://api.example/a");
        assert_eq!(door(&circle, false).send(&post).await.unwrap().status, 307);
    }

    #[tokio::test]
    async fn what_is_no_json_says_so_and_an_echoed_secret_is_hidden() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        for (body, why) in [
            ("<!doctype html>", Some("the reply is an HTML or XML page, not JSON")),
            ("{\"a\":", Some("the reply ends early (line 1, column 5)")),
            ("soon", Some("the reply is not JSON (line 1, column 1)")),
            (deep.as_str(), Some("the reply is nested deeper than 127 levels (line 1, column 128)")),
            ("", None),
            (" {} ", None),
        ] {
            let reply = door(&wire(vec![told(200, None, body)]), false)
                .send(&ask(Purpose::Read, Method::GET, "https://api.example/a"))
                .await
                .unwrap();
            assert_eq!(reply.illegible.as_deref(), why, "{body:.20}");
        }
        let echo = door(&wire(vec![told(403, None, r#"{"message":"token hunter2 is no good"}"#)]), false);
        echo.hide(Secret::new("hunter2"));
        let reply = echo.send(&ask(Purpose::Read, Method::GET, "https://api.example/a")).await.unwrap();
        assert_eq!(echo.answer(&reply).detail.as_deref(), Some("token *** is no good"));
        assert_eq!(echo.plain("a hunter2\nb"), "a *** b");
    }
}
