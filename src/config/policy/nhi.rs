//! `nhi.toml`: the register of non-human identities, and of the applications that people let act for them.

use std::sync::Arc;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use super::policy_problem;
use crate::diagnostic::{Diagnostic, Place, SourceText, similar};

/// What the register says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Register {
    /// Accounts that no person acts as, in file order.
    pub identities: Vec<Registered>,
    /// Applications, in file order.
    pub applications: Vec<Application>,
}

/// One non-human identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// System name.
    pub system: String,
    /// Account id, login, native name or e-mail.
    pub account: String,
    /// Who answers for it: employee id, e-mail or account of the same system.
    pub owner: Option<String>,
    /// What it is for.
    pub purpose: Option<String>,
    /// Where it works: `prod`, `test` …
    pub environment: Option<String>,
    /// The workloads that use it, as `system:resource id`; without a system it is only a name.
    pub workloads: Vec<String>,
    /// The last day on which somebody looked at it.
    pub reviewed: Option<Date>,
    /// Where it is written.
    pub place: Place,
}

/// One application that somebody looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Its name, as consents show it.
    pub name: String,
    /// Whether its publisher is known and was verified.
    pub verified: bool,
    /// Where it is written.
    pub place: Place,
}

/// The whole file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "policy/nhi.toml")]
struct NhiFile {
    /// Accounts that no person acts as.
    #[serde(default)]
    #[schemars(with = "Vec<IdentityTable>")]
    identity: Vec<Spanned<IdentityTable>>,
    /// Applications that people may let act for them.
    #[serde(default)]
    #[schemars(with = "Vec<ApplicationTable>")]
    application: Vec<Spanned<ApplicationTable>>,
}

/// One non-human identity.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct IdentityTable {
    /// `system:account`, with the account's id, login, native name or e-mail.
    #[schemars(with = "String")]
    account: Spanned<String>,
    /// Who answers for it: employee id, e-mail or account of the same system.
    owner: Option<String>,
    /// What it is for.
    purpose: Option<String>,
    /// Where it works: `prod`, `test` …
    environment: Option<String>,
    /// The workloads that use it. One that is written `system:resource id` is looked for in that system.
    #[serde(default)]
    workloads: Vec<String>,
    /// The last day on which somebody looked at it.
    #[schemars(with = "Option<String>")]
    reviewed: Option<Spanned<toml::value::Datetime>>,
}

/// One application.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ApplicationTable {
    /// Its name, as consents show it.
    #[schemars(with = "String")]
    name: Spanned<String>,
    /// Whether its publisher is known and was verified.
    #[serde(default)]
    verified: bool,
}

/// The published JSON Schema of the file.
pub(super) fn schema() -> Json {
    schemars::schema_for!(NhiFile).to_value()
}

/// The register of a file; `known` are the systems of the config.
pub(super) fn read(file: &Arc<SourceText>, known: &[String], problems: &mut Vec<Diagnostic>) -> Register {
    let tables: NhiFile = match toml::from_str(&file.text) {
        Ok(tables) => tables,
        Err(error) => {
            problems.push(policy_problem(file, &error));
            return Register::default();
        }
    };
    let mut register = Register::default();
    for table in tables.identity {
        if let Some(identity) = identity(file, table.into_inner(), known, problems) {
            register.identities.push(identity);
        }
    }
    for table in tables.application {
        let ApplicationTable { name, verified } = table.into_inner();
        let place = Place::new(file, name.span());
        register.applications.push(Application { name: name.into_inner(), verified, place });
    }
    register
}

fn identity(
    file: &Arc<SourceText>,
    table: IdentityTable,
    known: &[String],
    problems: &mut Vec<Diagnostic>,
) -> Option<Registered> {
    let place = Place::new(file, table.account.span());
    let Some((system, account)) = table.account.get_ref().split_once(':').filter(|(_, a)| !a.trim().is_empty()) else {
        problems.push(
            Diagnostic::error("CFG010", format!("`{}` names no account", table.account.get_ref()))
                .place(place)
                .fix("write it as `system:account`, with the account's id, login, native name or e-mail"),
        );
        return None;
    };
    if !known.iter().any(|name| name == system) {
        let near = similar(system, known.iter().map(String::as_str));
        problems.push(
            Diagnostic::error(
                "CFG012",
                format!("the register names the system `{system}`, which the config does not have"),
            )
            .place(place.clone())
            .fix(
                near.map_or("correct the name, or remove the entry".to_owned(), |near| {
                    format!("did you mean `{near}`?")
                }),
            ),
        );
    }
    let reviewed = table.reviewed.as_ref().and_then(|written| {
        let date = written.get_ref().to_string().parse().ok();
        if date.is_none() {
            problems.push(
                Diagnostic::error("CFG010", "`reviewed` is no date")
                    .place(Place::new(file, written.span()))
                    .fix("write the last day on which somebody looked at it, as 2027-03-31"),
            );
        }
        date
    });
    Some(Registered {
        system: system.to_owned(),
        account: account.trim().to_owned(),
        owner: table.owner,
        purpose: table.purpose,
        environment: table.environment,
        workloads: table.workloads,
        reviewed,
        place,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (Register, Vec<Diagnostic>) {
        let file = Arc::new(SourceText { path: "policy/nhi.toml".to_owned(), text: text.to_owned() });
        let mut problems = Vec::new();
        let register = read(&file, &["aws".to_owned()], &mut problems);
        (register, problems)
    }

    #[test]
    fn an_identity_and_an_application_are_read() {
        let (register, problems) = read_text(
            "[[identity]]\naccount = \"aws:nightly\"\nowner = \"E1\"\nreviewed = 2026-01-02\n[[application]]\nname = \"Mailer\"\nverified = true\n",
        );
        assert!(problems.is_empty(), "{problems:?}");
        let identity = &register.identities[0];
        assert_eq!((identity.system.as_str(), identity.account.as_str()), ("aws", "nightly"));
        assert_eq!(identity.reviewed, Some(jiff::civil::date(2026, 1, 2)));
        assert!(register.applications[0].verified);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_a_fix() {
        for (text, what) in [
            ("[[identity]]\naccount = \"nightly\"\n", "names no account"),
            ("[[identity]]\naccount = \"awz:nightly\"\n", "which the config does not have"),
            ("[[identity]]\naccount = \"aws:nightly\"\nreviewed = 10:00:00\n", "is no date"),
            ("[[identity]]\naccount = \"aws:nightly\"\nowned = \"E1\"\n", "there is no key `owned` here"),
        ] {
            let (_, problems) = read_text(text);
            assert_eq!(problems.len(), 1, "{text}");
            assert!(problems[0].what.contains(what), "{text}: {}", problems[0].what);
        }
    }
}
