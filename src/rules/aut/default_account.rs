use std::sync::LazyLock;

use muster_connectors::record::Lifecycle;
use muster_reports::view::Severity;
use rustc_hash::FxHashMap;
use serde::Deserialize;

use crate::controls::DEFAULTS;
use crate::people::{fold, is_decision};
use crate::rules::{Facts, Failure, Manual, Need, Population, Rule, Subject, Verdict};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "AUT-006",
    slug: "default-account",
    title: "Default or vendor account enabled",
    severity: Severity::Medium,
    controls: &[DEFAULTS],
    population: Population::Accounts,
    needs: &[Need::ACCOUNT],
    options: &[],
    manual: Manual {
        finds: "An active account whose sign-in name is one that a product comes with.",
        matters: "Its name, and often its first password, stand in the handbook. It is what is tried first.",
        evidence: "The account's row, and the product that the name comes from.",
        fix: "Disable it, or rename it and give it a new password, as the maker advises; work with accounts of your own.",
        limits: "Knows the names of default_accounts.toml beside the rule, and compares the whole sign-in name. An account that is somebody's by its evidence is not the product's. A tenant's built-in administrator cannot be done without and is AUT-004's. Only Active Directory's own names are looked for there, since a directory has people of every name.",
    },
    judge,
};

static KNOWN: LazyLock<FxHashMap<String, Vec<Default>>> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("default_accounts.toml"))
        .expect("the list of default accounts is part of the program");
    let mut known: FxHashMap<String, Vec<Default>> = FxHashMap::default();
    for entry in file.account {
        known.entry(fold(&entry.login)).or_default().push(entry);
    }
    known
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    account: Vec<Default>,
}

/// A name that a product comes with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Default {
    login: String,
    product: String,
    #[expect(dead_code, reason = "for people: where the name is documented")]
    origin: String,
    /// The connector whose systems have it; every file and program may tell of any product.
    connector: Option<String>,
}

fn judge(facts: &Facts<'_>, subject: Subject) -> Verdict {
    let Subject::Account(ix) = subject else { return Verdict::NotApplicable };
    let Some(account) = facts.graph.account(ix).filter(|account| !account.is_root) else {
        return Verdict::NotApplicable;
    };
    // What is somebody's by evidence is not the product's, whatever it is called.
    if facts.people.link(ix).is_some_and(|link| !is_decision(link.strategy)) {
        return Verdict::NotApplicable;
    }
    let system = facts.graph.node(ix).system;
    let connector = facts.connector(system);
    let tells_any = !matches!(connector, "ldap" | "aws");
    let login = fold(facts.graph.text_or_empty(account.login));
    let entries = KNOWN.get(&login).map_or(&[][..], Vec::as_slice);
    let mut products = entries.iter().filter(|entry| entry.connector.as_deref() == Some(connector) || tells_any);
    let Some(first) = products.next() else { return Verdict::NotApplicable };
    if account.lifecycle == Lifecycle::Unknown {
        return Verdict::NotEvaluated("the system does not say whether the account is enabled".to_owned());
    }
    if !facts.is_active(ix) {
        return Verdict::Pass;
    }
    let all: Vec<&str> = std::iter::once(first).chain(products).map(|entry| entry.product.as_str()).collect();
    let failure = Failure::new(format!(
        "The account {} in {} is enabled; its name is one that {} comes with.",
        facts.graph.name(ix),
        facts.graph.system_name(system),
        all.join(" or "),
    ))
    .row(facts.account_row(ix, &[("default_of", all.join(", "))]));
    facts.graded(failure, RULE.severity, ix).verdict()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_name_says_where_it_is_from() {
        assert!(KNOWN.len() > 20);
        for entry in KNOWN.values().flatten() {
            assert!(!entry.product.is_empty() && entry.login.trim() == entry.login, "{}", entry.login);
        }
    }
}
