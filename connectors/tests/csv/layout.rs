//! Encoding, delimiter and header: what is told, and what is never guessed.

use muster_connectors::record::RecordKind;
use muster_connectors::scope::ScopeState;

use crate::collected::Collected;
use crate::{accounts, collect_bytes, only_gap, people, persons};

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
