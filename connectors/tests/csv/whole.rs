//! Whether a file is whole, and the one that was announced.

use muster_connectors::record::RecordKind;
use muster_connectors::scope::ScopeState;

use crate::{collect_bytes, collect_from, only_gap, people, persons};

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
