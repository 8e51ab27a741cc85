//! Writing what was decided about findings: `findings.toml`, `exceptions.toml` and `baseline.toml`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use muster_reports::view::Finding;
use toml_edit::{Array, Item, Table, Value, value};

use super::{Edit, Key, Policy, Signature, date, remarked, replace, withdraw};
use crate::config::policy::Handling;
use crate::diagnostic::{Diagnostic, visible};

const FINDINGS_HEAD: &str = "\
# What people decided about single findings. `muster findings` writes here; comments and changes by hand stay.
# A block may be changed or taken back in review like any other text. `withdrawn` blocks no longer count.

";

const EXCEPTIONS_HEAD: &str = "\
# Risks that somebody accepted, until when, and on which evidence. `muster findings accept` writes here; comments and changes
# by hand stay. `withdrawn` blocks no longer count.

";

/// A decision about a finding, to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHandling {
    /// What is decided.
    pub verdict: Handling,
    /// The finding's fingerprint.
    pub finding: String,
    /// What it is about, for a comment.
    pub about: String,
    /// Who has to act, for [`Handling::Owner`].
    pub owner: Option<String>,
    /// The last day of a snooze.
    pub until: Option<Date>,
    /// Why.
    pub reason: String,
}

/// An accepted risk, to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewException {
    /// Its id.
    pub id: String,
    /// The findings with what each is about, for a comment.
    pub findings: Vec<(String, String)>,
    /// Hashes of the evidence that is accepted, each once.
    pub evidence: Vec<String>,
    /// Who answers for it.
    pub owner: String,
    /// Who approved it.
    pub approver: String,
    /// Why.
    pub reason: String,
    /// Its last day.
    pub expires: Date,
    /// What lessens the risk meanwhile.
    pub mitigation: Option<String>,
}

/// What is taken back of an accepted risk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release {
    /// All of it.
    Whole,
    /// These fingerprints.
    Findings(Vec<String>),
}

/// Everything one command writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Decisions about findings.
    pub new: Vec<NewHandling>,
    /// Decisions that no longer count: place in [`Policy::findings`], and why.
    pub withdrawn: Vec<(usize, String)>,
    /// An accepted risk.
    pub exception: Option<NewException>,
    /// What is taken back of accepted risks: place in [`Policy::exceptions`], what, and why.
    pub released: Vec<(usize, Release, String)>,
}

impl Policy {
    /// Writes decisions about findings into `folder`, which is created when there is none. Returns the files written.
    ///
    /// # Errors
    /// A [`Diagnostic`] when a file cannot be read, changed since the config was loaded, or cannot be written. Each file is
    /// then as it was.
    pub fn write_findings(
        &self,
        folder: &Path,
        changes: &Changes,
        signed: &Signature,
    ) -> Result<Vec<PathBuf>, Box<Diagnostic>> {
        let mut texts = Vec::new();
        if !changes.new.is_empty() || !changes.withdrawn.is_empty() {
            let take_back = |tables: &mut [Table]| {
                for (place, reason) in &changes.withdrawn {
                    if let Some(table) = tables.get_mut(*place) {
                        withdraw(table, reason, signed);
                    }
                }
            };
            let new = changes.new.iter().map(|one| handling(one, signed)).collect();
            let key: Option<fn(&Table) -> Key> = Some(key);
            let edit = Edit { array: "decision", head: FINDINGS_HEAD, new, change: &take_back, key };
            texts.push(self.text_after("findings.toml", folder, edit)?);
        }
        if changes.exception.is_some() || !changes.released.is_empty() {
            let release = |tables: &mut [Table]| {
                for (place, what, reason) in &changes.released {
                    if let Some(table) = tables.get_mut(*place) {
                        let rest = match what {
                            Release::Whole => 0,
                            Release::Findings(findings) => without(table, findings),
                        };
                        if rest == 0 {
                            withdraw(table, reason, signed);
                        }
                    }
                }
            };
            let new = changes.exception.iter().map(|one| exception(one, signed)).collect();
            let edit = Edit { array: "exception", head: EXCEPTIONS_HEAD, new, change: &release, key: None };
            texts.push(self.text_after("exceptions.toml", folder, edit)?);
        }
        // Nothing is written before all of it can be.
        for (path, text) in &texts {
            replace(path, text)?;
        }
        Ok(texts.into_iter().map(|(path, _)| path).collect())
    }

    fn text_after(&self, name: &str, folder: &Path, edit: Edit<'_>) -> Result<(PathBuf, String), Box<Diagnostic>> {
        let path = folder.join(name);
        let text = edit.applied(&self.text_of(name, &path)?, &path)?;
        Ok((path, text))
    }

    /// Writes the findings that are there when Muster is adopted.
    ///
    /// # Errors
    /// A [`Diagnostic`] when there is a baseline already, or the file cannot be written.
    pub fn write_baseline(
        &self,
        folder: &Path,
        findings: &[&Finding],
        reason: &str,
        signed: &Signature,
    ) -> Result<PathBuf, Box<Diagnostic>> {
        let path = folder.join("baseline.toml");
        if self.baseline.is_some() || path.exists() {
            return Err(Diagnostic::error("FND002", format!("`{}` exists already", path.display()))
                .cause("a baseline that grows with every run would hide what gets worse")
                .fix("remove the file in a review when today is to be the first day again")
                .into());
        }
        let quoted = |text: &str| Value::from(text).to_string();
        let mut text = format!(
            "# Findings that were there when Muster was adopted: later runs show and count only what is new, graver or back again.\n\
             # A line that is removed makes its finding count again. `muster check --baseline` wrote this.\n\n\
             adopted = {}\nauthor  = {}\nreason  = {}\n\n[findings]\n",
            signed.on,
            quoted(&signed.author),
            quoted(reason),
        );
        for finding in findings {
            let about = visible(&about(finding)).into_owned();
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{} = \"{}\"  # {about}", finding.fingerprint, finding.severity);
        }
        replace(&path, &text)?;
        Ok(path)
    }
}

/// What a finding is about, for a comment: `LCM-001 ada (corp-ad)`.
pub fn about(finding: &Finding) -> String {
    let system = finding.subject.system.as_ref().map(|system| format!(" ({system})")).unwrap_or_default();
    format!("{} {}{system}", finding.rule, finding.subject.name)
}

/// Decisions stand by finding; what was taken back stands after what counts.
fn key(table: &Table) -> Key {
    let text = |key: &str| table.get(key).and_then(Item::as_str).unwrap_or_default().to_owned();
    let withdrawn = if table.contains_key("withdrawn") { "1" } else { "0" };
    [text("finding"), withdrawn.to_owned(), text("verdict"), String::new(), String::new()]
}

fn handling(new: &NewHandling, signed: &Signature) -> Table {
    let mut table = Table::new();
    table.insert("verdict", value(new.verdict.as_str()));
    table.insert("finding", remarked(&new.finding, &new.about));
    if let Some(owner) = &new.owner {
        table.insert("owner", value(owner));
    }
    if let Some(until) = new.until {
        table.insert("until", value(date(until)));
    }
    table.insert("author", value(&signed.author));
    table.insert("reason", value(&new.reason));
    table.insert("decided", value(date(signed.on)));
    table
}

fn exception(new: &NewException, signed: &Signature) -> Table {
    let mut table = Table::new();
    table.insert("id", value(&new.id));
    let mut findings = Array::new();
    for (place, (fingerprint, _)) in new.findings.iter().enumerate() {
        findings.push(fingerprint.as_str());
        // What strangers put into names must not begin another line.
        let before = place.checked_sub(1).and_then(|before| new.findings.get(before));
        let remark = before.map(|(_, about)| format!("  # {}", visible(about))).unwrap_or_default();
        if let Some(last) = findings.get_mut(place) {
            last.decor_mut().set_prefix(format!("{remark}\n    "));
        }
    }
    if let Some((_, about)) = new.findings.last() {
        findings.set_trailing_comma(true);
        findings.set_trailing(format!("  # {}\n", visible(about)));
    }
    table.insert("findings", value(findings));
    table.insert("owner", value(&new.owner));
    table.insert("approver", value(&new.approver));
    table.insert("reason", value(&new.reason));
    table.insert("created", value(date(signed.on)));
    table.insert("expires", value(date(new.expires)));
    table.insert("evidence", value(new.evidence.iter().collect::<Array>()));
    if let Some(mitigation) = &new.mitigation {
        table.insert("mitigation", value(mitigation));
    }
    if signed.author != new.owner {
        table.insert("note", value(format!("written by {}", signed.author)));
    }
    table
}

/// Takes fingerprints out of an accepted risk; how many are left.
fn without(table: &mut Table, findings: &[String]) -> usize {
    let Some(array) = table.get_mut("findings").and_then(Item::as_array_mut) else { return 0 };
    let rest =
        array.iter().filter(|one| one.as_str().is_none_or(|one| !findings.iter().any(|gone| gone == one))).count();
    // The last one stays, so that who reviews sees what was once accepted.
    if rest > 0 {
        array.retain(|one| one.as_str().is_none_or(|one| !findings.iter().any(|gone| gone == one)));
    }
    rest
}
