//! `inventory.toml`: the systems that the company has, and how people sign in to each.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use super::policy_problem;
use crate::diagnostic::{Diagnostic, Place, SourceText, similar};

/// A system that the company knows it has, collected or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryEntry {
    /// System name.
    pub name: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Anything else worth knowing.
    pub note: Option<String>,
    /// How people sign in; `None` where the file does not say.
    pub sign_on: Option<SignOn>,
    /// Whether the system lets anybody sign in with a password or key of its own.
    pub local_login: Option<bool>,
    /// What kind of system it is, where rules ask for it.
    pub kind: Option<SystemKind>,
    /// Where it is written.
    pub place: Place,
}

/// A kind of system that some rules are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SystemKind {
    /// A database: its accounts are logins.
    Database,
    /// Remote access to the network.
    Vpn,
    /// Build, test and delivery.
    Ci,
    /// The manager of devices.
    Mdm,
    /// Firewalls, switches and other appliances at the edge.
    Network,
}

/// How people sign in to a system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignOn {
    /// With an account of its own, on purpose.
    Own,
    /// Through an identity provider.
    Through {
        /// The identity provider: a system of the config or of this file.
        provider: String,
        /// Groups and entitlements of the provider whose holders may use the system; empty where everybody there may.
        access: Vec<String>,
    },
}

/// An application of an identity provider, and the system that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandsFor {
    /// The identity provider.
    pub provider: String,
    /// Its application, by id or by the name people see.
    pub application: String,
    /// The system that it lets people in to.
    pub system: String,
    /// Where it is written.
    pub place: Place,
}

/// The whole file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "policy/inventory.toml")]
struct InventoryFile {
    /// The systems that the company has.
    #[serde(default)]
    #[schemars(with = "Vec<SystemTable>")]
    system: Vec<Spanned<SystemTable>>,
    /// Which application of an identity provider is which system, where their names do not tell.
    #[serde(default)]
    application: Vec<ApplicationTable>,
}

/// An application of an identity provider, and the system that it is.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ApplicationTable {
    /// The identity provider: a system of muster.toml or of this file.
    #[schemars(with = "String")]
    provider: Spanned<String>,
    /// Its application, by id or by the name people see there.
    application: String,
    /// The system that whoever is assigned the application may use: one of muster.toml or of this file.
    #[schemars(with = "String")]
    system: Spanned<String>,
}

/// A system that the company has.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SystemTable {
    /// Its name, as in muster.toml where it is collected.
    #[schemars(with = "String")]
    name: Spanned<String>,
    /// Who answers for it.
    owner: Option<String>,
    /// Anything else worth knowing.
    note: Option<String>,
    /// The identity provider through which people must sign in: a system of muster.toml or of this file; `none` for a system
    /// that has accounts of its own on purpose.
    #[schemars(with = "Option<String>")]
    sso: Option<Spanned<String>>,
    /// Names or ids of the provider's groups and entitlements whose holders may use the system. Left out: whoever has an
    /// account there may.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    sso_access: Vec<Spanned<String>>,
    /// Whether the system lets anybody sign in with a password or key of its own.
    local_login: Option<bool>,
    /// What kind of system it is, where rules ask for it.
    kind: Option<SystemKind>,
}

/// The published JSON Schema of the file.
pub(super) fn schema() -> Json {
    schemars::schema_for!(InventoryFile).to_value()
}

/// The systems of a file, and the applications that are one of them; `known` are those of the config.
pub(super) fn read(
    file: &Arc<SourceText>,
    known: &[String],
    problems: &mut Vec<Diagnostic>,
) -> (Vec<InventoryEntry>, Vec<StandsFor>) {
    let tables: InventoryFile = match toml::from_str(&file.text) {
        Ok(tables) => tables,
        Err(error) => {
            problems.push(policy_problem(file, &error));
            return (Vec::new(), Vec::new());
        }
    };
    let names: Vec<String> = tables.system.iter().map(|table| table.get_ref().name.get_ref().clone()).collect();
    let mut entries = Vec::new();
    for table in tables.system {
        let SystemTable { name, owner, note, sso, sso_access, local_login, kind } = table.into_inner();
        let place = Place::new(file, name.span());
        let name = name.into_inner();
        if let Some(sso) = &sso {
            problems.extend(provider_problem(file, &name, sso, known, &names));
        }
        let provider = sso.map(Spanned::into_inner);
        if let Some(access) = sso_access.first().filter(|_| provider.as_deref().is_none_or(|name| name == NONE)) {
            problems.push(
                Diagnostic::error("CFG010", format!("`sso_access` of `{name}` names groups of no identity provider"))
                    .place(Place::new(file, access.span()))
                    .fix("say in `sso` which provider has them"),
            );
        }
        let sign_on = provider.map(|provider| match provider.as_str() {
            NONE => SignOn::Own,
            _ => SignOn::Through { provider, access: sso_access.into_iter().map(Spanned::into_inner).collect() },
        });
        entries.push(InventoryEntry { name, owner, note, sign_on, local_login, kind, place });
    }
    let mut applications = Vec::new();
    for ApplicationTable { provider, application, system } in tables.application {
        problems.extend(provider_problem(file, system.get_ref(), &provider, known, &names));
        if !known.iter().chain(&names).any(|name| name == system.get_ref()) {
            let near = similar(system.get_ref(), known.iter().chain(&names).map(String::as_str));
            let fix =
                near.map_or("add it to this file, with its owner".to_owned(), |near| format!("did you mean `{near}`?"));
            problems.push(
                Diagnostic::error("CFG012", format!("the system `{}` is none that is known", system.get_ref()))
                    .place(Place::new(file, system.span()))
                    .fix(fix),
            );
        }
        let place = Place::new(file, system.span());
        let (provider, system) = (provider.into_inner(), system.into_inner());
        applications.push(StandsFor { provider, application, system, place });
    }
    (entries, applications)
}

/// The word for "accounts of its own, on purpose".
const NONE: &str = "none";

/// What is wrong with an identity provider: nobody knows it, or it is the system itself.
fn provider_problem(
    file: &Arc<SourceText>,
    system: &str,
    sso: &Spanned<String>,
    known: &[String],
    listed: &[String],
) -> Option<Diagnostic> {
    let provider = sso.get_ref();
    if provider == NONE || (provider != system && known.iter().chain(listed).any(|name| name == provider)) {
        return None;
    }
    let problem = if provider == system {
        Diagnostic::error("CFG010", format!("`{system}` is named as its own identity provider"))
            .fix("write `sso = \"none\"` for a system with accounts of its own")
    } else {
        let near = similar(provider, known.iter().chain(listed).map(String::as_str));
        Diagnostic::error("CFG012", format!("the identity provider `{provider}` is no system that is known")).fix(
            near.map_or("add it to this file, with its owner".to_owned(), |near| format!("did you mean `{near}`?")),
        )
    };
    Some(problem.place(Place::new(file, sso.span())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (Vec<InventoryEntry>, Vec<Diagnostic>) {
        let file = Arc::new(SourceText { path: "policy/inventory.toml".to_owned(), text: text.to_owned() });
        let mut problems = Vec::new();
        let (entries, _) = read(&file, &["corp-ad".to_owned(), "crm".to_owned()], &mut problems);
        (entries, problems)
    }

    #[test]
    fn an_application_is_a_system_that_is_known() {
        let file =
            |text: &str| Arc::new(SourceText { path: "policy/inventory.toml".to_owned(), text: text.to_owned() });
        let known = ["corp-ad".to_owned(), "crm".to_owned()];
        let mut problems = Vec::new();
        let good = file("[[application]]\nprovider = \"corp-ad\"\napplication = \"CRM\"\nsystem = \"crm\"\n");
        let (_, applications) = read(&good, &known, &mut problems);
        assert_eq!((problems.as_slice(), applications[0].system.as_str()), (&[][..], "crm"));
        for (provider, system, code) in
            [("corp-da", "crm", "CFG012"), ("corp-ad", "cmr", "CFG012"), ("crm", "crm", "CFG010")]
        {
            let text =
                format!("[[application]]\nprovider = \"{provider}\"\napplication = \"CRM\"\nsystem = \"{system}\"\n");
            problems.clear();
            read(&file(&text), &known, &mut problems);
            assert_eq!(problems.iter().map(|problem| problem.code.as_str()).collect::<Vec<_>>(), [code], "{text}");
        }
    }

    #[test]
    fn a_system_says_how_people_sign_in_or_does_not() {
        let (entries, problems) = read_text(
            "[[system]]\nname = \"crm\"\nsso = \"corp-ad\"\nsso_access = [\"CRM Users\"]\nlocal_login = true\n\
             [[system]]\nname = \"corp-ad\"\nsso = \"none\"\n[[system]]\nname = \"payroll\"\nowner = \"Finance\"\n",
        );
        assert_eq!(problems, []);
        let through = SignOn::Through { provider: "corp-ad".to_owned(), access: vec!["CRM Users".to_owned()] };
        let told: Vec<_> = entries.iter().map(|entry| entry.sign_on.clone()).collect();
        assert_eq!(told, [Some(through), Some(SignOn::Own), None]);
        assert_eq!(entries[0].local_login, Some(true));
    }

    #[test]
    fn a_provider_that_nobody_knows_is_refused() {
        let (_, problems) = read_text("[[system]]\nname = \"crm\"\nsso = \"corp-da\"\n");
        assert_eq!(
            (problems[0].code.as_str(), problems[0].fix.as_deref()),
            ("CFG012", Some("did you mean `corp-ad`?"))
        );
        let (_, problems) = read_text("[[system]]\nname = \"crm\"\nsso = \"crm\"\n");
        assert_eq!(problems[0].code, "CFG010");
        let (_, problems) = read_text("[[system]]\nname = \"crm\"\nsso_access = [\"CRM Users\"]\n");
        assert_eq!(problems[0].code, "CFG010");
        let (_, problems) = read_text("[[system]]\nname = \"crm\"\nsso_acess = []\n");
        assert_eq!(problems[0].code, "CFG010");
    }
}
