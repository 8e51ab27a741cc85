//! Test cases: a request, the policies that apply to it, and the expected verdict, as one JSON object.
//!
//! The form is described for people in `docs/formats/policy-cases.md`. What a case does not say is not there; keys that nobody
//! reads are told as notes, what makes no sense as faults, both with their place in the text.

mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use super::answer::{Answer, Deciding, Verdict};
use super::literal;
use super::request::{Layers, Request};

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its id.
    pub id: String,
    /// What it is about, for people.
    pub name: Option<String>,
    /// The page of the documentation that it tests.
    pub page: Option<String>,
    /// The question.
    pub request: Request,
    /// What applies to it.
    pub layers: Layers,
    /// The verdict that is expected.
    pub expected: Verdict,
    /// The sentences of the assumptions that are expected; `None`: they are not compared.
    pub assumed: Option<Vec<String>>,
    /// Keys that nobody reads, and what is odd about the policies.
    pub notes: Vec<Remark>,
    /// The text of each policy by its name, so that a statement can be shown.
    texts: BTreeMap<Arc<str>, String>,
}

/// Something about a case, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// In bytes of the case's text.
    pub span: Range<usize>,
    /// What was found, and the fix.
    pub what: String,
}

impl Case {
    /// Reads a case from the text of one JSON object.
    ///
    /// # Errors
    /// Everything that makes no sense, in the order of the text.
    pub fn read(text: &str) -> Result<Self, Vec<Remark>> {
        read::case(text)
    }

    /// What the literal evaluator says.
    pub fn evaluate(&self) -> Answer {
        literal::evaluate(&self.request, &self.layers)
    }

    /// In what an answer differs from what is expected, as lines; empty where it does not.
    pub fn disagreement(&self, answer: &Answer) -> String {
        let mut text = String::new();
        if answer.verdict != self.expected {
            let _ = writeln!(text, "expected {}, the policies say {}", self.expected.as_str(), answer.verdict.as_str());
        }
        let told: Vec<&str> = answer.assumed.iter().map(|one| &*one.text).collect();
        if let Some(expected) = self.assumed.as_ref().filter(|expected| !same(expected, &told)) {
            let list = |all: &[&str]| if all.is_empty() { "nothing".to_owned() } else { all.join("; ") };
            let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
            let _ = writeln!(text, "expected to assume {}, the answer assumes {}", list(&expected), list(&told));
        }
        if text.is_empty() {
            return text;
        }
        for line in self.explain(answer) {
            let _ = writeln!(text, "{line}");
        }
        text
    }

    /// Why the answer is what it is, as lines: the statements that decided, the layer that is missing, what was not read.
    pub fn explain(&self, answer: &Answer) -> Vec<String> {
        let mut lines = Vec::new();
        let verb = if answer.verdict == Verdict::ExplicitlyDenied { "denied" } else { "allowed" };
        for deciding in &answer.deciding {
            lines.push(format!("{verb} by {}", self.statement(deciding)));
        }
        if let Some((layer, level)) = &answer.missing {
            let level = level.as_ref().map_or(String::new(), |level| format!(" of {level}"));
            lines.push(format!("nothing allows it in: {}{level}", layer.as_str()));
        }
        for assumption in &answer.assumed {
            lines.push(format!("assumed: {}", assumption.text));
        }
        for unread in &answer.unread {
            lines.push(format!("could not be read: {unread}"));
        }
        lines
    }

    /// `identity policies: policy 1, statement 0 `Sid` (bytes 27..90) {…}`.
    fn statement(&self, deciding: &Deciding) -> String {
        let Deciding { layer, policy, version, sid, index, span } = deciding;
        let version = version.as_ref().map_or(String::new(), |version| format!(" {version}"));
        let sid = sid.as_ref().map_or(String::new(), |sid| format!(" `{sid}`"));
        let mut line = format!(
            "{}: {policy}{version}, statement {index}{sid}, bytes {}..{}",
            layer.as_str(),
            span.start,
            span.end
        );
        let text = self.texts.get(policy).and_then(|text| text.get(span.start as usize..span.end as usize));
        if let Some(text) = text {
            line.push_str(": ");
            line.extend(text.split_whitespace().flat_map(|word| [word, " "]));
        }
        line.trim_end().to_owned()
    }
}

fn same(expected: &[String], told: &[&str]) -> bool {
    let mut expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    expected.sort_unstable();
    let mut told = told.to_vec();
    told.sort_unstable();
    expected == told
}
