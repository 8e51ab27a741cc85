//! Files in, records and honest scope reports out.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod collected;

use std::path::Path;

use collected::{Collected, collect, collect_until, configured_in};
use muster_connectors::native::csv::MANUAL;
use muster_connectors::record::{
    Account, AccountClass, Employment, EmploymentStatus, Fact, Grant, Lifecycle, Person, PrivilegeLevel, Raw, Record,
    RecordKind, WorkerType,
};
use muster_connectors::scope::{Gap, ScopeState};
use muster_connectors::secret::Environment;
use muster_connectors::{Connector, SettingsError};
use proptest::prelude::*;
use tempfile::TempDir;

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
async fn an_hr_export_becomes_people_with_employments() {
    let settings = format!("file = \"people.csv\", yields = \"people\", {PEOPLE}");
    let read = collect_from(&settings, Path::new(FIXTURES)).await;
    read.assert_complete();
    assert_eq!(read.reports[0].scope, "people");
    let ada = persons(&read)[0];
    assert_eq!((ada.id.as_str(), ada.employee_ids.as_slice()), ("p-17", ["00017".to_owned()].as_slice()));
    assert_eq!(ada.emails, ["ada.berg@acme.example", "ada.b@acme.example"]);
    assert_eq!(ada.previous_names, ["Ada Lind"]);
    assert_eq!(ada.raw, Raw::At(2));
    let jobs = employments(&read);
    assert_eq!(jobs[1].worker_type, WorkerType::Contractor);
    assert_eq!(jobs[2].status, EmploymentStatus::Terminated);
    assert_eq!(jobs[2].end.unwrap().to_string(), "2026-02-27");
    assert_eq!((jobs[3].status, jobs[3].end), (EmploymentStatus::Leave, None), "year 9999 is no end");
    assert_eq!(jobs[0].time_zone.as_deref(), Some("Europe/Berlin"));
    assert!(!read.without_raw().join("").contains("70000"), "salaries are not read");
}

#[tokio::test]
async fn an_account_list_becomes_accounts_with_roles_and_groups() {
    let settings = format!("file = \"accounts.csv\", yields = \"accounts\", {ACCOUNTS}");
    let read = collect_from(&settings, Path::new(FIXTURES)).await;
    read.assert_complete();
    let accounts = account_list(&read);
    assert_eq!(accounts[0].last_activity, Fact::Known("2026-03-01T07:15:00Z".parse().unwrap()));
    assert_eq!((&accounts[1].last_activity, &accounts[1].mfa), (&Fact::Never, &Fact::Absent));
    assert_eq!(accounts[0].mfa, Fact::Known(vec!["totp".to_owned()]));
    assert_eq!(accounts[2].class, Some(AccountClass::Service));
    assert_eq!(accounts[3].lifecycle, Lifecycle::Disabled);
    assert_eq!(accounts[3].login.as_deref(), Some("=cmd|'/c calc'!A1"), "hostile values pass untouched");
    assert_eq!(accounts[3].expires, Fact::Unsupported);
    assert_eq!(accounts[0].attributes.get("Office").map(String::as_str), Some("B-2"));
    assert!(!accounts[0].attributes.keys().any(|name| name.contains("Password")), "secrets are no attributes");
    assert_eq!(read.of(RecordKind::Grant).len(), 4);
    assert_eq!(read.of(RecordKind::Entitlement).len(), 3, "each role once");
    assert_eq!((read.of(RecordKind::Group).len(), read.of(RecordKind::Membership).len()), (1, 2));
}

#[tokio::test]
async fn several_files_are_several_scopes_and_grants_imply_their_entitlements() {
    let settings = format!(
        "files = {{ accounts = \"accounts.csv\", grants = \"grants.csv\" }}, columns = {{ accounts = {{ id = \"Account ID\" }}, grants = {{ {} }} }}",
        "principal = \"account\", entitlement = \"role\", resource = \"resource\", since = \"granted\", until = \"expires\", \
         last_used = \"last used\", justification = \"reason\", privilege = \"privilege\""
    );
    let read = collect_from(&settings, Path::new(FIXTURES)).await;
    read.assert_complete();
    let scopes: Vec<&str> = read.reports.iter().map(|report| report.scope.as_str()).collect();
    assert_eq!(scopes, ["accounts", "grants"]);
    assert_eq!(read.reports[1].files[0].path, "grants.csv");
    assert_eq!(read.reports[1].files[0].sha256.len(), 64);
    let grants = grant_list(&read);
    assert_eq!(grants[1].until, Fact::Known("2026-06-30T23:59:59Z".parse().unwrap()), "a bare day lasts to its end");
    assert_eq!((&grants[1].last_used, &grants[0].until), (&Fact::Never, &Fact::Absent));
    let entitlements: Vec<_> = read
        .records
        .iter()
        .filter_map(
            |record| if let Record::Entitlement(one) = record { Some((one.id.as_str(), one.privilege)) } else { None },
        )
        .collect();
    assert_eq!(
        entitlements,
        [("Approver", Some(PrivilegeLevel::Limited)), ("Administrator", Some(PrivilegeLevel::Admin))]
    );
    assert!(read.notes.iter().any(|note| note.contains("UTC")), "{:?}", read.notes);
}

#[tokio::test]
async fn every_table_is_read_with_its_usual_headings() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("people", "Employee ID,Work Email\n1,a@x\n"),
        ("accounts", "Username\nann\n"),
        ("groups", "Group Name,Membership Type,Self Service\ng,rule,yes\n"),
        ("memberships", "Group,User,Member Type\ng,ann,user\n"),
        ("resources", "Resource ID,Type\nr,db\n"),
        ("entitlements", "Role,Privilege\nreader,standard\n"),
        ("grants", "User,Role\nann,reader\n"),
        ("credentials", "Key ID,User,Type,Status,Expires\nk,ann,API key,enabled,2027-01-01\n"),
        ("policies", "Policy ID,Type,Document\np,inline,{}\n"),
        ("federations", "Account,Issuer,NameID\nann,https://idp,ann@x\n"),
        ("audit_events", "Event ID,Time,Actor,Action\ne,2026-03-01T00:00:00Z,ann,login\n"),
        ("approvals", "Ticket,Requested for,Status\nt,ann,Approved\n"),
    ];
    let mut names = Vec::new();
    for (table, content) in files {
        std::fs::write(folder.path().join(format!("{table}.csv")), content).unwrap();
        names.push(format!("{table} = \"{table}.csv\""));
    }
    let read = collect_from(&format!("files = {{ {} }}", names.join(", ")), folder.path()).await;
    read.assert_complete();
    for kind in RecordKind::ALL {
        assert_eq!(read.of(*kind).len(), 1, "{kind}");
    }
}

#[tokio::test]
async fn encodings_are_told_by_a_mark_or_by_the_config_and_never_guessed() {
    let text = "employee_id,legal_name\n1,José Núñez\n";
    let utf16: Vec<u8> = [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let (ansi, _, _) = encoding_rs::WINDOWS_1252.encode(text);
    let marked = [b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat();
    for (bytes, settings) in [
        (marked.as_slice(), ""),
        (utf16.as_slice(), ""),
        (&utf16[2..], ", encoding = \"utf-16le\""),
        (ansi.as_ref(), ", encoding = \"windows-1252\""),
    ] {
        let read = collect_bytes("p.csv", bytes, &format!("yields = \"people\"{settings}")).await;
        read.assert_complete();
        assert_eq!(persons(&read)[0].legal_name.as_deref(), Some("José Núñez"));
    }
    let many = format!("employee_id,legal_name\n1,Ann\n2,Bo\n3,{}\n", "José");
    let (ansi_row, _, _) = encoding_rs::WINDOWS_1252.encode(&many);
    let read = collect_bytes("p.csv", &ansi_row, "yields = \"people\"").await;
    assert_eq!(read.ended(RecordKind::Person).0, ScopeState::Partial);
    assert_eq!(persons(&read).len(), 2, "only the row is lost");
    let gap = only_gap(&read, RecordKind::Person);
    assert_eq!((gap.code.as_str(), gap.at.as_deref()), ("COL110", Some("p.csv:4:2")));
    let byte = many.find('é').unwrap();
    assert!(
        gap.what.contains(&format!("byte {byte}")) && gap.fix.as_deref().unwrap().contains("windows-1252"),
        "{gap:?}"
    );
    let read = collect_bytes("p.csv", &utf16[2..], "yields = \"people\"").await;
    assert_eq!(read.ended(RecordKind::Person).0, ScopeState::Failed);
    assert_eq!(only_gap(&read, RecordKind::Person).code, "COL102");
    let read = collect_bytes("p.csv", b"employee_id,Pr\xe9nom\n1,x\n", "yields = \"people\"").await;
    assert_eq!(only_gap(&read, RecordKind::Person).code, "COL102");
}

#[tokio::test]
async fn delimiters_are_found_out_and_can_be_named() {
    for (name, text, settings) in [
        ("p.csv", "employee_id;legal_name\n1;\"Berg; Ada\"\n", ""),
        ("p.csv", "employee_id|legal_name\n1|Berg; Ada\n", ""),
        ("p.csv", "employee_id\tlegal_name\n1\tBerg; Ada\n", ""),
        ("p.tsv", "employee_id\tlegal_name\n1\tBerg; Ada\n", ""),
        ("p.csv", "sep=;\r\nemployee_id;legal_name\r\n1;\"Berg; Ada\"\r\n", ""),
        ("p.csv", "employee_id~legal_name\n1~Berg; Ada\n", ", delimiter = \"~\""),
        ("p.txt", "\n\nemployee_id,legal_name\n\n1,Berg; Ada\n,\n", ""),
    ] {
        let read = collect_bytes(name, text.as_bytes(), &format!("yields = \"people\"{settings}")).await;
        read.assert_complete();
        assert_eq!(persons(&read)[0].legal_name.as_deref(), Some("Berg; Ada"), "{text}");
        assert_eq!(persons(&read).len(), 1);
    }
}

#[tokio::test]
async fn headings_match_without_case_and_invisible_characters() {
    let read = collect_bytes(
        "p.csv",
        "\u{feff}\u{a0}Worker\u{a0}ID \u{200b},Work EMAIL\n1,a@x\n".as_bytes(),
        "yields = \"people\", columns = { employee_id = \"worker id\", email = \" Work  Email\" }",
    )
    .await;
    read.assert_complete();
    assert_eq!(persons(&read)[0].emails, ["a@x"]);
}

#[tokio::test]
async fn a_missing_column_fails_the_file_and_names_its_neighbour() {
    let read = collect_bytes(
        "p.csv",
        b"Worker ID,Termination Dat\n1,2026-01-01\n",
        "yields = \"people\", columns = { employee_id = \"Worker ID\", end = \"Termination Date\" }",
    )
    .await;
    assert!(read.records.is_empty());
    for kind in [RecordKind::Person, RecordKind::Employment] {
        assert_eq!(read.ended(kind).0, ScopeState::Failed);
    }
    let gap = only_gap(&read, RecordKind::Person);
    assert_eq!(gap.code, "COL103");
    assert!(gap.what.contains("`Termination Date`"));
    assert!(gap.cause.as_deref().unwrap().contains("Worker ID, Termination Dat"));
    assert!(gap.fix.as_deref().unwrap().contains("did you mean `Termination Dat`"));
    let twice = people("employee_id,email,Email\n1,a,b\n").await;
    assert!(only_gap(&twice, RecordKind::Person).what.contains("more than once"));
    let none = people("foo,bar\n1,a\n").await;
    assert!(only_gap(&none, RecordKind::Person).what.contains("`id` or `employee_id`"));
}

#[tokio::test]
async fn a_changed_header_changes_the_fingerprint_and_an_expected_one_is_enforced() {
    let print = |read: &Collected| read.reports[0].files[0].header.clone().unwrap();
    let (one, same, other) = (
        people("employee_id,title\n1,a\n").await,
        people("Employee_ID, Title\n2,b\n").await,
        people("employee_id;title\n1;a\n").await,
    );
    assert_eq!(print(&one), print(&same));
    assert_ne!(print(&one), print(&other));
    let read = collect_bytes(
        "p.csv",
        b"employee_id,title\n1,a\n",
        "yields = \"people\", header = [\"title\", \"employee_id\"]",
    )
    .await;
    assert_eq!(read.ended(RecordKind::Person).0, ScopeState::Failed);
    assert_eq!(only_gap(&read, RecordKind::Person).code, "COL103");
}

#[tokio::test]
async fn each_bad_row_is_listed_with_its_place_and_costs_only_itself() {
    let read = people(
        "employee_id,start,end,status\n\
         1,2020-01-01,,active\n\
         2,2020-02-30,,active\n\
         3,2020-01-01,2019-01-01,active\n\
         ,2020-01-01,,active\n\
         5,2020-01-01,,active,surplus\n\
         6,2020-01-01,,active\n\
         7,2020-01-01,,on the moon\n\
         8,2020-01-01,,active\n\
         9,2020-01-01,,active\n",
    )
    .await;
    let (state, gaps) = read.ended(RecordKind::Employment);
    assert_eq!(state, ScopeState::Partial);
    let listed: Vec<(&str, &str)> = gaps.iter().map(|gap| (gap.code.as_str(), gap.at.as_deref().unwrap())).collect();
    assert_eq!(
        listed,
        [
            ("COL105", "p.csv:3:2"),
            ("COL107", "p.csv:4:3"),
            ("COL106", "p.csv:5:1"),
            ("COL104", "p.csv:6"),
            ("COL109", "p.csv:8:4")
        ]
    );
    let ids: Vec<&str> = persons(&read).iter().map(|person| person.id.as_str()).collect();
    assert_eq!(ids, ["1", "6", "7", "8", "9"]);
    assert_eq!(employments(&read)[2].status, EmploymentStatus::Unknown, "an unknown word costs only its field");
    assert_eq!(read.ended(RecordKind::Person).1.len(), 4, "a status says nothing about the person");
}

#[tokio::test]
async fn an_unreadable_instant_of_an_account_costs_only_the_field() {
    let read = accounts(
        "id,last login,created\n1,soon,2020-01-01\n2,2026-01-01,2020-01-01\n3,,\n4,unknown,\n5,2026-01-01T00:00:00Z,\n",
    )
    .await;
    let states: Vec<_> = account_list(&read).iter().map(|account| account.last_activity.state().as_str()).collect();
    assert_eq!(states, ["unreadable", "known", "none", "unreadable", "known"]);
    assert_eq!(only_gap(&read, RecordKind::Account).at.as_deref(), Some("a.csv:2:2"));
}

#[tokio::test]
async fn a_day_and_month_in_unknown_order_is_an_error_that_asks() {
    let read = people("employee_id,end\n1,\n2,25/12/2026\n3,03/04/2026\n").await;
    assert_eq!(read.ended(RecordKind::Employment).0, ScopeState::Failed);
    let gap = only_gap(&read, RecordKind::Employment);
    assert_eq!(gap.code, "COL114");
    assert!(gap.what.contains("p.csv:3:2") && gap.fix.as_deref().unwrap().contains("%d/%m/%Y"), "{gap:?}");
    let text = b"employee_id,end\n1,25/12/2026\n2,03/04/2026\n";
    let read = collect_bytes("p.csv", text, "yields = \"people\", dates = [\"%d/%m/%Y\"]").await;
    read.assert_complete();
    assert_eq!(employments(&read)[1].end.unwrap().to_string(), "2026-04-03");
}

#[tokio::test]
async fn the_config_says_what_a_systems_own_words_mean() {
    let settings = "yields = \"people\", values = { status = { \"X9\" = \"terminated\", \"\" = \"active\" } }";
    let read = collect_bytes("p.csv", b"employee_id,status\n1,x9\n2,a\n", settings).await;
    read.assert_complete();
    assert_eq!(employments(&read)[0].status, EmploymentStatus::Terminated);
    let settings = "yields = \"accounts\", values = { last_activity = { \"\" = \"never\" }, class = { \"?\" = \"\" } }";
    let read = collect_bytes("a.csv", b"id,type,last login\n1,?,\n", settings).await;
    read.assert_complete();
    assert_eq!((account_list(&read)[0].class, &account_list(&read)[0].last_activity), (None, &Fact::Never));
}

#[tokio::test]
async fn identical_duplicates_are_one_and_conflicting_ones_are_listed() {
    let read = accounts("id,name\n1,Ann\n2,Bo\n1,Ann\n").await;
    read.assert_complete();
    assert_eq!(account_list(&read).len(), 2);
    let read = accounts("id,name\n1,Ann\n2,Bo\n1,Anne\n3,Cy\n4,Di\n1,Anna\n").await;
    let (state, gaps) = read.ended(RecordKind::Account);
    assert_eq!((state, gaps.len()), (ScopeState::Partial, 2));
    assert!(gaps[1].what.contains("line 7") && gaps[1].what.contains("line 2"), "{:?}", gaps[1]);
    assert_eq!(account_list(&read)[0].name.as_deref(), Some("Ann"), "the first is kept");
}

#[tokio::test]
async fn a_person_with_several_contracts_is_one_person() {
    let read =
        people("employee_id,contract id,name,start,end\n1,A,Ann,2018-01-01,2019-12-31\n1,B,Ann,2024-01-01,\n").await;
    read.assert_complete();
    assert_eq!(persons(&read).len(), 1);
    let ids: Vec<&str> = employments(&read).iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["1/A", "1/B"]);
    let read = people("employee_id,contract id,name\n1,A,Ann\n1,B,Bo\n2,A,Cy\n").await;
    assert_eq!(read.ended(RecordKind::Person).0, ScopeState::Partial, "two names for one person");
    assert_eq!(read.ended(RecordKind::Employment).0, ScopeState::Complete);
}

#[tokio::test]
async fn a_row_that_is_refused_tells_nothing_of_the_person() {
    // Change 2 is told twice, differently: neither its names nor its addresses are anybody's.
    let changes = "employee_id,name,email,start,sequence,status\n\
         1,Ann Old,ann@x.example,2018-01-01,1,active\n\
         1,Ann New,new@x.example,2018-01-01,2,active\n\
         1,Bob Other,bob@x.example,2018-01-01,2,terminated\n\
         1,Ann New,new@x.example,2018-01-01,2,active\n\
         2,Cy,cy@x.example,2018-01-01,1,active\n\
         2,Di,di@x.example,2018-01-01,1,active\n";
    let read = people(changes).await;
    let told: Vec<_> = persons(&read)
        .iter()
        .map(|one| (one.id.as_str(), one.legal_name.as_deref(), one.emails.clone(), one.previous_names.clone()))
        .collect();
    assert_eq!(told, [("1", Some("Ann Old"), vec!["ann@x.example".to_owned()], Vec::new())]);
    let (state, gaps) = read.ended(RecordKind::Person);
    let places: Vec<_> = gaps.iter().map(|gap| (gap.code.as_str(), gap.at.as_deref().unwrap())).collect();
    assert_eq!((state, places), (ScopeState::Partial, vec![("COL108", "p.csv:4:1"), ("COL108", "p.csv:7:1")]));
    // With several contracts, the person is whoever the rows that are left describe.
    let read = people("employee_id,contract id,name\n1,A,Ann\n1,A,Bob\n1,B,Cy\n").await;
    let names: Vec<_> = persons(&read).iter().map(|one| one.legal_name.as_deref()).collect();
    assert_eq!(names, [Some("Cy")]);
    let read = people("employee_id,contract id,name\n1,A,Ann\n1,B,Cy\n").await;
    assert_eq!(only_gap(&read, RecordKind::Person).at.as_deref(), Some("p.csv:3:3"));
}

#[tokio::test]
async fn a_shifted_header_fails_the_file() {
    let read = people("employee_id,name\n1,Ann,x\n2,Bo,x\n3,Cy\n").await;
    assert_eq!(read.ended(RecordKind::Person).0, ScopeState::Failed);
    assert!(read.ended(RecordKind::Person).1.iter().any(|gap| gap.code == "COL111"));
    let read = people("name,employee_id\nAnn,\nBo,\nCy,3\n").await;
    assert_eq!(read.ended(RecordKind::Person).0, ScopeState::Failed, "the id column is empty");
    let shifted =
        "id,status,last login,name\n1,Ann Berg,active,2026-01-01\n2,Bo Chen,active,2026-01-02\n3,Cy,active,never\n";
    let read = accounts(shifted).await;
    assert_eq!(read.ended(RecordKind::Account).0, ScopeState::Failed, "status and date hold something else");
    let read = people("employee_id,status\n1,Grade 7\n2,Grade 8\n3,active\n").await;
    assert_eq!(read.ended(RecordKind::Employment).0, ScopeState::Partial, "one vocabulary that nobody mapped");
    assert_eq!(read.ended(RecordKind::Person).0, ScopeState::Complete);
}

#[tokio::test]
async fn words_for_nothing_are_nothing_and_roles_need_a_mapping() {
    let read =
        people("employee_id,status,start,end\n1,-,2020-01-01,N/A\n2,NULL,2020-01-01,0000-00-00\n3,n/a,2020-01-01,-\n")
            .await;
    read.assert_complete();
    assert!(employments(&read).iter().all(|one| one.end.is_none() && one.status == EmploymentStatus::Unknown));
    let read = accounts("id,roles\n1,Admin\n").await;
    read.assert_complete();
    assert!(read.of(RecordKind::Grant).is_empty(), "what a system yields is known before its files are opened");
    assert_eq!(account_list(&read)[0].attributes.get("roles").map(String::as_str), Some("Admin"));
}

#[tokio::test]
async fn unmapped_columns_of_people_make_no_conflict() {
    let read = people("row,employee_id,name\n1,7,Ann\n2,7,Ann\n").await;
    read.assert_complete();
    assert_eq!(persons(&read).len(), 1);
}

#[tokio::test]
async fn of_people_only_what_the_config_names_is_kept_as_attributes() {
    let file = "employee_id,name,Mobile,Salary\n7,Ann, +49 171 1 ,1000\n8,Bob,,1000\n";
    let read = people(file).await;
    assert!(persons(&read).iter().all(|person| person.attributes.is_empty()));
    let read = collect_bytes("p.csv", file.as_bytes(), "yields = \"people\", attributes = [\"mobile\"]").await;
    read.assert_complete();
    let kept: Vec<_> = persons(&read).iter().map(|person| person.attributes.clone()).collect();
    assert_eq!(kept, [[("Mobile".to_owned(), "+49 171 1".to_owned())].into(), [].into()]);
    let read = collect_bytes("p.csv", file.as_bytes(), "yields = \"people\", attributes = [\"Mobiles\"]").await;
    let gap = only_gap(&read, RecordKind::Person);
    assert_eq!((gap.code.as_str(), gap.what.as_str()), ("COL103", "the header has no column `Mobiles`"));
    assert!(gap.fix.as_deref().unwrap().contains("did you mean `Mobile`? Correct `attributes`"), "{gap:?}");
}

#[tokio::test]
async fn a_file_that_is_cut_short_is_partial() {
    for text in
        ["employee_id,name,title\n1,Ann,x\n2,Bo,y\n3,C", "employee_id,name,title\n1,Ann,x\n2,Bo,y\n3,Cy,\"z\n4,Di,x\n"]
    {
        let read = people(text).await;
        assert_eq!(read.ended(RecordKind::Person).0, ScopeState::Partial, "{text}");
        assert!(read.ended(RecordKind::Person).1.iter().any(|gap| gap.code == "COL112"), "{text}");
    }
    people("employee_id,name\n1,Ann\n2,\"Bo\nChen\"").await.assert_complete();
}

#[tokio::test]
async fn an_open_quote_in_the_middle_costs_the_rows_it_swallows_and_says_so() {
    let read = people("employee_id,name\n1,Ann\n2,\"Bo\n3,Cy\n4,\"Di\"\n5,Ed\n6,Flo\n").await;
    assert_eq!(read.ended(RecordKind::Person).0, ScopeState::Partial);
    assert!(
        read.ended(RecordKind::Person)
            .1
            .iter()
            .any(|gap| gap.cause.as_deref().is_some_and(|cause| cause.contains("quote")))
    );
}

#[tokio::test]
async fn a_quote_that_swallows_the_file_does_not_fill_the_memory() {
    let text = format!("employee_id,name\n1,Ann\n2,\"{}\n", "x,y\n".repeat(6 << 20));
    let read = people(&text).await;
    assert_eq!(read.ended(RecordKind::Person).0, ScopeState::Partial);
    assert!(only_gap(&read, RecordKind::Person).cause.as_deref().unwrap().contains("16 MiB"));
    assert_eq!(persons(&read).len(), 1);
}

#[tokio::test]
async fn a_missing_file_is_failed_and_so_is_one_without_header_but_one_without_rows_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let read = collect_from("file = \"gone.csv\", yields = \"people\"", folder.path()).await;
    assert!(read.result.is_ok());
    assert_eq!(read.ended(RecordKind::Person).0, ScopeState::Failed);
    let gap = only_gap(&read, RecordKind::Person);
    assert!(gap.code == "COL100" && gap.what.contains("gone.csv"));
    for text in ["", "\n", "\u{feff}"] {
        let read = people(text).await;
        assert_eq!(read.ended(RecordKind::Person).0, ScopeState::Failed, "{text:?}");
        assert_eq!(only_gap(&read, RecordKind::Person).code, "COL103", "{text:?}");
    }
    collect_bytes("p.jsonl", b"", "yields = \"people\"").await.assert_complete();
    for text in ["employee_id,name\n", "employee_id,name"] {
        let read = people(text).await;
        read.assert_complete();
        assert!(read.records.is_empty());
    }
}

#[tokio::test]
async fn promised_row_counts_are_compared() {
    let text = b"employee_id|name\n1|Ann\n2|Bo\nTRAILER|2\n";
    let read = collect_bytes("p.csv", text, "yields = \"people\", trailer = \"TRAILER\", expect_rows = 2").await;
    read.assert_complete();
    assert_eq!(read.reports[0].kinds[&RecordKind::Employment].declared_total, Some(2));
    for (text, settings, code) in [
        ("employee_id,name\n1,Ann\nTRAILER|2\n", "trailer = \"TRAILER\"", "COL113"),
        ("employee_id,name\n1,Ann\n", "trailer = \"TRAILER\"", "COL112"),
        ("employee_id,name\n1,Ann\nTRAILER\n", "trailer = \"TRAILER\"", "COL113"),
        ("employee_id,name\n1,Ann\nTRAILER|1\n2,Bo\n", "trailer = \"TRAILER\"", "COL113"),
        ("employee_id,name\n1,Ann\n", "expect_rows = 2", "COL113"),
        ("employee_id,name\n1,Ann\n", "expect_rows = 0", "COL113"),
        ("employee_id,name\n", "expect_rows = 2", "COL113"),
    ] {
        let read = collect_bytes("p.csv", text.as_bytes(), &format!("yields = \"people\", {settings}")).await;
        assert_eq!(read.ended(RecordKind::Person).0, ScopeState::Partial, "{text}");
        assert_eq!(only_gap(&read, RecordKind::Person).code, code, "{text}");
    }
}

#[tokio::test]
async fn another_file_than_the_announced_one_is_failed_and_the_collected_instant_is_kept() {
    let wrong = "0".repeat(64);
    let read =
        collect_bytes("p.csv", b"employee_id\n1\n", &format!("yields = \"people\", expect_sha256 = \"{wrong}\"")).await;
    assert_eq!(read.ended(RecordKind::Person).0, ScopeState::Failed);
    assert!(read.records.is_empty());
    assert_eq!(only_gap(&read, RecordKind::Person).code, "COL101");
    let read =
        collect_bytes("p.csv", b"employee_id\n1\n", "yields = \"people\", collected = \"2026-03-01T04:00:00Z\"").await;
    assert_eq!(read.reports[0].files[0].collected.unwrap().to_string(), "2026-03-01T04:00:00Z");
}

/// The same three accounts as CSV, XLSX and JSON Lines.
fn same_table(folder: &TempDir) {
    std::fs::write(
        folder.path().join("a.csv"),
        "Id,Login,Mails,Created,Seen,On,Roles\n\
         1001,ann,a@x;b@x,2020-01-02,2026-03-01T08:15:00,true,R1;R2\n\
         1002,bo,,2021-05-06,never,false,\n\
         1003,\"=1+1\",c@x,2022-01-01,,true,R1\n",
    )
    .unwrap();
    std::fs::write(
        folder.path().join("a.jsonl"),
        concat!(
            r#"{"Id":1001,"Login":"ann","Mails":["a@x","b@x"],"Created":"2020-01-02","Seen":"2026-03-01T08:15:00","On":true,"Roles":["R1","R2"]}"#,
            "\n\n",
            r#"{"Id":"1002","Login":"bo","Created":"2021-05-06","Seen":"never","On":false,"Roles":[]}"#,
            "\n",
            r#"{"Id":1003,"Login":"=1+1","Mails":"c@x","Created":"2022-01-01","Seen":null,"On":true,"Roles":["R1"]}"#,
            "\n"
        ),
    )
    .unwrap();
    workbook(&folder.path().join("a.xlsx"));
}

/// A workbook as people make them: a title, merged group headings, an indented table, typed dates, a formula, a second sheet.
fn workbook(path: &Path) {
    use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name("Accounts").unwrap();
    let (day, time) = (Format::new().set_num_format("dd.mm.yyyy"), Format::new().set_num_format("yyyy-mm-dd hh:mm"));
    sheet.write(0, 1, "Accounts of the ledger").unwrap();
    sheet.merge_range(1, 1, 1, 3, "Who", &Format::new()).unwrap();
    sheet.merge_range(1, 4, 1, 7, "What", &Format::new()).unwrap();
    for (column, heading) in (1..).zip(["Id", "Login", "Mails", "Created", "Seen", "On", "Roles"]) {
        sheet.write(3, column, heading).unwrap();
    }
    let date = |year, month, day| ExcelDateTime::from_ymd(year, month, day).unwrap();
    sheet.write(4, 1, 1001).unwrap();
    sheet.write(4, 2, Formula::new("=LOWER(\"ANN\")").set_result("ann")).unwrap();
    sheet.write(4, 3, "a@x;b@x").unwrap();
    sheet.write_with_format(4, 4, date(2020, 1, 2), &day).unwrap();
    sheet.write_with_format(4, 5, date(2026, 3, 1).and_hms(8, 15, 0).unwrap(), &time).unwrap();
    sheet.write(4, 6, true).unwrap();
    sheet.write(4, 7, "R1;R2").unwrap();
    sheet.write(6, 1, "1002").unwrap();
    sheet.write(6, 2, "bo").unwrap();
    sheet.write_with_format(6, 4, date(2021, 5, 6), &day).unwrap();
    sheet.write(6, 5, "never").unwrap();
    sheet.write(6, 6, false).unwrap();
    sheet.write(7, 1, 1003).unwrap();
    sheet.write_string(7, 2, "=1+1").unwrap();
    sheet.write(7, 3, "c@x").unwrap();
    sheet.write_with_format(7, 4, date(2022, 1, 1), &day).unwrap();
    sheet.write(7, 6, true).unwrap();
    sheet.write(7, 7, "R1").unwrap();
    let other = book.add_worksheet().set_name("Other").unwrap();
    other.write(0, 0, "Nothing").unwrap();
    book.save(path).unwrap();
}

/// The container that Excel puts around an encrypted workbook (MS-CFB, MS-OFFCRYPTO): a header, one FAT sector, one directory.
fn locked_workbook() -> Vec<u8> {
    let mut file = vec![0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
    file.resize(24, 0);
    for half in [0x3E_u16, 3, 0xFFFE, 9, 6, 0, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    for word in [0, 1, 1, 0, 4096, 0xFFFF_FFFE, 0, 0xFFFF_FFFE_u32, 0, 0] {
        file.extend(word.to_le_bytes());
    }
    file.truncate(76);
    file.extend(0_u32.to_le_bytes());
    file.resize(512, 0xFF);
    file.extend(0xFFFF_FFFD_u32.to_le_bytes());
    file.extend(0xFFFF_FFFE_u32.to_le_bytes());
    file.resize(1024, 0xFF);
    for (name, kind) in [("Root Entry", 5), ("EncryptionInfo", 2), ("EncryptedPackage", 2), ("", 0)] {
        let mut entry: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let length = u16::try_from(entry.len() + 2).unwrap();
        entry.resize(64, 0);
        entry.extend(length.to_le_bytes());
        entry.push(kind);
        entry.resize(116, 0);
        entry.extend(0xFFFF_FFFE_u32.to_le_bytes());
        entry.resize(128, 0);
        file.extend(entry);
    }
    file
}

const SAME: &str = "yields = \"accounts\", columns = { id = \"Id\", login = \"Login\", email = \"Mails\", created = \"Created\", \
                    last_activity = \"Seen\", lifecycle = \"On\", roles = \"Roles\" }";

#[tokio::test]
async fn csv_xlsx_and_json_lines_of_one_table_give_the_same_records() {
    let folder = tempfile::tempdir().unwrap();
    same_table(&folder);
    let mut all = Vec::new();
    for name in ["a.csv", "a.xlsx", "a.jsonl"] {
        let read = collect_from(&format!("file = \"{name}\", {SAME}"), folder.path()).await;
        read.assert_complete();
        assert_eq!(account_list(&read).len(), 3, "{name}");
        all.push(read.without_raw());
    }
    assert_eq!(all[0], all[1], "XLSX");
    assert_eq!(all[0], all[2], "JSON Lines");
    let read = collect_from(&format!("file = \"a.xlsx\", {SAME}"), folder.path()).await;
    assert_eq!(account_list(&read)[0].raw, Raw::At(5), "the sheet's own row");
}

#[tokio::test]
async fn sheets_are_chosen_by_name_and_bad_workbooks_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    same_table(&folder);
    let path = |text: &str| format!("file = \"a.xlsx\", sheet = \"{text}\", {SAME}");
    collect_from(&path("accounts"), folder.path()).await.assert_complete();
    let read = collect_from(&path("Missing"), folder.path()).await;
    let gap = only_gap(&read, RecordKind::Account);
    assert!(gap.code == "COL115" && gap.cause.as_deref().unwrap().contains("Accounts, Other"), "{gap:?}");
    let read = collect_from(&path("Other"), folder.path()).await;
    assert_eq!(only_gap(&read, RecordKind::Account).code, "COL103");
    let read = collect_bytes("a.xlsx", b"not a zip", "yields = \"accounts\"").await;
    assert_eq!(read.ended(RecordKind::Account).0, ScopeState::Failed);
    let whole = std::fs::read(folder.path().join("a.xlsx")).unwrap();
    let read = collect_bytes("a.xlsx", &whole[..whole.len() / 2], "yields = \"accounts\"").await;
    assert_eq!(read.ended(RecordKind::Account).0, ScopeState::Failed, "truncated");
    let read = collect_bytes("a.xlsx", &locked_workbook(), "yields = \"accounts\"").await;
    assert!(only_gap(&read, RecordKind::Account).cause.as_deref().unwrap().contains("password"));
}

#[tokio::test]
async fn ids_that_a_workbook_rounded_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.xlsx");
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write_row(0, 0, ["id", "name"]).unwrap();
    for (row, id) in [(1, 1.0), (2, 12_345_678_901_234_567_890.0), (3, 3.0)] {
        sheet.write(row, 0, id).unwrap();
    }
    book.save(&path).unwrap();
    let read = collect_from("file = \"a.xlsx\", yields = \"accounts\"", folder.path()).await;
    assert_eq!(account_list(&read).len(), 2);
    assert_eq!(only_gap(&read, RecordKind::Account).at.as_deref(), Some("a.xlsx:3:1"));
}

#[tokio::test]
async fn json_lines_have_nested_keys_and_bad_lines_cost_only_themselves() {
    let text = concat!(
        "{\"user\":{\"id\":\"1\",\"mail\":{\"work\":\"a@x\"}},\"tags\":[\"p;q\",\"r\"]}\n",
        "[1]\n",
        "{\"user\":{\"id\":\"2\"}}\n",
        "{\"user\":\n",
        "{\"user\":{\"id\":\"3\"}}\n",
        "{\"user\":{\"id\":\"4\"}}\n",
    );
    let settings = "yields = \"accounts\", columns = { id = \"user.id\", email = \"user.mail.work\", mfa = \"tags\" }";
    let read = collect_bytes("a.jsonl", text.as_bytes(), settings).await;
    let places: Vec<_> = read.ended(RecordKind::Account).1.iter().map(|gap| gap.at.as_deref().unwrap()).collect();
    assert_eq!(places, ["a.jsonl:2", "a.jsonl:4"]);
    assert_eq!(account_list(&read).len(), 4);
    assert_eq!(account_list(&read)[0].emails, ["a@x"]);
    assert_eq!(
        account_list(&read)[0].mfa,
        Fact::Known(vec!["p;q".to_owned(), "r".to_owned()]),
        "elements are not split again"
    );
    let read = collect_bytes(
        "a.jsonl",
        text.as_bytes(),
        "yields = \"accounts\", columns = { id = \"user.id\", email = \"user.mail.home\" }",
    )
    .await;
    assert_eq!(read.ended(RecordKind::Account).0, ScopeState::Failed, "a mapped key that no line has");
    let read = collect_bytes("a.jsonl", b"{\"id\":\"1\"}\n{\"id\":\"2\"}\n{\"id\":\"3", "yields = \"accounts\"").await;
    assert_eq!(read.ended(RecordKind::Account).0, ScopeState::Partial, "torn");
    assert!(read.ended(RecordKind::Account).1.iter().any(|gap| gap.code == "COL112"));
}

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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// No bytes make the reader panic, and none make it complete while it lost a row of a plain file.
    #[test]
    fn no_bytes_hurt(bytes in proptest::collection::vec(any::<u8>(), 0..400), table in 0..4_usize, json: bool) {
        let settings = ["people", "accounts", "grants", "approvals"][table];
        let header: &[u8] = match (json, table) {
            (true, _) => b"{\"employee_id\":1,\"id\":\"x\",\"principal\":\"a\",\"entitlement\":\"e\",\"beneficiary\":\"b\",\"approved\":true}\n",
            (false, 0) => b"employee_id,start,end,status,email\n",
            (false, 1) => b"id,created,last_activity,lifecycle,expires\n",
            (false, 2) => b"principal,entitlement,since,until\n",
            (false, _) => b"id,beneficiary,approved,from\n",
        };
        let name = if json { "x.jsonl" } else { "x.csv" };
        let content = [header, &bytes].concat();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let read = runtime.block_on(collect_bytes(name, &content, &format!("yields = \"{settings}\"")));
        prop_assert!(read.result.is_ok(), "{:?}", read.result);
    }

    /// Text that looks like a table is read without a panic as well, in every encoding.
    #[test]
    fn no_table_hurts(text in "([0-9a-zA-Z\"'/:. -]{0,8}[,;\n|\t]){0,60}", encoding in 0..3_usize) {
        let label = ["utf-8", "windows-1252", "utf-16le"][encoding];
        let content = format!("id,created,expires,mfa\n{text}");
        let bytes: Vec<u8> =
            if encoding == 2 { content.encode_utf16().flat_map(u16::to_le_bytes).collect() } else { content.into_bytes() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let read = runtime.block_on(collect_bytes("x.csv", &bytes, &format!("yields = \"accounts\", encoding = \"{label}\"")));
        prop_assert!(read.result.is_ok(), "{:?}", read.result);
    }

    /// A damaged workbook is failed or partial, and hurts nothing else.
    #[test]
    fn no_damaged_workbook_hurts(places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let folder = tempfile::tempdir().unwrap();
        workbook(&folder.path().join("a.xlsx"));
        let mut bytes = std::fs::read(folder.path().join("a.xlsx")).unwrap();
        for (place, byte) in places {
            let index = place.index(bytes.len());
            bytes[index] = byte;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let read = runtime.block_on(collect_bytes("a.xlsx", &bytes, SAME));
        prop_assert_eq!(read.reports.len(), 1);
    }
}
