//! HTTP for every connector that reads a web API: one client, one set of manners.
//!
//! ```text
//!   Read (GET, HEAD, POST that reads) ──► origin check ──► a free slot ──► attempt ──► Reply
//!                                                              ▲              │
//!                                                              └── pause ◄────┘ 408, 429, 5xx, no connection, cut reply
//! ```
//!
//! - **Read-only.** A [`Read`] is a GET, a HEAD, or a POST that the caller declares to be a search. There is no other.
//! - **The credential goes to the base origin only.** A link to another scheme, host or port is refused, whoever sent it
//!   (a `next` link in a hostile reply would carry the token off), and so is such a redirect. Plain `http` is for loopback.
//! - **Bounded**: bytes of a reply, seconds of an attempt, attempts, the longest pause, and requests under way at once. The
//!   slots belong to the client; its clones share them, so parents and children cannot multiply. A request that pauses
//!   keeps its slot: a system that asks for mercy is asked less.
//! - **Errors name** request, status and the server's request id, never the token, a header or a query value that is not
//!   plainly harmless.

mod error;
mod retry;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use url::{Host, Url};

pub(crate) use self::error::plain;
pub use self::error::{Answer, HttpError, chain};
pub(crate) use self::retry::retry_after;
pub use self::retry::{Pace, RealPace};
use self::retry::{Retry, backoff};
use crate::Run;
use crate::secret::Secret;

/// How the client shows itself, so that an administrator finds it in the logs of the system.
pub const USER_AGENT: &str = concat!("muster/", env!("CARGO_PKG_VERSION"));

/// Redirects followed within the base origin.
const REDIRECTS: usize = 5;
/// Bytes read of an error's body.
const ERROR_BYTES: usize = 64 * 1024;
/// Query parameters whose values may stand in messages. Any other value is shown as `…`.
const HARMLESS: &[&str] = &[
    "attributes",
    "count",
    "excludedattributes",
    "limit",
    "offset",
    "page",
    "per_page",
    "page_size",
    "pagesize",
    "skip",
    "startindex",
    "sortby",
    "top",
];

/// How the client proves who it is.
#[derive(Debug, Clone, Default)]
pub enum Auth {
    /// It does not.
    #[default]
    None,
    /// `Authorization: Bearer …`.
    Bearer(Secret),
    /// `Authorization: Basic …`.
    Basic {
        /// User name.
        user: String,
        /// Password.
        password: Secret,
    },
    /// A header of the vendor's own.
    Header {
        /// Header name.
        name: String,
        /// Header value.
        value: Secret,
    },
}

/// What bounds a client. The defaults suit a polite reader of a vendor's API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Time to connect, TLS included.
    pub connect: Duration,
    /// Longest silence while a reply arrives.
    pub silence: Duration,
    /// Time of one attempt from connecting to the last byte.
    pub attempt: Duration,
    /// Bytes of a reply, decompressed.
    pub reply_bytes: usize,
    /// Attempts in all, the first one included.
    pub attempts: u32,
    /// Mean of the first pause is half of this; it doubles with every further attempt.
    pub backoff: Duration,
    /// Longest pause of our own choice.
    pub backoff_max: Duration,
    /// Longest pause that a server may ask for; when it asks for more, the request fails at once.
    pub retry_after_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            silence: Duration::from_mins(1),
            attempt: Duration::from_mins(5),
            reply_bytes: 64 * 1024 * 1024,
            attempts: 5,
            backoff: Duration::from_secs(1),
            backoff_max: Duration::from_mins(1),
            retry_after_max: Duration::from_mins(5),
        }
    }
}

/// What a client is made from.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the API begins, checked by [`base_url`].
    pub base: Url,
    /// The credential.
    pub auth: Auth,
    /// Headers sent with every request.
    pub headers: BTreeMap<String, String>,
    /// Media types asked for.
    pub accept: &'static str,
    /// Certificates of a private authority in PEM, trusted beside the system's own.
    pub ca_pem: Option<Vec<u8>>,
    /// Bounds.
    pub limits: Limits,
}

/// Parses and checks the address where an API begins: `https`, or `http` on loopback; no user, password, query or fragment.
///
/// # Errors
/// [`HttpError::Setup`] with what to write instead.
pub fn base_url(text: &str) -> Result<Url, HttpError> {
    let setup = |what: String, fix: &str| HttpError::Setup { what, fix: fix.to_owned() };
    let url = Url::parse(text)
        .map_err(|error| setup(format!("`{text}` is not a URL: {error}"), "write it as `https://host/path`"))?;
    // From here on the text may hold a password and is not quoted.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(setup("the URL holds a user or password".into(), "take it out and use `user` and `credential`"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(setup("the URL has a query or fragment".into(), "end it with the path of the API"));
    }
    match url.scheme() {
        "https" if url.has_host() => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(setup(format!("`{url}` would send the credential unencrypted"), "use `https`")),
        _ => Err(setup(format!("`{url}` is no web address"), "write it as `https://host/path`")),
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A request that changes nothing.
#[derive(Debug, Clone)]
pub struct Read {
    method: Method,
    url: Url,
    body: Option<String>,
}

impl Read {
    /// A GET.
    pub fn get(url: Url) -> Self {
        Self { method: Method::GET, url, body: None }
    }

    /// A HEAD.
    pub fn head(url: Url) -> Self {
        Self { method: Method::HEAD, url, body: None }
    }

    /// A POST that searches, with a JSON body. The caller vouches that the vendor documents it as reading.
    pub fn search(url: Url, json: String) -> Self {
        Self { method: Method::POST, url, body: Some(json) }
    }

    fn shown(&self) -> String {
        shown(&self.method, &self.url)
    }
}

/// Method, path and query for messages, with every value hidden that is not plainly harmless.
pub(crate) fn shown(method: &Method, url: &Url) -> String {
    let mut text = format!("{method} {}", url.path());
    for (position, (name, value)) in url.query_pairs().enumerate() {
        let harmless = HARMLESS.contains(&name.to_ascii_lowercase().as_str());
        text.push(if position == 0 { '?' } else { '&' });
        text.extend([name.as_ref(), "=", if harmless { value.as_ref() } else { "…" }]);
    }
    text
}

/// A successful (2xx) reply, whole.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The request, as messages show it.
    pub request: String,
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, decompressed.
    pub body: Bytes,
}

impl Reply {
    /// The value of a header, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`HttpError::Unusable`] when it is HTML (a sign-in page, a proxy) or no JSON of this shape.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, HttpError> {
        let unusable = |what: String| HttpError::Unusable { request: self.request.clone(), what };
        let start = self.body.iter().find(|byte| !byte.is_ascii_whitespace());
        if start == Some(&b'<') {
            return Err(unusable("the reply is an HTML or XML page, not JSON".into()));
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            let ends = if error.is_eof() { "the reply ends early" } else { "the reply is not the JSON expected" };
            unusable(format!("{ends} (line {}, column {})", error.line(), error.column()))
        })
    }
}

type Watch = Arc<dyn Fn(&str) + Send + Sync>;

/// A client of one system. Clones share credential, slots and connections.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    watch: Option<Watch>,
}

struct Inner {
    http: reqwest::Client,
    base: Url,
    limits: Limits,
    slots: Semaphore,
    pace: Arc<dyn Pace>,
    cancel: CancellationToken,
    /// Texts that must not stand in a message, whatever a server echoes.
    hidden: Vec<Secret>,
    /// `Date` of the newest reply.
    date: Mutex<Option<Timestamp>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.inner.base.as_str()).finish_non_exhaustive()
    }
}

/// An attempt that failed, and whether another may do better.
struct Failure {
    error: HttpError,
    retry: Retry,
}

impl Client {
    /// A client for one run. `run` gives the slots and the way to stop; `pace` does the waiting.
    ///
    /// # Errors
    /// [`HttpError::Setup`] when a header or certificate cannot be used.
    pub fn new(options: Options, run: &Run, pace: Arc<dyn Pace>) -> Result<Self, HttpError> {
        let setup = |what: String, fix: &str| HttpError::Setup { what, fix: fix.to_owned() };
        let base = base_url(options.base.as_str())?;
        let (headers, hidden) = standing_headers(&options)?;
        let loopback = is_loopback(&base);
        let origin = base.origin();
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(headers)
            .connect_timeout(options.limits.connect)
            .read_timeout(options.limits.silence)
            .timeout(options.limits.attempt)
            .https_only(!loopback)
            .referer(false)
            .redirect(reqwest::redirect::Policy::custom(move |attempt| {
                // Stopping yields the 3xx reply, which is then refused with its own message.
                if attempt.url().origin() == origin && attempt.previous().len() <= REDIRECTS {
                    attempt.follow()
                } else {
                    attempt.stop()
                }
            }));
        if loopback {
            builder = builder.no_proxy(); // a proxy elsewhere would see the credential of a plain connection
        }
        if let Some(pem) = &options.ca_pem {
            let authorities = reqwest::Certificate::from_pem_bundle(pem)
                .ok()
                .filter(|authorities| !authorities.is_empty())
                .ok_or_else(|| {
                    setup("the CA file holds no certificate in PEM".into(), "give a file with BEGIN CERTIFICATE")
                })?;
            builder = builder.tls_certs_merge(authorities);
        }
        let http = builder.build().map_err(|error| {
            setup(
                format!("cannot set up HTTPS: {}", error::chain(&error)),
                "check the CA file and the system's certificates",
            )
        })?;
        let inner = Inner {
            http,
            base,
            limits: options.limits,
            slots: Semaphore::new(run.concurrency.max(1)),
            pace,
            cancel: run.cancel.clone(),
            hidden,
            date: Mutex::new(None),
        };
        Ok(Self { inner: Arc::new(inner), watch: None })
    }

    /// What the server's clock said in its newest reply, to the second; `None` when it said nothing.
    pub fn server_time(&self) -> Option<Timestamp> {
        *self.inner.date.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells `watch` about every pause.
    #[must_use]
    pub fn watched(mut self, watch: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.watch = Some(Arc::new(watch));
        self
    }

    /// The base address with `segments` appended, each percent-encoded.
    pub fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.inner.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// Sends a request and returns its successful reply, after as many attempts as the limits allow.
    ///
    /// # Errors
    /// [`HttpError`]; [`HttpError::Stopped`] as soon as the run is cancelled.
    pub async fn read(&self, request: &Read) -> Result<Reply, HttpError> {
        let shown = request.shown();
        if request.url.origin() != self.inner.base.origin() {
            return Err(HttpError::Foreign { request: shown, to: request.url.origin().ascii_serialization() });
        }
        tokio::select! {
            biased;
            () = self.inner.cancel.cancelled() => Err(HttpError::Stopped),
            outcome = self.attempts(request, &shown) => outcome,
        }
    }

    async fn attempts(&self, request: &Read, shown: &str) -> Result<Reply, HttpError> {
        let limits = &self.inner.limits;
        let _slot = self.inner.slots.acquire().await.map_err(|_closed| HttpError::Stopped)?;
        let mut attempt = 1;
        loop {
            let Failure { error, retry } = match self.attempt(request, shown).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => failure,
            };
            if attempt >= limits.attempts {
                return Err(error.after(attempt));
            }
            let jitter = self.inner.pace.jitter();
            let pause = match retry {
                Retry::Never => return Err(error.after(attempt)),
                Retry::Soon => backoff(limits, attempt, jitter),
                // A herd that was told the same second should not come back in the same millisecond.
                Retry::After(asked) if asked <= limits.retry_after_max => asked + limits.backoff.mul_f64(jitter),
                Retry::After(asked) => return Err(error.after(attempt).asked(asked)),
            };
            if let Some(watch) = &self.watch {
                watch(&format!("waiting {:.1} s: {error}", pause.as_secs_f64()));
            }
            self.inner.pace.wait(pause).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, request: &Read, shown: &str) -> Result<Reply, Failure> {
        let mut builder = self.inner.http.request(request.method.clone(), request.url.clone());
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let mut response = builder.send().await.map_err(|error| no_reply(shown, error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        // RFC 9110, section 6.6.1: the origin's own clock.
        let date = headers.get(DATE).and_then(|date| jiff::fmt::rfc2822::parse(date.to_str().ok()?).ok());
        *self.inner.date.lock().unwrap_or_else(PoisonError::into_inner) = date.map(|date| date.timestamp());
        if !status.is_success() {
            let body = beginning(&mut response).await;
            return Err(self.refusal(shown, status, &headers, &body));
        }
        let limit = self.inner.limits.reply_bytes;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| no_reply(shown, error))? {
            if body.len() + chunk.len() > limit {
                let error = HttpError::TooLarge { request: shown.to_owned(), limit };
                return Err(Failure { error, retry: Retry::Never });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { request: shown.to_owned(), status, headers, body: body.into() })
    }

    fn refusal(&self, shown: &str, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        let answer = Answer::new(shown, status, headers, body, &self.inner.hidden);
        let asked = retry_after(headers);
        let pause = asked.map_or(Retry::Soon, Retry::After);
        let (error, retry) = match status {
            StatusCode::UNAUTHORIZED => (HttpError::Unauthorized(answer), Retry::Never),
            // Some vendors throttle with 403; only then do they say when to come back.
            StatusCode::FORBIDDEN => (HttpError::Forbidden(answer), asked.map_or(Retry::Never, Retry::After)),
            StatusCode::NOT_FOUND | StatusCode::GONE => (HttpError::NotFound(answer), Retry::Never),
            StatusCode::TOO_MANY_REQUESTS => (HttpError::Throttled { answer, attempts: 1, asked: None }, pause),
            StatusCode::REQUEST_TIMEOUT => (HttpError::Server { answer, attempts: 1 }, pause),
            StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => {
                (HttpError::Refused(answer), Retry::Never)
            }
            _ if status.is_server_error() => (HttpError::Server { answer, attempts: 1 }, pause),
            _ if status.is_redirection() => {
                let to = headers.get(LOCATION).and_then(|to| self.inner.base.join(to.to_str().ok()?).ok());
                let to = to.map_or_else(|| "nowhere".to_owned(), |to| to.origin().ascii_serialization());
                (HttpError::Foreign { request: shown.to_owned(), to }, Retry::Never)
            }
            _ => (HttpError::Refused(answer), Retry::Never),
        };
        Failure { error, retry }
    }
}

/// The headers of every request, and the texts in them that must never show.
fn standing_headers(options: &Options) -> Result<(HeaderMap, Vec<Secret>), HttpError> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static(options.accept));
    let mut hidden = Vec::new();
    for (name, value) in &options.headers {
        headers.insert(header_name(name)?, header_value(name, value)?);
        hidden.push(Secret::new(value.as_str()));
    }
    let (name, value) = match &options.auth {
        Auth::None => return Ok((headers, hidden)),
        Auth::Bearer(token) => {
            hidden.push(token.clone());
            (AUTHORIZATION, Secret::new(format!("Bearer {}", token.expose())))
        }
        Auth::Basic { user, password } => {
            let encoded = Secret::new(STANDARD.encode(format!("{user}:{}", password.expose())));
            hidden.push(password.clone());
            hidden.push(encoded.clone());
            (AUTHORIZATION, Secret::new(format!("Basic {}", encoded.expose())))
        }
        Auth::Header { name, value } => {
            hidden.push(value.clone());
            (header_name(name)?, value.clone())
        }
    };
    headers.insert(name.clone(), header_value(name.as_str(), value.expose())?);
    Ok((headers, hidden))
}

fn header_name(name: &str) -> Result<HeaderName, HttpError> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_invalid| HttpError::Setup {
        what: format!("`{name}` is no header name"),
        fix: "use letters, digits and `-`".into(),
    })
}

fn header_value(name: &str, value: &str) -> Result<HeaderValue, HttpError> {
    let mut value = HeaderValue::from_str(value).map_err(|_invalid| HttpError::Setup {
        what: format!("the value of header `{name}` cannot be sent: it holds a control character"),
        fix: "check the credential for a line break or other invisible character".into(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// A connection that failed or a reply that was cut. `reqwest`'s own text quotes the URL, which is taken out.
fn no_reply(shown: &str, error: reqwest::Error) -> Failure {
    let error = error.without_url();
    if error.is_builder() {
        let what = format!("cannot send {shown}: {}", error::chain(&error));
        return Failure { error: HttpError::Setup { what, fix: "check the URL".into() }, retry: Retry::Never };
    }
    let request = shown.to_owned();
    if error::chain(&error).contains("certificate") {
        return Failure { error: HttpError::Untrusted { request, source: error }, retry: Retry::Never };
    }
    Failure { error: HttpError::NoReply { request, attempts: 1, source: error }, retry: Retry::Soon }
}

/// The first bytes of an error's body; a body that breaks off is told as far as it came.
async fn beginning(response: &mut reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() >= ERROR_BYTES {
            break;
        }
    }
    body.truncate(ERROR_BYTES);
    body
}
