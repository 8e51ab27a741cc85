//! `muster links show`: both sides next to each other, and the evidence of every rung.

use std::io::Write as _;

use super::Room;
use super::queue::{department, standing};
use crate::check::links::candidates;
use crate::cli::explain::account::Page;
use crate::cli::names;
use crate::cli::outcome::{Failure, Outcome};
use crate::cli::output::{Choice, open, targets};
use crate::cli::tables::plain_table;
use crate::diagnostic::visible;
use crate::graph::NodeIx;
use crate::people::churn::percent;
use crate::people::{PersonIx, Prober};

/// Candidates that stand beside the account; the others are listed below.
const BESIDE: usize = 3;

/// Shows one account.
///
/// # Errors
/// [`Failure`] when the name is unknown or ambiguous.
pub(super) fn show(room: &Room<'_>, name: &str) -> Result<Outcome, Failure> {
    let account = names::account(&room.estate, name)?;
    let estate = &room.estate;
    let prober = Prober::new(&estate.graph, &estate.people, room.now);
    let page = Page { estate, prober: &prober, now: room.now, account };
    let choices = [Choice { name: "table", ending: "txt" }, Choice { name: "json", ending: "json" }];
    for (choice, file) in targets(&room.session.global.output, &choices)? {
        let mut out = open(file.as_deref())?;
        if choice.name == "json" {
            muster_reports::escape::write_json(&mut out, &page.json())?;
        } else {
            writeln!(out, "{}\n", visible(&page.verdict()))?;
            out.write_all(sides(room, account).as_bytes())?;
            writeln!(out)?;
            out.write_all(page.evidence().as_bytes())?;
        }
        out.close()?;
    }
    Ok(Outcome::answered())
}

/// The account's facts, and beside them those of its candidates.
fn sides(room: &Room<'_>, account: NodeIx) -> String {
    let (graph, people) = (&room.estate.graph, &room.estate.people);
    let node = graph.node(account);
    let Some(facts) = graph.account(account) else { return String::new() };
    let all = candidates(&room.estate, account).1;
    let persons: Vec<PersonIx> = all.iter().take(BESIDE).map(|candidate| candidate.person).collect();
    let mut header = vec![String::new(), "account".to_owned()];
    header.extend(all.iter().take(BESIDE).map(|one| format!("candidate, {} %", percent(one.confidence))));
    let mut table = plain_table(&header.iter().map(String::as_str).collect::<Vec<_>>());
    let mut row = |what: &str, own: String, of: &dyn Fn(PersonIx) -> String| {
        let mut cells = vec![what.to_owned(), visible(&own).into_owned()];
        cells.extend(persons.iter().map(|person| visible(&of(*person)).into_owned()));
        if cells[1..].iter().any(|cell| !cell.is_empty()) {
            table.add_row(cells);
        }
    };
    let texts =
        |texts: &[crate::graph::Text]| texts.iter().map(|text| people.text(*text)).collect::<Vec<_>>().join(" ");
    let last = |person: PersonIx| people.person(person).employments.last();
    row("name", graph.text_or_empty(node.name).to_owned(), &|person| people.name(person).to_owned());
    row("login", graph.text_or_empty(facts.login).to_owned(), &|_| String::new());
    row("e-mail", graph.emails_of(facts).collect::<Vec<_>>().join(" "), &|person| texts(&people.person(person).emails));
    row("employee id", graph.text_or_empty(facts.employee_id).to_owned(), &|person| {
        texts(&people.person(person).employee_ids)
    });
    row("department", graph.text_or_empty(facts.department).to_owned(), &|person| {
        department(room, person).unwrap_or_default().to_owned()
    });
    row("class, worker type", people.class(account).class.to_string(), &|person| {
        last(person).map(|one| one.worker_type.to_string()).unwrap_or_default()
    });
    row("state", facts.lifecycle.to_string(), &|person| standing(room, person));
    row("created, start", facts.created.to_string(), &|person| {
        last(person).and_then(|one| one.start).map(|day| day.to_string()).unwrap_or_default()
    });
    row("last activity, end", facts.last_activity.to_string(), &|person| {
        last(person).and_then(|one| one.end).map(|day| day.to_string()).unwrap_or_default()
    });
    row("manager", String::new(), &|person| {
        last(person).and_then(|one| one.manager).map(|name| people.text(name).to_owned()).unwrap_or_default()
    });
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    match all.len().saturating_sub(BESIDE) {
        0 => {}
        more => text.push_str(&format!("and {more} more, below\n")),
    }
    text
}
