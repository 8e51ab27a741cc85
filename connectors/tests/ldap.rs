//! The `ldap` connector against slapd, Samba AD, a scripted server and LDIF files.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is how they report")]

mod collected;
/// The tests, by what the connector reads from.
mod ldap {
    mod active_directory;
    mod files;
    mod openldap;
    mod scripted;
}

use std::path::Path;
use std::sync::Arc;

use collected::drained;
use muster_connectors::record::{Account, Group, Membership, PrincipalKind, Record};
use muster_connectors::scope::{Gap, ScopeReport, ScopeState};
use muster_connectors::secret::Environment;
use muster_connectors::sink::{Batch, Progress, Unwatched};
use muster_connectors::{Connector, ConnectorError, Run, Settings};
use muster_testbeds::samba::{self};
use muster_testbeds::slapd::{self, SCANNER, SUFFIX};
use tokio_util::sync::CancellationToken;

/// What a collection yields, sorted.
#[derive(Debug, Default, PartialEq)]
struct Collected {
    accounts: Vec<Account>,
    groups: Vec<Group>,
    memberships: Vec<Membership>,
}

impl Collected {
    fn account(&self, login: &str) -> &Account {
        let found = self.accounts.iter().find(|account| account.login.as_deref() == Some(login));
        let known = || self.accounts.iter().map(|account| &account.login).collect::<Vec<_>>();
        found.unwrap_or_else(|| panic!("no account {login} among {:?}", known()))
    }

    fn group(&self, name: &str) -> &Group {
        let found = self.groups.iter().find(|group| group.name.as_deref() == Some(name));
        found.unwrap_or_else(|| panic!("no group {name}"))
    }

    fn members(&self, group: &str) -> Vec<&Membership> {
        let id = &self.group(group).id;
        self.memberships.iter().filter(|membership| membership.group == *id).collect()
    }

    /// Whether `member` is in `group`, and how.
    fn has(&self, group: &str, member: &str, kind: PrincipalKind, via: Option<&str>) -> bool {
        self.members(group).iter().any(|m| m.member == member && m.member_kind == kind && m.via.as_deref() == via)
    }
}

fn connector(toml: &str, folder: &Path) -> Box<dyn Connector> {
    let manual = muster_connectors::find("ldap").unwrap();
    let environment =
        [("SCANNER_PASSWORD", slapd::PASSWORD), ("DOMAIN_PASSWORD", samba::PASSWORD), ("WRONG_PASSWORD", "wrong")];
    (manual.configure)(Settings {
        system: "corp",
        table: toml::de::ValueDeserializer::parse(toml).unwrap(),
        folder: folder.to_owned(),
        environment: Arc::new(Environment::from(environment.map(|(name, value)| (name.to_owned(), value.to_owned())))),
    })
    .unwrap()
}

fn run() -> Run {
    Run { now: "2026-06-01T00:00:00Z".parse().unwrap(), cancel: CancellationToken::new(), concurrency: 4, memory: None }
}

async fn collect_with(
    connector: &dyn Connector,
    run: &Run,
) -> (Result<(), ConnectorError>, Collected, Vec<ScopeReport>) {
    collect_watched(connector, run, Arc::new(Unwatched)).await
}

async fn collect_watched(
    connector: &dyn Connector,
    run: &Run,
    progress: Arc<dyn Progress>,
) -> (Result<(), ConnectorError>, Collected, Vec<ScopeReport>) {
    let mut collected = Collected::default();
    let take = |batch: Batch| {
        for record in batch.records {
            match record {
                Record::Account(account) => collected.accounts.push(*account),
                Record::Group(group) => collected.groups.push(*group),
                Record::Membership(membership) => collected.memberships.push(membership),
                other => panic!("an LDAP directory does not yield {:?}", other.kind()),
            }
        }
    };
    let (outcome, reports) = drained(connector, run, progress, take).await;
    collected.accounts.sort_by(|a, b| a.id.cmp(&b.id));
    collected.groups.sort_by(|a, b| a.id.cmp(&b.id));
    collected.memberships.sort_by(|a, b| (&a.group, &a.member, &a.via).cmp(&(&b.group, &b.member, &b.via)));
    (outcome, collected, reports)
}

/// Collects and expects one scope.
async fn collect(toml: &str) -> (Collected, ScopeReport) {
    let (outcome, collected, mut reports) = collect_with(connector(toml, Path::new("/")).as_ref(), &run()).await;
    outcome.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(reports.len(), 1, "{reports:?}");
    (collected, reports.remove(0))
}

/// Collects and expects the whole system to fail.
async fn fails(toml: &str) -> Gap {
    let (outcome, collected, reports) = collect_with(connector(toml, Path::new("/")).as_ref(), &run()).await;
    assert_eq!(collected, Collected::default());
    assert!(reports.iter().all(|report| report.state() == ScopeState::Failed), "{reports:?}");
    match outcome {
        Err(ConnectorError::Failed(gap)) => {
            assert!(gap.fix.is_some(), "{gap:?}");
            gap
        }
        other => panic!("{other:?}"),
    }
}

fn assert_complete(report: &ScopeReport) {
    assert_eq!(report.state(), ScopeState::Complete, "{report:#?}");
}

/// Every kind is in this state because of this gap, which names a fix.
fn assert_gap(report: &ScopeReport, state: ScopeState, code: &str) {
    for (kind, of_kind) in &report.kinds {
        assert_eq!(of_kind.state, state, "{kind}: {of_kind:#?}");
        assert!(of_kind.gaps.iter().any(|gap| gap.code == code && gap.fix.is_some()), "{kind}: {of_kind:#?}");
    }
}

fn scanner(url: &str, more: &str) -> String {
    format!(
        "{{ url = '{url}', base = '{SUFFIX}', bind_dn = '{SCANNER}', credential = {{ env = 'SCANNER_PASSWORD' }} {more} }}"
    )
}
