//! `muster drift` on the example of two nights: each type of drift is there once and once explained, and no more.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

mod muster_cmd;

use std::collections::BTreeSet;

use muster_cmd::{Folder, list, text, truth};
use serde_json::Value;

/// Both nights, scanned.
fn scanned() -> Folder {
    let folder = Folder::example("drift");
    folder.run(&["scan", "--quiet", "--config", "muster-night-1.toml", "-o", "json=first.json"]).assert_code(1);
    folder.run(&["scan", "--quiet", "-o", "json=second.json"]).assert_code(1);
    folder
}

fn answer(folder: &Folder, more: &[&str]) -> Value {
    let ran = folder.run(&[&["drift", "-o", "json"], more].concat());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

fn addresses(entries: &Value, fields: &[&str]) -> BTreeSet<Vec<String>> {
    list(entries).iter().map(|entry| fields.iter().map(|field| text(&entry[*field])).collect()).collect()
}

fn items(of: &Value) -> BTreeSet<Vec<String>> {
    let each = |item: &Value| vec![text(&item["rule"]), text(&item["subject"]["system"]), text(&item["subject"]["id"])];
    list(&of["items"]).iter().map(each).collect()
}

#[test]
fn every_planted_item_of_every_type_is_told_and_no_other() {
    let folder = scanned();
    let (answer, truth) = (answer(&folder, &[]), truth("drift"));
    assert_eq!(list(&answer["types"]).len(), 11);
    for of in list(&answer["types"]) {
        let id = text(&of["id"]);
        let planted = &truth["types"][&id];
        if planted.is_null() {
            let is_silent = of["not_evaluated"].is_string() || list(&of["items"]).is_empty();
            assert!(is_silent, "{id}: {of:#}");
            continue;
        }
        let found = items(of);
        assert_eq!(found, addresses(&planted["drifted"], &["rule", "system", "subject"]), "{id}");
        for explained in addresses(&planted["explained"], &["system", "subject"]) {
            assert!(!found.iter().any(|item| item[1..] == explained), "{id} {explained:?}");
        }
        let things: BTreeSet<&[String]> = found.iter().map(|item| &item[1..]).collect();
        assert_eq!(of["drifted"].as_u64().unwrap(), things.len() as u64, "{id}: a thing is counted once");
        assert!(of["rate"].as_f64().unwrap() > 0.0 && of["population"].as_u64() > of["not_comparable"].as_u64());
    }
}

#[test]
fn what_only_looks_like_drift_is_counted_under_its_name() {
    let folder = scanned();
    let answer = answer(&folder, &[]);
    for step in list(&answer["noise"]) {
        let planted = truth("drift")["noise"][text(&step["step"])].clone();
        assert_eq!(planted, step["count"], "{step}");
    }
    assert_eq!(list(&answer["noise"]).len(), truth("drift")["noise"].as_object().unwrap().len());
    // What is explained did change: `diff` tells it.
    let diff = folder.expect(0, &["diff", "-o", "csv"]);
    for changed in ["c1001 · admin", "c1006 · report", "AROASUPPORT000000001"] {
        assert!(diff.contains(changed), "{changed}:\n{diff}");
    }
}

#[test]
fn types_and_snapshots_can_be_chosen_and_the_exit_code_says_what_there_is() {
    let folder = scanned();
    let one = answer(&folder, &["--type", "dt-11"]);
    assert_eq!(list(&one["types"]).len(), 1);
    folder.expect(0, &["drift", "--type", "DT-11", "--fail-on", "high"]);
    folder.expect(1, &["drift", "--type", "DT-11", "--fail-on", "low"]);
    // Compared with itself nothing came and nothing went.
    let same = answer(&folder, &["--from", "2", "--to", "2", "--type", "DT-1"]);
    assert_eq!(same["types"][0]["drifted"], 0);
    let back = answer(&folder, &["--to", "1", "--type", "DT-1"]);
    assert!(back["before"].is_null());
    assert_eq!(back["types"][0]["not_comparable_share"], 1.0, "a first night has nothing to be compared with");
    folder.expect(2, &["drift", "--type", "DT-12"]);
}

#[test]
fn the_table_tells_what_would_explain_an_item_and_what_was_not_evaluated() {
    let folder = scanned();
    let table = folder.expect(1, &["drift"]);
    for part in [
        "from  snapshot 1",
        "DT-4   declared state",
        "The role role/backup is declared for aws and not there.",
        "would be explained by an approved request",
        "no source supplies an access review",
        "ONLY LOOKS LIKE DRIFT",
    ] {
        assert!(table.contains(part), "{part}:\n{table}");
    }
}
