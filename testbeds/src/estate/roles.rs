//! The role catalogue, the matrix of duties and the test cases of the policy.

use std::fmt::Write as _;

use super::Files;
use super::ad_ldif::department_group;
use super::company::{Company, DOMAIN_TITLE};

/// Writes `policy/roles.toml`, `policy/sod.toml` and `policy-cases.toml`.
pub(crate) fn write(company: &Company, files: &mut Files) {
    files.text("policy/roles.toml", catalogue(company));
    files.text("policy/sod.toml", matrix(company));
    files.text("policy-cases.toml", CASES);
}

fn catalogue(company: &Company) -> String {
    let mut text = "# Who gets what by attributes, what may be asked for, and what each role contains.\n".to_owned();
    let mut departments: Vec<&str> = company.people.iter().map(|person| person.department).collect();
    departments.sort_unstable();
    departments.dedup();
    for department in departments {
        let group = department_group(department);
        let id = group.trim_start_matches("DEP-").to_lowercase();
        let _ = write!(
            text,
            "\n[[role]]\nid         = \"{id}\"\ntitle      = \"{department}\"\nowner      = \"head of {department}\"\nreviewed   = 2026-04-01\n\
             birthright = [{{ department = [\"{department}\"] }}]\ncontains   = [{{ system = \"corp-ad\", group = \"{group}\" }}]\n"
        );
    }
    let _ = write!(text, "{}", ROLES.replace("TITLE", DOMAIN_TITLE));
    text
}

const ROLES: &str = r#"
# Administrators by title alone: finding XPR-010.
[[role]]
id         = "domain-administration"
title      = "Administration of the domain"
owner      = "head of IT"
reviewed   = 2026-04-01
birthright = [{ department = ["IT Operations"], title = ["TITLE"] }]
contains   = [{ system = "corp-ad", group = "Domain Admins" }]

[[role]]
id                  = "payroll"
title               = "Payroll"
owner               = "chief financial officer"
version             = "3"
reviewed            = 2026-05-04
requestable_by      = [{ department = ["Finance"] }]
exception           = "the chief financial officer, for a quarter at most"
reserved_for        = ["employee"]
max_holders_percent = 5
contains            = [
    { system = "corp-ad", group = "Payroll-Access" },
    { system = "corp-ad", group = "FS-Payroll-RW" },
]
carrier             = { system = "corp-ad", group = "ROLE-Payroll" }

[[role]]
id             = "treasury"
title          = "Treasury"
owner          = "chief financial officer"
version        = "1"
reviewed       = 2026-05-04
requestable_by = [{ department = ["Finance"], title = ["Head of *", "Chief *", "Controller"] }]
contains       = [{ system = "corp-ad", group = "FS-Treasury-RW" }]
carrier        = { system = "corp-ad", group = "ROLE-Treasury" }

[[reserved]]
for     = ["employee"]
classes = ["admin"]
reason  = "administration goes with a contract of employment"
"#;

fn matrix(company: &Company) -> String {
    let id = |local: &str| company.get(local).id.clone();
    MATRIX.replace("HEDDA", &id("hedda.lindholm")).replace("CONSTANCE", &id("constance.abara"))
}

const MATRIX: &str = r#"# What one person must not do together, across systems and accounts.

[[function]]
id    = "vendors"
title = "creating vendors"
in    = [{ system = "corp-ad", group = "ERP-Vendor-*" }]

[[function]]
id    = "payments"
title = "releasing payments"
in    = [{ system = "corp-ad", group = "ERP-Payments" }]

[[function]]
id    = "expense-approval"
title = "approving expenses"
in    = [{ system = "expenses", group = "Approvers" }]

[[function]]
id    = "payroll"
title = "running the payroll"
in    = [{ system = "corp-ad", group = "Payroll-Access" }]

[[function]]
id    = "data-protection"
title = "the data protection training"
in    = [{ system = "corp-ad", group = "TRN-Data-Protection" }]

[[function]]
id    = "log-archive"
title = "administering the log archive"
in    = [{ system = "corp-ad", group = "SIEM-Admins" }]

[[conflict]]
id        = "vendors-payments"
functions = ["vendors", "payments"]
risk      = "invents a vendor and pays it"
severity  = "critical"

[[conflict.mitigation]]
control  = "the bank asks for a second signature of the controller"
owner    = "chief financial officer"
evidence = "https://audit.acme.example/controls/17"
expires  = 2027-03-31
of       = ["HEDDA"]

[[conflict.mitigation]]
control = "monthly review of new vendors"
owner   = "chief financial officer"
expires = 2026-06-30
of      = ["CONSTANCE"]

[[conflict]]
id        = "expenses-payments"
functions = ["expense-approval", "payments"]
risk      = "approves own expenses and pays them"

[[companion]]
id       = "trained-for-payroll"
function = "payroll"
requires = "data-protection"
reason   = "payroll shows everybody's salary"

[[log]]
system = "corp-ad"
logs   = "log-archive"
"#;

const CASES: &str = r#"# What the policy has to say of people who do not exist: `muster policy test policy-cases.toml`.

[[case]]
id       = "a newcomer in Sales"
person   = { department = "Sales", title = "Account Executive", worker_type = "employee" }
holds    = ["corp-ad:DEP-Sales"]
expected = { birthrights = ["sales"], missing = [], conflicts = [], requestable = [] }

[[case]]
id       = "a controller who pays and keeps vendors"
person   = { department = "Finance", title = "Controller", worker_type = "employee" }
holds    = ["corp-ad:ERP-Payments", "corp-ad:ERP-Vendor-Master"]
expected = { birthrights = ["finance"], missing = ["corp-ad:DEP-Finance"], requestable = ["payroll", "treasury"], conflicts = ["vendors-payments"] }

[[case]]
id       = "an external of whom HR does not say the department"
person   = { worker_type = "contractor", title = "Consultant" }
expected = { birthrights = [], conflicts = [] }

[[case]]
id       = "payroll without training"
person   = { department = "Finance", title = "Payroll Specialist" }
holds    = [{ system = "corp-ad", group = "Payroll-Access" }]
expected = { companions = ["trained-for-payroll"], requestable = ["payroll"] }
"#;
