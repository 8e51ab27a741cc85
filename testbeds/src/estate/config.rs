//! `muster.toml` and the policy folder of an estate.

use super::Files;
use super::clock::{NEXT, NOW};
use super::company::Company;
use super::saas::PINNED;

/// One configuration: which night, and where its exports lie.
pub(crate) struct Night {
    title: &'static str,
    now: &'static str,
    /// The day on which the files were taken.
    day: &'static str,
    folder: &'static str,
}

impl Night {
    pub(crate) const ACME: Self = Self {
        title: "acme: a company that does not exist, for trying muster out. `muster scan` in this folder.",
        now: NOW,
        day: "2026-11-02",
        folder: "",
    };
    pub(crate) const YESTERDAY: Self = Self {
        title: "The night before: complete exports. Scan this first, so that there is something to compare with.",
        now: NOW,
        day: "2026-11-02",
        folder: "previous/",
    };
    pub(crate) const BROKEN: Self = Self {
        title: "One night later: several exports came back short, shifted or cut off.",
        now: NEXT,
        day: "2026-11-03",
        folder: "",
    };
}

/// The text of `muster.toml`.
pub(crate) fn muster(night: &Night) -> String {
    let Night { title, now, day, folder } = night;
    format!(
        r#"# {title}

[muster]
timezone = "Europe/Berlin"
now      = "{now}"
policy   = "policy/"

[[system]]
name      = "hr"
connector = "csv"
file      = "{folder}hr/people.csv"
yields    = "people"
collected = "{day}T03:30:00Z"
dates     = ["%Y-%m-%d"]
columns   = {{ employee_id = "Worker ID", employment_id = "Position ID", legal_name = "Legal Name", preferred_name = "Preferred Name", email = "Work Email", status = "Status", worker_type = "Worker Type", start = "Hire Date", end = "Last Day", manager = "Manager ID", department = "Department", title = "Job Title", location = "Location", cost_centre = "Cost Centre", time_zone = "Time Zone", effective = "Effective", recorded = "Recorded" }}

[system.values.status]
"Active"     = "active"
"On Leave"   = "leave"
"Terminated" = "terminated"
"Pre-Hire"   = "future"

[system.values.worker_type]
"Employee" = "employee"
"Intern"   = "intern"

[[system]]
name      = "contractors"
connector = "csv"
file      = "{folder}hr/contractors.csv"
yields    = "people"
collected = "{day}T03:40:00Z"
delimiter = ";"
encoding  = "windows-1252"
dates     = ["%d.%m.%Y"]
columns   = {{ employee_id = "Vertragsnr", legal_name = "Name", email = "E-Mail", worker_type = "Art", start = "Beginn", end = "Ende", manager = "Verantwortlich", status = "Status", location = "Ort", department = "Abteilung" }}

[system.values.status]
"aktiv"   = "active"
"beendet" = "terminated"

[system.values.worker_type]
"Freelancer" = "contractor"
"Zeitarbeit" = "temporary"
"Lieferant"  = "vendor"

[[system]]
name      = "corp-ad"
connector = "ldap"
file      = "{folder}ad/corp.ldif"
collected = "{day}T04:05:00Z"
canaries  = ["CN=Domain Admins,CN=Users,DC=acme,DC=example"]

[[system]]
name      = "aws"
connector = "aws"
folder    = "{folder}aws"
collected = "{day}T04:20:00Z"

[[system]]
name      = "expenses"
connector = "scim"
folder    = "{folder}scim"
collected = "{day}T04:30:00Z"

[[system]]
name      = "crm"
connector = "csv"
files     = {{ accounts = "{folder}saas/crm-accounts.csv", grants = "{folder}saas/crm-grants.csv" }}
collected = "{day}T04:40:00Z"

[system.columns.accounts]
id            = "Account"
login         = "Login"
name          = "Display Name"
email         = "E-Mail"
employee_id   = "Employee No"
class         = "Type"
lifecycle     = "State"
created       = "Created"
last_activity = "Last Seen"
mfa           = "Second Factor"
owner         = "Owner"
department    = "Department"

[system.columns.grants]
principal   = "Account"
entitlement = "Role"
resource    = "Workspace"
since       = "Since"
last_used   = "Last Used"
privilege   = "Level"
"#
    ) + &super::workshop::config(folder, day)
}

/// The policy folder: what people decided. `uncollected` systems stand in the inventory and in no configuration.
pub(crate) fn policy(company: &Company, files: &mut Files, uncollected: &[(&str, &str)]) {
    let person = company.get("wolfgang.pachler");
    files.text(
        "policy/pins.toml",
        format!(
            r#"# Links that people decided, because nothing in the data tells them.

[[pin]]
system  = "crm"
account = "{PINNED}"
person  = "{}"
author  = "beatriz.salgado@acme.example"
reason  = "{} has used this login since before the CRM knew addresses; confirmed by telephone"
expires = 2027-03-31
"#,
            person.id,
            person.name()
        ),
    );
    let known = [
        ("hr", "People"),
        ("contractors", "Procurement"),
        ("corp-ad", "IT Operations"),
        ("aws", "Engineering"),
        ("expenses", "Finance"),
        ("crm", "Sales"),
        ("workshop", "Engineering"),
    ];
    let systems = known
        .iter()
        .chain(uncollected)
        .map(|(name, owner)| format!("\n[[system]]\nname  = \"{name}\"\nowner = \"{owner}\"\n{}", sign_on(name)));
    let text = "# Every system that has to be collected; one that is not is finding CTL-001.\n".to_owned();
    files.text("policy/inventory.toml", systems.fold(text, |text, system| text + &system));
}

/// How people sign in to a system, where the company has written it down.
fn sign_on(system: &str) -> &'static str {
    match system {
        "corp-ad" | "okta" => "sso   = \"none\"\n",
        "expenses" => "sso   = \"corp-ad\"\nlocal_login = true\n",
        "workshop" => "sso   = \"corp-ad\"\n",
        "github" | "slack" => "sso   = \"okta\"\nlocal_login = true\n",
        _ => "",
    }
}
