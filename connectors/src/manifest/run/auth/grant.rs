//! Token requests: OAuth 2.0 and whatever else yields a token, sent once and read.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use jiff::Timestamp;

use super::refusal::{Refused, bound, gap, needs_proof};
use super::{Door, Held, LIFETIME, Made, Missed, Sent, Way, bearer, hidden_header, required};
use crate::http::HttpError;
use crate::manifest::model::{Grant, SendClient};
use crate::manifest::run::request::pairs;
use crate::manifest::run::transport::Reply;
use crate::manifest::run::trouble::Trouble;
use crate::manifest::run::wire::{Outgoing, Purpose};
use crate::manifest::scope::Scope;
use crate::manifest::template::Template;
use crate::manifest::value::{Value, instant, is_null, to_json};
use crate::secret::Secret;

/// Said when a refresh token was used up that is written into somebody's config.
const REPLACED: &str = "the system put another refresh token in place of the config's, which may be used up now: the new one lasts \
                        for this run and is kept nowhere; choose a client whose refresh tokens stay, or another way to sign in";

impl Way {
    /// RFC 6749 and RFC 7523.
    pub(super) async fn oauth2(
        &self,
        held: &Held,
        assertion: Option<Secret>,
        scope: &Scope,
        door: Door<'_>,
    ) -> Result<Made, Missed> {
        let mut scopes = Vec::new();
        for template in &self.model.scopes {
            scopes.extend(template.text(scope)?);
        }
        let refresh = match (self.grant(), &held.refresh) {
            (Grant::RefreshToken, Some(token)) => Some(token.clone()),
            (Grant::RefreshToken, None) => {
                let template = self.need(self.model.refresh_token.as_ref(), "refresh_token")?;
                Some(Secret::new(required("refresh_token", template, scope)?))
            }
            _ => None,
        };
        let request = self.token_request(&scopes, refresh.as_ref(), assertion.as_ref(), scope, door)?;
        let reply = self.fetch(request, &scopes, scope, door).await?;
        self.token_reply(&reply, &scopes, refresh.filter(|_| held.refresh.is_none()), held, scope, door)
    }

    fn grant(&self) -> Grant {
        self.model.grant.unwrap_or(Grant::ClientCredentials)
    }

    /// The request for a token: whatever is asked for, and who asks.
    fn token_request(
        &self,
        scopes: &[String],
        refresh: Option<&Secret>,
        assertion: Option<&Secret>,
        scope: &Scope,
        door: Door<'_>,
    ) -> Result<Outgoing, Trouble> {
        let (auth, grant) = (&self.model, self.grant());
        let mut form = vec![("grant_type".to_owned(), grant.as_str().to_owned())];
        if !scopes.is_empty() {
            form.push(("scope".into(), scopes.join(" ")));
        }
        form.extend(pairs(&auth.params, scope)?);
        if let Some(token) = refresh {
            door.transport.hide(token.clone());
            form.push(("refresh_token".into(), token.expose().to_owned()));
        }
        let assertion = assertion.map(Secret::expose).unwrap_or_default();
        if grant == Grant::JwtBearer {
            form.push(("assertion".into(), assertion.to_owned()));
        }
        // What the manifest names has to be there: without it the request would be another, and its refusal a riddle.
        let named = |key: &str, template: &Option<Template>| {
            template.as_ref().map(|template| required(key, template, scope)).transpose()
        };
        let id = named("client_id", &auth.client_id)?;
        let secret = match auth.client {
            SendClient::Assertion => None,
            SendClient::Basic | SendClient::Body => named("client_secret", &auth.client_secret)?,
        };
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
        Ok(Outgoing {
            purpose: Purpose::Auth,
            method: Method::POST,
            url,
            headers,
            secret: vec!["authorization".into()],
            body: Bytes::from(body),
        })
    }

    /// The token of a reply. `configured` is the refresh token that was sent, if it is the operator's.
    fn token_reply(
        &self,
        reply: &Reply,
        scopes: &[String],
        configured: Option<Secret>,
        held: &Held,
        scope: &Scope,
        door: Door<'_>,
    ) -> Result<Made, Missed> {
        let field = |name: &str| reply.body.get_attr(name).ok().filter(|value| !is_null(value));
        let text = |name: &str| field(name).and_then(|told| told.as_str().map(str::to_owned));
        let Some(token) = text("access_token").filter(|token| !token.is_empty()) else {
            // Some refuse with status 200.
            let refused = text("error").is_some();
            let missed = || no_token(reply, "`access_token`");
            return Err(if refused { self.denied(reply, scopes, scope, door) } else { missed() });
        };
        door.transport.hide(Secret::new(token.as_str()));
        if let Some(kind) = text("token_type").filter(|kind| self.model.send.is_empty() && needs_proof(kind)) {
            return Err(Missed::Denied(Box::new(bound(reply, &kind))));
        }
        let refresh = text("refresh_token").filter(|token| !token.is_empty()).map(Secret::new);
        if let Some(token) = &refresh {
            door.transport.hide(token.clone());
            if configured.is_some_and(|configured| configured.expose() != token.expose()) {
                self.note(REPLACED.to_owned());
            }
        }
        let granted = text("scope");
        if held.generation == 0
            && let Some(lacks) = granted.as_ref().and_then(|granted| lacking(scopes, granted))
        {
            self.note(format!("the token lacks scopes that were asked for: {lacks}"));
        }
        Ok(Made {
            sent: self.sending(&token, scope, door)?,
            lasts: Some(field("expires_in").and_then(|told| seconds(&told)).unwrap_or(self.lifetime())),
            refresh,
            scopes: granted,
        })
    }

    pub(super) async fn exchange(&self, scope: &Scope, door: Door<'_>) -> Result<Made, Missed> {
        let call = self.need(self.model.call.as_ref(), "call")?;
        let request = door.foundation.request(call, scope, Purpose::Auth, &[])?;
        let reply = self.fetch(request, &[], scope, door).await?;
        let within = reply.within(scope);
        let from = self.need(self.model.from.as_ref(), "from")?;
        let token = crate::manifest::value::text(&from.eval(&within)?).filter(|token| !token.is_empty());
        let Some(token) = token else { return Err(no_token(&reply, &format!("`{}`", from.source()))) };
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

    /// Sends a token request, once.
    async fn fetch(
        &self,
        request: Outgoing,
        scopes: &[String],
        scope: &Scope,
        door: Door<'_>,
    ) -> Result<Reply, Missed> {
        let reply = door.transport.send(&request).await?;
        let passing = reply.status.is_server_error()
            || matches!(reply.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
        if reply.status.is_success() {
            return Ok(reply);
        }
        if !passing {
            return Err(self.denied(&reply, scopes, scope, door));
        }
        let (answer, asked) = (door.transport.answer(&reply), door.limiter.asked(&reply));
        let why = match reply.status {
            StatusCode::TOO_MANY_REQUESTS => HttpError::Throttled { answer, attempts: 1, asked: None },
            _ => HttpError::Server { answer, attempts: 1 },
        };
        Err(Missed::Passing { why: Box::new(why), asked })
    }

    /// What a refusal means for this way to sign in. Conditions of rules that are about other replies may not even be answerable.
    fn denied(&self, reply: &Reply, scopes: &[String], scope: &Scope, door: Door<'_>) -> Missed {
        let (status, within) = (reply.status.as_u16(), reply.within(scope));
        let rule = door.rules.iter().find(|rule| {
            let by_status = rule.status.is_empty() || rule.status.iter().any(|meant| meant.matches(status));
            by_status && rule.when.as_ref().is_some_and(|when| when.holds(&within).unwrap_or(false))
        });
        let refused = Refused { auth: &self.model, scopes, now: door.clock.now(), rule };
        Missed::Denied(Box::new(gap(reply, door.transport.answer(reply), &refused)))
    }
}

fn no_token(reply: &Reply, what: &str) -> Missed {
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

/// Scopes that were asked for and are not in the reply. Whoever names them in words of its own says nothing about ours.
fn lacking(asked: &[String], granted: &str) -> Option<String> {
    let granted: Vec<&str> = granted.split([' ', ',']).collect();
    let asked = || asked.iter().flat_map(|scopes| scopes.split(' '));
    let lacks: Vec<&str> = asked().filter(|scope| !granted.contains(scope)).collect();
    (!lacks.is_empty() && lacks.len() < asked().count()).then(|| lacks.join(", "))
}
