//! The example of three nights: each type of drift is there and once explained, each state of a finding is there, and no more.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

mod muster_cmd;

use std::collections::BTreeSet;

use muster_cmd::{Folder, list, text, truth};
use serde_json::Value;

/// All nights, scanned; on the last one an export came back short.
fn scanned() -> Folder {
    let folder = Folder::example("drift");
    folder.run(&["scan", "--quiet", "--config", "muster-night-1.toml", "-o", "json=first.json"]).assert_code(1);
    folder.run(&["scan", "--quiet", "--config", "muster-night-2.toml", "-o", "json=second.json"]).assert_code(1);
    folder.run(&["scan", "--quiet", "-o", "json=third.json"]).assert_code(3);
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
        assert!(!list(&planted["drifted"]).is_empty() && !list(&planted["explained"]).is_empty(), "{id}");
        assert!(of["not_evaluated"].is_null(), "{id}: {of:#}");
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
fn every_finding_has_the_state_that_was_planted_and_every_state_is_there() {
    let folder = scanned();
    let report: Value = serde_json::from_str(&folder.read("third.json")).unwrap();
    let mut found = BTreeSet::new();
    for (part, state) in [("findings", None), ("unconfirmed", Some("not confirmed")), ("resolved", None)] {
        for finding in list(&report[part]) {
            let subject = &finding["subject"];
            let state = state.map_or_else(|| text(&finding["state"]), str::to_owned);
            let system = subject["system"].as_str().unwrap_or_default().to_owned();
            found.insert(vec![text(&finding["rule"]), system, text(&subject["id"]), state]);
        }
    }
    let planted = addresses(&truth("drift")["findings"], &["rule", "system", "subject", "state"]);
    let [missing, extra] = [planted.difference(&found), found.difference(&planted)].map(Iterator::collect::<Vec<_>>);
    assert!(missing.is_empty() && extra.is_empty(), "missing: {missing:#?}\nextra: {extra:#?}");
    let states: BTreeSet<&str> = found.iter().map(|finding| finding[3].as_str()).collect();
    let all = ["accepted", "acknowledged", "not confirmed", "open", "regressed", "resolved", "snoozed"];
    assert_eq!(states, BTreeSet::from(all));
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
    // What the wiki withholds may have drifted as well.
    folder.expect(3, &["drift", "--type", "DT-11", "--fail-on", "high"]);
    folder.expect(0, &["drift", "--type", "DT-11", "--fail-on", "high", "--allow-partial"]);
    folder.expect(1, &["drift", "--type", "DT-3", "--fail-on", "low", "--allow-partial"]);
    // What is true again is known by every rule, whichever types are asked for.
    let regressions = answer(&folder, &["--type", "DT-9"]);
    assert_eq!(
        items(&regressions["types"][0]),
        addresses(&truth("drift")["types"]["DT-9"]["drifted"], &["rule", "system", "subject"])
    );
    // Compared with itself nothing came and nothing went.
    let same = answer(&folder, &["--from", "3", "--to", "3", "--type", "DT-1"]);
    assert_eq!(same["types"][0]["drifted"], 0);
    let back = answer(&folder, &["--to", "1", "--type", "DT-1"]);
    assert!(back["before"].is_null());
    assert_eq!(back["types"][0]["not_comparable_share"], 1.0, "a first night has nothing to be compared with");
    folder.expect(2, &["drift", "--type", "DT-12"]);
}

#[test]
fn the_table_tells_what_would_explain_an_item() {
    let folder = scanned();
    let table = folder.expect(3, &["drift"]);
    for part in [
        "from  snapshot 2",
        "DT-4   declared state",
        "The role role/backup is declared for aws and not there.",
        "would be explained by an approved request",
        "a later decision to keep it",
        "ONLY LOOKS LIKE DRIFT",
    ] {
        assert!(table.contains(part), "{part}:\n{table}");
    }
}
