//! Ways to sign in: what a request carries, where a token comes from, when it is renewed.
//!
//! A token is fetched once for everybody who needs it, renewed a little before it ends, and once more when the system
//! refuses it. A credential that cannot change (a key, a password) is never tried again: that locks accounts.

mod jwt;
mod signer;

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use tokio::sync::Mutex;
use url::Url;

use self::signer::Signer;
use super::clock::Clock;
use super::limits::Limiter;
use super::request::{Foundation, header, pairs};
use super::transport::{Reply, Transport};
use super::trouble::Trouble;
use super::wire::{Outgoing, Purpose};
use crate::http::HttpError;
use crate::manifest::model::{self, AuthKind, Grant, SendClient, Templates};
use crate::manifest::scope::Scope;
use crate::manifest::template::Template;
use crate::manifest::value::{Value, instant, is_null, to_json};
use crate::secret::Secret;

/// How long a token lasts that does not say so.
const LIFETIME: Duration = Duration::from_mins(10);
/// A token is renewed so long before it ends, or at nine tenths of a shorter life.
const MARGIN: Duration = Duration::from_mins(1);
/// Tries of a token request that meets a passing fault.
const TRIES: u32 = 3;

/// What signing in needs of the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Door<'a> {
    pub(crate) transport: &'a Transport,
    pub(crate) limiter: &'a Limiter,
    pub(crate) foundation: &'a Foundation,
    pub(crate) clock: &'a Arc<dyn Clock>,
}

/// One way to sign in, for one run.
#[derive(Debug)]
pub(crate) struct Way {
    model: model::Auth,
    /// `config` and `secret`.
    scope: Scope,
    signer: Option<Signer>,
    held: Mutex<Held>,
}

/// What is held of a token.
#[derive(Debug, Default)]
struct Held {
    sent: Option<Sent>,
    ends: Option<Timestamp>,
    /// Counts the tokens.
    generation: u64,
    /// The system accepted this one.
    proven: bool,
    /// A refresh token that the system put in place of the operator's.
    refresh: Option<Secret>,
    /// Scopes that the token reply names.
    scopes: Option<String>,
}

/// What a request carries.
#[derive(Debug, Clone, Default)]
struct Sent {
    headers: Vec<(HeaderName, HeaderValue)>,
    query: Vec<(String, String)>,
}

/// A token that was made.
struct Made {
    sent: Sent,
    lasts: Option<Duration>,
    refresh: Option<Secret>,
    scopes: Option<String>,
}

impl Way {
    /// Prepares a way to sign in. `scope` holds `config` and `secret`.
    ///
    /// # Errors
    /// [`Trouble`] when a signer lacks what it needs.
    pub(crate) fn new(model: &model::Auth, scope: &Scope) -> Result<Self, Trouble> {
        let signer = match model.signer {
            Some(which) if *model.kind.get_ref() == AuthKind::Signer => Some(signer(which, &model.with, scope)?),
            _ => None,
        };
        Ok(Self { model: model.clone(), scope: scope.clone(), signer, held: Mutex::default() })
    }

    /// Certificate and key of `mtls` in one PEM, where there is one.
    ///
    /// # Errors
    /// [`Trouble`] when a template fails.
    pub(crate) fn identity(&self) -> Result<Option<Secret>, Trouble> {
        let Some(mtls) = &self.model.mtls else { return Ok(None) };
        let text = |template: &Template| required("mtls", template, &self.scope).map(|pem| pem.replace("\\n", "\n"));
        Ok(Some(Secret::new(format!("{}\n{}\n", text(&mtls.cert)?, text(&mtls.key)?))))
    }

    /// Where tokens are fetched, when that is an address of its own.
    ///
    /// # Errors
    /// [`Trouble`] when a template fails or gives no URL.
    pub(crate) fn token_url(&self) -> Result<Option<Url>, Trouble> {
        let own = self.model.call.as_ref().and_then(|call| call.url.as_ref());
        let address = match (&self.model.token_url, own) {
            // The operator's own words; nothing in it comes from a reply.
            (Some(template), _) => required("token_url", template, &self.scope)?,
            (None, Some(template)) => template.path(&self.scope)?,
            (None, None) => return Ok(None),
        };
        Url::parse(&address)
            .map(Some)
            .map_err(|error| Trouble::unsendable("the address of the token is no URL", &error))
    }

    /// Makes the request credible; returns the generation of the token, for [`Way::refused`].
    ///
    /// # Errors
    /// [`Trouble`] when there is no token to be had or the request cannot be signed.
    pub(crate) async fn sign(&self, request: &mut Outgoing, door: Door<'_>) -> Result<u64, Trouble> {
        let (sent, generation) = self.token(door).await?;
        for (name, value) in sent.headers {
            request.secret_header(name, value);
        }
        if !sent.query.is_empty() {
            request.secret.extend(sent.query.iter().map(|(name, _)| name.clone()));
            request.url.query_pairs_mut().extend_pairs(sent.query);
        }
        if let Some(signer) = &self.signer {
            let signed = signer.sign(request, door.clock.now(), door.clock.jitter());
            signed.map_err(|what| Trouble::manifest(format!("a request cannot be signed: {what}")))?;
        }
        Ok(generation)
    }

    /// Scopes that the token reply named (RFC 6749, section 5.1).
    pub(crate) async fn scopes(&self) -> Option<String> {
        self.held.lock().await.scopes.clone()
    }

    /// A reply showed that the token of this generation is accepted.
    pub(crate) async fn accepted(&self, generation: u64) {
        let mut held = self.held.lock().await;
        if held.generation == generation {
            held.proven = true;
        }
    }

    /// The system refused the token of this generation; whether trying again may help.
    ///
    /// # Errors
    /// [`Trouble`] when the system asks for something that no signer knows.
    pub(crate) async fn refused(&self, generation: u64, reply: &Reply) -> Result<bool, Trouble> {
        if let Some(signer) = &self.signer {
            return signer.challenged(reply).map_err(Trouble::manifest);
        }
        if !self.fetches() {
            return Ok(false);
        }
        let mut held = self.held.lock().await;
        if held.generation != generation || held.sent.is_none() {
            return Ok(true); // somebody renewed it meanwhile, or is about to
        }
        // A token that was never accepted is replaced once; one that was, may have been revoked or ended early.
        let again = std::mem::take(&mut held.proven) || generation <= 1;
        held.sent = None;
        Ok(again)
    }

    fn fetches(&self) -> bool {
        matches!(self.model.kind.get_ref(), AuthKind::Oauth2 | AuthKind::Exchange) || self.model.jwt.is_some()
    }

    /// What requests carry now. Everybody waits for the one who fetches.
    async fn token(&self, door: Door<'_>) -> Result<(Sent, u64), Trouble> {
        let mut held = self.held.lock().await;
        let now = door.clock.now();
        if let Some(sent) = held.sent.as_ref().filter(|_| held.ends.is_none_or(|ends| now < ends)) {
            return Ok((sent.clone(), held.generation));
        }
        let made = self.make(&held, door).await?;
        held.generation += 1;
        held.proven = false;
        held.ends = made.lasts.and_then(|lasts| {
            let margin = MARGIN.min(lasts / 10);
            door.clock.now().checked_add(lasts.saturating_sub(margin)).ok()
        });
        held.refresh = made.refresh.or_else(|| held.refresh.take());
        held.scopes = made.scopes;
        held.sent = Some(made.sent.clone());
        Ok((made.sent, held.generation))
    }

    async fn make(&self, held: &Held, door: Door<'_>) -> Result<Made, Trouble> {
        let now = Value::from(door.clock.now().as_second());
        let mut scope = self.scope.with("now", now);
        let mut signed = None;
        let mut lasts = None;
        if let Some(jwt) = &self.model.jwt {
            let (token, life) = assertion(jwt, &scope, door)?;
            scope = scope.with("jwt", Value::from(token.expose()));
            lasts = Some(life);
            signed = Some(token);
        }
        let hidden = |pairs: Vec<(String, String)>| -> Result<Vec<(HeaderName, HeaderValue)>, Trouble> {
            pairs.iter().map(|(name, value)| hidden_header(name, value, door)).collect()
        };
        let plain = |sent: Sent| Made { sent, lasts, refresh: None, scopes: None };
        Ok(match self.model.kind.get_ref() {
            AuthKind::Bearer => {
                let token = match (&self.model.token, &signed) {
                    (Some(template), _) => required("token", template, &scope)?,
                    (None, Some(signed)) => signed.expose().to_owned(),
                    (None, None) => return Err(Trouble::manifest("`[auth]` of kind bearer has no `token`")),
                };
                plain(Sent { headers: hidden(vec![bearer(&token)])?, ..Sent::default() })
            }
            AuthKind::Basic => {
                let user = required("user", self.need(self.model.user.as_ref(), "user")?, &scope)?;
                let password = match &self.model.password {
                    Some(template) => template.text(&scope)?.unwrap_or_default(),
                    None => String::new(),
                };
                door.transport.hide(Secret::new(password.as_str()));
                let encoded = STANDARD.encode(format!("{user}:{password}"));
                let pair = (AUTHORIZATION.to_string(), format!("Basic {encoded}"));
                door.transport.hide(Secret::new(encoded));
                plain(Sent { headers: hidden(vec![pair])?, ..Sent::default() })
            }
            AuthKind::Headers => {
                plain(Sent { headers: hidden(pairs(&self.model.headers, &scope)?)?, ..Sent::default() })
            }
            AuthKind::Query => {
                let query = pairs(&self.model.query, &scope)?;
                for (_, value) in &query {
                    door.transport.hide(Secret::new(value.as_str()));
                }
                plain(Sent { query, ..Sent::default() })
            }
            AuthKind::Oauth2 => self.oauth2(held, signed, &scope, door).await?,
            AuthKind::Exchange => self.exchange(&scope, door).await?,
            AuthKind::Signer | AuthKind::Mtls => plain(Sent::default()),
        })
    }

    /// RFC 6749 and RFC 7523.
    async fn oauth2(
        &self,
        held: &Held,
        assertion: Option<Secret>,
        scope: &Scope,
        door: Door<'_>,
    ) -> Result<Made, Trouble> {
        let auth = &self.model;
        let grant = auth.grant.unwrap_or(Grant::ClientCredentials);
        let mut form = vec![("grant_type".to_owned(), grant.as_str().to_owned())];
        let mut scopes = Vec::new();
        for template in &auth.scopes {
            scopes.extend(template.text(scope)?);
        }
        if !scopes.is_empty() {
            form.push(("scope".into(), scopes.join(" ")));
        }
        form.extend(pairs(&auth.params, scope)?);
        if grant == Grant::RefreshToken {
            let token = match &held.refresh {
                Some(token) => token.expose().to_owned(),
                None => required("refresh_token", self.need(auth.refresh_token.as_ref(), "refresh_token")?, scope)?,
            };
            door.transport.hide(Secret::new(token.as_str()));
            form.push(("refresh_token".into(), token));
        }
        let assertion = assertion.as_ref().map(Secret::expose).unwrap_or_default();
        if grant == Grant::JwtBearer {
            form.push(("assertion".into(), assertion.to_owned()));
        }
        let optional =
            |template: &Option<Template>| template.as_ref().map_or(Ok(None), |template| template.text(scope));
        let (id, secret) = (optional(&auth.client_id)?, optional(&auth.client_secret)?);
        if let Some(secret) = &secret {
            door.transport.hide(Secret::new(secret.as_str()));
        }
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        match (auth.client, id, secret) {
            (SendClient::Assertion, id, _) => {
                form.extend(id.map(|id| ("client_id".to_owned(), id)));
                form.push((
                    "client_assertion_type".into(),
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".into(),
                ));
                form.push(("client_assertion".into(), assertion.to_owned()));
            }
            (SendClient::Body, id, secret) => {
                form.extend(id.map(|id| ("client_id".to_owned(), id)));
                form.extend(secret.map(|secret| ("client_secret".to_owned(), secret)));
            }
            (SendClient::Basic, Some(id), Some(secret)) => {
                // RFC 6749, section 2.3.1: both are form-encoded first.
                let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                let encoded = STANDARD.encode(format!("{}:{}", encode(&id), encode(&secret)));
                let (name, value) = hidden_header("authorization", &format!("Basic {encoded}"), door)?;
                headers.insert(name, value);
            }
            (SendClient::Basic, id, _) => form.extend(id.map(|id| ("client_id".to_owned(), id))),
        }
        let url = self.token_url()?.ok_or_else(|| Trouble::manifest("`[auth]` of kind oauth2 has no `token_url`"))?;
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish();
        let request = Outgoing {
            purpose: Purpose::Auth,
            method: Method::POST,
            url,
            headers,
            secret: vec!["authorization".into()],
            body: Bytes::from(body),
        };
        let reply = self.fetch(request, door).await?;
        let field = |name: &str| reply.body.get_attr(name).ok().filter(|value| !is_null(value));
        let token = field("access_token").and_then(|token| token.as_str().map(str::to_owned));
        let token = token.ok_or_else(|| no_token(&reply, "`access_token`"))?;
        let refresh = field("refresh_token").and_then(|token| token.as_str().map(Secret::new));
        if let Some(token) = &refresh {
            door.transport.hide(token.clone());
        }
        Ok(Made {
            sent: self.sending(&token, scope, door)?,
            lasts: Some(field("expires_in").and_then(|told| seconds(&told)).unwrap_or(self.lifetime())),
            refresh,
            scopes: field("scope").and_then(|scopes| scopes.as_str().map(str::to_owned)),
        })
    }

    async fn exchange(&self, scope: &Scope, door: Door<'_>) -> Result<Made, Trouble> {
        let call = self.need(self.model.call.as_ref(), "call")?;
        let request = door.foundation.request(call, scope, Purpose::Auth, &[])?;
        let reply = self.fetch(request, door).await?;
        let within = reply.within(scope);
        let from = self.need(self.model.from.as_ref(), "from")?;
        let token = crate::manifest::value::text(&from.eval(&within)?).filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| no_token(&reply, &format!("`{}`", from.source())))?;
        let now = reply.date().unwrap_or_else(|| door.clock.now());
        let ends = match &self.model.expires {
            Some(expires) => until(&expires.eval(&within)?, now),
            None => None,
        };
        let told = match &self.model.expires_in {
            Some(expires_in) => seconds(&expires_in.eval(&within)?),
            None => None,
        };
        let sent = self.sending(&token, scope, door)?;
        Ok(Made { sent, lasts: Some(ends.or(told).unwrap_or(self.lifetime())), refresh: None, scopes: None })
    }

    fn lifetime(&self) -> Duration {
        self.model.lifetime_s.map_or(LIFETIME, |seconds| Duration::from_secs(seconds.into()))
    }

    /// The headers that carry `token`.
    fn sending(&self, token: &str, scope: &Scope, door: Door<'_>) -> Result<Sent, Trouble> {
        door.transport.hide(Secret::new(token));
        let scope = scope.with("token", Value::from(token));
        let headers = if self.model.send.is_empty() { vec![bearer(token)] } else { pairs(&self.model.send, &scope)? };
        let headers: Result<_, _> = headers.iter().map(|(name, value)| hidden_header(name, value, door)).collect();
        Ok(Sent { headers: headers?, query: Vec::new() })
    }

    /// Sends a token request. Passing faults are met with another try, a refusal is final.
    async fn fetch(&self, request: Outgoing, door: Door<'_>) -> Result<Reply, Trouble> {
        let path = request.url.path().to_owned();
        let mut tries = 1;
        loop {
            let mut signed = request.clone();
            if let Some(signer) = &self.signer {
                let now = door.clock.now();
                signer.sign(&mut signed, now, door.clock.jitter()).map_err(Trouble::manifest)?;
            }
            let (why, asked) = match door.transport.send(&signed).await {
                Ok(reply) if reply.status.is_success() => return Ok(reply),
                Ok(reply) => {
                    let answer = door.transport.answer(&reply);
                    let passing = reply.status.is_server_error()
                        || matches!(reply.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
                    if !passing {
                        return Err(HttpError::Unauthorized(answer).into());
                    }
                    (HttpError::Server { answer, attempts: tries }, door.limiter.asked(&reply))
                }
                Err(error @ HttpError::NoReply { .. }) => (error.after(tries), None),
                Err(error) => return Err(error.into()),
            };
            if tries >= TRIES {
                return Err(why.into());
            }
            let pause = asked.unwrap_or_else(|| Duration::from_secs(1 << tries).mul_f64(door.clock.jitter()));
            if pause > door.limiter.declared().max_wait {
                return Err(Trouble::TooLong(pause));
            }
            tracing::debug!(path, tries, "a token request is tried again");
            door.clock.wait(pause).await;
            tries += 1;
        }
    }

    fn need<'a, T>(&self, part: Option<&'a T>, key: &str) -> Result<&'a T, Trouble> {
        part.ok_or_else(|| {
            Trouble::manifest(format!("`[auth]` of kind {} has no `{key}`", self.model.kind.get_ref().as_str()))
        })
    }
}

/// A header that never shows.
fn hidden_header(name: &str, value: &str, door: Door<'_>) -> Result<(HeaderName, HeaderValue), Trouble> {
    door.transport.hide(Secret::new(value));
    if let Some((_scheme, secret)) = value.split_once(' ') {
        door.transport.hide(Secret::new(secret));
    }
    let (name, mut value) = header(name, value)?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// The assertion and how long it lasts.
fn assertion(jwt: &model::Jwt, scope: &Scope, door: Door<'_>) -> Result<(Secret, Duration), Trouble> {
    let key = Secret::new(required("jwt.key", &jwt.key, scope)?);
    door.transport.hide(key.clone());
    let claims = jwt.claims.render(scope)?;
    let fields = pairs(&jwt.header, scope)?;
    let token = jwt::sign(jwt.alg, &key, &claims, &fields).map_err(Trouble::manifest)?;
    door.transport.hide(token.clone());
    let exp = claims.get("exp").and_then(serde_json::Value::as_i64);
    let ends = exp.and_then(|exp| Timestamp::from_second(exp).ok());
    let lasts = ends.map(|ends| Duration::try_from(ends.duration_since(door.clock.now())).unwrap_or_default());
    Ok((token, lasts.unwrap_or(LIFETIME)))
}

fn bearer(token: &str) -> (String, String) {
    (AUTHORIZATION.to_string(), format!("Bearer {token}"))
}

/// Text that has to be there: a secret that the operator left out would be sent as nothing.
fn required(key: &str, template: &Template, scope: &Scope) -> Result<String, Trouble> {
    let text = template.text(scope)?.filter(|text| !text.is_empty());
    text.ok_or_else(|| {
        Trouble::manifest(format!("`{key}` of the way to sign in is empty: `{}` has no value", template.source()))
    })
}

fn no_token(reply: &Reply, what: &str) -> Trouble {
    let found = reply.illegible.clone().unwrap_or_else(|| format!("the reply holds no {what}"));
    HttpError::Unusable { request: reply.request.clone(), what: found }.into()
}

/// Seconds as number or text; whoever says nothing usable has said nothing.
fn seconds(told: &Value) -> Option<Duration> {
    let number = f64::try_from(told.clone()).ok().or_else(|| told.as_str()?.trim().parse().ok())?;
    Duration::try_from_secs_f64(number).ok().filter(|told| !told.is_zero())
}

/// How long until an instant: as `date` makes one, as text, or as seconds since 1970.
fn until(told: &Value, now: Timestamp) -> Option<Duration> {
    let ends = instant(told)
        .or_else(|| told.as_str()?.parse().ok())
        .or_else(|| Timestamp::from_second(to_json(told).as_i64()?).ok())?;
    Duration::try_from(ends.duration_since(now)).ok()
}

/// A signer from the values of `with`.
fn signer(which: model::Signer, with: &Templates, scope: &Scope) -> Result<Signer, Trouble> {
    let get = |key: &str| match with.get(key) {
        Some(template) => required(key, template, scope),
        None => Err(Trouble::manifest(format!("the signer needs `{key}` in `with`"))),
    };
    let optional = |key: &str| with.get(key).map_or(Ok(None), |template| template.text(scope));
    Ok(match which {
        model::Signer::Duo => Signer::Duo { ikey: get("key")?, skey: Secret::new(get("secret")?) },
        model::Signer::Digest => Signer::Digest {
            user: get("user")?,
            password: Secret::new(get("password")?),
            challenge: std::sync::Mutex::new(None),
        },
        model::Signer::Sigv4 => Signer::SigV4 {
            service: get("service")?,
            region: get("region")?,
            credentials: Box::new(Credentials::new(get("key")?, get("secret")?, optional("token")?, None, "manifest")),
        },
    })
}
