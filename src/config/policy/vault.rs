//! `vault.toml`: what vaults and managers of privileged access keep, and where a workload needs no key.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use super::{known_system, tables};
use crate::diagnostic::{Diagnostic, Place, SourceText};

/// What is known about vaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vaults {
    /// Systems whose privileged secrets have to be in a vault.
    pub keeps: Vec<String>,
    /// Systems in which a workload can sign in by an identity of its platform instead of a key.
    pub workload_identity: Vec<String>,
    /// Secrets that are kept, in file order.
    pub secrets: Vec<Vaulted>,
}

/// A secret that a vault keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vaulted {
    /// System name.
    pub system: String,
    /// The account's id, sign-in name or native name.
    pub account: String,
    /// The credential's id; all of the account's when there is none.
    pub credential: Option<String>,
    /// Where it is kept.
    pub vault: String,
    /// Where it is written.
    pub place: Place,
}

/// The whole file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "policy/vault.toml")]
struct VaultFile {
    /// Systems of muster.toml whose privileged secrets have to be in a vault.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    keeps: Vec<Spanned<String>>,
    /// Systems of muster.toml in which a workload can sign in by an identity of its platform instead of a key.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    workload_identity: Vec<Spanned<String>>,
    /// Secrets that are kept.
    #[serde(default)]
    #[schemars(with = "Vec<SecretTable>")]
    secret: Vec<Spanned<SecretTable>>,
}

/// A secret that a vault keeps: whose it is, never what it is.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SecretTable {
    /// A system of muster.toml.
    #[schemars(with = "String")]
    system: Spanned<String>,
    /// The account's id, sign-in name or native name.
    account: String,
    /// The credential's id; all of the account's when it is left out.
    credential: Option<String>,
    /// Where it is kept: vault and path.
    vault: String,
}

/// The published JSON Schema of the file.
pub(super) fn schema() -> Json {
    schemars::schema_for!(VaultFile).to_value()
}

/// The vaults of a file; `known` are the systems of the config.
pub(super) fn read(file: &Arc<SourceText>, known: &[String], problems: &mut Vec<Diagnostic>) -> Vaults {
    let Some(VaultFile { keeps, workload_identity, secret }) = tables(file, problems) else { return Vaults::default() };
    let mut named = |systems: Vec<Spanned<String>>| -> Vec<String> {
        problems.extend(systems.iter().filter_map(|system| known_system(file, system, known)));
        systems.into_iter().map(Spanned::into_inner).collect()
    };
    let (keeps, workload_identity) = (named(keeps), named(workload_identity));
    let mut secrets = Vec::new();
    for table in secret {
        let place = Place::new(file, table.span());
        let SecretTable { system, account, credential, vault } = table.into_inner();
        problems.extend(known_system(file, &system, known));
        secrets.push(Vaulted { system: system.into_inner(), account, credential, vault, place });
    }
    Vaults { keeps, workload_identity, secrets }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_vault_keeps_is_read_and_a_wrong_system_refused_where_it_stands() {
        let read_text = |text: &str| {
            let file = Arc::new(SourceText { path: "policy/vault.toml".to_owned(), text: text.to_owned() });
            let mut problems = Vec::new();
            let vaults = read(&file, &["aws".to_owned()], &mut problems);
            (vaults, problems)
        };
        let whole = "keeps = [\"aws\"]\nworkload_identity = [\"aws\"]\n[[secret]]\nsystem = \"aws\"\naccount = \"ci\"\n\
            vault = \"kv/ci\"\n";
        let (vaults, problems) = read_text(whole);
        assert_eq!(problems, []);
        assert_eq!((vaults.keeps.len(), vaults.secrets[0].credential.as_deref()), (1, None));
        for wrong in [
            whole.replace("keeps = [\"aws\"]", "keeps = [\"asw\"]"),
            whole.replace("system = \"aws\"", "system = \"asw\""),
        ] {
            let (_, problems) = read_text(&wrong);
            assert_eq!((problems.len(), problems[0].code.as_str()), (1, "CFG012"));
            assert!(problems[0].place.is_some());
        }
        assert_eq!(read_text("keep = []\n").1[0].code, "CFG010");
    }
}
