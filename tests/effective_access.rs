//! Effective access of a real collection: an organisation of five accounts that its own client built in an emulator, collected live,
//! then asked. What must come out stands beside what was built (`testbeds/src/moto/effective.py`), by hand.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

mod muster_cmd;

use std::collections::{BTreeMap, BTreeSet};

use muster_cmd::{Folder, Report, text};
use muster_testbeds::moto::{Effective, Moto};
use serde_json::Value;

fn collected(moto: &Moto, built: &Effective) -> Folder {
    let folder = Folder::empty();
    folder.write("secret", &built.secret_access_key);
    folder.write(
        "muster.toml",
        format!(
            "[[system]]\nname = \"aws\"\nconnector = \"aws\"\naccounts = \"organization\"\nendpoint = \"{}\"\n\
             access_key_id = \"{}\"\ncredential = {{ file = \"secret\" }}\nrole = \"{}\"\nexternal_id = \"{}\"\nattempts = 3\n\
             identity_center = false\n",
            moto.endpoint, built.access_key_id, built.role, built.external_id
        ),
    );
    let ran = folder.run(&["collect"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    folder
}

fn json(folder: &Folder, arguments: &[&str]) -> Value {
    let ran = folder.run(arguments);
    assert!(ran.code.is_some_and(|code| code < 2), "{arguments:?}: {}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}\n{}", ran.stdout, ran.stderr))
}

/// ARNs of who can, as an answer tells; only those by the word in `can`, without the roles of the emulator's own making.
fn who(answer: &Value, can: &str, direct: bool) -> BTreeSet<String> {
    let rows = answer["who"].as_array().unwrap().iter();
    rows.filter(|row| row["can"] == can && row["through"].as_array().unwrap().is_empty() == direct)
        .map(|row| row["principal"].as_str().unwrap().to_owned())
        .filter(|arn| !arn.ends_with(":role/OrganizationAccountAccessRole"))
        .collect()
}

fn set(list: &[String]) -> BTreeSet<String> {
    list.iter().cloned().collect()
}

#[test]
fn an_organisation_collected_live_answers_as_it_was_built() {
    let (moto, built) = Moto::effective().unwrap_or_else(|error| panic!("{error}"));
    let folder = collected(&moto, &built);
    let truth = &built.truth;

    let direct = json(&folder, &["who-can", "iam:CreateUser", "-o", "json"]);
    assert_eq!(who(&direct, "allowed", true), set(&truth.create_user), "{direct:#}");
    assert_eq!(direct["unread"], serde_json::json!([]), "everything was read");
    let all = json(&folder, &["who-can", "iam:CreateUser", "--transitive", "-o", "json"]);
    assert_eq!(who(&all, "allowed", true), set(&truth.create_user));
    assert_eq!(who(&all, "allowed", false), set(&truth.create_user_transitive), "{all:#}");

    let report = "arn:aws:s3:::acme-lake/reports/2026.csv";
    let readers = json(&folder, &["who-can", "s3:GetObject", report, "-o", "json"]);
    let readers = who(&readers, "allowed", true);
    for arn in &truth.read_report {
        assert!(readers.contains(arn), "{arn} reads it: {readers:?}");
    }
    assert!(readers.iter().all(|arn| !arn.ends_with(":user/otto")), "a deny takes it back: {readers:?}");

    let arns: BTreeMap<String, String> = folder
        .query("select id, native_name from accounts")
        .iter()
        .map(|row| (text(&row["id"]), text(&row["native_name"])))
        .collect();
    let checked = Report(json(&folder, &["check", "-o", "json"]));
    let of = |rule: &str| -> BTreeSet<String> {
        let found = checked.addresses().into_iter().filter(|(of, _, _)| of == rule);
        let subjects = found.map(|(_, _, subject)| arns.get(&subject).cloned().unwrap_or(subject));
        subjects.filter(|arn| !arn.ends_with(":role/OrganizationAccountAccessRole")).collect()
    };
    assert_eq!(of("XPR-005"), set(&truth.escalates), "who becomes an administrator");
    assert_eq!(of("CIC-002"), set(&truth.loose), "who any repository may become");

    for (arn, layer) in &truth.held_back {
        let ran = folder.run(&["explain", arn]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(ran.stdout.contains("held back") && ran.stdout.contains(layer.as_str()), "{arn}: {}", ran.stdout);
    }
}
