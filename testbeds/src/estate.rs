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
mod faults;
mod hr;
mod json;
pub mod rng;
mod saas;
mod scim;
mod truth;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

pub use clock::{NEXT, NOW};
use company::Company;
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
    let (mut files, truth) = exports(&company);
    files.text("muster.toml", config::muster(&config::Night::ACME));
    config::policy(&company, &mut files, &[]);
    files.text("truth.json", truth.to_json(NOW));
    (files, truth)
}

/// The same company one night later ([`NEXT`]), with faults; the night before is in `previous/`.
pub fn acme_broken() -> (Files, Truth) {
    let company = Company::new();
    let (good, _) = exports(&company);
    let mut files = Files::default();
    for (path, bytes) in &good.0 {
        files.bytes(&format!("previous/{path}"), bytes.clone());
    }
    files.0.extend(good.0);
    let mut truth = Truth { partial: true, ..Truth::default() };
    faults::apply(&company, &mut files, &mut truth);
    files.text("muster-yesterday.toml", config::muster(&config::Night::YESTERDAY));
    files.text("muster.toml", config::muster(&config::Night::BROKEN));
    config::policy(&company, &mut files, &[("payroll", "Finance")]);
    files.text("truth.json", truth.to_json(NEXT));
    (files, truth)
}

/// The exports of one good night.
fn exports(company: &Company) -> (Files, Truth) {
    let (mut files, mut truth) = (Files::default(), Truth::default());
    people_truth(company, &mut truth);
    files.text("hr/people.csv", hr::people(company, |_| true));
    files.bytes("hr/contractors.csv", hr::contractors(company, hr::CONTRACTORS));
    files.text("ad/corp.ldif", ad_ldif::corp(company, &mut truth));
    aws::organisation(company, &mut truth, &mut files);
    scim::expenses(company, &mut truth, &mut files);
    saas::crm(company, &mut truth, &mut files);
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
        let external = person.feed == company::Feed::Contractors;
        if external && person.status == company::Status::Active && person.last_day.is_none() {
            truth.finding("LCM-007", system, &person.id, person.case, person.story);
        }
    }
}
