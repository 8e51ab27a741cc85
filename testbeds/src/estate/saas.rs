//! The in-house CRM: `saas/crm-accounts.csv` and `saas/crm-grants.csv`.

use super::Files;
use super::clock::{at, iso, now, used_ago};
use super::company::{Company, Holds, Person, account_made, used_before};
use super::rng::Rng;
use super::truth::Truth;

const SYSTEM: &str = "crm";

const ACCOUNTS: [&str; 12] = [
    "Account",
    "Login",
    "Display Name",
    "E-Mail",
    "Employee No",
    "Type",
    "State",
    "Created",
    "Last Seen",
    "Second Factor",
    "Owner",
    "Department",
];
const GRANTS: [&str; 6] = ["Account", "Role", "Workspace", "Since", "Last Used", "Level"];

/// A row of `crm-accounts.csv`.
#[derive(Clone)]
struct Account {
    id: String,
    login: String,
    name: String,
    email: String,
    employee: String,
    class: &'static str,
    state: &'static str,
    created: String,
    seen: String,
    factor: &'static str,
    owner: String,
    department: &'static str,
}

/// A row of `crm-grants.csv`.
struct Grant {
    account: String,
    role: &'static str,
    workspace: &'static str,
    level: &'static str,
}

/// Writes the CRM's files; plants what is wrong in them.
pub(crate) fn crm(company: &Company, truth: &mut Truth, files: &mut Files) {
    let (mut accounts, mut grants) = (Vec::new(), Vec::new());
    staff(company, truth, &mut accounts, &mut grants);
    oddities(company, truth, &mut accounts, &mut grants);
    services(company, truth, &mut accounts, &mut grants);
    for (account, why) in [
        ("crm-0007", "a grant of an account that is in no row of the accounts"),
        ("crm-0013", "a grant of an account that is in no row of the accounts"),
    ] {
        let related = vec![account.to_owned(), "sales-user".to_owned()];
        truth.related("ORP-006", SYSTEM, format!("{account}|sales-user|emea"), related, "dangling", why);
        grants.push(Grant { account: account.to_owned(), role: "sales-user", workspace: "emea", level: "limited" });
    }
    accounts.sort_by(|a, b| a.id.cmp(&b.id));
    grants.sort_by(|a, b| (&a.account, a.role, a.workspace).cmp(&(&b.account, b.role, b.workspace)));
    files.text("saas/crm-accounts.csv", table(&ACCOUNTS, accounts.iter().map(account_row)));
    files.text("saas/crm-grants.csv", table(&GRANTS, grants.iter().map(grant_row)));
}

fn table<const N: usize>(header: &[&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).expect("memory takes any record");
    for row in rows {
        writer.write_record(row).expect("memory takes any record");
    }
    String::from_utf8(writer.into_inner().expect("memory is always flushed")).expect("only text was written")
}

fn account_row(account: &Account) -> [String; 12] {
    let Account { id, login, name, email, employee, class, state, created, seen, factor, owner, department } =
        account.clone();
    [
        id,
        login,
        name,
        email,
        employee,
        class.to_owned(),
        state.to_owned(),
        created,
        seen,
        factor.to_owned(),
        owner,
        department.to_owned(),
    ]
}

fn grant_row(grant: &Grant) -> [String; 6] {
    let mut rng = Rng::of(&format!("{}/{}/{}", grant.account, grant.role, grant.workspace));
    [
        grant.account.clone(),
        grant.role.to_owned(),
        grant.workspace.to_owned(),
        iso(used_ago(&mut rng, 60, 600)),
        iso(used_ago(&mut rng, 1, 40)),
        grant.level.to_owned(),
    ]
}

impl Account {
    /// An active account of a person of which only the id and login are certain.
    fn new(id: &str, login: &str, name: &str) -> Self {
        let mut rng = Rng::of(id);
        Self {
            id: id.to_owned(),
            login: login.to_owned(),
            name: name.to_owned(),
            email: String::new(),
            employee: String::new(),
            class: "human",
            state: "active",
            created: "2023-02-06T10:00:00Z".to_owned(),
            seen: iso(used_ago(&mut rng, 2, 40)),
            factor: "totp",
            owner: String::new(),
            department: "",
        }
    }
}

/// Accounts of people: by employee number, by address, or by nothing but the login.
fn staff(company: &Company, truth: &mut Truth, accounts: &mut Vec<Account>, grants: &mut Vec<Grant>) {
    for (number, person) in company.people.iter().filter(|person| person.crm != Holds::Nothing).enumerate() {
        let id = format!("crm-{}", 1001 + number);
        let mut rng = person.rng("crm");
        let mut account = Account::new(&id, &person.local, &person.name());
        if person.case.is_empty() && rng.chance(10) {
            // The login is the local part of the address: all there is to go by.
        } else if person.case.is_empty() && rng.chance(30) {
            account.email = person.email();
        } else {
            account.email = person.email();
            account.employee.clone_from(&person.id);
        }
        let made = account_made(person, "crm");
        account.created = iso(made);
        account.department = person.department;
        account.factor = *rng.pick(&["totp", "webauthn", "totp", ""]);
        account.state = if person.crm == Holds::Disabled { "disabled" } else { "active" };
        let ended = person.last_day.filter(|_| person.has_left() || person.overran());
        let seen = person.crm_seen.unwrap_or_else(|| match ended {
            Some(last) => used_before(&mut rng, last),
            None => used_ago(&mut rng, 1, 45).max(made).min(now()),
        });
        account.seen = iso(seen);
        let (role, level) = match person.department {
            "Sales" => ("sales-user", "limited"),
            "Customer Support" => ("support-user", "limited"),
            _ => ("viewer", "baseline"),
        };
        grants.push(Grant { account: id.clone(), role, workspace: "emea", level });
        if rng.chance(20) {
            grants.push(Grant { account: id.clone(), role: "reports", workspace: "global", level: "limited" });
        }
        story(person, &mut account, truth, grants);
        if account.state == "active" && account.factor.is_empty() {
            truth.finding("AUT-002", SYSTEM, &id, "mfa", "the CRM says that there is no second factor");
        }
        accounts.push(account);
    }
}

/// What the person's story means for its CRM account.
fn story(person: &Person, account: &mut Account, truth: &mut Truth, grants: &mut Vec<Grant>) {
    let id = account.id.clone();
    let (case, why) = (person.case, person.story);
    if person.crm == Holds::Active && person.has_left() {
        truth.finding("LCM-001", SYSTEM, &id, case, why);
    }
    if person.crm == Holds::Disabled && person.left_long_ago() {
        truth.finding("LCM-018", SYSTEM, &id, "EDG-28", "left more than a year ago; the account is off and still kept");
    }
    if person.crm == Holds::Active && person.overran() {
        truth.finding("LCM-008", SYSTEM, &id, case, why);
    }
    let administers = |grants: &mut Vec<Grant>, truth: &mut Truth| {
        grants.push(Grant { account: id.clone(), role: "administrator", workspace: "global", level: "admin" });
        truth.finding(
            "XPR-004",
            SYSTEM,
            &id,
            "admin",
            "holds the role administrator, whose level the CRM gives as admin",
        );
    };
    match person.local.as_str() {
        "ulrike.hagedorn" => truth.finding("LCM-014", SYSTEM, &id, case, why),
        "silvia.rossettini" => truth.finding("DOR-001", SYSTEM, &id, case, why),
        "tarek.mansouri" => {
            "Tarek \u{1b}[31mMansouri\u{1b}[0m\u{1b}]0;owned\u{7}".clone_into(&mut account.name);
            truth.finding("DOR-001", SYSTEM, &id, case, why);
        }
        "anneliese.brandtner" => {
            account.login.clone_from(person.former.as_ref().unwrap_or(&person.local));
            account.email = format!("{}@acme.example", account.login);
            "Anneliese Kellermann".clone_into(&mut account.name);
        }
        "beatriz.salgado" => {
            account.factor = "totp";
            administers(grants, truth);
            truth.finding(
                "DOR-003",
                SYSTEM,
                &id,
                "dormant",
                "an administrator of the CRM who was last seen 38 days ago",
            );
        }
        "dmitri.volkonsky" | "hana.kobayakawa" => {
            account.factor = "none";
            administers(grants, truth);
            truth.finding("AUT-001", SYSTEM, &id, "mfa", "an administrator without a second factor: the CRM says none");
        }
        _ => {}
    }
    if !person.silent.is_empty() {
        truth.benign(person.silent, SYSTEM, id, case, why);
    }
}

/// Accounts that fit nobody, two people, or somebody only by decision.
fn oddities(company: &Company, truth: &mut Truth, accounts: &mut Vec<Account>, grants: &mut Vec<Grant>) {
    for (id, login, name, email, case, why) in [
        (
            "crm-2001",
            "=cmd|'/c calc'!A1",
            "=cmd|'/c calc'!A1",
            "",
            "hostile",
            "nobody's; login and display name are a spreadsheet formula",
        ),
        ("crm-2002", "wisp", "<script>alert(1)</script>", "", "hostile", "nobody's; the display name is markup"),
        (
            "crm-2003",
            "agency",
            "Partner Agency Sales",
            "sales@partner-agency.example",
            "orphan",
            "an outside address, in no feed",
        ),
    ] {
        let mut account = Account::new(id, login, name);
        email.clone_into(&mut account.email);
        account.factor = "";
        accounts.push(account);
        grants.push(Grant { account: id.to_owned(), role: "viewer", workspace: "emea", level: "baseline" });
        truth.finding("AUT-002", SYSTEM, id, "mfa", "the CRM says that there is no second factor");
        truth.finding("ORP-001", SYSTEM, id, case, why);
    }

    let candidates = ["john.smithers", "jane.smithers"].map(|local| company.get(local).id.clone()).to_vec();
    accounts.push(Account::new("crm-2010", "j.smithers", "J. Smithers"));
    truth.related(
        "ORP-002",
        SYSTEM,
        "crm-2010",
        candidates,
        "ambiguous",
        "the login fits John and Jane Smithers equally well, and nothing else tells them apart",
    );

    accounts.push(Account::new(PINNED, "wolfpack", "wolfpack"));
    truth.benign(&["ORP-001"], SYSTEM, PINNED, "pin", "says nothing about its owner; policy/pins.toml does");

    let mut invited = Account::new("crm-2021", "new.partner", "New Partner");
    invited.state = "pending";
    "new.partner@partner-agency.example".clone_into(&mut invited.email);
    "2026-10-20T09:00:00Z".clone_into(&mut invited.created);
    invited.seen = String::new();
    accounts.push(invited);
    truth.benign(
        &["ORP-001", "DOR-001"],
        SYSTEM,
        "crm-2021",
        "EDG-20",
        "an invitation that nobody accepted: not an account yet",
    );

    let mut forgotten = Account::new("crm-2031", "trial.partner", "Trial Partner");
    forgotten.state = "pending";
    "trial.partner@partner-agency.example".clone_into(&mut forgotten.email);
    "2026-06-02T09:00:00Z".clone_into(&mut forgotten.created);
    forgotten.seen = String::new();
    accounts.push(forgotten);
    truth.finding("DOR-004", SYSTEM, "crm-2031", "EDG-20", "an invitation that has been open since 2 June");

    let mut fresh = Account::new("crm-2022", "ida.frost", "Ida Frost");
    "2026-11-01T21:10:00Z".clone_into(&mut fresh.created);
    fresh.seen = String::new();
    accounts.push(fresh);
    truth.benign(&["ORP-001", "DOR-001"], SYSTEM, "crm-2022", "new", "made nine hours ago; HR has a day to catch up");

    let mut archived = Account::new("crm-2023", "old.hand", "Old Hand");
    archived.state = "archived";
    "2022-03-01T08:00:00Z".clone_into(&mut archived.seen);
    accounts.push(archived);
    truth.benign(&["ORP-001", "DOR-001"], SYSTEM, "crm-2023", "EDG-28", "archived: kept for the record, not usable");
}

/// The account that only a pin links to its person.
pub(crate) const PINNED: &str = "crm-2020";

/// Accounts that are not a person's.
fn services(company: &Company, truth: &mut Truth, accounts: &mut Vec<Account>, grants: &mut Vec<Grant>) {
    let email = |local: &str| company.get(local).email();
    for (id, login, name, class, owner) in [
        ("crm-3001", "svc-crm-sync", "CRM synchronisation", "service", email("beatriz.salgado")),
        ("crm-3002", "svc-mailings", "Mailings integration", "service", email("yusuf.demirtas")),
        ("crm-3003", "training01", "Training account", "test", email("beatriz.salgado")),
        ("crm-3004", "frontdesk", "Front desk", "shared", email("beatriz.salgado")),
        ("crm-3005", "emergency", "Emergency access", "break-glass", email("ingrid.vestergaard")),
    ] {
        let mut account = Account::new(id, login, name);
        account.class = class;
        account.owner = owner;
        account.factor = "";
        account.seen = iso(at("2026-10-14T10:00:00Z"));
        accounts.push(account);
        truth.benign(
            &["ORP-001", "AUT-001"],
            SYSTEM,
            id,
            "EDG-25",
            format!("the CRM gives its type as {class}: nobody's by design"),
        );
    }
    truth.finding("ORP-010", SYSTEM, "crm-3003", "EDG-21", "a training account of February 2023");
    grants.push(Grant { account: "crm-3001".to_owned(), role: "administrator", workspace: "global", level: "admin" });
    truth.finding("XPR-004", SYSTEM, "crm-3001", "admin", "a service account with the role administrator");
    grants.push(Grant { account: "crm-3002".to_owned(), role: "sales-user", workspace: "emea", level: "limited" });
    truth.related(
        "ORP-008",
        SYSTEM,
        "crm-3002",
        vec![company.get("yusuf.demirtas").id.clone()],
        "owner",
        "its owner left on 28 August",
    );
}
