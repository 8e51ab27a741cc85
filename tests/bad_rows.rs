//! Bad rows of an HR file: each is told with file, line, column and cause, and costs nobody but whom it is about.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

mod muster_cmd;

use std::collections::BTreeSet;

use muster_cmd::{Folder, Report, list, text};
use serde_json::Value;

/// Good employees; the last is a leaver whose account still works.
const GOOD: usize = 50;

/// What is wrong with a row, which column is named, and what has to be said.
struct Bad {
    id: &'static str,
    row: &'static [u8],
    code: &'static str,
    /// Where the cell is, from 1.
    column: u32,
    says: &'static str,
}

/// One row of each kind, between the good ones.
const BAD: [Bad; 7] = [
    Bad {
        id: "B1",
        row: b"B1,Impossible Date,b1@x.example,active,2020-02-31,,",
        code: "COL105",
        column: 5,
        says: "`2020-02-31` is no date for `start`",
    },
    Bad {
        id: "B2",
        row: b"B2,Ends Before Start,b2@x.example,terminated,2026-01-01,2025-01-01,",
        code: "COL107",
        column: 6,
        says: "lies before the start",
    },
    Bad {
        id: "B3",
        row: b"B3,Unknown Status,b3@x.example,furloughed-ish,2020-01-01,,",
        code: "COL109",
        column: 4,
        says: "`furloughed-ish` is no known",
    },
    Bad {
        id: "B4",
        row: b"B4,First Of Two,b4@x.example,active,2020-01-01,,",
        code: "COL108",
        column: 1,
        says: "says otherwise than line",
    },
    Bad {
        id: "B4",
        row: b"B4,Second Of Two,second@x.example,terminated,2020-01-01,2026-01-31,",
        code: "COL108",
        column: 1,
        says: "about `B4`",
    },
    Bad {
        id: "B5",
        row: b"B5,Unreadable \xC5ngstr\xF6m,b5@x.example,active,2020-01-01,,",
        code: "COL110",
        column: 2,
        says: "not UTF-8",
    },
    Bad {
        id: "B6",
        row: b"B6,Impossible Instant,b6@x.example,active,2020-01-01,,yesterday",
        code: "COL105",
        column: 7,
        says: "`yesterday` is no date for `recorded`",
    },
];

const HEADER: &str = "employee_id,legal_name,email,status,start,end,recorded\n";

/// The line of each bad row: one after every sixth good row.
fn line(bad: usize) -> usize {
    2 + 6 * (bad + 1) + bad
}

fn good(number: usize) -> String {
    let (status, end) = if number == GOOD { ("terminated", "2026-08-31") } else { ("active", "") };
    format!("E{number:03},Good Person {number},e{number}@x.example,{status},2020-01-01,{end},2024-05-06T07:08:09Z\n")
}

/// The HR file, with the bad rows or with what they should have been.
fn people(with_bad: bool) -> Vec<u8> {
    let mut file = HEADER.as_bytes().to_vec();
    for number in 1..=GOOD {
        file.extend(good(number).into_bytes());
        if number % 6 == 0
            && let Some(bad) = BAD.get(number / 6 - 1)
        {
            if with_bad {
                file.extend(bad.row);
            } else if bad.says != "about `B4`" {
                let id = bad.id;
                file.extend(
                    format!(
                        "{id},Was Good {id},{}@x.example,active,2020-01-01,,2024-05-06T07:08:09Z",
                        id.to_lowercase()
                    )
                    .into_bytes(),
                );
            }
            file.push(b'\n');
        }
    }
    file
}

/// Everybody has an account; half are joined by employee id, half by e-mail. One account is nobody's.
fn estate() -> Folder {
    let folder = Folder::empty();
    let hr = "[[system]]\nname = \"hr\"\nconnector = \"csv\"\nfile = \"people.csv\"\nyields = \"people\"\n";
    let crm = "[[system]]\nname = \"crm\"\nconnector = \"csv\"\nfile = \"crm.csv\"\nyields = \"accounts\"\n";
    folder.write("muster.toml", format!("[muster]\nnow = \"2026-11-02T06:00:00Z\"\n\n{hr}\n{crm}"));
    let mut accounts = "id,login,email,employee_id,class,lifecycle,created\n".to_owned();
    let mut add = |id: &str, joined_by_id: bool| {
        let login = id.to_lowercase();
        let employee = if joined_by_id { id } else { "" };
        accounts
            .push_str(&format!("a-{login},{login},{login}@x.example,{employee},human,active,2021-01-01T00:00:00Z\n"));
    };
    (1..=GOOD).for_each(|number| add(&format!("E{number:03}"), true));
    BAD.iter()
        .map(|bad| bad.id)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .enumerate()
        .for_each(|(at, id)| add(id, at % 2 == 0));
    accounts.push_str("a-ghost,ghost,ghost@elsewhere.example,,human,active,2021-01-01T00:00:00Z\n");
    folder.write("crm.csv", accounts);
    folder
}

/// The gaps of the HR system as a query sees them.
fn gaps(folder: &Folder) -> Vec<Value> {
    folder.query("select distinct code, what, cause, fix, at from gaps where system = 'hr' order by at")
}

fn assert_listed(folder: &Folder, report: &Report, stderr: &str) {
    let gaps = gaps(folder);
    let in_report: BTreeSet<String> = list(&report.0["systems"])
        .iter()
        .flat_map(|system| list(&system["scopes"]))
        .flat_map(|scope| list(&scope["kinds"]))
        .flat_map(|kind| list(&kind["gaps"]))
        .map(|gap| format!("{} {}", text(&gap["code"]), text(&gap["at"])))
        .collect();
    for (number, bad) in BAD.iter().enumerate() {
        // Of two rows with one id the second is where it shows; it names the line of the first.
        let (number, first) = if bad.says == "says otherwise than line" { (number + 1, true) } else { (number, false) };
        let at = format!("people.csv:{}:{}", line(number), bad.column);
        let gap =
            gaps.iter().find(|gap| gap["at"] == at.as_str()).unwrap_or_else(|| panic!("no gap at {at}: {gaps:#?}"));
        assert_eq!(gap["code"], bad.code, "{gap}");
        let what = text(&gap["what"]);
        assert!(what.contains(bad.says), "{at}: {what}");
        assert!(!first || what.contains(&format!("line {}", line(number - 1))), "{what}");
        assert!(!text(&gap["cause"]).is_empty(), "{gap}");
        assert!(!text(&gap["fix"]).is_empty(), "{gap}");
        assert!(in_report.contains(&format!("{} {at}", bad.code)), "the report lacks {at}: {in_report:?}");
        assert!(stderr.contains(&at), "the terminal lacks {at}:\n{stderr}");
    }
    assert_eq!(gaps.len(), BAD.len() - 1, "nothing else is wrong: {gaps:#?}");
}

/// What is said of the accounts: the good ones as if nothing were wrong, those of the bad rows nothing.
fn assert_judged(report: &Report, first_scan: bool) {
    assert_eq!(report.of("LCM-001"), ["a-e050"], "the leaver among the good rows is found");
    assert_eq!(report.of("ORP-001"), Vec::<String>::new(), "whoever is not found may stand in a lost row");
    let [population, pass, fail, silent] = report.counts("LCM-001");
    // On a first scan only those whose row still says who they are have anybody to be judged by.
    let doubtful = if first_scan { 2 } else { 6 };
    assert!(pass >= 49 && fail == 1 && silent == doubtful, "{population} {pass} {fail} {silent}");
    let [population, pass, _, silent] = report.counts("ORP-001");
    assert!(pass >= 50 && silent >= 2, "{population} {pass} {silent}: the ghost and the lost are not judged");
    for cause in report.reasons("ORP-001") {
        assert!(cause.contains("a row of hr:people could not be used at people.csv:"), "{cause}");
    }
    assert!(report.of("CTL-003").is_empty(), "a bad row does not make the feed unbelievable");
    assert_eq!(report.of("CTL-002").len(), 2, "that rows were lost is a finding, once for each kind");
}

#[test]
fn on_a_first_scan_each_bad_row_is_listed_and_costs_only_itself() {
    let folder = estate();
    folder.write("people.csv", people(true));
    let (ran, report) = folder.scan(&[]);
    ran.assert_code(3);
    assert_listed(&folder, &report, &ran.stderr);
    assert_judged(&report, true);
    // Neither of two people with one id is taken for the other.
    let links = folder.query("select account, person from links where account like 'a-b%' order by account");
    let linked: BTreeSet<String> =
        links.iter().map(|link| format!("{} {}", text(&link["account"]), text(&link["person"]))).collect();
    assert_eq!(linked, BTreeSet::from(["a-b3 B3".to_owned(), "a-b6 B6".to_owned()]), "what a row still says counts");
}

#[test]
fn after_a_good_night_nobody_is_lost_and_nobody_has_left() {
    let folder = estate();
    folder.write("people.csv", people(false));
    let (ran, report) = folder.scan(&[]);
    ran.assert_code(1);
    assert_eq!((report.of("LCM-001"), report.of("ORP-001")), (vec!["a-e050".to_owned()], vec!["a-ghost".to_owned()]));
    folder.write("people.csv", people(true));
    let (ran, report) = folder.scan(&["--now", "2026-11-03T06:00:00Z"]);
    ran.assert_code(3);
    assert_listed(&folder, &report, &ran.stderr);
    assert_judged(&report, false);
    let links = folder.query("select account, person from links where account like 'a-b%'");
    assert_eq!(links.len(), 6, "everybody keeps the account that was known: {links:?}");
    // The next good night says what the first one said.
    folder.write("people.csv", people(false));
    let (ran, report) = folder.scan(&["--now", "2026-11-04T06:00:00Z"]);
    ran.assert_code(1);
    assert_eq!((report.of("LCM-001"), report.of("ORP-001")), (vec!["a-e050".to_owned()], vec!["a-ghost".to_owned()]));
}

#[test]
fn a_row_without_an_id_may_be_anybodys() {
    let folder = estate();
    let mut file = people(false);
    file.extend(b",Nobody Knows,,active,2020-01-01,,\n");
    folder.write("people.csv", file);
    let (ran, report) = folder.scan(&[]);
    ran.assert_code(3);
    ran.assert_says(&["COL106", "people.csv:59:1"]);
    assert!(report.of("LCM-001").is_empty(), "the lost row may be the leaver's new contract");
    let [_, pass, _, silent] = report.counts("LCM-001");
    assert!(pass >= 55 && silent == 1, "{pass} {silent}: everybody else is judged");
    assert!(report.of("ORP-001").is_empty());
}

#[test]
fn many_bad_rows_do_not_flood_the_terminal_and_are_all_in_the_snapshot() {
    let folder = estate();
    let mut file = people(false);
    for number in 0..40 {
        file.extend(format!("X{number},Bad {number},x{number}@x.example,active,2020-02-31,,\n").into_bytes());
    }
    folder.write("people.csv", file);
    let (ran, report) = folder.scan(&[]);
    ran.assert_code(3);
    assert_eq!(ran.stderr.matches("warning[COL105]").count(), 5, "{}", ran.stderr);
    ran.assert_says(&["35 more of COL105 are in the snapshot", "select * from gaps"]);
    assert_eq!(gaps(&folder).len(), 40);
    assert_eq!(report.of("LCM-001"), ["a-e050"]);
}

/// A feed that gives a row for each change of an employment, and a row of it that another one contradicts.
#[test]
fn a_refused_change_is_kept_nowhere() {
    let folder = estate();
    let header = "employee_id,legal_name,email,status,start,end,recorded,sequence\n";
    let change = |name: &str, status: &str, end: &str, number: u8| {
        format!("E001,{name},{}@x.example,{status},2020-01-01,{end},,{number}\n", name.to_lowercase().replace(' ', "."))
    };
    let mut file = header.to_owned();
    file.push_str(&change("Ann Good", "active", "", 1));
    file.push_str(&change("Ann Wrong", "terminated", "2026-01-31", 2));
    file.push_str(&change("Bob Wrong", "active", "", 2));
    file.extend((2..=GOOD).map(|number| format!("{},1\n", good(number).trim_end())));
    folder.write("people.csv", file);
    let (ran, _) = folder.scan(&[]);
    ran.assert_code(3);
    ran.assert_says(&["COL108", "people.csv:4:1"]);
    let changes = folder.query("select sequence, status from employments where person = 'E001'");
    assert_eq!(changes.len(), 1, "neither of the two is kept: {changes:?}");
    assert_eq!(format!("{} {}", text(&changes[0]["sequence"]), text(&changes[0]["status"])), "1 active");
    let known = folder.query("select legal_name, emails, previous_names from persons where id = 'E001'");
    let known = serde_json::to_string(&known).unwrap();
    assert!(known.contains("Ann Good") && !known.contains("Wrong") && !known.contains("wrong"), "{known}");
}
