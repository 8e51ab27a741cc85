//! What becomes of findings from night to night, and what people decide about them, through the real binary.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

mod muster_cmd;

use std::fmt::Write as _;

use muster_cmd::{Folder, Ran, list, text};
use serde_json::Value;

/// A company with an HR file, a CRM and, where a test wants one, a second system; each night is a day.
struct Company {
    folder: Folder,
    day: u32,
    more: String,
    settings: String,
}

/// Columns of an accounts file.
const ACCOUNTS: &str = "id,login,name,email,employee,lifecycle,created,owner";

impl Company {
    /// Ada works, Ben and Cyn have left; each has an account that works. One account is nobody's.
    fn new() -> Self {
        let company = Self { folder: Folder::empty(), day: 1, more: String::new(), settings: String::new() };
        company.people("");
        company.accounts(&[
            ("c1", "E1", "active"),
            ("c2", "E2", "active"),
            ("c3", "E3", "active"),
            ("c4", "", "active"),
        ]);
        std::fs::create_dir_all(company.folder.path().join("policy")).unwrap();
        company
    }

    fn people(&self, more: &str) {
        let rows = "E1,Ada Lovelace,ada@corp.example,active,2020-01-01,,\n\
                    E2,Ben Bell,ben@corp.example,terminated,2020-01-01,2026-09-30,E1\n\
                    E3,Cyn Cole,cyn@corp.example,terminated,2020-01-01,2026-08-31,E1\n\
                    E4,Dan Dorn,dan@corp.example,active,2020-01-01,,E1\n";
        self.folder.write("people.csv", format!("id,name,email,status,start,end,manager\n{rows}{more}"));
    }

    fn accounts(&self, accounts: &[(&str, &str, &str)]) {
        let mut rows = format!("{ACCOUNTS}\n");
        for (id, employee, lifecycle) in accounts {
            writeln!(rows, "{id},login-{id},Name {id},,{employee},{lifecycle},2021-01-01T00:00:00Z,").unwrap();
        }
        self.folder.write("accounts.csv", rows);
    }

    fn now(&self) -> String {
        format!("2026-11-{:02}T06:00:00Z", self.day)
    }

    fn config(&self) {
        let Self { more, settings, .. } = self;
        let taken = format!("2026-11-{:02}T05:00:00Z", self.day);
        self.folder.write(
            "muster.toml",
            format!(
                r#"[muster]
now = "{}"
{settings}

[[system]]
name      = "hr"
connector = "csv"
file      = "people.csv"
yields    = "people"
collected = "{taken}"
columns   = {{ employee_id = "id", legal_name = "name", email = "email", status = "status", start = "start", end = "end", manager = "manager" }}

[[system]]
name      = "crm"
connector = "csv"
file      = "accounts.csv"
yields    = "accounts"
collected = "{taken}"
columns   = {{ id = "id", login = "login", name = "name", email = "email", employee_id = "employee", lifecycle = "lifecycle", created = "created", owner = "owner" }}
{more}
"#,
                self.now()
            ),
        );
    }

    /// The next night's scan; its report.
    fn night(&mut self, arguments: &[&str]) -> (Ran, Value) {
        self.config();
        let accept = ["--accept", "hr", "--accept", "crm"];
        let (ran, report) = self.folder.scan(&[&accept[..], arguments].concat());
        self.day += 1;
        (ran, report.0)
    }

    /// The next night's report, whatever it ends with.
    fn report(&mut self) -> Value {
        self.night(&["--fail-on", "never"]).1
    }

    /// A decision that is taken, signed by bea, on the day of the last night.
    fn decide(&self, arguments: &[&str]) -> Ran {
        let ran = self.folder.run(&[&["findings"], arguments, &["--reason", "asked", "--author", "bea"]].concat());
        ran.assert_code(0);
        ran
    }

    /// A decision that is refused and writes nothing.
    fn refused(&self, arguments: &[&str], says: &[&str]) {
        let files = || {
            ["findings", "exceptions"].map(|name| {
                std::fs::read_to_string(self.folder.path().join(format!("policy/{name}.toml"))).unwrap_or_default()
            })
        };
        let before = files();
        let ran = self.folder.run(&[&["findings"], arguments].concat());
        ran.assert_code(2);
        ran.assert_says(says);
        assert_eq!(files(), before, "what is refused writes nothing");
    }

    fn listed(&self, filter: &[&str]) -> Vec<Value> {
        serde_json::from_str(&self.folder.expect(0, &[&["findings", "list", "-o", "json"], filter].concat())).unwrap()
    }
}

/// The finding of a rule about a subject, in a list of them.
fn find<'v>(findings: &'v Value, rule: &str, id: &str) -> Option<&'v Value> {
    list(findings).iter().find(|finding| finding["rule"] == rule && finding["subject"]["id"] == id)
}

fn fingerprint(report: &Value, rule: &str, id: &str) -> String {
    text(&find(&report["findings"], rule, id).unwrap_or_else(|| panic!("no {rule} {id}: {report:#}"))["fingerprint"])
}

fn state(report: &Value, rule: &str, id: &str) -> String {
    find(&report["findings"], rule, id).map(|finding| text(&finding["state"])).unwrap_or_default()
}

// ---- the chain of checks --------------------------------------------------------------------------------------------

#[test]
fn a_repaired_finding_is_resolved_and_one_that_comes_back_is_a_regression() {
    let mut company = Company::new();
    let first = company.report();
    assert_eq!(state(&first, "LCM-001", "c2"), "open");
    let all = [("c1", "E1", "active"), ("c3", "E3", "active"), ("c4", "", "active")];
    company.accounts(&[&all[..], &[("c2", "E2", "disabled")]].concat());
    let second = company.report();
    assert!(find(&second["findings"], "LCM-001", "c2").is_none());
    let resolved = find(&second["resolved"], "LCM-001", "c2").unwrap();
    assert_eq!((&resolved["state"], &resolved["resolved"]), (&"resolved".into(), &"2026-11-02T06:00:00Z".into()));
    assert_eq!(list(&second["resolved"]).len(), 1, "what another night resolved is not told again");
    let third = company.report();
    assert_eq!(third["resolved"], Value::Null);
    assert_eq!(
        company.folder.query("select state from findings where subject = 'c2' and rule = 'LCM-001'")[0]["state"],
        "resolved"
    );
    let listed = company.listed(&["--state", "resolved"]);
    assert_eq!(listed.len(), 1);

    company.accounts(&[&all[..], &[("c2", "E2", "active")]].concat());
    let (ran, fourth) = company.night(&["--fail-on", "new:high"]);
    ran.assert_code(1);
    let back = find(&fourth["findings"], "LCM-001", "c2").unwrap();
    assert_eq!((&back["state"], &back["first_seen"]), (&"regressed".into(), &"2026-11-01T06:00:00Z".into()));
    assert_eq!(back["regressed"], "2026-11-04T06:00:00Z");
    let drift = list(&fourth["findings"]).iter().find(|finding| finding["rule"] == "DRF-011").unwrap();
    assert!(text(&drift["message"]).contains("LCM-001 was in order on 2026-11-02 and is true again"), "{drift}");
    let fifth = company.report();
    assert_eq!(state(&fifth, "LCM-001", "c2"), "regressed", "until it is resolved again");
    assert!(list(&fifth["findings"]).iter().any(|finding| finding["rule"] == "DRF-011"));
    assert_eq!(company.listed(&["--new"]).len(), 0, "it was new the night before");
}

#[test]
fn what_was_not_read_is_open_and_not_confirmed_and_never_resolved() {
    let mut company = Company::new();
    let first = company.report();
    let seen = fingerprint(&first, "LCM-001", "c2");
    company.folder.write("accounts.csv", "this,is,something,else\n1,2,3,4\n");
    let (ran, second) = company.night(&["--allow-partial"]);
    assert!(find(&second["findings"], "LCM-001", "c2").is_none());
    assert_eq!(second["resolved"], Value::Null);
    let kept = find(&second["unconfirmed"], "LCM-001", "c2").unwrap();
    assert_eq!((text(&kept["fingerprint"]), &kept["state"]), (seen, &"open".into()));
    assert_eq!(
        (&kept["first_seen"], &kept["last_seen"]),
        (&"2026-11-01T06:00:00Z".into(), &"2026-11-01T06:00:00Z".into())
    );
    ran.assert_code(1);
    ran.assert_says(&["not confirmed"]);
    let shown = company.folder.expect(1, &["report", "-o", "table"]);
    assert!(shown.contains("NOT CONFIRMED"), "{shown}");

    // The rows are gone from a file that cannot be believed to be whole.
    company.folder.write("accounts.csv", format!("{ACCOUNTS}\n"));
    company.config();
    let (_, third) = company.folder.scan(&["--fail-on", "never"]);
    company.day += 1;
    assert!(find(&third.0["resolved"], "LCM-001", "c2").is_none());
    assert!(find(&third.0["resolved"], "CTL-001", "crm").is_some(), "the file can be read again");
    assert!(find(&third.0["unconfirmed"], "LCM-001", "c2").is_some());

    // A complete file without the account proves that it is gone.
    company.accounts(&[("c1", "E1", "active"), ("c3", "E3", "active"), ("c4", "", "active")]);
    let fourth = company.report();
    assert!(find(&fourth["resolved"], "LCM-001", "c2").is_some(), "{:#}", fourth["unconfirmed"]);
    assert_eq!(find(&fourth["findings"], "LCM-001", "c3").unwrap()["first_seen"], "2026-11-01T06:00:00Z");
}

#[test]
fn a_rule_that_is_switched_off_resolves_nothing_and_is_reported_until_somebody_approves_it() {
    let mut company = Company::new();
    company.report();
    company.more = "[rules.LCM-001]\nenabled = false\nreason = \"too many\"".to_owned();
    for _ in 0..2 {
        let report = company.report();
        assert_eq!(report["resolved"], Value::Null);
        let kept = find(&report["unconfirmed"], "LCM-001", "c2").unwrap();
        assert!(text(&kept["unconfirmed"]).contains("switched off in the config: too many"));
        let finding = find(&report["findings"], "CTL-010", "rules.LCM-001.enabled").unwrap();
        assert_eq!(
            finding["message"],
            "`rules.LCM-001.enabled` was `true` and is `false` (too many), and nobody approved it."
        );
    }
    company.more += "\napproved_by = \"cfo\"\n[gate]\nshrink_percent = 90";
    let report = company.report();
    let told: Vec<String> = list(&report["findings"])
        .iter()
        .filter(|one| one["rule"] == "CTL-010")
        .map(|one| text(&one["subject"]["id"]))
        .collect();
    assert_eq!(told, ["gate.shrink_percent"], "a limit that every system has is told once");
    assert!(find(&report["resolved"], "CTL-010", "rules.LCM-001.enabled").is_some());
    company.more = company.more.replace("shrink_percent", "approved_by = \"cfo\"\nshrink_percent");
    assert!(find(&company.report()["findings"], "CTL-010", "gate.shrink_percent").is_none());
    // What was approved is what the next change is compared with.
    company.more = String::new();
    assert!(list(&company.report()["findings"]).iter().all(|one| one["rule"] != "CTL-010"), "stricter needs nobody");
}

// ---- decisions ----------------------------------------------------------------------------------------------------

#[test]
fn decisions_are_text_that_counts_at_once_and_ends_with_its_day() {
    let mut company = Company::new();
    let first = company.report();
    let [ben, cyn, stray] =
        [("LCM-001", "c2"), ("LCM-001", "c3"), ("ORP-001", "c4")].map(|(rule, id)| fingerprint(&first, rule, id));
    company.decide(&["ack", &ben[..12]]);
    company.decide(&["snooze", &cyn, "--until", "2026-11-03"]);
    company.decide(&["owner", &ben, "--to", "sales-it"]);
    company.decide(&["accept", &stray, "--until", "2026-11-04", "--approver", "cfo", "--mitigation", "watched"]);
    let listed = company.listed(&[]);
    let of =
        |listed: &[Value], print: &str| text(&listed.iter().find(|one| one["fingerprint"] == print).unwrap()["state"]);
    assert_eq!([&ben, &cyn, &stray].map(|print| of(&listed, print)), ["acknowledged", "snoozed", "accepted"]);
    assert_eq!(company.listed(&["--owner", "SALES-IT"]).len(), 1);
    assert_eq!(company.listed(&["--state", "snoozed", "--state", "accepted"]).len(), 2);

    // What somebody wrote stays, and a second decision replaces the first.
    let path = "policy/findings.toml";
    let text_of = company.folder.read(path);
    company.folder.write(path, text_of.replacen("[[decision]]", "# ours\n[[decision]]", 1));
    company.decide(&["snooze", &cyn, "--until", "2026-11-02"]);
    let written = company.folder.read(path);
    assert!(
        written.contains("# ours") && written.contains("withdrawn") && written.contains("# LCM-001 Name c3 (crm)"),
        "{written}"
    );

    let (ran, second) = company.night(&[]);
    ran.assert_code(1);
    ran.assert_says(&["; 1 accepted; 1 snoozed"]);
    assert_eq!(state(&second, "LCM-001", "c3"), "snoozed");
    assert_eq!(second["exceptions"][0]["state"], "in force");
    let page = company.folder.expect(0, &["findings", "show", &stray]);
    assert!(page.contains("State accepted: accepted until 2026-11-04 by cfo (EX-0001): asked"), "{page}");
    for format in ["table", "markdown", "html", "csv"] {
        let shown = company.folder.expect(1, &["report", "-o", format]);
        assert!(shown.contains("EX-0001") && shown.contains("sales-it"), "{format}: {shown}");
    }

    let third = company.report();
    assert_eq!(state(&third, "LCM-001", "c3"), "open");
    assert!(
        text(&find(&third["findings"], "LCM-001", "c3").unwrap()["state_reason"])
            .contains("put off until 2026-11-02, which is over")
    );
    company.report();
    let (_, fifth) = company.night(&[]);
    assert_eq!(state(&fifth, "ORP-001", "c4"), "open", "an exception counts until its last day");
    assert!(find(&fifth["findings"], "CTL-009", "EX-0001").is_some());
    let table = company.folder.expect(0, &["exceptions", "list"]);
    assert!(
        table.contains("expired") && table.contains("its last day was 2026-11-04; it would cover 1 finding"),
        "{table}"
    );
    assert!(company.folder.expect(0, &["exceptions", "unused"]).contains("EX-0001"));

    company.decide(&["reopen", &ben, &stray]);
    assert_eq!(company.listed(&["--state", "acknowledged"]).len(), 0);
    let sixth = company.report();
    assert!(find(&sixth["resolved"], "CTL-009", "EX-0001").is_some(), "what is taken back is nobody's business");
}

#[test]
fn what_makes_no_sense_is_refused_with_a_fix() {
    let mut company = Company::new();
    let first = company.report();
    let (ben, stray) = (fingerprint(&first, "LCM-001", "c2"), fingerprint(&first, "ORP-001", "c4"));
    let signed = |arguments: &[&'static str]| [&["--author", "bea", "--reason", "r"], arguments].concat();
    let refused = |verb: &str, print: &str, rest: &[&'static str], says: &[&str]| {
        company.refused(&[&[verb, print], signed(rest).as_slice()].concat(), says);
    };
    company.refused(&["ack", &ben, "--reason", "r"], &["LNK008", "MUSTER_AUTHOR"]);
    company.refused(&["ack", &ben, "--author", "bea"], &["a decision needs a reason"]);
    refused("ack", "ffff", &[], &["CHK002", "no finding's fingerprint starts with `ffff`"]);
    refused("ack", &ben[..2], &[], &["CHK002"]);
    refused("snooze", &ben, &["--until", "2026-10-31"], &["FND001", "would have ended on 2026-10-31"]);
    refused(
        "accept",
        &ben,
        &["--until", "2026-12-01", "--approver", "BEA"],
        &["FND001", "would own and approve the risk"],
    );
    refused("accept", &ben, &["--until", "2028-12-01", "--approver", "cfo"], &["at most 365 days, until 2027-11-01"]);
    refused("reopen", &ben, &[], &["nothing that counts was decided about"]);
    company.decide(&["accept", &ben, &stray, "--until", "2026-12-01", "--approver", "cfo"]);
    refused("ack", &ben, &[], &["is accepted already (EX-0001)"]);
    refused("accept", &stray, &["--until", "2026-12-01", "--approver", "cfo"], &["is accepted already (EX-0001)"]);
    // One of two is taken back; the other stays accepted.
    company.decide(&["reopen", &ben]);
    let listed = company.listed(&["--state", "accepted"]);
    assert_eq!(listed.iter().map(|one| text(&one["fingerprint"])).collect::<Vec<_>>(), [stray]);
    // Nothing is written by a dry run.
    let before = company.folder.read("policy/exceptions.toml");
    let ran = company.folder.run(&[
        "findings",
        "reopen",
        &text(&listed[0]["fingerprint"]),
        "--author",
        "b",
        "--reason",
        "r",
        "--dry-run",
    ]);
    ran.assert_says(&["dry run: a decision about 1 finding would be written"]);
    assert_eq!(company.folder.read("policy/exceptions.toml"), before);
}

#[test]
fn an_exception_is_bound_to_what_was_accepted() {
    let mut company = Company::new();
    let first = company.report();
    let ben = fingerprint(&first, "LCM-001", "c2");
    company.decide(&["accept", &ben, "--until", "2026-12-01", "--approver", "cfo"]);
    assert_eq!(state(&company.report(), "LCM-001", "c2"), "accepted");
    // HR says another last day: not what was accepted.
    company.folder.replace("people.csv", "2026-09-30", "2026-10-15");
    let report = company.report();
    let finding = find(&report["findings"], "LCM-001", "c2").unwrap();
    assert_eq!(finding["state"], "open");
    assert_eq!(finding["state_reason"], "EX-0001 no longer covers it: what proves it has changed");
    assert_eq!(report["exceptions"][0]["state"], "evidence changed");
}

#[test]
fn an_exception_without_fingerprints_means_what_fits_it() {
    let mut company = Company::new();
    let who = "owner = \"bea\"\napprover = \"cfo\"\nreason = \"r\"\ncreated = 2026-11-01\nexpires = 2026-12-01\n";
    let text_of = format!(
        "[[exception]]\nid = \"by-person\"\nrules = [\"LCM-001\"]\nperson = \"E2\"\n{who}\n\
         [[exception]]\nid = \"by-name\"\nrules = [\"ORP-001\"]\nsystem = \"crm\"\nsubjects = [\"name c?\"]\n{who}\n\
         [[exception]]\nid = \"idle\"\nrules = [\"ORP-001\"]\nsystem = \"hr\"\n{who}"
    );
    company.folder.write("policy/exceptions.toml", &text_of);
    let report = company.report();
    assert_eq!(state(&report, "LCM-001", "c2"), "accepted");
    assert_eq!(state(&report, "LCM-001", "c3"), "open");
    assert_eq!(find(&report["findings"], "ORP-001", "c4").unwrap()["exception"], "by-name");
    assert!(company.folder.expect(0, &["exceptions", "unused"]).contains("idle"));
    let ran = company.folder.run(&[
        "findings",
        "reopen",
        &fingerprint(&report, "ORP-001", "c4"),
        "--author",
        "b",
        "--reason",
        "r",
    ]);
    ran.assert_code(2);
    ran.assert_says(&["is accepted by by-name, which covers more than it", "policy/exceptions.toml:"]);
    company.folder.write("policy/exceptions.toml", text_of.replace("LCM-001", "LCM-999"));
    let ran = company.folder.run(&["check"]);
    ran.assert_code(2);
    ran.assert_says(&["CFG030", "`LCM-999`", "policy/exceptions.toml:1:1"]);
}

// ---- adoption, owners, folds --------------------------------------------------------------------------------------

#[test]
fn a_baseline_shows_and_counts_only_what_got_worse() {
    let mut company = Company::new();
    let (ran, first) = company.night(&["--baseline", "--author", "bea"]);
    ran.assert_code(0);
    let held = first["baseline"]["findings"].as_u64().unwrap();
    assert!(held >= 3, "{first:#}");
    assert!(list(&first["findings"]).iter().all(|finding| finding["baseline"] == true));
    assert_eq!(company.listed(&[]).len(), 0);
    assert_eq!(company.listed(&["--all"]).len() as u64, held);
    let shown = company.folder.expect(0, &["report", "-o", "table"]);
    assert!(shown.contains("No findings to act on") && !shown.contains("Clean"), "{shown}");

    // One is repaired, one is new.
    company.accounts(&[
        ("c1", "E1", "active"),
        ("c2", "E2", "disabled"),
        ("c3", "E3", "active"),
        ("c4", "", "active"),
        ("c5", "", "active"),
    ]);
    let (ran, second) = company.night(&[]);
    ran.assert_code(1);
    let worse: Vec<String> = company.listed(&[]).iter().map(|one| text(&one["subject"]["id"])).collect();
    assert!(worse.contains(&"c5".to_owned()) && !worse.contains(&"c4".to_owned()), "{worse:?}");
    assert_eq!(second["baseline"]["resolved"], 1);
    // What comes back is worse than it was.
    company.accounts(&[("c1", "E1", "active"), ("c2", "E2", "active"), ("c3", "E3", "active"), ("c4", "", "active")]);
    let (ran, third) = company.night(&[]);
    ran.assert_code(1);
    assert_eq!((state(&third, "LCM-001", "c2").as_str(), &third["baseline"]["worse"]), ("regressed", &1.into()));
    let ran = company.folder.run(&["check", "--baseline", "--author", "bea"]);
    ran.assert_code(2);
    ran.assert_says(&["FND002", "adopted on 2026-11-01 already"]);
}

#[test]
fn what_was_not_read_completely_is_not_adopted() {
    let mut company = Company::new();
    company.folder.write("accounts.csv", "this,is,something,else\n1,2,3,4\n");
    company.config();
    let ran = company.folder.run(&["scan", "--baseline", "--author", "bea"]);
    ran.assert_code(2);
    ran.assert_says(&["FND002", "not read completely"]);
    assert!(!company.folder.path().join("policy/baseline.toml").exists());
    company.day += 1;
}

#[test]
fn a_finding_goes_to_whom_it_concerns() {
    let mut company = Company::new();
    let owner = |report: &Value, rule: &str, id: &str| {
        let owner = &find(&report["findings"], rule, id).unwrap()["owner"];
        (text(&owner["name"]), text(&owner["from"]))
    };
    let is = |name: &str, from: &str| (name.to_owned(), from.to_owned());
    let first = company.report();
    assert_eq!(owner(&first, "LCM-001", "c2"), is("Ada Lovelace", "manager"));
    assert_eq!(owner(&first, "ORP-001", "c4"), is("", ""));
    let rows = company.folder.read("accounts.csv").replace(
        "login-c2,Name c2,,E2,active,2021-01-01T00:00:00Z,",
        "login-c2,Name c2,,E2,active,2021-01-01T00:00:00Z,Dan",
    );
    company.folder.write("accounts.csv", rows);
    assert_eq!(owner(&company.report(), "LCM-001", "c2"), is("Dan", "object"));
    company.folder.write("policy/inventory.toml", "[[system]]\nname = \"crm\"\nowner = \"Sales\"\n");
    assert_eq!(owner(&company.report(), "LCM-001", "c2"), is("Sales", "system"));
    company.folder.write("policy/owners.toml", "[[owner]]\nname = \"iam\"\nrule = \"LCM-*\"\nsubject = \"c2\"\n");
    let report = company.report();
    assert_eq!(owner(&report, "LCM-001", "c2"), is("iam", "register"));
    assert_eq!(owner(&report, "LCM-001", "c3"), is("Sales", "system"));
    company.decide(&["owner", &fingerprint(&report, "LCM-001", "c2"), "--to", "bea"]);
    let report = company.report();
    assert_eq!(owner(&report, "LCM-001", "c2"), is("bea", "decision"));
    let owners: Vec<String> = list(&report["owners"]).iter().map(|row| text(&row["owner"])).collect();
    assert!(owners.contains(&"Sales".to_owned()) && owners.contains(&"bea".to_owned()), "{owners:?}");
    assert_eq!(
        company.folder.query("select owner, owner_from from findings where subject = 'c2' and rule = 'LCM-001'")[0]["owner"],
        "bea"
    );
}

#[test]
fn many_findings_with_one_root_are_shown_as_one_and_decided_at_once() {
    let mut company = Company::new();
    company.settings = "fold_over = 3".to_owned();
    let people: String =
        (10..16).map(|n| format!("E{n},Pat No{n},p{n}@corp.example,terminated,2020-01-01,2026-10-01,E1\n")).collect();
    company.people(&people);
    let ids: Vec<(String, String)> = (10..16).map(|n| (format!("c{n}"), format!("E{n}"))).collect();
    let accounts: Vec<(&str, &str, &str)> =
        ids.iter().map(|(id, employee)| (id.as_str(), employee.as_str(), "active")).collect();
    company.accounts(&accounts);
    let report = company.report();
    let folds: Vec<&Value> =
        list(&report["findings"]).iter().filter(|one| one["rule"] == "LCM-001").map(|one| &one["fold"]).collect();
    assert_eq!(folds.len(), 6, "machine formats have each by itself");
    assert!(folds.iter().all(|fold| fold["members"] == 6 && fold["key"] == folds[0]["key"]), "{folds:?}");
    let shown = company.folder.expect(0, &["report", "-o", "table"]);
    assert!(shown.contains("6 of people who left on 2026-10-"), "{shown}");
    assert_eq!(shown.matches("and the account Name c1").count(), 1, "{shown}");
    let markdown = company.folder.expect(0, &["report", "-o", "markdown"]);
    for finding in list(&report["findings"]) {
        assert!(markdown.contains(&text(&finding["fingerprint"])), "members keep their fingerprints");
    }
    company.decide(&["snooze", &text(&folds[0]["key"])[..10], "--until", "2026-11-20"]);
    assert_eq!(company.listed(&["--state", "snoozed"]).len(), 6);
}

// ---- the example ---------------------------------------------------------------------------------------------------

#[test]
fn the_example_estate_shows_every_state() {
    let folder = Folder::example("acme");
    let accounts = "saas/crm-accounts.csv";
    let works = ",004002,human,active,";
    let scan = |day: u32| {
        let now = format!("2026-11-0{day}T06:00:00Z");
        folder.replace("muster.toml", &format!("2026-11-0{}T", day - 1), &format!("2026-11-0{day}T"));
        folder.scan(&["--now", &now, "--fail-on", "never"]).1.0
    };
    let first = folder.scan(&[]).1.0;
    assert_eq!(state(&first, "ORP-001", "crm-2003"), "acknowledged");
    assert_eq!(state(&first, "DOR-001", "crm-1014"), "snoozed");
    assert_eq!(state(&first, "XPR-004", "crm-1010"), "accepted");
    assert_eq!(state(&first, "LCM-001", "crm-1001"), "open");
    assert_eq!(find(&first["findings"], "AUT-001", "crm-1011").unwrap()["owner"]["name"], "Sales Operations");
    let exceptions: Vec<String> = list(&first["exceptions"]).iter().map(|one| text(&one["state"])).collect();
    assert_eq!(exceptions, ["in force", "expired", "unused", "evidence changed"]);
    folder.replace(accounts, works, ",004002,human,disabled,");
    let second = scan(3);
    assert!(find(&second["resolved"], "LCM-001", "crm-1001").is_some());
    folder.replace(accounts, ",004002,human,disabled,", works);
    let third = scan(4);
    assert_eq!(state(&third, "LCM-001", "crm-1001"), "regressed");
    assert!(list(&third["findings"]).iter().any(|one| one["rule"] == "DRF-011"));
    let states = folder.query("select distinct state from findings order by state");
    let states: Vec<String> = states.iter().map(|row| text(&row["state"])).collect();
    assert_eq!(states, ["accepted", "acknowledged", "open", "regressed", "snoozed"]);
}
