//! What the AWS command line wrote into files.

use std::path::Path;

use muster_connectors::record::{Fact, Raw, RecordKind};
use muster_connectors::scope::ScopeState;

use crate::{Collected, collect};

fn fixtures() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/aws"))
}

#[tokio::test]
async fn a_folder_of_exports_gives_the_organisation_and_names_the_account_that_is_missing() {
    let collected = collect("{ folder = \"organisation\" }", fixtures()).await;
    assert_eq!(collected.report("account/111122223333").state(), ScopeState::Complete, "{:?}", collected.gaps());
    let missing = collected.kind("account/444455556666", RecordKind::Account);
    assert_eq!((missing.state, missing.gaps[0].code.as_str()), (ScopeState::Failed, "AWS014"));
    assert!(!collected.reports.contains_key("account/777788889999"), "suspended");
    let scp = collected.policies("organization")["arn:aws:organizations::111122223333:policy/o-acme/service_control_policy/p-1"];
    assert_eq!(scp.targets, ["ou-acme-1"]);
    let center = collected.accounts("identity-center/ssoins-1");
    assert_eq!(center["grace"].federated[0].subject, "00u1");
    let accounts = collected.accounts("account/111122223333");
    assert_eq!(accounts["ada"].mfa, Fact::Known(vec!["mfa_active".to_owned()]), "without a list the report tells it");
    let key = collected.credentials("account/111122223333")["AIDAADA/access_key_1"];
    assert_eq!(key.rotated, Fact::Known("2024-01-02T03:04:05Z".parse().unwrap()));
    assert!(matches!(&accounts["ada"].raw, Raw::Object(json) if json.contains("\"UserId\":\"AIDAADA\"")));
}

#[tokio::test]
async fn one_file_of_details_says_what_it_cannot_know() {
    let collected = collect("{ file = \"organisation/111122223333/authorization-details.json\" }", fixtures()).await;
    let report = collected.report("account/111122223333");
    assert_eq!(report.state(), ScopeState::Complete);
    assert!(!report.kinds.contains_key(&RecordKind::Credential), "not promised");
    let withheld = &report.kinds[&RecordKind::Account].withheld;
    assert_eq!(withheld.keys().collect::<Vec<_>>(), ["interactive", "last_activity", "mfa", "password_changed"]);
    assert_eq!(collected.accounts("account/111122223333")["ada"].last_activity, Fact::Unsupported);
}

/// A copy of the fixture account in a folder of its own, to be damaged.
fn damaged(damage: impl Fn(&Path)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let account = folder.path().join("export/111122223333");
    std::fs::create_dir_all(&account).unwrap();
    for name in ["authorization-details.json", "credential-report.csv"] {
        std::fs::copy(fixtures().join("organisation/111122223333").join(name), account.join(name)).unwrap();
    }
    damage(&account);
    folder
}

async fn collect_damaged(damage: impl Fn(&Path)) -> Collected {
    let folder = damaged(damage);
    collect("{ folder = \"export\" }", folder.path()).await
}

#[tokio::test]
async fn a_details_file_cut_off_in_the_middle_fails_the_account_with_the_position() {
    let collected = collect_damaged(|account| {
        let path = account.join("authorization-details.json");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    })
    .await;
    let report = collected.report("account/111122223333");
    assert_eq!(report.state(), ScopeState::Failed);
    assert!(report.kinds.values().all(|kind| kind.state == ScopeState::Failed));
    let at = report.kinds[&RecordKind::Account].gaps[0].at.as_deref().unwrap();
    assert!(at.starts_with("export/111122223333/authorization-details.json:"), "{at}");
}

#[tokio::test]
async fn a_missing_last_page_makes_the_account_partial() {
    let collected = collect_damaged(|account| {
        let path = account.join("authorization-details.json");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replacen('{', "{\"IsTruncated\": true, \"Marker\": \"x\",", 1)).unwrap();
    })
    .await;
    assert_eq!(collected.kind("account/111122223333", RecordKind::Account).state, ScopeState::Partial);
}

#[tokio::test]
async fn a_missing_credential_report_is_a_gap_and_root_is_still_there() {
    let collected =
        collect_damaged(|account| std::fs::remove_file(account.join("credential-report.csv")).unwrap()).await;
    assert_eq!(collected.kind("account/111122223333", RecordKind::Credential).state, ScopeState::Partial);
    assert!(collected.accounts("account/111122223333")["root"].is_root);
}

#[tokio::test]
async fn the_report_is_read_as_the_command_line_prints_it_and_in_utf_16() {
    use base64::Engine;
    let plain = collect_damaged(|_| {}).await;
    let printed = collect_damaged(|account| {
        let path = account.join("credential-report.csv");
        let content = base64::engine::general_purpose::STANDARD.encode(std::fs::read(&path).unwrap());
        let json = format!("{{\"Content\": \"{content}\", \"ReportFormat\": \"text/csv\"}}");
        let utf16: Vec<u8> = [0xFEFF].into_iter().chain(json.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        std::fs::write(&path, utf16).unwrap();
    })
    .await;
    assert_eq!(printed.of("account/111122223333"), plain.of("account/111122223333"));
}

#[tokio::test]
async fn an_unreadable_policy_document_is_named_and_kept() {
    let collected = collect_damaged(|account| {
        let path = account.join("authorization-details.json");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"%7B%22Version", "\"%7B%22Version%22%3A%2C")).unwrap();
    })
    .await;
    let report = collected.report("account/111122223333");
    let policies = &report.kinds[&RecordKind::Policy];
    assert_eq!(policies.state, ScopeState::Partial);
    assert_eq!(policies.gaps.len(), 1, "{:?}", policies.gaps);
    assert!(
        policies.gaps[0].what.contains("AIDAADA/inline/url-encoded") && policies.gaps[0].what.contains("column 12")
    );
    assert_eq!(report.kinds[&RecordKind::Account].state, ScopeState::Complete);
    assert!(
        collected.policies("account/111122223333")["AIDAADA/inline/url-encoded"].document.starts_with("{\"Version\":,")
    );
}

#[tokio::test]
async fn an_export_in_the_wrong_folder_is_refused() {
    let folder = damaged(|account| std::fs::rename(account, account.with_file_name("444455556666")).unwrap());
    let collected = collect("{ folder = \"export\" }", folder.path()).await;
    let gap = &collected.kind("account/444455556666", RecordKind::Account).gaps[0];
    assert!(gap.what.contains("holds the details of account 111122223333"));
}

#[tokio::test]
async fn what_principals_used_is_read_from_a_file_and_a_damaged_one_is_withheld() {
    let uses = r#"{"LastAccessed": [{"Arn": "arn:aws:iam::111122223333:user/ada", "JobStatus": "COMPLETED", "ServicesLastAccessed": [
        {"ServiceName": "Amazon EC2", "ServiceNamespace": "ec2", "TotalAuthenticatedEntities": 0},
        {"ServiceName": "Amazon S3", "ServiceNamespace": "s3", "LastAuthenticated": "2026-10-01T02:03:04+00:00",
         "TrackedActionsLastAccessed": [{"ActionName": "GetObject", "LastAccessedTime": "2026-09-30T02:03:04+00:00"}]}]}]}"#;
    let written = collect_damaged(|folder| std::fs::write(folder.join("last-accessed.json"), uses).unwrap()).await;
    let scope = "account/111122223333";
    let used = &written.accounts(scope)["ada"].used;
    assert_eq!(used.keys().collect::<Vec<_>>(), ["ec2", "s3", "s3:GetObject"]);
    assert_eq!(used["ec2"], Fact::Never);
    let damaged =
        collect_damaged(|folder| std::fs::write(folder.join("last-accessed.json"), &uses[..90]).unwrap()).await;
    assert_eq!(damaged.report(scope).state(), ScopeState::Complete, "{:?}", damaged.gaps());
    assert!(damaged.kind(scope, RecordKind::Account).withheld.contains_key("used"));
}
