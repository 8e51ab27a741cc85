//! Files in, records and honest scope reports out.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod collected;
/// The tests, by what they are about.
mod csv {
    mod formats;
    mod layout;
    mod rows;
    mod tables;
    mod whole;
}

use std::path::Path;

use collected::{Collected, collect, collect_until, configured_in};
use muster_connectors::native::csv::MANUAL;
use muster_connectors::record::{Account, Employment, Grant, Person, Record, RecordKind};
use muster_connectors::scope::{Gap, ScopeState};
use muster_connectors::secret::Environment;
use muster_connectors::{Connector, SettingsError};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/csv");

/// The connector with settings from the inside of an inline table.
fn configure(toml: &str, folder: &Path, environment: Environment) -> Result<Box<dyn Connector>, SettingsError> {
    configured_in(MANUAL.configure, folder, toml, environment)
}

async fn collect_from(toml: &str, folder: &Path) -> Collected {
    collect(&*configure(toml, folder, Environment::new()).unwrap()).await
}

/// Writes `content` as `name` and collects it with `settings`.
async fn collect_bytes(name: &str, content: &[u8], settings: &str) -> Collected {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), content).unwrap();
    collect_from(&format!("file = \"{name}\", {settings}"), folder.path()).await
}

async fn people(content: &str) -> Collected {
    collect_bytes("p.csv", content.as_bytes(), "yields = \"people\"").await
}

async fn accounts(content: &str) -> Collected {
    collect_bytes("a.csv", content.as_bytes(), "yields = \"accounts\"").await
}

/// A function that picks the records of one kind.
macro_rules! pick {
    ($name:ident, $kind:ident) => {
        fn $name(collected: &Collected) -> Vec<&$kind> {
            let records = collected.records.iter();
            records.filter_map(|record| if let Record::$kind(one) = record { Some(&**one) } else { None }).collect()
        }
    };
}

pick!(persons, Person);
pick!(employments, Employment);
pick!(account_list, Account);
pick!(grant_list, Grant);

/// The one gap of a kind, which must have a cause or a fix.
fn only_gap(collected: &Collected, kind: RecordKind) -> &Gap {
    let (_, gaps) = collected.ended(kind);
    assert_eq!(gaps.len(), 1, "{gaps:#?}");
    assert!(gaps[0].fix.is_some(), "{:?}", gaps[0]);
    &gaps[0]
}

const PEOPLE: &str = r#"
    columns = { employee_id = "Worker ID", id = "Person UID", email = "Work Email", legal_name = "Legal Name", preferred_name = "Preferred Name",
        previous_names = "Former Names", worker_type = "Worker Type", status = "Status", start = "First Day", end = "Last Day", manager = "Manager",
        department = "Department", title = "Job Title", location = "Location", cost_centre = "Cost Centre", time_zone = "Time Zone" }"#;

const ACCOUNTS: &str = r#"
    columns = { id = "Account ID", login = "User Name", name = "Display Name", email = "Email", employee_id = "Employee ID", class = "Account Type",
        lifecycle = "Status", created = "Created", last_activity = "Last Login", mfa = "MFA", roles = "Roles", groups = "Teams" },
    list_separator = "|", time_zone = "Europe/Berlin", id_kind = "immutable""#;

#[tokio::test]
async fn settings_are_refused_with_a_fix() {
    for (settings, part) in [
        ("", "no file"),
        ("file = \"a.csv\"", "yields"),
        ("file = \"a.csv\", yields = \"peeple\"", "peeple"),
        ("file = \"a.csv\", yields = \"people\", colums = {}", "colums"),
        ("file = \"a.csv\", yields = \"people\", columns = { mail = \"x\" }", "mail"),
        ("file = \"a.csv\", yields = \"people\", columns = { email = \"x\" }", "employee_id"),
        ("file = \"a.csv\", files = { grants = \"b.csv\" }", "both"),
        ("files = { grants = \"b.csv\", accounts = \"a.csv\" }, columns = { id = \"x\" }", "must name a file"),
        ("files = { grants = \"b.csv\" }, columns = { account = { id = \"x\" } }", "account"),
        ("file = \"a.dat\", yields = \"people\"", "a.dat"),
        ("file = \"a.csv\", yields = \"people\", delimiter = \";;\"", "delimiter"),
        ("file = \"a.csv\", yields = \"people\", encoding = \"klingon\"", "klingon"),
        ("file = \"a.csv\", yields = \"people\", dates = [\"%!\"]", "%!"),
        ("file = \"a.csv\", yields = \"people\", time_zone = \"Mars/Base\"", "Mars"),
        ("file = \"a.csv\", yields = \"people\", values = { status = { A = \"activ\" } }", "activ"),
        ("file = \"a.csv\", yields = \"people\", values = { title = { A = \"b\" } }", "title"),
        ("file = \"a.csv\", yields = \"people\", values = { stat = { A = \"b\" } }", "stat"),
        ("file = \"a.csv\", yields = \"people\", collected = \"today\"", "today"),
        ("file = \"a.csv\", yields = \"people\", expect_sha256 = \"abc\"", "SHA-256"),
        ("file = \"a.csv\", yields = \"people\", list_separator = \"\"", "list_separator"),
        ("file = \"a.csv\", yields = \"people\", trailer = \" \"", "trailer"),
        ("files = { grants = \"b.csv\", accounts = \"a.csv\" }, expect_rows = 3", "expect_rows"),
        ("file = \"a.csv\", yields = \"accounts\", attributes = [\"Mobile\"]", "no file yields people"),
        ("file = \"a.csv\", yields = \"people\", attributes = [\"Mobile\", \"mobile \"]", "twice"),
    ] {
        let error = configure(settings, Path::new("."), Environment::new()).expect_err(settings);
        assert!(error.message.contains(part), "{settings}: {error:?}");
    }
    let error = configure(
        "file = \"a.csv\", yields = \"people\", columns = { emial = \"x\" }",
        Path::new("."),
        Environment::new(),
    );
    let error = error.unwrap_err();
    assert_eq!(error.fix.as_deref(), Some("did you mean `email`?"));
    assert!(error.span.is_some());
}

#[tokio::test]
async fn a_probe_opens_the_files_and_reads_no_row() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("g.csv"), "nothing,here\n").unwrap();
    let settings = "files = { accounts = \"gone.csv\", grants = \"g.csv\" }";
    let connector = configure(settings, folder.path(), Environment::new()).unwrap();
    let run = muster_connectors::Run {
        now: jiff::Timestamp::UNIX_EPOCH,
        cancel: tokio_util::sync::CancellationToken::new(),
        concurrency: 1,
        memory: None,
    };
    let probes = connector.probe(&run).await.unwrap();
    assert!(probes[0].granted == Some(false) && probes[0].detail.as_deref().unwrap().contains("gone.csv"));
    assert!(probes[1].granted == Some(false) && probes[1].detail.as_deref().unwrap().contains("principal"));
}

#[tokio::test]
async fn a_cancelled_run_stops_and_its_scope_is_failed() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<String> = (0..5000).map(|id| id.to_string()).collect();
    std::fs::write(folder.path().join("a.csv"), format!("id\n{}\n", rows.join("\n"))).unwrap();
    let connector = configure("file = \"a.csv\", yields = \"accounts\"", folder.path(), Environment::new()).unwrap();
    let cancel = tokio_util::sync::CancellationToken::new();
    cancel.cancel();
    let read = collect_until(connector.as_ref(), &cancel).await;
    assert!(read.result.is_err());
    assert_eq!(read.ended(RecordKind::Account).0, ScopeState::Failed);
}

#[test]
fn the_settings_have_a_schema() {
    let schema = serde_json::to_string((MANUAL.schema)().as_value()).unwrap();
    for key in ["expect_sha256", "list_separator", "audit_events"] {
        assert!(schema.contains(key), "{key}");
    }
}
