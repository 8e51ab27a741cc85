//! The example estate through the real binary: everything that was planted is found, nothing else, and every command has
//! something sensible to say about it.
#![allow(clippy::unwrap_used, reason = "a test stops on any error")]

mod muster_cmd;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use muster_cmd::{Address, Folder, Ran, Report, list, text, truth};

/// One scan, which the tests that only read share.
fn scanned() -> &'static (Folder, Ran, Report) {
    static SCANNED: OnceLock<(Folder, Ran, Report)> = OnceLock::new();
    SCANNED.get_or_init(|| {
        let folder = Folder::example("acme");
        let (ran, report) = folder.scan(&["-o", "table"]);
        (folder, ran, report)
    })
}

/// Rules that speak of a person, who belongs to no system.
const OF_PERSONS: [&str; 11] = [
    "DQ-001", "DQ-002", "LCM-002", "LCM-003", "LCM-007", "LCM-011", "ORP-011", "ORP-012", "SOD-002", "SOD-003",
    "SOD-004",
];

fn planted(entries: &serde_json::Value) -> BTreeSet<Address> {
    list(entries)
        .iter()
        .map(|entry| {
            let rule = text(&entry["rule"]);
            let system = if OF_PERSONS.contains(&rule.as_str()) { String::new() } else { text(&entry["system"]) };
            (rule, system, text(&entry["subject"]))
        })
        .collect()
}

#[test]
fn every_planted_finding_is_found_and_no_other() {
    let (_, ran, report) = scanned();
    let truth = truth("acme");
    let (found, planted) = (report.addresses(), planted(&truth["findings"]));
    let missing: Vec<_> = planted.difference(&found).collect();
    let extra: Vec<_> = found.difference(&planted).collect();
    assert!(missing.is_empty() && extra.is_empty(), "missing: {missing:#?}\nnot planted: {extra:#?}");
    ran.assert_code(1);
    assert!(ran.stderr.ends_with("at or above the gate `high`; 1 accepted; 1 snoozed\n"), "{}", ran.stderr);
    assert_eq!(report.0["outcome"]["complete"], true);
    assert!(report.gaps().is_empty());
}

#[test]
fn what_is_as_it_should_be_raises_nothing() {
    let found = scanned().2.addresses();
    let wrong: Vec<_> = list(&truth("acme")["benign"])
        .iter()
        .flat_map(|entry| {
            list(&entry["silent_rules"])
                .iter()
                .map(move |rule| (text(rule), text(&entry["system"]), text(&entry["subject"])))
        })
        .filter(|(rule, system, subject)| {
            found.iter().any(|(r, s, id)| r == rule && (s == system || s.is_empty()) && is_or_holds(id, subject))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// `member|group|` is about `member` too.
fn is_or_holds(id: &str, subject: &str) -> bool {
    id == subject || id.split('|').any(|part| part == subject)
}

#[test]
fn what_the_files_do_not_tell_is_not_evaluated_and_counted() {
    let report = &scanned().2;
    let found = report.addresses();
    let mut undecided: BTreeMap<String, u64> = BTreeMap::new();
    for address in planted(&truth("acme")["not_evaluated"]) {
        assert!(!found.contains(&address), "{address:?}");
        *undecided.entry(address.0).or_default() += 1;
    }
    assert!(!undecided.is_empty());
    for (rule, number) in undecided {
        assert!(report.counts(&rule)[3] >= number, "{rule}");
    }
    for rule in list(&report.0["rules"]) {
        let [population, pass, fail, not_evaluated] = report.counts(&text(&rule["rule"]));
        assert_eq!(population, pass + fail + not_evaluated, "{rule}");
        let reasons: u64 = list(&rule["reasons"]).iter().map(|reason| reason["subjects"].as_u64().unwrap()).sum();
        assert_eq!(reasons, not_evaluated, "every subject that was not judged has its cause: {rule}");
    }
}

#[test]
fn jobs_and_threads_change_no_byte() {
    let folder = Folder::example("acme");
    let scan = |name: &str, jobs: &str, threads: &str| {
        let (store, output) = (format!("store-{name}"), format!("json={name}.json"));
        let status = folder
            .muster()
            .args(["scan", "--quiet", "--store", &store, "--jobs", jobs, "-o", &output])
            .env("RAYON_NUM_THREADS", threads)
            .env("POLARS_MAX_THREADS", threads)
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(1));
        (folder.read(&format!("{name}.json")), objects(&folder.path().join(store)))
    };
    let first = scan("one", "1", "1");
    for (name, jobs, threads) in [("eight", "8", "8"), ("mixed", "8", "1"), ("other", "1", "8")] {
        let other = scan(name, jobs, threads);
        assert!(first.0 == other.0, "{name}: another report");
        assert_eq!(first.1, other.1, "{name}: another store");
    }
}

/// Names of the objects (their hashes) and the manifests.
fn objects(store: &Path) -> BTreeSet<String> {
    fn walk(folder: &Path, into: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, into);
            } else {
                into.insert(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let mut names = BTreeSet::new();
    walk(&store.join("objects"), &mut names);
    walk(&store.join("snapshots"), &mut names);
    names
}

#[test]
fn an_idle_night_adds_no_object_and_no_news() {
    let folder = Folder::example("acme");
    let (_, first) = folder.scan(&[]);
    let count = |folder: &Folder| {
        let mut names = BTreeSet::new();
        for part in std::fs::read_dir(folder.path().join(".muster/objects")).unwrap() {
            for file in std::fs::read_dir(part.unwrap().path()).unwrap() {
                names.insert(file.unwrap().file_name());
            }
        }
        names
    };
    let before = count(&folder);
    let (ran, second) = folder.scan(&["--now", "2026-11-02T07:00:00Z"]);
    ran.assert_code(1);
    assert_eq!(before, count(&folder), "an unchanged source shares every object");
    assert_eq!(first.addresses(), second.addresses());
    let fingerprints = |report: &Report| -> BTreeSet<String> {
        report.findings().iter().map(|finding| text(&finding["fingerprint"])).collect()
    };
    assert_eq!(fingerprints(&first), fingerprints(&second));
    for finding in second.findings() {
        assert_eq!(finding["first_seen"], "2026-11-02T06:00:00Z", "{finding}");
        assert_eq!(finding["last_seen"], "2026-11-02T07:00:00Z", "{finding}");
    }
    // Nothing is new, so a gate that counts only new findings lets the night pass.
    let (ran, _) = folder.scan(&["--now", "2026-11-02T08:00:00Z", "--fail-on", "new:low"]);
    ran.assert_code(0);
    folder.assert_sound(3);
}

#[test]
fn report_and_check_repeat_what_the_scan_said() {
    let folder = Folder::example("acme");
    let (_, scan) = folder.scan(&[]);
    let again = folder.run(&["report", "-o", "json"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&again.stdout).unwrap(), scan.0);
    let check = folder.run(&["check", "-o", "json"]);
    check.assert_code(1);
    let check = Report(serde_json::from_str(&check.stdout).unwrap());
    assert_eq!(check.addresses(), scan.addresses());
}

/// Rule × system adds up to the control totals, with what belongs to no system.
#[test]
fn coverage_shows_every_rule_and_adds_up() {
    let (folder, _, report) = scanned();
    let rows: Vec<serde_json::Value> =
        serde_json::from_str(&folder.expect(0, &["rules", "coverage", "-o", "json"])).unwrap();
    let rules: BTreeSet<String> = rows.iter().map(|row| text(&row["rule"])).collect();
    assert_eq!(rules.len(), 129);
    for summary in list(&report.0["rules"]) {
        for key in ["population", "pass", "fail", "not_evaluated"] {
            let own = rows.iter().filter(|row| row["rule"] == summary["rule"]);
            let sum: u64 = own.map(|row| row[key].as_u64().unwrap()).sum();
            assert_eq!(sum, summary[key].as_u64().unwrap(), "{key} of {}", summary["rule"]);
        }
    }
    // The example has no cluster: the rule is built, and has nobody to judge.
    let about_clusters: u64 =
        rows.iter().filter(|row| row["rule"] == "K8S-001").map(|row| row["population"].as_u64().unwrap()).sum();
    assert_eq!(about_clusters, 0);
}

#[test]
fn findings_are_listed_filtered_and_shown_with_their_proof() {
    let (folder, _, report) = scanned();
    let rows: Vec<serde_json::Value> =
        serde_json::from_str(&folder.expect(0, &["findings", "list", "-o", "json"])).unwrap();
    assert_eq!(rows.len(), report.findings().len());
    let orphans = folder.expect(0, &["findings", "list", "--rule", "ORP-001"]);
    for name in ["fiona.abernathy", "derek.hollis", "Gerald Pinkney"] {
        assert!(orphans.contains(name), "{orphans}");
    }
    assert!(!orphans.contains("LCM-"), "{orphans}");
    let critical = folder.expect(0, &["findings", "list", "--severity", "critical", "--system", "crm"]);
    assert!(critical.contains("Ulrike Hagedorn") && !critical.contains("ORP-001"), "{critical}");
    for finding in report.findings() {
        let shown = folder.expect(0, &["findings", "show", &text(&finding["fingerprint"])]);
        assert!(
            shown.contains(&text(&finding["rule"])) && shown.contains("Evidence") && shown.contains("Fix: "),
            "{shown}"
        );
    }
}

#[test]
fn access_and_path_show_how_a_helpdesk_account_became_domain_administrator() {
    let (folder, ..) = scanned();
    let access = folder.expect(0, &["access", "oskar.lindqvist"]);
    let admins = access.lines().find(|line| line.contains("Domain Admins")).unwrap();
    assert!(admins.contains("admin") && admins.contains("Helpdesk-L3 → T0-Server-Admins"), "{access}");
    // By account and by person, the same way.
    for from in ["oskar.lindqvist", "Oskar Lindqvist"] {
        let path = folder.expect(0, &["path", from, "Domain Admins"]);
        assert_eq!(
            path,
            "corp-ad: Oskar Lindqvist —member of→ Helpdesk-L3 —member of→ T0-Server-Admins —member of→ Domain Admins\n"
        );
    }
    let json: serde_json::Value =
        serde_json::from_str(&folder.expect(0, &["path", "oskar.lindqvist", "Domain Admins", "-o", "json"])).unwrap();
    assert_eq!(list(&json[0]["steps"]).len(), 3);
    let nobody = folder.run(&["access", "nobody.at.all"]);
    nobody.assert_code(2);
    nobody.assert_says(&["nobody.at.all"]);
}

/// From a person through Okta to Identity Center, GitHub and Slack in one answer, each step with what it rests on.
#[test]
fn access_crosses_from_a_person_through_okta_to_the_systems_behind_it() {
    let (folder, ..) = scanned();
    let answer: serde_json::Value =
        serde_json::from_str(&folder.expect(0, &["access", "Nathan Thorne", "-o", "json"])).unwrap();
    let okta = list(&answer).iter().find(|account| account["system"] == "okta").unwrap().clone();
    let led = |system: &str| list(&okta["applications"]).iter().find(|row| row["system"] == system).unwrap().clone();
    let through = |row: &serde_json::Value| -> Vec<String> {
        list(&row["through"]).iter().map(|step| text(&step["to"])).collect()
    };
    for (system, application, group, told) in [
        ("aws", "AWS IAM Identity Center", "aws-developers", "policy/inventory.toml:"),
        ("github", "GitHub", "engineering", "its name"),
        ("slack", "Slack", "Everyone", "its name"),
    ] {
        let row = led(system);
        assert_eq!(row["application"], application);
        assert_eq!(through(&row), [group, "Application assignment"], "{row:#}");
        assert!(text(&row["told_by"]).starts_with(told), "{row:#}");
        let accounts = list(&row["accounts"]);
        assert_eq!(accounts.len(), 1, "{row:#}");
        assert!(!list(&accounts[0]["same_because"]).is_empty() && accounts[0]["lifecycle"] == "active", "{row:#}");
    }
    let holds = |system: &str, name: &str| {
        let row = led(system);
        let held = list(&row["accounts"][0]["holds"]).iter().find(|one| one["name"] == name).cloned();
        held.unwrap_or_else(|| panic!("{name} is not held: {row:#}"))
    };
    let given = |held: serde_json::Value| text(&held["given_by"][0]["group"]);
    assert_eq!(holds("aws", "DeveloperAccess")["resource"], "acme-sandbox");
    assert_eq!(given(holds("aws", "aws-developers")), "aws-developers");
    assert_eq!(given(holds("github", "platform")), "gh-platform");
    assert_eq!(holds("slack", "member")["resource"], "acme");
    // The table says the same in words, and one path names every step.
    let table = folder.expect(0, &["access", "Nathan Thorne"]);
    for part in [
        "okta lets in to GitHub (through engineering) = github (told by its name)",
        "it keeps `nathan.thorne@acme.example` as its identity elsewhere",
        "let in by AWS IAM Identity Center (okta, Nathan Thorne)",
    ] {
        assert!(table.contains(part), "{part}\n{table}");
    }
    assert_eq!(
        folder.expect(0, &["path", "Nathan Thorne", "DeveloperAccess"]),
        "okta: Nathan Thorne —member of→ aws-developers —holds→ Application assignment on AWS IAM Identity Center —is let in to→ \
         aws: Nathan Thorne —member of→ aws-developers —holds→ DeveloperAccess\n"
    );
    // Asked for one account alone, whoever is at the provider still counts.
    for arguments in [&["access", "nthorne23"][..], &["access", "Nathan Thorne", "--system", "github"]] {
        let github = folder.expect(0, arguments);
        assert!(github.contains("let in by GitHub (okta, Nathan Thorne)"), "{github}");
        assert!(!github.contains("okta Nathan Thorne"), "{github}");
    }
    // An account that nobody is let in to, and an application behind which there is none.
    let lorenzo = folder.expect(0, &["access", "Lorenzo Quadrio", "--system", "github"]);
    assert!(lorenzo.contains("no assignment at okta that was found leads here"), "{lorenzo}");
    let ewan = folder.expect(0, &["access", "Ewan Drummond"]);
    assert!(ewan.contains("= github (told by its name)\n    has no account there"), "{ewan}");
}

/// What could not be read, or is not plain, is said where the answer would otherwise look like no access.
#[test]
fn a_way_that_was_not_read_or_is_not_plain_does_not_look_like_none() {
    let folder = Folder::example("acme");
    // Okta refuses the people and groups of one application.
    let exchanges: serde_json::Value = serde_json::from_str(&folder.read("okta/exchanges.json")).unwrap();
    let apps = list(&exchanges["exchanges"]).iter().find(|one| one["request"] == "GET /api/v1/apps?limit=200").unwrap();
    let github = text(&list(&apps["reply"]).iter().find(|app| app["label"] == "GitHub").unwrap()["id"]);
    let mut short = exchanges.clone();
    for one in short["exchanges"].as_array_mut().unwrap() {
        if text(&one["request"]).contains(&format!("/apps/{github}/")) {
            one["status"] = 403.into();
            one["reply"] = serde_json::Value::Null;
        }
    }
    folder.write("okta/exchanges.json", short.to_string());
    let (ran, report) = folder.scan(&[]);
    ran.assert_code(3);
    assert!(!report.of("ORP-004").iter().any(|id| {
        report
            .findings()
            .iter()
            .any(|f| f["subject"]["system"] == "github" && f["subject"]["id"] == *id && f["rule"] == "ORP-004")
    }));
    assert!(
        report.reasons("ORP-004").iter().any(|why| why.contains("may lie in what was not read")),
        "{:?}",
        report.reasons("ORP-004")
    );
    let answer = folder.expect(0, &["access", "Nathan Thorne"]);
    assert!(answer.contains("there may be more applications in what was not read: okta:app_"), "{answer}");
    // A second application of the same name: which one it is stays open.
    let mut twice = exchanges.clone();
    let rows = twice["exchanges"].as_array_mut().unwrap();
    let apps = rows.iter_mut().find(|one| one["request"] == "GET /api/v1/apps?limit=200").unwrap();
    let other = serde_json::json!({"id": "0oaOther", "name": "github_enterprise_server", "label": "GitHub", "status": "INACTIVE"});
    apps["reply"].as_array_mut().unwrap().push(other);
    folder.write("okta/exchanges.json", twice.to_string());
    let (ran, report) = folder.scan(&["--now", "2026-11-02T07:00:00Z"]);
    ran.assert_code(1);
    assert!(
        report.reasons("ORP-004").iter().any(|why| why.contains("2 applications are called like `github`")),
        "{:?}",
        report.reasons("ORP-004")
    );
    let answer = folder.expect(0, &["access", "Nathan Thorne"]);
    assert!(answer.contains("undecided: it may be github; 2 applications are called like `github`"), "{answer}");
    // No exchanges at all: the system is not read, and says so.
    std::fs::remove_file(folder.path().join("okta/exchanges.json")).unwrap();
    let (ran, _) = folder.scan(&["--now", "2026-11-02T08:00:00Z"]);
    ran.assert_code(3);
    ran.assert_says(&["okta", "exchanges.json"]);
}

#[test]
fn explain_says_what_it_took_its_argument_for() {
    let (folder, _, report) = scanned();
    assert!(folder.expect(0, &["explain", "LCM-001"]).starts_with("rule LCM-001"));
    assert!(folder.expect(0, &["explain", "AWS012"]).starts_with("code AWS012"));
    let fingerprint = text(&report.findings()[0]["fingerprint"]);
    assert!(folder.expect(0, &["explain", &fingerprint]).starts_with("finding AUT-001"));
    let account = folder.expect(0, &["explain", "derek.hollis"]);
    assert!(account.starts_with("account derek.hollis in aws") && account.contains("UNASSIGNED"), "{account}");
    // An employee id has as many digits as a code has characters.
    for person in ["004002", "Ngozi Okonkwo-Bell"] {
        let page = folder.expect(0, &["explain", person]);
        assert!(page.starts_with("person Ngozi Okonkwo-Bell") && page.contains("004002"), "{page}");
    }
}

/// On any link, candidate or orphan: a sentence that a manager understands, the evidence, and what would change it.
#[test]
fn every_account_is_explained_with_a_sentence_its_evidence_and_what_would_change_it() {
    use muster::check::Estate;
    use muster::cli::explain::{account_pages, link_page};
    use muster::config::{Config, Overrides};
    use muster::people::STRATEGIES;
    let (folder, ..) = scanned();
    let path = folder.path().join("muster.toml");
    let config = Config::load(&path, &Overrides::default(), Arc::default(), muster_connectors::NATIVE).unwrap();
    let now = config.now.value.unwrap();
    let store = muster::snapshot::Store::open(&config.store.value).unwrap();
    let estate = Estate::load(&store.find("latest").unwrap(), &config, now).unwrap();
    let accounts: Vec<_> = estate.graph.accounts().map(|(account, _)| account).collect();
    let pages = account_pages(&estate, &accounts, now);
    assert!(pages.len() > 500, "{} accounts", pages.len());
    let mut situations: BTreeMap<String, u64> = BTreeMap::new();
    let mut links = Vec::new();
    for (account, page) in accounts.iter().zip(&pages) {
        let (shown, json) = (&page.text, &page.json);
        let who = text(&json["account"]);
        let (situation, verdict) = (text(&json["situation"]), text(&json["verdict"]));
        let begins: &[&str] = match situation.as_str() {
            "CONFIRMED" | "UNQUALIFIED" | "SOURCE_MISSING" => &["belongs to"],
            "FOUND" => &["probably belongs to"],
            "FOUND_ALREADY_LINKED" => &["by decisions"],
            "AMBIGUOUS" => &["persons equally well"],
            "UNASSIGNED" => &["Nobody in HR corresponds", "is nobody's"],
            "INDETERMINATE" => &["cannot be said", "is not believed"],
            "TARGET_IGNORED" => &["is not looked for in HR, because"],
            other => panic!("{who}: {other}"),
        };
        assert!(begins.iter().any(|words| verdict.contains(words)), "{who}, {situation}: {verdict}");
        assert!(verdict.ends_with('.') && verdict.len() > 40 && !verdict.contains("  "), "{who}: {verdict}");
        let remedy = list(&json["remedy"]);
        assert!(!remedy.is_empty() && remedy.iter().all(|way| text(way).ends_with('.')), "{who}: {remedy:?}");
        let rungs = list(&json["rungs"]);
        assert_eq!(rungs.len(), STRATEGIES.len(), "{who}: every rung answers");
        assert!(rungs.iter().all(|rung| !text(&rung["compared"]).is_empty()), "{who}: {rungs:#?}");
        // What is linked or proposed names its evidence; of nobody's account every rung is silent, refused or not asked.
        let candidates = list(&json["candidates"]);
        let is_found = !["UNASSIGNED", "TARGET_IGNORED", "INDETERMINATE"].contains(&situation.as_str());
        assert!(!is_found || !candidates.is_empty(), "{who}: {situation} without a candidate");
        assert!(candidates.iter().all(|one| !text(&one["evidence"]).is_empty()), "{who}: {candidates:#?}");
        let decides = rungs.iter().filter(|rung| rung["answer"] == "decides").count();
        assert_eq!(decides, usize::from(!candidates.is_empty()), "{who}: {rungs:#?}");
        for part in ["What would change it:\n  - ", "  situation: ", "  class: ", "Evidence, strongest first:"] {
            assert!(shown.contains(part), "{who} lacks `{part}`:\n{shown}");
        }
        *situations.entry(situation).or_default() += 1;
        links.extend(muster::check::links::candidates(&estate, *account).1.iter().map(|one| (*account, one.person)));
    }
    for met in ["CONFIRMED", "UNQUALIFIED", "AMBIGUOUS", "UNASSIGNED", "TARGET_IGNORED"] {
        assert!(situations.contains_key(met), "the example has no {met}: {situations:?}");
    }
    // Every link by itself, and one that is none.
    let somebody = estate.people.find("004002")[0];
    for (account, person) in links.iter().copied().step_by(25).chain([(links[0].0, somebody)]) {
        let page = link_page(&estate, account, person, now);
        let verdict = text(&page.json["link_to"]["verdict"]);
        assert!(page.text.starts_with("link of `") && verdict.ends_with('.'), "{verdict}\n{}", page.text);
    }
}

#[test]
fn every_saved_query_answers_and_agrees_with_the_findings() {
    let (folder, _, report) = scanned();
    let saved: Vec<serde_json::Value> =
        serde_json::from_str(&folder.expect(0, &["query", "--saved", "-o", "json"])).unwrap();
    let answers: BTreeMap<String, Vec<serde_json::Value>> =
        saved.iter().map(|query| (text(&query["name"]), folder.query(&text(&query["name"])))).collect();
    for (name, rows) in &answers {
        assert!(!rows.is_empty(), "{name} has no row");
    }
    let column =
        |name: &str, column: &str| -> BTreeSet<String> { answers[name].iter().map(|row| text(&row[column])).collect() };
    let of = |rule: &str| -> BTreeSet<String> { report.of(rule).into_iter().collect() };
    assert!(column("orphans", "id").is_superset(&of("ORP-001")));
    assert!(column("leavers-with-accounts", "account").is_superset(&of("LCM-001")));
    assert_eq!(column("never-used-keys", "id"), BTreeSet::from(["AIDAO6U3YY7BCOKC4FY3S/access_key_1".to_owned()]));
    assert!(answers["coverage"].iter().all(|row| row["state"] == "complete"));
}

#[test]
fn sql_reads_every_table_and_writes_none() {
    let (folder, _, report) = scanned();
    let count = folder.query("select rule, count(*) as n from findings group by rule order by rule");
    let sum: u64 = count.iter().map(|row| row["n"].as_u64().unwrap()).sum();
    assert_eq!(usize::try_from(sum), Ok(report.findings().len()));
    let tables = folder.expect(0, &["query", "--tables", "-o", "json"]);
    let tables: Vec<serde_json::Value> = serde_json::from_str(&tables).unwrap();
    for table in &tables {
        folder.query(&format!("select * from {} limit 3", text(&table["table"])));
    }
    for statement in ["drop table accounts", "create table x as select 1", "select * from read_csv('/etc/passwd')"] {
        assert_eq!(folder.run(&["query", statement]).code, Some(2), "{statement}");
    }
    folder.assert_sound(1);
}
