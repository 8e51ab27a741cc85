//! Starts oidc-provider (npm, 9.13.3), an OpenID provider certified by the OpenID Foundation, and beside it an API of a few users
//! that lets in whoever's token the provider knows.
//!
//! It refuses what a provider refuses: unknown clients, wrong secrets, keys and certificates, assertions that are stale, of the
//! future, for somebody else or sent a second time, scopes and resources that a client may not have, refresh tokens that were
//! used before. Its clock stands still until a test lets time pass, so that tokens end when the test says so.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::node::{NodeError, NodeServer, Program};

/// A running provider.
#[derive(Debug)]
pub struct Oidc {
    server: NodeServer,
    url: String,
}

impl Oidc {
    /// Starts it. `settings`: `now` (RFC 3339) and `clients` (the provider's own metadata, with `public_key` or `certificate` in
    /// PEM), and where they are wanted `token_path`, `ttl_s`, `scopes`, `resources`, `audience`, `needs` (the scope of a path),
    /// `rotate`, `issuers` (of assertions), `account_id`, `expects` (fields of the token request), `tls`, `rows`, `page`, and
    /// `faults`: what happens once, at a path and a cursor.
    ///
    /// # Errors
    /// [`NodeError`], with the lines that install what is missing.
    pub fn start(settings: &Value) -> Result<Self, NodeError> {
        let program = Program {
            package: "oidc-provider",
            script: "lib/index.js",
            ours: Some(("provider.mjs", include_str!("oidc/provider.mjs"))),
            file: ("settings.json", settings.to_string()),
            ready: "the provider is listening",
        };
        let server = NodeServer::start(&program, |port, file| vec![port.to_string(), file.display().to_string()])?;
        let mut provider = Self { server, url: String::new() };
        provider.url = provider.told("url", &json!({}), "url")?;
        Ok(provider)
    }

    /// Address of provider and API: `http://127.0.0.1:PORT`, or with a certificate `https://localhost:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A refresh token of this client, as a consent in a browser would have brought it about.
    ///
    /// # Errors
    /// [`NodeError::Run`] when it gives none.
    pub fn refresh_token(&self, client: &str, scope: &str) -> Result<String, NodeError> {
        self.told("consent", &json!({"client_id": client, "scope": scope}), "refresh_token")
    }

    /// An access token of this client, as such a consent would have brought it about.
    ///
    /// # Errors
    /// [`NodeError::Run`] when it gives none.
    pub fn access_token(&self, client: &str, scope: &str) -> Result<String, NodeError> {
        self.told("consent", &json!({"client_id": client, "scope": scope}), "access_token")
    }

    /// Every token that it gave away, which must show nowhere.
    ///
    /// # Errors
    /// [`NodeError::Run`] when it does not answer.
    pub fn issued(&self) -> Result<Vec<String>, NodeError> {
        let issued = self.ask("issued", &json!({}))?;
        Ok(issued.as_array().into_iter().flatten().filter_map(|token| token.as_str().map(str::to_owned)).collect())
    }

    /// Lets time pass for the provider. With less than nothing it goes back.
    ///
    /// # Errors
    /// [`NodeError::Run`] when it does not answer.
    pub fn pass(&self, seconds: i64) -> Result<(), NodeError> {
        self.ask("pass", &json!({"seconds": seconds})).map(|_| ())
    }

    /// Every request so far, in order. Of a token request `path`, `grant`, `fields`, `by` (how the client proved itself), `status`
    /// and, where the provider refused, `why` in its own words; of any other `path`, `cursor`, `token` (a fingerprint) and `status`.
    ///
    /// # Errors
    /// [`NodeError::Run`] when it does not answer.
    pub fn asked(&self) -> Result<Vec<Value>, NodeError> {
        Ok(self.ask("log", &json!({}))?.as_array().cloned().unwrap_or_default())
    }

    fn told(&self, what: &str, body: &Value, key: &str) -> Result<String, NodeError> {
        let answer = self.ask(what, body)?;
        let text = answer[key].as_str().map(str::to_owned);
        text.ok_or_else(|| run(std::io::Error::other(format!("it told no `{key}`: {answer}"))))
    }

    /// Asks what only tests ask. The server closes the connection behind its answer, so that no length has to be read.
    fn ask(&self, what: &str, body: &Value) -> Result<Value, NodeError> {
        let body = body.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.server.port())).map_err(run)?;
        let head = format!("POST /_test/{what} HTTP/1.0\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).map_err(run)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(run)?;
        let told = answer.split_once("\r\n\r\n").map(|(_, told)| told).unwrap_or_default();
        serde_json::from_str(told).map_err(|error| run(std::io::Error::other(error)))
    }
}

fn run(source: std::io::Error) -> NodeError {
    NodeError::Run { what: "oidc-provider".to_owned(), source }
}
