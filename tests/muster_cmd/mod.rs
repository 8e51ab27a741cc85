//! The real binary, started in a folder of its own as a user would, and what it answered.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A folder with a `muster.toml`, its exports and its store; deleted when dropped.
pub(crate) struct Folder(tempfile::TempDir);

/// What a command answered.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A report as `-o json` writes it.
#[derive(Debug)]
pub(crate) struct Report(pub(crate) Value);

/// A finding's address: rule, system (empty for a person) and the subject's own id.
pub(crate) type Address = (String, String, String);

impl Folder {
    pub(crate) fn empty() -> Self {
        Self(tempfile::Builder::new().prefix("muster-test-").tempdir().unwrap())
    }

    /// A copy of `examples/<name>`.
    pub(crate) fn example(name: &str) -> Self {
        let folder = Self::empty();
        copy(&example(name), folder.path());
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.path().join(file)).unwrap()
    }

    /// Replaces what stands in a file; it must stand there.
    pub(crate) fn replace(&self, file: &str, old: &str, new: &str) {
        let text = self.read(file);
        assert!(text.contains(old), "`{old}` is not in {file}");
        self.write(file, text.replace(old, new));
    }

    /// `muster` in this folder, with nothing of the machine's environment.
    pub(crate) fn muster(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        command.current_dir(self.path()).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.muster().args(arguments).output().unwrap().into()
    }

    /// A run that has to end with this code; what it printed.
    pub(crate) fn expect(&self, code: i32, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(code), "muster {}\n{}\n{}", arguments.join(" "), ran.stderr, ran.stdout);
        ran.stdout
    }

    /// `muster scan`, with the report.
    pub(crate) fn scan(&self, arguments: &[&str]) -> (Ran, Report) {
        let file = self.path().join("report.json");
        let output = format!("json={}", file.display());
        let ran = self.run(&[&["scan", "-o", &output], arguments].concat());
        let text = std::fs::read_to_string(&file).unwrap_or_else(|_| panic!("no report: {ran:?}"));
        std::fs::remove_file(file).unwrap();
        (ran, Report(serde_json::from_str(&text).unwrap()))
    }

    /// A query's rows.
    pub(crate) fn query(&self, sql: &str) -> Vec<Value> {
        serde_json::from_str(&self.expect(0, &["query", sql, "-o", "json"])).unwrap()
    }

    pub(crate) fn snapshots(&self) -> Vec<Value> {
        serde_json::from_str(&self.expect(0, &["snapshots", "list", "-o", "json"])).unwrap()
    }

    /// The store is sound, and its newest snapshot opens.
    pub(crate) fn assert_sound(&self, snapshots: usize) {
        let verified = self.run(&["snapshots", "verify"]);
        assert_eq!(verified.code, Some(0), "{}", verified.stderr);
        assert_eq!(self.snapshots().len(), snapshots);
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("what muster prints is UTF-8");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ran {
    /// The code, with what was said when it is another one.
    pub(crate) fn assert_code(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stderr, self.stdout);
    }

    /// Each text stands on standard error.
    pub(crate) fn assert_says(&self, texts: &[&str]) {
        for text in texts {
            assert!(self.stderr.contains(text), "`{text}` is missing in:\n{}", self.stderr);
        }
    }
}

impl Report {
    pub(crate) fn findings(&self) -> &[Value] {
        self.0["findings"].as_array().unwrap()
    }

    /// Where every finding is; two at one address are an error.
    pub(crate) fn addresses(&self) -> BTreeSet<Address> {
        let mut addresses = BTreeSet::new();
        for finding in self.findings() {
            let address = address(finding);
            assert!(addresses.insert(address.clone()), "{address:?} is reported twice");
        }
        addresses
    }

    /// Ids of the subjects of a rule's findings.
    pub(crate) fn of(&self, rule: &str) -> Vec<String> {
        self.findings()
            .iter()
            .filter(|finding| finding["rule"] == rule)
            .map(|finding| text(&finding["subject"]["id"]))
            .collect()
    }

    /// Why a rule did not evaluate subjects.
    pub(crate) fn reasons(&self, rule: &str) -> Vec<String> {
        let rules = self.0["rules"].as_array().into_iter().flatten();
        rules
            .filter(|summary| summary["rule"] == rule)
            .flat_map(|summary| summary["reasons"].as_array().into_iter().flatten())
            .map(|reason| text(&reason["cause"]))
            .collect()
    }

    /// Population, pass, fail and not evaluated of a rule.
    pub(crate) fn counts(&self, rule: &str) -> [u64; 4] {
        let rules = self.0["rules"].as_array().unwrap();
        let rule = rules.iter().find(|entry| entry["rule"] == rule).unwrap_or_else(|| panic!("no rule {rule}"));
        ["population", "pass", "fail", "not_evaluated"].map(|key| rule[key].as_u64().unwrap())
    }

    /// Every gap as (system, scope, kind, state, code).
    pub(crate) fn gaps(&self) -> BTreeSet<(String, String, String, String, String)> {
        let mut gaps = BTreeSet::new();
        for system in list(&self.0["systems"]) {
            for scope in list(&system["scopes"]) {
                for kind in list(&scope["kinds"]) {
                    for gap in list(&kind["gaps"]) {
                        for said in ["what", "fix"] {
                            assert!(gap[said].as_str().is_some_and(|text| !text.is_empty()), "no {said}: {gap}");
                        }
                        gaps.insert((
                            text(&system["name"]),
                            text(&scope["name"]),
                            text(&kind["name"]),
                            text(&kind["state"]),
                            text(&gap["code"]),
                        ));
                    }
                }
            }
        }
        gaps
    }

    /// The systems that have a gap.
    pub(crate) fn gappy(&self) -> BTreeSet<String> {
        self.gaps().into_iter().map(|(system, ..)| system).collect()
    }
}

pub(crate) fn address(finding: &Value) -> Address {
    let subject = &finding["subject"];
    (text(&finding["rule"]), text(&subject["system"]), text(&subject["id"]))
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// The truth that was planted in `examples/<name>`.
pub(crate) fn truth(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(example(name).join("truth.json")).unwrap()).unwrap()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        // A store that somebody's scan left behind is no part of the example.
        if entry.file_name() == ".muster" {
            continue;
        }
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
