//! Workbooks and JSON Lines, and bytes that are neither.

use std::path::Path;

use muster_connectors::record::{Fact, Raw, RecordKind};
use muster_connectors::scope::ScopeState;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::{account_list, collect_bytes, collect_from, only_gap};

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
