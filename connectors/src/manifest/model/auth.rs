//! Ways to sign in.

use serde::Deserialize;
use toml::Spanned;

use super::{Call, Templates};
use crate::manifest::expression::Expr;
use crate::manifest::template::{Node, Template};

/// `[auth.NAME]`. Which keys belong to which kind is checked at load.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// How.
    pub kind: Spanned<AuthKind>,
    /// For people: when to choose it.
    pub help: Option<String>,
    /// `bearer`: the token; with `jwt` it may be left out.
    pub token: Option<Template>,
    /// `basic`: the user.
    pub user: Option<Template>,
    /// `basic`: the password; empty when left out.
    pub password: Option<Template>,
    /// `headers`: what is sent.
    #[serde(default)]
    pub headers: Templates,
    /// `query`: what is sent.
    #[serde(default)]
    pub query: Templates,
    /// `oauth2`: where the token comes from.
    pub token_url: Option<Template>,
    /// `oauth2`: which flow.
    pub grant: Option<Grant>,
    /// `oauth2`.
    pub client_id: Option<Template>,
    /// `oauth2`; left out when `jwt` is the client's assertion or the certificate of `mtls` proves it.
    pub client_secret: Option<Template>,
    /// `oauth2` with `grant = "refresh_token"`.
    pub refresh_token: Option<Template>,
    /// `oauth2`: asked for.
    #[serde(default)]
    pub scopes: Vec<Template>,
    /// `oauth2`: further form fields (`audience`, `account_id`).
    #[serde(default)]
    pub params: Templates,
    /// `oauth2`: where id and secret stand in the token request.
    #[serde(default)]
    pub client: SendClient,
    /// `exchange`: the call whose reply holds the token. It may name `jwt` and `secret`.
    pub call: Option<Call>,
    /// `exchange`: the token in the reply.
    pub from: Option<Expr>,
    /// `exchange`: the instant at which it ends, in the reply.
    pub expires: Option<Expr>,
    /// `exchange`: the seconds it lasts, in the reply.
    pub expires_in: Option<Expr>,
    /// `exchange`: the seconds it lasts when the reply does not say; 600 when this is left out, too.
    pub lifetime_s: Option<u32>,
    /// `exchange`: headers with `${token}`; `Authorization: Bearer ${token}` when left out.
    #[serde(default)]
    pub send: Templates,
    /// A signed assertion: `${jwt}` in an exchange's call or in `token` and `headers` (a `bearer` without `token` sends it by itself),
    /// the client's assertion of `oauth2`, or the assertion of its JWT bearer grant.
    pub jwt: Option<Jwt>,
    /// Client certificate, for every call of this way to sign in.
    pub mtls: Option<Mtls>,
    /// `signer`: which one.
    pub signer: Option<Signer>,
    /// `signer`: what it needs (`key`, `secret`, `host`).
    #[serde(default)]
    pub with: Templates,
}

/// How a request is made credible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthKind {
    /// `Authorization: Bearer …`.
    Bearer,
    /// `Authorization: Basic …`.
    Basic,
    /// Fixed headers (API keys).
    Headers,
    /// Fixed query keys.
    Query,
    /// RFC 6749 and its relatives.
    Oauth2,
    /// Any call that yields a token.
    Exchange,
    /// Every request is signed by a built-in signer.
    Signer,
    /// The client certificate is all there is.
    Mtls,
}

impl AuthKind {
    /// The kind as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Basic => "basic",
            Self::Headers => "headers",
            Self::Query => "query",
            Self::Oauth2 => "oauth2",
            Self::Exchange => "exchange",
            Self::Signer => "signer",
            Self::Mtls => "mtls",
        }
    }
}

/// A flow of OAuth 2.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// RFC 6749, 4.4.
    ClientCredentials,
    /// RFC 6749, 6. A refresh token that the answer rotates lasts for the run only.
    RefreshToken,
    /// RFC 7523, 2.1: `jwt` is the authorization grant.
    JwtBearer,
    /// Zoom's own.
    AccountCredentials,
}

impl Grant {
    /// `grant_type` in the token request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::RefreshToken => "refresh_token",
            Self::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            Self::AccountCredentials => "account_credentials",
        }
    }
}

/// Where the client's id and secret stand in a token request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SendClient {
    /// `Authorization: Basic`, which RFC 6749 prefers.
    #[default]
    Basic,
    /// In the form.
    Body,
    /// As `client_assertion` (RFC 7523, 2.2): `jwt` is it.
    Assertion,
}

/// A JSON Web Token that is made and signed for a token request, or is the token.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// How it is signed.
    pub alg: Algorithm,
    /// The key: PEM for RS256, ES256 and EdDSA, the secret itself for HS256.
    pub key: Template,
    /// Claims, which may name `now` and `jti`, a name that no other assertion has. A claim that is null is left out.
    pub claims: Node,
    /// Further header fields (`kid`).
    #[serde(default)]
    pub header: Templates,
}

/// Signature algorithms (RFC 7518, RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// RSA, SHA-256.
    RS256,
    /// ECDSA on P-256.
    ES256,
    /// Ed25519.
    EdDSA,
    /// HMAC, SHA-256.
    HS256,
}

/// A client certificate.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mtls {
    /// Certificate chain in PEM.
    pub cert: Template,
    /// Private key in PEM.
    pub key: Template,
}

/// Built-in signers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Signer {
    /// Duo's HMAC over date, method, host, path and sorted parameters.
    Duo,
    /// RFC 7616.
    Digest,
    /// AWS Signature Version 4.
    Sigv4,
}
