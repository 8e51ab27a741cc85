//! One request out, one reply back: over the network, from recorded exchanges, or past a recorder.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode};
use url::Url;

use crate::http::{HttpError, USER_AGENT, chain, is_loopback, shown};

/// Why a request is sent, which decides what it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To read: GET, HEAD, or the POST of a stream.
    Read,
    /// To read several things at once: a POST that holds nothing but GETs.
    Bundle,
    /// To get a token.
    Auth,
    /// To change something.
    Change,
}

/// A request.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub(crate) purpose: Purpose,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    /// Names of the headers and query parameters that carry the credential.
    pub(crate) secret: Vec<String>,
    pub(crate) body: Bytes,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Outgoing {
    /// Method, path and harmless query values.
    pub(crate) fn shown(&self) -> String {
        shown(&self.method, &self.url)
    }

    /// Sets a header that must not show.
    pub(crate) fn secret_header(&mut self, name: HeaderName, value: http::HeaderValue) {
        let mut value = value;
        value.set_sensitive(true);
        self.secret.push(name.as_str().to_owned());
        self.headers.insert(name, value);
    }
}

/// A reply, whatever its status.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Carries requests. No redirect is followed, nothing is tried again and nothing is checked: that is the transport's.
#[async_trait]
pub(crate) trait Wire: Send + Sync + fmt::Debug {
    /// Sends and waits for the whole reply.
    ///
    /// # Errors
    /// [`HttpError::NoReply`], [`HttpError::Untrusted`], [`HttpError::Handshake`], [`HttpError::TooLarge`] or
    /// [`HttpError::Setup`].
    async fn exchange(&self, request: &Outgoing) -> Result<Incoming, HttpError>;
}

/// What bounds a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Time to connect, TLS included.
    pub(crate) connect: Duration,
    /// Longest silence while a reply arrives.
    pub(crate) silence: Duration,
    /// Time of one exchange.
    pub(crate) exchange: Duration,
    /// Bytes of a reply, decompressed.
    pub(crate) reply_bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            silence: Duration::from_mins(1),
            exchange: Duration::from_mins(5),
            reply_bytes: 64 * 1024 * 1024,
        }
    }
}

/// The network.
#[derive(Debug)]
pub(crate) struct Network {
    client: reqwest::Client,
    bounds: Bounds,
}

impl Network {
    /// A client that trusts `ca_pem` beside the system's certificates, and shows `identity` (certificate and key in PEM) to
    /// servers that ask. A plain connection is for loopback only, and goes through no proxy.
    ///
    /// # Errors
    /// [`HttpError::Setup`] when a certificate or key cannot be used.
    pub(crate) fn new(
        base: &Url,
        bounds: Bounds,
        ca_pem: Option<&[u8]>,
        identity: Option<&[u8]>,
    ) -> Result<Self, HttpError> {
        let setup = |what: &str, fix: &str| HttpError::Setup { what: what.to_owned(), fix: fix.to_owned() };
        let loopback = is_loopback(base);
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(bounds.connect)
            .read_timeout(bounds.silence)
            .timeout(bounds.exchange)
            .https_only(!loopback)
            .referer(false)
            .redirect(reqwest::redirect::Policy::none());
        if loopback {
            builder = builder.no_proxy(); // a proxy elsewhere would see the credential of a plain connection
        }
        if let Some(pem) = ca_pem {
            let authorities = reqwest::Certificate::from_pem_bundle(pem)
                .ok()
                .filter(|authorities| !authorities.is_empty())
                .ok_or_else(|| {
                    setup("the CA file holds no certificate in PEM", "give a file with BEGIN CERTIFICATE")
                })?;
            builder = builder.tls_certs_merge(authorities);
        }
        if let Some(pem) = identity {
            // The cause may quote the key and is left out.
            let identity = reqwest::Identity::from_pem(pem).map_err(|_quotes_the_key| {
                setup(
                    "the client certificate or its key cannot be read",
                    "give certificate and key in PEM, the key unencrypted",
                )
            })?;
            builder = builder.identity(identity);
        }
        let client = builder.build().map_err(|error| {
            setup(
                &format!("cannot set up HTTPS: {}", chain(&error)),
                "check the CA file, the client certificate and the system's certificates",
            )
        })?;
        Ok(Self { client, bounds })
    }
}

#[async_trait]
impl Wire for Network {
    async fn exchange(&self, request: &Outgoing) -> Result<Incoming, HttpError> {
        let failed = |error: reqwest::Error| no_reply(request, error);
        let sent = self
            .client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            .body(request.body.clone());
        let mut response = sent.send().await.map_err(failed)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let limit = self.bounds.reply_bytes;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > limit {
                return Err(HttpError::TooLarge { request: request.shown(), limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Incoming { status, headers, body: body.into() })
    }
}

/// What passed over a wire.
pub(crate) type Taken = Arc<Mutex<Vec<(Outgoing, Incoming)>>>;

/// A wire that keeps what passes.
#[derive(Debug)]
pub(crate) struct Tape {
    inner: Network,
    taken: Taken,
}

impl Tape {
    /// Keeps what passes over `inner` in `taken`.
    pub(crate) fn new(inner: Network, taken: Taken) -> Self {
        Self { inner, taken }
    }
}

#[async_trait]
impl Wire for Tape {
    async fn exchange(&self, request: &Outgoing) -> Result<Incoming, HttpError> {
        let incoming = self.inner.exchange(request).await?;
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).push((request.clone(), incoming.clone()));
        Ok(incoming)
    }
}

/// A connection that failed or a reply that was cut. `reqwest`'s own text quotes the URL, which is taken out.
fn no_reply(request: &Outgoing, error: reqwest::Error) -> HttpError {
    let error = error.without_url();
    let shown = request.shown();
    if error.is_builder() {
        let what = format!("cannot send {shown}: {}", chain(&error));
        return HttpError::Setup { what, fix: "check the URL".into() };
    }
    let why = chain(&error);
    // What the other side refuses it says in an alert (RFC 8446, section 6.2); what we refuse is said in other words.
    if why.contains("received fatal alert") && !why.contains("InternalError") {
        return HttpError::Handshake { request: shown, source: error };
    }
    if why.contains("certificate") {
        return HttpError::Untrusted { request: shown, source: error };
    }
    HttpError::NoReply { request: shown, attempts: 1, source: error }
}
