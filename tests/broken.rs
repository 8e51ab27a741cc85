//! Bad input: every way in which a feed comes back short names its cause and a fix, loses nothing that was known, and makes
//! nobody an orphan or a leaver.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

mod muster_cmd;

use std::collections::BTreeSet;

use muster_cmd::{Address, Folder, Ran, Report, list, text, truth};

/// Rules whose findings rest on somebody or something not being there.
const OF_ABSENCE: [&str; 9] =
    ["LCM-001", "LCM-003", "LCM-007", "LCM-008", "LCM-014", "ORP-001", "ORP-002", "ORP-005", "ORP-008"];

// ---------------------------------------------------------------------------------------------------------------------
// The broken estate

/// The night before, then the broken night, in one store.
fn broken() -> (Folder, Ran, Report) {
    let folder = Folder::example("acme-broken");
    let (ran, good) = folder.scan(&["--config", "muster-yesterday.toml"]);
    ran.assert_code(1);
    assert!(good.gaps().is_empty());
    let (ran, report) = folder.scan(&[]);
    (folder, ran, report)
}

#[test]
fn the_broken_estate_shows_its_gaps_and_concludes_nothing_from_them() {
    let (folder, ran, report) = broken();
    let truth = truth("acme-broken");
    ran.assert_code(3);
    assert_eq!(report.0["outcome"]["complete"], false);
    assert!(ran.stderr.trim_end().lines().last().unwrap().contains("aws, contractors, corp-ad, hr"), "{}", ran.stderr);

    // Exactly the planted findings of the CTL rules; CTL-002 has one for each kind of record of the planted scope.
    let found = report.addresses();
    let control: BTreeSet<Address> = found
        .iter()
        .filter(|(rule, ..)| rule.starts_with("CTL"))
        .map(|(rule, system, id)| {
            let scope = if rule == "CTL-002" { id.rsplit_once('/').unwrap().0 } else { id };
            (rule.clone(), system.clone(), scope.to_owned())
        })
        .collect();
    let address = |entry: &serde_json::Value| (text(&entry["rule"]), text(&entry["system"]), text(&entry["subject"]));
    let planted: BTreeSet<Address> = list(&truth["findings"]).iter().map(address).collect();
    assert_eq!(control, planted);

    for entry in list(&truth["still_found"]) {
        assert!(found.contains(&address(entry)), "no gap touches {entry}");
    }
    for entry in list(&truth["not_evaluated"]) {
        assert!(!found.contains(&address(entry)), "nothing can be said of {entry}");
        assert!(report.counts(&text(&entry["rule"]))[3] > 0);
    }
    for entry in list(&truth["silent"]) {
        let systems: BTreeSet<String> = list(&entry["systems"]).iter().map(text).collect();
        let rule = text(&entry["rule"]);
        let raised: Vec<_> = found
            .iter()
            .filter(|(r, system, _)| *r == rule && (system.is_empty() || systems.contains(system)))
            .collect();
        assert!(raised.is_empty(), "{entry}: {raised:?}");
        let [population, pass, ..] = report.counts(&rule);
        assert!(population > 0, "{rule} forgot its subjects");
        if OF_ABSENCE.contains(&rule.as_str()) && rule != "LCM-007" {
            assert_eq!(pass, 0, "{rule} calls something clean that it could not judge");
        }
    }

    // Every gap has a code, a place, a cause and a fix, on the terminal and in the report.
    for (code, cause) in [
        ("AWS011", "OpsBreakFix"),
        ("AWS012", "authorization-details.json"),
        ("COL111", "the columns were shifted"),
        ("COL155", "ends inside an entry"),
        ("GAT002", "went at once"),
    ] {
        ran.assert_says(&[code, cause]);
        assert!(report.gaps().iter().any(|(.., of)| of == code), "{code}: {:?}", report.gaps());
    }
    for warning in ran.stderr.split("warning[").skip(1).filter(|warning| !warning.starts_with("COL021")) {
        assert!(warning.contains("= cause: ") && warning.contains("help: "), "{warning}");
    }

    // Nothing is lost: what was known the night before can still be asked, and says how old it is.
    let kept = folder.query("select distinct system, state from accounts where system in ('corp-ad', 'aws')");
    assert!(kept.iter().any(|row| row["state"] == "stale" || row["state"] == "carried"), "{kept:?}");
    let count = |which: &str| {
        let rows = folder.run(&["query", "select count(*) as n from persons", "--snapshot", which, "-o", "json"]);
        serde_json::from_str::<serde_json::Value>(&rows.stdout).unwrap()[0]["n"].as_u64().unwrap()
    };
    assert!(count("latest") >= count("previous"), "people were lost");
    folder.assert_sound(2);
}

#[test]
fn the_next_good_night_says_what_the_last_one_said() {
    let (folder, ..) = broken();
    // The good files again, a day later: the shrunk feed is not the measure that the gate compares with.
    let mut config = folder.read("muster-yesterday.toml");
    config = config.replace("2026-11-02T06:00:00Z", "2026-11-04T06:00:00Z").replace("2026-11-02T", "2026-11-04T");
    folder.write("muster-tomorrow.toml", config);
    let (ran, report) = folder.scan(&["--config", "muster-tomorrow.toml"]);
    ran.assert_code(1);
    assert!(report.gaps().is_empty(), "{:?}", report.gaps());
    let first = folder.run(&["report", "--snapshot", "1", "-o", "json"]);
    let first = Report(serde_json::from_str(&first.stdout).unwrap());
    let of = |report: &Report, rule: &str| report.of(rule).into_iter().collect::<BTreeSet<_>>();
    for rule in ["ORP-001", "ORP-005", "ORP-006", "LCM-001", "LCM-008", "XPR-004"] {
        // Two days have passed, so a window or a contract may have ended meanwhile; nobody is found only for a night.
        assert!(of(&report, rule).is_superset(&of(&first, rule)), "{rule}");
    }
    // A finding that a gap hid for a night is not a new one.
    let before = of(&first, "ORP-001");
    for finding in report.findings().iter().filter(|finding| finding["rule"] == "ORP-001") {
        let known = before.contains(&text(&finding["subject"]["id"]));
        assert!(!known || finding["first_seen"] == "2026-11-02T06:00:00Z", "{finding}");
    }
}

#[test]
fn allow_partial_changes_the_code_and_nothing_else() {
    let (folder, _, report) = broken();
    let (ran, again) = folder.scan(&["--allow-partial"]);
    ran.assert_code(1);
    assert_eq!(again.0["outcome"]["complete"], false, "the report still says so");
    assert_eq!(again.addresses(), report.addresses());
}

// ---------------------------------------------------------------------------------------------------------------------
// One fault at a time

const HR: &str = "people.csv";
const CRM: &str = "crm.csv";

/// Twenty people, each with an account; one orphan and one leaver, so that a correct scan finds exactly these.
fn small() -> Folder {
    let folder = Folder::empty();
    folder.write(
        "muster.toml",
        r#"
[muster]
now = "2026-11-02T06:00:00Z"

[[system]]
name = "hr"
connector = "csv"
file = "people.csv"
yields = "people"

[[system]]
name = "crm"
connector = "csv"
file = "crm.csv"
yields = "accounts"
"#,
    );
    let mut people = "employee_id,legal_name,email,status,start,end\n".to_owned();
    let mut accounts = "id,login,email,employee_id,class,lifecycle,created\n".to_owned();
    for n in 1..=20 {
        let (status, end) = if n == 20 { ("terminated", "2026-08-31") } else { ("active", "") };
        people.push_str(&format!("E{n:03},Person {n},p{n}@x.example,{status},2020-01-01,{end}\n"));
        accounts.push_str(&format!("a{n},p{n},p{n}@x.example,E{n:03},human,active,2021-01-01T00:00:00Z\n"));
    }
    accounts.push_str("a99,ghost,ghost@elsewhere.example,,human,active,2021-01-01T00:00:00Z\n");
    folder.write(HR, people);
    folder.write(CRM, accounts);
    let (ran, report) = folder.scan(&[]);
    ran.assert_code(1);
    assert_expected(&report);
    folder
}

fn assert_expected(report: &Report) {
    let of = |rule| report.of(rule).into_iter().collect::<Vec<_>>();
    assert_eq!(
        (of("ORP-001"), of("LCM-001")),
        (vec!["a99".to_owned()], vec!["a20".to_owned()]),
        "{:?}",
        report.addresses()
    );
}

/// The scan after a fault in `system`: incomplete, the fault named with `says`, nobody newly an orphan or a leaver, every
/// account still there; and the scan after the repair finds what the first one found.
fn assert_harmless(folder: &Folder, system: &str, repaired: &[(&str, String)], says: &[&str]) -> Report {
    let (ran, report) = folder.scan(&["--now", "2026-11-03T06:00:00Z"]);
    ran.assert_code(3);
    ran.assert_says(says);
    ran.assert_says(&["= cause: ", "help: ", "exit 3"]);
    assert_eq!(report.gappy(), BTreeSet::from([system.to_owned()]), "{:?}", report.gaps());
    let expected = [("ORP-001", "a99"), ("LCM-001", "a20")];
    for rule in OF_ABSENCE {
        for id in report.of(rule) {
            assert!(expected.contains(&(rule, id.as_str())) || rule == "LCM-003", "false {rule} {id}");
        }
    }
    let known = |table: &str| folder.query(&format!("select distinct id from {table}")).len();
    assert!(known("accounts") >= 21, "accounts were lost");
    assert!(known("persons") >= 20, "people were lost");
    for (file, content) in repaired {
        folder.write(file, content);
    }
    let (ran, after) = folder.scan(&["--now", "2026-11-04T06:00:00Z"]);
    ran.assert_code(1);
    assert_expected(&after);
    folder.assert_sound(3);
    report
}

fn shift_header(text: &str) -> String {
    let (header, rows) = text.split_once('\n').unwrap();
    let (first, rest) = header.split_once(',').unwrap();
    format!("{rest},{first}\n{rows}")
}

#[test]
fn a_shifted_header_of_hr() {
    let folder = small();
    let good = folder.read(HR);
    folder.write(HR, shift_header(&good));
    let report = assert_harmless(&folder, "hr", &[(HR, good)], &["hr", HR]);
    assert_eq!(report.of("CTL-003"), ["hr"]);
    assert_eq!(report.counts("ORP-001")[1..3], [0, 0], "without HR nobody is judged");
}

#[test]
fn a_shifted_header_of_accounts() {
    let folder = small();
    let good = folder.read(CRM);
    folder.write(CRM, shift_header(&good));
    assert_harmless(&folder, "crm", &[(CRM, good)], &["crm", CRM]);
}

#[test]
fn a_renamed_column_of_hr() {
    for (old, new) in [("employee_id,", "Personalnummer,"), ("status,", "Stand,"), ("end\n", "Letzter Tag\n")] {
        let folder = small();
        let good = folder.read(HR);
        folder.replace(HR, old, new);
        let report = assert_harmless(&folder, "hr", &[(HR, good)], &["hr", HR]);
        assert_eq!(report.of("CTL-003"), ["hr"], "{new}");
    }
}

#[test]
fn a_renamed_column_of_accounts() {
    for (old, new) in [("employee_id,", "Personalnummer,"), ("lifecycle,", "Zustand,"), ("id,login", "nr,login")] {
        let folder = small();
        let good = folder.read(CRM);
        folder.replace(CRM, old, new);
        assert_harmless(&folder, "crm", &[(CRM, good)], &["crm", CRM]);
    }
}

#[test]
fn an_empty_but_successful_feed_of_people() {
    for content in ["employee_id,legal_name,email,status,start,end\n", ""] {
        let folder = small();
        let good = folder.read(HR);
        folder.write(HR, content);
        let report = assert_harmless(&folder, "hr", &[(HR, good)], &["hr"]);
        assert_eq!(report.of("CTL-003"), ["hr"]);
        assert_eq!(report.counts("ORP-001")[1..3], [0, 0]);
    }
}

#[test]
fn an_empty_but_successful_list_of_accounts() {
    let folder = small();
    let good = folder.read(CRM);
    folder.write(CRM, "id,login,email,employee_id,class,lifecycle,created\n");
    assert_harmless(&folder, "crm", &[(CRM, good)], &["GAT001", "empty"]);
}

#[test]
fn an_empty_first_answer_is_not_clean_either() {
    let folder = Folder::empty();
    folder.write(
        "muster.toml",
        "[[system]]\nname = \"hr\"\nconnector = \"csv\"\nfile = \"p.csv\"\nyields = \"people\"\n\n[[system]]\nname = \"crm\"\nconnector \
         = \"csv\"\nfile = \"a.csv\"\nyields = \"accounts\"\n",
    );
    folder.write("p.csv", "employee_id,email,status,start,end\n");
    folder.write("a.csv", "id,login,class,lifecycle,created\n1,ann,human,active,2020-01-01T00:00:00Z\n");
    let (ran, report) = folder.scan(&[]);
    ran.assert_code(3);
    ran.assert_says(&["GAT008", "the first answer is empty"]);
    assert!(report.of("ORP-001").is_empty(), "without people nobody is an orphan");
    assert_eq!(report.of("CTL-003"), ["hr"]);
}

#[test]
fn an_hr_file_that_lost_thirty_percent() {
    let folder = small();
    let good = folder.read(HR);
    let lines: Vec<&str> = good.lines().collect();
    folder.write(HR, lines[..15].join("\n") + "\n");
    let report =
        assert_harmless(&folder, "hr", &[(HR, good)], &["GAT002", "14 rows", "20", "30 % fewer", "--accept hr"]);
    assert_eq!(report.of("CTL-003"), ["hr"]);
    assert_eq!(report.counts("ORP-001")[2], 0, "six people are missing, and none of their accounts is an orphan");
}

#[test]
fn a_missing_or_unreadable_file() {
    let folder = small();
    let good = folder.read(HR);
    std::fs::remove_file(folder.path().join(HR)).unwrap();
    assert_harmless(&folder, "hr", &[(HR, good)], &["hr", "people.csv"]);
    let folder = small();
    let good = folder.read(CRM);
    folder.write(CRM, [b"id,login\n", &[0xff, 0xfe, 0x00, 0x80, 0x81][..]].concat());
    assert_harmless(&folder, "crm", &[(CRM, good)], &["crm", "crm.csv"]);
}

#[test]
fn a_row_that_was_cut_off() {
    let folder = small();
    let good = folder.read(CRM);
    // The file ends in the middle of a row, as an interrupted transfer leaves it.
    folder.write(CRM, &good[..good.len() - 40]);
    assert_harmless(&folder, "crm", &[(CRM, good.clone())], &["crm", "crm.csv"]);
}

const DIRECTORY: &str = "\
dn: dc=x,dc=example
objectClass: organization
objectClass: dcObject
dc: x
o: x
entryUUID: 00000000-0000-0000-0000-000000000001

";

/// The small estate with a directory instead of the CRM.
fn with_directory() -> Folder {
    let folder = small();
    let config = folder.read("muster.toml");
    let (head, _) = config.split_once("[[system]]\nname = \"crm\"").unwrap();
    let directory = "[[system]]\nname = \"dir\"\nconnector = \"ldap\"\nfile = \"dir.ldif\"\n";
    folder.write("muster.toml", format!("{head}{directory}"));
    let mut ldif = DIRECTORY.to_owned();
    let mut members = String::new();
    for n in 1..=20 {
        ldif.push_str(&format!(
            "dn: uid=p{n},dc=x,dc=example\nobjectClass: inetOrgPerson\nuid: p{n}\ncn: Person {n}\nsn: {n}\nmail: \
             p{n}@x.example\nemployeeNumber: E{n:03}\ncreateTimestamp: 20210101000000Z\nentryUUID: \
             00000000-0000-0000-0001-{n:012}\n\n"
        ));
        members.push_str(&format!("member: uid=p{n},dc=x,dc=example\n"));
    }
    ldif.insert_str(
        DIRECTORY.len(),
        &format!(
            "dn: cn=all,dc=x,dc=example\nobjectClass: groupOfNames\ncn: all\nentryUUID: \
             00000000-0000-0000-0002-000000000001\n{members}\n"
        ),
    );
    folder.write("dir.ldif", ldif);
    std::fs::remove_dir_all(folder.path().join(".muster")).unwrap();
    let (ran, report) = folder.scan(&[]);
    ran.assert_code(1);
    assert_eq!(report.of("LCM-001"), ["00000000-0000-0000-0001-000000000020"]);
    assert_eq!((report.of("ORP-006").len(), report.counts("ORP-006")[1]), (0, 20));
    folder
}

#[test]
fn a_truncated_ldif() {
    let whole = with_directory().read("dir.ldif");
    // Within a value, behind a line, and where the next entry begins: only the last one looks whole, and shrank.
    let entry = whole.find("dn: uid=p9,").unwrap();
    for cut in [entry + 40, entry + whole[entry..].find("mail").unwrap(), entry] {
        let folder = with_directory();
        folder.write("dir.ldif", &whole[..cut]);
        let (ran, report) = folder.scan(&["--now", "2026-11-03T06:00:00Z"]);
        ran.assert_code(3);
        ran.assert_says(&["dir", "= cause: ", "help: "]);
        assert_eq!(report.gappy(), BTreeSet::from(["dir".to_owned()]));
        assert!(report.of("ORP-006").is_empty(), "a member beyond the cut does not dangle: {:?}", report.of("ORP-006"));
        assert!(report.of("ORP-001").is_empty());
        let known = folder.query("select distinct id from accounts where id like '00000000-0000-0000-0001-%'");
        assert_eq!(known.len(), 20, "accounts beyond the cut are kept");
        folder.write("dir.ldif", &whole);
        folder.scan(&["--now", "2026-11-04T06:00:00Z"]).0.assert_code(1);
    }
}

#[test]
fn an_empty_ldif() {
    for content in ["", DIRECTORY] {
        let folder = with_directory();
        folder.write("dir.ldif", content);
        let (ran, report) = folder.scan(&["--now", "2026-11-03T06:00:00Z"]);
        ran.assert_code(3);
        ran.assert_says(&["dir", "= cause: ", "help: "]);
        assert!(report.of("ORP-006").is_empty() && report.of("ORP-001").is_empty());
        assert_eq!(folder.query("select distinct id from accounts").len(), 20);
    }
}

#[test]
fn an_empty_but_successful_scim_service() {
    let folder = Folder::example("acme");
    folder.scan(&[]).0.assert_code(1);
    let users = "select distinct id from accounts where system = 'expenses'";
    let before = folder.query(users).len();
    for file in std::fs::read_dir(folder.path().join("scim")).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    let empty = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"startIndex":1,"itemsPerPage":0,"Resources":[]}"#;
    folder.write("scim/Users-1.json", empty);
    let (ran, report) = folder.scan(&["--now", "2026-11-03T06:00:00Z"]);
    ran.assert_code(3);
    ran.assert_says(&["expenses", "= cause: ", "help: "]);
    assert_eq!(report.gappy(), BTreeSet::from(["expenses".to_owned()]));
    let kept = folder.query(users).len();
    assert!(before > 200 && kept == before, "{kept} of {before}: what is not in an empty answer was not removed");
}

#[test]
fn an_unreadable_policy_document_is_unknown_and_not_harmless() {
    let folder = Folder::example("acme");
    folder.scan(&[]).0.assert_code(1);
    let details = "aws/444455556666/authorization-details.json";
    let admin = "AIDA"; // Whoever holds the policy keeps what was found through others.
    let text = folder.read(details);
    let at = text.rfind("\"PolicyName\": \"PlatformFull\"").expect("the customer policy that allows everything");
    let open = at + text[at..].find("\"Document\": ").unwrap() + "\"Document\": ".len();
    let close = open + text[open..].find("},\n").unwrap() + 1;
    folder.write(details, format!("{}\"%7B%22Version\"{}", &text[..open], &text[close..]));
    let (ran, report) = folder.scan(&["--now", "2026-11-03T06:00:00Z"]);
    ran.assert_code(3);
    ran.assert_says(&["AWS011", "PlatformFull", "= cause: ", "help: "]);
    assert_eq!(report.gappy(), BTreeSet::from(["aws".to_owned()]));
    let gaps = report.gaps();
    assert!(
        gaps.iter().all(|(_, scope, kind, state, _)| {
            scope == "account/444455556666" && kind == "policies" && state == "partial"
        }),
        "one document touches the policies of its account alone: {gaps:?}"
    );
    // Administrators by another policy of the same account are still found.
    assert!(report.of("XPR-004").iter().any(|id| id.starts_with(admin)));
}

#[test]
fn a_flipped_byte_in_the_store_is_found_and_named() {
    let folder = small();
    folder.scan(&["--now", "2026-11-03T06:00:00Z"]).0.assert_code(1);
    let mut objects = Vec::new();
    for part in std::fs::read_dir(folder.path().join(".muster/objects")).unwrap() {
        objects.extend(std::fs::read_dir(part.unwrap().path()).unwrap().map(|file| file.unwrap().path()));
    }
    objects.sort();
    assert!(objects.len() >= 3);
    for object in &objects {
        let good = std::fs::read(object).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 0x10;
        replace(object, &bad);
        let verified = folder.run(&["snapshots", "verify"]);
        verified.assert_code(2);
        let hash = object.file_name().unwrap().to_string_lossy();
        let named = format!("{}{}", verified.stdout, verified.stderr);
        assert!(named.contains(&hash[..12]), "{hash} is not named:\n{named}");
        verified.assert_says(&["help: "]);
        replace(object, &good);
    }
    folder.assert_sound(2);
}

/// Objects are read-only: a new file takes the place.
fn replace(path: &std::path::Path, content: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, content).unwrap();
}

#[test]
fn a_flipped_byte_in_a_manifest_is_found_and_named() {
    let folder = small();
    folder.scan(&["--now", "2026-11-03T06:00:00Z"]).0.assert_code(1);
    let mut manifests: Vec<_> =
        std::fs::read_dir(folder.path().join(".muster/snapshots")).unwrap().map(|file| file.unwrap().path()).collect();
    manifests.sort();
    let good = std::fs::read_to_string(&manifests[0]).unwrap();
    replace(&manifests[0], good.replacen("2026-11-02", "2026-11-01", 1).as_bytes());
    let verified = folder.run(&["snapshots", "verify"]);
    verified.assert_code(2);
    verified.assert_says(&["SNP", "help: "]);
}

#[test]
fn an_unknown_key_stops_before_anything_is_read_or_written() {
    let folder = small();
    folder.replace("muster.toml", "yields = \"accounts\"", "yelds = \"accounts\"");
    let ran = folder.run(&["scan"]);
    ran.assert_code(2);
    ran.assert_says(&["yelds", "muster.toml:", "did you mean `yields`"]);
    folder.replace("muster.toml", "yelds", "yields");
    folder.assert_sound(1);
}

#[test]
fn a_missing_credential_fails_its_system_and_no_other() {
    let folder = small();
    let scim = "\n[[system]]\nname = \"expenses\"\nconnector = \"scim\"\nurl = \"https://127.0.0.1:9/v2\"\ncredential = { env = \"EXPENSES_TOKEN\" }\n";
    let config = folder.read("muster.toml");
    folder.write("muster.toml", format!("{config}{scim}"));
    let (ran, report) = folder.scan(&["--now", "2026-11-03T06:00:00Z"]);
    ran.assert_code(3);
    ran.assert_says(&["CFG014", "EXPENSES_TOKEN", "muster.toml:", "= cause: ", "help: "]);
    assert_expected(&report);
    assert_eq!(report.of("CTL-001"), ["expenses"], "a system that could not be read never looks clean");
}
