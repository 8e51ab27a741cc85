//! Whose account is whose, as an analyst decides it: the queue, every decision, lists of hundreds, what a decision does, and that
//! no link changes silently.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

mod muster_cmd;

use muster_cmd::{Folder, Ran, list, text};
use serde_json::Value;

const NOW: &str = "2026-11-02T06:00:00Z";

/// A company of two systems: HR with a few people, a CRM whose accounts say little.
struct Estate {
    folder: Folder,
    people: Vec<String>,
    accounts: Vec<String>,
}

impl Estate {
    /// Ada with an address; two Smiths who share a login; Bob by his name alone; an account that is nobody's.
    fn small() -> Self {
        let mut estate = Self { folder: Folder::empty(), people: Vec::new(), accounts: Vec::new() };
        for (id, name, email, department) in [
            ("E1", "Ada Lovelace", "ada@corp.example", "Research"),
            ("E2", "John Smith", "john.smith@corp.example", "Sales"),
            ("E3", "Jane Smith", "jane.smith@corp.example", "Sales"),
            ("E4", "Bob Stone", "bs@other.example", "Sales"),
        ] {
            estate.person(id, name, email, department);
        }
        estate.account("c1", "ada", "Ada Lovelace", "ada@corp.example", "");
        estate.account("c2", "jsmith", "J. Smith", "", "");
        estate.account("c3", "bobs", "Bob", "", "");
        estate.account("c4", "zorro", "Zorro", "", "");
        estate.write();
        estate
    }

    fn person(&mut self, id: &str, name: &str, email: &str, department: &str) {
        self.people.push(format!("{id},{name},{email},{department},active,employee,2020-01-01,"));
    }

    fn account(&mut self, id: &str, login: &str, name: &str, email: &str, class: &str) {
        self.accounts.push(format!("{id},{login},{name},{email},{class},active,2021-01-01T00:00:00Z"));
    }

    fn write(&self) {
        let table = |header: &str, rows: &[String]| format!("{header}\n{}\n", rows.join("\n"));
        let people = table("id,name,email,department,status,worker_type,start,end", &self.people);
        let accounts = table("id,login,name,email,class,lifecycle,created", &self.accounts);
        self.folder.write("people.csv", people);
        self.folder.write("accounts.csv", accounts);
        std::fs::create_dir_all(self.folder.path().join("policy")).unwrap();
        self.folder.write(
            "muster.toml",
            format!(
                r#"[muster]
now = "{NOW}"

[[system]]
name      = "hr"
connector = "csv"
file      = "people.csv"
yields    = "people"
collected = "2026-11-02T05:00:00Z"
columns   = {{ employee_id = "id", legal_name = "name", email = "email", department = "department", status = "status", worker_type = "worker_type", start = "start", end = "end" }}

[[system]]
name      = "crm"
connector = "csv"
file      = "accounts.csv"
yields    = "accounts"
collected = "2026-11-02T05:00:00Z"
columns   = {{ id = "id", login = "login", name = "name", email = "email", class = "class", lifecycle = "lifecycle", created = "created" }}
"#
            ),
        );
    }

    /// Collects and checks: what is written counts from here on.
    fn scan(&self) -> Value {
        self.folder.scan(&["--fail-on", "never", "--accept", "hr", "--accept", "crm"]).1.0
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.folder.run(arguments)
    }

    /// A decision that is taken, signed by bea.
    fn decide(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(&[&["links"], arguments, &["--reason", "asked", "--author", "bea"]].concat());
        ran.assert_code(0);
        ran
    }

    /// A decision that is refused.
    fn refused(&self, arguments: &[&str], says: &[&str]) {
        let before = self.policy();
        let ran = self.run(&[&["links"], arguments].concat());
        ran.assert_code(2);
        ran.assert_says(says);
        assert_eq!(self.policy(), before, "what is refused writes nothing");
    }

    fn policy(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("policy/links.toml")).unwrap_or_default()
    }

    fn queue(&self, filter: &[&str]) -> Vec<Value> {
        serde_json::from_str(&self.folder.expect(0, &[&["links", "list", "-o", "json"], filter].concat())).unwrap()
    }

    fn situation(&self, account: &str) -> (String, Option<String>) {
        let rows = self.folder.query(&format!("select situation, person from situations where account = '{account}'"));
        (text(&rows[0]["situation"]), rows[0]["person"].as_str().map(str::to_owned))
    }
}

fn column(rows: &[Value], name: &str) -> Vec<String> {
    rows.iter().map(|row| text(&row[name])).collect()
}

fn is(situation: &str, person: Option<&str>) -> (String, Option<String>) {
    (situation.to_owned(), person.map(str::to_owned))
}

// ---- the queue ----------------------------------------------------------------------------------------------------

#[test]
fn the_queue_lists_who_has_candidates_and_filters_them() {
    let estate = Estate::small();
    estate.scan();
    let all = estate.queue(&[]);
    // Two who are equally likely are each half as likely.
    assert_eq!(column(&all, "account"), ["c3", "c2", "c2"]);
    assert_eq!(column(&all, "situation"), ["FOUND", "AMBIGUOUS", "AMBIGUOUS"]);
    assert_eq!(column(&all, "person"), ["E4", "E2", "E3"]);
    assert_eq!(column(&estate.queue(&["--situation", "found"]), "account"), ["c3"]);
    assert_eq!(column(&estate.queue(&["--situation", "CONFIRMED"]), "person"), ["E1"]);
    assert_eq!(column(&estate.queue(&["--situation", "UNASSIGNED"]), "account"), ["c4"]);
    assert_eq!(column(&estate.queue(&["--department", "sales", "--limit", "1"]), "account"), ["c3"]);
    assert!(estate.queue(&["--department", "Research"]).is_empty());
    assert!(estate.queue(&["--min", "90"]).is_empty() && !estate.queue(&["--max", "0.8"]).is_empty());
    assert_eq!(column(&estate.queue(&["--strategy", "likeness", "--system", "crm"]), "account").len(), 3);
    assert!(estate.queue(&["--strategy", "name_convention"]).is_empty());
    estate.run(&["links", "list", "--system", "crn"]).assert_says(&["did you mean `crm`?"]);
    let table = estate.folder.expect(0, &["links", "list"]);
    assert!(table.contains("crm:c3") && table.contains("Bob Stone (E4)"), "{table}");
    assert_eq!(estate.folder.expect(0, &["query", "link-queue", "-o", "csv"]).lines().count(), 4);
}

#[test]
fn what_gains_most_comes_first() {
    let mut estate = Estate::small();
    estate.person("E5", "Max Power", "mp@other.example", "IT");
    estate.account("c8", "maxp", "Max", "", "");
    estate.account("c9", "maxp-adm", "Max admin", "", "");
    estate.write();
    estate.scan();
    let queue = estate.queue(&[]);
    assert_eq!(column(&queue, "account")[0], "c8", "another account follows it: {queue:#?}");
    assert_eq!(queue[0]["followers"], 1);
}

#[test]
fn show_lays_both_sides_next_to_each_other() {
    let estate = Estate::small();
    estate.scan();
    let page = estate.folder.expect(0, &["links", "show", "crm:jsmith"]);
    for part in ["John Smith", "Jane Smith", "department", "Sales", "name_convention", "employee id", "silent"] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    let json: Value = serde_json::from_str(&estate.folder.expect(0, &["links", "show", "c2", "-o", "json"])).unwrap();
    assert_eq!(column(list(&json["candidates"]), "person"), ["E2", "E3"]);
    assert_eq!(json["situation"], "AMBIGUOUS");
}

// ---- decisions ----------------------------------------------------------------------------------------------------

#[test]
fn accepting_links_rejecting_unlinks_the_pair_and_never_everybody() {
    let estate = Estate::small();
    estate.scan();
    estate.decide(&["accept", "crm:c2", "E3"]);
    estate.decide(&["accept", "c3"]);
    estate.decide(&["reject", "c1"]);
    assert_eq!(estate.situation("c2"), is("CONFIRMED", Some("E3")));
    assert_eq!(estate.situation("c3"), is("CONFIRMED", Some("E4")));
    assert_eq!(estate.situation("c1"), is("UNASSIGNED", None), "on no rung");
    let page = estate.folder.expect(0, &["explain", "crm:c1"]);
    assert!(page.contains("refused") && page.contains("rejected by bea: asked"), "{page}");
    estate.decide(&["never", "ada@corp.example"]);
    assert_eq!(estate.situation("c1"), is("UNASSIGNED", None));
    let report = estate.scan();
    assert_eq!(report["people"]["linked"], serde_json::json!({ "accepted": 2 }));
    // An account of a human class that nobody owns stays a finding: a decision about links is no exception.
    let orphans: Vec<_> = list(&report["findings"]).iter().filter(|finding| finding["rule"] == "ORP-001").collect();
    assert_eq!(orphans.len(), 2, "c1 and c4");
    assert!(estate.queue(&[]).is_empty());
    let links = estate
        .folder
        .query("select account, confidence, strategy, situation, rank, decision from links order by account");
    assert_eq!(links[0]["strategy"], "accepted");
    assert_eq!((links[0]["confidence"].as_f64(), links[0]["rank"].as_u64()), (Some(1.0), Some(1)));
    assert_eq!(links[0]["decision"], "accepted by bea: asked");
}

#[test]
fn rejecting_one_of_two_leaves_the_other_in_the_queue() {
    let estate = Estate::small();
    estate.scan();
    estate.decide(&["reject", "c2", "John Smith"]);
    let queue = estate.queue(&["--situation", "FOUND"]);
    assert_eq!(column(&queue, "person"), ["E3", "E4"]);
}

#[test]
fn a_pin_needs_no_evidence_and_unpin_takes_it_back() {
    let estate = Estate::small();
    estate.scan();
    estate.refused(
        &["accept", "c4", "E1", "--reason", "r", "--author", "a"],
        &["LNK005", "nothing says that `crm:c4` (Zorro) is Ada Lovelace's", "muster links pin"],
    );
    estate.refused(&["accept", "c4", "--reason", "r", "--author", "a"], &["has no candidate"]);
    estate.refused(
        &["accept", "c2", "--reason", "r", "--author", "a"],
        &["2 candidates", "`E2` (John Smith), `E3` (Jane Smith)"],
    );
    estate.decide(&["pin", "c4", "E1", "--expires", "2027-03-31"]);
    assert_eq!(estate.situation("c4"), is("CONFIRMED", Some("E1")));
    assert!(estate.policy().contains("expires = 2027-03-31"));
    let dry = estate.decide(&["unpin", "c4", "--dry-run"]);
    assert!(dry.stdout.contains("pin crm:c4 E1 (policy/links.toml:4:1), by bea: asked"), "{}", dry.stdout);
    assert_eq!(estate.situation("c4").0, "CONFIRMED");
    estate.decide(&["unpin", "c4"]);
    assert_eq!(estate.situation("c4"), is("UNASSIGNED", None));
    assert!(
        estate.policy().contains("withdrawn = { on = 2026-11-02, by = \"bea\", reason = \"asked\" }"),
        "{}",
        estate.policy()
    );
    estate.refused(&["unpin", "c4", "--reason", "r", "--author", "a"], &["nothing that counts was decided"]);
}

#[test]
fn a_change_of_mind_replaces_what_it_contradicts() {
    let estate = Estate::small();
    estate.scan();
    estate.decide(&["reject", "c3", "E4"]);
    estate.decide(&["never", "c3"]);
    estate.decide(&["pin", "c3", "E4"]);
    assert_eq!(estate.situation("c3"), is("CONFIRMED", Some("E4")));
    assert_eq!(estate.policy().matches("withdrawn").count(), 2 + 1, "two blocks, and the word in the head");
    let again = estate.decide(&["pin", "c3", "E4"]);
    again.assert_says(&["decided already"]);
    estate.decide(&["pin", "c3", "E1"]);
    assert_eq!(estate.situation("c3"), is("CONFIRMED", Some("E1")));
    assert!(!estate.run(&["check", "--fail-on", "never"]).stderr.contains("LNK003"));
}

#[test]
fn who_decides_and_why_must_be_said() {
    let estate = Estate::small();
    estate.scan();
    estate.refused(&["accept", "c3", "--reason", "r"], &["LNK008", "MUSTER_AUTHOR"]);
    estate.refused(&["accept", "c3", "--author", " ", "--reason", "r"], &["LNK008"]);
    estate.refused(&["accept", "c3", "--author", "a", "--reason", " "], &["a decision needs a reason"]);
    estate.refused(&["accept", "c3", "--author", "a"], &["a decision needs a reason"]);
    estate.refused(
        &["accept", "c3", "--author", "a", "--reason", "r", "--expires", "2026-11-01"],
        &["would have expired"],
    );
    let out = estate
        .folder
        .muster()
        .args(["links", "accept", "c3", "--reason", "r"])
        .env("MUSTER_AUTHOR", "cara@corp.example")
        .output()
        .unwrap();
    Ran::from(out).assert_code(0);
    assert!(estate.policy().contains("author = \"cara@corp.example\""));
}

#[test]
fn unknown_and_ambiguous_names_list_the_choices() {
    let mut estate = Estate::small();
    estate.account("c5", "twin", "Twin", "", "");
    estate.account("c6", "twin", "Twin", "", "");
    estate.person("E9", "Ada Lovelace", "ada2@corp.example", "Sales");
    estate.write();
    estate.scan();
    let signed = ["--reason", "r", "--author", "a"];
    let refused = |arguments: &[&str], says: &[&str]| estate.refused(&[arguments, &signed].concat(), says);
    refused(&["never", "twin"], &["names 2 accounts", "`crm:c5` (Twin), `crm:c6` (Twin)", "as `system:id`"]);
    refused(&["pin", "c4", "Ada Lovelace"], &["names 2 persons", "`E1` (Ada Lovelace), `E9`"]);
    refused(&["pin", "c4", "Adda Lovelace"], &["did you mean `Ada Lovelace`?"]);
    refused(&["pin", "zoro", "E1"], &["did you mean `zorro`?"]);
    refused(&["never", "John Smith"], &["it is a person", "nothing is linked to them"]);
    let page = estate.folder.expect(0, &["explain", "crm:c5"]);
    assert!(page.contains("(id c5)") && !page.contains("(id c6)"), "{page}");
}

// ---- text ---------------------------------------------------------------------------------------------------------

#[test]
fn what_people_wrote_stays_and_the_file_is_replaced_whole() {
    let estate = Estate::small();
    estate.scan();
    let theirs = "# Ours. Ask bea.\n\n# He said so.\n[[decision]]\nverdict = \"never\"\nsystem  = \"crm\"   # the old one\naccount = \"c4\"\n\
                  author  = \"bea\"\nreason  = \"a demo\"\nticket  = \"T-1\"\n";
    estate.folder.write("policy/links.toml", theirs);
    let path = estate.folder.path().join("policy/links.toml");
    #[cfg(unix)]
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
    estate.decide(&["accept", "c3"]);
    let text = estate.policy();
    assert!(text.starts_with("# Ours. Ask bea.\n\n[[decision]]\nverdict = \"accept\""), "sorted: {text}");
    assert!(text.ends_with(&theirs["# Ours. Ask bea.\n".len()..]), "untouched: {text}");
    assert!(text.contains("account = \"c3\"  # Bob\nperson = \"E4\"  # Bob Stone\n"), "{text}");
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o640);
    }
    let names: Vec<_> =
        std::fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["links.toml"], "nothing is left behind");
    let again = estate.decide(&["accept", "c2", "E2", "--dry-run"]);
    again.assert_says(&["dry run: 1 decision would be written"]);
    assert_eq!(estate.policy(), text);
}

#[test]
fn decisions_that_cannot_be_read_are_refused_with_their_line() {
    let estate = Estate::small();
    estate.scan();
    let block = |rest: &str| format!("[[decision]]\nauthor = \"a\"\nreason = \"r\"\n{rest}\n");
    for (rest, says) in [
        (
            "verdict = \"pin\"\nsystem = \"crn\"\naccount = \"c1\"\nperson = \"E1\"",
            &["CFG012", "links.toml:5:10", "did you mean `crm`?"][..],
        ),
        (
            "verdict = \"pin\"\nsystem = \"crm\"\naccount = \"c1\"",
            &["CFG010", "`pin` needs a `person`", "links.toml:1:1"],
        ),
        (
            "verdict = \"never\"\nsystem = \"crm\"\naccount = \"c1\"\nperson = \"E1\"",
            &["names a person", "links.toml:7:10"],
        ),
        ("verdict = \"perhaps\"\nsystem = \"crm\"\naccount = \"c1\"", &["links.toml:4:11", "perhaps"]),
        ("verdict = \"never\"\nsystem = \"crm\"\naccount = \"\"", &["`account` is empty", "links.toml:6:11"]),
        (
            "verdict = \"never\"\nsystem = \"crm\"\naccount = \"c1\"\nexpire = 2027-01-01",
            &["CFG010", "did you mean `expires`?", "links.toml:7:1"],
        ),
        (
            "verdict = \"never\"\nsystem = \"crm\"\naccount = \"c1\"\nexpires = 2027-01-01T00:00:00Z",
            &["`expires` is no date", "links.toml:7:11"],
        ),
    ] {
        estate.folder.write("policy/links.toml", block(rest));
        estate.refused(&["list"], says);
    }
}

#[test]
fn decisions_that_do_nothing_are_told_with_their_line() {
    let estate = Estate::small();
    let decision = |verdict: &str, account: &str, person: &str, more: &str| {
        let person = if person.is_empty() { String::new() } else { format!("person = \"{person}\"\n") };
        format!(
            "[[decision]]\nverdict = \"{verdict}\"\nsystem = \"crm\"\naccount = \"{account}\"\n{person}author = \"a\"\nreason = \"r\"\n{more}\n"
        )
    };
    let all = [
        decision("pin", "gone", "E1", ""),
        decision("pin", "c4", "E77", ""),
        decision("accept", "c3", "E4", "expires = 2026-11-01\n"),
        decision("pin", "c2", "E2", ""),
        decision("never", "jsmith", "", ""),
        decision("pin", "c1", "E2", ""),
        decision("pin", "c1", "E3", ""),
    ];
    estate.folder.write("policy/links.toml", all.concat());
    let report = estate.scan();
    let notes: Vec<(String, String)> =
        list(&report["people"]["decisions"]).iter().map(|note| (text(&note["code"]), text(&note["at"]))).collect();
    let expected = [("LNK001", 1), ("LNK002", 9), ("LNK004", 17), ("LNK003", 26), ("LNK003", 49)];
    let expected: Vec<_> =
        expected.iter().map(|(code, line)| ((*code).to_owned(), format!("policy/links.toml:{line}:1"))).collect();
    assert_eq!(notes, expected, "{:#}", report["people"]["decisions"]);
    assert_eq!(estate.situation("c3").0, "FOUND", "expired: evidence alone");
    assert_eq!(estate.situation("c2"), is("UNASSIGNED", None), "contradicted: linked to nobody");
    assert_eq!(estate.situation("c1"), is("FOUND_ALREADY_LINKED", None));
    let told = estate.run(&["check", "--fail-on", "never"]);
    told.assert_says(&["LNK001", "LNK002", "LNK003", "LNK004", "policy/links.toml:26:1", "contradicts `never`"]);
    // The account is gone, the decision can still be taken back.
    estate.decide(&["unpin", "crm:gone"]);
    // On its last day a decision counts.
    let last_day =
        estate.folder.run(&["links", "list", "--situation", "CONFIRMED", "--now", "2026-11-01T23:59:59Z", "-o", "csv"]);
    assert!(last_day.stdout.contains(",accepted,"), "{}", last_day.stdout);
}

#[test]
fn a_decision_about_what_was_not_read_is_not_called_gone() {
    let estate = Estate::small();
    estate.scan();
    estate.decide(&["pin", "c4", "E1"]);
    estate.folder.write("people.csv", "id,name,email,department,status,worker_type,start,end\n");
    let ran = estate.run(&["scan", "--fail-on", "never", "--now", "2026-11-03T06:00:00Z"]);
    ran.assert_code(3);
    assert!(!ran.stderr.contains("who is not in HR"), "{}", ran.stderr);
    let page = estate.folder.expect(0, &["explain", "c2", "--now", "2026-11-03T06:00:00Z"]);
    assert!(page.contains("c2"), "{page}");
}

// ---- many ---------------------------------------------------------------------------------------------------------

/// `number` persons, each with an account that bears the name alone.
fn crowd(number: usize) -> Estate {
    let mut estate = Estate { folder: Folder::empty(), people: Vec::new(), accounts: Vec::new() };
    for n in 0..number {
        let family: String = format!("{n:04}").chars().map(|digit| char::from(b'a' + (digit as u8 - b'0'))).collect();
        estate.person(&format!("E{n}"), &format!("Kim Q{family}"), &format!("p{n}@corp{}.example", n % 3), "Sales");
        estate.account(&format!("c{n}"), &format!("kim.q{family}"), "", "", "");
    }
    estate.write();
    estate
}

#[test]
fn five_hundred_candidates_are_decided_in_a_spreadsheet() {
    let estate = crowd(500);
    estate.scan();
    let csv = estate.folder.expect(0, &["links", "list", "-o", "csv"]);
    assert_eq!(csv.lines().count(), 501);
    // What a spreadsheet of another country saves: a byte-order mark, semicolons, words in the decision column.
    let mut edited = String::from("\u{feff}");
    for (line, row) in csv.lines().enumerate() {
        let row = row.replace(',', ";");
        let word = match line {
            0 => None,
            1..=400 => Some("accept;seen;"),
            401..=450 => Some("Reject;;2027-01-31"),
            _ => Some(";;"),
        };
        match word {
            Some(word) => edited.push_str(&format!("{word}{}\r\n", row.strip_prefix(";;").unwrap())),
            None => edited.push_str(&format!("{row}\r\n")),
        }
    }
    estate.folder.write("queue.csv", &edited);
    let signed = ["--author", "bea", "--reason", "by list"];
    let apply = |more: &[&str]| estate.run(&[&["links", "apply", "queue.csv"], &signed[..], more].concat());
    let dry = apply(&["--dry-run"]);
    dry.assert_code(0);
    dry.assert_says(&["dry run: 450 decisions would be written"]);
    estate.refused(&[&["apply", "queue.csv"], &signed[..]].concat(), &["LNK006", "--confirm 450"]);
    estate.refused(&[&["apply", "queue.csv", "--confirm", "449"], &signed[..]].concat(), &["not the 449"]);
    let done = apply(&["--confirm", "450"]);
    done.assert_code(0);
    let policy = estate.policy();
    assert_eq!(policy.matches("[[decision]]").count(), 450);
    assert_eq!(policy.matches("expires = 2027-01-31").count(), 50);
    assert_eq!(policy.matches("reason = \"seen\"").count(), 400);
    apply(&["--confirm", "450"]).assert_says(&["decided already"]);
    assert_eq!(estate.policy(), policy, "the same list again changes nothing");
    let report = estate.scan();
    assert_eq!(report["people"]["linked"]["accepted"], 400);
    assert_eq!(report["people"]["coverage"][0]["situations"]["FOUND"], 50);
    assert_eq!(estate.queue(&[]).len(), 50);
}

#[test]
fn a_list_with_one_bad_row_writes_nothing_and_names_them_all() {
    let estate = Estate::small();
    estate.scan();
    estate.folder.write(
        "queue.csv",
        "decision,system,account,person,reason,expires\nacept,crm,c3,E4,r,\naccept,crn,c3,E4,r,\naccept,crm,c99,E4,r,\naccept,crm,c3,E99,r,\n\
         accept,crm,c3,E4,,\naccept,crm,c3,E4,r,soon\naccept,crm,c2,E2,r,\naccept,crm,c2,E3,r,\n,crm,c4,,,\n",
    );
    estate.refused(
        &["apply", "queue.csv", "--author", "a", "--confirm", "1"],
        &[
            "queue.csv:2",
            "did you mean `accept`?",
            "queue.csv:3",
            "did you mean `crm`?",
            "queue.csv:4",
            "queue.csv:5",
            "queue.csv:6",
            "no reason",
            "queue.csv:7",
            "`soon` is no date",
        ],
    );
    estate.folder.write("queue.csv", "decision,system,account,person,reason\naccept,crm,c2,E2,r\naccept,crm,c2,E3,r\n");
    estate.refused(
        &["apply", "queue.csv", "--author", "a", "--confirm", "2"],
        &["queue.csv:3", "contradict each other", "the other one is at queue.csv:2"],
    );
    estate.folder.write("queue.csv", "system,account\n");
    estate.refused(&["apply", "queue.csv", "--author", "a"], &["has no column `decision`"]);
    estate.refused(&["apply", "gone.csv", "--author", "a"], &["cannot read `gone.csv`"]);
}

#[test]
fn a_filter_decides_what_has_one_candidate() {
    let estate = Estate::small();
    estate.scan();
    let signed = ["--author", "bea", "--reason", "weak but right"];
    let accept = |more: &[&str]| estate.run(&[&["links", "accept"], &signed[..], more].concat());
    estate.refused(&[&["accept"], &signed[..]].concat(), &["`accept` of what?"]);
    estate.refused(&[&["accept", "c3", "--min", "60"], &signed[..]].concat(), &["do not go together"]);
    let dry = accept(&["--system", "crm", "--dry-run"]);
    dry.assert_says(&["1 decision would be written", "1 account with several candidates was left out"]);
    accept(&["--system", "crm", "--confirm", "1"]).assert_code(0);
    assert_eq!(estate.situation("c3"), is("CONFIRMED", Some("E4")));
    let reject = estate.run(&[
        "links",
        "reject",
        "--situation",
        "AMBIGUOUS",
        "--author",
        "b",
        "--reason",
        "r",
        "--confirm",
        "2",
    ]);
    reject.assert_code(0);
    assert_eq!(estate.situation("c2"), is("UNASSIGNED", None));
    accept(&["--system", "crm"]).assert_says(&["nothing that waits"]);
}

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
    let idle = estate.scan();
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
