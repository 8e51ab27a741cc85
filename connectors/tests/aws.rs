//! The `aws` connector: against moto (an organisation of six accounts), against a scripted server for what moto lacks, and
//! from files.

#![expect(clippy::unwrap_used, reason = "what helpers of tests cannot do fails the test")]

mod collected;
/// The tests, by what the connector reads from.
mod aws {
    mod files;
    mod organisation;
    pub(crate) mod permissions;
    mod scripted;
    pub(crate) mod workloads;
}

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use collected::drained;
use muster_connectors::record::{Account, Credential, Policy, Record, RecordKind};
use muster_connectors::scope::{KindReport, ScopeReport};
use muster_connectors::secret::Environment;
use muster_connectors::sink::{Batch, Unwatched};
use muster_connectors::{Connector, ConnectorError, Run, Settings, SettingsError, find};
use tokio_util::sync::CancellationToken;

struct Collected {
    records: BTreeMap<String, Vec<Record>>,
    reports: BTreeMap<String, ScopeReport>,
}

impl Collected {
    fn report(&self, scope: &str) -> &ScopeReport {
        self.reports.get(scope).unwrap_or_else(|| panic!("no scope `{scope}` among {:?}", self.reports.keys()))
    }

    fn kind(&self, scope: &str, kind: RecordKind) -> &KindReport {
        &self.report(scope).kinds[&kind]
    }

    fn of(&self, scope: &str) -> &[Record] {
        self.records.get(scope).map_or(&[], Vec::as_slice)
    }

    fn accounts(&self, scope: &str) -> BTreeMap<String, &Account> {
        let accounts = self.of(scope).iter().filter_map(|record| match record {
            Record::Account(account) => Some((account.login.clone().unwrap(), account.as_ref())),
            _ => None,
        });
        accounts.collect()
    }

    fn credentials(&self, scope: &str) -> BTreeMap<&str, &Credential> {
        let credentials = self.of(scope).iter().filter_map(|record| match record {
            Record::Credential(credential) => Some((credential.id.as_str(), credential.as_ref())),
            _ => None,
        });
        credentials.collect()
    }

    fn policies(&self, scope: &str) -> BTreeMap<&str, &Policy> {
        let policies = self.of(scope).iter().filter_map(|record| match record {
            Record::Policy(policy) => Some((policy.id.as_str(), policy.as_ref())),
            _ => None,
        });
        policies.collect()
    }

    /// Every gap of every scope, for messages.
    fn gaps(&self) -> Vec<String> {
        let gaps = self.reports.values().flat_map(|report| {
            report.kinds.iter().flat_map(move |(kind, state)| {
                state.gaps.iter().map(move |gap| format!("{} {kind}: {} ({:?})", report.scope, gap.what, gap.cause))
            })
        });
        gaps.collect()
    }
}

fn configured(settings: &str, folder: &Path) -> Result<Box<dyn Connector>, SettingsError> {
    let table = toml::de::ValueDeserializer::parse(settings).unwrap();
    let environment = Environment::from([("AWS_TEST_SECRET".to_owned(), "secret".to_owned())]);
    (find("aws").unwrap().configure)(Settings {
        system: "aws",
        table,
        folder: folder.to_owned(),
        environment: Arc::new(environment),
    })
}

fn run() -> Run {
    Run { now: "2026-11-20T06:00:00Z".parse().unwrap(), cancel: CancellationToken::new(), concurrency: 8, memory: None }
}

async fn collected_with(connector: Box<dyn Connector>, run: &Run) -> (Collected, Result<(), ConnectorError>) {
    let mut records: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    let take = |batch: Batch| records.entry(batch.scope.to_string()).or_default().extend(batch.records);
    let (result, reports) = drained(&*connector, run, Arc::new(Unwatched), take).await;
    let reports = reports.into_iter().map(|report| (report.scope.clone(), report)).collect();
    (Collected { records, reports }, result)
}

async fn collect(settings: &str, folder: &Path) -> Collected {
    let (collected, result) = collected_with(configured(settings, folder).unwrap(), &run()).await;
    result.unwrap();
    collected
}

#[test]
fn settings_that_cannot_mean_anything_are_refused_with_a_fix() {
    for (settings, word) in [
        ("{ accounts = \"everything\" }", "organization"),
        ("{ accounts = [\"123\"] }", "twelve digits"),
        ("{ external_id = \"x\" }", "role"),
        ("{ role = \"arn:aws:iam::111122223333:role/x\" }", "name"),
        ("{ access_key_id = \"x\" }", "credential"),
        ("{ folder = \"x\", role = \"y\" }", "`role`"),
        ("{ folder = \"x\", file = \"y\" }", "both"),
        ("{ collected = \"2026-01-01T00:00:00Z\" }", "folder"),
        ("{ endpoint = \"nowhere\" }", "URL"),
        ("{ regions = [] }", "region"),
        ("{ polices = 1 }", "resource_policies"),
    ] {
        let error = configured(settings, Path::new(".")).unwrap_err();
        let said = format!("{} {}", error.message, error.fix.clone().unwrap_or_default());
        assert!(said.contains(word), "{settings}: {said}");
    }
    assert!(configured("{}", Path::new(".")).is_ok());
    let schema = serde_json::to_value((find("aws").unwrap().schema)()).unwrap();
    jsonschema::validator_for(&schema).unwrap();
    assert!(jsonschema::is_valid(&schema, &serde_json::json!({"accounts": "organization", "role": "MusterAudit"})));
    assert!(jsonschema::is_valid(&schema, &serde_json::json!({"accounts": ["111122223333"]})));
    assert!(!jsonschema::is_valid(&schema, &serde_json::json!({"acounts": "self"})));
}
