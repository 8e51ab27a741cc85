//! What was planted: the findings that a correct scan raises, no more and no fewer, and what it stays silent about.

use std::collections::BTreeMap;

use super::json::{Json, object};

/// One planted finding, or one verdict that must not be a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Planted {
    /// Rule id.
    pub rule: &'static str,
    /// System name as in `muster.toml`; for a person the HR feed that knows it.
    pub system: String,
    /// The record's own id as the connector gives it; for a person its employee id; for a system or scope its name.
    pub subject: String,
    /// Further ids that the verdict names: both accounts of a duplicate, the group of a dangling member.
    pub related: Vec<String>,
    /// Lifecycle case (`EDG-10`), or a short word where there is none.
    pub case: String,
    /// Why, for a reader.
    pub why: String,
}

/// A person, account or other record that must raise nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Benign {
    /// System name.
    pub system: String,
    /// The record's own id.
    pub subject: String,
    /// The rules that a careless reading would raise.
    pub rules: Vec<&'static str>,
    /// Lifecycle case, or a short word.
    pub case: String,
    /// Why it is right as it is.
    pub why: String,
}

/// A rule that has to stay silent for want of data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Silent {
    /// Rule id.
    pub rule: &'static str,
    /// The systems in which it raises nothing.
    pub systems: Vec<&'static str>,
    /// The gap that a finding would rest on.
    pub why: String,
}

/// The whole truth about an estate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Truth {
    /// Findings that must be raised. For the rules named in it, nothing else may be.
    pub findings: Vec<Planted>,
    /// Verdicts that must be *not evaluated*.
    pub not_evaluated: Vec<Planted>,
    /// Findings that must be raised all the same, because no gap touches them (the broken estate).
    pub still: Vec<Planted>,
    /// Records that must raise nothing.
    pub benign: Vec<Benign>,
    /// Rules that must raise nothing at all in some systems (the broken estate).
    pub silent: Vec<Silent>,
    /// Whether `findings` lists every finding of every rule, or only the `CTL` ones.
    pub partial: bool,
}

impl Truth {
    /// Plants a finding.
    pub fn finding(
        &mut self,
        rule: &'static str,
        system: &str,
        subject: impl Into<String>,
        case: &str,
        why: impl Into<String>,
    ) {
        self.related(rule, system, subject, Vec::new(), case, why);
    }

    /// Plants a finding that names further records.
    pub fn related(
        &mut self,
        rule: &'static str,
        system: &str,
        subject: impl Into<String>,
        related: Vec<String>,
        case: &str,
        why: impl Into<String>,
    ) {
        self.findings.push(Planted {
            rule,
            system: system.to_owned(),
            subject: subject.into(),
            related,
            case: case.to_owned(),
            why: why.into(),
        });
    }

    /// Notes a verdict that cannot be reached from these files.
    pub fn undecided(
        &mut self,
        rule: &'static str,
        system: &str,
        subject: impl Into<String>,
        case: &str,
        why: impl Into<String>,
    ) {
        self.not_evaluated.push(Planted {
            rule,
            system: system.to_owned(),
            subject: subject.into(),
            related: Vec::new(),
            case: case.to_owned(),
            why: why.into(),
        });
    }

    /// Notes a record that must raise nothing.
    pub fn benign(
        &mut self,
        rules: &[&'static str],
        system: &str,
        subject: impl Into<String>,
        case: &str,
        why: impl Into<String>,
    ) {
        self.benign.push(Benign {
            system: system.to_owned(),
            subject: subject.into(),
            rules: rules.to_vec(),
            case: case.to_owned(),
            why: why.into(),
        });
    }

    /// Findings of each rule, the sum being the size of [`Self::findings`].
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for planted in &self.findings {
            *counts.entry(planted.rule).or_insert(0) += 1;
        }
        counts
    }

    /// `truth.json`: sorted, two blanks a level, a final newline.
    pub fn to_json(&self, now: &str) -> String {
        let sorted = |items: &[Planted]| {
            let mut items = items.to_vec();
            items.sort();
            items.iter().map(planted).collect::<Vec<_>>()
        };
        let mut benign = self.benign.clone();
        benign.sort();
        let mut silent = self.silent.clone();
        silent.sort();
        let counts = self.counts().into_iter().map(|(rule, count)| {
            (rule.to_owned(), Json::Int(i64::try_from(count).expect("an example has few findings")))
        });
        let mut fields = vec![
            ("now".to_owned(), Json::from(now)),
            (
                "complete_for".to_owned(),
                Json::from(if self.partial {
                    "the CTL rules"
                } else {
                    "every rule listed in counts, and CTL-001, CTL-002, CTL-003"
                }),
            ),
            ("counts".to_owned(), Json::Object(counts.collect())),
            ("findings".to_owned(), Json::from(sorted(&self.findings))),
        ];
        if !self.still.is_empty() {
            fields.push(("still_found".to_owned(), Json::from(sorted(&self.still))));
        }
        if !self.not_evaluated.is_empty() {
            fields.push(("not_evaluated".to_owned(), Json::from(sorted(&self.not_evaluated))));
        }
        if !benign.is_empty() {
            let benign = benign.iter().map(|item| {
                object! {
                    "system" => &item.system, "subject" => &item.subject, "silent_rules" => &item.rules[..],
                    "case" => &item.case, "why" => &item.why,
                }
            });
            fields.push(("benign".to_owned(), Json::List(benign.collect())));
        }
        if !silent.is_empty() {
            let silent = silent.iter().map(|item| {
                object! { "rule" => item.rule, "systems" => &item.systems[..], "why" => &item.why }
            });
            fields.push(("silent".to_owned(), Json::List(silent.collect())));
        }
        Json::Object(fields).pretty(2) + "\n"
    }
}

fn planted(item: &Planted) -> Json {
    let mut fields = vec![
        ("rule".to_owned(), Json::from(item.rule)),
        ("system".to_owned(), Json::from(&item.system)),
        ("subject".to_owned(), Json::from(&item.subject)),
    ];
    if !item.related.is_empty() {
        fields.push(("related".to_owned(), Json::from(&item.related[..])));
    }
    fields.push(("case".to_owned(), Json::from(&item.case)));
    fields.push(("why".to_owned(), Json::from(&item.why)));
    Json::Object(fields)
}
