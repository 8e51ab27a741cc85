//! Accounts that bear neither an id nor an address of HR, told by everything they have.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

mod muster_cmd;

use muster_cmd::{Folder, list, text};

/// HR without work e-mails, and a wiki whose accounts have display names, phones and departments.
fn estate() -> Folder {
    let folder = Folder::empty();
    folder.write(
        "people.csv",
        "Id,First,Last,Former,Mobile,Dept,Status,From,To\n\
         E1,Katharina,Müller,,+49 171 2345678,Research,active,2019-01-01,\n\
         E2,William,Ashby,,+44 20 7946 0011,Sales,active,2019-01-01,\n\
         E3,John,Smith,,+44 20 7946 0012,Sales,active,2019-01-01,\n\
         E4,John,Smith,,+44 20 7946 0013,Sales,active,2019-01-01,\n\
         E5,Grace,Okafor,Hopper,+44 20 7946 0014,Research,active,2019-01-01,\n\
         E6,Nadia,Haddad,,+44 20 7946 0015,Legal,active,2015-01-01,2018-12-31\n\
         E6b,Nadia,Haddad,,+44 20 7946 0015,Legal,active,2024-01-01,\n",
    );
    folder.write(
        "wiki.csv",
        "id,name,phone,department,created\n\
         w1,\"Mueller, Kathi\",0171 2345678,Research,2020-01-01T00:00:00Z\n\
         w2,Bill Ashby,,Sales,2020-01-01T00:00:00Z\n\
         w3,John Smith,,Sales,2020-01-01T00:00:00Z\n\
         w4,Grace Hopper,02079460014,,2020-01-01T00:00:00Z\n\
         w5,Nadia Haddad,,Legal,2020-06-01T00:00:00Z\n\
         w6,Zebedee Quill,,,2020-01-01T00:00:00Z\n",
    );
    folder.write(
        "muster.toml",
        r#"[muster]
now = "2026-11-02T06:00:00Z"

[people]
join = ["employee_id"]
compare = [{ person = "attributes.Mobile", account = "attributes.phone", as = "phone" }]

[[system]]
name       = "hr"
connector  = "csv"
file       = "people.csv"
yields     = "people"
attributes = ["Mobile"]
collected  = "2026-11-02T05:00:00Z"
columns    = { employee_id = "Id", given_name = "First", family_name = "Last", previous_names = "Former", department = "Dept", status = "Status", start = "From", end = "To" }

[[system]]
name      = "wiki"
connector = "csv"
file      = "wiki.csv"
yields    = "accounts"
collected = "2026-11-02T05:00:00Z"
columns   = { id = "id", name = "name", department = "department", created = "created" }
"#,
    );
    folder
}

#[test]
fn a_phone_and_a_name_link_names_alone_propose_and_namesakes_are_disputed() {
    let folder = estate();
    let (ran, report) = folder.scan(&["--fail-on", "never"]);
    ran.assert_code(0);
    let links = folder
        .query("select account, person, link, strategy, confidence, evidence from links order by account, person");
    let of = |account: &str| -> Vec<(String, String)> {
        let rows = links.iter().filter(|row| text(&row["account"]) == account);
        rows.map(|row| (text(&row["person"]), text(&row["link"]))).collect()
    };
    let pair = |person: &str, link: &str| (person.to_owned(), link.to_owned());
    assert_eq!(of("w1"), [pair("E1", "linked")], "{links:#?}");
    assert_eq!(of("w2"), [pair("E2", "proposed")], "a short form of the name and a big department: {links:#?}");
    assert_eq!(of("w3"), [pair("E3", "disputed"), pair("E4", "disputed")], "{links:#?}");
    assert_eq!(of("w4"), [pair("E5", "linked")], "{links:#?}");
    assert_eq!(of("w6"), [], "{links:#?}");
    assert!(links.iter().all(|row| text(&row["strategy"]) == "likeness"), "{links:#?}");
    let evidence = text(&links[0]["evidence"]);
    assert!(
        evidence.contains("attributes.Mobile `0171 2345678` and `+49 171 2345678` (same last digits)"),
        "{evidence}"
    );
    assert!(!report.0.to_string().is_empty());
}

/// A login that is the name part of an address proposes somebody; what else the account has is weighed with it.
#[test]
fn whom_a_login_proposes_is_weighed_again_with_everything_else() {
    let folder = estate();
    let header = "Id,First,Last,Former,Mobile,Dept,Status,From,To,Mail\n";
    let people: String = folder
        .read("people.csv")
        .lines()
        .skip(1)
        .map(|row| {
            let cells: Vec<&str> = row.split(',').collect();
            // Two domains: a bare login does not say whose it is.
            let domain = if cells[0] == "E1" { "acme" } else { "corp" };
            let mail =
                format!("{}.{}@{domain}.example", cells[1].to_lowercase(), cells[2].to_lowercase().replace('ü', "u"));
            format!("{row},{mail}\n")
        })
        .collect();
    folder.write("people.csv", format!("{header}{people}"));
    folder.replace("muster.toml", "given_name = \"First\",", "given_name = \"First\", email = \"Mail\",");
    folder.replace("muster.toml", "id = \"id\", name", "id = \"id\", login = \"login\", name");
    folder.write(
        "wiki.csv",
        "id,login,name,phone,department,created\n\
         w1,katharina.muller,,0171 2345678,Research,2020-01-01T00:00:00Z\n\
         w2,william.ashby,,,,2020-01-01T00:00:00Z\n\
         w3,grace.okafor,Zebedee Quill,,Legal,2020-01-01T00:00:00Z\n",
    );
    folder.scan(&["--fail-on", "never"]).0.assert_code(0);
    let page = |account: &str| -> serde_json::Value {
        serde_json::from_str::<Vec<_>>(&folder.expect(0, &["explain", account, "-o", "json"])).unwrap().remove(0)
    };
    // The phone decides, and the login stands beside it.
    let linked = page("wiki:w1");
    assert_eq!(text(&linked["link"]), "linked", "{linked:#}");
    let best = &linked["candidates"][0];
    assert_eq!(format!("{} {}", text(&best["person"]), text(&best["strategy"])), "E1 likeness");
    let evidence = text(&best["evidence"]);
    assert!(
        evidence.contains("attributes.Mobile") && evidence.contains("is the name part of the work e-mail"),
        "{evidence}"
    );
    let shown = folder.expect(0, &["explain", "wiki:w1"]);
    assert!(shown.contains("weighed again with everything else"), "{shown}");
    // The login alone stays a proposal, however often it is looked at.
    let login_alone = page("wiki:w2");
    let best = &login_alone["candidates"][0];
    assert_eq!(format!("{} {}", text(&login_alone["link"]), text(&best["person"])), "proposed E2", "{login_alone:#}");
    assert!(best["confidence"].as_u64().unwrap() <= 75 && !list(&best["comparisons"]).is_empty(), "{best:#}");
    // Another name and another department are told beside the login.
    let doubtful = page("wiki:w3");
    let best = &doubtful["candidates"][0];
    assert_eq!(format!("{} {}", text(&doubtful["link"]), text(&best["person"])), "proposed E5", "{doubtful:#}");
    assert!(text(&best["evidence"]).contains("unlike: department `Legal` and `Research`"), "{best:#}");
}

/// What was compared and what each field weighs is told to programs as it is to people.
#[test]
fn explain_tells_programs_what_was_compared_and_what_it_weighed() {
    let folder = estate();
    folder.scan(&["--fail-on", "never"]).0.assert_code(0);
    let explain = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_str(&folder.expect(0, &[&["explain", "-o", "json"], arguments].concat())).unwrap()
    };
    let pages = explain(&["wiki:w1"]);
    let page = &pages[0];
    assert_eq!(format!("{} {}", text(&page["situation"]), text(&page["link"])), "CONFIRMED linked");
    assert!(!text(&page["verdict"]).is_empty() && !list(&page["remedy"]).is_empty(), "{page:#}");
    let compared = list(&page["candidates"][0]["comparisons"]);
    let of = |field: &str| compared.iter().find(|one| one["field"] == field).unwrap_or_else(|| panic!("{compared:#?}"));
    let phone = of("attributes.Mobile");
    assert_eq!(format!("{} {}", text(&phone["account"]), text(&phone["person"])), "0171 2345678 +49 171 2345678");
    let bits = |field: &str| of(field)["bits"].as_f64().unwrap();
    assert!(bits("attributes.Mobile") > bits("department") && bits("department") > 0.0, "{compared:#?}");
    assert!(bits("family name") > 0.0 && bits("given name") < 0.0, "for and against: {compared:#?}");
    assert!(compared.iter().all(|one| !text(&one["likeness"]).is_empty()), "{compared:#?}");
    // Both candidates of a dispute have theirs, and so has the likeness rung.
    let page = &explain(&["wiki:w3"])[0];
    assert!(list(&page["candidates"]).len() == 2 && text(&page["situation"]) == "AMBIGUOUS", "{page:#}");
    assert!(list(&page["candidates"]).iter().all(|one| !list(&one["comparisons"]).is_empty()), "{page:#}");
    let rung = list(&page["rungs"]).iter().find(|rung| rung["strategy"] == "likeness").unwrap();
    assert!(!list(&rung["candidates"][0]["comparisons"]).is_empty(), "{rung:#}");
    // A link that is asked for has its own sentence; what is no account has no such page.
    let page = &explain(&["wiki:w1", "E2"])[0];
    assert!(text(&page["link_to"]["verdict"]).contains("is not linked to William Ashby (E2)"), "{page:#}");
    let refused = folder.run(&["explain", "LCM-001", "-o", "json"]);
    refused.assert_code(2);
    refused.assert_says(&["only accounts and links are explained as JSON"]);
}

#[test]
fn a_name_never_links_across_an_employment_gap() {
    let folder = estate();
    folder.replace("people.csv", "E6b,Nadia", "E6,Nadia");
    // Two employments of one person need their own ids.
    folder.replace("people.csv", "Id,First", "Contract,Id,First");
    let rows = folder.read("people.csv");
    let numbered: Vec<String> = rows
        .lines()
        .enumerate()
        .map(|(line, row)| if line == 0 { row.to_owned() } else { format!("K{line},{row}") })
        .collect();
    folder.write("people.csv", numbered.join("\n") + "\n");
    folder.replace(
        "muster.toml",
        "columns    = { employee_id",
        "columns    = { employment_id = \"Contract\", employee_id",
    );
    folder.scan(&["--fail-on", "never"]).0.assert_code(0);
    let links = folder.query("select person, link, evidence from links where account = 'w5'");
    assert_eq!(links.len(), 1, "{links:#?}");
    assert_eq!((text(&links[0]["person"]), text(&links[0]["link"])), ("E6".into(), "proposed".into()));
    assert!(text(&links[0]["evidence"]).contains("not made during the person's present employment"), "{links:#?}");
}

#[test]
fn what_cannot_be_compared_is_refused_with_its_place() {
    let folder = estate();
    folder.replace("muster.toml", "account = \"attributes.phone\"", "account = \"phone\"");
    let ran = folder.run(&["config", "check"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("there is no field `phone` to compare") && ran.stderr.contains("muster.toml:6:"),
        "{}",
        ran.stderr
    );
}
