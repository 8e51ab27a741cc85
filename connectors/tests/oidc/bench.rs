//! A manifest of a few lines, a provider, and what comes out.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::SignedDuration;
use muster_connectors::manifest::Manifest;
use muster_connectors::manifest::run::clock::VirtualClock;
use muster_connectors::record::{Record, RecordKind};
use muster_connectors::scope::{Gap, ScopeState};
use muster_connectors::secret::Environment;
use muster_testbeds::oidc::Oidc;
use serde_json::{Value, json};

use crate::collected::{Collected, collect, configured_in};
use crate::manifests::{CONFIG, HEAD, HTTP, USERS, by_clock, parsed};

/// Provider and engine begin at this instant.
pub(crate) const NOW: &str = "2026-11-20T10:00:00Z";
/// A secret with everything in it that RFC 6749, section 2.3.1 wants encoded.
pub(crate) const SECRET: &str = "hunter22:/+ %&\"";

const SECRETS: &str = r#"
[secrets]
secret = { help = "a client secret", optional = true }
key = { help = "a private key", optional = true }
cert = { help = "a certificate", optional = true }
refresh = { help = "a refresh token", optional = true }
"#;

/// Five lists at `/l0` to `/l4`, which are read at once.
pub(crate) fn lists() -> String {
    (0..5).fold(String::new(), |mut text, n| {
        let list = format!("[stream.l{n}]\nget = \"/l{n}\"\nitems = \"users\"\n");
        let page = "page = { kind = \"cursor\", from = \"next\", into = \"query.cursor\" }\n";
        write!(text, "{list}{page}[[stream.l{n}.emit]]\nas = \"group\"\nid = \"'{n}-' + (id | str)\"\n").unwrap();
        text
    })
}

/// A provider with these clients and settings.
pub(crate) fn provider(clients: &Value, more: Value) -> Oidc {
    let mut settings = json!({"now": NOW, "clients": clients, "scopes": ["users.read", "admins.read"]});
    let Value::Object(more) = more else { panic!("settings are an object: {more}") };
    settings.as_object_mut().unwrap().extend(more);
    Oidc::start(&settings).unwrap_or_else(|error| panic!("{error}"))
}

/// A client with a secret and the grants of these names.
pub(crate) fn client(id: &str, method: &str, grants: &[&str]) -> Value {
    json!({
        "client_id": id, "client_secret": SECRET, "token_endpoint_auth_method": method, "grant_types": grants,
        "scope": "users.read",
    })
}

/// `[auth.a]` of kind oauth2 at this provider, with more lines.
pub(crate) fn oauth(provider: &Oidc, client: &str, lines: &str) -> String {
    let head =
        format!("[auth.a]\nkind = \"oauth2\"\ntoken_url = \"{}/token\"\nclient_id = \"{client}\"\n", provider.url());
    let grant = if lines.contains("grant =") { "" } else { "grant = \"client_credentials\"\n" };
    format!("{head}{grant}{lines}\n")
}

/// The lines of a client that shows its secret.
pub(crate) const BY_SECRET: &str = "client_secret = \"${secret.secret}\"\nscopes = [\"users.read\"]";

/// How a list is read.
pub(crate) struct Reading<'a> {
    pub(crate) auth: &'a str,
    pub(crate) secrets: &'a [(&'a str, &'a str)],
    pub(crate) streams: &'a str,
    /// Seconds by which the engine's clock is ahead of the provider's.
    pub(crate) ahead_s: i64,
    /// Authority of the provider's certificate.
    pub(crate) ca_pem: Option<&'a str>,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(auth: &'a str, secrets: &'a [(&'a str, &'a str)]) -> Self {
        Self { auth, secrets, streams: USERS, ahead_s: 0, ca_pem: None }
    }

    /// Reads with the manifest of a few lines.
    pub(crate) async fn run(&self, provider: &Oidc) -> Collected {
        let manifest = parsed(&format!("{HEAD}{CONFIG}{SECRETS}{HTTP}{}{}", self.auth, self.streams));
        self.with(provider.url(), &|| provider.issued().unwrap(), &manifest, "").await
    }

    /// Reads from `url` with this manifest and further settings, and asserts that neither a secret nor a token that was `issued`
    /// shows.
    pub(crate) async fn with(
        &self,
        url: &str,
        issued: &dyn Fn() -> Vec<String>,
        manifest: &Arc<Manifest>,
        settings: &str,
    ) -> Collected {
        // No two runs throw the same dice.
        static SEED: AtomicU64 = AtomicU64::new(1);
        let folder = tempfile::tempdir().unwrap();
        let now = NOW.parse::<jiff::Timestamp>().unwrap() + SignedDuration::from_secs(self.ahead_s);
        let clock = Arc::new(VirtualClock::new(now, SEED.fetch_add(1, Ordering::Relaxed) << 32));
        let variables = self.secrets.iter().map(|(name, value)| (name.to_uppercase(), (*value).to_owned()));
        let environment: Environment = variables.collect();
        let mut text = format!("{settings}{}", if settings.is_empty() { "" } else { ", " });
        write!(text, r#"base_url = "{url}", "#).unwrap();
        for (name, _) in self.secrets {
            write!(text, r#"{name} = {{ env = "{}" }}, "#, name.to_uppercase()).unwrap();
        }
        if let Some(pem) = self.ca_pem {
            std::fs::write(folder.path().join("ca.pem"), pem).unwrap();
            text.push_str(r#"ca_file = "ca.pem", "#);
        }
        let connector =
            configured_in(by_clock(manifest, clock), folder.path(), text.trim_end_matches(", "), environment).unwrap();
        let collected = collect(&*connector).await;
        collected.assert_honest();
        self.assert_nothing_shows(issued(), &collected);
        collected
    }

    fn assert_nothing_shows(&self, issued: Vec<String>, collected: &Collected) {
        let told =
            format!("{:?}{:?}{:?}{}", collected.reports, collected.notes, collected.result, collected.lines().join(""));
        let given = self.secrets.iter().map(|(_, secret)| (*secret).to_owned());
        for secret in given.chain(issued) {
            let line = secret.lines().nth(1).unwrap_or(&secret); // of a PEM, a line that is no other's
            assert!(!told.contains(line), "{line} shows: {told}");
        }
        assert!(!told.contains("eyJ"), "an assertion shows: {told}");
    }
}

/// Ids of the accounts, sorted.
pub(crate) fn ids(collected: &Collected) -> Vec<String> {
    let id = |record: &&Record| match record {
        Record::Account(account) => account.id.clone(),
        other => panic!("{other:?} is no account"),
    };
    let mut ids: Vec<String> = collected.of(RecordKind::Account).iter().map(id).collect();
    ids.sort();
    ids
}

/// All five users came out, and nothing is missing.
pub(crate) fn assert_whole(collected: &Collected, told: &str) {
    assert_eq!(collected.state("users"), ScopeState::Complete, "{told}: {:#?}", collected.reports);
    assert_eq!(ids(collected), ["0", "1", "2", "3", "4"], "{told}");
    collected.assert_complete();
}

/// Nothing came out, the list is told as failed, and the one gap has all these words in what, cause and fix.
pub(crate) fn assert_failed(collected: &Collected, words: &[&str]) -> Gap {
    assert_eq!((collected.state("users"), ids(collected)), (ScopeState::Failed, vec![]), "{:#?}", collected.reports);
    let gaps = collected.gaps("users");
    assert_eq!(gaps.len(), 1, "{gaps:#?}");
    let told = format!(
        "{} {} {} {}",
        gaps[0].code,
        gaps[0].what,
        gaps[0].cause.as_deref().unwrap(),
        gaps[0].fix.as_deref().unwrap()
    );
    for word in words {
        assert!(told.contains(word), "`{word}` is not said: {:#?}", gaps[0]);
    }
    gaps[0].clone()
}

/// The token requests so far.
pub(crate) fn token_requests(provider: &Oidc) -> Vec<Value> {
    provider.asked().unwrap().into_iter().filter(|asked| asked.get("grant").is_some()).collect()
}

/// Everything else that was asked so far.
pub(crate) fn calls(provider: &Oidc) -> Vec<Value> {
    provider.asked().unwrap().into_iter().filter(|asked| asked.get("grant").is_none()).collect()
}

/// The statuses of these requests, in order.
pub(crate) fn statuses(asked: &[Value]) -> Vec<i64> {
    asked.iter().map(|one| one["status"].as_i64().unwrap()).collect()
}

/// A private key and its public half in PEM.
pub(crate) fn keys(alg: &'static rcgen::SignatureAlgorithm) -> (String, String) {
    let pair = rcgen::KeyPair::generate_for(alg).unwrap();
    (pair.serialize_pem(), pair.public_key_pem())
}
