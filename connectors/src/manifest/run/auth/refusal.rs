//! What the refusal of a token means, in words of the way to sign in: the server's own are often three.

use http::StatusCode;
use http::header::LOCATION;
use jiff::Timestamp;

use crate::http::{Answer, HttpError};
use crate::manifest::model::{Auth, AuthKind, ErrorRule, Grant, SendClient};
use crate::manifest::run::transport::Reply;
use crate::scope::Gap;

/// Seconds by which two clocks may differ before it is told. Providers forgive some seconds, few forgive minutes.
const SKEW_S: i64 = 10;

/// What was asked for and how.
pub(super) struct Refused<'a> {
    pub(super) auth: &'a Auth,
    /// Scopes that were asked for.
    pub(super) scopes: &'a [String],
    /// This machine's clock.
    pub(super) now: Timestamp,
    /// The manifest's own rule about this very reply, which knows best.
    pub(super) rule: Option<&'a ErrorRule>,
}

/// The refusal as a gap. `answer` is `reply` as errors tell it.
pub(super) fn gap(reply: &Reply, answer: Answer, refused: &Refused<'_>) -> Gap {
    match reply.status {
        status if status.is_redirection() => {
            let to = reply.header(LOCATION.as_str()).and_then(|to| reply.url.join(to).ok());
            let to = to.map_or_else(|| "nowhere".to_owned(), |to| to.origin().ascii_serialization());
            return HttpError::Foreign { request: reply.request.clone(), to }.gap();
        }
        StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::METHOD_NOT_ALLOWED if answer.kind.is_none() => {
            let fix = "check the address that the token is fetched at: tenant, realm and host are part of it";
            return HttpError::NotFound(answer).gap().fix(fix);
        }
        _ => {}
    }
    let (kind, detail) = (answer.kind.clone(), answer.detail.clone());
    let mut gap = HttpError::Unauthorized(answer).gap();
    let said = match (&kind, detail) {
        (Some(kind), Some(detail)) if *kind != detail => format!(" (the server says: {kind}: {detail})"),
        (_, Some(detail)) => format!(" (the server says: {detail})"),
        _ => String::new(),
    };
    if let Some((code, cause, fix)) = kind.as_deref().and_then(|kind| meaning(kind, refused)) {
        gap = Gap { code: code.to_owned(), ..gap }.cause(format!("{cause}{said}")).fix(fix);
    }
    if let Some(rule) = refused.rule {
        gap = rule.cause.iter().fold(gap, |gap, cause| gap.cause(format!("{cause}{said}")));
        gap = rule.fix.iter().fold(gap, Gap::fix);
    }
    match skewed(reply, refused) {
        Some(skew) => {
            let cause = gap.cause.take().map(|cause| format!("{cause}; ")).unwrap_or_default();
            gap.cause(format!("{cause}{skew}")).fix("set this machine's clock by a time server, then collect again")
        }
        None => gap,
    }
}

/// Code, cause and fix of an error code (RFC 6749, section 5.2; RFC 8707, section 2).
fn meaning(kind: &str, refused: &Refused<'_>) -> Option<(&'static str, String, String)> {
    let auth = refused.auth;
    if *auth.kind.get_ref() != AuthKind::Oauth2 {
        return None;
    }
    let grant = auth.grant.unwrap_or(Grant::ClientCredentials);
    let (code, cause, fix) = match (kind, grant) {
        ("invalid_client", _) => {
            let (cause, fix) = of_client(auth);
            ("COL030", cause.to_owned(), fix.to_owned())
        }
        ("invalid_grant", Grant::RefreshToken) => (
            "COL030",
            "the refresh token has ended, was revoked, or was used before by a system that gives another at every use".to_owned(),
            "put a new refresh token where the config points; if this happens at every second run, choose a client whose refresh tokens stay, or another way to sign in"
                .to_owned(),
        ),
        ("invalid_grant", Grant::JwtBearer) => (
            "COL030",
            "the assertion is not accepted: its key, issuer, user or audience is not what the system has, or nobody consented".to_owned(),
            "register the public half of the key with the system, compare client, user and audience, and have somebody consent where the vendor asks for it"
                .to_owned(),
        ),
        ("invalid_grant", Grant::ClientCredentials | Grant::AccountCredentials) => (
            "COL030",
            "the client is known and gets no token: the system wants more of it than this way to sign in proves, as a certificate or DPoP".to_owned(),
            "compare how the client is registered with the way to sign in that `auth` names".to_owned(),
        ),
        ("invalid_scope", _) => {
            let scopes = refused.scopes.join(" ");
            let asked = if scopes.is_empty() { "a scope".to_owned() } else { format!("one of the scopes `{scopes}`") };
            ("COL031", format!("the client may not have {asked}"), "give the client the scopes that are asked for".to_owned())
        }
        ("unauthorized_client", _) => (
            "COL031",
            format!("the client is not known here, or it may not ask by the grant `{}`", grant.as_str()),
            "compare client and tenant, allow that grant for the client, and have somebody consent where the vendor asks for it"
                .to_owned(),
        ),
        ("unsupported_grant_type", _) => (
            "COL030",
            format!("nobody gives tokens for the grant `{}` at this address", grant.as_str()),
            "check the address that the token is fetched at".to_owned(),
        ),
        ("invalid_target", _) => (
            "COL031",
            "the client may not have a token for the resource or audience that is asked for".to_owned(),
            "compare it with the one that the system is registered under".to_owned(),
        ),
        _ => return None,
    };
    Some((code, cause, fix))
}

/// Why a client is not believed, by how it proves itself.
fn of_client(auth: &Auth) -> (&'static str, &'static str) {
    match auth.client {
        SendClient::Assertion => (
            "no client of this id, or its assertion is not accepted: another key, key id, audience or algorithm than it is registered with",
            "compare client id and key id, and register the public half of the key with the client",
        ),
        _ if auth.client_secret.is_none() && auth.mtls.is_some() => (
            "no client of this id, or it is registered with another certificate",
            "compare the client id, and register the certificate with the client",
        ),
        SendClient::Basic | SendClient::Body => (
            "no client of this id, its secret is wrong or has ended, or it is to prove itself in another way",
            "compare the client id, and put a valid secret where the config points",
        ),
    }
}

/// How far the clocks are apart, where something is signed with the time in it.
fn skewed(reply: &Reply, refused: &Refused<'_>) -> Option<String> {
    refused.auth.jwt.as_ref()?;
    let theirs = reply.date()?;
    let apart = refused.now.as_second() - theirs.as_second();
    let (size, side) = (apart.abs(), if apart < 0 { "behind" } else { "ahead of" });
    (size > SKEW_S).then(|| {
        format!(
            "this machine's clock is {size} s {side} the server's, and what is signed with the wrong time is refused"
        )
    })
}

/// Whether a token of this type is good only with a proof of its key in every request, as of DPoP (RFC 9449).
pub(super) fn needs_proof(kind: &str) -> bool {
    ["dpop", "pop", "mac"].iter().any(|known| kind.eq_ignore_ascii_case(known))
}

/// A token that cannot be used alone.
pub(super) fn bound(reply: &Reply, kind: &str) -> Gap {
    Gap::new("COL030", format!("{} gave a token that cannot be sent", reply.request))
        .cause(format!("its type is `{kind}`: every request would have to prove the key that the token is bound to"))
        .fix("let the client have bearer tokens, or tokens that are bound to its certificate (`mtls`)")
}
