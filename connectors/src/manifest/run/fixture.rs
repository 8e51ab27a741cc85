//! `muster connectors test`: a manifest against a folder of exchanges, strictly, and nothing else.
//!
//! | file | holds |
//! | --- | --- |
//! | `exchanges.json` | the clock, `config`, secrets (invented ones), and the [exchanges](super::exchange) |
//! | `expected.json` | scope states, identity, tenant and records that must come out |
//! | `actions.json` | changes: what they are done to, their exchanges, their outcome, calls and way back |
//!
//! The clock is virtual: pauses cost no time, and the same folder gives the same answer on every machine.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::action::{Outcome, Rendered, carry_out};
use super::clock::VirtualClock;
use super::connector::{Given, ManifestConnector};
use super::exchange::{Exchange, Replay};
use super::keys;
use super::wire::Wire;
use crate::manifest::Manifest;
use crate::manifest::value::from_json;
use crate::record::Record;
use crate::scope::{ScopeReport, ScopeState};
use crate::secret::{CredentialSource, Environment};
use crate::sink::{Unwatched, channel};
use crate::{Connector as _, ConnectorError, Run};

/// `exchanges.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// The clock of the run.
    pub now: Timestamp,
    /// Values of the manifest's `[config]`.
    #[serde(default)]
    pub config: BTreeMap<String, Json>,
    /// Invented secrets. Those that are left out are made up; keys of assertions are generated.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
    /// The way to sign in; the manifest's first when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<String>,
    /// What is asked and answered.
    pub exchanges: Vec<Exchange>,
}

/// One change of `actions.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Name of the action.
    action: String,
    /// What its expressions name: `account`, `group`, `edge`, `context` …
    #[serde(default)]
    given: BTreeMap<String, Json>,
    #[serde(default)]
    exchanges: Vec<Exchange>,
    expected: Expected,
}

/// What a change must come to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    outcome: Outcome,
    /// Every request, in order.
    #[serde(default)]
    calls: Option<Vec<String>>,
    #[serde(default)]
    undo: Option<Rendered>,
}

/// What came of a test.
#[derive(Debug, Clone, PartialEq)]
pub struct Tested {
    /// Records that came out.
    pub records: usize,
    /// Exchanges of the folder.
    pub exchanges: usize,
    /// Changes that were tried.
    pub actions: usize,
    /// Every difference, a line each; empty when the manifest does what the folder says.
    pub differences: Vec<String>,
    /// What came out, in the shape of `expected.json`.
    pub found: Json,
}

/// A folder of exchanges that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixtureError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for FixtureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.what)
    }
}

impl std::error::Error for FixtureError {}

/// Runs `manifest` against `folder`.
///
/// # Errors
/// [`FixtureError`] when a file of the folder is missing or cannot be read. `expected.json` and `actions.json` may be missing:
/// without the first, everything that comes out is a difference.
pub async fn test(manifest: Arc<Manifest>, folder: &Path) -> Result<Tested, FixtureError> {
    let file = folder.join("exchanges.json");
    let scene: Scene =
        read(&file)?.ok_or_else(|| FixtureError { file: file.clone(), what: "there is no such file".into() })?;
    let expected: Json = read(&folder.join("expected.json"))?.unwrap_or(Json::Null);
    let cases: Vec<Case> = read(&folder.join("actions.json"))?.unwrap_or_default();
    let wrong = |what: String| FixtureError { file: file.clone(), what };
    let mut differences = Vec::new();
    let (found, records) = collect(&manifest, &scene, &mut differences).await.map_err(wrong)?;
    compare(&expected, &found, &mut differences);
    for case in &cases {
        let told = perform(&manifest, &scene, case).await;
        differences.extend(told.into_iter().map(|line| format!("action {}: {line}", case.action)));
    }
    Ok(Tested { records, exchanges: scene.exchanges.len(), actions: cases.len(), differences, found })
}

fn read<T: serde::de::DeserializeOwned>(file: &Path) -> Result<Option<T>, FixtureError> {
    let wrong = |what: String| FixtureError { file: file.to_owned(), what };
    match std::fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| wrong(error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// The connector of a scene, on a replay of `exchanges`.
fn staged(
    manifest: &Arc<Manifest>,
    scene: &Scene,
    exchanges: &[Exchange],
) -> Result<(ManifestConnector, Arc<Replay>, Url), String> {
    let names = manifest.scope(&scene.config, scene.now);
    let base = manifest.document().http.base.text(&names).map_err(|error| error.to_string())?.unwrap_or_default();
    let base: Url = base.parse().map_err(|error| format!("the manifest's base `{base}` is no URL: {error}"))?;
    let envelope = manifest.envelope(&names).map_err(|trouble| trouble.gap("the bundle").what)?;
    let replay = Arc::new(Replay::new(&base, exchanges)?.apart(envelope));
    let mut environment = Environment::new();
    let mut secrets = BTreeMap::new();
    for name in manifest.document().secrets.names() {
        let value = match scene.secrets.get(name) {
            Some(given) => given.clone(),
            None => keys::invented(manifest, name, None)?,
        };
        environment.insert(name.to_owned(), value);
        secrets.insert(name.to_owned(), CredentialSource::Env(name.to_owned()));
    }
    let given = Given {
        config: scene.config.clone(),
        secrets,
        way: scene.auth.clone(),
        environment: Arc::new(environment),
        ..Given::default()
    };
    let clock = Arc::new(VirtualClock::new(scene.now, 1));
    let wire: Arc<dyn Wire> = Arc::<Replay>::clone(&replay);
    let connector = ManifestConnector::over(Arc::clone(manifest), given, clock, wire);
    Ok((connector, replay, base))
}

fn run_at(now: Timestamp) -> Run {
    Run { now, cancel: CancellationToken::new(), concurrency: 1, memory: None }
}

/// Collects, and returns what came out in the shape of `expected.json`.
async fn collect(
    manifest: &Arc<Manifest>,
    scene: &Scene,
    differences: &mut Vec<String>,
) -> Result<(Json, usize), String> {
    let (connector, replay, _) = staged(manifest, scene, &scene.exchanges)?;
    let (sink, mut drain) = channel(Arc::new(Unwatched), || Timestamp::UNIX_EPOCH);
    let run = run_at(scene.now);
    let collecting = async move { connector.collect(&run, &sink).await };
    let mut records = Vec::new();
    let draining = async {
        while let Some(batch) = drain.next().await {
            records.extend(batch.records);
        }
    };
    let (outcome, ()) = futures::join!(collecting, draining);
    match outcome {
        Ok(()) => {}
        Err(ConnectorError::Failed(gap)) => {
            differences.push(format!("the system could not be read: {} ({})", gap.what, gap.cause.unwrap_or_default()));
        }
        Err(error) => differences.push(format!("the system could not be read: {error}")),
    }
    differences.extend(replay.unexpected().into_iter().map(|asked| format!("unexpected request {asked}")));
    differences.extend(replay.unused().into_iter().map(|request| format!("never asked for: {request}")));
    let reports = drain.into_reports();
    let count = records.len();
    Ok((found(&reports, &records), count))
}

/// Reports and records in the shape of `expected.json`.
fn found(reports: &[ScopeReport], records: &[Record]) -> Json {
    let mut scopes = Map::new();
    for report in reports {
        let mut kinds = Map::new();
        for (kind, told) in &report.kinds {
            let state = match told.state {
                ScopeState::Complete => "complete",
                ScopeState::Partial => "partial",
                ScopeState::Failed => "failed",
            };
            let mut codes: Vec<&str> = told.gaps.iter().map(|gap| gap.code.as_str()).collect();
            codes.dedup();
            let mut entry = json!({ "state": state, "records": told.records });
            if !codes.is_empty() {
                entry["gaps"] = json!(codes);
            }
            if !told.withheld.is_empty() {
                entry["withheld"] = json!(told.withheld.keys().collect::<Vec<_>>());
            }
            kinds.insert(kind.as_str().to_owned(), entry);
        }
        scopes.insert(report.scope.clone(), Json::Object(kinds));
    }
    let mut records: Vec<Json> = records.iter().map(plain).collect();
    records.sort_by_cached_key(|record| (key(record), record.to_string()));
    let mut found = json!({ "scopes": scopes, "records": records });
    for (name, value) in [
        ("identity", reports.iter().find_map(|report| report.identity.clone())),
        ("tenant", reports.iter().find_map(|report| report.tenant.clone())),
    ] {
        if let Some(value) = value {
            found[name] = value.into();
        }
    }
    found
}

/// A record without its raw object and without fields that say nothing.
fn plain(record: &Record) -> Json {
    let mut json = serde_json::to_value(record).unwrap_or(Json::Null);
    if let Some(object) = json.as_object_mut() {
        object.remove("raw");
        object.retain(|_, value| !says_nothing(value));
    }
    json
}

fn says_nothing(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Array(values) => values.is_empty(),
        Json::Object(fields) => {
            fields.is_empty() || (fields.len() == 1 && fields.get("state") == Some(&json!("unsupported")))
        }
        Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    }
}

/// What a record goes by: its kind and id, or the ends of an edge.
fn key(record: &Json) -> String {
    let field = |name: &str| record.get(name).and_then(Json::as_str).unwrap_or_default();
    let kind = field("record");
    match kind {
        "membership" => format!("membership of {} in {}", field("member"), field("group")),
        "grant" => format!("grant of {} to {} on {}", field("entitlement"), field("principal"), field("resource")),
        _ => format!("{kind} {}", field("id")),
    }
}

/// Differences between what was expected and what came out, a line each.
fn compare(expected: &Json, found: &Json, differences: &mut Vec<String>) {
    for name in ["identity", "tenant"] {
        if expected.get(name) != found.get(name) && !expected.is_null() {
            let (a, b) = (shown(found.get(name)), shown(expected.get(name)));
            differences.push(format!("{name} is {a}, expected {b}"));
        }
    }
    let none = Map::new();
    let scopes = |json: &Json| json.get("scopes").and_then(Json::as_object).unwrap_or(&none).clone();
    let (wanted, got) = (scopes(expected), scopes(found));
    let flat = |scopes: &Map<String, Json>| -> BTreeMap<String, Json> {
        let kinds = scopes.iter().flat_map(|(scope, kinds)| {
            kinds
                .as_object()
                .into_iter()
                .flatten()
                .map(move |(kind, told)| (format!("scope {scope}, {kind}"), told.clone()))
        });
        kinds.collect()
    };
    let (wanted, got) = (flat(&wanted), flat(&got));
    for name in wanted.keys().chain(got.keys().filter(|name| !wanted.contains_key(*name))) {
        match (wanted.get(name), got.get(name)) {
            (Some(a), Some(b)) => fields_differ(name, a, b, differences),
            (Some(_), None) => differences.push(format!("{name} did not come out")),
            (None, b) => differences.push(format!("{name} was not expected: {}", shown(b))),
        }
    }
    let records = |json: &Json| {
        let mut by_key: BTreeMap<String, Vec<Json>> = BTreeMap::new();
        for record in json.get("records").and_then(Json::as_array).into_iter().flatten() {
            by_key.entry(key(record)).or_default().push(record.clone());
        }
        by_key
    };
    let (wanted, got) = (records(expected), records(found));
    for name in wanted.keys().chain(got.keys().filter(|name| !wanted.contains_key(*name))) {
        let (a, b) = (wanted.get(name).map_or(&[][..], Vec::as_slice), got.get(name).map_or(&[][..], Vec::as_slice));
        for (a, b) in a.iter().zip(b) {
            fields_differ(name, a, b, differences);
        }
        differences.extend(a.iter().skip(b.len()).map(|_| format!("{name} did not come out")));
        differences.extend(b.iter().skip(a.len()).map(|extra| format!("{name} was not expected: {extra}")));
    }
}

fn fields_differ(name: &str, expected: &Json, found: &Json, differences: &mut Vec<String>) {
    let none = Map::new();
    let (a, b) = (expected.as_object().unwrap_or(&none), found.as_object().unwrap_or(&none));
    for field in a.keys().chain(b.keys().filter(|field| !a.contains_key(*field))) {
        if a.get(field) != b.get(field) {
            differences.push(format!("{name}: `{field}` is {}, expected {}", shown(b.get(field)), shown(a.get(field))));
        }
    }
}

fn shown(value: Option<&Json>) -> String {
    value.map_or_else(|| "nothing".to_owned(), Json::to_string)
}

/// Carries out a change and tells how it differs.
async fn perform(manifest: &Arc<Manifest>, scene: &Scene, case: &Case) -> Vec<String> {
    let Some(action) = manifest.document().action.get(&case.action) else {
        let known = manifest.document().action.names().collect::<Vec<_>>().join(", ");
        return vec![format!("the manifest has no such action; it has {known}")];
    };
    let (connector, replay, base) = match staged(manifest, scene, &case.exchanges) {
        Ok(staged) => staged,
        Err(what) => return vec![what],
    };
    let run = run_at(scene.now);
    let session = match connector.open(&run, true).await {
        Ok(session) => session,
        Err(error) => return vec![error.to_string()],
    };
    let given = case.given.iter().map(|(name, value)| (Arc::from(name.as_str()), from_json(value))).collect();
    let names = connector.names(&run).with_all(given);
    let mut told = Vec::new();
    match carry_out(action, &session, &base, &names).await {
        Err(trouble) => {
            let gap = trouble.gap(&case.action);
            told.push(format!("{} ({})", gap.what, gap.cause.unwrap_or_default()));
        }
        Ok(carried) => {
            if carried.outcome != case.expected.outcome {
                let why = carried.why.map(|why| format!(" ({why})")).unwrap_or_default();
                told.push(format!("outcome is {:?}{why}, expected {:?}", carried.outcome, case.expected.outcome));
            }
            if let Some(undo) = &case.expected.undo
                && carried.undo.as_ref() != Some(undo)
            {
                let found = carried.undo.map(|undo| serde_json::to_value(undo).unwrap_or_default());
                let expected = serde_json::to_value(undo).ok();
                told.push(format!("the way back is {}, expected {}", shown(found.as_ref()), shown(expected.as_ref())));
            }
        }
    }
    if let Some(calls) = &case.expected.calls {
        let asked = replay.asked();
        if asked != *calls {
            told.push(format!("calls are {asked:?}, expected {calls:?}"));
        }
    }
    told.extend(replay.unexpected().into_iter().map(|asked| format!("unexpected request {asked}")));
    told.extend(replay.unused().into_iter().map(|request| format!("never asked for: {request}")));
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_the_record_and_the_field() {
        let scope = |state: &str| json!({"users": {"accounts": {"state": state, "records": 1}}});
        let expected = json!({"scopes": scope("complete"), "records": [
            {"record": "account", "id": "1", "login": "a"}, {"record": "account", "id": "2"},
            {"record": "membership", "member": "1", "group": "g"}]});
        let found = json!({"scopes": scope("partial"), "records": [
            {"record": "account", "id": "1", "login": "b", "title": "x"}, {"record": "account", "id": "3"},
            {"record": "membership", "member": "1", "group": "g"}]});
        let mut lines = Vec::new();
        compare(&expected, &found, &mut lines);
        assert_eq!(
            lines,
            [
                r#"scope users, accounts: `state` is "partial", expected "complete""#,
                r#"account 1: `login` is "b", expected "a""#,
                r#"account 1: `title` is "x", expected nothing"#,
                "account 2 did not come out",
                r#"account 3 was not expected: {"id":"3","record":"account"}"#,
            ]
        );
        let mut same = Vec::new();
        compare(&found, &found, &mut same);
        assert!(same.is_empty());
    }
}
