//! `muster connectors record`: real exchanges as a fixture, with everything secret or personal in [disguise](super::disguise).
//!
//! Every reply is reduced to the keys that the manifest names before it is disguised, requests keep no header at all, and what
//! fetches a token is kept as its address alone. The key of the disguise is random and never written.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use http::header::{LINK, RETRY_AFTER};
use serde_json::Value as Json;
use url::Url;

use super::bundle::{self, Envelope};
use super::connector::ManifestConnector;
use super::disguise::Disguise;
use super::exchange::{Exchange, told};
use super::fixture::Scene;
use super::wire::{Incoming, Outgoing, Purpose, Taken};
use crate::manifest::Manifest;
use crate::scope::Gap;
use crate::sink::{Unwatched, channel};
use crate::{Connector as _, ConnectorError, Run, Settings, SettingsError};

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The system could not be read.
    #[error("the system could not be read")]
    Connector(#[from] ConnectorError),
    /// The machine has no randomness.
    #[error("this machine gives no random numbers; nothing was recorded")]
    Random,
    /// The folder cannot be written.
    #[error("cannot write `{file}`")]
    Write {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
}

/// Reads a system once and keeps the exchanges in disguise.
///
/// # Errors
/// [`RecordError`] when the settings cannot be used or the system as a whole cannot be read.
pub async fn record(manifest: Arc<Manifest>, settings: Settings<'_>, run: &Run) -> Result<Scene, RecordError> {
    let connector = ManifestConnector::configure(Arc::clone(&manifest), settings)?;
    let session = connector.open(run, false).await?; // says what is wrong with settings and secrets
    drop(session);
    let (config, secrets) = connector.given().await?;
    let setup = |what: String| {
        ConnectorError::Failed(
            Gap::new("COL039", what).cause("the connection cannot be set up").fix("check the settings"),
        )
    };
    let names = connector.names(run);
    let base =
        manifest.document().http.base.text(&names).map_err(|error| setup(error.to_string()))?.unwrap_or_default();
    let base: Url = base.parse().map_err(|error: url::ParseError| setup(error.to_string()))?;
    let taken = Taken::default();
    let connector = connector.recording(Arc::clone(&taken));
    let (sink, mut drain) = channel(Arc::new(Unwatched), || jiff::Timestamp::UNIX_EPOCH);
    let collecting = async move { connector.collect(run, &sink).await };
    let draining = async { while drain.next().await.is_some() {} };
    let (outcome, ()) = futures::join!(collecting, draining);
    outcome?;
    let taken = std::mem::take(&mut *taken.lock().unwrap_or_else(PoisonError::into_inner));
    let envelope = manifest.envelope(&names).map_err(|trouble| setup(trouble.gap("the bundle").what))?;
    let mut key = [0; 32];
    aws_lc_rs::rand::fill(&mut key).map_err(|_nothing_to_tell| RecordError::Random)?;
    let disguise = Disguise::new(key, [manifest.text()], secrets.iter().map(String::as_str));
    Ok(scene(&disguise, &manifest, &base, run, config, &apart(envelope.as_ref(), taken)))
}

/// What passed, with every bundle taken apart into the calls that it carried. A bundle that failed leaves nothing: what it carried
/// was asked again.
fn apart(envelope: Option<&Envelope>, taken: Vec<(Outgoing, Incoming)>) -> Vec<(Outgoing, Incoming)> {
    let one = |(request, incoming): (Outgoing, Incoming)| match envelope {
        Some(envelope) if request.purpose == Purpose::Bundle => bundle::apart(envelope, &request, &incoming),
        _ => vec![(request, incoming)],
    };
    taken.into_iter().flat_map(one).collect()
}

/// The exchanges in disguise.
fn scene(
    disguise: &Disguise,
    manifest: &Manifest,
    base: &Url,
    run: &Run,
    config: BTreeMap<String, Json>,
    taken: &[(Outgoing, Incoming)],
) -> Scene {
    let headers = kept_headers(manifest);
    let mut exchanges: Vec<Exchange> = Vec::new();
    for (request, incoming) in taken {
        let exchange = one(disguise, base, &headers, request, incoming);
        // A token may be fetched more or less often when it is played.
        if request.purpose != Purpose::Auth || !exchanges.contains(&exchange) {
            exchanges.push(exchange);
        }
    }
    let config = config.iter().map(|(name, value)| (name.clone(), disguise.whole(value))).collect();
    Scene { now: run.now, config, secrets: BTreeMap::new(), auth: None, exchanges }
}

/// Headers of replies that the manifest reads.
fn kept_headers(manifest: &Manifest) -> Vec<String> {
    let limits = &manifest.document().limits;
    let named = [limits.remaining.clone(), limits.units.clone(), limits.retry_after.clone()];
    let mut headers: Vec<String> = named.into_iter().flatten().collect();
    headers.extend(limits.reset.as_ref().map(|reset| reset.header.clone()));
    headers.extend(manifest.document().access.as_ref().and_then(|access| access.scopes_header.clone()));
    // `header('after-cursor')`, wherever it stands.
    let quoted = manifest.text().split("header('").skip(1).filter_map(|rest| rest.split('\'').next());
    headers.extend(quoted.map(str::to_owned));
    headers.extend([LINK.to_string(), RETRY_AFTER.to_string()]);
    for name in &mut headers {
        name.make_ascii_lowercase();
    }
    headers.sort();
    headers.dedup();
    headers
}

fn one(disguise: &Disguise, base: &Url, headers: &[String], request: &Outgoing, incoming: &Incoming) -> Exchange {
    let is_auth = request.purpose == Purpose::Auth;
    let mut shown = request.clone();
    let mut url = request.url.clone();
    // Credentials in the query are left out with their names: a replay signs in anew and adds them itself as `*`.
    let secret: Vec<String> =
        request.secret.iter().filter(|name| url.query_pairs().any(|(key, _)| key == name.as_str())).cloned().collect();
    let pairs: Vec<(String, String)> =
        url.query_pairs().into_owned().filter(|(name, _)| !secret.contains(name)).collect();
    url.set_query(None);
    if !pairs.is_empty() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
    shown.url = disguise.url(&url);
    for name in &secret {
        shown.url.query_pairs_mut().append_pair(name, "*");
    }
    let json = |bytes: &[u8]| serde_json::from_slice::<Json>(bytes).ok();
    let body = json(&request.body).filter(|_| !is_auth).map(|body| disguise.whole(&body));
    let reply = match json(&incoming.body) {
        Some(json) if is_auth => disguise.whole(&json), // what OAuth reads is in no manifest
        Some(json) => disguise.value(&json),
        None if incoming.body.is_empty() => Json::Null,
        None => Json::String(disguise.text(&String::from_utf8_lossy(&incoming.body))),
    };
    let mut reply_headers = BTreeMap::new();
    for name in headers {
        let values: Vec<&str> = incoming.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        if !values.is_empty() {
            let value = values.join(", ");
            let value = if name == LINK.as_str() { links(disguise, &value) } else { disguise.text(&value) };
            reply_headers.insert(name.clone(), value);
        }
    }
    Exchange {
        request: told(&disguise.url(base), &shown),
        headers: BTreeMap::new(),
        body,
        form: None,
        status: incoming.status.as_u16(),
        reply_headers,
        reply,
        repeat: is_auth,
    }
}

/// A `Link` header whose targets are in disguise; relations and other parameters stay.
fn links(disguise: &Disguise, value: &str) -> String {
    let mut disguised = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('<') {
        disguised.push_str(before);
        let Some((target, after)) = after.split_once('>') else {
            rest = "";
            break;
        };
        disguised.push('<');
        disguised.push_str(&disguise.text(target));
        disguised.push('>');
        rest = after;
    }
    disguised.push_str(rest);
    disguised
}

/// Writes the scene into a folder, ready to be tested.
///
/// # Errors
/// [`RecordError::Write`] when a file cannot be written.
pub fn write(scene: &Scene, folder: &Path) -> Result<(), RecordError> {
    put(folder, "exchanges.json", &serde_json::to_value(scene).unwrap_or_default())
}

/// Writes one JSON file into a folder that is made where it is missing.
///
/// # Errors
/// [`RecordError::Write`] when it cannot be written.
pub fn put(folder: &Path, name: &str, json: &Json) -> Result<(), RecordError> {
    let file = folder.join(name);
    let failed = |source| RecordError::Write { file: file.display().to_string(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    std::fs::write(&file, format!("{json:#}\n")).map_err(failed)
}
