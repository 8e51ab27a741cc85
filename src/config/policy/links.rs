//! Decisions about links as text: `links.toml`, which `muster links` writes, and `pins.toml`, the same for pins alone.
//!
//! A key that is not known is refused: a mistyped `expires` that is silently dropped would make a decision endless.

use std::sync::Arc;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use toml::Spanned;

use super::policy_problem;
use crate::diagnostic::{Diagnostic, Place, SourceText, similar};

/// What was decided about an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ruling {
    /// The account is the person's, whatever the evidence says.
    Pin,
    /// The account is the person's, as the evidence proposed.
    Accept,
    /// The account is not this person's; it may be another's.
    Reject,
    /// The account is nobody's.
    Never,
}

impl Ruling {
    /// Every ruling.
    pub const ALL: [Self; 4] = [Self::Pin, Self::Accept, Self::Reject, Self::Never];

    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pin => "pin",
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Never => "never",
        }
    }

    /// Whether it ties the account to a person.
    pub const fn ties(self) -> bool {
        match self {
            Self::Pin | Self::Accept => true,
            Self::Reject | Self::Never => false,
        }
    }

    /// "pinned", "accepted": for a sentence.
    pub const fn past(self) -> &'static str {
        match self {
            Self::Pin => "pinned",
            Self::Accept => "accepted",
            Self::Reject => "rejected",
            Self::Never => "declared nobody's",
        }
    }
}

/// One decision as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenDecision {
    /// What was decided.
    pub ruling: Ruling,
    /// System name.
    pub system: String,
    /// The account's id, sign-in name or native name.
    pub account: String,
    /// The person's id or an employee id; `None` for [`Ruling::Never`].
    pub person: Option<String>,
    /// Who decided.
    pub author: String,
    /// Why.
    pub reason: String,
    /// When, where it is written.
    pub decided: Option<Date>,
    /// The last day on which it counts.
    pub expires: Option<Date>,
    /// Whether it was taken back. It stays as text, so that who reviews sees what was once decided.
    pub withdrawn: bool,
    /// Where it is written.
    pub place: Place,
}

/// What was decided about links; `muster links` writes it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "policy/links.toml")]
struct LinksFile {
    /// The decisions.
    #[serde(default)]
    #[schemars(with = "Vec<DecisionTable>")]
    decision: Vec<Spanned<DecisionTable>>,
}

/// Accounts that are a person's because somebody said so.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "policy/pins.toml")]
struct PinsFile {
    /// The pins.
    #[serde(default)]
    #[schemars(with = "Vec<PinTable>")]
    pin: Vec<Spanned<PinTable>>,
}

/// What was decided about an account.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DecisionTable {
    /// What was decided. `never` names no person, the others need one.
    verdict: Ruling,
    /// Name of a `[[system]]` of muster.toml.
    #[schemars(with = "String")]
    system: Spanned<String>,
    /// The account's id, sign-in name or native name.
    #[schemars(with = "String", length(min = 1))]
    account: Spanned<String>,
    /// The person's employee id, id in the HR feed or work e-mail.
    #[schemars(with = "Option<String>", length(min = 1))]
    person: Option<Spanned<String>>,
    /// Who decided.
    #[schemars(with = "String", length(min = 1))]
    author: Spanned<String>,
    /// Why.
    #[schemars(with = "String", length(min = 1))]
    reason: Spanned<String>,
    /// The day on which it was decided.
    #[schemars(with = "Option<String>")]
    decided: Option<Spanned<toml::value::Datetime>>,
    /// The last day on which it counts.
    #[schemars(with = "Option<String>")]
    expires: Option<Spanned<toml::value::Datetime>>,
    /// That it was taken back; it no longer counts, and stays for whoever reviews it.
    withdrawn: Option<Withdrawn>,
    /// A ticket beside the decision.
    #[expect(dead_code, reason = "for people: a ticket beside the decision")]
    ticket: Option<String>,
    /// Anything else worth knowing.
    #[expect(dead_code, reason = "for people: anything else worth knowing")]
    note: Option<String>,
}

/// An account that is a person's.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PinTable {
    /// Name of a `[[system]]` of muster.toml.
    #[schemars(with = "String")]
    system: Spanned<String>,
    /// The account's id, sign-in name or native name.
    #[schemars(with = "String", length(min = 1))]
    account: Spanned<String>,
    /// The person's employee id, id in the HR feed or work e-mail.
    #[schemars(with = "String", length(min = 1))]
    person: Spanned<String>,
    /// Who decided.
    #[schemars(with = "String", length(min = 1))]
    author: Spanned<String>,
    /// Why.
    #[schemars(with = "String", length(min = 1))]
    reason: Spanned<String>,
    /// The last day on which it counts.
    #[schemars(with = "Option<String>")]
    expires: Option<Spanned<toml::value::Datetime>>,
    /// That it was taken back; it no longer counts, and stays for whoever reviews it.
    withdrawn: Option<Withdrawn>,
}

/// That a decision was taken back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Withdrawn {
    /// When.
    #[expect(dead_code, reason = "for people: when it was taken back")]
    #[schemars(with = "String")]
    on: toml::value::Datetime,
    /// By whom.
    #[expect(dead_code, reason = "for people: who took it back")]
    by: String,
    /// Why.
    #[expect(dead_code, reason = "for people: why")]
    reason: String,
}

/// The published JSON Schema of `links.toml`.
pub(super) fn links_schema() -> Json {
    schemars::schema_for!(LinksFile).to_value()
}

/// The published JSON Schema of `pins.toml`.
pub(super) fn pins_schema() -> Json {
    schemars::schema_for!(PinsFile).to_value()
}

/// Reads `links.toml`. What cannot be used goes to `problems`.
pub(super) fn read_links(
    file: &Arc<SourceText>,
    known: &[String],
    problems: &mut Vec<Diagnostic>,
) -> Vec<WrittenDecision> {
    let links: LinksFile = match toml::from_str(&file.text) {
        Ok(links) => links,
        Err(error) => {
            problems.push(policy_problem(file, &error));
            return Vec::new();
        }
    };
    read(file, links.decision, known, "a decision", problems)
}

/// Reads `pins.toml`. What cannot be used goes to `problems`.
pub(super) fn read_pins(
    file: &Arc<SourceText>,
    known: &[String],
    problems: &mut Vec<Diagnostic>,
) -> Vec<WrittenDecision> {
    let pins: PinsFile = match toml::from_str(&file.text) {
        Ok(pins) => pins,
        Err(error) => {
            problems.push(policy_problem(file, &error));
            return Vec::new();
        }
    };
    let tables = pins.pin.into_iter().map(|pin| {
        let span = pin.span();
        let pin = pin.into_inner();
        let table = DecisionTable {
            verdict: Ruling::Pin,
            system: pin.system,
            account: pin.account,
            person: Some(pin.person),
            author: pin.author,
            reason: pin.reason,
            decided: None,
            expires: pin.expires,
            withdrawn: pin.withdrawn,
            ticket: None,
            note: None,
        };
        Spanned::new(span, table)
    });
    read(file, tables.collect(), known, "a pin", problems)
}

fn read(
    file: &Arc<SourceText>,
    tables: Vec<Spanned<DecisionTable>>,
    known: &[String],
    what: &str,
    problems: &mut Vec<Diagnostic>,
) -> Vec<WrittenDecision> {
    let mut decisions = Vec::with_capacity(tables.len());
    for table in tables {
        let place = Place::new(file, table.span());
        let table = table.into_inner();
        let before = problems.len();
        check(file, &table, &place, known, what, problems);
        let mut day = |date: &Option<Spanned<toml::value::Datetime>>, key: &str| {
            let date = date.as_ref()?;
            let day = date.get_ref().to_string().parse::<Date>();
            if day.is_err() {
                problems.push(
                    Diagnostic::error("CFG010", format!("`{key}` is no date"))
                        .place(Place::new(file, date.span()))
                        .fix("write a day, as 2027-03-31"),
                );
            }
            day.ok()
        };
        let (decided, expires) = (day(&table.decided, "decided"), day(&table.expires, "expires"));
        if problems.len() == before {
            decisions.push(WrittenDecision {
                ruling: table.verdict,
                system: table.system.into_inner(),
                account: table.account.into_inner(),
                person: table.person.map(Spanned::into_inner),
                author: table.author.into_inner(),
                reason: table.reason.into_inner(),
                decided,
                expires,
                withdrawn: table.withdrawn.is_some(),
                place,
            });
        }
    }
    decisions
}

/// What a decision must have: a known system, a person where one is meant, an author and a reason.
fn check(
    file: &Arc<SourceText>,
    table: &DecisionTable,
    place: &Place,
    known: &[String],
    what: &str,
    problems: &mut Vec<Diagnostic>,
) {
    let name = table.system.get_ref();
    if !known.contains(name) {
        let near = similar(name, known.iter().map(String::as_str));
        problems.push(
            Diagnostic::error("CFG012", format!("{what} names the system `{name}`, which the config does not have"))
                .place(Place::new(file, table.system.span()))
                .fix(near.map_or(format!("correct the name, or remove {}", what.replacen("a ", "the ", 1)), |near| {
                    format!("did you mean `{near}`?")
                })),
        );
    }
    match (&table.person, table.verdict) {
        (None, Ruling::Pin | Ruling::Accept | Ruling::Reject) => problems.push(
            Diagnostic::error("CFG010", format!("`{}` needs a `person`", table.verdict.as_str()))
                .place(place.clone())
                .fix("add `person = \"…\"`: an employee id, the id in the HR feed or a work e-mail"),
        ),
        (Some(person), Ruling::Never) => problems.push(
            Diagnostic::error("CFG010", "`never` says that the account is nobody's, and names a person")
                .place(Place::new(file, person.span()))
                .fix("remove `person`; or write `verdict = \"reject\"` when only this pair is wrong"),
        ),
        (Some(_), Ruling::Pin | Ruling::Accept | Ruling::Reject) | (None, Ruling::Never) => {}
    }
    let texts = [("account", Some(&table.account)), ("person", table.person.as_ref())];
    let texts = texts.into_iter().chain([("author", Some(&table.author)), ("reason", Some(&table.reason))]);
    for (key, text) in texts {
        if let Some(text) = text.filter(|text| text.get_ref().trim().is_empty()) {
            problems.push(
                Diagnostic::error("CFG010", format!("`{key}` is empty"))
                    .place(Place::new(file, text.span()))
                    .fix("a decision says who decided what, and why"),
            );
        }
    }
}
