//! No link changes silently, and every one is explained: churn from check to check, `muster explain`, class and affiliation.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

mod link_estate;
mod muster_cmd;

use link_estate::{Estate, column, is};
use muster_cmd::{Folder, list, text};
use serde_json::Value;

// ---- churn --------------------------------------------------------------------------------------------------------

fn changes(report: &Value) -> Vec<(String, String, String)> {
    list(&report["people"]["churn"]["changes"])
        .iter()
        .map(|one| (text(&one["change"]), text(&one["account"]), text(&one["cause"])))
        .collect()
}

#[test]
fn no_link_changes_silently() {
    let mut estate = Estate::small();
    let first = estate.scan();
    assert!(first["people"]["churn"].is_null(), "nothing to compare with");
    let rows = estate.folder.expect(0, &["report", "-o", "csv-link-changes"]);
    assert!(rows.lines().nth(1).unwrap().starts_with("not-compared,"), "no row must not read as no change: {rows}");
    let idle = estate.scan();
    assert_eq!(estate.folder.expect(0, &["report", "-o", "csv-link-changes"]).lines().count(), 1, "the header alone");
    assert_eq!(changes(&idle), []);
    assert_eq!(idle["people"]["churn"]["unchanged"], 1);

    // Ada's address goes to Jane, an account comes, and a decision is taken.
    estate.people[0] = estate.people[0].replace("ada@", "lovelace@");
    estate.people[2] = estate.people[2].replace("jane.smith@", "ada@");
    estate.account("c7", "mail", "Mail", "john.smith@corp.example", "");
    estate.write();
    estate.decide(&["accept", "c3"]);
    let report = estate.scan();
    let found = changes(&report);
    let kinds: Vec<_> = found.iter().map(|(change, account, _)| (change.as_str(), account.as_str())).collect();
    assert_eq!(kinds, [("moved", "c1"), ("new", "c3"), ("new", "c7")], "{found:#?}");
    let moved = &report["people"]["churn"]["changes"][0];
    assert_eq!((&moved["before"]["person"], &moved["after"]["person"]), (&"E1".into(), &"E3".into()));
    assert!(found[1].2.contains("it was FOUND before; accepted: accepted by bea: asked"), "{found:#?}");
    assert!(found[2].2.contains("not there before"), "{found:#?}");
    let rows = estate.folder.query("select change, account, before, after from link_changes");
    assert_eq!(column(&rows, "change"), ["moved", "new", "new"]);
    let rows = estate.folder.expect(0, &["report", "-o", "csv-link-changes"]);
    let mut reader = csv::Reader::from_reader(rows.as_bytes());
    let rows: Vec<Vec<String>> = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    assert_eq!(rows.iter().map(|row| &row[0]).collect::<Vec<_>>(), ["moved", "new", "new"]);
    assert_eq!([&rows[0][1], &rows[0][3], &rows[0][5], &rows[0][9]], ["2", "c1", "E1", "E3"], "{rows:?}");
    assert!(rows.iter().all(|row| !row[13].is_empty()), "each has its cause: {rows:?}");
    for format in ["table", "markdown", "html"] {
        let shown = estate.folder.expect(0, &["report", "-o", format]);
        assert!(
            shown.contains("moved") && shown.contains("Ada Lovelace (E1)") && shown.contains("Jane Smith (E3)"),
            "{format}: {shown}"
        );
    }

    // The same snapshot judged again after a rejection: still told against the check of the snapshot before.
    estate.decide(&["reject", "c1", "E3"]);
    estate.decide(&["unpin", "c3"]);
    estate.accounts.pop();
    estate.write();
    let report = estate.scan();
    let found = changes(&report);
    let kinds: Vec<_> = found.iter().map(|(change, account, _)| (change.as_str(), account.as_str())).collect();
    assert_eq!(kinds, [("lost", "c1"), ("lost", "c3"), ("gone", "c7")], "{found:#?}");
    assert_eq!(found[0].2, "rejected by bea: asked");
    assert!(found[1].2.contains("Bob Stone is a candidate"), "{found:#?}");
    assert_eq!(found[2].2, "the account is no longer there");
    estate.folder.assert_sound(4);
}

#[test]
fn a_feed_with_a_gap_loses_no_link_and_explain_names_what_to_read_first() {
    let estate = Estate::small();
    estate.scan();
    estate.folder.write("people.csv", "id,name,email,department,status,worker_type,start,end\nE2,John Smith,john.smith@corp.example,Sales,active,employee,2020-01-01,\n,Ada Lovelace,ada@corp.example,Research,active,employee,2020-01-01,\n");
    let (ran, report) = estate.folder.scan(&["--fail-on", "never"]);
    ran.assert_code(3);
    let found = changes(&report.0);
    assert_eq!(found, [], "yesterday's row of Ada still counts");
    let page = estate.folder.expect(0, &["explain", "c4"]);
    assert!(page.contains("INDETERMINATE") && page.contains("HR is read completely first: hr:"), "{page}");
}

#[test]
fn links_of_pruned_checks_go_and_the_store_stays_sound() {
    let mut estate = Estate::small();
    estate.scan();
    estate.account("c7", "mail", "Mail", "john.smith@corp.example", "");
    estate.write();
    estate.scan();
    estate.folder.assert_sound(2);
    let objects = || std::fs::read_dir(estate.folder.path().join(".muster/objects")).unwrap().count();
    let before = objects();
    estate.run(&["snapshots", "prune", "--keep-last", "1"]).assert_code(0);
    assert!(objects() <= before);
    estate.run(&["snapshots", "verify"]).assert_code(0);
    let next = estate.scan();
    assert_eq!(next["people"]["churn"]["since"], 2);
    // A damaged file of links is named.
    let hash: Value = serde_json::from_str(&estate.folder.read(".muster/checks/000003.json")).unwrap();
    let hash = text(&hash["links"]);
    estate.folder.write(&format!(".muster/objects/{}/{hash}.parquet", &hash[..2]), "damaged");
    let verified = estate.run(&["snapshots", "verify"]);
    verified.assert_code(2);
    verified.assert_says(&["links of its check"]);
}

// ---- explain ------------------------------------------------------------------------------------------------------

#[test]
fn explain_says_why_why_not_and_what_would_change_it() {
    let estate = Estate::small();
    estate.scan();
    let explain = |arguments: &[&str]| {
        // What is wrapped for a terminal reads as one line here.
        let page = estate.folder.expect(0, &[&["explain"], arguments].concat());
        page.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let says = |page: &str, parts: &[&str]| {
        for part in parts {
            assert!(page.contains(part), "`{part}` is missing in: {page}");
        }
    };
    says(
        &explain(&["crm:ada"]),
        &[
            "`Ada Lovelace` in crm belongs to Ada Lovelace (E1), who is employed.",
            "91 % sure: e-mail `ada@corp.example` on both sides",
            "muster links reject crm:c1 E1 --reason",
            "affiliation: employee, because Ada Lovelace is employee in HR",
        ],
    );
    says(
        &explain(&["crm:c3"]),
        &[
            "probably belongs to Bob Stone (E4)",
            "75 %, and 90 % are needed",
            "muster links accept crm:c3 E4 --reason",
            "email silent the account has no e-mail",
        ],
    );
    says(
        &explain(&["crm:c2"]),
        &["fits 2 persons equally well: John Smith (E2), Jane Smith (E3)", "muster links accept crm:c2 E3"],
    );
    says(
        &explain(&["crm:c4"]),
        &["Nobody in HR corresponds to `Zorro` in crm", "muster links pin crm:c4 PERSON", "muster links never crm:c4"],
    );
    says(&explain(&["E2"]), &["person John Smith", "holds 0 accounts; 1 further account may be theirs", "crm:c2"]);
    says(
        &explain(&["crm:c2", "E2"]),
        &["link of `J. Smith` in crm to John Smith (E2)", "is not linked to John Smith (E2): it is linked to nobody"],
    );
    says(&explain(&["crm:c1", "E4"]), &["it is linked to Ada Lovelace (E1) instead; no rung names that person for it"]);
}

/// A row that is gone is no termination: what is said, what would change it, and that it does change then.
#[test]
fn explain_says_what_is_known_of_who_vanished_from_hr() {
    let mut estate = Estate::small();
    estate.scan();
    let ada = estate.people.remove(0);
    estate.write();
    let explain = |day: &str| {
        let now = format!("{day}T06:00:00Z");
        let ran = estate.folder.scan(&["--fail-on", "never", "--accept", "hr", "--accept", "crm", "--now", &now]);
        let page = estate.folder.expect(0, &["explain", "crm:c1", "--now", &now]);
        (page.split_whitespace().collect::<Vec<_>>().join(" "), ran.1)
    };
    let says = |page: &str, parts: &[&str]| {
        for part in parts {
            assert!(page.contains(part), "`{part}` is missing in: {page}");
        }
    };
    let (page, report) = explain("2026-11-04");
    says(
        &page,
        &[
            "`Ada Lovelace` in crm belongs to Ada Lovelace (E1), who is gone from HR without a termination, last seen on 2026-11-02. \
             Whether that means a leaver or a lost row, HR does not say, so nothing is concluded for now. That is 91 % sure: e-mail",
            "What would change it: - HR lists Ada Lovelace (E1) again: everything is then as it was before.",
            "- HR says that Ada Lovelace (E1) has left, with the last day: the account is then a leaver's, and is closed in crm.",
            "- HR says neither for longer than `vanish_days` of `[people]`: CTL-003 then asks whoever answers for the feed",
            "- It is somebody else's: `muster links reject crm:c1 E1",
            "situation: SOURCE_MISSING",
        ],
    );
    assert!(report.of("LCM-001").is_empty() && report.of("ORP-001").iter().all(|account| account != "c1"));
    // Each of the three comes about as it is told.
    let (page, report) = explain("2026-11-20");
    says(&page, &["Nobody in HR corresponds to `Ada Lovelace` in crm", "situation: UNASSIGNED"]);
    assert!(!report.of("CTL-003").is_empty());
    estate.people.push(ada.replace(",active,", ",terminated,").replace("2020-01-01,", "2020-01-01,2026-10-30"));
    estate.write();
    let (page, report) = {
        let now = "2026-11-21T06:00:00Z";
        let ran = estate.folder.scan(&["--fail-on", "never", "--accept", "hr", "--accept", "crm", "--now", now]);
        (estate.folder.expect(0, &["explain", "crm:c1", "--now", now]), ran.1)
    };
    assert!(page.contains("situation: UNQUALIFIED") && report.of("LCM-001") == ["c1"], "{page}");
    estate.people.pop();
    estate.people.push(ada);
    estate.write();
    let now = "2026-11-22T06:00:00Z";
    estate.folder.scan(&["--fail-on", "never", "--accept", "hr", "--accept", "crm", "--now", now]);
    assert!(estate.folder.expect(0, &["explain", "crm:c1", "--now", now]).contains("situation: CONFIRMED"));
}

#[test]
fn a_human_is_never_silently_a_service_account() {
    let mut estate = Estate::small();
    estate.account("c5", "svc-backup", "Backup", "ada@corp.example", "");
    estate.account("c6", "ext.lee", "Lee", "", "");
    estate.write();
    let report = estate.scan();
    assert_eq!(report["people"]["classes"]["service"], 1);
    let page = estate.folder.expect(0, &["explain", "crm:c5"]);
    for part in [
        "class: service, because login starts with `svc-`",
        "not asked",
        "it would name Ada Lovelace (E1)",
        "TARGET_IGNORED",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    let rows = estate
        .folder
        .query("select class_evidence, affiliation, affiliation_evidence from situations where account = 'c6'");
    assert_eq!(rows[0]["affiliation"], "contractor");
    assert_eq!(rows[0]["affiliation_evidence"], "login bears `ext.`");
    estate.decide(&["pin", "c5", "E1"]);
    assert_eq!(estate.situation("c5"), is("CONFIRMED", Some("E1")), "a person has spoken");
}

#[test]
fn pins_toml_keeps_working_and_can_be_taken_back() {
    let folder = Folder::example("acme");
    folder.scan(&[]);
    let unpin = folder.run(&["links", "unpin", "crm:crm-2020", "--author", "bea", "--reason", "he left the login"]);
    unpin.assert_code(0);
    let pins = folder.read("policy/pins.toml");
    assert!(
        pins.starts_with("# Links that people decided, because nothing in the data tells them.\n\n[[pin]]\n"),
        "{pins}"
    );
    assert!(pins.contains("withdrawn = { on = 2026-11-02, by = \"bea\", reason = \"he left the login\" }"), "{pins}");
    let (_, report) = folder.scan(&[]);
    assert!(report.0["people"]["linked"]["pin"].is_null());
    let lost = &report.0["people"]["churn"]["changes"][0];
    assert_eq!((&lost["change"], &lost["before"]["name"]), (&"lost".into(), &"Wolfgang Pachler".into()));
    assert_eq!(lost["cause"], "the decision was withdrawn");
}
