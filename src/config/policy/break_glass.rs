//! `break_glass.toml`: the accounts for emergencies, who answers for each, and when it was tried and used.

use std::sync::Arc;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use super::{day, known_system, tables};
use crate::diagnostic::{Diagnostic, Place, SourceText};

/// An account for emergencies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakGlassAccount {
    /// System name.
    pub system: String,
    /// The account's id, sign-in name or native name.
    pub account: String,
    /// Who answers for it: an employee id or work e-mail.
    pub owner: String,
    /// The second factor that it must have, in the system's words.
    pub factor: Option<String>,
    /// The day of the last drill.
    pub tested: Option<Date>,
    /// Where the secret lies and under which seal.
    pub seal: Option<String>,
    /// Uses other than drills, each with its ticket.
    pub uses: Vec<(Date, String)>,
    /// Where it is written.
    pub place: Place,
}

/// The whole file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "policy/break_glass.toml")]
struct BreakGlassFile {
    /// The accounts for emergencies.
    #[serde(default)]
    #[schemars(with = "Vec<AccountTable>")]
    account: Vec<Spanned<AccountTable>>,
}

/// An account for emergencies.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AccountTable {
    /// A system of muster.toml.
    #[schemars(with = "String")]
    system: Spanned<String>,
    /// The account's id, sign-in name or native name.
    account: String,
    /// Who answers for it: an employee id or work e-mail.
    owner: String,
    /// The second factor that it must have, in the system's words: `fido2`, `hardware key`.
    factor: Option<String>,
    /// The day of the last drill.
    #[schemars(with = "Option<String>")]
    tested: Option<Spanned<toml::value::Datetime>>,
    /// Where the secret lies and under which seal.
    seal: Option<String>,
    /// Uses other than drills.
    #[serde(default, rename = "use")]
    uses: Vec<UseTable>,
}

/// One use in an emergency.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UseTable {
    /// The day.
    #[schemars(with = "String")]
    on: Spanned<toml::value::Datetime>,
    /// The ticket that called for it.
    ticket: String,
}

/// The published JSON Schema of the file.
pub(super) fn schema() -> Json {
    schemars::schema_for!(BreakGlassFile).to_value()
}

/// The accounts of a file; `known` are the systems of the config.
pub(super) fn read(file: &Arc<SourceText>, known: &[String], problems: &mut Vec<Diagnostic>) -> Vec<BreakGlassAccount> {
    let Some(tables) = tables::<BreakGlassFile>(file, problems) else { return Vec::new() };
    let mut accounts = Vec::new();
    for table in tables.account {
        let place = Place::new(file, table.span());
        let AccountTable { system, account, owner, factor, tested, seal, uses } = table.into_inner();
        problems.extend(known_system(file, &system, known));
        let tested = tested.and_then(|tested| day(file, "tested", &tested, problems));
        let uses = uses.into_iter().filter_map(|one| Some((day(file, "on", &one.on, problems)?, one.ticket))).collect();
        accounts.push(BreakGlassAccount {
            system: system.into_inner(),
            account,
            owner,
            factor,
            tested,
            seal,
            uses,
            place,
        });
    }
    accounts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (Vec<BreakGlassAccount>, Vec<Diagnostic>) {
        let file = Arc::new(SourceText { path: "policy/break_glass.toml".to_owned(), text: text.to_owned() });
        let mut problems = Vec::new();
        let accounts = read(&file, &["aws".to_owned()], &mut problems);
        (accounts, problems)
    }

    #[test]
    fn a_whole_entry_is_read_with_its_days() {
        let (accounts, problems) = read_text(
            "[[account]]\nsystem = \"aws\"\naccount = \"1:root\"\nowner = \"E1\"\nfactor = \"fido2\"\ntested = 2026-10-01\n\
             seal = \"safe 4\"\n[[account.use]]\non = 2026-09-12\nticket = \"INC-7\"\n",
        );
        assert_eq!(problems, []);
        assert_eq!(accounts[0].tested, Some(jiff::civil::date(2026, 10, 1)));
        assert_eq!(accounts[0].uses, [(jiff::civil::date(2026, 9, 12), "INC-7".to_owned())]);
    }

    #[test]
    fn what_is_wrong_is_refused_where_it_stands() {
        let (_, problems) = read_text("[[account]]\nsystem = \"awz\"\naccount = \"r\"\nowner = \"E1\"\n");
        assert_eq!(problems[0].code, "CFG012");
        assert_eq!(problems[0].fix.as_deref(), Some("did you mean `aws`?"));
        let (_, problems) =
            read_text("[[account]]\nsystem = \"aws\"\naccount = \"r\"\nowner = \"E1\"\ntested = 10:00:00\n");
        assert_eq!((problems[0].code.as_str(), problems[0].what.as_str()), ("CFG010", "`tested` is no date"));
        let (_, problems) = read_text("[[account]]\nsystem = \"aws\"\naccount = \"r\"\n");
        assert!(problems[0].what.contains("owner"), "{problems:?}");
        let (_, problems) =
            read_text("[[account]]\nsystem = \"aws\"\naccount = \"r\"\nowner = \"E1\"\nsealed = \"x\"\n");
        assert_eq!(problems[0].code, "CFG010");
    }
}
