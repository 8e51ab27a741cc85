//! The policy folder before it counts: checked, tested, compared and proposed, through the real binary.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

mod muster_cmd;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use muster_cmd::{Folder, list, text};
use serde_json::Value;

/// One scan, which the tests that only read share.
fn scanned() -> &'static Folder {
    static SCANNED: OnceLock<Folder> = OnceLock::new();
    SCANNED.get_or_init(|| {
        let folder = Folder::example("acme");
        folder.scan(&[]);
        folder
    })
}

fn json(folder: &Folder, arguments: &[&str]) -> Value {
    serde_json::from_str(&folder.expect(0, &[arguments, &["-o", "json"]].concat())).unwrap()
}

#[test]
fn check_tells_what_the_policy_names_in_vain_with_its_place() {
    let folder = Folder::example("acme");
    folder.scan(&[]);
    let ran = folder.run(&["policy", "check"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("warning[POL002]: the mitigation of `vendors-payments` ran out on 2026-06-30"));
    assert!(
        ran.stderr.contains("--> policy/sod.toml:") && ran.stderr.ends_with("decisions about links)\n"),
        "{}",
        ran.stderr
    );

    folder.replace("policy/roles.toml", "group = \"DEP-Legal\"", "group = \"DEP-Leagl\"");
    folder.replace("policy/roles.toml", "department = [\"Marketing\"]", "department = [\"Marketting\"]");
    folder.replace("policy/roles.toml", "reviewed            = 2026-05-04", "reviewed            = 2024-05-04");
    folder.replace("policy/sod.toml", "of      = [\"004176\"]", "of      = [\"999176\"]");
    let ran = folder.run(&["policy", "check"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    for told in [
        "warning[POL001]: `corp-ad` has no group `DEP-Leagl`",
        "help: did you mean `DEP-Legal`?",
        "warning[POL005]: nobody at work gets the role `marketing`",
        "warning[POL004]: the role `payroll` was last reviewed on 2024-05-04",
        "warning[POL003]: a mitigation of `vendors-payments` covers `999176`, whom nobody knows",
        "5 problems in the policy",
    ] {
        assert!(ran.stderr.contains(told), "{told} is not in\n{}", ran.stderr);
    }

    folder.replace(
        "policy/sod.toml",
        "functions = [\"vendors\", \"payments\"]",
        "functions = [\"vendor\", \"payments\"]",
    );
    let ran = folder.run(&["policy", "check"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("there is no function `vendor`") && ran.stderr.contains("did you mean `vendors`?"));
}

#[test]
fn check_without_a_snapshot_says_what_it_cannot_tell() {
    let folder = Folder::example("acme");
    let ran = folder.run(&["policy", "check"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("whether the names in the policy mean anything is not checked"), "{}", ran.stderr);
}

#[test]
fn test_agrees_with_every_case_or_stops_at_the_first() {
    let folder = Folder::example("acme");
    let ran = folder.run(&["policy", "test", "policy-cases.toml"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.ends_with("the policy agrees with all 4 cases\n"), "{}", ran.stderr);

    folder.write(
        "cases.jsonl",
        "{\"id\":\"one\",\"person\":{\"department\":\"SALES\"},\"expected\":{\"birthrights\":[\"sales\"]},\"ticket\":7}\n\n\
         {\"id\":\"two\",\"person\":{\"key\":\"004175\"},\"holds\":[\"corp-ad:ERP-Payments\",\"corp-ad:ERP-Vendor-Master\"],\"expected\":{\"conflicts\":[],\"mitigated\":[\"vendors-payments\"],\"undecided\":[]}}\n\
         {\"id\":\"three\",\"expected\":{\"birthrights\":[\"no such role\"]}}\n",
    );
    let ran = folder.run(&["policy", "test", "cases.jsonl"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout
            .starts_with("cases.jsonl:3:1: case two\n  undecided: expected none, the policy says customer-support, "),
        "{}",
        ran.stdout
    );
    assert!(!ran.stdout.contains("conflicts") && !ran.stdout.contains("three"), "{}", ran.stdout);
    assert!(
        ran.stderr.contains("keys that nobody reads: ticket") && ran.stderr.contains("after 1 that agree"),
        "{}",
        ran.stderr
    );

    for (case, told) in [
        ("{\"id\":\"x\"}", "missing field `expected`"),
        ("{\"id\":\"x\",\"request\":{},\"expected\":\"Allowed\"}", "the request has no `principal`"),
        ("{\"id\":\"x\",\"person\":{\"departmnt\":\"a\"},\"expected\":{}}", "a person has no `departmnt`"),
        ("{\"id\":\"x\",\"holds\":[\"crm\"],\"expected\":{}}", "`holds` names no thing"),
        ("", "the file has no case"),
    ] {
        folder.write("bad.jsonl", case);
        let ran = folder.run(&["policy", "test", "bad.jsonl"]);
        assert_eq!(ran.code, Some(2), "{case}: {}", ran.stderr);
        assert!(ran.stderr.contains(told), "{case}: {}", ran.stderr);
    }
}

/// A request that the policy allows.
const ALLOWED: &str = r#"{"id":"reads","identityPolicies":[{"Version":"2012-10-17","Statement":[{"Sid":"Read","Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}],"request":{"principal":"arn:aws:iam::111122223333:user/bob","action":"s3:GetObject","resource":"arn:aws:s3:::docs/a"},"expected":"Allowed"}"#;

#[test]
fn test_judges_requests_to_aws_and_shows_the_statement_that_decided() {
    let folder = Folder::example("acme");
    let roles = r#"{"id":"sales","person":{"department":"SALES"},"expected":{"birthrights":["sales"]}}"#;
    folder.write("mixed.jsonl", format!("{ALLOWED}\n{roles}\n"));
    let ran = folder.run(&["policy", "test", "mixed.jsonl"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.ends_with("the policy agrees with all 2 cases\n"), "{}", ran.stderr);

    let denied = ALLOWED.replace("\"Allowed\"", "\"ImplicitlyDenied\"").replace("reads", "reads\u{1b}[2J");
    folder.write("wrong.jsonl", format!("{ALLOWED}\n\n  {denied}\n{denied}\n"));
    let ran = folder.run(&["policy", "test", "wrong.jsonl"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    let told: Vec<&str> = ran.stdout.lines().collect();
    assert!(told[0].starts_with("wrong.jsonl:3:1: case reads") && !ran.stdout.contains('\u{1b}'), "{told:?}");
    assert_eq!(told[1], "  expected ImplicitlyDenied, the policies say Allowed");
    assert!(
        told[2].starts_with(
            "  allowed by identity policies: identity policy 1, statement 0 `Read`, bytes 37..102: {\"Sid\":\"Read\""
        ),
        "{told:?}"
    );
    assert!(told.len() == 3 && ran.stderr.contains("after 1 that agree"), "{told:?} {}", ran.stderr);
}

#[test]
fn test_of_requests_needs_no_config_and_points_into_the_line() {
    let folder = Folder::empty();
    let odd = ALLOWED.replace("\"expected\"", "\"ticket\":7,\"expected\"").replace("\"Read\"", "\"\\ud800\"");
    let bad = ALLOWED.replace("s3:GetObject", "s3:*");
    folder.write("cases.jsonl", ALLOWED);
    let ran = folder.run(&["policy", "test", "cases.jsonl"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);

    folder.write("cases.jsonl", format!("{ALLOWED}\n{bad}\n"));
    let ran = folder.run(&["policy", "test", "cases.jsonl"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    let column = bad.find("\"s3:*\"").unwrap() + 1;
    assert!(
        ran.stderr.contains("`s3:*` is no action") && ran.stderr.contains(&format!("cases.jsonl:2:{column}")),
        "{}",
        ran.stderr
    );

    folder.write("cases.jsonl", &odd);
    let ran = folder.run(&["policy", "test", "cases.jsonl"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains("the policies say NotEvaluated\n  could not be read: identity policy 1\n"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stderr.contains("a key that nobody reads: ticket") && ran.stderr.contains("names no character"),
        "{}",
        ran.stderr
    );
    let toml = "[[case]]\nid = \"toml\"\nexpected = \"ImplicitlyDenied\"\n[case.request]\nprincipal = \"arn:aws:iam::111122223333:user/bob\"\naction = \"s3:GetObject\"\nresource = \"arn:aws:s3:::docs/a\"\n";
    folder.write("cases.toml", toml);
    let ran = folder.run(&["policy", "test", "cases.toml"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn test_agrees_with_every_case_of_the_documentation() {
    let folder = Folder::empty();
    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/effective/tests/aws-cases");
    let mut files: Vec<_> = std::fs::read_dir(cases).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 5);
    for file in files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "jsonl")) {
        let ran = folder.run(&["policy", "test", &file.display().to_string()]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    }
}

/// Findings by fingerprint, and the counts of each rule.
fn checked(folder: &Folder) -> (BTreeSet<String>, BTreeMap<String, Value>) {
    let ran = folder.run(&["check", "-o", "json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let findings = list(&report["findings"]).iter().map(|finding| text(&finding["fingerprint"])).collect();
    let counts = |rule: &Value| Value::from(["pass", "fail", "not_evaluated"].map(|key| rule[key].clone()).to_vec());
    (findings, list(&report["rules"]).iter().map(|rule| (text(&rule["rule"]), counts(rule))).collect())
}

#[test]
fn diff_shows_exactly_the_findings_that_a_changed_catalogue_adds_and_removes() {
    let folder = Folder::example("acme");
    folder.scan(&[]);
    for file in std::fs::read_dir(folder.path().join("policy")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        folder.write(&format!("next/{name}"), folder.read(&format!("policy/{name}")));
    }
    // Another group for Marketing, nobody in Sales is missed any more, payroll is for everybody, and a function is gone.
    folder.replace("next/roles.toml", "group = \"DEP-Marketing\"", "group = \"FS-Sales-RW\"");
    folder.replace("next/roles.toml", "department = [\"Sales\"]", "department = [\"Retail\"]");
    folder.replace("next/roles.toml", "reserved_for        = [\"employee\"]\n", "");
    folder.replace("next/sod.toml", "group = \"ERP-Vendor-*\"", "group = \"ERP-Reports\"");
    let told = json(&folder, &["policy", "diff", "policy", "next"]);

    let (before, counts_before) = checked(&folder);
    folder.replace("muster.toml", "policy   = \"policy/\"", "policy   = \"next/\"");
    let (after, counts_after) = checked(&folder);
    let set = |key: &str| -> BTreeSet<String> {
        list(&told[key]).iter().map(|finding| text(&finding["fingerprint"])).collect()
    };
    assert_eq!(set("appear"), after.difference(&before).cloned().collect());
    assert_eq!(set("disappear"), before.difference(&after).cloned().collect());
    let rules =
        |key: &str| -> BTreeSet<String> { list(&told[key]).iter().map(|finding| text(&finding["rule"])).collect() };
    assert_eq!(rules("appear"), BTreeSet::from(["ORP-011".to_owned()]));
    assert_eq!(rules("disappear"), ["LCM-016", "ORP-011", "SOD-001", "SOD-003"].map(str::to_owned).into());
    let changed: BTreeMap<String, (Value, Value)> = list(&told["rules"])
        .iter()
        .map(|rule| {
            let of =
                |side: &str| Value::from(["pass", "fail", "not_evaluated"].map(|key| rule[side][key].clone()).to_vec());
            (text(&rule["rule"]), (of("before"), of("after")))
        })
        .collect();
    for (rule, before) in &counts_before {
        let after = &counts_after[rule];
        match changed.get(rule) {
            Some(change) => assert_eq!(change, &(before.clone(), after.clone()), "{rule}"),
            None => assert_eq!(before, after, "{rule}"),
        }
    }
    let table = folder.expect(0, &["policy", "diff", "policy", "next"]);
    assert!(table.contains("appear") && table.contains("not evaluated") && table.contains(" → "), "{table}");
    let ran = folder.run(&["policy", "diff", "next", "next"]);
    assert_eq!(ran.stdout, "no rule judges anything differently\n", "{}", ran.stderr);
}

#[test]
fn suggest_proposes_the_birthrights_by_which_the_estate_was_made() {
    let folder = scanned();
    let proposal = json(folder, &["policy", "suggest", "roles", "--min-people", "4"]);
    let people = proposal["people"].as_u64().unwrap();
    assert!(people > 300, "{proposal}");
    let mut departments = BTreeMap::new();
    for role in list(&proposal["birthrights"]) {
        let Some(when) = list(&role["when"]).first().filter(|when| when[0] == "department") else { continue };
        for given in list(&role["contains"]).iter().filter(|given| text(&given["name"]).starts_with("DEP-")) {
            let n = role["people"].as_u64().unwrap();
            let support = given["support"].as_u64().unwrap();
            // Nobody in Sales was forgotten but one, and nobody elsewhere.
            assert_eq!(support, n - u64::from(when[1] == "Sales"), "{role}");
            let confidence = given["confidence"].as_f64().unwrap();
            assert!((confidence - support as f64 / n as f64).abs() < 1e-9, "{role}");
            assert!(given["lift"].as_f64().unwrap() > 2.0, "{role}");
            departments.insert(text(&when[1]), (text(&role["id"]), text(&given["name"])));
        }
    }
    let told = |department: &str| departments.get(department).map(|(id, group)| (id.as_str(), group.as_str()));
    assert_eq!(departments.len(), 10, "{departments:#?}");
    assert_eq!(told("Sales"), Some(("sales", "DEP-Sales")));
    assert_eq!(told("Customer Support"), Some(("customer-support", "DEP-Customer-Support")));
    assert_eq!(told("Research, Data & Insight"), Some(("research-data-insight", "DEP-Research-Data-Insight")));
}

#[test]
fn a_proposal_is_a_policy_that_check_accepts_and_is_always_the_same() {
    let folder = Folder::example("acme");
    folder.scan(&[]);
    let toml = folder.expect(0, &["policy", "suggest", "roles"]);
    assert!(toml.contains("id         = \"engineering\"") && toml.contains("(100 %), lift "), "{toml}");
    for privileged in ["Domain Admins", "T0-Server-Admins", "Helpdesk-L3", "administrator"] {
        assert!(!toml.contains(privileged), "{privileged} is proposed:\n{toml}");
    }
    folder.write("proposal/roles.toml", &toml);
    let ran = folder.run(&["policy", "check", "proposal"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for threads in ["1", "8"] {
        let ran =
            folder.muster().args(["policy", "suggest", "roles"]).env("RAYON_NUM_THREADS", threads).output().unwrap();
        assert_eq!(String::from_utf8(ran.stdout).unwrap(), toml, "{threads} threads");
    }
    let refused = folder.run(&["policy", "suggest", "roles", "--min-people", "3"]);
    assert_eq!(refused.code, Some(2), "a role for three people is no role");
    let table = folder.expect(0, &["policy", "suggest", "roles", "-o", "table"]);
    assert!(table.contains("department Engineering") && table.contains("100.0 %"), "{table}");
}
