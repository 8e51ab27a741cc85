//! Privilege and identities that no person acts as: the policies about them, and what the rules find there.
//!
//! Nothing is added to the exports: who administers what stands in them already.

use super::Files;
use super::ad_ldif::guid;
use super::company::Company;
use super::rng::{aws_id_of, uuid_of};
use super::truth::Truth;

const PRODUCTION: &str = "444455556666";
const MANAGEMENT: &str = "111122223333";
const SANDBOX: &str = "777788889999";

/// A line of the register.
struct Identity {
    /// As the register names it.
    account: &'static str,
    /// As findings name it.
    subject: String,
    purpose: &'static str,
    environment: &'static str,
    workloads: &'static [&'static str],
    reviewed: &'static str,
}

/// Writes the register and the policy of privilege, and plants what the rules make of them and of the exports.
pub(crate) fn plant(company: &Company, truth: &mut Truth, files: &mut Files) {
    let directory = String::from_utf8(files.0["ad/corp.ldif"].clone()).expect("the generator writes text");
    let ad = |login: &str| guid(&distinguished_name(&directory, login));
    register(company, truth, files, &ad);
    administrators(truth, &ad);
    outliers(truth, &ad);
    files.text(
        "policy/privilege.toml",
        "# What holds for privilege; docs/formats/privilege.md has every key.\n\n[[system]]\nname         = \"crm\"\njust_in_time = true\nallow        = [\"dmitri.volkonsky\"]\n\n[[names]]\nsystem   = \"crm\"\nkind     = \"service\"\nprefixes = [\"svc-crm\"]\n",
    );
    truth.finding("DQ-003", "crm", "crm-3002", "name", "svc-mailings begins otherwise than the convention asks for");
    for (id, who) in [("crm-1010", "Beatriz"), ("crm-1012", "Hana")] {
        let why = format!("{who} administers the CRM all the time, where policy/privilege.toml asks for just in time");
        truth.finding("XPR-007", "crm", id, "standing", why);
    }
    truth.benign(&["XPR-007"], "crm", "crm-1011", "allowed", "is on the list of those who may administer all the time");
}

/// The distinguished name of the entry that signs in as `login`.
fn distinguished_name(directory: &str, login: &str) -> String {
    let mark = format!("\nsAMAccountName: {login}\n");
    let entry = directory.split("\n\n").find(|entry| format!("{entry}\n").contains(&mark));
    let entry = entry.unwrap_or_else(|| panic!("nobody signs in as {login}")).replace("\n ", "");
    let name = entry.lines().find_map(|line| line.strip_prefix("dn: "));
    name.unwrap_or_else(|| panic!("the name of {login} is not plain text")).to_owned()
}

fn user(account: &str, name: &str) -> String {
    aws_id_of("AIDA", &format!("{account}/{name}"))
}

fn role(account: &str, name: &str) -> String {
    aws_id_of("AROA", &format!("{account}/{name}"))
}

/// `policy/nhi.toml`: every service identity but one, three of them with something missing.
fn register(company: &Company, truth: &mut Truth, files: &mut Files, ad: &dyn Fn(&str) -> String) {
    let owner = &company.get("ingrid.vestergaard").id;
    let of = |account, subject, purpose| Identity {
        account,
        subject,
        purpose,
        environment: "prod",
        workloads: &[],
        reviewed: "2026-09-15",
    };
    let identities = [
        of("aws:svc-inventory", user(MANAGEMENT, "svc-inventory"), "lists the accounts of the organisation"),
        Identity {
            workloads: &["build farm", "nightly tests"],
            ..of("aws:svc-ci", user(MANAGEMENT, "svc-ci"), "builds and tests")
        },
        of("aws:svc-reporting", user(PRODUCTION, "svc-reporting"), "feeds the reports"),
        Identity { reviewed: "2026-03-02", ..of("aws:svc-etl", user(PRODUCTION, "svc-etl"), "loads the warehouse") },
        of("aws:svc-terraform", user(PRODUCTION, "svc-terraform"), "applies the infrastructure"),
        of("aws:svc-archive", user(PRODUCTION, "svc-archive"), "archives orders"),
        of(
            "aws:arn:aws:iam::444455556666:role/OrganizationAccountAccessRole",
            role(PRODUCTION, "OrganizationAccountAccessRole"),
            "lets the management account in",
        ),
        of("aws:ci-deployer", role(PRODUCTION, "ci-deployer"), "deploys to production"),
        of("aws:orders-api", role(PRODUCTION, "orders-api"), "runs the orders service"),
        Identity { purpose: "", ..of("aws:legacy-etl", role(PRODUCTION, "legacy-etl"), "") },
        of("aws:svc-onboarding", user(SANDBOX, "svc-onboarding"), "sets up newcomers"),
        of("aws:svc-mailer", user(SANDBOX, "svc-mailer"), "sends test mail"),
        of(
            "aws:arn:aws:iam::777788889999:role/OrganizationAccountAccessRole",
            role(SANDBOX, "OrganizationAccountAccessRole"),
            "lets the management account in",
        ),
        of("corp-ad:svc_monitor", ad("svc_monitor"), "watches the servers"),
        of("corp-ad:gmsa-sql$", ad("gmsa-sql$"), "runs the database"),
        of("corp-ad:svc-legacy", ad("svc-legacy"), "payroll interface"),
        of("corp-ad:svc-print", ad("svc-print"), "print servers"),
        of("corp-ad:svc-scanner", ad("svc-scanner"), "vulnerability scanner"),
        of("corp-ad:svc-backup", ad("svc-backup"), "backup of the server tier"),
        of("corp-ad:app-erp", ad("app-erp"), "runs the ERP"),
        of("crm:svc-crm-sync", "crm-3001".to_owned(), "synchronises customers"),
        of("crm:svc-mailings", "crm-3002".to_owned(), "sends mailings"),
        of("expenses:svc-erp-sync@acme.example", String::new(), "books expenses"),
    ];
    let mut text = "# Identities that no person acts as; docs/formats/nhi.md has every key.\n".to_owned();
    for Identity { account, subject, purpose, environment, workloads, reviewed } in &identities {
        text.push_str(&format!("\n[[identity]]\naccount     = \"{account}\"\nowner       = \"{owner}\"\n"));
        if !purpose.is_empty() {
            text.push_str(&format!("purpose     = \"{purpose}\"\n"));
        }
        text.push_str(&format!("environment = \"{environment}\"\n"));
        if !workloads.is_empty() {
            text.push_str(&format!("workloads   = {workloads:?}\n"));
            let why = "the build farm and the nightly tests use one identity, says policy/nhi.toml";
            truth.finding("NHI-004", "aws", subject, "reused", why);
        }
        text.push_str(&format!("reviewed    = {reviewed}\n"));
        if *reviewed < "2026-08-01" {
            truth.finding("NHI-007", "aws", subject, "review", "last reviewed eight months ago, says policy/nhi.toml");
        }
        if purpose.is_empty() {
            truth.finding("NHI-001", "aws", subject, "register", "registered without a purpose");
        }
    }
    truth.finding(
        "NHI-001",
        "aws",
        role(SANDBOX, "experiments"),
        "register",
        "a role that policy/nhi.toml does not list",
    );
    text.push_str(super::workshop::REGISTERED);
    files.text("policy/nhi.toml", text);
}

/// Services that administer, everyday accounts that do, and too many of both.
fn administrators(truth: &mut Truth, ad: &dyn Fn(&str) -> String) {
    for (system, subject, why) in [
        ("aws", user(PRODUCTION, "svc-terraform"), "a service user with AdministratorAccess"),
        (
            "aws",
            role(PRODUCTION, "OrganizationAccountAccessRole"),
            "AdministratorAccess, as Organizations makes the role",
        ),
        ("aws", role(SANDBOX, "OrganizationAccountAccessRole"), "AdministratorAccess, as Organizations makes the role"),
        ("aws", role(PRODUCTION, "ci-deployer"), "a role for deployment that allows everything"),
        ("corp-ad", ad("svc-legacy"), "Domain Admins is its primary group"),
        ("corp-ad", ad("svc-backup"), "in T0-Server-Admins, which is a member of Domain Admins"),
        ("crm", "crm-3001".to_owned(), "the integration holds the role administrator"),
    ] {
        truth.finding("NHI-005", system, subject, "service-admin", why);
    }
    truth.finding(
        "XPR-006",
        "corp-ad",
        "corp-ad",
        "admins",
        "seven administrators of the directory, where five are enough",
    );
    truth.finding(
        "XPR-015",
        "corp-ad",
        ad("oskar.lindqvist"),
        "everyday",
        "Oskar's everyday account reaches Domain Admins",
    );
    for id in ["crm-1010", "crm-1011", "crm-1012"] {
        truth.finding("XPR-015", "crm", id, "everyday", "the account with the mail address administers the CRM");
    }
}

/// What hardly anybody of the same work holds who has an account there.
fn outliers(truth: &mut Truth, ad: &dyn Fn(&str) -> String) {
    for (login, group, why) in [
        ("adm-chinedu.ezeudu", "T0-Server-Admins", "the only one of thirty systems engineers"),
        ("adm-petra.zelenka", "Administrators", "the only one of thirty systems engineers"),
        ("oskar.lindqvist", "Helpdesk-L3", "the only one of thirty systems engineers"),
        ("jolanda.weissgerber", "ROLE-Payroll", "no other controller holds it: planted for duties"),
        ("jolanda.weissgerber", "TRN-Data-Protection", "no other controller holds it: planted for duties"),
        ("casper.nyqvist", "DEP-Finance", "the only software engineer: planted as a mover"),
        ("radovan.kovacevic", "ERP-Finance-Power", "no other controller holds it: planted for duties"),
        ("radovan.kovacevic", "ERP-Vendor-Master", "no other controller holds it: planted for duties"),
        ("philippa.marchetti", "Payroll-Access", "no other controller holds it: planted for duties"),
    ] {
        truth.finding("XPR-003", "corp-ad", format!("{}|{}|", ad(login), ad(group)), "outlier", why);
    }
    for (edge, why) in [
        ("crm-1010|administrator|global", "two of the account executives administer the CRM"),
        ("crm-1011|administrator|global", "two of the account executives administer the CRM"),
        ("crm-1012|administrator|global", "the only one of the support specialists"),
        ("crm-1046|reports|global", "two of the sales engineers see the reports"),
        ("crm-1099|reports|global", "two of the sales engineers see the reports"),
        ("crm-2046|sales-user|emea", "no other support engineer holds it: planted as a rehire"),
    ] {
        truth.finding("XPR-003", "crm", edge, "outlier", why);
    }
    for id in ["roles/approver".to_owned(), uuid_of("expenses:group:Approvers")] {
        truth.finding("XPR-014", "expenses", id, "twin", "the group and the role are held by the same four");
    }
}
