//! `muster explain ARG [PERSON]`: a rule, a diagnostic code, a finding, an account, a person or a link.

pub(super) mod account;
mod person;

use std::io::Write as _;

use clap::Args;
use jiff::Timestamp;

use self::account::Page;
use super::access::named;
use super::outcome::{Failure, Outcome};
use super::output::open;
use super::prose::fill;
use super::session::Session;
use super::tables::plain_table;
use super::{Which, findings, names, rules as rule_pages};
use crate::check::{self, Estate, links};
use crate::diagnostic::{CODES, Diagnostic, manual, similar, visible};
use crate::graph::NodeIx;
use crate::people::churn::percent;
use crate::people::{Candidate, PersonIx, Prober};

/// Arguments of `muster explain`.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// A rule (LCM-001), a code (CFG014), a finding's fingerprint, an account (`system:id`) or a person
    pub what: String,
    /// With an account: the person at the other end of the link that is to be explained
    pub person: Option<String>,
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
    } else if let Some(page) = rule_pages::manual(&arguments.what) {
        format!("rule {page}")
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
    if let Some(person) = &arguments.person {
        let account = names::account(&estate, what)?;
        let person = names::person(&estate, person)?;
        let prober = Prober::new(&estate.graph, &estate.people, now);
        return Ok(link_page(&Page { estate: &estate, prober: &prober, now, account }, person));
    }
    let people = names::persons(&estate, what);
    if !people.is_empty() {
        return Ok(people.iter().map(|person| person_page(&estate, *person, now)).collect());
    }
    let accounts = named(&estate, what)?;
    let prober = Prober::new(&estate.graph, &estate.people, now);
    let page = |account: &NodeIx| Page { estate: &estate, prober: &prober, now, account: *account }.text();
    Ok(accounts.iter().map(page).collect())
}

/// Who a person is, and every account that is theirs or may be.
fn person_page(estate: &Estate, ix: PersonIx, now: Timestamp) -> String {
    let (graph, people) = (&estate.graph, &estate.people);
    let person = people.person(ix);
    let ids: Vec<&str> = person.employee_ids.iter().map(|id| people.text(*id)).collect();
    let theirs = people.accounts_of(ix);
    let proposed: Vec<(NodeIx, &Candidate)> = graph
        .accounts()
        .filter(|(account, _)| people.link(*account).is_none())
        .filter_map(|(account, _)| {
            Some((account, links::candidates(estate, account).1.iter().find(|one| one.person == ix)?))
        })
        .collect();
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let waiting = match proposed.len() {
        0 => String::new(),
        more => format!("; {} may be theirs", count(more, "further account")),
    };
    let sentence = format!(
        "{} {} and holds {}{waiting}.",
        people.name(ix),
        account::standing(estate, ix, now),
        count(theirs.len(), "account")
    );
    let mut text = format!(
        "person {} (employee id {})\n\n{}\n\n",
        visible(people.name(ix)),
        visible(&ids.join(", ")),
        fill(&visible(&sentence), 100)
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
    text.push_str(&person::records(estate, ix));
    let linked = theirs.iter().filter_map(|account| Some((*account, people.link(*account)?)));
    let mut table = plain_table(&["  account", "name", "situation", "confidence", "by", "because"]);
    for (account, link) in linked.chain(proposed) {
        let node = graph.node(account);
        table.add_row([
            visible(&format!("  {}:{}", graph.system_name(node.system), graph.text(node.id))).into_owned(),
            visible(graph.name(account)).into_owned(),
            people.situation(account, now).as_str().to_owned(),
            format!("{} %", percent(link.confidence)),
            link.strategy.to_owned(),
            visible(&link.evidence).into_owned(),
        ]);
    }
    if !table.is_empty() {
        text.push('\n');
        for line in table.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text.push_str("\n`muster explain ACCOUNT` tells more about each of them.\n");
    }
    text.push('\n');
    text
}

/// Whether one account is one person's, and why, or why not.
fn link_page(page: &Page<'_>, person: PersonIx) -> String {
    let (graph, people) = (&page.estate.graph, &page.estate.people);
    let who = format!("{} ({})", people.name(person), people.key(person));
    let what = format!("`{}` in {}", graph.name(page.account), graph.system_name(graph.node(page.account).system));
    let verdict = match people.link(page.account) {
        Some(link) if link.person == person => page.verdict(),
        other => {
            let rungs = page.prober.rungs(page.account);
            let named = rungs.iter().find_map(|rung| {
                let one = rung.candidates.iter().find(|one| one.person == person)?;
                Some(format!("{} names that person with {} %: {}", rung.name, percent(one.confidence), one.evidence))
            });
            let instead = match other {
                Some(link) => {
                    format!("it is linked to {} ({}) instead", people.name(link.person), people.key(link.person))
                }
                None => "it is linked to nobody".to_owned(),
            };
            let rejection = people.decided().rejection(page.account, person);
            let why = match (rejection, named) {
                (Some(rejection), _) => rejection.sentence(),
                (None, Some(named)) => named,
                (None, None) => "no rung names that person for it".to_owned(),
            };
            format!("{what} is not linked to {who}: {instead}; {why}.")
        }
    };
    format!("link of {} to {}\n\n{}\n\n{}", visible(&what), visible(&who), fill(&visible(&verdict), 100), page.text())
}
