//! A program's lines in, records and honest scope reports out.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod collected;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use collected::{Collected, collect_until, configured_in};
use muster_connectors::native::exec::{Line, MANUAL};
use muster_connectors::record::RecordKind;
use muster_connectors::scope::{ScopeReport, ScopeState};
use muster_connectors::secret::Environment;
use muster_connectors::{Connector, ConnectorError, Run, SettingsError};
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const ACCOUNT: &str = r#"{"record":"account","id":"1"}"#;
const END: &str = r#"{"end":true}"#;

fn environment() -> Environment {
    let mut environment = Environment::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
    environment.insert("TOKEN_HERE".to_owned(), "hunter2-hunter2".to_owned());
    environment.insert("UNRELATED".to_owned(), "not-for-you".to_owned());
    environment
}

/// The connector with settings from the inside of an inline table.
fn configure(toml: &str, folder: &Path, environment: Environment) -> Result<Box<dyn Connector>, SettingsError> {
    configured_in(MANUAL.configure, folder, toml, environment)
}

/// Runs a shell script as the program.
async fn script(text: &str, settings: &str) -> Collected {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("program.sh"), text).unwrap();
    let settings = format!("command = [\"sh\", \"program.sh\"], {settings}");
    let connector = configure(&settings, folder.path(), environment()).unwrap();
    collect_until(connector.as_ref(), &CancellationToken::new()).await
}

/// A program that prints these lines.
async fn prints(lines: &[&str]) -> Collected {
    script(&format!("cat <<'LINES'\n{}\nLINES\n", lines.join("\n")), "yields = [\"accounts\"]").await
}

#[tokio::test]
async fn a_program_with_two_scopes_is_read_with_all_it_says_about_them() {
    let output = std::fs::read_to_string(Path::new(ROOT).join("connectors/fixtures/exec/good.jsonl")).unwrap();
    let read =
        script(&format!("cat <<'LINES'\n{output}LINES\n"), "yields = [\"accounts\", \"entitlements\", \"grants\"]")
            .await;
    assert!(read.result.is_ok());
    assert_eq!(read.records.len(), 5);
    let [eu, us] = read.reports.as_slice() else { panic!("{:?}", read.reports) };
    assert_eq!((eu.scope.as_str(), eu.state()), ("eu", ScopeState::Complete));
    assert_eq!((eu.tenant.as_deref(), eu.identity.as_deref(), eu.pages), (Some("t-1"), Some("svc-muster"), 1));
    assert_eq!(eu.kinds[&RecordKind::Account].declared_total, Some(2));
    assert!(eu.kinds[&RecordKind::Account].withheld.contains_key("last_activity"));
    assert_eq!(us.kinds[&RecordKind::Grant].state, ScopeState::Partial);
    assert_eq!(us.kinds[&RecordKind::Account].state, ScopeState::Complete);
    assert_eq!(us.kinds[&RecordKind::Grant].gaps[0].cause.as_deref(), Some("the token lacks grants:read"));
}

#[tokio::test]
async fn the_example_in_the_documentation_runs() {
    let text = std::fs::read_to_string(Path::new(ROOT).join("docs/formats/exec.md")).unwrap();
    let program = text.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let settings = text.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    // Copied by another process: a file that this one holds open for writing could not be executed.
    let (draft, path) = (folder.path().join("draft"), folder.path().join("collect-ledger.sh"));
    std::fs::write(&draft, program).unwrap();
    assert!(
        std::process::Command::new("install").args(["-m", "755"]).arg(&draft).arg(&path).status().unwrap().success()
    );
    let lines = settings
        .lines()
        .filter(|line| !line.starts_with("[[") && !line.starts_with("name ") && !line.starts_with("connector "));
    let inline: Vec<&str> =
        lines.map(|line| line.split('#').next().unwrap().trim()).filter(|line| !line.is_empty()).collect();
    let mut environment = environment();
    environment.insert("HTTPS_PROXY".to_owned(), String::new());
    environment.insert("LEDGER_TOKEN".to_owned(), "hunter2-hunter2".to_owned());
    let connector = configure(&inline.join(", "), folder.path(), environment).unwrap();
    let read = collect_until(connector.as_ref(), &CancellationToken::new()).await;
    read.assert_complete();
    assert_eq!(read.records.len(), 4);
    assert_eq!(read.reports[0].tenant.as_deref(), Some("acme-emea"));
}

#[tokio::test]
async fn without_scope_lines_everything_is_main_and_an_empty_answer_is_a_statement() {
    let read = prints(&[ACCOUNT, "", END]).await;
    read.assert_complete();
    assert_eq!((read.reports[0].scope.as_str(), read.records.len()), ("main", 1));
    let read = prints(&[END]).await;
    read.assert_complete();
    assert_eq!(read.ended(RecordKind::Account).0, ScopeState::Complete);
}

#[tokio::test]
async fn a_line_that_cannot_be_used_costs_itself_and_is_named() {
    for (line, cause) in [
        ("oops", "no JSON"),
        ("[1]", "no object"),
        ("{\"id\":\"1\"}", "none of the keys"),
        (r#"{"record":"account","id":"2","colour":"red"}"#, "colour"),
        (r#"{"record":"acount","id":"2"}"#, "acount"),
        (r#"{"record":"account"}"#, "id"),
        (r#"{"record":"account","id":"2","lifecycle":"gone"}"#, "gone"),
        (r#"{"scope":{"name":"a","stat":"complete"}}"#, "stat"),
        (r#"{"end":false}"#, "true"),
        (r#"{"end":true,"more":1}"#, "nothing else"),
    ] {
        let read = prints(&[ACCOUNT, line, r#"{"record":"account","id":"3"}"#, END]).await;
        assert!(read.result.is_ok());
        let (state, gaps) = read.ended(RecordKind::Account);
        assert_eq!((state, read.records.len(), gaps.len()), (ScopeState::Partial, 2, 1), "{line}");
        assert!(gaps[0].what.starts_with("line 2:") && gaps[0].fix.is_some(), "{:?}", gaps[0]);
        assert!(gaps[0].cause.as_deref().unwrap().contains(cause), "{line}: {:?}", gaps[0]);
    }
    let read = prints(&[END, ACCOUNT]).await;
    assert!(
        read.records.is_empty() && read.ended(RecordKind::Account).0 == ScopeState::Partial,
        "a line behind the end"
    );
    let read = prints(&[r#"{"record":"group","id":"g"}"#, END]).await;
    assert_eq!(read.ended(RecordKind::Group).1[0].code, "COL135");
}

#[tokio::test]
async fn a_line_without_end_is_dropped_and_memory_stays_flat() {
    let text = format!("head -c 20000000 /dev/zero | tr '\\0' x; echo; echo '{ACCOUNT}'; echo '{END}'");
    let read = script(&text, "yields = [\"accounts\"]").await;
    assert_eq!(read.records.len(), 1);
    assert!(read.ended(RecordKind::Account).1[0].cause.as_deref().unwrap().contains("16 MiB"));
}

#[tokio::test]
async fn a_program_that_fails_or_stops_early_is_never_complete() {
    let read =
        script(&format!("echo '{ACCOUNT}'; echo 'disk on fire' >&2; exit 3"), "yields = [\"accounts\", \"grants\"]")
            .await;
    assert!(read.result.is_ok());
    assert_eq!(read.ended(RecordKind::Account).0, ScopeState::Partial);
    let (state, gaps) = read.ended(RecordKind::Grant);
    assert_eq!((state, gaps[0].code.as_str()), (ScopeState::Failed, "COL132"));
    assert!(gaps[0].what.contains('3') && gaps[0].cause.as_deref().unwrap().contains("disk on fire"), "{:?}", gaps[0]);
    let read = prints(&[ACCOUNT]).await;
    assert_eq!(read.ended(RecordKind::Account).0, ScopeState::Partial);
    assert_eq!(read.ended(RecordKind::Account).1[0].code, "COL133");
    let read = script("true", "yields = [\"accounts\"]").await;
    assert_eq!(read.ended(RecordKind::Account).0, ScopeState::Failed, "nothing at all is not an empty answer");
    let read = script(&format!("echo '{ACCOUNT}'; echo '{END}'; exit 1"), "yields = [\"accounts\"]").await;
    assert_eq!(read.ended(RecordKind::Account).0, ScopeState::Partial, "an end line does not excuse a failure");
}

#[tokio::test]
async fn scopes_that_the_program_ended_keep_their_state_and_the_failure_is_still_told() {
    let done = r#"{"scope":{"name":"a","state":"complete"}}"#;
    let read = script(&format!("echo '{done}'; exit 1"), "yields = [\"accounts\"]").await;
    assert_eq!(read.ended(RecordKind::Account).0, ScopeState::Complete);
    assert!(matches!(read.result, Err(ConnectorError::Failed(gap)) if gap.code == "COL132"));
    let read =
        prints(&[r#"{"scope":{"name":"a","state":"failed"}}"#, r#"{"scope":{"name":"b","state":"partial"}}"#, END])
            .await;
    assert_eq!(
        read.reports.iter().map(ScopeReport::state).collect::<Vec<_>>(),
        [ScopeState::Failed, ScopeState::Partial]
    );
    let read = prints(&[done, done, END]).await;
    assert_eq!(read.reports.len(), 2, "a scope cannot be opened again: the line stands in a scope of its own");
    let read = prints(&[r#"{"scope":{"name":"a","totals":{"accounts":2}}}"#, ACCOUNT, END]).await;
    assert_eq!(read.ended(RecordKind::Account).1[0].code, "COL020");
}

#[tokio::test]
async fn a_promised_kind_that_no_scope_covers_is_failed() {
    let text = format!("echo '{}'; echo '{END}'", r#"{"scope":{"name":"a","kinds":["accounts"],"state":"complete"}}"#);
    let read = script(&text, "yields = [\"accounts\", \"grants\"]").await;
    assert_eq!(read.ended(RecordKind::Account).0, ScopeState::Complete);
    let (state, gaps) = read.ended(RecordKind::Grant);
    assert_eq!((state, gaps[0].code.as_str()), (ScopeState::Failed, "COL135"));
}

#[tokio::test]
async fn a_program_that_hangs_is_ended_with_all_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("alive");
    let text = format!("echo '{ACCOUNT}'; (trap '' TERM; sleep 4; echo yes > {}) & sleep 60", mark.display());
    let began = Instant::now();
    let read = script(&text, "yields = [\"accounts\"], timeout = \"300ms\"").await;
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    let (state, gaps) = read.ended(RecordKind::Account);
    assert_eq!((state, gaps[0].code.as_str()), (ScopeState::Partial, "COL134"));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(!mark.exists(), "the grandchild was ended too");
}

#[tokio::test]
async fn a_cancelled_run_ends_the_program_within_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let connector =
        configure("command = [\"sleep\", \"60\"], yields = [\"accounts\"]", folder.path(), environment()).unwrap();
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        stop.cancel();
    });
    let began = Instant::now();
    let read = collect_until(connector.as_ref(), &cancel).await;
    assert!(matches!(read.result, Err(ConnectorError::Stopped)));
    assert!(began.elapsed() < Duration::from_secs(5));
}

/// Everything that is logged while it is the default subscriber.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl tracing::Subscriber for Log {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        struct Text<'a>(&'a mut String);
        impl tracing::field::Visit for Text<'_> {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                writeln!(self.0, "{field}={value:?}").unwrap();
            }
        }
        event.record(&mut Text(&mut self.0.lock().unwrap()));
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn the_secret_reaches_the_program_and_nothing_else() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let text = format!(
        "echo '{ACCOUNT}'; echo \"{{\\\"record\\\":\\\"account\\\",\\\"id\\\":\\\"$SECRET\\\"}}\"; echo \"token $SECRET refused\" >&2; echo \"$SECRET garbage\"; exit 7"
    );
    let settings = "yields = [\"accounts\"], credential = { env = \"TOKEN_HERE\" }, credential_env = \"SECRET\"";
    let read = script(&text, settings).await;
    assert_eq!(read.records.len(), 1, "a record that holds the secret is dropped");
    let all = format!("{read:?} {}", log.0.lock().unwrap());
    assert!(all.contains("token *** refused"), "{all}");
    assert!(!all.contains("hunter2"), "{all}");
    assert!(read.ended(RecordKind::Account).1.iter().any(|gap| gap.code == "COL136"));
}

#[tokio::test]
async fn the_environment_is_clean_but_for_what_is_named() {
    let text = format!(
        "test -z \"$UNRELATED$TOKEN_HERE\" && test -n \"$PATH\" && echo \"{{\\\"record\\\":\\\"account\\\",\\\"id\\\":\\\"$REGION\\\"}}\" && echo '{END}'"
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("program.sh"), text).unwrap();
    let settings = "command = [\"sh\", \"program.sh\"], yields = [\"accounts\"], environment = [\"REGION\"]";
    let mut environment = environment();
    let missing = configure(settings, folder.path(), environment.clone()).unwrap();
    let read = collect_until(missing.as_ref(), &CancellationToken::new()).await;
    assert!(matches!(read.result, Err(ConnectorError::Failed(gap)) if gap.what.contains("REGION")));
    environment.insert("REGION".to_owned(), "emea".to_owned());
    let connector = configure(settings, folder.path(), environment).unwrap();
    let read = collect_until(connector.as_ref(), &CancellationToken::new()).await;
    read.assert_complete();
    assert_eq!(read.records.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_started_is_an_error_and_a_probe_says_so_beforehand() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("plain.txt"), "x").unwrap();
    let run = Run { now: jiff::Timestamp::UNIX_EPOCH, cancel: CancellationToken::new(), concurrency: 1, memory: None };
    for (program, there) in [("no-such-program", false), ("./plain.txt", false), ("./gone.sh", false), ("sh", true)] {
        let settings = format!("command = [\"{program}\"], yields = [\"accounts\"]");
        let connector = configure(&settings, folder.path(), environment()).unwrap();
        let probes = connector.probe(&run).await.unwrap();
        assert_eq!(probes[0].granted, Some(there), "{probes:?}");
        if !there {
            let read = collect_until(connector.as_ref(), &CancellationToken::new()).await;
            let Err(ConnectorError::Failed(gap)) = read.result else { panic!("{program} was started") };
            assert!(gap.code == "COL130" && gap.what.contains(program.trim_start_matches("./")) && gap.fix.is_some());
        }
    }
    let settings =
        "command = [\"sh\"], yields = [\"accounts\"], credential = { env = \"GONE\" }, credential_env = \"T\"";
    let connector = configure(settings, folder.path(), environment()).unwrap();
    assert!(matches!(connector.probe(&run).await, Err(ConnectorError::Secret(_))));
}

#[test]
fn settings_are_refused_with_a_fix() {
    for (settings, part) in [
        ("yields = [\"accounts\"]", "command"),
        ("command = [], yields = [\"accounts\"]", "command"),
        ("command = [\"x\"]", "yields"),
        ("command = [\"x\"], yields = []", "yields"),
        ("command = [\"x\"], yields = [\"people\"]", "people"),
        ("command = [\"x\"], yields = [\"accounts\"], timeout = \"soon\"", "soon"),
        ("command = [\"x\"], yields = [\"accounts\"], timeout = \"-5m\"", "-5m"),
        ("command = [\"x\"], yields = [\"accounts\"], credential = { env = \"A\" }", "credential_env"),
        ("command = [\"x\"], yields = [\"accounts\"], credential_env = \"A\"", "credential"),
        ("command = [\"x\"], yields = [\"accounts\"], shell = true", "shell"),
    ] {
        let error = configure(settings, Path::new("."), Environment::new()).expect_err(settings);
        assert!(error.message.contains(part), "{settings}: {error:?}");
    }
}

#[test]
fn the_published_schema_is_that_of_the_types_and_accepts_the_examples() {
    let path = Path::new(ROOT).join("schemas/record.schema.json");
    let schema = schemars::schema_for!(Line).to_value();
    let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    if published != text {
        let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("record.schema.json");
        std::fs::write(&fresh, &text).unwrap();
        panic!("schemas/record.schema.json is not that of the types: copy {} over it", fresh.display());
    }
    let validator = jsonschema::validator_for(&schema).unwrap();
    let fixture = std::fs::read_to_string(Path::new(ROOT).join("connectors/fixtures/exec/good.jsonl")).unwrap();
    let document = std::fs::read_to_string(Path::new(ROOT).join("docs/formats/exec.md")).unwrap();
    let example = document.split("'LINES'\n").nth(1).unwrap().split("LINES").next().unwrap();
    for line in fixture.lines().chain(example.lines()) {
        let value = serde_json::from_str(line).unwrap();
        if let Err(error) = validator.validate(&value) {
            panic!("{line}: {error}");
        }
        Line::parse(line).unwrap();
    }
    for line in [
        r#"{"record":"account"}"#,
        r#"{"record":"account","id":"1","colour":"red"}"#,
        r#"{"end":false}"#,
        r#"{"scope":{}}"#,
        "{}",
    ] {
        assert!(!validator.is_valid(&serde_json::from_str(line).unwrap()), "{line}");
        assert!(Line::parse(line).is_err(), "{line}");
    }
}

proptest! {
    /// No line makes the parser panic.
    #[test]
    fn no_line_hurts(text in "\\PC{0,60}", key in prop::sample::select(vec!["record", "scope", "end", "id"])) {
        let _refused = Line::parse(&text);
        let _refused = Line::parse(&format!("{{\"{key}\": {text}}}"));
        let _refused = Line::parse(&format!("{{\"record\": \"account\", \"{key}\": {text:?}}}"));
    }
}
