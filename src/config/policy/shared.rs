//! `shared.toml`: accounts that several people may use, who approved that, and who knows the secret.

use std::sync::Arc;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use super::{day, known_system, tables};
use crate::diagnostic::{Diagnostic, Place, SourceText};

/// An account that several people may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedAccount {
    /// System name.
    pub system: String,
    /// The account's id, sign-in name or native name.
    pub account: String,
    /// Who answers for it: an employee id or work e-mail.
    pub owner: String,
    /// Who approved that it is shared.
    pub author: String,
    /// Why nobody can have an account of his own instead.
    pub reason: String,
    /// The last day on which the approval counts.
    pub expires: Option<Date>,
    /// Who knows its secret: employee ids or work e-mails.
    pub users: Vec<String>,
    /// Where it is written.
    pub place: Place,
}

/// The whole file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "policy/shared.toml")]
struct SharedFile {
    /// Accounts that several people may use.
    #[serde(default)]
    #[schemars(with = "Vec<AccountTable>")]
    account: Vec<Spanned<AccountTable>>,
}

/// An account that several people may use.
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
    /// Who approved that it is shared.
    author: String,
    /// Why nobody can have an account of his own instead.
    reason: String,
    /// The last day on which the approval counts.
    #[schemars(with = "Option<String>")]
    expires: Option<Spanned<toml::value::Datetime>>,
    /// Who knows its secret: employee ids or work e-mails.
    #[serde(default)]
    users: Vec<String>,
}

/// The published JSON Schema of the file.
pub(super) fn schema() -> Json {
    schemars::schema_for!(SharedFile).to_value()
}

/// The accounts of a file; `known` are the systems of the config.
pub(super) fn read(file: &Arc<SourceText>, known: &[String], problems: &mut Vec<Diagnostic>) -> Vec<SharedAccount> {
    let Some(tables) = tables::<SharedFile>(file, problems) else { return Vec::new() };
    let mut accounts = Vec::new();
    for table in tables.account {
        let place = Place::new(file, table.span());
        let AccountTable { system, account, owner, author, reason, expires, users } = table.into_inner();
        problems.extend(known_system(file, &system, known));
        let expires = expires.and_then(|expires| day(file, "expires", &expires, problems));
        let system = system.into_inner();
        accounts.push(SharedAccount { system, account, owner, author, reason, expires, users, place });
    }
    accounts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (Vec<SharedAccount>, Vec<Diagnostic>) {
        let file = Arc::new(SourceText { path: "policy/shared.toml".to_owned(), text: text.to_owned() });
        let mut problems = Vec::new();
        let accounts = read(&file, &["crm".to_owned()], &mut problems);
        (accounts, problems)
    }

    const ENTRY: &str =
        "[[account]]\nsystem = \"crm\"\naccount = \"desk\"\nowner = \"E1\"\nauthor = \"A\"\nreason = \"R\"\n";

    #[test]
    fn a_whole_entry_is_read() {
        let (accounts, problems) = read_text(&format!("{ENTRY}expires = 2027-03-31\nusers = [\"E1\", \"E2\"]\n"));
        assert_eq!(problems, []);
        assert_eq!(accounts[0].expires, Some(jiff::civil::date(2027, 3, 31)));
        assert_eq!(accounts[0].users, ["E1", "E2"]);
    }

    #[test]
    fn what_is_wrong_is_refused_where_it_stands() {
        let (_, problems) = read_text(&ENTRY.replace("crm", "crn"));
        assert_eq!(problems[0].code, "CFG012");
        let (_, problems) = read_text(&format!("{ENTRY}expires = 07:00:00\n"));
        assert_eq!(problems[0].what, "`expires` is no date");
        let (_, problems) = read_text(&ENTRY.replace("author = \"A\"\n", ""));
        assert!(problems[0].what.contains("author"), "{problems:?}");
        let (_, problems) = read_text(&format!("{ENTRY}user = [\"E1\"]\n"));
        assert_eq!(problems[0].code, "CFG010");
    }
}
