//! `muster policy suggest least-privilege PRINCIPAL`: the smallest policies that still allow what was used.

use std::io::Write as _;

use jiff::{Timestamp, ToSpan as _};
use muster_effective::aws::least_privilege::{Suggestion, Window, least_privilege};
use schemars::JsonSchema;
use serde::Serialize;

use super::super::Which;
use super::super::access::named;
use super::super::outcome::{Exit, Failure, Outcome};
use super::super::output::{Choice, open, targets};
use super::super::session::Session;
use crate::access::aws::uses::{collected, recorded};
use crate::check::Estate;
use crate::diagnostic::{Diagnostic, visible};

/// What `muster policy suggest least-privilege -o json` prints.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Suggested {
    /// ARN of the principal.
    pub principal: String,
    /// Uses from here on counted.
    pub from: Timestamp,
    /// When the uses were read.
    pub until: Timestamp,
    /// Policies that take the place of all its identity policies; none at all: nothing was used that they still allow.
    pub documents: Vec<serde_json::Value>,
    /// Actions that the documents allow.
    pub kept: Vec<String>,
    /// Of these, actions without a record of their own, which stay because their service was used.
    pub unrecorded: Vec<String>,
    /// Uses that no identity policy allows: granted by a resource, denied by now, or attempts that failed.
    pub not_granted: Vec<String>,
    /// Actions of which resource control policies leave nothing, and which are therefore not in the documents: they were used, or have no
    /// record of their own and their service was used.
    pub taken: Vec<String>,
    /// Kept actions of which resource control policies leave nothing on resources of the accounts that are known: they were used, and may
    /// have been on another account's.
    pub elsewhere: Vec<String>,
    /// What was not read: more or less may be granted than was regarded.
    pub unread: Vec<String>,
    /// What the evaluator found otherwise than it should be.
    pub doubts: Vec<String>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// Suggests policies for one principal.
///
/// # Errors
/// [`Failure`] when nobody or several bear the name, nobody recorded what was used, or the snapshot cannot be read.
pub(super) fn run(session: &Session, name: &str, days: u16, which: &Which) -> Result<Outcome, Failure> {
    let config = session.config()?;
    let store = session.existing_store(&config)?;
    let snapshot = session.snapshot(&store, which)?;
    let now = session.now(&config);
    let estate = Estate::load(&snapshot, &config, now)?;
    let graph = &estate.graph;
    let principals: Vec<_> = named(&estate, name)?
        .into_iter()
        .filter_map(|node| {
            let place = estate.access.places(graph).iter().find(|place| place.principal(node).is_some())?;
            Some((node, place, place.principal(node)?))
        })
        .collect();
    let [(node, place, who)] = principals.as_slice() else {
        return Err(Diagnostic::error(
            "CLI001",
            format!("`{name}` names {} users and roles with policies", principals.len()),
        )
        .cause("one principal is suggested for at a time, and only those of AWS have policies that can be evaluated")
        .fix("give the ARN of a user or role")
        .into());
    };
    let used = recorded(graph, *node);
    if used.is_empty() {
        return Err(Diagnostic::error("CLI008", format!("what {} used was not collected", visible(graph.name(*node))))
            .cause("without a record of uses, every permission may be needed")
            .fix("set `last_accessed = true` for the system, or put `last-accessed.json` beside its export, and collect again")
            .into());
    }
    let until = collected(graph, *node).unwrap_or(now);
    let from = until.checked_sub((i64::from(days) * 24).hours()).unwrap_or(Timestamp::MIN);
    let suggestion = least_privilege(&place.compiled, *who, &used, Window { from, until });
    let suggested = suggested(graph.text_or_empty(graph.account(*node).and_then(|one| one.native_name)), &suggestion);
    write(session, &suggested)?;
    Ok(match suggested.doubts.first() {
        None => Outcome::answered(),
        Some(doubt) => Outcome::new(Exit::Incomplete, format!("the suggestion could not be verified: {doubt}"))
            .allowing_partial(session.global.allow_partial),
    })
}

fn suggested(principal: &str, suggestion: &Suggestion) -> Suggested {
    let texts = |list: &[Box<str>]| list.iter().map(ToString::to_string).collect();
    let document =
        |text: &String| serde_json::from_str(text).unwrap_or_else(|_| serde_json::Value::String(text.clone()));
    Suggested {
        principal: principal.to_owned(),
        from: suggestion.window.from,
        until: suggestion.window.until,
        documents: suggestion.documents.iter().map(document).collect(),
        kept: texts(&suggestion.kept),
        unrecorded: texts(&suggestion.unrecorded),
        not_granted: texts(&suggestion.not_granted),
        taken: texts(&suggestion.taken),
        elsewhere: texts(&suggestion.elsewhere),
        unread: suggestion.unread.iter().map(ToString::to_string).collect(),
        doubts: suggestion.doubts.clone(),
        notes: suggestion.notes.clone(),
    }
}

fn write(session: &Session, suggested: &Suggested) -> Result<(), Failure> {
    let choices = [Choice { name: "table", ending: "txt" }, Choice { name: "json", ending: "json" }];
    for (choice, file) in targets(&session.global.output, &choices)? {
        let mut out = open(file.as_deref())?;
        if choice.name == "json" {
            muster_reports::escape::write_json(&mut out, suggested)?;
        } else {
            out.write_all(text(suggested)?.as_bytes())?;
        }
        out.close()?;
    }
    Ok(())
}

fn text(suggested: &Suggested) -> std::io::Result<String> {
    let line = |text: &str| visible(text).into_owned();
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    let mut text = format!(
        "{}: {} policies for what was used from {} to {}\n",
        line(&suggested.principal),
        suggested.documents.len(),
        day(suggested.from),
        day(suggested.until)
    );
    for document in &suggested.documents {
        let document = serde_json::to_string_pretty(document).map_err(std::io::Error::from)?;
        text.push_str(&format!("\n{}\n", muster_reports::escape::json(&document)));
    }
    if suggested.documents.is_empty() {
        text.push_str("  nothing was used that its policies still allow: it needs no policy\n");
    }
    let lists = [
        ("kept without a record of their own", &suggested.unrecorded),
        ("used, and not granted by its policies now", &suggested.not_granted),
        ("left out, as resource control policies leave nothing of it", &suggested.taken),
        (
            "kept for another account's resources: of its own, resource control policies leave nothing",
            &suggested.elsewhere,
        ),
        ("not read: more or less may be granted", &suggested.unread),
        ("not as it should be", &suggested.doubts),
        ("to know", &suggested.notes),
    ];
    for (what, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        text.push_str(&format!("\n{what}:\n"));
        for one in list {
            text.push_str(&format!("  {}\n", line(one)));
        }
    }
    Ok(text)
}
