//! Whose account is whose, as an analyst decides it: the queue, every decision, the text they become, and lists of hundreds.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

mod link_estate;
mod muster_cmd;

use link_estate::{Estate, column, is};
use muster_cmd::{Folder, Ran, list, text};
use serde_json::Value;

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
