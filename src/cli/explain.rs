//! `muster explain ARG`: a rule, a diagnostic code, a finding, an account or a person.

use std::io::Write as _;

use clap::Args;

use super::Which;
use super::access::{named, persons};
use super::outcome::{Failure, Outcome};
use super::output::open;
use super::prose::fill;
use super::session::Session;
use super::{findings, rules as rule_pages};
use crate::check::{self, Estate};
use crate::diagnostic::{CODES, Diagnostic, manual, similar, visible};
use crate::graph::NodeIx;
use crate::people::{Candidate, Correlation, PersonIx, Standing};
use crate::rules;

/// Arguments of `muster explain`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// A rule (LCM-001), a code (CFG014), a finding's fingerprint, an account or a person
    pub what: String,
    /// Which snapshot.
    #[command(flatten)]
    pub which: Which,
}

/// Prints the page, after saying what the argument was taken for.
///
/// # Errors
/// [`Failure`] when it is none of them.
pub fn run(arguments: &Arguments, session: &Session) -> Result<Outcome, Failure> {
    let page = if let Some(code) = manual(&arguments.what) {
        format!("code {}: {}\n\n{}\n", code.code, code.title, fill(code.text, 100))
    } else if let Some(rule) = rules::find(&arguments.what) {
        format!("rule {}", rule_pages::page(rule))
    } else {
        stored(arguments, session)?
    };
    let mut out = open(None)?;
    out.write_all(page.as_bytes())?;
    out.close()?;
    Ok(Outcome::answered())
}

/// What only a snapshot knows: findings, accounts, persons.
fn stored(arguments: &Arguments, session: &Session) -> Result<String, Failure> {
    let what = arguments.what.as_str();
    // Three letters and digits: a code that was mistyped, not a name to look for.
    let is_code = what.is_ascii()
        && what.len() > 3
        && what[..3].chars().all(|c| c.is_ascii_alphabetic())
        && what[3..].chars().all(|c| c.is_ascii_digit());
    if is_code || what.is_empty() {
        let near = similar(&what.to_ascii_uppercase(), CODES.iter().map(|code| code.code));
        return Err(Diagnostic::error("CLI001", format!("there is nothing called `{what}` to explain"))
            .cause("it was looked for among the diagnostic codes")
            .maybe_fix(near.map(|near| format!("did you mean `{near}`?")))
            .into());
    }
    let config = session.config()?;
    let store = session.existing_store(&config)?;
    let snapshot = session.snapshot(&store, &arguments.which)?;
    let looks_like_fingerprint = what.len() >= 8 && what.chars().all(|c| c.is_ascii_hexdigit());
    if looks_like_fingerprint
        && let Some(view) = check::stored_view(&store, snapshot.manifest().header.sequence)?
        && let Ok(finding) = findings::find(&view, what)
    {
        return Ok(format!("finding {}", findings::page(finding)));
    }
    let now = session.now(&config);
    let estate = Estate::load(&snapshot, &config, now)?;
    let people = persons(&estate, what);
    if !people.is_empty() {
        return Ok(people.iter().map(|person| person_page(&estate, *person, now)).collect());
    }
    let accounts = named(&estate, what)?;
    Ok(accounts.iter().map(|account| account_page(&estate, *account, now)).collect())
}

fn account_page(estate: &Estate, ix: NodeIx, now: jiff::Timestamp) -> String {
    let graph = &estate.graph;
    let node = graph.node(ix);
    let class = estate.people.class(ix);
    let mut text = format!(
        "account {} in {} (id {})\n\n  situation: {}\n  class: {}, because {}\n",
        visible(graph.name(ix)),
        visible(graph.system_name(node.system)),
        visible(graph.text(node.id)),
        estate.people.situation(ix, now).as_str(),
        class.class,
        visible(&class.evidence),
    );
    if let Some(account) = graph.account(ix) {
        let lines = [
            ("lifecycle", account.lifecycle.to_string()),
            ("created", account.created.to_string()),
            ("last activity", account.last_activity.to_string()),
        ];
        for (name, value) in lines {
            text.push_str(&format!("  {name}: {value}\n"));
        }
    }
    text.push('\n');
    text.push_str(&match estate.people.correlation(ix) {
        Correlation::Linked(link) => format!("Linked to {}.\n", candidate(estate, link)),
        Correlation::Proposed(link) => format!(
            "Not linked: {} is the only candidate, below the definite threshold. A pin in policy/pins.toml decides it.\n",
            candidate(estate, link)
        ),
        Correlation::Disputed(candidates) => {
            let lines: Vec<String> = candidates.iter().map(|one| format!("  {}\n", candidate(estate, one))).collect();
            format!("Not linked: several persons fit.\n{}A pin in policy/pins.toml decides it.\n", lines.concat())
        }
        Correlation::Nobody if !estate.people.hr_complete() => {
            "Nobody corresponds to it, but HR was not read completely: nothing is concluded.\n".to_owned()
        }
        Correlation::Nobody => "Nobody in HR corresponds to it: neither an employee id, an id at another issuer, an address, nor its name. A matching address or employee id in either system would link it, or a pin in policy/pins.toml.\n".to_owned(),
    });
    text.push('\n');
    text
}

fn candidate(estate: &Estate, link: &Candidate) -> String {
    format!(
        "{} ({:.0} % by {}: {})",
        visible(estate.people.name(link.person)),
        f64::from(link.confidence) * 100.0,
        link.strategy,
        visible(&link.evidence)
    )
}

fn person_page(estate: &Estate, ix: PersonIx, now: jiff::Timestamp) -> String {
    let person = estate.people.person(ix);
    let ids: Vec<&str> = person.employee_ids.iter().map(|id| estate.people.text(*id)).collect();
    let standing = match estate.people.standing(ix, now) {
        Standing::Employed => "employed".to_owned(),
        Standing::OnLeave => "employed, on leave".to_owned(),
        Standing::Future { start } => {
            format!("starts {}", start.map_or("later".to_owned(), |start| start.to_string()))
        }
        Standing::Ended { at, .. } => at.map_or("has left".to_owned(), |at| format!("left at {at}")),
        Standing::Unknown => "HR does not say".to_owned(),
    };
    let mut text = format!(
        "person {} (employee id {})\n\n  standing: {standing}\n",
        visible(estate.people.name(ix)),
        visible(&ids.join(", ")),
    );
    for employment in &person.employments {
        let date = |date: Option<jiff::civil::Date>| date.map_or("…".to_owned(), |date| date.to_string());
        text.push_str(&format!(
            "  employment: {} {} from {} to {}\n",
            employment.status,
            employment.worker_type,
            date(employment.start),
            date(employment.end)
        ));
    }
    text.push('\n');
    for account in estate.people.accounts_of(ix) {
        text.push_str(&account_page(estate, *account, now));
    }
    text
}
