//! `muster explain ARG [PERSON]`: a rule, a diagnostic code, a finding, an account, a person or a link.

pub(super) mod account;
mod json;
mod person;

use std::io::Write as _;

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use self::account::Page;
use super::access::named;
use super::outcome::{Failure, Outcome};
use super::output::{Choice, open, targets};
use super::prose::fill;
use super::session::Session;
use super::tables::plain_table;
use super::{Which, findings, names, rules as rule_pages};
use crate::check::{Estate, links};
use crate::diagnostic::{CODES, Diagnostic, manual, similar, visible};
use crate::findings::kept;
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
    let choices = [Choice { name: "table", ending: "txt" }, Choice { name: "json", ending: "json" }];
    let targets = targets(&session.global.output, &choices)?;
    let told = if let Some(code) = manual(&arguments.what) {
        Told::Text(format!("code {}: {}\n\n{}\n", code.code, code.title, fill(code.text, 100)))
    } else if let Some(page) = rule_pages::manual(&arguments.what) {
        Told::Text(format!("rule {page}"))
    } else {
        stored(arguments, session)?
    };
    for (choice, file) in targets {
        let page = match (&told, choice.name) {
            (Told::Accounts(pages), "json") => {
                let pages: Vec<&Json> = pages.iter().map(|page| &page.json).collect();
                let document = serde_json::to_string_pretty(&pages).map_err(std::io::Error::from)?;
                format!("{}\n", muster_reports::escape::json(&document))
            }
            (Told::Text(_), "json") => {
                let problem =
                    format!("only accounts and links are explained as JSON, and `{}` is none", arguments.what);
                return Err(Diagnostic::error("CLI001", problem)
                    .fix("leave `-o json` out, or name an account as `system:id`")
                    .into());
            }
            (Told::Text(text), _) => text.clone(),
            (Told::Accounts(pages), _) => pages.iter().map(|page| page.text.as_str()).collect(),
        };
        let mut out = open(file.as_deref())?;
        out.write_all(page.as_bytes())?;
        out.close()?;
    }
    Ok(Outcome::answered())
}

/// A page.
enum Told {
    /// Of anything but accounts.
    Text(String),
    /// Of one account or several.
    Accounts(Vec<AccountPage>),
}

/// All there is to say about one account.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountPage {
    /// For people: the verdict in a sentence, what would change it, the evidence of every rung.
    pub text: String,
    /// The same for programs.
    pub json: Json,
}

/// The pages of some accounts.
///
/// Cost: O(persons + accounts) once, and for each account the rungs of the ladder.
pub fn account_pages(estate: &Estate, accounts: &[NodeIx], now: Timestamp) -> Vec<AccountPage> {
    let prober = Prober::new(&estate.graph, &estate.people, now);
    let page = |account: &NodeIx| {
        let page = Page { estate, prober: &prober, now, account: *account };
        AccountPage { text: page.text(), json: page.json() }
    };
    accounts.iter().map(page).collect()
}

/// The page of a link between an account and a person, there or not.
pub fn link_page(estate: &Estate, account: NodeIx, person: PersonIx, now: Timestamp) -> AccountPage {
    let prober = Prober::new(&estate.graph, &estate.people, now);
    let page = Page { estate, prober: &prober, now, account };
    let (what, who) = ends(&page, person);
    let verdict = link_verdict(&page, person);
    let said = fill(&visible(&verdict), 100);
    let text = format!("link of {} to {}\n\n{said}\n\n{}", visible(&what), visible(&who), page.text());
    let mut json = page.json();
    json["link_to"] = json!({ "person": estate.people.key(person), "verdict": verdict });
    AccountPage { text, json }
}

/// What only a snapshot knows: findings, accounts, persons.
fn stored(arguments: &Arguments, session: &Session) -> Result<Told, Failure> {
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
        && let Some(view) = kept::view(&store, snapshot.manifest().header.sequence)?
        && let Ok(finding) = findings::find(&view, what)
    {
        return Ok(Told::Text(format!("finding {}", findings::page(finding))));
    }
    let now = session.now(&config);
    let estate = Estate::load(&snapshot, &config, now)?;
    if let Some(person) = &arguments.person {
        let account = names::account(&estate, what)?;
        let person = names::person(&estate, person)?;
        return Ok(Told::Accounts(vec![link_page(&estate, account, person, now)]));
    }
    let people = names::persons(&estate, what);
    if !people.is_empty() {
        return Ok(Told::Text(people.iter().map(|person| person_page(&estate, *person, now)).collect()));
    }
    Ok(Told::Accounts(account_pages(&estate, &named(&estate, what)?, now)))
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

/// The account and the person of a link, as a sentence names them.
fn ends(page: &Page<'_>, person: PersonIx) -> (String, String) {
    let (graph, people) = (&page.estate.graph, &page.estate.people);
    let what = format!("`{}` in {}", graph.name(page.account), graph.system_name(graph.node(page.account).system));
    (what, format!("{} ({})", people.name(person), people.key(person)))
}

/// Whether one account is one person's, and why, or why not.
fn link_verdict(page: &Page<'_>, person: PersonIx) -> String {
    let people = &page.estate.people;
    let (what, who) = ends(page, person);
    match people.link(page.account) {
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
    }
}
