//! The registers of the policy folder: accounts for emergencies and accounts that are shared, some of them out of order.

use super::Files;
use super::company::Company;
use super::truth::Truth;

/// Writes `break_glass.toml` and `shared.toml`; plants what they and the systems do not agree on.
pub(crate) fn registers(company: &Company, truth: &mut Truth, files: &mut Files) {
    let ingrid = company.get("ingrid.vestergaard").email();
    let beatriz = company.get("beatriz.salgado").email();
    let mut glass = "# Accounts for emergencies: who answers for each, and when it was tried.\n".to_owned();
    for (system, account, tested, seal) in [
        ("aws", "111122223333:root", "2026-09-15", "safe 2, envelope 7"),
        ("aws", "444455556666:root", "2026-09-15", "safe 2, envelope 8"),
        ("corp-ad", "Administrator", "2026-10-13", "safe 2, envelope 1"),
        ("crm", "crm-3005", "2026-05-04", "safe 1, envelope 3"),
    ] {
        glass += &format!(
            "\n[[account]]\nsystem  = \"{system}\"\naccount = \"{account}\"\nowner   = \"{ingrid}\"\ntested  = {tested}\nseal    = \"{seal}\"\n"
        );
    }
    files.text("policy/break_glass.toml", glass);
    truth.benign(
        &["AUT-004"],
        "aws",
        "111122223333:root",
        "EDG-24",
        "in the register, with a second factor, and used on the day of its drill",
    );
    truth.finding("AUT-004", "aws", "444455556666:root", "EDG-24", "in the register, but without a second factor");
    truth.finding("AUT-004", "aws", "777788889999:root", "EDG-24", "the sandbox's root is in no register");
    truth.finding(
        "AUT-004",
        "crm",
        "crm-3005",
        "EDG-24",
        "no second factor, last tried 182 days ago, and used in autumn without a word",
    );

    let mut shared = "# Accounts that several people may use, until when, and who knows the secret.\n".to_owned();
    for (system, account, reason, expires) in [
        ("corp-ad", "room-helsinki", "the panel at the door signs in by itself", "2027-06-30"),
        ("crm", "crm-3004", "three shifts at one desk", "2026-09-30"),
    ] {
        shared += &format!(
            "\n[[account]]\nsystem  = \"{system}\"\naccount = \"{account}\"\nowner   = \"{beatriz}\"\nauthor  = \"{ingrid}\"\nreason  = \"{reason}\"\nexpires = {expires}\n"
        );
    }
    shared += super::workshop::SHARED;
    files.text("policy/shared.toml", shared);
    truth.finding("AUT-005", "crm", "crm-3004", "EDG-25", "the front desk's approval ran out on 30 September");
}
