//! Every shipped description of a vendor's export, against a file of its shape and against files that are not.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod collected;

use std::path::{Path, PathBuf};

use collected::{Collected, collect, configured_in, line};
use muster_connectors::native::csv::MANUAL;
use muster_connectors::native::csv::exports::{EXPORTS, Export};
use muster_connectors::record::{Account, Fact, IdKind, Lifecycle, Record, RecordKind};
use muster_connectors::scope::{Gap, ScopeState};
use muster_connectors::secret::Environment;
use muster_connectors::{Connector, SettingsError};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

fn fixtures(id: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/exports").join(id)
}

fn exports() -> impl Iterator<Item = Export> {
    EXPORTS.iter().map(|shipped| shipped.export().unwrap())
}

fn configure(toml: &str, folder: &Path) -> Result<Box<dyn Connector>, SettingsError> {
    configured_in(MANUAL.configure, folder, toml, Environment::new())
}

async fn collect_from(toml: &str, folder: &Path) -> Collected {
    let read = collect(&*configure(toml, folder).unwrap()).await;
    read.assert_honest();
    read
}

/// `export` with every file that it describes.
fn settings(export: &Export) -> String {
    let files: Vec<String> = export.files().iter().map(|file| format!("{} = \"{}\"", file.table, file.file)).collect();
    format!("export = \"{}\", files = {{ {} }}", export.id, files.join(", "))
}

/// One file of an export with its content changed, alone.
async fn changed(export: &Export, table: &str, more: &str, change: impl Fn(&str) -> String) -> Collected {
    let files = export.files();
    let file = files.iter().find(|file| file.table == table).unwrap().file;
    let folder = TempDir::new().unwrap();
    let text = std::fs::read_to_string(fixtures(export.id).join(file)).unwrap();
    std::fs::write(folder.path().join(file), change(&text)).unwrap();
    let toml = format!("export = \"{}\", yields = \"{table}\", file = \"{file}\"{more}", export.id);
    collect_from(&toml, folder.path()).await
}

/// The text with one heading of its first line replaced.
fn renamed(text: &str, from: &str, to: &str) -> String {
    let (header, rows) = text.split_once('\n').unwrap();
    let mark = if header.starts_with('\u{feff}') { "\u{feff}" } else { "" };
    let headings: Vec<&str> = header.trim_start_matches('\u{feff}').split(',').collect();
    let found = headings.iter().filter(|heading| **heading == from).count();
    assert_eq!(found, 1, "{from} in {header}");
    let headings: Vec<&str> = headings.into_iter().map(|heading| if heading == from { to } else { heading }).collect();
    format!("{mark}{}\n{rows}", headings.join(","))
}

/// Everything that came out, with what the scopes say of it.
fn told(read: &Collected) -> Json {
    let scopes: serde_json::Map<String, Json> = read
        .reports
        .iter()
        .map(|report| {
            let kinds = report.kinds.iter().map(|(kind, of_kind)| {
                let gaps: Vec<String> = of_kind.gaps.iter().map(|gap| format!("{} {}", gap.code, gap.what)).collect();
                let told = json!({ "state": of_kind.state, "records": of_kind.records, "gaps": gaps, "withheld": of_kind.withheld });
                (kind.to_string(), told)
            });
            (report.scope.clone(), Json::Object(kinds.collect()))
        })
        .collect();
    let mut records: Vec<Json> =
        read.lines().iter().map(|line| serde_json::from_str(line).expect("a record is JSON")).collect();
    records.iter_mut().for_each(without_silence);
    // Files are read side by side; which note comes first is nobody's promise.
    let mut notes = read.notes.clone();
    notes.sort();
    json!({ "scopes": scopes, "notes": notes, "records": records })
}

/// Takes out what says nothing, so that a reader sees what is said.
fn without_silence(value: &mut Json) {
    if let Json::Object(fields) = value {
        fields.values_mut().for_each(without_silence);
        fields.retain(|_, value| {
            !(value.is_null()
                || value.as_array().is_some_and(Vec::is_empty)
                || *value == json!({})
                || *value == json!(false))
        });
    }
}

/// `MUSTER_WRITE_EXPECTED=1` writes what came out as `expected.json`; it is read before it is committed.
#[tokio::test]
async fn every_export_is_read_as_its_fixture_expects() {
    let writes = std::env::vars().any(|(name, _)| name == "MUSTER_WRITE_EXPECTED");
    for export in exports() {
        let folder = fixtures(export.id);
        let read = collect_from(&settings(&export), &folder).await;
        let found = told(&read);
        let expected = folder.join("expected.json");
        if writes {
            std::fs::write(&expected, format!("{found:#}\n")).unwrap();
            continue;
        }
        let expected: Json = serde_json::from_str(&std::fs::read_to_string(&expected).unwrap()).unwrap();
        assert_eq!(found, expected, "{}", export.id);
    }
}

/// A whole file is complete; one that leaves somebody out is partial, never failed, and says whom and where they are told.
#[tokio::test]
async fn whom_an_export_leaves_out_is_a_gap_unless_the_config_knows_better() {
    for export in exports() {
        let folder = fixtures(export.id);
        let read = collect_from(&settings(&export), &folder).await;
        for file in export.files() {
            let gaps: Vec<&Gap> = read.gaps(file.table);
            assert!(gaps.iter().all(|gap| gap.code == "COL117" && gap.only.is_none()), "{}: {gaps:#?}", export.id);
            let always = file.leaves_out.iter().filter(|(_, unless_filled)| unless_filled.is_none());
            let always: Vec<&str> = always.map(|(what, _)| *what).collect();
            let state = if always.is_empty() { ScopeState::Complete } else { ScopeState::Partial };
            assert_eq!(read.state(file.table), state, "{} {}", export.id, file.table);
            for left in always {
                assert!(gaps.iter().any(|gap| gap.what.contains(left)), "{}: {left}", export.id);
            }
        }
        let known = collect_from(&format!("{}, whole = true", settings(&export)), &folder).await;
        known.assert_complete();
        assert_eq!(known.lines(), read.lines(), "{}", export.id);
    }
}

/// A report of active workers alone looks like one of all workers, but for the column of last days.
#[tokio::test]
async fn a_report_without_leavers_is_not_believed_to_be_whole() {
    let workday = export("workday/workers");
    let active = |text: &str| text.replace("2025-06-30", "");
    let read = changed(&workday, "people", "", active).await;
    for kind in [RecordKind::Person, RecordKind::Employment] {
        let of_kind = read.kind("people", kind);
        assert_eq!((of_kind.state, of_kind.gaps[0].code.as_str()), (ScopeState::Partial, "COL117"));
        assert!(of_kind.gaps[0].what.contains("whoever has left"), "{of_kind:#?}");
    }
    changed(&workday, "people", ", whole = true", active).await.assert_complete();
    changed(&workday, "people", "", str::to_owned).await.assert_complete();
}

#[tokio::test]
async fn each_heading_that_is_missing_fails_the_file_or_withholds_its_field() {
    for export in exports() {
        for file in export.files() {
            for (field, columns) in &file.columns {
                for column in columns {
                    let name = &column.names[0];
                    let present = std::fs::read_to_string(fixtures(export.id).join(file.file)).unwrap();
                    let (header, _) = present.split_once('\n').unwrap();
                    if column.optional && !header.split(',').any(|heading| heading == name) {
                        continue;
                    }
                    let read = changed(&export, file.table, "", |text| renamed(text, name, "something else")).await;
                    let told = format!("{} {} {name}", export.id, file.table);
                    if column.optional {
                        assert_ne!(read.state(file.table), ScopeState::Failed, "{told}");
                        let withheld = read.scope(file.table).kinds.values().flat_map(|kind| &kind.withheld);
                        let record_field = if *field == "email" { "emails" } else { field };
                        // A field of several columns is there as long as one of them is.
                        let is_gone = columns.len() == 1;
                        assert_eq!(
                            withheld.into_iter().any(|(withheld, _)| withheld == record_field),
                            is_gone,
                            "{told}: {read:#?}"
                        );
                        continue;
                    }
                    assert!(read.records.is_empty(), "{told}");
                    for (kind, of_kind) in &read.scope(file.table).kinds {
                        assert_eq!(of_kind.state, ScopeState::Failed, "{told} {kind}");
                        let gap = &of_kind.gaps[0];
                        assert_eq!(gap.code, "COL103", "{told}: {gap:?}");
                        assert!(
                            gap.what.contains(&format!("`{name}`")) && gap.what.contains(export.id),
                            "{told}: {gap:?}"
                        );
                        assert!(gap.cause.as_deref().unwrap().contains("something else"), "{told}: {gap:?}");
                        let fix = gap.fix.as_deref().unwrap();
                        assert!(fix.contains(&format!("muster connectors show {}", export.id)), "{told}: {fix}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn headings_of_other_times_mean_the_same() {
    let mut tried = 0;
    for export in exports() {
        for file in export.files() {
            let before = changed(&export, file.table, "", str::to_owned).await;
            for column in file.columns.iter().flat_map(|(_, columns)| columns) {
                for other in &column.names[1..] {
                    let read = changed(&export, file.table, "", |text| renamed(text, &column.names[0], other)).await;
                    assert_eq!(read.lines(), before.lines(), "{} {other}", export.id);
                    let both = changed(&export, file.table, "", |text| {
                        let (header, rows) = text.split_once('\n').unwrap();
                        let rows: Vec<String> = rows.lines().map(|row| format!("{row},x")).collect();
                        format!("{header},{other}\n{}", rows.join("\n"))
                    })
                    .await;
                    assert_eq!(both.state(file.table), ScopeState::Failed, "{} {other}: both", export.id);
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 20, "{tried}");
}

#[tokio::test]
async fn a_file_that_is_something_else_is_a_gap_and_nobody_is_gone() {
    for export in exports() {
        for file in export.files() {
            let read = changed(&export, file.table, "", |_| "Order,Amount\n1,2\n".to_owned()).await;
            assert!(read.records.is_empty() && read.state(file.table) == ScopeState::Failed, "{}", export.id);
            let cut = changed(&export, file.table, "", |text| text.split_once('\n').unwrap().0.to_owned() + "\n").await;
            assert_ne!(cut.state(file.table), ScopeState::Failed, "{}: no row is no fault of the header", export.id);
            let empty = changed(&export, file.table, "", |_| String::new()).await;
            assert_eq!(empty.state(file.table), ScopeState::Failed, "{}", export.id);
        }
    }
}

fn accounts(read: &Collected) -> Vec<&Account> {
    let accounts = read.records.iter();
    accounts.filter_map(|record| if let Record::Account(account) = record { Some(&**account) } else { None }).collect()
}

fn export(id: &str) -> Export {
    exports().find(|export| export.id == id).unwrap()
}

#[tokio::test]
async fn the_config_goes_before_the_description_field_by_field_and_word_by_word() {
    let slack = export("slack/members");
    let more = ", columns = { name = \"displayname\", employee_id = \"username\", mfa = [] }, \
                values = { lifecycle = { \"Invited Member\" = \"staged\" }, roles = { \"Primary Owner\" = \"Owner\" } }";
    let read = changed(&slack, "accounts", more, str::to_owned).await;
    let found = accounts(&read);
    assert_eq!((found[0].name.as_deref(), found[0].employee_id.as_deref()), (Some("ada"), Some("ada.berg")));
    assert_eq!((&found[0].mfa, found[0].lifecycle), (&Fact::Unsupported, Lifecycle::Active));
    assert_eq!(found[4].lifecycle, Lifecycle::Staged);
    let roles: Vec<String> = read
        .records
        .iter()
        .filter_map(|record| if let Record::Grant(grant) = record { Some(grant.entitlement.clone()) } else { None })
        .collect();
    assert_eq!(roles, ["Owner", "Single-Channel Guest", "Admin"], "what is no role is none");

    assert_eq!(found[0].id_kind, IdKind::Immutable);
    let read = changed(&slack, "accounts", ", columns = { id = \"username\" }", str::to_owned).await;
    assert_eq!(accounts(&read)[0].id_kind, IdKind::Reusable, "an id of the config's choice is not trusted by itself");

    let wrong = changed(&slack, "accounts", ", columns = { name = \"displayName2\" }", str::to_owned).await;
    let gap = &wrong.ended(RecordKind::Account).1[0];
    assert!(gap.fix.as_deref().unwrap().contains("did you mean `displayname`"), "the config's own heading: {gap:?}");

    let workday = export("workday/workers");
    let american = |text: &str| text.replace("2019-04-01", "04/01/2019");
    let read = changed(&workday, "people", "", american).await;
    assert_eq!(read.state("people"), ScopeState::Failed, "days are never guessed");
    let read = changed(&workday, "people", ", dates = [\"%m/%d/%Y\"]", american).await;
    assert_ne!(read.state("people"), ScopeState::Failed);

    let okta = export("okta/reports");
    let local = |text: &str| text.replace("2026-03-01T07:15:00.000Z", "2026-03-01 07:15:00");
    for (more, instant) in
        [("", "2026-03-01T07:15:00Z"), (", time_zone = \"America/Los_Angeles\"", "2026-03-01T15:15:00Z")]
    {
        let read = changed(&okta, "accounts", more, local).await;
        assert_eq!(accounts(&read)[0].last_activity, Fact::Known(instant.parse().unwrap()));
    }
}

/// An empty cell of an export does not say that there is no second factor, and one "no" does not undo a "yes".
#[tokio::test]
async fn a_second_factor_that_is_not_told_is_not_none() {
    let read =
        collect_from(&settings(&export("github/enterprise-licenses")), &fixtures("github/enterprise-licenses")).await;
    let factors: Vec<_> = accounts(&read).iter().map(|account| (account.id.as_str(), account.mfa.clone())).collect();
    let some = Fact::Known(vec!["unspecified".to_owned()]);
    assert_eq!(factors, [("aberg", some.clone()), ("bchen-dev", Fact::Absent), ("partner-dora", Fact::Unreadable)]);
    let snowflake = export("snowflake/account-usage");
    let duo = |text: &str| text.replace("LOADER,false,,false", "LOADER,true,,false");
    let read = changed(&snowflake, "accounts", "", duo).await;
    let loader = accounts(&read).into_iter().find(|account| account.id == "LOADER").unwrap().mfa.clone();
    assert_eq!(loader, some);
}

#[tokio::test]
async fn a_field_that_the_config_maps_is_not_withheld() {
    let entra = export("entra/users");
    let with_id = |text: &str| renamed(text, "companyName", "employeeId");
    let read = changed(&entra, "accounts", "", with_id).await;
    assert!(read.kind("accounts", RecordKind::Account).withheld.contains_key("employee_id"));
    let read = changed(&entra, "accounts", ", columns = { employee_id = \"employeeId\" }", with_id).await;
    let withheld = &read.kind("accounts", RecordKind::Account).withheld;
    assert!(!withheld.contains_key("employee_id") && withheld.contains_key("mfa"), "{withheld:?}");
    assert_eq!(accounts(&read)[0].employee_id.as_deref(), Some("Acme"));
}

/// The number of rows that somebody was told is that of the file, with those that are left out.
#[tokio::test]
async fn rows_of_what_is_no_more_are_counted_told_and_left_out() {
    let snowflake = export("snowflake/account-usage");
    let read = changed(&snowflake, "accounts", ", expect_rows = 4", str::to_owned).await;
    read.assert_complete();
    assert_eq!(read.of(RecordKind::Account).len(), 3);
    assert!(
        read.notes
            .iter()
            .any(|note| note == "`users.csv`: 1 of 4 rows left out: dropped users stay in the view for a year"),
        "{:?}",
        read.notes
    );
    let read = changed(&snowflake, "accounts", ", expect_rows = 3", str::to_owned).await;
    let (state, gaps) = read.ended(RecordKind::Account);
    assert_eq!((state, gaps[0].code.as_str()), (ScopeState::Partial, "COL113"));

    // A database that writes NULL as a word has dropped nobody; a column that drops everybody says something else.
    let null = |text: &str| text.replace(" +0000,,", " +0000,\\N,");
    let read = changed(&snowflake, "accounts", "", null).await;
    assert_eq!(read.of(RecordKind::Account).len(), 3);
    let all = |text: &str| text.replace(" +0000,,", " +0000,2026-01-01 00:00:00.000 +0000,");
    let read = changed(&snowflake, "accounts", "", all).await;
    let (state, gaps) = read.ended(RecordKind::Account);
    assert_eq!((state, gaps[0].code.as_str()), (ScopeState::Failed, "COL111"));
}

#[test]
fn an_export_that_nobody_knows_is_refused_with_the_nearest_and_all() {
    let folder = Path::new(".");
    let error = configure("export = \"slack/member\", file = \"a.csv\"", folder).unwrap_err();
    assert!(error.message.contains("`slack/member`") && error.span.is_some(), "{error:?}");
    let fix = error.fix.unwrap();
    assert!(fix.contains("did you mean `slack/members`") && fix.contains("entra/users"), "{fix}");
    let error = configure("export = \"okta\", file = \"a.csv\"", folder).unwrap_err();
    assert!(error.fix.unwrap().contains("did you mean `okta/reports`"));
    let error = configure("export = \"payroll\", file = \"a.csv\"", folder).unwrap_err();
    assert!(error.fix.unwrap().starts_with("known are atlassian/"));
}

#[test]
fn what_does_not_go_together_is_refused() {
    let folder = Path::new(".");
    for (toml, message, fix) in [
        ("export = \"slack/members\"", "no file is named", "file"),
        ("export = \"okta/reports\", file = \"a.csv\"", "`file` needs `yields`", "accounts, grants"),
        (
            "export = \"slack/members\", yields = \"grants\", file = \"a.csv\"",
            "no file is what the export `slack/members` describes",
            "files = { accounts = ",
        ),
        (
            "whole = true, yields = \"accounts\", file = \"a.csv\"",
            "`whole` says something about an `export`",
            "leave it out",
        ),
        (
            "export = \"slack/members\", file = \"a.csv\", columns = { id = [], login = [] }",
            "maps no `id` or `login`",
            "columns",
        ),
    ] {
        let error = configure(toml, folder).unwrap_err();
        assert!(error.message.contains(message), "{toml}: {error:?}");
        assert!(error.fix.as_deref().unwrap().contains(fix), "{toml}: {error:?}");
    }
    configure("export = \"slack/members\", file = \"a.csv\"", folder).unwrap();
    // A table that the export does not describe is the config's own.
    let kinds = configure(
        "export = \"gitlab/user-permissions\", files = { accounts = \"a.csv\", grants = \"g.csv\" }, columns = { accounts = { id = \"Username\" } }",
        folder,
    )
    .unwrap()
    .kinds();
    assert!(kinds.contains(&RecordKind::Account) && kinds.contains(&RecordKind::Grant));
}

#[tokio::test]
async fn hostile_cells_pass_untouched_and_secrets_are_not_kept() {
    let read = collect_from(&settings(&export("google-workspace/users")), &fixtures("google-workspace/users")).await;
    let lines: Vec<String> = read.records.iter().map(line).collect();
    assert!(!lines.join("").contains("Password"), "{lines:#?}");
    let read = collect_from(&settings(&export("slack/members")), &fixtures("slack/members")).await;
    assert_eq!(accounts(&read)[4].name.as_deref(), Some("=cmd|'/c calc'!A1"));
}
