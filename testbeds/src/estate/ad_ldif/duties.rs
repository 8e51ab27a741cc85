//! Groups that carry roles and duties, and who is in them for better or worse.

use super::super::company::Company;
use super::super::truth::Truth;
use super::{DOMAIN_ADMINS, Directory, GLOBAL, LOCAL, SYSTEM, department_group, group_dn, guid, person_dn, under};

/// Groups by name, with what each is for.
const GROUPS: [(&str, i64, &str); 13] = [
    ("ROLE-Payroll", GLOBAL, "Role: payroll"),
    ("ROLE-Treasury", GLOBAL, "Role: treasury"),
    ("Payroll-Access", LOCAL, "Runs the payroll"),
    ("FS-Payroll-RW", LOCAL, "Write access to the payroll share"),
    ("FS-Treasury-RW", LOCAL, "Write access to the treasury share"),
    ("FS-Archive-RW", LOCAL, "Write access to the archive"),
    ("ERP-Vendor-Master", GLOBAL, "Creates and changes vendors"),
    ("ERP-Payments", GLOBAL, "Releases payments"),
    ("ERP-Finance-Power", GLOBAL, "Power users of Finance"),
    ("ERP-Payments-Emergency", GLOBAL, "Releases payments when nobody else can"),
    ("TRN-Data-Protection", GLOBAL, "Trained in data protection"),
    ("SIEM-Admins", GLOBAL, "Administers the log archive"),
    ("ERP-Reports", GLOBAL, "Reads the reports of the ERP"),
];

/// Writes the groups; plants what is wrong in them.
pub(super) fn groups(company: &Company, directory: &mut Directory, truth: &mut Truth) {
    let person = |local: &str| person_dn(company.get(local));
    for (name, kind, description) in GROUPS {
        let entry = directory.group(name, "Groups", kind, description);
        if name == "ERP-Payments-Emergency" {
            entry.text("managedBy", &person("sunniva.bakken"));
        }
    }
    for (group, member) in [
        ("Payroll-Access", "ROLE-Payroll"),
        ("FS-Archive-RW", "ROLE-Payroll"),
        ("FS-Treasury-RW", "ROLE-Treasury"),
        ("ERP-Payments", "ERP-Finance-Power"),
        ("ERP-Payments", "ERP-Payments-Emergency"),
    ] {
        directory.join(&group_dn(group), group_dn(member));
    }
    for (group, local) in [
        ("ROLE-Payroll", "jolanda.weissgerber"),
        ("ROLE-Payroll", "ruxandra.ionescu.ext"),
        ("ROLE-Treasury", "leopold.trauttmann"),
        ("Payroll-Access", "philippa.marchetti"),
        ("TRN-Data-Protection", "jolanda.weissgerber"),
        ("TRN-Data-Protection", "ruxandra.ionescu.ext"),
        ("ERP-Vendor-Master", "radovan.kovacevic"),
        ("ERP-Vendor-Master", "hedda.lindholm"),
        ("ERP-Vendor-Master", "constance.abara"),
        ("ERP-Vendor-Master", "sunniva.bakken"),
        ("ERP-Finance-Power", "radovan.kovacevic"),
        ("ERP-Payments", "hedda.lindholm"),
        ("ERP-Payments", "constance.abara"),
        ("ERP-Payments", "leopold.trauttmann"),
    ] {
        directory.join(&group_dn(group), person(local));
    }
    // What the former departments gave.
    for (local, department) in [("casper.nyqvist", "Finance"), ("ottilie.brandhorst", "Customer Support")] {
        directory.join(&group_dn(&department_group(department)), person(local));
    }
    let administrator = format!("CN=Rafael Monteiro (admin),{}", under("Admin Accounts"));
    directory.join(&group_dn("SIEM-Admins"), administrator.clone());
    plant(company, truth, &administrator);
}

fn plant(company: &Company, truth: &mut Truth, administrator: &str) {
    let account = |local: &str| guid(&person_dn(company.get(local)));
    let group = |name: &str| guid(&group_dn(name));
    let edge = |local: &str, name: &str| format!("{}|{}|", account(local), group(name));
    let planted = |rule: &'static str, subject: String, local: &str, truth: &mut Truth| {
        let person = company.get(local);
        truth.related(rule, SYSTEM, subject, vec![person.id.clone()], person.case, person.story);
    };
    planted("LCM-006", edge("casper.nyqvist", "DEP-Finance"), "casper.nyqvist", truth);
    planted("LCM-016", account("ruxandra.ionescu.ext"), "ruxandra.ionescu.ext", truth);
    planted("XPR-009", edge("philippa.marchetti", "Payroll-Access"), "philippa.marchetti", truth);
    planted("SOD-001", account("radovan.kovacevic"), "radovan.kovacevic", truth);
    planted("SOD-001", account("constance.abara"), "constance.abara", truth);
    for (rule, local) in [
        ("ORP-011", "mirela.dumitrescu"),
        ("SOD-002", "leopold.trauttmann"),
        ("SOD-003", "sunniva.bakken"),
        ("SOD-004", "philippa.marchetti"),
    ] {
        let person = company.get(local);
        truth.finding(rule, "hr", &person.id, person.case, person.story);
    }
    truth.finding(
        "SOD-006",
        SYSTEM,
        guid(administrator),
        "duties",
        "an administrator of the domain who also administers the log archive",
    );
    truth.finding(
        "DRF-013",
        SYSTEM,
        group("ROLE-Payroll"),
        "roles",
        "gives the archive, which the catalogue does not list, and not the payroll share, which it does",
    );
    truth.benign(&["DRF-013"], SYSTEM, group("ROLE-Treasury"), "roles", "gives exactly what the catalogue lists");
    truth.finding(
        "XPR-010",
        SYSTEM,
        guid(DOMAIN_ADMINS),
        "roles",
        "the catalogue gives Domain Admins to everybody with the title Domain Administrator",
    );
}
