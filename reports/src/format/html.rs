//! One self-contained page: what an analyst reads in a browser and an auditor keeps.
//!
//! Nothing is loaded from anywhere: the content security policy allows no request at all and only the one style and the
//! one script of ours, by their SHA-256. Everything is readable without the script, which only filters. Texts are escaped
//! by minijinja; what markup escaping does not cover (control and bidirectional characters) is shown by our formatter.

use std::io::{self, Write};

use aws_lc_rs::digest::{SHA256, digest};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::Timestamp;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value, escape_formatter};
use serde::Serialize;

use crate::Look;
use crate::escape::visible;
use crate::format::{self, Count, Group, Unread, Verdict, decided, links, minute, plural, short, thousands};
use crate::view::{ExceptionNote, Origin, Outcome, OwnerCount, PeopleSummary, Population, RuleSummary, System, View};

const STYLE: &str = include_str!("../../templates/report.css");
const SCRIPT: &str = include_str!("../../templates/report.js");

/// Every template, by the name others include it by.
const TEMPLATES: &[(&str, &str)] = &[
    ("bar.html", include_str!("../../templates/bar.html")),
    ("decided.html", include_str!("../../templates/decided.html")),
    ("finding.html", include_str!("../../templates/finding.html")),
    ("findings.html", include_str!("../../templates/findings.html")),
    ("links.html", include_str!("../../templates/links.html")),
    ("people.html", include_str!("../../templates/people.html")),
    ("report.html", include_str!("../../templates/report.html")),
    ("rules.html", include_str!("../../templates/rules.html")),
    ("say.html", include_str!("../../templates/say.html")),
    ("systems.html", include_str!("../../templates/systems.html")),
    ("unread.html", include_str!("../../templates/unread.html")),
];

/// What the templates know, by the names they use.
#[derive(Serialize)]
struct Page<'a> {
    verdict: Verdict,
    origin: &'a Origin,
    outcome: &'a Outcome,
    version: u32,
    severities: Vec<Count>,
    total: usize,
    unread: Vec<Unread<'a>>,
    incomplete: bool,
    open: u64,
    groups: Vec<Group<'a>>,
    sections: Vec<decided::Section<'a>>,
    baseline: Option<String>,
    exceptions: &'a [ExceptionNote],
    owners: Vec<(&'a OwnerCount, String)>,
    rules: &'a [RuleSummary],
    systems: &'a [System],
    people: &'a PeopleSummary,
    coverage: Vec<links::Line<'a>>,
    churn: Option<String>,
    changes: Vec<links::Changed<'a>>,
    style: &'static str,
    script: &'static str,
    style_hash: String,
    script_hash: String,
}

pub(crate) fn render(view: &View, _: &dyn Population, _: Look, out: &mut dyn Write) -> io::Result<()> {
    let environment = environment().map_err(io::Error::other)?;
    let page = Page {
        verdict: format::verdict(view),
        origin: &view.origin,
        outcome: &view.outcome,
        version: view.version,
        severities: format::severities(view),
        total: view.live().count(),
        unread: format::unread(view),
        incomplete: format::is_incomplete(view),
        open: view.rules.iter().map(|rule| rule.not_evaluated).sum(),
        groups: format::groups(view),
        sections: decided::sections(view),
        baseline: decided::baseline(view),
        exceptions: &view.exceptions,
        owners: view.owners.iter().map(|count| (count, decided::severities(count))).collect(),
        rules: &view.rules,
        systems: &view.systems,
        people: &view.people,
        coverage: links::coverage(&view.people),
        churn: view.people.churn.as_ref().map(links::headline),
        changes: view.people.churn.as_ref().map(links::changes).unwrap_or_default(),
        style: STYLE,
        script: SCRIPT,
        style_hash: csp_hash(STYLE),
        script_hash: csp_hash(SCRIPT),
    };
    let template = environment.get_template("report.html").map_err(io::Error::other)?;
    template.render_captured_to(Serde(page), &mut *out).map_err(io::Error::other)?;
    out.write_all(b"\n")
}

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_formatter(|out, state, value| {
        match value.as_str() {
            // Our own markup; every text in it went through here before.
            Some(_) if value.is_safe() => escape_formatter(out, state, value),
            Some(text) => escape_formatter(out, state, &Value::from(visible(text).into_owned())),
            None => escape_formatter(out, state, value),
        }
    });
    environment.add_filter("thousands", thousands);
    environment.add_filter("plural", |number: u64, noun: &str| plural(number, noun));
    environment
        .add_filter("minute", |instant: &str| instant.parse::<Timestamp>().map_or_else(|_| instant.to_owned(), minute));
    environment
        .add_filter("quoted", |text: &str| format::quoted(text).into_iter().map(str::to_owned).collect::<Vec<_>>());
    environment.add_filter("short", |fingerprint: &str| short(fingerprint).to_owned());
    environment.add_function("segments", |parts: Vec<u64>| segments(&parts));
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    Ok(environment)
}

/// `sha256-…` of an inline style or script, as a content security policy names it (CSP Level 3, §2.3.1).
fn csp_hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(digest(&SHA256, text.as_bytes())))
}

/// Widths of a bar's parts in thousandths that add up to 1,000; a part that is not zero is never too thin to see.
fn segments(parts: &[u64]) -> Vec<u64> {
    const THINNEST: u128 = 12;
    let total: u128 = parts.iter().copied().map(u128::from).sum();
    if total == 0 {
        return vec![0; parts.len()];
    }
    let mut widths: Vec<u128> =
        parts.iter().map(|&part| if part == 0 { 0 } else { (u128::from(part) * 1000 / total).max(THINNEST) }).collect();
    let sum: u128 = widths.iter().sum();
    // The widest part pays for rounding: it has the most to give.
    if let Some(widest) = widths.iter_mut().max() {
        *widest = (*widest + 1000).saturating_sub(sum);
    }
    widths.into_iter().map(|width| u64::try_from(width).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_full_and_show_every_part() {
        assert_eq!(segments(&[0, 0, 0]), [0, 0, 0]);
        assert_eq!(segments(&[1, 1, 2]), [250, 250, 500]);
        assert_eq!(segments(&[999_999, 1, 0]), [988, 12, 0]);
        assert_eq!(segments(&[1, 1, 1]).iter().sum::<u64>(), 1000);
        assert_eq!(segments(&[u64::MAX, u64::MAX, 1]).iter().sum::<u64>(), 1000);
    }

    #[test]
    fn no_text_can_end_the_style_or_the_script() {
        assert!(!STYLE.contains("</") && !SCRIPT.contains("</"));
    }
}
