//! A connection to one system for one run: asks, waits, asks again, and says what a refusal means.
//!
//! ```text
//!   request ──► limiter ──► credential ──► transport ──► reply ──► good? ──► [`Answered::Reply`]
//!      ▲                                                              │
//!      └── retry, throttle, reauth ◄── the first `[[error]]` that matches, then the defaults ──► restart, gone, empty, gap, fail
//! ```
//!
//! Nothing is ignored: whatever is no good reply ends as something that the scope report tells.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::auth::{Door, Way};
use super::bundle::Envelope;
use super::bundling::{Back, Bundling};
use super::clock::Clock;
use super::limits::{Declared, Limiter, Toll};
use super::request::Foundation;
use super::transport::{Reach, Reply, Transport};
use super::trouble::Trouble;
use super::wire::{Bounds, Network, Outgoing, Taken, Tape, Wire};
use crate::http::{HttpError, base_url};
use crate::manifest::expression::Expr;
use crate::manifest::model::{Document, ErrorRule, Expired, Then};
use crate::manifest::scope::Scope;
use crate::scope::Gap;
use crate::secret::Secret;

/// Mean of the first pause before another try is half of this; it doubles with every further one.
const BACKOFF: Duration = Duration::from_secs(1);
/// Tokens that one request is sent again for: others may lose theirs while it waits.
const RENEWALS: u32 = 3;
/// Longest pause of our own choice.
const BACKOFF_MAX: Duration = Duration::from_mins(1);

/// What a session is opened with.
pub(crate) struct Opening<'a> {
    pub(crate) document: &'a Document,
    /// `config`, `secret`, `map`.
    pub(crate) scope: Scope,
    /// The way to sign in that the operator chose; the first when none.
    pub(crate) way: Option<&'a str>,
    /// Values of secrets, which must not show.
    pub(crate) secrets: Vec<Secret>,
    /// Certificates of a private authority in PEM.
    pub(crate) ca_pem: Option<Vec<u8>>,
    /// Whether changes are switched on.
    pub(crate) changes: bool,
    /// Where everything that passes is kept, when somebody records.
    pub(crate) taken: Option<Taken>,
    /// Requests under way at once, whatever the manifest says.
    pub(crate) concurrency: usize,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cancel: CancellationToken,
}

type Watch = Arc<dyn Fn(&str) + Send + Sync>;

/// A connection to one system for one run.
pub(crate) struct Session {
    transport: Transport,
    limiter: Limiter,
    foundation: Foundation,
    pub(super) bundling: Option<Bundling>,
    ways: BTreeMap<String, Way>,
    default_way: Option<String>,
    rules: Vec<ErrorRule>,
    ok: Option<Expr>,
    /// Permissions that reading needs, for the fix of a refusal.
    needs: Vec<String>,
    pub(super) clock: Arc<dyn Clock>,
    /// The credential was refused for good: nothing more is asked with it.
    dead: Mutex<BTreeMap<Option<String>, Gap>>,
    watch: Option<Watch>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("base", &self.foundation.base()).finish_non_exhaustive()
    }
}

/// One thing to ask.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) request: Outgoing,
    /// The way to sign in, when not the chosen one.
    pub(crate) way: Option<&'a str>,
    /// What expressions about the reply may name beside it.
    pub(crate) scope: &'a Scope,
    /// Units it costs.
    pub(crate) cost: u64,
    /// Asked for a parent, which may have vanished.
    pub(crate) child: bool,
    /// Whether it may be asked together with others.
    pub(crate) bundled: bool,
    /// What a bundle counts: its calls, and not itself.
    pub(crate) tolls: Option<&'a [Toll<'a>]>,
    /// What says that a cursor is too old.
    pub(crate) expired: Option<&'a Expired>,
    /// Permissions it needs beyond those of the manifest.
    pub(crate) needs: &'a [String],
}

/// What was answered.
#[derive(Debug)]
pub(crate) enum Answered {
    /// A good reply.
    Reply(Box<Reply>),
    /// The cursor is too old: begin again.
    Restart(Gap),
    /// What is asked about is not there any more, if its parent says so, too.
    Gone(Gap),
    /// The system's way to say that there is nothing.
    Empty,
    /// Not readable.
    Gap(Gap),
}

impl Session {
    /// Opens a connection over the network.
    ///
    /// # Errors
    /// [`Trouble`] when an address, certificate or template cannot be used.
    pub(crate) fn open(opening: Opening<'_>) -> Result<Self, Trouble> {
        let http = &opening.document.http;
        let foundation = Foundation::new(http, &opening.scope)?;
        let base = base_url(foundation.base())?;
        let default = Bounds::default();
        let bounds = Bounds {
            exchange: http.timeout_s.map_or(default.exchange, |seconds| Duration::from_secs(seconds.into())),
            reply_bytes: http
                .max_reply_bytes
                .map_or(default.reply_bytes, |most| usize::try_from(most).unwrap_or(usize::MAX)),
            ..default
        };
        let name = opening.way.or_else(|| opening.document.auth.first().map(|(name, _)| name));
        let identity = match name.and_then(|name| opening.document.auth.get(name)) {
            Some(auth) => Way::new(auth, &opening.scope)?.identity()?,
            None => None,
        };
        let identity = identity.as_ref().map(|pem| pem.expose().as_bytes());
        let network = Network::new(&base, bounds, opening.ca_pem.as_deref(), identity)?;
        let wire: Arc<dyn Wire> = match opening.taken.clone() {
            Some(taken) => Arc::new(Tape::new(network, taken)),
            None => Arc::new(network),
        };
        Self::over(opening, wire)
    }

    /// Opens a connection over any wire.
    ///
    /// # Errors
    /// As of [`Session::open`].
    pub(crate) fn over(opening: Opening<'_>, wire: Arc<dyn Wire>) -> Result<Self, Trouble> {
        let Opening { document, scope, way, secrets, changes, concurrency, clock, cancel, .. } = opening;
        let foundation = Foundation::new(&document.http, &scope)?;
        let mut origins = Vec::new();
        for template in &document.http.origins {
            let text = template.text(&scope)?.unwrap_or_default();
            origins.push(Url::parse(&text).map_err(|error| Trouble::unsendable("one of `origins` is no URL", &error))?);
        }
        let default_way = way.or_else(|| document.auth.first().map(|(name, _)| name)).map(str::to_owned);
        let mut ways = BTreeMap::new();
        let mut token_urls = Vec::new();
        for (name, auth) in document.auth.iter() {
            // What is not chosen is only for actions, and its secrets may be missing.
            match Way::new(auth, &scope).and_then(|way| Ok((way.token_url()?, way))) {
                Ok((url, way)) => {
                    token_urls.extend(url);
                    ways.insert(name.to_owned(), way);
                }
                Err(trouble) if default_way.as_deref() == Some(name) => return Err(trouble),
                Err(_) => {}
            }
        }
        let envelope = Envelope::of(document, &scope)?;
        let base = Some(base_url(foundation.base())?);
        let bundling = envelope.clone().map(Bundling::new);
        let reach = Reach { base, origins, token_urls, envelope, changes };
        let transport = Transport::new(wire, &reach, cancel);
        for secret in secrets {
            transport.hide(secret);
        }
        Ok(Self {
            transport,
            limiter: Limiter::new(Declared::from(&document.limits), concurrency, Arc::clone(&clock)),
            foundation,
            bundling,
            ways,
            default_way,
            rules: document.error.clone(),
            ok: document.http.ok.clone(),
            needs: document.access.as_ref().map(|access| access.read.clone()).unwrap_or_default(),
            clock,
            dead: Mutex::default(),
            watch: None,
        })
    }

    /// Tells `watch` about every pause.
    #[must_use]
    pub(crate) fn watched(mut self, watch: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.watch = Some(Arc::new(watch));
        self
    }

    /// What calls are made of.
    pub(crate) fn foundation(&self) -> &Foundation {
        &self.foundation
    }

    /// How fast the system may be asked.
    pub(super) fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// The door, for what it knows.
    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Scopes that the token reply of the chosen way named.
    pub(crate) async fn token_scopes(&self) -> Option<String> {
        self.ways.get(self.default_way.as_deref()?)?.scopes().await
    }

    /// Asks until there is an answer.
    ///
    /// # Errors
    /// [`Trouble`] when nothing of the list can be relied on: refused for good, unusable, stopped.
    pub(crate) async fn ask(&self, question: &Question<'_>) -> Result<Answered, Trouble> {
        tokio::select! {
            biased;
            () = self.transport.cancelled() => Err(Trouble::Stopped),
            outcome = self.answer(question) => outcome,
        }
    }

    async fn answer(&self, question: &Question<'_>) -> Result<Answered, Trouble> {
        let way = question.way.map(str::to_owned).or_else(|| self.default_way.clone());
        let path = question.request.url.path();
        let (mut tries, mut waited, mut renewals) = (1, Duration::ZERO, 0);
        let own = [Toll { path, cost: question.cost }];
        loop {
            let too_long = |asked| Answered::Gap(Trouble::TooLong(asked).gap(&question.request.shown()));
            let (reply, slot) = match self.together(question).await? {
                Some(Back::Reply(reply)) => (*reply, None),
                Some(Back::TooLong(asked)) => return Ok(too_long(asked)),
                Some(Back::Alone) | None => {
                    if let Some(gap) = self.dead.lock().unwrap_or_else(PoisonError::into_inner).get(&way) {
                        return Err(Trouble::Told(Box::new(gap.clone())));
                    }
                    let slot = match self.limiter.admit(question.tolls.unwrap_or(&own)).await {
                        Ok(slot) => slot,
                        Err(asked) => return Ok(too_long(asked)),
                    };
                    let mut request = question.request.clone();
                    let token = match self.sign(way.as_deref(), &mut request).await {
                        Err(Trouble::Denied(gap)) => return Err(self.bury(way, *gap)),
                        other => other?,
                    };
                    match self.transport.send(&request).await {
                        Ok(reply) => (Reply { token, ..reply }, Some(slot)),
                        Err(error @ HttpError::NoReply { .. }) => {
                            if tries >= self.limiter.declared().attempts {
                                return Ok(Answered::Gap(error.after(tries).gap()));
                            }
                            self.pause(tries, &error).await;
                            tries += 1;
                            continue;
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
            };
            if question.tolls.is_none() {
                self.limiter.learn(path, question.cost, &reply);
            }
            let scope = reply.within(question.scope);
            let generation = reply.token;
            let Some(verdict) = self.judge(&reply, &scope, question)? else {
                if let (Some(way), Some(generation)) = (way.as_deref().and_then(|way| self.ways.get(way)), generation) {
                    way.accepted(generation).await;
                }
                return Ok(Answered::Reply(Box::new(reply)));
            };
            let error = self.error(&reply, tries);
            let gap = self.told(&error, &verdict, question);
            match verdict.then {
                Then::Retry if tries >= self.limiter.declared().attempts => return Ok(Answered::Gap(gap)),
                Then::Retry => match self.limiter.asked(&reply) {
                    Some(asked) if asked > self.limiter.declared().max_wait => {
                        return Ok(Answered::Gap(Trouble::TooLong(asked).gap(&question.request.shown())));
                    }
                    Some(asked) => self.clock.wait(asked + BACKOFF.mul_f64(self.clock.jitter())).await,
                    None => self.pause(tries, &error).await,
                },
                Then::Throttle => {
                    let asked = self.limiter.asked(&reply);
                    // A herd that was told the same second should not come back in the same millisecond.
                    let pause = asked.map_or_else(
                        || backoff(tries, self.clock.jitter()),
                        |asked| asked + BACKOFF.mul_f64(self.clock.jitter()),
                    );
                    waited += pause;
                    let most = self.limiter.declared().max_wait;
                    if asked.is_some_and(|asked| asked > most) || waited > most + BACKOFF {
                        return Ok(Answered::Gap(
                            Trouble::TooLong(asked.unwrap_or(waited)).gap(&question.request.shown()),
                        ));
                    }
                    if tries >= self.limiter.declared().attempts {
                        return Ok(Answered::Gap(gap));
                    }
                    self.tell(&format!("waiting {:.1} s: {error}", pause.as_secs_f64()));
                    self.limiter.quiet(path, pause);
                }
                Then::Reauth => {
                    let generation = generation.unwrap_or_default();
                    let again = match way.as_deref().and_then(|way| self.ways.get(way)) {
                        Some(way) if renewals < RENEWALS => way.refused(generation, &reply).await?,
                        _ => false,
                    };
                    if !again {
                        return Err(self.bury(way, gap));
                    }
                    renewals += 1;
                    continue; // not counted: it was not the system that failed
                }
                Then::Restart => return Ok(Answered::Restart(gap)),
                Then::Gone => return Ok(if question.child { Answered::Gone(gap) } else { Answered::Gap(gap) }),
                Then::Empty => return Ok(Answered::Empty),
                Then::Gap => return Ok(Answered::Gap(gap)),
                Then::Fail => return Err(Trouble::Told(Box::new(gap))),
            }
            drop(slot);
            tries += 1;
        }
    }

    /// Whether a successful reply is one by the manifest's own word.
    ///
    /// # Errors
    /// [`Trouble`] when its expression fails.
    pub(crate) fn is_good(&self, reply: &Reply, names: &Scope) -> Result<bool, Trouble> {
        Ok(self.ok.as_ref().map_or(Ok(true), |ok| ok.holds(&reply.within(names)))?)
    }

    /// Sends a change, once. Whatever the answer is, it is not tried again: nobody knows what the first try did.
    ///
    /// # Errors
    /// [`Trouble`] when there is no reply or changes are not switched on.
    pub(crate) async fn change(&self, way: Option<&str>, request: &Outgoing) -> Result<Reply, Trouble> {
        self.once(way, request).await
    }

    /// Sends a request once and returns whatever is answered.
    ///
    /// # Errors
    /// [`Trouble`] when there is no reply.
    pub(crate) async fn once(&self, way: Option<&str>, request: &Outgoing) -> Result<Reply, Trouble> {
        let name = way.or(self.default_way.as_deref());
        let path = request.url.path();
        let _slot = self.limiter.admit(&[Toll { path, cost: 1 }]).await.map_err(Trouble::TooLong)?;
        let mut request = request.clone();
        self.sign(name, &mut request).await?;
        let reply = self.transport.send(&request).await?;
        self.limiter.learn(path, 1, &reply);
        Ok(reply)
    }

    async fn sign(&self, way: Option<&str>, request: &mut Outgoing) -> Result<Option<u64>, Trouble> {
        let Some(name) = way else { return Ok(None) };
        let way = self.ways.get(name).ok_or_else(|| {
            Trouble::manifest(format!("the way to sign in called `{name}` lacks a secret that it needs"))
        })?;
        let door = Door {
            transport: &self.transport,
            limiter: &self.limiter,
            foundation: &self.foundation,
            clock: &self.clock,
            rules: &self.rules,
        };
        let generation = way.sign(request, door).await?;
        way.notes().iter().for_each(|note| self.tell(note));
        Ok(Some(generation))
    }

    /// What the reply means, when it is no good one.
    fn judge(&self, reply: &Reply, scope: &Scope, question: &Question<'_>) -> Result<Option<Verdict<'_>>, Trouble> {
        let status = reply.status.as_u16();
        let success = reply.status.is_success();
        if success && question.tolls.is_some() {
            return Ok(None); // what a bundle holds is judged one by one
        }
        let good = match &self.ok {
            Some(ok) if success => Some(ok.holds(scope)?),
            _ => None,
        };
        if success && good == Some(true) {
            return Ok(None);
        }
        if let Some(expired) = question.expired {
            let by_status = expired.status.iter().any(|meant| meant.matches(status));
            let by_reply = expired.when.as_ref().map_or(Ok(false), |when| when.holds(scope))?;
            if by_status || by_reply {
                return Ok(Some(Verdict { then: Then::Restart, rule: None }));
            }
        }
        for rule in &self.rules {
            // A rule about nothing but statuses is never about a success that it does not name.
            let by_status = if rule.status.is_empty() {
                !success || rule.when.is_some()
            } else {
                rule.status.iter().any(|meant| meant.matches(status))
            };
            let by_method = rule.method.is_none_or(|method| method.as_str() == question.request.method.as_str());
            if by_status && by_method && rule.when.as_ref().map_or(Ok(true), |when| when.holds(scope))? {
                return Ok(Some(Verdict { then: rule.then, rule: Some(rule) }));
            }
        }
        if success && good.is_none() {
            return Ok(None);
        }
        Ok(Some(Verdict { then: default_for(reply.status, question.child), rule: None }))
    }

    /// The reply as the error that its status makes it.
    fn error(&self, reply: &Reply, tries: u32) -> HttpError {
        let answer = self.transport.answer(reply);
        match reply.status {
            StatusCode::UNAUTHORIZED => HttpError::Unauthorized(answer),
            StatusCode::FORBIDDEN => HttpError::Forbidden(answer),
            StatusCode::NOT_FOUND | StatusCode::GONE => HttpError::NotFound(answer),
            StatusCode::TOO_MANY_REQUESTS => HttpError::Throttled { answer, attempts: tries, asked: None },
            status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                HttpError::Server { answer, attempts: tries }
            }
            _ => HttpError::Refused(answer),
        }
    }

    /// The error as a gap, with what the manifest knows of it.
    fn told(&self, error: &HttpError, verdict: &Verdict<'_>, question: &Question<'_>) -> Gap {
        let mut gap = error.gap();
        if matches!(error, HttpError::Forbidden(_)) {
            let needs = if question.needs.is_empty() { &self.needs } else { question.needs };
            if !needs.is_empty() {
                gap = gap.fix(format!("give the credential: {}", needs.join(", ")));
            }
        }
        if let Some(rule) = verdict.rule {
            if let Some(cause) = &rule.cause {
                let said = gap.cause.as_deref().map(|said| format!(" ({said})")).unwrap_or_default();
                gap = gap.cause(format!("{cause}{said}"));
            }
            if let Some(fix) = &rule.fix {
                gap = gap.fix(fix.clone());
            }
        }
        gap
    }

    /// Notes that a credential was refused for good.
    fn bury(&self, way: Option<String>, gap: Gap) -> Trouble {
        self.dead.lock().unwrap_or_else(PoisonError::into_inner).insert(way, gap.clone());
        Trouble::Told(Box::new(gap))
    }

    async fn pause(&self, tries: u32, why: &HttpError) {
        let pause = backoff(tries, self.clock.jitter());
        self.tell(&format!("waiting {:.1} s: {why}", pause.as_secs_f64()));
        self.clock.wait(pause).await;
    }

    pub(super) fn tell(&self, text: &str) {
        if let Some(watch) = &self.watch {
            watch(text);
        }
    }
}

/// What a reply that is not good means, and the rule that says so.
#[derive(Debug)]
struct Verdict<'a> {
    then: Then,
    rule: Option<&'a ErrorRule>,
}

/// What a status means when no rule says otherwise. A success is here only when `ok` does not hold.
fn default_for(status: StatusCode, child: bool) -> Then {
    match status {
        StatusCode::UNAUTHORIZED => Then::Reauth,
        StatusCode::TOO_MANY_REQUESTS => Then::Throttle,
        StatusCode::REQUEST_TIMEOUT => Then::Retry,
        StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => Then::Fail,
        StatusCode::NOT_FOUND | StatusCode::GONE if child => Then::Gone,
        _ if status.is_server_error() => Then::Retry,
        _ => Then::Fail,
    }
}

/// The pause after the `tries`-th try: anything from nothing to the exponential bound.
///
/// Source: AWS Architecture Blog, "Exponential Backoff And Jitter" (2015), "full jitter".
fn backoff(tries: u32, jitter: f64) -> Duration {
    let doubled = BACKOFF.saturating_mul(1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX));
    doubled.min(BACKOFF_MAX).mul_f64(jitter.clamp(0.0, 1.0))
}
