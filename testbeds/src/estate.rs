//! The example estate: acme, a company that does not exist, its exports as real systems write them, and what is wrong in it.
//!
//! [`acme`] builds the folder `examples/acme/`, [`acme_broken`] its sister one night later, whose files came back short.
//! Both are pure functions: the same bytes on every machine. A person's story is told in one place (`company.rs`), and the
//! writer of each export puts what follows from it into the [`Truth`], which ends up beside the files as `truth.json`.

mod ad_ldif;
mod aws;
mod clock;
mod company;
mod config;
mod decisions;
mod drift;
mod faults;
mod hr;
mod json;
mod privilege;
mod registers;
pub mod rng;
mod roles;
mod saas;
mod scim;
mod sso;
mod truth;
mod workshop;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

pub use clock::{NEXT, NOW};
use company::Company;
pub use drift::drift;
pub use truth::{Benign, Planted, Silent, Truth};

/// The files of an estate, by path relative to its folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files(pub BTreeMap<String, Vec<u8>>);

/// A file of an estate could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`: {source}; free the path or choose another folder", path.display())]
pub struct WriteError {
    /// The path that was tried.
    pub path: PathBuf,
    /// What the operating system answered.
    pub source: io::Error,
}

impl Files {
    fn text(&mut self, path: &str, text: impl Into<String>) {
        self.0.insert(path.to_owned(), text.into().into_bytes());
    }

    /// Adds to a text that is there.
    fn append(&mut self, path: &str, text: &str) {
        self.0.entry(path.to_owned()).or_default().extend_from_slice(text.as_bytes());
    }

    fn bytes(&mut self, path: &str, bytes: Vec<u8>) {
        self.0.insert(path.to_owned(), bytes);
    }

    /// Writes every file below `folder`, which is made when it is missing. Files that are there and not part of the estate
    /// stay.
    ///
    /// # Errors
    /// [`WriteError`] for the first file that could not be written.
    pub fn write(&self, folder: &Path) -> Result<(), WriteError> {
        for (path, bytes) in &self.0 {
            let path = folder.join(path);
            let written = match path.parent() {
                Some(parent) => std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, bytes)),
                None => std::fs::write(&path, bytes),
            };
            written.map_err(|source| WriteError { path, source })?;
        }
        Ok(())
    }
}

/// The estate `acme` at [`NOW`], and the truth about it.
pub fn acme() -> (Files, Truth) {
    let company = Company::new();
    let (mut files, mut truth) = exports(&company, aws::SignOn::IdentityCenter);
    files.text("muster.toml", config::muster(&config::Night::ACME) + &sso::config(""));
    config::policy(
        &company,
        &mut files,
        &[("okta", "IT Operations"), ("github", "Engineering"), ("slack", "IT Operations")],
    );
    files.append("policy/inventory.toml", sso::APPLICATIONS);
    roles::write(&company, &mut files);
    registers::registers(&company, &mut truth, &mut files);
    privilege::plant(&company, &mut truth, &mut files);
    sso::write(&company, &mut truth, &mut files);
    decisions::plant(&mut files, &mut truth);
    files.text("truth.json", truth.to_json(NOW));
    (files, truth)
}

/// The same company one night later ([`NEXT`]), with faults; the night before is in `previous/`.
pub fn acme_broken() -> (Files, Truth) {
    let company = Company::new();
    let (good, good_truth) = exports(&company, aws::SignOn::None);
    let mut files = Files::default();
    for (path, bytes) in &good.0 {
        files.bytes(&format!("previous/{path}"), bytes.clone());
    }
    files.0.extend(good.0);
    let mut truth = Truth { partial: true, ..Truth::default() };
    faults::apply(&company, &good_truth, &mut files, &mut truth);
    files.text("muster-yesterday.toml", config::muster(&config::Night::YESTERDAY));
    files.text("muster.toml", config::muster(&config::Night::BROKEN));
    config::policy(&company, &mut files, &[("payroll", "Finance")]);
    registers::registers(&company, &mut Truth::default(), &mut files);
    roles::write(&company, &mut files);
    files.text("truth.json", truth.to_json(NEXT));
    (files, truth)
}

/// The exports of one good night.
fn exports(company: &Company, sign_on: aws::SignOn) -> (Files, Truth) {
    let (mut files, mut truth) = (Files::default(), Truth::default());
    people_truth(company, &mut truth);
    files.text("hr/people.csv", hr::people(company, |_| true));
    files.bytes("hr/contractors.csv", hr::contractors(company, hr::CONTRACTORS));
    files.text("ad/corp.ldif", ad_ldif::corp(company, &mut truth));
    aws::organisation(company, sign_on, &mut truth, &mut files);
    scim::expenses(company, &mut truth, &mut files);
    saas::crm(company, &mut truth, &mut files);
    workshop::workshop(&mut truth, &mut files);
    (files, truth)
}

/// What is said about a person rather than about one of its accounts.
fn people_truth(company: &Company, truth: &mut Truth) {
    for person in &company.people {
        let system = person.feed.system();
        // Signed off in the directory and alive elsewhere: in the expense tool, the CRM or AWS.
        let in_aws = matches!(person.local.as_str(), "henrik.solbergsen" | "dewi.hartono");
        let alive = in_aws || person.scim == company::Holds::Active || person.crm == company::Holds::Active;
        if person.has_left() && person.ad == company::Holds::Disabled && alive {
            truth.finding("LCM-003", system, &person.id, person.case, person.story);
        }
        let works_on = alive || person.ad == company::Holds::Active || person.local == "caio.figueiredo";
        if (person.has_left() || person.overran() || person.local == "charlotte.vandenbroucke") && works_on {
            truth.finding("LCM-002", system, &person.id, person.case, person.story);
        }
        let late =
            |last: jiff::civil::Date| person.recorded > clock::at(&format!("{}T00:00:00Z", clock::shift(last, 2)));
        if person.feed == company::Feed::Hr
            && person.status == company::Status::Terminated
            && person.effective.is_none()
            && person.last_day.is_some_and(late)
        {
            truth.finding("LCM-011", system, &person.id, person.case, person.story);
        }
        let external = person.feed == company::Feed::Contractors;
        if external && person.status == company::Status::Active && person.last_day.is_none() {
            truth.finding("LCM-007", system, &person.id, person.case, person.story);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every file below a folder, by relative path.
    fn committed(folder: &str) -> BTreeMap<String, Vec<u8>> {
        fn walk(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.ends_with(".muster") {
                    // Somebody tried the example: its store is not part of it.
                } else if path.is_dir() {
                    walk(root, &path, files);
                } else {
                    let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                    files.insert(name, std::fs::read(&path).unwrap());
                }
            }
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(folder);
        let mut files = BTreeMap::new();
        walk(&root, &root, &mut files);
        files
    }

    fn same(folder: &str, files: &Files) {
        let temporary = tempfile::tempdir().unwrap();
        files.write(temporary.path()).unwrap();
        let committed = committed(folder);
        let (names, expected): (Vec<_>, Vec<_>) = (committed.keys().collect(), files.0.keys().collect());
        assert_eq!(names, expected, "examples/{folder} has other files than the generator writes");
        for (path, bytes) in &committed {
            let again = std::fs::read(temporary.path().join(path)).unwrap();
            assert!(
                *bytes == again,
                "examples/{folder}/{path} is not what the generator writes; run `cargo run --example make_estate -- {folder} examples/{folder}` and look at the difference"
            );
            assert!(!bytes.contains(&b'\r'), "{path} has carriage returns");
        }
    }

    #[test]
    fn the_committed_acme_is_what_the_generator_writes() {
        same("acme", &acme().0);
    }

    #[test]
    fn the_committed_acme_broken_is_what_the_generator_writes() {
        same("acme-broken", &acme_broken().0);
    }

    #[test]
    fn the_committed_drift_is_what_the_generator_writes() {
        same("drift", &drift());
    }

    #[test]
    fn every_rule_is_planted_twice_and_nothing_is_planted_twice_over() {
        let (_, truth) = acme();
        let counts = truth.counts();
        for rule in [
            "ORP-001", "ORP-002", "ORP-005", "ORP-006", "ORP-008", "LCM-001", "LCM-003", "LCM-007", "LCM-008",
            "LCM-014", "XPR-004", "DOR-001", "CRD-001", "CRD-004", "CRD-005", "AUT-001",
        ] {
            assert!(counts.get(rule).is_some_and(|count| *count >= 2), "{rule}: {counts:?}");
        }
        // Every system was read; what is wrong with the controls are decisions.
        assert!(!counts.keys().any(|rule| ["CTL-001", "CTL-002", "CTL-003"].contains(rule)));
        assert!((60..=320).contains(&truth.findings.len()), "{}", truth.findings.len());
        let keys: BTreeSet<_> = truth.findings.iter().map(|item| (item.rule, &item.system, &item.subject)).collect();
        assert_eq!(keys.len(), truth.findings.len());
        for item in &truth.benign {
            for rule in &item.rules {
                assert!(!keys.contains(&(rule, &item.system, &item.subject)), "{rule} for {item:?} is both");
            }
        }
    }

    #[test]
    fn what_is_broken_is_broken_and_nothing_else() {
        let (files, _) = acme_broken();
        let read = |path: &str| String::from_utf8(files.0[path].clone()).unwrap();
        let rows = |path: &str| read(path).lines().count() - 1;
        let (before, after) = (rows("previous/hr/people.csv"), rows("hr/people.csv"));
        assert!(after * 100 <= before * 68, "{after} of {before} rows are left");
        assert!(!read("hr/people.csv").contains("\n004102,"), "the running employment of the rehire is among the lost");
        assert!(read("ad/corp.ldif").ends_with("objectSid:: AQUAAAAAAAU"));

        let details = |account: &str| {
            serde_json::from_str::<serde_json::Value>(&read(&format!("aws/{account}/authorization-details.json")))
        };
        assert!(details(aws::PRODUCTION).is_err());
        let management = details(aws::MANAGEMENT).unwrap();
        let texts = management["Policies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|policy| policy["PolicyVersionList"][0]["Document"].is_string());
        assert_eq!(texts.map(|policy| policy["PolicyName"].as_str().unwrap()).collect::<Vec<_>>(), ["OpsBreakFix"]);

        let differing: Vec<&str> = files
            .0
            .iter()
            .filter_map(|(path, bytes)| Some((path.strip_prefix("previous/")?, bytes)))
            .filter(|(path, bytes)| files.0[*path] != **bytes)
            .map(|(path, _)| path)
            .collect();
        assert_eq!(
            differing,
            [
                "ad/corp.ldif",
                "aws/111122223333/authorization-details.json",
                "aws/444455556666/authorization-details.json",
                "hr/contractors.csv",
                "hr/people.csv"
            ]
        );
    }
}
