//! A manifest of a few lines, a server, and what comes out.

use std::sync::Arc;

use muster_connectors::Connector;
use muster_connectors::manifest::Manifest;
use muster_connectors::manifest::run::clock::VirtualClock;
use muster_connectors::record::Record;
use muster_testbeds::scripted_http::{Request, Response, ScriptedHttp};
use serde_json::{Value, json};

use crate::collected::{Collected, TOKEN, collect, configured};
use crate::manifests::{CONFIG, HEAD, HTTP, by_clock, parsed};

/// The clock of every test stands here until somebody waits.
pub(crate) const NOW: &str = "2026-11-20T10:00:00Z";

const SECRETS: &str = r#"
[secrets]
token = { help = "a token", optional = true }
key = { help = "a key", optional = true }
"#;

const BEARER: &str = r#"
[auth.token]
kind = "bearer"
token = "${secret.token}"
"#;

/// The manifest with these blocks, signing in with a bearer token.
pub(crate) fn manifest(blocks: &str) -> Arc<Manifest> {
    plain_manifest(&format!("{HTTP}{BEARER}{blocks}"))
}

/// The manifest with these blocks and its own `[http]` and `[auth]`.
pub(crate) fn plain_manifest(blocks: &str) -> Arc<Manifest> {
    parsed(&format!("{HEAD}{CONFIG}{SECRETS}{blocks}"))
}

/// A connector on the server, with a virtual clock.
pub(crate) fn connector(manifest: &Arc<Manifest>, url: &str) -> (Box<dyn Connector>, Arc<VirtualClock>) {
    connector_with(manifest, &format!(r#"base_url = "{url}", token = {{ env = "TOKEN" }}"#))
}

/// A connector with these settings.
pub(crate) fn connector_with(manifest: &Arc<Manifest>, settings: &str) -> (Box<dyn Connector>, Arc<VirtualClock>) {
    let clock = Arc::new(VirtualClock::new(NOW.parse().unwrap(), 7));
    (configured(by_clock(manifest, clock.clone()), ".", settings).unwrap(), clock)
}

/// Runs the manifest against a script, asserts what holds for every run, and returns what came out and was asked.
pub(crate) async fn play(
    manifest: &Arc<Manifest>,
    script: impl Fn(&Request) -> Response + Send + Sync + 'static,
) -> (Collected, Vec<Request>) {
    let server = ScriptedHttp::start(script);
    let (connector, _clock) = connector(manifest, &server.url());
    let collected = collect(&*connector).await;
    collected.assert_honest();
    let requests = server.requests();
    for request in &requests {
        assert_eq!(request.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()), "{request:?}");
        assert!(!format!("{}{:?}", request.path, request.query).contains(TOKEN), "{request:?}");
    }
    (collected, requests)
}

/// Rows `from..to`.
pub(crate) fn rows(from: usize, to: usize) -> Vec<Value> {
    (from..to).map(|n| json!({"id": n, "login": format!("user{n}")})).collect()
}

/// A page of users.
pub(crate) fn page(from: usize, to: usize, more: Value) -> Response {
    let mut body = json!({"users": rows(from, to)});
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    Response::json(body.to_string())
}

/// Ids of the accounts that came out, sorted as numbers.
pub(crate) fn ids(collected: &Collected) -> Vec<usize> {
    let mut ids: Vec<usize> = collected
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Account(account) => account.id.parse().ok(),
            _ => None,
        })
        .collect();
    ids.sort_unstable();
    ids
}

/// `0..n`.
pub(crate) fn all(n: usize) -> Vec<usize> {
    (0..n).collect()
}
