//! `muster policy diff OLD NEW`: one snapshot, judged with two policy folders.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use muster_reports::view::{Finding, RuleSummary};
use serde_json::{Value as Json, json};

use super::read;
use crate::check::Estate;
use crate::cli::Which;
use crate::cli::outcome::{Exit, Failure, Outcome};
use crate::cli::output::{Choice, open, targets};
use crate::cli::session::Session;
use crate::cli::tables::{plain_table, right_align};
use crate::config::{Config, Policy};
use crate::diagnostic::visible;
use crate::findings::kept;
use crate::rules::Check;

const CHOICES: [Choice; 2] = [Choice { name: "table", ending: "txt" }, Choice { name: "json", ending: "json" }];

/// Judges twice and tells the difference.
pub(super) fn run(
    session: &Session,
    mut config: Config,
    old: &Path,
    new: &Path,
    which: &Which,
) -> Result<Outcome, Failure> {
    let outputs = targets(&session.global.output, &CHOICES)?;
    let policies = [read(old, &config)?, read(new, &config)?];
    let store = session.existing_store(&config)?;
    let snapshot = session.snapshot(&store, which)?;
    let now = session.now(&config);
    let history = kept::history(&store, snapshot.manifest().header.sequence)?;
    let links_stay = same_people(&policies[0], &policies[1]);
    let [old, new] = policies;
    config.policy = old;
    let mut estate = Estate::load(&snapshot, &config, now)?;
    let before = estate.check(&config, &history, now).map_err(Failure::Told)?;
    config.policy = new;
    // The graph and the people are the same unless somebody decided otherwise whose account is whose.
    if !links_stay {
        estate = Estate::load(&snapshot, &config, now)?;
    }
    let after = estate.check(&config, &history, now).map_err(Failure::Told)?;
    let difference = Difference::between(&before, &after);
    for (choice, file) in outputs {
        let mut out = open(file.as_deref())?;
        if choice.name == "json" {
            muster_reports::escape::write_json(&mut out, &difference.json())?;
        } else {
            difference.table(&mut out)?;
        }
        out.close()?;
    }
    Ok(Outcome::new(Exit::Clean, difference.told()))
}

/// Whether two policies say the same about persons and links.
fn same_people(a: &Policy, b: &Policy) -> bool {
    a.pins == b.pins && a.links == b.links && a.persons == b.persons
}

/// What another policy changes.
struct Difference<'a> {
    appear: Vec<&'a Finding>,
    disappear: Vec<&'a Finding>,
    /// The same finding with another severity or sentence.
    change: Vec<(&'a Finding, &'a Finding)>,
    /// Rules whose counts differ.
    counts: Vec<(&'a RuleSummary, &'a RuleSummary)>,
}

impl<'a> Difference<'a> {
    fn between(before: &'a Check, after: &'a Check) -> Self {
        let index = |check: &'a Check| -> BTreeMap<&'a str, &'a Finding> {
            check.findings.iter().map(|finding| (finding.fingerprint.as_str(), finding)).collect()
        };
        let (old, new) = (index(before), index(after));
        let without = |check: &'a Check, other: &BTreeMap<&str, &Finding>| -> Vec<&'a Finding> {
            check.findings.iter().filter(|finding| !other.contains_key(finding.fingerprint.as_str())).collect()
        };
        let change = after.findings.iter().filter_map(|finding| {
            let was = *old.get(finding.fingerprint.as_str())?;
            ((was.severity, &was.message) != (finding.severity, &finding.message)).then_some((was, finding))
        });
        let counts = before.rules.iter().zip(&after.rules).filter(|(was, is)| was != is);
        Self {
            appear: without(after, &old),
            disappear: without(before, &new),
            change: change.collect(),
            counts: counts.collect(),
        }
    }

    fn told(&self) -> String {
        format!(
            "{} findings appear, {} disappear, {} change",
            self.appear.len(),
            self.disappear.len(),
            self.change.len()
        )
    }

    fn table(&self, out: &mut impl Write) -> io::Result<()> {
        for (title, findings) in [("appear", &self.appear), ("disappear", &self.disappear)] {
            if findings.is_empty() {
                continue;
            }
            writeln!(out, "{title}")?;
            let mut table = plain_table(&["severity", "rule", "system", "subject", "finding"]);
            for finding in findings {
                table.add_row([
                    finding.severity.to_string(),
                    finding.rule.clone(),
                    visible(finding.subject.system.as_deref().unwrap_or_default()).into_owned(),
                    visible(&finding.subject.name).into_owned(),
                    visible(&finding.message).into_owned(),
                ]);
            }
            writeln!(out, "{}\n", table.trim_fmt())?;
        }
        if !self.change.is_empty() {
            writeln!(out, "change")?;
            for (was, is) in &self.change {
                writeln!(out, "  {} {}", is.rule, visible(&is.subject.name))?;
                writeln!(out, "    was {}: {}", was.severity, visible(&was.message))?;
                writeln!(out, "    is  {}: {}", is.severity, visible(&is.message))?;
            }
            writeln!(out)?;
        }
        if self.counts.is_empty() {
            return writeln!(out, "no rule judges anything differently");
        }
        let mut table = plain_table(&["rule", "pass", "fail", "not evaluated", "title"]);
        right_align(&mut table, &[1, 2, 3]);
        let step = |was: u64, is: u64| if was == is { is.to_string() } else { format!("{was} → {is}") };
        for (was, is) in &self.counts {
            table.add_row([
                is.rule.clone(),
                step(was.pass, is.pass),
                step(was.fail, is.fail),
                step(was.not_evaluated, is.not_evaluated),
                is.title.clone(),
            ]);
        }
        writeln!(out, "{}", table.trim_fmt())
    }

    fn json(&self) -> Json {
        let counts = |summary: &RuleSummary| {
            json!({
                "population": summary.population,
                "pass": summary.pass,
                "fail": summary.fail,
                "not_evaluated": summary.not_evaluated,
                "reasons": summary.reasons,
            })
        };
        json!({
            "version": 1,
            "appear": self.appear,
            "disappear": self.disappear,
            "change": self.change.iter().map(|(was, is)| json!({"before": was, "after": is})).collect::<Vec<_>>(),
            "rules": self.counts.iter().map(|(was, is)| {
                json!({"rule": is.rule, "title": is.title, "before": counts(was), "after": counts(is)})
            }).collect::<Vec<_>>(),
        })
    }
}
