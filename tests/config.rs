//! What is wrong with a config is told at its place, with cause and fix. Each file in `tests/config/` is one config; its
//! message stands in `tests/snapshots/`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fake;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fake::FAKE;
use muster::cli::answers::ANSWERS;
use muster::config::policy::SCHEMAS;
use muster::config::{Config, ConfigErrors, FailOn, Origin, Overrides};
use muster_connectors::secret::Environment;

fn load_with(
    text: &str,
    overrides: &Overrides,
    environment: Environment,
) -> (tempfile::TempDir, Result<Config, ConfigErrors>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("muster.toml");
    std::fs::write(&path, text).unwrap();
    let config = Config::load(&path, overrides, Arc::new(environment), &[FAKE]);
    (folder, config)
}

fn load(text: &str) -> Config {
    load_with(text, &Overrides::default(), Environment::new()).1.unwrap()
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

#[test]
fn every_wrong_config_names_place_cause_and_fix() {
    for case in cases() {
        let name = case.file_stem().unwrap().to_str().unwrap().to_owned();
        let (folder, config) =
            load_with(&std::fs::read_to_string(&case).unwrap(), &Overrides::default(), Environment::new());
        let errors = config.expect_err(&name);
        assert!(errors.0.iter().all(|error| error.fix.is_some()), "{name}: {errors}");
        assert!(errors.0.iter().all(|error| muster::diagnostic::manual(&error.code).is_some()), "{name}: {errors}");
        let text = errors.to_string().replace(&format!("{}/", folder.path().display()), "");
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(format!("config_{name}"), text);
        });
    }
}

#[test]
fn flags_beat_the_environment_which_beats_the_file_which_beats_the_default() {
    let text = "[muster]\nstore = \"from-file\"\nfail_on = \"low\"\n";
    let environment =
        Environment::from([("MUSTER_STORE".into(), "from-env".into()), ("MUSTER_FAIL_ON".into(), "new:high".into())]);
    let overrides = Overrides { store: Some("from-flag".into()), ..Overrides::default() };
    let config = load_with(text, &overrides, environment.clone()).1.unwrap();
    assert_eq!(config.store.value, Path::new("from-flag"));
    assert_eq!(config.store.origin, Origin::Flag("--store"));
    assert_eq!(config.fail_on.origin, Origin::Environment("MUSTER_FAIL_ON"));
    assert!(matches!(config.fail_on.value, FailOn::AtLeast { only_new: true, .. }));
    let (folder, config) = load_with(text, &Overrides::default(), Environment::new());
    let config = config.unwrap();
    assert_eq!(config.store.value, folder.path().join("from-file"));
    assert!(matches!(&config.store.origin, Origin::File(at) if at.ends_with("muster.toml:2")));
    assert_eq!(config.concurrency.origin, Origin::Default);
}

#[test]
fn an_empty_variable_says_nothing() {
    let environment = Environment::from([("MUSTER_NOW".into(), String::new())]);
    assert_eq!(load_with("", &Overrides::default(), environment).1.unwrap().now.value, None);
}

#[test]
fn a_wrong_variable_is_an_error_that_names_it() {
    let environment = Environment::from([("MUSTER_NOW".into(), "tomorrow".into())]);
    let errors = load_with("", &Overrides::default(), environment).1.unwrap_err();
    assert!(errors.to_string().contains("MUSTER_NOW"), "{errors}");
}

#[test]
fn a_system_has_its_engine_keys_and_its_connector_the_rest() {
    let config = load(
        r#"
        [gate]
        max_age_hours = 12
        [[system]]
        name = "hr"
        connector = "fake"
        persons = 3
        [[system]]
        name = "crm"
        connector = "fake"
        accounts = 3
        canaries = ["cn=Domain Admins"]
        deadline = "10m"
        concurrency = 2
        empty_is_normal = ["groups"]
        credential = { env = "TOKEN" }
        "#,
    );
    let (hr, crm) = (config.system("hr").unwrap(), config.system("crm").unwrap());
    assert!(hr.is_hr() && !crm.is_hr());
    assert_eq!(hr.max_age, Some(Duration::from_hours(12)));
    assert_eq!((crm.max_age, crm.deadline, crm.concurrency), (None, Some(Duration::from_mins(10)), 2));
    assert_eq!(crm.credential.as_ref().unwrap().line_column().0, 16);
}

#[test]
fn rules_are_kept_with_their_places_for_the_engine() {
    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Days {
        days: u32,
    }
    let config = load(
        "[rules.DOR-001]\ndays = 60\n[rules.LCM-001]\nenabled = false\nreason = \"done in IGA\"\n[rules.X]\ndais = 1\n",
    );
    let mut rules = config.rules().into_iter();
    let (dormant, leaver, wrong) = (rules.next().unwrap(), rules.next().unwrap(), rules.next().unwrap());
    assert_eq!((dormant.id.as_str(), dormant.enabled), ("DOR-001", true));
    assert_eq!(dormant.options::<Days>().unwrap().days, 60);
    assert_eq!((leaver.enabled, leaver.reason.as_deref()), (false, Some("done in IGA")));
    let problem = wrong.options::<Days>().unwrap_err();
    assert_eq!(problem.place.unwrap().line_column(), (7, 1));
    assert_eq!(problem.fix.unwrap(), "did you mean `days`?");
}

#[test]
fn policies_are_read_and_other_files_are_left_alone_with_a_note() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy");
    std::fs::create_dir(&policy).unwrap();
    std::fs::write(folder.path().join("muster.toml"), "[[system]]\nname = \"ad\"\nconnector = \"fake\"\n").unwrap();
    std::fs::write(
        policy.join("pins.toml"),
        "[[pin]]\nsystem = \"ad\"\naccount = \"jd\"\nperson = \"1\"\nauthor = \"a\"\nreason = \"r\"\nexpires = 2027-03-31\n",
    )
    .unwrap();
    std::fs::write(policy.join("inventory.toml"), "[[system]]\nname = \"payroll\"\nowner = \"f\"\n").unwrap();
    std::fs::write(policy.join("pin.toml"), "").unwrap();
    let load = || Config::load(&folder.path().join("muster.toml"), &Overrides::default(), Arc::default(), &[FAKE]);
    let config = load().unwrap();
    assert_eq!(config.policy.pins[0].expires, Some(jiff::civil::date(2027, 3, 31)));
    assert_eq!(config.policy.pins[0].place.line_column().0, 1);
    assert_eq!(config.policy.inventory[0].name, "payroll");
    assert_eq!(config.notes[0].code, "CFG011");
    assert!(config.notes[0].fix.as_ref().unwrap().contains("pins.toml"));
    // The hash follows the policy's text, and not the folder it lies in.
    std::fs::write(policy.join("inventory.toml"), "[[system]]\nname = \"payroll\"\n").unwrap();
    assert_ne!(load().unwrap().hash, config.hash);

    std::fs::write(
        policy.join("pins.toml"),
        "[[pin]]\nsystem = \"add\"\naccount = \"jd\"\nperson = \"1\"\nauthor = \"a\"\nreason = \"r\"\n",
    )
    .unwrap();
    let errors = load().unwrap_err();
    assert_eq!((errors.0[0].code.as_str(), errors.0[0].fix.as_deref()), ("CFG012", Some("did you mean `ad`?")));
    std::fs::write(policy.join("pins.toml"), "[[pin]]\nsistem = \"ad\"\n").unwrap();
    assert_eq!(load().unwrap_err().0[0].code, "CFG010");
}

#[test]
fn the_published_schema_is_the_one_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/config.schema.json");
    let now = format!("{:#}\n", muster::config::schema(muster_connectors::NATIVE));
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        published == now,
        "{} is not current: run `cargo run -- config schema > schemas/config.schema.json`",
        path.display()
    );
}

#[test]
fn the_published_schemas_of_the_policy_folder_are_those_of_the_types() {
    for (file, schema) in SCHEMAS {
        let (name, now) = (file.trim_end_matches(".toml"), schema());
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schemas/{name}.schema.json"));
        assert!(
            std::fs::read_to_string(&path).unwrap_or_default() == format!("{now:#}\n"),
            "{} is not current: run `cargo run -- config schema {name}.toml > schemas/{name}.schema.json`",
            path.display()
        );
    }
}

#[test]
fn the_published_schemas_of_answers_are_those_of_the_types() {
    for (name, schema) in ANSWERS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schemas/{name}.schema.json"));
        assert_eq!(
            std::fs::read_to_string(&path).unwrap_or_default(),
            format!("{:#}\n", schema()),
            "{} is not current: run `cargo run -- config schema {name} > schemas/{name}.schema.json`",
            path.display()
        );
    }
}

#[test]
fn the_schemas_of_the_policy_folder_accept_what_the_loader_accepts_and_refuse_unknown_keys() {
    let decided = "author = \"a\"\nreason = \"r\"\n";
    let good = [
        ("inventory", "[[system]]\nname = \"ad\"\nowner = \"IT\"\n".to_owned()),
        ("links", format!("[[decision]]\nverdict = \"never\"\nsystem = \"ad\"\naccount = \"jd\"\n{decided}")),
        ("owners", "[[owner]]\nname = \"iam\"\nsystem = \"ad\"\n".to_owned()),
        ("persons", format!("[[merge]]\npersons = [\"ad:1\", \"ad:2\"]\n{decided}")),
        ("pins", format!("[[pin]]\nsystem = \"ad\"\naccount = \"jd\"\nperson = \"1\"\n{decided}")),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in good {
        let file = format!("{name}.toml");
        let (_, schema) = SCHEMAS.iter().find(|(known, _)| *known == file).unwrap();
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let file = folder.path().join(format!("{name}.toml"));
        let is_valid = |text: &str| validator.is_valid(&toml::from_str::<serde_json::Value>(text).unwrap());
        let loads = |text: &str| {
            std::fs::write(&file, text).unwrap();
            muster::config::policy::Policy::read(folder.path(), &["ad".to_owned()]).is_ok()
        };
        assert!(is_valid(&text) && loads(&text), "{name}: {text}");
        let mistyped = format!("{text}expiers = \"2027-03-31\"\n");
        assert!(!is_valid(&mistyped) && !loads(&mistyped), "{name}: {mistyped}");
        std::fs::remove_file(&file).unwrap();
    }
}

#[test]
fn the_schemas_of_roles_and_duties_accept_the_example() {
    for name in ["roles.toml", "sod.toml"] {
        let (_, schema) = SCHEMAS.iter().find(|(known, _)| *known == name).unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/acme/policy").join(name);
        // Dates are TOML's own; JSON has them as text.
        let text = std::fs::read_to_string(example).unwrap();
        let quoted = |line: &str| match line.split_once("= 20") {
            Some((key, day)) => format!("{key}= \"20{day}\""),
            None => line.to_owned(),
        };
        let text: Vec<String> = text.lines().map(quoted).collect();
        let value: serde_json::Value = toml::from_str(&text.join("\n")).unwrap();
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}

#[test]
fn the_schema_accepts_what_the_loader_accepts_and_refuses_unknown_keys() {
    let validator = jsonschema::validator_for(&muster::config::schema(&[FAKE])).unwrap();
    let good = serde_json::json!({
        "muster": { "timezone": "Europe/Berlin" },
        "gate": { "shrink_percent": 10 },
        "rules": { "DOR-001": { "days": 60 } },
        "system": [{ "name": "a", "connector": "fake", "accounts": 3, "canaries": ["x"], "credential": { "env": "T" } }],
    });
    assert!(validator.is_valid(&good));
    for (pointer, key) in [("/muster", "timezon"), ("/gate", "shrink"), ("/system/0", "acounts"), ("", "sistem")] {
        let mut bad = good.clone();
        bad.pointer_mut(pointer).unwrap()[key] = 1.into();
        assert!(!validator.is_valid(&bad), "{pointer}/{key} was accepted");
    }
    // The name of a manifest of one's own is known to nobody before.
    let mut own = good;
    own["system"][0]["connector"] = "quay".into();
    assert!(validator.is_valid(&own));
}

/// A config with an HR system, an accounts system and what else is written; with the text of `policy/persons.toml`.
fn with_people(more: &str, persons: &str) -> Result<Config, ConfigErrors> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("muster.toml");
    let system = |name: &str, yields: &str| {
        format!("[[system]]\nname = \"{name}\"\nconnector = \"csv\"\nfile = \"{name}.csv\"\nyields = \"{yields}\"\n")
    };
    let text =
        format!("{}{}{}{more}", system("hr", "people"), system("contractors", "people"), system("ad", "accounts"));
    std::fs::write(&path, text).unwrap();
    std::fs::create_dir(folder.path().join("policy")).unwrap();
    std::fs::write(folder.path().join("policy/persons.toml"), persons).unwrap();
    Config::load(&path, &Overrides::default(), Arc::default(), muster_connectors::NATIVE)
}

#[test]
fn feeds_that_are_believed_first_are_named_as_they_are_called() {
    let config = with_people(
        "[people]\nprecedence = [\"hr\"]\nattributes = { email = [\"contractors\"] }\njoin = [\"employee_id\", \"person_id\"]\nvanish_days = 3\n",
        "",
    );
    let people = config.unwrap().people;
    assert_eq!((people.precedence, people.join.len(), people.vanish_days), (vec!["hr".to_owned()], 2, 3));
    assert_eq!(people.attributes[&muster::people::Attribute::Email], ["contractors"]);
    for (wrong, code, fix) in [
        ("precedence = [\"hrr\"]", "CFG013", "did you mean `hr`?"),
        ("precedence = [\"ad\"]", "CFG013", ""),
        ("attributes = { emial = [\"hr\"] }", "CFG003", "did you mean `email`?"),
        ("vanish_days = 0", "CFG008", ""),
        ("presedence = []", "CFG003", "did you mean `precedence`?"),
    ] {
        let errors = with_people(&format!("[people]\n{wrong}\n"), "").unwrap_err();
        assert_eq!(errors.0[0].code, code, "{errors}");
        assert_eq!(errors.0[0].place.as_ref().map(|place| place.line_column().0), Some(17), "{errors}");
        assert!(fix.is_empty() || errors.0[0].fix.as_deref() == Some(fix), "{errors}");
    }
}

#[test]
fn decisions_about_persons_that_cannot_be_used_are_refused_at_their_place() {
    let who = "author = \"Petra\"\nreason = \"one human\"\n";
    let good = format!(
        "[[merge]]\npersons = [\"hr:1\", \"contractors:C 7\"]\n{who}expires = 2027-03-31\n\n[[split]]\npersons = [\"hr:2\"]\nemployments = [\"2/b\"]\n{who}"
    );
    let decisions = with_people("", &good).unwrap().policy.persons;
    assert_eq!(decisions[0].records, [("hr".to_owned(), "1".to_owned()), ("contractors".to_owned(), "C 7".to_owned())]);
    assert_eq!(decisions[0].expires, Some(jiff::civil::date(2027, 3, 31)));
    assert_eq!(decisions[1].place.line_column().0, 7);
    let lists = |kind: &str, persons: &str| format!("[[{kind}]]\npersons = {persons}\n{who}");
    for (wrong, code, line) in [
        (format!("[[merge]]\nperson = \"hr:1\"\n{who}"), "CFG010", 2),
        (lists("merge", "[\"hr:1\"]"), "CFG010", 2),
        (lists("merge", "[\"hr:1\", \"hrr:2\"]"), "CFG012", 2),
        (lists("merge", "[\"hr:1\", \"2\"]"), "CFG010", 2),
        (lists("split", "[\"hr:1\"]"), "CFG010", 2),
        (format!("{}expires = 10:30:00\n", lists("split", "[\"hr:1\", \"hr:2\"]")), "CFG010", 5),
        ("[[marge]]\n".to_owned(), "CFG010", 1),
    ] {
        let errors = with_people("", &wrong).unwrap_err();
        assert_eq!(errors.0[0].code, code, "{errors}");
        assert_eq!(errors.0[0].place.as_ref().map(|place| place.line_column().0), Some(line), "{errors}");
    }
}
