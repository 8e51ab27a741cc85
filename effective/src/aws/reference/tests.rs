use std::io::Write;

use super::*;

fn file(text: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("muster-reference-{}-{:p}.jsonl", std::process::id(), text));
    std::fs::File::create(&path).and_then(|mut file| file.write_all(text.as_bytes())).expect("a temporary file");
    path
}

fn load(text: &str) -> Result<Reference, ReferenceError> {
    let path = file(text);
    let loaded = Reference::load(&path);
    std::fs::remove_file(path).expect("it was just written");
    loaded
}

#[test]
fn the_shipped_data_is_whole() {
    let reference = Reference::builtin();
    assert_eq!(reference.len(), 22_091);
    assert_eq!(reference.managed_policies().len(), 1_587);
    assert_eq!(reference.services().len(), 456);
    let of: Vec<&str> = reference.about().iter().map(|about| &*about.of).collect();
    assert_eq!(of, ["actions", "risk", "policies"]);
    assert!(reference.about().iter().all(|about| !about.licence.is_empty() && about.date.starts_with("2026-")));
    assert!(reference.actions().is_sorted_by(|a, b| a.lower < b.lower));
}

#[test]
fn an_action_is_found_without_regard_to_case_and_knows_its_level() {
    let reference = Reference::builtin();
    let pass_role = reference.action(reference.find("IAM:passrole").expect("known"));
    assert_eq!((&*pass_role.name, pass_role.level, pass_role.service()), ("iam:PassRole", Level::Write, "iam"));
    assert!(pass_role.risk.privilege_escalation);
    let types: Vec<_> = reference.resource_types(pass_role).filter_map(ResourceType::pattern).collect();
    assert_eq!(types, ["arn:*:iam::*:role/*"]);
    let keys: Vec<&str> = reference.condition_keys(pass_role).map(|key| &*key.name).collect();
    assert_eq!(keys, ["iam:AssociatedResourceArn", "iam:PassedToService"]);
    // Two levels: the more privileged one counts.
    let level = |name: &str| reference.action(reference.find(name).expect("known")).level;
    assert_eq!(level("iam:AttachRolePolicy"), Level::PermissionsManagement);
    assert_eq!(level("s3:PutObjectTagging"), Level::Tagging);
    assert_eq!(reference.find("s3:GetObjectOfTomorrow"), None);
    assert!(reference.service("S3").is_some_and(|s3| s3.rcp && &*s3.name == "Amazon S3"));
}

#[test]
fn a_pattern_is_the_actions_that_it_matches() {
    let reference = Reference::builtin();
    for pattern in [
        "*",
        "s3:*",
        "S3:Get*",
        "s3:Get?bject",
        "s3:*Acl",
        "iam:Pass?ole",
        "*:*",
        "nothing:*",
        "s3:GetObject",
        "?3:g*t*",
    ] {
        let glob = Glob::lowercase(pattern);
        let one_by_one: Vec<ActionIx> = (0..)
            .zip(reference.actions())
            .filter(|(_, action)| glob.matches(&action.lower))
            .map(|(at, _)| at)
            .collect();
        let ranges: Vec<ActionIx> = reference.matching(pattern).into_iter().flatten().collect();
        assert_eq!(ranges, one_by_one, "{pattern}");
    }
}

#[test]
fn condition_keys_are_found_also_by_family() {
    let reference = Reference::builtin();
    assert_eq!(reference.condition_key("S3:PREFIX").and_then(|key| key.of.as_deref()), Some("String"));
    assert_eq!(reference.condition_key("aws:requesttag/team").map(|key| &*key.name), Some("aws:RequestTag/${TagKey}"));
    assert_eq!(reference.condition_key("s3:nothing"), None);
}

#[test]
fn managed_policies_are_found_in_every_partition() {
    let admin = Reference::builtin().managed_policy("arn:aws-cn:iam::aws:policy/AdministratorAccess").expect("known");
    assert_eq!(&*admin.arn, "arn:aws:iam::aws:policy/AdministratorAccess");
    assert!(admin.text.contains("\"Resource\":\"*\""), "{}", admin.text);
    assert_eq!(Reference::builtin().managed_policy("arn:aws:iam::aws:policy/Nothing"), None);
}

#[test]
fn a_file_extends_and_takes_the_place_of_what_is_known() {
    let loaded = load(concat!(
        r#"{"about": "own", "source": "team list", "version": "7", "date": "2027-01-02"}"#,
        "\n\n",
        r#"{"action": "s3:GetObject", "level": "Permissions management, Write", "resources": ["object"]}"#,
        "\n",
        r#"{"action": "s3:ObjectOfTomorrow", "level": "Read"}"#,
        "\n",
        r#"{"policy": "arn:aws:iam::aws:policy/AdministratorAccess", "document": {"Statement": []}}"#,
    ))
    .expect("it is right");
    assert_eq!(loaded.len(), 22_092);
    assert_eq!(loaded.action(loaded.find("s3:getobject").expect("known")).level, Level::PermissionsManagement);
    assert!(loaded.find("s3:ObjectOfTomorrow").is_some());
    assert_eq!(
        loaded.managed_policy("arn:aws:iam::aws:policy/AdministratorAccess").map(|p| p.text),
        Some(r#"{"Statement":[]}"#.to_owned())
    );
    assert!(loaded.about().iter().any(|about| &*about.version == "7"));
}

#[test]
fn a_file_replaces_all_when_it_says_so() {
    let loaded =
        load("{\"about\":\"actions\",\"replaces\":true,\"version\":\"9\"}\n{\"action\":\"x:Y\",\"level\":\"List\"}")
            .expect("right");
    assert_eq!(loaded.len(), 1);
    assert_eq!(loaded.about().iter().filter(|about| &*about.of == "actions").count(), 1);
    let loaded = load("{\"about\":\"policies\",\"replaces\":true}").expect("right");
    assert_eq!((loaded.managed_policies().len(), loaded.len()), (0, 22_091));
}

#[test]
fn a_wrong_line_is_named_with_its_number_and_the_fix() {
    for (text, line, says) in [
        ("\n{\"action\": \"s3:X\", \"level\": \"Reed\"}", 2, "`Reed`; fix: write List, Read"),
        ("{\"action\": \"GetObject\", \"level\": \"Read\"}", 1, "`GetObject` has no service"),
        ("{\"action\": \"s3:X\", \"level\": \"Read\", \"service\": \"s3\"}", 1, "2 of `about`"),
        ("{\"version\": \"1\"}", 1, "0 of `about`"),
        ("{\"action\": \"s3:X\", \"level\": \"Read\", \"lvl\": 1}", 1, "unknown field `lvl`"),
        ("{\"action\": \"s3:X\", \"level\": \"Read\", \"risk\": [\"Big\"]}", 1, "`Big`; fix"),
        ("{\"policy\": \"arn:aws:iam::aws:policy/X\"}", 1, "has no document"),
        ("nonsense", 1, "not understood"),
    ] {
        let error = load(text).expect_err(text).to_string();
        assert!(error.contains(says) && error.contains(&format!("jsonl:{line}: ")), "{error}");
    }
    let missing = Reference::load(Path::new("/nonexistent/reference.jsonl")).expect_err("no such file").to_string();
    assert!(missing.contains("/nonexistent/reference.jsonl"), "{missing}");
}
