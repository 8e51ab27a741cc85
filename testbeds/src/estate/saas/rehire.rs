//! An account that its holder left behind and came back to.

use super::super::clock::{at, used_ago};
use super::super::company::Company;
use super::super::rng::Rng;
use super::super::truth::Truth;
use super::{Account, Grant, SYSTEM};

/// Somebody's account from before, with what it held then.
pub(super) fn regained(company: &Company, truth: &mut Truth, accounts: &mut Vec<Account>, grants: &mut Vec<Grant>) {
    let person = company.get("anneke.terhorst");
    let (role, workspace) = ("sales-user", "emea");
    // When a grant was given follows from its names: one that is older than the return is wanted.
    let is_old =
        |id: &String| used_ago(&mut Rng::of(&format!("{id}/{role}/{workspace}")), 60, 600) < at("2026-01-15T00:00:00Z");
    let id = (2041..2999).map(|number| format!("crm-{number}")).find(is_old).expect("half of all grants are that old");
    let mut account = Account::new(&id, &person.local, &person.name());
    account.email = person.email();
    account.employee.clone_from(&person.id);
    "2018-03-05T09:00:00Z".clone_into(&mut account.created);
    account.department = person.department;
    accounts.push(account);
    grants.push(Grant { account: id.clone(), role, workspace, level: "limited" });
    truth.related("LCM-009", SYSTEM, id, vec![person.id.clone()], person.case, person.story);
}
