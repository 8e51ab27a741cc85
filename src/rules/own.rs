//! A team's own rules: SQL whose rows are verdicts, counted and reported as those of the built-in ones.
//!
//! A row judges one subject. What the SQL says is then weighed as everywhere: where a kind that the rule needs was not read, or the
//! subject's own row is an old one, the verdict is *not evaluated*, whatever the row says.

use muster_connectors::record::RecordKind;
use muster_reports::view::{Evidence, Finding};
use polars::prelude::DataFrame;
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value as Json;

use super::evaluate::{Check, Head, Judge, Judged, Tally, sort, total};
use super::past;
use super::{Facts, Failure, From, History, Need, Subject, Verdict, catalogue};
use crate::config::policy::{OwnRule, OwnSubject};
use crate::diagnostic::Diagnostic;
use crate::graph::{CredentialIx, NodeKind};
use crate::query::{Answer, QueryError};

/// Every own rule of the policy folder, added to what the built-in ones found. `ask` answers a rule's SQL.
///
/// # Errors
/// Rules whose SQL cannot be answered, or whose answer holds no verdicts.
pub fn evaluate(
    check: &mut Check,
    facts: &Facts<'_>,
    history: &History,
    ask: impl Fn(&str) -> Result<DataFrame, QueryError>,
) -> Result<(), Vec<Diagnostic>> {
    let (mut problems, mut found) = (Vec::new(), Vec::new());
    let mut met = FxHashMap::default();
    for rule in &facts.policy.rules {
        let answer = ask(&rule.sql).map_err(|error| {
            let problem = problem(rule, format!("the SQL of {} cannot be answered", rule.id));
            Box::new(problem.cause(error.to_string()).fix(error.fix()))
        });
        match answer.and_then(|answer| judge(rule, &answer, facts, history)) {
            Ok(judged) => {
                check.rules.push(judged.summary);
                found.extend(judged.findings);
                met.extend(judged.met);
            }
            Err(problem) => problems.push(*problem),
        }
    }
    let is_own = |finding: &Finding| facts.policy.rules.iter().any(|rule| rule.id == finding.rule);
    let left = past::left(facts, history, is_own, &found, &met);
    check.findings.extend(found);
    check.unconfirmed.extend(left.unconfirmed);
    check.resolved.extend(left.resolved);
    sort(check);
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Own rules that bear the name of one of the catalogue.
pub fn namesakes(rules: &[OwnRule]) -> Vec<Diagnostic> {
    let taken = |name: &str| {
        catalogue::entries().iter().any(|entry| entry.id.eq_ignore_ascii_case(name)) || super::find(name).is_some()
    };
    let named = rules.iter().filter(|rule| taken(&rule.id) || taken(&rule.slug));
    let told = named.map(|rule| {
        let what = format!("{} (`{}`) has the name of a rule of the catalogue", rule.id, rule.slug);
        problem(rule, what).fix("give it an id and a slug of your own: findings and exceptions are told apart by them")
    });
    told.collect()
}

/// Columns that are no evidence.
const OWN_COLUMNS: [&str; 4] = ["system", "id", "verdict", "message"];

/// The verdicts of one rule, from the answer to its SQL.
///
/// # Errors
/// A row that names no subject, names one twice, or has no verdict.
fn judge(rule: &OwnRule, answer: &DataFrame, facts: &Facts<'_>, history: &History) -> Result<Judged, Box<Diagnostic>> {
    let needs: Vec<Need> = rule.needs.iter().map(|kind| need(*kind)).collect();
    let earlier: Vec<&Finding> = history.earlier.values().filter(|finding| finding.rule == rule.id).collect();
    let judge = Judge::of(&rule.id, &needs, facts, &earlier);
    let rows = Rows::of(rule, answer)?;
    let credentials = Credentials::of(rule, facts);
    let (mut tally, mut seen) = (Tally::default(), FxHashSet::default());
    for row in 0..rows.answer.rows.len() {
        let subject = rows.subject(row, facts, &credentials)?;
        if !seen.insert(rows.key(row)) {
            return Err(rows.wrong(
                row,
                "judges a subject twice",
                "write one row a subject: group by `system` and `id`",
            ));
        }
        let verdict = rows.verdict(row)?;
        judge.count(&mut tally, subject, verdict);
    }
    let OwnRule { id, slug, title, severity, .. } = rule;
    let head = Head { id, slug, title, severity: *severity, controls: rule.controls.clone(), fix: &rule.manual.fix };
    Ok(total(&head, tally, facts, history))
}

/// People must be known all over, everything else where the subject was read.
fn need(kind: RecordKind) -> Need {
    let from = match kind {
        RecordKind::Person | RecordKind::Employment => From::Hr,
        RecordKind::Account
        | RecordKind::Group
        | RecordKind::Membership
        | RecordKind::Resource
        | RecordKind::Entitlement
        | RecordKind::Grant
        | RecordKind::Credential
        | RecordKind::Policy
        | RecordKind::Federation
        | RecordKind::AuditEvent
        | RecordKind::Approval => From::Own,
    };
    Need { from, kind, field: None, absence: true }
}

/// Credentials by system and id, for a rule about them.
struct Credentials<'a>(FxHashMap<(&'a str, &'a str), CredentialIx>);

impl<'a> Credentials<'a> {
    fn of(rule: &OwnRule, facts: &Facts<'a>) -> Self {
        let graph = facts.graph;
        let wanted = graph.credentials().filter(|_| rule.subject == OwnSubject::Credential);
        let key = |ix: CredentialIx| {
            let credential = graph.credential(ix);
            (graph.system_name(credential.system), graph.text(credential.id))
        };
        Self(wanted.map(|(ix, _)| (key(ix), ix)).collect())
    }
}

/// An answer whose columns are those of verdicts.
struct Rows<'a> {
    rule: &'a OwnRule,
    answer: Answer,
    /// Places of `system`, `id`, `verdict` and `message`; a person has no system.
    places: [Option<usize>; 4],
}

impl<'a> Rows<'a> {
    fn of(rule: &'a OwnRule, frame: &DataFrame) -> Result<Self, Box<Diagnostic>> {
        let answer = Answer::from(frame);
        let places = OWN_COLUMNS.map(|name| answer.columns.iter().position(|column| column == name));
        for (name, place) in OWN_COLUMNS.iter().zip(places) {
            let needless = *name == "system" && rule.subject == OwnSubject::Person;
            if place.is_none() && !needless {
                return Err(problem(rule, format!("{} answers without a column `{name}`", rule.id))
                    .fix(format!("select it, with the columns {}", answer.columns.join(", ")))
                    .into());
            }
        }
        Ok(Self { rule, answer, places })
    }

    fn text(&self, row: usize, column: usize) -> Option<&str> {
        self.answer.rows[row][self.places[column]?].as_str()
    }

    fn key(&self, row: usize) -> (String, String) {
        [self.text(row, 0), self.text(row, 1)].map(|text| text.unwrap_or_default().to_owned()).into()
    }

    fn subject(
        &self,
        row: usize,
        facts: &Facts<'_>,
        credentials: &Credentials<'_>,
    ) -> Result<Subject, Box<Diagnostic>> {
        let (system, id) = (self.text(row, 0).unwrap_or_default(), self.text(row, 1).unwrap_or_default());
        let object = |kind: NodeKind| facts.graph.find(facts.graph.system(system)?, kind, id);
        let found = match self.rule.subject {
            OwnSubject::Account => object(NodeKind::Account).map(Subject::Account),
            OwnSubject::Group => object(NodeKind::Group).map(Subject::Object),
            OwnSubject::Entitlement => object(NodeKind::Entitlement).map(Subject::Object),
            OwnSubject::Resource => object(NodeKind::Resource).map(Subject::Object),
            OwnSubject::Credential => credentials.0.get(&(system, id)).copied().map(Subject::Credential),
            OwnSubject::Person => match facts.people.find(&crate::people::fold(id)).as_slice() {
                [person] => Some(Subject::Person(*person)),
                [] | [_, ..] => None,
            },
        };
        found.ok_or_else(|| {
            let place = if system.is_empty() { format!("`{id}`") } else { format!("`{system}:{id}`") };
            let fix = "select `system` and `id` from the table that the rule is about, as they stand";
            self.wrong(row, &format!("names {place}, which is no {} of the snapshot", self.rule.subject.as_str()), fix)
        })
    }

    fn verdict(&self, row: usize) -> Result<Verdict, Box<Diagnostic>> {
        let message = self.text(row, 3).filter(|text| !text.trim().is_empty());
        let said = |word: &str| {
            let fix = "give every row that does not pass a sentence in `message`";
            message.ok_or_else(|| self.wrong(row, &format!("says `{word}` and not why"), fix))
        };
        match self.text(row, 2).unwrap_or_default() {
            "pass" => Ok(Verdict::Pass),
            "fail" => Ok(Failure::new(said("fail")?).row(self.evidence(row)).verdict()),
            "not evaluated" => Ok(Verdict::NotEvaluated(said("not evaluated")?.to_owned())),
            other => {
                let fix =
                    "a verdict is `pass`, `fail` or `not evaluated`; in SQL `case when … then 'fail' else 'pass' end`";
                Err(self.wrong(row, &format!("has the verdict `{other}`"), fix))
            }
        }
    }

    /// The row itself, with what else was selected.
    fn evidence(&self, row: usize) -> Evidence {
        let further = self.answer.columns.iter().zip(&self.answer.rows[row]);
        let further = further.filter(|(column, value)| !OWN_COLUMNS.contains(&column.as_str()) && !value.is_null());
        Evidence {
            system: self.text(row, 0).unwrap_or_default().to_owned(),
            table: self.rule.subject.table().to_owned(),
            id: self.text(row, 1).unwrap_or_default().to_owned(),
            facts: further.map(|(column, value)| (column.clone(), shown(value))).collect(),
            collected: None,
        }
    }

    fn wrong(&self, row: usize, what: &str, fix: &str) -> Box<Diagnostic> {
        problem(self.rule, format!("row {} of {} {what}", row + 1, self.rule.id)).fix(fix).into()
    }
}

/// Something wrong with a rule's SQL or its answer.
fn problem(rule: &OwnRule, what: String) -> Diagnostic {
    Diagnostic::error("RUL001", what).place(rule.place.clone())
}

fn shown(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl OwnSubject {
    /// The word for one.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Group => "group",
            Self::Entitlement => "entitlement",
            Self::Resource => "resource",
            Self::Credential => "credential",
            Self::Person => "person",
        }
    }

    /// The table that holds them.
    const fn table(self) -> &'static str {
        match self {
            Self::Account => "accounts",
            Self::Group => "groups",
            Self::Entitlement => "entitlements",
            Self::Resource => "resources",
            Self::Credential => "credentials",
            Self::Person => "persons",
        }
    }
}
