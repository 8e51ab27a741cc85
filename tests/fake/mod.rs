//! A connector that behaves as its settings say: what tests need systems for that nobody can start.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use muster_connectors::record::{
    Account, Employment, EmploymentStatus, IdKind, Person, Raw, Record, RecordKind, WorkerType,
};
use muster_connectors::scope::{Gap, Probe, SourceFile};
use muster_connectors::secret::{CredentialSource, Environment};
use muster_connectors::sink::Sink;
use muster_connectors::{Connector, ConnectorError, Manual, Run, Settings, SettingsError};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) const FAKE: &Manual = &Manual {
    name: "fake",
    summary: "does as it is told",
    reads: "nothing",
    collected: "nowhere",
    not_read: &[],
    needs: "nothing",
    permissions: "none",
    proven_on: "itself",
    configure,
    schema: || schemars::schema_for!(Fake),
};

/// Settings of the fake connector.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fake {
    /// Scopes to report.
    #[serde(default = "one_scope")]
    scopes: Vec<String>,
    /// Accounts in each scope.
    #[serde(default)]
    accounts: u32,
    /// Groups in each scope; promised always.
    #[serde(default)]
    groups: u32,
    /// Persons in each scope; makes it an HR system.
    #[serde(default)]
    persons: u32,
    /// Persons that HR ended at the instant `ended`.
    #[serde(default)]
    leavers: u32,
    /// See `leavers`.
    #[serde(default)]
    ended: Option<String>,
    /// Header fingerprint of its file.
    #[serde(default)]
    header: Option<String>,
    /// Instant of its file.
    #[serde(default)]
    collected: Option<String>,
    /// What to do after the accounts.
    #[serde(default)]
    then: Then,
    /// Where the secret is.
    #[serde(default)]
    credential: Option<CredentialSource>,
    #[serde(skip)]
    #[schemars(skip)]
    environment: Arc<Environment>,
}

fn one_scope() -> Vec<String> {
    vec!["all".to_owned()]
}

#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Then {
    #[default]
    Finish,
    /// A gap in the last scope.
    Gap,
    /// An error of the whole system in the middle of the last scope.
    Fail,
    Panic,
    /// Stops only when it is told to.
    Hang,
    /// Does not stop even then.
    Deaf,
    Silent,
}

fn configure(settings: Settings<'_>) -> Result<Box<dyn Connector>, SettingsError> {
    let environment = Arc::clone(&settings.environment);
    let fake: Fake = settings.parse()?;
    if fake.leavers > fake.persons {
        return Err(SettingsError::new("more leavers than persons").fix("raise `persons`"));
    }
    Ok(Box::new(Fake { environment, ..fake }))
}

#[async_trait]
impl Connector for Fake {
    fn kinds(&self) -> Vec<RecordKind> {
        if self.persons > 0 {
            vec![RecordKind::Person, RecordKind::Employment]
        } else {
            vec![RecordKind::Account, RecordKind::Group]
        }
    }

    async fn collect(&self, run: &Run, sink: &Sink) -> Result<(), ConnectorError> {
        if let Some(credential) = &self.credential {
            credential.fetch(&self.environment, std::path::Path::new(".")).await?;
        }
        if matches!(self.then, Then::Silent) {
            return Ok(());
        }
        for (index, name) in self.scopes.iter().enumerate() {
            let mut scope = sink.scope(name.as_str(), &self.kinds());
            if self.header.is_some() || self.collected.is_some() {
                scope.file(SourceFile {
                    path: "people.csv".into(),
                    header: self.header.clone(),
                    collected: self.collected.as_ref().map(|instant| instant.parse().unwrap()),
                    ..SourceFile::default()
                });
            }
            for number in 0..self.accounts {
                scope.push(account(&format!("{name}-{number}"))).await?;
            }
            for number in 0..self.groups {
                scope.push(group(&format!("g{number}"))).await?;
            }
            for number in 0..self.persons {
                let id = format!("p{number}");
                let ended = (number < self.leavers).then(|| self.ended.as_ref().unwrap().parse().unwrap());
                scope.push(Record::Person(Box::new(Person { id: id.clone(), ..Person::default() }))).await?;
                scope.push(employment(id, ended)).await?;
            }
            if index + 1 < self.scopes.len() {
                scope.finish().await?;
                continue;
            }
            match self.then {
                Then::Finish | Then::Silent => scope.finish().await?,
                Then::Gap => {
                    scope.gap(
                        RecordKind::Account,
                        Gap::new("COL020", "3 of 8 pages were refused\u{1b}[2J").fix("grant it"),
                    );
                    scope.finish().await?;
                }
                Then::Fail => {
                    let gap = Gap::new("COL001", "the server hung up").cause("connection reset").fix("look at its log");
                    return Err(ConnectorError::Failed(gap));
                }
                Then::Panic => panic!("index out of bounds"),
                Then::Hang => {
                    run.cancel.cancelled().await;
                    return Err(ConnectorError::Stopped);
                }
                Then::Deaf => std::thread::sleep(Duration::from_mins(1)),
            }
        }
        Ok(())
    }

    async fn probe(&self, _run: &Run) -> Result<Vec<Probe>, ConnectorError> {
        Ok(Vec::new())
    }
}

fn group(id: &str) -> Record {
    Record::Group(Box::new(serde_json::from_value(serde_json::json!({ "id": id })).unwrap()))
}

fn account(id: &str) -> Record {
    let account = Account::new(id, IdKind::Immutable);
    Record::Account(Box::new(Account { login: Some(format!("Login-{id}")), ..account }))
}

fn employment(person: String, ended: Option<Timestamp>) -> Record {
    Record::Employment(Box::new(Employment {
        id: person.clone(),
        person,
        employee_id: None,
        status: if ended.is_some() { EmploymentStatus::Terminated } else { EmploymentStatus::Active },
        worker_type: WorkerType::Employee,
        start: None,
        end: None,
        manager: None,
        department: None,
        title: None,
        location: None,
        cost_centre: None,
        time_zone: None,
        effective: None,
        effective_day: None,
        recorded: ended,
        sequence: None,
        raw: Raw::None,
    }))
}
