//! Every table becomes its records.

use std::path::Path;

use muster_connectors::record::{
    AccountClass, EmploymentStatus, Fact, Lifecycle, PrivilegeLevel, Raw, Record, RecordKind, WorkerType,
};

use crate::{ACCOUNTS, FIXTURES, PEOPLE, account_list, collect_from, employments, grant_list, persons};

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
