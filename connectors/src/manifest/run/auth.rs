//! Ways to sign in: what a request carries, where a token comes from, when it is renewed.
//!
//! A token is fetched once for everybody who needs it, renewed a little before it ends, and once more when the system
//! refuses it. A credential that cannot change (a key, a password) is never tried again: that locks accounts.

mod grant;
mod jwt;
mod refusal;
mod signer;

use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::Duration;

use aws_credential_types::Credentials;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use tokio::sync::Mutex;
use url::Url;

use self::signer::Signer;
use super::clock::Clock;
use super::limits::Limiter;
use super::request::{Foundation, header, pairs};
use super::transport::{Reply, Transport};
use super::trouble::Trouble;
use super::wire::Outgoing;
use crate::http::HttpError;
use crate::manifest::expression::EvalError;
use crate::manifest::model::{self, AuthKind, Templates};
use crate::manifest::scope::Scope;
use crate::manifest::template::Template;
use crate::manifest::value::Value;
use crate::scope::Gap;
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
    /// What the manifest knows of errors.
    pub(crate) rules: &'a [model::ErrorRule],
}

/// One way to sign in, for one run.
#[derive(Debug)]
pub(crate) struct Way {
    model: model::Auth,
    /// `config` and `secret`.
    scope: Scope,
    signer: Option<Signer>,
    held: Mutex<Held>,
    /// What people should know of the tokens, until somebody takes it.
    notes: Lock<Vec<String>>,
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
    /// The system refused this one, and whether another may help.
    refused: Option<bool>,
    /// No token is to be had for this reason, however often it is asked for.
    denied: Option<Box<Gap>>,
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

/// Why a try to get a token brought none.
enum Missed {
    /// It may pass; the pause is what the server asked for.
    Passing { why: Box<HttpError>, asked: Option<Duration> },
    /// It will not: the credential is refused, or the answer cannot be used.
    Denied(Box<Gap>),
    /// Nothing was asked, or the run ends.
    Other(Trouble),
}

impl From<Trouble> for Missed {
    fn from(trouble: Trouble) -> Self {
        Self::Other(trouble)
    }
}

impl From<EvalError> for Missed {
    fn from(error: EvalError) -> Self {
        Self::Other(error.into())
    }
}

impl From<HttpError> for Missed {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::NoReply { .. } => Self::Passing { why: Box::new(error), asked: None },
            HttpError::Stopped => Self::Other(Trouble::Stopped),
            other => Self::Denied(Box::new(other.gap())),
        }
    }
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
        let (held, notes) = (Mutex::default(), Lock::default());
        Ok(Self { model: model.clone(), scope: scope.clone(), signer, held, notes })
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
        if held.generation != generation {
            return Ok(true); // somebody renewed it meanwhile
        }
        // Requests that were under way together are refused together, and hear the same.
        // A token that was never accepted is replaced once; one that was, may have been revoked or ended early.
        let again = held.refused.unwrap_or(held.proven || generation <= 1);
        held.refused = Some(again);
        held.sent = None;
        Ok(again)
    }

    /// What people should know of the tokens, told once.
    pub(crate) fn notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, text: String) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    fn fetches(&self) -> bool {
        matches!(self.model.kind.get_ref(), AuthKind::Oauth2 | AuthKind::Exchange) || self.model.jwt.is_some()
    }

    /// What requests carry now. Everybody waits for the one who fetches, and hears the same when there is no token to be had: a
    /// password that is tried once for each list locks its account.
    async fn token(&self, door: Door<'_>) -> Result<(Sent, u64), Trouble> {
        let mut held = self.held.lock().await;
        let now = door.clock.now();
        if let Some(sent) = held.sent.as_ref().filter(|_| held.ends.is_none_or(|ends| now < ends)) {
            return Ok((sent.clone(), held.generation));
        }
        if let Some(gap) = &held.denied {
            return Err(Trouble::Denied(gap.clone()));
        }
        let made = match self.get(&held, door).await {
            Err(Trouble::Denied(gap)) => {
                held.denied = Some(gap.clone());
                return Err(Trouble::Denied(gap));
            }
            made => made?,
        };
        held.generation += 1;
        (held.proven, held.refused) = (false, None);
        held.ends = made.lasts.and_then(|lasts| {
            let margin = MARGIN.min(lasts / 10);
            door.clock.now().checked_add(lasts.saturating_sub(margin)).ok()
        });
        held.refresh = made.refresh.or_else(|| held.refresh.take());
        held.scopes = made.scopes;
        held.sent = Some(made.sent.clone());
        Ok((made.sent, held.generation))
    }

    /// Tries to get a token until there is one. Every try is a request of its own: an assertion may be sent only once, and
    /// nobody knows what became of the one before.
    async fn get(&self, held: &Held, door: Door<'_>) -> Result<Made, Trouble> {
        let mut tries = 1;
        loop {
            let (why, asked) = match self.make(held, door).await {
                Ok(made) => return Ok(made),
                Err(Missed::Passing { why, asked }) => (why.after(tries), asked),
                Err(Missed::Denied(gap)) => return Err(Trouble::Denied(gap)),
                Err(Missed::Other(trouble)) => return Err(trouble),
            };
            if tries >= TRIES {
                return Err(why.into());
            }
            let pause = asked.unwrap_or_else(|| Duration::from_secs(1 << tries).mul_f64(door.clock.jitter()));
            if pause > door.limiter.declared().max_wait {
                return Err(Trouble::TooLong(pause));
            }
            tracing::debug!(tries, "a token request is tried again");
            door.clock.wait(pause).await;
            tries += 1;
        }
    }

    async fn make(&self, held: &Held, door: Door<'_>) -> Result<Made, Missed> {
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
                    (None, None) => return Err(Trouble::manifest("`[auth]` of kind bearer has no `token`").into()),
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
    let scope = &scope.with("jti", Value::from(unique(door)));
    let claims = jwt.claims.render(scope)?;
    let fields = pairs(&jwt.header, scope)?;
    let token = jwt::sign(jwt.alg, &key, &claims, &fields).map_err(Trouble::manifest)?;
    door.transport.hide(token.clone());
    let exp = claims.get("exp").and_then(serde_json::Value::as_i64);
    let ends = exp.and_then(|exp| Timestamp::from_second(exp).ok());
    let lasts = ends.map(|ends| Duration::try_from(ends.duration_since(door.clock.now())).unwrap_or_default());
    Ok((token, lasts.unwrap_or(LIFETIME)))
}

/// A name that no other assertion has (RFC 7519, section 4.1.7): two random numbers as 32 hex digits.
fn unique(door: Door<'_>) -> String {
    format!("{:016x}{:016x}", door.clock.jitter().to_bits(), door.clock.jitter().to_bits())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn way() -> Way {
        let text = "kind = \"exchange\"\ncall = { method = \"POST\", path = \"/login\" }\nfrom = \"token\"\n";
        Way::new(&toml::from_str(text).unwrap(), &Scope::new()).unwrap()
    }

    fn refusal() -> Reply {
        Reply {
            request: "GET /users".into(),
            url: "https://api.example/users".parse().unwrap(),
            status: http::StatusCode::UNAUTHORIZED,
            headers: http::HeaderMap::new(),
            body: Value::from(()),
            illegible: None,
            bytes: bytes::Bytes::new(),
            token: None,
        }
    }

    #[tokio::test]
    async fn requests_that_are_refused_together_hear_the_same() {
        for (generation, proven, again) in [(1, false, true), (2, true, true), (2, false, false)] {
            let way = way();
            *way.held.lock().await = Held { generation, proven, ..Held::default() };
            for _ in 0..3 {
                assert_eq!(way.refused(generation, &refusal()).await.unwrap(), again, "{generation} {proven}");
            }
            assert!(way.refused(generation - 1, &refusal()).await.unwrap(), "an older token was renewed meanwhile");
        }
    }
}
